/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A share is
 *	empty	it has nothing, and is in no list
 *	large	it has room of AWS_ROOM
 *	small	it has shrunk, and has room of AWS_ROOM_READING
 */
#include <stdlib.h>
#include <sys/queue.h>

#include "lib/aws/client.h"
#include "lib/os/clock.h"

struct aws_share {
	struct aws *aws;
	size_t bytes; /* 0: it is in no list */
	bool small;
	usec_t since, taken; /* when it took the first of them, later by what it has earned, and the last; monotonic */
	void (*give_way)(void *userdata);
	void *userdata;
	bool spared;
	TAILQ_ENTRY(aws_share) link; /* in aws->shares */
};

/* What the others have: the first of each, what the large ones have besides, and the small ones. */
struct others {
	size_t first, more, small;
};

struct aws_share *aws_share_new(struct aws *aws)
{
	struct aws_share *share = mem_new(struct aws_share);

	share->aws = aws;
	return share;
}

static size_t first_of(size_t bytes)
{
	return MIN(bytes, AWS_SHARE_FIRST);
}

static struct others count_others(const struct aws_share *share)
{
	const struct aws_share *other;
	struct others others = { 0 };

	TAILQ_FOREACH(other, &share->aws->shares, link) {
		if (other == share)
			continue;
		others.small += other->small ? other->bytes : 0;
		others.first += other->small ? 0 : first_of(other->bytes);
		others.more += other->small ? 0 : other->bytes - first_of(other->bytes);
	}
	return others;
}

/* May it have so much, all in all? */
static bool has_room(const struct aws_share *share, size_t bytes)
{
	const struct others others = count_others(share);
	const size_t first = others.first + first_of(bytes), more = others.more + bytes - first_of(bytes);

	if (share->small)
		return others.small + bytes <= AWS_ROOM_READING;
	if (bytes <= AWS_SHARE_FIRST)
		return first <= AWS_ROOM_FIRST || first + more <= AWS_ROOM;
	return !others.more || MAX(first, AWS_ROOM_FIRST) + more <= AWS_ROOM;
}

static struct aws_share *larger(struct aws_share *a, struct aws_share *b)
{
	return !a || b->bytes > a->bytes ? b : a;
}

/* What others have first is nothing for who has more. */
static size_t least_of_use(const struct aws_share *share, size_t bytes)
{
	return !share->small && bytes > AWS_SHARE_FIRST ? AWS_SHARE_FIRST + 1 : 1;
}

/* The largest of the others that gives what it has at once. */
static struct aws_share *find_spared(const struct aws_share *share, size_t bytes)
{
	const size_t least = least_of_use(share, bytes);
	struct aws_share *other, *largest = NULL;

	TAILQ_FOREACH(other, &share->aws->shares, link)
	if (other != share && other->spared && !other->small && other->bytes >= least)
		largest = larger(largest, other);
	return largest;
}

bool aws_share_take(struct aws_share *share, size_t bytes)
{
	struct aws_share *spared;

	while (!has_room(share, share->bytes + bytes)) {
		spared = find_spared(share, share->bytes + bytes);
		if (!spared)
			return false;
		spared->give_way(spared->userdata);
	}
	share->taken = clock_monotonic();
	if (!share->bytes && bytes) {
		share->since = share->taken;
		TAILQ_INSERT_TAIL(&share->aws->shares, share, link);
	}
	share->bytes += bytes;
	return true;
}

void aws_share_give(struct aws_share *share)
{
	if (share->bytes)
		TAILQ_REMOVE(&share->aws->shares, share, link);
	share->bytes = 0;
	share->small = false;
}

bool aws_share_shrink(struct aws_share *share, size_t bytes, usec_t now)
{
	const bool small = share->small;

	share->small = true;
	while (!has_room(share, bytes))
		if (!aws_share_press(share, bytes, now)) {
			share->small = small;
			return false;
		}
	aws_share_give(share);
	if (!bytes)
		return true;
	TAILQ_INSERT_TAIL(&share->aws->shares, share, link);
	share->bytes = bytes;
	share->small = true;
	share->since = share->taken = now;
	return true;
}

void aws_share_bind(struct aws_share *share, void (*give_way)(void *userdata), void *userdata)
{
	share->give_way = give_way;
	share->userdata = userdata;
	share->spared = false;
}

void aws_share_spare(struct aws_share *share, void (*give_way)(void *userdata), void *userdata)
{
	aws_share_bind(share, give_way, userdata);
	share->spared = true;
}

void aws_share_earn(struct aws_share *share)
{
	share->since = usec_add(share->since, AWS_ROOM_EARNED);
}

static bool is_overdue(const struct aws_share *share, usec_t now)
{
	return now >= usec_add(share->since, AWS_ROOM_HELD) ||
	       (!share->small && now >= usec_add(share->taken, AWS_ROOM_STILL));
}

bool aws_share_press(struct aws_share *share, size_t bytes, usec_t now)
{
	const size_t least = least_of_use(share, bytes);
	struct aws_share *other, *largest = NULL;

	TAILQ_FOREACH(other, &share->aws->shares, link)
	if (other != share && other->small == share->small && other->bytes >= least && other->give_way &&
		is_overdue(other, now))
		largest = larger(largest, other);
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
