/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_CLI_ADOPT_FILE_H
#define DAEMON_CLI_ADOPT_FILE_H

/* The text of conf.d/adopt.yaml: a proposal which imports of others to take over.  Pure. */

#include <jansson.h>
#include <stddef.h>

#include "lib/base/time.h"

struct adopt_count {
	size_t chosen; /* deliveries with an active line */
	size_t open; /* those where a person must choose */
	size_t kept; /* lines taken over from the file that is replaced */
};

/* adopt_left_out(choice), adopt_users_left_out(candidate): how many candidates of a delivery, or users of one, the daemon
 * counts beyond those that it names. */
size_t adopt_left_out(const json_t *choice);
size_t adopt_users_left_out(const json_t *candidate);

/**
 * adopt_file(candidates, now, former, count):
 * The file's text, which the caller owns.  ${candidates} is the daemon's answer (report_candidates()).
 * A line is active only where exactly one candidate is admitted by ACM and that one is in use, and the
 * daemon names them all; the others are comments with the reason.  ${former} is the text of the file that is replaced, or NULL:
 * its active lines for deliveries that no longer ask are kept, since those live by them.
 */
char *adopt_file(const json_t *candidates, usec_t now, const char *former,
	struct adopt_count *ret_count);

#endif
