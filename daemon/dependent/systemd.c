/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/dependent/kind.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <systemd/sd-event.h>

#include "daemon/dependent/polkit_rule.h"
#include "daemon/dependent/systemd_judge.h"
#include "lib/os/clock.h"
#include "lib/systemd/unit.h"

/*
 * Units of this host's systemd.  A call is at one step at a time:
 *	LOOK	the unit is being read				unit != NULL	on_look != NULL
 *	BEFORE	the unit is being read, or a while is waited because it is just being started,
 *		stopped or reloaded				unit or timer	on_tell != NULL
 *	JOB	its job is awaited				unit != NULL
 *	SETTLE	it is given time to fall over			timer != NULL
 *	AFTER	it is read again, repeatedly while it changes	unit or timer
 *
 * One that hangs in a reload is not waited for: it goes on to JOB, to be restarted, where it may be.
 *
 * To resume is the same without JOB: where BEFORE does not show that the job was done, nothing was begun.
 */
struct systemd_call {
	struct dependent_call call; /* first: it is told from others by this */
	struct dependent_host host;
	char *unit_name;
	enum action action;
	usec_t timeout;
	usec_t settle;
	usec_t not_before;
	char *token; /* resume: of the intent that was found */
	usec_t intended_at;

	struct unit_call *unit;
	struct sd_event_source *timer;
	usec_t deadline; /* monotonic: of the step that waits */
	bool waited; /* BEFORE: it was seen changing */
	bool again; /* the try before saw it reloading until its end */
	usec_t reloading_from; /* monotonic: seen so at each look since; 0: not so */
	bool stuck; /* it hung, and is restarted for that */
	struct systemd_view before;
	char job[24]; /* its result; "": none was started by us */

	dependent_look_fn on_look;
	dependent_tell_fn on_tell;
	void *userdata;
};

/* Reading a unit is a matter of milliseconds, unless systemd is reloading itself. */
#define READ_TIMEOUT (25 * USEC_PER_SEC)
#define AGAIN_AFTER  (250 * USEC_PER_MSEC)
/* How long after the job and its settle time a unit may still be changing. */
#define SETTLE_LIMIT (10 * USEC_PER_SEC)

static const enum unit_verb verbs[] = {
	[ACTION_RESTART] = UNIT_TRY_RESTART,
	[ACTION_RELOAD] = UNIT_RELOAD,
	[ACTION_RELOAD_OR_RESTART] = UNIT_RELOAD_OR_TRY_RESTART,
	[ACTION_START] = UNIT_START,
};

static void tell_before(struct systemd_call *call);
static void tell_after(struct systemd_call *call);

static void call_free(struct systemd_call *call)
{
	unit_call_cancel(call->unit);
	sd_event_source_disable_unref(call->timer);
	free(call->unit_name);
	free(call->token);
	free(call);
}

/* The two ends. */
static void look_finish(
	struct systemd_call *call, const struct systemd_view *view, const struct error *err)
{
	dependent_look_fn done = call->on_look;
	void *userdata = call->userdata;

	call_free(call);
	done(userdata, view ? systemd_seen(view) : NULL, err);
}

static void tell_finish(struct systemd_call *call, enum told told, const struct error *err)
{
	dependent_tell_fn done = call->on_tell;
	void *userdata = call->userdata;

	call_free(call);
	done(userdata, told, told == TOLD_FAILED ? err : NULL);
}

static enum systemd_state state_of(const struct unit *unit)
{
	if (strcmp(unit->load_state, "loaded") != 0)
		return SYSTEMD_ABSENT;
	switch (unit->active) {
	case UNIT_ACTIVE:
		return SYSTEMD_ACTIVE;
	case UNIT_INACTIVE:
		return SYSTEMD_INACTIVE;
	case UNIT_FAILED:
		return SYSTEMD_FAILED;
	default:
		return SYSTEMD_CHANGING;
	}
}

static void view_from_unit(
	const struct unit *unit, enum action action, struct systemd_view *ret_view)
{
	struct systemd_view view = {
		.state = state_of(unit),
		.can_reload = unit->can_reload,
		.reloading = unit->active == UNIT_RELOADING,
		.oneshot = strcmp(unit->type, "oneshot") == 0,
		.stays = unit->remain_after_exit,
		.condition_failed = unit->condition_checked > 0 && !unit->condition_result,
		.restarts = unit->restarts,
		.starting_since = unit->starting_since,
		.active_since = unit->active_since,
		.state_changed = unit->state_changed,
		.start_timeout = unit->start_timeout,
	};
	bool is_reloaded = action == ACTION_RELOAD ||
			   (action == ACTION_RELOAD_OR_RESTART && unit->can_reload);

	memcpy(view.load_state, unit->load_state, sizeof(view.load_state));
	memcpy(view.sub_state, unit->sub_state, sizeof(view.sub_state));
	memcpy(view.result, unit->result, sizeof(view.result));
	memcpy(view.invocation_id, unit->invocation_id, sizeof(view.invocation_id));
	/* Reloads are not counted by start limits. */
	if (!is_reloaded)
		view.spacing = view_spacing(unit->start_limit_interval, unit->start_limit_burst);
	*ret_view = view;
}

static struct unit_request unit_request_for(const struct systemd_call *call, usec_t timeout)
{
	return (struct unit_request){
		.event = call->host.event,
		.bus = call->host.bus(call->host.userdata),
		.unit = call->unit_name,
		.timeout = timeout,
	};
}

static void call_read(struct systemd_call *call, unit_read_fn done)
{
	struct unit_request request = unit_request_for(call, READ_TIMEOUT);

	call->unit = unit_read(&request, done, call);
}

static void call_wait(struct systemd_call *call, usec_t duration, sd_event_time_handler_t done)
{
	call->timer = sd_event_source_disable_unref(call->timer);
	if (sd_event_add_time_relative(
		    call->host.event, &call->timer, CLOCK_MONOTONIC, duration, 0, done, call) < 0)
		mem_exhausted();
	(void)sd_event_source_set_description(call->timer, "dependent-wait");
}

static struct systemd_call *call_new(const struct dependent_host *host,
	const struct desired_dependent *dependent, void *userdata)
{
	struct systemd_call *call = mem_new(struct systemd_call);

	call->host = *host;
	call->unit_name = mem_strdup(dependent->unit.name);
	call->action = dependent->unit.action;
	call->timeout = dependent->timeout;
	call->settle = dependent->unit.settle;
	call->userdata = userdata;
	return call;
}

/* LOOK */

static void on_looked(void *userdata, const struct unit *unit, const struct error *err)
{
	struct systemd_call *call = userdata;
	struct systemd_view view;

	call->unit = NULL;
	if (err) {
		look_finish(call, NULL, err);
		return;
	}
	view_from_unit(unit, call->action, &view);
	look_finish(call, &view, NULL);
}

static struct dependent_call *systemd_look(const struct dependent_host *host,
	const struct desired_dependent *dependent, dependent_look_fn done, void *userdata)
{
	struct systemd_call *call = call_new(host, dependent, userdata);

	call->on_look = done;
	call_read(call, on_looked);
	return &call->call;
}

/* AFTER */

static int on_settled(sd_event_source *source, usec_t now, void *userdata)
{
	struct systemd_call *call = userdata;

	call->timer = sd_event_source_disable_unref(call->timer);
	tell_after(call);
	return 0;
}

static void on_after(void *userdata, const struct unit *unit, const struct error *err)
{
	_cleanup_(error_done) struct error failure = ERROR_NULL;
	struct systemd_call *call = userdata;
	struct systemd_view after;
	struct tell_facts facts = {
		.unit = call->unit_name,
		.action = call->action,
		.before = &call->before,
		.after = &after,
		.job = call->job[0] ? call->job : NULL,
	};
	enum told told;
	bool died;

	call->unit = NULL;
	if (err) {
		error_copy(&failure, err);
		error_wrap(&failure, "check unit '%s' after its job", call->unit_name);
		tell_finish(call, TOLD_FAILED, &failure);
		return;
	}
	view_from_unit(unit, call->action, &after);
	/* That it died after our job is an answer; that it is still starting is none. */
	died = call->job[0] && strcmp(after.sub_state, "auto-restart") == 0;
	if (after.state == SYSTEMD_CHANGING && !died && clock_monotonic() < call->deadline) {
		call_wait(call, AGAIN_AFTER, on_settled);
		return;
	}
	told = outcome_of(&facts, &failure);
	tell_finish(call, told == TOLD_DONE && call->stuck ? TOLD_DONE_STRONGER : told, &failure);
}

static void tell_after(struct systemd_call *call)
{
	call_read(call, on_after);
}

/* SETTLE */

static void tell_settle(struct systemd_call *call, usec_t duration)
{
	call->deadline = usec_add(clock_monotonic(), usec_add(duration, SETTLE_LIMIT));
	call_wait(call, duration, on_settled);
}

/* JOB */

static void job_explain(
	const struct systemd_call *call, const struct error *err, struct error *to)
{
	error_copy(to, err);
	if (err->kind == ERROR_DENIED && err->code == UNIT_CODE_MASKED)
		return;
	if (err->kind == ERROR_DENIED)
		polkit_explain(call->action, call->unit_name, err, to);
	if (err->kind == ERROR_INVALID && err->code == UNIT_CODE_NOT_APPLICABLE)
		error_set(to, ERROR_INVALID, err->code,
			"unit '%s' does not support '%s' (%s); use 'action: reload-or-restart' or "
			"'restart'",
			call->unit_name, action_name(call->action), err->text);
}

static void on_job(void *userdata, const char *result, const struct error *err)
{
	_cleanup_(error_done) struct error failure = ERROR_NULL;
	struct systemd_call *call = userdata;

	call->unit = NULL;
	if (err) {
		job_explain(call, err, &failure);
		tell_finish(call, TOLD_FAILED, &failure);
		return;
	}
	(void)snprintf(call->job, sizeof(call->job), "%s", result);
	/* What failed need not settle, and a script that has ended has settled. */
	if (strcmp(result, "done") != 0 || call->action == ACTION_START)
		tell_settle(call, 0);
	else
		tell_settle(call, call->settle);
}

static void tell_job(struct systemd_call *call)
{
	struct unit_request request = unit_request_for(call, call->timeout);

	call->unit = unit_job(&request, verbs[call->action], on_job, call);
}

/* BEFORE */

/* A script that runs already is joined when it began after the version was in place. */
static bool may_join(const struct systemd_call *call)
{
	return !call->token && call->action == ACTION_START && call->not_before > 0 &&
	       call->before.starting_since > call->not_before;
}

/* It was just being started when we came. */
static bool is_told(const struct systemd_call *call)
{
	return call->waited && call->action != ACTION_START &&
	       is_told_by_its_start(&call->before, call->not_before);
}

static void resume_decide(struct systemd_call *call)
{
	const struct dependent_intent intent = { call->token, call->intended_at };

	if (was_told_already(&call->before, &intent, call->action))
		tell_settle(call, call->action == ACTION_START ? 0 : call->settle);
	else
		tell_finish(call, TOLD_NOTHING, NULL);
}

static void tell_decide(struct systemd_call *call)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	int r;

	if (is_told(call)) {
		tell_settle(call, call->settle);
		return;
	}
	r = is_tellable(call->unit_name, &call->before, call->action, &err);
	if (r < 0)
		tell_finish(call, TOLD_FAILED, &err);
	else if (r > 0)
		tell_finish(call, TOLD_STOPPED, NULL);
	else
		tell_job(call);
}

static int on_waited(sd_event_source *source, usec_t now, void *userdata)
{
	struct systemd_call *call = userdata;

	call->timer = sd_event_source_disable_unref(call->timer);
	tell_before(call);
	return 0;
}

/* It hangs in a reload, and would do so for ever. */
static void tell_stuck(struct systemd_call *call)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;

	if (call->token) {
		tell_finish(call, TOLD_NOTHING, NULL);
	} else if (call->action == ACTION_RESTART || call->action == ACTION_RELOAD_OR_RESTART) {
		call->stuck = true;
		call->action = ACTION_RESTART;
		tell_job(call);
	} else {
		refuse_stuck(call->unit_name, &err);
		tell_finish(call, TOLD_FAILED, &err);
	}
}

/* systemd is at work on it already: what comes of that decides. */
static void tell_wait(struct systemd_call *call)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(freep) char *limit = NULL;

	call->waited = true;
	if (clock_monotonic() < call->deadline) {
		call_wait(call, AGAIN_AFTER, on_waited);
		return;
	}
	limit = duration_format(call->timeout);
	error_set(&err, ERROR_RETRY, call->before.reloading ? DEPENDENT_CODE_HANGS : 0,
		"unit '%s' was busy (%s) for longer than %s, so certferryd did nothing to it: "
		"systemctl status '%s'",
		call->unit_name, call->before.sub_state, limit, call->unit_name);
	tell_finish(call, TOLD_FAILED, &err);
}

/* For how long this call has seen it reloading, at each look until now. */
static usec_t watched_reloading(struct systemd_call *call)
{
	const usec_t now = clock_monotonic();

	if (!call->before.reloading)
		call->reloading_from = 0;
	else if (!call->reloading_from)
		call->reloading_from = now;
	return call->reloading_from ? now - call->reloading_from : 0;
}

static void on_before(void *userdata, const struct unit *unit, const struct error *err)
{
	struct systemd_call *call = userdata;
	struct wait_facts facts = {
		.timeout = call->timeout,
		.now = clock_now(),
		.over = clock_monotonic() >= call->deadline,
		.again = call->again,
	};

	call->unit = NULL;
	if (err) {
		tell_finish(call, TOLD_FAILED, err);
		return;
	}
	view_from_unit(unit, call->action, &call->before);
	facts.watched = watched_reloading(call);
	if (is_stuck(&call->before, &facts))
		tell_stuck(call);
	else if (call->before.state == SYSTEMD_CHANGING && !may_join(call))
		tell_wait(call);
	else if (call->token)
		resume_decide(call);
	else
		tell_decide(call);
}

static void tell_before(struct systemd_call *call)
{
	call_read(call, on_before);
}

static struct systemd_call *tell_new(const struct dependent_host *host, const struct tell_request *request,
	dependent_tell_fn done, void *userdata)
{
	struct systemd_call *call = call_new(host, request->dependent, userdata);

	call->on_tell = done;
	call->not_before = request->not_before;
	call->again = request->again;
	call->deadline = usec_add(clock_monotonic(), call->timeout);
	return call;
}

static struct dependent_call *systemd_tell(const struct dependent_host *host, const struct tell_request *request,
	dependent_tell_fn done, void *userdata)
{
	struct systemd_call *call = tell_new(host, request, done, userdata);

	tell_before(call);
	return &call->call;
}

static struct dependent_call *systemd_resume(const struct dependent_host *host, const struct tell_request *request,
	dependent_tell_fn done, void *userdata)
{
	struct systemd_call *call = tell_new(host, request, done, userdata);

	call->token = mem_strdup(request->intent.token);
	call->intended_at = request->intent.at;
	tell_before(call);
	return &call->call;
}

static void systemd_cancel(struct dependent_call *call)
{
	call_free((struct systemd_call *)call);
}

static const char reload_is_deaf[] =
	"its reload does not read certificates; set 'action: restart'";

static const char *action_done(enum action action)
{
	static const char *const words[] = {
		[ACTION_RESTART] = "Restarted",
		[ACTION_RELOAD] = "Reloaded",
		[ACTION_RELOAD_OR_RESTART] = "Reloaded",
		[ACTION_START] = "Started",
	};

	return words[action];
}

/* What is reloaded may hold on to what it has read; what is started has to read. */
static bool systemd_strengthen(struct desired_dependent *dependent)
{
	if (dependent->unit.action != ACTION_RELOAD_OR_RESTART)
		return false;
	dependent->unit.action = ACTION_RESTART;
	return true;
}

static struct dependent_words systemd_describe(const struct desired_dependent *dependent)
{
	return (struct dependent_words){
		.kind = "systemd",
		.action = action_name(dependent->unit.action),
		.done = action_done(dependent->unit.action),
		.target = mem_strdup(dependent->unit.name),
		.pause = "to stay below its start limit",
		.stronger = dependent->unit.action == ACTION_RELOAD_OR_RESTART ? action_name(ACTION_RESTART) : NULL,
		.advice = dependent->unit.action == ACTION_RELOAD ? reload_is_deaf : NULL,
		.reloads = dependent->unit.action == ACTION_RELOAD,
		.unit = dependent->unit.name,
	};
}

const struct dependent_kind systemd_kind = {
	.describe = systemd_describe,
	.strengthen = systemd_strengthen,
	.look = systemd_look,
	.judge = systemd_judge,
	.tell = systemd_tell,
	.resume = systemd_resume,
	.cancel = systemd_cancel,
	.needs_bus = true,
};
