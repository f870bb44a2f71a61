/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/actor/tag.h"

#include <stdlib.h>

/* At one place so many under way keep its tagging lane from running dry. */
#define TAGS_AT_ONCE_PLACE 4
#define TAGS_AT_ONCE       32 /* at those that answer */
#define TAGS_IN_ALL        128

struct tagging {
	struct tagging *next;
	struct tags *tags;
	size_t slot;
	struct delivery delivery;
	char *object_id;
	struct fingerprint anchor;
	struct destination_tag *call;
};

/* A place of the present world. */
struct tag_place {
	size_t tagging; /* under way */
	size_t tagged; /* since none was untagged */
};

struct tags {
	struct tags_host host;
	const struct stock *stock;
	struct tagging *taggings; /* under way */
	size_t tagging; /* how many these are */
	size_t cursor; /* the slot at which the search for the next goes on */
	struct tag_place *places; /* as stock.places */
};

static void tagging_free(struct tagging *tagging)
{
	struct tags *tags = tagging->tags;

	for (struct tagging **at = &tags->taggings; *at; at = &(*at)->next)
		if (*at == tagging) {
			*at = tagging->next;
			break;
		}
	inventory_unclaim(tags->host.inventory, tagging->slot, CLAIM_TAG);
	tags->places[tags->stock->slots[tagging->slot].place].tagging--;
	tags->tagging--;
	destination_tag_cancel(tagging->call);
	delivery_done(&tagging->delivery);
	free(tagging->object_id);
	free(tagging);
}

/* --- what came of it --- */

static void say_failed(const struct tags *tags, const struct tracked_place *place,
	const struct delivery *delivery, const struct error *err)
{
	const char *action = destination_tag_action(place->place);
	const struct change failed = { .event = CHANGE_TAG_FAILED, .error = err };
	const struct change denied = {
		.event = CHANGE_TAG_DENIED,
		.error = err,
		.words = action,
		.who = destination_tag_policy(place->place),
	};

	say_place(tags->host.inventory, place, delivery,
		err->kind == ERROR_DENIED && action ? &denied : &failed);
}

/* One that was taken over may have been left out of the policy by itself; else all are in the
 * same case. */
static void note_failed(struct tags *tags, const struct tracked_place *place,
	const struct delivery *delivery, const struct error *err)
{
	say_failed(tags, place, delivery, err);
	if (err->kind == ERROR_ABSENT || err->kind == ERROR_INVALID ||
		err->kind == ERROR_CONFLICT || delivery->arn)
		return;
	inventory_tags_refused(tags->host.inventory, place,
		err->kind == ERROR_DENIED && destination_tag_action(place->place));
}

static void note_tagged(
	struct tags *tags, const struct tracked_place *place, const struct delivery *delivery)
{
	struct tag_place *own = &tags->places[place->place->index];
	const struct change one = { .event = CHANGE_TAGGED };
	const struct change all = { .event = CHANGE_TAGGED_ALL, .count = ++own->tagged };

	say_place(tags->host.inventory, place, delivery, &one);
	if (place->untagged)
		return;
	say_place(tags->host.inventory, place, NULL, &all);
	own->tagged = 0;
}

static void on_tagged(void *userdata, const struct error *err)
{
	struct tagging *tagging = userdata;
	struct tags *tags = tagging->tags;
	const struct tracked_place *place = stock_place(
		tags->stock, &tags->stock->slots[tagging->slot]);

	tagging->call = NULL;
	inventory_tagged(tags->host.inventory, tagging->slot, &tagging->anchor, err);
	if (err)
		note_failed(tags, place, &tagging->delivery, err);
	else
		note_tagged(tags, place, &tagging->delivery);
	tagging_free(tagging);
}

/* --- the next ones --- */

static void start(struct tags *tags, size_t index)
{
	const struct slot *slot = &tags->stock->slots[index];
	const struct tracked_delivery *delivery = inventory_open(tags->host.inventory, index);
	struct tagging *tagging = mem_new(struct tagging);

	*tagging = (struct tagging){
		.next = tags->taggings,
		.tags = tags,
		.slot = index,
		.object_id = mem_strdup(delivery->observed.object_id ?: delivery->record.object_id),
		.anchor = delivery->record.anchor,
	};
	stock_make_delivery(tags->stock, slot, &tagging->delivery);
	tags->taggings = tagging;
	inventory_claim(tags->host.inventory, index, CLAIM_TAG);
	tags->places[slot->place].tagging++;
	tags->tagging++;
	tagging->call = destination_tag(tags->host.context, &tagging->delivery, tagging->object_id,
		&tagging->anchor, delivery->observed.former != NULL, on_tagged, tagging);
}

/* The next one at a place that has room; SIZE_MAX: there is none. */
static size_t find_next(struct tags *tags)
{
	const struct stock *stock = tags->stock;

	for (size_t i = 0; stock->untagged > tags->tagging && i < stock->delivery_count; i++) {
		size_t index = tags->cursor++ % stock->delivery_count;
		const struct slot *slot = &stock->slots[index];

		if (slot->untagged && !(slot->claimed_by & (CLAIM_TAG | CLAIM_LOOK)) &&
			place_is_open(stock_place(stock, slot)) &&
			tags->places[slot->place].tagging < TAGS_AT_ONCE_PLACE)
			return index;
	}
	return SIZE_MAX;
}

static bool may_tag(const struct tags *tags)
{
	size_t count = 0;

	for (const struct tagging *tagging = tags->taggings; tagging; tagging = tagging->next)
		count += place_is_open(
			stock_place(tags->stock, &tags->stock->slots[tagging->slot]));
	return count < TAGS_AT_ONCE && tags->tagging < TAGS_IN_ALL;
}

void tags_due(struct tags *tags)
{
	struct inventory *inventory = tags->host.inventory;
	size_t index;

	while (tags->stock->tags_wanted && may_tag(tags)) {
		index = find_next(tags);
		if (index == SIZE_MAX)
			inventory_tags_looked_through(inventory);
		else if (tags->host.wanted(tags->host.userdata, index))
			start(tags, index);
		else
			inventory_tag_later(inventory, index);
	}
}

/* --- birth and death --- */

bool tags_are_busy(const struct tags *tags)
{
	return tags->taggings != NULL;
}

void tags_cancel(struct tags *tags)
{
	while (tags->taggings)
		tagging_free(tags->taggings);
}

void tags_new_world(struct tags *tags)
{
	free(tags->places);
	tags->places = mem_alloc(tags->stock->place_count * sizeof(*tags->places));
}

struct tags *tags_new(const struct tags_host *host)
{
	struct tags *tags = mem_new(struct tags);

	tags->host = *host;
	tags->stock = inventory_stock(host->inventory);
	return tags;
}

struct tags *tags_free(struct tags *tags)
{
	if (!tags)
		return NULL;
	tags_cancel(tags);
	free(tags->places);
	free(tags);
	return NULL;
}
