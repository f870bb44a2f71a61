/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/plan/expiry.h"

#include <stddef.h>
#include <string.h>

#include "lib/base/mem.h"

#define SHORT_LIFE   (90 * USEC_PER_DAY)

#define WARN_PRIVATE (45 * USEC_PER_DAY)
#define WARN_PUBLIC  (30 * USEC_PER_DAY)

/* How long before the end ACM renews at the latest. */
#define RENEWED_PRIVATE (60 * USEC_PER_DAY)
#define RENEWED_PUBLIC  (45 * USEC_PER_DAY)

#define LATE            (3 * USEC_PER_DAY)
#define YIELD           (14 * USEC_PER_DAY)

static usec_t life_of(const struct expiry *expiry)
{
	return usec_sub(expiry->not_after, expiry->not_before);
}

/* How long before the end the renewal is late.  Of a short life, a third is left when it is due,
 * and a little more: so much that at a quarter it is late by a tenth. */
static usec_t late_before(const struct expiry *expiry, usec_t life)
{
	const usec_t due = life < SHORT_LIFE    ? life / 20 * 7
			   : expiry->is_private ? RENEWED_PRIVATE
						: RENEWED_PUBLIC;

	return usec_sub(due, MIN(LATE, life / 10));
}

static usec_t warn_before(const struct expiry *expiry, usec_t life)
{
	if (expiry->warn)
		return expiry->warn;
	if (life < SHORT_LIFE)
		return life / 4;
	return expiry->is_private ? WARN_PRIVATE : WARN_PUBLIC;
}

usec_t expiry_warns_at(const struct expiry *expiry)
{
	const usec_t life = life_of(expiry);

	return usec_sub(
		expiry->not_after, MIN(warn_before(expiry, life), late_before(expiry, life)));
}

enum expiry_state expiry_state(const struct expiry *expiry, usec_t now)
{
	if (!expiry->not_after)
		return EXPIRY_FAR;
	if (now >= expiry->not_after)
		return EXPIRY_PAST;
	return now >= expiry_warns_at(expiry) ? EXPIRY_NEAR : EXPIRY_FAR;
}

/* Why there is no renewal, as far as ACM says so, and what to do. */
static char *why_not_renewed(const struct expiry *expiry)
{
	const char *status = expiry->status ?: "", *reason = expiry->reason ?: "";
	const char *before = *reason ? " (" : "", *after = *reason ? ")" : "";

	if (strcmp(status, "FAILED") == 0)
		return mem_printf("ACM failed to renew it%s%s%s; correct the cause, or request and "
				  "deliver another "
				  "certificate",
			before, reason, after);
	if (strcmp(status, "PENDING_VALIDATION") == 0)
		return mem_printf("its renewal waits until ACM can validate its domains%s%s%s; "
				  "create the DNS records, or "
				  "answer the e-mail, that ACM asks for",
			before, reason, after);
	if (expiry->ineligible)
		return mem_strdup(
			"ACM will not renew it, because nobody exported it since its issue; set "
			"keep_eligible: true, or see in 'certferry plan' what stops the export");
	if (strcmp(status, "PENDING_AUTO_RENEWAL") == 0)
		return mem_printf(
			"ACM has begun to renew it and not finished%s%s%s", before, reason, after);
	if (!expiry->status && expiry->reason)
		return mem_printf(
			"ACM has not renewed it; failed to ask it why: %s", expiry->reason);
	return mem_strdup("ACM has not renewed it; check its renewal status in ACM, or request "
			  "and deliver another certificate");
}

char *expiry_problem(const struct expiry *expiry, usec_t now)
{
	const enum expiry_state state = expiry_state(expiry, now);
	_cleanup_(freep) char *why = NULL;
	char end[TIME_TEXT_SIZE];

	if (state == EXPIRY_FAR)
		return NULL;
	why = why_not_renewed(expiry);
	return mem_printf("%s %s, and %s", state == EXPIRY_PAST ? "expired" : "expires",
		time_format(expiry->not_after, end), why);
}

usec_t expiry_yields_at(usec_t not_before, usec_t not_after)
{
	return usec_sub(not_after, MIN(YIELD, usec_sub(not_after, not_before) / 4));
}

/* --- alarms --- */

#define URGENT (3 * USEC_PER_DAY)

static usec_t urgent_at(usec_t not_before, usec_t not_after)
{
	return usec_sub(not_after, MIN(URGENT, usec_sub(not_after, not_before) / 20));
}

enum expiry_alarm expiry_alarm(usec_t not_before, usec_t not_after, usec_t now)
{
	if (!not_after || now < expiry_yields_at(not_before, not_after))
		return EXPIRY_CALM;
	if (now < urgent_at(not_before, not_after))
		return EXPIRY_CLOSE;
	return now < not_after ? EXPIRY_URGENT : EXPIRY_OVER;
}
