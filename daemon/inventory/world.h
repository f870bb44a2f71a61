/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_INVENTORY_WORLD_H
#define DAEMON_INVENTORY_WORLD_H

/*
 * A configuration, and what it came to with the source as it was seen.  Both are counted, because
 * what is in flight outlives a reload.
 */

#include "daemon/model/observed.h"
#include "daemon/plan/expand.h"
#include "lib/pki/certificate.h"

/* A configuration as it was loaded. */
struct configuration {
	unsigned references;
	struct desired *desired; /* owned */
	struct certificate_list trust; /* source.trust, read */
};

struct world {
	unsigned references;
	struct configuration *configuration;
	const struct desired *desired; /* of the configuration */
	struct expansion *expansion;
};

/* configuration_unref(configuration): the caller lets go of it; returns NULL.  (Whoever loads
 * one makes it.) */
struct configuration *configuration_unref(struct configuration *configuration);

/* world_new(configuration, view, region, incumbents): with one reference, the caller's.  It holds
 * ${configuration} as long as it lives. */
struct world *world_new(struct configuration *configuration, const struct source_view *view,
	const char *region, const struct incumbents *incumbents);
struct world *world_ref(struct world *world);
struct world *world_unref(struct world *world);

#endif
