/* SPDX-License-Identifier: Apache-2.0 */
/* Which certificates are carried when, beside a transfer of the test's own, whose answers come when the test gives them. */
#include "tests/unit/shell/inventory_bed.h"

#include "daemon/actor/room.h"
#include "daemon/actor/transfers.h"
#include "daemon/record/store.h"
#include "daemon/transfer/ahead.h"
#include "daemon/transfer/transfer.h"
#include "lib/pki/secret.h"

#define ARN "arn:aws:acm:eu-west-1:111111111111:certificate/"
#define CERTIFICATES 120

/* --- the stage --- */

struct transfer {
	struct transfer_request request;
	const struct transfer_events *events;
	void *userdata;
	size_t left; /* of its items */
	bool exported;
	unsigned may_write, may_not; /* as often as it was told */
};

static struct {
	struct bed bed;
	struct transfers *transfers;
	struct transfer *running[RUNS_IN_ALL];
	size_t count;
	size_t items; /* in all of them */
	struct ahead *ahead[RUNS_AT_ONCE];
	size_t aheads;
	unsigned started, cancels, stale;
} at;

struct transfer *transfer_start(
	const struct transfer_request *request, const struct transfer_events *events, void *userdata)
{
	struct transfer *transfer = mem_new(struct transfer);
	struct recorded disk = bed_on_disk(&at.bed);

	*transfer = (struct transfer){ .request = *request, .events = events, .userdata = userdata, .left = request->item_count };
	assert_true(at.count < RUNS_AT_ONCE);
	at.running[at.count++] = transfer;
	at.items += request->item_count;
	assert_true(at.items <= CARRIED_AT_ONCE);
	at.started++;
	/* The intent of each is on disk, and so is what it will owe, or owes for the version before. */
	for (size_t i = 0; i < request->item_count; i++) {
		size_t found = 0, owed = 0;

		for (size_t k = 0; k < disk.delivery_count; k++)
			found += strcmp(disk.deliveries[k].name, request->items[i].delivery->name) == 0 &&
				 digest_equal(&disk.deliveries[k].intended, &request->source->version.digest);
		for (size_t k = 0; k < disk.owed_count; k++)
			owed += strcmp(disk.owed[k].delivery, request->items[i].delivery->name) == 0 &&
				(disk.owed[k].owed == OWED_INTENDED || disk.owed[k].owed == OWED_DUE);
		assert_int_equal(found, 1);
		assert_int_equal(owed, 1);
	}
	recorded_done(&disk);
	return transfer;
}

static void forget(struct transfer *transfer)
{
	for (size_t i = 0; i < at.count; i++)
		if (at.running[i] == transfer)
			at.running[i] = at.running[--at.count];
	at.items -= transfer->left;
}

struct transfer *transfer_cancel(struct transfer *transfer)
{
	if (!transfer)
		return NULL;
	at.cancels++;
	forget(transfer);
	(void)ahead_cancel(transfer->request.ahead);
	free(transfer);
	return NULL;
}

void transfer_may_write(struct transfer *transfer, const struct error *err)
{
	transfer->may_write += !err;
	transfer->may_not += err != NULL;
}

bool transfer_is_writing(const struct transfer *transfer, size_t item)
{
	return true;
}

/* --- what is begun ahead --- */

struct ahead {
	void (*on_void)(void *userdata);
	void *userdata;
	size_t items;
};

struct ahead *ahead_start(
	const struct ahead_request *request, void (*on_void)(void *userdata), void *userdata)
{
	struct ahead *ahead = mem_new(struct ahead);

	*ahead = (struct ahead){ .on_void = on_void, .userdata = userdata, .items = request->count };
	for (size_t i = 0; i < request->count; i++) {
		assert_string_equal(request->items[i].object_id, "arn:object");
		free(request->items[i].object_id);
		delivery_done(&request->items[i].delivery);
	}
	free(request->items);
	assert_true(at.aheads < RUNS_AT_ONCE);
	at.ahead[at.aheads++] = ahead;
	return ahead;
}

struct ahead *ahead_cancel(struct ahead *ahead)
{
	for (size_t i = 0; i < at.aheads; i++)
		if (at.ahead[i] == ahead)
			at.ahead[i] = at.ahead[--at.aheads];
	free(ahead);
	return NULL;
}

static void exported(struct transfer *transfer)
{
	const char **notes = mem_alloc(transfer->request.item_count * sizeof(*notes));

	transfer->exported = true;
	transfer->events->on_exported(transfer->userdata,
		&(struct transfer_exported){
			.version = transfer->request.source->version, .leaf_pem = "leaf", .chain_pem = "chain",
			.notes = notes },
		NULL);
	free(notes);
}

static void end(struct transfer *transfer)
{
	const struct transfer done = *transfer;

	forget(transfer);
	(void)ahead_cancel(transfer->request.ahead);
	free(transfer);
	done.events->on_done(done.userdata);
}

static void item_delivered(struct transfer *transfer, size_t item, enum outcome_kind kind)
{
	struct outcome outcome = {
		.kind = kind, .version = transfer->request.source->version, .wrote = kind == OUTCOME_DONE };
	struct observed seen = {
		.state = OBSERVED_PRESENT, .version = outcome.version, .object_id = (char *)"arn:object" };

	if (kind == OUTCOME_FAILED)
		(void)error_set(&outcome.error, ERROR_QUOTA, 0, "the limit is reached");
	if (kind == OUTCOME_WAITING) {
		outcome.hold = HOLD_APPROVAL;
		outcome.reason = (char *)"loses a name";
	}
	transfer->left--;
	at.items--;
	transfer->events->on_delivered(transfer->userdata, item, &outcome, kind == OUTCOME_DONE ? &seen : NULL);
	error_done(&outcome.error);
}

/* All of its items, with the same outcome. */
static void delivered(struct transfer *transfer, enum outcome_kind kind)
{
	for (size_t i = 0; i < transfer->request.item_count; i++)
		item_delivered(transfer, i, kind);
	end(transfer);
}

/* --- the world --- */

static void on_stale(void *userdata)
{
	at.stale++;
}

/* ${certificates}, each to ${accounts}; or, ${spread}, each to one of them. */
static char *configuration_text(unsigned certificates, unsigned accounts, bool spread)
{
	struct buf text = BUF_NULL;

	buf_append_string(&text, "source: {region: eu-west-1}\nguard: 0\ncertificates:\n");
	for (unsigned i = 0; i < certificates; i++) {
		buf_printf(&text, "  pay%03u:\n    arn: '" ARN "%03u'\n    deliver:\n", i, i);
		for (unsigned k = 0; k < accounts; k++)
			if (!spread || k == i % accounts)
				buf_printf(&text, "      - {to: acm%02u, then: [nginx]}\n", k);
	}
	buf_append_string(&text, "destinations:\n");
	for (unsigned k = 0; k < accounts; k++)
		buf_printf(&text, "  acm%02u: {kind: acm, accounts: ['%012lu'],"
				  " role_arn: 'arn:aws:iam::{account}:role/ferry'}\n", k, 222222222200ul + k);
	buf_append_string(&text, "dependents:\n  nginx: {kind: systemd, unit: nginx.service}\n");
	return buf_take(&text);
}

static void begin(unsigned certificates, unsigned accounts, bool spread)
{
	_cleanup_(freep) char *text = configuration_text(certificates, accounts, spread);
	_cleanup_(strv_freep) char **arns = NULL;

	memset(&at, 0, sizeof(at));
	bed_init(&at.bed);
	for (unsigned i = 0; i < certificates; i++) {
		_cleanup_(freep) char *arn = mem_printf(ARN "%03u", i);

		strv_append(&arns, arn);
	}
	at.bed.view = bed_view(arns, 'A');
	bed_take_over(&at.bed, text);
	inventory_note_reach(at.bed.inventory);
	for (size_t i = 0; i < at.bed.stock->place_count; i++)
		inventory_looked_through(at.bed.inventory, at.bed.stock->places[i]);
	at.transfers = transfers_new(&(struct transfers_host){
		.inventory = at.bed.inventory, .context = &at.bed.context, .on_stale = on_stale });
	transfers_new_world(at.transfers);
}

static int setup(void **state)
{
	begin(CERTIFICATES, 2, false);
	return 0;
}

static int teardown(void **state)
{
	at.transfers = transfers_free(at.transfers);
	assert_int_equal(at.count, 0);
	bed_done(&at.bed);
	return 0;
}

/* As the plan would: all of its deliveries are due. */
static void plan(size_t number)
{
	const struct tracked_certificate *certificate = at.bed.stock->certificates[number];

	inventory_planned(at.bed.inventory, certificate, &(struct planned){ .due = (unsigned)certificate->count });
	for (size_t i = 0; i < certificate->count; i++)
		inventory_due(at.bed.inventory, certificate->first + i, true);
	transfers_certificate(at.transfers, certificate);
}

/* --- one --- */

static void test_one_export_for_all_that_is_due(void **state)
{
	const struct tracked_certificate *certificate = at.bed.stock->certificates[0];
	struct recorded disk;

	plan(0);
	assert_int_equal(at.started, 1);
	assert_int_equal(at.running[0]->request.item_count, 2);
	assert_true(certificate->in_flight);
	plan(0);
	assert_int_equal(at.started, 1); /* it is under way */
	exported(at.running[0]);
	delivered(at.running[0], OUTCOME_DONE);
	assert_false(certificate->in_flight);
	assert_int_equal(certificate->claims, 0);
	assert_false(transfers_are_busy(at.transfers));
	disk = bed_on_disk(&at.bed);
	assert_int_equal(disk.delivery_count, 2);
	assert_true(digest_equal(&disk.deliveries[0].confirmed.digest, &at.bed.view->items[0].version.digest));
	assert_int_equal(disk.owed_count, 2);
	assert_int_equal(disk.owed[0].owed, OWED_DUE);
	recorded_done(&disk);
}

static void test_a_failed_delivery_is_written_down(void **state)
{
	struct recorded disk;

	plan(0);
	exported(at.running[0]);
	delivered(at.running[0], OUTCOME_FAILED);
	disk = bed_on_disk(&at.bed);
	assert_int_equal(disk.deliveries[1].failures, 1);
	assert_string_equal(disk.deliveries[1].problem, "the limit is reached");
	assert_int_equal(disk.owed_count, 0); /* nothing was sent */
	recorded_done(&disk);
}

/* Whoever approves it lets exactly this version go on. */
static void test_a_held_delivery_goes_on_when_it_is_approved(void **state)
{
	struct holds holds = { 0 };
	struct step step = { .verb = STEP_HOLD, .index = 0, .holds = &holds, .hold = HOLD_APPROVAL };

	plan(0);
	assert_false(at.running[0]->request.items[0].approved);
	exported(at.running[0]);
	delivered(at.running[0], OUTCOME_WAITING);
	assert_int_equal(inventory_open(at.bed.inventory, 0)->record.hold, HOLD_APPROVAL);
	holds_add(&holds, HOLD_APPROVAL, mem_strdup("loses a name"));
	assert_true(inventory_approved(at.bed.inventory, &step, APPROVAL_TRUST, "root"));
	holds_done(&holds);
	plan(0);
	assert_true(at.running[0]->request.items[0].approved);
	assert_false(at.running[0]->request.items[1].approved);
}

static void test_a_failed_export_owes_nothing(void **state)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct recorded disk;

	(void)error_set(&err, ERROR_RETRY, 0, "not now");
	plan(0);
	at.running[0]->events->on_exported(at.running[0]->userdata, NULL, &err);
	end(at.running[0]);
	assert_int_equal(at.stale, 1);
	disk = bed_on_disk(&at.bed);
	assert_int_equal(disk.owed_count, 0);
	assert_int_equal(disk.certificates[0].failures, 1);
	recorded_done(&disk);
	assert_int_equal(at.bed.stock->slots[0].claimed_by, 0);
}

static void test_without_its_intent_nothing_is_sent(void **state)
{
	assert_int_equal(sqlite3_exec(at.bed.inventory->record->db, "PRAGMA query_only=1", NULL, NULL, NULL), SQLITE_OK);
	plan(0);
	assert_int_equal(at.started, 0);
	assert_int_equal(at.bed.stock->slots[0].claimed_by, 0);
}

/* --- ahead of the plan --- */

/* The source lists certificate ${number} as renewed ${later} seconds later, and reads its version. */
static void renew(size_t number, unsigned later)
{
	const struct tracked_certificate *certificate = at.bed.stock->certificates[number];
	struct source_certificate listed = { 0 };

	source_certificate_copy(&listed, certificate->seen);
	listed.not_before = certificate->seen->version.not_before + later * USEC_PER_SEC;
	transfers_expect(at.transfers, certificate, &listed);
	source_certificate_done(&listed);
}

/* And it has been read. */
static void show_next_version(size_t number)
{
	at.bed.view->items[number].version.digest.bytes[0]++;
}

static void put_in_place(size_t number)
{
	plan(number);
	exported(at.running[0]);
	delivered(at.running[0], OUTCOME_DONE);
	inventory_end_turn(at.bed.inventory);
}

static void test_a_renewal_is_begun_ahead(void **state)
{
	put_in_place(0);
	renew(0, 0);
	assert_int_equal(at.aheads, 0); /* it is the one that is in place */
	renew(0, 1);
	assert_int_equal(at.aheads, 1);
	assert_int_equal(at.ahead[0]->items, 2);
	assert_true(transfers_are_busy(at.transfers));
	assert_int_equal(at.started, 1);
	renew(0, 1);
	assert_int_equal(at.aheads, 1);
	show_next_version(0);
	plan(0);
	assert_ptr_equal(at.running[0]->request.ahead, at.ahead[0]);
	plan(1);
	assert_null(at.running[1]->request.ahead);
	exported(at.running[0]);
	delivered(at.running[0], OUTCOME_DONE);
	assert_int_equal(at.aheads, 0);
}

static void test_what_will_not_be_carried_is_not_begun_ahead(void **state)
{
	renew(0, 1); /* nothing of it is in place */
	put_in_place(0);
	show_next_version(0);
	plan(0);
	renew(0, 1); /* another transfer has it */
	exported(at.running[0]);
	delivered(at.running[0], OUTCOME_WAITING);
	assert_int_equal(at.aheads, 0);
}

static void test_what_was_begun_ahead_in_vain_ends(void **state)
{
	struct ahead *ahead;

	put_in_place(0);
	renew(0, 1);
	ahead = at.ahead[0];
	ahead->on_void(ahead->userdata);
	assert_int_equal(at.aheads, 0);
	assert_false(transfers_are_busy(at.transfers));
	renew(0, 1);
	assert_int_equal(at.aheads, 1);
	transfers_new_world(at.transfers);
	assert_int_equal(at.aheads, 0);
	renew(0, 1);
	transfers_cancel(at.transfers);
	assert_int_equal(at.aheads, 0);
}

static void test_few_are_begun_ahead(void **state)
{
	for (size_t i = 0; i < 12; i++)
		put_in_place(i);
	for (size_t i = 0; i < 12; i++)
		renew(i, 1);
	assert_int_equal(at.aheads, 8);
}

/* --- the disk --- */

static bool await_sync(void)
{
	return transfers_next_sync(at.transfers) != USEC_INFINITY;
}

static void test_nothing_is_written_before_its_intent_is_on_the_disk(void **state)
{
	plan(0);
	plan(1);
	assert_false(await_sync()); /* the exports go meanwhile */
	exported(at.running[0]);
	exported(at.running[1]);
	assert_true(await_sync());
	assert_int_equal(at.running[0]->may_write + at.running[0]->may_not, 0);
	/* One wait for both. */
	assert_true(inventory_sync(at.bed.inventory));
	transfers_synced(at.transfers);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(at.running[i]->may_write, 1);
		assert_int_equal(at.running[i]->may_not, 0);
	}
	assert_false(await_sync());
	transfers_synced(at.transfers);
	assert_int_equal(at.running[0]->may_write, 1);
}

/* Who restarts a unit, or answers a person, waits for the disk, too, and so for all that is written. */
static void test_what_others_have_waited_for_is_on_the_disk(void **state)
{
	plan(0);
	exported(at.running[0]);
	assert_true(transfers_next_sync(at.transfers) >= at.bed.stock->synced_at);
	assert_true(transfers_next_sync(at.transfers) > 0);
	assert_true(inventory_sync(at.bed.inventory));
	assert_int_equal(transfers_next_sync(at.transfers), 0);
	transfers_synced(at.transfers);
	assert_int_equal(at.running[0]->may_write, 1);
	assert_false(await_sync());
}

static void test_what_cannot_be_saved_is_not_written(void **state)
{
	plan(0);
	assert_true(inventory_sync(at.bed.inventory));
	assert_int_equal(sqlite3_exec(at.bed.inventory->record->db, "PRAGMA query_only=1", NULL, NULL, NULL), SQLITE_OK);
	exported(at.running[0]);
	assert_false(await_sync());
	assert_int_equal(at.running[0]->may_write, 0);
	assert_int_equal(at.running[0]->may_not, 1);
}

/* Nor does it wait for the disk, which would bring it nothing. */
static void test_what_cannot_be_saved_fails_at_once(void **state)
{
	plan(0);
	assert_true(at.bed.stock->unsynced_since > 0);
	assert_int_equal(sqlite3_exec(at.bed.inventory->record->db, "PRAGMA query_only=1", NULL,
				 NULL, NULL),
		SQLITE_OK);
	exported(at.running[0]);
	assert_false(await_sync());
	assert_int_equal(at.running[0]->may_not, 1);
}

/* --- many --- */

/* A turn of the loop, with all that waits. */
static void take_waiting(void)
{
	const struct tracked_certificate *certificate;

	transfers_count(at.transfers);
	while (transfers_has_room(at.transfers) &&
		(certificate = inventory_take_waiting(at.bed.inventory, transfers_may_start, at.transfers))) {
		transfers_certificate(at.transfers, certificate);
		if (certificate->agenda.ready)
			return;
	}
}

static void test_there_are_never_too_many(void **state)
{
	size_t most = 0;

	for (size_t i = 0; i < CERTIFICATES; i++)
		plan(i);
	while (at.count) {
		most = MAX(most, at.items);
		exported(at.running[0]);
		delivered(at.running[0], OUTCOME_DONE);
		take_waiting();
	}
	assert_int_equal(at.started, CERTIFICATES);
	assert_true(most > 2 && most <= 2 * 24); /* so much each of two places takes, where round trips are all it waits for */
}

/* All that is asked of the source comes, and so does what begins after it. */
static void export_all(void)
{
	size_t started;

	do {
		started = at.started;
		for (size_t i = 0; i < at.count; i++)
			if (!at.running[i]->exported)
				exported(at.running[i]);
		take_waiting();
	} while (at.started > started);
}

/* Ends all of it, one by one; how many deliveries, and how many transfers, were under way at most. */
static size_t drain(size_t *ret_runs)
{
	size_t most = 0;

	*ret_runs = 0;
	while (at.count) {
		export_all();
		most = MAX(most, at.items);
		*ret_runs = MAX(*ret_runs, at.count);
		delivered(at.running[0], OUTCOME_DONE);
		take_waiting();
	}
	return most;
}

static void end_bed(void)
{
	(void)teardown(NULL);
}

/* One to each of a hundred and ten places, and another one to each would be more than there is memory for. */
static void test_all_places_together_have_a_limit(void **state)
{
	size_t runs, most;

	end_bed();
	begin(4, 110, false);
	for (size_t i = 0; i < 4; i++)
		plan(i);
	most = drain(&runs);
	assert_int_equal(at.started, 4);
	assert_int_equal(most, 110);
}

/* Where each transfer has one delivery, it is their number that has a limit. */
static void test_transfers_have_a_limit(void **state)
{
	size_t runs;

	end_bed();
	begin(150, 50, true);
	for (size_t i = 0; i < 150; i++)
		plan(i);
	(void)drain(&runs);
	assert_int_equal(at.started, 150);
	assert_int_equal(runs, RUNS_AT_ONCE);
}

/* Places that all have room for one are carried to at once, however much is under way; where only
 * some have it, the certificate waits for the others. */
static void test_what_has_room_everywhere_begins(void **state)
{
	const size_t room = 24; /* so many at one place */

	for (size_t i = 0; i < CERTIFICATES; i++)
		plan(i);
	export_all();
	assert_int_equal(at.started, room);
	item_delivered(at.running[0], 0, OUTCOME_DONE);
	take_waiting();
	assert_int_equal(at.started, room);
	item_delivered(at.running[0], 1, OUTCOME_DONE);
	end(at.running[0]);
	take_waiting();
	assert_int_equal(at.started, room + 1);
	assert_int_equal(at.items, 2 * room);
}

/* So that they do not go together ever after; those that wait for long leave their turn to others. */
static void test_few_are_exported_at_once(void **state)
{
	const usec_t began = clock_monotonic();

	for (size_t i = 0; i < CERTIFICATES; i++)
		plan(i);
	exported(at.running[0]);
	take_waiting();
	/* (A machine that is busy may take too long for that.) */
	if (clock_monotonic() < usec_add(began, USEC_PER_SEC))
		assert_int_equal(at.started, EXPORTS_AT_ONCE + 1);
	while (transfers_next(at.transfers) != USEC_INFINITY)
		(void)usleep(50 * USEC_PER_MSEC);
	take_waiting();
	assert_true(at.started >= 2 * EXPORTS_AT_ONCE + 1);
}

/* A place that has enough under way is left out, and the certificate is carried there by itself later. */
static void test_a_full_place_is_left_out(void **state)
{
	const char *slow = "acm00";
	const struct transfer *alone = NULL;

	for (size_t i = 0; i < CERTIFICATES; i++)
		plan(i);
	/* One place takes all at once, the other never answers. */
	for (unsigned turn = 0; turn < 40 && !alone; turn++) {
		for (size_t i = 0; i < at.count; i++)
			if (at.running[i]->left == 2) {
				assert_string_equal(at.running[i]->request.items[0].delivery->place->name, slow);
				exported(at.running[i]);
				item_delivered(at.running[i], 1, OUTCOME_DONE);
			}
		take_waiting();
		for (size_t i = 0; i < at.count; i++)
			if (at.running[i]->request.item_count == 1)
				alone = at.running[i];
	}
	assert_non_null(alone);
	assert_string_not_equal(alone->request.items[0].delivery->place->name, slow);
	assert_true(at.bed.stock->places[0]->due > 0); /* it waits */
}

static void test_a_wait_for_looks_ends(void **state)
{
	inventory_want_look(at.bed.inventory, 1, true);
	plan(0);
	assert_int_equal(at.started, 0);
	(void)usleep(310 * USEC_PER_MSEC);
	plan(0);
	assert_int_equal(at.started, 1);
}

static void test_what_looks_may_add_is_waited_for(void **state)
{
	inventory_want_look(at.bed.inventory, 1, true);
	plan(0);
	assert_int_equal(at.started, 0);
	assert_true(at.bed.stock->certificates[0]->gather_until > clock_monotonic());
	assert_int_equal(at.bed.stock->census.gathering, 1);
	inventory_want_look(at.bed.inventory, 1, false);
	plan(0);
	assert_int_equal(at.started, 1);
	assert_int_equal(at.bed.stock->census.gathering, 0);
}

/* --- the end --- */

static void test_cancel(void **state)
{
	plan(0);
	plan(1);
	transfers_cancel(at.transfers);
	assert_int_equal(at.cancels, 2);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(at.bed.stock->slots[i].claimed_by, 0);
	assert_false(at.bed.stock->certificates[0]->in_flight);
}

static void test_what_a_reload_has_left_out_ends(void **state)
{
	static const char other[] = "source: {region: eu-west-1}\n"
				    "certificates:\n"
				    "  web: {arn: '" ARN "999', deliver: [{to: files}]}\n"
				    "destinations:\n  files: {kind: file, directory: /srv/tls}\n";
	struct recorded disk;

	plan(0);
	bed_take_over(&at.bed, other);
	transfers_new_world(at.transfers);
	transfers_count(at.transfers);
	exported(at.running[0]);
	transfers_count(at.transfers);
	delivered(at.running[0], OUTCOME_DONE);
	assert_false(transfers_are_busy(at.transfers));
	assert_int_equal(at.bed.stock->slots[0].claimed_by, 0);
	disk = bed_on_disk(&at.bed);
	assert_int_equal(disk.delivery_count, 2); /* whoever configures them again finds what was intended, and looks */
	assert_true(digest_is_set(&disk.deliveries[0].intended));
	recorded_done(&disk);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_export_for_all_that_is_due),
		TEST(test_a_failed_delivery_is_written_down),
		TEST(test_a_held_delivery_goes_on_when_it_is_approved),
		TEST(test_a_failed_export_owes_nothing),
		TEST(test_nothing_is_written_before_its_intent_is_on_the_disk),
		TEST(test_what_others_have_waited_for_is_on_the_disk),
		TEST(test_what_cannot_be_saved_is_not_written),
		TEST(test_what_cannot_be_saved_fails_at_once),
		TEST(test_without_its_intent_nothing_is_sent),
		TEST(test_a_renewal_is_begun_ahead),
		TEST(test_what_will_not_be_carried_is_not_begun_ahead),
		TEST(test_what_was_begun_ahead_in_vain_ends),
		TEST(test_few_are_begun_ahead),
		TEST(test_there_are_never_too_many),
		TEST(test_all_places_together_have_a_limit),
		TEST(test_transfers_have_a_limit),
		TEST(test_what_has_room_everywhere_begins),
		TEST(test_few_are_exported_at_once),
		TEST(test_a_full_place_is_left_out),
		TEST(test_a_wait_for_looks_ends),
		TEST(test_what_looks_may_add_is_waited_for),
		TEST(test_cancel),
		TEST(test_what_a_reload_has_left_out_ends),
	};

	if (secret_memory_init(&(bool){ false }, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
