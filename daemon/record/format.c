/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/record/format.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"

/* The tables as they are now are in the file DESIGN beside this one; a test compares it with what these make. */
static const char *const steps[] = {
	/* Format 1.  (Its first program made the tables one after another and ended with the number: IF NOT EXISTS takes
	 * up what it left when it was killed between them.) */
	"CREATE TABLE IF NOT EXISTS certificate (arn TEXT PRIMARY KEY, serial TEXT, fingerprint BLOB,"
	" chain BLOB, not_before INTEGER, not_after INTEGER, exported BLOB, newest INTEGER, anchor TEXT,"
	" failures INTEGER, next_try INTEGER, problem TEXT) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS delivery (name TEXT PRIMARY KEY, object TEXT, object_id TEXT, revision TEXT,"
	" fingerprint BLOB, chain BLOB, not_before INTEGER, not_after INTEGER, confirmed_at INTEGER,"
	" intended BLOB, intended_at INTEGER, ambiguous INTEGER, failures INTEGER, next_try INTEGER, kind TEXT,"
	" problem TEXT, hold INTEGER, hold_reason TEXT, held BLOB, approved BLOB, guard_passed INTEGER,"
	" proof TEXT, proven BLOB, leaf TEXT, chain_pem TEXT, held_accept INTEGER) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS owed (dependent TEXT, delivery TEXT, fingerprint BLOB, since INTEGER,"
	" due INTEGER, PRIMARY KEY (dependent, delivery)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS dependent (name TEXT PRIMARY KEY, failures INTEGER, next_try INTEGER,"
	" problem TEXT, invocation TEXT, intended_at INTEGER, told_at INTEGER, proof TEXT) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS import (place TEXT, time INTEGER, first INTEGER);"
	"CREATE INDEX IF NOT EXISTS import_by_place ON import (place, time);"
	"CREATE TABLE IF NOT EXISTS history (time INTEGER, event TEXT, subject TEXT, text TEXT);"
	"CREATE INDEX IF NOT EXISTS history_by_time ON history (time);"
	"CREATE TABLE IF NOT EXISTS value (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;",

	/* Format 2: where the chain of what a delivery put in place ends. */
	"ALTER TABLE delivery ADD COLUMN anchor BLOB;",

	/* Format 3: what is written down before a dependent is told is its kind's, not an invocation of a unit alone.  (Made
	 * anew, so that the definition is the one written here: SQLite's own ways to rename a column edit it.) */
	"ALTER TABLE dependent RENAME TO dependent_of_format_2;"
	"CREATE TABLE dependent (name TEXT PRIMARY KEY, failures INTEGER, next_try INTEGER, problem TEXT, target TEXT,"
	" token TEXT, intended_at INTEGER, told_at INTEGER, proof TEXT) WITHOUT ROWID;"
	"INSERT INTO dependent SELECT name, failures, next_try, problem, NULL, invocation, intended_at, told_at, proof"
	" FROM dependent_of_format_2;"
	"DROP TABLE dependent_of_format_2;",

	/* Format 4: what a dependent was last seen to serve, and what only a restart brings it. */
	"ALTER TABLE dependent ADD COLUMN proven BLOB;"
	"ALTER TABLE dependent ADD COLUMN escalated BLOB;",

	/* Format 5: at which endpoints a proof was, and what was seen at each. */
	"ALTER TABLE delivery ADD COLUMN endpoints TEXT;"
	"ALTER TABLE dependent ADD COLUMN endpoints TEXT;",
};

const struct formats formats_ours = { .steps = steps, .newest = ARRAY_SIZE(steps) };

char *formats_script(const struct formats *formats, int from, int to)
{
	struct buf sql = BUF_NULL;

	buf_append_string(&sql, "BEGIN IMMEDIATE;");
	for (int format = from + 1; format <= to; format++)
		buf_append_string(&sql, formats->steps[format - 1]);
	buf_printf(&sql, "PRAGMA user_version=%d;COMMIT;", to);
	return buf_take(&sql);
}

char *database_value(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement = NULL;
	char *text = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
		text = mem_strdup((const char *)sqlite3_column_text(statement, 0));
	(void)sqlite3_finalize(statement);
	return text;
}

char *format_tables(sqlite3 *db)
{
	return database_value(db, "SELECT group_concat(sql, ';') FROM (SELECT sql FROM sqlite_master "
				  "WHERE sql IS NOT NULL ORDER BY name)");
}

bool formats_has_tables(const struct formats *formats, int format, sqlite3 *db)
{
	_cleanup_(freep) char *script = formats_script(formats, 0, format);
	_cleanup_(freep) char *found = format_tables(db);
	_cleanup_(freep) char *wanted = NULL;
	sqlite3 *memory = NULL;

	if (sqlite3_open(":memory:", &memory) == SQLITE_OK &&
		sqlite3_exec(memory, script, NULL, NULL, NULL) == SQLITE_OK)
		wanted = format_tables(memory);
	(void)sqlite3_close(memory);
	return found && wanted && strcmp(found, wanted) == 0;
}
