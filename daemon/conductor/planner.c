/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/conductor/planner.h"

#include <stdlib.h>

#include "daemon/source/source.h"
#include "lib/base/strv.h"

/* --- the plan's input: pointers into the stock --- */

struct planner_input {
	struct plan_input input;
	struct plan_certificate *certificates;
	struct plan_delivery *deliveries;
	struct plan_dependent *dependents;
	size_t *numbers; /* of the deliveries among those of their certificate; NULL: all are there */
	size_t in_place; /* of those that are left out */
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
		.in_flight = certificate->in_flight,
	};
}

/* May it be looked at now?  A look that failed is repeated when its back-off is over, or when somebody asked. */
static bool may_look(const struct planner *planner, const struct slot *slot)
{
	const struct tracked_delivery *delivery = slot->open;

	if (delivery->place->looking)
		return false;
	if (!delivery->observed.error.text)
		return true;
	if (!slot->asked && delivery->record.next_try > inventory_now(planner->inventory))
		return false;
	return !planner->once || slot->asked;
}

static struct plan_delivery delivery_input(
	struct planner *planner, size_t index, size_t certificate)
{
	const struct tracked_delivery *delivery = inventory_open(planner->inventory, index);
	const struct slot *slot = &planner->stock->slots[index];

	return (struct plan_delivery){
		.delivery = delivery->delivery,
		.certificate = certificate,
		.observed = &delivery->observed,
		/* Of one that was never written down, too, it counts when it is tried again. */
		.record = delivery->has_record || delivery->record.failures ? &delivery->record
									    : NULL,
		.budget = delivery->place->budget,
		.silent = delivery->place->reach.silent,
		.lost = delivery->place->reach.lost ? delivery->place->reach.retry : 0,
		.in_flight = slot->claimed_by & CLAIMS_IN_FLIGHT,
		.may_look = may_look(planner, slot),
		.asked = slot->asked,
		.untagged = slot->untagged && !(slot->claimed_by & CLAIM_TAG),
	};
}

bool planner_wants_tag(struct planner *planner, size_t slot)
{
	const struct plan_certificate certificate = certificate_input(
		stock_certificate(planner->stock, &planner->stock->slots[slot]));
	const struct plan_delivery delivery = delivery_input(planner, slot, 0);

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
		.in_flight = dependent->in_flight,
		.asked = dependent->asked,
	};
}

static void planner_input_init(const struct planner *planner, size_t certificates,
	size_t deliveries, struct planner_input *filled)
{
	*filled = (struct planner_input){
		.certificates = mem_alloc(certificates * sizeof(*filled->certificates)),
		.deliveries = mem_alloc(deliveries * sizeof(*filled->deliveries)),
	};
	filled->input = (struct plan_input){
		.certificates = filled->certificates,
		.certificate_count = certificates,
		.deliveries = filled->deliveries,
		.delivery_count = deliveries,
		.source_seen = planner->stock->view != NULL,
		.looking = !planner->stock->view || stock_is_looking(planner->stock),
		.source_reading = planner->watch && watch_show(planner->watch).tells,
		.keep_eligible = planner->stock->world->desired->source.keep_eligible,
		.guard = planner->stock->world->desired->guard,
		.now = inventory_now(planner->inventory),
	};
}

static void planner_input_done(struct planner_input *filled)
{
	free(filled->certificates);
	free(filled->deliveries);
	free(filled->numbers);
	for (size_t i = 0; i < filled->input.dependent_count; i++)
		free((void *)filled->dependents[i].shares);
	free(filled->dependents);
}

/* Is ${earlier} told of a delivery of which word is due at ${dependent}? */
static bool shares_with(const struct planner *planner, const struct tracked_dependent *dependent,
	const char *earlier)
{
	for (size_t i = 0; i < dependent->owed_count; i++) {
		const struct owed_record *row = dependent->owed[i];
		const struct slot *slot = row->owed == OWED_DUE
						  ? stock_find_slot(planner->stock, row->delivery)
						  : NULL;

		if (slot && strv_has(stock_wish(planner->stock, slot)->then, earlier))
			return true;
	}
	return false;
}

/* With which of those that come first, and serve another certificate, it shares what is due; NULL: with none.  Found out
 * only where one serves another, since there may be very many rows.  The caller owns it. */
static bool *find_shares(struct planner *planner, const struct tracked_dependent *dependent)
{
	char *const *after = dependent->dependent->after;
	bool *shares = NULL;

	for (size_t i = 0; after && after[i]; i++) {
		const struct tracked_dependent *earlier = stock_find_dependent(
			planner->stock, after[i]);

		if (!earlier || earlier->record.proof.result != PROVE_WRONG ||
			!shares_with(planner, dependent, after[i]))
			continue;
		if (!shares)
			shares = mem_alloc(strv_length(after) * sizeof(*shares));
		shares[i] = true;
	}
	return shares;
}

static void fill_dependents(struct planner *planner, struct planner_input *filled)
{
	filled->dependents = mem_alloc(
		planner->stock->dependent_count * sizeof(*filled->dependents));
	for (size_t i = 0; i < planner->stock->dependent_count; i++) {
		filled->dependents[i] = dependent_input(planner->stock->dependents[i]);
		filled->dependents[i].shares = find_shares(planner, planner->stock->dependents[i]);
	}
	filled->input.dependents = filled->dependents;
	filled->input.dependent_count = planner->stock->dependent_count;
}

/* One certificate with all its deliveries; what guard: counts of the others is given. */
static void fill_certificate(struct planner *planner, const struct tracked_certificate *certificate,
	struct planner_input *filled)
{
	planner_input_init(planner, 1, certificate->count, filled);
	filled->certificates[0] = certificate_input(certificate);
	for (size_t i = 0; i < certificate->count; i++)
		filled->deliveries[i] = delivery_input(planner, certificate->first + i, 0);
	filled->input.elsewhere = census_without(
		&planner->stock->census, &certificate->planned.touched);
}

enum plan_glance planner_glance(const struct planner *planner, size_t index)
{
	const struct slot *slot = &planner->stock->slots[index];
	const struct tracked_place *place = stock_place(planner->stock, slot);
	const struct plan_certificate certificate = certificate_input(
		stock_certificate(planner->stock, slot));
	const struct plan_glimpse glimpse = {
		.state = slot_state(slot),
		.confirmed = !slot->open && slot->settled.has_record ? slot_confirmed(slot) : NULL,
		.proves = stock_wish(planner->stock, slot)->prove_count > 0,
		.in_flight = slot->claimed_by & CLAIMS_IN_FLIGHT,
		.may_look = !place->looking,
		.untagged = slot->untagged && !(slot->claimed_by & CLAIM_TAG),
	};

	return plan_glance(&glimpse, &certificate, planner->stock->view != NULL);
}

/* One certificate with those deliveries that have to be opened; of the others is counted what they
 * come to. */
static void fill_opened(struct planner *planner, const struct tracked_certificate *certificate,
	struct planner_input *filled)
{
	size_t *numbers = mem_alloc(certificate->count * sizeof(*numbers));
	size_t count = 0, in_place = 0;
	bool in_flight = false;

	for (size_t i = 0; i < certificate->count; i++) {
		const size_t index = certificate->first + i;
		enum plan_glance glance = planner_glance(planner, index);

		if (glance == PLAN_GLANCE_OPEN) {
			numbers[count++] = i;
			continue;
		}
		in_flight |= glance != PLAN_GLANCE_RESTS;
		in_place += slot_state(&planner->stock->slots[index]) == OBSERVED_PRESENT;
	}
	planner_input_init(planner, 1, count, filled);
	filled->numbers = numbers;
	filled->in_place = in_place;
	filled->certificates[0] = certificate_input(certificate);
	for (size_t i = 0; i < count; i++)
		filled->deliveries[i] = delivery_input(planner, certificate->first + numbers[i], 0);
	filled->input.left_in_flight = in_flight;
	filled->input.elsewhere = census_without(
		&planner->stock->census, &certificate->planned.touched);
}

/* Some of its deliveries: whether it is to be exported for itself cannot be told by them. */
static void fill_some(struct planner *planner, const struct tracked_certificate *certificate,
	size_t first, size_t count, struct planner_input *filled)
{
	struct plan_touched own;

	planner_input_init(planner, 1, count, filled);
	filled->certificates[0] = certificate_input(certificate);
	for (size_t i = 0; i < count; i++)
		filled->deliveries[i] = delivery_input(planner, certificate->first + first + i, 0);
	own = plan_count_touched(&filled->input);
	filled->input.elsewhere = census_without(&planner->stock->census, &own);
	filled->input.keep_eligible = false;
}

static struct planned count_planned(const struct planner_input *filled, const struct plan *plan)
{
	struct planned planned = {
		.touched = plan_count_touched(&filled->input),
		.in_place = filled->in_place,
	};

	for (size_t i = 0; i < filled->input.delivery_count; i++)
		planned.in_place += filled->deliveries[i].observed->state == OBSERVED_PRESENT;
	for (size_t i = 0; i < plan->count; i++) {
		planned.held += plan->steps[i].verb == STEP_HOLD;
		planned.failing += plan->steps[i].verb == STEP_WAIT && plan->steps[i].failed;
		planned.due += plan->steps[i].verb == STEP_DELIVER;
	}
	return planned;
}

void planner_certificate(struct planner *planner, const struct tracked_certificate *certificate,
	struct plan *ret_plan, struct planned *ret_planned)
{
	_cleanup_(planner_input_done) struct planner_input filled;

	fill_opened(planner, certificate, &filled);
	plan_make(&filled.input, ret_plan);
	*ret_planned = count_planned(&filled, ret_plan);
	for (size_t i = 0; i < ret_plan->count; i++)
		if (*ret_plan->steps[i].delivery)
			ret_plan->steps[i].index = filled.numbers[ret_plan->steps[i].index];
}

/* What guard: counts of a certificate's deliveries.  Settled ones that are confirmed are none of it. */
struct plan_touched planner_touched(
	struct planner *planner, const struct tracked_certificate *certificate)
{
	_cleanup_(planner_input_done) struct planner_input filled = { .certificates = NULL };
	struct plan_touched touched = { 0 };
	size_t settled = 0;

	while (settled < certificate->count &&
		!planner->stock->slots[certificate->first + settled].open &&
		planner->stock->slots[certificate->first + settled].settled.version)
		settled++;
	if (settled == certificate->count)
		return touched;
	fill_certificate(planner, certificate, &filled);
	touched = plan_count_touched(&filled.input);
	inventory_end_turn(planner->inventory);
	return touched;
}

/* A delivery in flight that will owe it, for which it may wait; NULL: there is none. */
static const struct slot *find_on_its_way(
	const struct planner *planner, const struct tracked_dependent *dependent)
{
	for (size_t i = 0; i < dependent->owed_count; i++) {
		const struct owed_record *row = dependent->owed[i];
		const struct slot *slot = row->owed == OWED_INTENDED
						  ? stock_find_slot(planner->stock, row->delivery)
						  : NULL;

		if (slot && place_is_open(stock_place(planner->stock, slot)) &&
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
static void fill_for_dependents(struct planner *planner, struct planner_input *filled)
{
	_cleanup_(freep)
		size_t *found = mem_alloc(planner->stock->dependent_count * sizeof(*found));
	size_t count = 0, kept = 0;

	for (size_t i = 0; i < planner->stock->dependent_count; i++) {
		const struct slot *slot = find_on_its_way(planner, planner->stock->dependents[i]);

		if (slot)
			found[count++] = (size_t)(slot - planner->stock->slots);
	}
	qsort(found, count, sizeof(*found), compare_size);
	planner_input_init(planner, 1, count, filled);
	for (size_t i = 0; i < count; i++)
		if (!i || found[i] != found[i - 1])
			filled->deliveries[kept++] = delivery_input(planner, found[i], 0);
	filled->input.delivery_count = kept;
	filled->input.keep_eligible = false; /* certificates are planned by themselves */
	fill_dependents(planner, filled);
}

/* The input has only those deliveries that are in flight; what a step is about is a delivery of the world. */
static void name_step(const struct planner *planner, struct step *step)
{
	const struct slot *slot = *step->delivery ? stock_find_slot(planner->stock, step->delivery)
						  : NULL;

	if (!slot)
		return;
	step->certificate = stock_certificate(planner->stock, slot)->name;
	step->destination = stock_place(planner->stock, slot)->place->destination->name;
}

void planner_dependents(struct planner *planner, struct plan *ret_plan)
{
	_cleanup_(planner_input_done) struct planner_input filled = { .certificates = NULL };

	fill_for_dependents(planner, &filled);
	plan_make(&filled.input, ret_plan);
}

/* --- what is shown --- */

/* Moves the steps of ${plan} to the end of the plan that is shown. */
static void add(struct planner *planner, struct plan *plan)
{
	struct plan *whole = &planner->shown;

	if (!plan->count)
		return;
	whole->steps = mem_resize(whole->steps, whole->count + plan->count, sizeof(*whole->steps));
	for (size_t i = 0; i < plan->count; i++)
		whole->steps[whole->count++] = plan->steps[i];
	plan->count = 0;
	plan_done(plan);
}

void planner_show_some(struct planner *planner, const struct tracked_certificate *certificate,
	size_t first, size_t count)
{
	_cleanup_(planner_input_done) struct planner_input filled = { .certificates = NULL };
	struct plan plan;

	if (count == certificate->count)
		fill_certificate(planner, certificate, &filled);
	else
		fill_some(planner, certificate, first, count, &filled);
	plan_make(&filled.input, &plan);
	for (size_t i = 0; i < plan.count; i++)
		if (*plan.steps[i].delivery)
			plan.steps[i].index += certificate->first + first;
	add(planner, &plan);
}

void planner_show_dependents(struct planner *planner)
{
	struct plan plan;

	if (!planner->stock->dependent_count)
		return;
	planner_dependents(planner, &plan);
	for (size_t i = 0; i < plan.count; i++)
		name_step(planner, &plan.steps[i]);
	add(planner, &plan);
}

void planner_show_all(struct planner *planner)
{
	const struct stock *stock = planner->stock;

	plan_done(&planner->shown);
	for (size_t i = 0; i < stock->certificate_count; i++)
		planner_show_some(
			planner, stock->certificates[i], 0, stock->certificates[i]->count);
	planner_show_dependents(planner);
}

void planner_forget(struct planner *planner)
{
	plan_done(&planner->shown);
	inventory_end_turn(planner->inventory);
}
