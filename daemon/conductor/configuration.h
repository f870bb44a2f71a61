/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_CONDUCTOR_CONFIGURATION_H
#define DAEMON_CONDUCTOR_CONFIGURATION_H

#include "daemon/config/problems.h"
#include "daemon/inventory/world.h"

/**
 * configuration_load(file, configuration, problems, warnings):
 * The files, and what they name that has to be read with them; as config_load(), so ${file} may be NULL.  False when
 * they are rejected, with at least one of ${problems}; else release it with configuration_unref().
 */
bool configuration_load(const char *file, struct configuration **ret_configuration,
	struct config_problems *problems, struct config_problems *warnings);

#endif
