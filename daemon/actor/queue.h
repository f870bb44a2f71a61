/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_ACTOR_QUEUE_H
#define DAEMON_ACTOR_QUEUE_H

/*
 * The queue of events of ACM.  An event brings the next reading of the source forward, and does
 * nothing else: so that whatever comes of the queue, polling stays as it is.
 */

#include "daemon/inventory/inventory.h"

struct queue;

struct queue_host {
	struct inventory *inventory;
	const struct destination_context *context; /* of the event loop and the AWS client; borrowed */
	/* The source is to be looked at at ${look}, and read as a whole at ${sweep} (monotonic;
	 * USEC_INFINITY: not for the queue's sake).  Not while it is being read: queue_read_ended()
	 * says it then. */
	void (*on_wake)(void *userdata, usec_t look, usec_t sweep);
	void *userdata;
};

/* queue_new(host): ${host} is copied; it listens when the source was read.  queue_free(queue):
 * returns NULL. */
struct queue *queue_new(const struct queue_host *host);
struct queue *queue_free(struct queue *queue);

/* queue_read_begins(queue, sweep), queue_read_ended(queue, succeeded, regions): around each
 * reading of the source; the second when the next one is set and the view is taken over.  The first
 * success begins to listen, if a queue is configured; ${regions} are those that the source is read
 * in. */
void queue_read_begins(struct queue *queue, bool sweep);
void queue_read_ended(struct queue *queue, bool succeeded, char *const *regions);

/* queue_stop(queue): listen no more, until the next reading has succeeded. */
void queue_stop(struct queue *queue);

/* queue_state(queue): "off", "waiting" (for the first answer), "listening" or "failing";
 * queue_problem(queue): why it fails, or NULL. */
const char *queue_state(const struct queue *queue);
const char *queue_problem(const struct queue *queue);

#endif
