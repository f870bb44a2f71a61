/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/systemd/unit_now.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "lib/systemd/unit_parse.h"

#define DEFAULT_ADDRESS "unix:path=/run/dbus/system_bus_socket"

/*
 * One question on a loop of its own, which ends by the answer or by the timer.  sd-bus alone waits 90 s for a bus that
 * accepts a connection and says nothing, whatever time a call may take.
 */
struct question {
	const char *name;
	sd_event *event;
	sd_bus *bus;
	bool ended;
	struct error failure; /* or the answer is good */
	struct unit unit;     /* of unit_now_read() */
	struct unit_settings settings; /* of unit_now_settings() */
};

static void question_done(struct question *question)
{
	/* Not flushed: that would wait for the bus once more. */
	sd_bus_close_unref(question->bus);
	sd_event_unref(question->event);
	error_done(&question->failure);
	unit_settings_done(&question->settings);
}

static int question_open(struct question *question, struct error *err)
{
	int r;

	r = sd_event_new(&question->event);
	if (r >= 0)
		r = sd_bus_new(&question->bus);
	if (r >= 0)
		r = sd_bus_set_address(question->bus, secure_getenv("DBUS_SYSTEM_BUS_ADDRESS") ?: DEFAULT_ADDRESS);
	if (r >= 0)
		r = sd_bus_set_bus_client(question->bus, 1);
	if (r >= 0)
		r = sd_bus_start(question->bus);
	if (r >= 0)
		r = sd_bus_attach_event(question->bus, question->event, SD_EVENT_PRIORITY_NORMAL);
	if (r >= 0)
		return 0;
	return error_set(err, ERROR_RETRY, -r, "cannot reach the system bus to ask systemd about '%s': %s",
		question->name, strerrordesc_np(-r) ?: "unknown error");
}

/* Until the answer is there; it has always come, or its timer. */
static int question_await(struct question *question, struct error *err)
{
	int result;

	while (!question->ended) {
		int r = sd_event_run(question->event, UINT64_MAX);

		if (r < 0)
			return error_set_errno(err, r, "wait for systemd's answer about '%s'", question->name);
	}
	result = error_result(&question->failure);
	if (result < 0)
		error_move(err, &question->failure);
	return result;
}

static int on_timeout(sd_event_source *source, usec_t now, void *userdata)
{
	struct question *question = userdata;

	question->ended = true;
	(void)error_set(&question->failure, ERROR_RETRY, ETIMEDOUT, "systemd did not answer about '%s' in time",
		question->name);
	return 0;
}

static int on_started(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error)
{
	struct question *question = userdata;

	question->ended = true;
	if (sd_bus_message_is_method_error(message, NULL))
		(void)unit_error(sd_bus_message_get_error(message), question->name, &question->failure);
	return 0;
}

int unit_now_start(const char *name, usec_t timeout, struct error *err)
{
	_cleanup_(question_done) struct question question = { .name = name };
	int r = question_open(&question, err);

	if (r < 0)
		return r;
	/* "fail": rather than the job of a shutdown that is under way. */
	r = sd_bus_call_method_async(question.bus, NULL, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
		"org.freedesktop.systemd1.Manager", "StartUnit", on_started, &question, "ss", name, "fail");
	if (r >= 0)
		r = sd_event_add_time_relative(question.event, NULL, CLOCK_MONOTONIC, timeout, 0, on_timeout, &question);
	if (r < 0)
		return error_set_errno(err, r, "ask systemd to start '%s'", name);
	return question_await(&question, err);
}

static void on_read(void *userdata, const struct unit *unit, const struct error *err)
{
	struct question *question = userdata;

	question->ended = true;
	if (unit)
		question->unit = *unit;
	else
		error_copy(&question->failure, err);
}

int unit_now_read(const char *name, usec_t timeout, struct unit *ret_unit, struct error *err)
{
	_cleanup_(question_done) struct question question = { .name = name };
	struct unit_request request = { .unit = name, .timeout = timeout };
	int r = question_open(&question, err);

	if (r < 0)
		return r;
	request.event = question.event;
	request.bus = question.bus;
	(void)unit_read(&request, on_read, &question);
	r = question_await(&question, err);
	if (r == 0)
		*ret_unit = question.unit;
	return r;
}

static int on_settings(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error)
{
	struct question *question = userdata;
	int r;

	question->ended = true;
	if (sd_bus_message_is_method_error(message, NULL)) {
		(void)unit_error(sd_bus_message_get_error(message), question->name, &question->failure);
		return 0;
	}
	r = unit_settings_parse(message, &question->settings);
	if (r < 0)
		(void)error_set_errno(&question->failure, r, "read systemd's answer about '%s'", question->name);
	return 0;
}

static int ask_settings(struct question *question, usec_t timeout)
{
	_cleanup_(freep) char *path = NULL;
	int r = sd_bus_path_encode("/org/freedesktop/systemd1/unit", question->name, &path);

	if (r >= 0)
		r = sd_bus_call_method_async(question->bus, NULL, "org.freedesktop.systemd1", path,
			"org.freedesktop.DBus.Properties", "GetAll", on_settings, question, "s",
			"org.freedesktop.systemd1.Service");
	if (r >= 0)
		r = sd_event_add_time_relative(
			question->event, NULL, CLOCK_MONOTONIC, timeout, 0, on_timeout, question);
	return r;
}

int unit_now_settings(
	const char *name, usec_t timeout, struct unit_settings *ret_settings, struct error *err)
{
	_cleanup_(question_done) struct question question = { .name = name };
	struct unit unit;
	int r = unit_now_read(name, timeout, &unit, err);

	if (r < 0)
		return r;
	if (strcmp(unit.load_state, "loaded") != 0)
		return error_set(err, ERROR_ABSENT, 0, "systemd has no unit '%s' that it could load (%s)", name,
			unit.load_state);
	r = question_open(&question, err);
	if (r < 0)
		return r;
	r = ask_settings(&question, timeout);
	if (r < 0)
		return error_set_errno(err, r, "ask systemd about '%s'", name);
	r = question_await(&question, err);
	if (r == 0) {
		*ret_settings = question.settings;
		question.settings = (struct unit_settings){ 0 };
	}
	return r;
}
