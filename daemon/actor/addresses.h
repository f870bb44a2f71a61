/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_ACTOR_ADDRESSES_H
#define DAEMON_ACTOR_ADDRESSES_H

/*
 * Do the names of proven endpoints still stand for the addresses that were looked at?  They are looked
 * up after each full scan, one at a time.  Where a name stands for others, its endpoint is not proven
 * until it was looked at there.  Nothing waits for it, and a name that cannot be looked up says nothing.
 */

#include "daemon/inventory/inventory.h"

struct addresses;

/* addresses_new(inventory, event): both are borrowed.  addresses_free(addresses): returns NULL. */
struct addresses *addresses_new(struct inventory *inventory, struct sd_event *event);
struct addresses *addresses_free(struct addresses *addresses);

/* addresses_check(addresses): look all names up, unless that is under way. */
void addresses_check(struct addresses *addresses);

/* addresses_cancel(addresses): no answer follows.  Before the world changes. */
void addresses_cancel(struct addresses *addresses);

#endif
