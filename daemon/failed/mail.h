/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_FAILED_MAIL_H
#define DAEMON_FAILED_MAIL_H

/* A mail, handed to this host's mail server. */

#include "lib/base/error.h"
#include "lib/base/time.h"

/**
 * mail_send(program, mail, timeout, err):
 * Run ${program} -oi -t, which is what sendmail is called with everywhere, with the open file ${mail} (headers with the
 * recipients, and a text) as its standard input, a plain environment and no shell, and wait for its end.  Not there:
 * ERROR_ABSENT; another exit status than 0, a signal, or not ended after ${timeout} and killed: ERROR_RETRY.
 * SIGCHLD must not be ignored, and no other child run.
 */
int mail_send(const char *program, int mail, usec_t timeout, struct error *err);

#endif
