/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_PLAN_EXPIRY_H
#define DAEMON_PLAN_EXPIRY_H

/*
 * When the end of a certificate is near: one answer for all who ask, for what status shows, for
 * what the journal says and for holds that yield.  Pure.
 */

#include <stdbool.h>

#include "lib/base/time.h"

/* A certificate's life, and what is known of its renewal. */
struct expiry {
	usec_t not_before;
	usec_t not_after;
	bool is_private; /* a private CA issued it; else it is public, or not known */
	usec_t warn; /* the key warn:; 0: by its lifetime */
	/* What ACM says of its renewal (RenewalSummary), the reason being the domains that it
	 * waits for where there is no other; NULL: nothing.  A reason alone: why ACM could not be
	 * asked. */
	const char *status;
	const char *reason;
	bool ineligible; /* ACM will not renew it */
};

enum expiry_state {
	EXPIRY_FAR,
	EXPIRY_NEAR, /* and no renewal has taken its place */
	EXPIRY_PAST,
};

/**
 * expiry_warns_at(expiry):
 * From this time on ${expiry} is EXPIRY_NEAR.  By default 45 days before the end of a private
 * certificate, 30 of a public one, and a quarter of a life under 90 days; never before its renewal
 * is 3 days late, or a tenth of its life where that is less, whatever warn: says: a renewal that
 * comes when it should warns nobody.  ACM renews private certificates 60 days before their end and
 * public ones 60 to 45; of lives under 90 days it says nothing, and those who renew such do so with
 * a third of it left.
 */
usec_t expiry_warns_at(const struct expiry *expiry);

/* expiry_state(expiry, now): FAR too where nothing is known of the end. */
enum expiry_state expiry_state(const struct expiry *expiry, usec_t now);

/* expiry_problem(expiry, now): what is wrong and, where it is known, why ACM does not renew it;
 * NULL for FAR.  The caller owns it. */
char *expiry_problem(const struct expiry *expiry, usec_t now);

/**
 * expiry_yields_at(not_before, not_after):
 * When a change that waits for a person yields, because an outage of what is in place would be
 * worse: 14 days before its end, or a quarter of its life where that is less.
 */
usec_t expiry_yields_at(usec_t not_before, usec_t not_after);

/* How loudly it is said that a delivery waits or is refused, while what is in place ends. */
enum expiry_alarm {
	EXPIRY_CALM, /* its end is far, or not known */
	EXPIRY_CLOSE, /* from expiry_yields_at() on */
	EXPIRY_URGENT, /* from 3 days before its end on, or a twentieth of its life where that is less */
	EXPIRY_OVER,
};

/* expiry_alarm(not_before, not_after, now): what it is; 0 for an end that is not known. */
enum expiry_alarm expiry_alarm(usec_t not_before, usec_t not_after, usec_t now);

#endif
