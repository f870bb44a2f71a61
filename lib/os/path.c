/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A path is walked by hand, because a directory can be judged only where it is crossed: from the
 * directory at hand the next name is opened without following links; a link is read and what it
 * says goes in front of the names that are left.
 */

#include "lib/os/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/os/fd.h"

#define LINKS_MAX     40 /* as the kernel has it */
#define USER_UNMAPPED 65534 /* overflowuid of proc(5): whom a user namespace, as the unit's, has no name for */
#define CROSS	      (O_PATH | O_DIRECTORY)

struct way {
	const char *path; /* as it was asked for */
	enum path_trust trust;
	int fd; /* the directory at hand */
	struct stat status; /* of it */
	bool of_kernel; /* it is in /proc: the kernel alone makes its names, and links that no text can stand for */
	bool absolute;
	struct buf shown; /* its name for messages; empty: the root or the working directory */
	char *rest; /* the names that are left */
	unsigned links;
};

static void way_done(struct way *way)
{
	fd_close(way->fd);
	buf_done(&way->shown);
	free(way->rest);
}

static bool is_of_us(const struct stat *status)
{
	return status->st_uid == 0 || status->st_uid == geteuid();
}

static bool others_write(const struct stat *status, enum path_trust trust)
{
	if (status->st_mode & S_IWOTH)
		return true;
	if (trust == PATH_NOT_EVERYBODY || !(status->st_mode & S_IWGRP) || status->st_gid == 0)
		return false;
	return trust == PATH_OURS || status->st_gid != getegid();
}

bool path_is_safe(const struct stat *status, enum path_trust trust)
{
	return (trust == PATH_NOT_EVERYBODY || is_of_us(status)) && !others_write(status, trust);
}

/* The number is wrong where it stands for everybody else. */
static const char *shown_user(const struct stat *status, char text[static 24])
{
	if (status->st_uid == USER_UNMAPPED)
		return "another user";
	(void)snprintf(text, 24, "user %u", (unsigned)status->st_uid);
	return text;
}

static const char *shown_directory(const struct way *way)
{
	if (way->shown.length)
		return way->shown.data;
	return way->absolute ? "/" : ".";
}

/*
 * Could others put something else in the place of ${entry}, which is ${name} in the directory at
 * hand?  NULL: it is what was asked for, whose owner is the caller's to judge.
 */
static int judge(const struct way *way, const char *name, const struct stat *entry, struct error *err)
{
	const char *directory = shown_directory(way);
	char user[24];

	if (way->of_kernel)
		return 0;
	if (way->trust != PATH_NOT_EVERYBODY && !is_of_us(&way->status))
		return error_set(err, ERROR_DENIED, 0,
			"%s owns '%s' and could put something else in the place of '%s': chown root '%s'",
			shown_user(&way->status, user), directory, way->path, directory);
	if (!others_write(&way->status, way->trust))
		return 0;
	if (!(way->status.st_mode & S_ISVTX))
		return error_set(err, ERROR_DENIED, 0,
			"others can rename what is in '%s' (mode %04o) and put something else in the place of '%s': "
			"chmod %s '%s'",
			directory, (unsigned)(way->status.st_mode & 07777), way->path,
			way->trust == PATH_NOT_EVERYBODY ? "o-w" : "go-w", directory);
	if (entry && way->trust != PATH_NOT_EVERYBODY && !is_of_us(entry))
		return error_set(err, ERROR_DENIED, 0,
			"%s owns '%s' in '%s', where others can write, and could put something else in the place "
			"of '%s': chown -h root '%s/%s'",
			shown_user(entry, user), name, directory, way->path, directory, name);
	return 0;
}

static int refuse(const struct way *way, int number, struct error *err)
{
	return error_set_errno(err, number, "open '%s'", way->path);
}

static void stand_in(struct way *way, int fd, const struct stat *status)
{
	struct statfs system;

	fd_close(way->fd);
	way->fd = fd;
	way->status = *status;
	way->of_kernel = fstatfs(fd, &system) == 0 && system.f_type == PROC_SUPER_MAGIC;
}

static int start(struct way *way, int directory, const char *shown, struct error *err)
{
	_cleanup_(fd_closep) int fd = -1;
	struct stat status;

	way->absolute = *way->rest == '/';
	fd = openat(directory, way->absolute ? "/" : ".", CROSS | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) < 0)
		return refuse(way, errno, err);
	stand_in(way, fd, &status);
	fd = -1;
	buf_clear(&way->shown);
	if (!way->absolute)
		buf_append_string(&way->shown, shown);
	return 0;
}

/* The next name, "." where none is left, cut off ${rest}; it is the last: ${ret_last}. */
static char *next_name(struct way *way, bool *ret_last)
{
	char *name = way->rest + strspn(way->rest, "/"), *left;
	size_t length = strcspn(name, "/");
	char *cut = mem_strndup(length ? name : ".", length ?: 1);

	left = name + length;
	*ret_last = left[strspn(left, "/")] == '\0';
	memmove(way->rest, left, strlen(left) + 1);
	return cut;
}

/* A descriptor of ${name} in the directory at hand, of the link itself where it is one. */
static int open_entry(const struct way *way, const char *name, int flags, struct stat *status)
{
	int fd = openat(way->fd, name, flags | O_CLOEXEC | (way->of_kernel ? 0 : O_NOFOLLOW));
	int number = errno;

	if (fd < 0 && !way->of_kernel && (number == ELOOP || number == ENOTDIR)) {
		fd = openat(way->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0 && (fstat(fd, status) < 0 || !S_ISLNK(status->st_mode)))
			fd = fd_close(fd);
	} else if (fd >= 0 && fstat(fd, status) < 0) {
		number = errno;
		fd = fd_close(fd);
	}
	return fd < 0 ? -number : fd;
}

/* What the link says goes in front of what is left. */
static int cross_link(struct way *way, int link, struct error *err)
{
	char target[PATH_MAX], *rest;
	ssize_t length = readlinkat(link, "", target, sizeof(target));

	if (length < 0)
		return refuse(way, errno, err);
	if (length == 0 || ++way->links > LINKS_MAX)
		return refuse(way, length ? ELOOP : ENOENT, err);
	if (length == sizeof(target) || strlen(way->rest) > PATH_MAX)
		return refuse(way, ENAMETOOLONG, err);
	rest = mem_printf("%.*s%s", (int)length, target, way->rest);
	free(way->rest);
	way->rest = rest;
	return *rest == '/' ? start(way, AT_FDCWD, "", err) : 0;
}

static void cross_directory(struct way *way, int fd, const char *name, const struct stat *status)
{
	if (way->shown.length || way->absolute)
		buf_append_char(&way->shown, '/');
	buf_append_string(&way->shown, name);
	stand_in(way, fd, status);
}

static int walk(struct way *way, int flags, int *ret_fd, struct error *err)
{
	for (;;) {
		bool last, is_link;
		_cleanup_(freep) char *name = next_name(way, &last);
		int wanted = last ? flags | (*way->rest ? O_DIRECTORY : 0) : CROSS;
		struct stat status;
		_cleanup_(fd_closep) int fd = open_entry(way, name, wanted, &status);
		int r;

		/* What is not there others could make, between this and the next use of the name. */
		if (fd < 0) {
			r = judge(way, name, NULL, err);
			return r < 0 ? r : refuse(way, fd, err);
		}
		is_link = S_ISLNK(status.st_mode);
		r = judge(way, name, last && !is_link ? NULL : &status, err);
		if (r == 0 && is_link) {
			r = cross_link(way, fd, err);
		} else if (r == 0 && last) {
			*ret_fd = fd;
			fd = -1;
			return 0;
		} else if (r == 0) {
			cross_directory(way, fd, name, &status);
			fd = -1;
		}
		if (r < 0)
			return r;
	}
}

int path_open(int directory, const char *shown, const char *path, int flags, enum path_trust trust, int *ret_fd,
	struct error *err)
{
	_cleanup_(way_done) struct way way = { .path = path, .trust = trust, .fd = -1, .shown = BUF_NULL };
	int r;

	if (*path == '\0')
		return refuse(&way, ENOENT, err);
	way.rest = mem_strdup(path);
	r = start(&way, directory, shown, err);
	return r < 0 ? r : walk(&way, flags, ret_fd, err);
}

static int judge_opened(const char *path, const struct stat *status, enum path_trust trust, struct error *err)
{
	unsigned mode = status->st_mode & 07777;
	char user[24];

	if (trust == PATH_NOT_EVERYBODY && S_ISREG(status->st_mode) && !path_is_safe(status, trust))
		return error_set(
			err, ERROR_DENIED, 0, "everybody could change '%s' (mode %04o): chmod o-w '%s'", path, mode, path);
	if (trust == PATH_NOT_EVERYBODY)
		return 0;
	if (!is_of_us(status))
		return error_set(err, ERROR_DENIED, 0,
			"'%s' belongs to %s, who could change what is believed of it: chown it", path,
			shown_user(status, user));
	if (!path_is_safe(status, trust))
		return error_set(err, ERROR_DENIED, 0, "others could change '%s' (mode %04o): chmod go-w '%s'", path, mode,
			path);
	return 0;
}

int path_open_trusted(const char *path, int flags, enum path_trust trust, int *ret_fd, struct error *err)
{
	_cleanup_(fd_closep) int fd = -1;
	struct stat status;
	int r;

	r = path_open(AT_FDCWD, "", path, flags, trust, &fd, err);
	if (r == 0 && fstat(fd, &status) < 0)
		r = error_set_errno(err, errno, "open '%s'", path);
	if (r == 0)
		r = judge_opened(path, &status, trust, err);
	if (r < 0)
		return r;
	*ret_fd = fd;
	fd = -1;
	return 0;
}
