/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/inventory/world.h"

#include <stdlib.h>

struct configuration *configuration_unref(struct configuration *configuration)
{
	if (!configuration || --configuration->references > 0)
		return NULL;
	desired_free(configuration->desired);
	certificate_list_done(&configuration->trust);
	free(configuration);
	return NULL;
}

struct world *world_new(struct configuration *configuration, const struct source_view *view,
	const char *region, const struct incumbents *incumbents)
{
	struct world *world = mem_new(struct world);

	configuration->references++;
	*world = (struct world){ .references = 1,
		.configuration = configuration,
		.desired = configuration->desired,
		.expansion = expand(configuration->desired, view, region, incumbents) };
	return world;
}

struct world *world_ref(struct world *world)
{
	world->references++;
	return world;
}

struct world *world_unref(struct world *world)
{
	if (!world || --world->references > 0)
		return NULL;
	expansion_free(world->expansion);
	configuration_unref(world->configuration);
	free(world);
	return NULL;
}
