/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/bus/properties.h"

#include <stdlib.h>
#include <string.h>

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "lib/base/bounded.h"
#include "lib/base/printable.h"
#include "lib/base/time.h"
#include "lib/log/log.h"
#include "lib/os/clock.h"

/*
 * Nothing is owed to whoever listens			present equals told
 * or the timer is set, for as soon as may be		it does not
 */
struct properties {
	sd_event_source *timer;
	usec_t again; /* not before; monotonic */
	sd_bus *connection;
	sd_bus_slot *object;
	const char *path, *interface;
	/* Their texts are owned and never NULL. */
	struct bus_properties present; /* what a Get is answered with */
	struct bus_properties told;
};

#define PROPERTY(name, signature, member)                                                          \
	SD_BUS_PROPERTY(name, signature, NULL,                                                     \
		offsetof(struct properties, present) + offsetof(struct bus_properties, member),    \
		SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE)

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	PROPERTY("Certificates", "u", certificates),
	PROPERTY("Deliveries", "u", deliveries),
	PROPERTY("InPlace", "u", in_place),
	PROPERTY("Held", "u", held),
	PROPERTY("Failing", "u", failing),
	PROPERTY("DependentsFailing", "u", dependents_failing),
	PROPERTY("LastPoll", "t", last_poll),
	PROPERTY("NextPoll", "t", next_poll),
	PROPERTY("LastFullScan", "t", last_full_scan),
	PROPERTY("NextFullScan", "t", next_full_scan),
	PROPERTY("SourceProblem", "s", source_problem),
	PROPERTY("StateDatabaseProblem", "s", state_database_problem),
	PROPERTY("ConfigurationProblem", "s", configuration_problem),
	PROPERTY("EventQueue", "s", event_queue),
	SD_BUS_VTABLE_END,
};

#define FIRST 1u /* row of the table that is a property; behind the last is its end */
#define ROWS  (ARRAY_SIZE(vtable) - 1)

/* The values of a row; ${values} is in a struct properties as present or told. */
static const void *value_of(const struct bus_properties *values, const sd_bus_vtable *row)
{
	return (const char *)values + row->x.property.offset - offsetof(struct properties, present);
}

static bool is_equal(const sd_bus_vtable *row, const struct bus_properties *a, const struct bus_properties *b)
{
	const void *left = value_of(a, row), *right = value_of(b, row);

	switch (*row->x.property.signature) {
	case 'u':
		return memcmp(left, right, sizeof(uint32_t)) == 0;
	case 't':
		return memcmp(left, right, sizeof(uint64_t)) == 0;
	default:
		return strcmp(*(char *const *)left, *(char *const *)right) == 0;
	}
}

/* The names of those in which ${a} and ${b} differ, into room for all and a NULL; how many. */
static size_t find_changed(const struct bus_properties *a, const struct bus_properties *b, char *names[static ROWS])
{
	size_t count = 0;

	for (size_t i = FIRST; i < ROWS; i++)
		if (!is_equal(&vtable[i], a, b))
			names[count++] = (char *)vtable[i].x.property.member;
	names[count] = NULL;
	return count;
}

static char *text_of(const char *text)
{
	return bounded(printable(mem_strdup(text ?: "")), BOUNDED_TEXT);
}

static void values_done(struct bus_properties *values)
{
	free((char *)values->source_problem);
	free((char *)values->state_database_problem);
	free((char *)values->configuration_problem);
	free((char *)values->event_queue);
}

/* ${values} may be the former ones themselves. */
static void values_copy(struct bus_properties *to, const struct bus_properties *values)
{
	struct bus_properties copy = *values;

	copy.source_problem = text_of(values->source_problem);
	copy.state_database_problem = text_of(values->state_database_problem);
	copy.configuration_problem = text_of(values->configuration_problem);
	copy.event_queue = text_of(values->event_queue);
	values_done(to);
	*to = copy;
}

static void tell(struct properties *properties)
{
	char *names[ROWS];
	int r;

	if (!find_changed(&properties->present, &properties->told, names))
		return;
	r = sd_bus_emit_properties_changed_strv(
		properties->connection, properties->path, properties->interface, names);
	if (r < 0)
		log_debug("bus: PropertiesChanged cannot be sent: %s", strerrordesc_np(-r));
	properties->again = usec_add(clock_monotonic(), PROPERTIES_PAUSE);
	values_copy(&properties->told, &properties->present);
}

static int on_timer(sd_event_source *source, uint64_t now, void *userdata)
{
	struct properties *properties = userdata;

	if (properties->connection)
		tell(properties);
	return 0;
}

static void arm(struct properties *properties)
{
	char *names[ROWS];
	bool wanted = properties->connection && find_changed(&properties->present, &properties->told, names);
	int r = sd_event_source_set_time(properties->timer, MAX(properties->again, clock_monotonic()));

	if (r >= 0)
		r = sd_event_source_set_enabled(properties->timer, wanted ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
	if (r < 0)
		mem_exhausted();
}

struct properties *properties_new(struct sd_event *event)
{
	static const struct bus_properties none = { 0 };
	struct properties *properties = mem_new(struct properties);

	values_copy(&properties->present, &none);
	values_copy(&properties->told, &none);
	if (sd_event_add_time(event, &properties->timer, CLOCK_MONOTONIC, 0, USEC_PER_MSEC, on_timer, properties) < 0 ||
		sd_event_source_set_enabled(properties->timer, SD_EVENT_OFF) < 0)
		mem_exhausted();
	(void)sd_event_source_set_description(properties->timer, "bus-properties");
	return properties;
}

void properties_serve(
	struct properties *properties, struct sd_bus *connection, const char *path, const char *interface)
{
	properties->object = sd_bus_slot_unref(properties->object);
	properties->connection = connection;
	properties->path = path;
	properties->interface = interface;
	if (!connection)
		return;
	if (sd_bus_add_object_vtable(connection, &properties->object, path, interface, vtable, properties) < 0)
		mem_exhausted(); /* the table is constant: nothing else can be wrong */
	/* Whoever comes to listen asks first. */
	values_copy(&properties->told, &properties->present);
	arm(properties);
}

void properties_set(struct properties *properties, const struct bus_properties *values)
{
	struct bus_properties given = *values;
	char *names[ROWS];

	given.source_problem = values->source_problem ?: "";
	given.state_database_problem = values->state_database_problem ?: "";
	given.configuration_problem = values->configuration_problem ?: "";
	given.event_queue = values->event_queue ?: "";
	/* Nearly always: they are set at every turn of the loop. */
	if (!find_changed(&given, &properties->present, names))
		return;
	values_copy(&properties->present, &given);
	arm(properties);
}

struct properties *properties_free(struct properties *properties)
{
	if (!properties)
		return NULL;
	sd_bus_slot_unref(properties->object);
	sd_event_source_disable_unref(properties->timer);
	values_done(&properties->present);
	values_done(&properties->told);
	free(properties);
	return NULL;
}
