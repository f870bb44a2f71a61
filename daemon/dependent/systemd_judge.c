/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/dependent/systemd_judge.h"

#include <stdio.h>
#include <string.h>

/* The margin over interval / burst: systemd counts from the first start of a burst, and a start
 * that comes at the very end of the interval still counts. */
#define SPACING_MARGIN (200 * USEC_PER_MSEC)

const struct dependent_seen *systemd_seen(const struct systemd_view *view)
{
	return (const struct dependent_seen *)view;
}

const struct systemd_view *systemd_view(const struct dependent_seen *seen)
{
	return (const struct systemd_view *)seen;
}

static bool is_other_invocation(const char *now, const char *before)
{
	return now[0] && strcmp(now, before) != 0;
}

bool was_told_already(
	const struct systemd_view *view, const struct dependent_intent *intent, enum action action)
{
	bool is_started = is_other_invocation(view->invocation_id, intent->token);

	if (action == ACTION_START)
		return is_started && strcmp(view->result, "success") == 0 &&
		       (view->state == SYSTEMD_ACTIVE || view->state == SYSTEMD_INACTIVE);
	if (view->state != SYSTEMD_ACTIVE)
		return false;
	if (action == ACTION_RESTART)
		return is_started;
	return is_started || view->state_changed > intent->at;
}

bool is_told_by_its_start(const struct systemd_view *view, usec_t since)
{
	return since > 0 && view->state == SYSTEMD_ACTIVE && view->starting_since > since;
}

/* The record was lost: it is asked what it may have read. */
static enum dependent_judgement judge_question(const struct systemd_view *view, usec_t since)
{
	if (view->state == SYSTEMD_INACTIVE)
		return JUDGED_STOPPED;
	if (is_told_by_its_start(view, since))
		return JUDGED_TOLD;
	/* Neither started nor reloaded since, it cannot have read it. */
	return since && view->state == SYSTEMD_ACTIVE && view->state_changed < since ? JUDGED_TELL : JUDGED_UNKNOWN;
}

/* One that is changing may be doing our job: to await that is never wrong. */
static bool may_have_begun(
	const struct systemd_view *view, const struct dependent_intent *intent, enum action action)
{
	return intent->at && intent->token &&
	       (view->state == SYSTEMD_CHANGING || was_told_already(view, intent, action));
}

struct dependent_verdict systemd_judge(const struct desired_dependent *dependent, const struct dependent_seen *seen,
	const struct dependent_facts *facts)
{
	const struct systemd_view *view = systemd_view(seen);
	enum action action = dependent->unit.action;
	usec_t earliest = facts->told_at ? usec_add(facts->told_at, view->spacing) : 0;
	struct dependent_verdict verdict = { .is = JUDGED_TELL };

	if (facts->question)
		verdict.is = judge_question(view, facts->since);
	else if (may_have_begun(view, &facts->intent, action))
		verdict.is = JUDGED_RESUME;
	else if (action != ACTION_START && is_told_by_its_start(view, facts->since))
		verdict.is = JUDGED_TOLD;
	else if (earliest > facts->now)
		verdict = (struct dependent_verdict){ .is = JUDGED_LATER, .when = earliest };
	else
		memcpy(verdict.token, view->invocation_id, sizeof(view->invocation_id));
	return verdict;
}

bool is_stuck(const struct systemd_view *view, const struct wait_facts *facts)
{
	usec_t said = view->state_changed ? usec_sub(facts->now, view->state_changed) : 0;
	usec_t since = MAX(said, facts->watched);

	if (!view->reloading)
		return false;
	if (view->start_timeout && since > view->start_timeout)
		return true;
	return said > usec_add(facts->timeout, facts->timeout) ||
	       (facts->again && facts->over);
}

usec_t view_spacing(usec_t interval, unsigned burst)
{
	if (interval == 0 || burst == 0)
		return 0;
	return MIN(usec_add((interval - 1) / burst + 1, SPACING_MARGIN), USEC_PER_DAY);
}

static int refuse_absent(const char *unit, const struct systemd_view *view, struct error *err)
{
	if (strcmp(view->load_state, "not-found") == 0)
		return error_set(err, ERROR_ABSENT, 0,
			"unit '%s' does not exist on this host; install it, or correct its name "
			"(`systemctl status` shows how it is written)",
			unit);
	if (strcmp(view->load_state, "masked") == 0)
		return error_set(err, ERROR_DENIED, 0,
			"unit '%s' is masked, so systemd refuses to act on it; run systemctl unmask "
			"'%s', or remove it from the configuration",
			unit, unit);
	return error_set(err, ERROR_INVALID, 0,
		"systemd cannot load unit '%s' (%s): systemctl status '%s' says why", unit,
		view->load_state, unit);
}

static int refuse_failed(const char *unit, const struct systemd_view *view, struct error *err)
{
	if (strcmp(view->result, "start-limit-hit") == 0)
		return error_set(err, ERROR_RETRY, 0,
			"unit '%s' is down: it has reached its StartLimitBurst=, so systemd refuses "
			"to start it; find the reason with `journalctl -u '%s'`, then run systemctl "
			"reset-failed '%s' && systemctl start '%s'",
			unit, unit, unit, unit);
	return error_set(err, ERROR_RETRY, 0,
		"unit '%s' is in failed state (%s), and certferryd starts no unit that is down; fix "
		"it and start it: systemctl status '%s'",
		unit, view->result[0] ? view->result : "reason unknown", unit);
}

static int is_startable(const char *unit, const struct systemd_view *view, struct error *err)
{
	if (!view->oneshot)
		return error_set(err, ERROR_INVALID, 0,
			"'action: start' is only for units of Type=oneshot, and '%s' has another "
			"type; use restart, reload or reload-or-restart",
			unit);
	if (view->state == SYSTEMD_ACTIVE)
		return error_set(err, ERROR_INVALID, 0,
			"unit '%s' stays active after each run, so a start does nothing; remove "
			"RemainAfterExit= from it, or use 'action: restart'",
			unit);
	return 0;
}

int is_tellable(
	const char *unit, const struct systemd_view *view, enum action action, struct error *err)
{
	if (view->state == SYSTEMD_ABSENT)
		return refuse_absent(unit, view, err);
	if (action == ACTION_START)
		return is_startable(unit, view, err);
	if (view->oneshot && !view->stays)
		return error_set(err, ERROR_INVALID, 0,
			"unit '%s' is of Type=oneshot: it runs and ends, so '%s' does nothing; use "
			"'action: start'",
			unit, action_name(action));
	if (view->state == SYSTEMD_FAILED)
		return refuse_failed(unit, view, err);
	if (view->state == SYSTEMD_INACTIVE)
		return 1;
	if (action == ACTION_RELOAD && !view->can_reload)
		return error_set(err, ERROR_INVALID, 0,
			"unit '%s' has no ExecReload=, so systemd cannot reload it; use 'action: "
			"reload-or-restart' or 'restart'",
			unit);
	return 0;
}

int refuse_stuck(const char *unit, struct error *err)
{
	return error_set(err, ERROR_RETRY, DEPENDENT_CODE_HANGS,
		"unit '%s' does not end the reload that it is at, and systemd keeps every other reload "
		"waiting for that; run systemctl try-restart '%s'. With 'action: reload-or-restart' "
		"certferryd does",
		unit, unit);
}

/* Told as failed, with what systemd shows of it and where to look. */
static enum told fail(const struct tell_facts *facts, struct error *err, const char *what)
{
	const struct systemd_view *after = facts->after;

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
	const struct systemd_view *after = facts->after;
	_cleanup_(freep) char *what = NULL;

	if (strcmp(facts->job, "canceled") == 0) {
		if (after->state == SYSTEMD_INACTIVE && facts->action != ACTION_START)
			return TOLD_STOPPED;
		if (after->state == SYSTEMD_ACTIVE &&
			is_other_invocation(after->invocation_id, facts->before->invocation_id))
			return TOLD_DONE;
		return fail(facts, err, "got another job from somebody else at the same time");
	}
	if (after->state == SYSTEMD_FAILED && strcmp(after->result, "start-limit-hit") == 0) {
		refuse_failed(facts->unit, after, err);
		return TOLD_FAILED;
	}
	if (is_reloaded(facts) && after->state == SYSTEMD_ACTIVE)
		return fail(facts, err,
			"failed to reload: its reload command failed, and it continues with what it "
			"had loaded");
	if (facts->action == ACTION_START)
		what = mem_printf("failed to run (job %s)", facts->job);
	else
		what = mem_printf("did not come up again (job %s)", facts->job);
	return fail(facts, err, what);
}

/* It runs: is it a new run where it should be, and did it stay up? */
static enum told outcome_of_active(const struct tell_facts *facts, struct error *err)
{
	const struct systemd_view *before = facts->before, *after = facts->after;
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
		return fail(facts, err, "did not restart, although systemd reports the job as done");
	if (after->restarts > 0)
		return fail(facts, err,
			"died after its start, and systemd has restarted it; it can die again");
	return TOLD_DONE;
}

static enum told outcome_of_inactive(const struct tell_facts *facts, struct error *err)
{
	/* A script has run and ended; or its own Condition...= says that it need not. */
	if (facts->action == ACTION_START)
		return TOLD_DONE;
	if (!facts->job || facts->before->state == SYSTEMD_INACTIVE)
		return TOLD_STOPPED;
	if (facts->after->condition_failed)
		return fail(facts, err,
			"is down: a Condition...= of its own is not met, so systemd did not start "
			"it");
	/* systemd forgets a unit that is inactive, unless another one refers to it. */
	if (!facts->after->invocation_id[0])
		return fail(facts, err,
			"is down: it ended after its start, or a Condition...= of its own is not "
			"met, so systemd did not start it");
	return fail(facts, err, "is down: it ended after its start");
}

enum told outcome_of(const struct tell_facts *facts, struct error *err)
{
	const struct systemd_view *after = facts->after;

	if (facts->job && strcmp(facts->job, "done") != 0 && strcmp(facts->job, "skipped") != 0)
		return outcome_of_bad_job(facts, err);
	switch (after->state) {
	case SYSTEMD_ACTIVE:
		return outcome_of_active(facts, err);
	case SYSTEMD_INACTIVE:
		return outcome_of_inactive(facts, err);
	case SYSTEMD_ABSENT:
		refuse_absent(facts->unit, after, err);
		return TOLD_FAILED;
	case SYSTEMD_CHANGING:
		if (strcmp(after->sub_state, "auto-restart") == 0)
			return fail(
				facts, err, "died after its start, and systemd will restart it");
		return fail(facts, err, "has still not settled");
	case SYSTEMD_FAILED:
		break;
	}
	if (strcmp(after->result, "start-limit-hit") == 0) {
		refuse_failed(facts->unit, after, err);
		return TOLD_FAILED;
	}
	return fail(facts, err, "failed");
}
