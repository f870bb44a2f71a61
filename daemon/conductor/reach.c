/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether places answer.  What is shared (looks at once, deliveries under way, transfers) is for those that do; one that
 * does not is asked about a single delivery, and waited for by nobody.  A place is
 *	open	it answers, or was not asked yet
 *	silent	it owes an answer for too long (lib/aws/pulse.h)
 *	lost	what it was last asked ended without an answer: nothing is carried there before a look has found it again
 * and proven while its last answer is not long ago; prompt, if that came soon.
 */
#include "daemon/conductor/state.h"

#include "daemon/transition/schedule.h"
#include "lib/aws/pulse.h"
#include "lib/os/clock.h"

/* A place that was lost is looked for after so long, and then at the pace at which all else is tried again; each at its own
 * time, so that those that were lost together are not asked together. */
#define FIND_FIRST  (10 * USEC_PER_SEC)
#define FIND_JITTER 30 /* percent */

static const struct pulse *pulse_of(struct tracked_place *place)
{
	struct conductor *conductor = place->conductor;

	if (!place->reach.pulse && conductor->aws)
		place->reach.pulse = destination_pulse(&conductor->destinations, place->place);
	return place->reach.pulse;
}

bool reach_is_open(const struct tracked_place *place)
{
	return !place->reach.silent && !place->reach.lost;
}

bool reach_is_proven(const struct tracked_place *place)
{
	return place->reach.proven;
}

bool reach_is_prompt(const struct tracked_place *place)
{
	return place->reach.prompt;
}

bool reach_is_slow(const struct tracked_place *place)
{
	return place->reach.proven && !place->reach.prompt;
}

/* What is planned for its deliveries is planned again. */
static void touch(struct tracked_place *place)
{
	struct conductor *conductor = place->conductor;

	for (size_t i = 0; i < conductor->delivery_count; i++)
		if (state_place(conductor, &conductor->slots[i]) == place)
			agenda_touch(&conductor->agenda, &state_certificate(conductor, &conductor->slots[i])->agenda);
}

/* Transfers that wait for more to carry. */
static void touch_gathering(struct conductor *conductor)
{
	for (size_t i = 0; conductor->gathering && i < conductor->certificate_count; i++)
		if (conductor->certificates[i]->gather_until)
			agenda_touch(&conductor->agenda, &conductor->certificates[i]->agenda);
}

static void note_place(struct tracked_place *place, usec_t now)
{
	const struct pulse *pulse = pulse_of(place);
	struct reach before = place->reach, *reach = &place->reach;

	reach->silent = pulse && pulse_is_silent(pulse, now);
	reach->proven = !pulse || (!reach->lost && pulse_is_proven(pulse, now));
	reach->prompt = reach->proven && !(pulse && pulse->late);
	if (reach->proven == before.proven && reach->silent == before.silent)
		return;
	touch_gathering(place->conductor);
	place->conductor->tags_wanted |= place->untagged > 0;
	/* guard: waits for what was not seen yet, but not for who is silent. */
	if (reach->silent != before.silent && place->conductor->world->desired->guard)
		touch(place);
}

void reach_note(struct conductor *conductor)
{
	const usec_t now = clock_monotonic();

	for (size_t i = 0; i < conductor->place_count; i++)
		note_place(conductor->places[i], now);
}

usec_t reach_next(const struct conductor *conductor)
{
	usec_t next = USEC_INFINITY;

	for (size_t i = 0; i < conductor->place_count; i++) {
		const struct tracked_place *place = conductor->places[i];

		if (place->reach.pulse && !place->reach.silent)
			next = MIN(next, pulse_silent_at(place->reach.pulse));
	}
	return next;
}

static void lose(struct tracked_place *place)
{
	struct reach *reach = &place->reach;
	const usec_t now = conductor_now(place->conductor);
	usec_t wait = FIND_FIRST;

	/* What was under way ends one by one: that is one failure. */
	if (reach->lost && now < reach->retry)
		return;
	if (reach->failures++)
		wait = backoff(reach->failures - 1, ERROR_RETRY);
	reach->retry = usec_add(now, jitter(wait, FIND_JITTER));
	reach->lost = true;
	reach->proven = reach->prompt = false;
	touch(place);
}

static void find(struct tracked_place *place)
{
	struct reach *reach = &place->reach;

	reach->failures = 0;
	if (!reach->lost)
		return;
	reach->lost = false;
	place->conductor->tags_wanted |= place->untagged > 0;
	touch(place);
}

void reach_ended(struct tracked_place *place, bool failed)
{
	const struct pulse *pulse = pulse_of(place);

	if (failed && pulse && pulse->lost)
		lose(place);
	else
		find(place);
}
