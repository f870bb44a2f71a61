/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_RECORD_SHARED_H
#define DAEMON_RECORD_SHARED_H

/*
 * What many rows have in common (the parts of names, the PEM of a root, digests) is one row of the table
 * "shared", and a number in theirs.  The number is made from the value, so that it is found without an index.
 * Those used last stay in memory.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

struct shared_value {
	sqlite3_int64 id; /* 0: none */
	bool is_text;
	size_t size;
	char *data; /* with a zero behind it */
};

#define SHARED_KEPT 1024

/* Part of a record; all zero at first but for the database. */
struct shared {
	sqlite3 *db;
	struct shared_value kept[SHARED_KEPT]; /* each in the place that its number gives it */
	sqlite3_stmt *find, *add;
	bool failed; /* a number could not be read since somebody has put this back */
	unsigned char *used; /* bits of the numbers that were asked for since shared_begin(); NULL: nobody counts */
};

/* shared_put(shared, data, size, is_text, id): the number of this value, which is written where it is not there yet.
 * 0 for NULL.  SQLITE_OK, or why not. */
int shared_put(struct shared *shared, const void *data, size_t size, bool is_text,
	sqlite3_int64 *ret_id);

/* shared_get(shared, id): borrowed until the next call of these; NULL: there is none, or, with
 * shared.failed, it could not be read. */
const struct shared_value *shared_get(struct shared *shared, sqlite3_int64 id);

/* shared_begin(shared), shared_sweep(shared): all numbers of deliveries were asked for in between: what neither they nor
 * certificates have is removed, where the database can be written now.  shared_end(shared): they were not. */
void shared_begin(struct shared *shared);
void shared_sweep(struct shared *shared);
void shared_end(struct shared *shared);

/* shared_forget(shared): what is in memory may be another thing than what is written, or is not worth its memory. */
void shared_forget(struct shared *shared);

/* shared_done(shared): before its database is closed. */
void shared_done(struct shared *shared);

#endif
