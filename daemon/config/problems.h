/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_CONFIG_PROBLEMS_H
#define DAEMON_CONFIG_PROBLEMS_H

/* What is wrong with a configuration, and how the parts of daemon/config note it. */

#include <stdio.h>

#include "lib/base/mem.h"

/* Opaque types. */
struct yaml_node;
struct yaml_document;

#define CONFIG_PROBLEMS_SHOWN 20

struct config_problem {
	char *file;
	unsigned line; /* 0: the file as a whole */
	unsigned column;
	char *text; /* "what; what would be right" */
};

struct config_problems {
	struct config_problem *items; /* sorted by file and place once a load has returned */
	size_t count;
};

#define CONFIG_PROBLEMS_NULL ((struct config_problems){ 0 })

/* config_problem_text(problem): "FILE:LINE:COLUMN: what; what would be right", without the place
 * that it does not have; owned by the caller. */
char *config_problem_text(const struct config_problem *problem);

/**
 * config_problems_print(problems, word, stream):
 * A line each, with ${word} ("", "warning: ") between its place and what is wrong; at most
 * CONFIG_PROBLEMS_SHOWN of them and then how many more there are.  Values that may be secrets are not
 * in them.
 */
void config_problems_print(
	const struct config_problems *problems, const char *word, FILE *stream);

/* config_problems_done(problems): release them; for _cleanup_(config_problems_done). */
void config_problems_done(struct config_problems *problems);

/* problem_add(problems, node, format, ...): at the place of ${node}. */
void problem_add(struct config_problems *problems, const struct yaml_node *node, const char *format,
	...) __attribute__((format(printf, 3, 4)));

/* problem_add_file(problems, file, format, ...): of a file or directory as a whole. */
void problem_add_file(struct config_problems *problems, const char *file, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* problem_add_document(problems, document): what the YAML layer found. */
void problem_add_document(struct config_problems *problems, const struct yaml_document *document);

/* problems_sort(problems): by file, line and column; what was said twice is said once. */
void problems_sort(struct config_problems *problems);

#endif
