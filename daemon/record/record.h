/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_RECORD_RECORD_H
#define DAEMON_RECORD_RECORD_H

/*
 * The store of what cannot be observed again: SQLite in the state directory.  Read whole at start,
 * written through one value at a time; each write outlives the process when its function returns, and
 * the host after record_sync().  Narrow on purpose, so that another store can stand in: load all, save
 * one, remove one.
 */

#include <stdbool.h>

#include "daemon/model/recorded.h"
#include "lib/base/error.h"

struct record;

/* What was done to the store that people must know; the texts are owned. */
struct record_news {
	char *lost;	/* it was damaged and is set aside, and an empty one made; or NULL */
	char *migrated; /* it was brought to this version's format, and where the former one is kept; or NULL */
};

void record_news_done(struct record_news *news);

/**
 * record_open(directory, news, record, err):
 * Open DIRECTORY/record.sqlite, made when it is not there, and bring it to this version's format; a copy of the former
 * one is kept as record.sqlite.format-N, the newest two of them.  One of a newer format is left alone: ERROR_INVALID
 * with what to do; nothing else that fails has this kind.  One that is damaged, and only that, is renamed to
 * record.sqlite.damaged.
 * Where an older one cannot be migrated now (a full disk), see record_unmigrated().
 */
int record_open(const char *directory, struct record_news *ret_news, struct record **ret_record, struct error *err);

/**
 * record_unmigrated(record):
 * NULL, or why ${record} is a migrated copy in memory, the one on disk being as it was; every save fails then with this
 * text.  record_try() ends that.  Borrowed until then.
 */
const char *record_unmigrated(const struct record *record);

/**
 * record_try(record, time, news, err):
 * Can it be written (again)?  One that is not migrated yet is migrated.  ${time} says when, in the record.  No
 * record_rows may be open.
 */
int record_try(struct record *record, const char *time, struct record_news *ret_news, struct error *err);

/* record_open_reader(directory, record, err): read-only, for looking while the daemon is down; one of an older format
 * is migrated in memory.  ERROR_ABSENT when there is no record, ERROR_INVALID when it is of a newer format. */
int record_open_reader(const char *directory, struct record **ret_record, struct error *err);

/* All rows, sorted by their names (ARN; name; dependent then delivery; name).  The caller owns the arrays. */
struct recorded {
	struct certificate_record *certificates;
	size_t certificate_count;
	struct delivery_record *deliveries;
	size_t delivery_count;
	struct owed_record *owed;
	size_t owed_count;
	struct dependent_record *dependents;
	size_t dependent_count;
};

/* record_load(record, recorded, err): all of it; release with recorded_done(). */
int record_load(struct record *record, struct recorded *ret_recorded, struct error *err);
void recorded_done(struct recorded *recorded);

/* record_load_few(record, recorded, err): the same without the deliveries, of which there may be very many. */
int record_load_few(struct record *record, struct recorded *ret_recorded, struct error *err);

/**
 * record_rows_open(record, rows, err), record_rows_next(rows, row, err), record_rows_close(rows):
 * The deliveries one after another, sorted by name.  record_rows_next() returns 1 with a row that the caller owns, 0
 * after the last, or a negative number.  Nothing is saved while they are open.
 */
struct record_rows;
int record_rows_open(struct record *record, struct record_rows **ret_rows, struct error *err);
int record_rows_next(struct record_rows *rows, struct delivery_record *ret_row, struct error *err);
struct record_rows *record_rows_close(struct record_rows *rows);

DEFINE_CLEANUP(struct record_rows *, record_rows_close);

/* record_load_delivery(record, name, row, err): 1 with the row named so, which the caller owns, 0: there is none, or a
 * negative number. */
int record_load_delivery(struct record *record, const char *name, struct delivery_record *ret_row, struct error *err);

/**
 * record_begin(record, err), record_commit(record, err):
 * Put the saves between them into one transaction: all written when record_commit() returns 0, none when
 * it fails.  Without them each save is its own transaction.  What is written outlives the process;
 * the host, after record_sync().
 */
int record_begin(struct record *record, struct error *err);
int record_commit(struct record *record, struct error *err);
void record_rollback(struct record *record);

/**
 * record_sync(record, err):
 * All that was written so far is on the disk when it returns 0, whatever becomes of the host: one
 * wait for the disk for all of it.  (SQLite, PRAGMA synchronous=NORMAL in WAL mode: a loss of power may
 * take back the last transactions, in the reverse of their order, and never tears one.)  After it has
 * failed, the next one succeeds only where all of that could be written once more.  Not between
 * record_begin() and record_commit(), nor while record_rows are open.
 */
int record_sync(struct record *record, struct error *err);

/**
 * record_rest(record, err):
 * Nothing more is written for a while: move all of the log into the database, and empty the log.  (A log of more than
 * some 4 MiB was moved before, so that this takes no longer than to write so much.)  What a reader keeps waiting stays for
 * the next time, which is no error.  When and where record_sync() may be called.
 */
int record_rest(struct record *record, struct error *err);

/* record_save_x(record, row, err): put the row in, over the one of the same name; all of it is copied. */
int record_save_certificate(struct record *record, const struct certificate_record *row, struct error *err);
int record_save_delivery(struct record *record, const struct delivery_record *row, struct error *err);
int record_save_owed(struct record *record, const struct owed_record *row, struct error *err);
int record_save_dependent(struct record *record, const struct dependent_record *row, struct error *err);

/* record_remove_owed(record, row, err): gone when it is not there already. */
int record_remove_owed(struct record *record, const struct owed_record *row, struct error *err);
/* record_remove_delivery(record, name, err): the same. */
int record_remove_delivery(struct record *record, const char *name, struct error *err);

/**
 * record_add_import(record, place, time, err), record_count_imports(record, place, since, count, err):
 * ACM's imports a year are counted for each account and region ("ACCOUNT/REGION").
 */
int record_add_import(struct record *record, const char *place, bool first, usec_t time, struct error *err);
int record_count_imports(struct record *record, const char *place, usec_t since, unsigned *ret_count,
	struct error *err);

/* record_add_history(record, time, event, subject, text, err): what happened, kept for 400 days. */
int record_add_history(struct record *record, usec_t time, const char *event, const char *subject,
	const char *text, struct error *err);

/* record_get_value(record, key), record_set_value(...): single facts, such as the time of the last look; the caller
 * owns what it gets, NULL for none. */
char *record_get_value(struct record *record, const char *key);
int record_set_value(struct record *record, const char *key, const char *value, struct error *err);

/* record_free(record): close it; returns NULL. */
struct record *record_free(struct record *record);

DEFINE_CLEANUP(struct record *, record_free);

#endif
