/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_ACTOR_PROVE_H
#define DAEMON_ACTOR_PROVE_H

/* What the endpoints of deliveries' own prove: serve.  (Those of dependents are looked at by who
 * tells them.) */

#include "daemon/inventory/inventory.h"

struct proofs;

/* proofs_new(inventory, event): both are borrowed.  proofs_free(proofs): returns NULL. */
struct proofs *proofs_new(struct inventory *inventory, struct sd_event *event);
struct proofs *proofs_free(struct proofs *proofs);

/* proofs_start(proofs, delivery): look at what the endpoint of ${delivery}, at which something
 * is in place, serves. */
void proofs_start(struct proofs *proofs, const struct tracked_delivery *delivery);

/* proofs_cancel(proofs): end all; the plan begins them again. */
void proofs_cancel(struct proofs *proofs);

/* proofs_are_busy(proofs): is any under way? */
bool proofs_are_busy(const struct proofs *proofs);

#endif
