/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_SOURCE_EVENTS_H
#define DAEMON_SOURCE_EVENTS_H

/*
 * The queue of events: listens to it for ever, says when a look is wanted, and deletes messages when
 * the look that they asked for has succeeded.  Nothing depends on it but the time at which the source
 * is looked at.  A message that is no event of the source's ACM is left where it is: after a few more
 * receptions the queue's redrive policy moves it to the dead-letter queue.
 */

#include <stdbool.h>

#include "daemon/model/desired.h"
#include "daemon/model/observed.h"
#include "lib/aws/aws.h"

struct events;
struct sd_event;

struct events_request {
	struct sd_event *event;
	struct aws *aws;
	const struct desired_events *settings; /* with a queue_url; borrowed until events_free() */
	const char *account; /* the source's; NULL: not known.  Copied */
	char *const *regions; /* the source's.  Copied */
	/* A look or a sweep is wanted earlier than before: see events_next(). */
	void (*on_wake)(void *userdata);
	/* The queue cannot be read, or its messages not deleted: when that begins and when its kind changes;
	 * NULL: that is over, or it was read for the first time. */
	void (*on_queue)(void *userdata, const struct error *err);
	/* Message ${id} (of SQS) is not understood, for the ${times}th time. */
	void (*on_refused)(void *userdata, const char *id, unsigned times, const struct error *why);
	void *userdata;
};

/* events_new(request): begins to listen in the loop's next turn.  No callback comes from inside a
 * function of this header. */
struct events *events_new(const struct events_request *request);

/* events_next(events, sweep): when a look (a sweep) is wanted, monotonic; USEC_INFINITY: none is; a past
 * time means now.  Not the moment to look when a reading is under way: see below. */
usec_t events_next(const struct events *events, bool sweep);

/* events_look_begins(events, sweep), events_look_ended(events, view): the source is being read; it was
 * read, and looks so (NULL: that failed).  What came before the reading began is covered by it; how many
 * events for the first time is returned. */
unsigned events_look_begins(struct events *events, bool sweep);
void events_look_ended(struct events *events, const struct source_view *view);

/* events_free(events): listens no more; what is not deleted comes again.  Returns NULL. */
struct events *events_free(struct events *events);

#endif
