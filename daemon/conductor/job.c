/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/conductor/state.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/report/report.h"
#include "lib/base/strv.h"

static bool is_named(const char *name, const char *delivery, const char *certificate)
{
	return !*name || strcmp(name, delivery) == 0 || strcmp(name, certificate) == 0;
}

static bool slot_is_named(const struct conductor *conductor, const struct slot *slot, const char *name)
{
	return strcmp(name, state_certificate(conductor, slot)->name) == 0 || state_find_slot(conductor, name) == slot;
}

int job_start(void *userdata, const char *name, uint32_t *ret_job, struct error *err)
{
	struct conductor *conductor = userdata;
	struct job *job;
	bool found = *name == '\0';

	for (size_t i = 0; i < conductor->delivery_count; i++) {
		struct slot *slot = &conductor->slots[i];

		if (*name && !slot_is_named(conductor, slot, name))
			continue;
		found = true;
		slot->asked = true;
		STRV_FOREACH(then, state_wish(conductor, slot)->then) {
			struct tracked_dependent *dependent = state_find_dependent(conductor, *then);

			/* Restart spacing is no back-off: it holds also when somebody asks. */
			if (dependent && dependent->record.failures)
				dependent->asked = true;
		}
	}
	if (!found)
		return error_set(err, ERROR_ABSENT, 0,
			"there is no delivery or certificate named '%s'; 'certferry status' lists them", name);
	for (size_t i = 0; i < conductor->certificate_count; i++)
		conductor->certificates[i]->record.next_try = 0;
	cycle_touch_all(conductor);
	aws_forget_denials(conductor->aws);
	conductor->sweep_wanted = true;
	job = mem_new(struct job);
	job->id = ++conductor->last_job;
	job->name = mem_strdup(name);
	job->next = conductor->jobs;
	conductor->jobs = job;
	*ret_job = job->id;
	cycle_poke(conductor);
	return 0;
}

/* Keeps of ${view} what a job was about: its deliveries, their certificates, and the dependents that they owe. */
static void narrow_view(struct conductor *conductor, const char *name, struct status_view *view)
{
	_cleanup_(strv_freep) char **then = NULL, **certificates = NULL;
	size_t kept = 0;

	for (size_t i = 0; i < view->delivery_count; i++) {
		const struct slot *slot = &conductor->slots[i]; /* the view is in their order */

		if (!is_named(name, view->deliveries[i].name, view->deliveries[i].certificate))
			continue;
		STRV_FOREACH(dependent, state_wish(conductor, slot)->then)
			strv_append(&then, *dependent);
		strv_append(&certificates, view->deliveries[i].certificate);
		view->deliveries[kept++] = view->deliveries[i];
	}
	view->delivery_count = kept;
	kept = 0;
	for (size_t i = 0; i < view->dependent_count; i++)
		if (strv_has(then, view->dependents[i].name))
			view->dependents[kept++] = view->dependents[i];
	view->dependent_count = kept;
	kept = 0;
	for (size_t i = 0; i < view->certificate_count; i++)
		if (strv_has(certificates, view->certificates[i].name))
			view->certificates[kept++] = view->certificates[i];
	view->certificate_count = kept;
}

static void finish_job(struct conductor *conductor, const struct job *job)
{
	_cleanup_(status_view_done) struct status_view view = { 0 };
	_cleanup_(freep) char *json = NULL;

	cycle_refresh_plan(conductor);
	ask_status(conductor, &view);
	if (*job->name)
		narrow_view(conductor, job->name, &view);
	json = report_status(&view);
	bus_job_done(conductor->bus, job->id, status_view_exit(&view), json);
	cycle_forget_plan(conductor);
}

void job_finish_all(struct conductor *conductor)
{
	while (conductor->jobs) {
		struct job *job = conductor->jobs;

		conductor->jobs = job->next;
		finish_job(conductor, job);
		free(job->name);
		free(job);
	}
}
