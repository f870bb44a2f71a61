/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_CONFIG_TEXT_H
#define DAEMON_CONFIG_TEXT_H

/* Words of the configuration as messages may show them. */

#include <stdbool.h>
#include <stddef.h>

/**
 * text_quote(text):
 * "'text'" for a message: shortened, control characters escaped, and "this value (not shown)" where
 * it looks like a key or a password.  The caller owns it.
 */
char *text_quote(const char *text);

/* text_is_secret(text): it looks like a key or a password, and is shown nowhere. */
bool text_is_secret(const char *text);

/* text_names_secret(key): a key under which people put secrets: password, secret_access_key, ... */
bool text_names_secret(const char *key);

/**
 * text_distance(a, b):
 * How many letters must be changed, added, left out or swapped to make ${b} of ${a}; texts
 * longer than 64 are as far away as they are long.
 */
size_t text_distance(const char *a, const char *b);

/* What looks most like a mistyped word, of the candidates shown to it. */
struct text_nearest {
	const char *word; /* mistyped */
	const char *best; /* NULL: none comes near */
	size_t distance;
};

/* text_nearest_offer(nearest, candidate): ${candidate} is borrowed until ${nearest} is used. */
void text_nearest_offer(struct text_nearest *nearest, const char *candidate);

#endif
