/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The deliveries of the present world, of the former one and of the record are each in the order of their names, and may
 * be very many: all three are walked once, side by side.
 */
#include "daemon/conductor/state.h"

#include <stdlib.h>
#include <string.h>

/* --- the deliveries of the former world --- */

/* The state of the former slot ${index}. */
static struct tracked_delivery *former_take(struct former *former, size_t index)
{
	struct slot *slot = &former->slots[index];
	struct tracked_delivery *state = slot->open;

	if (!state)
		state = tracked_delivery_unpack(former->world, former->certificates[slot->certificate], slot);
	slot->open = NULL;
	return state;
}

static void former_drop(struct conductor *conductor, struct former *former, size_t index)
{
	struct slot *slot = &former->slots[index];

	if (!slot->open)
		settled_done(&slot->settled);
	else if (!(slot->claimed_by & CLAIM_TRANSFER))
		tracked_delivery_free(conductor, slot->open);
	else
		slot->open->slot = SIZE_MAX;
}

/* The state of the delivery named so, if there was one; those before it go. */
static struct tracked_delivery *former_find(struct conductor *conductor, struct former *former, const char *name)
{
	while (former->next < former->count) {
		const struct slot *slot = &former->slots[former->next];
		int order = state_compare_name(former->certificates[slot->certificate]->name,
			former->world->expansion->places[slot->place]->name, name);

		if (order > 0)
			return NULL;
		if (order == 0)
			return former_take(former, former->next++);
		former_drop(conductor, former, former->next++);
	}
	return NULL;
}

void adopt_drop_deliveries(struct conductor *conductor, struct former *former)
{
	while (former->next < former->count)
		former_drop(conductor, former, former->next++);
}

/* --- what the record has of deliveries --- */

/* Read in their order. */
struct remembered {
	struct record_rows *rows;
	struct delivery_record row;
	bool valid;
};

static void remembered_step(struct conductor *conductor, struct remembered *remembered)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	int r = remembered->rows ? record_rows_next(remembered->rows, &remembered->row, &err) : 0;

	(void)conductor_recorded(conductor, r, &err);
	remembered->valid = r > 0;
	if (r <= 0)
		remembered->rows = record_rows_close(remembered->rows);
}

static void remembered_open(struct conductor *conductor, struct remembered *remembered)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;

	*remembered = (struct remembered){ 0 };
	if (!conductor->record || !conductor_recorded(conductor,
					  record_rows_open(conductor->record, &remembered->rows, &err), &err))
		return;
	remembered_step(conductor, remembered);
}

static struct delivery_record *remembered_find(
	struct conductor *conductor, struct remembered *remembered, const char *name)
{
	while (remembered->valid) {
		/* One that was taken over has left its name with the state. */
		int order = remembered->row.name ? strcmp(remembered->row.name, name) : -1;

		if (order >= 0)
			return order == 0 ? &remembered->row : NULL;
		delivery_record_done(&remembered->row);
		remembered_step(conductor, remembered);
	}
	return NULL;
}

static void remembered_done(struct remembered *remembered)
{
	delivery_record_done(&remembered->row);
	remembered->rows = record_rows_close(remembered->rows);
}

/* --- the deliveries of the present world --- */

static size_t certificate_index(const struct expansion *expansion, const char *name)
{
	size_t low = 0, high = expansion->certificate_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(expansion->certificates[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The slots of ${expansion}, with what they point at; states are put in by adopt_deliveries(). */
static struct slot *slots_new(struct conductor *conductor, const struct expansion *expansion)
{
	struct slot *slots = mem_alloc(expansion->delivery_count * sizeof(*slots));

	for (size_t i = 0; i < expansion->delivery_count; i++) {
		const struct delivery *delivery = &expansion->deliveries[i];
		bool same = i && strcmp(delivery[-1].certificate, delivery->certificate) == 0;
		size_t certificate = same ? slots[i - 1].certificate
					  : certificate_index(expansion, delivery->certificate);
		struct tracked_certificate *state = conductor->certificates[certificate];

		slots[i].certificate = (uint32_t)certificate;
		slots[i].place = (uint32_t)delivery->place->index;
		slots[i].wish = (uint16_t)(delivery->wish - delivery->entry->deliver);
		if (!state->count++)
			state->first = i;
	}
	return slots;
}

void adopt_deliveries(struct conductor *conductor, struct former *former)
{
	struct expansion *expansion = conductor->world->expansion;
	struct remembered remembered;

	remembered_open(conductor, &remembered);
	conductor->slots = slots_new(conductor, expansion);
	conductor->delivery_count = expansion->delivery_count;
	for (size_t i = 0; i < conductor->delivery_count; i++) {
		struct slot *slot = &conductor->slots[i];
		const char *name = expansion->deliveries[i].name;
		struct tracked_delivery *state = former_find(conductor, former, name);

		slot->asked = state ? former->slots[former->next - 1].asked : conductor->options.once;
		/* Looks and tags were ended, and a proof is when it is pointed at the present world. */
		if (state)
			slot->claimed_by = former->slots[former->next - 1].claimed_by & CLAIM_TRANSFER;
		slot->open = state ?: tracked_delivery_new(name, remembered_find(conductor, &remembered, name));
		slot->open->slot = i;
		slot->open->certificate = state_certificate(conductor, slot);
		slot->open->place = state_place(conductor, slot);
		if (!(slot->claimed_by & CLAIM_TRANSFER))
			tracked_delivery_point(conductor, slot->open);
		tracked_delivery_settle(conductor, slot->open);
		if (state && former->slots[former->next - 1].untagged)
			tag_want(conductor, slot);
	}
	adopt_drop_deliveries(conductor, former);
	remembered_done(&remembered);
	expansion_forget_deliveries(expansion);
}
