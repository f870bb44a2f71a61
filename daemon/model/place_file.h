/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_MODEL_PLACE_FILE_H
#define DAEMON_MODEL_PLACE_FILE_H

/* Places that are a directory of this host: those of the kind file. */

#include "daemon/model/place.h"

/* The directory that the installation makes, by a file of tmpfiles.d(5) of its own. */
#define PLACE_FILE_SHIPPED "/var/lib/certferry-tls"

extern const struct place_kind file_place_kind;

/* place_file_tmpfiles(directory): which file below /etc/tmpfiles.d is to make ${directory}: the one
 * that takes the place of the shipped one, or one for all other directories. */
const char *place_file_tmpfiles(const char *directory);

#endif
