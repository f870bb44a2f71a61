/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The deliveries of the present world, of the former one and of the record are each in the order of
 * their names, and may be very many: all three are walked once, side by side.
 */
#include "daemon/inventory/inside.h"

#include <stdlib.h>
#include <string.h>

#include "lib/os/memory.h"

/* --- the deliveries of the former world --- */

/* So much of the former slots goes back at a time: with the new ones beside them, which are filled one
 * by one, there are never two of many more than this. */
#define FORGET_AT_ONCE ((size_t)1 << 20)

/* Those before the last one that was walked are read no more. */
static void former_forget(struct former *former)
{
	const size_t walked = former->next ? former->next - 1 : 0;

	if ((walked - former->forgotten) * sizeof(*former->slots) < FORGET_AT_ONCE)
		return;
	memory_forget(&former->slots[former->forgotten],
		(walked - former->forgotten) * sizeof(*former->slots));
	former->forgotten = walked;
}

/* The state of the former slot ${index}. */
static struct tracked_delivery *former_take(struct former *former, size_t index)
{
	struct slot *slot = &former->slots[index];
	struct tracked_delivery *state = own_delivery(slot->open);

	if (!state)
		state = delivery_unpack(
			former->world, former->certificates[slot->certificate], slot);
	slot->open = NULL;
	return state;
}

static void former_drop(struct former *former, size_t index)
{
	struct slot *slot = &former->slots[index];

	if (!slot->open)
		settled_done(&slot->settled);
	else if (!(slot->claimed_by & CLAIM_TRANSFER))
		tracked_delivery_free(own_delivery(slot->open));
	else
		own_delivery(slot->open)->slot = SIZE_MAX;
}

/* The state of the delivery named so, if there was one; those before it go. */
static struct tracked_delivery *former_find(struct former *former, const char *name)
{
	former_forget(former);
	while (former->next < former->count) {
		const struct slot *slot = &former->slots[former->next];
		int order = compare_delivery_name(former->certificates[slot->certificate]->name,
			former->world->expansion->places[slot->place]->name, name);

		if (order > 0)
			return NULL;
		if (order == 0)
			return former_take(former, former->next++);
		former_drop(former, former->next++);
	}
	return NULL;
}

void drop_deliveries(struct former *former)
{
	while (former->next < former->count)
		former_drop(former, former->next++);
}

/* --- what the record has of deliveries --- */

/* Read in their order. */
struct remembered {
	struct record_rows *rows;
	struct delivery_record row;
	bool valid;
	size_t unclaimed; /* rows that no delivery of the present world has taken by its name */
};

static void remembered_step(struct inventory *inventory, struct remembered *remembered)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	int r = remembered->rows ? record_rows_next(remembered->rows, &remembered->row, &err) : 0;

	(void)record_ended(inventory, r, &err);
	remembered->valid = r > 0;
	if (r <= 0)
		remembered->rows = record_rows_close(remembered->rows);
}

static void remembered_open(struct inventory *inventory, struct remembered *remembered)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;

	*remembered = (struct remembered){ 0 };
	if (!inventory->record ||
		!record_ended(inventory,
			record_rows_open(inventory->record, &remembered->rows, &err), &err))
		return;
	remembered_step(inventory, remembered);
}

static struct delivery_record *remembered_find(
	struct inventory *inventory, struct remembered *remembered, const char *name)
{
	while (remembered->valid) {
		/* One that was taken over has left its name with the state. */
		int order = remembered->row.name ? strcmp(remembered->row.name, name) : -1;

		if (order >= 0)
			return order == 0 ? &remembered->row : NULL;
		remembered->unclaimed += remembered->row.name != NULL;
		delivery_record_done(&remembered->row);
		remembered_step(inventory, remembered);
	}
	return NULL;
}

static void remembered_done(struct remembered *remembered)
{
	remembered->unclaimed += remembered->valid && remembered->row.name;
	delivery_record_done(&remembered->row);
	remembered->rows = record_rows_close(remembered->rows);
}

/* --- the deliveries of the present world --- */

/* The next slot of the present world, with what it points at.  The stock shows those that are there,
 * and memory is taken for no other. */
static void add_slot(struct inventory *inventory, const struct expanded_delivery *delivery)
{
	const size_t index = inventory->stock.delivery_count++;
	struct tracked_certificate *certificate = inventory->certificates[delivery->certificate];
	struct slot *slot = &inventory->slots[index];

	slot->certificate = delivery->certificate;
	slot->place = delivery->place;
	slot->wish = delivery->wish;
	if (!certificate->count++)
		certificate->first = index;
}

/* --- rows under other names --- */

/*
 * A delivery is its object: where an entry is called otherwise, or match: goes on with another
 * certificate, its name is another one, and what is recorded under the former name is about it
 * still.
 */
struct heir {
	char *place; /* object_key() but for the source certificate, its last word */
	size_t slot;
	struct delivery_record *row; /* NULL: none yet */
};

struct heirs {
	struct heir *items;
	size_t count;
};

static void heirs_done(struct heirs *heirs)
{
	for (size_t i = 0; i < heirs->count; i++) {
		free(heirs->items[i].place);
		if (heirs->items[i].row)
			delivery_record_done(heirs->items[i].row);
		free(heirs->items[i].row);
	}
	free(heirs->items);
}

static char *place_of_object(const char *object)
{
	const char *source = object ? strrchr(object, ' ') : NULL;

	return source ? mem_strndup(object, (size_t)(source - object)) : NULL;
}

static int compare_heirs(const void *a, const void *b)
{
	return strcmp(((const struct heir *)a)->place, ((const struct heir *)b)->place);
}

static bool is_recorded(const struct slot *slot)
{
	return slot->open ? slot->open->has_record : slot->settled.has_record;
}

/* One of which nothing is recorded, and whose object has a name of its own: of the others the object
 * is another one, too. */
static void add_heir(struct inventory *inventory, size_t index, struct heirs *heirs)
{
	struct slot *slot = &inventory->slots[index];

	if (is_recorded(slot) || slot->claimed_by || !stock_wish(&inventory->stock, slot)->as)
		return;
	if ((heirs->count & (heirs->count - 1)) == 0)
		heirs->items = mem_resize(
			heirs->items, MAX(heirs->count * 2, (size_t)1), sizeof(*heirs->items));
	heirs->items[heirs->count++] = (struct heir){
		.place = place_of_object(inventory_open(inventory, index)->record.object),
		.slot = index,
	};
	inventory_end_turn(inventory);
}

/* What is recorded under the former name is the heir's from now on. */
static void inherit(struct inventory *inventory, struct heir *heir)
{
	struct tracked_delivery *delivery = own_delivery(inventory_open(inventory, heir->slot));
	_cleanup_(freep) char *former = take(heir->row->name);
	bool begun;

	delivery_record_done(&delivery->record);
	delivery->record = *heir->row;
	*heir->row = (struct delivery_record){ 0 };
	delivery->record.name = mem_strdup(delivery->name);
	delivery->has_record = true;
	delivery_point(inventory, delivery);
	begun = inventory_begin(inventory);
	if (save_delivery(inventory, delivery))
		(void)remove_delivery(inventory, former);
	inventory_commit(inventory, begun);
}

/* Of several that were confirmed there, the last. */
static void offer(
	const struct inventory *inventory, const struct heirs *heirs, struct delivery_record *row)
{
	struct heir key = { .place = place_of_object(row->object) };
	struct heir *heir = NULL;

	if (key.place && digest_is_set(&row->confirmed.digest) &&
		!stock_find_slot(&inventory->stock, row->name))
		heir = bsearch(&key, heirs->items, heirs->count, sizeof(key), compare_heirs);
	free(key.place);
	if (!heir || (heir->row && heir->row->confirmed_at >= row->confirmed_at))
		return;
	if (heir->row)
		delivery_record_done(heir->row);
	else
		heir->row = mem_new(struct delivery_record);
	*heir->row = *row;
	*row = (struct delivery_record){ 0 };
}

static void read_offers(struct inventory *inventory, const struct heirs *heirs)
{
	struct remembered remembered;

	for (remembered_open(inventory, &remembered); remembered.valid;
		remembered_step(inventory, &remembered)) {
		offer(inventory, heirs, &remembered.row);
		delivery_record_done(&remembered.row);
	}
}

/* Where the record has rows that no delivery has taken by its name: at a first start it has none. */
static void hand_down(struct inventory *inventory)
{
	_cleanup_(heirs_done) struct heirs heirs = { NULL, 0 };

	for (size_t i = 0; i < inventory->stock.delivery_count; i++)
		add_heir(inventory, i, &heirs);
	if (!heirs.count)
		return;
	qsort(heirs.items, heirs.count, sizeof(*heirs.items), compare_heirs);
	read_offers(inventory, &heirs);
	for (size_t i = 0; i < heirs.count; i++)
		if (heirs.items[i].row)
			inherit(inventory, &heirs.items[i]);
	inventory_end_turn(inventory);
}

/* What is known of slot ${i}: as the former world had it (${state}), or as the record has it. */
static void take_over(struct inventory *inventory, size_t i, struct tracked_delivery *state,
	const struct slot *former)
{
	struct slot *slot = &inventory->slots[i];

	state->slot = i;
	state->certificate = certificate_of(inventory, slot);
	state->place = place_of(inventory, slot);
	slot->open = state;
	slot->asked = former ? former->asked : inventory->once;
	/* Looks, tags and proofs were ended. */
	slot->claimed_by = former ? former->claimed_by & CLAIM_TRANSFER : 0;
	if (!slot->claimed_by)
		delivery_point(inventory, state);
	delivery_settle(inventory, state);
	if (former && former->untagged)
		want_tag(inventory, slot);
}

/* The name of its delivery; the caller owns it. */
static char *slot_name(const struct inventory *inventory, const struct slot *slot)
{
	return mem_join(certificate_of(inventory, slot)->name, "/",
		place_of(inventory, slot)->place->name, NULL);
}

void take_over_deliveries(struct inventory *inventory, struct former *former)
{
	struct expansion *expansion = inventory->stock.world->expansion;
	struct remembered remembered;

	remembered_open(inventory, &remembered);
	inventory->slots = mem_alloc(expansion->delivery_count * sizeof(*inventory->slots));
	inventory->stock.slots = inventory->slots;
	inventory->stock.delivery_count = 0;
	for (size_t i = 0; i < expansion->delivery_count; i++) {
		_cleanup_(freep) char *name = NULL;
		struct tracked_delivery *state;

		add_slot(inventory, &expansion->deliveries[i]);
		name = slot_name(inventory, &inventory->slots[i]);
		state = former_find(former, name);
		if (state)
			take_over(inventory, i, state, &former->slots[former->next - 1]);
		else
			take_over(inventory, i,
				tracked_delivery_new(
					name, remembered_find(inventory, &remembered, name)),
				NULL);
	}
	drop_deliveries(former);
	remembered_done(&remembered);
	if (remembered.unclaimed)
		hand_down(inventory);
	expansion_forget_deliveries(expansion);
}
