/* SPDX-License-Identifier: Apache-2.0 */
/* Who is at work with what. */
#include "daemon/inventory/inside.h"

#include <assert.h>

static void claim(struct slot *slot, enum claim claim)
{
	assert(!(slot->claimed_by & claim));
	assert(claim != CLAIM_TRANSFER || !(slot->claimed_by & CLAIMS_IN_FLIGHT));
	assert(claim == CLAIM_TRANSFER || !(slot->claimed_by & CLAIM_TRANSFER));
	slot->claimed_by |= claim;
}

void inventory_claim(struct inventory *inventory, size_t slot, enum claim who)
{
	claim(&inventory->slots[slot], who);
}

void inventory_unclaim(struct inventory *inventory, size_t slot, enum claim who)
{
	inventory->slots[slot].claimed_by &= ~(unsigned)who;
}

void inventory_release(
	struct inventory *inventory, const struct tracked_delivery *delivery, enum claim who)
{
	/* One that a reload has left without a slot goes with its claim. */
	if (delivery->slot != SIZE_MAX)
		inventory_unclaim(inventory, delivery->slot, who);
	delivery_ended(inventory, own_delivery(delivery));
	inventory_changed(inventory);
}

void inventory_claim_certificate(
	struct inventory *inventory, const struct tracked_certificate *certificate)
{
	own_certificate(certificate)->claims++;
}

void inventory_release_certificate(
	struct inventory *inventory, const struct tracked_certificate *certificate)
{
	if (--own_certificate(certificate)->claims)
		return;
	if (stock_is_present(&inventory->stock, certificate)) {
		inventory_touch(inventory, certificate);
		return;
	}
	if (!stock_find_certificate(&inventory->stock, certificate->name))
		announce_forget(inventory->announce, ABOUT_CERTIFICATE, certificate->name);
	tracked_certificate_free(inventory, own_certificate(certificate));
}

void inventory_certificate_in_flight(
	struct inventory *inventory, const struct tracked_certificate *certificate, bool in_flight)
{
	own_certificate(certificate)->in_flight = in_flight;
}

void inventory_claim_dependent(
	struct inventory *inventory, const struct tracked_dependent *dependent)
{
	assert(!dependent->in_flight);
	own_dependent(dependent)->in_flight = true;
}

void inventory_release_dependent(
	struct inventory *inventory, const struct tracked_dependent *dependent)
{
	own_dependent(dependent)->in_flight = false;
	own_dependent(dependent)->asked = false;
	inventory_changed(inventory);
}
