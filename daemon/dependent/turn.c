/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/dependent/turn.h"

#include <stddef.h>

#include <systemd/sd-event.h>

#include "lib/base/mem.h"

/* In all of the process. */
static struct {
	struct turn *waiting, **end;
	size_t taken;
} turns;

static int on_deferred(sd_event_source *source, void *userdata)
{
	struct turn *turn = userdata;

	turn->defer = sd_event_source_disable_unref(turn->defer);
	turn->on_turn(turn->userdata);
	return 0;
}

static void give_turns(void)
{
	while (turns.waiting && turns.taken < PROOFS_AT_ONCE) {
		struct turn *turn = turns.waiting;

		turns.waiting = turn->next;
		turn->waiting = false;
		turn->taken = true;
		turns.taken++;
		if (sd_event_add_defer(turn->event, &turn->defer, on_deferred, turn) < 0)
			mem_exhausted();
		(void)sd_event_source_set_description(turn->defer, "prove-turn");
	}
}

void turn_wait(struct turn *turn, struct sd_event *event, void (*on_turn)(void *userdata),
	void *userdata)
{
	*turn = (struct turn){
		.waiting = true, .event = event, .on_turn = on_turn, .userdata = userdata
	};
	if (!turns.waiting)
		turns.end = &turns.waiting;
	*turns.end = turn;
	turns.end = &turn->next;
	give_turns();
}

void turn_leave(struct turn *turn)
{
	if (turn->waiting) {
		struct turn **link = &turns.waiting;

		while (*link != turn)
			link = &(*link)->next;
		*link = turn->next;
		if (!turn->next)
			turns.end = link;
	}
	sd_event_source_disable_unref(turn->defer);
	turns.taken -= turn->taken;
	give_turns();
}
