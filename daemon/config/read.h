/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_CONFIG_READ_H
#define DAEMON_CONFIG_READ_H

/* From the tree of nodes to the values of daemon/model, by the rows of schema.c. */

#include "daemon/config/problems.h"
#include "daemon/config/schema.h"
#include "daemon/model/desired.h"
#include "lib/yaml/yaml.h"

/**
 * config_read(root, problems):
 * Each value by itself: type, format, bounds, default; what keys mean to each other is for
 * rules.h.  Entries of ${root}'s maps of names must be sorted: then entry i of an array is item
 * i of its map, also where it has problems.  Never NULL.
 */
struct desired *config_read(const struct yaml_node *root, struct config_problems *problems);

/**
 * config_kinds(section, entry):
 * The kind of an entry as a bit, from its key "kind"; 0 where it is missing or unknown.
 */
unsigned config_kinds(const struct schema_section *section, const struct yaml_node *entry);

#endif
