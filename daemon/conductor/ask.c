/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/conductor/state.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/transition/delivery.h"

/* --- plan --- */

int ask_plan_exit(const struct conductor *conductor)
{
	bool something = false, blind = conductor->source.problem.text || !conductor->source.view;

	for (size_t i = 0; i < conductor->plan.count; i++) {
		something |= step_is_open(&conductor->plan.steps[i]);
		blind |= conductor->plan.steps[i].verb == STEP_LOOK;
	}
	for (size_t i = 0; i < conductor->delivery_count; i++)
		blind |= state_seen(&conductor->slots[i]) == OBSERVED_UNKNOWN;
	for (size_t i = 0; i < conductor->certificate_count; i++)
		blind |= conductor->certificates[i]->refusal != NULL;
	return blind ? 1 : something ? 3 : 0;
}

/* --- approve --- */

static bool approve_one(struct conductor *conductor, const struct step *step, const char *who)
{
	struct tracked_delivery *delivery = state_open(conductor, step->index);
	struct delivery_record *record = &delivery->record;
	struct changes changes = { 0 };

	if (!transition_approved(record, step->hold, who, step->reason, &changes))
		return false;
	if (!conductor_save_delivery(conductor, record))
		return false;
	delivery->has_record = true;
	state_changed(conductor, delivery);
	say_delivery_changes(conductor, delivery->delivery, &changes);
	return true;
}

static unsigned approve_planned(struct conductor *conductor, const char *name, const char *who)
{
	unsigned approved = 0;

	for (size_t i = 0; i < conductor->plan.count; i++) {
		const struct step *step = &conductor->plan.steps[i];

		if (step->verb == STEP_HOLD && (!name || strcmp(step->delivery, name) == 0 ||
						       strcmp(step->certificate, name) == 0))
			approved += approve_one(conductor, step, who);
	}
	return approved;
}

unsigned ask_approve(struct conductor *conductor, const char *name, const char *who)
{
	unsigned approved = 0;

	for (size_t i = 0; i < conductor->certificate_count; i++) {
		const struct tracked_certificate *certificate = conductor->certificates[i];

		if (view_is_quiet(conductor, certificate) ||
			(name && strncmp(name, certificate->name, strlen(certificate->name)) != 0))
			continue;
		plan_done(&conductor->plan);
		cycle_plan_some(conductor, certificate, 0, certificate->count);
		approved += approve_planned(conductor, name, who);
		cycle_forget_plan(conductor);
	}
	if (approved)
		cycle_poke(conductor);
	return approved;
}

static int on_approve(void *userdata, const char *name, const char *who, uint32_t *ret_count, struct error *err)
{
	unsigned approved = ask_approve(userdata, *name ? name : NULL, who);

	if (!approved && *name)
		return error_set(err, ERROR_ABSENT, 0,
			"nothing named '%s' waits for approval; 'certferry plan' shows what is held and why", name);
	*ret_count = approved;
	return 0;
}

const struct bus_handlers ask_handlers = {
	.begin_text = survey_begin,
	.more_text = survey_more,
	.end_text = survey_end,
	.sync = job_start,
	.approve = on_approve,
	.answered = conductor_on_bus,
};
