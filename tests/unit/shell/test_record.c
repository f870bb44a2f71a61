/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "daemon/record/store.h"
#include "lib/base/bounded.h"
#include "lib/base/buf.h"
#include "lib/os/file.h"
#include "lib/pki/secret.h"

/* Where the record of one test lies, and that record's file. */
static char directory[] = "/tmp/certferry-record-XXXXXX";
static char path[sizeof(directory) + sizeof("/record.sqlite")];

static int setup(void **state)
{
	memcpy(directory + sizeof(directory) - sizeof("XXXXXX"), "XXXXXX", sizeof("XXXXXX"));
	if (!mkdtemp(directory))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/record.sqlite", directory);
	return 0;
}

static void remove_files(void)
{
	DIR *files = opendir(directory);
	struct dirent *entry;

	assert_non_null(files);
	while ((entry = readdir(files)))
		if (*entry->d_name != '.')
			(void)unlinkat(dirfd(files), entry->d_name, 0);
	(void)closedir(files);
}

static int teardown(void **state)
{
	remove_files();
	return rmdir(directory);
}

/* A record that opens without a loss. */
static struct record *opened(void)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct record_news news = { (char *)"untouched", (char *)"untouched" };
	struct record *record = NULL;

	assert_int_equal(record_open(directory, &news, &record, &err), 0);
	assert_null(news.lost);
	assert_null(news.migrated);
	assert_non_null(record);
	assert_null(record_unmigrated(record));
	return record;
}

static struct recorded loaded(struct record *record)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct recorded all = { 0 };

	assert_int_equal(record_load(record, &all, &err), 0);
	return all;
}

static struct fingerprint print_of(unsigned char byte)
{
	struct fingerprint fingerprint;

	memset(fingerprint.bytes, byte, sizeof(fingerprint.bytes));
	return fingerprint;
}

static struct digest digest_of(unsigned char byte)
{
	const struct fingerprint leaf = print_of(byte);

	return digest_of_leaf(&leaf);
}

static struct version version_of(unsigned char byte)
{
	return (struct version){ digest_of(byte), print_of(byte + 1), byte * USEC_PER_DAY,
		byte * USEC_PER_DAY + 1 };
}

static void assert_print(const struct fingerprint *found, unsigned char byte)
{
	struct fingerprint wanted = print_of(byte);

	assert_true(fingerprint_equal(found, &wanted));
}

static void assert_digest(const struct digest *found, unsigned char byte)
{
	struct digest wanted = digest_of(byte);

	assert_true(digest_equal(found, &wanted));
}

static void assert_version(const struct version *found, unsigned char byte)
{
	assert_digest(&found->digest, byte);
	assert_print(&found->chain, byte + 1);
	assert_int_equal(found->not_before, byte * USEC_PER_DAY);
	assert_int_equal(found->not_after, byte * USEC_PER_DAY + 1);
}

/* --- rows --- */

static struct certificate_record full_certificate(void)
{
	return (struct certificate_record){ .arn = (char *)"arn:b", .serial = (char *)"0a:ff",
		.version = version_of(10), .exported = digest_of(12), .newest = 13,
		.anchor = (char *)"-----BEGIN\n", .failures = 14, .next_try = USEC_INFINITY,
		.problem = (char *)"it's \"so\"; DROP TABLE x" };
}

static void test_certificate(void **state)
{
	_cleanup_(record_freep) struct record *record = opened();
	struct certificate_record row = full_certificate(), empty = { .arn = (char *)"arn:a" };
	struct recorded all;

	assert_int_equal(record_save_certificate(record, &row, NULL), 0);
	assert_int_equal(record_save_certificate(record, &empty, NULL), 0);
	record = record_free(record);
	record = opened();
	all = loaded(record);
	assert_int_equal(all.certificate_count, 2);
	assert_string_equal(all.certificates[0].arn, "arn:a");
	assert_null(all.certificates[0].serial);
	assert_null(all.certificates[0].anchor);
	assert_null(all.certificates[0].problem);
	assert_false(digest_is_set(&all.certificates[0].version.digest));
	assert_false(digest_is_set(&all.certificates[0].exported));
	assert_string_equal(all.certificates[1].arn, row.arn);
	assert_string_equal(all.certificates[1].serial, row.serial);
	assert_version(&all.certificates[1].version, 10);
	assert_digest(&all.certificates[1].exported, 12);
	assert_int_equal(all.certificates[1].newest, 13);
	assert_string_equal(all.certificates[1].anchor, row.anchor);
	assert_int_equal(all.certificates[1].failures, 14);
	assert_true(all.certificates[1].next_try == USEC_INFINITY);
	assert_string_equal(all.certificates[1].problem, row.problem);
	recorded_done(&all);
	assert_int_equal(all.certificate_count, 0);
}

static struct proof_record full_proof(void)
{
	static struct endpoint_record endpoints[2];

	endpoints[0] = (struct endpoint_record){ (char *)"localhost:443 server_name=a", PROVE_MATCHED, 31, print_of(32), print_of(34),
		true, (char *)"127.0.0.1:443 [::1]:443", (char *)"localhost:443: 2 addresses serve it" };
	endpoints[1] = (struct endpoint_record){ (char *)"mx:25 starttls=smtp", PROVE_UNPROVEN, 33,
		{ { 0 } }, { { 0 } }, false, NULL, (char *)"mx:25: no such host" };
	return (struct proof_record){ PROVE_UNPROVEN, (char *)"unproven: mx:25: no such host", endpoints, 2 };
}

static void assert_endpoint(const struct endpoint_record *found, const struct endpoint_record *endpoint)
{
	assert_string_equal(found->endpoint, endpoint->endpoint);
	assert_int_equal(found->result, endpoint->result);
	assert_int_equal(found->looked_at, endpoint->looked_at);
	assert_memory_equal(&found->leaf, &endpoint->leaf, sizeof(found->leaf));
	assert_int_equal(found->had_tls, endpoint->had_tls);
	assert_int_equal(!found->addresses, !endpoint->addresses);
	if (found->addresses)
		assert_string_equal(found->addresses, endpoint->addresses);
	assert_string_equal(found->words, endpoint->words);
}

static void assert_proof(const struct proof_record *found, const struct proof_record *proof)
{
	assert_true(proof_equal(found, proof));
	assert_int_equal(found->endpoint_count, proof->endpoint_count);
	for (size_t i = 0; i < found->endpoint_count; i++)
		assert_endpoint(&found->endpoints[i], &proof->endpoints[i]);
}

static struct delivery_record full_delivery(void)
{
	return (struct delivery_record){ .name = (char *)"web/edge", .object = (char *)"acm a <- b x arn:2",
		.former = (char *)"arn:1", .object_id = (char *)"id", .revision = (char *)"1 2 3", .confirmed = version_of(20),
		.confirmed_at = 22, .intended = digest_of(23), .intended_at = 24, .ambiguous = true,
		.failures = 25, .next_try = 26, .kind = ERROR_QUOTA, .problem = (char *)"problem",
		.hold = HOLD_GONE, .hold_reason = (char *)"reason", .held = digest_of(27),
		.held_accept = 5, .approved = digest_of(28), .guard_passed = true,
		.proof = full_proof(), .proven = digest_of(29), .leaf = (char *)"leaf",
		.chain = (char *)"chain", .anchor = print_of(30) };
}

static void assert_delivery(const struct delivery_record *found, const struct delivery_record *row)
{
	assert_string_equal(found->name, row->name);
	assert_string_equal(found->object, row->object);
	assert_string_equal(found->former, row->former);
	assert_string_equal(found->object_id, row->object_id);
	assert_string_equal(found->revision, row->revision);
	assert_version(&found->confirmed, 20);
	assert_int_equal(found->confirmed_at, 22);
	assert_digest(&found->intended, 23);
	assert_int_equal(found->intended_at, 24);
	assert_true(found->ambiguous);
	assert_int_equal(found->failures, 25);
	assert_int_equal(found->next_try, 26);
	assert_int_equal(found->kind, ERROR_QUOTA);
	assert_string_equal(found->problem, row->problem);
	assert_int_equal(found->hold, HOLD_GONE);
	assert_string_equal(found->hold_reason, row->hold_reason);
	assert_digest(&found->held, 27);
	assert_int_equal(found->held_accept, 5);
	assert_digest(&found->approved, 28);
	assert_true(found->guard_passed);
	assert_proof(&found->proof, &row->proof);
	assert_digest(&found->proven, 29);
	assert_string_equal(found->leaf, row->leaf);
	assert_string_equal(found->chain, row->chain);
	assert_print(&found->anchor, 30);
}

static void test_delivery(void **state)
{
	_cleanup_(record_freep) struct record *record = opened();
	struct delivery_record row = full_delivery();
	struct recorded all;

	assert_int_equal(record_save_delivery(record, &row, NULL), 0);
	record = record_free(record);
	record = opened();
	all = loaded(record);
	assert_int_equal(all.delivery_count, 1);
	assert_delivery(&all.deliveries[0], &row);
	recorded_done(&all);
}

/* Every kind of failure and every hold comes back as it was; a hold of the future does not. */
static void test_delivery_kinds(void **state)
{
	_cleanup_(record_freep) struct record *record = opened();

	for (enum error_kind kind = ERROR_NONE; kind <= ERROR_BUG; kind++) {
		enum hold hold = (enum hold)kind;
		struct delivery_record row = { .name = (char *)"a", .kind = kind, .hold = hold };
		struct recorded all;

		assert_int_equal(record_save_delivery(record, &row, NULL), 0);
		all = loaded(record);
		assert_int_equal(all.delivery_count, 1);
		assert_int_equal(all.deliveries[0].kind, kind);
		assert_int_equal(all.deliveries[0].hold, hold >= HOLD_NUMBERS ? HOLD_NONE : hold);
		recorded_done(&all);
	}
}

static void test_owed(void **state)
{
	_cleanup_(record_freep) struct record *record = opened();
	struct owed_record rows[] = {
		{ (char *)"nginx", (char *)"b", digest_of(30), OWED_DUE, 31 },
		{ (char *)"nginx", (char *)"a", digest_of(32), OWED_INTENDED, 33 },
		{ (char *)"mail", (char *)"b", digest_of(36), OWED_UNKNOWN, 0 },
		{ (char *)"haproxy", (char *)"b", digest_of(34), OWED_DUE, 35 },
	};
	struct recorded all;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(record_save_owed(record, &rows[i], NULL), 0);
	record = record_free(record);
	record = opened();
	all = loaded(record);
	assert_int_equal(all.owed_count, ARRAY_SIZE(rows));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct owed_record *found = &all.owed[ARRAY_SIZE(rows) - 1 - i];

		assert_string_equal(found->dependent, rows[i].dependent);
		assert_string_equal(found->delivery, rows[i].delivery);
		assert_true(digest_equal(&found->digest, &rows[i].digest));
		assert_int_equal(found->since, rows[i].since);
		assert_int_equal(found->owed, rows[i].owed);
	}
	recorded_done(&all);
}

static void test_dependent(void **state)
{
	_cleanup_(record_freep) struct record *record = opened();
	struct dependent_record row = { (char *)"nginx", 40, 41, (char *)"problem",
		(char *)"web.service", (char *)"token", 42, 43, full_proof(), digest_of(46), digest_of(47) };
	struct recorded all;

	assert_int_equal(record_save_dependent(record, &row, NULL), 0);
	record = record_free(record);
	record = opened();
	all = loaded(record);
	assert_int_equal(all.dependent_count, 1);
	assert_string_equal(all.dependents[0].name, row.name);
	assert_int_equal(all.dependents[0].failures, 40);
	assert_int_equal(all.dependents[0].next_try, 41);
	assert_string_equal(all.dependents[0].problem, row.problem);
	assert_string_equal(all.dependents[0].target, row.target);
	assert_string_equal(all.dependents[0].token, row.token);
	assert_int_equal(all.dependents[0].intended_at, 42);
	assert_int_equal(all.dependents[0].told_at, 43);
	assert_int_equal(all.dependents[0].proven.bytes[0], 46);
	assert_int_equal(all.dependents[0].escalated.bytes[0], 47);
	assert_proof(&all.dependents[0].proof, &row.proof);
	recorded_done(&all);
}

static void test_value(void **state)
{
	_cleanup_(record_freep) struct record *record = opened();
	_cleanup_(freep) char *value = NULL;

	assert_null(record_get_value(record, "looked"));
	assert_int_equal(record_set_value(record, "looked", "1", NULL), 0);
	assert_int_equal(record_set_value(record, "looked", "2", NULL), 0);
	record = record_free(record);
	record = opened();
	value = record_get_value(record, "looked");
	assert_string_equal(value, "2");
	assert_null(record_get_value(record, "swept"));
}

static void test_replace(void **state)
{
	_cleanup_(record_freep) struct record *record = opened();
	struct certificate_record certificate = full_certificate();
	struct delivery_record delivery = full_delivery();
	struct owed_record owed = { (char *)"d", (char *)"n", digest_of(1), OWED_INTENDED, 1 };
	struct dependent_record dependent = { .name = (char *)"d", .problem = (char *)"old" };
	struct recorded all;

	for (int round = 0; round < 2; round++) {
		assert_int_equal(record_save_certificate(record, &certificate, NULL), 0);
		assert_int_equal(record_save_delivery(record, &delivery, NULL), 0);
		assert_int_equal(record_save_owed(record, &owed, NULL), 0);
		assert_int_equal(record_save_dependent(record, &dependent, NULL), 0);
		certificate = (struct certificate_record){ .arn = certificate.arn, .failures = 1 };
		delivery = (struct delivery_record){ .name = delivery.name, .failures = 2 };
		owed.owed = OWED_DUE;
		dependent = (struct dependent_record){ .name = (char *)"d", .failures = 3 };
	}
	all = loaded(record);
	assert_int_equal(all.certificate_count, 1);
	assert_int_equal(all.certificates[0].failures, 1);
	assert_null(all.certificates[0].problem);
	assert_int_equal(all.delivery_count, 1);
	assert_int_equal(all.deliveries[0].failures, 2);
	assert_null(all.deliveries[0].leaf);
	assert_false(digest_is_set(&all.deliveries[0].confirmed.digest));
	assert_int_equal(all.owed_count, 1);
	assert_int_equal(all.owed[0].owed, OWED_DUE);
	assert_int_equal(all.dependent_count, 1);
	assert_int_equal(all.dependents[0].failures, 3);
	assert_null(all.dependents[0].problem);
	recorded_done(&all);
}

static void test_remove(void **state)
{
	_cleanup_(record_freep) struct record *record = opened();
	struct owed_record owed = { (char *)"d", (char *)"n", digest_of(1), OWED_INTENDED, 1 };
	struct owed_record other = { (char *)"d", (char *)"m", digest_of(1), OWED_INTENDED, 1 };
	struct delivery_record delivery = full_delivery(), beside = { .name = (char *)"beside" };
	struct recorded all;

	assert_int_equal(record_save_owed(record, &owed, NULL), 0);
	assert_int_equal(record_save_owed(record, &other, NULL), 0);
	assert_int_equal(record_save_delivery(record, &delivery, NULL), 0);
	assert_int_equal(record_save_delivery(record, &beside, NULL), 0);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(record_remove_owed(record, &owed, NULL), 0);
		assert_int_equal(record_remove_delivery(record, delivery.name, NULL), 0);
	}
	all = loaded(record);
	assert_int_equal(all.owed_count, 1);
	assert_string_equal(all.owed[0].delivery, "m");
	assert_int_equal(all.delivery_count, 1);
	assert_string_equal(all.deliveries[0].name, "beside");
	recorded_done(&all);
}

static void test_many_sorted(void **state)
{
	_cleanup_(record_freep) struct record *record = opened();
	struct recorded all;

	assert_int_equal(record_begin(record, NULL), 0);
	for (int i = 99; i >= 0; i--) {
		_cleanup_(freep) char *name = mem_printf("n%02d", i);
		struct dependent_record row = { .name = name, .failures = (unsigned)i };

		assert_int_equal(record_save_dependent(record, &row, NULL), 0);
	}
	assert_int_equal(record_commit(record, NULL), 0);
	all = loaded(record);
	assert_int_equal(all.dependent_count, 100);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(all.dependents[i].failures, i);
	recorded_done(&all);
}

/* One delivery after another over the same record: texts in parts or whole, times of whole seconds or not.  What is read,
 * and what the view shows, is what was written. */
static void test_delivery_parts(void **state)
{
	static const struct {
		const char *object, *object_id, *revision;
		usec_t not_before, confirmed_at;
	} rows[] = {
		{ NULL, NULL, NULL, 0, 0 },
		{ "", "", "", 1, 1 },
		{ "acm", "/", " ", USEC_PER_SEC, USEC_PER_SEC },
		{ "acm 1/eu", "arn:", "1", 1500000, 2 },
		{ "acm 1/eu pay", "arn:x/pay", "1000000 2000000 3000000", USEC_PER_SEC, 0 },
		{ "acm 1/eu pay arn:1", "a/00000000-1111-2222-3333-444455556666", "1000000 2000000 3000000", USEC_PER_SEC, 7 },
		{ "acm 1/eu pay of mine arn:1", "a/00000000-1111-2222-3333-44445555666A", "1000000 2000000 3000001", USEC_PER_SEC, 7 },
		{ "acm 1/eu pay arn:1 <- arn:2", "00000000-1111-2222-3333-444455556666", "1 2000000 3", 1, 7 },
		{ "  ", "a:b/c:d", "1000000 2000000 03", USEC_PER_SEC, 7 },
		{ "a  b", "a//", "1000000 2000000 ", USEC_PER_SEC, 7 },
		{ "a b c ", "a/b ", "1000000 2000000 18446744073709551615", USEC_PER_SEC, 7 },
		{ "file /srv/x x arn:1", "/srv/x/\xc3\xa4 \xe2\x82\xac/pay", NULL, 253402300799000000, 1700000000000000 },
	};
	_cleanup_(record_freep) struct record *record = opened();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct delivery_record row = {
			.name = (char *)"one",
			.object = (char *)rows[i].object,
			.object_id = (char *)rows[i].object_id,
			.revision = (char *)rows[i].revision,
			.confirmed = version_of(1),
			.confirmed_at = rows[i].confirmed_at,
		};
		_cleanup_(delivery_record_done) struct delivery_record found = { 0 };
		_cleanup_(freep) char *shown = NULL;
		char *sql;

		row.confirmed.not_before = rows[i].not_before;
		row.confirmed.not_after = 2 * USEC_PER_SEC;
		assert_int_equal(record_save_delivery(record, &row, NULL), 0);
		assert_int_equal(record_load_delivery(record, "one", &found, NULL), 1);
		if (found.former)
			assert_string_equal(found.former, "arn:2");
		else
			assert_string_equal(found.object ?: "(none)", row.object ?: "(none)");
		assert_string_equal(found.object_id ?: "(none)", row.object_id ?: "(none)");
		assert_string_equal(found.revision ?: "(none)", row.revision ?: "(none)");
		assert_true(found.confirmed.not_before == row.confirmed.not_before);
		assert_true(found.confirmed.not_after == row.confirmed.not_after);
		assert_true(found.confirmed_at == row.confirmed_at);
		assert_true(fingerprint_equal(&found.confirmed.chain, &row.confirmed.chain));
		assert_true(digest_equal(&found.confirmed.digest, &row.confirmed.digest));
		shown = database_value(record->db, "SELECT quote(object) || ' ' || quote(object_id) || ' ' || quote(revision) || "
						   "' ' || not_before || ' ' || not_after || ' ' || confirmed_at FROM delivery");
		sql = sqlite3_mprintf("%Q %Q %Q %lld %lld %lld", row.object, row.object_id, row.revision,
			(long long)row.confirmed.not_before, (long long)row.confirmed.not_after, (long long)row.confirmed_at);
		assert_string_equal(shown, sql);
		sqlite3_free(sql);
	}
}

static int count_shared(struct record *record)
{
	_cleanup_(freep) char *count = database_value(record->db, "SELECT count(*) FROM shared");

	return atoi(count);
}

/* All of it is read, as at each start. */
static size_t walk(struct record *record)
{
	struct record_rows *rows = NULL;
	struct delivery_record row;
	size_t count = 0;

	assert_int_equal(record_rows_open(record, &rows, NULL), 0);
	for (; record_rows_next(rows, &row, NULL) > 0; count++)
		delivery_record_done(&row);
	record_rows_close(rows);
	return count;
}

/* What rows have in common is there once, outlives what was rolled back, and goes when nobody has it. */
static void test_shared(void **state)
{
	_cleanup_(record_freep) struct record *record = opened();
	struct certificate_record certificate = { .arn = (char *)"arn", .anchor = "a root", .version = version_of(9) };
	struct recorded all;
	int count;

	assert_int_equal(record_begin(record, NULL), 0);
	for (int i = 0; i < 5000; i++) {
		_cleanup_(freep) char *name = mem_printf("n%04d", i), *object = mem_printf("acm place%d object%d source", i % 50, i);
		struct delivery_record row = { .name = name, .object = object, .object_id = object, .anchor = print_of(3) };

		if (i == 2000)
			record_rollback(record); /* what was shared until then is gone, too */
		if (i == 2000)
			assert_int_equal(record_begin(record, NULL), 0);
		assert_int_equal(record_save_delivery(record, &row, NULL), 0);
	}
	assert_int_equal(record_save_certificate(record, &certificate, NULL), 0);
	assert_int_equal(record_commit(record, NULL), 0);
	count = count_shared(record);
	assert_int_equal(count, 3000 + 50 + 1 + 1 + 2);
	all = loaded(record);
	assert_int_equal(all.delivery_count, 3000);
	for (int i = 0; i < 3000; i++) {
		_cleanup_(freep) char *object = mem_printf("acm place%d object%d source", (i + 2000) % 50, i + 2000);

		assert_string_equal(all.deliveries[i].object, object);
		assert_string_equal(all.deliveries[i].object_id, object);
		assert_print(&all.deliveries[i].anchor, 3);
	}
	recorded_done(&all);
	assert_int_equal(walk(record), 3000);
	assert_int_equal(count_shared(record), count);
	for (int i = 2001; i < 5000; i++) {
		_cleanup_(freep) char *name = mem_printf("n%04d", i);

		assert_int_equal(record_remove_delivery(record, name, NULL), 0);
	}
	assert_int_equal(walk(record), 1);
	assert_int_equal(count_shared(record), 3 + 1 + 2);
	all = loaded(record);
	assert_string_equal(all.certificates[0].anchor, "a root");
	assert_version(&all.certificates[0].version, 9);
	assert_string_equal(all.deliveries[0].object, "acm place0 object2000 source");
	recorded_done(&all);
}

/* SQLite's: it fails while this is set. */
static bool disk_fails;

int fdatasync(int fd)
{
	if (disk_fails) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

static off_t size_of_log(void)
{
	_cleanup_(freep) char *name = mem_printf("%s-wal", path);
	struct stat st;

	assert_int_equal(stat(name, &st), 0);
	return st.st_size;
}

/* After something that has begun the log, for which the disk is waited for. */
static void save_much(struct record *record, char letter, bool fails)
{
	_cleanup_(freep) char *text = mem_alloc(5 * 1024 * 1024);

	memset(text, letter, 5 * 1024 * 1024 - 1);
	assert_int_equal(record_set_value(record, "first", "x", NULL), 0);
	disk_fails = fails;
	assert_int_equal(record_set_value(record, "much", text, NULL), 0);
}

/* The log is empty at rest, and holds what comes afterwards. */
static void test_rest(void **state)
{
	_cleanup_(record_freep) struct record *record = opened();

	save_much(record, 'a', false);
	assert_true(size_of_log() > 5 * 1024 * 1024);
	assert_int_equal(record_rest(record, NULL), 0);
	assert_int_equal(size_of_log(), 0);
	assert_int_equal(record_set_value(record, "little", "b", NULL), 0);
	assert_true(size_of_log() > 0);
	disk_fails = true;
	assert_true(record_rest(record, NULL) < 0);
	disk_fails = false;
	assert_int_equal(record_sync(record, NULL), 0);
	assert_int_equal(size_of_log(), 0);
}

/* The log has grown and was to be moved, and the disk has failed: what the log has is not believed to be there. */
static void test_log_of_a_failed_disk(void **state)
{
	_cleanup_(record_freep) struct record *record = opened();

	save_much(record, 'a', true);
	assert_true(record_sync(record, NULL) < 0);
	disk_fails = false;
	assert_true(size_of_log() > 0);
	assert_int_equal(record_sync(record, NULL), 0);
	assert_int_equal(size_of_log(), 0);
	/* Also where it was asked only when the disk worked again. */
	save_much(record, 'b', true);
	disk_fails = false;
	assert_true(size_of_log() > 0);
	assert_int_equal(record_sync(record, NULL), 0);
	assert_int_equal(size_of_log(), 0);
}

static void test_rollback(void **state)
{
	_cleanup_(record_freep) struct record *record = opened();
	struct delivery_record row = full_delivery(), second = { .name = (char *)"second" };
	struct recorded all;

	record_rollback(record); /* none is open */
	assert_int_equal(record_save_delivery(record, &row, NULL), 0);
	assert_int_equal(record_begin(record, NULL), 0);
	assert_int_equal(record_save_delivery(record, &second, NULL), 0);
	assert_int_equal(record_remove_delivery(record, row.name, NULL), 0);
	record_rollback(record);
	all = loaded(record);
	assert_int_equal(all.delivery_count, 1);
	assert_delivery(&all.deliveries[0], &row);
	recorded_done(&all);

	/* What was begun and never committed is not there after a restart. */
	assert_int_equal(record_begin(record, NULL), 0);
	assert_int_equal(record_save_delivery(record, &second, NULL), 0);
	record = record_free(record);
	record = opened();
	all = loaded(record);
	assert_int_equal(all.delivery_count, 1);
	recorded_done(&all);
}

/* --- imports and history --- */

static void test_imports(void **state)
{
	_cleanup_(record_freep) struct record *record = opened();
	const char *here = "111111111111/eu-west-1", *there = "111111111111/eu-west-2";
	static const struct {
		usec_t since;
		unsigned count;
	} windows[] = { { 0, 4 }, { 100, 4 }, { 101, 3 }, { 300, 2 }, { 301, 0 } };
	unsigned count = 77;

	assert_int_equal(record_count_imports(record, here, 0, &count, NULL), 0);
	assert_int_equal(count, 0);
	assert_int_equal(record_add_import(record, here, true, 100, NULL), 0);
	assert_int_equal(record_add_import(record, here, false, 200, NULL), 0);
	assert_int_equal(record_add_import(record, here, false, 300, NULL), 0);
	assert_int_equal(record_add_import(record, here, false, 300, NULL), 0);
	assert_int_equal(record_add_import(record, there, true, 300, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(windows); i++) {
		assert_int_equal(
			record_count_imports(record, here, windows[i].since, &count, NULL), 0);
		assert_int_equal(count, windows[i].count);
	}
	assert_int_equal(record_count_imports(record, there, 0, &count, NULL), 0);
	assert_int_equal(count, 1);
}

/* The one number that ${sql} asks for. */
static int asked(const char *sql)
{
	sqlite3_stmt *statement = NULL;
	sqlite3 *db = NULL;
	int number;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	number = sqlite3_column_int(statement, 0);
	assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	return number;
}

/* What an account, a server or a unit had to say is kept as a sentence. */
static void test_sentences_are_bounded(void **state)
{
	_cleanup_(record_freep) struct record *record = opened();
	_cleanup_(freep) char *large = mem_alloc(65536);
	struct delivery_record row = { .name = (char *)"one" };
	struct recorded all;

	memset(large, 'x', 65535);
	row.problem = row.hold_reason = large;
	row.proof = (struct proof_record){ .result = PROVE_WRONG, .text = large };
	assert_int_equal(record_save_delivery(record, &row, NULL), 0);
	all = loaded(record);
	assert_int_equal(strlen(all.deliveries[0].problem), BOUNDED_TEXT);
	assert_int_equal(strlen(all.deliveries[0].hold_reason), BOUNDED_TEXT);
	assert_int_equal(strlen(proof_text(&all.deliveries[0].proof)), BOUNDED_TEXT);
	recorded_done(&all);
}

static void test_history(void **state)
{
	_cleanup_(record_freep) struct record *record = opened();
	const usec_t start = 1000 * USEC_PER_DAY, end = start + 400 * USEC_PER_DAY;

	/* A clock before 1971 forgets nothing and fails at nothing. */
	assert_int_equal(record_add_history(record, 1, "event", "subject", "text", NULL), 0);
	assert_int_equal(asked("SELECT count(*) FROM history"), 1);
	assert_int_equal(record_add_history(record, start, "event", "a", NULL, NULL), 0);
	assert_int_equal(asked("SELECT count(*) FROM history"), 1);
	assert_int_equal(record_add_history(record, end, "event", "b", "text", NULL), 0);
	assert_int_equal(asked("SELECT count(*) FROM history WHERE subject = 'a'"), 1);
	assert_int_equal(record_add_history(record, end + 1, "event", "c", "text", NULL), 0);
	assert_int_equal(asked("SELECT count(*) FROM history WHERE subject = 'a'"), 0);
	assert_int_equal(asked("SELECT count(*) FROM history"), 2);
}

/* --- who may look --- */

static void test_mode(void **state)
{
	struct stat status;

	record_free(opened());
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
}

static void test_reader_absent(void **state)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct record *record = NULL;

	assert_int_equal(record_open_reader(directory, &record, &err), -ENOENT);
	assert_int_equal(err.kind, ERROR_ABSENT);
	assert_non_null(strstr(err.text, path));
	assert_null(record);
	assert_int_equal(access(path, F_OK), -1);
}

static void test_reader(void **state)
{
	_cleanup_(record_freep) struct record *record = opened();
	_cleanup_(record_freep) struct record *reader = NULL;
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct delivery_record row = full_delivery();
	struct recorded all;

	assert_int_equal(record_save_delivery(record, &row, NULL), 0);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(record_open_reader(directory, &reader, &err), 0);
		all = loaded(reader);
		assert_int_equal(all.delivery_count, 1);
		assert_delivery(&all.deliveries[0], &row);
		recorded_done(&all);
		assert_true(record_save_delivery(reader, &row, &err) < 0);
		assert_non_null(strstr(err.text, path));
		assert_true(record_set_value(reader, "a", "b", NULL) < 0);
		reader = record_free(reader);
		record = record_free(record); /* the second round: while the daemon is down */
	}
}

/* --- damage --- */

/* A closed record with all kinds of rows; its file's bytes. */
static struct buf sample(void)
{
	struct record *record = opened();
	struct certificate_record certificate = full_certificate();
	struct delivery_record delivery = full_delivery();
	struct owed_record owed = { (char *)"d", (char *)"n", digest_of(1), OWED_INTENDED, 1 };
	struct dependent_record dependent = { .name = (char *)"d", .problem = (char *)"old" };
	struct buf bytes = BUF_NULL;

	assert_int_equal(record_save_certificate(record, &certificate, NULL), 0);
	assert_int_equal(record_save_delivery(record, &delivery, NULL), 0);
	assert_int_equal(record_save_owed(record, &owed, NULL), 0);
	assert_int_equal(record_save_dependent(record, &dependent, NULL), 0);
	assert_int_equal(record_add_import(record, "a/b", true, 1, NULL), 0);
	assert_int_equal(record_add_history(record, 1, "e", "s", "t", NULL), 0);
	assert_int_equal(record_set_value(record, "k", "v", NULL), 0);
	record_free(record);
	assert_int_equal(file_read(path, 1 << 20, &bytes, NULL), 0);
	return bytes;
}

static void put(const void *data, size_t size)
{
	remove_files();
	assert_int_equal(file_replace(path, data, size, 0600, NULL), 0);
}

/* Whatever lies there: it opens and works; a loss is said and the old one kept. */
static bool opens_usable(void)
{
	_cleanup_(record_freep) struct record *record = NULL;
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(freep) char *kept = mem_printf("%s.damaged", path);
	_cleanup_(record_news_done) struct record_news news = { 0 };
	struct certificate_record certificate = full_certificate();
	struct delivery_record delivery = full_delivery();
	struct recorded all = { 0 };
	int r = record_open(directory, &news, &record, &err);

	if (r < 0)
		print_message("%s\n", err.text);
	assert_int_equal(r, 0);
	assert_int_equal(news.lost != NULL, access(kept, F_OK) == 0);
	if (news.lost) {
		assert_non_null(strstr(news.lost, path));
		assert_non_null(strstr(news.lost, kept));
		all = loaded(record);
		assert_int_equal(all.certificate_count + all.delivery_count, 0);
		assert_int_equal(all.owed_count + all.dependent_count, 0);
		recorded_done(&all);
	}
	r = record_save_certificate(record, &certificate, &err);
	if (r == 0)
		r = record_save_delivery(record, &delivery, &err);
	if (r == 0)
		r = record_load(record, &all, &err);
	if (r < 0)
		print_message("%s\n", err.text);
	assert_int_equal(r, 0);
	assert_true(all.certificate_count >= 1 && all.delivery_count >= 1);
	recorded_done(&all);
	return news.lost != NULL;
}

static void test_truncated(void **state)
{
	_cleanup_(buf_done) struct buf bytes = sample();
	unsigned set_aside = 0;

	for (size_t i = 1; i < 48; i++) {
		put(bytes.data, bytes.length * i / 48);
		set_aside += opens_usable();
	}
	assert_true(set_aside >= 40);
	put(bytes.data, bytes.length);
	assert_false(opens_usable());
	/* An empty file is a record that was never written to. */
	put("", 0);
	assert_false(opens_usable());
}

static void test_no_database(void **state)
{
	_cleanup_(freep) char *kept = mem_printf("%s.damaged", path);
	_cleanup_(buf_done) struct buf found = BUF_NULL;
	char text[8192];

	memset(text, 'x', sizeof(text));
	put(text, sizeof(text));
	assert_true(opens_usable());
	assert_int_equal(file_read(kept, sizeof(text), &found, NULL), 0);
	assert_int_equal(found.length, sizeof(text));
	assert_memory_equal(found.data, text, sizeof(text));
	assert_int_equal(unlink(kept), 0);
	assert_false(opens_usable());
}

/* It is refused with both numbers and the file stays as it was; ${copy} is what to go back to, or NULL. */
static void assert_newer_is_left_alone(const char *copy)
{
	_cleanup_(freep) char *kept = mem_printf("%s.damaged", path);
	_cleanup_(freep) char *newest = mem_printf("up to %d", formats_ours.newest);
	_cleanup_(freep) char *format = NULL;
	_cleanup_(buf_done) struct buf before = BUF_NULL, after = BUF_NULL;
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	format = database_value(db, "PRAGMA user_version");
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_int_equal(file_read(path, 1 << 20, &before, NULL), 0);
	for (int reads = 0; reads < 2; reads++) {
		_cleanup_(record_news_done) struct record_news news = { 0 };
		_cleanup_(error_done) struct error err = ERROR_NULL;
		struct record *record = NULL;

		assert_int_equal(reads ? record_open_reader(directory, &record, &err)
				       : record_open(directory, &news, &record, &err),
			-EINVAL);
		assert_int_equal(err.kind, ERROR_INVALID);
		assert_non_null(strstr(err.text, path));
		assert_non_null(strstr(err.text, format));
		assert_non_null(strstr(err.text, newest));
		assert_non_null(strstr(err.text, copy ?: "no copy"));
		assert_null(record);
	}
	assert_int_equal(access(kept, F_OK), -1);
	assert_int_equal(file_read(path, 1 << 20, &after, NULL), 0);
	assert_int_equal(after.length, before.length);
	assert_memory_equal(after.data, before.data, before.length);
}

/* Of the format, in the header: a bit more there is one of the future. */
static bool is_in_number(size_t offset)
{
	return offset >= 60 && offset < 64;
}

static size_t step_after(size_t offset)
{
	if (offset < 112)
		return 3;
	return offset >= 2900 && offset < 4096 ? 2 : MIN((size_t)997, offset < 2900 ? 2900 - offset : 997);
}

/* One bit at a time: over the header, over the definitions of the tables (the end of the first page), then at steps that
 * meet every page. */
static void test_flipped(void **state)
{
	_cleanup_(buf_done) struct buf bytes = sample();
	unsigned set_aside = 0;

	for (size_t offset = 0; offset < bytes.length; offset += step_after(offset)) {
		char bit = (char)(1 << (offset % 8));

		bytes.data[offset] ^= bit;
		put(bytes.data, bytes.length);
		if (is_in_number(offset))
			assert_newer_is_left_alone(NULL);
		else
			set_aside += opens_usable();
		bytes.data[offset] ^= bit;
	}
	assert_true(set_aside > 0);
}

/* Bits of the tables' own definition: a column that is called otherwise must not stop every later start. */
static void test_flipped_schema(void **state)
{
	_cleanup_(buf_done) struct buf bytes = sample();
	const char *text = memmem(bytes.data, bytes.length, "CREATE TABLE", 12);
	unsigned set_aside = 0;

	assert_non_null(text);
	for (size_t offset = (size_t)(text - bytes.data); offset < 4096 && offset < bytes.length;
		offset += 13) {
		bytes.data[offset] ^= 1;
		put(bytes.data, bytes.length);
		set_aside += opens_usable();
		bytes.data[offset] ^= 1;
	}
	assert_true(set_aside > 0);
}

/* A store of the same format that is not as ours: a column more, a column less, a table too many. */
static void test_other_tables(void **state)
{
	static const char *const changes[] = { "ALTER TABLE dependent DROP COLUMN proof",
		"ALTER TABLE dependent RENAME COLUMN proof TO prooF", "CREATE TABLE other (x)",
		"ALTER TABLE owed ADD COLUMN x",
		("DROP INDEX history_by_time;"
		 "CREATE INDEX history_by_time ON history (text)") };
	_cleanup_(buf_done) struct buf bytes = sample();

	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		sqlite3 *db = NULL;

		put(bytes.data, bytes.length);
		assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
		assert_int_equal(sqlite3_exec(db, changes[i], NULL, NULL, NULL), SQLITE_OK);
		assert_int_equal(sqlite3_close(db), SQLITE_OK);
		assert_true(opens_usable());
	}
}

static void execute(const char *sql)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* A store of an older format, without rows. */
static void make_format(int format)
{
	_cleanup_(freep) char *script = formats_script(&formats_ours, 0, format);

	remove_files();
	execute(script);
}

/* The first program ended between making the tables and marking them, or before the last of them. */
static void test_half_made(void **state)
{
	make_format(1);
	execute("PRAGMA user_version=0; DROP TABLE value; INSERT INTO history (text) VALUES ('kept')");
	assert_false(opens_usable());
	assert_int_equal(asked("PRAGMA user_version"), formats_ours.newest);
	assert_int_equal(asked("SELECT count(*) FROM history WHERE text = 'kept'"), 1);
}

/* Tables without a number that are not the first program's. */
static void test_no_format(void **state)
{
	_cleanup_(buf_done) struct buf bytes = sample();

	execute("PRAGMA user_version=0");
	assert_true(opens_usable());
	put(bytes.data, bytes.length);
	make_format(1);
	execute("PRAGMA user_version=0; CREATE TABLE other (x)");
	assert_true(opens_usable());
}

static void test_newer(void **state)
{
	_cleanup_(buf_done) __attribute__((unused)) struct buf bytes = sample();
	_cleanup_(freep) char *old = mem_printf("%s.format-1", path);
	_cleanup_(freep) char *newer = mem_printf("%s.format-1000", path);

	execute("PRAGMA user_version=1001; ALTER TABLE owed ADD COLUMN x");
	assert_newer_is_left_alone(NULL);
	assert_int_equal(file_replace(newer, "x", 1, 0600, NULL), 0);
	assert_newer_is_left_alone(NULL);
	assert_int_equal(file_replace(old, "x", 1, 0600, NULL), 0);
	assert_newer_is_left_alone(old);
}

/* What is migrated has the tables that a new one has. */
static void test_tables_are_the_same(void **state)
{
	_cleanup_(freep) char *fresh = NULL;

	make_format(formats_ours.newest);
	for (int format = formats_ours.newest; format >= 1; format--) {
		_cleanup_(record_news_done) struct record_news news = { 0 };
		_cleanup_(record_freep) struct record *record = NULL;
		_cleanup_(freep) char *tables = NULL;

		make_format(format);
		assert_int_equal(record_open(directory, &news, &record, NULL), 0);
		assert_null(news.lost);
		assert_int_equal(news.migrated != NULL, format < formats_ours.newest);
		tables = format_tables(record->db);
		if (fresh)
			assert_string_equal(tables, fresh);
		else
			fresh = take(tables);
	}
}

/* Formats that come after this program's. */
static const char *next_steps[64];
static struct formats next = { .steps = next_steps };

static void later(int formats)
{
	next.newest = formats_ours.newest + formats;
	memcpy(next_steps, formats_ours.steps, (size_t)formats_ours.newest * sizeof(*next_steps));
	for (int i = 0; i < formats; i++)
		next_steps[formats_ours.newest + i] = i % 2 ? "ALTER TABLE owed DROP COLUMN later;"
							    : "ALTER TABLE owed ADD COLUMN later INTEGER;";
}

static void move_on(int formats)
{
	_cleanup_(record_news_done) struct record_news news = { 0 };
	_cleanup_(record_freep) struct record *record = NULL;
	_cleanup_(error_done) struct error err = ERROR_NULL;

	later(formats);
	if (record_open_as(&next, directory, &news, &record, &err) < 0)
		fail_msg("%s", err.text);
	assert_null(news.lost);
	assert_null(record_unmigrated(record));
	assert_non_null(news.migrated);
}

static size_t count_copies(void)
{
	DIR *files = opendir(directory);
	struct dirent *entry;
	size_t count = 0;

	while ((entry = readdir(files)))
		count += strstr(entry->d_name, ".format-") != NULL;
	(void)closedir(files);
	return count;
}

/* The newer program has migrated it: this one refuses, its copy is put back, and every row is there. */
static void test_going_back(void **state)
{
	_cleanup_(buf_done) __attribute__((unused)) struct buf bytes = sample();
	_cleanup_(freep) char *copy = mem_printf("%s.format-%d", path, formats_ours.newest);
	_cleanup_(record_freep) struct record *record = NULL;
	struct delivery_record row = full_delivery();
	struct recorded all;
	struct stat st;

	move_on(1);
	assert_newer_is_left_alone(copy);
	assert_int_equal(stat(copy, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(rename(copy, path), 0);
	record = opened();
	all = loaded(record);
	assert_int_equal(all.certificate_count, 1);
	assert_int_equal(all.delivery_count, 1);
	assert_delivery(&all.deliveries[0], &row);
	assert_int_equal(all.owed_count, 1);
	assert_int_equal(all.dependent_count, 1);
	recorded_done(&all);
	record = record_free(record);
	assert_int_equal(asked("SELECT count(*) FROM import"), 1);
	assert_int_equal(asked("SELECT count(*) FROM history"), 1);
	/* And forward again. */
	move_on(1);
	assert_int_equal(asked("SELECT count(*) FROM history"), 1);
	assert_int_equal(access(copy, F_OK), 0);
}

/* The newest two copies stay, and nothing half made. */
static void test_copies_kept(void **state)
{
	_cleanup_(buf_done) __attribute__((unused)) struct buf bytes = sample();
	_cleanup_(freep) char *half = mem_printf("%s.format-%d.new", path, formats_ours.newest);

	assert_int_equal(file_replace(half, "half", 4, 0600, NULL), 0);
	for (int i = 1; i <= 20; i++) {
		_cleanup_(freep) char *copy = mem_printf("%s.format-%d", path, formats_ours.newest + i - 1);

		move_on(i);
		assert_int_equal(access(copy, F_OK), 0);
		assert_int_equal(count_copies(), MIN(i, 2));
	}
	/* Several at once: the copy is of the format that was there. */
	remove_files();
	make_format(1);
	move_on(20);
	assert_int_equal(count_copies(), 1);
	/* Somebody has gone back: those of later formats neither go nor make the one just made go. */
	remove_files();
	make_format(1);
	for (int later = 100; later < 103; later++) {
		_cleanup_(freep) char *copy = mem_printf("%s.format-%d", path, later);

		assert_int_equal(file_replace(copy, "later", 5, 0600, NULL), 0);
	}
	move_on(20);
	assert_int_equal(count_copies(), 4);
}

/* A full disk: the write fails with words and by itself, and the next one works again. */
static void test_full(void **state)
{
	_cleanup_(record_freep) struct record *record = opened();
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(freep) char *large = mem_alloc(65536);
	struct delivery_record row = full_delivery(), second = { .name = (char *)"second" };
	struct rlimit before, none;
	struct recorded all;

	memset(large, 'x', 65535);
	second.leaf = large;
	assert_int_equal(record_save_delivery(record, &row, NULL), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	(void)signal(SIGXFSZ, SIG_IGN);
	none = (struct rlimit){ .rlim_cur = 4096, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_int_equal(record_save_delivery(record, &second, &err), -EAGAIN);
	assert_int_equal(err.kind, ERROR_RETRY);
	assert_non_null(strstr(err.text, path));
	assert_int_equal(record_begin(record, NULL), 0);
	assert_int_equal(record_remove_delivery(record, row.name, NULL), 0);
	(void)record_save_delivery(record, &second, NULL);
	assert_true(record_commit(record, &err) < 0);
	all = loaded(record);
	assert_int_equal(all.delivery_count, 1);
	assert_delivery(&all.deliveries[0], &row);
	recorded_done(&all);

	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(record_save_delivery(record, &second, NULL), 0);
	record = record_free(record);
	record = opened();
	all = loaded(record);
	assert_int_equal(all.delivery_count, 2);
	assert_string_equal(all.deliveries[0].name, "second");
	assert_string_equal(all.deliveries[0].leaf, large);
	assert_delivery(&all.deliveries[1], &row);
	recorded_done(&all);
}

/* A full disk at the start: an error, and the sound record stays where it is. */
static void test_full_at_start(void **state)
{
	_cleanup_(buf_done) __attribute__((unused)) struct buf bytes = sample();
	_cleanup_(freep) char *kept = mem_printf("%s.damaged", path);
	_cleanup_(record_news_done) struct record_news news = { 0 };
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct record *record = NULL;
	struct rlimit before, none;
	struct recorded all;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	(void)signal(SIGXFSZ, SIG_IGN);
	none = (struct rlimit){ .rlim_cur = 0, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_int_equal(record_open(directory, &news, &record, &err), -EAGAIN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(err.kind, ERROR_RETRY);
	assert_non_null(strstr(err.text, path));
	assert_null(record);
	assert_null(news.lost);
	assert_true(access(kept, F_OK) < 0);

	record = opened();
	all = loaded(record);
	assert_int_equal(all.delivery_count, 1);
	recorded_done(&all);
	record_free(record);
}

static void limit_files(rlim_t size)
{
	struct rlimit limit;

	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* An older one, and no room for its copy: it is read from memory, and migrated when there is room. */
static void test_no_room_to_migrate(void **state)
{
	_cleanup_(freep) char *copy = mem_printf("%s.format-1", path);
	_cleanup_(record_news_done) struct record_news news = { 0 };
	_cleanup_(record_freep) struct record *record = NULL;
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct delivery_record row = full_delivery();
	struct recorded all;

	make_format(1);
	execute("INSERT INTO delivery (name) VALUES ('old'); INSERT INTO history (text) VALUES ('kept')");
	for (rlim_t room = 0; room <= 24576; room += 4096) {
		limit_files(room);
		assert_int_equal(record_open(directory, &news, &record, &err), 0);
		assert_null(news.lost);
		assert_null(news.migrated);
		assert_non_null(strstr(record_unmigrated(record), path));
		assert_non_null(strstr(record_unmigrated(record), "certferry sync"));
		all = loaded(record);
		assert_int_equal(all.delivery_count, 1);
		assert_string_equal(all.deliveries[0].name, "old");
		recorded_done(&all);
		assert_int_equal(record_save_delivery(record, &row, &err), -EAGAIN);
		assert_string_equal(err.text, record_unmigrated(record));
		assert_true(record_begin(record, NULL) < 0 || record_save_delivery(record, &row, NULL) < 0);
		record_rollback(record);
		assert_int_equal(record_try(record, "now", &news, &err), -EAGAIN);
		assert_non_null(record_unmigrated(record));
		assert_null(news.migrated);
		limit_files(RLIM_INFINITY);
		assert_int_equal(asked("PRAGMA user_version"), 1);
		if (room < 24576)
			record = record_free(record);
	}
	assert_int_equal(record_try(record, "now", &news, &err), 0);
	assert_null(record_unmigrated(record));
	assert_non_null(strstr(news.migrated, copy));
	assert_int_equal(record_save_delivery(record, &row, &err), 0);
	all = loaded(record);
	assert_int_equal(all.delivery_count, 2);
	recorded_done(&all);
	assert_int_equal(asked("SELECT count(*) FROM history WHERE text = 'kept'"), 1);
	assert_int_equal(asked("PRAGMA user_version"), formats_ours.newest);
}

/* Somebody else holds it for himself: an error as well. */
static void test_locked(void **state)
{
	_cleanup_(buf_done) __attribute__((unused)) struct buf bytes = sample();
	_cleanup_(freep) char *kept = mem_printf("%s.damaged", path);
	_cleanup_(record_news_done) struct record_news news = { 0 };
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct record *record = NULL;
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db,
				 "PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE;"
				 "DELETE FROM history", NULL, NULL, NULL),
		SQLITE_OK);
	assert_int_equal(record_open(directory, &news, &record, &err), -EAGAIN);
	assert_true(access(kept, F_OK) < 0);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	record_free(opened());
}

#define RECORD_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RECORD_TEST(test_certificate),
		RECORD_TEST(test_delivery),
		RECORD_TEST(test_delivery_kinds),
		RECORD_TEST(test_owed),
		RECORD_TEST(test_dependent),
		RECORD_TEST(test_value),
		RECORD_TEST(test_replace),
		RECORD_TEST(test_remove),
		RECORD_TEST(test_many_sorted),
		RECORD_TEST(test_delivery_parts),
		RECORD_TEST(test_shared),
		RECORD_TEST(test_rest),
		RECORD_TEST(test_log_of_a_failed_disk),
		RECORD_TEST(test_rollback),
		RECORD_TEST(test_imports),
		RECORD_TEST(test_sentences_are_bounded),
		RECORD_TEST(test_history),
		RECORD_TEST(test_mode),
		RECORD_TEST(test_reader_absent),
		RECORD_TEST(test_reader),
		RECORD_TEST(test_truncated),
		RECORD_TEST(test_no_database),
		RECORD_TEST(test_flipped),
		RECORD_TEST(test_flipped_schema),
		RECORD_TEST(test_other_tables),
		RECORD_TEST(test_half_made),
		RECORD_TEST(test_no_format),
		RECORD_TEST(test_newer),
		RECORD_TEST(test_tables_are_the_same),
		RECORD_TEST(test_going_back),
		RECORD_TEST(test_copies_kept),
		RECORD_TEST(test_full),
		RECORD_TEST(test_full_at_start),
		RECORD_TEST(test_no_room_to_migrate),
		RECORD_TEST(test_locked),
	};
	_cleanup_(error_done) struct error err = ERROR_NULL;
	bool locked;

	if (secret_memory_init(&locked, &err) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
