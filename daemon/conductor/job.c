/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `certferry sync NAME`: a job, at one step at a time:
 *	WAITS	for a reading of the source that begins after it was asked for
 *	READS	that reading is under way: a full scan for a job about everything, else of its certificates alone; or one
 *		that tells version by version has been asked to read its certificates next
 *	CARRIES	its deliveries are checked, and whatever the plan finds is done for them, as always
 * It ends when its deliveries and their dependents have come to rest: done, failed until later, or held.  What else is in
 * flight, and what else there is to do, is nothing to it.
 */
#include "daemon/conductor/inside.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/destination/vault_clients.h"
#include "daemon/report/report.h"
#include "lib/base/strv.h"
#include "lib/os/clock.h"

/* Whoever may ask for a job may not fill our memory with them. */
#define JOBS_MOST 256

/* What is said of the end of a job is one message on the bus: of more deliveries it is a summary. */
#define LISTED_MOST 256
#define OPENED_AT_ONCE 16 /* to be summed up */

/* What a name stands for in the present world. */
struct scope {
	size_t first, count; /* slots */
	size_t certificate, certificates; /* theirs; none where it is about all */
};

/* All whose names begin with ${name} and a slash: the certificates that an entry matches, the places of a destination. */
static bool scope_find_under(const struct conductor *conductor, const char *name, struct scope *ret)
{
	_cleanup_(freep) char *from = mem_printf("%s/", name), *to = mem_printf("%s%c", name, '/' + 1);
	struct scope scope = {
		.first = stock_lower_slot(conductor->stock, from),
		.certificate = stock_lower_certificate(conductor->stock, from),
	};

	scope.count = stock_lower_slot(conductor->stock, to) - scope.first;
	scope.certificates = stock_lower_certificate(conductor->stock, to) - scope.certificate;
	if (scope.count && !scope.certificates) {
		scope.certificate = conductor->stock->slots[scope.first].certificate;
		scope.certificates = 1;
	}
	*ret = scope;
	return scope.certificates > 0;
}

static bool scope_find(const struct conductor *conductor, const char *name, struct scope *ret)
{
	const struct tracked_certificate *certificate = stock_find_certificate(conductor->stock, name);
	const struct slot *slot = stock_find_slot(conductor->stock, name);

	if (!*name)
		*ret = (struct scope){ .count = conductor->stock->delivery_count };
	else if (certificate)
		*ret = (struct scope){ .first = certificate->first,
			.count = certificate->count,
			.certificate = stock_lower_certificate(conductor->stock, name),
			.certificates = 1 };
	else if (slot)
		*ret = (struct scope){ .first = (size_t)(slot - conductor->stock->slots),
			.count = 1,
			.certificate = slot->certificate,
			.certificates = 1 };
	else
		return scope_find_under(conductor, name, ret);
	return true;
}

static bool is_about_all(const struct job *job)
{
	return !*job->name;
}

/* --- the request --- */

static size_t count_jobs(const struct conductor *conductor)
{
	size_t count = 0;

	for (const struct job *job = conductor->jobs; job; job = job->next)
		count++;
	return count;
}

/* A job of that name that has yet to begin does all that another one would, and both are as much to go through. */
static struct job *find_waiting(const struct conductor *conductor, const char *name)
{
	struct job *job = conductor->jobs;

	while (job && (job->step != JOB_WAITS || strcmp(job->name, name) != 0))
		job = job->next;
	return job;
}

static struct job *job_new(struct conductor *conductor, const char *name)
{
	struct job *job = mem_new(struct job);

	*job = (struct job){ .id = ++conductor->last_job, .name = mem_strdup(name), .next = conductor->jobs };
	conductor->jobs = job;
	return job;
}

int job_start(void *userdata, const char *name, uint32_t *ret_job, struct error *err)
{
	struct conductor *conductor = userdata;
	struct job *job = find_waiting(conductor, name);
	struct scope scope;

	if (!scope_find(conductor, name, &scope))
		return error_set(err, ERROR_ABSENT, 0,
			"there is no delivery or certificate named '%s'; 'certferry status --all' lists them", name);
	if (!job && count_jobs(conductor) >= JOBS_MOST)
		return error_set(err, ERROR_QUOTA, 0,
			"%d syncs are running already; wait until some of them end, then run this one again", JOBS_MOST);
	for (size_t i = 0; i < scope.count; i++)
		inventory_asked(conductor->inventory, scope.first + i);
	for (size_t i = 0; i < scope.certificates; i++)
		inventory_asked_certificate(conductor->inventory, conductor->stock->certificates[scope.certificate + i]);
	aws_forget_denials(conductor->aws);
	vault_clients_forget_denials(conductor->destinations.vaults);
	/* Without a view there is nothing known that the rest could stay as. */
	if (!*name || !conductor->stock->view)
		watch_want_sweep(conductor->watch);
	inventory_hurry_record(conductor->inventory);
	*ret_job = (job ?: job_new(conductor, name))->id;
	if (watch_show(conductor->watch).tells)
		job_versions_told(conductor);
	cycle_poke(conductor);
	return 0;
}

/* --- the reading --- */

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Is the job one that waits for a reading of its certificates alone? */
static bool waits_to_be_read(const struct conductor *conductor, const struct job *job, struct scope *ret)
{
	return job->step == JOB_WAITS && !is_about_all(job) && scope_find(conductor, job->name, ret);
}

char **job_wanted_arns(const struct conductor *conductor, size_t *ret_count)
{
	size_t count = 0, kept = 0;
	struct scope scope;
	char **arns;

	for (const struct job *job = conductor->jobs; job; job = job->next)
		count += waits_to_be_read(conductor, job, &scope) ? scope.certificates : 0;
	if (!count)
		return NULL;
	arns = mem_alloc((count + 1) * sizeof(*arns));
	count = 0;
	for (const struct job *job = conductor->jobs; job; job = job->next)
		for (size_t i = 0; waits_to_be_read(conductor, job, &scope) && i < scope.certificates; i++)
			arns[count++] = conductor->stock->certificates[scope.certificate + i]->arn;
	qsort(arns, count, sizeof(*arns), compare_text);
	for (size_t i = 0; i < count; i++)
		if (!kept || strcmp(arns[kept - 1], arns[i]) != 0)
			arns[kept++] = mem_strdup(arns[i]);
	arns[kept] = NULL;
	*ret_count = kept;
	return arns;
}

void job_read_begins(struct conductor *conductor, bool all)
{
	for (struct job *job = conductor->jobs; job; job = job->next)
		if (job->step == JOB_WAITS && (all || !is_about_all(job))) {
			job->step = JOB_READS;
			job->read_next = false;
		}
}

/* Nothing that was asked of a reading that is over is read any more. */
static void forget_reading(struct conductor *conductor)
{
	for (size_t i = 0; i < conductor->stock->certificate_count; i++)
		inventory_read_next(conductor->inventory, conductor->stock->certificates[i], false);
}

void job_read_cancelled(struct conductor *conductor)
{
	forget_reading(conductor);
	for (struct job *job = conductor->jobs; job; job = job->next)
		if (job->step == JOB_READS)
			job->step = JOB_WAITS;
}

void job_versions_told(struct conductor *conductor)
{
	struct scope scope;

	for (struct job *job = conductor->jobs; job; job = job->next) {
		bool all = waits_to_be_read(conductor, job, &scope);

		for (size_t i = 0; all && i < scope.certificates; i++) {
			const struct tracked_certificate *certificate = conductor->stock->certificates[scope.certificate + i];

			/* Another job may have asked for it; what is asked twice would be read twice. */
			all = certificate->read_next || watch_read_next(conductor->watch, certificate->arn);
			inventory_read_next(conductor->inventory, certificate, all);
		}
		if (all) {
			job->step = JOB_READS;
			job->read_next = true;
		}
	}
}

/* Its deliveries go before others that wait for room, as long as it lasts. */
static void hurry(struct conductor *conductor, const struct job *job, bool hurried)
{
	struct scope scope;

	if (!scope_find(conductor, job->name, &scope))
		return;
	for (size_t i = 0; i < scope.certificates; i++)
		inventory_hurry(conductor->inventory, conductor->stock->certificates[scope.certificate + i], hurried);
}

/* All places are checked by a full scan anyway. */
static void begin_carrying(struct conductor *conductor, struct job *job, const struct error *err)
{
	struct scope scope;

	job->step = JOB_CARRIES;
	job->rested = 0;
	job->problem = err ? mem_strdup(err->text) : NULL;
	if (is_about_all(job) || !scope_find(conductor, job->name, &scope))
		return;
	hurry(conductor, job, true);
	for (size_t i = 0; i < scope.count; i++)
		if (stock_can_look(conductor->stock, &conductor->stock->slots[scope.first + i]))
			inventory_want_look(conductor->inventory, scope.first + i, true);
	for (size_t i = 0; i < scope.certificates; i++)
		inventory_touch(conductor->inventory, conductor->stock->certificates[scope.certificate + i]);
}

void job_read_ended(struct conductor *conductor, const struct error *err)
{
	forget_reading(conductor);
	for (struct job *job = conductor->jobs; job; job = job->next)
		if (job->step == JOB_READS)
			begin_carrying(conductor, job, err);
}

static bool has_been_read(const struct conductor *conductor, const struct job *job)
{
	struct scope scope;

	if (!job->read_next || !scope_find(conductor, job->name, &scope))
		return false;
	for (size_t i = 0; i < scope.certificates; i++)
		if (conductor->stock->certificates[scope.certificate + i]->read_next)
			return false;
	return true;
}

void job_version_read(struct conductor *conductor, const struct tracked_certificate *certificate)
{
	if (!certificate->read_next)
		return;
	inventory_read_next(conductor->inventory, certificate, false);
	for (struct job *job = conductor->jobs; job; job = job->next)
		if (job->step == JOB_READS && has_been_read(conductor, job))
			begin_carrying(conductor, job, NULL);
}

void job_new_world(struct conductor *conductor)
{
	for (struct job *job = conductor->jobs; job; job = job->next) {
		job->rested = 0;
		if (job->step == JOB_CARRIES)
			hurry(conductor, job, true);
	}
}

/* --- the end --- */

/* Is nothing of it in flight, and nothing due that is going to be begun? */
static bool slot_rests(const struct conductor *conductor, const struct slot *slot)
{
	const struct tracked_certificate *certificate = stock_certificate(conductor->stock, slot);

	if (slot->claimed_by & CLAIMS_IN_FLIGHT || stock_wants_look(conductor->stock, slot) || certificate->agenda.touched ||
		certificate->gather_until)
		return false;
	return !slot->due || cycle_stopped(conductor);
}

static bool dependent_rests(const struct tracked_dependent *dependent)
{
	return !dependent->in_flight && !dependent->gathers;
}

static bool dependents_rest(struct conductor *conductor, const struct scope *scope)
{
	for (size_t i = 0; i < scope->count; i++)
		STRV_FOREACH(then, stock_wish(conductor->stock, &conductor->stock->slots[scope->first + i])->then) {
			const struct tracked_dependent *dependent = stock_find_dependent(conductor->stock, *then);

			if (dependent && !dependent_rests(dependent))
				return false;
		}
	return true;
}

static bool all_dependents_rest(const struct conductor *conductor)
{
	for (size_t i = 0; i < conductor->stock->dependent_count; i++)
		if (!dependent_rests(conductor->stock->dependents[i]))
			return false;
	return true;
}

/* One of which nothing is delivered may be exported, to keep it eligible. */
static bool exports_rest(const struct conductor *conductor, const struct scope *scope)
{
	for (size_t i = 0; i < scope->certificates; i++) {
		const struct tracked_certificate *certificate = conductor->stock->certificates[scope->certificate + i];

		if (certificate->count)
			continue;
		if (certificate->in_flight || certificate->agenda.touched)
			return false;
		if (certificate->agenda.ready && !cycle_stopped(conductor))
			return false; /* it waits for room */
	}
	return true;
}

/* Those that have rested once are not asked again: where there are many, some are always on their way. */
static bool job_rests(struct conductor *conductor, struct job *job)
{
	struct scope scope;

	if (!scope_find(conductor, job->name, &scope))
		return true; /* it is configured no more */
	if (job->step != JOB_CARRIES)
		return false;
	while (job->rested < scope.count && slot_rests(conductor, &conductor->stock->slots[scope.first + job->rested]))
		job->rested++;
	if (job->rested < scope.count || !exports_rest(conductor, &scope))
		return false;
	if (is_about_all(job) ? renewals_are_busy(conductor->renewals) || leftovers_are_busy(conductor->leftovers)
			      : !renewals_rest(conductor->renewals, scope.certificate, scope.certificates))
		return false;
	return is_about_all(job) ? all_dependents_rest(conductor) : dependents_rest(conductor, &scope);
}

/* What it was about: its deliveries, their certificates, and the dependents that they owe. */
static void view_scope(struct conductor *conductor, const struct scope *scope, struct status_view *ret_view)
{
	_cleanup_(freep) size_t *slots = mem_alloc(scope->count * sizeof(*slots));

	for (size_t i = 0; i < scope->count; i++)
		slots[i] = scope->first + i;
	ask_status_of(conductor, slots, scope->count, ret_view);
	/* Those without a delivery, too. */
	view_certificates(conductor, scope->certificate, scope->certificates, ret_view);
}

/* Those that the deliveries of the scope owe; for a job about all, all that there are. */
static void sum_dependents(struct conductor *conductor, const struct scope *scope, bool all, struct summary *summary)
{
	_cleanup_(freep) bool *owes = mem_alloc(conductor->stock->dependent_count * sizeof(*owes));

	for (size_t i = 0; !all && i < scope->count; i++)
		STRV_FOREACH(then, stock_wish(conductor->stock, &conductor->stock->slots[scope->first + i])->then) {
			size_t at = stock_dependent_index(conductor->stock, *then);

			if (at < conductor->stock->dependent_count)
				owes[at] = true;
		}
	for (size_t i = 0; i < conductor->stock->dependent_count; i++) {
		struct dependent_report report;

		if (!all && !owes[i])
			continue;
		view_dependent(conductor->stock->dependents[i], &report);
		summary_add_dependent(summary, &report);
	}
}

/* ${count} deliveries from ${first} on, of one certificate; how many were dealt with. */
static size_t sum_some(struct conductor *conductor, size_t first, size_t count, struct summary *summary)
{
	const struct tracked_certificate *certificate = stock_certificate(conductor->stock, &conductor->stock->slots[first]);
	struct delivery_view views[OPENED_AT_ONCE];
	size_t at = first - certificate->first, quiet = view_count_quiet(conductor, certificate, at);

	count = MIN(count, certificate->count - at);
	if (quiet) {
		quiet = MIN(quiet, count);
		summary_add_current(summary, quiet, inventory_is_expiring(conductor->inventory, certificate, NULL));
		return quiet;
	}
	count = MIN(count, ARRAY_SIZE(views));
	plan_done(&conductor->planner.shown);
	view_deliveries(conductor, certificate, at, count, views);
	for (size_t i = 0; i < count; i++)
		summary_add_delivery(summary, &views[i]);
	planner_forget(&conductor->planner);
	return count;
}

/* In one go, though it may be long: what it is about has come to rest. */
static void sum_scope(struct conductor *conductor, const struct scope *scope, bool all, struct summary *summary)
{
	size_t first = all ? 0 : scope->certificate;
	size_t count = all ? conductor->stock->certificate_count : scope->certificates;

	for (size_t i = 0; i < count; i++) {
		_cleanup_(certificate_view_done) struct certificate_view view = { 0 };

		view_certificate(conductor, conductor->stock->certificates[first + i], &view);
		summary_add_certificate(summary, &view);
	}
	for (size_t i = 0; i < scope->count;)
		i += sum_some(conductor, scope->first + i, scope->count - i, summary);
	sum_dependents(conductor, scope, all, summary);
}

/* It has read the source by itself: what became of other readings is nothing to it.  Nor is what files say that are not
 * in use. */
static void leave_out_what_is_not_its(const struct job *job, struct status_view *view)
{
	view->source_problem = job->problem;
	view->config_problem = NULL;
	view->left_out &= is_about_all(job);
}

static void end_with_summary(struct conductor *conductor, const struct job *job, const struct scope *scope)
{
	_cleanup_(summary_done) struct summary summary = { 0 };
	_cleanup_(freep) char *json = NULL;
	struct status_view head;

	sum_scope(conductor, scope, is_about_all(job), &summary);
	view_head(conductor, &head);
	leave_out_what_is_not_its(job, &head);
	json = report_summary(&head, &summary);
	bus_job_done(conductor->bus, job->id, status_exit(&head, &summary.counts), json);
}

static void end_with_list(struct conductor *conductor, const struct job *job, const struct scope *scope)
{
	_cleanup_(status_view_done) struct status_view view = { 0 };
	_cleanup_(freep) char *json = NULL;

	if (is_about_all(job))
		ask_status(conductor, &view);
	else
		view_scope(conductor, scope, &view);
	leave_out_what_is_not_its(job, &view);
	json = report_status(&view);
	bus_job_done(conductor->bus, job->id, status_view_exit(&view), json);
	planner_forget(&conductor->planner);
}

static void end_without_scope(struct conductor *conductor, const struct job *job)
{
	_cleanup_(freep) char *gone = mem_printf("'%s' is no longer configured", job->name), *json = NULL;
	char *notices[] = { gone, NULL };
	struct status_view view;

	view_head(conductor, &view);
	leave_out_what_is_not_its(job, &view);
	view.notices = notices;
	json = report_status(&view);
	bus_job_done(conductor->bus, job->id, 1, json);
}

static void end_job(struct conductor *conductor, const struct job *job)
{
	struct scope scope;

	if (!scope_find(conductor, job->name, &scope))
		end_without_scope(conductor, job);
	else if (scope.count > LISTED_MOST)
		end_with_summary(conductor, job, &scope);
	else
		end_with_list(conductor, job, &scope);
}

static struct job *job_free(struct job *job)
{
	free(job->name);
	free(job->problem);
	free(job);
	return NULL;
}

void job_end_rested(struct conductor *conductor)
{
	struct job **at = &conductor->jobs;
	bool ended = false;

	while (*at) {
		struct job *job = *at;

		if (!job_rests(conductor, job)) {
			at = &job->next;
			continue;
		}
		*at = job->next;
		end_job(conductor, job);
		hurry(conductor, job, false);
		job_free(job);
		ended = true;
	}
	for (const struct job *job = conductor->jobs; ended && job; job = job->next)
		if (job->step == JOB_CARRIES)
			hurry(conductor, job, true); /* another of the same name has ended */
}

void job_done_all(struct conductor *conductor)
{
	while (conductor->jobs) {
		struct job *job = conductor->jobs;

		conductor->jobs = job->next;
		job_free(job);
	}
}
