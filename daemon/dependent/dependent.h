/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DEPENDENT_DEPENDENT_H
#define DAEMON_DEPENDENT_DEPENDENT_H

/*
 * Telling a dependent that a new version is in place, in two steps, so that the caller can
 * write down durably what it is about to do between them:
 *
 *	look	how is it now?  Is it to be told at all, and when at the earliest?
 *		(daemon/dependent/judge.h answers both from what look saw)
 *	-> the caller writes its intent: told_before_make(view, now)
 *	tell	have it restarted, reloaded or started; await the job; let it settle; look again
 *
 * A tell that was interrupted by a crash is tried again with the intent that was found: if its
 * job was done in the meantime, no second one is started.
 */

#include <stdbool.h>

#include "daemon/model/desired.h"
#include "lib/base/error.h"
#include "lib/base/time.h"

struct dependent_call;
struct sd_bus;
struct sd_event;

enum dependent_state {
	DEPENDENT_ACTIVE,
	DEPENDENT_INACTIVE, /* stopped, or never started: is not started by us, counts as told */
	DEPENDENT_FAILED, /* it does not run though it should; a person must act */
	DEPENDENT_CHANGING, /* being started, stopped or reloaded at this moment */
	DEPENDENT_ABSENT, /* there is no such thing, or it is masked or broken: see load_state */
};

/* A dependent as it was seen.  Plain bytes: may be copied by assignment.  Times are of the wall
 * clock, 0 for never. */
struct dependent_view {
	enum dependent_state state;
	char load_state[24]; /* systemd's word: "loaded", "not-found", "masked", ... */
	char sub_state[24]; /* systemd's word: "running", "exited", "auto-restart", ... */
	char result[24]; /* of its last run: "success", "exit-code", "start-limit-hit" */
	char invocation_id[33]; /* changes with each start, not with a reload; "" when forgotten */
	bool can_reload;
	bool oneshot;
	bool stays; /* oneshot: it stays active after its run (RemainAfterExit=) */
	bool condition_failed; /* its last start was skipped by a Condition...= of its own */
	unsigned restarts; /* by Restart= since the last start that somebody asked for */
	usec_t starting_since; /* its last start began */
	usec_t active_since; /* its last start was complete */
	usec_t state_changed; /* its last start, stop or reload */
	usec_t spacing; /* least time between tellings that its start limit allows; 0: none */
};

/* What is to be written down before a job is asked for, so that after a crash one can see
 * whether it was done.  Plain bytes. */
struct told_before {
	char invocation_id[33];
	usec_t at; /* wall clock */
};

/* How it ended. */
enum told {
	TOLD_DONE,
	TOLD_STOPPED, /* it does not run, so there was nothing to do; its proof is not to be asked */
	TOLD_FAILED,
};

/* What the calls need of the host.  The bus may be NULL (there is none), which is ERROR_RETRY; a
 * call holds a reference of its own, and one whose connection is lost ends with ERROR_RETRY. */
struct dependent_host {
	struct sd_event *event;
	struct sd_bus *bus;
};

/**
 * dependent_look_fn(userdata, view, err):
 * The completion of dependent_look(): exactly once, never from inside it.  Exactly one of
 * ${view} and ${err} is not NULL, both borrowed until it returns.  A unit that does not exist is
 * no error here: its state is DEPENDENT_ABSENT, and telling it fails with words.
 */
typedef void (*dependent_look_fn)(
	void *userdata, const struct dependent_view *view, const struct error *err);

/* dependent_look(host, dependent, done, userdata): ${dependent} is borrowed for this call only. */
struct dependent_call *dependent_look(const struct dependent_host *host,
	const struct desired_dependent *dependent, dependent_look_fn done, void *userdata);

struct tell_request {
	const struct desired_dependent *dependent; /* what it says is copied */
	usec_t not_before; /* when its version was put in place (wall clock) */
	const struct told_before *intent; /* of an unfinished earlier try, or NULL; copied */
};

/**
 * dependent_tell_fn(userdata, told, err):
 * The completion of dependent_tell(): exactly once, never from inside it.  ${err} is NULL unless
 * ${told} is TOLD_FAILED: ERROR_RETRY no bus, no answer, did not end in time (the job may still
 * run), failed for reasons of its own; ERROR_DENIED polkit or masked; ERROR_ABSENT no such unit;
 * ERROR_INVALID the action does not fit the unit.
 */
typedef void (*dependent_tell_fn)(void *userdata, enum told told, const struct error *err);

/* dependent_tell(host, request, done, userdata): takes at most the dependent's timeout, its settle
 * time and a few seconds. */
struct dependent_call *dependent_tell(const struct dependent_host *host,
	const struct tell_request *request, dependent_tell_fn done, void *userdata);

/* dependent_cancel(call): no callback after this returns; a job already started goes on.  NULL is
 * fine; returns NULL. */
struct dependent_call *dependent_cancel(struct dependent_call *call);

DEFINE_CLEANUP(struct dependent_call *, dependent_cancel);

#endif
