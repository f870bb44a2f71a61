/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/conductor/state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/transition/delivery.h"

/* --- slots --- */

struct tracked_certificate *state_certificate(const struct conductor *conductor, const struct slot *slot)
{
	return conductor->certificates[slot->certificate];
}

struct tracked_place *state_place(const struct conductor *conductor, const struct slot *slot)
{
	return conductor->places[slot->place];
}

const struct desired_delivery *state_wish(const struct conductor *conductor, const struct slot *slot)
{
	return &state_certificate(conductor, slot)->entry->deliver[slot->wish];
}

struct slot *state_slot(const struct conductor *conductor, const struct tracked_delivery *delivery)
{
	return delivery->slot == SIZE_MAX ? NULL : &conductor->slots[delivery->slot];
}

void state_claim(struct slot *slot, enum claim claim)
{
	assert(!(slot->claimed_by & claim));
	assert(claim != CLAIM_TRANSFER || !(slot->claimed_by & CLAIMS_IN_FLIGHT));
	assert(claim == CLAIM_TRANSFER || !(slot->claimed_by & CLAIM_TRANSFER));
	slot->claimed_by |= claim;
}

void state_unclaim(struct slot *slot, enum claim claim)
{
	slot->claimed_by &= ~(unsigned)claim;
}

static const struct expanded_certificate *expanded_of(const struct world *world, const struct slot *slot)
{
	return &world->expansion->certificates[slot->certificate];
}

void state_make_delivery(const struct conductor *conductor, const struct slot *slot, struct delivery *ret_delivery)
{
	delivery_make(conductor->world->desired, expanded_of(conductor->world, slot),
		state_place(conductor, slot)->place, state_wish(conductor, slot), ret_delivery);
}

void state_asked(struct conductor *conductor, struct tracked_delivery *delivery, bool asked)
{
	struct slot *slot = state_slot(conductor, delivery);

	if (slot)
		slot->asked = asked;
}

enum observed_state state_seen(const struct slot *slot)
{
	return slot->open ? slot->open->observed.state : (enum observed_state)slot->settled.state;
}

usec_t state_absent_at(const struct slot *slot)
{
	if (state_seen(slot) != OBSERVED_ABSENT)
		return 0;
	return slot->open ? slot->open->observed.at : slot->settled.number;
}

usec_t state_seen_at(const struct slot *slot)
{
	const struct tracked_delivery *open = slot->open;

	switch (state_seen(slot)) {
	case OBSERVED_ABSENT:
		return state_absent_at(slot);
	case OBSERVED_PRESENT:
		return open ? MAX(open->observed.at, open->record.confirmed_at)
			    : (usec_t)slot->settled.confirmed_at * USEC_PER_SEC;
	default:
		return 0;
	}
}

void state_want_looks(struct tracked_place *place, usec_t since)
{
	if (!place->wanted || place->seen_since)
		place->seen_since = since;
	place->wanted = true;
}

void state_want_look(struct conductor *conductor, struct slot *slot, bool wanted)
{
	struct tracked_place *place = state_place(conductor, slot);

	if (slot->look_wanted == wanted)
		return;
	slot->look_wanted = wanted;
	place->look_wanted += wanted ? 1 : (size_t)-1;
}

/* --- deliveries at their full size --- */

/* What the record of a delivery is about; with another object it says nothing. */
static char *object_key(const struct delivery *delivery)
{
	const struct place *place = delivery->place;

	return mem_printf("%s %s %s %s", destination_kind_name(place->destination->kind), place->key, delivery->object,
		delivery->source_arn);
}

/* Makes its delivery, of ${world} and the certificate that it has there. */
static void make_delivery(struct tracked_delivery *state, struct world *world,
	const struct expanded_certificate *certificate, const struct place *place, unsigned wish)
{
	world_ref(world);
	world_unref(state->world);
	state->world = world;
	delivery_done(&state->made);
	delivery_make(world->desired, certificate, place, &certificate->entry->deliver[wish], &state->made);
	state->delivery = &state->made;
}

struct tracked_delivery *tracked_delivery_new(const char *name, struct delivery_record *row)
{
	struct tracked_delivery *state = mem_new(struct tracked_delivery);

	state->name = mem_strdup(name);
	state->slot = SIZE_MAX;
	if (row) {
		state->record = *row;
		state->has_record = true;
		*row = (struct delivery_record){ 0 };
	}
	return state;
}

struct tracked_delivery *tracked_delivery_unpack(
	struct world *world, struct tracked_certificate *certificate, struct slot *slot)
{
	struct tracked_delivery *state = mem_new(struct tracked_delivery);

	state->slot = SIZE_MAX;
	state->certificate = certificate;
	make_delivery(state, world, expanded_of(world, slot), world->expansion->places[slot->place], slot->wish);
	state->name = mem_strdup(state->delivery->name);
	state->record.name = mem_strdup(state->name);
	state->record.object = object_key(state->delivery);
	state->has_record = settled_unpack(&slot->settled, &state->record, &state->observed);
	return state;
}

void tracked_delivery_point(struct conductor *conductor, struct tracked_delivery *state)
{
	const struct slot *slot = &conductor->slots[state->slot];
	_cleanup_(freep) char *key = NULL;
	const struct delivery *delivery;

	deliver_prove_cancel(conductor, state); /* of what was asked for before; the plan begins it anew */
	make_delivery(state, conductor->world, expanded_of(conductor->world, slot),
		state_place(conductor, slot)->place, slot->wish);
	delivery = state->delivery;
	key = object_key(delivery);
	if (transition_pointed(&state->record, key, delivery->wish->accept | delivery->entry->accept)) {
		observed_done(&state->observed);
		state->has_record = false;
	}
	if (delivery->arn && state->record.object_id && strcmp(delivery->arn, state->record.object_id) != 0)
		observed_done(&state->observed);
}

/* --- those of a turn --- */

/* At the end of the turn it is settled, if it can be. */
static void use(struct conductor *conductor, struct tracked_delivery *delivery)
{
	if (delivery->used_at)
		return;
	delivery->next_used = conductor->used;
	delivery->used_at = &conductor->used;
	if (delivery->next_used)
		delivery->next_used->used_at = &delivery->next_used;
	conductor->used = delivery;
}

static void unuse(struct tracked_delivery *delivery)
{
	if (!delivery->used_at)
		return;
	*delivery->used_at = delivery->next_used;
	if (delivery->next_used)
		delivery->next_used->used_at = delivery->used_at;
	delivery->next_used = NULL;
	delivery->used_at = NULL;
}

void tracked_delivery_free(struct conductor *conductor, struct tracked_delivery *state)
{
	deliver_prove_cancel(conductor, state);
	unuse(state);
	observed_done(&state->observed);
	delivery_record_done(&state->record);
	delivery_done(&state->made);
	world_unref(state->world);
	free(state->name);
	free(state);
}

struct tracked_delivery *state_open(struct conductor *conductor, size_t index)
{
	struct slot *slot = &conductor->slots[index];

	if (!slot->open) {
		slot->open = tracked_delivery_unpack(conductor->world, state_certificate(conductor, slot), slot);
		slot->open->slot = index;
		slot->open->place = state_place(conductor, slot);
	}
	use(conductor, slot->open);
	return slot->open;
}

void state_changed(struct conductor *conductor, struct tracked_delivery *delivery)
{
	struct slot *slot = state_slot(conductor, delivery);

	use(conductor, delivery);
	if (slot)
		agenda_touch(&conductor->agenda, &state_certificate(conductor, slot)->agenda);
}

/* Each member that may not be lost, as in inventory/settled.c: one that is added has to be named here, and thought of below. */
#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wmissing-field-initializers"
static const struct tracked_delivery delivery_members __attribute__((unused)) = {
	NULL,	    /* name: made again, as are the next six */
	0, NULL, NULL, { 0 }, NULL, NULL,
	{ 0 },	    /* observed: above */
	{ 0 },	    /* record: above */
	false,	    /* has_record */
	NULL,	    /* proof: not settled */
	NULL, NULL, /* next_used, used_at: it is not used */
};
#pragma GCC diagnostic pop

void tracked_delivery_settle(struct conductor *conductor, struct tracked_delivery *delivery)
{
	struct slot *slot = state_slot(conductor, delivery);

	unuse(delivery);
	if (!slot || slot->claimed_by & (CLAIM_TRANSFER | CLAIM_PROOF) || delivery->world != conductor->world ||
		!settled_pack(&slot->settled, delivery->certificate->versions, &delivery->record, &delivery->observed,
			delivery->has_record))
		return;
	slot->open = NULL;
	tracked_delivery_free(conductor, delivery);
}

void state_settle(struct conductor *conductor)
{
	while (conductor->used)
		tracked_delivery_settle(conductor, conductor->used);
}
