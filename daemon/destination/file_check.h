/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DESTINATION_FILE_CHECK_H
#define DAEMON_DESTINATION_FILE_CHECK_H

#include <sys/stat.h>

#include "daemon/model/desired.h"
#include "lib/base/error.h"

/*
 * file_open_directory(destination, fd, err): its directory, if keys can be written there for its
 * group and for nobody else, and nobody else could put another one in its place.  The error says
 * which line of tmpfiles.d, which drop-in or which command helps.  What is written goes through
 * ${fd}, so that it is this directory that was judged.
 */
int file_open_directory(const struct desired_destination *destination, int *ret_fd, struct error *err);

/* file_check(destination, err): would file_open_directory() open it? */
int file_check(const struct desired_destination *destination, struct error *err);

/* file_refuse_changeable(name, way, status, err): others could change what is in the directory
 * ${name}, ${way} (" on the way to ..." or ""), which ${status} describes.  Whatever is in it may
 * be what is served now, so the way out that is named leaves it as it is.  Returns what error_set()
 * does. */
int file_refuse_changeable(
	const char *name, const char *way, const struct stat *status, struct error *err);

#endif
