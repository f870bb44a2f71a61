/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_OS_FD_H
#define LIB_OS_FD_H

/* fd_close(fd): close unless negative; returns -1.  fd_closep for _cleanup_. */
int fd_close(int fd);
void fd_closep(int *fd);

#endif
