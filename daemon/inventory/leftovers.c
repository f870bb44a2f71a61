/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects that certferry made and no delivery cares for any more.  The record has them: as the row
 * of a delivery that the configuration (or a match) does not come to any more; and, of one that is
 * about another object now, as a row of its own, whose name no delivery can have: that of the
 * delivery, " @" and the object.  Each is there until somebody has seen that its object is gone.
 */
#include "daemon/inventory/inside.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/bounded.h"
#include "lib/base/strv.h"

#define SEPARATOR " @"

/* So many are said one by one when the world becomes another one. */
#define SAID_MOST 10

static void leftover_done(struct leftover *leftover)
{
	free(leftover->row);
	free(leftover->name);
	free(leftover->object);
	free(leftover->object_id);
	free(leftover->problem);
	strv_free(leftover->users);
	*leftover = (struct leftover){ 0 };
}

static void leftovers_done(struct leftover *leftovers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		leftover_done(&leftovers[i]);
	free(leftovers);
}

/* --- rows that are set aside --- */

void leftover_row(const struct tracked_delivery *delivery, struct delivery_record *ret_row)
{
	const struct delivery_record *record = &delivery->record;

	if (!delivery->has_record || !record->object_id ||
		!digest_is_set(&record->confirmed.digest))
		return;
	*ret_row = (struct delivery_record){
		.name = mem_printf("%s" SEPARATOR "%s", delivery->name, record->object_id),
		.object = mem_strdup(record->object),
		.object_id = mem_strdup(record->object_id),
		.confirmed = record->confirmed,
		.confirmed_at = record->confirmed_at,
	};
}

void leftover_set_aside(struct inventory *inventory, struct delivery_record *row)
{
	if (!row->name)
		return;
	inventory->aside = mem_resize(
		inventory->aside, inventory->aside_count + 1, sizeof(*inventory->aside));
	inventory->aside[inventory->aside_count++] = *row;
	*row = (struct delivery_record){ 0 };
}

void leftovers_save(struct inventory *inventory)
{
	for (size_t i = 0; i < inventory->aside_count; i++) {
		(void)save_delivery_row(inventory, &inventory->aside[i]);
		delivery_record_done(&inventory->aside[i]);
	}
	free(take(inventory->aside));
	inventory->aside_count = 0;
}

/* --- what there is --- */

/* What a match comes to, and {domain} in a name, is known once the source was read: may it be a delivery of such an entry? */
static bool is_awaited(const struct inventory *inventory, const char *name)
{
	const struct desired *desired = inventory->stock.world->desired;

	for (size_t i = 0; i < desired->certificate_count && !inventory->stock.view; i++) {
		const struct desired_certificate *entry = &desired->certificates[i];
		const size_t length = strlen(entry->name);

		if (strncmp(name, entry->name, length) == 0 && name[length] == '/')
			return true;
	}
	return false;
}

static void add(struct inventory *inventory, struct delivery_record *row)
{
	struct leftover *leftover;
	const char *end;
	bool awaited;
	char *name;

	if (!row->name || !row->object_id || !row->object || !digest_is_set(&row->confirmed.digest))
		return;
	end = strstr(row->name, SEPARATOR);
	awaited = !end && is_awaited(inventory, row->name);
	if (inventory->stock.leftover_count == LEFTOVERS_MOST) {
		*(awaited ? &inventory->stock.awaited_left_out
			  : &inventory->stock.leftovers_left_out) += 1;
		return;
	}
	inventory->leftovers = mem_resize(inventory->leftovers, inventory->stock.leftover_count + 1,
		sizeof(*inventory->leftovers));
	name = mem_strndup(row->name, end ? (size_t)(end - row->name) : strlen(row->name));
	leftover = &inventory->leftovers[inventory->stock.leftover_count++];
	*leftover = (struct leftover){
		.name = name,
		.row = take(row->name),
		.object = take(row->object),
		.object_id = take(row->object_id),
		.version = row->confirmed,
		.confirmed_at = row->confirmed_at,
		.awaited = awaited,
	};
}

/* How the name of slot ${index}'s delivery compares with ${name}; after it, when there is no
 * such slot. */
static int compare_slot(const struct inventory *inventory, size_t index, const char *name)
{
	const struct slot *slot = &inventory->slots[index];

	if (index == inventory->stock.delivery_count)
		return 1;
	return compare_delivery_name(certificate_of(inventory, slot)->name,
		place_of(inventory, slot)->place->name, name);
}

/* Rows and slots are both in the order of their names. */
static void read_rows(struct inventory *inventory)
{
	_cleanup_(record_rows_closep) struct record_rows *rows = NULL;
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct delivery_record row = { 0 };
	size_t at = 0;
	int r = record_rows_open(inventory->record, &rows, &err);

	while (r >= 0 && (r = record_rows_next(rows, &row, &err)) > 0) {
		while (at < inventory->stock.delivery_count &&
			compare_slot(inventory, at, row.name) < 0)
			at++;
		if (compare_slot(inventory, at, row.name) != 0)
			add(inventory, &row);
		delivery_record_done(&row);
	}
	(void)record_ended(inventory, r, &err);
}

static int compare_leftovers(const void *a, const void *b)
{
	return strcmp(
		((const struct leftover *)a)->object_id, ((const struct leftover *)b)->object_id);
}

/* What was found out of it before. */
static void inherit(struct leftover *leftover, struct leftover *former)
{
	leftover->said = former->said;
	leftover->checked_at = former->checked_at;
	leftover->users = take(former->users);
	leftover->user_count = former->user_count;
	leftover->users_known = former->users_known;
	leftover->problem = take(former->problem);
}

static bool is_new(struct inventory *inventory, struct leftover *leftover, struct leftover *former,
	size_t count)
{
	struct leftover *found =
		count ? bsearch(leftover, former, count, sizeof(*former), compare_leftovers) : NULL;

	if (found)
		inherit(leftover, found);
	return !leftover->said && !leftover->cared_for && !leftover->awaited;
}

static void say_new(struct inventory *inventory, struct leftover *former, size_t former_count)
{
	size_t said = 0, more = 0;

	for (size_t i = 0; i < inventory->stock.leftover_count; i++) {
		struct leftover *leftover = &inventory->leftovers[i];
		_cleanup_(freep) char *words = NULL;
		char end[TIME_TEXT_SIZE];

		if (!is_new(inventory, leftover, former, former_count))
			continue;
		leftover->said = true;
		if (++said > SAID_MOST) {
			more++;
			continue;
		}
		words = mem_printf("Delivery '%s' has left '%s', and no delivery writes it any more; "
				   "it stays where it is, and its certificate expires %s. Delete it "
				   "once nothing uses it",
			leftover->name, leftover->object_id,
			time_format(leftover->version.not_after, end));
		say_words(inventory, CHANGE_LEFT, words);
	}
	if (more) {
		_cleanup_(freep) char *words = mem_printf(
			"%zu more objects are there that no delivery writes any more; 'certferry status' lists "
			"them", more);

		say_words(inventory, CHANGE_LEFT, words);
	}
}

/* An object that was left more than once is one; the rows are seen one after another when it is
 * gone. */
static void drop_doubles(struct inventory *inventory)
{
	size_t kept = 0;

	for (size_t i = 0; i < inventory->stock.leftover_count; i++)
		if (kept && compare_leftovers(
				    &inventory->leftovers[kept - 1], &inventory->leftovers[i]) == 0)
			leftover_done(&inventory->leftovers[i]);
		else
			inventory->leftovers[kept++] = inventory->leftovers[i];
	inventory->stock.leftover_count = kept;
}

static void publish(struct inventory *inventory)
{
	qsort(inventory->leftovers, inventory->stock.leftover_count, sizeof(*inventory->leftovers),
		compare_leftovers);
	drop_doubles(inventory);
	inventory->stock.leftovers = inventory->leftovers;
	inventory_judge_leftovers(inventory);
}

void leftovers_find(struct inventory *inventory)
{
	struct leftover *former = take(inventory->leftovers);
	const size_t former_count = inventory->stock.leftover_count;

	leftovers_save(inventory);
	inventory->stock.leftover_count = inventory->stock.leftovers_left_out =
		inventory->stock.awaited_left_out = 0;
	if (inventory->record)
		read_rows(inventory);
	if (inventory->leftovers)
		publish(inventory);
	else
		inventory->stock.leftovers = NULL;
	say_new(inventory, former, former_count);
	leftovers_done(former, former_count);
}

void leftovers_forget(struct inventory *inventory)
{
	for (size_t i = 0; i < inventory->aside_count; i++)
		delivery_record_done(&inventory->aside[i]);
	free(inventory->aside);
	leftovers_done(inventory->leftovers, inventory->stock.leftover_count);
	inventory->leftovers = NULL;
	inventory->stock.leftovers = NULL;
	inventory->stock.leftover_count = 0;
}

/* --- facts --- */

void inventory_judge_leftovers(struct inventory *inventory)
{
	const size_t count = inventory->stock.leftover_count;

	for (size_t i = 0; i < count; i++)
		inventory->leftovers[i].cared_for = false;
	for (size_t i = 0; count && i < inventory->stock.delivery_count; i++) {
		_cleanup_(freep) char *object = slot_object(
			&inventory->stock, &inventory->slots[i]);
		const struct leftover key = { .object_id = object };
		struct leftover *found = object ? bsearch(&key, inventory->leftovers, count,
							  sizeof(key), compare_leftovers)
						: NULL;

		if (found)
			found->cared_for = true;
	}
}

static struct leftover *find(struct inventory *inventory, const char *object_id)
{
	for (size_t i = 0; i < inventory->stock.leftover_count; i++)
		if (strcmp(inventory->leftovers[i].object_id, object_id) == 0)
			return &inventory->leftovers[i];
	return NULL;
}

void inventory_leftover_unseen(struct inventory *inventory, const char *object_id, const char *why)
{
	struct leftover *leftover = find(inventory, object_id);

	if (!leftover)
		return;
	free(leftover->problem);
	leftover->problem = bounded(mem_strdup(why), BOUNDED_TEXT);
}

void inventory_leftover_seen(
	struct inventory *inventory, const char *object_id, bool knows_users, char *const *users)
{
	struct leftover *leftover = find(inventory, object_id);

	if (!leftover)
		return;
	free(take(leftover->problem));
	leftover->checked_at = inventory_now(inventory);
	leftover->users_known = knows_users;
	leftover->user_count = strv_length(users);
	leftover->users = strv_free(leftover->users);
	for (size_t i = 0; i < MIN(leftover->user_count, USERS_OF_CANDIDATE); i++) {
		_cleanup_(freep) char *user = bounded(mem_strdup(users[i]), BOUNDED_NAME);

		strv_append(&leftover->users, user);
	}
}

void inventory_leftover_gone(struct inventory *inventory, const char *object_id)
{
	struct leftover *leftover = find(inventory, object_id);
	size_t index;

	if (!leftover || !remove_delivery(inventory, leftover->row))
		return;
	index = (size_t)(leftover - inventory->leftovers);
	leftover_done(leftover);
	inventory->stock.leftover_count--;
	memmove(leftover, leftover + 1,
		(inventory->stock.leftover_count - index) * sizeof(*leftover));
}
