/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known, as facts are handed in: a random walk after which each process finds on disk what the one before it knew; the
 * census beside a plain sum; worlds that come and go while something is claimed.
 */
#include "tests/unit/shell/inventory_bed.h"

#include <inttypes.h>
#include <malloc.h>
#include <syslog.h>

#include "daemon/announce/announce.h"
#include "daemon/record/store.h"
#include "daemon/transition/schedule.h"
#include "lib/os/memory.h"
#include "lib/pki/secret.h"

#define ARN "arn:aws:acm:eu-west-1:111111111111:certificate/"
#define DESTINATIONS                                                                                   \
	"destinations:\n"                                                                              \
	"  acm: {kind: acm, accounts: ['222222222222', '333333333333'], regions: [eu-west-1, us-east-1],"  \
	" role_arn: 'arn:aws:iam::{account}:role/ferry'}\n"                                            \
	"  files: {kind: file, directory: /srv/tls}\n"                                                 \
	"dependents:\n"                                                                                \
	"  nginx: {kind: systemd, unit: nginx.service}\n"

#define PROVE "prove: {connect: 'localhost:443'}"
#define PAY "  pay: {arn: '" ARN "1', deliver: [{to: acm, then: [nginx], " PROVE "}, {to: files, " PROVE "}]}\n"
#define WEB "  web: {arn: '" ARN "2', deliver: [{to: acm, " PROVE "}]}\n"

static const char both[] = "source: {region: eu-west-1}\nguard: 0\ncertificates:\n" PAY WEB DESTINATIONS;
static const char pay_alone[] = "source: {region: eu-west-1}\nguard: 0\ncertificates:\n" PAY DESTINATIONS;

static char *const arns[] = { (char *)ARN "1", (char *)ARN "2", NULL };

static int setup(void **state)
{
	static struct bed bed;

	bed_init(&bed);
	bed.view = bed_view(arns, 'A');
	bed_take_over(&bed, both);
	*state = &bed;
	return 0;
}

static int teardown(void **state)
{
	bed_done(*state);
	return 0;
}

static void restart(struct bed *bed)
{
	bed->inventory = inventory_free(bed->inventory);
	bed_start(bed);
	bed_take_over(bed, both);
}

/* --- facts --- */

static unsigned dice(uint32_t *random, unsigned sides)
{
	*random = *random * 1664525u + 1013904223u;
	return (*random >> 16) % sides;
}

static const struct version *source_of(const struct bed *bed, size_t slot)
{
	return &stock_certificate(bed->stock, &bed->stock->slots[slot])->seen->version;
}

static void see(struct bed *bed, size_t slot, enum observed_state state, const struct version *version)
{
	struct observed seen = { .state = state, .at = inventory_now(bed->inventory) };

	if (version) {
		seen.version = *version;
		seen.object_id = mem_strdup(ARN "0f5c1b3e-1111-4222-8333-444455556666");
	}
	if (state == OBSERVED_UNKNOWN)
		(void)error_set(&seen.error, ERROR_RETRY, 0, "no answer");
	inventory_saw(bed->inventory, slot, &seen, 7);
	observed_done(&seen);
}

/* A transfer of one delivery, to its end. */
static void carry(struct bed *bed, size_t slot, enum outcome_kind kind)
{
	const struct tracked_delivery *delivery = inventory_open(bed->inventory, slot);
	const struct version version = *source_of(bed, slot);
	struct outcome outcome = { .kind = kind, .version = version, .wrote = kind != OUTCOME_WAITING };
	struct observed seen = { .state = OBSERVED_PRESENT, .version = version };

	if (kind == OUTCOME_WAITING) {
		outcome.hold = HOLD_APPROVAL;
		outcome.reason = (char *)"loses a name";
	} else if (kind == OUTCOME_FAILED) {
		(void)error_set(&outcome.error, ERROR_QUOTA, 0, "the limit is reached");
	}
	assert_true(inventory_intend(bed->inventory, &version.digest, &delivery, 1));
	inventory_claim(bed->inventory, slot, CLAIM_TRANSFER);
	inventory_carried(bed->inventory, delivery,
		&(struct carried_fact){
			.outcome = &outcome,
			.seen = kind == OUTCOME_DONE ? &seen : NULL,
			.certificate = delivery->certificate,
			.leaf_pem = "leaf",
			.chain_pem = "chain",
		});
	error_done(&outcome.error);
}

static void prove(struct bed *bed, size_t slot, enum prove_result result)
{
	const struct proof_seen seen = { .result = result, .words = "localhost:443: seen" };

	inventory_claim(bed->inventory, slot, CLAIM_PROOF);
	inventory_proven(
		bed->inventory, inventory_open(bed->inventory, slot), &source_of(bed, slot)->digest, &seen);
}

/* The dependent is told of all that it is owed, with a version in place. */
static void tell_nginx(struct bed *bed)
{
	const struct tracked_dependent *nginx = stock_find_dependent(bed->stock, "nginx");
	_cleanup_(freep) struct owed_record *rows = mem_alloc(nginx->owed_count * sizeof(*rows));
	const size_t count = nginx->owed_count;

	for (size_t i = 0; i < count; i++) {
		rows[i] = *nginx->owed[i];
		rows[i].delivery = mem_strdup(rows[i].delivery);
	}
	inventory_claim_dependent(bed->inventory, nginx);
	assert_true(inventory_tell_intended(bed->inventory, nginx, "token"));
	inventory_told(bed->inventory, nginx,
		&(struct told_fact){ .rows = rows, .count = count, .told = true });
	inventory_release_dependent(bed->inventory, nginx);
	for (size_t i = 0; i < count; i++)
		free(rows[i].delivery);
}

static void tell_a_fact(struct bed *bed, uint32_t *random)
{
	const size_t slot = dice(random, (unsigned)bed->stock->delivery_count);
	const struct version former = bed_version('@');

	switch (dice(random, 11)) {
	case 10:
		tell_nginx(bed);
		break;
	case 0:
		see(bed, slot, OBSERVED_ABSENT, NULL);
		break;
	case 1:
		see(bed, slot, OBSERVED_UNKNOWN, NULL);
		break;
	case 2:
		see(bed, slot, OBSERVED_PRESENT, &former);
		break;
	case 3:
		carry(bed, slot, OUTCOME_FAILED);
		break;
	case 4:
		carry(bed, slot, OUTCOME_WAITING);
		break;
	case 5:
		prove(bed, slot, dice(random, 2) ? PROVE_MATCHED : PROVE_WRONG);
		break;
	case 6:
	case 7:
		carry(bed, slot, OUTCOME_DONE);
		break;
	case 8:
		inventory_asked(bed->inventory, slot);
		break;
	default:
		see(bed, slot, OBSERVED_PRESENT, source_of(bed, slot));
	}
	inventory_end_turn(bed->inventory);
}

/* --- what one process knew, the next one finds --- */

static void same_text(const char *a, const char *b)
{
	assert_string_equal(a ?: "(none)", b ?: "(none)");
}

/* What is on disk of each delivery is what is in memory; how many have a row. */
static size_t check_rows(struct bed *bed, const struct recorded *disk)
{
	size_t rows = 0;

	for (size_t i = 0; i < bed->stock->delivery_count; i++) {
		const struct tracked_delivery *delivery = inventory_open(bed->inventory, i);
		const struct delivery_record *known = &delivery->record, *row = NULL;

		for (size_t k = 0; k < disk->delivery_count; k++)
			if (strcmp(disk->deliveries[k].name, delivery->name) == 0)
				row = &disk->deliveries[k];
		if (delivery->has_record != (row != NULL))
			fail_msg("%s: %s, in memory %d", delivery->name, row ? "has a row" : "has no row", delivery->has_record);
		if (!row)
			continue;
		rows++;
		same_text(row->object, known->object);
		same_text(row->object_id, known->object_id);
		assert_true(digest_equal(&row->confirmed.digest, &known->confirmed.digest));
		assert_true(digest_equal(&row->intended, &known->intended));
		assert_int_equal(row->intended_at, known->intended_at);
		if (known->failures) /* that a look found it again is not written down */
			assert_int_equal(row->failures, known->failures);
		assert_int_equal(row->hold, known->hold);
		same_text(row->hold_reason, known->hold_reason);
		assert_true(digest_equal(&row->held, &known->held));
		assert_true(proof_equal(&row->proof, &known->proof));
		assert_true(digest_equal(&row->proven, &known->proven));
	}
	inventory_end_turn(bed->inventory);
	return rows;
}

static void check_owed(const struct bed *bed, const struct recorded *disk)
{
	const struct tracked_dependent *nginx = stock_find_dependent(bed->stock, "nginx");

	assert_int_equal(nginx->owed_count, disk->owed_count);
	for (size_t i = 0; i < disk->owed_count; i++) {
		const struct owed_record *row = find_owed(nginx, disk->owed[i].delivery);

		assert_non_null(row);
		assert_int_equal(row->owed, disk->owed[i].owed);
		assert_true(digest_equal(&row->digest, &disk->owed[i].digest));
	}
}

static void test_each_process_finds_what_the_one_before_knew(void **state)
{
	struct bed *bed = *state;
	uint32_t random = 42;
	size_t rows = 0;

	for (unsigned life = 0; life < 30; life++) {
		bool begun = inventory_begin(bed->inventory);
		struct recorded disk;

		if (life % 5 == 4)
			bed_show(bed, bed_view(arns, (char)('A' + life)));
		for (unsigned i = 0; i < 100; i++) {
			/* An intent is a transaction of its own. */
			inventory_commit(bed->inventory, begun);
			tell_a_fact(bed, &random);
			begun = inventory_begin(bed->inventory);
		}
		inventory_commit(bed->inventory, begun);
		disk = bed_on_disk(bed);
		rows += check_rows(bed, &disk);
		check_owed(bed, &disk);
		restart(bed);
		(void)check_rows(bed, &disk);
		check_owed(bed, &disk);
		recorded_done(&disk);
	}
	assert_true(rows > 100);
}

/* --- the census --- */

static struct census plain_sum(const struct stock *stock)
{
	struct census sum = { .gathering = 0 };

	for (size_t i = 0; i < stock->certificate_count; i++) {
		const struct planned *planned = &stock->certificates[i]->planned;

		sum.touched.known += planned->touched.known;
		sum.touched.unseen += planned->touched.unseen;
		sum.in_place += planned->in_place;
		sum.held += planned->held;
		sum.failing += planned->failing;
		sum.gathering += stock->certificates[i]->gather_until != 0;
	}
	return sum;
}

static void test_census_is_the_plain_sum(void **state)
{
	struct bed *bed = *state;
	uint32_t random = 7;

	for (unsigned i = 0; i < 2000; i++) {
		const struct tracked_certificate *certificate =
			bed->stock->certificates[dice(&random, (unsigned)bed->stock->certificate_count)];
		const struct planned planned = {
			.touched = { dice(&random, 9), dice(&random, 9) },
			.in_place = dice(&random, 9),
			.held = dice(&random, 9),
			.failing = dice(&random, 9),
			.due = dice(&random, 3),
		};
		struct census sum;

		switch (dice(&random, 20)) {
		case 0:
			bed_take_over(bed, dice(&random, 2) ? both : pay_alone);
			break;
		case 1:
		case 2:
			inventory_gather(bed->inventory, certificate, dice(&random, 2));
			break;
		case 3:
			inventory_counted(bed->inventory, certificate, &planned.touched);
			break;
		default:
			inventory_planned(bed->inventory, certificate, &planned);
		}
		sum = plain_sum(bed->stock);
		assert_memory_equal(&sum, &bed->stock->census, sizeof(sum));
	}
}

/* --- worlds --- */

static size_t slot_named(const struct bed *bed, const char *name)
{
	const struct slot *slot = stock_find_slot(bed->stock, name);

	assert_non_null(slot);
	return (size_t)(slot - bed->stock->slots);
}

static void test_what_is_claimed_outlives_its_world(void **state)
{
	struct bed *bed = *state;
	const size_t slot = slot_named(bed, "web/acm/222222222222/eu-west-1");
	const struct tracked_delivery *delivery = inventory_open(bed->inventory, slot);
	const struct tracked_certificate *certificate = delivery->certificate;
	struct recorded disk;

	assert_true(inventory_intend(bed->inventory, &source_of(bed, slot)->digest, &delivery, 1));
	inventory_claim(bed->inventory, slot, CLAIM_TRANSFER);
	inventory_claim_certificate(bed->inventory, certificate);
	bed_take_over(bed, pay_alone);
	assert_null(stock_find_slot(bed->stock, "web/acm/222222222222/eu-west-1"));
	assert_int_equal(delivery->slot, SIZE_MAX);
	assert_false(stock_is_present(bed->stock, certificate));
	/* It is written down for whoever configures it again. */
	inventory_carried(bed->inventory, delivery,
		&(struct carried_fact){
			.outcome = &(struct outcome){ .kind = OUTCOME_DONE, .version = bed->view->items[1].version },
			.certificate = certificate,
		});
	inventory_release_certificate(bed->inventory, certificate);
	disk = bed_on_disk(bed);
	assert_int_equal(disk.delivery_count, 1);
	assert_string_equal(disk.deliveries[0].name, "web/acm/222222222222/eu-west-1");
	recorded_done(&disk);
}

static void test_another_world_keeps_what_has_the_same_name(void **state)
{
	struct bed *bed = *state;
	size_t slot = slot_named(bed, "pay/files");

	carry(bed, slot, OUTCOME_DONE);
	inventory_end_turn(bed->inventory);
	assert_null(bed->stock->slots[slot].open); /* settled */
	bed_take_over(bed, pay_alone);
	slot = slot_named(bed, "pay/files");
	assert_non_null(slot_confirmed(&bed->stock->slots[slot]));
	assert_int_equal(slot_state(&bed->stock->slots[slot]), OBSERVED_PRESENT);
	assert_int_equal(slot_state(&bed->stock->slots[slot_named(bed, "pay/acm/222222222222/eu-west-1")]),
		OBSERVED_UNKNOWN);
}

/* --- the law of the record --- */

#define FILES_ALONE(entry) "source: {region: eu-west-1}\nguard: 0\ncertificates:\n  " entry "\n" DESTINATIONS

/* The delivery of a world that has one: what is recorded of it. */
static const struct delivery_record *only_record(struct bed *bed, const char *name)
{
	const struct tracked_delivery *delivery = inventory_open(bed->inventory, 0);

	assert_int_equal(bed->stock->delivery_count, 1);
	assert_string_equal(delivery->name, name);
	return delivery->has_record ? &delivery->record : NULL;
}

/* An object is what it is, whatever its entry is called and whichever certificate that names. */
static void test_a_record_is_its_objects(void **state)
{
	struct bed *bed = *state;
	const struct version confirmed = bed_version('A');
	const struct delivery_record *record;
	struct recorded recorded;

	bed_take_over(bed, FILES_ALONE("pay: {arn: '" ARN "1', deliver: [{to: files}]}"));
	carry(bed, 0, OUTCOME_DONE);
	bed_take_over(bed, FILES_ALONE("pay: {arn: '" ARN "2', deliver: [{to: files}]}"));
	record = only_record(bed, "pay/files");
	assert_non_null(record);
	assert_true(digest_equal(&record->confirmed.digest, &confirmed.digest));
	assert_string_equal(record->former, ARN "1");
	assert_int_equal(inventory_open(bed->inventory, 0)->observed.state, OBSERVED_UNKNOWN);

	bed_take_over(bed, FILES_ALONE("shop: {arn: '" ARN "2', deliver: [{to: files, as: other}]}"));
	assert_null(only_record(bed, "shop/files"));
	bed_take_over(bed, FILES_ALONE("shop: {arn: '" ARN "2', deliver: [{to: files, as: pay}]}"));
	record = only_record(bed, "shop/files");
	assert_non_null(record);
	assert_true(digest_equal(&record->confirmed.digest, &confirmed.digest));
	assert_string_equal(record->name, "shop/files");
	assert_string_equal(record->former, ARN "1");
	recorded = bed_on_disk(bed);
	assert_int_equal(recorded.delivery_count, 1);
	assert_string_equal(recorded.deliveries[0].name, "shop/files");
	recorded_done(&recorded);
}

static void test_nothing_is_intended_while_it_cannot_be_written(void **state)
{
	struct bed *bed = *state;
	const size_t slot = slot_named(bed, "pay/files");
	const struct tracked_delivery *delivery = inventory_open(bed->inventory, slot);
	sqlite3 *db = bed->inventory->record->db;

	assert_int_equal(sqlite3_exec(db, "PRAGMA query_only=1", NULL, NULL, NULL), SQLITE_OK);
	assert_false(inventory_intend(bed->inventory, &source_of(bed, slot)->digest, &delivery, 1));
	assert_non_null(bed->stock->record_error.text);
	inventory_try_record(bed->inventory);
	assert_non_null(bed->stock->record_error.text);
	assert_int_equal(sqlite3_exec(db, "PRAGMA query_only=0", NULL, NULL, NULL), SQLITE_OK);
	inventory_try_record(bed->inventory);
	assert_null(bed->stock->record_error.text);
	assert_true(inventory_intend(bed->inventory, &source_of(bed, slot)->digest, &delivery, 1));
}

/* The disk is full in the middle of an intent: none of it is written, and nothing may be sent. */
static void test_half_an_intent_is_none(void **state)
{
	struct bed *bed = *state;
	const size_t slot = slot_named(bed, "pay/acm/222222222222/eu-west-1");
	const struct tracked_delivery *delivery = inventory_open(bed->inventory, slot);
	struct recorded disk;

	assert_int_equal(sqlite3_exec(bed->inventory->record->db,
				 "CREATE TEMP TRIGGER full BEFORE INSERT ON main.delivery_row"
				 " BEGIN SELECT RAISE(ABORT, 'full'); END", NULL, NULL, NULL), SQLITE_OK);
	assert_false(inventory_intend(bed->inventory, &source_of(bed, slot)->digest, &delivery, 1));
	disk = bed_on_disk(bed);
	assert_int_equal(disk.owed_count, 0);
	assert_int_equal(disk.delivery_count, 0);
	recorded_done(&disk);
}

/* --- the disk --- */

/* SQLite's log, each of whose waits for the disk is counted. */
static struct {
	sqlite3_io_methods methods;
	int (*wait)(sqlite3_file *log, int flags);
	unsigned waits;
	bool fails;
} log_file;

static int count_wait(sqlite3_file *log, int flags)
{
	log_file.waits++;
	return log_file.fails ? SQLITE_IOERR_FSYNC : log_file.wait(log, flags);
}

static void count_waits(const struct bed *bed)
{
	sqlite3_file *log = NULL;

	assert_int_equal(sqlite3_file_control(bed->inventory->record->db, "main",
				 SQLITE_FCNTL_JOURNAL_POINTER, &log),
		SQLITE_OK);
	assert_non_null(log->pMethods);
	memset(&log_file, 0, sizeof(log_file));
	log_file.methods = *log->pMethods;
	log_file.wait = log->pMethods->xSync;
	log_file.methods.xSync = count_wait;
	log->pMethods = &log_file.methods;
}

static void intend(const struct bed *bed, const char *name)
{
	const size_t slot = slot_named(bed, name);
	const struct tracked_delivery *delivery = inventory_open(bed->inventory, slot);

	assert_true(inventory_intend(bed->inventory, &source_of(bed, slot)->digest, &delivery, 1));
}

static void test_the_disk_is_waited_for_once(void **state)
{
	struct bed *bed = *state;

	intend(bed, "pay/files");
	count_waits(bed);
	assert_true(bed->stock->unsynced_since > 0);
	assert_true(inventory_sync(bed->inventory));
	assert_int_equal(log_file.waits, 1);
	assert_true(bed->stock->synced_at > 0);
	assert_true(inventory_sync(bed->inventory)); /* nothing is new */
	assert_int_equal(log_file.waits, 1);
	intend(bed, "pay/acm/222222222222/eu-west-1");
	assert_true(inventory_sync(bed->inventory));
	assert_int_equal(log_file.waits, 2);
}

static void test_what_the_disk_did_not_take_is_not_on_it(void **state)
{
	struct bed *bed = *state;

	intend(bed, "pay/files");
	count_waits(bed);
	log_file.fails = true;
	assert_false(inventory_sync(bed->inventory));
	assert_non_null(strstr(bed->stock->record_error.text, "write to the disk"));
	assert_true(bed->stock->unsynced_since > 0);
	log_file.fails = false;
	assert_true(inventory_sync(bed->inventory));
	assert_int_equal(log_file.waits, 2);
}

/* In bytes. */
static long long size_of_log(const struct bed *bed)
{
	sqlite3_int64 size = -1;
	sqlite3_file *log = NULL;

	assert_int_equal(sqlite3_file_control(bed->inventory->record->db, "main",
				 SQLITE_FCNTL_JOURNAL_POINTER, &log),
		SQLITE_OK);
	assert_int_equal(log->pMethods->xFileSize(log, &size), SQLITE_OK);
	return size;
}

/* The system forgets what it failed to write, and says so once: to wait once more brings nothing. */
static void test_what_the_disk_did_not_take_is_written_again(void **state)
{
	struct bed *bed = *state;

	intend(bed, "pay/files");
	count_waits(bed);
	assert_true(inventory_sync(bed->inventory));
	assert_true(size_of_log(bed) > 0); /* which was enough */
	intend(bed, "pay/acm/222222222222/eu-west-1");
	log_file.fails = true;
	assert_false(inventory_sync(bed->inventory));
	assert_false(inventory_sync(bed->inventory));
	log_file.fails = false;
	assert_true(inventory_sync(bed->inventory));
	assert_int_equal(size_of_log(bed), 0); /* all of it is in the database */
	intend(bed, "pay/files");
	assert_true(inventory_sync(bed->inventory));
	assert_true(size_of_log(bed) > 0);
}

/* --- people --- */

static void test_approving_lifts_all_that_can_be_approved(void **state)
{
	struct bed *bed = *state;
	const size_t slot = slot_named(bed, "pay/files");
	struct holds holds = { 0 };
	struct step step = { .verb = STEP_HOLD, .index = slot, .holds = &holds, .hold = HOLD_APPROVAL };
	const struct delivery_record *record;

	carry(bed, slot, OUTCOME_WAITING);
	holds_add(&holds, HOLD_GUARD, mem_strdup("too many"));
	holds_add(&holds, HOLD_APPROVAL, mem_strdup("loses a name"));
	assert_true(inventory_approved(bed->inventory, &step, APPROVAL_TRUST, "root"));
	record = &inventory_open(bed->inventory, slot)->record;
	assert_true(record->guard_passed);
	assert_true(digest_equal(&record->approved, &record->held));
	holds_done(&holds);
	holds_add(&holds, HOLD_GONE, mem_strdup("it is not there"));
	assert_false(inventory_approved(bed->inventory, &step, APPROVAL_TRUST, "root"));
	holds_done(&holds);
}

static void test_what_others_put_there_needs_its_name(void **state)
{
	struct bed *bed = *state;
	const size_t slot = slot_named(bed, "pay/files");
	struct holds holds = { 0 };
	struct step step = {
		.verb = STEP_HOLD, .index = slot, .holds = &holds, .hold = HOLD_FOREIGN
	};
	struct observed seen = { .state = OBSERVED_PRESENT, .at = 1,
		.object_id = mem_strdup("secret"), .revision = mem_strdup("theirs"),
		.foreign = mem_strdup("has other fields") };
	const struct delivery_record *record = &inventory_open(bed->inventory, slot)->record;

	inventory_saw(bed->inventory, slot, &seen, 0);
	holds_add(&holds, HOLD_FOREIGN, mem_strdup("has other fields"));
	assert_false(inventory_approved(bed->inventory, &step, APPROVAL_PLAIN, "root"));
	holds_add(&holds, HOLD_GUARD, mem_strdup("too many"));
	assert_true(inventory_approved(bed->inventory, &step, APPROVAL_PLAIN, "root"));
	record = &inventory_open(bed->inventory, slot)->record;
	assert_true(record->guard_passed);
	assert_null(record->revision);
	assert_true(inventory_approved(bed->inventory, &step, APPROVAL_TRUST, "root"));
	assert_string_equal(inventory_open(bed->inventory, slot)->record.revision, "theirs");
	holds_done(&holds);
}

/* --- what ends soon --- */

struct heard {
	unsigned begins, repeats, ends;
};

static void listen_for_expiring(void *userdata, const struct announcement *announcement)
{
	struct heard *heard = userdata;

	if (announcement->change->event != CHANGE_EXPIRING && announcement->change->event != CHANGE_NOT_EXPIRING)
		return;
	heard->begins += announcement->phase == ANNOUNCE_BEGINS;
	heard->repeats += announcement->phase == ANNOUNCE_REPEATS;
	heard->ends += announcement->phase == ANNOUNCE_ENDS;
}

/* It is said once, also when it was settled in between and is looked at again, and its end once. */
static void test_expiring_is_said_once_while_it_lasts(void **state)
{
	struct bed *bed = *state;
	const size_t slot = slot_named(bed, "pay/files");
	struct heard heard = { 0 };

	announce_listen(inventory_announce(bed->inventory), listen_for_expiring, &heard);
	bed->view->items[0].version.not_after = clock_now() + 3 * USEC_PER_DAY;
	bed->view->items[0].not_after = bed->view->items[0].version.not_after;
	for (unsigned day = 0; day < 3; day++) {
		see(bed, slot, OBSERVED_PRESENT, source_of(bed, slot));
		assert_null(bed->stock->slots[slot].open);
	}
	assert_int_equal(heard.begins, 1);
	assert_int_equal(heard.repeats, 2);
	assert_int_equal(heard.ends, 0);
	bed_show(bed, bed_view(arns, 'B'));
	carry(bed, slot, OUTCOME_DONE);
	see(bed, slot, OBSERVED_PRESENT, source_of(bed, slot));
	assert_int_equal(heard.begins, 1);
	assert_int_equal(heard.ends, 1);
}

/* --- how programs find the files --- */

static void listen_for_links(void *userdata, const struct announcement *announcement)
{
	char **said = userdata;

	if (announcement->change->event != CHANGE_STAYS_LINK && announcement->change->event != CHANGE_BECAME_DIRECTORY)
		return;
	free(*said);
	*said = mem_printf("%s %s: %s", announcement->level == LOG_NOTICE ? "notice" : "debug",
		announcement->subject->name, announcement->sentence);
}

/* Once for all that lies at a place, since its file system decides; and whatever became of the write. */
static void test_links_that_stay_are_said_once_a_place(void **state)
{
	struct bed *bed = *state;
	const size_t slot = slot_named(bed, "pay/files");
	const struct tracked_delivery *delivery = inventory_open(bed->inventory, slot);
	_cleanup_(freep) char *said = NULL;
	struct outcome outcome = { .kind = OUTCOME_FAILED, .error = { .kind = ERROR_RETRY, .text = (char *)"no" } };
	struct carried_fact fact = { .outcome = &outcome, .certificate = bed->stock->certificates[0] };

	announce_listen(inventory_announce(bed->inventory), listen_for_links, &said);
	outcome.shown = (struct shown_news){ .change = SHOWN_STAYS_LINK, .path = (char *)"/tls/pay",
		.why = { .kind = ERROR_INVALID, .text = (char *)"cannot exchange" } };
	for (unsigned i = 0; i < 2; i++) {
		inventory_claim(bed->inventory, slot, CLAIM_TRANSFER);
		inventory_carried(bed->inventory, delivery, &fact);
		assert_non_null(strstr(said, i ? "debug files: " : "notice files: "));
		assert_non_null(strstr(said, "Failed to make '/tls/pay' a directory: cannot exchange; it stays a link"));
		delivery = inventory_open(bed->inventory, slot);
	}
	outcome.shown = (struct shown_news){ .change = SHOWN_BECAME_DIRECTORY, .path = (char *)"/tls/pay" };
	inventory_claim(bed->inventory, slot, CLAIM_TRANSFER);
	inventory_carried(bed->inventory, delivery, &fact);
	assert_non_null(strstr(said, "notice files: Made '/tls/pay' a directory; it was a link."));
}

static void listen_for_remarks(void *userdata, const struct announcement *announcement)
{
	char **sentence = userdata;

	if (announcement->change->event != CHANGE_REMARK)
		return;
	assert_null(*sentence);
	*sentence = mem_strdup(announcement->sentence);
}

/* What lies beyond the anchor of a chain is said of its certificate, once an export. */
static void test_note_of_an_export_is_said_of_its_certificate(void **state)
{
	struct bed *bed = *state;
	const struct tracked_certificate *pay = bed->stock->certificates[0];
	_cleanup_(freep) char *sentence = NULL;
	struct exported_fact fact = { .version = &pay->seen->version, .note = "an old root has expired" };

	announce_listen(inventory_announce(bed->inventory), listen_for_remarks, &sentence);
	inventory_exported(bed->inventory, pay, &fact);
	assert_string_equal(sentence, "'pay': an old root has expired");
	fact.note = NULL;
	inventory_exported(bed->inventory, pay, &fact);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

/* --- what very many settled deliveries take --- */

#define MANY_CERTIFICATES 100

/* Each certificate to so many accounts. */
static char *many_text(unsigned accounts)
{
	struct buf text = BUF_NULL;

	buf_append_string(&text, "source: {region: eu-west-1}\nguard: 0\ncertificates:\n");
	for (unsigned i = 0; i < MANY_CERTIFICATES; i++)
		buf_printf(&text, "  c%03u: {arn: '" ARN "%03u', deliver: [{to: acm}]}\n", i, i);
	buf_append_string(&text, "destinations:\n  acm:\n    kind: acm\n    region: eu-west-1\n"
				 "    role_arn: 'arn:aws:iam::{account}:role/ferry'\n    accounts:\n");
	for (unsigned i = 0; i < accounts; i++)
		buf_printf(&text, "      - '%012u'\n", 222220000u + i);
	return buf_take(&text);
}

static struct source_view *many_view(void)
{
	_cleanup_(strv_freep) char **list = NULL;

	for (unsigned i = 0; i < MANY_CERTIFICATES; i++) {
		_cleanup_(freep) char *arn = mem_printf(ARN "%03u", i);

		strv_append(&list, arn);
	}
	return bed_view(list, 'A');
}

/* As a look finds an import of ACM's: an ARN of its own, and when it was made. */
static void see_import(struct bed *bed, size_t slot)
{
	const struct version *version = source_of(bed, slot);
	const char *account = place_part(stock_place(bed->stock, &bed->stock->slots[slot])->place, "account");
	struct observed seen = { .state = OBSERVED_PRESENT, .at = inventory_now(bed->inventory), .version = *version };

	seen.object_id = mem_printf("arn:aws:acm:eu-west-1:%s:certificate/%08zx-1111-4222-8333-444455556666", account, slot);
	seen.revision = mem_printf("%" PRIu64 " %" PRIu64 " %zu", version->not_before, version->not_after, 1000000 + slot);
	inventory_saw(bed->inventory, slot, &seen, 7);
	observed_done(&seen);
	inventory_end_turn(bed->inventory);
}

static size_t in_use(void)
{
	const struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/* What the inventory has in use with so many accounts, all in sync and settled. */
static size_t settle_many(struct bed *bed, unsigned accounts)
{
	_cleanup_(freep) char *text = many_text(accounts);
	struct source_view *former = bed->view;
	bool begun;

	bed->view = many_view();
	bed_take_over(bed, text);
	source_view_free(former);
	assert_int_equal(bed->stock->delivery_count, MANY_CERTIFICATES * accounts);
	begun = inventory_begin(bed->inventory);
	for (size_t i = 0; i < bed->stock->delivery_count; i++)
		see_import(bed, i);
	inventory_commit(bed->inventory, begun);
	for (size_t i = 0; i < bed->stock->delivery_count; i++)
		assert_null(bed->stock->slots[i].open);
	return in_use();
}

/* Sets VmHWM back to what is resident (proc(5)); false where that cannot be.  peak(): that, in bytes. */
static bool reset_peak(void)
{
	FILE *file = fopen("/proc/self/clear_refs", "w");
	bool reset = file && fputs("5", file) >= 0;

	return file && fclose(file) == 0 && reset;
}

static size_t peak(void)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[256];
	size_t kib = 0;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file) && sscanf(line, "VmHWM: %zu", &kib) != 1)
		;
	(void)fclose(file);
	return kib << 10;
}

#define MANY_ACCOUNTS	 400
#define SETTLED_MOST	 120 /* bytes of each at rest */
#define TAKEN_OVER_MOST 90  /* and of each while another world takes their place */

/* Of bytes in use and of pages, neither of which depends on how busy the machine is. */
static void test_settled_ones_are_small(void **state)
{
	struct bed *bed = *state;
	const size_t few = settle_many(bed, MANY_ACCOUNTS / 4), many = settle_many(bed, MANY_ACCOUNTS);
	const size_t more = (size_t)MANY_CERTIFICATES * (MANY_ACCOUNTS - MANY_ACCOUNTS / 4);
	_cleanup_(freep) char *text = many_text(MANY_ACCOUNTS);
	size_t before;

#ifdef __SANITIZE_ADDRESS__
	skip(); /* its memory is another */
#endif
	assert_in_range(many - few, more * sizeof(struct slot), more * SETTLED_MOST);
	memory_trim();
	if (!reset_peak())
		skip();
	before = peak();
	bed_take_over(bed, text);
	assert_true(peak() - before <= bed->stock->delivery_count * (size_t)TAKEN_OVER_MOST);
	assert_in_range(in_use() - few, 0, bed->stock->delivery_count * (size_t)SETTLED_MOST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_each_process_finds_what_the_one_before_knew),
		TEST(test_census_is_the_plain_sum),
		TEST(test_what_is_claimed_outlives_its_world),
		TEST(test_another_world_keeps_what_has_the_same_name),
		TEST(test_a_record_is_its_objects),
		TEST(test_nothing_is_intended_while_it_cannot_be_written),
		TEST(test_half_an_intent_is_none),
		TEST(test_the_disk_is_waited_for_once),
		TEST(test_what_the_disk_did_not_take_is_not_on_it),
		TEST(test_what_the_disk_did_not_take_is_written_again),
		TEST(test_approving_lifts_all_that_can_be_approved),
		TEST(test_what_others_put_there_needs_its_name),
		TEST(test_expiring_is_said_once_while_it_lasts),
		TEST(test_links_that_stay_are_said_once_a_place),
		TEST(test_note_of_an_export_is_said_of_its_certificate),
		TEST(test_settled_ones_are_small),
	};

	if (secret_memory_init(&(bool){ false }, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
