/* SPDX-License-Identifier: Apache-2.0 */

/* The queue of events: in which region it is, as its URL says it or the configuration has to. */

#include "daemon/config/rules.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/strv.h"

#define LEGACY "queue.amazonaws.com"

/*
 * The region in the host of a queue's URL, or NULL.  It is a label of its own in all forms that AWS has had:
 *	sqs.REGION.amazonaws.com	sqs-fips.REGION.amazonaws.com	sqs.REGION.api.aws
 *	vpce-ID.sqs.REGION.vpce.amazonaws.com
 *	REGION.queue.amazonaws.com	queue.amazonaws.com (us-east-1)
 */
static char *region_of_url(const char *url)
{
	const char *host = strstr(url, "://") + 3;
	const char *end = host + strcspn(host, ":/");
	struct format_cache formats = { 0 };
	char *region = NULL;

	for (const char *label = host; label < end && !region;) {
		size_t length = strcspn(label, ".:/");
		_cleanup_(freep) char *text = mem_strndup(label, length);
		_cleanup_(freep) char *wrong = format_check(&formats, FORMAT_REGION, 0, text);

		if (!wrong)
			region = take(text);
		label += length + 1;
	}
	format_cache_done(&formats);
	if (!region && end - host == (ptrdiff_t)strlen(LEGACY) && strncmp(host, LEGACY, strlen(LEGACY)) == 0)
		region = mem_strdup("us-east-1");
	return region;
}

static void check_region(const struct rules *r, const struct yaml_node *map)
{
	struct desired_events *events = &r->desired->events;
	_cleanup_(freep) char *region = region_of_url(events->queue_url);

	if (!region && !events->region && !yaml_find(map, "region"))
		complain(r, rules_place(map, "queue_url"),
			"events.queue_url: the URL does not contain the region of the queue; add %s",
			"events.region");
	else if (region && events->region && strcmp(region, events->region) != 0)
		complain(r, rules_place(map, "region"),
			"events.region: the queue's URL says that it is in %s; remove the key or correct it",
			region);
	if (!events->region)
		events->region = take(region);
}

void rules_events(const struct rules *r)
{
	const struct yaml_node *map = yaml_find(r->root, "events");
	const struct desired_events *events = &r->desired->events;
	_cleanup_(strv_freep) char **regions = NULL;

	if (!map || map->type != YAML_MAP)
		return;
	rules_role(r, &events->access, "events", map);
	if (events->queue_url)
		check_region(r, map);
	if (!events->region || !events->access.role_arn)
		return;
	strv_append(&regions, events->region);
	rules_partition(r, rules_place(map, "role_arn"), "events.role_arn", events->access.role_arn, regions);
}
