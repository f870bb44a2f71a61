/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/inventory/inside.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/transition/delivery.h"

/* --- deliveries at their full size --- */

/* What the record of a delivery is about; with another object it says nothing. */
static char *object_key(const struct delivery *delivery)
{
	const struct place *place = delivery->place;

	return mem_join(destination_kind_name(place->destination->kind), " ", place->key, " ",
		delivery->object, " ", delivery->source_arn, NULL);
}

/* Is ${row} about the object of ${delivery}, whatever the source certificate was? */
static bool is_confirmed_for(const struct delivery_record *row, const struct delivery *delivery)
{
	_cleanup_(freep) char *key = object_key(delivery);
	const size_t length = strlen(key) - strlen(delivery->source_arn);

	return row->object && strncmp(row->object, key, length) == 0 &&
	       !strchr(row->object + length, ' ') && digest_is_set(&row->confirmed.digest);
}

static bool has_incumbent(void *userdata, const struct delivery *delivery)
{
	struct inventory *inventory = userdata;
	const struct slot *slot = stock_find_slot(&inventory->stock, delivery->name);
	_cleanup_(delivery_record_done) struct delivery_record row = { 0 };
	_cleanup_(error_done) struct error err = ERROR_NULL;
	int r;

	if (slot)
		return is_confirmed_for(
			&inventory_open(inventory, (size_t)(slot - inventory->slots))->record,
			delivery);
	if (!inventory->record)
		return false;
	r = record_load_delivery(inventory->record, delivery->name, &row, &err);
	return record_ended(inventory, r, &err) && r > 0 && is_confirmed_for(&row, delivery);
}

struct incumbents inventory_incumbents(struct inventory *inventory)
{
	return (struct incumbents){ .has = has_incumbent, .userdata = inventory };
}

/* Makes its delivery, of ${world} and the certificate that it has there. */
static void make_delivery(struct tracked_delivery *state, struct world *world,
	const struct expanded_certificate *certificate, const struct place *place, unsigned wish)
{
	world_ref(world);
	world_unref(state->world);
	state->world = world;
	delivery_done(&state->made);
	delivery_make(world->desired, certificate, place, &certificate->entry->deliver[wish],
		&state->made);
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

struct tracked_delivery *delivery_unpack(
	struct world *world, struct tracked_certificate *certificate, struct slot *slot)
{
	struct tracked_delivery *state = mem_new(struct tracked_delivery);

	state->slot = SIZE_MAX;
	state->certificate = certificate;
	make_delivery(state, world, &world->expansion->certificates[slot->certificate],
		world->expansion->places[slot->place], slot->wish);
	state->name = mem_strdup(state->delivery->name);
	state->record.name = mem_strdup(state->name);
	state->record.object = object_key(state->delivery);
	state->has_record = settled_unpack(&slot->settled, &state->record, &state->observed);
	return state;
}

void delivery_point(struct inventory *inventory, struct tracked_delivery *state)
{
	const struct slot *slot = &inventory->slots[state->slot];
	struct delivery_record left = { 0 };
	_cleanup_(freep) char *key = NULL;
	const struct delivery *delivery;
	bool voided, other_arn;

	make_delivery(state, inventory->stock.world,
		&inventory->stock.world->expansion->certificates[slot->certificate],
		place_of(inventory, slot)->place, slot->wish);
	delivery = state->delivery;
	key = object_key(delivery);
	/* Also of another source certificate it is to be seen what the same object has. */
	if (!state->record.object || strcmp(state->record.object, key) != 0)
		observed_done(&state->observed);
	other_arn = delivery->arn && state->record.object_id &&
		    strcmp(delivery->arn, state->record.object_id) != 0;
	/* (What is the same is the rule, for each of very many.) */
	if (other_arn || (state->record.object && strcmp(state->record.object, key) != 0))
		leftover_row(state, &left);
	voided = transition_pointed(
		&state->record, key, delivery->wish->accept | delivery->entry->accept);
	if (voided)
		state->has_record = false;
	if (other_arn)
		observed_done(&state->observed);
	if (voided || other_arn)
		leftover_set_aside(inventory, &left);
	delivery_record_done(&left);
}

/* --- those of a turn --- */

/* At the end of the turn it is settled, if it can be. */
static void use(struct inventory *inventory, struct tracked_delivery *delivery)
{
	if (delivery->used_at)
		return;
	delivery->next_used = inventory->used;
	delivery->used_at = &inventory->used;
	if (delivery->next_used)
		delivery->next_used->used_at = &delivery->next_used;
	inventory->used = delivery;
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

void tracked_delivery_free(struct tracked_delivery *state)
{
	unuse(state);
	observed_done(&state->observed);
	delivery_record_done(&state->record);
	delivery_done(&state->made);
	world_unref(state->world);
	free(state->name);
	free(state);
}

const struct tracked_delivery *inventory_open(struct inventory *inventory, size_t index)
{
	struct slot *slot = &inventory->slots[index];

	if (!slot->open) {
		struct tracked_delivery *delivery = delivery_unpack(
			inventory->stock.world, certificate_of(inventory, slot), slot);

		delivery->slot = index;
		delivery->place = place_of(inventory, slot);
		slot->open = delivery;
	}
	use(inventory, own_delivery(slot->open));
	return slot->open;
}

void delivery_changed(struct inventory *inventory, struct tracked_delivery *delivery)
{
	struct slot *slot = slot_of(inventory, delivery);

	use(inventory, delivery);
	if (slot)
		touch_slot(inventory, slot);
}

void delivery_ended(struct inventory *inventory, struct tracked_delivery *delivery)
{
	if (delivery->slot == SIZE_MAX) {
		if (!stock_find_slot(&inventory->stock, delivery->name))
			announce_forget(inventory->announce, ABOUT_DELIVERY, delivery->name);
		tracked_delivery_free(delivery);
		return;
	}
	if (delivery->world != inventory->stock.world)
		delivery_point(inventory, delivery);
	leftovers_save(inventory);
	delivery_changed(inventory, delivery);
}

/* Each member that may not be lost, as in inventory/settled.c: one that is added has to be named
 * here, and thought of below. */
#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wmissing-field-initializers"
/* clang-format off: a member a line */
static const struct tracked_delivery delivery_members __attribute__((unused)) = {
	NULL, /* name: made again, as are the next six */
	0, NULL, NULL, { 0 }, NULL, NULL, { 0 }, /* observed: above */
	{ 0 }, /* record: above */
	false, /* has_record */
	NULL, NULL, /* next_used, used_at: it is not used */
};
/* clang-format on */
#pragma GCC diagnostic pop

void delivery_settle(struct inventory *inventory, struct tracked_delivery *delivery)
{
	struct slot *slot = slot_of(inventory, delivery);

	unuse(delivery);
	if (!slot || slot->claimed_by & (CLAIM_TRANSFER | CLAIM_PROOF) ||
		delivery->world != inventory->stock.world ||
		!settled_pack(&slot->settled, own_certificate(delivery->certificate)->versions,
			&delivery->record, &delivery->observed, delivery->has_record))
		return;
	slot->open = NULL;
	tracked_delivery_free(delivery);
}

void inventory_end_turn(struct inventory *inventory)
{
	while (inventory->used)
		delivery_settle(inventory, inventory->used);
}
