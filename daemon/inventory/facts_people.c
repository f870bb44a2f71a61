/* SPDX-License-Identifier: Apache-2.0 */
/* What people have asked for and approved. */
#include "daemon/inventory/inside.h"

#include "daemon/transition/delivery.h"
#include "lib/base/strv.h"

void inventory_asked_certificate(
	struct inventory *inventory, const struct tracked_certificate *certificate)
{
	own_certificate(certificate)->record.next_try = 0; /* of its export */
	inventory_touch(inventory, certificate);
}

/* Restart spacing is no back-off: it holds also when somebody asks.  To look again at what one
 * serves, to which nothing is owed, restarts nothing. */
static bool may_be_asked(const struct tracked_dependent *dependent)
{
	const enum prove_result result = dependent->record.proof.result;

	return dependent->record.failures ||
	       ((result == PROVE_WRONG || result == PROVE_UNPROVEN) && !dependent->owed_count);
}

void inventory_asked(struct inventory *inventory, size_t index)
{
	struct slot *slot = &inventory->slots[index];

	slot->asked = true;
	inventory_asked_certificate(inventory, certificate_of(inventory, slot));
	STRV_FOREACH (then, stock_wish(&inventory->stock, slot)->then) {
		struct tracked_dependent *dependent = find_dependent(inventory, *then);

		if (dependent && may_be_asked(dependent))
			dependent->asked = true;
	}
}

void inventory_asked_once(struct inventory *inventory)
{
	for (size_t i = 0; i < inventory->stock.dependent_count; i++)
		inventory->dependents[i]->asked = inventory->dependents[i]->record.failures > 0;
}

bool inventory_approved(
	struct inventory *inventory, const struct step *step, enum approval most, const char *who)
{
	struct tracked_delivery *delivery = own_delivery(inventory_open(inventory, step->index));
	struct changes changes = { 0 };

	/* Whoever approves it has read all of them, where they name it. */
	for (enum hold hold = HOLD_NUMBERS - 1; hold > HOLD_NONE; hold--)
		if (holds_have(step->holds->set, hold) && hold_approval(hold) <= most)
			(void)transition_approved(&delivery->record, hold, &delivery->observed, who,
				step->holds->reasons[hold], &changes);
	if (!changes.count || !save_delivery(inventory, delivery))
		return false;
	delivery->has_record = true;
	delivery_changed(inventory, delivery);
	say_delivery_changes(inventory, delivery->delivery, &changes);
	return true;
}
