/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/dependent/judge.h"

#include <stdio.h>
#include <string.h>

/* The margin over interval / burst: systemd counts from the first start of a burst, and a start
 * that comes at the very end of the interval still counts. */
#define SPACING_MARGIN (200 * USEC_PER_MSEC)

struct told_before told_before_make(const struct dependent_view *view, usec_t now)
{
	struct told_before intent = { .at = now };

	memcpy(intent.invocation_id, view->invocation_id, sizeof(intent.invocation_id));
	return intent;
}

static bool is_other_invocation(const char *now, const char *before)
{
	return now[0] && strcmp(now, before) != 0;
}

bool was_told_already(
	const struct dependent_view *view, const struct told_before *intent, enum action action)
{
	bool is_started = is_other_invocation(view->invocation_id, intent->invocation_id);

	if (action == ACTION_START)
		return is_started && strcmp(view->result, "success") == 0 &&
		       (view->state == DEPENDENT_ACTIVE || view->state == DEPENDENT_INACTIVE);
	if (view->state != DEPENDENT_ACTIVE)
		return false;
	if (action == ACTION_RESTART)
		return is_started;
	return is_started || view->state_changed > intent->at;
}

bool is_told_by_its_start(const struct dependent_view *view, usec_t since)
{
	return since > 0 && view->state == DEPENDENT_ACTIVE && view->starting_since > since;
}

usec_t view_spacing(usec_t interval, unsigned burst)
{
	if (interval == 0 || burst == 0)
		return 0;
	return MIN(usec_add((interval - 1) / burst + 1, SPACING_MARGIN), USEC_PER_DAY);
}

static int refuse_absent(const char *unit, const struct dependent_view *view, struct error *err)
{
	if (strcmp(view->load_state, "not-found") == 0)
		return error_set(err, ERROR_ABSENT, 0,
			"there is no unit '%s' on this host; is it installed, and is its name "
			"written as `systemctl status` shows it?",
			unit);
	if (strcmp(view->load_state, "masked") == 0)
		return error_set(err, ERROR_DENIED, 0,
			"unit '%s' is masked, so systemd does not touch it: systemctl unmask '%s', "
			"or take it out of the configuration",
			unit, unit);
	return error_set(err, ERROR_INVALID, 0,
		"systemd cannot load unit '%s' (%s): systemctl status '%s' says why", unit,
		view->load_state, unit);
}

static int refuse_failed(const char *unit, const struct dependent_view *view, struct error *err)
{
	if (strcmp(view->result, "start-limit-hit") == 0)
		return error_set(err, ERROR_RETRY, 0,
			"unit '%s' is down: it was started too often for its StartLimitBurst=, and "
			"systemd refuses to start it; find out why in `journalctl -u '%s'`, then "
			"systemctl reset-failed '%s' && systemctl start '%s'",
			unit, unit, unit, unit);
	return error_set(err, ERROR_RETRY, 0,
		"unit '%s' is in failed state (%s); try-restart does nothing to it; fix it and "
		"start it: systemctl status '%s'",
		unit, view->result[0] ? view->result : "reason unknown", unit);
}

static int is_startable(const char *unit, const struct dependent_view *view, struct error *err)
{
	if (!view->oneshot)
		return error_set(err, ERROR_INVALID, 0,
			"'action: start' is for units of Type=oneshot, and '%s' is none; use "
			"restart, reload or reload-or-restart",
			unit);
	if (view->state == DEPENDENT_ACTIVE)
		return error_set(err, ERROR_INVALID, 0,
			"unit '%s' is active since its last run, so starting it does nothing; take "
			"RemainAfterExit= out of it, or use 'action: restart'",
			unit);
	return 0;
}

int is_tellable(
	const char *unit, const struct dependent_view *view, enum action action, struct error *err)
{
	if (view->state == DEPENDENT_ABSENT)
		return refuse_absent(unit, view, err);
	if (action == ACTION_START)
		return is_startable(unit, view, err);
	if (view->oneshot && !view->stays)
		return error_set(err, ERROR_INVALID, 0,
			"unit '%s' is of Type=oneshot: it runs and ends, and '%s' does nothing to "
			"it; "
			"use 'action: start'",
			unit, action_name(action));
	if (view->state == DEPENDENT_FAILED)
		return refuse_failed(unit, view, err);
	if (view->state == DEPENDENT_INACTIVE)
		return 1;
	if (action == ACTION_RELOAD && !view->can_reload)
		return error_set(err, ERROR_INVALID, 0,
			"unit '%s' has no ExecReload=, so it cannot be reloaded; use 'action: "
			"reload-or-restart' or 'restart'",
			unit);
	return 0;
}

/* Told as failed, with what systemd shows of it and where to look. */
static enum told fail(const struct tell_facts *facts, struct error *err, const char *what)
{
	const struct dependent_view *after = facts->after;

	error_set(err, ERROR_RETRY, 0, "unit '%s' %s (now %s, result %s): systemctl status '%s'",
		facts->unit, what, after->sub_state[0] ? after->sub_state : "unknown",
		after->result[0] ? after->result : "unknown", facts->unit);
	return TOLD_FAILED;
}

static bool is_reloaded(const struct tell_facts *facts)
{
	return facts->action == ACTION_RELOAD ||
	       (facts->action == ACTION_RELOAD_OR_RESTART && facts->before->can_reload);
}

/* The job was not done.  Somebody else's job that took its place may have come to the same. */
static enum told outcome_of_bad_job(const struct tell_facts *facts, struct error *err)
{
	const struct dependent_view *after = facts->after;
	_cleanup_(freep) char *what = NULL;

	if (strcmp(facts->job, "canceled") == 0) {
		if (after->state == DEPENDENT_INACTIVE && facts->action != ACTION_START)
			return TOLD_STOPPED;
		if (after->state == DEPENDENT_ACTIVE &&
			is_other_invocation(after->invocation_id, facts->before->invocation_id))
			return TOLD_DONE;
		return fail(facts, err, "was given another job by somebody else meanwhile");
	}
	if (after->state == DEPENDENT_FAILED && strcmp(after->result, "start-limit-hit") == 0) {
		refuse_failed(facts->unit, after, err);
		return TOLD_FAILED;
	}
	if (is_reloaded(facts) && after->state == DEPENDENT_ACTIVE)
		return fail(facts, err,
			"could not reload: its reload command failed, and it still runs with what "
			"it had");
	if (facts->action == ACTION_START)
		what = mem_printf("did not do its work (job %s)", facts->job);
	else
		what = mem_printf("did not come up again (job %s)", facts->job);
	return fail(facts, err, what);
}

/* It runs: is it a new run where it should be, and did it stay up? */
static enum told outcome_of_active(const struct tell_facts *facts, struct error *err)
{
	const struct dependent_view *before = facts->before, *after = facts->after;
	bool is_new = is_other_invocation(after->invocation_id, before->invocation_id);

	if (!facts->job)
		return TOLD_DONE;
	if (is_reloaded(facts)) {
		if (is_new && after->restarts > 0)
			return fail(
				facts, err, "died after its reload, and systemd has restarted it");
		return TOLD_DONE;
	}
	if (!is_new)
		return fail(facts, err, "was not started anew, though systemd calls the job done");
	if (after->restarts > 0)
		return fail(facts, err,
			"died after its start, and systemd has restarted it; it may do so again");
	return TOLD_DONE;
}

static enum told outcome_of_inactive(const struct tell_facts *facts, struct error *err)
{
	/* A script has run and ended; or its own Condition...= says that it need not. */
	if (facts->action == ACTION_START)
		return TOLD_DONE;
	if (!facts->job || facts->before->state == DEPENDENT_INACTIVE)
		return TOLD_STOPPED;
	if (facts->after->condition_failed)
		return fail(facts, err,
			"is down: a Condition...= of its own, which is not met, kept it from "
			"starting");
	/* systemd forgets a unit that is inactive, unless another one refers to it. */
	if (!facts->after->invocation_id[0])
		return fail(facts, err,
			"is down: it ended after its start, or a Condition...= of its own kept it "
			"from starting");
	return fail(facts, err, "is down: it ended after its start");
}

enum told outcome_of(const struct tell_facts *facts, struct error *err)
{
	const struct dependent_view *after = facts->after;

	if (facts->job && strcmp(facts->job, "done") != 0 && strcmp(facts->job, "skipped") != 0)
		return outcome_of_bad_job(facts, err);
	switch (after->state) {
	case DEPENDENT_ACTIVE:
		return outcome_of_active(facts, err);
	case DEPENDENT_INACTIVE:
		return outcome_of_inactive(facts, err);
	case DEPENDENT_ABSENT:
		refuse_absent(facts->unit, after, err);
		return TOLD_FAILED;
	case DEPENDENT_CHANGING:
		if (strcmp(after->sub_state, "auto-restart") == 0)
			return fail(
				facts, err, "died after its start, and systemd will restart it");
		return fail(facts, err, "has still not settled");
	case DEPENDENT_FAILED:
		break;
	}
	if (strcmp(after->result, "start-limit-hit") == 0) {
		refuse_failed(facts->unit, after, err);
		return TOLD_FAILED;
	}
	return fail(facts, err, "failed");
}
