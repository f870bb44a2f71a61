/* SPDX-License-Identifier: Apache-2.0 */
/* Circle with daemon/plan/inside.h: the inside of what plan.h has. */
#include "daemon/plan/inside.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/model/whose.h"
#include "daemon/plan/expiry.h"
#include "lib/base/bounded.h"
#include "lib/base/buf.h"
#include "lib/base/strv.h"

struct step *add_step(struct planner *planner, enum step_verb verb, char *reason)
{
	struct plan *plan = planner->plan;
	struct step *step;

	if ((plan->count & (plan->count - 1)) == 0)
		plan->steps = mem_resize(plan->steps, MAX(plan->count * 2, (size_t)1), sizeof(*plan->steps));
	step = &plan->steps[plan->count++];
	*step = (struct step){ .verb = verb,
		.certificate = "",
		.destination = "",
		.delivery = "",
		.dependent = "",
		.waits_for = "",
		.reason = bounded(reason, BOUNDED_TEXT) };
	return step;
}

void plan_again_at(struct planner *planner, usec_t when)
{
	planner->plan->again = MIN(planner->plan->again, when);
}

/* --- deliveries --- */

const char *destination_part(const struct delivery *delivery)
{
	return delivery->name + strlen(delivery->certificate) + 1;
}

static struct step *add_delivery_step(struct planner *planner, size_t index, enum step_verb verb, char *reason)
{
	const struct delivery *delivery = planner->input->deliveries[index].delivery;
	struct step *step = add_step(planner, verb, reason);

	step->index = index;
	step->certificate = delivery->certificate;
	step->destination = destination_part(delivery);
	step->delivery = delivery->name;
	return step;
}

/* Which import a delivery is to go on with is a person's choice: the one in use that ends first,
 * or, of those that certferry made, whichever does. */
static struct version first_candidate(const struct observed *seen)
{
	struct version first = { 0 };

	for (size_t i = 0; i < seen->candidate_count; i++) {
		const struct candidate *candidate = &seen->candidates[i];

		if ((candidate->in_use || seen->former) &&
			(!first.not_after || candidate->not_after < first.not_after))
			first.not_after = candidate->not_after;
	}
	return first;
}

struct version plan_in_place(const struct plan_delivery *delivery)
{
	const struct observed *seen = delivery->observed;
	bool present = seen->state == OBSERVED_PRESENT || seen->state == OBSERVED_DEMOTED ||
		       seen->state == OBSERVED_FOREIGN;

	if (seen->state == OBSERVED_ADOPTABLE)
		return first_candidate(seen);
	if (present && seen->version.not_after)
		return seen->version;
	if ((present || seen->state == OBSERVED_UNKNOWN) && delivery->record)
		return delivery->record->confirmed;
	return (struct version){ 0 };
}

static void wait_until(struct planner *planner, size_t index, usec_t when, bool failed, char *reason)
{
	struct step *step = add_delivery_step(planner, index, STEP_WAIT, reason);

	step->when = when;
	step->failed = failed;
	if (when)
		plan_again_at(planner, when);
}

/* ${holds} is taken over, and so is ${would}: what is not done because of them. */
static void hold(struct planner *planner, size_t index, struct holds *holds, char *would)
{
	struct step *step = add_delivery_step(planner, index, STEP_HOLD, holds_text(holds));

	step->hold = holds_weightiest(holds->set);
	step->holds = mem_new(struct holds);
	*step->holds = *holds;
	step->would = would ? bounded(would, BOUNDED_TEXT) : NULL;
	*holds = (struct holds){ 0 };
}

static void hold_for(struct planner *planner, size_t index, enum hold kind, char *reason)
{
	struct holds holds = { 0 };

	holds_add(&holds, kind, reason);
	hold(planner, index, &holds, NULL);
}

bool plan_is_current(const struct plan_delivery *delivery, const struct plan_certificate *certificate)
{
	return certificate->seen && delivery->observed->state == OBSERVED_PRESENT &&
	       digest_is_set(&certificate->seen->version.digest) &&
	       digest_equal(&delivery->observed->version.digest,
		       &certificate->seen->version.digest);
}

static bool never_confirmed(const struct delivery_record *record)
{
	return !record || !digest_is_set(&record->confirmed.digest);
}

/* The source certificate that what is in place is of, where its entry was pointed at another one
 * since; else NULL. */
static const char *former_source(const struct plan_delivery *delivery)
{
	return never_confirmed(delivery->record) ? delivery->observed->former
						 : delivery->record->former;
}

/*
 * Did a change of configuration (or of what a match finds) bring this delivery, rather than a renewal?
 * An object of ours that holds an older version speaks for a renewal, also when the record was lost.
 */
static bool is_touched(const struct plan_delivery *delivery)
{
	bool renewal = delivery->observed->state == OBSERVED_PRESENT && !delivery->delivery->arn;
	const char *former = former_source(delivery);

	return ((former && strcmp(former, SOURCE_OF_OTHERS) != 0) ||
		       (never_confirmed(delivery->record) && !renewal)) &&
	       !(delivery->record && delivery->record->guard_passed);
}

/* Of two source certificates neither is the renewal of the other, and which ends first is worth
 * knowing. */
static void put_repointed(
	struct buf *reason, const struct plan_delivery *delivery, const struct version *wanted)
{
	const struct observed *seen = delivery->observed;
	const char *former = former_source(delivery);
	char end[TIME_TEXT_SIZE];

	buf_append_string(reason, "certificate in place");
	if (digest_is_set(&seen->version.digest))
		buf_printf(reason, " (expires %s)", time_format(seen->version.not_after, end));
	if (strcmp(former, SOURCE_OF_OTHERS) != 0)
		buf_printf(reason, " comes from '%s', which its entry named before", former);
	else
		buf_append_string(reason, " is to be replaced");
	buf_printf(reason, "; the new one expires %s", time_format(wanted->not_after, end));
	if (digest_is_set(&seen->version.digest) && wanted->not_after < seen->version.not_after)
		buf_append_string(reason, ", which is earlier");
}

static char *due_reason(const struct plan_delivery *delivery, const struct version *wanted)
{
	const struct observed *seen = delivery->observed;
	char wanted_end[TIME_TEXT_SIZE], seen_end[TIME_TEXT_SIZE];
	struct buf reason = BUF_NULL;

	time_format(wanted->not_after, wanted_end);
	switch (seen->state) {
	case OBSERVED_PRESENT:
		if (former_source(delivery))
			put_repointed(&reason, delivery, wanted);
		else if (digest_is_set(&seen->version.digest))
			buf_printf(&reason, "certificate is outdated (expires %s); the renewed one expires %s",
				time_format(seen->version.not_after, seen_end), wanted_end);
		else
			buf_printf(&reason, "certificate is outdated; the renewed one expires %s",
				wanted_end);
		break;
	case OBSERVED_DEMOTED:
		buf_printf(&reason, "the renewed certificate (expires %s) is there, but not as the current version",
			wanted_end);
		break;
	case OBSERVED_GONE:
		buf_printf(&reason, "'%s' is gone and recreate: is set; new certificate expires %s",
			delivery->delivery->arn ?: seen->object_id ?: "its object", wanted_end);
		break;
	default:
		buf_printf(&reason, "not delivered yet; new certificate expires %s", wanted_end);
	}
	if (delivery->delivery->wish->then) {
		_cleanup_(freep) char *then = strv_join(delivery->delivery->wish->then, ", ");

		buf_printf(&reason, "; then %s", then);
	}
	return buf_take(&reason);
}

static enum whose whose_is_it(
	const struct planner *planner, size_t index, const struct version *wanted)
{
	const struct plan_delivery *delivery = &planner->input->deliveries[index];
	const struct certificate_record *record =
		planner->input->certificates[delivery->certificate].record;

	return whose(delivery->observed, delivery->delivery, delivery->record,
		record ? &record->exported : NULL, wanted);
}

/* An object is there that certferry writes: may the version in it be replaced? */
static bool stopped_by_the_version(
	struct planner *planner, size_t index, const struct version *wanted)
{
	const struct plan_delivery *delivery = &planner->input->deliveries[index];
	const struct observed *seen = delivery->observed;
	char there[TIME_TEXT_SIZE], here[TIME_TEXT_SIZE];

	if (whose_is_it(planner, index, wanted) != WHOSE_OURS ||
		!digest_is_set(&seen->version.digest) || !version_is_older(wanted, &seen->version))
		return false;
	wait_until(planner, index, 0, true,
		mem_printf("certificate is newer (valid from %s) than the source's (valid from "
			   "%s); certferry never "
			   "replaces a certificate with an older one of the same source "
			   "certificate. Renew that one, "
			   "or point the entry at another one",
			time_format(seen->version.not_before, there),
			time_format(wanted->not_before, here)));
	return true;
}

/* Where what is there decides: true when nothing may be written, a step having said why. */
static bool stopped_by_what_is_there(struct planner *planner, size_t index, const struct version *wanted)
{
	const struct plan_delivery *delivery = &planner->input->deliveries[index];
	const struct observed *seen = delivery->observed;

	switch (seen->state) {
	case OBSERVED_FOREIGN:
		wait_until(planner, index, 0, true,
			mem_strdup(seen->error.text ?: "an object of this name exists and certferry does not manage it"));
		return true;
	case OBSERVED_GONE:
		if (delivery->delivery->wish->recreate)
			return false;
		hold_for(planner, index, HOLD_GONE,
			mem_printf("'%s' does not exist any more; whatever used it has no certificate or another "
				   "one. Set recreate: true to import it again, or name another one with arn:",
				delivery->delivery->arn ?: (seen->object_id ?: "its object")));
		return true;
	case OBSERVED_ADOPTABLE:
		hold_for(planner, index, HOLD_ADOPT, observed_candidates_text(seen));
		return true;
	case OBSERVED_PRESENT:
		return stopped_by_the_version(planner, index, wanted);
	default:
		return false;
	}
}

/* Where the record decides: back-off, or an import whose answer was lost. */
static bool stopped_by_the_record(struct planner *planner, size_t index, const struct version *wanted)
{
	const struct plan_delivery *delivery = &planner->input->deliveries[index];
	const struct delivery_record *record = delivery->record;
	const struct observed *seen = delivery->observed;
	usec_t now = planner->input->now;

	if (!record)
		return false;
	if (record->ambiguous && seen->state == OBSERVED_ABSENT) {
		usec_t sure = usec_add(record->intended_at, AMBIGUOUS_WAIT);

		if (seen->at < sure) {
			if (now >= sure && delivery->may_look)
				add_delivery_step(planner, index, STEP_LOOK,
					mem_strdup("cannot find an import that ACM did not acknowledge; checking "
						   "once more before importing again"));
			else
				wait_until(planner, index, now >= sure ? 0 : sure, record->failures > 0,
					mem_strdup("ACM did not acknowledge an import; its tags can lag for five "
						   "minutes, so certferry imports nothing before"));
			return true;
		}
	}
	if (record->failures && digest_equal(&record->intended, &wanted->digest) && !delivery->asked &&
		record->next_try > now) {
		wait_until(planner, index, record->next_try, true,
			mem_printf("failed %u time%s: %s", record->failures, record->failures == 1 ? "" : "s",
				record->problem ?: "?"));
		return true;
	}
	return false;
}

/* --- holds --- */

/* What the check before the last try found, which a person has to approve. */
static void find_approval(
	struct planner *planner, size_t index, const struct version *wanted, struct holds *holds)
{
	const struct plan_delivery *delivery = &planner->input->deliveries[index];
	const struct delivery_record *record = delivery->record;
	const struct version *seen = &delivery->observed->version;
	usec_t now = planner->input->now, yields;

	if (!record || record->hold != HOLD_APPROVAL || !digest_equal(&record->held, &wanted->digest) ||
		digest_equal(&record->approved, &wanted->digest))
		return;
	yields = digest_is_set(&seen->digest) ? expiry_yields_at(seen->not_before, seen->not_after) : USEC_INFINITY;
	/* Tried once when the time has come: the check before the write knows what does not yield, and
	 * what it held then is not exported again and again.  (An open import keeps the time of its
	 * intent, so that a later try cannot be told from it.) */
	if (now >= yields && record->intended_at < yields && !record->ambiguous)
		return;
	if (now < yields)
		plan_again_at(planner, yields);
	holds_add(holds, HOLD_APPROVAL, mem_strdup(record->hold_reason ?: "waiting for approval"));
}

enum plan_guard plan_guard(unsigned guard, const struct plan_touched *touched)
{
	if (!guard || touched->known + touched->unseen <= guard)
		return PLAN_GUARD_PASSES;
	return touched->known <= guard ? PLAN_GUARD_WAITS : PLAN_GUARD_HOLDS;
}

/* Does it touch too many?  False, a step having said so, while that is not known. */
static bool find_guard(struct planner *planner, size_t index, struct holds *holds)
{
	const struct plan_delivery *delivery = &planner->input->deliveries[index];
	enum plan_guard guard = plan_guard(planner->input->guard, &planner->touched);

	if (guard == PLAN_GUARD_PASSES || !is_touched(delivery))
		return true;
	if (guard == PLAN_GUARD_HOLDS) {
		holds_add(holds, HOLD_GUARD,
			mem_printf("a change of configuration or of what a match finds affects %zu deliveries, "
				   "more than guard: %u; review with 'certferry plan', then 'certferry approve'",
				planner->touched.known, planner->input->guard));
		return true;
	}
	if (holds->set)
		return true; /* it waits anyway */
	wait_until(planner, index, 0, false,
		mem_strdup("not all destinations have been checked yet, so certferry cannot tell whether a "
			   "change of configuration affects more deliveries than guard: allows"));
	return false;
}

/* Did the check before the last try find that certferry is not to replace what is in place?  (That
 * its issuer is another one, which is of no account once something is recorded.) */
static bool was_held_before(
	const struct plan_delivery *delivery, const struct version *wanted, enum hold hold)
{
	const struct delivery_record *record = delivery->record;

	return record && record->hold == hold && digest_equal(&record->held, &wanted->digest) &&
	       delivery->observed->state == OBSERVED_PRESENT &&
	       (hold != HOLD_FOREIGN ||
		       (never_confirmed(record) &&
			       digest_is_set(&delivery->observed->version.digest)));
}

/* What others put there, and nobody has let go; or what is a person's choice. */
static void find_foreign(
	struct planner *planner, size_t index, const struct version *wanted, struct holds *holds)
{
	const struct plan_delivery *delivery = &planner->input->deliveries[index];
	const struct observed *seen = delivery->observed;
	const char *name = delivery->delivery->name;
	const char *let_go = delivery->record ? delivery->record->revision : NULL;

	if (seen->foreign && !(let_go && seen->revision && strcmp(let_go, seen->revision) == 0))
		holds_add(holds, HOLD_FOREIGN, observed_foreign_text(seen, name));
	else if (seen->state == OBSERVED_PRESENT &&
		 whose_is_it(planner, index, wanted) == WHOSE_OTHERS)
		holds_add(holds, HOLD_FOREIGN, whose_hold_text(seen, delivery->delivery));
	else if (was_held_before(delivery, wanted, HOLD_FOREIGN))
		holds_add(holds, HOLD_FOREIGN,
			mem_strdup(delivery->record->hold_reason ?: "waiting for approval"));
	if (was_held_before(delivery, wanted, HOLD_ADOPT))
		holds_add(holds, HOLD_ADOPT,
			mem_strdup(delivery->record->hold_reason ?: "waiting for a choice"));
}

/* Where it waits for a person or a date: true, a step having said for what. */
static bool stopped_by_holds(struct planner *planner, size_t index, const struct version *wanted)
{
	struct holds holds = { 0 };

	find_foreign(planner, index, wanted, &holds);
	find_approval(planner, index, wanted, &holds);
	if (!find_guard(planner, index, &holds))
		return true;
	if (!holds.set)
		return false;
	hold(planner, index, &holds, due_reason(&planner->input->deliveries[index], wanted));
	return true;
}

static bool makes_new_object(const struct plan_delivery *delivery)
{
	return delivery->observed->state == OBSERVED_ABSENT || delivery->observed->state == OBSERVED_GONE;
}

/* Its place gave no answer: nothing is exported for it before a look has found it again. */
static void plan_lost(struct planner *planner, size_t index)
{
	const struct plan_delivery *delivery = &planner->input->deliveries[index];
	bool now = delivery->asked || delivery->lost <= planner->input->now;

	if (now && delivery->may_look)
		add_delivery_step(planner, index, STEP_LOOK,
			mem_strdup("destination did not respond; certferry checks whether it does now"));
	else
		wait_until(planner, index, now ? 0 : delivery->lost, true,
			mem_strdup("destination does not respond; certferry delivers when it does"));
}

/* The delivery is not current, and the source's version is known. */
static void plan_due(struct planner *planner, size_t index, const struct plan_certificate *certificate)
{
	const struct plan_delivery *delivery = &planner->input->deliveries[index];
	const struct version *wanted = &certificate->seen->version;

	if (certificate->record && wanted->not_before < certificate->record->newest) {
		wait_until(planner, index, 0, false,
			mem_strdup("source account shows an older certificate than before; its reads lag"));
		return;
	}
	if (stopped_by_what_is_there(planner, index, wanted) ||
		stopped_by_the_record(planner, index, wanted) || stopped_by_holds(planner, index, wanted))
		return;
	if (delivery->budget && makes_new_object(delivery)) {
		wait_until(planner, index, 0, true, mem_strdup(delivery->budget));
		return;
	}
	if (delivery->lost) {
		plan_lost(planner, index);
		return;
	}
	if (certificate->record && certificate->record->failures && !delivery->asked &&
		certificate->record->next_try > planner->input->now) {
		wait_until(planner, index, certificate->record->next_try, true,
			mem_printf("export failed %u time%s: %s", certificate->record->failures,
				certificate->record->failures == 1 ? "" : "s",
				certificate->record->problem ?: "?"));
		return;
	}
	planner->exporting[delivery->certificate] = true;
	add_delivery_step(planner, index, STEP_DELIVER, due_reason(delivery, wanted));
}

/* Not looked at, or the look failed: not checked yet. */
static void plan_unknown(struct planner *planner, size_t index)
{
	const struct plan_delivery *delivery = &planner->input->deliveries[index];
	const struct delivery_record *record = delivery->record;
	bool failed = delivery->observed->error.text != NULL;

	if (failed && record && record->failures && !delivery->asked &&
		record->next_try > planner->input->now) {
		wait_until(planner, index, record->next_try, true,
			mem_printf("check failed: %s", delivery->observed->error.text));
		return;
	}
	if (!failed)
		planner->exporting[delivery->certificate] = true;
	if (delivery->may_look)
		add_delivery_step(planner, index, STEP_LOOK, mem_strdup("not checked yet"));
	else
		wait_until(planner, index, 0, failed,
			failed ? mem_printf("check failed: %s", delivery->observed->error.text)
			       : mem_strdup("not checked yet"));
}

/* Only what is as it should be: the rest is to be carried, which does it too. */
bool plan_wants_tag(const struct plan_delivery *delivery, const struct plan_certificate *certificate)
{
	return delivery->untagged && !delivery->in_flight && plan_is_current(delivery, certificate);
}

static void plan_tag(struct planner *planner, size_t index)
{
	const struct plan_delivery *delivery = &planner->input->deliveries[index];

	if (plan_wants_tag(delivery, &planner->input->certificates[delivery->certificate]))
		add_delivery_step(planner, index, STEP_TAG,
			mem_strdup("object does not say which root certferry trusts for it (certferry:anchor)"));
}

const char *first_missing(
	const struct proof_record *proof, const struct desired_proof *wishes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct endpoint_record *seen = proof_find(proof, &wishes[i]);

		if (!seen || !seen->looked_at || seen->result != PROVE_MATCHED)
			return wishes[i].connect;
	}
	return wishes[0].connect;
}

/* Is its proof as it should be, for now? */
static bool plan_proof(struct planner *planner, size_t index, const struct version *wanted)
{
	const struct plan_delivery *delivery = &planner->input->deliveries[index];
	const struct desired_delivery *wish = delivery->delivery->wish;
	const struct delivery_record *record = delivery->record;

	if (!wish->prove_count || !record)
		return true;
	if (digest_equal(&record->proven, &wanted->digest) && record->proof.result != PROVE_NONE &&
		proof_is_of(&record->proof, wish->prove, wish->prove_count)) {
		if (record->proof.result == PROVE_MATCHED)
			return true;
		if (record->next_try > planner->input->now && !delivery->asked) {
			plan_again_at(planner, record->next_try);
			return true;
		}
	}
	add_delivery_step(planner, index, STEP_PROVE,
		mem_printf("%s must serve it", first_missing(&record->proof, wish->prove, wish->prove_count)));
	return false;
}

static void plan_delivery(struct planner *planner, size_t index)
{
	const struct plan_delivery *delivery = &planner->input->deliveries[index];
	const struct plan_certificate *certificate = &planner->input->certificates[delivery->certificate];

	if (delivery->in_flight) {
		planner->exporting[delivery->certificate] = true;
		return;
	}
	if (!planner->input->source_seen) {
		wait_until(planner, index, 0, false, mem_strdup("source account has not been polled yet"));
		return;
	}
	if (!certificate->seen || certificate->refusal) {
		wait_until(planner, index, 0, true,
			certificate->seen
				? mem_printf("cannot deliver its certificate: %s", certificate->refusal)
				: mem_printf("its certificate '%s' does not exist in the source account", certificate->arn));
		return;
	}
	if (!digest_is_set(&certificate->seen->version.digest)) {
		wait_until(planner, index, 0, !certificate->seen->unread,
			mem_strdup(certificate->seen->unread ? "certificate is being read from the source account"
							     : "failed to read the certificate from the source account"));
		return;
	}
	if (delivery->observed->state == OBSERVED_UNKNOWN)
		plan_unknown(planner, index);
	else if (!plan_is_current(delivery, certificate))
		plan_due(planner, index, certificate);
	else if (plan_proof(planner, index, &certificate->seen->version))
		plan_tag(planner, index);
}

/* As plan_delivery() with a record that has a confirmed version and no more. */
enum plan_glance plan_glance(const struct plan_glimpse *glimpse,
	const struct plan_certificate *certificate, bool source_seen)
{
	const struct source_certificate *seen = certificate->seen;

	if (!glimpse->confirmed)
		return PLAN_GLANCE_OPEN;
	if (glimpse->in_flight)
		return PLAN_GLANCE_IN_FLIGHT;
	if (!source_seen)
		return PLAN_GLANCE_WAIT;
	if (!seen || certificate->refusal)
		return PLAN_GLANCE_OPEN;
	if (!digest_is_set(&seen->version.digest))
		return seen->unread ? PLAN_GLANCE_WAIT : PLAN_GLANCE_OPEN;
	if (glimpse->state == OBSERVED_UNKNOWN)
		return glimpse->may_look ? PLAN_GLANCE_LOOK : PLAN_GLANCE_WAIT;
	if (glimpse->state == OBSERVED_PRESENT && !glimpse->proves && !glimpse->untagged &&
		digest_equal(&glimpse->confirmed->digest, &seen->version.digest))
		return PLAN_GLANCE_RESTS;
	return PLAN_GLANCE_OPEN;
}

/* A place that could not be looked at is left out: it must not delay the others. */
struct plan_touched plan_count_touched(const struct plan_input *input)
{
	struct plan_touched touched = { 0 };

	for (size_t i = 0; i < input->delivery_count; i++) {
		const struct plan_delivery *delivery = &input->deliveries[i];
		const struct plan_certificate *certificate = &input->certificates[delivery->certificate];

		if (!certificate->seen || certificate->refusal || plan_is_current(delivery, certificate) ||
			!is_touched(delivery))
			continue;
		if (delivery->observed->state != OBSERVED_UNKNOWN)
			touched.known++;
		else if (!delivery->observed->error.text && !delivery->silent && !delivery->lost)
			touched.unseen++;
	}
	return touched;
}

/* --- certificates --- */

static void plan_certificate(struct planner *planner, size_t index)
{
	const struct plan_certificate *certificate = &planner->input->certificates[index];
	const struct certificate_record *record = certificate->record;
	struct step *step;

	if (!planner->input->keep_eligible || !certificate->entry->keep_eligible || !certificate->seen ||
		certificate->refusal || certificate->in_flight || planner->exporting[index] ||
		!certificate->seen->ineligible ||
		!digest_is_set(&certificate->seen->version.digest))
		return;
	if (record && digest_equal(&record->exported, &certificate->seen->version.digest))
		return; /* ACM's flag lags behind the export that was made */
	if (record && record->failures && record->next_try > planner->input->now) {
		step = add_step(planner, STEP_WAIT,
			mem_printf("export failed %u time%s: %s", record->failures,
				record->failures == 1 ? "" : "s", record->problem ?: "?"));
		step->when = record->next_try;
		step->failed = true;
		plan_again_at(planner, step->when);
	} else {
		step = add_step(planner, STEP_EXPORT,
			mem_strdup("not exported since it was issued or renewed, so ACM would not renew it again; "
				   "keep_eligible: false stops this"));
	}
	step->index = index;
	step->certificate = certificate->name;
	step->destination = "nowhere";
}

void plan_make(const struct plan_input *input, struct plan *ret_plan)
{
	struct plan plan = { .again = USEC_INFINITY };
	_cleanup_(freep) bool *exporting = mem_alloc(input->certificate_count * sizeof(*exporting));
	_cleanup_(freep) struct order *orders = mem_alloc(input->dependent_count * sizeof(*orders));
	struct planner planner = { .input = input,
		.plan = &plan,
		.exporting = exporting,
		.orders = orders,
		.touched = plan_count_touched(input) };

	planner.touched.known += input->elsewhere.known;
	planner.touched.unseen += input->elsewhere.unseen;
	for (size_t i = 0; i < input->certificate_count; i++)
		exporting[i] = input->left_in_flight;
	for (size_t i = 0; i < input->delivery_count; i++)
		plan_delivery(&planner, i);
	for (size_t i = 0; i < input->certificate_count; i++)
		plan_certificate(&planner, i);
	for (size_t i = 0; i < input->dependent_count; i++)
		plan_dependent(&planner, i);
	*ret_plan = plan;
}
