/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/record/judge.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/os/file.h"

bool store_is_out_of_reach(int code)
{
	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_FULL:
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_AUTH:
	case SQLITE_READONLY:
	case SQLITE_NOMEM:
	case SQLITE_PROTOCOL:
		return true;
	default:
		return false;
	}
}

static enum verdict judge_failure(struct record *record, char **ret_why)
{
	int code = sqlite3_errcode(record->db);

	*ret_why = mem_strdup(code == SQLITE_OK || code == SQLITE_DONE ? "it cannot be read"
								       : sqlite3_errmsg(record->db));
	return store_is_out_of_reach(code) ? OUT_OF_REACH : DAMAGED;
}

static enum verdict judge_pages(struct record *record, char **ret_why)
{
	_cleanup_(freep) char *checked = database_value(record->db, "PRAGMA quick_check(1)");

	if (!checked)
		return judge_failure(record, ret_why);
	if (strcmp(checked, "ok") == 0)
		return SOUND;
	for (char *c = checked; *c; c++)
		if (*c == '\n')
			*c = ' ';
	*ret_why = take(checked);
	return DAMAGED;
}

enum verdict store_judge(struct record *record, int *ret_format, char **ret_why)
{
	_cleanup_(freep) char *format = database_value(record->db, "PRAGMA user_version");
	enum verdict verdict;

	if (!format)
		return judge_failure(record, ret_why);
	*ret_format = atoi(format);
	if (*ret_format > record->formats->newest)
		return NEWER;
	/* A header of a later SQLite's format makes it read-only, though the file is not. */
	if (*ret_format < 0 || (sqlite3_db_readonly(record->db, "main") == 1 && access(record->path, W_OK) == 0)) {
		*ret_why = mem_strdup("its header makes no sense");
		return DAMAGED;
	}
	verdict = judge_pages(record, ret_why);
	if (verdict != SOUND || *ret_format == 0 || formats_has_tables(record->formats, *ret_format, record->db))
		return verdict;
	/* Damage in a table's definition passes SQLite's own check, and would then make every save fail. */
	*ret_why = mem_printf("its tables are not those of its format %d", *ret_format);
	return DAMAGED;
}

int store_read_through(const char *path, struct error *err)
{
	static const char *const parts[] = { "", "-wal" };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		_cleanup_(freep) char *name = mem_printf("%s%s", path, parts[i]);
		_cleanup_(fd_closep) int fd = open(name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		char block[16384];
		ssize_t n = fd < 0 && errno != ENOENT ? -1 : 0;

		while (fd >= 0 && (n = read(fd, block, sizeof(block))) > 0)
			;
		if (n < 0)
			return error_set_errno(err, errno, "state database '%s': read", name);
	}
	return 0;
}
