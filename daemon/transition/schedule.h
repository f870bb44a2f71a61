/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_TRANSITION_SCHEDULE_H
#define DAEMON_TRANSITION_SCHEDULE_H

/* When to try again: the second and last place where what failed is retried (the first is lib/aws, within
 * seconds; see lib/README.md).  Pure. */

#include "lib/base/error.h"
#include "lib/base/time.h"

#define BACKOFF_FIRST  USEC_PER_MINUTE
#define BACKOFF_LONGEST (6 * USEC_PER_HOUR)

/* A proof that did not show the new version is repeated after this; so long is a look at a dependent put off of which it
 * could not be found out whether it was told. */
#define PROVE_AGAIN    (10 * USEC_PER_MINUTE)
#define QUESTION_AGAIN (6 * USEC_PER_HOUR)

/* The chances there are: whoever tries again at random picks one below this. */
#define CHANCES 1000u

/**
 * backoff(failures, kind):
 * How long to wait after the ${failures}-th failure in a row (1 or more): one minute, doubled each time,
 * six hours at most.  A quota that is exhausted waits the longest at once.
 */
usec_t backoff(unsigned failures, enum error_kind kind);

/* spread(wait, share, chance): ${wait} give or take up to a ${share}-th of it (4: a quarter), from the least at chance 0 to the
 * most at CHANCES. */
usec_t spread(usec_t wait, unsigned share, unsigned chance);

/* Of something that is tried again when it failed: its members in a record, owned there. */
struct attempts {
	unsigned *failures;
	usec_t *next_try; /* wall clock; 0: not put off */
	char **problem;
};

/* attempts_failed(attempts, err, share, chance, now): it failed once more, for ${err}; tried again after a back-off, spread. */
void attempts_failed(
	const struct attempts *attempts, const struct error *err, unsigned share, unsigned chance, usec_t now);

/* attempts_succeeded(attempts): it did not fail, or what failed is of no matter any more. */
void attempts_succeeded(const struct attempts *attempts);

#endif
