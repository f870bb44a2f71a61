/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_ACTOR_RENEWALS_H
#define DAEMON_ACTOR_RENEWALS_H

/*
 * Why the source does not renew what is expiring: asked once when a certificate becomes that, and
 * again after each full scan, some at a time.  What has time is not asked about, and so nothing is
 * asked as a rule.  Nothing waits for it; what fails is asked again like the rest.
 */

#include "daemon/inventory/inventory.h"

struct renewals;

/* renewals_new(inventory, context): ${context} is borrowed, for its AWS client.
 * renewals_free(renewals): returns NULL. */
struct renewals *renewals_new(
	struct inventory *inventory, const struct destination_context *context);
struct renewals *renewals_free(struct renewals *renewals);

/* renewals_ask(renewals, all): the source was read: ask about what is expiring, of which nothing
 * is known yet or, with ${all}, anything. */
void renewals_ask(struct renewals *renewals, bool all);

/* renewals_cancel(renewals): no answer follows; what was to be asked is not.  Before the world
 * changes. */
void renewals_cancel(struct renewals *renewals);

/* renewals_are_busy(renewals): is any answer to come? */
bool renewals_are_busy(const struct renewals *renewals);

/* renewals_rest(renewals, first, count): is none to come about the certificates from number
 * ${first} on? */
bool renewals_rest(const struct renewals *renewals, size_t first, size_t count);

#endif
