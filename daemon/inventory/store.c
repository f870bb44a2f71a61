/* SPDX-License-Identifier: Apache-2.0 */
/* The record on disk, with the law that nothing new begins while it cannot be written. */
#include "daemon/inventory/inside.h"

#include <stdlib.h>

#include "lib/os/clock.h"

#define RECORD_RETRY USEC_PER_MINUTE

/* What fails until then does not put the next try off. */
static void wait_for_record(struct stock *stock, struct error *err)
{
	usec_t now = clock_monotonic();

	if (!stock->record_error.text || stock->record_retry <= now)
		stock->record_retry = now + RECORD_RETRY;
	error_move(&stock->record_error, err);
}

bool record_ended(struct inventory *inventory, int r, struct error *err)
{
	const struct change change = { .event = CHANGE_RECORD_FAILED, .error = err };

	if (r >= 0)
		return true;
	say(inventory, &change);
	wait_for_record(&inventory->stock, err);
	return false;
}

static void say_news(const struct inventory *inventory, const struct record_news *news)
{
	if (news->lost)
		say_words(inventory, CHANGE_RECORD_LOST, news->lost);
	if (news->migrated)
		say_words(inventory, CHANGE_RECORD_MIGRATED, news->migrated);
}

void inventory_use_record(
	struct inventory *inventory, struct record *record, const struct record_news *news)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	const char *unmigrated = record && !inventory->dry_run ? record_unmigrated(record) : NULL;

	inventory->record = record;
	say_news(inventory, news);
	if (!unmigrated)
		return;
	say_words(inventory, CHANGE_RECORD_UNMIGRATED, unmigrated);
	(void)error_set(&err, ERROR_RETRY, 0, "%s", unmigrated);
	wait_for_record(&inventory->stock, &err);
}

void inventory_try_record(struct inventory *inventory)
{
	_cleanup_(record_news_done) struct record_news news = { 0 };
	_cleanup_(error_done) struct error err = ERROR_NULL;
	char text[TIME_TEXT_SIZE];
	int r = record_try(
		inventory->record, time_format(inventory_now(inventory), text), &news, &err);

	if (!record_ended(inventory, r, &err))
		return;
	say_news(inventory, &news);
	error_done(&inventory->stock.record_error);
	say_words(inventory, CHANGE_RECORD_WRITTEN, NULL);
	inventory_touch_all(inventory);
}

void inventory_hurry_record(struct inventory *inventory)
{
	inventory->stock.record_retry = MIN(inventory->stock.record_retry, clock_monotonic());
}

struct source_view *inventory_source_memory(const struct inventory *inventory)
{
	struct source_view *view = mem_new(struct source_view);
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct recorded recorded = { 0 };

	if (!inventory->record || record_load_few(inventory->record, &recorded, &err) < 0)
		return view;
	view->items = mem_alloc(recorded.certificate_count * sizeof(*view->items));
	for (size_t i = 0; i < recorded.certificate_count; i++) {
		const struct certificate_record *row = &recorded.certificates[i];

		if (!digest_is_set(&row->version.digest))
			continue;
		view->items[view->count++] = (struct source_certificate){
			.arn = mem_strdup(row->arn),
			.serial = mem_strdup(row->serial),
			.not_before = row->version.not_before,
			.not_after = row->version.not_after,
			.version = row->version,
		};
	}
	recorded_done(&recorded);
	return view;
}

/* --- saves --- */

static bool save_ended(struct inventory *inventory, int r, struct error *err)
{
	if (!record_ended(inventory, r, err))
		return false;
	if (!inventory->stock.unsynced_since) {
		inventory->stock.unsynced_since = clock_monotonic();
		inventory_changed(inventory);
	}
	return true;
}

#define SAVE(inventory, call)                                                                      \
	__extension__({                                                                            \
		_cleanup_(error_done) struct error err = ERROR_NULL;                               \
		!(inventory)->record || (inventory)->dry_run ||                                    \
			save_ended((inventory), (call), &err);                                     \
	})

bool inventory_sync(struct inventory *inventory)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;

	inventory_save_versions(inventory);
	if (!inventory->stock.unsynced_since)
		return true;
	if (!record_ended(inventory, record_sync(inventory->record, &err), &err))
		return false;
	inventory->stock.unsynced_since = 0;
	inventory->stock.synced_at = clock_monotonic();
	return true;
}

void inventory_rest(struct inventory *inventory)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;

	if (!inventory->record || inventory->dry_run || inventory->stock.record_error.text ||
		!inventory_sync(inventory))
		return;
	(void)record_ended(inventory, record_rest(inventory->record, &err), &err);
}

bool save_certificate(struct inventory *inventory, struct tracked_certificate *certificate)
{
	struct certificate_record row = certificate->record;
	const struct source_certificate *seen = certificate->seen;

	if (seen && digest_equal(&seen->version.digest, &row.version.digest))
		row.serial = seen->serial;
	certificate->has_serial = row.serial != NULL;
	return SAVE(inventory, record_save_certificate(inventory->record, &row, &err));
}

bool save_delivery(struct inventory *inventory, struct tracked_delivery *delivery)
{
	return SAVE(inventory, record_save_delivery(inventory->record, &delivery->record, &err));
}

bool save_delivery_row(struct inventory *inventory, const struct delivery_record *row)
{
	return SAVE(inventory, record_save_delivery(inventory->record, row, &err));
}

bool remove_delivery(struct inventory *inventory, const char *name)
{
	return SAVE(inventory, record_remove_delivery(inventory->record, name, &err));
}

bool save_dependent(struct inventory *inventory, const struct tracked_dependent *dependent)
{
	return SAVE(inventory, record_save_dependent(inventory->record, &dependent->record, &err));
}

bool save_owed(struct inventory *inventory, const struct owed_record *row)
{
	return SAVE(inventory, record_save_owed(inventory->record, row, &err));
}

bool remove_owed(struct inventory *inventory, const struct owed_record *row)
{
	return SAVE(inventory, record_remove_owed(inventory->record, row, &err));
}

bool inventory_begin(struct inventory *inventory)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;

	return inventory->record && !inventory->dry_run &&
	       record_ended(inventory, record_begin(inventory->record, &err), &err);
}

void inventory_commit(struct inventory *inventory, bool begun)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;

	if (begun)
		(void)record_ended(inventory, record_commit(inventory->record, &err), &err);
}

void write_history(void *userdata, const char *event, const char *subject, const char *text)
{
	struct inventory *inventory = userdata;

	(void)SAVE(inventory, record_add_history(inventory->record, inventory_now(inventory), event,
				      subject, text, &err));
}
