/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_ROOM_H
#define LIB_AWS_ROOM_H

/*
 * The memory that a listing may have, the page that is being read and what is kept of those before: answers that are well
 * formed can still be without end.  Pure.
 */

#include <stdbool.h>
#include <stddef.h>

struct room {
	size_t used, most; /* bytes */
	/* Asked when there are not so many left: true when ${most} has grown by enough.  NULL: it never does. */
	bool (*grow)(struct room *room, size_t bytes);
	void *userdata; /* for it */
};

/* What malloc(3) and a pointer to it add to a text, about. */
#define ROOM_TEXT 24

/* room_take(room, bytes): false when there is not so much left; then nothing is taken. */
static inline bool room_take(struct room *room, size_t bytes)
{
	if (bytes > room->most - room->used && (!room->grow || !room->grow(room, bytes)))
		return false;
	room->used += bytes;
	return true;
}

/* room_give(room, bytes): what was taken is free again. */
static inline void room_give(struct room *room, size_t bytes)
{
	room->used -= bytes;
}

#endif
