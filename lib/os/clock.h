/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_OS_CLOCK_H
#define LIB_OS_CLOCK_H

/* The clocks, and jitter.  Whoever can, takes a time as an argument instead. */

#include "lib/base/time.h"

/* clock_now(): the wall clock (CLOCK_REALTIME). */
usec_t clock_now(void);

/* clock_monotonic(): microseconds since some point in the past, never stepping back (CLOCK_MONOTONIC). */
usec_t clock_monotonic(void);

/* clock_boottime(): microseconds since the host has booted, those of its sleep too (CLOCK_BOOTTIME): the same in all
 * processes, and no change of the wall clock moves it. */
usec_t clock_boottime(void);

/* jitter(duration, percent): ${duration} changed at random by at most ${percent} % either way. */
usec_t jitter(usec_t duration, unsigned percent);

/* random_below(limit): uniform in 0 .. limit - 1 (0 for limit 0); not for secrets. */
uint64_t random_below(uint64_t limit);

#endif
