/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/conductor/inside.h"

#include <stdlib.h>
#include <string.h>

/* --- plan --- */

int ask_plan_exit(const struct conductor *conductor)
{
	bool something = false, blind = watch_show(conductor->watch).problem || !conductor->stock->view ||
				       conductor->stock->world->expansion->left_out;

	for (size_t i = 0; i < conductor->planner.shown.count; i++) {
		something |= step_is_open(&conductor->planner.shown.steps[i]);
		blind |= conductor->planner.shown.steps[i].verb == STEP_LOOK;
	}
	for (size_t i = 0; i < conductor->stock->delivery_count; i++)
		blind |= slot_state(&conductor->stock->slots[i]) == OBSERVED_UNKNOWN;
	for (size_t i = 0; i < conductor->stock->certificate_count; i++)
		blind |= conductor->stock->certificates[i]->refusal != NULL;
	return blind ? 1 : something ? 3 : 0;
}

/* --- approve --- */

static unsigned approve_planned(struct conductor *conductor, const char *name, const char *who)
{
	unsigned approved = 0;

	for (size_t i = 0; i < conductor->planner.shown.count; i++) {
		const struct step *step = &conductor->planner.shown.steps[i];

		if (step->verb == STEP_HOLD && (!name || strcmp(step->delivery, name) == 0 ||
						       strcmp(step->certificate, name) == 0))
			approved += inventory_approved(conductor->inventory, step,
				name && strcmp(step->delivery, name) == 0, who);
	}
	return approved;
}

unsigned ask_approve(struct conductor *conductor, const char *name, const char *who)
{
	unsigned approved = 0;

	for (size_t i = 0; i < conductor->stock->certificate_count; i++) {
		const struct tracked_certificate *certificate = conductor->stock->certificates[i];

		if (view_is_quiet(conductor, certificate) ||
			(name && strncmp(name, certificate->name, strlen(certificate->name)) != 0))
			continue;
		plan_done(&conductor->planner.shown);
		planner_show_some(&conductor->planner, certificate, 0, certificate->count);
		approved += approve_planned(conductor, name, who);
		planner_forget(&conductor->planner);
	}
	if (approved)
		cycle_poke(conductor);
	return approved;
}

static int on_approve(void *userdata, const char *name, const char *who, uint32_t *ret_count, struct error *err)
{
	struct conductor *conductor = userdata;
	unsigned approved = ask_approve(conductor, *name ? name : NULL, who);

	if (!approved && *name)
		return error_set(err, ERROR_ABSENT, 0,
			"nothing named '%s' waits for approval; 'certferry plan' shows what is held and why "
			"('foreign' needs the name of the delivery itself)",
			name);
	if (!inventory_sync(conductor->inventory))
		return error_set(err, ERROR_RETRY, 0, "certferryd failed to save the approval: %s",
			conductor->stock->record_error.text);
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
