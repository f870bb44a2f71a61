/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/os/fd.h"

#include <unistd.h>

int fd_close(int fd)
{
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

void fd_closep(int *fd)
{
	*fd = fd_close(*fd);
}
