/* SPDX-License-Identifier: Apache-2.0 */
/* The properties on the bus: what STATUS= of the unit says and more, in numbers and times. */
#include "daemon/conductor/inside.h"

#include <stdlib.h>

#include "daemon/bus/properties.h"
#include "lib/os/clock.h"

/*
 * When ${moment} (monotonic) is by the wall clock; 0: never.  ${shown} is what was said of it last: it stands while it is
 * right to a second, since the two clocks are read one after the other and never differ by the same twice.
 */
static usec_t wall_time(const struct conductor *conductor, usec_t moment, usec_t shown)
{
	usec_t wall;

	if (moment == USEC_INFINITY)
		return 0;
	wall = usec_add(inventory_now(conductor->inventory), usec_sub(moment, clock_monotonic()));
	return wall > usec_add(shown, USEC_PER_SEC) || shown > usec_add(wall, USEC_PER_SEC) ? wall : shown;
}

void show_properties(struct conductor *conductor)
{
	const struct watch_shown source = watch_show(conductor->watch);
	struct status_view head;

	if (conductor->options.once)
		return; /* nobody can ask */
	view_head(conductor, &head);
	/* While the source is read, the times of the next are those of this one. */
	if (!source.reading) {
		conductor->shown_poll = wall_time(conductor, source.next_look, conductor->shown_poll);
		conductor->shown_full_scan = wall_time(conductor, source.next_sweep, conductor->shown_full_scan);
	}
	bus_show(conductor->bus,
		&(struct bus_properties){
			.certificates = (uint32_t)conductor->stock->certificate_count,
			.deliveries = (uint32_t)conductor->stock->delivery_count,
			.in_place = conductor->stock->census.in_place,
			.held = conductor->stock->census.held,
			.failing = conductor->stock->census.failing,
			.dependents_failing = conductor->stock->dependents_failing,
			.last_poll = head.looked_at,
			.next_poll = conductor->shown_poll,
			.last_full_scan = head.swept_at,
			.next_full_scan = conductor->shown_full_scan,
			.source_problem = head.source_problem,
			.state_database_problem = head.record_problem,
			.configuration_problem = head.config_problem,
			.event_queue = head.events,
		});
}
