/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/os/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/os/file.h"

int lock_take(int directory, const char *path, int *ret_fd, struct error *err)
{
	_cleanup_(fd_closep) int fd = openat(directory, path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return error_set_errno(err, errno, "open lock '%s'", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			return error_set(err, ERROR_CONFLICT, errno,
				"another process holds the lock '%s'", path);
		return error_set_errno(err, errno, "lock '%s'", path);
	}
	*ret_fd = fd;
	fd = -1;
	return 0;
}
