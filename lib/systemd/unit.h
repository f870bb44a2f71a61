/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_SYSTEMD_UNIT_H
#define LIB_SYSTEMD_UNIT_H

/*
 * Units of the system's service manager (org.freedesktop.systemd1): read one, or have a job
 * done on one and learn how it ended.  The bus is the caller's and borrowed until the call has
 * completed or was cancelled; a NULL bus, or one whose connection is lost, is ERROR_RETRY.
 */

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/time.h"

struct sd_bus;
struct sd_event;
struct unit_call;

enum unit_active {
	UNIT_INACTIVE,
	UNIT_ACTIVATING,
	UNIT_ACTIVE,
	UNIT_RELOADING,
	UNIT_DEACTIVATING,
	UNIT_FAILED,
	UNIT_UNKNOWN, /* a word of a later systemd */
};

/* A unit as it was seen.  Plain bytes: may be copied by assignment.  Times are of the wall
 * clock, 0 for never. */
struct unit {
	char id[256]; /* its primary name, whatever alias was asked for */
	char load_state[24]; /* "loaded", "not-found", "masked", "bad-setting", "error" */
	enum unit_active active;
	char sub_state[24];
	char result[24]; /* of a service's last run: "success", "exit-code", "start-limit-hit" */
	char type[24]; /* of a service: "simple", "oneshot", ...; or "" */
	char invocation_id[33]; /* 32 hex digits of its last start, or "" when not known */
	bool can_reload;
	bool remain_after_exit;
	bool condition_result; /* of the last start that was tried, at condition_checked */
	usec_t condition_checked;
	unsigned restarts; /* by Restart= since the last start that somebody asked for */
	usec_t starting_since; /* InactiveExitTimestamp: its last start began */
	usec_t active_since; /* ActiveEnterTimestamp: its last start was complete */
	usec_t state_changed; /* StateChangeTimestamp: a reload moves it too */
	usec_t start_timeout; /* of a service: TimeoutStartSec=, USEC_INFINITY for none; else 0 */
	usec_t start_limit_interval; /* at most start_limit_burst starts in it; 0: no limit */
	unsigned start_limit_burst;

	/* How it is set up.  Lists are joined by spaces; of one that is too long, the rest is left out. */
	char user[64]; /* of a service: User=, Group= as configured, or "" */
	char group[64];
	char groups[256]; /* SupplementaryGroups= */
	bool dynamic_user;
	uint64_t capabilities; /* CapabilityBoundingSet=, a bit for each; 0: not known */
	char program[256]; /* the first of ExecStart=, or "" */
	char reload_program[256]; /* the first of ExecReload=, or "" */
	char reloads[256]; /* PropagatesReloadTo=: units that are reloaded with it */
	char parts[256]; /* ConsistsOf=: units that are stopped and restarted with it */
};

enum unit_verb {
	UNIT_TRY_RESTART, /* does nothing to a unit that does not run */
	UNIT_RELOAD, /* is refused for a unit that does not run */
	UNIT_RELOAD_OR_TRY_RESTART, /* does nothing to a unit that does not run */
	UNIT_START,
};

struct unit_request {
	struct sd_event *event;
	struct sd_bus *bus;
	const char *unit; /* "nginx.service"; copied */
	usec_t timeout; /* of the whole call */
};

/**
 * unit_read_fn(userdata, unit, err):
 * The completion of unit_read(): exactly once, never from inside it.  Exactly one of ${unit} and
 * ${err} is not NULL, both borrowed until it returns.  A unit that does not exist is no error:
 * its load_state is "not-found".  A name that is none is ERROR_INVALID.
 */
typedef void (*unit_read_fn)(void *userdata, const struct unit *unit, const struct error *err);

/* unit_read(request, done, userdata): read a unit's state.  Needs no privilege. */
struct unit_call *unit_read(const struct unit_request *request, unit_read_fn done, void *userdata);

/**
 * unit_job_fn(userdata, result, err):
 * The completion of unit_job(): exactly once, never from inside it.  ${result} is what
 * JobRemoved says: "done", "failed", "canceled", "timeout", "dependency", "skipped", ..., borrowed
 * until it returns; "done" tells that the job was done, not that the unit works (read it again).
 * Or NULL, and ${err} says why there is no result: not allowed ERROR_DENIED, no such unit
 * ERROR_ABSENT, a verb that does not fit the unit ERROR_INVALID with code UNIT_CODE_NOT_APPLICABLE,
 * masked ERROR_DENIED with code UNIT_CODE_MASKED, no bus, no answer or the time limit ERROR_RETRY;
 * with code UNIT_CODE_MAY_RUN the job may have been started and may still run.
 */
typedef void (*unit_job_fn)(void *userdata, const char *result, const struct error *err);

enum {
	UNIT_CODE_NOT_APPLICABLE = 1,
	UNIT_CODE_MASKED = 2,
	UNIT_CODE_MAY_RUN = 3,
};

/* unit_job(request, verb, done, userdata): start a job and await its end.  Never asks a person for
 * a password. */
struct unit_call *unit_job(
	const struct unit_request *request, enum unit_verb verb, unit_job_fn done, void *userdata);

/**
 * unit_may_fn(userdata, err):
 * The completion of unit_may(): exactly once, never from inside it.  NULL: it may; ERROR_DENIED: it
 * may not; all else does not tell.
 */
typedef void (*unit_may_fn)(void *userdata, const struct error *err);

/* unit_may(request, verb, done, userdata): may a job be asked for?  None is started: it is asked for
 * in a mode that is for stop jobs alone ("triggering"), which systemd refuses to who is allowed to
 * ask. */
struct unit_call *unit_may(
	const struct unit_request *request, enum unit_verb verb, unit_may_fn done, void *userdata);

/* unit_call_cancel(call): no callback after this returns; a job already started goes on.  NULL is
 * fine; returns NULL. */
struct unit_call *unit_call_cancel(struct unit_call *call);

DEFINE_CLEANUP(struct unit_call *, unit_call_cancel);

/* unit_name_is_valid(name): may it be a unit's full name, "NAME.TYPE", instances included and
 * templates not?  As systemd judges, unit_name_is_valid(UNIT_NAME_PLAIN|UNIT_NAME_INSTANCE). */
bool unit_name_is_valid(const char *name);

#endif
