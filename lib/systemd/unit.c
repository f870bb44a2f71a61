/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/systemd/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "lib/base/strv.h"
/* Circle with lib/systemd/unit_parse.h: it reads the answers. */
#include "lib/systemd/unit_parse.h"

/*
 * A call is at one step at a time:
 *	READ	the properties are being asked for	on_read != NULL, reply != NULL
 *	ASK	a job is being asked for		on_job != NULL, reply != NULL, job == NULL
 *	AWAIT	the job runs				on_job != NULL, reply == NULL, job != NULL
 *	MAY	a job that is none is being asked for	on_may != NULL, reply != NULL
 *	FAILED	it could not be started, and the loop will say so	defer != NULL
 * The match for JobRemoved, the subscription and the request for the job travel in this order
 * over one connection, so that no JobRemoved can be lost; one that comes before the answer that
 * names our job is kept in removed.
 */
struct unit_call {
	char *name;
	struct sd_bus_slot *match;
	struct sd_bus_slot *lost;
	struct sd_bus_slot *subscription;
	struct sd_bus_slot *reply;
	struct sd_event_source *timer;
	struct sd_event_source *defer;
	char *job; /* its object path */
	char **removed; /* path, result, path, result, ... */
	usec_t timeout;
	struct error error; /* FAILED */
	unit_read_fn on_read;
	unit_job_fn on_job;
	unit_may_fn on_may;
	void *userdata;
};

#define SYSTEMD_NAME    "org.freedesktop.systemd1"
#define SYSTEMD_PATH    "/org/freedesktop/systemd1"
#define SYSTEMD_MANAGER "org.freedesktop.systemd1.Manager"
#define LOCAL_PATH      "/org/freedesktop/DBus/Local"
#define LOCAL_INTERFACE "org.freedesktop.DBus.Local"

static const char *const methods[] = {
	[UNIT_TRY_RESTART] = "TryRestartUnit",
	[UNIT_RELOAD] = "ReloadUnit",
	[UNIT_RELOAD_OR_TRY_RESTART] = "ReloadOrTryRestartUnit",
	[UNIT_START] = "StartUnit",
};

struct unit_call *unit_call_cancel(struct unit_call *call)
{
	if (!call)
		return NULL;
	sd_event_source_disable_unref(call->defer);
	sd_event_source_disable_unref(call->timer);
	sd_bus_slot_unref(call->reply);
	sd_bus_slot_unref(call->subscription);
	sd_bus_slot_unref(call->lost);
	sd_bus_slot_unref(call->match);
	strv_free(call->removed);
	error_done(&call->error);
	free(call->job);
	free(call->name);
	free(call);
	return NULL;
}

/* The only end: the call is released before the completion, which may start another. */
static void call_finish(struct unit_call *call, const struct unit *unit, const char *result,
	const struct error *err)
{
	unit_read_fn on_read = call->on_read;
	unit_job_fn on_job = call->on_job;
	unit_may_fn on_may = call->on_may;
	void *userdata = call->userdata;

	unit_call_cancel(call);
	if (on_read)
		on_read(userdata, unit, err);
	else if (on_may)
		on_may(userdata, err);
	else
		on_job(userdata, result, err);
}

/* ${err} may be the call's own. */
static void call_fail(struct unit_call *call, struct error *err)
{
	_cleanup_(error_done) struct error failure = ERROR_NULL;

	error_move(&failure, err);
	call_finish(call, NULL, NULL, &failure);
}

static int on_deferred(sd_event_source *source, void *userdata)
{
	struct unit_call *call = userdata;

	call_fail(call, &call->error);
	return 0;
}

static int on_timeout(sd_event_source *source, usec_t now, void *userdata)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(freep) char *limit = NULL;
	struct unit_call *call = userdata;

	limit = duration_format(call->timeout);
	if (!call->on_job)
		error_set(&err, ERROR_RETRY, ETIMEDOUT, "systemd did not answer within %s", limit);
	else
		error_set(&err, ERROR_RETRY, UNIT_CODE_MAY_RUN,
			"the job for '%s' did not end within %s and may still run: systemctl "
			"list-jobs; systemctl status '%s'",
			call->name, limit, call->name);
	call_fail(call, &err);
	return 0;
}

/* The connection ended; calls in flight get an error of their own, an awaited signal does not. */
static int on_lost(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct unit_call *call = userdata;

	error_set(&err, ERROR_RETRY, call->on_job ? UNIT_CODE_MAY_RUN : 0,
		"the connection to the system bus was lost%s",
		call->on_job ? " while a job ran" : "");
	call_fail(call, &err);
	return 0;
}

static int on_properties(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct unit unit = { .active = UNIT_UNKNOWN };
	struct unit_call *call = userdata;
	int r;

	if (sd_bus_message_is_method_error(message, NULL)) {
		unit_error(sd_bus_message_get_error(message), call->name, &err);
		call_fail(call, &err);
		return 0;
	}
	r = unit_parse(message, &unit);
	if (r < 0) {
		error_set_errno(&err, r, "systemd's answer about '%s' makes no sense", call->name);
		call_fail(call, &err);
		return 0;
	}
	call_finish(call, &unit, NULL, NULL);
	return 0;
}

static int on_subscribed(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error)
{
	struct unit_call *call = userdata;

	/* An error means "already subscribed" or that the job's own answer is an error too. */
	call->subscription = sd_bus_slot_unref(call->subscription);
	return 0;
}

static int on_match_installed(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct unit_call *call = userdata;

	if (!sd_bus_message_is_method_error(message, NULL))
		return 0;
	/* The job was asked for already. */
	error_set(&err, ERROR_RETRY, UNIT_CODE_MAY_RUN,
		"cannot learn how the job for '%s' ends, and it may still run: %s", call->name,
		sd_bus_message_get_error(message)->message);
	call_fail(call, &err);
	return 0;
}

static int on_job_removed(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error)
{
	struct unit_call *call = userdata;
	const char *path, *result;

	if (sd_bus_message_read(message, "uoss", NULL, &path, NULL, &result) < 0)
		return 0;
	if (!call->job) {
		strv_append(&call->removed, path);
		strv_append(&call->removed, result);
		return 0;
	}
	if (strcmp(path, call->job) == 0)
		call_finish(call, NULL, result, NULL);
	return 0;
}

static int on_job_made(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct unit_call *call = userdata;
	const char *path;
	int r;

	call->reply = sd_bus_slot_unref(call->reply);
	if (sd_bus_message_is_method_error(message, NULL)) {
		unit_error(sd_bus_message_get_error(message), call->name, &err);
		call_fail(call, &err);
		return 0;
	}
	r = sd_bus_message_read(message, "o", &path);
	if (r < 0) {
		error_set_errno(&err, r, "systemd's answer about '%s' makes no sense", call->name);
		call_fail(call, &err);
		return 0;
	}
	call->job = mem_strdup(path);
	for (char **item = call->removed; item && *item; item += 2) {
		_cleanup_(freep) char *result = NULL;

		if (strcmp(item[0], call->job) != 0)
			continue;
		result = mem_strdup(item[1]);
		call_finish(call, NULL, result, NULL);
		return 0;
	}
	return 0;
}

/* Make a call that ends by its time limit, or at once (but from the loop) with call->error. */
static struct unit_call *call_new(const struct unit_request *request, void *userdata)
{
	struct unit_call *call = mem_new(struct unit_call);
	int r;

	call->name = mem_strdup(request->unit);
	call->timeout = request->timeout;
	call->userdata = userdata;
	r = sd_event_add_time_relative(request->event, &call->timer, CLOCK_MONOTONIC,
		request->timeout, 0, on_timeout, call);
	if (r < 0)
		error_set_errno(&call->error, r, "cannot arm a timer");
	else
		(void)sd_event_source_set_description(call->timer, "unit-timeout");

	if (!unit_name_is_valid(request->unit))
		error_set(&call->error, ERROR_INVALID, 0,
			"'%s' is not the name of a unit; write it in full, such as nginx.service",
			request->unit);
	else if (!request->bus)
		error_set(&call->error, ERROR_RETRY, ENOTCONN,
			"there is no connection to the system bus; is dbus.service running?");
	return call;
}

/* Whatever went wrong so far reaches the completion from the loop. */
static void call_defer_failure(struct unit_call *call, sd_event *event)
{
	if (error_result(&call->error) == 0)
		return;
	if (sd_event_add_defer(event, &call->defer, on_deferred, call) < 0)
		mem_exhausted();
	(void)sd_event_source_set_description(call->defer, "unit-failed");
}

static void call_set_bus_error(struct unit_call *call, int r)
{
	if (r < 0)
		error_set(&call->error, ERROR_RETRY, -r, "cannot ask systemd about '%s': %s",
			call->name, strerrordesc_np(-r) ?: "unknown error");
}

static int call_watch_connection(struct unit_call *call, sd_bus *bus)
{
	return sd_bus_match_signal_async(bus, &call->lost, LOCAL_INTERFACE, LOCAL_PATH,
		LOCAL_INTERFACE, "Disconnected", on_lost, NULL, call);
}

static int call_send_read(struct unit_call *call, sd_bus *bus)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
	_cleanup_(freep) char *path = NULL;
	int r;

	r = call_watch_connection(call, bus);
	if (r >= 0)
		r = sd_bus_path_encode(SYSTEMD_PATH "/unit", call->name, &path);
	if (r >= 0)
		r = sd_bus_message_new_method_call(bus, &message, SYSTEMD_NAME, path,
			"org.freedesktop.DBus.Properties", "GetAll");
	/* No interface: the properties of all, the unit's and the service's. */
	if (r >= 0)
		r = sd_bus_message_append(message, "s", "");
	if (r >= 0)
		r = sd_bus_call_async(
			bus, &call->reply, message, on_properties, call, USEC_INFINITY);
	return r;
}

static int call_send_job(struct unit_call *call, sd_bus *bus, enum unit_verb verb)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
	int r;

	r = call_watch_connection(call, bus);
	if (r >= 0)
		r = sd_bus_match_signal_async(bus, &call->match, SYSTEMD_NAME, SYSTEMD_PATH,
			SYSTEMD_MANAGER, "JobRemoved", on_job_removed, on_match_installed, call);
	if (r >= 0)
		r = sd_bus_call_method_async(bus, &call->subscription, SYSTEMD_NAME, SYSTEMD_PATH,
			SYSTEMD_MANAGER, "Subscribe", on_subscribed, call, NULL);
	if (r >= 0)
		r = sd_bus_message_new_method_call(
			bus, &message, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, methods[verb]);
	if (r >= 0)
		r = sd_bus_message_append(message, "ss", call->name, "replace");
	/* Our own timer limits the whole call. */
	if (r >= 0)
		r = sd_bus_call_async(bus, &call->reply, message, on_job_made, call, USEC_INFINITY);
	return r;
}

struct unit_call *unit_read(const struct unit_request *request, unit_read_fn done, void *userdata)
{
	struct unit_call *call = call_new(request, userdata);

	call->on_read = done;
	if (error_result(&call->error) == 0)
		call_set_bus_error(call, call_send_read(call, request->bus));
	call_defer_failure(call, request->event);
	return call;
}

struct unit_call *unit_job(
	const struct unit_request *request, enum unit_verb verb, unit_job_fn done, void *userdata)
{
	struct unit_call *call = call_new(request, userdata);

	call->on_job = done;
	if (error_result(&call->error) == 0)
		call_set_bus_error(call, call_send_job(call, request->bus, verb));
	call_defer_failure(call, request->event);
	return call;
}

static int on_may(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct unit_call *call = userdata;

	/* Past the question whether we may, it has to be told that it makes no sense. */
	if (sd_bus_message_is_method_error(message, NULL) &&
		!sd_bus_message_is_method_error(message, SD_BUS_ERROR_INVALID_ARGS))
		unit_error(sd_bus_message_get_error(message), call->name, &err);
	call_finish(call, NULL, NULL, error_result(&err) < 0 ? &err : NULL);
	return 0;
}

static int call_send_may(struct unit_call *call, sd_bus *bus, enum unit_verb verb)
{
	int r = call_watch_connection(call, bus);

	if (r >= 0)
		r = sd_bus_call_method_async(bus, &call->reply, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
			methods[verb], on_may, call, "ss", call->name, "triggering");
	return r;
}

struct unit_call *unit_may(
	const struct unit_request *request, enum unit_verb verb, unit_may_fn done, void *userdata)
{
	struct unit_call *call = call_new(request, userdata);

	call->on_may = done;
	if (error_result(&call->error) == 0)
		call_set_bus_error(call, call_send_may(call, request->bus, verb));
	call_defer_failure(call, request->event);
	return call;
}
