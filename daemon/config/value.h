/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_CONFIG_VALUE_H
#define DAEMON_CONFIG_VALUE_H

/* A single value of the configuration, judged and kept by its row of the schema. */

#include "daemon/config/problems.h"
#include "daemon/config/schema.h"
#include "lib/yaml/yaml.h"

struct reader {
	struct config_problems *problems;
	struct format_cache formats;
};

/* A value on its way: where it is (the chain of keys), what it should be, what it is. */
struct item {
	const struct item *above;
	const char *key; /* NULL: the file as a whole */
	const struct schema_row *row;
	const struct yaml_node *node;
};

/**
 * value_read(r, item, target):
 * Check ${item}'s node and keep it at ${target}, whose type the row tells; what was there (a
 * default) is replaced.  Not for rows of sections.
 */
void value_read(struct reader *r, const struct item *item, char *target);

/* value_is_type(r, item, type), value_is_list(r, item): as needed, not empty; notes it if not. */
bool value_is_type(struct reader *r, const struct item *item, enum yaml_type type);
bool value_is_list(struct reader *r, const struct item *item);

/* value_take_word(r, item): the word of its row that it is, or NULL with a problem noted. */
const struct schema_word *value_take_word(struct reader *r, const struct item *item);

/* value_word_list(words): "a, b or c" of those that this version knows; the caller owns it. */
char *value_word_list(const struct schema_word *words);

/* value_complain(r, item, text): a problem at the place of ${item}; _at: of another node; _if:
 * takes ${text}, true if it was one. */
void value_complain(struct reader *r, const struct item *item, const char *text);
void value_complain_at(
	struct reader *r, const struct item *item, const struct yaml_node *node, const char *text);
bool value_complain_if(struct reader *r, const struct item *item, char *text);

#endif
