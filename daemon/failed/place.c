/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/failed/place.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/os/file.h"

int place_make(const char *directory, uid_t owner, struct error *err)
{
	struct stat status;

	if (mkdir(directory, 0700) < 0 && errno != EEXIST)
		return error_set_errno(err, errno, "make directory '%s'", directory);
	if (lstat(directory, &status) < 0)
		return error_set_errno(err, errno, "'%s'", directory);
	if (!S_ISDIR(status.st_mode) || status.st_uid != owner || (status.st_mode & 077))
		return error_set(err, ERROR_DENIED, 0,
			"'%s' must be a directory of user %u with mode 0700; remove it, and it is made again", directory,
			(unsigned)owner);
	return 0;
}

char *place_path(const char *directory, const char *name)
{
	return mem_printf("%s/%s", directory, name);
}

int place_load(const char *directory, const char *name, struct ends *ret_ends)
{
	_cleanup_(freep) char *path = place_path(directory, name);
	_cleanup_(buf_done) struct buf content = BUF_NULL;

	if (file_read(path, ENDS_TEXT_MAX, &content, NULL) < 0 || ends_parse(content.data, ret_ends) < 0)
		return -ENOENT;
	return 0;
}

int place_save(const char *directory, const char *name, const struct ends *ends, struct error *err)
{
	_cleanup_(freep) char *path = place_path(directory, name), *text = ends_format(ends);

	return file_replace(path, text, strlen(text), 0600, err);
}

void place_remove(const char *directory, const char *name)
{
	_cleanup_(freep) char *path = place_path(directory, name);

	(void)unlink(path);
}
