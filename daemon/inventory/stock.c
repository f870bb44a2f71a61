/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/inventory/stock.h"

#include <string.h>

#include "daemon/plan/expand.h"
#include "daemon/source/source.h"

const struct tracked_certificate *stock_certificate(
	const struct stock *stock, const struct slot *slot)
{
	return stock->certificates[slot->certificate];
}

const struct tracked_place *stock_place(const struct stock *stock, const struct slot *slot)
{
	return stock->places[slot->place];
}

const struct desired_delivery *stock_wish(const struct stock *stock, const struct slot *slot)
{
	return &stock_certificate(stock, slot)->entry->deliver[slot->wish];
}

void stock_make_delivery(
	const struct stock *stock, const struct slot *slot, struct delivery *ret_delivery)
{
	delivery_make(stock->world->desired,
		&stock->world->expansion->certificates[slot->certificate],
		stock_place(stock, slot)->place, stock_wish(stock, slot), ret_delivery);
}

bool certificate_is_ineligible(const struct tracked_certificate *certificate)
{
	const struct source_certificate *seen = certificate->seen;

	return seen && seen->ineligible &&
	       !digest_equal(&certificate->record.exported, &seen->version.digest);
}

bool stock_is_looking(const struct stock *stock)
{
	for (size_t i = 0; i < stock->place_count; i++) {
		const struct tracked_place *place = stock->places[i];

		if (place->looking || place->look_wanted || (stock->view && place->wanted))
			return true;
	}
	return false;
}

enum observed_state slot_state(const struct slot *slot)
{
	return slot->open ? slot->open->observed.state : (enum observed_state)slot->settled.state;
}

usec_t slot_absent_at(const struct slot *slot)
{
	if (slot_state(slot) != OBSERVED_ABSENT)
		return 0;
	return slot->open ? slot->open->observed.at : slot->settled.number;
}

usec_t slot_seen_at(const struct slot *slot)
{
	const struct tracked_delivery *open = slot->open;

	switch (slot_state(slot)) {
	case OBSERVED_ABSENT:
		return slot_absent_at(slot);
	case OBSERVED_PRESENT:
		return open ? MAX(open->observed.at, open->record.confirmed_at)
			    : (usec_t)slot->settled.confirmed_at * USEC_PER_SEC;
	default:
		return 0;
	}
}

/* The ARN that the configuration names, if it does; the caller owns it. */
static char *named_object(const struct stock *stock, const struct slot *slot)
{
	struct delivery made;
	char *arn;

	stock_make_delivery(stock, slot, &made);
	arn = take(made.arn);
	delivery_done(&made);
	return arn;
}

char *slot_object(const struct stock *stock, const struct slot *slot)
{
	const struct tracked_delivery *open = slot->open;

	if (!open)
		return named_object(stock, slot) ?: settled_object(&slot->settled);
	return mem_strdup(open->delivery->arn ?: open->observed.object_id ?: open->record.object_id);
}

const struct version *slot_confirmed(const struct slot *slot)
{
	const struct version *version = slot->open              ? &slot->open->record.confirmed
					: slot->settled.version ? &slot->settled.version->version
								: NULL;

	return version && digest_is_set(&version->digest) ? version : NULL;
}

/* The one at the source; of one that was not read yet, as listed. */
static struct version source_version(const struct tracked_certificate *certificate)
{
	const struct source_certificate *seen = certificate->seen;

	if (!seen)
		return certificate->record.version;
	return (struct version){ .not_before = seen->not_before, .not_after = seen->not_after };
}

struct expiry stock_expiry(const struct stock *stock, const struct tracked_certificate *certificate,
	const struct version *version)
{
	const struct source_certificate *seen = certificate->seen;
	const struct version source = source_version(certificate);
	const struct version *of = version ?: &source;

	return (struct expiry){
		.not_before = of->not_before,
		.not_after = of->not_after,
		.is_private = seen && strcmp(seen->type, "PRIVATE") == 0,
		.warn = stock->world->desired->warn,
		.status = certificate->renewal.status,
		.reason = certificate->renewal.reason,
		.ineligible = certificate_is_ineligible(certificate),
	};
}

bool stock_can_look(const struct stock *stock, const struct slot *slot)
{
	const struct source_certificate *seen = stock_certificate(stock, slot)->seen;

	return !(slot->claimed_by & CLAIM_TRANSFER) && seen && !source_refusal(seen) &&
	       digest_is_set(&seen->version.digest);
}

/* Of what is settled, the second is known: what was put in place in the one in which ${since} lies counts. */
static bool was_seen_since(const struct slot *slot, usec_t since)
{
	return since && slot_seen_at(slot) >= (slot->open ? since : since / USEC_PER_SEC * USEC_PER_SEC);
}

bool stock_wants_look(const struct stock *stock, const struct slot *slot)
{
	const struct tracked_place *place = stock_place(stock, slot);

	return (slot->look_wanted || (place->wanted && !was_seen_since(slot, place->seen_since))) &&
	       stock_can_look(stock, slot);
}

/* --- whether a place answers --- */

bool place_is_open(const struct tracked_place *place)
{
	return !place->reach.silent && !place->reach.lost;
}

bool place_is_proven(const struct tracked_place *place)
{
	return place->reach.proven;
}

bool place_is_prompt(const struct tracked_place *place)
{
	return place->reach.prompt;
}

bool place_is_slow(const struct tracked_place *place)
{
	return place->reach.proven && !place->reach.prompt;
}
