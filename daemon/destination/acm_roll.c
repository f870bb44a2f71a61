/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/destination/acm_roll.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/destination/tags.h"
#include "lib/base/encode.h"
#include "lib/base/strv.h"

/* An account fails in few ways; of more, the last is told. */
#define ERRORS_MOST 8

/* What is known of the tags of an import. */
enum known {
	KNOWN_NOTHING, /* they are not read yet */
	KNOWN_OTHERS, /* certferry did not put it there */
	KNOWN_CERTFERRYS, /* it did, for none of the items */
	KNOWN_OWN, /* for one of them */
	KNOWN_FORMER, /* for one of them, of another source certificate */
	KNOWN_UNREADABLE,
};

struct entry {
	unsigned char uuid[16];
	uint32_t item; /* whose it is by its tags, or before they are read by what the search found; NO_ITEM: none */
	uint8_t known;
	uint8_t error; /* of KNOWN_UNREADABLE */
};

#define NO_ITEM UINT32_MAX

struct acm_roll {
	const struct look_item *items;
	size_t item_count;
	const struct look_item **owners; /* by the tags that objects of theirs bear */
	const struct look_item **objects; /* by their objects' names alone */
	char **formers; /* for each item the source certificate of one that is KNOWN_FORMER, or NULL */
	struct fingerprint *anchors; /* of their objects */
	char *prefix; /* of each ARN, before its UUID */
	struct entry *entries; /* by UUID, and so by ARN */
	size_t count;
	struct error errors[ERRORS_MOST];
	size_t error_count;
};

/* --- whose they are --- */

static int compare_owner(const char *source, const char *name, const struct delivery *delivery)
{
	return strcmp(source, delivery->source_arn) ?: strcmp(name, delivery->object);
}

static int compare_owners(const void *a, const void *b)
{
	const struct delivery *left = (*(const struct look_item *const *)a)->delivery;

	return compare_owner(left->source_arn, left->object, (*(const struct look_item *const *)b)->delivery);
}

static uint32_t find_owner(const struct acm_roll *roll, char *const *tags)
{
	const char *source = tags_find(tags, TAG_SOURCE), *name = tags_find(tags, TAG_NAME);
	size_t low = 0, high = source && name ? roll->item_count : 0;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const int order = compare_owner(source, name, roll->owners[middle]->delivery);

		if (order == 0)
			return (uint32_t)(roll->owners[middle] - roll->items);
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NO_ITEM;
}

static int compare_objects(const void *a, const void *b)
{
	return strcmp((*(const struct look_item *const *)a)->delivery->object,
		(*(const struct look_item *const *)b)->delivery->object);
}

static uint32_t find_object(const struct acm_roll *roll, char *const *tags)
{
	const char *name = tags_find(tags, TAG_NAME);
	const struct delivery delivery = { .object = (char *)name };
	const struct look_item item = { .delivery = &delivery }, *key = &item;
	const struct look_item **found;

	if (!name || !tags_find(tags, TAG_SOURCE) || !roll->item_count)
		return NO_ITEM;
	found = bsearch(
		&key, roll->objects, roll->item_count, sizeof(*roll->objects), compare_objects);
	return found ? (uint32_t)(*found - roll->items) : NO_ITEM;
}

static uint8_t keep_error(struct acm_roll *roll, const struct error *err)
{
	for (size_t i = 0; i < roll->error_count; i++)
		if (roll->errors[i].kind == err->kind && roll->errors[i].code == err->code)
			return (uint8_t)i;
	if (roll->error_count < ERRORS_MOST)
		roll->error_count++;
	error_copy(&roll->errors[roll->error_count - 1], err);
	return (uint8_t)(roll->error_count - 1);
}

void acm_roll_note(struct acm_roll *roll, size_t index, char *const *tags, const struct error *err)
{
	struct entry *entry = &roll->entries[index];
	struct observed seen = { 0 };

	if (err) {
		entry->known = KNOWN_UNREADABLE;
		entry->error = keep_error(roll, err);
		return;
	}
	entry->item = find_owner(roll, tags);
	entry->known = tags_are_certferrys(tags) ? KNOWN_CERTFERRYS : KNOWN_OTHERS;
	if (entry->item != NO_ITEM) {
		entry->known = KNOWN_OWN;
		tags_see(tags, roll->items[entry->item].delivery, &seen);
		roll->anchors[entry->item] = seen.anchor;
		return;
	}
	entry->item = find_object(roll, tags);
	if (entry->item == NO_ITEM)
		return;
	entry->known = KNOWN_FORMER;
	free(roll->formers[entry->item]);
	roll->formers[entry->item] = mem_strdup(tags_find(tags, TAG_SOURCE));
}

/* --- which they are --- */

static size_t prefix_length(const char *arn)
{
	const size_t length = strlen(arn);

	return length > UUID_LENGTH ? length - UUID_LENGTH : 0;
}

static bool add_entry(struct acm_roll *roll, const struct import *import)
{
	const char *arn = import->summary.arn;
	const size_t length = prefix_length(arn);
	struct entry *entry = &roll->entries[roll->count];

	if (!roll->prefix)
		roll->prefix = mem_strndup(arn, length);
	if (!length || strlen(roll->prefix) != length || strncmp(arn, roll->prefix, length) != 0 ||
		uuid_parse(arn + length, entry->uuid) < 0)
		return false;
	entry->item = find_owner(roll, import->found_tags);
	if (import->tags_read || import->error.kind != ERROR_NONE)
		acm_roll_note(roll, roll->count, import->tags, import->tags_read ? NULL : &import->error);
	roll->count++;
	return true;
}

struct acm_roll *acm_roll_new(
	const struct import_list *imports, const bool *wanted, const struct look_item *items, size_t count)
{
	struct acm_roll *roll = mem_new(struct acm_roll);

	roll->items = items;
	roll->item_count = count;
	roll->owners = mem_alloc(count * sizeof(*roll->owners));
	roll->objects = mem_alloc(count * sizeof(*roll->objects));
	roll->formers = mem_alloc(count * sizeof(*roll->formers));
	roll->anchors = mem_alloc(count * sizeof(*roll->anchors));
	roll->entries = mem_alloc(imports->count * sizeof(*roll->entries));
	for (size_t i = 0; i < count; i++)
		roll->owners[i] = roll->objects[i] = &items[i];
	qsort(roll->owners, count, sizeof(*roll->owners), compare_owners);
	qsort(roll->objects, count, sizeof(*roll->objects), compare_objects);
	for (size_t i = 0; i < imports->count; i++) {
		const struct import *import = &imports->items[i];

		if ((wanted[i] || import->tags_read || import->error.kind != ERROR_NONE) && !add_entry(roll, import))
			return acm_roll_free(roll);
	}
	roll->entries = mem_resize(roll->entries, MAX(roll->count, (size_t)1), sizeof(*roll->entries));
	return roll;
}

struct acm_roll *acm_roll_free(struct acm_roll *roll)
{
	if (!roll)
		return NULL;
	for (size_t i = 0; i < roll->error_count; i++)
		error_done(&roll->errors[i]);
	for (size_t i = 0; i < roll->item_count; i++)
		free(roll->formers[i]);
	free(roll->formers);
	free(roll->objects);
	free(roll->owners);
	free(roll->anchors);
	free(roll->prefix);
	free(roll->entries);
	free(roll);
	return NULL;
}

size_t acm_roll_size(const struct acm_roll *roll)
{
	return sizeof(*roll) + roll->count * (sizeof(struct entry) + sizeof(uint32_t));
}

static int compare_uuid(const void *key, const void *entry)
{
	return memcmp(key, ((const struct entry *)entry)->uuid, sizeof(((const struct entry *)entry)->uuid));
}

size_t acm_roll_find(const struct acm_roll *roll, const char *arn)
{
	unsigned char uuid[16] = { 0 };
	const struct entry *found;

	(void)uuid_parse(arn + prefix_length(arn), uuid);
	found = bsearch(uuid, roll->entries, roll->count, sizeof(*roll->entries), compare_uuid);
	assert(found);
	return (size_t)(found - roll->entries);
}

char *acm_roll_arn(const struct acm_roll *roll, size_t index)
{
	char uuid[UUID_LENGTH + 1];

	uuid_format(roll->entries[index].uuid, uuid);
	return mem_printf("%s%s", roll->prefix, uuid);
}

/* --- what was read of them --- */

static char **tags_of_own(const struct acm_roll *roll, uint32_t item)
{
	return tags_of_anchor(roll->items[item].delivery, &roll->anchors[item]);
}

static char **tags_of_former(const struct acm_roll *roll, uint32_t item)
{
	const struct delivery former = {
		.source_arn = roll->formers[item],
		.object = roll->items[item].delivery->object,
	};

	return tags_of_anchor(&former, &(struct fingerprint){ 0 });
}

static void apply_entry(const struct acm_roll *roll, const struct entry *entry, struct import *import)
{
	if (entry->known == KNOWN_FORMER) {
		import->tags = tags_of_former(roll, entry->item);
		import->tags_read = true;
		return;
	}
	if (entry->item != NO_ITEM && !import->found_tags)
		import->found_tags = tags_of_own(roll, entry->item);
	if (entry->known == KNOWN_UNREADABLE)
		error_copy(&import->error, &roll->errors[entry->error]);
	if (entry->known == KNOWN_CERTFERRYS)
		strv_append(&import->tags, TAG_SOURCE "=");
	if (entry->known == KNOWN_OWN)
		import->tags = tags_of_own(roll, entry->item);
	import->tags_read = entry->known != KNOWN_UNREADABLE;
}

void acm_roll_apply(const struct acm_roll *roll, struct import_list *imports)
{
	for (size_t i = 0; i < roll->count; i++) {
		const struct entry *entry = &roll->entries[i];
		_cleanup_(freep) char *arn = acm_roll_arn(roll, i);
		struct import *import = import_find(imports, arn);

		if (!import && entry->item != NO_ITEM)
			import = import_list_add(imports, arn);
		if (import && entry->known != KNOWN_NOTHING)
			apply_entry(roll, entry, import);
	}
}
