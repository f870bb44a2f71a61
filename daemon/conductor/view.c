/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/conductor/inside.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/strv.h"
#include "lib/os/clock.h"

/* --- one of each --- */

static void judge_delivery(const struct tracked_delivery *delivery, bool carried, const struct step *step,
	struct delivery_view *view)
{
	const struct delivery_record *record = &delivery->record;
	bool failed = record->failures > 0 || delivery->observed.error.text;

	if (carried) {
		view->state = DELIVERY_IN_FLIGHT;
	} else if (!step || step->verb == STEP_PROVE || step->verb == STEP_TAG) {
		view->state = delivery->observed.state == OBSERVED_PRESENT ? DELIVERY_CURRENT : DELIVERY_UNKNOWN;
		if (record->proof.result == PROVE_WRONG && view->proof == proof_text(&record->proof)) {
			view->state = DELIVERY_FAILED;
			view->reason = view->proof;
		}
	} else if (step->verb == STEP_HOLD) {
		view->state = DELIVERY_HELD;
		view->holds = step->holds->set;
		view->reason = step->reason;
	} else if (step->verb == STEP_WAIT) {
		view->state = step->failed ? DELIVERY_FAILED : DELIVERY_UNKNOWN;
		view->reason = step->reason;
	} else if (step->verb == STEP_LOOK) {
		view->state = failed ? DELIVERY_FAILED : DELIVERY_UNKNOWN;
		view->reason = step->reason;
	} else {
		view->state = failed ? DELIVERY_FAILED : DELIVERY_DUE;
		view->reason = failed && record->problem ? record->problem : step->reason;
	}
}

/* Not looked at since the start, or not with success: what was there when it was. */
static bool is_only_recorded(const struct tracked_delivery *delivery)
{
	return delivery->observed.state == OBSERVED_UNKNOWN && digest_is_set(&delivery->record.confirmed.digest);
}

static const struct version *known_version(const struct tracked_delivery *delivery)
{
	return is_only_recorded(delivery) ? &delivery->record.confirmed : &delivery->observed.version;
}

static const struct proof_record nothing_seen = { .result = PROVE_NONE };

/* One of the version before would be read as one of this. */
static bool is_proof_of_wanted(const struct tracked_delivery *delivery)
{
	const struct source_certificate *source = delivery->certificate->seen;
	const struct version *wanted = source ? &source->version : &delivery->record.confirmed;

	return digest_equal(&delivery->record.proven, &wanted->digest);
}

static void fill_delivery(const struct conductor *conductor, const struct tracked_delivery *delivery, bool carried,
	const struct step *step, struct delivery_view *view)
{
	const struct place *place = delivery->delivery->place;
	const struct desired_delivery *wish = delivery->delivery->wish;
	const struct source_certificate *source = delivery->certificate->seen;
	const bool is_wanted = is_proof_of_wanted(delivery);

	*view = (struct delivery_view){
		.name = delivery->name,
		.certificate = delivery->delivery->certificate,
		.destination = place->destination->name,
		.kind = destination_kind_name(place->destination->kind),
		.account = place_part(place, "account"),
		.region = place_part(place, "region"),
		.object = delivery->delivery->object,
		.object_id = delivery->observed.object_id ?: delivery->record.object_id,
		.seen = *known_version(delivery),
		.recorded = is_only_recorded(delivery),
		.confirmed_at = delivery->record.confirmed_at,
		.expiring = inventory_is_expiring(conductor->inventory, delivery->certificate, known_version(delivery)),
		.unused = delivery->observed.unused,
		.failures = delivery->record.failures,
		.next_try = delivery->record.next_try,
		.proof = is_wanted ? proof_shown(&delivery->record.proof, wish->prove, wish->prove_count) : NULL,
		.proofs = { is_wanted ? &delivery->record.proof : &nothing_seen, wish->prove, wish->prove_count },
		.observed = &delivery->observed,
	};
	if (source)
		view->wanted = source->version;
	judge_delivery(delivery, carried, step, view);
}

static unsigned count_owed(const struct tracked_dependent *dependent, enum owed owed)
{
	unsigned count = 0;

	for (size_t i = 0; i < dependent->owed_count; i++)
		count += dependent->owed[i]->owed == owed;
	return count;
}

void view_dependent(const struct tracked_dependent *dependent, struct dependent_report *report)
{
	const struct dependent_record *record = &dependent->record;
	const struct desired_dependent *wish = dependent->dependent;
	unsigned owed = count_owed(dependent, OWED_DUE), unknown = count_owed(dependent, OWED_UNKNOWN);
	bool elsewhere; /* than where it was proven it is to be proven now */

	*report = (struct dependent_report){
		.name = dependent->name,
		.kind = dependent->words.kind,
		.target = dependent->words.target,
		.unit = dependent->words.unit,
		.action = dependent->words.action,
		.state = PROGRESS_TOLD,
		.owed = owed,
		.next_try = record->next_try,
		.told_at = record->told_at,
		/* While it is owed word of another version, it is of the one before. */
		.proof = owed || unknown ? NULL : proof_shown(&record->proof, wish->prove, wish->prove_count),
		.proofs = { owed || unknown ? &nothing_seen : &record->proof, wish->prove, wish->prove_count },
	};
	elsewhere = report->proof && report->proof != proof_text(&record->proof);
	if (dependent->in_flight) {
		report->state = PROGRESS_IN_FLIGHT;
	} else if (owed) {
		report->state = record->failures ? PROGRESS_FAILED : PROGRESS_OWED;
		report->reason = record->failures ? record->problem : dependent->waits;
	} else if (unknown) {
		report->state = PROGRESS_UNKNOWN;
		report->reason = record->failures ? record->problem
						  : "certferry cannot tell whether it has loaded the current certificate";
	} else if (report->proof && record->proof.result == PROVE_WRONG && !elsewhere) {
		report->state = PROGRESS_FAILED;
		report->reason = report->proof;
	} else if (report->proof && (record->proof.result == PROVE_UNPROVEN || elsewhere)) {
		report->state = PROGRESS_UNPROVEN;
		report->reason = report->proof;
	}
}

void view_certificate(const struct conductor *conductor, const struct tracked_certificate *certificate,
	struct certificate_view *ret_view)
{
	const struct source_certificate *seen = certificate->seen;
	const struct expiry expiry = stock_expiry(conductor->stock, certificate, NULL);
	char *problem = expiry_problem(&expiry, inventory_now(conductor->inventory));

	*ret_view = (struct certificate_view){
		.name = certificate->name,
		.arn = certificate->arn,
		.domain = seen ? seen->domain : NULL,
		.status = seen ? seen->status : NULL,
		.version = seen ? seen->version : certificate->record.version,
		.ineligible = certificate_is_ineligible(certificate),
		.problem = certificate->refusal ?: certificate->record.problem ?: problem,
		.expiring = problem != NULL,
		.renewal_status = expiry.status,
		.renewal_reason = expiry.reason,
		.expiry = problem,
	};
}

void view_deliveries(struct conductor *conductor, const struct tracked_certificate *certificate, size_t first, size_t count,
	struct delivery_view *views)
{
	_cleanup_(freep) const struct step **steps = mem_alloc(count * sizeof(*steps));
	size_t planned = conductor->planner.shown.count, begin = certificate->first + first;

	planner_show_some(&conductor->planner, certificate, first, count);
	for (size_t i = planned; i < conductor->planner.shown.count; i++) {
		const struct step *step = &conductor->planner.shown.steps[i];

		if (*step->delivery)
			steps[step->index - begin] = step;
	}
	for (size_t i = 0; i < count; i++)
		fill_delivery(conductor, inventory_open(conductor->inventory, begin + i),
			conductor->stock->slots[begin + i].claimed_by & CLAIM_TRANSFER, steps[i], &views[i]);
}

/* --- what need not be opened --- */

/* Is it settled with the version that the source shows, so that its state is "current", and nothing to be done for it? */
static bool slot_is_quiet(const struct conductor *conductor, const struct tracked_certificate *certificate,
	const struct slot *slot)
{
	const struct settled *settled = &slot->settled;

	return !slot->open && settled->version && settled->state == OBSERVED_PRESENT &&
	       digest_equal(&settled->version->version.digest, &certificate->seen->version.digest) &&
	       !stock_wish(conductor->stock, slot)->prove_count;
}

/* Can its deliveries be quiet, and is there nothing to be done for itself? */
static bool may_be_quiet(const struct conductor *conductor, const struct tracked_certificate *certificate)
{
	const struct source_certificate *seen = certificate->seen;

	return conductor->stock->view && seen && !seen->ineligible && digest_is_set(&seen->version.digest) &&
	       !source_refusal(seen);
}

size_t view_count_quiet(const struct conductor *conductor, const struct tracked_certificate *certificate, size_t first)
{
	size_t count = 0;

	if (!may_be_quiet(conductor, certificate))
		return 0;
	while (first + count < certificate->count &&
		slot_is_quiet(conductor, certificate, &conductor->stock->slots[certificate->first + first + count]))
		count++;
	return count;
}

static bool has_untagged(const struct conductor *conductor, const struct tracked_certificate *certificate)
{
	for (size_t i = 0; conductor->stock->untagged && i < certificate->count; i++)
		if (conductor->stock->slots[certificate->first + i].untagged)
			return true;
	return false;
}

bool view_is_quiet(const struct conductor *conductor, const struct tracked_certificate *certificate)
{
	return may_be_quiet(conductor, certificate) &&
	       view_count_quiet(conductor, certificate, 0) == certificate->count &&
	       !has_untagged(conductor, certificate);
}

/* --- all, or some of them --- */

/* What is less would only be the answers' way. */
static void note_clock(struct conductor *conductor)
{
	const int64_t offset = (int64_t)(inventory_now(conductor->inventory) - clock_now());
	const usec_t off = (usec_t)(offset < 0 ? -offset : offset);
	_cleanup_(freep) char *words = duration_format(off - off % USEC_PER_SEC);

	free(take(conductor->clock_problem));
	if (off >= USEC_PER_MINUTE)
		conductor->clock_problem = mem_printf("this host's clock is %s %s AWS's; certferryd goes by AWS's clock. "
						      "Correct the host's clock",
			words, offset < 0 ? "ahead of" : "behind");
}

char *const *view_notices(struct conductor *conductor)
{
	strv_free(conductor->notices);
	conductor->notices = strv_copy(conductor->stock->world->expansion->problems);
	STRV_FOREACH (sentence, conductor->refused)
		strv_append(&conductor->notices, *sentence);
	return conductor->notices;
}

void view_head(struct conductor *conductor, struct status_view *ret_view)
{
	const struct watch_shown source = watch_show(conductor->watch);

	note_clock(conductor);
	*ret_view = (struct status_view){
		.now = inventory_now(conductor->inventory),
		.looked_at = source.looked_at,
		.swept_at = source.swept_at,
		.next_look = inventory_now(conductor->inventory) + usec_sub(source.next_look, clock_monotonic()),
		.source_problem = source.problem,
		.record_problem = conductor->stock->record_error.text,
		.config_problem = conductor->config_problem,
		.left_out = conductor->stock->world->expansion->left_out,
		.clock_problem = conductor->clock_problem,
		.events = queue_state(conductor->queue),
		.events_problem = queue_problem(conductor->queue),
		.notices = view_notices(conductor),
	};
}

size_t view_awaited(const struct conductor *conductor, struct delivery_view *views)
{
	const struct stock *stock = conductor->stock;
	size_t count = 0;

	for (size_t i = 0; i < stock->leftover_count; i++) {
		const struct leftover *awaited = &stock->leftovers[i];
		const struct expiry expiry = {
			.not_before = awaited->version.not_before,
			.not_after = awaited->version.not_after,
			.warn = stock->world->desired->warn,
		};

		if (awaited->awaited)
			views[count++] = (struct delivery_view){
				.name = awaited->name,
				.object_id = awaited->object_id,
				.state = DELIVERY_UNKNOWN,
				.reason = "source account has not been polled yet",
				.seen = awaited->version,
				.recorded = true,
				.confirmed_at = awaited->confirmed_at,
				.expiring = expiry_state(&expiry, inventory_now(conductor->inventory)) != EXPIRY_FAR,
			};
	}
	return count;
}

void view_leftovers(struct conductor *conductor, struct status_view *view)
{
	const struct stock *stock = conductor->stock;

	inventory_judge_leftovers(conductor->inventory);
	view->leftovers = mem_alloc(stock->leftover_count * sizeof(*view->leftovers));
	view->leftovers_left_out = stock->leftovers_left_out;
	for (size_t i = 0; i < stock->leftover_count; i++) {
		const struct leftover *leftover = &stock->leftovers[i];

		if (leftover->cared_for || leftover->awaited)
			continue;
		view->leftovers[view->leftover_count++] = (struct leftover_view){
			.delivery = leftover->name,
			.object = leftover->object,
			.object_id = leftover->object_id,
			.version = leftover->version,
			.confirmed_at = leftover->confirmed_at,
			.checked_at = leftover->checked_at,
			.users = leftover->users,
			.user_count = leftover->user_count,
			.users_known = leftover->users_known,
			.problem = leftover->problem,
		};
	}
}

void view_certificates(struct conductor *conductor, size_t first, size_t count, struct status_view *view)
{
	for (size_t i = 0; i < view->certificate_count; i++)
		certificate_view_done(&view->certificates[i]);
	view->certificates = mem_resize(view->certificates, count, sizeof(*view->certificates));
	view->certificate_count = count;
	for (size_t i = 0; i < count; i++)
		view_certificate(conductor, conductor->stock->certificates[first + i], &view->certificates[i]);
}

void ask_status(struct conductor *conductor, struct status_view *ret_view)
{
	_cleanup_(freep) size_t *slots = mem_alloc(conductor->stock->delivery_count * sizeof(*slots));

	for (size_t i = 0; i < conductor->stock->delivery_count; i++)
		slots[i] = i;
	ask_status_of(conductor, slots, conductor->stock->delivery_count, ret_view);
	/* Those without a delivery, and dependents that nobody names, too. */
	view_certificates(conductor, 0, conductor->stock->certificate_count, ret_view);
	view_leftovers(conductor, ret_view);
	ret_view->deliveries = mem_resize(ret_view->deliveries,
		ret_view->delivery_count + conductor->stock->leftover_count, sizeof(*ret_view->deliveries));
	ret_view->delivery_count += view_awaited(conductor, &ret_view->deliveries[ret_view->delivery_count]);
	ret_view->dependents =
		mem_resize(ret_view->dependents, conductor->stock->dependent_count, sizeof(*ret_view->dependents));
	ret_view->dependent_count = conductor->stock->dependent_count;
	for (size_t i = 0; i < conductor->stock->dependent_count; i++)
		view_dependent(conductor->stock->dependents[i], &ret_view->dependents[i]);
}

/* How many of ${slots} from the first on stand beside each other in one certificate. */
static size_t count_together(const struct conductor *conductor, const size_t *slots, size_t count)
{
	size_t together = 1;

	while (together < count && slots[together] == slots[0] + together &&
		conductor->stock->slots[slots[together]].certificate == conductor->stock->slots[slots[0]].certificate)
		together++;
	return together;
}

static void add_dependents(struct conductor *conductor, const size_t *slots, size_t count, struct status_view *view)
{
	_cleanup_(freep) bool *owes = mem_alloc(conductor->stock->dependent_count * sizeof(*owes));

	view->dependents = mem_alloc(conductor->stock->dependent_count * sizeof(*view->dependents));
	for (size_t i = 0; i < count; i++)
		STRV_FOREACH(then, stock_wish(conductor->stock, &conductor->stock->slots[slots[i]])->then) {
			size_t at = stock_dependent_index(conductor->stock, *then);

			if (at < conductor->stock->dependent_count)
				owes[at] = true;
		}
	for (size_t i = 0; i < conductor->stock->dependent_count; i++)
		if (owes[i])
			view_dependent(conductor->stock->dependents[i], &view->dependents[view->dependent_count++]);
}

void ask_status_of(struct conductor *conductor, const size_t *slots, size_t count, struct status_view *ret_view)
{
	const struct tracked_certificate *certificate = NULL;
	size_t together;

	plan_done(&conductor->planner.shown);
	view_head(conductor, ret_view);
	ret_view->deliveries = mem_alloc(count * sizeof(*ret_view->deliveries));
	ret_view->certificates = mem_alloc(count * sizeof(*ret_view->certificates));
	for (size_t i = 0; i < count; i += together) {
		const struct slot *slot = &conductor->stock->slots[slots[i]];

		together = count_together(conductor, slots + i, count - i);
		if (certificate != stock_certificate(conductor->stock, slot))
			view_certificate(conductor, stock_certificate(conductor->stock, slot),
				&ret_view->certificates[ret_view->certificate_count++]);
		certificate = stock_certificate(conductor->stock, slot);
		view_deliveries(conductor, certificate, slots[i] - certificate->first, together,
			&ret_view->deliveries[ret_view->delivery_count]);
		ret_view->delivery_count += together;
	}
	add_dependents(conductor, slots, count, ret_view);
}
