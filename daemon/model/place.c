/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/model/place.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"

const struct place_kind *place_kind_of(const struct desired_destination *destination)
{
	return place_kinds[destination->kind];
}

const char *destination_kind_name(enum destination_kind kind)
{
	return place_kinds[kind]->name;
}

struct place *place_new(const struct desired_destination *destination, const char *region,
	size_t number, size_t index)
{
	const struct place_kind *kind = place_kind_of(destination);
	struct place *place = kind->make(destination, region, number);

	place->destination = destination;
	place->index = index;
	place->name = kind->count(destination) > 1
			      ? mem_printf("%s/%s", destination->name, place->key)
			      : mem_strdup(destination->name);
	return place;
}

struct place *place_free(struct place *place)
{
	if (!place)
		return NULL;
	free(place->name);
	free(place->key);
	free(place->via);
	place_kind_of(place->destination)->free(place);
	return NULL;
}

const char *place_part(const struct place *place, const char *name)
{
	const struct place_kind *kind = place_kind_of(place->destination);

	return kind->part ? kind->part(place, name) : NULL;
}

int place_compare(const struct place *a, const struct place *b)
{
	const struct desired_destination *left = a->destination, *right = b->destination;
	int order;

	if (a == b)
		return 0;
	if (left->kind != right->kind)
		return left->kind < right->kind ? -1 : 1;
	order = strcmp(a->key, b->key);
	return order ? order : strcmp(a->via ?: "", b->via ?: "");
}

char *place_object_text(const struct place *place, const char *object)
{
	return place_kind_of(place->destination)->object_text(place, object);
}

#define PLACEHOLDER_MOST 32 /* no name is longer */

static const char *placeholder_find(
	const struct placeholders *values, const char *text, size_t length)
{
	char name[PLACEHOLDER_MOST];

	if (length >= sizeof(name))
		return NULL;
	memcpy(name, text, length);
	name[length] = '\0';
	if (strcmp(name, "certificate") == 0)
		return values->certificate;
	if (strcmp(name, "domain") == 0)
		return values->domain;
	return values->place ? place_part(values->place, name) : NULL;
}

char *placeholders_replace(const char *text, const struct placeholders *values)
{
	struct buf result = BUF_NULL;

	if (!text)
		return NULL;
	while (*text) {
		const char *end = *text == '{' ? strchr(text, '}') : NULL;
		const char *value =
			end ? placeholder_find(values, text + 1, (size_t)(end - text - 1)) : NULL;

		if (value) {
			buf_append_string(&result, value);
			text = end + 1;
		} else {
			buf_append_char(&result, *text++);
		}
	}
	return buf_take(&result);
}
