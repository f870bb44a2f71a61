/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run is one transfer with what is kept for it.
 */
#include "daemon/actor/transfers.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/actor/transfers_room.h"
#include "daemon/actor/room.h"
#include "daemon/transfer/ahead.h"
#include "daemon/transfer/transfer.h"
#include "lib/log/log.h"
#include "lib/os/clock.h"

/* A transfer waits so long for what may add to it, to export once for all that is due together. */
#define GATHER_WAIT (300 * USEC_PER_MSEC)

/* One wait for the disk serves all transfers that wait for it: they go on together. */
#define SYNC_APART (20 * USEC_PER_MSEC)

#define EXPORT_LONG USEC_PER_SEC

/* So many are begun ahead: of more, most would wait in ACM's lane until they are too old. */
#define EXPECTED_AT_ONCE 8

struct transfers {
	struct transfers_host host;
	const struct stock *stock;
	struct run *runs;
	struct expected *expected;
	struct transfers_room room;
};

/* What is begun of a transfer that will be planned, in the present world, as soon as its certificate's version
 * is known. */
struct expected {
	struct expected *next;
	struct transfers *transfers;
	struct world *world;
	const struct tracked_certificate *certificate;
	struct ahead *ahead;
};

struct run {
	struct run *next;
	struct transfers *transfers;
	struct world *world;
	const struct tracked_certificate *certificate;
	struct source_certificate source; /* a copy: the view may be replaced meanwhile */
	const struct tracked_delivery **deliveries; /* NULL: it has ended */
	struct transfer_item *items;
	size_t count;
	struct certificate_list anchor; /* recorded */
	struct transfer *transfer;
	char *leaf_pem; /* as exported */
	char *chain_pem;
	char *anchor_pem; /* where its chain ends; recorded once it is in place somewhere */
	usec_t began; /* monotonic */
	bool exported;
	bool awaits_sync; /* nothing is written before its intent is on the disk */
	bool busy; /* it is being exported, or carried to a place that answers soon */
};

static void run_free(struct run *run)
{
	struct transfers *transfers = run->transfers;
	struct inventory *inventory = transfers->host.inventory;

	for (struct run **at = &transfers->runs; *at; at = &(*at)->next)
		if (*at == run) {
			*at = run->next;
			break;
		}
	transfers->room.runs -= run->busy;
	transfers->room.all_runs--;
	run->transfer = transfer_cancel(run->transfer);
	for (size_t i = 0; i < run->count; i++)
		if (run->deliveries[i])
			inventory_release(inventory, run->deliveries[i], CLAIM_TRANSFER);
	if (run->busy)
		inventory_certificate_in_flight(inventory, run->certificate, false);
	inventory_release_certificate(inventory, run->certificate);
	source_certificate_done(&run->source);
	certificate_list_done(&run->anchor);
	world_unref(run->world);
	free(run->deliveries);
	free(run->items);
	free(run->leaf_pem);
	free(run->chain_pem);
	free(run->anchor_pem);
	free(run);
}

/* --- what is under way --- */

/* An export that takes longer, as where ACM grants few of them, leaves its turn to others. */
static bool is_young_export(const struct run *run, usec_t now)
{
	return !run->exported && now < usec_add(run->began, EXPORT_LONG);
}

/* Those who wait for an answer that does not come count at their place alone, unless there is a
 * key in what they have sent. */
static void count_run(struct transfers *transfers, struct run *run)
{
	struct transfers_room *room = &transfers->room;
	const bool was_busy = run->busy;
	bool slow = false;

	run->busy = !run->exported;
	room->exports += is_young_export(run, clock_monotonic());
	for (size_t i = 0; i < run->count; i++) {
		const struct tracked_delivery *delivery = run->deliveries[i];
		/* What a reload has left without a place ends without counting at one. */
		const struct tracked_place *place = delivery && delivery->slot != SIZE_MAX
							    ? delivery->place
							    : NULL;

		if (!delivery)
			continue;
		if (place)
			room->carrying[place->place->index]++;
		slow |= place && (!place_is_open(place) || place_is_slow(place));
		if (place && !place_is_open(place)) {
			room->all += run->transfer && transfer_is_writing(run->transfer, i);
			continue;
		}
		room->all++;
		run->busy |= !place || !place_is_slow(place);
	}
	room->runs += run->busy;
	room->slow_runs += slow;
	room->all_runs++;
	if (run->busy)
		inventory_certificate_in_flight(transfers->host.inventory, run->certificate, true);
	else if (was_busy && stock_is_present(transfers->stock, run->certificate))
		inventory_touch(transfers->host.inventory, run->certificate);
}

void transfers_count(struct transfers *transfers)
{
	room_count_begins(&transfers->room, transfers->stock);
	/* Each has a bundle. */
	for (struct expected *expected = transfers->expected; expected; expected = expected->next) {
		transfers->room.runs++;
		transfers->room.all_runs++;
	}
	for (struct run *run = transfers->runs; run; run = run->next)
		inventory_certificate_in_flight(transfers->host.inventory, run->certificate, false);
	for (struct run *run = transfers->runs; run; run = run->next)
		count_run(transfers, run);
	room_count_ended(&transfers->room, transfers->stock);
}

/* --- what comes of it --- */

/* Where a place takes what cannot be used there. */
static void say_notes(const struct run *run, const char *const *notes)
{
	for (size_t i = 0; i < run->count; i++) {
		const struct change change = { .event = CHANGE_REMARK, .words = notes[i] };

		if (notes[i])
			say_delivery(run->transfers->host.inventory, run->deliveries[i]->delivery,
				&change);
	}
}

/* Has the source been seen to have another version since it was planned?  Then it is planned
 * anew at once. */
static bool is_superseded(const struct run *run)
{
	const struct source_certificate *seen = run->certificate->seen;

	return seen && !digest_equal(&seen->version.digest, &run->source.version.digest);
}

static void export_failed(struct run *run, const struct error *err)
{
	struct transfers *transfers = run->transfers;

	if (is_superseded(run)) {
		log_debug("Exporting '%s' again, because it was renewed during the export: %s",
			run->certificate->name, err->text);
		return;
	}
	inventory_export_failed(
		transfers->host.inventory, run->certificate, err, run->deliveries, run->count);
	if (err->kind == ERROR_RETRY)
		transfers->host.on_stale(transfers->host.userdata);
}

/* What its intent has come to on the disk. */
static void go_on(struct run *run)
{
	const struct error *failed = &run->transfers->stock->record_error;
	_cleanup_(error_done) struct error err = ERROR_NULL;

	run->awaits_sync = false;
	if (!failed->text) {
		transfer_may_write(run->transfer, NULL);
		return;
	}
	(void)error_set(&err, ERROR_RETRY, 0, "certferryd wrote nothing, because it failed to write the state database: %s",
		failed->text);
	transfer_may_write(run->transfer, &err);
}

static void on_exported(
	void *userdata, const struct transfer_exported *exported, const struct error *err)
{
	struct run *run = userdata;

	if (err) {
		export_failed(run, err);
		return;
	}
	run->exported = true;
	run->anchor_pem = mem_strdup(exported->anchor_pem);
	run->leaf_pem = mem_strdup(exported->leaf_pem);
	run->chain_pem = mem_strdup(exported->chain_pem);
	inventory_exported(run->transfers->host.inventory, run->certificate,
		&(struct exported_fact){
			.version = &exported->version,
			.anchor_pem = exported->anchor_pem,
			.note = exported->note,
			.deliveries = run->deliveries,
			.count = run->count,
		});
	say_notes(run, exported->notes);
	run->awaits_sync = true;
	if (!run->transfers->stock->unsynced_since || run->transfers->stock->record_error.text)
		go_on(run);
	else
		inventory_changed(run->transfers->host.inventory);
}

static void on_delivered(
	void *userdata, size_t item, const struct outcome *outcome, const struct observed *seen)
{
	struct run *run = userdata;
	const struct tracked_delivery *delivery = take(run->deliveries[item]);

	inventory_carried(run->transfers->host.inventory, delivery,
		&(struct carried_fact){
			.outcome = outcome,
			.seen = seen,
			.certificate = run->certificate,
			.leaf_pem = run->leaf_pem,
			.chain_pem = run->chain_pem,
			.anchor_pem = run->anchor_pem,
		});
}

static void on_done(void *userdata)
{
	struct run *run = userdata;
	struct inventory *inventory = run->transfers->host.inventory;

	run->transfer = NULL;
	for (size_t i = 0; i < run->count; i++)
		if (run->deliveries[i])
			inventory_not_carried(
				inventory, take(run->deliveries[i])); /* the export failed */
	run_free(run);
	inventory_changed(inventory);
}

static const struct transfer_events events = {
	.on_exported = on_exported,
	.on_delivered = on_delivered,
	.on_done = on_done,
};

/* --- ahead of the plan --- */

/* It has no ahead any more, or that is cancelled. */
static void expected_free(struct expected *expected)
{
	for (struct expected **at = &expected->transfers->expected; *at; at = &(*at)->next)
		if (*at == expected) {
			*at = expected->next;
			break;
		}
	expected->ahead = ahead_cancel(expected->ahead);
	world_unref(expected->world);
	free(expected);
}

static void expect_nothing(struct transfers *transfers)
{
	while (transfers->expected)
		expected_free(transfers->expected);
}

static struct expected *find_expected(
	const struct transfers *transfers, const struct tracked_certificate *certificate)
{
	struct expected *expected = transfers->expected;

	while (expected && expected->certificate != certificate)
		expected = expected->next;
	return expected;
}

/* What was begun of the certificate's transfer, which takes it over. */
static struct ahead *take_ahead(
	struct transfers *transfers, const struct tracked_certificate *certificate)
{
	struct expected *expected = find_expected(transfers, certificate);
	struct ahead *ahead = expected ? take(expected->ahead) : NULL;

	if (expected)
		expected_free(expected);
	return ahead;
}

static void on_void(void *userdata)
{
	struct expected *expected = userdata;
	struct inventory *inventory = expected->transfers->host.inventory;

	expected_free(expected);
	inventory_changed(inventory);
}

/* Is all well there, with the version before, so that the renewed one will be carried there at once?
 * (What says more of its objects than a read of them is not asked here.) */
static bool will_be_due(const struct transfers *transfers,
	const struct tracked_certificate *certificate, const struct slot *slot)
{
	const struct tracked_place *place = stock_place(transfers->stock, slot);
	const struct version *there = slot_confirmed(slot);

	return destination_names_objects(place->place) &&
	       room_has_some(&transfers->room, transfers->stock, place) && !place_is_slow(place) &&
	       !slot->claimed_by && !slot->due && slot_state(slot) == OBSERVED_PRESENT && there &&
	       digest_equal(&there->digest, &certificate->seen->version.digest);
}

static struct ahead_item *expected_items(const struct transfers *transfers,
	const struct tracked_certificate *certificate, size_t *ret_count)
{
	struct ahead_item *items = mem_alloc(certificate->count * sizeof(*items));
	size_t count = 0;

	for (size_t i = 0; i < certificate->count; i++) {
		const struct slot *slot = &transfers->stock->slots[certificate->first + i];
		char *object = will_be_due(transfers, certificate, slot)
				       ? slot_object(transfers->stock, slot)
				       : NULL;

		if (!object)
			continue;
		items[count] = (struct ahead_item){
			.object_id = object, .confirmed = *slot_confirmed(slot) };
		stock_make_delivery(transfers->stock, slot, &items[count++].delivery);
	}
	*ret_count = count;
	if (count)
		return items;
	free(items);
	return NULL;
}

/* Does ${listed} show a renewal, and may that be carried as far as can be told? */
static bool is_renewal(const struct tracked_certificate *certificate,
	const struct source_certificate *listed)
{
	const struct source_certificate *seen = certificate->seen;

	return seen && digest_is_set(&seen->version.digest) && !source_refusal(listed) &&
	       listed->not_before > seen->version.not_before;
}

static bool may_expect(
	const struct transfers *transfers, const struct tracked_certificate *certificate)
{
	size_t count = 0;

	for (const struct expected *one = transfers->expected; one; one = one->next)
		count++;
	return count < EXPECTED_AT_ONCE && room_may_run(&transfers->room) &&
	       room_left(&transfers->room) >= certificate->count && !certificate->claims &&
	       !find_expected(transfers, certificate);
}

void transfers_expect(struct transfers *transfers, const struct tracked_certificate *certificate,
	const struct source_certificate *listed)
{
	struct expected *expected;
	struct ahead_request request;

	if (!is_renewal(certificate, listed) || !may_expect(transfers, certificate))
		return;
	request = (struct ahead_request){
		.context = transfers->host.context,
		.desired = transfers->stock->world->desired,
		.source = listed,
	};
	request.items = expected_items(transfers, certificate, &request.count);
	if (!request.items)
		return;
	expected = mem_new(struct expected);
	*expected = (struct expected){
		.next = transfers->expected,
		.transfers = transfers,
		.world = world_ref(transfers->stock->world),
		.certificate = certificate,
	};
	transfers->expected = expected;
	expected->ahead = ahead_start(&request, on_void, expected);
	transfers_count(transfers);
}

/* --- start --- */

/* An import that may have been made, unseen, is looked for in any case. */
static usec_t absent_at(const struct tracked_delivery *delivery)
{
	bool imports = destination_names_objects(delivery->delivery->place) &&
		       !delivery->delivery->arn;

	return imports && !delivery->record.ambiguous && delivery->observed.state == OBSERVED_ABSENT
		       ? delivery->observed.at
		       : 0;
}

static void fill_item(struct run *run, size_t index)
{
	const struct tracked_delivery *delivery = run->deliveries[index];
	const struct delivery_record *record = &delivery->record;
	bool confirmed = digest_is_set(&record->confirmed.digest);

	inventory_claim(run->transfers->host.inventory, delivery->slot, CLAIM_TRANSFER);
	run->items[index] = (struct transfer_item){
		.delivery = delivery->delivery,
		.known = { .delivery = delivery->delivery,
			.wanted = run->source.version,
			.source = &run->source,
			.object_id = delivery->observed.object_id ?: record->object_id,
			.confirmed = record->confirmed,
			.revision = record->revision,
			.intended = record->intended,
			.former = record->former || delivery->observed.former },
		.leaf_pem = confirmed ? record->leaf : NULL,
		.chain_pem = confirmed ? record->chain : NULL,
		.anchor = record->anchor,
		.record = record,
		.exported = run->certificate->record.exported,
		.confirmed = confirmed,
		.approved = digest_equal(&record->approved, &run->source.version.digest),
		.absent_at = absent_at(delivery),
	};
}

static const struct certificate_list *recorded_anchor(struct run *run)
{
	const char *anchor = run->certificate->record.anchor;

	if (anchor && certificate_list_parse(anchor, strlen(anchor), &run->anchor, NULL) == 0 &&
		run->anchor.count)
		return &run->anchor;
	return NULL;
}

static struct run *run_new(struct transfers *transfers,
	const struct tracked_certificate *certificate, const struct tracked_delivery **deliveries,
	size_t count)
{
	struct run *run = mem_new(struct run);

	*run = (struct run){
		.next = transfers->runs,
		.transfers = transfers,
		.world = world_ref(transfers->stock->world),
		.certificate = certificate,
		.began = clock_monotonic(),
		.deliveries = deliveries,
		.items = mem_alloc(count * sizeof(*run->items)),
		.count = count,
	};
	source_certificate_copy(&run->source, certificate->seen);
	for (size_t i = 0; i < count; i++)
		fill_item(run, i);
	transfers->runs = run;
	inventory_claim_certificate(transfers->host.inventory, certificate);
	return run;
}

/* One transfer to ${deliveries} (given), if the intent can be written down. */
static void start(struct transfers *transfers, const struct tracked_certificate *certificate,
	const struct tracked_delivery **deliveries, size_t count)
{
	struct transfer_request request;
	struct run *run;

	if (!inventory_intend(transfers->host.inventory, &certificate->seen->version.digest,
		    deliveries, count)) {
		free(deliveries);
		return;
	}
	run = run_new(transfers, certificate, deliveries, count);
	transfers_count(transfers);
	request = (struct transfer_request){
		.context = transfers->host.context,
		.desired = run->world->desired,
		.source = &run->source,
		.anchors = run->world->configuration->trust.count
				   ? &run->world->configuration->trust
				   : NULL,
		.recorded = recorded_anchor(run),
		.names = certificate->entry->names,
		.usage = certificate->entry->usage,
		.ahead = take_ahead(transfers, certificate),
		.not_older_than = certificate->record.newest,
		.items = run->items,
		.item_count = count,
	};
	run->transfer = transfer_start(&request, &events, run);
}

/* --- which, and when --- */

/* Are looks under way, or about to be, that may find more deliveries of this certificate due; or
 * does one wait for the first answer of its place? */
static bool more_may_be_due(
	const struct transfers *transfers, const struct tracked_certificate *certificate)
{
	if (certificate->waits_for_look)
		return true;
	for (size_t i = 0; i < certificate->count; i++) {
		const struct slot *slot = &transfers->stock->slots[certificate->first + i];
		const struct tracked_place *place = stock_place(transfers->stock, slot);

		if (!place_is_open(place))
			continue;
		if (slot->claimed_by & CLAIM_LOOK || slot->look_wanted || place->wanted ||
			(slot->due && room_carrying(&transfers->room, place) &&
				!place_is_proven(place)))
			return true;
	}
	return false;
}

/* Does the transfer wait a moment?  Sets when it no longer will. */
static bool still_gathering(
	struct transfers *transfers, const struct tracked_certificate *certificate)
{
	usec_t now = clock_monotonic();

	if (!more_may_be_due(transfers, certificate))
		return false;
	if (!certificate->gather_until)
		inventory_gather(transfers->host.inventory, certificate, now + GATHER_WAIT);
	return now < certificate->gather_until;
}

/* Are its due places worth an export now?  Where one of them has little to do, or where all of them have
 * room: the others need not wait for the slowest then. */
static bool is_worth_a_run(
	const struct transfers *transfers, const struct tracked_certificate *certificate)
{
	const struct stock *stock = transfers->stock;
	bool low = false, all = true; /* also of one that is due nowhere, and is exported alone */

	for (size_t i = 0; i < certificate->count; i++) {
		const struct slot *slot = &stock->slots[certificate->first + i];
		const struct tracked_place *place = stock_place(stock, slot);

		if (!slot->due)
			continue;
		low |= room_is_low(&transfers->room, stock, place);
		all &= !place_is_slow(place) && room_has_some(&transfers->room, stock, place);
	}
	return low || all;
}

/* Those that are due where there is room; NULL when they can wait for more, or have to wait
 * until there is room for all of them: to take some would be to export once more for the others. */
static const struct tracked_delivery **due_deliveries(struct transfers *transfers,
	const struct tracked_certificate *certificate, size_t *ret_count)
{
	const struct tracked_delivery **due = mem_alloc(certificate->count * sizeof(*due));
	const struct stock *stock = transfers->stock;
	size_t count = 0;

	for (size_t i = 0; i < certificate->count; i++) {
		const struct slot *slot = &stock->slots[certificate->first + i];
		const struct tracked_place *place = stock_place(stock, slot);

		if (!slot->due)
			continue;
		if (room_has_some(&transfers->room, stock, place) && count < CARRIED_AT_ONCE)
			due[count++] = inventory_open(
				transfers->host.inventory, certificate->first + i);
	}
	*ret_count = count;
	if (count && is_worth_a_run(transfers, certificate) && count <= room_left(&transfers->room))
		return due;
	free(due);
	return NULL;
}

static bool are_slow(const struct tracked_delivery *const *deliveries, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!place_is_slow(deliveries[i]->place))
			return false;
	return count > 0;
}

void transfers_certificate(
	struct transfers *transfers, const struct tracked_certificate *certificate)
{
	struct inventory *inventory = transfers->host.inventory;
	const struct tracked_delivery **due = NULL;
	const bool may_run = room_may_run(&transfers->room);
	size_t count = 0;

	if (certificate->in_flight ||
		(certificate->planned.due && still_gathering(transfers, certificate)))
		return;
	if (may_run && certificate->planned.due)
		due = due_deliveries(transfers, certificate, &count);
	if (!may_run || (certificate->planned.due && !due)) {
		inventory_wait(inventory, certificate);
		return;
	}
	inventory_gather(inventory, certificate, 0);
	if (are_slow(due, count))
		room_begins_slow(&transfers->room);
	for (size_t i = 0; i < count; i++)
		inventory_due(inventory, due[i]->slot, false);
	start(transfers, certificate, due, count);
}

bool transfers_may_start(const void *userdata, const struct tracked_certificate *certificate)
{
	const struct transfers *transfers = userdata;

	return is_worth_a_run(transfers, certificate);
}

/* Is there a place for which something waits, and where too little is under way?  Or can the first that
 * waits go everywhere?  (To ask all of them, each time, would take longer than what is gained.) */
bool transfers_has_room(const struct transfers *transfers)
{
	const struct tracked_certificate *first = inventory_first_waiting(
		transfers->host.inventory);

	if (!first || !room_may_run(&transfers->room) || !room_left(&transfers->room))
		return false;
	for (size_t i = 0; i < transfers->stock->place_count; i++)
		if (transfers->stock->places[i]->due &&
			room_is_low(
				&transfers->room, transfers->stock, transfers->stock->places[i]))
			return true;
	return !transfers->room.runs || is_worth_a_run(transfers, first);
}

usec_t transfers_next(const struct transfers *transfers)
{
	const usec_t now = clock_monotonic();
	usec_t next = room_next_slow(&transfers->room);

	if (!inventory_first_waiting(transfers->host.inventory))
		return USEC_INFINITY;
	for (const struct run *run = transfers->runs; run; run = run->next)
		if (is_young_export(run, now))
			next = MIN(next, usec_add(run->began, EXPORT_LONG));
	return next;
}

static bool await_sync(const struct transfers *transfers)
{
	for (const struct run *run = transfers->runs; run; run = run->next)
		if (run->awaits_sync)
			return true;
	return false;
}

usec_t transfers_next_sync(const struct transfers *transfers)
{
	const struct stock *stock = transfers->stock;

	if (!await_sync(transfers))
		return USEC_INFINITY;
	/* It has failed; or a telling or an approval has waited for the disk, and so for all of it. */
	if (stock->record_error.text || !stock->unsynced_since)
		return 0;
	return usec_add(stock->synced_at, SYNC_APART);
}

void transfers_synced(struct transfers *transfers)
{
	struct run *next;

	for (struct run *run = transfers->runs; run; run = next) {
		next = run->next;
		if (run->awaits_sync)
			go_on(run);
	}
}

bool transfers_are_busy(const struct transfers *transfers)
{
	return transfers->runs || transfers->expected;
}

/* --- birth and death --- */

struct transfers *transfers_new(const struct transfers_host *host)
{
	struct transfers *transfers = mem_new(struct transfers);

	transfers->host = *host;
	transfers->stock = inventory_stock(host->inventory);
	return transfers;
}

void transfers_new_world(struct transfers *transfers)
{
	expect_nothing(transfers);
	room_new_world(&transfers->room, transfers->stock);
	transfers_count(transfers);
}

void transfers_cancel(struct transfers *transfers)
{
	expect_nothing(transfers);
	while (transfers->runs)
		run_free(transfers->runs);
}

struct transfers *transfers_free(struct transfers *transfers)
{
	if (!transfers)
		return NULL;
	transfers_cancel(transfers);
	room_done(&transfers->room);
	free(transfers);
	return NULL;
}
