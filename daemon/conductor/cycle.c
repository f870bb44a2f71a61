/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Once a turn, after all else that is ready: plan what was touched, start its steps, set the timer
 * for the next moment.  Who has learnt something pokes the loop; one plan serves all that has
 * changed.
 */
#include "daemon/conductor/inside.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/transfer/transfer.h"
#include "lib/os/clock.h"
#include "lib/systemd/notify.h"

/* --- starting steps --- */

static void say_held(const struct conductor *conductor, const struct tracked_delivery *delivery,
	const struct step *step)
{
	const struct change change = {
		.event = CHANGE_HELD, .hold = step->hold, .words = step->reason
	};

	say_delivery(conductor->inventory, delivery->delivery, &change);
}

/* What the plan itself finds wrong: a foreign object, a newer version there. */
static void say_stuck(const struct conductor *conductor, const struct tracked_delivery *delivery,
	const struct step *step)
{
	const struct change change = { .event = CHANGE_STUCK, .words = step->reason };

	if (step->failed && !step->when && delivery->certificate->seen &&
		delivery->observed.state != OBSERVED_UNKNOWN)
		say_delivery(conductor->inventory, delivery->delivery, &change);
}

/* It waits, and while it does what is in place ends: that is said the louder, the nearer it is. */
static void say_deadline(const struct conductor *conductor,
	const struct tracked_delivery *delivery, const struct step *step)
{
	static const enum change_event events[] = {
		[EXPIRY_CLOSE] = CHANGE_DEADLINE_CLOSE,
		[EXPIRY_URGENT] = CHANGE_DEADLINE_URGENT,
		[EXPIRY_OVER] = CHANGE_DEADLINE_PAST,
	};
	const struct plan_delivery planned = {
		.observed = &delivery->observed,
		.record = delivery->has_record ? &delivery->record : NULL,
	};
	const struct version life = plan_in_place(&planned);
	enum expiry_alarm alarm = expiry_alarm(
		life.not_before, life.not_after, inventory_now(conductor->inventory));
	bool blind = !life.not_after && step->verb == STEP_HOLD &&
		     holds_have(step->holds->set, HOLD_FOREIGN);
	struct change change = {
		.event = blind ? CHANGE_DEADLINE_UNKNOWN : events[alarm],
		.version = blind ? NULL : &life,
		.words = step->reason,
	};

	if (!blind && (alarm == EXPIRY_CALM || !(step->verb == STEP_HOLD || step->failed)))
		return;
	say_delivery(conductor->inventory, delivery->delivery, &change);
}

bool cycle_stopped(const struct conductor *conductor)
{
	return conductor->options.dry_run || conductor->stock->record_error.text;
}

/* Is it to be imported for the first time, and was it too long ago that nothing was there? */
static bool is_stale(const struct conductor *conductor, const struct slot *slot)
{
	usec_t at = slot_absent_at(slot);

	return at && destination_names_objects(slot->open->delivery->place) &&
	       usec_sub(inventory_now(conductor->inventory), at) > ABSENT_BELIEVED;
}

/* One look for all at its place that wait for their first import: each costs a listing of the
 * whole account. */
static void look_again(struct conductor *conductor, size_t index)
{
	const struct stock *stock = conductor->stock;

	for (size_t i = 0; i < stock->delivery_count; i++) {
		const struct slot *other = &stock->slots[i];

		if (other->place == stock->slots[index].place && other->due &&
			slot_absent_at(other))
			inventory_want_look(conductor->inventory, i, true);
	}
	inventory_want_look(conductor->inventory, index, true);
}

/* Is nothing known of it, and its place being looked at without it?  (While its version is still
 * being read, that is what it waits for.) */
static bool waits_for_look(const struct conductor *conductor, const struct slot *slot)
{
	const struct source_certificate *seen = stock_certificate(conductor->stock, slot)->seen;

	return stock_place(conductor->stock, slot)->looking && !(slot->claimed_by & CLAIM_LOOK) &&
	       seen && !seen->unread;
}

/* A settled one, to which the plan speaks at a glance. */
static void start_glanced(struct conductor *conductor, size_t index)
{
	const struct slot *slot = &conductor->stock->slots[index];

	switch (planner_glance(&conductor->planner, index)) {
	case PLAN_GLANCE_LOOK:
		inventory_want_look(conductor->inventory, index, true);
		break;
	case PLAN_GLANCE_WAIT:
		if (waits_for_look(conductor, slot))
			inventory_wait_for_look(conductor->inventory, index);
		break;
	default:
		break;
	}
}

/* What is to be done for a delivery, but for carrying it, which is done for all of its
 * certificate's together. */
static void start_delivery_step(struct conductor *conductor, size_t index, const struct step *step)
{
	const struct slot *slot = &conductor->stock->slots[index];

	switch (step->verb) {
	case STEP_LOOK:
		inventory_want_look(conductor->inventory, index, true);
		break;
	case STEP_DELIVER:
		if (is_stale(conductor, slot))
			look_again(conductor, index);
		else
			inventory_due(conductor->inventory, index, true);
		break;
	case STEP_PROVE:
		if (!cycle_stopped(conductor))
			proofs_start(conductor->proofs, slot->open);
		break;
	case STEP_HOLD:
		say_held(conductor, slot->open, step);
		say_deadline(conductor, slot->open, step);
		break;
	case STEP_WAIT:
		say_stuck(conductor, slot->open, step);
		say_deadline(conductor, slot->open, step);
		if (waits_for_look(conductor, slot))
			inventory_wait_for_look(conductor->inventory, index);
		break;
	default:
		break;
	}
}

static void start_steps(struct conductor *conductor, const struct tracked_certificate *certificate,
	const struct plan *plan)
{
	bool transfer = certificate->planned.due > 0;

	for (size_t i = 0; i < certificate->count; i++)
		start_glanced(conductor, certificate->first + i);
	for (size_t i = 0; i < plan->count; i++) {
		const struct step *step = &plan->steps[i];

		if (*step->delivery)
			start_delivery_step(conductor, certificate->first + step->index, step);
		transfer |= step->verb == STEP_EXPORT;
	}
	if (!certificate->planned.due || cycle_stopped(conductor))
		inventory_gather(conductor->inventory, certificate, 0);
	if (transfer && !cycle_stopped(conductor))
		transfers_certificate(conductor->transfers, certificate);
}

/* --- the plan, certificate by certificate --- */

static usec_t monotonic_of(const struct conductor *conductor, usec_t wall)
{
	if (wall == USEC_INFINITY)
		return USEC_INFINITY;
	return clock_monotonic() + usec_sub(wall, inventory_now(conductor->inventory)) +
	       USEC_PER_MSEC;
}

static void plan_certificate(
	struct conductor *conductor, const struct tracked_certificate *certificate)
{
	struct planned planned;
	struct plan plan;
	usec_t due;

	planner_certificate(&conductor->planner, certificate, &plan, &planned);
	inventory_planned(conductor->inventory, certificate, &planned);
	start_steps(conductor, certificate, &plan);
	due = monotonic_of(conductor, plan.again);
	/* One that has gathered long enough waits for room, not for a time. */
	if (certificate->gather_until > clock_monotonic())
		due = MIN(due, certificate->gather_until);
	inventory_plan_again(conductor->inventory, certificate, due);
	plan_done(&plan);
	inventory_end_turn(conductor->inventory);
}

/* Before anything is started: whether guard: holds is a matter of all.  Where it changes, all
 * that is touched is planned again. */
static void count_guarded(struct conductor *conductor)
{
	struct inventory *inventory = conductor->inventory;
	const struct stock *stock = conductor->stock;
	unsigned guard = stock->world->desired->guard;
	enum plan_guard before = plan_guard(guard, &stock->census.touched);
	const struct tracked_certificate *certificate = inventory_first_touched(inventory);

	if (!guard)
		return;
	for (; certificate; certificate = inventory_next_touched(certificate)) {
		const struct plan_touched touched = planner_touched(
			&conductor->planner, certificate);

		inventory_counted(inventory, certificate, &touched);
	}
	if (plan_guard(guard, &stock->census.touched) == before)
		return;
	for (size_t i = 0; i < stock->certificate_count; i++)
		if (stock->certificates[i]->planned.touched.known)
			inventory_touch(inventory, stock->certificates[i]);
}

static void plan_touched_certificates(struct conductor *conductor)
{
	const struct tracked_certificate *certificate;

	count_guarded(conductor);
	while ((certificate = inventory_take(conductor->inventory)))
		plan_certificate(conductor, certificate);
	while (transfers_has_room(conductor->transfers) &&
		(certificate = inventory_take_waiting(
			 conductor->inventory, transfers_may_start, conductor->transfers))) {
		plan_certificate(conductor, certificate);
		if (certificate->agenda.ready)
			return; /* no room after all */
	}
}

/* --- the plan for dependents --- */

static void start_dependent_step(struct conductor *conductor, const struct step *step)
{
	const struct tracked_dependent *dependent;

	if (!*step->dependent || cycle_stopped(conductor))
		return;
	dependent = conductor->stock->dependents[step->index];
	if (step->verb == STEP_TELL)
		tell_start(conductor->tell, dependent);
	else if (step->verb == STEP_PROVE)
		tell_prove_again(conductor->tell, dependent);
}

static void plan_dependents(struct conductor *conductor)
{
	struct plan plan = { .again = USEC_INFINITY };

	if (conductor->stock->dependent_count)
		planner_dependents(&conductor->planner, &plan);
	inventory_dependents_planned(conductor->inventory, &plan);
	for (size_t i = 0; i < plan.count; i++)
		start_dependent_step(conductor, &plan.steps[i]);
	conductor->dependents_again = plan.again;
	plan_done(&plan);
}

/* --- the next moment --- */

static usec_t next_moment(const struct conductor *conductor)
{
	const struct watch_shown source = watch_show(conductor->watch);
	usec_t next = source.reading ? USEC_INFINITY : MIN(source.next_look, source.next_sweep);

	next = MIN(next, inventory_first(conductor->inventory));
	next = MIN(next, inventory_next_reach(conductor->inventory));
	next = MIN(next, look_next(conductor->look));
	next = MIN(next, transfers_next(conductor->transfers));
	next = MIN(next, monotonic_of(conductor, conductor->dependents_again));
	if (conductor->stock->record_error.text)
		next = MIN(next, conductor->stock->record_retry);
	return MAX(next, clock_monotonic() + USEC_PER_MSEC);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	cycle_poke(userdata);
	return 0;
}

/* --- the disk --- */

/* While nobody waits for what was written to be on the disk, there is no hurry. */
#define SYNC_LATEST USEC_PER_SEC

/* When what was written is to be on the disk; monotonic. */
static usec_t next_sync(const struct conductor *conductor)
{
	const struct stock *stock = conductor->stock;
	usec_t next = transfers_next_sync(conductor->transfers);

	if (stock->unsynced_since && !stock->record_error.text)
		next = MIN(next, usec_add(stock->unsynced_since, SYNC_LATEST));
	return next;
}

static void arm_timer(struct conductor *conductor)
{
	usec_t next = MIN(next_moment(conductor), next_sync(conductor));

	if (next == USEC_INFINITY) {
		(void)sd_event_source_set_enabled(conductor->timer, SD_EVENT_OFF);
		return;
	}
	(void)sd_event_source_set_time(conductor->timer, next);
	(void)sd_event_source_set_enabled(conductor->timer, SD_EVENT_ONESHOT);
}

static void tell_manager(struct conductor *conductor)
{
	const struct stock *stock = conductor->stock;
	const struct census *census = &stock->census;
	char *text = mem_printf(
		"%zu certificates, %zu deliveries (%u in place, %u held, %u failing)%s",
		stock->certificate_count, stock->delivery_count, census->in_place, census->held,
		census->failing + stock->dependents_failing,
		watch_show(conductor->watch).problem ? "; the source cannot be read" : "");

	if (conductor->told_manager && strcmp(text, conductor->told_manager) == 0) {
		free(text);
		return;
	}
	free(conductor->told_manager);
	conductor->told_manager = text;
	notify_status("%s", text);
}

/* Is nothing in flight, and nothing wanted that could be started now? */
static bool is_idle(const struct conductor *conductor)
{
	return !watch_show(conductor->watch).reading && !watch_wants_sweep(conductor->watch) &&
	       !transfers_are_busy(conductor->transfers) && !proofs_are_busy(conductor->proofs) &&
	       !tell_is_busy(conductor->tell) && !renewals_are_busy(conductor->renewals) &&
	       !leftovers_are_busy(conductor->leftovers) &&
	       !conductor->stock->census.gathering &&
	       !inventory_first_touched(conductor->inventory) &&
	       transfers_next(conductor->transfers) == USEC_INFINITY &&
	       !stock_is_looking(conductor->stock);
}

static void sync_now(struct conductor *conductor)
{
	if (!conductor->stock->record_error.text)
		(void)inventory_sync(conductor->inventory);
	transfers_synced(conductor->transfers);
}

static void sync_due(struct conductor *conductor)
{
	/* Before it rests, so that no timer wakes it for that. */
	if (next_sync(conductor) <= clock_monotonic() ||
		(conductor->stock->unsynced_since && is_idle(conductor)))
		sync_now(conductor);
}

/* With --once --approve, what is held for a person is approved by the one who ran it, who may do everything that the
 * daemon's user may; what needs its name needs it here too. */
static bool approve_held(struct conductor *conductor)
{
	const struct conductor_options *options = &conductor->options;

	return options->approve && !options->dry_run && conductor->stock->census.held &&
	       ask_approve(conductor, options->approve_name, APPROVAL_TRUST, "--once --approve");
}

/* --- the turn --- */

/* One plan serves all that has changed, so it waits for everything else that is ready; but while answers come
 * without end, what they allow to be sent would wait for all that is under way to end. */
#define CYCLE_LATEST (5 * USEC_PER_MSEC)

/* What time alone has changed. */
static void note_time(struct conductor *conductor)
{
	usec_t now = clock_monotonic();
	int64_t offset = (int64_t)(inventory_now(conductor->inventory) - now);

	plan_done(&conductor->planner.shown);
	if (conductor->stock->record_error.text && conductor->stock->record_retry <= now)
		inventory_try_record(conductor->inventory);
	/* Somebody has set the clock: what was to be at a time is to be at another moment. */
	if (llabs(offset - conductor->clock_offset) > (int64_t)USEC_PER_SEC)
		inventory_touch_all(conductor->inventory);
	conductor->clock_offset = offset;
	inventory_note_reach(conductor->inventory);
	inventory_wake(conductor->inventory, now);
}

static void start_all_due(struct conductor *conductor)
{
	inventory_save_versions(conductor->inventory);
	if (!conductor->options.once || watch_wants_sweep(conductor->watch))
		watch_due(conductor->watch);
	transfers_count(conductor->transfers);
	plan_touched_certificates(conductor);
	plan_dependents(conductor);
	look_at_places(conductor->look, watch_show(conductor->watch).tells);
	if (!cycle_stopped(conductor))
		tags_due(conductor->tags);
	inventory_end_turn(conductor->inventory);
}

/* The cycle begins. */
static void calm(struct conductor *conductor)
{
	conductor->poked_at = 0;
	if (conductor->late)
		(void)sd_event_source_set_priority(conductor->cycle, SD_EVENT_PRIORITY_IDLE);
	conductor->late = false;
}

static int on_cycle(sd_event_source *source, void *userdata)
{
	struct conductor *conductor = userdata;

	calm(conductor);
	if (conductor->ending)
		return 0;
	note_time(conductor);
	start_all_due(conductor);
	sync_due(conductor);
	arm_timer(conductor);
	tell_manager(conductor);
	show_properties(conductor);
	job_end_rested(conductor);
	if (!is_idle(conductor)) {
		rest_ends(conductor);
		return 0;
	}
	if (approve_held(conductor)) {
		cycle_poke(conductor);
		return 0;
	}
	if (conductor->options.once)
		return tags_are_busy(conductor->tags) ? 0 : sd_event_exit(conductor->event, 0);
	rest_begins(conductor);
	return 0;
}

void cycle_poke(void *userdata)
{
	struct conductor *conductor = userdata;
	const usec_t now = clock_monotonic();

	if (!conductor->cycle || conductor->late)
		return;
	if (!conductor->poked_at) {
		conductor->poked_at = now;
		(void)sd_event_source_set_enabled(conductor->cycle, SD_EVENT_ONESHOT);
	} else if (now >= usec_add(conductor->poked_at, CYCLE_LATEST)) {
		(void)sd_event_source_set_priority(conductor->cycle, SD_EVENT_PRIORITY_NORMAL);
		conductor->late = true;
	}
}

int cycle_new(struct conductor *conductor)
{
	int r = sd_event_add_defer(conductor->event, &conductor->cycle, on_cycle, conductor);

	if (r < 0)
		return r;
	(void)sd_event_source_set_description(conductor->cycle, "plan");
	/* After everything else that is ready, so that one plan serves all that has changed. */
	(void)sd_event_source_set_priority(conductor->cycle, SD_EVENT_PRIORITY_IDLE);
	/* sd-event takes an accuracy of 0 for a quarter of a second, which waits of milliseconds would become. */
	r = sd_event_add_time(conductor->event, &conductor->timer, CLOCK_MONOTONIC, USEC_INFINITY,
		USEC_PER_MSEC, on_timer, conductor);
	if (r < 0)
		return r;
	return sd_event_source_set_description(conductor->timer, "next moment");
}
