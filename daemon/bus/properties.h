/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_BUS_PROPERTIES_H
#define DAEMON_BUS_PROPERTIES_H

/*
 * The properties of /org/certferry1, for monitors that read no JSON; what each of them means, daemon/bus/bus.h says.
 * They outlive connections to the bus: each new one serves what was set last.
 */

#include <stdint.h>

#include "lib/base/mem.h"

struct properties;
struct sd_bus;
struct sd_event;

/* How often their changes are told at most; all that have come in between are told together. */
#define PROPERTIES_PAUSE ((uint64_t)1000000) /* microseconds */

struct bus_properties {
	uint32_t certificates;
	uint32_t deliveries, in_place, held, failing;
	uint32_t dependents_failing;
	uint64_t last_poll, next_poll; /* microseconds since 1970; 0: never */
	uint64_t last_full_scan, next_full_scan;
	const char *source_problem, *state_database_problem, *configuration_problem; /* NULL or "": none */
	const char *event_queue; /* a word of struct status_view */
};

/* properties_new(event): all are 0 or "". */
struct properties *properties_new(struct sd_event *event);

/**
 * properties_serve(properties, connection, path, interface):
 * Answer for them on ${connection}, which is borrowed until the next call, and emit PropertiesChanged there; the names are
 * literals.  NULL: nowhere any more.
 */
void properties_serve(
	struct properties *properties, struct sd_bus *connection, const char *path, const char *interface);

/**
 * properties_set(properties, values):
 * From now on they are ${values}, which are copied; texts become UTF-8 without control characters, and are cut to
 * BOUNDED_TEXT.  Those that are not what was told last are told from the loop, PROPERTIES_PAUSE after the last time.
 */
void properties_set(struct properties *properties, const struct bus_properties *values);

/* properties_free(properties): NULL is fine; returns NULL. */
struct properties *properties_free(struct properties *properties);

DEFINE_CLEANUP(struct properties *, properties_free);

#endif
