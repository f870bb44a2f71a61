/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/actor/watch.h"

#include <stdlib.h>

#include "daemon/transition/schedule.h"
#include "lib/base/strv.h"
#include "lib/os/clock.h"

/* Private certificates are dated an hour back, public ones to the start of their day, and reads
 * lag. */
#define LOOK_BACK   (72 * USEC_PER_HOUR)

#define POLL_JITTER 10 /* percent */

struct watch {
	struct watch_host host;
	struct source_watch source;
};

static const struct desired *desired_of(const struct watch *watch)
{
	return inventory_stock(watch->host.inventory)->world->desired;
}

/* --- when --- */

static void schedule_reads(struct watch *watch, bool swept, const struct error *err)
{
	const struct desired *desired = desired_of(watch);
	struct source_watch *source = &watch->source;
	usec_t now = clock_monotonic();
	usec_t poll = jitter(desired->poll, POLL_JITTER);

	if (err) {
		usec_t wait = backoff(++source->failures, err->kind);

		source->next_look = now + jitter(MIN(wait, desired->poll), POLL_JITTER);
		if (swept)
			source->next_sweep = source->next_look;
		return;
	}
	source->failures = 0;
	source->next_look = now + poll;
	if (swept)
		source->next_sweep = now + jitter(desired->sweep, POLL_JITTER);
}

/* --- what is read --- */

static void on_view(void *userdata, const struct source_view *former)
{
	struct watch *watch = userdata;

	watch->host.on_view(watch->host.userdata, watch->source.view, former);
}

/* What was listed, while the versions are still being read: what they are is told one by one, so
 * that the first is on its way when the last is not read yet. */
static void on_listed(void *userdata)
{
	struct watch *watch = userdata;
	const struct stock *stock = inventory_stock(watch->host.inventory);

	for (size_t i = 0; i < stock->certificate_count; i++)
		inventory_listed(watch->host.inventory, stock->certificates[i]);
	watch->host.on_tells(watch->host.userdata);
	inventory_changed(watch->host.inventory);
}

static void on_version(void *userdata, const struct source_certificate *certificate)
{
	struct watch *watch = userdata;
	struct inventory *inventory = watch->host.inventory;
	const struct tracked_certificate *const *certificates;
	size_t count;

	certificates = inventory_find_arn(inventory, certificate->arn, &count);
	for (size_t i = 0; i < count; i++) {
		inventory_version_read(inventory, certificates[i]);
		inventory_touch(inventory, certificates[i]);
		watch->host.on_read(watch->host.userdata, certificates[i]);
	}
	inventory_changed(inventory);
}

static void on_reading(void *userdata, const struct source_certificate *listed)
{
	struct watch *watch = userdata;
	const struct tracked_certificate *const *certificates;
	size_t count;

	if (!watch->host.on_reading)
		return;
	certificates = inventory_find_arn(watch->host.inventory, listed->arn, &count);
	for (size_t i = 0; i < count; i++)
		watch->host.on_reading(watch->host.userdata, certificates[i], listed);
}

static void note_all(struct watch *watch)
{
	const struct stock *stock = inventory_stock(watch->host.inventory);

	for (size_t i = 0; i < stock->certificate_count; i++)
		inventory_version_read(watch->host.inventory, stock->certificates[i]);
	inventory_save_versions(watch->host.inventory);
}

/* The source may soon list more than is believed, or more than there is memory for after a
 * start, when all of it is new. */
static void note_size(struct watch *watch)
{
	const unsigned most = desired_of(watch)->source.certificates_max;
	const size_t count = watch->source.view->count, room = source_room(desired_of(watch));
	const bool many = count >= most / 10 * 9, large = watch->source.view_size >= room / 10 * 9;
	_cleanup_(freep) char *room_text = mem_printf("%zu", room >> 10);
	struct change change = { .event = CHANGE_SOURCE_FITS };

	if (many)
		change = (struct change){
			.event = CHANGE_SOURCE_FILLS, .count = count, .total = most
		};
	else if (large)
		change = (struct change){
			.event = CHANGE_SOURCE_SWELLS,
			.count = watch->source.view_size >> 10,
			.total = most,
			.words = room_text,
		};
	say(watch->host.inventory, &change);
}

static void note_failure(struct watch *watch, const struct error *err)
{
	say(watch->host.inventory, &(struct change){ .event = CHANGE_SOURCE_FAILED, .error = err });
	error_copy(&watch->source.problem, err);
}

static void note_success(struct watch *watch, bool swept, struct source_view *view)
{
	struct inventory *inventory = watch->host.inventory;
	const struct stock *stock = inventory_stock(inventory);

	say(inventory, &(struct change){ .event = CHANGE_SOURCE_READ });
	error_done(&watch->source.problem);
	if (view)
		source_watch_take(&watch->source, view);
	watch->source.looked_at = inventory_now(inventory);
	if (view)
		note_all(watch);
	note_size(watch);
	if (!swept)
		return;
	watch->source.swept_at = watch->source.looked_at;
	/* What was seen, or put in place, while the versions were read need not be looked at
	 * once more. */
	for (size_t i = 0; i < stock->place_count; i++)
		inventory_want_looks(inventory, stock->places[i], watch->source.began);
}

/* What a reading for those who wait has found out.  The next look and sweep are when they were
 * to be. */
static void note_check(struct watch *watch, char *const *only, struct source_view *view)
{
	struct inventory *inventory = watch->host.inventory;

	if (view)
		source_watch_take(&watch->source, view);
	STRV_FOREACH (arn, view ? only : NULL) {
		size_t count;
		const struct tracked_certificate *const *certificates = inventory_find_arn(
			inventory, *arn, &count);

		for (size_t i = 0; i < count; i++)
			inventory_version_read(inventory, certificates[i]);
	}
	inventory_save_versions(inventory);
}

static void on_ended(void *userdata, enum source_reading reading, char *const *only,
	struct source_view *view, const struct error *err)
{
	struct watch *watch = userdata;
	const bool swept = reading == SOURCE_SWEEP;

	if (reading == SOURCE_CHECK) {
		note_check(watch, only, view);
	} else {
		schedule_reads(watch, swept, err);
		if (err)
			note_failure(watch, err);
		else
			note_success(watch, swept, view);
	}
	watch->host.on_ended(watch->host.userdata, reading, err);
	inventory_changed(watch->host.inventory);
}

static const struct source_watch_events events = {
	.on_view = on_view,
	.on_listed = on_listed,
	.on_version = on_version,
	.on_reading = on_reading,
	.on_ended = on_ended,
};

/* --- readings --- */

static void start(struct watch *watch, enum source_reading reading, char **only, size_t count)
{
	const struct source_watch_order order = {
		.reading = reading,
		.aws = watch->host.context->aws,
		.desired = desired_of(watch),
		.only = only,
		.only_count = count,
		.now = inventory_now(watch->host.inventory),
		.since = usec_sub(watch->source.looked_at, LOOK_BACK),
	};

	if (!watch->source.view && !watch->source.remembered)
		source_watch_remember(
			&watch->source, inventory_source_memory(watch->host.inventory));
	if (reading == SOURCE_SWEEP)
		watch->source.sweep_wanted = false;
	watch->host.on_begins(watch->host.userdata, reading);
	source_watch_start(&watch->source, &order);
}

void watch_due(struct watch *watch)
{
	struct source_watch *source = &watch->source;
	usec_t now = clock_monotonic();
	size_t count;
	char **only;

	if (source->read || !source->memory.regions)
		return;
	if (source->sweep_wanted || source->next_sweep <= now)
		start(watch, SOURCE_SWEEP, NULL, 0);
	else if (source->view && (only = watch->host.wanted(watch->host.userdata, &count)))
		start(watch, SOURCE_CHECK, only, count);
	else if (source->next_look <= now)
		start(watch, SOURCE_LOOK, NULL, 0);
}

void watch_cancel(struct watch *watch)
{
	source_watch_cancel(&watch->source);
	watch->host.on_cancelled(watch->host.userdata);
}

void watch_set_regions(struct watch *watch, char **regions)
{
	source_watch_set_regions(&watch->source, regions);
	watch->source.sweep_wanted = regions != NULL;
}

void watch_want_sweep(struct watch *watch)
{
	watch->source.sweep_wanted = true;
}

void watch_bring_forward(struct watch *watch, usec_t look, usec_t sweep)
{
	if (sweep <= clock_monotonic())
		watch->source.sweep_wanted = true;
	watch->source.next_look = MIN(watch->source.next_look, MIN(look, sweep));
}

void watch_look_now(struct watch *watch)
{
	watch->source.next_look = clock_monotonic();
}

bool watch_read_next(struct watch *watch, const char *arn)
{
	return watch->source.read && source_read_next(watch->source.read, arn);
}

bool watch_wants_sweep(const struct watch *watch)
{
	return watch->source.sweep_wanted;
}

/* --- what others see --- */

struct watch_shown watch_show(const struct watch *watch)
{
	const struct source_watch *source = &watch->source;

	return (struct watch_shown){
		.reading = source->read != NULL,
		.sweeping = source->read && source->reading == SOURCE_SWEEP,
		.tells = source->tells,
		.looked_at = source->looked_at,
		.swept_at = source->swept_at,
		.next_look = source->next_look,
		.next_sweep = source->next_sweep,
		.problem = source->problem.text,
		.regions = source->memory.regions,
	};
}

/* --- birth and death --- */

struct watch *watch_new(const struct watch_host *host)
{
	struct watch *watch = mem_new(struct watch);

	watch->host = *host;
	source_watch_init(&watch->source, &events, watch);
	watch->source.next_look = watch->source.next_sweep =
		USEC_INFINITY; /* the first sweep sets them */
	return watch;
}

struct watch *watch_free(struct watch *watch)
{
	if (!watch)
		return NULL;
	source_watch_done(&watch->source);
	free(watch);
	return NULL;
}
