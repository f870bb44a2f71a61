/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/record/format.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"

/* The tables as they are now are in the file DESIGN beside this one; a test compares it with what these make. */
/*
 * Format 6 and later.  A row of delivery_row is a third of what it was: what many rows have in common is in
 * "shared", times that are whole seconds are kept as seconds (others as microseconds below 0), the UUID at the
 * end of an object's ID as 16 bytes, and a revision that is the dates and a third time as that time.
 */
#define TIME(column) "CASE WHEN " column " < 0 THEN -" column " ELSE " column " * 1000000 END"
#define SHARED(column) "(SELECT value FROM shared WHERE id = " column ")"
#define HEX(from, length) "substr(lower(hex(id_rest)), " #from ", " #length ")"

/* The length of the text of a column up to the last ${separator}, with it. */
#define LAST(column, separator) "length(rtrim(" column ", replace(" column ", '" separator "', '')))"
#define TWO_WORDS "(instr(object, ' ') + instr(substr(object, instr(object, ' ') + 1), ' '))"
#define IN_SECONDS(column)                                                                                             \
	"CASE WHEN " column " > 0 AND " column " % 1000000 <> 0 THEN -" column " ELSE " column " / 1000000 END"
#define FIND_SHARED(value) "(SELECT id FROM shared WHERE value = " value ")"
#define IN_SHARED(value, table) "INSERT OR IGNORE INTO shared (value) SELECT " value " FROM " table ";"

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

	/* Format 6: the same in a third of the room.  The views show it as the tables before did. */
	"ALTER TABLE certificate RENAME TO certificate_of_format_5;"
	"ALTER TABLE delivery RENAME TO delivery_of_format_5;"
	"CREATE TABLE shared (id INTEGER PRIMARY KEY, value);"
	"CREATE UNIQUE INDEX shared_by_value ON shared (value);"
	IN_SHARED("chain", "certificate_of_format_5 WHERE chain IS NOT NULL")
	IN_SHARED("anchor", "certificate_of_format_5 WHERE anchor IS NOT NULL")
	IN_SHARED("chain", "delivery_of_format_5 WHERE chain IS NOT NULL")
	IN_SHARED("anchor", "delivery_of_format_5 WHERE anchor IS NOT NULL")
	/* Once for each row, since it takes long: where the second word of what it is about ends, and the last begins. */
	"CREATE TABLE parts (name TEXT PRIMARY KEY, second INTEGER, last INTEGER, id INTEGER) WITHOUT ROWID;"
	"INSERT INTO parts SELECT name, iif(instr(object, ' ') > 0, " TWO_WORDS ", 0), " LAST("object", " ") ", " LAST("object_id", "/")
	" FROM delivery_of_format_5;"
	"UPDATE parts SET second = NULL WHERE second IS NULL OR last <= second OR second <="
	" (SELECT instr(object, ' ') FROM delivery_of_format_5 AS old WHERE old.name = parts.name);"
	"UPDATE parts SET id = NULL WHERE id = 0;"
	IN_SHARED("substr(object, 1, second - 1)", "delivery_of_format_5 JOIN parts USING (name) WHERE second")
	IN_SHARED("substr(object, second + 1, last - second - 1)",
		"delivery_of_format_5 JOIN parts USING (name) WHERE second")
	IN_SHARED("substr(object, last + 1)", "delivery_of_format_5 JOIN parts USING (name) WHERE second")
	IN_SHARED("substr(object_id, 1, id)", "delivery_of_format_5 JOIN parts USING (name) WHERE parts.id")
	"CREATE TABLE certificate_row (arn TEXT PRIMARY KEY, serial TEXT, fingerprint BLOB, chain INTEGER,"
	" not_before INTEGER, not_after INTEGER, exported BLOB, newest INTEGER, anchor INTEGER, failures INTEGER,"
	" next_try INTEGER, problem TEXT) WITHOUT ROWID;"
	"INSERT INTO certificate_row SELECT arn, serial, fingerprint, " FIND_SHARED("chain") ", not_before, not_after,"
	" exported, newest, " FIND_SHARED("anchor") ", failures, next_try, problem FROM certificate_of_format_5;"
	"CREATE TABLE delivery_row (name TEXT PRIMARY KEY, place INTEGER, object, source INTEGER, id_begin INTEGER,"
	" id_rest, revision, fingerprint BLOB, chain INTEGER, not_before INTEGER, not_after INTEGER,"
	" confirmed_at INTEGER, intended BLOB, intended_at INTEGER, ambiguous INTEGER, failures INTEGER,"
	" next_try INTEGER, kind TEXT, problem TEXT, hold INTEGER, hold_reason TEXT, held BLOB, approved BLOB,"
	" guard_passed INTEGER, proof TEXT, proven BLOB, leaf TEXT, chain_pem TEXT, held_accept INTEGER,"
	" anchor INTEGER, endpoints TEXT) WITHOUT ROWID;"
	"INSERT INTO delivery_row SELECT name,"
	" iif(second, " FIND_SHARED("substr(object, 1, second - 1)") ", NULL),"
	" iif(second, " FIND_SHARED("substr(object, second + 1, last - second - 1)") ", object),"
	" iif(second, " FIND_SHARED("substr(object, last + 1)") ", NULL),"
	" iif(parts.id, " FIND_SHARED("substr(object_id, 1, parts.id)") ", NULL),"
	" iif(parts.id, substr(object_id, parts.id + 1), object_id),"
	" revision, fingerprint, " FIND_SHARED("chain") ", " IN_SECONDS("not_before") ", " IN_SECONDS("not_after") ", "
	IN_SECONDS("confirmed_at") ", intended, intended_at, ambiguous, failures, next_try, nullif(kind, 'none'), problem,"
	" hold, hold_reason, held, approved, guard_passed, proof, proven, leaf, chain_pem, held_accept, "
	FIND_SHARED("anchor") ", endpoints FROM delivery_of_format_5 JOIN parts USING (name);"
	"DROP TABLE parts;"
	"DROP INDEX shared_by_value;"
	"DROP TABLE certificate_of_format_5;"
	"DROP TABLE delivery_of_format_5;"
	"CREATE VIEW certificate AS SELECT arn, serial, fingerprint, " SHARED("chain") " AS chain, not_before, not_after,"
	" exported, newest, " SHARED("anchor") " AS anchor, failures, next_try, problem FROM certificate_row;"
	"CREATE VIEW delivery AS SELECT name, CASE WHEN place IS NULL THEN object ELSE " SHARED("place")
	" || ' ' || " SHARED("object") " || ' ' || " SHARED("source") " END AS object,"
	" CASE WHEN id_rest IS NULL THEN NULL ELSE ifnull(" SHARED("id_begin") ", '') || CASE typeof(id_rest)"
	" WHEN 'blob' THEN " HEX(1, 8) " || '-' || " HEX(9, 4) " || '-' || " HEX(13, 4) " || '-' || " HEX(17, 4)
	" || '-' || " HEX(21, 12) " ELSE id_rest END END AS object_id,"
	" CASE typeof(revision) WHEN 'integer' THEN (" TIME("not_before") ") || ' ' || (" TIME("not_after")
	") || ' ' || (" TIME("revision") ") ELSE revision END AS revision,"
	" fingerprint, " SHARED("delivery_row.chain") " AS chain, " TIME("not_before") " AS not_before, "
	TIME("not_after") " AS not_after, " TIME("confirmed_at") " AS confirmed_at, intended, intended_at, ambiguous,"
	" failures, next_try, ifnull(kind, 'none') AS kind, problem, hold, hold_reason, held, approved, guard_passed,"
	" proof, proven, leaf, chain_pem, held_accept, " SHARED("delivery_row.anchor") " AS anchor, endpoints"
	" FROM delivery_row;",
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
