/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/conductor/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/conductor/say.h"
#include "lib/base/strv.h"
#include "lib/os/clock.h"
#include "lib/os/memory.h"
#include "lib/systemd/notify.h"

/*
 * What is in flight is bounded, so that bundles (at most 8 KiB each) and request bodies (16 KiB) fit the secure heap; and
 * at each place by itself, so that a slow one holds up nobody else: where it is full it is left out, and the certificate
 * is exported for it once more later.  A transfer begins when a place has few enough under way that its import lane could
 * run dry, and takes along what is due at all other places that are not full, so that accounts that are equally fast
 * share their exports.
 */
#define RUNS_AT_ONCE 64
#define CARRIED_AT_ONCE 192
#define PLACE_AT_ONCE 6
#define PLACE_LOW 2

/* A transfer waits so long for looks under way that may add to it, to export once for all that is due together. */
#define GATHER_WAIT (300 * USEC_PER_MSEC)

/* --- the plan's input: pointers into the states --- */

struct cycle_input {
	struct plan_input input;
	struct plan_certificate *certificates;
	struct plan_delivery *deliveries;
	struct plan_dependent *dependents;
};

static size_t certificate_index(const struct conductor *conductor, const struct tracked_certificate *certificate)
{
	size_t low = 0, high = conductor->certificate_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(conductor->certificates[middle]->name, certificate->name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void fill_certificates(const struct conductor *conductor, struct cycle_input *cycle)
{
	cycle->certificates = mem_alloc(conductor->certificate_count * sizeof(*cycle->certificates));
	for (size_t i = 0; i < conductor->certificate_count; i++) {
		const struct tracked_certificate *certificate = conductor->certificates[i];

		cycle->certificates[i] = (struct plan_certificate){
			.name = certificate->name,
			.arn = certificate->arn,
			.entry = certificate->entry,
			.seen = certificate->seen,
			.refusal = certificate->seen ? source_refusal(certificate->seen) : NULL,
			.record = &certificate->record,
			.in_flight = certificate->run != NULL,
		};
	}
}

static void fill_deliveries(const struct conductor *conductor, struct cycle_input *cycle)
{
	cycle->deliveries = mem_alloc(conductor->delivery_count * sizeof(*cycle->deliveries));
	for (size_t i = 0; i < conductor->delivery_count; i++) {
		const struct tracked_delivery *delivery = conductor->deliveries[i];

		cycle->deliveries[i] = (struct plan_delivery){
			.delivery = delivery->delivery,
			.certificate = certificate_index(conductor, delivery->certificate),
			.observed = &delivery->observed,
			.record = delivery->has_record ? &delivery->record : NULL,
			.budget = delivery->place->budget,
			.in_flight = delivery->transferring || delivery->looking || delivery->proof,
			.may_look = !delivery->place->look && !delivery->observed.error.text,
			.asked = delivery->asked,
		};
		/* A look that failed is repeated when its back-off is over, or when somebody asked. */
		if (!delivery->place->look && delivery->observed.error.text &&
			(delivery->asked || delivery->record.next_try <= conductor_now(conductor)))
			cycle->deliveries[i].may_look = !conductor->options.once || delivery->asked;
	}
}

static void fill_dependents(const struct conductor *conductor, struct cycle_input *cycle)
{
	cycle->dependents = mem_alloc(conductor->dependent_count * sizeof(*cycle->dependents));
	for (size_t i = 0; i < conductor->dependent_count; i++) {
		const struct tracked_dependent *dependent = conductor->dependents[i];

		cycle->dependents[i] = (struct plan_dependent){
			.dependent = dependent->dependent,
			.record = &dependent->record,
			.owed = (const struct owed_record *const *)dependent->owed,
			.owed_count = dependent->owed_count,
			.in_flight = dependent->call || dependent->prove,
			.asked = dependent->asked,
		};
	}
}

static void cycle_input_fill(const struct conductor *conductor, struct cycle_input *cycle)
{
	*cycle = (struct cycle_input){ 0 };
	fill_certificates(conductor, cycle);
	fill_deliveries(conductor, cycle);
	fill_dependents(conductor, cycle);
	cycle->input = (struct plan_input){
		.certificates = cycle->certificates,
		.certificate_count = conductor->certificate_count,
		.deliveries = cycle->deliveries,
		.delivery_count = conductor->delivery_count,
		.dependents = cycle->dependents,
		.dependent_count = conductor->dependent_count,
		.source_seen = conductor->view != NULL,
		.source_reading = conductor->reading_versions,
		.keep_eligible = conductor->world->desired->source.keep_eligible,
		.guard = conductor->world->desired->guard,
		.now = conductor_now(conductor),
	};
}

static void cycle_input_done(struct cycle_input *cycle)
{
	free(cycle->certificates);
	free(cycle->deliveries);
	free(cycle->dependents);
}

void cycle_refresh_plan(struct conductor *conductor)
{
	_cleanup_(cycle_input_done) struct cycle_input cycle;

	cycle_input_fill(conductor, &cycle);
	plan_done(&conductor->plan);
	plan_make(&cycle.input, &conductor->plan);
}

/* --- starting steps --- */

/* Are looks under way, or about to be, that may find more deliveries of this certificate due? */
static bool more_may_be_due(const struct conductor *conductor, const struct tracked_certificate *certificate)
{
	for (size_t i = 0; i < conductor->delivery_count; i++) {
		const struct tracked_delivery *delivery = conductor->deliveries[i];

		if (delivery->certificate == certificate &&
			(delivery->looking || delivery->look_wanted || delivery->place->wanted))
			return true;
	}
	return false;
}

/* Does the transfer wait a moment?  Sets when it no longer will. */
static bool still_gathering(struct conductor *conductor, struct tracked_certificate *certificate)
{
	usec_t now = clock_monotonic();

	if (!more_may_be_due(conductor, certificate)) {
		certificate->gather_until = 0;
		return false;
	}
	if (!certificate->gather_until)
		certificate->gather_until = now + GATHER_WAIT;
	return now < certificate->gather_until;
}

/* Those of ${certificate} that are due where there is room. */
static struct tracked_delivery **due_deliveries(
	struct conductor *conductor, const struct tracked_certificate *certificate, size_t *ret_count)
{
	struct tracked_delivery **due = mem_alloc(conductor->delivery_count * sizeof(*due));
	size_t count = 0, room = CARRIED_AT_ONCE - MIN(conductor->carrying, (size_t)CARRIED_AT_ONCE);

	for (size_t i = 0; i < conductor->plan.count && count < room; i++) {
		const struct step *step = &conductor->plan.steps[i];
		struct tracked_delivery *delivery;

		if (step->verb != STEP_DELIVER || conductor->deliveries[step->index]->certificate != certificate)
			continue;
		delivery = conductor->deliveries[step->index];
		if (delivery->place->carrying < PLACE_AT_ONCE)
			due[count++] = delivery;
	}
	*ret_count = count;
	return due;
}

/* For the sake of ${delivery}, whose place is low, and with it what else is due of its certificate. */
static void start_delivery(struct conductor *conductor, const struct tracked_delivery *delivery)
{
	struct tracked_certificate *certificate = delivery->certificate;
	struct tracked_delivery **due;
	size_t count;

	if (certificate->run || conductor->run_count >= RUNS_AT_ONCE || conductor->carrying >= CARRIED_AT_ONCE ||
		delivery->place->carrying > PLACE_LOW || still_gathering(conductor, certificate))
		return;
	due = due_deliveries(conductor, certificate, &count);
	certificate->gather_until = 0;
	(void)deliver_start(conductor, certificate, due, count);
}

static void say_held(struct conductor *conductor, const struct step *step)
{
	struct tracked_delivery *delivery = conductor->deliveries[step->index];
	struct log_fields fields = { 0 };

	if (delivery->said_hold == step->hold)
		return;
	delivery->said_hold = step->hold;
	say_delivery(&fields, delivery->delivery);
	log_field(&fields, "CERTFERRY_HOLD", "%s", hold_name(step->hold));
	log_write(LOG_WARNING, SAY_HELD, &fields, "'%s' is held (%s): %s", delivery->name, hold_name(step->hold),
		step->reason);
	log_fields_done(&fields);
}

/* What the plan itself finds wrong (a foreign object, a newer version there): said when it begins. */
static void say_stuck(struct conductor *conductor, const struct step *step)
{
	struct tracked_delivery *delivery = conductor->deliveries[step->index];
	struct log_fields fields = { 0 };

	if (!step->failed || step->when || delivery->said_failure || !delivery->certificate->seen ||
		delivery->observed.state == OBSERVED_UNKNOWN)
		return;
	delivery->said_failure = ERROR_CONFLICT;
	say_delivery(&fields, delivery->delivery);
	log_write(LOG_WARNING, SAY_DELIVERY_FAILED, &fields, "'%s' is not delivered: %s", delivery->name,
		step->reason);
	log_fields_done(&fields);
}

static void start_step(struct conductor *conductor, const struct step *step)
{
	bool dry = conductor->options.dry_run;
	bool stopped = dry || conductor->record_error.text;

	switch (step->verb) {
	case STEP_LOOK:
		conductor->deliveries[step->index]->look_wanted = true;
		break;
	case STEP_DELIVER:
		if (!stopped)
			start_delivery(conductor, conductor->deliveries[step->index]);
		break;
	case STEP_EXPORT:
		if (!stopped && conductor->run_count < RUNS_AT_ONCE)
			(void)deliver_start(conductor, conductor->certificates[step->index], NULL, 0);
		break;
	case STEP_TELL:
		if (!stopped)
			tell_start(conductor, conductor->dependents[step->index]);
		break;
	case STEP_PROVE:
		if (stopped)
			break;
		if (*step->dependent)
			tell_prove_again(conductor, conductor->dependents[step->index]);
		else
			deliver_prove(conductor, conductor->deliveries[step->index]);
		break;
	case STEP_HOLD:
		say_held(conductor, step);
		break;
	case STEP_WAIT:
		if (*step->delivery && !*step->dependent)
			say_stuck(conductor, step);
		break;
	}
}

/* --- the next moment --- */

static usec_t next_moment(const struct conductor *conductor)
{
	usec_t wall = conductor_now(conductor), mono = clock_monotonic();
	usec_t next = conductor->read ? USEC_INFINITY : MIN(conductor->next_look, conductor->next_sweep);

	if (conductor->plan.again != USEC_INFINITY)
		next = MIN(next, mono + usec_sub(conductor->plan.again, wall) + USEC_PER_MSEC);
	if (conductor->record_error.text)
		next = MIN(next, conductor->record_retry);
	for (size_t i = 0; i < conductor->certificate_count; i++)
		if (conductor->certificates[i]->gather_until > mono)
			next = MIN(next, conductor->certificates[i]->gather_until);
	return MAX(next, mono + USEC_PER_MSEC);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	cycle_poke(userdata);
	return 0;
}

static void arm_timer(struct conductor *conductor)
{
	usec_t next = next_moment(conductor);

	if (next == USEC_INFINITY) {
		(void)sd_event_source_set_enabled(conductor->timer, SD_EVENT_OFF);
		return;
	}
	(void)sd_event_source_set_time(conductor->timer, next);
	(void)sd_event_source_set_enabled(conductor->timer, SD_EVENT_ONESHOT);
}

static void tell_manager(struct conductor *conductor)
{
	char *text;
	unsigned current = 0, held = 0, failed = 0;

	for (size_t i = 0; i < conductor->plan.count; i++) {
		held += conductor->plan.steps[i].verb == STEP_HOLD;
		failed += conductor->plan.steps[i].verb == STEP_WAIT && conductor->plan.steps[i].failed;
	}
	for (size_t i = 0; i < conductor->delivery_count; i++)
		current += conductor->deliveries[i]->observed.state == OBSERVED_PRESENT;
	text = mem_printf("%zu certificates, %zu deliveries (%u in place, %u held, %u failing)%s",
		conductor->certificate_count, conductor->delivery_count, current, held, failed,
		conductor->source_error.text ? "; the source cannot be read" : "");
	if (conductor->told_manager && strcmp(text, conductor->told_manager) == 0) {
		free(text);
		return;
	}
	free(conductor->told_manager);
	conductor->told_manager = text;
	notify_status("%s", text);
}

bool cycle_idle(const struct conductor *conductor)
{
	if (conductor->read || conductor->runs || conductor->sweep_wanted)
		return false;
	for (size_t i = 0; i < conductor->place_count; i++)
		if (conductor->places[i]->look || (conductor->view && conductor->places[i]->wanted))
			return false;
	for (size_t i = 0; i < conductor->delivery_count; i++)
		if (conductor->deliveries[i]->proof || conductor->deliveries[i]->look_wanted)
			return false;
	for (size_t i = 0; i < conductor->certificate_count; i++)
		if (conductor->certificates[i]->gather_until > clock_monotonic())
			return false;
	for (size_t i = 0; i < conductor->dependent_count; i++)
		if (conductor->dependents[i]->call || conductor->dependents[i]->prove)
			return false;
	return true;
}

/* With --once --approve, what is held for a person is approved by the one who ran it. */
static bool approve_held(struct conductor *conductor)
{
	return conductor->options.approve && !conductor->options.dry_run &&
	       ask_approve(conductor, NULL, "--once --approve") > 0;
}

/* Nothing is in flight any more: what was needed for it is not held on to while the daemon sleeps. */
static void rest(struct conductor *conductor)
{
	if (conductor->rested)
		return;
	conductor->rested = true;
	memory_give_back();
}

static int on_cycle(sd_event_source *source, void *userdata)
{
	struct conductor *conductor = userdata;

	if (conductor->ending)
		return 0;
	if (conductor->record_error.text && conductor->record_retry <= clock_monotonic())
		conductor_try_record(conductor);
	if (!conductor->options.once || conductor->sweep_wanted)
		look_due(conductor);
	cycle_refresh_plan(conductor);
	deliver_count(conductor);
	for (size_t i = 0; i < conductor->plan.count; i++)
		start_step(conductor, &conductor->plan.steps[i]);
	(void)look_at_places(conductor);
	arm_timer(conductor);
	tell_manager(conductor);
	if (!cycle_idle(conductor)) {
		conductor->rested = false;
		return 0;
	}
	if (approve_held(conductor)) {
		cycle_poke(conductor);
		return 0;
	}
	ask_finish_jobs(conductor);
	if (conductor->options.once)
		return sd_event_exit(conductor->event, 0);
	rest(conductor);
	return 0;
}

void cycle_poke(struct conductor *conductor)
{
	(void)sd_event_source_set_enabled(conductor->cycle, SD_EVENT_ONESHOT);
}

int cycle_new(struct conductor *conductor)
{
	int r = sd_event_add_defer(conductor->event, &conductor->cycle, on_cycle, conductor);

	if (r < 0)
		return r;
	(void)sd_event_source_set_description(conductor->cycle, "plan");
	/* After everything else that is ready, so that one plan serves all that has changed. */
	(void)sd_event_source_set_priority(conductor->cycle, SD_EVENT_PRIORITY_IDLE);
	r = sd_event_add_time(
		conductor->event, &conductor->timer, CLOCK_MONOTONIC, USEC_INFINITY, 0, on_timer, conductor);
	if (r < 0)
		return r;
	return sd_event_source_set_description(conductor->timer, "next moment");
}
