/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/inventory/inside.h"

#include <stdlib.h>
#include <string.h>

/* --- by name: these arrays hold pointers to structures that begin with it --- */

static int compare_name(const void *key, const void *item)
{
	return strcmp(key, **(char *const *const *)item);
}

/* Where it is; SIZE_MAX: nowhere. */
static size_t index_by_name(const char *name, const void *array, size_t count)
{
	const void *const *item = count ? bsearch(name, array, count, sizeof(void *), compare_name)
					: NULL;

	return item ? (size_t)(item - (const void *const *)array) : SIZE_MAX;
}

const struct tracked_certificate *stock_find_certificate(
	const struct stock *stock, const char *name)
{
	size_t at = index_by_name(name, stock->certificates, stock->certificate_count);

	return at < stock->certificate_count ? stock->certificates[at] : NULL;
}

bool stock_is_present(const struct stock *stock, const struct tracked_certificate *certificate)
{
	return stock_find_certificate(stock, certificate->name) == certificate;
}

size_t stock_dependent_index(const struct stock *stock, const char *name)
{
	return index_by_name(name, stock->dependents, stock->dependent_count);
}

const struct tracked_dependent *stock_find_dependent(const struct stock *stock, const char *name)
{
	size_t at = stock_dependent_index(stock, name);

	return at < stock->dependent_count ? stock->dependents[at] : NULL;
}

struct tracked_dependent *find_dependent(const struct inventory *inventory, const char *name)
{
	return own_dependent(stock_find_dependent(&inventory->stock, name));
}

/* --- certificates by ARN --- */

static int compare_arn(const void *a, const void *b)
{
	const struct tracked_certificate *left = *(struct tracked_certificate *const *)a;
	const struct tracked_certificate *right = *(struct tracked_certificate *const *)b;
	int order = strcmp(left->arn, right->arn);

	return order ? order : strcmp(left->name, right->name);
}

void sort_by_arn(struct inventory *inventory)
{
	size_t count = inventory->stock.certificate_count;

	free(inventory->by_arn);
	inventory->by_arn = mem_alloc(count * sizeof(*inventory->by_arn));
	for (size_t i = 0; i < count; i++)
		inventory->by_arn[i] = inventory->certificates[i];
	qsort(inventory->by_arn, count, sizeof(*inventory->by_arn), compare_arn);
}

const struct tracked_certificate *const *inventory_find_arn(
	const struct inventory *inventory, const char *arn, size_t *ret_count)
{
	struct tracked_certificate *const *all = inventory->by_arn;
	size_t low = 0, high = inventory->stock.certificate_count, count = 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(all[middle]->arn, arn) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	while (low + count < inventory->stock.certificate_count &&
		strcmp(all[low + count]->arn, arn) == 0)
		count++;
	*ret_count = count;
	return (const struct tracked_certificate *const *)all + low;
}

/* --- deliveries, whose names are not kept --- */

int compare_delivery_name(const char *certificate, const char *place, const char *name)
{
	size_t length = strlen(certificate);
	int order = strncmp(certificate, name, length);

	if (order)
		return order;
	if (name[length] != '/')
		return '/' < (unsigned char)name[length] ? -1 : 1;
	return strcmp(place, name + length + 1);
}

static int compare_slot(const struct stock *stock, const struct slot *slot, const char *name)
{
	return compare_delivery_name(
		stock_certificate(stock, slot)->name, stock_place(stock, slot)->place->name, name);
}

size_t stock_lower_slot(const struct stock *stock, const char *name)
{
	size_t low = 0, high = stock->delivery_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct slot *slot = &stock->slots[middle];

		if (compare_slot(stock, slot, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

size_t stock_lower_certificate(const struct stock *stock, const char *name)
{
	size_t low = 0, high = stock->certificate_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(stock->certificates[middle]->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct slot *stock_find_slot(const struct stock *stock, const char *name)
{
	size_t at = stock_lower_slot(stock, name);
	const struct slot *slot = at < stock->delivery_count ? &stock->slots[at] : NULL;

	return slot && compare_slot(stock, slot, name) == 0 ? slot : NULL;
}
