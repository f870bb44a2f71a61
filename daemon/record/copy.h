/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_RECORD_COPY_H
#define DAEMON_RECORD_COPY_H

/* Copies of a store in its former formats, beside it: PATH.format-1 and so on, for going back to an older program. */

#include <sqlite3.h>

#include "lib/base/error.h"

/**
 * copy_make(db, path, format, err):
 * Copy all of ${db}, whose file is ${path} and whose format is ${format}.  The copy has mode 0600, takes the place
 * of an older one of the same format, and is on disk when this returns 0; a crash leaves it whole or not there.
 */
int copy_make(sqlite3 *db, const char *path, int format, struct error *err);

/* copy_find(path, newest): the name of the newest copy whose format is at most ${newest}, or NULL; the caller's. */
char *copy_find(const char *path, int newest);

/* copy_remove_old(path, format): of the copies in formats before ${format}, which the store has now, keep the newest two
 * alone; and nothing half made.  Copies in later ones stay: whoever has gone back may go forward again. */
void copy_remove_old(const char *path, int format);

#endif
