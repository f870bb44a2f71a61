/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_RECORD_RECORD_H
#define DAEMON_RECORD_RECORD_H

/*
 * The store of what cannot be observed again: SQLite in the state directory.  Read whole at start,
 * written through one value at a time; each write is on disk when its function returns.  Narrow on
 * purpose, so that another store can stand in: load all, save one, remove one.
 */

#include <stdbool.h>

#include "daemon/model/recorded.h"
#include "lib/base/error.h"

struct record;

/**
 * record_open(directory, lost, record, err):
 * Open DIRECTORY/record.sqlite, made when it is not there.  One that is damaged or of an unknown format is
 * renamed to record.sqlite.damaged and a new one begun: ${ret_lost} gets its words (owned), else NULL.
 */
int record_open(const char *directory, char **ret_lost, struct record **ret_record, struct error *err);

/* record_open_reader(directory, record, err): read-only, for looking while the daemon is down; ERROR_ABSENT
 * when there is no record. */
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

/**
 * record_begin(record, err), record_commit(record, err):
 * Put the saves between them into one transaction: all on disk when record_commit() returns 0, none when
 * it fails.  Without them each save is its own transaction.
 */
int record_begin(struct record *record, struct error *err);
int record_commit(struct record *record, struct error *err);
void record_rollback(struct record *record);

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
