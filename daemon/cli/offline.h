/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_CLI_OFFLINE_H
#define DAEMON_CLI_OFFLINE_H

#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/base/time.h"

#define OFFLINE_NOT_NAMED 5101 /* code of an error: the record is there, and nothing of that name in it */

/**
 * offline_status(now, name, summary, text, err):
 * What the record in the state directory says while the daemon does not answer, in the shape of
 * report_status(), or with ${summary} of report_summary(), with "running" false: of what is called ${name} or below it, or
 * (NULL) of all.  Nothing was looked at, so nothing is "current" or "told" in it, and its exit is never 0.  The caller
 * owns ${ret_text}.
 */
int offline_status(usec_t now, const char *name, bool summary, char **ret_text, struct error *err);

#endif
