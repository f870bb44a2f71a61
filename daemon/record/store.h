/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_RECORD_STORE_H
#define DAEMON_RECORD_STORE_H

/* What the files of this folder share. */

#include "daemon/record/format.h"
/* Circle with daemon/record/record.c: it shows what that has the inside of. */
#include "daemon/record/record.h"
#include "daemon/record/shared.h"

/* Statements stay prepared: there are few, and each is used for thousands of rows.  One that is in use (a load within a
 * load) is prepared once more. */
#define STATEMENTS_KEPT 24

struct kept_statement {
	const char *sql; /* a literal: told by its address */
	sqlite3_stmt *statement;
	bool used;
};

struct record {
	sqlite3 *db;
	char *path;
	const struct formats *formats;
	bool unsynced; /* the last record_sync() failed, or a checkpoint between: what the log has may not be on the disk */
	bool logged; /* there may be something in the log */
	char *unmigrated; /* why ${db} is a migrated copy in memory, which cannot be written; or NULL */
	struct kept_statement kept[STATEMENTS_KEPT];
	struct shared shared;
};

/* record_watch_log(record): move the log into the database when it has grown, by ourselves: SQLite does it as well, and
 * says nothing where the disk has failed.  For one that is written. */
void record_watch_log(struct record *record);

/* record_fail(record, err, doing): SQLite's last answer as an error.  What is full or read-only now may be repaired, so
 * all is ERROR_RETRY. */
int record_fail(struct record *record, struct error *err, const char *doing);

/* record_execute(record, sql, doing, err): statements without values. */
int record_execute(struct record *record, const char *sql, const char *doing, struct error *err);

/* record_forget_statements(record): release those that are kept. */
void record_forget_statements(struct record *record);

/* record_open_as(formats, ...): record_open() of a program whose formats are these. */
int record_open_as(const struct formats *formats, const char *directory, struct record_news *ret_news,
	struct record **ret_record, struct error *err);

#endif
