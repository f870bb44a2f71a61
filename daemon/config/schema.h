/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_CONFIG_SCHEMA_H
#define DAEMON_CONFIG_SCHEMA_H

/*
 * What the configuration may say: one row a key.  A section is a map of keys and the
 * structure of daemon/model that it becomes; sections nest.  Some keys belong to some kinds of
 * entries only; a key may have two rows when it means different things to different kinds.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/config/format.h"

enum schema_type {		/* becomes */
	SCHEMA_TEXT,		/* char * */
	SCHEMA_DURATION,	/* usec_t, min..max */
	SCHEMA_INTEGER,		/* unsigned, min..max */
	SCHEMA_RATE,		/* double: times a second, min..max in thousandths */
	SCHEMA_BOOL,		/* bool */
	SCHEMA_WORD,		/* an enum: one of words */
	SCHEMA_WORDS,		/* unsigned, bits: a list of words */
	SCHEMA_LIST,		/* char **: a list of texts, at most max */
	SCHEMA_ONE,		/* char **: one text, a list of one */
	SCHEMA_PAIRS,		/* char **: a map, "KEY=VALUE", at most max */
	SCHEMA_SECTION,		/* a structure in place */
	SCHEMA_SECTIONS,	/* array and count: a list of sections */
	SCHEMA_SOME,		/* array and count: one section, or a list of at most max */
	SCHEMA_NAMED,		/* array and count, sorted by name: a map NAME: section */
};

/* A word of an enumeration. */
struct schema_word {
	const char *name;
	unsigned value;
	const char *later; /* not in this version: what can be used instead */
};

struct schema_section;

struct schema_row {
	const char *key;
	enum schema_type type;
	size_t offset;	     /* of the member in the section's structure */
	size_t count_offset; /* SECTIONS, SOME, NAMED: of the member that counts */
	enum format format;	/* TEXT, LIST, ONE; PAIRS: of the values */
	enum format key_format; /* PAIRS: of the keys */
	unsigned placeholders;	/* enum placeholder that its texts may hold */
	uint64_t min, max;
	const char *initial;		 /* default as the file would write it, or NULL */
	const struct schema_word *words; /* ends with a NULL name */
	const struct schema_section *section;
	unsigned kinds;	      /* bits 1 << kind of the entries it belongs to; 0: all */
	const char *excludes; /* a key of the same section that may not stand beside it */
	bool required;
	const char *help; /* one line */
};

struct schema_section {
	size_t size; /* of the structure; the first member of a named one is its name */
	const struct schema_row *rows; /* ends with a NULL key */
	const struct schema_word *kinds; /* words of its key "kind", or NULL: it has no kinds */
};

/* The file as a whole: struct desired. */
extern const struct schema_section schema_root;

/* schema_find(section, key, kinds): its row for one of ${kinds} (bits, 0: any), or NULL. */
const struct schema_row *schema_find(
	const struct schema_section *section, const char *key, unsigned kinds);

/* schema_word(words, name): or NULL. */
const struct schema_word *schema_word(const struct schema_word *words, const char *name);

/* schema_of_kind(row, kinds): it belongs to one of ${kinds} (0: any). */
bool schema_of_kind(const struct schema_row *row, unsigned kinds);

/**
 * schema_each_quota(desired, each, userdata):
 * Call ${each} for every rate that key quotas: can set, as it is in ${desired}: the service by its
 * signing name, the operation, and requests a second.
 */
struct desired;
typedef void (*schema_quota_fn)(
	void *userdata, const char *service, const char *operation, double rate);
void schema_each_quota(const struct desired *desired, schema_quota_fn each, void *userdata);

#define SCHEMA_FOREACH(row, section) \
	for (const struct schema_row *row = (section)->rows; row->key; row++)

#endif
