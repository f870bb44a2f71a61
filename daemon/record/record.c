/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the tables: loaded, saved and removed.  Columns are always named, in the order of the lists below. */
/* Circle with daemon/record/store.h: the inside of what record.h has. */
#include "daemon/record/store.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/bounded.h"
#include "lib/base/encode.h"
#include "lib/base/intern.h"

#define CERTIFICATE_COLUMNS                                                                        \
	"arn, serial, fingerprint, chain, not_before, not_after, exported, newest, anchor, failures, " \
	"next_try, problem"
#define DELIVERY_COLUMNS                                                                           \
	"name, place, object, source, id_begin, id_rest, fingerprint, chain, not_before, not_after, "   \
	"revision, confirmed_at, intended, intended_at, ambiguous, failures, next_try, kind, problem, hold, hold_reason, "     \
	"held, approved, guard_passed, proof, proven, leaf, chain_pem, held_accept, anchor, endpoints"
#define OWED_COLUMNS "dependent, delivery, fingerprint, since, due"
#define DEPENDENT_COLUMNS                                                                          \
	"name, failures, next_try, problem, target, token, intended_at, told_at, proof, proven, "       \
	"escalated, endpoints"

#define HISTORY_KEPT (400 * USEC_PER_DAY)

int record_fail(struct record *record, struct error *err, const char *doing)
{
	int code = sqlite3_extended_errcode(record->db);

	shared_forget(&record->shared); /* what was added may be taken back */
	if ((code & 0xff) == SQLITE_NOMEM)
		mem_exhausted();
	if (record->unmigrated)
		return error_set(err, ERROR_RETRY, code, "%s", record->unmigrated);
	return error_set(err, ERROR_RETRY, code, "state database '%s': %s: %s", record->path, doing,
		sqlite3_errmsg(record->db));
}

int record_execute(struct record *record, const char *sql, const char *doing, struct error *err)
{
	if (sqlite3_exec(record->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return record_fail(record, err, doing);
	return 0;
}

/* --- one statement: prepare, bind in order, run --- */

struct statement {
	sqlite3_stmt *handle;
	struct kept_statement *kept; /* NULL: it is not */
};

/* Ready for the next one. */
static void statement_done(struct statement *statement)
{
	if (!statement->kept) {
		(void)sqlite3_finalize(statement->handle);
		return;
	}
	(void)sqlite3_reset(statement->handle);
	(void)sqlite3_clear_bindings(statement->handle);
	statement->kept->used = false;
}

static struct kept_statement *statement_find(struct record *record, const char *sql)
{
	for (size_t i = 0; i < STATEMENTS_KEPT; i++) {
		struct kept_statement *kept = &record->kept[i];

		if (!kept->sql || (kept->sql == sql && !kept->used))
			return kept;
	}
	return NULL;
}

void record_forget_statements(struct record *record)
{
	for (size_t i = 0; i < STATEMENTS_KEPT; i++)
		(void)sqlite3_finalize(record->kept[i].statement);
	memset(record->kept, 0, sizeof(record->kept));
	shared_done(&record->shared);
}

static int statement_prepare(struct record *record, const char *sql, struct statement *ret, struct error *err)
{
	struct kept_statement *kept = statement_find(record, sql);

	if (kept && kept->sql) {
		kept->used = true;
		*ret = (struct statement){ kept->statement, kept };
		return 0;
	}
	if (sqlite3_prepare_v3(record->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &ret->handle, NULL) != SQLITE_OK)
		return record_fail(record, err, "prepare");
	ret->kept = kept;
	if (kept)
		*kept = (struct kept_statement){ .sql = sql, .statement = ret->handle, .used = true };
	return 0;
}

struct binder {
	sqlite3_stmt *statement;
	int column;
};

static void bind_text(struct binder *binder, const char *text)
{
	(void)sqlite3_bind_text(binder->statement, ++binder->column, text, -1, SQLITE_TRANSIENT);
}

/* What somebody else had to say. */
static void bind_sentence(struct binder *binder, const char *text)
{
	_cleanup_(freep) char *sentence = bounded(mem_strdup(text), BOUNDED_TEXT);

	bind_text(binder, sentence);
}

static void bind_endpoints(struct binder *binder, const struct proof_record *proof)
{
	_cleanup_(freep) char *text = proof_format_endpoints(proof);

	bind_text(binder, text);
}

static void bind_number(struct binder *binder, uint64_t number)
{
	(void)sqlite3_bind_int64(binder->statement, ++binder->column, (sqlite3_int64)number);
}

static void bind_digest(struct binder *binder, const struct digest *digest)
{
	binder->column++;
	if (digest_is_set(digest))
		(void)sqlite3_bind_blob(binder->statement, binder->column, digest->bytes, sizeof(digest->bytes),
			SQLITE_TRANSIENT);
}

/* 0: none. */
static void bind_shared(struct binder *binder, sqlite3_int64 id)
{
	binder->column++;
	if (id)
		(void)sqlite3_bind_int64(binder->statement, binder->column, id);
}

/* Whole seconds as such, others as microseconds below 0. */
static void bind_time(struct binder *binder, usec_t time)
{
	sqlite3_int64 number = time % USEC_PER_SEC ? -(sqlite3_int64)time
						   : (sqlite3_int64)(time / USEC_PER_SEC);

	(void)sqlite3_bind_int64(binder->statement, ++binder->column, number);
}

static int share_text(struct record *record, const char *text, sqlite3_int64 *ret_id, struct error *err)
{
	int r = shared_put(&record->shared, text, text ? strlen(text) : 0, true, ret_id);

	return r == SQLITE_OK ? 0 : record_fail(record, err, "save shared text");
}

static int share_fingerprint(struct record *record, const struct fingerprint *fingerprint,
	sqlite3_int64 *ret_id, struct error *err)
{
	int r = shared_put(&record->shared, fingerprint_is_set(fingerprint) ? fingerprint->bytes : NULL,
		FINGERPRINT_SIZE, false, ret_id);

	return r == SQLITE_OK ? 0 : record_fail(record, err, "save shared digest");
}

static int statement_run(struct record *record, struct statement *statement, const char *doing, struct error *err)
{
	if (sqlite3_step(statement->handle) != SQLITE_DONE)
		return record_fail(record, err, doing);
	return 0;
}

/* --- one row: columns in order --- */

struct reader {
	struct record *record;
	sqlite3_stmt *statement;
	int column;
};

static char *read_text(struct reader *reader)
{
	return mem_strdup((const char *)sqlite3_column_text(reader->statement, reader->column++));
}

static uint64_t read_number(struct reader *reader)
{
	return (uint64_t)sqlite3_column_int64(reader->statement, reader->column++);
}

static struct digest read_digest(struct reader *reader)
{
	struct digest digest = { 0 };
	int column = reader->column++;

	if (sqlite3_column_bytes(reader->statement, column) == sizeof(digest.bytes))
		memcpy(digest.bytes, sqlite3_column_blob(reader->statement, column), sizeof(digest.bytes));
	return digest;
}

/* NULL: none. */
static const struct shared_value *read_shared(struct reader *reader)
{
	return shared_get(&reader->record->shared, sqlite3_column_int64(reader->statement, reader->column++));
}

static const char *read_shared_text(struct reader *reader)
{
	const struct shared_value *value = read_shared(reader);

	return value && value->is_text ? value->data : NULL;
}

static struct fingerprint read_shared_fingerprint(struct reader *reader)
{
	const struct shared_value *value = read_shared(reader);
	struct fingerprint fingerprint = { 0 };

	if (value && value->size == FINGERPRINT_SIZE)
		memcpy(fingerprint.bytes, value->data, FINGERPRINT_SIZE);
	return fingerprint;
}

static usec_t read_time(struct reader *reader)
{
	sqlite3_int64 number = sqlite3_column_int64(reader->statement, reader->column++);

	return number < 0 ? (usec_t)-number : (usec_t)number * USEC_PER_SEC;
}

static void read_endpoints(struct reader *reader, struct proof_record *proof)
{
	_cleanup_(freep) char *text = read_text(reader);

	proof_parse_endpoints(text, proof);
}


/* --- load --- */

/* load_fn(item, reader): fill one element of an array from one row. */
typedef void (*load_fn)(void *item, struct reader *reader);

/* Of the rows that were read, was all read that they have in common with others? */
static int shares_read(struct record *record, struct error *err)
{
	bool failed = record->shared.failed;

	record->shared.failed = false;
	return failed ? record_fail(record, err, "read") : 0;
}

static int load_table(struct record *record, const char *sql, size_t size, load_fn load, void *ret_items,
	size_t *ret_count, struct error *err)
{
	_cleanup_(statement_done) struct statement statement = { NULL, NULL };
	char *items = NULL;
	size_t count = 0;
	int r = statement_prepare(record, sql, &statement, err);

	if (r < 0)
		return r;
	while ((r = sqlite3_step(statement.handle)) == SQLITE_ROW) {
		struct reader reader = { .record = record, .statement = statement.handle };

		if ((count & (count - 1)) == 0)
			items = mem_resize(items, MAX(count * 2, (size_t)1), size);
		memset(items + count * size, 0, size);
		load(items + count * size, &reader);
		count++;
	}
	*(void **)ret_items = items;
	*ret_count = count;
	return r == SQLITE_DONE ? shares_read(record, err) : record_fail(record, err, "read");
}

static void load_certificate(void *item, struct reader *reader)
{
	struct certificate_record *row = item;

	row->arn = read_text(reader);
	row->serial = read_text(reader);
	row->version.digest = read_digest(reader);
	row->version.chain = read_shared_fingerprint(reader);
	row->version.not_before = read_number(reader);
	row->version.not_after = read_number(reader);
	row->exported = read_digest(reader);
	row->newest = read_number(reader);
	row->anchor = intern(read_shared_text(reader));
	row->failures = (unsigned)read_number(reader);
	row->next_try = read_number(reader);
	row->problem = read_text(reader);
}

/*
 * Between what the record is about and the source certificate that the confirmed version is of,
 * where it is another one: a program that does not know it takes both for another object, and goes
 * by what it sees.
 */
#define FORMER " <- "

static void split_former(struct delivery_record *row)
{
	char *former = NULL;

	for (char *found = row->object; found && (found = strstr(found, FORMER)); found++)
		former = found;
	if (!former || strchr(former + strlen(FORMER), ' '))
		return;
	row->former = mem_strdup(former + strlen(FORMER));
	*former = '\0';
}

/* --- the texts of a delivery, in parts --- */

/* What its record is about: "PLACE OBJECT SOURCE" as three numbers, or else as one text.  Of the first the place has two words,
 * of the last the source has one. */
struct parts {
	char *texts[3];
};

static void parts_done(struct parts *parts)
{
	for (size_t i = 0; i < ARRAY_SIZE(parts->texts); i++)
		free(parts->texts[i]);
}

/* False: it is none of these. */
static bool split_object(const char *object, struct parts *ret_parts)
{
	const char *first = object ? strchr(object, ' ') : NULL;
	const char *second = first ? strchr(first + 1, ' ') : NULL;
	const char *last = second ? strrchr(object, ' ') : NULL;

	if (!last || last == second)
		return false;
	ret_parts->texts[0] = mem_strndup(object, (size_t)(second - object));
	ret_parts->texts[1] = mem_strndup(second + 1, (size_t)(last - second - 1));
	ret_parts->texts[2] = mem_strdup(last + 1);
	return true;
}

static char *read_object(struct reader *reader)
{
	_cleanup_(parts_done) struct parts parts = { { NULL } };

	parts.texts[0] = mem_strdup(read_shared_text(reader));
	if (!parts.texts[0]) {
		char *object = read_text(reader);

		reader->column++;
		return object;
	}
	for (size_t i = 1; i < ARRAY_SIZE(parts.texts); i++)
		parts.texts[i] = mem_strdup(read_shared_text(reader) ?: "");
	return mem_join(parts.texts[0], " ", parts.texts[1], " ", parts.texts[2], NULL);
}

/* The ID of an object: up to its last slash or colon a number, and the rest; a UUID as bytes. */
static const char *rest_of_id(const char *id)
{
	const char *slash = id ? strrchr(id, '/') : NULL, *colon = id ? strrchr(id, ':') : NULL;
	const char *last = !slash || (colon && colon > slash) ? colon : slash;

	return last ? last + 1 : id;
}

static void bind_rest(struct binder *binder, const char *rest)
{
	unsigned char uuid[16];
	char text[UUID_LENGTH + 1];

	if (rest && strlen(rest) == UUID_LENGTH && uuid_parse(rest, uuid) == 0) {
		uuid_format(uuid, text);
		if (strcmp(text, rest) == 0) {
			(void)sqlite3_bind_blob(binder->statement, ++binder->column, uuid, sizeof(uuid),
				SQLITE_TRANSIENT);
			return;
		}
	}
	bind_text(binder, rest);
}

static char *read_id(struct reader *reader)
{
	const char *begin = read_shared_text(reader) ?: "";
	char uuid[UUID_LENGTH + 1];
	int column = reader->column++;

	switch (sqlite3_column_type(reader->statement, column)) {
	case SQLITE_NULL:
		return NULL;
	case SQLITE_BLOB:
		if (sqlite3_column_bytes(reader->statement, column) != 16)
			return NULL;
		uuid_format(sqlite3_column_blob(reader->statement, column), uuid);
		return mem_join(begin, uuid, NULL);
	default:
		return mem_join(begin, (const char *)sqlite3_column_text(reader->statement, column), NULL);
	}
}

static char *dated_revision(const struct version *version, usec_t time)
{
	return mem_printf("%" PRIu64 " %" PRIu64 " %" PRIu64, version->not_before, version->not_after, time);
}

/* ACM's is the dates of the version and another time: then it is that time alone. */
static void bind_revision(struct binder *binder, const struct delivery_record *row)
{
	const char *last = row->revision ? strrchr(row->revision, ' ') : NULL;
	usec_t time = last ? strtoull(last + 1, NULL, 10) : 0;
	_cleanup_(freep) char *dated = last && time <= INT64_MAX ? dated_revision(&row->confirmed, time) : NULL;

	if (dated && strcmp(dated, row->revision) == 0)
		bind_time(binder, time);
	else
		bind_text(binder, row->revision);
}

static char *read_revision(struct reader *reader, const struct version *version)
{
	if (sqlite3_column_type(reader->statement, reader->column) == SQLITE_INTEGER)
		return dated_revision(version, read_time(reader));
	return read_text(reader);
}

static void load_delivery(void *item, struct reader *reader)
{
	struct delivery_record *row = item;
	_cleanup_(freep) char *kind = NULL;

	row->name = read_text(reader);
	row->object = read_object(reader);
	split_former(row);
	row->object_id = read_id(reader);
	row->confirmed.digest = read_digest(reader);
	row->confirmed.chain = read_shared_fingerprint(reader);
	row->confirmed.not_before = read_time(reader);
	row->confirmed.not_after = read_time(reader);
	row->revision = read_revision(reader, &row->confirmed);
	row->confirmed_at = read_time(reader);
	row->intended = read_digest(reader);
	row->intended_at = read_number(reader);
	row->ambiguous = read_number(reader) != 0;
	row->failures = (unsigned)read_number(reader);
	row->next_try = read_number(reader);
	kind = read_text(reader);
	row->kind = error_kind_find(kind);
	row->problem = read_text(reader);
	row->hold = (enum hold)read_number(reader);
	if (row->hold >= HOLD_NUMBERS)
		row->hold = HOLD_NONE;
	row->hold_reason = read_text(reader);
	row->held = read_digest(reader);
	row->approved = read_digest(reader);
	row->guard_passed = read_number(reader) != 0;
	proof_parse(read_text(reader), &row->proof);
	row->proven = read_digest(reader);
	row->leaf = read_text(reader);
	row->chain = read_text(reader);
	row->held_accept = (unsigned)read_number(reader);
	row->anchor = read_shared_fingerprint(reader);
	read_endpoints(reader, &row->proof);
}

static void load_owed(void *item, struct reader *reader)
{
	struct owed_record *row = item;

	row->dependent = read_text(reader);
	row->delivery = read_text(reader);
	row->digest = read_digest(reader);
	row->since = read_number(reader);
	row->owed = read_number(reader) ? OWED_DUE : row->since ? OWED_INTENDED : OWED_UNKNOWN;
}

static void load_dependent(void *item, struct reader *reader)
{
	struct dependent_record *row = item;

	row->name = read_text(reader);
	row->failures = (unsigned)read_number(reader);
	row->next_try = read_number(reader);
	row->problem = read_text(reader);
	row->target = read_text(reader);
	row->token = read_text(reader);
	row->intended_at = read_number(reader);
	row->told_at = read_number(reader);
	proof_parse(read_text(reader), &row->proof);
	row->proven = read_digest(reader);
	row->escalated = read_digest(reader);
	read_endpoints(reader, &row->proof);
}

static const char select_deliveries[] = "SELECT " DELIVERY_COLUMNS " FROM delivery_row ORDER BY name";

static int load_tables(struct record *record, bool deliveries, struct recorded *ret_recorded, struct error *err)
{
	struct recorded all = { 0 };
	int r;

	r = load_table(record, "SELECT " CERTIFICATE_COLUMNS " FROM certificate_row ORDER BY arn", sizeof(*all.certificates),
		load_certificate, &all.certificates, &all.certificate_count, err);
	if (r == 0 && deliveries)
		r = load_table(record, select_deliveries, sizeof(*all.deliveries), load_delivery, &all.deliveries,
			&all.delivery_count, err);
	if (r == 0)
		r = load_table(record, "SELECT " OWED_COLUMNS " FROM owed ORDER BY dependent, delivery", sizeof(*all.owed),
			load_owed, &all.owed, &all.owed_count, err);
	if (r == 0)
		r = load_table(record, "SELECT " DEPENDENT_COLUMNS " FROM dependent ORDER BY name", sizeof(*all.dependents),
			load_dependent, &all.dependents, &all.dependent_count, err);
	if (r < 0) {
		recorded_done(&all);
		return r;
	}
	*ret_recorded = all;
	return 0;
}

int record_load(struct record *record, struct recorded *ret_recorded, struct error *err)
{
	return load_tables(record, true, ret_recorded, err);
}

int record_load_few(struct record *record, struct recorded *ret_recorded, struct error *err)
{
	return load_tables(record, false, ret_recorded, err);
}

struct record_rows {
	struct record *record;
	struct statement statement;
	bool all; /* were read */
};

int record_rows_open(struct record *record, struct record_rows **ret_rows, struct error *err)
{
	struct statement statement;
	int r = statement_prepare(record, select_deliveries, &statement, err);

	if (r < 0)
		return r;
	*ret_rows = mem_new(struct record_rows);
	**ret_rows = (struct record_rows){ .record = record, .statement = statement };
	shared_begin(&record->shared);
	return 0;
}

static int next_delivery(struct record *record, struct statement *statement,
	struct delivery_record *ret_row, struct error *err)
{
	struct reader reader = { .record = record, .statement = statement->handle };
	int r = sqlite3_step(statement->handle);

	if (r == SQLITE_DONE)
		return 0;
	if (r != SQLITE_ROW)
		return record_fail(record, err, "read");
	*ret_row = (struct delivery_record){ 0 };
	load_delivery(ret_row, &reader);
	r = shares_read(record, err);
	if (r < 0)
		delivery_record_done(ret_row);
	return r < 0 ? r : 1;
}

int record_rows_next(struct record_rows *rows, struct delivery_record *ret_row, struct error *err)
{
	int r = next_delivery(rows->record, &rows->statement, ret_row, err);

	rows->all = r == 0;
	return r;
}

int record_load_delivery(struct record *record, const char *name, struct delivery_record *ret_row,
	struct error *err)
{
	_cleanup_(statement_done) struct statement statement = { NULL, NULL };
	struct binder binder = { 0 };
	int r = statement_prepare(record,
		"SELECT " DELIVERY_COLUMNS " FROM delivery_row WHERE name = ?", &statement, err);

	if (r < 0)
		return r;
	binder.statement = statement.handle;
	bind_text(&binder, name);
	return next_delivery(record, &statement, ret_row, err);
}

struct record_rows *record_rows_close(struct record_rows *rows)
{
	if (!rows)
		return NULL;
	statement_done(&rows->statement);
	if (rows->all && !rows->record->unmigrated)
		shared_sweep(&rows->record->shared);
	shared_end(&rows->record->shared);
	free(rows);
	return NULL;
}

void recorded_done(struct recorded *recorded)
{
	for (size_t i = 0; i < recorded->certificate_count; i++)
		certificate_record_done(&recorded->certificates[i]);
	for (size_t i = 0; i < recorded->delivery_count; i++)
		delivery_record_done(&recorded->deliveries[i]);
	for (size_t i = 0; i < recorded->owed_count; i++)
		owed_record_done(&recorded->owed[i]);
	for (size_t i = 0; i < recorded->dependent_count; i++)
		dependent_record_done(&recorded->dependents[i]);
	free(recorded->certificates);
	free(recorded->deliveries);
	free(recorded->owed);
	free(recorded->dependents);
	*recorded = (struct recorded){ 0 };
}

/* --- save --- */

int record_begin(struct record *record, struct error *err)
{
	return record_execute(record, "BEGIN IMMEDIATE", "begin", err);
}

int record_commit(struct record *record, struct error *err)
{
	int r = record_execute(record, "COMMIT", "commit", err);

	if (r < 0)
		record_rollback(record);
	return r;
}

/* Pages; as SQLite has it by itself. */
#define LOG_MOST 1000

static int on_logged(void *userdata, sqlite3 *db, const char *name, int pages)
{
	struct record *record = userdata;
	int r = SQLITE_OK;

	record->logged = true;
	if (pages >= LOG_MOST)
		r = sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	/* What waits for a reader waits; all else means that something may not be on the disk. */
	if (r != SQLITE_OK && (r & 0xff) != SQLITE_BUSY && (r & 0xff) != SQLITE_LOCKED)
		record->unsynced = true;
	return SQLITE_OK; /* it was committed */
}

void record_watch_log(struct record *record)
{
	(void)sqlite3_wal_hook(record->db, on_logged, record);
	record->logged = true;
}

int record_rest(struct record *record, struct error *err)
{
	int r = SQLITE_OK;

	if (!record->logged || record->unmigrated)
		return 0;
	r = sqlite3_wal_checkpoint_v2(record->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	record->unsynced |= r != SQLITE_OK && (r & 0xff) != SQLITE_BUSY && (r & 0xff) != SQLITE_LOCKED;
	record->logged = r != SQLITE_OK;
	shared_forget(&record->shared);
	if (record->unsynced)
		return error_set(err, ERROR_RETRY, r, "state database '%s': move the log into it: %s",
			record->path, sqlite3_errstr(r));
	return 0;
}

int record_sync(struct record *record, struct error *err)
{
	sqlite3_file *log = NULL; /* the write-ahead log */
	int r = sqlite3_file_control(record->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);

	if (r != SQLITE_OK)
		return record_fail(record, err, "find the log");
	/* What was moved from the log into the database was on the disk before.  The system forgets what it
	 * failed to write, and says so once: then all of the log is written once more, into the database. */
	if (record->unsynced)
		r = sqlite3_wal_checkpoint_v2(
			record->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	else if (log && log->pMethods)
		r = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
	record->unsynced = r != SQLITE_OK;
	if (r != SQLITE_OK)
		return error_set(err, ERROR_RETRY, r, "state database '%s': write to the disk: %s",
			record->path, sqlite3_errstr(r));
	return 0;
}

void record_rollback(struct record *record)
{
	shared_forget(&record->shared);
	if (!sqlite3_get_autocommit(record->db))
		(void)record_execute(record, "ROLLBACK", "roll back", NULL);
}

int record_save_certificate(struct record *record, const struct certificate_record *row, struct error *err)
{
	_cleanup_(statement_done) struct statement statement = { NULL, NULL };
	struct binder binder = { 0 };
	sqlite3_int64 chain, anchor;
	int r = share_fingerprint(record, &row->version.chain, &chain, err);

	if (r == 0)
		r = share_text(record, row->anchor, &anchor, err);
	if (r == 0)
		r = statement_prepare(record,
			"INSERT OR REPLACE INTO certificate_row (" CERTIFICATE_COLUMNS
			") VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", &statement, err);
	if (r < 0)
		return r;
	binder.statement = statement.handle;
	bind_text(&binder, row->arn);
	bind_text(&binder, row->serial);
	bind_digest(&binder, &row->version.digest);
	bind_shared(&binder, chain);
	bind_number(&binder, row->version.not_before);
	bind_number(&binder, row->version.not_after);
	bind_digest(&binder, &row->exported);
	bind_number(&binder, row->newest);
	bind_shared(&binder, anchor);
	bind_number(&binder, row->failures);
	bind_number(&binder, row->next_try);
	bind_sentence(&binder, row->problem);
	return statement_run(record, &statement, "save certificate", err);
}

/* What a row of a delivery has in common with others. */
struct shares {
	sqlite3_int64 object[3]; /* of struct parts; 0: it is a text */
	sqlite3_int64 id_begin, chain, anchor;
};

static int share_delivery(struct record *record, const struct delivery_record *row, const char *object,
	struct shares *ret_shares, struct error *err)
{
	_cleanup_(parts_done) struct parts parts = { { NULL } };
	const char *rest = rest_of_id(row->object_id);
	_cleanup_(freep) char *begin = rest > row->object_id
		? mem_strndup(row->object_id, (size_t)(rest - row->object_id)) : NULL;
	int r = share_text(record, begin, &ret_shares->id_begin, err);

	(void)split_object(object, &parts);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(parts.texts); i++)
		r = share_text(record, parts.texts[i], &ret_shares->object[i], err);
	if (r == 0)
		r = share_fingerprint(record, &row->confirmed.chain, &ret_shares->chain, err);
	if (r == 0)
		r = share_fingerprint(record, &row->anchor, &ret_shares->anchor, err);
	return r;
}

static void bind_object(struct binder *binder, const struct shares *shares, const char *object)
{
	if (!shares->object[0]) {
		binder->column++;
		bind_text(binder, object);
		binder->column++;
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(shares->object); i++)
		bind_shared(binder, shares->object[i]);
}

int record_save_delivery(struct record *record, const struct delivery_record *row, struct error *err)
{
	_cleanup_(statement_done) struct statement statement = { NULL, NULL };
	_cleanup_(freep) char *both =
		row->former ? mem_printf("%s" FORMER "%s", row->object, row->former) : NULL;
	const char *object = both ?: row->object;
	struct binder binder = { 0 };
	struct shares shares;
	int r = share_delivery(record, row, object, &shares, err);

	if (r == 0)
		r = statement_prepare(record,
			"INSERT OR REPLACE INTO delivery_row (" DELIVERY_COLUMNS
			") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
			&statement, err);
	if (r < 0)
		return r;
	binder.statement = statement.handle;
	bind_text(&binder, row->name);
	bind_object(&binder, &shares, object);
	bind_shared(&binder, shares.id_begin);
	bind_rest(&binder, rest_of_id(row->object_id));
	bind_digest(&binder, &row->confirmed.digest);
	bind_shared(&binder, shares.chain);
	bind_time(&binder, row->confirmed.not_before);
	bind_time(&binder, row->confirmed.not_after);
	bind_revision(&binder, row);
	bind_time(&binder, row->confirmed_at);
	bind_digest(&binder, &row->intended);
	bind_number(&binder, row->intended_at);
	bind_number(&binder, row->ambiguous);
	bind_number(&binder, row->failures);
	bind_number(&binder, row->next_try);
	bind_text(&binder, row->kind ? error_kind_name(row->kind) : NULL);
	bind_sentence(&binder, row->problem);
	bind_number(&binder, row->hold);
	bind_sentence(&binder, row->hold_reason);
	bind_digest(&binder, &row->held);
	bind_digest(&binder, &row->approved);
	bind_number(&binder, row->guard_passed);
	bind_sentence(&binder, proof_text(&row->proof));
	bind_digest(&binder, &row->proven);
	bind_text(&binder, row->leaf);
	bind_text(&binder, row->chain);
	bind_number(&binder, row->held_accept);
	bind_shared(&binder, shares.anchor);
	bind_endpoints(&binder, &row->proof);
	return statement_run(record, &statement, "save delivery", err);
}

int record_save_owed(struct record *record, const struct owed_record *row, struct error *err)
{
	_cleanup_(statement_done) struct statement statement = { NULL, NULL };
	struct binder binder = { 0 };
	int r = statement_prepare(record, "INSERT OR REPLACE INTO owed (" OWED_COLUMNS ") VALUES (?,?,?,?,?)",
		&statement, err);

	if (r < 0)
		return r;
	binder.statement = statement.handle;
	bind_text(&binder, row->dependent);
	bind_text(&binder, row->delivery);
	bind_digest(&binder, &row->digest);
	bind_number(&binder, row->since);
	bind_number(&binder, row->owed == OWED_DUE);
	return statement_run(record, &statement, "save owed dependent", err);
}

int record_save_dependent(struct record *record, const struct dependent_record *row, struct error *err)
{
	_cleanup_(statement_done) struct statement statement = { NULL, NULL };
	struct binder binder = { 0 };
	int r = statement_prepare(record,
		"INSERT OR REPLACE INTO dependent (" DEPENDENT_COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
		&statement, err);

	if (r < 0)
		return r;
	binder.statement = statement.handle;
	bind_text(&binder, row->name);
	bind_number(&binder, row->failures);
	bind_number(&binder, row->next_try);
	bind_sentence(&binder, row->problem);
	bind_text(&binder, row->target);
	bind_text(&binder, row->token);
	bind_number(&binder, row->intended_at);
	bind_number(&binder, row->told_at);
	bind_sentence(&binder, proof_text(&row->proof));
	bind_digest(&binder, &row->proven);
	bind_digest(&binder, &row->escalated);
	bind_endpoints(&binder, &row->proof);
	return statement_run(record, &statement, "save dependent", err);
}

int record_remove_owed(struct record *record, const struct owed_record *row, struct error *err)
{
	_cleanup_(statement_done) struct statement statement = { NULL, NULL };
	struct binder binder = { 0 };
	int r = statement_prepare(
		record, "DELETE FROM owed WHERE dependent = ? AND delivery = ?", &statement, err);

	if (r < 0)
		return r;
	binder.statement = statement.handle;
	bind_text(&binder, row->dependent);
	bind_text(&binder, row->delivery);
	return statement_run(record, &statement, "remove owed dependent", err);
}

int record_remove_delivery(struct record *record, const char *name, struct error *err)
{
	_cleanup_(statement_done) struct statement statement = { NULL, NULL };
	struct binder binder = { 0 };
	int r = statement_prepare(record, "DELETE FROM delivery_row WHERE name = ?", &statement, err);

	if (r < 0)
		return r;
	binder.statement = statement.handle;
	bind_text(&binder, name);
	return statement_run(record, &statement, "remove delivery", err);
}

/* --- imports, history, single facts --- */

int record_add_import(struct record *record, const char *place, bool first, usec_t time, struct error *err)
{
	_cleanup_(statement_done) struct statement statement = { NULL, NULL };
	struct binder binder = { 0 };
	int r = statement_prepare(record, "INSERT INTO import (place, time, first) VALUES (?,?,?)", &statement, err);

	if (r < 0)
		return r;
	binder.statement = statement.handle;
	bind_text(&binder, place);
	bind_number(&binder, time);
	bind_number(&binder, first);
	return statement_run(record, &statement, "count import", err);
}

int record_count_imports(struct record *record, const char *place, usec_t since, unsigned *ret_count,
	struct error *err)
{
	_cleanup_(statement_done) struct statement statement = { NULL, NULL };
	struct binder binder = { 0 };
	int r = statement_prepare(
		record, "SELECT count(*) FROM import WHERE place = ? AND time >= ?", &statement, err);

	if (r < 0)
		return r;
	binder.statement = statement.handle;
	bind_text(&binder, place);
	bind_number(&binder, since);
	if (sqlite3_step(statement.handle) != SQLITE_ROW)
		return record_fail(record, err, "count imports");
	*ret_count = (unsigned)sqlite3_column_int64(statement.handle, 0);
	return 0;
}

int record_add_history(struct record *record, usec_t time, const char *event, const char *subject,
	const char *text, struct error *err)
{
	_cleanup_(statement_done) struct statement statement = { NULL, NULL };
	_cleanup_(statement_done) struct statement forget = { NULL, NULL };
	struct binder binder = { 0 };
	int r = statement_prepare(record, "INSERT INTO history (time, event, subject, text) VALUES (?,?,?,?)",
		&statement, err);

	if (r < 0)
		return r;
	binder.statement = statement.handle;
	bind_number(&binder, time);
	bind_text(&binder, event);
	bind_text(&binder, subject);
	bind_sentence(&binder, text);
	r = statement_run(record, &statement, "write history", err);
	if (r < 0)
		return r;
	r = statement_prepare(record, "DELETE FROM history WHERE time < ?", &forget, err);
	if (r < 0)
		return r;
	binder = (struct binder){ .statement = forget.handle };
	bind_number(&binder, usec_sub(time, HISTORY_KEPT));
	return statement_run(record, &forget, "forget old history", err);
}

char *record_get_value(struct record *record, const char *key)
{
	_cleanup_(statement_done) struct statement statement = { NULL, NULL };
	struct binder binder = { 0 };
	struct reader reader = { 0 };

	if (statement_prepare(record, "SELECT value FROM value WHERE key = ?", &statement, NULL) < 0)
		return NULL;
	binder.statement = reader.statement = statement.handle;
	bind_text(&binder, key);
	return sqlite3_step(statement.handle) == SQLITE_ROW ? read_text(&reader) : NULL;
}

int record_set_value(struct record *record, const char *key, const char *value, struct error *err)
{
	_cleanup_(statement_done) struct statement statement = { NULL, NULL };
	struct binder binder = { 0 };
	int r = statement_prepare(
		record, "INSERT OR REPLACE INTO value (key, value) VALUES (?,?)", &statement, err);

	if (r < 0)
		return r;
	binder.statement = statement.handle;
	bind_text(&binder, key);
	bind_text(&binder, value);
	return statement_run(record, &statement, "save value", err);
}
