/* SPDX-License-Identifier: Apache-2.0 */
/* Which dependents are told or looked at, and which wait: for deliveries, or for one another. */
#include "daemon/plan/inside.h"

#include <string.h>

#include "lib/base/strv.h"

static const struct plan_delivery *find_delivery(const struct plan_input *input, const char *name)
{
	size_t low = 0, high = input->delivery_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, input->deliveries[middle].delivery->name);

		if (order == 0)
			return &input->deliveries[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* What a dependent's rows come to. */
struct owed_summary {
	const struct owed_record *due; /* the first that is due */
	const struct owed_record *escalated; /* the first that its action did not bring */
	const struct owed_record *unknown; /* the first of which it is not known whether it was told */
	usec_t since; /* of the due row that waits longest */
	bool in_flight; /* another delivery that owes it is on its way */
};

/* It was told of that already, in vain. */
static bool is_escalated(const struct dependent_record *record, const struct owed_record *row)
{
	return record && digest_is_set(&record->escalated) && digest_equal(&record->escalated, &row->digest);
}

static struct owed_summary summarise_owed(const struct plan_input *input, const struct plan_dependent *dependent)
{
	struct owed_summary summary = { .since = USEC_INFINITY };

	for (size_t i = 0; i < dependent->owed_count; i++) {
		const struct owed_record *row = dependent->owed[i];
		const struct plan_delivery *delivery = find_delivery(input, row->delivery);

		switch (row->owed) {
		case OWED_UNKNOWN:
			summary.unknown = summary.unknown ?: row;
			break;
		case OWED_INTENDED:
			summary.in_flight |= delivery && delivery->in_flight;
			break;
		case OWED_DUE:
			summary.due = summary.due ?: row;
			summary.since = MIN(summary.since, row->since);
			if (is_escalated(dependent->record, row))
				summary.escalated = summary.escalated ?: row;
			break;
		}
	}
	return summary;
}

static struct step *add_tell_step(struct planner *planner, size_t index, const struct owed_record *row,
	enum step_verb verb, char *reason)
{
	const struct plan_dependent *dependent = &planner->input->dependents[index];
	const struct plan_delivery *delivery = find_delivery(planner->input, row->delivery);
	struct step *step = add_step(planner, verb, reason);

	step->index = index;
	step->dependent = dependent->dependent->name;
	step->delivery = row->delivery;
	if (delivery) {
		step->certificate = delivery->delivery->certificate;
		step->destination = destination_part(delivery->delivery);
	}
	return step;
}

/* What it was seen to serve is why.  People read "unverified"; "unproven" is a value of JSON. */
static char *reason_to_look(const struct desired_dependent *wish, const struct proof_record *proof)
{
	const char *text = proof_text(proof), *value = prove_result_name(PROVE_UNPROVEN);
	const size_t length = strncmp(text, value, strlen(value)) == 0 ? strlen(value) : 0;

	return mem_printf("%s was notified, but %s%s", wish->name, length ? "unverified" : "", text + length);
}

/* Told, but not seen to serve the new version, or not at the endpoints that it has now: looked at again. */
static void plan_dependent_proof(struct planner *planner, size_t index)
{
	const struct plan_dependent *dependent = &planner->input->dependents[index];
	const struct dependent_record *record = dependent->record;
	const struct desired_dependent *wish = dependent->dependent;
	struct step *step;
	bool elsewhere;

	if (!record || record->proof.result == PROVE_NONE || !wish->prove_count)
		return;
	if (planner->input->looking)
		return;
	elsewhere = !proof_is_of(&record->proof, wish->prove, wish->prove_count);
	if (record->proof.result == PROVE_MATCHED && !elsewhere)
		return;
	if (record->next_try > planner->input->now && !dependent->asked) {
		plan_again_at(planner, record->next_try);
		return;
	}
	step = add_step(planner, STEP_PROVE,
		elsewhere ? mem_printf("%s was notified, but %s has not been checked since", wish->name,
				    first_missing(&record->proof, wish->prove, wish->prove_count))
			  : reason_to_look(wish, &record->proof));
	step->index = index;
	step->dependent = dependent->dependent->name;
}

/* --- the order among dependents --- */

static const struct plan_dependent *find_dependent(const struct plan_input *input, const char *name)
{
	size_t low = 0, high = input->dependent_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, input->dependents[middle].dependent->name);

		if (order == 0)
			return &input->dependents[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* Has it failed, and does nobody try again at this moment? */
static bool has_failed(const struct plan_dependent *dependent)
{
	return dependent->record && dependent->record->failures && !dependent->in_flight;
}

static bool is_proven_wrong(const struct plan_dependent *dependent)
{
	return dependent->record && dependent->record->proof.result == PROVE_WRONG &&
	       dependent->dependent->prove_count;
}

/* Will it be told because of this row, or may it turn out to be?  A question that was asked and has no answer stays one,
 * perhaps for ever: nobody waits for it. */
static bool is_open(const struct planner *planner, const struct plan_dependent *dependent, const struct owed_record *row)
{
	const struct dependent_record *record = dependent->record;

	if (row->owed != OWED_UNKNOWN)
		return row->owed == OWED_DUE;
	return !record || record->failures || dependent->in_flight || dependent->asked ||
	       record->next_try <= planner->input->now;
}

/* Is ${earlier} still to be told of a delivery that is due at ${dependent}? */
static bool owes_the_same(const struct planner *planner, const struct plan_dependent *dependent,
	const struct plan_dependent *earlier)
{
	size_t i = 0, k = 0;

	while (i < dependent->owed_count && k < earlier->owed_count) {
		int order = strcmp(dependent->owed[i]->delivery, earlier->owed[k]->delivery);

		if (order == 0 && dependent->owed[i]->owed == OWED_DUE && is_open(planner, earlier, earlier->owed[k]))
			return true;
		i += order <= 0;
		k += order >= 0;
	}
	return false;
}

/* What one waits for in the end: one that failed, if there is any, however many wait for it in between. */
static const struct order *order_of(struct planner *planner, const struct plan_dependent *dependent)
{
	struct order *order = &planner->orders[dependent - planner->input->dependents];
	size_t at = 0;

	if (order->known)
		return order;
	order->known = true; /* whoever comes back here by a circle, which no configuration has, finds nothing */
	STRV_FOREACH(name, dependent->dependent->after) {
		const struct plan_dependent *earlier = find_dependent(planner->input, *name);
		bool wrong = earlier && dependent->shares && dependent->shares[at] && is_proven_wrong(earlier);
		const struct order *above;

		at++;
		if (order->failed || !earlier || !(wrong || owes_the_same(planner, dependent, earlier)))
			continue;
		above = order_of(planner, earlier);
		if (wrong || has_failed(earlier))
			*order = (struct order){ .known = true, .first = earlier, .failed = true };
		else if (above->failed)
			*order = *above;
		else if (!order->first)
			order->first = earlier;
	}
	return order;
}

/* It is to be told, and another one comes first: true, a step having said so. */
static bool stopped_by_the_order(struct planner *planner, size_t index, const struct owed_record *due)
{
	const struct plan_dependent *dependent = &planner->input->dependents[index];
	const struct order *order = order_of(planner, dependent);
	const struct dependent_words *words = dependent->words;
	const char *name = order->first ? order->first->dependent->name : NULL;
	struct step *step;
	char *reason;

	if (!order->first)
		return false;
	if (!order->failed)
		reason = mem_printf("%s of %s waits until %s has succeeded", words->action, words->target, name);
	else if (has_failed(order->first))
		reason = mem_printf("%s of %s waits for %s, which failed %u time%s: %s", words->action, words->target, name,
			order->first->record->failures, order->first->record->failures == 1 ? "" : "s",
			order->first->record->problem ?: "?");
	else
		reason = mem_printf("%s of %s waits for %s, which does not serve the new version: %s", words->action,
			words->target, name, proof_text(&order->first->record->proof));
	step = add_tell_step(planner, index, due, STEP_WAIT, reason);
	step->waits_for = name;
	return true;
}

void plan_dependent(struct planner *planner, size_t index)
{
	const struct plan_input *input = planner->input;
	const struct plan_dependent *dependent = &input->dependents[index];
	const struct dependent_record *record = dependent->record;
	const struct dependent_words *words = dependent->words;
	struct owed_summary owed;
	usec_t gathered;

	if (dependent->in_flight)
		return;
	owed = summarise_owed(input, dependent);
	if (!owed.due && !owed.unknown) {
		plan_dependent_proof(planner, index);
		return;
	}
	if (record && record->next_try > input->now && !dependent->asked) {
		struct step *step = add_tell_step(planner, index, owed.due ?: owed.unknown, STEP_WAIT,
			record->failures ? mem_printf("%s of %s failed %u time%s: %s", words->action,
						   words->target, record->failures,
						   record->failures == 1 ? "" : "s", record->problem ?: "?")
					 : mem_printf("%s of %s waits, %s", words->action, words->target,
						   words->pause));

		step->when = record->next_try;
		step->failed = record->failures > 0;
		plan_again_at(planner, step->when);
		return;
	}
	if (owed.due && stopped_by_the_order(planner, index, owed.due))
		return;
	gathered = owed.due ? usec_add(owed.since, GATHER_LIMIT) : 0;
	if ((owed.in_flight || input->source_reading) && gathered > input->now) {
		struct step *step = add_tell_step(planner, index, owed.due ?: owed.unknown, STEP_WAIT,
			mem_printf("%s of %s waits for other deliveries in progress", words->action,
				words->target));

		step->when = gathered;
		plan_again_at(planner, gathered);
		return;
	}
	if (owed.escalated)
		add_tell_step(planner, index, owed.escalated, STEP_TELL,
			mem_printf("%s of %s (%s) is pending: %s did not make it load the renewed certificate",
				words->stronger ?: words->action, dependent->dependent->name, words->target,
				words->action));
	else if (owed.due)
		add_tell_step(planner, index, owed.due, STEP_TELL,
			mem_printf("%s of %s (%s) is pending: a renewed certificate is in place", words->action,
				dependent->dependent->name, words->target));
	else
		add_tell_step(planner, index, owed.unknown, STEP_TELL,
			mem_printf("cannot tell whether %s (%s) has loaded the current certificate; checking",
				dependent->dependent->name, words->target));
}
