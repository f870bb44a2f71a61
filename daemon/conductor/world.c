/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/conductor/state.h"

#include <stdio.h>
#include <stdlib.h>

#include "daemon/config/config.h"
#include "lib/os/file.h"

#define TRUST_LIMIT ((size_t)1 << 20)

static int load_trust(struct configuration *configuration, struct error *err)
{
	const char *path = configuration->desired->source.trust;
	struct buf pem = BUF_NULL;
	int r;

	if (!path)
		return 0;
	r = file_read_trusted(path, TRUST_LIMIT, &pem, err);
	if (r == 0)
		r = certificate_list_parse(pem.data, pem.length, &configuration->trust, err);
	if (r == 0 && configuration->trust.count == 0)
		r = error_set(err, ERROR_INVALID, 0, "'%s' holds no PEM certificate", path);
	buf_done(&pem);
	return r < 0 ? error_wrap(err, "source.trust") : 0;
}

bool configuration_load(const char *file, struct configuration **ret_configuration)
{
	_cleanup_(config_problems_done) struct config_problems problems = CONFIG_PROBLEMS_NULL;
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct configuration *configuration = mem_new(struct configuration);

	configuration->references = 1;
	if (config_load(file, &configuration->desired, &problems) < 0) {
		config_problems_print(&problems, stderr);
	} else if (load_trust(configuration, &err) < 0) {
		(void)fprintf(stderr, "%s\n", err.text);
	} else {
		*ret_configuration = configuration;
		return true;
	}
	configuration_unref(configuration);
	return false;
}

struct configuration *configuration_unref(struct configuration *configuration)
{
	if (!configuration || --configuration->references > 0)
		return NULL;
	desired_free(configuration->desired);
	certificate_list_done(&configuration->trust);
	free(configuration);
	return NULL;
}

struct world *world_new(struct configuration *configuration, const struct source_view *view, const char *region)
{
	struct world *world = mem_new(struct world);

	configuration->references++;
	*world = (struct world){ .references = 1,
		.configuration = configuration,
		.desired = configuration->desired,
		.expansion = expand(configuration->desired, view, region) };
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
