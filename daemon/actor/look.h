/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_ACTOR_LOOK_H
#define DAEMON_ACTOR_LOOK_H

/* Looks at places: one lists what a place holds, and serves all of its deliveries that are
 * wanted. */

#include "daemon/inventory/inventory.h"

struct look;

/* look_new(inventory, context): both are borrowed.  look_free(look): returns NULL. */
struct look *look_new(struct inventory *inventory, const struct destination_context *context);
struct look *look_free(struct look *look);

/* look_at_places(look, reading): start the looks at places that are wanted, as many as there is
 * room for; while the source's versions are read and come one by one (${reading}), a place is not
 * looked at for each of them. */
void look_at_places(struct look *look, bool reading);

/* look_next(look): when a look under way has taken so long that it leaves its turn to another, or
 * a place may be looked at again (monotonic), or USEC_INFINITY. */
usec_t look_next(const struct look *look);

/* look_cancel(look): end them; they are wanted again.  look_new_world(look): the inventory's
 * places are others now, and none is under way. */
void look_cancel(struct look *look);
void look_new_world(struct look *look);

#endif
