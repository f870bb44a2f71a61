/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/plan/expand_problems.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/strv.h"

/* That are put into words: a match may find thousands of certificates with the same one. */
#define PROBLEMS_MOST 100

/* The characters that an object's name may have (Secrets Manager's, the narrowest of the kinds). */
static const char object_characters[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+=.@-";

static int compare_optional(const char *a, const char *b)
{
	return strcmp(a ?: "", b ?: "");
}

static int compare_object(const struct delivery *a, const struct delivery *b)
{
	int order = compare_optional(delivery_named_arn(a), delivery_named_arn(b));

	if (order || delivery_named_arn(a))
		return order;
	order = place_compare(a->place, b->place);
	return order ? order : strcmp(a->object, b->object);
}

static int compare_object_and_name(const void *a, const void *b)
{
	const struct delivery *left = *(const struct delivery *const *)a;
	const struct delivery *right = *(const struct delivery *const *)b;
	int order = compare_object(left, right);

	return order ? order : strcmp(left->name, right->name);
}

static char *object_problem(const struct delivery *delivery, bool complete)
{
	const char *rest = delivery->object + strspn(delivery->object, object_characters);

	/* Without the source {domain} is not known yet, and its braces are no fault. */
	while (!complete && *rest == '{' && strchr(rest, '}')) {
		rest = strchr(rest, '}') + 1;
		rest += strspn(rest, object_characters);
	}
	if (*rest == '\0' && delivery->object[0] != '\0')
		return NULL;
	return mem_printf(
		"delivery '%s': the name '%s' of its object can have only A-Z a-z 0-9 / _ + = . @ -; "
		"choose another name with as:",
		delivery->name, delivery->object);
}

/* Marks both of two deliveries to one object; they are left out, since one would overwrite the
 * other for ever. */
static void mark_same_objects(
	const struct delivery *deliveries, size_t count, char **problems, bool complete)
{
	_cleanup_(freep) const struct delivery **sorted = mem_alloc(count * sizeof(*sorted));

	for (size_t i = 0; i < count; i++)
		sorted[i] = &deliveries[i];
	if (count)
		qsort(sorted, count, sizeof(*sorted), compare_object_and_name);
	for (size_t i = 1; i < count; i++) {
		if (compare_object(sorted[i - 1], sorted[i]) != 0)
			continue;
		/* Of certificates not seen yet, the same text becomes different names. */
		if (!complete && strchr(sorted[i]->object, '{'))
			continue;
		for (size_t k = i - 1; k <= i; k++) {
			char **problem = &problems[sorted[k] - deliveries];

			free(*problem);
			*problem = mem_printf(
				"deliveries '%s' and '%s' both write the object '%s'; choose "
				"another name for one of them with as:",
				sorted[i - 1]->name, sorted[i]->name,
				delivery_object_name(sorted[i]));
		}
	}
}

/* A source, or a pattern for names, may make one of each of its deliveries. */
static bool add_problem(char ***problems, size_t *count, const char *problem)
{
	if (strv_has(*problems, problem))
		return true;
	if (*count == PROBLEMS_MOST)
		return false;
	strv_append(problems, problem);
	(*count)++;
	return true;
}

size_t expand_drop_problems(
	struct delivery *deliveries, size_t count, bool complete, char ***ret_problems)
{
	_cleanup_(freep) char **problems = mem_alloc(count * sizeof(*problems));
	size_t kept = 0, said = 0, unsaid = 0;

	for (size_t i = 0; i < count; i++)
		problems[i] = object_problem(&deliveries[i], complete);
	mark_same_objects(deliveries, count, problems, complete);
	for (size_t i = 0; i < count; i++) {
		if (!problems[i]) {
			deliveries[kept++] = deliveries[i];
			continue;
		}
		unsaid += !add_problem(ret_problems, &said, problems[i]);
		free(problems[i]);
		delivery_done(&deliveries[i]);
	}
	if (unsaid) {
		_cleanup_(freep) char *more = mem_printf("certferry leaves out these deliveries "
							 "and %zu more, for reasons like these",
			unsaid);

		strv_append(ret_problems, more);
	}
	return kept;
}
