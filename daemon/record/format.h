/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_RECORD_FORMAT_H
#define DAEMON_RECORD_FORMAT_H

/*
 * The formats of the store: a number (PRAGMA user_version) and the tables that belong to it.  Steps are only ever
 * appended: a step that a published program has made never changes.
 */

#include <stdbool.h>

#include <sqlite3.h>

struct formats {
	const char *const *steps; /* steps[N - 1] turns format N - 1 into N; 0 is an empty file */
	int newest;
};

/* What this program reads and writes. */
extern const struct formats formats_ours;

/* formats_script(formats, from, to): SQL that turns format ${from} into ${to} in one transaction, with its number.  The
 * caller owns it. */
char *formats_script(const struct formats *formats, int from, int to);

/* format_tables(db): the definitions of all tables and indexes of ${db}, as one text; NULL when there are none or they
 * cannot be read.  The caller owns it. */
char *format_tables(sqlite3 *db);

/* formats_has_tables(formats, format, db): are those of ${db} the ones of ${format}? */
bool formats_has_tables(const struct formats *formats, int format, sqlite3 *db);

/* database_value(db, sql): the first value that ${sql} gives, as text; NULL when there is none.  The caller owns it. */
char *database_value(sqlite3 *db, const char *sql);

#endif
