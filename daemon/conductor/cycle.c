/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/conductor/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/conductor/limits.h"
#include "lib/base/strv.h"
#include "lib/os/clock.h"
#include "lib/os/memory.h"
#include "lib/systemd/notify.h"

/*
 * What is in flight is bounded, so that bundles and request bodies fit the secure heap (limits.h); and
 * at each place by itself, so that a slow one holds up nobody else: where it is full it is left out, and the certificate
 * is exported for it once more later.  A transfer begins when a place has few enough under way that its import lane could
 * run dry, and takes along what is due at all other places that are not full, so that accounts that are equally fast
 * share their exports.  What all may have under way is shared out among the places there are.  One that has not answered
 * lately gets one delivery, until it does; one that gives no answer gets none, and what it was given counts no more.  A
 * transfer to such and slow ones alone leaves its turn to others, too; and while others have something to do, few are begun for
 * slow ones alone, which then take along all slow ones that have room.
 */
#define PLACE_AT_ONCE_LEAST 4
#define PLACE_AT_ONCE_MOST 24 /* where round trips are all that a place waits for */
#define PLACE_LOW_SHARE 3 /* of what it may have at once */

/* A transfer waits so long for what may add to it, to export once for all that is due together. */
#define GATHER_WAIT (300 * USEC_PER_MSEC)

/* From one export for slow places alone to the next: of ACM's ten a second, others keep nineteen in twenty. */
#define SLOW_EXPORT_WAIT (2 * USEC_PER_SEC)

/* With the next look further away than this, connections are not kept where no watchdog wakes the process to close them:
 * the other ends close them before. */
#define REST_LONG USEC_PER_MINUTE

/* --- the plan's input: pointers into the states --- */

struct cycle_input {
	struct plan_input input;
	struct plan_certificate *certificates;
	struct plan_delivery *deliveries;
	struct plan_dependent *dependents;
};

static struct plan_certificate certificate_input(const struct tracked_certificate *certificate)
{
	return (struct plan_certificate){
		.name = certificate->name,
		.arn = certificate->arn,
		.entry = certificate->entry,
		.seen = certificate->seen,
		.refusal = certificate->seen ? source_refusal(certificate->seen) : NULL,
		.record = &certificate->record,
		.in_flight = certificate->run != NULL,
	};
}

/* May it be looked at now?  A look that failed is repeated when its back-off is over, or when somebody asked. */
static bool may_look(const struct conductor *conductor, const struct slot *slot)
{
	const struct tracked_delivery *delivery = slot->open;

	if (delivery->place->look)
		return false;
	if (!delivery->observed.error.text)
		return true;
	if (!slot->asked && delivery->record.next_try > conductor_now(conductor))
		return false;
	return !conductor->options.once || slot->asked;
}

static struct plan_delivery delivery_input(struct conductor *conductor, size_t index, size_t certificate)
{
	const struct tracked_delivery *delivery = state_open(conductor, index);
	const struct slot *slot = &conductor->slots[index];

	return (struct plan_delivery){
		.delivery = delivery->delivery,
		.certificate = certificate,
		.observed = &delivery->observed,
		/* Of one that was never written down, too, it counts when it is tried again. */
		.record = delivery->has_record || delivery->record.failures ? &delivery->record : NULL,
		.budget = delivery->place->budget,
		.silent = delivery->place->reach.silent,
		.lost = delivery->place->reach.lost ? delivery->place->reach.retry : 0,
		.in_flight = slot->claimed_by & CLAIMS_IN_FLIGHT,
		.may_look = may_look(conductor, slot),
		.asked = slot->asked,
		.untagged = slot->untagged && !(slot->claimed_by & CLAIM_TAG),
	};
}

bool cycle_wants_tag(struct conductor *conductor, size_t slot)
{
	const struct plan_certificate certificate =
		certificate_input(state_certificate(conductor, &conductor->slots[slot]));
	const struct plan_delivery delivery = delivery_input(conductor, slot, 0);

	return plan_wants_tag(&delivery, &certificate);
}

static struct plan_dependent dependent_input(const struct tracked_dependent *dependent)
{
	return (struct plan_dependent){
		.dependent = dependent->dependent,
		.words = &dependent->words,
		.record = &dependent->record,
		.owed = (const struct owed_record *const *)dependent->owed,
		.owed_count = dependent->owed_count,
		.in_flight = dependent->call || dependent->prove,
		.asked = dependent->asked,
	};
}

static void cycle_input_init(
	const struct conductor *conductor, size_t certificates, size_t deliveries, struct cycle_input *cycle)
{
	*cycle = (struct cycle_input){
		.certificates = mem_alloc(certificates * sizeof(*cycle->certificates)),
		.deliveries = mem_alloc(deliveries * sizeof(*cycle->deliveries)),
	};
	cycle->input = (struct plan_input){
		.certificates = cycle->certificates,
		.certificate_count = certificates,
		.deliveries = cycle->deliveries,
		.delivery_count = deliveries,
		.source_seen = conductor->source.view != NULL,
		.source_reading = conductor->source.tells,
		.keep_eligible = conductor->world->desired->source.keep_eligible,
		.guard = conductor->world->desired->guard,
		.now = conductor_now(conductor),
	};
}

static void cycle_input_done(struct cycle_input *cycle)
{
	free(cycle->certificates);
	free(cycle->deliveries);
	for (size_t i = 0; i < cycle->input.dependent_count; i++)
		free((void *)cycle->dependents[i].shares);
	free(cycle->dependents);
}

/* Is ${earlier} told of a delivery of which word is due at ${dependent}? */
static bool shares_with(
	const struct conductor *conductor, const struct tracked_dependent *dependent, const char *earlier)
{
	for (size_t i = 0; i < dependent->owed_count; i++) {
		const struct owed_record *row = dependent->owed[i];
		const struct slot *slot = row->owed == OWED_DUE ? state_find_slot(conductor, row->delivery) : NULL;

		if (slot && strv_has(state_wish(conductor, slot)->then, earlier))
			return true;
	}
	return false;
}

/* With which of those that come first, and serve another certificate, it shares what is due; NULL: with none.  Found out
 * only where one serves another, since there may be very many rows.  The caller owns it. */
static bool *find_shares(struct conductor *conductor, const struct tracked_dependent *dependent)
{
	char *const *after = dependent->dependent->after;
	bool *shares = NULL;

	for (size_t i = 0; after && after[i]; i++) {
		const struct tracked_dependent *earlier = state_find_dependent(conductor, after[i]);

		if (!earlier || earlier->record.proof.result != PROVE_WRONG ||
			!shares_with(conductor, dependent, after[i]))
			continue;
		if (!shares)
			shares = mem_alloc(strv_length(after) * sizeof(*shares));
		shares[i] = true;
	}
	return shares;
}

static void fill_dependents(struct conductor *conductor, struct cycle_input *cycle)
{
	cycle->dependents = mem_alloc(conductor->dependent_count * sizeof(*cycle->dependents));
	for (size_t i = 0; i < conductor->dependent_count; i++) {
		cycle->dependents[i] = dependent_input(conductor->dependents[i]);
		cycle->dependents[i].shares = find_shares(conductor, conductor->dependents[i]);
	}
	cycle->input.dependents = cycle->dependents;
	cycle->input.dependent_count = conductor->dependent_count;
}

/* One certificate with all its deliveries; what guard: counts of the others is given. */
static void fill_certificate(
	struct conductor *conductor, const struct tracked_certificate *certificate, struct cycle_input *cycle)
{
	cycle_input_init(conductor, 1, certificate->count, cycle);
	cycle->certificates[0] = certificate_input(certificate);
	for (size_t i = 0; i < certificate->count; i++)
		cycle->deliveries[i] = delivery_input(conductor, certificate->first + i, 0);
	cycle->input.elsewhere.known = conductor->touched.known - certificate->planned.touched.known;
	cycle->input.elsewhere.unseen = conductor->touched.unseen - certificate->planned.touched.unseen;
}

/* Some of its deliveries: whether it is to be exported for itself cannot be told by them. */
static void fill_some(struct conductor *conductor, const struct tracked_certificate *certificate, size_t first,
	size_t count, struct cycle_input *cycle)
{
	struct plan_touched own;

	cycle_input_init(conductor, 1, count, cycle);
	cycle->certificates[0] = certificate_input(certificate);
	for (size_t i = 0; i < count; i++)
		cycle->deliveries[i] = delivery_input(conductor, certificate->first + first + i, 0);
	own = plan_count_touched(&cycle->input);
	cycle->input.elsewhere.known = conductor->touched.known - MIN(own.known, conductor->touched.known);
	cycle->input.elsewhere.unseen = conductor->touched.unseen - MIN(own.unseen, conductor->touched.unseen);
	cycle->input.keep_eligible = false;
}

/* Moves the steps of ${plan} to the end of the plan that is shown. */
static void add_to_plan(struct conductor *conductor, struct plan *plan)
{
	struct plan *whole = &conductor->plan;

	if (!plan->count)
		return;
	whole->steps = mem_resize(whole->steps, whole->count + plan->count, sizeof(*whole->steps));
	for (size_t i = 0; i < plan->count; i++)
		whole->steps[whole->count++] = plan->steps[i];
	plan->count = 0;
	plan_done(plan);
}

void cycle_plan_some(
	struct conductor *conductor, const struct tracked_certificate *certificate, size_t first, size_t count)
{
	_cleanup_(cycle_input_done) struct cycle_input cycle = { .certificates = NULL };
	struct plan plan;

	if (count == certificate->count)
		fill_certificate(conductor, certificate, &cycle);
	else
		fill_some(conductor, certificate, first, count, &cycle);
	plan_make(&cycle.input, &plan);
	for (size_t i = 0; i < plan.count; i++)
		if (*plan.steps[i].delivery)
			plan.steps[i].index += certificate->first + first;
	add_to_plan(conductor, &plan);
}

void cycle_forget_plan(struct conductor *conductor)
{
	plan_done(&conductor->plan);
	state_settle(conductor);
}

void cycle_touch_all(struct conductor *conductor)
{
	for (size_t i = 0; i < conductor->certificate_count; i++)
		agenda_touch(&conductor->agenda, &conductor->certificates[i]->agenda);
}

/* --- starting steps --- */

/* Are looks under way, or about to be, that may find more deliveries of this certificate due; or does one wait for the first
 * answer of its place? */
static bool more_may_be_due(const struct conductor *conductor, const struct tracked_certificate *certificate)
{
	for (size_t i = 0; i < certificate->count; i++) {
		const struct slot *slot = &conductor->slots[certificate->first + i];
		const struct tracked_place *place = state_place(conductor, slot);

		if (!reach_is_open(place))
			continue;
		if (slot->claimed_by & CLAIM_LOOK || slot->look_wanted || place->wanted ||
			(slot->due && place->carrying && !reach_is_proven(place)))
			return true;
	}
	return false;
}

static void gather_until(struct conductor *conductor, struct tracked_certificate *certificate, usec_t until)
{
	conductor->gathering -= certificate->gather_until != 0;
	conductor->gathering += until != 0;
	certificate->gather_until = until;
}

/* Does the transfer wait a moment?  Sets when it no longer will. */
static bool still_gathering(struct conductor *conductor, struct tracked_certificate *certificate)
{
	usec_t now = clock_monotonic();

	if (!more_may_be_due(conductor, certificate))
		return false;
	if (!certificate->gather_until)
		gather_until(conductor, certificate, now + GATHER_WAIT);
	return now < certificate->gather_until;
}

/* How many may be under way at one place: all places together can never have more than CARRIED_AT_ONCE, as long as
 * there are few enough of them for the least. */
static size_t place_at_once(const struct conductor *conductor, const struct tracked_place *place)
{
	const size_t share = CARRIED_AT_ONCE / MAX(conductor->place_count, (size_t)1);

	if (!reach_is_open(place))
		return 0;
	if (!reach_is_proven(place))
		return 1;
	if (reach_is_slow(place) && conductor->slow_runs >= RUNS_SLOW)
		return 0;
	return MIN(MAX(share, reach_is_prompt(place) ? (size_t)PLACE_AT_ONCE_LEAST : 1), (size_t)PLACE_AT_ONCE_MOST);
}

static bool may_export_for_slow(const struct conductor *conductor)
{
	return !conductor->prompt_wanted || conductor->slow_next <= clock_monotonic();
}

static bool is_low(const struct conductor *conductor, const struct tracked_place *place)
{
	const size_t most = place_at_once(conductor, place);

	if (reach_is_slow(place) && !may_export_for_slow(conductor))
		return false;
	return place->carrying < most && place->carrying <= most / PLACE_LOW_SHARE;
}

/* Those that are due where there is room; NULL when they can wait for more, or have to wait until there is room for all
 * of them: to take some would be to export once more for the others. */
static struct tracked_delivery **due_deliveries(
	struct conductor *conductor, const struct tracked_certificate *certificate, size_t *ret_count)
{
	struct tracked_delivery **due = mem_alloc(certificate->count * sizeof(*due));
	size_t count = 0, room = CARRIED_AT_ONCE - MIN(conductor->carrying, (size_t)CARRIED_AT_ONCE);
	bool low = false;

	for (size_t i = 0; i < certificate->count; i++) {
		const struct slot *slot = &conductor->slots[certificate->first + i];
		const struct tracked_place *place = state_place(conductor, slot);

		if (!slot->due)
			continue;
		low |= is_low(conductor, place);
		if (place->carrying < place_at_once(conductor, place) && count < CARRIED_AT_ONCE)
			due[count++] = state_open(conductor, certificate->first + i);
	}
	*ret_count = count;
	if (low && count && count <= room)
		return due;
	free(due);
	return NULL;
}

static void set_due(struct conductor *conductor, struct slot *slot, bool due)
{
	struct tracked_place *place = state_place(conductor, slot);

	if (slot->due == due)
		return;
	slot->due = due;
	place->due += due ? 1 : (size_t)-1;
}

static bool may_run(const struct conductor *conductor)
{
	return conductor->run_count < RUNS_AT_ONCE && conductor->all_runs < RUNS_IN_ALL;
}

static bool are_slow(struct tracked_delivery *const *deliveries, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!reach_is_slow(deliveries[i]->place))
			return false;
	return count > 0;
}

static void start_transfer(struct conductor *conductor, struct tracked_certificate *certificate)
{
	struct tracked_delivery **due = NULL;
	size_t count = 0;

	if (certificate->run || (certificate->planned.due && still_gathering(conductor, certificate)))
		return;
	if (may_run(conductor) && certificate->planned.due)
		due = due_deliveries(conductor, certificate, &count);
	if (!may_run(conductor) || (certificate->planned.due && !due)) {
		agenda_wait(&conductor->agenda, &certificate->agenda);
		return;
	}
	gather_until(conductor, certificate, 0);
	if (are_slow(due, count))
		conductor->slow_next = usec_add(clock_monotonic(), SLOW_EXPORT_WAIT);
	for (size_t i = 0; i < count; i++)
		set_due(conductor, state_slot(conductor, due[i]), false);
	(void)deliver_start(conductor, certificate, due, count);
}

/* Could a transfer of one that waits begin, as far as can be told from what was last planned? */
static bool may_start(const void *userdata, const struct agenda_item *item)
{
	const struct tracked_certificate *certificate = state_of_item(item);
	const struct conductor *conductor = userdata;

	if (!certificate->planned.due)
		return true;
	for (size_t i = 0; i < certificate->count; i++) {
		const struct slot *slot = &conductor->slots[certificate->first + i];

		if (slot->due && is_low(conductor, state_place(conductor, slot)))
			return true;
	}
	return false;
}

/* Is there a place for which something waits, and where too little is under way? */
static bool has_room(const struct conductor *conductor)
{
	const struct tracked_certificate *first = state_of_item(agenda_first_waiting(&conductor->agenda));

	if (!first || !may_run(conductor) || conductor->carrying >= CARRIED_AT_ONCE)
		return false;
	for (size_t i = 0; i < conductor->place_count; i++)
		if (conductor->places[i]->due && is_low(conductor, conductor->places[i]))
			return true;
	return !conductor->run_count || !first->planned.due;
}

static void say_held(
	const struct conductor *conductor, const struct tracked_delivery *delivery, const struct step *step)
{
	const struct change change = { .event = CHANGE_HELD, .hold = step->hold, .words = step->reason };

	say_delivery(conductor, delivery->delivery, &change);
}

/* What the plan itself finds wrong: a foreign object, a newer version there. */
static void say_stuck(
	const struct conductor *conductor, const struct tracked_delivery *delivery, const struct step *step)
{
	const struct change change = { .event = CHANGE_STUCK, .words = step->reason };

	if (step->failed && !step->when && delivery->certificate->seen && delivery->observed.state != OBSERVED_UNKNOWN)
		say_delivery(conductor, delivery->delivery, &change);
}

bool cycle_stopped(const struct conductor *conductor)
{
	return conductor->options.dry_run || conductor->record_error.text;
}

/* Is it to be imported for the first time, and was it too long ago that nothing was there? */
static bool is_stale(const struct conductor *conductor, const struct slot *slot)
{
	usec_t at = state_absent_at(slot);

	return at && destination_names_objects(slot->open->delivery->place) &&
	       usec_sub(conductor_now(conductor), at) > ABSENT_BELIEVED;
}

/* One look for all at its place that wait for their first import: each costs a listing of the whole account. */
static void look_again(struct conductor *conductor, struct slot *slot)
{
	for (size_t i = 0; i < conductor->delivery_count; i++) {
		struct slot *other = &conductor->slots[i];

		if (other->place == slot->place && other->due && state_absent_at(other))
			state_want_look(conductor, other, true);
	}
	state_want_look(conductor, slot, true);
}

/* What is to be done for a delivery, but for carrying it, which is done for all of its certificate's together. */
static void start_delivery_step(struct conductor *conductor, size_t index, const struct step *step)
{
	struct slot *slot = &conductor->slots[index];
	const struct source_certificate *seen = slot->open->certificate->seen;

	switch (step->verb) {
	case STEP_LOOK:
		state_want_look(conductor, slot, true);
		break;
	case STEP_DELIVER:
		if (is_stale(conductor, slot))
			look_again(conductor, slot);
		else
			set_due(conductor, slot, true);
		break;
	case STEP_PROVE:
		if (!cycle_stopped(conductor))
			deliver_prove(conductor, slot->open);
		break;
	case STEP_HOLD:
		say_held(conductor, slot->open, step);
		break;
	case STEP_WAIT:
		say_stuck(conductor, slot->open, step);
		/* Not known, and its place is being looked at without it.  (While its version is still being read, that
		 * is what it waits for.) */
		if (slot->open->place->look && !(slot->claimed_by & CLAIM_LOOK) && seen && !seen->unread)
			slot->open->place->waited_for = slot->open->certificate->waits_for_look = true;
		break;
	default:
		break;
	}
}

static void start_steps(struct conductor *conductor, struct tracked_certificate *certificate, const struct plan *plan)
{
	bool transfer = certificate->planned.due > 0;

	for (size_t i = 0; i < certificate->count; i++)
		set_due(conductor, &conductor->slots[certificate->first + i], false);
	for (size_t i = 0; i < plan->count; i++) {
		const struct step *step = &plan->steps[i];

		if (*step->delivery)
			start_delivery_step(conductor, certificate->first + step->index, step);
		transfer |= step->verb == STEP_EXPORT;
	}
	if (!certificate->planned.due || cycle_stopped(conductor))
		gather_until(conductor, certificate, 0);
	if (transfer && !cycle_stopped(conductor))
		start_transfer(conductor, certificate);
}

/* --- the plan, certificate by certificate --- */

static usec_t monotonic_of(const struct conductor *conductor, usec_t wall)
{
	if (wall == USEC_INFINITY)
		return USEC_INFINITY;
	return clock_monotonic() + usec_sub(wall, conductor_now(conductor)) + USEC_PER_MSEC;
}

static struct planned count_planned(const struct cycle_input *cycle, const struct plan *plan)
{
	struct planned planned = { .touched = plan_count_touched(&cycle->input) };

	for (size_t i = 0; i < cycle->input.delivery_count; i++)
		planned.in_place += cycle->deliveries[i].observed->state == OBSERVED_PRESENT;
	for (size_t i = 0; i < plan->count; i++) {
		planned.held += plan->steps[i].verb == STEP_HOLD;
		planned.failing += plan->steps[i].verb == STEP_WAIT && plan->steps[i].failed;
		planned.due += plan->steps[i].verb == STEP_DELIVER;
	}
	return planned;
}

static void set_planned(struct conductor *conductor, struct tracked_certificate *certificate, struct planned planned)
{
	const struct planned *before = &certificate->planned;

	conductor->touched.known += planned.touched.known - before->touched.known;
	conductor->touched.unseen += planned.touched.unseen - before->touched.unseen;
	conductor->counts.in_place += planned.in_place - before->in_place;
	conductor->counts.held += planned.held - before->held;
	conductor->counts.failing += planned.failing - before->failing;
	certificate->planned = planned;
}

static void plan_certificate(struct conductor *conductor, struct tracked_certificate *certificate)
{
	_cleanup_(cycle_input_done) struct cycle_input cycle;
	struct plan plan;
	usec_t due;

	certificate->waits_for_look = false;
	fill_certificate(conductor, certificate, &cycle);
	plan_make(&cycle.input, &plan);
	set_planned(conductor, certificate, count_planned(&cycle, &plan));
	start_steps(conductor, certificate, &plan);
	due = monotonic_of(conductor, plan.again);
	/* One that has gathered long enough waits for room, not for a time. */
	if (certificate->gather_until > clock_monotonic())
		due = MIN(due, certificate->gather_until);
	agenda_set(&conductor->agenda, &certificate->agenda, due);
	plan_done(&plan);
	state_settle(conductor);
}

/* What guard: counts of a certificate's deliveries.  Settled ones that are confirmed are none of it. */
static struct plan_touched count_touched(struct conductor *conductor, const struct tracked_certificate *certificate)
{
	_cleanup_(cycle_input_done) struct cycle_input cycle = { .certificates = NULL };
	struct plan_touched touched = { 0 };
	size_t settled = 0;

	while (settled < certificate->count && !conductor->slots[certificate->first + settled].open &&
		conductor->slots[certificate->first + settled].settled.version)
		settled++;
	if (settled == certificate->count)
		return touched;
	fill_certificate(conductor, certificate, &cycle);
	touched = plan_count_touched(&cycle.input);
	state_settle(conductor);
	return touched;
}

/* Before anything is started: whether guard: holds is a matter of all.  Where it changes, all that is touched is planned
 * again. */
static void count_guarded(struct conductor *conductor)
{
	unsigned guard = conductor->world->desired->guard;
	enum plan_guard before = plan_guard(guard, &conductor->touched);

	if (!guard)
		return;
	for (struct agenda_item *item = conductor->agenda.touched; item; item = item->next_touched) {
		struct tracked_certificate *certificate = state_of_item(item);
		struct planned planned = certificate->planned;

		planned.touched = count_touched(conductor, certificate);
		set_planned(conductor, certificate, planned);
	}
	if (plan_guard(guard, &conductor->touched) == before)
		return;
	for (size_t i = 0; i < conductor->certificate_count; i++)
		if (conductor->certificates[i]->planned.touched.known)
			agenda_touch(&conductor->agenda, &conductor->certificates[i]->agenda);
}

static void plan_touched_certificates(struct conductor *conductor)
{
	struct tracked_certificate *certificate;

	count_guarded(conductor);
	while ((certificate = state_of_item(agenda_take(&conductor->agenda))))
		plan_certificate(conductor, certificate);
	while (has_room(conductor) &&
		(certificate = state_of_item(agenda_take_waiting(&conductor->agenda, may_start, conductor)))) {
		plan_certificate(conductor, certificate);
		if (certificate->agenda.ready)
			return; /* no room after all */
	}
}

/* --- the plan for dependents --- */

/* A delivery in flight that will owe it, for which it may wait; NULL: there is none. */
static const struct slot *find_on_its_way(const struct conductor *conductor, const struct tracked_dependent *dependent)
{
	for (size_t i = 0; i < dependent->owed_count; i++) {
		const struct owed_record *row = dependent->owed[i];
		const struct slot *slot = row->owed == OWED_INTENDED ? state_find_slot(conductor, row->delivery) : NULL;

		if (slot && reach_is_open(state_place(conductor, slot)) &&
			slot->claimed_by & CLAIMS_IN_FLIGHT)
			return slot;
	}
	return NULL;
}

static int compare_size(const void *a, const void *b)
{
	size_t left = *(const size_t *)a, right = *(const size_t *)b;

	return left < right ? -1 : left > right;
}

/* The dependents, and one delivery in flight for each that may wait for it. */
static void fill_for_dependents(struct conductor *conductor, struct cycle_input *cycle)
{
	_cleanup_(freep) size_t *found = mem_alloc(conductor->dependent_count * sizeof(*found));
	size_t count = 0, kept = 0;

	for (size_t i = 0; i < conductor->dependent_count; i++) {
		const struct slot *slot = find_on_its_way(conductor, conductor->dependents[i]);

		if (slot)
			found[count++] = (size_t)(slot - conductor->slots);
	}
	qsort(found, count, sizeof(*found), compare_size);
	cycle_input_init(conductor, 1, count, cycle);
	for (size_t i = 0; i < count; i++)
		if (!i || found[i] != found[i - 1])
			cycle->deliveries[kept++] = delivery_input(conductor, found[i], 0);
	cycle->input.delivery_count = kept;
	cycle->input.keep_eligible = false; /* certificates are planned by themselves */
	fill_dependents(conductor, cycle);
}

/* The input has only those deliveries that are in flight; what a step is about is a delivery of the world. */
static void name_step(const struct conductor *conductor, struct step *step)
{
	const struct slot *slot = *step->delivery ? state_find_slot(conductor, step->delivery) : NULL;

	if (!slot)
		return;
	step->certificate = state_certificate(conductor, slot)->name;
	step->destination = state_place(conductor, slot)->place->destination->name;
}

void cycle_plan_told(struct conductor *conductor)
{
	_cleanup_(cycle_input_done) struct cycle_input cycle = { .certificates = NULL };
	struct plan plan;

	if (!conductor->dependent_count)
		return;
	fill_for_dependents(conductor, &cycle);
	plan_make(&cycle.input, &plan);
	for (size_t i = 0; i < plan.count; i++)
		name_step(conductor, &plan.steps[i]);
	add_to_plan(conductor, &plan);
}

void cycle_refresh_plan(struct conductor *conductor)
{
	plan_done(&conductor->plan);
	for (size_t i = 0; i < conductor->certificate_count; i++)
		cycle_plan_some(conductor, conductor->certificates[i], 0, conductor->certificates[i]->count);
	cycle_plan_told(conductor);
}

static void start_dependent_step(struct conductor *conductor, const struct step *step)
{
	struct tracked_dependent *dependent;

	if (!*step->dependent || cycle_stopped(conductor))
		return;
	dependent = conductor->dependents[step->index];
	if (step->verb == STEP_TELL)
		tell_start(conductor, dependent);
	else if (step->verb == STEP_PROVE)
		tell_prove_again(conductor, dependent);
}

/* What a dependent waits for is its own next try, one that comes first, or deliveries on their way to it. */
static void note_wait(struct conductor *conductor, const struct step *step)
{
	struct tracked_dependent *dependent;

	if (!*step->dependent || step->verb != STEP_WAIT)
		return;
	dependent = conductor->dependents[step->index];
	if (*step->waits_for)
		dependent->waits = mem_strdup(step->reason);
	else
		dependent->gathers = step->when != dependent->record.next_try;
}

static void forget_wait(struct tracked_dependent *dependent)
{
	dependent->gathers = false;
	free(dependent->waits);
	dependent->waits = NULL;
}

static void plan_dependents(struct conductor *conductor)
{
	_cleanup_(cycle_input_done) struct cycle_input cycle = { .certificates = NULL };
	struct plan plan;

	conductor->dependents_failing = 0;
	conductor->dependents_again = USEC_INFINITY;
	if (!conductor->dependent_count)
		return;
	fill_for_dependents(conductor, &cycle);
	plan_make(&cycle.input, &plan);
	for (size_t i = 0; i < conductor->dependent_count; i++)
		forget_wait(conductor->dependents[i]);
	for (size_t i = 0; i < plan.count; i++) {
		conductor->dependents_failing += plan.steps[i].verb == STEP_WAIT && plan.steps[i].failed;
		note_wait(conductor, &plan.steps[i]);
		start_dependent_step(conductor, &plan.steps[i]);
	}
	conductor->dependents_again = plan.again;
	plan_done(&plan);
}

/* --- the next moment --- */

/* When a transfer that waits may begin because of the time alone, or USEC_INFINITY. */
static usec_t next_slow(const struct conductor *conductor)
{
	return agenda_first_waiting(&conductor->agenda) && conductor->slow_next > clock_monotonic()
		? conductor->slow_next : USEC_INFINITY;
}

static usec_t next_moment(const struct conductor *conductor)
{
	usec_t next = conductor->source.read ? USEC_INFINITY : MIN(conductor->source.next_look, conductor->source.next_sweep);

	next = MIN(next, agenda_first(&conductor->agenda));
	next = MIN(next, reach_next(conductor));
	next = MIN(next, look_next(conductor));
	next = MIN(next, next_slow(conductor));
	next = MIN(next, monotonic_of(conductor, conductor->dependents_again));
	if (conductor->record_error.text)
		next = MIN(next, conductor->record_retry);
	return MAX(next, clock_monotonic() + USEC_PER_MSEC);
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
	const struct planned_counts *counts = &conductor->counts;
	char *text = mem_printf("%zu certificates, %zu deliveries (%u in place, %u held, %u failing)%s",
		conductor->certificate_count, conductor->delivery_count, counts->in_place, counts->held,
		counts->failing + conductor->dependents_failing,
		conductor->source.problem.text ? "; the source cannot be read" : "");

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
	if (conductor->source.read || conductor->runs || conductor->source.sweep_wanted || conductor->proofs ||
		conductor->gathering || conductor->agenda.touched ||
		next_slow(conductor) != USEC_INFINITY)
		return false;
	for (size_t i = 0; i < conductor->place_count; i++)
		if (conductor->places[i]->look || conductor->places[i]->look_wanted ||
			(conductor->source.view && conductor->places[i]->wanted))
			return false;
	for (size_t i = 0; i < conductor->dependent_count; i++)
		if (conductor->dependents[i]->call || conductor->dependents[i]->prove)
			return false;
	return true;
}

/* With --once --approve, what is held for a person is approved by the one who ran it. */
static bool approve_held(struct conductor *conductor)
{
	return conductor->options.approve && !conductor->options.dry_run && conductor->counts.held &&
	       ask_approve(conductor, NULL, "--once --approve");
}

/* What a look needs is kept for the next one: to fault its pages in again would cost up to a third of the look. */
static void give_back(const struct conductor *conductor)
{
	if (conductor->worked)
		memory_give_back();
	else
		memory_trim();
}

/* Nothing is in flight any more: what was needed for it is not held on to while the daemon sleeps.  Connections are kept
 * for the moment after a sync, until the watchdog wakes the process; where there is none, they go now if the next look is
 * far away. */
static void rest(struct conductor *conductor)
{
	usec_t next = MIN(conductor->source.next_look, conductor->source.next_sweep);

	if (conductor->rested)
		return;
	conductor->rested = true;
	if (!conductor->watchdog && next > usec_add(clock_monotonic(), REST_LONG))
		cycle_rest_longer(conductor);
	else
		give_back(conductor);
}

void cycle_rest_longer(struct conductor *conductor)
{
	if (!conductor->rested || conductor->rested_longer)
		return;
	conductor->rested_longer = true;
	if (conductor->aws)
		aws_rest(conductor->aws);
	give_back(conductor);
	conductor->worked = false;
}

/* What time alone has changed. */
static void note_time(struct conductor *conductor)
{
	usec_t now = clock_monotonic();
	int64_t offset = (int64_t)(conductor_now(conductor) - now);

	plan_done(&conductor->plan);
	if (conductor->record_error.text && conductor->record_retry <= now) {
		conductor_try_record(conductor);
		if (!conductor->record_error.text)
			cycle_touch_all(conductor);
	}
	/* Somebody has set the clock: what was to be at a time is to be at another moment. */
	if (llabs(offset - conductor->clock_offset) > (int64_t)USEC_PER_SEC)
		cycle_touch_all(conductor);
	conductor->clock_offset = offset;
	reach_note(conductor);
	agenda_wake(&conductor->agenda, now);
}

static int on_cycle(sd_event_source *source, void *userdata)
{
	struct conductor *conductor = userdata;

	if (conductor->ending)
		return 0;
	note_time(conductor);
	if (!conductor->options.once || conductor->source.sweep_wanted)
		look_due(conductor);
	deliver_count(conductor);
	plan_touched_certificates(conductor);
	plan_dependents(conductor);
	look_at_places(conductor);
	tag_due(conductor);
	state_settle(conductor);
	arm_timer(conductor);
	tell_manager(conductor);
	show_properties(conductor);
	job_end_rested(conductor);
	if (!cycle_idle(conductor)) {
		conductor->rested = conductor->rested_longer = false;
		conductor->worked |= !conductor->source.read || conductor->source.reading == SOURCE_SWEEP || conductor->runs;
		return 0;
	}
	if (approve_held(conductor)) {
		cycle_poke(conductor);
		return 0;
	}
	if (conductor->options.once)
		return conductor->tagging ? 0 : sd_event_exit(conductor->event, 0);
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
