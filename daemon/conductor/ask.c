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

/* What is done with each hold of the name in question; ${is_named}: it is the name of the delivery itself. */
typedef void (*held_fn)(struct conductor *conductor, const struct step *step, bool is_named, void *userdata);

static void each_planned(struct conductor *conductor, const char *name, held_fn held, void *userdata)
{
	for (size_t i = 0; i < conductor->planner.shown.count; i++) {
		const struct step *step = &conductor->planner.shown.steps[i];
		bool is_named = name && strcmp(step->delivery, name) == 0;

		if (step->verb == STEP_HOLD && (!name || is_named || strcmp(step->certificate, name) == 0))
			held(conductor, step, is_named, userdata);
	}
}

static void each_held(struct conductor *conductor, const char *name, held_fn held, void *userdata)
{
	for (size_t i = 0; i < conductor->stock->certificate_count; i++) {
		const struct tracked_certificate *certificate = conductor->stock->certificates[i];

		if (view_is_quiet(conductor, certificate) ||
			(name && strncmp(name, certificate->name, strlen(certificate->name)) != 0))
			continue;
		plan_done(&conductor->planner.shown);
		planner_show_some(&conductor->planner, certificate, 0, certificate->count);
		each_planned(conductor, name, held, userdata);
		planner_forget(&conductor->planner);
	}
}

static void weigh(struct conductor *conductor, const struct step *step, bool is_named, void *userdata)
{
	enum approval *most = userdata, needed = holds_approval(step->holds->set);

	if (is_named && needed > *most)
		*most = needed;
}

enum approval ask_approval(struct conductor *conductor, const char *name)
{
	enum approval most = APPROVAL_NONE;

	each_held(conductor, name, weigh, &most);
	return most;
}

struct approving {
	enum approval most;
	const char *who;
	unsigned count;
};

static void approve(struct conductor *conductor, const struct step *step, bool is_named, void *userdata)
{
	struct approving *approving = userdata;
	enum approval most = is_named ? approving->most : APPROVAL_PLAIN;

	approving->count += inventory_approved(conductor->inventory, step, most, approving->who);
}

unsigned ask_approve(struct conductor *conductor, const char *name, enum approval most, const char *who)
{
	struct approving approving = { .most = most, .who = who };

	each_held(conductor, name, approve, &approving);
	if (approving.count)
		cycle_poke(conductor);
	return approving.count;
}

static enum approval on_approval(void *userdata, const char *name)
{
	enum approval needed = *name ? ask_approval(userdata, name) : APPROVAL_PLAIN;

	return needed > APPROVAL_PLAIN ? needed : APPROVAL_PLAIN;
}

static int on_approve(void *userdata, const char *name, enum approval most, const char *who, uint32_t *ret_count,
	struct error *err)
{
	struct conductor *conductor = userdata;
	unsigned approved = ask_approve(conductor, *name ? name : NULL, most, who);

	if (!approved && on_approval(conductor, name) > most)
		return error_set(err, ERROR_RETRY, 0,
			"what holds '%s' changed while certferryd waited for polkit; read 'certferry plan', then "
			"approve it again",
			name);
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
	.approval = on_approval,
	.approve = on_approve,
	.answered = conductor_on_bus,
};
