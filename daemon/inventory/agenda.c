/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists by links in the items themselves, so that touching one twice costs nothing, and a binary
 * heap by time. An item is in the heap as long as its time is not USEC_INFINITY.
 */
#include "daemon/inventory/agenda.h"

#include <stdlib.h>

#include "lib/base/mem.h"

void agenda_init(struct agenda *agenda)
{
	*agenda = (struct agenda){ 0 };
	agenda->touched_end = &agenda->touched;
	TAILQ_INIT(&agenda->hurried);
	TAILQ_INIT(&agenda->ready);
}

void agenda_done(struct agenda *agenda)
{
	free(agenda->heap);
	agenda_init(agenda);
}

/* --- touched --- */

void agenda_touch(struct agenda *agenda, struct agenda_item *item)
{
	if (item->touched)
		return;
	item->touched = true;
	item->next_touched = NULL;
	*agenda->touched_end = item;
	agenda->touched_end = &item->next_touched;
}

struct agenda_item *agenda_take(struct agenda *agenda)
{
	struct agenda_item *item = agenda->touched;

	if (!item)
		return NULL;
	agenda->touched = item->next_touched;
	if (!agenda->touched)
		agenda->touched_end = &agenda->touched;
	item->touched = false;
	return item;
}

/* --- waiting for room --- */

static struct agenda_queue *queue_of(struct agenda *agenda, const struct agenda_item *item)
{
	return item->hurried ? &agenda->hurried : &agenda->ready;
}

void agenda_wait(struct agenda *agenda, struct agenda_item *item)
{
	if (item->ready)
		return;
	item->ready = true;
	TAILQ_INSERT_TAIL(queue_of(agenda, item), item, ready_link);
}

static void stop_waiting(struct agenda *agenda, struct agenda_item *item)
{
	TAILQ_REMOVE(queue_of(agenda, item), item, ready_link);
	item->ready = false;
}

void agenda_hurry(struct agenda *agenda, struct agenda_item *item, bool hurried)
{
	if (item->hurried == hurried)
		return;
	if (item->ready)
		TAILQ_REMOVE(queue_of(agenda, item), item, ready_link);
	item->hurried = hurried;
	if (item->ready && hurried)
		TAILQ_INSERT_TAIL(&agenda->hurried, item, ready_link);
	else if (item->ready) /* it was before these already */
		TAILQ_INSERT_HEAD(&agenda->ready, item, ready_link);
}

struct agenda_item *agenda_first_waiting(const struct agenda *agenda)
{
	return TAILQ_FIRST(&agenda->hurried) ?: TAILQ_FIRST(&agenda->ready);
}

struct agenda_item *agenda_take_waiting(struct agenda *agenda,
	bool (*may_start)(const void *userdata, const struct agenda_item *item),
	const void *userdata)
{
	struct agenda_queue *const queues[] = { &agenda->hurried, &agenda->ready };
	struct agenda_item *item;

	for (size_t i = 0; i < ARRAY_SIZE(queues); i++)
		TAILQ_FOREACH (item, queues[i], ready_link)
			if (may_start(userdata, item)) {
				stop_waiting(agenda, item);
				return item;
			}
	return NULL;
}

/* --- by time --- */

static void heap_put(struct agenda *agenda, size_t at, struct agenda_item *item)
{
	agenda->heap[at] = item;
	item->at = at;
}

/* Moves the one at ${at} up or down to where it belongs. */
static void heap_order(struct agenda *agenda, size_t at)
{
	struct agenda_item *item = agenda->heap[at];
	usec_t due = item->due;

	while (at > 0 && agenda->heap[(at - 1) / 2]->due > due) {
		heap_put(agenda, at, agenda->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	for (size_t child = 2 * at + 1; child < agenda->heap_count; child = 2 * at + 1) {
		if (child + 1 < agenda->heap_count &&
			agenda->heap[child + 1]->due < agenda->heap[child]->due)
			child++;
		if (agenda->heap[child]->due >= due)
			break;
		heap_put(agenda, at, agenda->heap[child]);
		at = child;
	}
	heap_put(agenda, at, item);
}

static void heap_add(struct agenda *agenda, struct agenda_item *item)
{
	if (agenda->heap_count == agenda->heap_size) {
		agenda->heap_size = MAX(agenda->heap_size * 2, (size_t)16);
		agenda->heap = mem_resize(
			agenda->heap, agenda->heap_size, sizeof(struct agenda_item *));
	}
	heap_put(agenda, agenda->heap_count++, item);
}

static void heap_remove(struct agenda *agenda, size_t at)
{
	struct agenda_item *last = agenda->heap[--agenda->heap_count];

	if (at < agenda->heap_count) {
		heap_put(agenda, at, last);
		heap_order(agenda, at);
	}
}

void agenda_set(struct agenda *agenda, struct agenda_item *item, usec_t due)
{
	usec_t before = item->due;

	item->due = due;
	if (before == USEC_INFINITY && due != USEC_INFINITY)
		heap_add(agenda, item);
	if (due != USEC_INFINITY)
		heap_order(agenda, item->at);
	else if (before != USEC_INFINITY)
		heap_remove(agenda, item->at);
}

usec_t agenda_first(const struct agenda *agenda)
{
	return agenda->heap_count ? agenda->heap[0]->due : USEC_INFINITY;
}

void agenda_wake(struct agenda *agenda, usec_t now)
{
	while (agenda_first(agenda) <= now) {
		struct agenda_item *item = agenda->heap[0];

		agenda_set(agenda, item, USEC_INFINITY);
		agenda_touch(agenda, item);
	}
}

/* --- the end of one --- */

void agenda_forget(struct agenda *agenda, struct agenda_item *item)
{
	agenda_set(agenda, item, USEC_INFINITY);
	for (struct agenda_item **at = &agenda->touched; item->touched && *at;
		at = &(*at)->next_touched) {
		if (*at != item)
			continue;
		*at = item->next_touched;
		if (!*at)
			agenda->touched_end = at;
		item->touched = false;
		break;
	}
	if (item->ready)
		stop_waiting(agenda, item);
}
