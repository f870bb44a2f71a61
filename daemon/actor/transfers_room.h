/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_ACTOR_TRANSFERS_ROOM_H
#define DAEMON_ACTOR_TRANSFERS_ROOM_H

/*
 * Who may carry how much where.  What is in flight is bounded, so that bundles and request bodies
 * fit the secure heap (room.h); and at each place by itself, so that a slow one holds up nobody
 * else: where it is full it is left out, and the certificate is exported for it once more later.  A
 * transfer begins when a place has few enough under way that its import lane could run dry, and
 * takes along what is due at all other places that are not full, so that accounts that are equally
 * fast share their exports.  What all may have under way is shared out among the places there are.
 * One that has not answered lately gets one delivery, until it does; one that gives no answer gets
 * none, and what it was given counts no more.  A transfer to such and slow ones alone leaves its
 * turn to others, too.  Few export at once: those that come together go together ever after, and the wire is
 * idle while all of them are worked at.  And while others have something to do, few are begun for slow ones alone,
 * which then take along all slow ones that have room.
 */

#include "daemon/inventory/stock.h"

/* What is under way.  Counted anew each turn, from the transfers there are: nothing is added or
 * subtracted in between. */
struct transfers_room {
	size_t *carrying; /* deliveries, by place */
	size_t all; /* deliveries to places that answer, and those whose key was sent */
	unsigned runs; /* transfers that export, or carry to a place that answers soon */
	unsigned all_runs;
	unsigned exports; /* of all of them, those that wait for the source, and not for long */
	unsigned slow_runs; /* of them, those that carry to a place that is slow or gives no answer */
	bool prompt_wanted; /* something waits for, or is under way to, a place that answers soon */
	usec_t slow_next; /* while that is so: until then (monotonic) nothing is exported for slow places alone */
};

/* room_new_world(room, stock): the places are others now; to be counted.  room_done(room). */
void room_new_world(struct transfers_room *room, const struct stock *stock);
void room_done(struct transfers_room *room);

/* room_count_begins(room, stock), room_count_ended(room, stock): around the counting of what is
 * under way, by whoever has it. */
void room_count_begins(struct transfers_room *room, const struct stock *stock);
void room_count_ended(struct transfers_room *room, const struct stock *stock);

/* room_may_run(room): may another transfer begin at all? */
bool room_may_run(const struct transfers_room *room);

/* room_is_low(room, stock, place): may more be carried there, and so little is under way that it
 * could run dry? */
bool room_is_low(const struct transfers_room *room, const struct stock *stock, const struct tracked_place *place);

/* room_carrying(room, place): how much is under way there.  room_has_some(room, stock, place):
 * may anything more be? */
size_t room_carrying(const struct transfers_room *room, const struct tracked_place *place);
bool room_has_some(const struct transfers_room *room, const struct stock *stock, const struct tracked_place *place);

/* room_left(room): how many more deliveries may be under way in all. */
size_t room_left(const struct transfers_room *room);

/* room_begins_slow(room): a transfer for slow places alone begins. */
void room_begins_slow(struct transfers_room *room);

/* room_next_slow(room): when one may begin again (monotonic), while that is not now; else
 * USEC_INFINITY. */
usec_t room_next_slow(const struct transfers_room *room);

#endif
