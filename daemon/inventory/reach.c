/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether places answer.  What is shared (looks at once, deliveries under way, transfers) is for those that do; one that
 * does not is asked about a single delivery, and waited for by nobody.  A place is
 *	open	it answers, or was not asked yet
 *	silent	it owes an answer for too long (lib/aws/pulse.h)
 *	lost	what it was last asked ended without an answer: nothing is carried there before a look has found it again
 * and proven while its last answer is not long ago; prompt, if that came soon.
 */
#include "daemon/inventory/inside.h"

#include "daemon/transition/schedule.h"
#include "lib/aws/pulse.h"
#include "lib/os/clock.h"

/* A place that was lost is looked for after so long, and then at the pace at which all else is
 * tried again; each at its own time, so that those that were lost together are not asked
 * together. */
#define FIND_FIRST  (10 * USEC_PER_SEC)
#define FIND_JITTER 30 /* percent */

static const struct pulse *pulse_of(const struct inventory *inventory, struct tracked_place *place)
{
	if (!place->reach.pulse && inventory->destinations->aws)
		place->reach.pulse = destination_pulse(inventory->destinations, place->place);
	return place->reach.pulse;
}

void touch_gathering(struct inventory *inventory)
{
	for (size_t i = 0;
		inventory->stock.census.gathering && i < inventory->stock.certificate_count; i++)
		if (inventory->certificates[i]->gather_until)
			inventory_touch(inventory, inventory->certificates[i]);
}

static void note_place(struct inventory *inventory, struct tracked_place *place, usec_t now)
{
	const struct pulse *pulse = pulse_of(inventory, place);
	struct reach before = place->reach, *reach = &place->reach;

	reach->silent = pulse && pulse_is_silent(pulse, now);
	reach->proven = !pulse || (!reach->lost && pulse_is_proven(pulse, now));
	reach->prompt = reach->proven && !(pulse && pulse->late);
	if (reach->proven == before.proven && reach->silent == before.silent)
		return;
	touch_gathering(inventory);
	inventory->stock.tags_wanted |= place->untagged > 0;
	/* guard: waits for what was not seen yet, but not for who is silent. */
	if (reach->silent != before.silent && inventory->stock.world->desired->guard)
		touch_place(inventory, place);
}

void inventory_note_reach(struct inventory *inventory)
{
	const usec_t now = clock_monotonic();

	for (size_t i = 0; i < inventory->stock.place_count; i++)
		note_place(inventory, inventory->places[i], now);
}

usec_t inventory_next_reach(const struct inventory *inventory)
{
	usec_t next = USEC_INFINITY;

	for (size_t i = 0; i < inventory->stock.place_count; i++) {
		const struct tracked_place *place = inventory->places[i];

		if (place->reach.pulse && !place->reach.silent)
			next = MIN(next, pulse_silent_at(place->reach.pulse));
	}
	return next;
}

static void lose(struct inventory *inventory, struct tracked_place *place)
{
	struct reach *reach = &place->reach;
	const usec_t now = inventory_now(inventory);
	usec_t wait = FIND_FIRST;

	/* What was under way ends one by one: that is one failure. */
	if (reach->lost && now < reach->retry)
		return;
	if (reach->failures++)
		wait = backoff(reach->failures - 1, ERROR_RETRY);
	reach->retry = usec_add(now, jitter(wait, FIND_JITTER));
	reach->lost = true;
	reach->proven = reach->prompt = false;
	touch_place(inventory, place);
}

static void find(struct inventory *inventory, struct tracked_place *place)
{
	struct reach *reach = &place->reach;

	reach->failures = 0;
	if (!reach->lost)
		return;
	reach->lost = false;
	inventory->stock.tags_wanted |= place->untagged > 0;
	touch_place(inventory, place);
}

void place_answered(struct inventory *inventory, struct tracked_place *place, bool failed)
{
	const struct pulse *pulse = pulse_of(inventory, place);

	if (failed && pulse && pulse->lost)
		lose(inventory, place);
	else
		find(inventory, place);
}
