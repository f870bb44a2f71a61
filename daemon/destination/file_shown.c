/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A directory is made under a temporary name with all of its links, and then renamed to NAME, or
 * exchanged with the link that is there: no path is absent for a moment.
 */

#include "daemon/destination/file_shown.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/destination/file_check.h"
#include "daemon/destination/file_layout.h"
#include "lib/base/strv.h"
#include "lib/os/file.h"
#include "lib/os/path.h"

#define DATA           "..data"
#define STAMP          ".certferry."
#define STAMP_MODE     0640
#define FLAT_FILE      "haproxy.pem"
#define OPEN_DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

char **file_entries(int directory)
{
	char **names = NULL;
	int fd = directory < 0 ? -1 : openat(directory, ".", OPEN_DIRECTORY);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);

	if (!stream) {
		fd_close(fd);
		return NULL;
	}
	for (struct dirent *entry; (entry = readdir(stream));)
		strv_append(&names, entry->d_name);
	(void)closedir(stream);
	return names;
}

static char *stamp_name(const struct file_name *name)
{
	return mem_printf(STAMP "%s", name->name);
}

static char *data_target(const struct file_name *name, const char *version)
{
	return mem_printf("../%s%s", name->target, version);
}

static char *file_target(const char *file)
{
	return mem_printf(DATA "/%s", file);
}

static int foreign(const struct file_name *name, const char *what, struct error *err)
{
	return error_set(err, ERROR_CONFLICT, EEXIST,
		"'%s' is %s that certferry did not make: move it away, or choose another name with "
		"as:",
		name->path, what);
}

/* Of a link: what it says, and when it was made. */
struct link {
	char says[PATH_MAX];
	struct timespec at;
};

/* 0; -ENOENT; -EINVAL: it is not a link. */
static int read_link(int directory, const char *name, struct link *link)
{
	struct stat status;
	ssize_t length = readlinkat(directory, name, link->says, sizeof(link->says) - 1);

	if (length < 0 || fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	link->says[length] = '\0';
	link->at = status.st_mtim;
	return 0;
}

bool file_shown_is_in(int directory)
{
	struct stat status;

	return fstatat(directory, DATA, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

/* ${says} is ${prefix} and a version. */
static bool is_version(
	const char *says, const char *prefix, char ret_version[static VERSION_NAME_SIZE])
{
	size_t length = strlen(prefix);

	if (strncmp(says, prefix, length) != 0 || strlen(says + length) != VERSION_NAME_SIZE - 1 ||
		strspn(says + length, "0123456789abcdef") != VERSION_NAME_SIZE - 1)
		return false;
	memcpy(ret_version, says + length, VERSION_NAME_SIZE);
	return true;
}

static bool is_of_layout(const struct file_name *name, const char *file)
{
	const char *other;

	for (size_t i = 0; (other = file_layout_file(&name->layout, i)); i++)
		if (strcmp(file, other) == 0)
			return true;
	return false;
}

/* A link of ours to a file that the layout does not have (any more). */
static bool is_stale(const struct file_name *name, int directory, const char *file)
{
	_cleanup_(freep) char *target = file_target(file);
	struct link link;

	return !is_of_layout(name, file) && read_link(directory, file, &link) == 0 &&
	       strcmp(link.says, target) == 0;
}

static bool has_stale(const struct file_name *name, int directory)
{
	const char *file;

	for (size_t i = 0; (file = file_layout_file(NULL, i)); i++)
		if (is_stale(name, directory, file))
			return true;
	return false;
}

/* Beside NAME, for programs that do not look into directories. */
static char *flat_name(const struct file_name *name)
{
	return mem_printf("%s.pem", name->name);
}

static char *flat_target(const struct file_name *name)
{
	return mem_printf("%s/" FLAT_FILE, name->name);
}

/* As with the links of files: 1, 0 or negative. */
static int check_flat(const struct file_name *name, struct error *err)
{
	_cleanup_(freep) char *flat = flat_name(name), *target = flat_target(name);
	bool wanted = name->layout == LAYOUT_HAPROXY_FLAT;
	struct link link;
	int r = read_link(name->parent, flat, &link);
	bool ours = r == 0 && strcmp(link.says, target) == 0;

	if (!wanted) /* one that still leads somewhere may be a person's */
		return !ours || is_of_layout(name, FLAT_FILE);
	if (r == 0 && !ours)
		return error_set(err, ERROR_CONFLICT, EEXIST,
			"'%s.pem' is a link that certferry did not make: move it away, or choose "
			"another name with as:",
			name->path);
	if (r == -EINVAL)
		return error_set(err, ERROR_CONFLICT, EEXIST,
			"'%s.pem' is a file or directory that certferry did not make: move it away, "
			"or choose another name with as:",
			name->path);
	if (r < 0 && r != -ENOENT)
		return error_set_errno(err, r, "read link '%s.pem'", name->path);
	return ours;
}

static int put_flat(const struct file_name *name, struct error *err)
{
	_cleanup_(freep) char *flat = flat_name(name), *target = flat_target(name);
	int r = check_flat(name, err);

	if (r != 0)
		return r < 0 ? r : 0;
	if (name->layout == LAYOUT_HAPROXY_FLAT)
		return link_put(name->parent, flat, target, err);
	(void)unlinkat(name->parent, flat, 0);
	return 0;
}

/*
 * 1: each FILE is our link; 0: not all are, and ${others} has those that are somebody's; negative:
 * a file of somebody is in the place of one.
 */
static int check_links(
	const struct file_name *name, int directory, char ***others, struct error *err)
{
	const char *file;
	int all = 1;

	for (size_t i = 0; (file = file_layout_file(&name->layout, i)); i++) {
		_cleanup_(freep) char *target = file_target(file), *other = NULL;
		struct link link;
		int r = read_link(directory, file, &link);
		bool ours = r == 0 && strcmp(link.says, target) == 0;

		if (r == -EINVAL)
			return error_set(err, ERROR_CONFLICT, EEXIST,
				"'%s/%s' is a file that certferry did not make, in the place of "
				"its link: move it away",
				name->path, file);
		if (r < 0 && r != -ENOENT)
			return error_set_errno(err, r, "read link '%s/%s'", name->path, file);
		if (r == 0 && !ours) {
			other = mem_printf("%s -> %s", file, link.says);
			strv_append(others, other);
		}
		all &= ours;
	}
	return all;
}

bool timespec_is_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

static bool is_stamped(const struct file_name *name, const struct timespec *at)
{
	_cleanup_(freep) char *stamp = stamp_name(name);
	struct stat status;

	return fstatat(name->parent, stamp, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(status.st_mode) && !timespec_is_before(&status.st_mtim, at);
}

static int open_directory(const struct file_name *name, int *ret_fd, struct error *err)
{
	_cleanup_(fd_closep) int fd = openat(name->parent, name->name, OPEN_DIRECTORY);
	struct stat status;

	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return foreign(name, "a file", err);
	if (fd < 0 || fstat(fd, &status) < 0)
		return error_set_errno(err, errno, "open directory '%s'", name->path);
	if (!path_is_safe(&status, PATH_OUR_GROUP))
		return file_refuse_changeable(name->path, "", &status, err);
	*ret_fd = fd;
	fd = -1;
	return 0;
}

static int read_directory(const struct file_name *name, struct file_shown *shown, struct error *err)
{
	_cleanup_(freep) char *prefix = data_target(name, "");
	struct link data;
	int flat, r;

	r = open_directory(name, &shown->directory, err);
	if (r < 0)
		return r;
	r = read_link(shown->directory, DATA, &data);
	if (r == -ENOENT || r == -EINVAL ||
		(r == 0 && !is_version(data.says, prefix, shown->version)))
		return foreign(name, "a directory", err);
	if (r < 0)
		return error_set_errno(err, r, "read link '%s/" DATA "'", name->path);
	shown->at = data.at;
	r = check_links(name, shown->directory, &shown->others, err);
	if (r < 0)
		return r;
	flat = check_flat(name, err);
	if (flat < 0)
		return flat;
	shown->finished = r && flat && !has_stale(name, shown->directory) &&
			  is_stamped(name, &shown->at);
	return 0;
}

int file_shown_read(const struct file_name *name, struct file_shown *shown, struct error *err)
{
	struct link link;
	int r = name->parent < 0 ? -ENOENT : read_link(name->parent, name->name, &link);

	if (name->parent < 0)
		return 0;
	if (r == -ENOENT) {
		r = check_flat(name, err);
		return r < 0 ? r : 0;
	}
	if (r == -EINVAL)
		return read_directory(name, shown, err);
	if (r < 0)
		return error_set_errno(err, r, "read link '%s'", name->path);
	if (!is_version(link.says, name->target, shown->version))
		return foreign(name, "a link", err);
	shown->at = link.at;
	r = check_flat(name, err);
	shown->finished = r > 0;
	return r < 0 ? r : 0;
}

/* --- Switching --- */

static int put_links(const struct file_name *name, int directory, struct error *err)
{
	const char *file;

	for (size_t i = 0; (file = file_layout_file(&name->layout, i)); i++) {
		_cleanup_(freep) char *target = file_target(file);
		int r = link_put(directory, file, target, err);

		if (r < 0)
			return r;
	}
	for (size_t i = 0; (file = file_layout_file(NULL, i)); i++)
		if (is_stale(name, directory, file))
			(void)unlinkat(directory, file, 0);
	if (fsync(directory) < 0)
		return error_set_errno(err, errno, "fsync directory '%s'", name->path);
	return 0;
}

/*
 * Where the clock was set back since ..data was made, the stamp would be older for as long, and
 * never be found good.
 */
static int make_stamp(
	const struct file_name *name, const char *temporary, const struct timespec *data)
{
	_cleanup_(fd_closep) int fd = openat(name->parent, temporary,
		O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, STAMP_MODE);
	const struct timespec times[] = { *data, *data };
	struct stat status;

	if (fd < 0 || fchmod(fd, STAMP_MODE) < 0 || fstat(fd, &status) < 0)
		return -errno;
	return timespec_is_before(&status.st_mtim, data) && futimens(fd, times) < 0 ? -errno : 0;
}

static int put_stamp(const struct file_name *name, const struct timespec *data, struct error *err)
{
	_cleanup_(freep) char *stamp = stamp_name(name);
	_cleanup_(freep) char *temporary = file_temporary_name(stamp);
	int r;

	r = put_flat(name, err);
	if (r < 0)
		return r;
	r = make_stamp(name, temporary, data);
	if (r == 0 && renameat(name->parent, temporary, name->parent, stamp) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(name->parent, temporary, 0);
		return error_set_errno(err, r, "write '%s' beside '%s'", stamp, name->path);
	}
	if (fsync(name->parent) < 0)
		return error_set_errno(err, errno, "fsync the directory of '%s'", name->path);
	return 0;
}

/* All but ..data, as it is now. */
static int finish(const struct file_name *name, int directory, struct error *err)
{
	struct link data;
	int r;

	r = put_links(name, directory, err);
	if (r < 0)
		return r;
	r = read_link(directory, DATA, &data);
	return r < 0 ? error_set_errno(err, r, "read link '%s/" DATA "'", name->path)
		     : put_stamp(name, &data.at, err);
}

int file_shown_finish(
	const struct file_name *name, const struct file_shown *shown, struct error *err)
{
	return shown->directory < 0 ? put_flat(name, err) : finish(name, shown->directory, err);
}

static bool is_temporary_of_a_link(const char *name)
{
	const char *file;

	if (file_is_temporary(name, DATA))
		return true;
	for (size_t i = 0; (file = file_layout_file(NULL, i)); i++)
		if (file_is_temporary(name, file))
			return true;
	return false;
}

static void clear_links(int directory)
{
	_cleanup_(strv_freep) char **entries = file_entries(directory);

	STRV_FOREACH (entry, entries)
		if (is_temporary_of_a_link(*entry))
			(void)unlinkat(directory, *entry, 0);
}

/* Only what we make in it: somebody else's file keeps it where it is. */
static void remove_directory(const struct file_name *name, const char *temporary)
{
	_cleanup_(fd_closep) int fd = openat(name->parent, temporary, OPEN_DIRECTORY);
	const char *file;

	if (fd < 0)
		return;
	clear_links(fd);
	(void)unlinkat(fd, DATA, 0);
	for (size_t i = 0; (file = file_layout_file(NULL, i)); i++)
		(void)unlinkat(fd, file, 0);
	(void)unlinkat(name->parent, temporary, AT_REMOVEDIR);
}

static int fill_directory(
	const struct file_name *name, int directory, const char *version, struct error *err)
{
	_cleanup_(freep) char *target = data_target(name, version);
	struct stat status;

	if (fstat(directory, &status) < 0)
		return error_set_errno(err, errno, "make directory '%s'", name->path);
	if (name->group != (gid_t)-1 && status.st_gid != name->group)
		return error_set(err, ERROR_DENIED, 0,
			"a new directory '%s' does not get the destination's group: the directory "
			"above lacks the "
			"set-group-id bit (chmod g+s) or has another group (chgrp)",
			name->path);
	if (symlinkat(target, directory, DATA) < 0)
		return error_set_errno(err, errno, "link '%s/" DATA "'", name->path);
	return put_links(name, directory, err);
}

/* Whole, and shown by nobody yet. */
static int make_directory(
	const struct file_name *name, const char *temporary, const char *version, struct error *err)
{
	_cleanup_(fd_closep) int fd = -1;
	int r;

	r = directory_make(name->parent, temporary, 0750);
	if (r < 0)
		return error_set_errno(err, r, "make directory '%s'", name->path);
	fd = openat(name->parent, temporary, OPEN_DIRECTORY);
	r = fd < 0 ? error_set_errno(err, errno, "open directory '%s'", name->path)
		   : fill_directory(name, fd, version, err);
	if (r < 0)
		remove_directory(name, temporary);
	return r;
}

/* A link that is there is what ${temporary} is afterwards. */
static int move_into_place(
	const struct file_name *name, const char *temporary, bool exchange, struct error *err)
{
	if (renameat2(name->parent, temporary, name->parent, name->name,
		    exchange ? RENAME_EXCHANGE : 0) == 0) {
		if (exchange)
			(void)unlinkat(name->parent, temporary, 0);
		return 0;
	}
	(void)error_set_errno(err, errno,
		exchange ? "exchange '%s' for a directory" : "rename directory '%s'", name->path);
	remove_directory(name, temporary);
	return error_result(err);
}

static int stamp_new(const struct file_name *name, struct error *err)
{
	_cleanup_(fd_closep) int fd = openat(name->parent, name->name, OPEN_DIRECTORY);
	struct link data;
	int r = fd < 0 ? -errno : read_link(fd, DATA, &data);

	return r < 0 ? error_set_errno(err, r, "read link '%s/" DATA "'", name->path)
		     : put_stamp(name, &data.at, err);
}

static int show_directory(
	const struct file_name *name, const char *version, bool exchange, struct error *err)
{
	_cleanup_(freep) char *temporary = file_temporary_name(name->name);
	int r;

	r = make_directory(name, temporary, version, err);
	return r < 0 ? r : move_into_place(name, temporary, exchange, err);
}

/* Whatever keeps it from becoming a directory must not keep the version from being shown. */
static int switch_link(const struct file_name *name, const char *version,
	struct shown_news *news, struct error *err)
{
	_cleanup_(freep) char *target = NULL;
	int r;

	news->path = mem_strdup(name->path);
	if (show_directory(name, version, /* exchange= */ true, &news->why) == 0) {
		news->change = SHOWN_BECAME_DIRECTORY;
		return stamp_new(name, err);
	}
	target = mem_printf("%s%s", name->target, version);
	news->change = SHOWN_STAYS_LINK;
	r = put_flat(name, err);
	return r < 0 ? r : link_replace(name->parent, name->name, target, err);
}

static int switch_directory(const struct file_name *name, const struct file_shown *shown,
	const char *version, struct error *err)
{
	_cleanup_(freep) char *target = data_target(name, version);
	int r = link_put(shown->directory, DATA, target, err);

	return r < 0 ? r : finish(name, shown->directory, err);
}

int file_shown_switch(const struct file_name *name, const struct file_shown *shown,
	const char *version, struct shown_news *news, struct error *err)
{
	int r;

	if (shown->directory >= 0)
		return switch_directory(name, shown, version, err);
	if (*shown->version)
		return switch_link(name, version, news, err);
	r = show_directory(name, version, /* exchange= */ false, err);
	return r < 0 ? r : stamp_new(name, err);
}

/* --- What is left --- */

void file_shown_clear(const struct file_name *name, const struct file_shown *shown)
{
	_cleanup_(freep) char *stamp = stamp_name(name), *flat = flat_name(name);
	_cleanup_(strv_freep) char **beside = file_entries(name->parent);

	STRV_FOREACH (entry, beside)
		if (file_is_temporary(*entry, stamp) || file_is_temporary(*entry, flat) ||
			file_is_temporary(*entry, name->name)) {
			remove_directory(name, *entry);
			(void)unlinkat(name->parent, *entry, 0);
		}
	clear_links(shown->directory);
}

void file_shown_done(struct file_shown *shown)
{
	shown->directory = fd_close(shown->directory);
	shown->others = strv_free(shown->others);
}
