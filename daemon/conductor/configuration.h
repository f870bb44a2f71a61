/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_CONDUCTOR_CONFIGURATION_H
#define DAEMON_CONDUCTOR_CONFIGURATION_H

#include "daemon/inventory/world.h"

/* configuration_load(file, configuration): the files, and what they name that has to be read with them.  False when they
 * were rejected, the problems being printed to standard error; else release it with configuration_unref(). */
bool configuration_load(const char *file, struct configuration **ret_configuration);

#endif
