/* SPDX-License-Identifier: Apache-2.0 */
/* The anchor under which each delivery was put, and whether its object says so. */
#include "daemon/inventory/inside.h"

#include <string.h>

#include "daemon/transition/delivery.h"
#include "lib/base/intern.h"

static void set_untagged(struct inventory *inventory, struct slot *slot, bool untagged)
{
	struct tracked_place *place = place_of(inventory, slot);

	untagged &= !place->tags_refused;
	inventory->stock.tags_wanted |= untagged;
	if (slot->untagged == untagged)
		return;
	slot->untagged = untagged;
	place->untagged += untagged ? 1 : (size_t)-1;
	inventory->stock.untagged += untagged ? 1 : (size_t)-1;
}

void want_tag(struct inventory *inventory, struct slot *slot)
{
	set_untagged(inventory, slot, destination_can_tag(place_of(inventory, slot)->place));
}

/* --- what is known of anchors --- */

/* The digest of the anchor that was pinned for ${certificate}; false: none was, or source.trust
 * decides alone. */
static bool find_pinned(struct inventory *inventory, const struct tracked_certificate *certificate,
	struct fingerprint *ret_anchor)
{
	const char *pem = certificate->record.anchor;
	_cleanup_(certificate_freep) struct certificate *anchor = NULL;

	if (!pem || inventory->stock.world->configuration->trust.count)
		return false;
	/* As a rule all certificates have one of a few. */
	if (inventory->pinned != pem) {
		if (certificate_parse(pem, strlen(pem), &anchor, NULL) < 0)
			return false;
		intern_unref(inventory->pinned);
		inventory->pinned = intern_ref(pem);
		certificate_authority_digest(anchor, &inventory->pinned_digest);
	}
	*ret_anchor = inventory->pinned_digest;
	return true;
}

/* Of what was put there by a version of certferry that did not record it, or before the record
 * was lost. */
static bool learn_anchor(struct inventory *inventory, struct tracked_delivery *delivery)
{
	struct delivery_record *record = &delivery->record;
	struct fingerprint pinned;
	bool is_pinned;

	if (fingerprint_is_set(&record->anchor))
		return false;
	is_pinned = find_pinned(inventory, delivery->certificate, &pinned);
	if (!transition_anchor_learned(
		    record, is_pinned ? &pinned : NULL, &delivery->observed.anchor))
		return false;
	if (delivery->has_record)
		(void)save_delivery(inventory, delivery);
	return true;
}

void note_anchor(struct inventory *inventory, struct tracked_delivery *delivery)
{
	const struct observed *seen = &delivery->observed;
	struct slot *slot = slot_of(inventory, delivery);
	bool learned = learn_anchor(inventory, delivery);

	if (!slot || !fingerprint_is_set(&delivery->record.anchor))
		return;
	if (seen->anchor_seen)
		set_untagged(inventory, slot,
			seen->former ||
				!fingerprint_equal(&seen->anchor, &delivery->record.anchor));
	else if (learned)
		set_untagged(inventory, slot,
			true); /* it cannot be seen, and to say it twice does no harm */
}

/* Was none of its deliveries ever made, as far as the record and what was seen at their places
 * say? */
static bool is_first_use(
	const struct inventory *inventory, const struct tracked_certificate *certificate)
{
	if (!stock_is_present(&inventory->stock, certificate))
		return false; /* what is known of its deliveries is another's */
	for (size_t i = 0; i < certificate->count; i++) {
		const struct slot *slot = &inventory->slots[certificate->first + i];

		switch (slot_state(slot)) {
		case OBSERVED_PRESENT:
		case OBSERVED_DEMOTED:
		case OBSERVED_GONE:
			return false;
		default:
			if (slot_confirmed(slot))
				return false;
		}
	}
	return true;
}

bool inventory_pins(
	const struct inventory *inventory, const struct tracked_certificate *certificate)
{
	return !certificate->record.anchor && is_first_use(inventory, certificate);
}

/* --- tags --- */

void inventory_tagged(struct inventory *inventory, size_t index, const struct fingerprint *anchor,
	const struct error *err)
{
	struct slot *slot = &inventory->slots[index];
	struct tracked_delivery *delivery = own_delivery(inventory_open(inventory, index));

	if (!err)
		free(take(delivery->observed.former));
	/* A transfer may have put it under another root since. */
	set_untagged(inventory, slot, !err && !fingerprint_equal(anchor, &delivery->record.anchor));
	inventory->stock.tags_wanted = true;
	inventory_changed(inventory);
}

void inventory_tag_later(struct inventory *inventory, size_t slot)
{
	set_untagged(inventory, &inventory->slots[slot], false);
}

void inventory_tags_refused(
	struct inventory *inventory, const struct tracked_place *place, bool refused)
{
	own_place(place)->tags_refused = refused;
	for (size_t i = 0; place->untagged && i < inventory->stock.delivery_count; i++)
		if (place_of(inventory, &inventory->slots[i]) == place)
			set_untagged(inventory, &inventory->slots[i], false);
}

void inventory_tags_looked_through(struct inventory *inventory)
{
	inventory->stock.tags_wanted = false;
}
