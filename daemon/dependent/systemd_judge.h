/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DEPENDENT_SYSTEMD_JUDGE_H
#define DAEMON_DEPENDENT_SYSTEMD_JUDGE_H

/*
 * The decisions about systemd's units: pure functions of what was seen.
 */

#include "daemon/dependent/dependent.h"

enum systemd_state {
	SYSTEMD_ACTIVE,
	SYSTEMD_INACTIVE, /* stopped, or never started: is not started by us, counts as told */
	SYSTEMD_FAILED, /* it does not run though it should; a person must act */
	SYSTEMD_CHANGING, /* being started, stopped or reloaded at this moment */
	SYSTEMD_ABSENT, /* there is no such thing, or it is masked or broken: see load_state */
};

/* A unit as it was seen.  Plain bytes: may be copied by assignment.  Times are of the wall
 * clock, 0 for never. */
struct systemd_view {
	enum systemd_state state;
	char load_state[24]; /* systemd's word: "loaded", "not-found", "masked", ... */
	char sub_state[24]; /* systemd's word: "running", "exited", "auto-restart", ... */
	char result[24]; /* of its last run: "success", "exit-code", "start-limit-hit" */
	char invocation_id[33]; /* changes with each start, not with a reload; "" when forgotten */
	bool can_reload;
	bool reloading; /* of CHANGING */
	bool oneshot;
	bool stays; /* oneshot: it stays active after its run (RemainAfterExit=) */
	bool condition_failed; /* its last start was skipped by a Condition...= of its own */
	unsigned restarts; /* by Restart= since the last start that somebody asked for */
	usec_t starting_since; /* its last start began */
	usec_t active_since; /* its last start was complete */
	usec_t state_changed; /* its last start, stop or reload */
	usec_t start_timeout; /* its own, of reloads too; USEC_INFINITY: none; 0: not known */
	usec_t spacing; /* least time between tellings that its start limit allows; 0: none */
};

/* systemd_seen(view), systemd_view(seen): what a look of this kind hands to its judge, and back. */
const struct dependent_seen *systemd_seen(const struct systemd_view *view);
const struct systemd_view *systemd_view(const struct dependent_seen *seen);

/* systemd_judge(dependent, seen, facts): dependent_judge() of this kind.  A token is the invocation that there was. */
struct dependent_verdict systemd_judge(const struct desired_dependent *dependent, const struct dependent_seen *seen,
	const struct dependent_facts *facts);

/**
 * was_told_already(view, intent, action):
 * Was the job that ${intent} announced done before the crash?  A restart or start is known by
 * another invocation, a reload by a change of state since.  Only a dependent that is ACTIVE now
 * (with ACTION_START: or INACTIVE after success) was; in every other state it must be told, which
 * finds out what is wrong.  Where systemd has forgotten the invocation (a oneshot unit that ended
 * is unloaded) the answer is no: a script then runs once more rather than not at all.
 */
bool was_told_already(
	const struct systemd_view *view, const struct dependent_intent *intent, enum action action);

/**
 * is_told_by_its_start(view, since):
 * Did an ACTIVE dependent begin its start after the version was put in place at ${since}, so that
 * it has read that version already?  The beginning counts, not the end: a start that was under
 * way may have read the old one.
 */
bool is_told_by_its_start(const struct systemd_view *view, usec_t since);

/* How a try awaits the end of what a unit is at. */
struct wait_facts {
	usec_t timeout; /* so long */
	usec_t watched; /* it has seen it reloading so long, at each look */
	usec_t now; /* wall clock */
	bool over; /* which it has done */
	bool again; /* and so has the try before */
};

/**
 * is_stuck(view, facts):
 * Has it been reloading for longer than its own start timeout, or for two tries?  Then nobody may
 * await that any more.  What systemd says of how long is too little: where a unit that has announced
 * a reload says nothing more, it begins that state anew after each start timeout.
 */
bool is_stuck(const struct systemd_view *view, const struct wait_facts *facts);

/* view_spacing(interval, burst): the least time between starts, so that never more than ${burst} of
 * them fall into ${interval}; 0 for no limit, one day at most. */
usec_t view_spacing(usec_t interval, unsigned burst);

struct tell_facts {
	const char *unit;
	enum action action;
	const struct systemd_view *before;
	const struct systemd_view *after;
	const char *job; /* its result, or NULL: none was started by us */
};

/**
 * outcome_of(facts, err):
 * What came of a tell, once the dependent has settled; fills ${err} exactly for TOLD_FAILED.
 * A job's "done" is believed only when the unit agrees: a restart has a new invocation, and
 * the unit is ACTIVE (a started oneshot unit may be INACTIVE again).
 */
enum told outcome_of(const struct tell_facts *facts, struct error *err);

/* refuse_stuck(unit, err): words for one that is_stuck(), where a restart is not allowed.
 * Returns err's result. */
int refuse_stuck(const char *unit, struct error *err);

/**
 * is_tellable(unit, view, action, err):
 * May a job be asked for?  0; 1 when there is nothing to do because it is stopped (never with
 * ACTION_START); or negative with words for a unit that is absent, masked or failed, or that the
 * action does not fit.
 */
int is_tellable(
	const char *unit, const struct systemd_view *view, enum action action, struct error *err);

#endif
