/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DEPENDENT_JUDGE_H
#define DAEMON_DEPENDENT_JUDGE_H

/*
 * The decisions about dependents: pure functions of what was seen.
 */

#include "daemon/dependent/dependent.h"

/* told_before_make(view, now): the intent to write down before dependent_tell(). */
struct told_before told_before_make(const struct dependent_view *view, usec_t now);

/**
 * was_told_already(view, intent, action):
 * Was the job that ${intent} announced done before the crash?  A restart or start is known by
 * another invocation, a reload by a change of state since.  Only a dependent that is ACTIVE now
 * (with ACTION_START: or INACTIVE after success) was; in every other state it must be told, which
 * finds out what is wrong.  Where systemd has forgotten the invocation (a oneshot unit that ended
 * is unloaded) the answer is no: a script then runs once more rather than not at all.
 */
bool was_told_already(
	const struct dependent_view *view, const struct told_before *intent, enum action action);

/**
 * is_told_by_its_start(view, since):
 * Did an ACTIVE dependent begin its start after the version was put in place at ${since}, so that
 * it has read that version already?  The beginning counts, not the end: a start that was under
 * way may have read the old one.
 */
bool is_told_by_its_start(const struct dependent_view *view, usec_t since);

/* view_spacing(interval, burst): the least time between starts, so that never more than ${burst} of
 * them fall into ${interval}; 0 for no limit, one day at most. */
usec_t view_spacing(usec_t interval, unsigned burst);

struct tell_facts {
	const char *unit;
	enum action action;
	const struct dependent_view *before;
	const struct dependent_view *after;
	const char *job; /* its result, or NULL: none was started by us */
};

/**
 * outcome_of(facts, err):
 * What came of a tell, once the dependent has settled; fills ${err} exactly for TOLD_FAILED.
 * A job's "done" is believed only when the unit agrees: a restart has a new invocation, and
 * the unit is ACTIVE (a started oneshot unit may be INACTIVE again).
 */
enum told outcome_of(const struct tell_facts *facts, struct error *err);

/**
 * is_tellable(unit, view, action, err):
 * May a job be asked for?  0; 1 when there is nothing to do because it is stopped (never with
 * ACTION_START); or negative with words for a unit that is absent, masked or failed, or that the
 * action does not fit.
 */
int is_tellable(
	const char *unit, const struct dependent_view *view, enum action action, struct error *err);

#endif
