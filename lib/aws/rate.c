/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/aws/rate.h"

#include <stdbool.h>

#include "lib/base/mem.h"

#define RATE_MIN 0.1

/* Requests do not take equally long to arrive: two that are sent a second apart may arrive closer
 * together, so the bucket is taken to be a little smaller than it is. */
#define SLACK (20 * USEC_PER_MSEC)

static usec_t interval(const struct rate *rate)
{
	return (usec_t)((double)USEC_PER_SEC / rate->current);
}

void rate_init(struct rate *rate, double published)
{
	*rate = (struct rate){ .published = published, .current = published };
}

usec_t rate_next(const struct rate *rate, usec_t now)
{
	usec_t depth;

	if (rate->held > now)
		now = rate->held;
	if (rate->current <= 0)
		return now;
	/* One token is there when all but one of the bucket's (one second's worth, one at least)
	 * are still to come. */
	depth = MAX(USEC_PER_SEC, interval(rate)) - interval(rate);
	return MAX(usec_sub(usec_add(rate->full, SLACK), depth), now);
}

void rate_take(struct rate *rate, usec_t now)
{
	if (now - rate->window >= USEC_PER_SEC) {
		rate->sent_before = now - rate->window < 2 * USEC_PER_SEC ? rate->sent : 0;
		rate->sent = 0;
		rate->window = now;
	}
	rate->sent++;
	if (rate->current > 0)
		rate->full = usec_add(MAX(rate->full, now), interval(rate));
}

void rate_publish(struct rate *rate, double published, usec_t now)
{
	bool lowered = rate->current > 0 && (rate->published <= 0 || rate->current < rate->published);
	double before = rate->current;

	rate->current = lowered && published > 0 ? MIN(rate->current, published) : published;
	rate->published = published;
	if (before > 0 && rate->current > 0 && rate->full > now)
		rate->full = now + (usec_t)((double)(rate->full - now) * before / rate->current);
}

void rate_throttled(struct rate *rate, usec_t now, usec_t pause)
{
	double measured = MAX(MAX(rate->sent, rate->sent_before), 1);

	rate->held = MAX(rate->held, usec_add(now, pause));
	if (rate->cut && usec_sub(now, rate->cut) < USEC_PER_SEC)
		return;
	rate->cut = now;
	if (rate->current <= 0) {
		rate->ceiling = 2 * measured;
		rate->current = measured;
	}
	rate->current = MAX(rate->current / 2, RATE_MIN);
}

void rate_succeeded(struct rate *rate)
{
	double goal = rate->published > 0 ? rate->published : rate->ceiling;

	if (rate->current <= 0 || (rate->published > 0 && rate->current >= goal))
		return;
	rate->current += goal / 20;
	if (rate->current < goal)
		return;
	rate->current = rate->published;
}
