/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store is opened: is it sound, of which format is it, and can it be brought to ours?  What is of a newer format is
 * left alone, what is older is migrated beside a copy of it, and only what is damaged is set aside.
 */
#include "daemon/record/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/record/copy.h"
#include "daemon/record/judge.h"

#define FLAGS (SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW)

/* What a migration needs on disk beside a copy of the store, in MiB. */
#define ROOM 2

/* The largest store that goes into memory, in MiB: the unit's MemoryMax= is twice that.  40,000 deliveries with five
 * lines of history each have 37. */
#define IN_MEMORY 64

/* Pages that a migration may leave unused. */
#define FREE_MOST 256

/* So many damaged stores are kept beside a new one. */
#define DAMAGED_KEPT 9

static struct record *record_new(const struct formats *formats, const char *path)
{
	struct record *record = mem_new(struct record);

	record->formats = formats;
	record->path = mem_strdup(path);
	return record;
}

/* ${file} is the record's path, or ":memory:"; ${alone} keeps everybody else out. */
static int connect_to(struct record *record, const char *file, int flags, bool alone, struct error *err)
{
	int r = sqlite3_open_v2(file, &record->db, flags, NULL);

	if (r != SQLITE_OK)
		return record->db ? record_fail(record, err, "open")
				  : error_set(err, ERROR_RETRY, r, "state database '%s': open: no memory", record->path);
	record->shared.db = record->db;
	(void)sqlite3_busy_timeout(record->db, 2000);
	/* Root may read what the daemon's user could have written: nothing that the file defines is run. */
	(void)sqlite3_db_config(record->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	/* Alone with it, the index of its log is in memory, and not in a file for which there may be no room.  It has to be
	 * said before anything is read. */
	if (alone)
		(void)sqlite3_exec(record->db, "PRAGMA locking_mode=EXCLUSIVE", NULL, NULL, NULL);
	/* Rows are read once, at the start: pages are not worth their memory afterwards (in KiB). */
	(void)sqlite3_exec(record->db, "PRAGMA cache_size=-256", NULL, NULL, NULL);
	return 0;
}

struct record *record_free(struct record *record)
{
	if (!record)
		return NULL;
	record_forget_statements(record);
	(void)sqlite3_close(record->db);
	free(record->unmigrated);
	free(record->path);
	free(record);
	return NULL;
}

const char *record_unmigrated(const struct record *record)
{
	return record->unmigrated;
}

void record_news_done(struct record_news *news)
{
	free(news->lost);
	free(news->migrated);
	*news = (struct record_news){ 0 };
}

/* --- what is done about it --- */

static int refuse_newer(const struct record *record, int format, struct error *err)
{
	int newest = record->formats->newest;
	_cleanup_(freep) char *copy = copy_find(record->path, newest);

	if (!copy)
		return error_set(err, ERROR_INVALID, 0,
			"State database '%s' has format %d, which a newer certferry has written; this version reads "
			"formats up to %d. Install the newer version again (there is no copy in an older format)",
			record->path, format, newest);
	return error_set(err, ERROR_INVALID, 0,
		"State database '%s' has format %d, which a newer certferry has written; this version reads formats up "
		"to %d. Install the newer version again; or, to go back, put the copy '%s' in its place while certferryd "
		"is stopped (certferryd(8), UPGRADES), which loses what was recorded since that copy was made",
		record->path, format, newest, copy);
}

/* A name for a damaged store that no other one has, or else the last of them.  The caller owns it. */
static char *damaged_name(const char *path)
{
	char *name = mem_printf("%s.damaged", path);

	for (unsigned n = 2; n <= DAMAGED_KEPT && access(name, F_OK) == 0; n++) {
		free(name);
		name = mem_printf("%s.damaged-%u", path, n);
	}
	return name;
}

/* Moves a damaged store and its companions out of the way; it is kept for whoever wants to look. */
static int set_aside(const char *path, const char *name, struct error *err)
{
	static const char *const companions[] = { "-wal", "-shm" };

	if (rename(path, name) < 0)
		return error_set_errno(err, errno, "move it to '%s'", name);
	for (size_t i = 0; i < ARRAY_SIZE(companions); i++) {
		_cleanup_(freep) char *from = mem_printf("%s%s", path, companions[i]);
		_cleanup_(freep) char *to = mem_printf("%s%s", name, companions[i]);

		(void)rename(from, to);
	}
	return 0;
}

/* Runs the steps to our format, in one transaction; with an error nothing of them is left. */
static int run_steps(struct record *record, int from, struct error *err)
{
	_cleanup_(freep) char *script = formats_script(record->formats, from, record->formats->newest);
	int r = record_execute(record, script, "make tables", err);

	if (r < 0)
		record_rollback(record);
	return r;
}

/* What the steps have freed goes back to the disk, where it is worth the time; otherwise it is used up. */
static void give_back(struct record *record)
{
	_cleanup_(freep) char *free_pages = database_value(record->db, "PRAGMA freelist_count");

	if (free_pages && atoi(free_pages) > FREE_MOST)
		(void)sqlite3_exec(record->db, "VACUUM", NULL, NULL, NULL);
}

/* ${format} is that of the store on disk. */
static int migrate(struct record *record, int format, char **ret_migrated, struct error *err)
{
	_cleanup_(freep) char *copy = NULL;
	int r = copy_make(record->db, record->path, format, err);

	for (int next = format + 1; r == 0 && next <= record->formats->newest; next++) {
		_cleanup_(freep) char *script = formats_script(record->formats, next - 1, next);

		r = record_execute(record, script, "migrate", err);
		if (r < 0)
			record_rollback(record);
	}
	if (r < 0)
		return r;
	give_back(record);
	copy_remove_old(record->path, record->formats->newest);
	copy = copy_find(record->path, format);
	*ret_migrated = mem_printf("Migrated state database '%s' from format %d to %d; the former one is kept as '%s'",
		record->path, format, record->formats->newest, copy ?: "(nothing)");
	return 0;
}

/* To our format, and ready to be written. */
static int bring_up(struct record *record, int format, char **ret_migrated, struct error *err)
{
	int r;

	if (sqlite3_db_readonly(record->db, "main") == 1)
		return error_set(err, ERROR_RETRY, 0, "State database '%s' is read-only", record->path);
	(void)chmod(record->path, 0600);
	r = record_execute(record, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;", "set up", err);
	if (r == 0 && format == 0)
		r = run_steps(record, format, err);
	else if (r == 0 && format < record->formats->newest)
		r = migrate(record, format, ret_migrated, err);
	if (r == 0)
		record_watch_log(record);
	return r;
}

/* --- in memory, where it cannot be migrated on disk --- */

static int copy_pages(struct record *from, struct record *to, struct error *err)
{
	sqlite3_backup *backup = sqlite3_backup_init(to->db, "main", from->db, "main");
	int r;

	if (!backup)
		return record_fail(to, err, "copy to memory");
	r = sqlite3_backup_step(backup, -1);
	(void)sqlite3_backup_finish(backup);
	if (r != SQLITE_DONE)
		return error_set(err, ERROR_RETRY, r, "state database '%s': copy to memory: %s", from->path, sqlite3_errstr(r));
	return 0;
}

/* A copy of ${from} in memory, in our format; it cannot be written. */
static int migrate_in_memory(struct record *from, struct record **ret_record, struct error *err)
{
	_cleanup_(record_freep) struct record *record = record_new(from->formats, from->path);
	_cleanup_(freep) char *format = NULL;
	int r = connect_to(record, ":memory:", SQLITE_OPEN_READWRITE, false, err);

	if (r == 0)
		r = copy_pages(from, record, err);
	if (r < 0)
		return r;
	format = database_value(record->db, "PRAGMA user_version");
	if (!format)
		return record_fail(record, err, "copy to memory");
	r = run_steps(record, atoi(format), err);
	if (r == 0)
		r = record_execute(record, "PRAGMA query_only=ON", "set up", err);
	if (r == 0)
		*ret_record = take(record);
	return r;
}

static unsigned long long size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (unsigned long long)st.st_size : 0;
}

/* In MiB. */
static unsigned long long size_of_store(const char *path)
{
	_cleanup_(freep) char *log = mem_printf("%s-wal", path);

	return (size_of(path) + size_of(log)) / (1024 * 1024);
}

static char *unmigrated_text(const struct formats *formats, const char *path, int format, const struct error *why)
{
	return mem_printf("Failed to migrate state database '%s' from format %d to %d: %s; certferryd polls and shows "
			  "status, but delivers and restarts nothing until it is migrated. Make sure that its directory is "
			  "writable and has %llu MiB free; a running certferryd tries again each minute and at 'certferry sync'",
		path, format, formats->newest, why->text, size_of_store(path) + ROOM);
}

/* An older store that cannot be migrated on disk because of ${why}; it stays as it is.  What is not such a one is an
 * error as it was, which ${why} says. */
static int open_in_memory(const struct formats *formats, const char *path, const struct error *why,
	struct record **ret_record, struct error *err)
{
	_cleanup_(record_freep) struct record *disk = record_new(formats, path);
	_cleanup_(freep) char *bad = NULL;
	int format = 0, r = connect_to(disk, path, FLAGS & ~SQLITE_OPEN_CREATE, true, NULL);

	if (r < 0 || store_judge(disk, &format, &bad) != SOUND || format == 0 || format == formats->newest)
		return error_set(err, ERROR_RETRY, why->code, "%s", why->text);
	if (size_of_store(path) > IN_MEMORY)
		return error_set(err, ERROR_RETRY, 0,
			"Failed to migrate state database '%s' from format %d to %d: %s; it has more than %d MiB, too much to go "
			"on with a copy in memory, and certferryd exits. Make sure that its directory is writable and has "
			"%llu MiB free", path, format, formats->newest, why->text, IN_MEMORY, size_of_store(path) + ROOM);
	r = migrate_in_memory(disk, ret_record, err);
	if (r == 0)
		(*ret_record)->unmigrated = unmigrated_text(formats, path, format, why);
	return r;
}

/* --- open --- */

/* What came of one attempt at the store on disk. */
struct attempt {
	struct record *record; /* open, in our format and writable, when there was no error */
	enum verdict verdict;
	int format; /* as found */
	char *why; /* it is damaged, or out of reach */
};

static void attempt_done(struct attempt *attempt)
{
	record_free(attempt->record);
	free(attempt->why);
	*attempt = (struct attempt){ 0 };
}

static int attempt_damaged(struct attempt *attempt, const char *path, struct error *err)
{
	attempt->verdict = DAMAGED;
	return error_set(err, ERROR_RETRY, 0, "State database '%s' is corrupt (%s)", path, attempt->why);
}

/* Tables without a number: those of a program that was killed while it made them, or else of none. */
static bool is_ours_now(const struct attempt *attempt, int r)
{
	const struct record *record = attempt->record;

	if (attempt->format > 0)
		return true;
	return r < 0 ? store_is_out_of_reach(sqlite3_errcode(record->db))
		     : formats_has_tables(record->formats, record->formats->newest, record->db);
}

static int try_disk(const struct formats *formats, const char *path, struct record_news *news, struct attempt *ret,
	struct error *err)
{
	int r;

	*ret = (struct attempt){ .record = record_new(formats, path), .verdict = OUT_OF_REACH };
	r = connect_to(ret->record, path, FLAGS, false, err);
	if (r < 0)
		return r;
	ret->verdict = store_judge(ret->record, &ret->format, &ret->why);
	if (ret->verdict == NEWER)
		return refuse_newer(ret->record, ret->format, err);
	if (ret->verdict == DAMAGED)
		return attempt_damaged(ret, path, err);
	if (ret->verdict == OUT_OF_REACH)
		return error_set(err, ERROR_RETRY, 0, "state database '%s': read: %s", path, ret->why);
	r = bring_up(ret->record, ret->format, &news->migrated, err);
	if (is_ours_now(ret, r))
		return r;
	ret->why = mem_strdup("its tables are of no known format");
	return attempt_damaged(ret, path, err);
}

/* Moves what is damaged away, and makes an empty store. */
static int begin_empty(const struct formats *formats, const char *path, struct record_news *news,
	struct attempt *attempt, struct error *err)
{
	_cleanup_(freep) char *why = take(attempt->why);
	_cleanup_(freep) char *name = damaged_name(path);

	attempt_done(attempt);
	attempt->verdict = DAMAGED;
	if (set_aside(path, name, err) < 0)
		return error_wrap(err, "State database '%s' is corrupt (%s)", path, why);
	news->lost = mem_printf("State database '%s' is corrupt (%s); moved it to '%s' and started an empty one. "
				"Approvals and history are lost. To have them back, stop certferryd and restore a backup of "
				"the file; check the disk", path, why, name);
	return try_disk(formats, path, news, attempt, err);
}

int record_open_as(const struct formats *formats, const char *directory, struct record_news *ret_news,
	struct record **ret_record, struct error *err)
{
	_cleanup_(freep) char *path = mem_printf("%s/record.sqlite", directory);
	_cleanup_(attempt_done) struct attempt attempt = { 0 };
	_cleanup_(record_news_done) struct record_news news = { 0 };
	_cleanup_(error_done) struct error why = ERROR_NULL;
	int r = try_disk(formats, path, &news, &attempt, &why);

	if (r < 0 && attempt.verdict == DAMAGED) {
		attempt_done(&attempt);
		r = store_read_through(path, err);
		if (r < 0)
			return r;
		r = try_disk(formats, path, &news, &attempt, &why);
	}
	if (r < 0 && attempt.verdict == DAMAGED)
		r = begin_empty(formats, path, &news, &attempt, &why);
	if (r < 0 && (attempt.verdict == SOUND || attempt.verdict == OUT_OF_REACH)) {
		attempt_done(&attempt);
		r = open_in_memory(formats, path, &why, &attempt.record, err);
	} else if (r < 0) {
		error_move(err, &why);
	}
	if (r < 0 && news.lost)
		(void)error_wrap(err, "%s", news.lost);
	if (r < 0)
		return r;
	*ret_news = news;
	news = (struct record_news){ 0 };
	*ret_record = take(attempt.record);
	return 0;
}

int record_open(const char *directory, struct record_news *ret_news, struct record **ret_record, struct error *err)
{
	return record_open_as(&formats_ours, directory, ret_news, ret_record, err);
}

/* What a reader says of a file that shows no format. */
static int refuse_unreadable(struct record *record, const char *path, struct error *err)
{
	if (store_is_out_of_reach(sqlite3_errcode(record->db)))
		return record_fail(record, err, "look at");
	return error_set(err, ERROR_INVALID, 0,
		"State database '%s' is corrupt (%s). When certferryd starts, it moves the file aside and starts an "
		"empty one; if you have a backup, restore it before that",
		path, sqlite3_errmsg(record->db));
}

int record_open_reader(const char *directory, struct record **ret_record, struct error *err)
{
	_cleanup_(freep) char *path = mem_printf("%s/record.sqlite", directory);
	_cleanup_(record_freep) struct record *record = record_new(&formats_ours, path);
	_cleanup_(freep) char *format = NULL;
	struct stat st;
	int r;

	if (lstat(path, &st) < 0)
		return error_set_errno(err, errno, "state database '%s'", path);
	r = connect_to(record, path, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOFOLLOW, false, err);
	if (r < 0)
		return r;
	format = database_value(record->db, "PRAGMA user_version");
	if (!format)
		return refuse_unreadable(record, path, err);
	if (atoi(format) > formats_ours.newest)
		return refuse_newer(record, atoi(format), err);
	if (atoi(format) < formats_ours.newest)
		return migrate_in_memory(record, ret_record, err);
	*ret_record = take(record);
	return 0;
}

/* --- from memory to disk --- */

static int leave_memory(struct record *record, struct record_news *news, struct error *err)
{
	_cleanup_(attempt_done) struct attempt attempt = { 0 };
	_cleanup_(error_done) struct error why = ERROR_NULL;

	if (try_disk(record->formats, record->path, news, &attempt, &why) < 0) {
		int r = error_result(&why);

		if (attempt.verdict == SOUND)
			return error_set(err, ERROR_RETRY, 0, "%s", record->unmigrated);
		error_move(err, &why);
		return r;
	}
	record_forget_statements(record);
	(void)sqlite3_close(record->db);
	record->db = record->shared.db = take(attempt.record->db);
	record_watch_log(record);
	free(take(record->unmigrated));
	return 0;
}

int record_try(struct record *record, const char *time, struct record_news *ret_news, struct error *err)
{
	_cleanup_(record_news_done) struct record_news news = { 0 };
	int r = record->unmigrated ? leave_memory(record, &news, err) : 0;

	if (r == 0)
		r = record_set_value(record, "tried", time, err);
	if (r == 0)
		r = record_sync(record, err);
	if (r < 0)
		return r;
	*ret_news = news;
	news = (struct record_news){ 0 };
	return 0;
}
