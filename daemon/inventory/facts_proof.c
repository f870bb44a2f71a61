/* SPDX-License-Identifier: Apache-2.0 */
/* What deliveries' own endpoints were seen to serve. */
#include "daemon/inventory/inside.h"

#include "daemon/transition/delivery.h"

void inventory_proven(struct inventory *inventory, const struct tracked_delivery *delivery,
	const struct digest *version, enum prove_result result, const char *words)
{
	struct tracked_delivery *own = own_delivery(delivery);
	struct changes changes = { 0 };

	transition_proven(&own->record, version, result, words, inventory_now(inventory), &changes);
	say_delivery_changes(inventory, delivery->delivery, &changes);
	delivery_not_asked(inventory, delivery);
	(void)save_delivery(inventory, own);
	inventory_release(inventory, delivery, CLAIM_PROOF);
}
