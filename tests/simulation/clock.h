/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SIMULATION_CLOCK_H
#define TESTS_SIMULATION_CLOCK_H

/*
 * Time that jumps.  This program defines clock_gettime(), timerfd_create(), timerfd_settime(),
 * epoll_wait() and getrandom() itself, for the daemon's code and for the libraries alike: libsystemd's event
 * loop then waits in a time in which only what is waited for passes.  When no file descriptor is ready,
 * the clock jumps to the next timer.  Work takes no time.  Chance comes from a seed, so that two runs with the
 * same seed are the same run.
 */

#include <stdint.h>

#include "lib/base/time.h"

/**
 * virtual_idle_fn(next):
 * Nothing is ready and the clock is about to jump to ${next} (monotonic; USEC_INFINITY: nobody waits for any
 * time, so something has to be made ready, or the run is stuck).
 */
typedef void (*virtual_idle_fn)(usec_t next);

/* virtual_start(seed, idle): from now on time is virtual; before any use of the event loop. */
void virtual_start(uint64_t seed, virtual_idle_fn idle);

/* virtual_random(): the next of the seed's numbers. */
uint64_t virtual_random(void);

/* virtual_cpu(): processor time that this process has really used. */
usec_t virtual_cpu(void);

#endif
