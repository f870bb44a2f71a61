/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <sys/queue.h>

#include "lib/aws/client.h"
#include "lib/os/clock.h"

struct aws_share {
	struct aws *aws;
	size_t bytes; /* 0: it is in no list */
	usec_t since; /* when it took the first of them; monotonic */
	void (*give_way)(void *userdata);
	void *userdata;
	TAILQ_ENTRY(aws_share) link; /* in aws->shares */
};

struct aws_share *aws_share_new(struct aws *aws)
{
	struct aws_share *share = mem_new(struct aws_share);

	share->aws = aws;
	return share;
}

static bool is_alone(const struct aws_share *share)
{
	return share->aws->room.used == share->bytes;
}

/* Is there so much for it?  More than there is has only one who is alone. */
static bool has_room(const struct aws_share *share, size_t bytes)
{
	const struct room *room = &share->aws->room;

	return is_alone(share) || (room->used <= room->most && bytes <= room->most - room->used);
}

bool aws_share_take(struct aws_share *share, size_t bytes)
{
	if (!has_room(share, bytes))
		return false;
	if (!share->bytes && bytes) {
		share->since = clock_monotonic();
		TAILQ_INSERT_TAIL(&share->aws->shares, share, link);
	}
	share->bytes += bytes;
	share->aws->room.used += bytes;
	return true;
}

void aws_share_give(struct aws_share *share)
{
	if (!share->bytes)
		return;
	TAILQ_REMOVE(&share->aws->shares, share, link);
	room_give(&share->aws->room, share->bytes);
	share->bytes = 0;
}

void aws_share_bind(struct aws_share *share, void (*give_way)(void *userdata), void *userdata)
{
	share->give_way = give_way;
	share->userdata = userdata;
}

bool aws_share_press(struct aws_share *share, usec_t now)
{
	struct aws_share *other, *largest = NULL;

	TAILQ_FOREACH(other, &share->aws->shares, link)
	if (other != share && other->give_way && now >= usec_add(other->since, AWS_ROOM_HELD) &&
		(!largest || other->bytes > largest->bytes))
		largest = other;
	if (!largest)
		return false;
	largest->give_way(largest->userdata);
	return true;
}

struct aws_share *aws_share_free(struct aws_share *share)
{
	if (!share)
		return NULL;
	aws_share_give(share);
	free(share);
	return NULL;
}
