/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Listening is at one of these:
 *	RECEIVE	a request waits at SQS, 20 s at most		receive != NULL
 *	PAUSE	for the pace, or after a failure		timer armed
 *	FULL	enough events wait for a look			neither
 * Deleting goes on beside it, one batch at a time (delete != NULL).  go_on() is what begins each step.
 */

#include "daemon/source/events.h"

#include <stdlib.h>
#include <systemd/sd-event.h>

#include "daemon/source/access.h"
#include "daemon/source/event.h"
#include "daemon/source/inbox.h"
#include "lib/aws/sqs.h"
#include "lib/base/strv.h"
#include "lib/os/clock.h"

#define WAIT_SECONDS	   20 /* the longest that SQS offers */
#define VISIBILITY_SECONDS 300 /* enough for a look and its repetitions; then the message comes again */

/* A queue that is never empty is read at this pace, after a burst. */
#define PACE	   USEC_PER_SEC
#define PACE_BURST 20

#define PAUSE_JITTER 50 /* percent */
#define TELL_AFTER   3 /* failures that may pass: a broken connection is no news */

/* Two things may fail each on its own: receiving and deleting. */
struct trouble {
	unsigned failures; /* in a row */
	enum error_kind told;
};

struct events {
	struct events_request request;
	char *account;
	char **regions;
	struct aws_session *session;
	struct inbox *inbox;
	sd_event_source *timer;
	bool paused;
	struct sqs_operation *receive, *delete;
	unsigned limit; /* messages to ask for: fewer after a failure, which they may have caused */
	usec_t pace_debt;
	bool answered; /* ever */
	bool heard; /* the last request to receive was answered */
	struct trouble receiving, deleting;
};

static void go_on(struct events *events);

/* --- trouble --- */

static void note_success(struct events *events, struct trouble *trouble)
{
	bool news = trouble->told != ERROR_NONE || !events->answered;

	*trouble = (struct trouble){ 0 };
	events->answered = true;
	if (news && !events->receiving.told && !events->deleting.told)
		events->request.on_queue(events->request.userdata, NULL);
}

static void note_failure(struct events *events, struct trouble *trouble, const struct error *err)
{
	trouble->failures++;
	if (err->kind == trouble->told || (err->kind == ERROR_RETRY && trouble->failures < TELL_AFTER))
		return;
	trouble->told = err->kind;
	events->request.on_queue(events->request.userdata, err);
}

/* How long nobody is asked after so many failures: what a person has to mend is asked less often. */
static usec_t pause_after(unsigned failures, enum error_kind kind)
{
	bool passing = kind == ERROR_RETRY;
	usec_t most = (passing ? 5 : 15) * USEC_PER_MINUTE;
	usec_t pause = passing ? USEC_PER_SEC : USEC_PER_MINUTE;

	for (unsigned i = 1; i < failures && pause < most; i++)
		pause *= 2;
	return jitter(MIN(pause, most), PAUSE_JITTER);
}

static void pause_until(struct events *events, usec_t time)
{
	events->paused = true;
	if (sd_event_source_set_time(events->timer, time) < 0 ||
		sd_event_source_set_enabled(events->timer, SD_EVENT_ONESHOT) < 0)
		mem_exhausted();
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct events *events = userdata;

	events->paused = false;
	go_on(events);
	return 0;
}

/* --- deleting --- */

static void on_deleted(void *userdata, size_t failed, const char *why, const struct error *err)
{
	_cleanup_(error_done) struct error problem = ERROR_NULL;
	struct events *events = userdata;

	events->delete = NULL;
	/* What was not deleted comes again and is known then: nothing is kept of it. */
	if (failed && !err) {
		(void)error_set(&problem, ERROR_RETRY, 0, "DeleteMessageBatch: %s", why);
		err = &problem;
	}
	if (err)
		note_failure(events, &events->deleting, err);
	else
		note_success(events, &events->deleting);
	go_on(events);
}

static void start_delete(struct events *events)
{
	char *receipts[SQS_BATCH_MAX];
	size_t count = 0;

	if (events->delete || !inbox_done(events->inbox))
		return;
	while (count < SQS_BATCH_MAX && (receipts[count] = inbox_take_done(events->inbox)))
		count++;
	events->delete = sqs_delete(events->session, events->request.settings->region,
		events->request.settings->queue_url, (const char *const *)receipts, count,
		on_deleted, events);
	while (count > 0)
		free(receipts[--count]);
}

/* --- receiving --- */

static void take_message(struct events *events, const struct sqs_message *message)
{
	const struct event_origin origin = { events->account, events->regions };
	_cleanup_(event_done) struct event event = EVENT_NULL;
	_cleanup_(error_done) struct error err = ERROR_NULL;

	if (event_parse(message->body, message->body_length, &origin, &event, &err) < 0)
		events->request.on_refused(
			events->request.userdata, message->id, message->receive_count, &err);
	else
		inbox_add(events->inbox, &event, message->id, message->receipt, clock_monotonic());
}

/* Several messages may make an answer too long that no single one does: one at a time, then more again. */
static bool ask_for_less(struct events *events, const struct error *err)
{
	bool less = err->kind == ERROR_INVALID && events->limit > 1;

	events->limit = 1;
	events->heard = false;
	return less;
}

static void on_received(void *userdata, const struct sqs_message *messages, size_t count,
	const struct error *err)
{
	struct events *events = userdata;

	events->receive = NULL;
	if (err) {
		if (ask_for_less(events, err)) {
			go_on(events);
			return;
		}
		note_failure(events, &events->receiving, err);
		pause_until(events,
			usec_add(clock_monotonic(),
				pause_after(events->receiving.failures, err->kind)));
		return;
	}
	events->heard = true;
	note_success(events, &events->receiving);
	events->limit = MIN(events->limit * 2, (unsigned)SQS_BATCH_MAX);
	for (size_t i = 0; i < count; i++)
		take_message(events, &messages[i]);
	go_on(events);
	if (MIN(inbox_next(events->inbox, false), inbox_next(events->inbox, true)) != USEC_INFINITY)
		events->request.on_wake(events->request.userdata);
}

static void start_receive(struct events *events)
{
	const struct sqs_receive request = {
		.queue_url = events->request.settings->queue_url,
		/* Whether there is anything to wait for is to be known at once. */
		.wait = events->heard ? WAIT_SECONDS : 0,
		.visibility = VISIBILITY_SECONDS,
		.limit = events->limit,
		.body_limit = EVENT_LENGTH_MAX,
	};
	usec_t now = clock_monotonic(), allowed = usec_sub(events->pace_debt, (PACE_BURST - 1) * PACE);

	if (events->receive || events->paused || inbox_is_full(events->inbox))
		return;
	if (allowed > now) {
		pause_until(events, allowed);
		return;
	}
	events->pace_debt = usec_add(MAX(events->pace_debt, now), PACE);
	events->receive = sqs_receive(events->session, events->request.settings->region, &request,
		on_received, events);
}

static void go_on(struct events *events)
{
	start_delete(events);
	start_receive(events);
}

/* --- looks --- */

usec_t events_next(const struct events *events, bool sweep)
{
	return inbox_next(events->inbox, sweep);
}

unsigned events_look_begins(struct events *events, bool sweep)
{
	return inbox_look_begins(events->inbox, sweep, clock_monotonic());
}

void events_look_ended(struct events *events, const struct source_view *view)
{
	inbox_look_ended(events->inbox, view, clock_monotonic());
	go_on(events);
}

/* --- life --- */

struct events *events_new(const struct events_request *request)
{
	struct events *events = mem_new(struct events);

	*events = (struct events){
		.request = *request,
		.account = mem_strdup(request->account),
		.regions = strv_copy(request->regions),
		.session = source_queue_session(request->aws, &request->settings->access),
		.inbox = inbox_new(),
		.limit = SQS_BATCH_MAX,
	};
	if (sd_event_add_time(request->event, &events->timer, CLOCK_MONOTONIC, 0, 0, on_timer, events) < 0)
		mem_exhausted();
	(void)sd_event_source_set_description(events->timer, "events");
	go_on(events);
	return events;
}

struct events *events_free(struct events *events)
{
	if (!events)
		return NULL;
	sqs_cancel(events->receive);
	sqs_cancel(events->delete);
	sd_event_source_disable_unref(events->timer);
	inbox_free(events->inbox);
	strv_free(events->regions);
	free(events->account);
	free(events);
	return NULL;
}
