/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_ACTOR_LEFTOVERS_H
#define DAEMON_ACTOR_LEFTOVERS_H

/*
 * Objects that no delivery cares for any more, looked at after each full scan, some at a time: are
 * they there still, and who uses them?  One that is gone is forgotten.  They are asked about where
 * the configuration still reaches their account and region, or directory; nothing waits for it, and
 * nothing is ever written there.
 */

#include "daemon/inventory/inventory.h"

struct leftovers;

/* leftovers_new(inventory, context): ${context} is borrowed.  leftovers_free(leftovers): returns
 * NULL. */
struct leftovers *leftovers_new(
	struct inventory *inventory, const struct destination_context *context);
struct leftovers *leftovers_free(struct leftovers *leftovers);

/* leftovers_look(leftovers, region): all was scanned; ${region} (borrowed) is that of
 * destinations without one, as with expand(). */
void leftovers_look(struct leftovers *leftovers, const char *region);

/* leftovers_cancel(leftovers): no answer follows.  Before the world changes. */
void leftovers_cancel(struct leftovers *leftovers);

/* leftovers_are_busy(leftovers): is any answer to come? */
bool leftovers_are_busy(const struct leftovers *leftovers);

#endif
