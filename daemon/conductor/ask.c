/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/conductor/state.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/conductor/say.h"
#include "daemon/report/report.h"
#include "lib/os/clock.h"

/* --- status --- */

/* For each delivery the step that is about it, or NULL; the caller owns the array. */
static const struct step **delivery_steps(const struct conductor *conductor)
{
	const struct step **steps = mem_alloc(conductor->delivery_count * sizeof(*steps));

	for (size_t i = 0; i < conductor->plan.count; i++) {
		const struct step *step = &conductor->plan.steps[i];

		if (*step->delivery && !*step->dependent)
			steps[step->index] = step;
	}
	return steps;
}

static void judge_delivery(const struct tracked_delivery *delivery, const struct step *step, struct delivery_view *view)
{
	const struct delivery_record *record = &delivery->record;
	bool failed = record->failures > 0 || delivery->observed.error.text;

	if (delivery->transferring) {
		view->state = DELIVERY_IN_FLIGHT;
	} else if (!step || step->verb == STEP_PROVE) {
		view->state = delivery->observed.state == OBSERVED_PRESENT ? DELIVERY_CURRENT : DELIVERY_UNKNOWN;
		if (view->proof && strncmp(view->proof, "wrong", 5) == 0) {
			view->state = DELIVERY_FAILED;
			view->reason = view->proof;
		}
	} else if (step->verb == STEP_HOLD) {
		view->state = DELIVERY_HELD;
		view->hold = step->hold;
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

static void fill_delivery(const struct tracked_delivery *delivery, const struct step *step, struct delivery_view *view)
{
	const struct place *place = delivery->delivery->place;
	const struct source_certificate *source = delivery->certificate->seen;

	*view = (struct delivery_view){
		.name = delivery->name,
		.certificate = delivery->delivery->certificate,
		.destination = place->destination->name,
		.kind = destination_kind_name(place->destination->kind),
		.account = place->account,
		.region = place->region,
		.object = delivery->delivery->object,
		.object_id = delivery->observed.object_id ?: delivery->record.object_id,
		.seen = delivery->observed.version,
		.unused = delivery->observed.unused,
		.failures = delivery->record.failures,
		.next_try = delivery->record.next_try,
		.proof = delivery->delivery->wish->prove.connect ? delivery->record.proof : NULL,
		.observed = &delivery->observed,
	};
	if (source)
		view->wanted = source->version;
	judge_delivery(delivery, step, view);
}

static unsigned count_owed(const struct tracked_dependent *dependent, bool due)
{
	unsigned count = 0;

	for (size_t i = 0; i < dependent->owed_count; i++)
		count += due ? dependent->owed[i]->due : dependent->owed[i]->since == 0;
	return count;
}

static void fill_dependent(const struct tracked_dependent *dependent, struct dependent_report *report)
{
	const struct dependent_record *record = &dependent->record;
	unsigned owed = count_owed(dependent, true), unknown = count_owed(dependent, false);

	*report = (struct dependent_report){
		.name = dependent->name,
		.unit = dependent->dependent->unit,
		.action = action_name(dependent->dependent->action),
		.state = PROGRESS_TOLD,
		.owed = owed,
		.next_try = record->next_try,
		.told_at = record->told_at,
		.proof = record->proof,
	};
	if (dependent->call || dependent->prove) {
		report->state = PROGRESS_IN_FLIGHT;
	} else if (owed) {
		report->state = record->failures ? PROGRESS_FAILED : PROGRESS_OWED;
		report->reason = record->problem;
	} else if (unknown) {
		report->state = PROGRESS_UNKNOWN;
		report->reason = record->failures ? record->problem
						  : "it is not recorded whether it was told of the version in place";
	} else if (record->proof && strncmp(record->proof, "wrong", 5) == 0) {
		report->state = PROGRESS_FAILED;
		report->reason = record->proof;
	} else if (record->proof && strncmp(record->proof, "unproven", 8) == 0) {
		report->state = PROGRESS_UNPROVEN;
		report->reason = record->proof;
	}
}

void ask_status(struct conductor *conductor, struct status_view *ret_view)
{
	struct status_view view = {
		.now = conductor_now(conductor),
		.looked_at = conductor->looked_at,
		.swept_at = conductor->swept_at,
		.next_look = conductor_now(conductor) + usec_sub(conductor->next_look, clock_monotonic()),
		.source_problem = conductor->source_error.text,
		.record_problem = conductor->record_error.text,
		.events = wake_state(conductor),
		.events_problem = wake_problem(conductor),
		.certificate_count = conductor->certificate_count,
		.delivery_count = conductor->delivery_count,
		.dependent_count = conductor->dependent_count,
		.notices = conductor->world->expansion->problems,
	};
	_cleanup_(freep) const struct step **steps = delivery_steps(conductor);

	view.certificates = mem_alloc(view.certificate_count * sizeof(*view.certificates));
	view.deliveries = mem_alloc(view.delivery_count * sizeof(*view.deliveries));
	view.dependents = mem_alloc(view.dependent_count * sizeof(*view.dependents));
	for (size_t i = 0; i < view.certificate_count; i++) {
		const struct tracked_certificate *certificate = conductor->certificates[i];
		const struct source_certificate *seen = certificate->seen;

		view.certificates[i] = (struct certificate_view){
			.name = certificate->name,
			.arn = certificate->arn,
			.domain = seen ? seen->domain : NULL,
			.status = seen ? seen->status : NULL,
			.version = seen ? seen->version : certificate->record.version,
			/* ACM's flag lags behind the export that was made. */
			.ineligible = seen && seen->ineligible &&
				      !fingerprint_equal(&certificate->record.exported, &seen->version.fingerprint),
			.problem = certificate->said_refusal ?: certificate->record.problem,
		};
	}
	for (size_t i = 0; i < view.delivery_count; i++)
		fill_delivery(state_open(conductor, i), steps[i], &view.deliveries[i]);
	for (size_t i = 0; i < view.dependent_count; i++)
		fill_dependent(conductor->dependents[i], &view.dependents[i]);
	*ret_view = view;
}

static char *on_status(void *userdata)
{
	_cleanup_(status_view_done) struct status_view view;
	char *text;

	cycle_refresh_plan(userdata);
	ask_status(userdata, &view);
	text = report_status(&view);
	cycle_forget_plan(userdata);
	return text;
}

static char *on_candidates(void *userdata)
{
	_cleanup_(status_view_done) struct status_view view;
	char *text;

	cycle_refresh_plan(userdata);
	ask_status(userdata, &view);
	text = report_candidates(&view);
	cycle_forget_plan(userdata);
	return text;
}

static char *on_plan(void *userdata)
{
	struct conductor *conductor = userdata;
	char *text;

	cycle_refresh_plan(conductor);
	text = report_plan(&conductor->plan, ask_plan_exit(conductor));
	cycle_forget_plan(conductor);
	return text;
}

int ask_plan_exit(const struct conductor *conductor)
{
	bool something = false, blind = conductor->source_error.text || !conductor->view;

	for (size_t i = 0; i < conductor->plan.count; i++) {
		something |= conductor->plan.steps[i].verb != STEP_LOOK;
		blind |= conductor->plan.steps[i].verb == STEP_LOOK;
	}
	for (size_t i = 0; i < conductor->delivery_count; i++)
		blind |= state_seen(&conductor->slots[i]) == OBSERVED_UNKNOWN;
	for (size_t i = 0; i < conductor->certificate_count; i++)
		blind |= conductor->certificates[i]->said_refusal != NULL;
	return blind ? 1 : something ? 3 : 0;
}

/* --- approve --- */

static bool approve_one(struct conductor *conductor, const struct step *step, const char *who)
{
	struct tracked_delivery *delivery = state_open(conductor, step->index);
	struct delivery_record *record = &delivery->record;
	struct log_fields fields = { 0 };

	if (step->hold == HOLD_GUARD)
		record->guard_passed = true;
	else if (step->hold == HOLD_APPROVAL)
		record->approved = record->held;
	else
		return false; /* adopt? and gone are choices, not approvals */
	record->hold = HOLD_NONE;
	delivery->said_hold = HOLD_NONE;
	if (!conductor_save_delivery(conductor, record))
		return false;
	delivery->has_record = true;
	state_changed(conductor, delivery);
	say_delivery(&fields, delivery->delivery);
	log_field(&fields, "CERTFERRY_HOLD", "%s", hold_name(step->hold));
	log_field(&fields, "CERTFERRY_APPROVED_BY", "%s", who);
	log_write(LOG_NOTICE, SAY_APPROVED, &fields, "'%s' was approved (%s) by %s: %s", delivery->name,
		hold_name(step->hold), who, step->reason);
	log_fields_done(&fields);
	conductor_history(conductor, "approved", delivery->name, who);
	return true;
}

unsigned ask_approve(struct conductor *conductor, const char *name, const char *who)
{
	unsigned approved = 0;

	for (size_t i = 0; i < conductor->plan.count; i++) {
		const struct step *step = &conductor->plan.steps[i];

		if (step->verb == STEP_HOLD && (!name || strcmp(step->delivery, name) == 0 ||
						       strcmp(step->certificate, name) == 0))
			approved += approve_one(conductor, step, who);
	}
	if (approved)
		cycle_poke(conductor);
	return approved;
}

static int on_approve(void *userdata, const char *name, const char *who, uint32_t *ret_count, struct error *err)
{
	struct conductor *conductor = userdata;
	unsigned approved;

	cycle_refresh_plan(conductor);
	approved = ask_approve(conductor, *name ? name : NULL, who);
	cycle_forget_plan(conductor);
	if (!approved && *name)
		return error_set(err, ERROR_ABSENT, 0,
			"nothing named '%s' waits for approval; 'certferry plan' shows what is held and why", name);
	*ret_count = approved;
	return 0;
}

const struct bus_handlers ask_handlers = {
	.status = on_status,
	.plan = on_plan,
	.candidates = on_candidates,
	.sync = job_start,
	.approve = on_approve,
	.answered = conductor_on_bus,
};
