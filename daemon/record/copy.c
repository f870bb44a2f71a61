/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/record/copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/os/file.h"

#define COPIES_KEPT 2
#define HALF_MADE   ".new"

static char *copy_name(const char *path, int format)
{
	return mem_printf("%s.format-%d", path, format);
}

static void remove_half_made(const char *half)
{
	_cleanup_(freep) char *journal = mem_printf("%s-journal", half);

	(void)unlink(half);
	(void)unlink(journal);
}

/* All of ${db}, the part that is in its write-ahead log as well, into the empty file ${name}. */
static int copy_content(sqlite3 *db, const char *name, struct error *err)
{
	sqlite3_stmt *statement = NULL;
	int r = sqlite3_prepare_v2(db, "VACUUM INTO ?1", -1, &statement, NULL);

	if (r == SQLITE_OK)
		r = sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
	if (r == SQLITE_OK)
		r = sqlite3_step(statement);
	(void)sqlite3_finalize(statement);
	if (r != SQLITE_DONE)
		return error_set(err, ERROR_RETRY, r, "%s", sqlite3_errmsg(db));
	return 0;
}

static int copy_sync(int fd, const char *from, const char *to, struct error *err)
{
	_cleanup_(freep) char *folder = mem_strdup(to);
	_cleanup_(fd_closep) int directory = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (directory < 0 || fsync(fd) < 0 || rename(from, to) < 0 || fsync(directory) < 0)
		return error_set_errno(err, errno, "write");
	return 0;
}

int copy_make(sqlite3 *db, const char *path, int format, struct error *err)
{
	_cleanup_(freep) char *name = copy_name(path, format);
	_cleanup_(freep) char *half = mem_printf("%s" HALF_MADE, name);
	_cleanup_(fd_closep) int fd = -1;
	int r;

	/* One of the same format that is there says less than what is copied now, and takes its room. */
	(void)unlink(name);
	remove_half_made(half);
	fd = open(half, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set_errno(err, errno, "make the copy '%s'", name);
	r = copy_content(db, half, err);
	if (r == 0)
		r = copy_sync(fd, half, name, err);
	if (r == 0)
		return 0;
	remove_half_made(half);
	return error_wrap(err, "make the copy '%s'", name);
}

/* What copies there are. */
struct copies {
	int formats[64]; /* in no order; more than anybody has */
	size_t count;
};

static void copies_note(struct copies *copies, const char *number)
{
	char *end;
	long format = strtol(number, &end, 10);

	if (*end == '\0' && format > 0 && format < INT_MAX && copies->count < ARRAY_SIZE(copies->formats))
		copies->formats[copies->count++] = (int)format;
}

static void copies_read(const char *path, struct copies *ret_copies)
{
	_cleanup_(freep) char *folder = mem_strdup(path), *name = mem_strdup(path);
	_cleanup_(freep) char *prefix = mem_printf("%s.format-", basename(name));
	DIR *directory = opendir(dirname(folder));
	struct dirent *entry;

	*ret_copies = (struct copies){ 0 };
	while (directory && (entry = readdir(directory)))
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
			copies_note(ret_copies, entry->d_name + strlen(prefix));
	if (directory)
		(void)closedir(directory);
}

char *copy_find(const char *path, int newest)
{
	struct copies copies;
	int found = 0;

	copies_read(path, &copies);
	for (size_t i = 0; i < copies.count; i++)
		if (copies.formats[i] <= newest)
			found = MAX(found, copies.formats[i]);
	return found ? copy_name(path, found) : NULL;
}

/* How many are in between? */
static size_t count_between(const struct copies *copies, int format, int end)
{
	size_t count = 0;

	for (size_t i = 0; i < copies->count; i++)
		count += copies->formats[i] > format && copies->formats[i] < end;
	return count;
}

void copy_remove_old(const char *path, int format)
{
	struct copies copies;

	copies_read(path, &copies);
	for (size_t i = 0; i < copies.count; i++) {
		_cleanup_(freep) char *name = copy_name(path, copies.formats[i]);
		_cleanup_(freep) char *half = mem_printf("%s" HALF_MADE, name);

		remove_half_made(half);
		if (count_between(&copies, copies.formats[i], format) >= COPIES_KEPT)
			(void)unlink(name);
	}
}
