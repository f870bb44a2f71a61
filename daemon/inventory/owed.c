/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/inventory/inside.h"

#include <stdlib.h>
#include <string.h>

/* Where the row of ${delivery} is, or would be. */
static size_t owed_index(const struct tracked_dependent *dependent, const char *delivery)
{
	size_t low = 0, high = dependent->owed_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(dependent->owed[middle]->delivery, delivery) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct owed_record *find_owed(const struct tracked_dependent *dependent, const char *delivery)
{
	size_t at = owed_index(dependent, delivery);

	return at < dependent->owed_count && strcmp(dependent->owed[at]->delivery, delivery) == 0
		       ? dependent->owed[at]
		       : NULL;
}

struct owed_record *dependent_owe(struct tracked_dependent *dependent, const char *delivery)
{
	struct owed_record *row = find_owed(dependent, delivery);
	size_t at = owed_index(dependent, delivery), count = dependent->owed_count;

	if (row)
		return row;
	row = mem_new(struct owed_record);
	row->dependent = mem_strdup(dependent->name);
	row->delivery = mem_strdup(delivery);
	if ((count & (count - 1)) == 0)
		dependent->owed = mem_resize(
			dependent->owed, MAX(count * 2, (size_t)1), sizeof(row));
	memmove(dependent->owed + at + 1, dependent->owed + at, (count - at) * sizeof(row));
	dependent->owed[at] = row;
	dependent->owed_count++;
	return row;
}

void dependent_forget_owed(struct tracked_dependent *dependent, struct owed_record *row)
{
	size_t at = owed_index(dependent, row->delivery);

	memmove(dependent->owed + at, dependent->owed + at + 1,
		(dependent->owed_count - at - 1) * sizeof(row));
	dependent->owed_count--;
	owed_record_done(row);
	free(row);
}
