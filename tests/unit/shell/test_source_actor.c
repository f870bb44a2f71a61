/* SPDX-License-Identifier: Apache-2.0 */
/* When the source is read, and what of it reaches the inventory, beside a source of the test's own. */
#include "tests/unit/shell/inventory_bed.h"

#include "daemon/actor/watch.h"
#include "daemon/source/kind.h"
#include "lib/pki/secret.h"

#define ARN "arn:aws:acm:eu-west-1:111111111111:certificate/"

/* --- the stage: in place of ACM --- */

struct toy_read {
	struct source_read base;
	enum source_reading reading;
	char *only; /* joined */
	const struct source_read_events *events;
	void *userdata;
};

static struct {
	struct bed bed;
	struct watch *watch;
	struct toy_read *read;
	unsigned reads, begins, ends, cancels, views;
	enum source_reading begun;
	bool failed;
	char **wanted; /* by somebody who waits */
	const struct tracked_certificate *reading; /* the last one */
	usec_t listed; /* its NotBefore */
} at;

static struct source_read *toy_start(
	const struct source_request *request, const struct source_read_events *events, void *userdata)
{
	assert_null(at.read);
	at.reads++;
	at.read = mem_new(struct toy_read);
	*at.read = (struct toy_read){ .reading = request->reading, .events = events, .userdata = userdata };
	return &at.read->base;
}

static void toy_cancel(struct source_read *read)
{
	free(take(at.read));
}

static const struct source_kind_row toy_kind = { .name = "toy", .read = toy_start, .read_cancel = toy_cancel };

const struct source_kind_row *const source_kinds[] = { [SOURCE_ACM] = &toy_kind };

/* The reading under way ends. */
static void end(struct source_view *view, const struct error *err)
{
	struct toy_read read = *at.read;

	free(take(at.read));
	read.events->on_read(read.userdata, view, err);
}

/* --- the host --- */

static void on_view(void *userdata, const struct source_view *view, const struct source_view *former)
{
	at.views++;
	inventory_show(at.bed.inventory, view, former);
}

static char **wanted(void *userdata, size_t *ret_count)
{
	*ret_count = strv_length(at.wanted);
	return take(at.wanted);
}

static void on_begins(void *userdata, enum source_reading reading)
{
	assert_null(at.read); /* before it does */
	at.begins++;
	at.begun = reading;
}

static void on_tells(void *userdata)
{
}

static void on_read(void *userdata, const struct tracked_certificate *certificate)
{
}

static void on_reading(void *userdata, const struct tracked_certificate *certificate,
	const struct source_certificate *listed)
{
	at.reading = certificate;
	at.listed = listed->not_before;
}

static void on_ended(void *userdata, enum source_reading reading, const struct error *err)
{
	assert_int_equal(reading, at.begun);
	at.ends++;
	at.failed = err != NULL;
}

static void on_cancelled(void *userdata)
{
	at.cancels++;
}

static const char yaml[] = "source: {region: eu-west-1}\n"
			   "poll: 15m\n"
			   "certificates:\n"
			   "  pay: {arn: '" ARN "1', deliver: [{to: files}]}\n"
			   "  web: {arn: '" ARN "2', deliver: [{to: files}]}\n"
			   "destinations:\n  files: {kind: file, directory: /srv/tls}\n";

static char *const both[] = { (char *)ARN "1", (char *)ARN "2", NULL };
static char *const one[] = { (char *)ARN "1", NULL };

static int setup(void **state)
{
	char **regions = NULL;

	memset(&at, 0, sizeof(at));
	bed_init(&at.bed);
	bed_take_over(&at.bed, yaml);
	at.watch = watch_new(&(struct watch_host){
		.inventory = at.bed.inventory,
		.context = &at.bed.context,
		.on_view = on_view,
		.wanted = wanted,
		.on_begins = on_begins,
		.on_tells = on_tells,
		.on_read = on_read,
		.on_reading = on_reading,
		.on_ended = on_ended,
		.on_cancelled = on_cancelled,
	});
	watch_due(at.watch);
	assert_int_equal(at.reads, 0); /* nowhere to read yet */
	strv_append(&regions, "eu-west-1");
	watch_set_regions(at.watch, regions);
	*state = NULL;
	return 0;
}

static int teardown(void **state)
{
	at.wanted = strv_free(at.wanted);
	at.watch = watch_free(at.watch);
	bed_done(&at.bed);
	return 0;
}

static const struct tracked_certificate *certificate(const char *name)
{
	return stock_find_certificate(at.bed.stock, name);
}

static void sweep(char *const *arns, char letter)
{
	watch_want_sweep(at.watch);
	watch_due(at.watch);
	assert_int_equal(at.begun, SOURCE_SWEEP);
	end(bed_view(arns, letter), NULL);
}

/* --- the tests --- */

static void test_what_a_sweep_shows_is_known_and_on_disk(void **state)
{
	struct recorded disk;

	inventory_looked_through(at.bed.inventory, at.bed.stock->places[0]); /* as if all had been seen */
	sweep(both, 'A');
	assert_int_equal(at.begins, 1);
	assert_int_equal(at.ends, 1);
	assert_int_equal(at.views, 1);
	assert_non_null(certificate("pay")->seen);
	assert_null(certificate("pay")->refusal);
	disk = bed_on_disk(&at.bed);
	assert_int_equal(disk.certificate_count, 2);
	recorded_done(&disk);
	assert_true(at.bed.stock->places[0]->wanted);
	assert_true(watch_show(at.watch).looked_at > 0 && watch_show(at.watch).swept_at > 0);
	assert_null(watch_show(at.watch).problem);
}

static void test_what_is_not_there_is_said(void **state)
{
	sweep(one, 'A');
	assert_null(certificate("pay")->refusal);
	assert_non_null(strstr(certificate("web")->refusal, "does not exist in the source account"));
	sweep(both, 'A');
	assert_null(certificate("web")->refusal);
}

/* Whose version is being read is told beside what it was listed as; what is known of it is what was known. */
static void test_what_is_being_read_is_told(void **state)
{
	struct source_certificate listed = { .not_before = 5 };

	sweep(both, 'A');
	listed.arn = (char *)ARN "2";
	watch_look_now(at.watch);
	watch_due(at.watch);
	at.read->events->on_reading(at.read->userdata, &listed);
	assert_ptr_equal(at.reading, certificate("web"));
	assert_int_equal(at.listed, 5);
	listed.arn = (char *)ARN "3";
	at.read->events->on_reading(at.read->userdata, &listed);
	assert_ptr_equal(at.reading, certificate("web")); /* nobody wants that one */
	end(NULL, NULL);
}

/* What is due together comes in this order: all of it, what somebody waits for, what has changed. */
static void test_order(void **state)
{
	sweep(both, 'A');
	watch_want_sweep(at.watch);
	strv_append(&at.wanted, ARN "2");
	watch_look_now(at.watch);
	watch_due(at.watch);
	assert_int_equal(at.begun, SOURCE_SWEEP);
	watch_due(at.watch);
	assert_int_equal(at.reads, 2); /* one at a time */
	end(bed_view(both, 'A'), NULL);
	watch_look_now(at.watch);
	watch_due(at.watch);
	assert_int_equal(at.begun, SOURCE_CHECK);
	end(bed_view(both, 'A'), NULL);
	watch_due(at.watch);
	assert_int_equal(at.begun, SOURCE_LOOK);
	end(bed_view(both, 'A'), NULL);
	watch_due(at.watch);
	assert_null(at.read); /* nothing is due */
}

/* A failure is tried again after a back-off that is never longer than poll:, give or take its jitter. */
static void test_failures_back_off(void **state)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	usec_t wait = 0;

	(void)error_set(&err, ERROR_RETRY, 0, "no answer");
	for (unsigned i = 0; i < 12; i++) {
		usec_t now = clock_monotonic(), next;

		watch_want_sweep(at.watch);
		watch_due(at.watch);
		end(NULL, &err);
		next = watch_show(at.watch).next_look;
		assert_true(next > now && next < now + 17 * USEC_PER_MINUTE);
		wait = MAX(wait, next - now);
		assert_int_equal(watch_show(at.watch).next_sweep, next);
		assert_string_equal(watch_show(at.watch).problem, "no answer");
	}
	assert_true(at.failed);
	assert_true(wait > 10 * USEC_PER_MINUTE);
	sweep(both, 'A');
	assert_null(watch_show(at.watch).problem);
	assert_true(watch_show(at.watch).next_sweep > clock_monotonic() + USEC_PER_HOUR);
}

/* A check finds a renewal, and leaves the times of the others as they were. */
static void test_a_check_reads_what_is_waited_for(void **state)
{
	const struct version renewed = bed_version('B');
	usec_t next;

	sweep(both, 'A');
	next = watch_show(at.watch).next_look;
	strv_append(&at.wanted, ARN "2");
	watch_due(at.watch);
	assert_int_equal(at.begun, SOURCE_CHECK);
	end(bed_view(both, 'B'), NULL);
	assert_true(digest_equal(&certificate("web")->record.version.digest, &renewed.digest));
	assert_int_equal(watch_show(at.watch).next_look, next);
}

static size_t count_on_disk(void)
{
	struct recorded disk = bed_on_disk(&at.bed);
	size_t count = disk.certificate_count;

	recorded_done(&disk);
	return count;
}

/* One transaction for those of a turn; whatever has to be on the disk takes them along. */
static void test_versions_are_written_together(void **state)
{
	const struct tracked_certificate *pay, *web;

	sweep(both, 'A');
	pay = certificate("pay");
	web = certificate("web");
	((struct source_certificate *)pay->seen)->version = bed_version('B');
	inventory_version_read(at.bed.inventory, pay);
	inventory_version_read(at.bed.inventory, pay);
	assert_true(pay->unsaved && !web->unsaved);
	((struct source_certificate *)web->seen)->version = bed_version('B');
	inventory_version_read(at.bed.inventory, web);
	assert_true(inventory_sync(at.bed.inventory));
	assert_true(!pay->unsaved && !web->unsaved);
	assert_int_equal(count_on_disk(), 2);
	for (size_t i = 0; i < 2; i++) {
		struct recorded disk = bed_on_disk(&at.bed);

		assert_true(digest_equal(&disk.certificates[i].version.digest, &pay->record.version.digest));
		recorded_done(&disk);
	}

	((struct source_certificate *)pay->seen)->version = bed_version('C');
	inventory_version_read(at.bed.inventory, pay);
	inventory_save_versions(at.bed.inventory);
	assert_false(pay->unsaved);
	inventory_save_versions(at.bed.inventory); /* nothing is left */
}

static void test_events_bring_it_forward(void **state)
{
	sweep(both, 'A');
	watch_bring_forward(at.watch, USEC_INFINITY, USEC_INFINITY);
	watch_due(at.watch);
	assert_null(at.read);
	watch_bring_forward(at.watch, clock_monotonic(), USEC_INFINITY);
	watch_due(at.watch);
	assert_int_equal(at.begun, SOURCE_LOOK);
	end(bed_view(both, 'A'), NULL);
	watch_bring_forward(at.watch, USEC_INFINITY, clock_monotonic());
	assert_true(watch_wants_sweep(at.watch));
}

static void test_cancelled_it_says_nothing_more(void **state)
{
	watch_due(at.watch);
	assert_true(watch_show(at.watch).reading && watch_show(at.watch).sweeping);
	watch_cancel(at.watch);
	assert_int_equal(at.cancels, 1);
	assert_int_equal(at.ends, 0);
	assert_false(watch_show(at.watch).reading);
	sweep(both, 'A');
	assert_int_equal(at.ends, 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_a_sweep_shows_is_known_and_on_disk),
		TEST(test_what_is_not_there_is_said),
		TEST(test_what_is_being_read_is_told),
		TEST(test_order),
		TEST(test_failures_back_off),
		TEST(test_a_check_reads_what_is_waited_for),
		TEST(test_versions_are_written_together),
		TEST(test_events_bring_it_forward),
		TEST(test_cancelled_it_says_nothing_more),
	};

	if (secret_memory_init(&(bool){ false }, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
