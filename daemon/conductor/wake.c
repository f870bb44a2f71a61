/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Events of ACM bring the next look forward, and do nothing else: conductor->source.next_look and sweep_wanted are all
 * that is touched here, so that whatever comes of the queue, polling stays as it is.
 */

#include "daemon/conductor/state.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/source/events.h"
#include "lib/base/strv.h"
#include "lib/os/clock.h"

struct wake {
	struct events *events;
	bool heard; /* the queue has answered */
	struct error problem; /* with the queue, now */
};

/* --- what the queue says --- */

/* What is wrong with which queue, and where it is said how one is made that can be used. */
static void describe(const char *url, const struct error *err, struct error *ret_problem)
{
	bool mend = err->kind == ERROR_DENIED || err->kind == ERROR_ABSENT;

	(void)error_set(ret_problem, err->kind, err->code, "'%s': %s%s", url, err->text,
		mend ? "; see conf/iam/README.md, 'The queue of events'" : "");
}

static void on_queue(void *userdata, const struct error *err)
{
	struct conductor *conductor = userdata;
	struct wake *wake = conductor->wake;
	struct change change = { .event = CHANGE_QUEUE_HEARD };

	if (err) {
		describe(conductor->world->desired->events.queue_url, err, &wake->problem);
		change = (struct change){ .event = CHANGE_QUEUE_FAILED, .error = &wake->problem };
	} else {
		wake->heard = true;
		error_done(&wake->problem);
	}
	say(conductor, &change);
}

static void on_refused(void *userdata, const char *id, unsigned times, const struct error *why)
{
	struct conductor *conductor = userdata;
	_cleanup_(freep) char *short_id = mem_printf("%.64s", id);
	const struct change change = {
		.event = CHANGE_EVENT_REFUSED,
		.words = short_id,
		.count = times,
		.error = why,
	};

	say(conductor, &change);
}

/* Takes over what is wanted; a reading under way ends with wake_read_ended(), which does it again. */
static void bring_forward(struct conductor *conductor)
{
	const struct wake *wake = conductor->wake;

	if (events_next(wake->events, true) <= clock_monotonic())
		conductor->source.sweep_wanted = true;
	conductor->source.next_look = MIN(conductor->source.next_look, events_next(wake->events, false));
	conductor->source.next_look = MIN(conductor->source.next_look, events_next(wake->events, true));
}

static void on_wake(void *userdata)
{
	struct conductor *conductor = userdata;

	if (conductor->source.read)
		return;
	bring_forward(conductor);
	cycle_poke(conductor);
}

/* --- readings --- */

/* The account that the source is: its role's, or else that of what it shows.  The caller owns it. */
static char *source_account(const struct conductor *conductor)
{
	const char *role = conductor->world->desired->source.access.role_arn;
	const char *arn = role ? role : conductor->source.view->count ? conductor->source.view->items[0].arn : "";

	/* arn:PARTITION:SERVICE:REGION:ACCOUNT:... */
	for (unsigned i = 0; i < 4 && arn; i++) {
		arn = strchr(arn, ':');
		arn = arn ? arn + 1 : NULL;
	}
	return arn ? mem_strndup(arn, strcspn(arn, ":")) : NULL;
}

static void listen_to_queue(struct conductor *conductor)
{
	_cleanup_(freep) char *account = source_account(conductor);

	conductor->wake = mem_new(struct wake);
	conductor->wake->events = events_new(&(struct events_request){
		.event = conductor->event,
		.aws = conductor->aws,
		.settings = &conductor->world->desired->events,
		.account = account,
		.regions = conductor->source.memory.regions,
		.on_wake = on_wake,
		.on_queue = on_queue,
		.on_refused = on_refused,
		.userdata = conductor,
	});
}

void wake_read_begins(struct conductor *conductor, bool sweep)
{
	unsigned count = conductor->wake ? events_look_begins(conductor->wake->events, sweep) : 0;
	const struct change change = { .event = CHANGE_EVENTS_CAME, .count = count };

	if (count)
		say(conductor, &change);
}

void wake_read_ended(struct conductor *conductor, bool succeeded)
{
	if (conductor->wake) {
		events_look_ended(conductor->wake->events, succeeded ? conductor->source.view : NULL);
		bring_forward(conductor);
	} else if (succeeded && !conductor->options.once && conductor->world->desired->events.queue_url) {
		listen_to_queue(conductor);
	}
}

/* --- the end --- */

void wake_stop(struct conductor *conductor)
{
	struct wake *wake = conductor->wake;

	conductor->wake = NULL;
	announce_forget(conductor->announce, ABOUT_QUEUE, NULL);
	if (!wake)
		return;
	events_free(wake->events);
	error_done(&wake->problem);
	free(wake);
}

const char *wake_problem(const struct conductor *conductor)
{
	return conductor->wake ? conductor->wake->problem.text : NULL;
}

const char *wake_state(const struct conductor *conductor)
{
	const struct wake *wake = conductor->wake;

	if (!conductor->world->desired->events.queue_url)
		return "off";
	if (wake && wake->problem.text)
		return "failing";
	return wake && wake->heard ? "listening" : "waiting";
}
