/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_OS_LOCK_H
#define LIB_OS_LOCK_H

#include "lib/base/error.h"

/**
 * lock_take(directory, path, fd, err):
 * Create ${path} (mode 0600) from the open ${directory} (or AT_FDCWD) and take an exclusive flock(2)
 * on it, without waiting.  ${fd} holds the lock until it is closed or the process ends.  A lock that
 * another process holds is ERROR_CONFLICT.
 */
int lock_take(int directory, const char *path, int *ret_fd, struct error *err);

#endif
