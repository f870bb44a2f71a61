/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DEPENDENT_TURN_H
#define DAEMON_DEPENDENT_TURN_H

/* Turns of proofs, first come first served, at most PROOFS_AT_ONCE at a time: what they share is
 * the process's.  A turn is at one step at a time: waiting, taken (and about to be said), left.
 * */

#include <stdbool.h>

struct sd_event;
struct sd_event_source;

/* Whoever has a say in a host's addresses decides how many sockets its proof takes and for how long
 * it lasts. */
#define PROOFS_AT_ONCE 16

struct turn {
	struct turn *next; /* of those that wait */
	bool waiting, taken;
	struct sd_event *event;
	struct sd_event_source *defer; /* taken, and not said yet */
	void (*on_turn)(void *userdata);
	void *userdata;
};

/* turn_wait(turn, event, on_turn, userdata): ${on_turn} is called once, from the loop, when it is
 * ${turn}'s turn.  turn_leave(turn): to be called once, whatever has become of it; no callback after
 * this returns. */
void turn_wait(struct turn *turn, struct sd_event *event, void (*on_turn)(void *userdata),
	void *userdata);
void turn_leave(struct turn *turn);

#endif
