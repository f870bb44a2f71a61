/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/bus/bus.h"

#include <errno.h>
#include <stdlib.h>

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "daemon/bus/manager.h"
#include "daemon/bus/properties.h"
#include "lib/base/time.h"

/*
 * The connection is at one step at a time:
 *	NONE	there is no bus; the timer is set		connection == NULL
 *	ASKING	connecting, or the name was asked for		connection != NULL, !has_name
 *	REFUSED	the name is another's or not allowed; the timer is set	the same
 *	NAMED	methods are served				connection != NULL, has_name
 * Without handlers no name is asked for, and ASKING is the last.
 *
 * Beside it, once: `unanswered` fires when ASKING is left for the first time, or after ANSWER_WITHIN.
 */

#define BUS_NAME        "org.certferry1"
#define DEFAULT_ADDRESS "unix:path=/run/dbus/system_bus_socket"
#define RETRY_AFTER     USEC_PER_MINUTE
#define ANSWER_WITHIN   (5 * USEC_PER_SEC) /* a bus that works answers within milliseconds */

struct bus {
	sd_event *event;
	const struct bus_handlers *handlers;
	void *userdata;
	sd_bus *connection;
	struct manager *manager;
	struct properties *properties; /* NULL without handlers */
	sd_event_source *timer;
	sd_event_source *unanswered;
	bool has_name;
	void (*hear)(void *userdata, enum bus_event event, const char *why);
};

static void bus_connect(struct bus *bus);
static void bus_ask_name(struct bus *bus);

static void bus_drop(struct bus *bus)
{
	bus->manager = manager_free(bus->manager);
	bus->has_name = false;
	if (!bus->connection)
		return;
	(void)sd_bus_detach_event(bus->connection);
	bus->connection = sd_bus_close_unref(bus->connection);
}

static int on_timer(sd_event_source *source, uint64_t now, void *userdata)
{
	struct bus *bus = userdata;

	if (!bus_connection(bus))
		bus_connect(bus);
	else
		bus_ask_name(bus);
	return 0;
}

static void bus_retry_after(struct bus *bus, usec_t delay)
{
	int r;

	r = sd_event_source_set_time_relative(bus->timer, delay);
	if (r >= 0)
		r = sd_event_source_set_enabled(bus->timer, SD_EVENT_ONESHOT);
	if (r < 0)
		mem_exhausted();
}

/* Its first word is there: let that be told, from the loop. */
static void bus_answered(struct bus *bus)
{
	if (bus->unanswered && sd_event_source_set_time_relative(bus->unanswered, 0) < 0)
		mem_exhausted();
}

static int on_answered(sd_event_source *source, uint64_t now, void *userdata)
{
	struct bus *bus = userdata;

	bus->unanswered = sd_event_source_disable_unref(bus->unanswered);
	bus->handlers->answered(bus->userdata);
	return 0;
}

static void bus_lost(struct bus *bus, const char *why)
{
	bus_answered(bus);
	bus->hear(bus->userdata, BUS_LOST, why);
	bus_retry_after(bus, RETRY_AFTER);
}

/* Called by the connection itself, which must outlive this: only the timer drops it. */
static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
	struct bus *bus = userdata;

	bus->has_name = false;
	bus_lost(bus, "the connection was lost");
	return 0;
}

/* The bus has said hello. */
static int on_connected(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
	struct bus *bus = userdata;

	bus->hear(bus->userdata, BUS_CONNECTED, NULL);
	return 0;
}

static int bus_match_local(struct bus *bus, const char *member, sd_bus_message_handler_t handler)
{
	return sd_bus_match_signal(bus->connection, NULL, NULL, "/org/freedesktop/DBus/Local",
		"org.freedesktop.DBus.Local", member, handler, bus);
}

/* What sd_bus_open_system() does, which would start before it could be asked for its signals. */
static int bus_open(struct bus *bus)
{
	int r;

	r = sd_bus_new(&bus->connection);
	if (r >= 0)
		r = sd_bus_set_address(bus->connection,
			secure_getenv("DBUS_SYSTEM_BUS_ADDRESS") ?: DEFAULT_ADDRESS);
	if (r >= 0)
		r = sd_bus_set_bus_client(bus->connection, 1);
	if (r >= 0)
		r = sd_bus_set_connected_signal(bus->connection, 1);
	if (r >= 0)
		r = bus_match_local(bus, "Connected", on_connected);
	if (r >= 0)
		r = bus_match_local(bus, "Disconnected", on_disconnected);
	if (r >= 0)
		r = sd_bus_start(bus->connection);
	if (r >= 0)
		r = sd_bus_attach_event(bus->connection, bus->event, SD_EVENT_PRIORITY_NORMAL);
	return r;
}

static void bus_connect(struct bus *bus)
{
	int r;

	bus_drop(bus);
	r = bus_open(bus);
	if (r < 0) {
		bus_drop(bus);
		bus_lost(bus, strerrordesc_np(-r));
		return;
	}
	if (!bus->handlers)
		return;
	bus->manager = manager_new(bus->connection, bus->properties, bus->handlers, bus->userdata);
	bus_ask_name(bus);
}

static void bus_refused(struct bus *bus, const char *why)
{
	bus_answered(bus);
	bus->hear(bus->userdata, BUS_NAME_REFUSED, why);
	bus_retry_after(bus, RETRY_AFTER);
}

static void bus_named(struct bus *bus)
{
	bus_answered(bus);
	bus->has_name = true;
	bus->hear(bus->userdata, BUS_NAMED, NULL);
}

/* 1: ours; 2: queued, not asked for; 3: somebody else's; 4: ours already.  D-Bus, RequestName. */
static int on_name(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
	const sd_bus_error *error = sd_bus_message_get_error(reply);
	struct bus *bus = userdata;
	uint32_t result = 0;

	if (sd_bus_is_open(bus->connection) <= 0)
		return 0; /* on_disconnected follows */
	if (error)
		bus_refused(bus, error->message ?: error->name);
	else if (sd_bus_message_read(reply, "u", &result) < 0 || (result != 1 && result != 4))
		bus_refused(bus, "another process has it");
	else
		bus_named(bus);
	return 0;
}

static void bus_ask_name(struct bus *bus)
{
	int r;

	r = sd_bus_request_name_async(bus->connection, NULL, BUS_NAME, 0, on_name, bus);
	if (r < 0)
		bus_refused(bus, strerrordesc_np(-r));
}

struct bus *bus_new(struct sd_event *event, const struct bus_handlers *handlers,
	void (*hear)(void *userdata, enum bus_event event, const char *why), void *userdata)
{
	struct bus *bus = mem_new(struct bus);

	*bus = (struct bus){
		.event = sd_event_ref(event),
		.handlers = handlers,
		.hear = hear,
		.userdata = userdata,
	};
	if (sd_event_add_time_relative(
		    event, &bus->timer, CLOCK_MONOTONIC, 0, 0, on_timer, bus) < 0 ||
		sd_event_source_set_enabled(bus->timer, SD_EVENT_OFF) < 0)
		mem_exhausted();
	(void)sd_event_source_set_description(bus->timer, "bus-retry");
	if (handlers)
		bus->properties = properties_new(event);
	if (handlers && handlers->answered &&
		sd_event_add_time_relative(
			event, &bus->unanswered, CLOCK_MONOTONIC, ANSWER_WITHIN, 0, on_answered, bus) < 0)
		mem_exhausted();
	bus_connect(bus);
	return bus;
}

struct sd_bus *bus_connection(struct bus *bus)
{
	if (!bus->connection || sd_bus_is_open(bus->connection) <= 0)
		return NULL;
	return bus->connection;
}

void bus_retry(struct bus *bus)
{
	if (!bus_connection(bus) || (bus->handlers && !bus->has_name))
		bus_retry_after(bus, 0);
}

void bus_job_done(struct bus *bus, uint32_t job, int exit_status, const char *json)
{
	if (bus->manager && bus_connection(bus))
		manager_job_done(bus->manager, job, exit_status, json);
}

void bus_show(struct bus *bus, const struct bus_properties *values)
{
	if (bus->properties)
		properties_set(bus->properties, values);
}

struct bus *bus_free(struct bus *bus)
{
	if (!bus)
		return NULL;
	bus_drop(bus);
	properties_free(bus->properties);
	sd_event_source_disable_unref(bus->unanswered);
	sd_event_source_disable_unref(bus->timer);
	sd_event_unref(bus->event);
	free(bus);
	return NULL;
}
