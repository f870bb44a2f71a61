/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/destination/file_check.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/os/file.h"

#define GROUP_UNMAPPED 65534 /* overflowgid of proc(5) */

/*
 * What an administrator types; the sandbox lets the daemon change neither group nor owner
 * itself.
 */
static char *remedy(const struct desired_destination *destination)
{
	return mem_printf(
		"put the line 'd %s %s certferry %s -' into /etc/tmpfiles.d/certferry-files.conf "
		"and run: systemd-tmpfiles --create",
		destination->directory, destination->group ? "2750" : "0750",
		destination->group ?: "certferry");
}

static int check_writable(const struct desired_destination *destination, int fd, struct error *err)
{
	_cleanup_(freep) char *mend = remedy(destination);

	if (faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) == 0)
		return 0;
	if (errno == EROFS)
		return error_set(err, ERROR_DENIED, EROFS,
			"directory '%s' is read-only here: if it is the service's sandbox, install "
			"what 'certferryd --unit-dropin' prints, and restart certferryd",
			destination->directory);
	return error_set(err, ERROR_DENIED, errno,
		"directory '%s' cannot be written by this user: %s", destination->directory, mend);
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
			"directory '%s' lacks the set-group-id bit, so new files would not get "
			"group '%s': %s",
			destination->directory, destination->group, mend);
	return 0;
}

bool file_is_trusted(const struct stat *status)
{
	bool ours = status->st_uid == 0 || status->st_uid == geteuid();
	bool our_group = status->st_gid == 0 || status->st_gid == getegid();

	return ours && !(status->st_mode & S_IWOTH) &&
		(our_group || !(status->st_mode & S_IWGRP));
}

int file_check(const struct desired_destination *destination, struct error *err)
{
	_cleanup_(freep) char *mend = remedy(destination);
	_cleanup_(fd_closep) int fd = -1;
	struct stat status;
	int r;

	fd = open(destination->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return error_set(err, ERROR_ABSENT, errno, "directory '%s' %s: %s",
			destination->directory,
			errno == ENOENT ? "does not exist" : "is not a directory", mend);
	if (fd < 0 || fstat(fd, &status) < 0)
		return error_set(err, ERROR_DENIED, errno, "directory '%s' cannot be opened: %s",
			destination->directory, mend);
	if (!file_is_trusted(&status) || (destination->group && status.st_mode & S_IWGRP))
		return error_set(err, ERROR_DENIED, 0,
			"directory '%s' can be written by others (user %u, group %u, mode %04o), "
			"who could read or replace the keys in it: %s",
			destination->directory, (unsigned)status.st_uid, (unsigned)status.st_gid,
			(unsigned)(status.st_mode & 07777), mend);
	r = check_writable(destination, fd, err);
	if (r == 0 && destination->group)
		r = check_group(destination, &status, err);
	return r;
}
