/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_INVENTORY_AGENDA_H
#define DAEMON_INVENTORY_AGENDA_H

/*
 * What is to be taken up again: now, at a time, or when there is room.  An item is a member of what
 * it stands for, which is found by the place of that member; its time is USEC_INFINITY when it is
 * new, and all else zero.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "lib/base/time.h"

struct agenda_item {
	struct agenda_item *next_touched; /* those in the list: it or the list's end; else NULL */
	TAILQ_ENTRY(agenda_item) ready_link;
	bool touched, ready;
	bool hurried; /* somebody waits for it: it goes before the others that wait for room */
	usec_t due; /* monotonic; USEC_INFINITY: never */
	size_t at; /* in the heap */
};

TAILQ_HEAD(agenda_queue, agenda_item);

struct agenda {
	struct agenda_item *touched, **touched_end;
	/* Those that wait for room: the hurried, then the others, first come first served. */
	struct agenda_queue hurried, ready;
	struct agenda_item **heap; /* by the time when they are due */
	size_t heap_count, heap_size;
};

/* agenda_init(agenda): empty, in place. */
void agenda_init(struct agenda *agenda);
void agenda_done(struct agenda *agenda);

/* agenda_touch(agenda, item): it is to be taken in the next turn. */
void agenda_touch(struct agenda *agenda, struct agenda_item *item);

/* agenda_set(agenda, item, due): it is to be touched at ${due} (monotonic); USEC_INFINITY:
 * never. */
void agenda_set(struct agenda *agenda, struct agenda_item *item, usec_t due);

/* agenda_wake(agenda, now): touch all that are due. */
void agenda_wake(struct agenda *agenda, usec_t now);

/* agenda_first(agenda): when the next one is due, or USEC_INFINITY. */
usec_t agenda_first(const struct agenda *agenda);

/* agenda_take(agenda): the next of the touched ones, which is so no more; NULL: there is none. */
struct agenda_item *agenda_take(struct agenda *agenda);

/* agenda_hurry(agenda, item, hurried): does somebody wait for it?  Then it goes before the
 * others that wait.  It takes no longer where many do: all there are may be hurried in one turn. */
void agenda_hurry(struct agenda *agenda, struct agenda_item *item, bool hurried);

/* agenda_wait(agenda, item): it waits for room.  agenda_first_waiting(agenda): the first of
 * those that wait, or NULL. agenda_take_waiting(agenda, may_start, userdata): the first of those
 * that wait for which ${may_start} is true, which waits no more; or NULL. */
void agenda_wait(struct agenda *agenda, struct agenda_item *item);
struct agenda_item *agenda_first_waiting(const struct agenda *agenda);
struct agenda_item *agenda_take_waiting(struct agenda *agenda,
	bool (*may_start)(const void *userdata, const struct agenda_item *item), const void *userdata);

/* agenda_forget(agenda, item): it goes. */
void agenda_forget(struct agenda *agenda, struct agenda_item *item);

#endif
