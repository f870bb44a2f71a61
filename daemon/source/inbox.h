/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_SOURCE_INBOX_H
#define DAEMON_SOURCE_INBOX_H

/*
 * Events that have come, until the look that they ask for has succeeded: which of them are the same,
 * when to look, and which messages are done with and may be deleted.  Many events become one look.
 *
 * AWS may send an event before it lists the change: a look that does not show it is repeated 2, 5 and
 * 15 s later; then polling will find it.  Whoever floods the queue gets a look every 10 s, after a
 * few that are a second apart, and a sweep every 4 minutes; and none while the source cannot be read:
 * then the next look is the planner's.  Where more than half of the room is taken, one look has to do for
 * each, so that those behind have their turn.  Bounded, pure: times (monotonic) are arguments.
 */

#include <stdbool.h>
#include <stddef.h>

#include "daemon/model/observed.h"
#include "daemon/source/event.h"

#define INBOX_MAX 250 /* events that wait at a time; see inbox_is_full() */

struct inbox;

/* inbox_new(): empty.  inbox_free(inbox): returns NULL. */
struct inbox *inbox_new(void);
struct inbox *inbox_free(struct inbox *inbox);

/* inbox_is_full(inbox): nothing may be added; receive no more until something was deleted. */
bool inbox_is_full(const struct inbox *inbox);

/**
 * inbox_add(inbox, event, message, receipt, now):
 * ${event} came in SQS's ${message}, which ${receipt} deletes; all are copied.  A message that comes again
 * replaces its receipt.  An event that waits already, in another message, waits once; one that is done,
 * among the last 500, is not looked for again.
 */
void inbox_add(struct inbox *inbox, const struct event *event, const char *message,
	const char *receipt, usec_t now);

/* inbox_next(inbox, sweep): when a look is wanted next, or USEC_INFINITY; a past time means now.
 * ${sweep}: when a sweep is. */
usec_t inbox_next(const struct inbox *inbox, bool sweep);

/* inbox_look_begins(inbox, sweep, now): from here on ACM is read: the events of now are covered.  How many
 * of them it is the first look for. */
unsigned inbox_look_begins(struct inbox *inbox, bool sweep, usec_t now);

/* inbox_look_ended(inbox, view, now): what it showed; NULL: it failed. */
void inbox_look_ended(struct inbox *inbox, const struct source_view *view, usec_t now);

/* inbox_done(inbox): how many messages are to be deleted.  inbox_take_done(inbox): the receipt of one of
 * them, which the caller owns; NULL: none. */
size_t inbox_done(const struct inbox *inbox);
char *inbox_take_done(struct inbox *inbox);

DEFINE_CLEANUP(struct inbox *, inbox_free);

#endif
