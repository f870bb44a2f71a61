/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_ACTOR_TELL_H
#define DAEMON_ACTOR_TELL_H

/* Telling dependents what they are owed, and seeing what they serve then. */

#include "daemon/dependent/dependent.h"
#include "daemon/inventory/inventory.h"

struct tell;

/* tell_new(inventory, host): ${host} is copied.  tell_free(tell): jobs already started go on,
 * their intents are on disk; returns NULL. */
struct tell *tell_new(struct inventory *inventory, const struct dependent_host *host);
struct tell *tell_free(struct tell *tell);

/* tell_start(tell, dependent): tell it what it is owed, or find out whether it is owed anything. */
void tell_start(struct tell *tell, const struct tracked_dependent *dependent);

/* tell_prove_again(tell, dependent): it was told, but was not seen to serve the new version:
 * look again. */
void tell_prove_again(struct tell *tell, const struct tracked_dependent *dependent);

/* tell_is_busy(tell): is any dependent looked at, told or proven? */
bool tell_is_busy(const struct tell *tell);

/* tell_new_world(tell, world): what is not the same in ${world}, which comes next, is told no
 * further. */
void tell_new_world(struct tell *tell, const struct world *world);

/* tell_cancel(tell): tell nobody any further. */
void tell_cancel(struct tell *tell);

#endif
