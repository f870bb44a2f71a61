/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_PLAN_SCHEDULE_H
#define DAEMON_PLAN_SCHEDULE_H

/* When to try again: the second and last place where what failed is retried (the first is lib/aws, within
 * seconds; see lib/README.md).  Pure. */

#include "lib/base/error.h"
#include "lib/base/time.h"

#define BACKOFF_FIRST  USEC_PER_MINUTE
#define BACKOFF_LONGEST (6 * USEC_PER_HOUR)

/**
 * backoff(failures, kind):
 * How long to wait after the ${failures}-th failure in a row (1 or more): one minute, doubled each time,
 * six hours at most.  A quota that is exhausted waits the longest at once.
 */
usec_t backoff(unsigned failures, enum error_kind kind);

#endif
