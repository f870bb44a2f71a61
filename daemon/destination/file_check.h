/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DESTINATION_FILE_CHECK_H
#define DAEMON_DESTINATION_FILE_CHECK_H

#include "daemon/model/desired.h"
#include "lib/base/error.h"

/*
 * file_check(destination, err): can keys be written to its directory, for its group and for
 * nobody else? The error says which line of tmpfiles.d or which drop-in mends it.
 */
int file_check(const struct desired_destination *destination, struct error *err);

#endif
