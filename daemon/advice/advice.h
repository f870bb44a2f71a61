/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_ADVICE_ADVICE_H
#define DAEMON_ADVICE_ADVICE_H

/* What `certferryd --check` says beside what is wrong: nothing of it keeps the daemon from work. */

#include <stdio.h>

#include "daemon/config/problems.h"
#include "daemon/model/desired.h"

/**
 * advice_print(desired, warnings, stream):
 * Print a line for each of ${warnings} (of config_load()), and for what else stands out on this
 * host: its place, "warning:", what it is, and what to do.  ${desired} is NULL where the configuration
 * is rejected.
 */
void advice_print(
	const struct desired *desired, const struct config_problems *warnings, FILE *stream);

#endif
