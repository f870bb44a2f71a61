/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config/problems.h"

#include <stdlib.h>
#include <string.h>

#include "lib/yaml/yaml.h"

static void append(struct config_problems *problems, struct config_problem problem)
{
	/* The room is always a power of two, so it is full exactly when the count is one. */
	if ((problems->count & (problems->count - 1)) == 0)
		problems->items = mem_resize(
			problems->items, MAX(problems->count * 2, (size_t)1), sizeof(problem));
	problems->items[problems->count++] = problem;
}

void problem_add(
	struct config_problems *problems, const struct yaml_node *node, const char *format, ...)
{
	struct config_problem problem = {
		.file = mem_strdup(node->file), .line = node->line, .column = node->column
	};
	va_list arguments;

	va_start(arguments, format);
	problem.text = mem_vprintf(format, arguments);
	va_end(arguments);
	append(problems, problem);
}

void problem_add_file(struct config_problems *problems, const char *file, const char *format, ...)
{
	struct config_problem problem = { .file = mem_strdup(file) };
	va_list arguments;

	va_start(arguments, format);
	problem.text = mem_vprintf(format, arguments);
	va_end(arguments);
	append(problems, problem);
}

void problem_add_document(struct config_problems *problems, const struct yaml_document *document)
{
	for (size_t i = 0; i < document->problem_count; i++) {
		const struct yaml_problem *found = &document->problems[i];

		append(problems, (struct config_problem){ .file = mem_strdup(document->file),
					 .line = found->line,
					 .column = found->column,
					 .text = mem_strdup(found->text) });
	}
}

static int compare(const void *a, const void *b)
{
	const struct config_problem *x = a, *y = b;
	int r = strcmp(x->file, y->file);

	if (r)
		return r;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	return strcmp(x->text, y->text);
}

static void problem_done(struct config_problem *problem)
{
	free(problem->file);
	free(problem->text);
}

void problems_sort(struct config_problems *problems)
{
	size_t kept = 0;

	if (!problems->count)
		return;
	qsort(problems->items, problems->count, sizeof(*problems->items), compare);
	for (size_t i = 1; i < problems->count; i++) {
		if (compare(&problems->items[i], &problems->items[kept]) == 0)
			problem_done(&problems->items[i]);
		else
			problems->items[++kept] = problems->items[i];
	}
	problems->count = kept + 1;
}

static char *problem_text(const struct config_problem *problem, const char *word)
{
	if (!problem->line)
		return mem_printf("%s: %s%s", problem->file, word, problem->text);
	return mem_printf("%s:%u:%u: %s%s", problem->file, problem->line, problem->column, word,
		problem->text);
}

char *config_problem_text(const struct config_problem *problem)
{
	return problem_text(problem, "");
}

void config_problems_print(
	const struct config_problems *problems, const char *word, FILE *stream)
{
	for (size_t i = 0; i < problems->count && i < CONFIG_PROBLEMS_SHOWN; i++) {
		_cleanup_(freep) char *text = problem_text(&problems->items[i], word);

		fprintf(stream, "%s\n", text);
	}
	if (problems->count > CONFIG_PROBLEMS_SHOWN)
		fprintf(stream, "and %zu more\n", problems->count - CONFIG_PROBLEMS_SHOWN);
}

void config_problems_done(struct config_problems *problems)
{
	for (size_t i = 0; i < problems->count; i++)
		problem_done(&problems->items[i]);
	free(problems->items);
	*problems = CONFIG_PROBLEMS_NULL;
}
