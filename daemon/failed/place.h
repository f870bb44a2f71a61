/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_FAILED_PLACE_H
#define DAEMON_FAILED_PLACE_H

/*
 * The directory where certferry-stopped notes how the unit ended and certferry-failed finds what to tell.  It is root's
 * alone, and not the unit's RuntimeDirectory=: the daemon's user must not write what root reads and mails.  It lies in
 * /run: what happened before the host has booted counts no more.
 */

#include <sys/types.h>

#include "daemon/failed/ends.h"
#include "lib/base/error.h"

#define PLACE	   "/run/certferry-failed"
#define PLACE_ENDS "ends" /* what is counted; only certferry-stopped writes it */
#define PLACE_DUE  "due"  /* what is to be told; certferry-failed takes it */
#define PLACE_TOLD "told" /* the last series that was told, and when; certferry-failed writes it */
#define PLACE_MAIL "mail" /* a mail to be sent; `certferry-failed mail` takes it */

/* place_make(directory, owner, err): make it if it is not there; ERROR_DENIED when others than ${owner} may enter it. */
int place_make(const char *directory, uid_t owner, struct error *err);

/* place_path(directory, name): the path of a file there; the caller owns it. */
char *place_path(const char *directory, const char *name);

/* place_load(directory, name, ends): what place_save() has written; -ENOENT, with ${ends} untouched, when there is
 * nothing that makes sense. */
int place_load(const char *directory, const char *name, struct ends *ret_ends);

/* place_save(directory, name, ends, err): write it so that a reader finds the old or the new. */
int place_save(const char *directory, const char *name, const struct ends *ends, struct error *err);

/* place_remove(directory, name): if it is there. */
void place_remove(const char *directory, const char *name);

#endif
