/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_PULSE_H
#define LIB_AWS_PULSE_H

/*
 * Whether somebody answers: one for each identity, service and region.  Who gives no answer is found out long before a
 * request to him times out, so that nobody else waits for that.  Pure: times (monotonic) are arguments.
 */

#include <stdbool.h>

#include "lib/base/time.h"

/* Who was asked so long ago and has answered nothing since is silent.  Nearly every answer of AWS comes within a second. */
#define PULSE_SILENT (2 * USEC_PER_SEC)

/* So long an answer counts for. */
#define PULSE_PROVEN USEC_PER_MINUTE

struct pulse {
	unsigned asking; /* requests that wait for an answer, or for the credentials that they need */
	usec_t since; /* so long has he owed an answer: the last one, or when he was asked while he owed none */
	usec_t heard; /* the last answer, whatever it said; 0: none yet */
	bool lost; /* the last request that ended did so without an answer */
	bool late; /* the last answer came after he had been silent */
};

static inline void pulse_asked(struct pulse *pulse, usec_t now)
{
	if (pulse->asking++ == 0)
		pulse->since = now;
}

/* pulse_ended(pulse): a request waits no longer, whatever came of it. */
static inline void pulse_ended(struct pulse *pulse)
{
	pulse->asking--;
}

/* pulse_lost(pulse): a request has ended without an answer. */
static inline void pulse_lost(struct pulse *pulse)
{
	pulse->lost = true;
}

/* pulse_silent_at(pulse): when he will be silent, if nothing comes until then; USEC_INFINITY: nothing is asked. */
static inline usec_t pulse_silent_at(const struct pulse *pulse)
{
	return pulse->asking ? usec_add(pulse->since, PULSE_SILENT) : USEC_INFINITY;
}

/* pulse_is_silent(pulse, now): does he owe an answer for too long? */
static inline bool pulse_is_silent(const struct pulse *pulse, usec_t now)
{
	return now >= pulse_silent_at(pulse);
}

/* pulse_is_proven(pulse, now): is his last answer not long ago, and does nothing speak against him since? */
static inline bool pulse_is_proven(const struct pulse *pulse, usec_t now)
{
	return pulse->heard && usec_sub(now, pulse->heard) <= PULSE_PROVEN && !pulse->lost &&
	       !pulse_is_silent(pulse, now);
}

/* pulse_heard(pulse, now): an answer, whatever it says.  True when that may change what
 * is thought of him. */
static inline bool pulse_heard(struct pulse *pulse, usec_t now)
{
	bool news = !pulse_is_proven(pulse, now) || pulse->late;

	pulse->late = pulse_is_silent(pulse, now);
	pulse->since = pulse->heard = now;
	pulse->lost = false;
	return news;
}

#endif
