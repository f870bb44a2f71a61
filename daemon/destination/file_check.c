/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/destination/file_check.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/model/place_file.h"
#include "lib/os/file.h"
#include "lib/os/path.h"

#define GROUP_UNMAPPED 65534 /* overflowgid of proc(5) */

/*
 * What an administrator types; the sandbox lets the daemon change neither group nor owner
 * itself.
 */
static char *remedy(const struct desired_destination *destination)
{
	const char *directory = destination->directory;
	bool set_gid = destination->group || strcmp(directory, PLACE_FILE_SHIPPED) == 0;

	return mem_printf("put the line 'd %s %s certferry %s -' into /etc/tmpfiles.d/%s "
			  "and run: systemd-tmpfiles --create",
		directory, set_gid ? "2750" : "0750", destination->group ?: "certferry",
		place_file_tmpfiles(directory));
}

static int check_writable(const struct desired_destination *destination, int fd, struct error *err)
{
	_cleanup_(freep) char *mend = remedy(destination);

	if (faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) == 0)
		return 0;
	if (errno == EROFS)
		return error_set(err, ERROR_DENIED, EROFS,
			"directory '%s' is read-only; if the unit's sandbox makes it so, install the "
			"drop-in that 'certferryd --unit-dropin' prints, and restart certferryd",
			destination->directory);
	return error_set(err, ERROR_DENIED, errno,
		"this user cannot write to directory '%s': %s", destination->directory, mend);
}

static int find_group(const char *name, gid_t *ret_gid, struct error *err)
{
	size_t size = 16384;

	for (;; size *= 4) {
		_cleanup_(freep) char *memory = mem_alloc(size);
		struct group group, *found;
		int number = getgrnam_r(name, &group, memory, size, &found);

		if (number == ERANGE && size < (1 << 24))
			continue;
		if (found)
			*ret_gid = found->gr_gid;
		if (number == 0 && !found)
			return error_set(err, ERROR_ABSENT, 0, "group '%s' does not exist", name);
		return found ? 0 : error_set_errno(err, number, "look up group '%s'", name);
	}
}

/* Has this user namespace, the unit's PrivateUsers=, a name of its own for ${gid}? */
static bool is_mapped(gid_t gid)
{
	FILE *map = fopen("/proc/self/gid_map", "re");
	unsigned long inside, outside, count;
	bool mapped = !map;

	while (!mapped && fscanf(map, "%lu %lu %lu", &inside, &outside, &count) == 3)
		mapped = gid >= inside && gid - inside < count;
	if (map)
		(void)fclose(map);
	return mapped;
}

/* Groups without a name here all look the same: which of them it is cannot be told. */
static bool can_be_group(gid_t seen, gid_t wanted)
{
	return seen == wanted || (seen == GROUP_UNMAPPED && !is_mapped(wanted));
}

static int check_group(
	const struct desired_destination *destination, const struct stat *status, struct error *err)
{
	_cleanup_(freep) char *mend = remedy(destination);
	gid_t gid = 0;
	int r;

	r = find_group(destination->group, &gid, err);
	if (r < 0)
		return error_wrap(err, "directory '%s'", destination->directory);
	if (!can_be_group(status->st_gid, gid))
		return error_set(err, ERROR_DENIED, 0,
			"directory '%s' belongs to group id %u, not to '%s': %s",
			destination->directory, (unsigned)status->st_gid, destination->group, mend);
	if (!(status->st_mode & S_ISGID))
		return error_set(err, ERROR_DENIED, 0,
			"directory '%s' lacks the set-group-id bit, so new files would not get group "
			"'%s': %s",
			destination->directory, destination->group, mend);
	return 0;
}

static int open_directory(const struct desired_destination *destination, int *ret_fd, struct error *err)
{
	_cleanup_(freep) char *mend = remedy(destination);
	_cleanup_(error_done) struct error problem = ERROR_NULL;
	int number;

	if (path_open(AT_FDCWD, "", destination->directory, O_RDONLY | O_DIRECTORY, PATH_OUR_GROUP, ret_fd, &problem) == 0)
		return 0;
	number = problem.code;
	if (number == ENOENT || number == ENOTDIR)
		return error_set(err, ERROR_ABSENT, number, "directory '%s' %s: %s", destination->directory,
			number == ENOENT ? "does not exist" : "is not a directory", mend);
	if (number)
		return error_set(err, ERROR_DENIED, number, "this user cannot open directory '%s': %s",
			destination->directory, mend);
	return error_set(err, ERROR_DENIED, 0, "%s", problem.text);
}

static int check_directory(const struct desired_destination *destination, int fd, struct error *err)
{
	_cleanup_(freep) char *mend = remedy(destination);
	struct stat status;
	int r;

	if (fstat(fd, &status) < 0)
		return error_set_errno(err, errno, "directory '%s'", destination->directory);
	if (!path_is_safe(&status, PATH_OUR_GROUP) || (destination->group && status.st_mode & S_IWGRP))
		return error_set(err, ERROR_DENIED, 0,
			"others can write to directory '%s' (user %u, group %u, mode %04o), and could "
			"read or replace the keys in it: %s",
			destination->directory, (unsigned)status.st_uid, (unsigned)status.st_gid,
			(unsigned)(status.st_mode & 07777), mend);
	r = check_writable(destination, fd, err);
	if (r == 0 && destination->group)
		r = check_group(destination, &status, err);
	return r;
}

int file_open_directory(const struct desired_destination *destination, int *ret_fd, struct error *err)
{
	_cleanup_(fd_closep) int fd = -1;
	int r;

	r = open_directory(destination, &fd, err);
	if (r == 0)
		r = check_directory(destination, fd, err);
	if (r < 0)
		return r;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

int file_check(const struct desired_destination *destination, struct error *err)
{
	_cleanup_(fd_closep) int fd = -1;

	return file_open_directory(destination, &fd, err);
}

int file_refuse_changeable(
	const char *name, const char *way, const struct stat *status, struct error *err)
{
	const unsigned owner = (unsigned)status->st_uid;

	if (owner != 0 && owner != geteuid())
		return error_set(err, ERROR_CONFLICT, EPERM,
			"directory '%s'%s belongs to user %u, and certferryd runs as user %u: run "
			"it as the user that owns the files, or choose another name with as:",
			name, way, owner, (unsigned)geteuid());
	return error_set(err, ERROR_CONFLICT, EPERM,
		"others can write to directory '%s'%s (group %u, mode %04o): run chmod go-w on it, or "
		"choose another name with as:",
		name, way, (unsigned)status->st_gid, (unsigned)(status->st_mode & 07777));
}
