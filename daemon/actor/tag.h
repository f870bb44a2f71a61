/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_ACTOR_TAG_H
#define DAEMON_ACTOR_TAG_H

/*
 * Objects that do not bear the anchor which is recorded of them, made to bear it: those of an
 * upgrade, and those that ACM or Secrets Manager took again, to which no tags can be given with
 * what is written.  A look finds them (their slots are untagged), the plan says which may be tagged
 * now, and some at a time are, at the pace that AWS's quotas for tagging allow.  Nothing waits for
 * it, and what fails is left until a look finds it untagged once more.  Where it is not allowed,
 * nothing more is tried at that place before the next start or reload.
 */

#include "daemon/inventory/inventory.h"

struct tags;

struct tags_host {
	struct inventory *inventory;
	const struct destination_context *context; /* borrowed */
	/* Does the plan say that the object of slot number ${slot} is to be tagged now? */
	bool (*wanted)(void *userdata, size_t slot);
	void *userdata;
};

/* tags_new(host): ${host} is copied.  tags_free(tags): what was sent may still take effect;
 * returns NULL. */
struct tags *tags_new(const struct tags_host *host);
struct tags *tags_free(struct tags *tags);

/* tags_due(tags): start as many as may be under way. */
void tags_due(struct tags *tags);

/* tags_cancel(tags): end all that is under way; what was sent may still take effect.
 * tags_new_world(tags): the inventory's slots and places are others now, and none is under way. */
void tags_cancel(struct tags *tags);
void tags_new_world(struct tags *tags);

/* tags_are_busy(tags): is any under way? */
bool tags_are_busy(const struct tags *tags);

#endif
