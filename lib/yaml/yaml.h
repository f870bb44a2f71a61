/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_YAML_YAML_H
#define LIB_YAML_YAML_H

/*
 * A YAML text as a tree of nodes, each with its place, so that whoever judges a value can
 * point at it.
 *
 * A subset on purpose: anchors, aliases, tags, several documents, keys that are not text and
 * keys set twice are refused.  Every value is text; what `15m`, `true` or `222222222222`
 * mean is for the caller to say, and no digit is lost on the way.
 */

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/mem.h"

#define YAML_SIZE_MAX     ((size_t)1024 * 1024)
#define YAML_DEPTH_MAX    32
#define YAML_NODES_MAX    200000
#define YAML_PROBLEMS_MAX 20 /* a text that has more is not read on */

enum yaml_type {
	YAML_TEXT,
	YAML_LIST,
	YAML_MAP,
	YAML_REFUSED, /* a problem was noted for it: to be passed over in silence */
};

struct yaml_node {
	enum yaml_type type;
	const char *file; /* the document's; lives as long as the document */
	unsigned line; /* from 1, as editors count */
	unsigned column;
	char *text; /* YAML_TEXT */
	bool quoted; /* YAML_TEXT: not plain, so "" and nothing can be told apart */
	struct yaml_node *key; /* in a map: what it is called there, a YAML_TEXT */
	struct yaml_node **items; /* YAML_LIST, YAML_MAP: in the order of the text */
	size_t count;
};

struct yaml_problem {
	unsigned line; /* 0: the text as a whole */
	unsigned column;
	char *text; /* "what; what would be right" */
};

struct yaml_document {
	char *file;
	struct yaml_node *root; /* NULL: nothing but comments, or not readable to its end */
	struct yaml_problem *problems;
	size_t problem_count;
};

/**
 * yaml_parse(file, text, length):
 * Read ${length} bytes of ${text}, behind a byte order mark or not; ${file} is only what the
 * nodes say of their place.  Never NULL.  A syntax error ends the reading with one problem, in
 * libyaml's words; what is refused is noted and read past, so that the caller can find more in
 * the same run.
 */
struct yaml_document *yaml_parse(const char *file, const char *text, size_t length);

/* yaml_find(map, key): the value of ${key}, or NULL; also NULL where ${map} is NULL or no map. */
struct yaml_node *yaml_find(const struct yaml_node *map, const char *key);

/* yaml_is_null(node): nothing, `~` or `null`, not quoted. */
bool yaml_is_null(const struct yaml_node *node);

/* yaml_node_new(type, file, line, column): an empty node of that place; ${file} is borrowed. */
struct yaml_node *yaml_node_new(
	enum yaml_type type, const char *file, unsigned line, unsigned column);

/* yaml_node_add(parent, item): ${item} becomes the last one of ${parent}, which owns it. */
void yaml_node_add(struct yaml_node *parent, struct yaml_node *item);

/* yaml_node_free(node), yaml_document_free(document): with all below; return NULL. */
struct yaml_node *yaml_node_free(struct yaml_node *node);
struct yaml_document *yaml_document_free(struct yaml_document *document);

DEFINE_CLEANUP(struct yaml_node *, yaml_node_free);
DEFINE_CLEANUP(struct yaml_document *, yaml_document_free);

#endif
