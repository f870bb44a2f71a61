/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/model/change.h"

#include <assert.h>

struct change *changes_add(struct changes *changes, enum change_event event)
{
	struct change *change = &changes->items[changes->count];

	assert(changes->count < CHANGES_MOST);
	changes->count++;
	*change = (struct change){ .event = event };
	return change;
}

const char *change_name(enum change_event event)
{
	static const char *const names[CHANGE_EVENTS] = {
#define CHANGE_NAME(name, text) [CHANGE_##name] = (text),
		CHANGES(CHANGE_NAME)
#undef CHANGE_NAME
	};

	return names[event];
}
