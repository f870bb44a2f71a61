/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_MODEL_PLACE_FILE_H
#define DAEMON_MODEL_PLACE_FILE_H

/* Places that are a directory of this host: those of the kind file. */

#include "daemon/model/place.h"

extern const struct place_kind file_place_kind;

#endif
