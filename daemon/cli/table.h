/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_CLI_TABLE_H
#define DAEMON_CLI_TABLE_H

/*
 * Columns for people.  Each is as wide as its widest cell; the last one takes what is left and is
 * broken between words, or begins a line of its own where too little is left.  ASCII only: other
 * bytes, which may come from outside, are shown as '?'.
 */

#include <stddef.h>

#include "lib/base/buf.h"

#define TABLE_COLUMNS 5

struct table {
	size_t columns; /* 2 .. TABLE_COLUMNS */
	char **cells; /* rows of ${columns}, owned; the first row is the heading */
	size_t count;
};

/* table_add(table, text): the next cell, copied; NULL is an empty one. */
void table_add(struct table *table, const char *text);

/* table_addf(table, format, ...): the same, formatted. */
void table_addf(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* table_write(table, width, text): append it for a screen of ${width} columns; 0: as wide as need be. */
void table_write(const struct table *table, size_t width, struct buf *text);

/* table_done(table): release the cells.  For _cleanup_(table_done). */
void table_done(struct table *table);

/* screen_width(): of the terminal on standard output; 0 when it is none. */
size_t screen_width(void);

/* plain(text): in place, what is not printable ASCII becomes '?'.  Returns ${text}. */
char *plain(char *text);

#endif
