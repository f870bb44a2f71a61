/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/os/clock.h"
#include "lib/os/path.h"

/* Reads to the end; at most ${limit} bytes are appended before it fails. */
static int read_all(int fd, const char *path, size_t limit, struct buf *content, struct error *err)
{
	char block[16384];
	size_t total = 0;

	for (;;) {
		ssize_t n = read(fd, block, sizeof(block));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set_errno(err, errno, "read '%s'", path);
		if (n == 0)
			return 0;
		total += (size_t)n;
		if (total > limit)
			return error_set(err, ERROR_INVALID, EFBIG,
				"'%s' is larger than the limit of %zu bytes", path, limit);
		buf_append(content, block, (size_t)n);
	}
}

int file_read_fd(int fd, const char *path, size_t limit, struct buf *content, struct error *err)
{
	_cleanup_(buf_done) struct buf bytes = BUF_NULL;
	int r = read_all(fd, path, limit, &bytes, err);

	if (r == 0)
		buf_append(content, bytes.data, bytes.length);
	return r;
}

int file_read(const char *path, size_t limit, struct buf *content, struct error *err)
{
	_cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return error_set_errno(err, errno, "open '%s'", path);
	return file_read_fd(fd, path, limit, content, err);
}

int file_read_trusted(const char *path, size_t limit, struct buf *content, struct error *err)
{
	_cleanup_(fd_closep) int fd = -1;
	int r = path_open_trusted(path, O_RDONLY | O_NOCTTY, PATH_OURS, &fd, err);

	return r < 0 ? r : file_read_fd(fd, path, limit, content, err);
}

int file_write_fd(int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size > 0) {
		ssize_t n = write(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

int file_write_at(int directory, const char *name, const void *data, size_t size, mode_t mode,
	struct error *err)
{
	_cleanup_(fd_closep) int fd = -1;
	int r;

	fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return error_set_errno(err, errno, "create '%s'", name);
	r = fchmod(fd, mode) < 0 ? -errno : 0; /* the umask may be narrower than what readers need */
	if (r == 0)
		r = file_write_fd(fd, data, size);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(directory, name, 0);
		return error_set_errno(err, r, "write '%s'", name);
	}
	return 0;
}

char *file_temporary_name(const char *name)
{
	return mem_printf(".%s.%08llx.tmp", name, (unsigned long long)random_below(UINT32_MAX));
}

bool file_is_temporary(const char *name, const char *of)
{
	size_t length = strlen(of);

	return name[0] == '.' && strncmp(name + 1, of, length) == 0 && name[length + 1] == '.' &&
	       strspn(name + length + 2, "0123456789abcdef") == 8 &&
	       strcmp(name + length + 10, ".tmp") == 0;
}

static int rename_synced(int directory, const char *from, const char *to, struct error *err)
{
	if (renameat(directory, from, directory, to) < 0) {
		int number = errno;

		(void)unlinkat(directory, from, 0);
		return error_set_errno(err, number, "rename '%s' to '%s'", from, to);
	}
	/* It has its name, but after a power loss it may not. */
	if (fsync(directory) < 0)
		return error_set_errno(err, errno, "fsync the directory of '%s'", to);
	return 0;
}

int file_replace(const char *path, const void *data, size_t size, mode_t mode, struct error *err)
{
	_cleanup_(freep) char *folder_copy = mem_strdup(path);
	_cleanup_(freep) char *name_copy = mem_strdup(path);
	_cleanup_(freep) char *temporary = NULL;
	_cleanup_(fd_closep) int directory = -1;
	const char *folder = dirname(folder_copy);
	const char *name = basename(name_copy);
	int r;

	directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return error_set_errno(err, errno, "open directory '%s'", folder);
	temporary = file_temporary_name(name);
	r = file_write_at(directory, temporary, data, size, mode, err);
	if (r == 0)
		r = rename_synced(directory, temporary, name, err);
	return r < 0 ? error_wrap(err, "replace '%s'", path) : 0;
}

int link_put(int directory, const char *name, const char *target, struct error *err)
{
	_cleanup_(freep) char *temporary = file_temporary_name(name);
	int number;

	if (symlinkat(target, directory, temporary) < 0)
		return error_set_errno(err, errno, "link '%s' to '%s'", name, target);
	if (renameat(directory, temporary, directory, name) == 0)
		return 0;
	number = errno;
	(void)unlinkat(directory, temporary, 0);
	return error_set_errno(err, number, "rename '%s' to '%s'", temporary, name);
}

int link_replace(int directory, const char *name, const char *target, struct error *err)
{
	int r = link_put(directory, name, target, err);

	if (r == 0 && fsync(directory) < 0)
		r = error_set_errno(err, errno, "fsync the directory of '%s'", name);
	return r;
}

int directory_make(int parent, const char *name, mode_t mode)
{
	mode_t mask = umask(~mode & 0777);
	int r = mkdirat(parent, name, mode) < 0 ? -errno : 0;

	(void)umask(mask);
	if (r == 0 && fsync(parent) < 0)
		r = -errno;
	return r;
}
