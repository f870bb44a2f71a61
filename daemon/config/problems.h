/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_CONFIG_PROBLEMS_H
#define DAEMON_CONFIG_PROBLEMS_H

/* How the parts of daemon/config note what is wrong. */

#include "daemon/config/config.h"
#include "lib/yaml/yaml.h"

/* problem_add(problems, node, format, ...): at the place of ${node}. */
void problem_add(struct config_problems *problems, const struct yaml_node *node,
	const char *format, ...) __attribute__((format(printf, 3, 4)));

/* problem_add_file(problems, file, format, ...): of a file or directory as a whole. */
void problem_add_file(struct config_problems *problems, const char *file, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* problem_add_document(problems, document): what the YAML layer found. */
void problem_add_document(
	struct config_problems *problems, const struct yaml_document *document);

/* problems_sort(problems): by file, line and column; what was said twice is said once. */
void problems_sort(struct config_problems *problems);

#endif
