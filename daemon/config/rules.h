/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_CONFIG_RULES_H
#define DAEMON_CONFIG_RULES_H

/*
 * What the keys of a configuration mean to each other, once each was read by itself.  Values
 * that could not be read are absent here, and rules are silent about what is absent: that was
 * said already.
 */

#include "daemon/config/problems.h"
#include "daemon/config/schema.h"
#include "daemon/model/desired.h"
#include "lib/yaml/yaml.h"

/**
 * rules_apply(desired, root, problems):
 * Complete ${desired} with what follows from several keys (inherited values), and note what
 * does not fit together.  ${root} is the tree that ${desired} was read from.
 */
void rules_apply(
	struct desired *desired, const struct yaml_node *root, struct config_problems *problems);

/* Between the files of the rules.  Entry i of an array of ${desired} was read from item i of the
 * map of the same name, which is NULL if there is none. */
struct rules {
	struct desired *desired;
	const struct yaml_node *root;
	const struct yaml_node *certificates;
	const struct yaml_node *destinations;
	const struct yaml_node *dependents;
	struct config_problems *problems;
};

#define complain(r, node, format, ...) problem_add((r)->problems, (node), format, __VA_ARGS__)

/* rules_place(map, key): the node of ${key} in ${map}, or ${map} itself. */
const struct yaml_node *rules_place(const struct yaml_node *map, const char *key);

/* rules_name(name): ${name} if a terminal can show it, else "NAME"; that was said already. */
const char *rules_name(const char *name);

/* rules_guess(name, map): "did you mean 'x'?", for a ${name} that is none of the keys of ${map}; NULL: nothing is like it.
 * The caller owns it. */
char *rules_guess(const char *name, const struct yaml_node *map);

/* rules_is_known(r, destination): its kind is known; otherwise nothing can be said of it. */
bool rules_is_known(const struct rules *r, const struct desired_destination *destination);

/* rules_partition(r, node, path, arn, regions): ${arn} is of the partition of each region. */
void rules_partition(const struct rules *r, const struct yaml_node *node, const char *path,
	const char *arn, char *const *regions);

/* rules_vault(r, vault, path, map): its address, and the keys of its login. */
void rules_vault(const struct rules *r, const struct desired_vault *vault, const char *path, const struct yaml_node *map);

/* rules_role(r, access, path, map): keys that have no effect without a role. */
void rules_role(const struct rules *r, const struct desired_access *access, const char *path,
	const struct yaml_node *map);

/* rules_destination(r, destination, map), rules_delivery(r, certificate, delivery, node): one. */
void rules_destination(const struct rules *r, struct desired_destination *destination,
	const struct yaml_node *map);
void rules_delivery(const struct rules *r, const struct desired_certificate *certificate,
	const struct desired_delivery *delivery, const struct yaml_node *node);

/* rules_prove(r, proofs, count, path, map): what stands under prove: in ${map}, an endpoint once. */
void rules_prove(const struct rules *r, const struct desired_proof *proofs, size_t count, const char *path,
	const struct yaml_node *map);

/* rules_dependents(r): the order among them, and their endpoints. */
void rules_dependents(const struct rules *r);

/* rules_events(r): key events; also fills in the queue's region. */
void rules_events(const struct rules *r);

/* rules_objects(r): no two deliveries write one object.  rules_adopt(r): key adopt at the top. */
void rules_objects(const struct rules *r);
void rules_adopt(const struct rules *r);

#endif
