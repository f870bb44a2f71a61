/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists by links in the certificates themselves, so that touching one twice costs nothing, and a binary heap by time.
 * A certificate is in the heap as long as its time is not USEC_INFINITY.
 */
#include "daemon/conductor/state.h"

#include <stdlib.h>

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

void agenda_touch(struct agenda *agenda, struct tracked_certificate *certificate)
{
	if (certificate->agenda.touched)
		return;
	certificate->agenda.touched = true;
	certificate->agenda.next_touched = NULL;
	*agenda->touched_end = certificate;
	agenda->touched_end = &certificate->agenda.next_touched;
}

struct tracked_certificate *agenda_take(struct agenda *agenda)
{
	struct tracked_certificate *certificate = agenda->touched;

	if (!certificate)
		return NULL;
	agenda->touched = certificate->agenda.next_touched;
	if (!agenda->touched)
		agenda->touched_end = &agenda->touched;
	certificate->agenda.touched = false;
	return certificate;
}

/* --- waiting for room --- */

static struct certificate_queue *queue_of(struct agenda *agenda, const struct tracked_certificate *certificate)
{
	return certificate->agenda.hurried ? &agenda->hurried : &agenda->ready;
}

void agenda_wait(struct agenda *agenda, struct tracked_certificate *certificate)
{
	if (certificate->agenda.ready)
		return;
	certificate->agenda.ready = true;
	TAILQ_INSERT_TAIL(queue_of(agenda, certificate), certificate, agenda.ready_link);
}

static void stop_waiting(struct agenda *agenda, struct tracked_certificate *certificate)
{
	TAILQ_REMOVE(queue_of(agenda, certificate), certificate, agenda.ready_link);
	certificate->agenda.ready = false;
}

void agenda_hurry(struct agenda *agenda, struct tracked_certificate *certificate, bool hurried)
{
	struct agenda_item *item = &certificate->agenda;

	if (item->hurried == hurried)
		return;
	if (item->ready)
		TAILQ_REMOVE(queue_of(agenda, certificate), certificate, agenda.ready_link);
	item->hurried = hurried;
	if (item->ready && hurried)
		TAILQ_INSERT_TAIL(&agenda->hurried, certificate, agenda.ready_link);
	else if (item->ready) /* it was before these already */
		TAILQ_INSERT_HEAD(&agenda->ready, certificate, agenda.ready_link);
}

struct tracked_certificate *agenda_first_waiting(const struct agenda *agenda)
{
	return TAILQ_FIRST(&agenda->hurried) ?: TAILQ_FIRST(&agenda->ready);
}

struct tracked_certificate *agenda_take_waiting(struct agenda *agenda,
	bool (*may_start)(const void *userdata, const struct tracked_certificate *certificate), const void *userdata)
{
	struct certificate_queue *const queues[] = { &agenda->hurried, &agenda->ready };
	struct tracked_certificate *certificate;

	for (size_t i = 0; i < ARRAY_SIZE(queues); i++)
		TAILQ_FOREACH(certificate, queues[i], agenda.ready_link)
		if (may_start(userdata, certificate)) {
			stop_waiting(agenda, certificate);
			return certificate;
		}
	return NULL;
}

/* --- by time --- */

static void heap_put(struct agenda *agenda, size_t at, struct tracked_certificate *certificate)
{
	agenda->heap[at] = certificate;
	certificate->agenda.at = at;
}

/* Moves the one at ${at} up or down to where it belongs. */
static void heap_order(struct agenda *agenda, size_t at)
{
	struct tracked_certificate *certificate = agenda->heap[at];
	usec_t due = certificate->agenda.due;

	while (at > 0 && agenda->heap[(at - 1) / 2]->agenda.due > due) {
		heap_put(agenda, at, agenda->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	for (size_t child = 2 * at + 1; child < agenda->heap_count; child = 2 * at + 1) {
		if (child + 1 < agenda->heap_count &&
			agenda->heap[child + 1]->agenda.due < agenda->heap[child]->agenda.due)
			child++;
		if (agenda->heap[child]->agenda.due >= due)
			break;
		heap_put(agenda, at, agenda->heap[child]);
		at = child;
	}
	heap_put(agenda, at, certificate);
}

static void heap_add(struct agenda *agenda, struct tracked_certificate *certificate)
{
	if (agenda->heap_count == agenda->heap_size) {
		agenda->heap_size = MAX(agenda->heap_size * 2, (size_t)16);
		agenda->heap = mem_resize(agenda->heap, agenda->heap_size, sizeof(struct tracked_certificate *));
	}
	heap_put(agenda, agenda->heap_count++, certificate);
}

static void heap_remove(struct agenda *agenda, size_t at)
{
	struct tracked_certificate *last = agenda->heap[--agenda->heap_count];

	if (at < agenda->heap_count) {
		heap_put(agenda, at, last);
		heap_order(agenda, at);
	}
}

void agenda_set(struct agenda *agenda, struct tracked_certificate *certificate, usec_t due)
{
	usec_t before = certificate->agenda.due;

	certificate->agenda.due = due;
	if (before == USEC_INFINITY && due != USEC_INFINITY)
		heap_add(agenda, certificate);
	if (due != USEC_INFINITY)
		heap_order(agenda, certificate->agenda.at);
	else if (before != USEC_INFINITY)
		heap_remove(agenda, certificate->agenda.at);
}

usec_t agenda_first(const struct agenda *agenda)
{
	return agenda->heap_count ? agenda->heap[0]->agenda.due : USEC_INFINITY;
}

void agenda_wake(struct agenda *agenda, usec_t now)
{
	while (agenda_first(agenda) <= now) {
		struct tracked_certificate *certificate = agenda->heap[0];

		agenda_set(agenda, certificate, USEC_INFINITY);
		agenda_touch(agenda, certificate);
	}
}

/* --- the end of one --- */

void agenda_forget(struct agenda *agenda, struct tracked_certificate *certificate)
{
	agenda_set(agenda, certificate, USEC_INFINITY);
	for (struct tracked_certificate **at = &agenda->touched; certificate->agenda.touched && *at;
		at = &(*at)->agenda.next_touched) {
		if (*at != certificate)
			continue;
		*at = certificate->agenda.next_touched;
		if (!*at)
			agenda->touched_end = at;
		certificate->agenda.touched = false;
		break;
	}
	if (certificate->agenda.ready)
		stop_waiting(agenda, certificate);
}
