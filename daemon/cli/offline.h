/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_CLI_OFFLINE_H
#define DAEMON_CLI_OFFLINE_H

#include <jansson.h>

#include "lib/base/error.h"
#include "lib/base/time.h"

/**
 * offline_status(now, status, err):
 * What the record in the state directory says while the daemon does not answer, in the shape of
 * report_status() with "running" false.  Nothing was looked at, so nothing is "current" or "told" in
 * it, and its exit is never 0.
 */
int offline_status(usec_t now, json_t **ret_status, struct error *err);

#endif
