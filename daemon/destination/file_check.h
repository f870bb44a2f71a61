/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DESTINATION_FILE_CHECK_H
#define DAEMON_DESTINATION_FILE_CHECK_H

#include <stdbool.h>

#include "daemon/model/desired.h"
#include "lib/base/error.h"

/*
 * file_check(destination, err): can keys be written to its directory, for its group and for
 * nobody else? The error says which line of tmpfiles.d or which drop-in mends it.
 */
int file_check(const struct desired_destination *destination, struct error *err);

struct stat;

/*
 * file_is_trusted(status): can nobody but root and this user put anything into the directory of
 * ${status}?  What others could have made below it is not written into: they may own a part of
 * it, or have its set-group-id bit hand new keys to their group.
 */
bool file_is_trusted(const struct stat *status);

#endif
