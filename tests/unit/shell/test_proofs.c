/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proofs of deliveries' own endpoints, with a record on disk.  The proof stands here in place of the daemon's: each answer
 * comes when the test gives it.
 */
#include "tests/unit/shell/inventory_bed.h"

#include "daemon/actor/prove.h"
#include "daemon/dependent/prove.h"
#include "lib/pki/secret.h"

#define ARN   "arn:aws:acm:eu-west-1:111111111111:certificate/1"
#define WORDS "localhost:443: seen"

static const char yaml[] = "source: {region: eu-west-1}\n"
			   "certificates:\n"
			   "  pay: {arn: '" ARN "', deliver: [{to: files, prove: {connect: 'localhost:443'}}]}\n"
			   "destinations:\n"
			   "  files: {kind: file, directory: /srv/tls}\n";

struct prove {
	prove_done_fn done;
	void *userdata;
};

static struct prove *proof, *second; /* under way; the second of a list */
static unsigned cancels;

struct prove *prove_start(
	struct sd_event *event, const struct prove_request *request, prove_done_fn done, void *userdata)
{
	const struct version wanted = bed_version('A');
	const struct fingerprint leaf = digest_leaf(&wanted.digest);

	struct prove **at = proof ? &second : &proof;

	assert_null(*at);
	assert_non_null(event);
	assert_string_equal(request->proof->connect, at == &proof ? "localhost:443" : "localhost:5223");
	assert_int_equal(request->want_count, 1);
	assert_true(fingerprint_equal(&request->wants[0].leaf, &leaf));
	assert_int_equal(request->wants[0].key, LEAF_RSA);
	*at = mem_new(struct prove);
	**at = (struct prove){ done, userdata };
	return *at;
}

struct prove *prove_cancel(struct prove *prove)
{
	if (!prove)
		return NULL;
	assert_true(prove == proof || prove == second);
	cancels++;
	if (prove == proof)
		proof = NULL;
	else
		second = NULL;
	free(prove);
	return NULL;
}

static void proven_at(struct prove **at, enum prove_result result)
{
	struct prove done = **at;

	free(take(*at));
	done.done(done.userdata, &(struct proof_seen){ .result = result, .words = WORDS });
}

static void proven(enum prove_result result)
{
	proven_at(&proof, result);
}

struct proofs_bed {
	struct bed bed;
	struct proofs *proofs;
};

static int setup(void **state)
{
	static char *const arns[] = { (char *)ARN, NULL };
	static struct proofs_bed at;
	struct observed seen = { .state = OBSERVED_PRESENT, .version = bed_version('A') };

	cancels = 0;
	bed_init(&at.bed);
	at.bed.view = bed_view(arns, 'A');
	bed_take_over(&at.bed, yaml);
	assert_int_equal(at.bed.stock->delivery_count, 1);
	seen.at = inventory_now(at.bed.inventory);
	seen.version = at.bed.view->items[0].version;
	inventory_saw(at.bed.inventory, 0, &seen, 7);
	observed_done(&seen);
	at.proofs = proofs_new(at.bed.inventory, at.bed.context.event);
	*state = &at;
	return 0;
}

static int teardown(void **state)
{
	struct proofs_bed *at = *state;

	at->proofs = proofs_free(at->proofs);
	assert_null(proof);
	bed_done(&at->bed);
	return 0;
}

static void start(struct proofs_bed *at)
{
	proofs_start(at->proofs, inventory_open(at->bed.inventory, 0));
	assert_non_null(proof);
	assert_true(proofs_are_busy(at->proofs));
	assert_true(at->bed.stock->slots[0].claimed_by & CLAIM_PROOF);
}

static void assert_idle(const struct proofs_bed *at)
{
	assert_false(proofs_are_busy(at->proofs));
	assert_false(at->bed.stock->slots[0].claimed_by & CLAIM_PROOF);
}

static void test_results_are_on_disk(void **state)
{
	static const struct {
		enum prove_result result;
		const char *text;
	} cases[] = {
		{ PROVE_WRONG, "wrong: " WORDS },
		{ PROVE_UNPROVEN, "unproven: " WORDS },
		{ PROVE_MATCHED, "matched" },
	};
	const struct version version = bed_version('A');
	struct proofs_bed *at = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct recorded disk;

		start(at);
		proven(cases[i].result);
		assert_idle(at);
		disk = bed_on_disk(&at->bed);
		assert_int_equal(disk.delivery_count, 1);
		assert_int_equal(disk.deliveries[0].proof.result, cases[i].result);
		assert_string_equal(proof_text(&disk.deliveries[0].proof), cases[i].text);
		assert_true(digest_equal(&disk.deliveries[0].proven, &version.digest));
		recorded_done(&disk);
	}
	assert_int_equal(cancels, 0);
}

static void test_cancel_releases_the_claim(void **state)
{
	struct proofs_bed *at = *state;
	struct recorded disk;

	start(at);
	proofs_cancel(at->proofs);
	assert_int_equal(cancels, 1);
	assert_null(proof);
	assert_idle(at);
	disk = bed_on_disk(&at->bed);
	for (size_t i = 0; i < disk.delivery_count; i++)
		assert_int_equal(disk.deliveries[i].proof.result, PROVE_NONE);
	recorded_done(&disk);
	start(at); /* and it can be begun again */
	proven(PROVE_MATCHED);
	assert_idle(at);
}

/* Each of a list is proven by itself, in any order, and the worst of them is what counts. */
static void test_several_endpoints(void **state)
{
	static const char list[] =
		"source: {region: eu-west-1}\n"
		"certificates:\n"
		"  pay: {arn: '" ARN "', deliver: [{to: files, prove: [{connect: 'localhost:443'},"
		" {connect: 'localhost:5223', server_name: none}]}]}\n"
		"destinations:\n"
		"  files: {kind: file, directory: /srv/tls}\n";
	struct proofs_bed *at = *state;
	const struct delivery_record *record;
	struct recorded disk;

	bed_take_over(&at->bed, list);
	start(at);
	assert_non_null(second);
	proven_at(&second, PROVE_WRONG);
	assert_true(proofs_are_busy(at->proofs));
	proven(PROVE_MATCHED);
	assert_idle(at);
	disk = bed_on_disk(&at->bed);
	record = &disk.deliveries[0];
	assert_string_equal(proof_text(&record->proof), "wrong: " WORDS);
	assert_int_equal(record->proof.endpoint_count, 2);
	assert_string_equal(record->proof.endpoints[0].endpoint, "localhost:443");
	assert_int_equal(record->proof.endpoints[0].result, PROVE_MATCHED);
	assert_string_equal(record->proof.endpoints[1].endpoint, "localhost:5223 server_name=none");
	assert_int_equal(record->proof.endpoints[1].result, PROVE_WRONG);
	assert_true(record->proof.endpoints[1].looked_at > 0);
	recorded_done(&disk);
	start(at);
	proofs_cancel(at->proofs);
	assert_int_equal(cancels, 2);
	assert_null(second);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_results_are_on_disk),
		TEST(test_cancel_releases_the_claim),
		TEST(test_several_endpoints),
	};

	if (secret_memory_init(&(bool){ false }, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
