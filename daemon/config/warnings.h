/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_CONFIG_WARNINGS_H
#define DAEMON_CONFIG_WARNINGS_H

/* What is allowed in a configuration, and yet hardly ever meant. */

#include "daemon/config/problems.h"
#include "daemon/model/desired.h"

/* Opaque types. */
struct yaml_node;

/**
 * warnings_find(desired, root, warnings):
 * Note each at its place.  ${root} is the tree that ${desired} was read from; values that could not
 * be read are absent there, and nothing is said of them.
 */
void warnings_find(const struct desired *desired, const struct yaml_node *root,
	struct config_problems *warnings);

#endif
