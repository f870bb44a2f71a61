/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/actor/queue.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/announce/announce.h"
#include "daemon/source/events.h"
#include "lib/os/clock.h"

struct queue {
	struct queue_host host;
	const struct stock *stock;
	struct events *events; /* NULL while nothing is listened to */
	bool reading; /* the source is */
	bool heard; /* the queue has answered */
	struct error problem; /* with the queue, now */
};

static const struct desired *desired_of(const struct queue *queue)
{
	return queue->stock->world->desired;
}

/* --- what the queue says --- */

/* What is wrong with which queue, and where it is said how one is made that can be used. */
static void describe(const char *url, const struct error *err, struct error *ret_problem)
{
	bool mend = err->kind == ERROR_DENIED || err->kind == ERROR_ABSENT;

	(void)error_set(ret_problem, err->kind, err->code, "'%s': %s%s", url, err->text,
		mend ? "; see /usr/share/doc/certferry/iam/README.md, 'The queue of events'" : "");
}

static void on_queue(void *userdata, const struct error *err)
{
	struct queue *queue = userdata;
	struct change change = { .event = CHANGE_QUEUE_HEARD };

	if (err) {
		describe(desired_of(queue)->events.queue_url, err, &queue->problem);
		change = (struct change){ .event = CHANGE_QUEUE_FAILED, .error = &queue->problem };
	} else {
		queue->heard = true;
		error_done(&queue->problem);
	}
	say(queue->host.inventory, &change);
}

static void on_refused(void *userdata, const char *id, unsigned times, const struct error *why)
{
	struct queue *queue = userdata;
	_cleanup_(freep) char *short_id = mem_printf("%.64s", id);
	const struct change change = {
		.event = CHANGE_EVENT_REFUSED,
		.words = short_id,
		.count = times,
		.error = why,
	};

	say(queue->host.inventory, &change);
}

static void bring_forward(struct queue *queue)
{
	queue->host.on_wake(queue->host.userdata, events_next(queue->events, false),
		events_next(queue->events, true));
}

static void on_wake(void *userdata)
{
	struct queue *queue = userdata;

	if (queue->reading)
		return; /* queue_read_ended() says it */
	bring_forward(queue);
	inventory_changed(queue->host.inventory);
}

/* --- readings --- */

/* The account that the source is: its role's, or else that of what it shows.  The caller owns
 * it. */
static char *source_account(const struct queue *queue)
{
	const struct source_view *view = queue->stock->view;
	const char *role = desired_of(queue)->source.access.role_arn;
	const char *arn = role ? role : view->count ? view->items[0].arn : "";

	/* arn:PARTITION:SERVICE:REGION:ACCOUNT:... */
	for (unsigned i = 0; i < 4 && arn; i++) {
		arn = strchr(arn, ':');
		arn = arn ? arn + 1 : NULL;
	}
	return arn ? mem_strndup(arn, strcspn(arn, ":")) : NULL;
}

static void listen_to_queue(struct queue *queue, char *const *regions)
{
	_cleanup_(freep) char *account = source_account(queue);

	queue->events = events_new(&(struct events_request){
		.event = queue->host.context->event,
		.aws = queue->host.context->aws,
		.settings = &desired_of(queue)->events,
		.account = account,
		.regions = regions,
		.on_wake = on_wake,
		.on_queue = on_queue,
		.on_refused = on_refused,
		.userdata = queue,
	});
}

void queue_read_begins(struct queue *queue, bool sweep)
{
	unsigned count = queue->events ? events_look_begins(queue->events, sweep) : 0;
	const struct change change = { .event = CHANGE_EVENTS_CAME, .count = count };

	queue->reading = true;
	if (count)
		say(queue->host.inventory, &change);
}

void queue_read_ended(struct queue *queue, bool succeeded, char *const *regions)
{
	queue->reading = false;
	if (queue->events) {
		events_look_ended(queue->events, succeeded ? queue->stock->view : NULL);
		bring_forward(queue);
	} else if (succeeded && desired_of(queue)->events.queue_url) {
		listen_to_queue(queue, regions);
	}
}

/* --- the end --- */

void queue_stop(struct queue *queue)
{
	queue->reading = queue->heard = false;
	announce_forget(inventory_announce(queue->host.inventory), ABOUT_QUEUE, NULL);
	if (queue->events)
		events_free(queue->events);
	queue->events = NULL;
	error_done(&queue->problem);
}

const char *queue_problem(const struct queue *queue)
{
	return queue->problem.text;
}

const char *queue_state(const struct queue *queue)
{
	if (!desired_of(queue)->events.queue_url)
		return "off";
	if (queue->problem.text)
		return "failing";
	return queue->heard ? "listening" : "waiting";
}

/* --- birth and death --- */

struct queue *queue_new(const struct queue_host *host)
{
	struct queue *queue = mem_new(struct queue);

	queue->host = *host;
	queue->stock = inventory_stock(host->inventory);
	return queue;
}

struct queue *queue_free(struct queue *queue)
{
	if (!queue)
		return NULL;
	queue_stop(queue);
	free(queue);
	return NULL;
}
