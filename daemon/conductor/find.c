/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/conductor/state.h"

#include <stdlib.h>
#include <string.h>

/* --- by name: these arrays hold pointers to structures that begin with it --- */

static int compare_name(const void *key, const void *item)
{
	return strcmp(key, **(char *const *const *)item);
}

static void *find_by_name(const char *name, void *array, size_t count)
{
	void **item = count ? bsearch(name, array, count, sizeof(void *), compare_name) : NULL;

	return item ? *item : NULL;
}

struct tracked_certificate *state_find_certificate(const struct conductor *conductor, const char *name)
{
	return find_by_name(name, conductor->certificates, conductor->certificate_count);
}

bool state_is_present(const struct conductor *conductor, const struct tracked_certificate *certificate)
{
	return state_find_certificate(conductor, certificate->name) == certificate;
}

struct tracked_dependent *state_find_dependent(struct conductor *conductor, const char *name)
{
	return find_by_name(name, conductor->dependents, conductor->dependent_count);
}

size_t state_dependent_index(const struct conductor *conductor, const char *name)
{
	struct tracked_dependent **item = conductor->dependent_count
		? bsearch(name, conductor->dependents, conductor->dependent_count, sizeof(void *), compare_name) : NULL;

	return item ? (size_t)(item - conductor->dependents) : SIZE_MAX;
}

/* --- certificates by ARN --- */

static int compare_arn(const void *a, const void *b)
{
	const struct tracked_certificate *left = *(struct tracked_certificate *const *)a;
	const struct tracked_certificate *right = *(struct tracked_certificate *const *)b;
	int order = strcmp(left->arn, right->arn);

	return order ? order : strcmp(left->name, right->name);
}

void state_sort_by_arn(struct conductor *conductor)
{
	size_t count = conductor->certificate_count;

	free(conductor->by_arn);
	conductor->by_arn = mem_alloc(count * sizeof(struct tracked_certificate *));
	for (size_t i = 0; i < count; i++)
		conductor->by_arn[i] = conductor->certificates[i];
	qsort(conductor->by_arn, count, sizeof(struct tracked_certificate *), compare_arn);
}

struct tracked_certificate **state_find_arn(const struct conductor *conductor, const char *arn, size_t *ret_count)
{
	size_t low = 0, high = conductor->certificate_count, count = 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(conductor->by_arn[middle]->arn, arn) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	while (low + count < conductor->certificate_count && strcmp(conductor->by_arn[low + count]->arn, arn) == 0)
		count++;
	*ret_count = count;
	return conductor->by_arn + low;
}

/* --- deliveries, whose names are not kept --- */

int state_compare_name(const char *certificate, const char *place, const char *name)
{
	size_t length = strlen(certificate);
	int order = strncmp(certificate, name, length);

	if (order)
		return order;
	if (name[length] != '/')
		return '/' < (unsigned char)name[length] ? -1 : 1;
	return strcmp(place, name + length + 1);
}

static int compare_slot(const struct conductor *conductor, const struct slot *slot, const char *name)
{
	return state_compare_name(
		state_certificate(conductor, slot)->name, state_place(conductor, slot)->place->name, name);
}

size_t state_lower_slot(const struct conductor *conductor, const char *name)
{
	size_t low = 0, high = conductor->delivery_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct slot *slot = &conductor->slots[middle];

		if (compare_slot(conductor, slot, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

size_t state_lower_certificate(const struct conductor *conductor, const char *name)
{
	size_t low = 0, high = conductor->certificate_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(conductor->certificates[middle]->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct slot *state_find_slot(const struct conductor *conductor, const char *name)
{
	size_t at = state_lower_slot(conductor, name);
	struct slot *slot = at < conductor->delivery_count ? &conductor->slots[at] : NULL;

	return slot && compare_slot(conductor, slot, name) == 0 ? slot : NULL;
}

struct tracked_delivery *state_find_delivery(struct conductor *conductor, const char *name)
{
	struct slot *slot = state_find_slot(conductor, name);

	return slot ? state_open(conductor, (size_t)(slot - conductor->slots)) : NULL;
}
