/* SPDX-License-Identifier: Apache-2.0 */
/* What deliveries' own endpoints were seen to serve. */
#include "daemon/inventory/inside.h"

#include <stdlib.h>

#include "daemon/transition/delivery.h"
#include "daemon/transition/dependent.h"

void inventory_delivery_moved(struct inventory *inventory, const struct tracked_delivery *delivery,
	const struct desired_proof *wish)
{
	struct tracked_delivery *own = own_delivery(delivery);

	if (!proof_move(&own->record.proof, wish))
		return;
	(void)save_delivery(inventory, own);
	inventory_touch(inventory, delivery->certificate);
}

void inventory_dependent_moved(struct inventory *inventory,
	const struct tracked_dependent *dependent, const struct desired_proof *wish)
{
	struct tracked_dependent *own = own_dependent(dependent);

	if (!proof_move(&own->record.proof, wish))
		return;
	if (!dependent->owed_count)
		transition_endpoints(&own->record, dependent->dependent->prove,
			dependent->dependent->prove_count);
	(void)save_dependent(inventory, dependent);
	inventory_changed(inventory);
}

void inventory_proven(struct inventory *inventory, const struct tracked_delivery *delivery,
	const struct digest *version, const struct proof_seen *seen)
{
	const struct desired_delivery *wish = delivery->delivery->wish;
	struct tracked_delivery *own = own_delivery(delivery);
	const usec_t now = inventory_now(inventory);
	struct proof_record proof = proof_judge(
		&own->record.proof, wish->prove, seen, wish->prove_count, now);
	_cleanup_(freep) char *words = proof_words(&proof);
	struct changes changes = { 0 };

	transition_proven(&own->record, version, &proof, words, now, &changes);
	say_delivery_changes(inventory, delivery->delivery, &changes);
	delivery_not_asked(inventory, delivery);
	(void)save_delivery(inventory, own);
	inventory_release(inventory, delivery, CLAIM_PROOF);
}
