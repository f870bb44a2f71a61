/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/actor/transfers_room.h"

#include <stdlib.h>

#include "daemon/actor/room.h"
#include "lib/os/clock.h"

#define PLACE_AT_ONCE_LEAST 4
#define PLACE_AT_ONCE_MOST  24 /* where round trips are all that a place waits for */
#define PLACE_LOW_SHARE     3 /* of what it may have at once */

/* From one export for slow places alone to the next: of ACM's ten a second, others keep nineteen
 * in twenty. */
#define SLOW_EXPORT_WAIT (2 * USEC_PER_SEC)

void room_new_world(struct transfers_room *room, const struct stock *stock)
{
	free(room->carrying);
	room->carrying = mem_alloc(stock->place_count * sizeof(*room->carrying));
}

void room_done(struct transfers_room *room)
{
	free(room->carrying);
}

/* --- the count --- */

void room_count_begins(struct transfers_room *room, const struct stock *stock)
{
	room->all = 0;
	room->exports = room->runs = room->all_runs = room->slow_runs = 0;
	for (size_t i = 0; i < stock->place_count; i++)
		room->carrying[i] = 0;
}

void room_count_ended(struct transfers_room *room, const struct stock *stock)
{
	room->prompt_wanted = false;
	for (size_t i = 0; i < stock->place_count; i++) {
		const struct tracked_place *place = stock->places[i];

		if ((place->due || room->carrying[i]) && place_is_open(place) &&
			!place_is_slow(place))
			room->prompt_wanted = true;
	}
}

/* --- questions --- */

bool room_may_run(const struct transfers_room *room)
{
	return room->exports < EXPORTS_AT_ONCE && room->runs < RUNS_AT_ONCE &&
	       room->all_runs < RUNS_IN_ALL;
}

/* How many may be under way at one place: all places together can never have more than
 * CARRIED_AT_ONCE, as long as there are few enough of them for the least. */
static size_t place_at_once(const struct transfers_room *room, const struct stock *stock,
	const struct tracked_place *place)
{
	const size_t share = CARRIED_AT_ONCE / MAX(stock->place_count, (size_t)1);

	if (!place_is_open(place))
		return 0;
	if (!place_is_proven(place))
		return 1;
	if (place_is_slow(place) && room->slow_runs >= RUNS_SLOW)
		return 0;
	return MIN(MAX(share, place_is_prompt(place) ? (size_t)PLACE_AT_ONCE_LEAST : 1),
		(size_t)PLACE_AT_ONCE_MOST);
}

static bool may_export_for_slow(const struct transfers_room *room)
{
	return !room->prompt_wanted || room->slow_next <= clock_monotonic();
}

size_t room_carrying(const struct transfers_room *room, const struct tracked_place *place)
{
	return room->carrying[place->place->index];
}

bool room_is_low(const struct transfers_room *room, const struct stock *stock,
	const struct tracked_place *place)
{
	const size_t most = place_at_once(room, stock, place),
		     carrying = room_carrying(room, place);

	if (place_is_slow(place) && !may_export_for_slow(room))
		return false;
	return carrying < most && carrying <= most / PLACE_LOW_SHARE;
}

bool room_has_some(const struct transfers_room *room, const struct stock *stock,
	const struct tracked_place *place)
{
	return room_carrying(room, place) < place_at_once(room, stock, place);
}

size_t room_left(const struct transfers_room *room)
{
	return CARRIED_AT_ONCE - MIN(room->all, (size_t)CARRIED_AT_ONCE);
}

void room_begins_slow(struct transfers_room *room)
{
	room->slow_next = usec_add(clock_monotonic(), SLOW_EXPORT_WAIT);
}

usec_t room_next_slow(const struct transfers_room *room)
{
	return room->slow_next > clock_monotonic() ? room->slow_next : USEC_INFINITY;
}
