/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of proven endpoints that come to stand for other addresses, with a record on disk.  The resolver stands here in
 * place of the daemon's: each answer comes when the test gives it.
 */
#include "tests/unit/shell/inventory_bed.h"

#include <arpa/inet.h>

#include "daemon/actor/addresses.h"
#include "daemon/dependent/resolve.h"
#include "lib/pki/secret.h"

#define ARN "arn:aws:acm:eu-west-1:111111111111:certificate/1"

static const char yaml[] =
	"source: {region: eu-west-1}\n"
	"certificates:\n"
	"  pay: {arn: '" ARN "', deliver: [{to: files, then: [web], prove: [{connect: '127.0.0.1:1'},"
	" {connect: '[::1]:1'}, {connect: 'localhost:1'}, {connect: 'a.example.com:443'}]}]}\n"
	"destinations:\n"
	"  files: {kind: file, directory: /srv/tls}\n"
	"dependents:\n"
	"  web: {kind: systemd, unit: web.service, prove: {connect: 'b.example.com:443'}}\n";

struct resolve {
	resolve_fn done;
	void *userdata;
	char *host;
};

static struct resolve *question; /* under way */

static struct resolve *question_done(void)
{
	free(question->host);
	free(take(question));
	return NULL;
}

struct resolve *resolve_start(
	struct sd_event *event, const char *host, const char *port, resolve_fn done, void *userdata)
{
	assert_null(question);
	assert_non_null(event);
	assert_string_equal(port, "443");
	question = mem_new(struct resolve);
	*question = (struct resolve){ done, userdata, mem_strdup(host) };
	return question;
}

struct resolve *resolve_cancel(struct resolve *resolve)
{
	return resolve ? question_done() : NULL;
}

char *address_format(const struct address *address, char text[static ADDRESS_TEXT_SIZE])
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address->socket;

	(void)snprintf(text, ADDRESS_TEXT_SIZE, "192.0.2.%u:443", ntohl(v4->sin_addr.s_addr) & 255);
	return text;
}

/* ${host} was asked for, and is at 192.0.2.N, of each character of ${ends} one. */
static void answer(const char *host, const char *ends)
{
	const struct resolve asked = *question;
	struct address list[8] = { 0 };
	size_t count = 0;

	assert_string_equal(asked.host, host);
	for (; *ends; ends++)
		((struct sockaddr_in *)&list[count++].socket)->sin_addr.s_addr = htonl((uint32_t)(*ends - '0'));
	question_done();
	asked.done(asked.userdata, list, count, count ? NULL : "no such name");
}

struct addresses_bed {
	struct bed bed;
	struct addresses *addresses;
};

static const struct proof_record *delivery_proof(struct addresses_bed *at)
{
	return &inventory_open(at->bed.inventory, 0)->record.proof;
}

static const struct proof_record *dependent_proof(const struct addresses_bed *at)
{
	return &at->bed.stock->dependents[0]->record.proof;
}

/* All that there is was seen at 192.0.2.1 and 192.0.2.2. */
static void prove_all(struct addresses_bed *at)
{
	const struct proof_seen seen = { .result = PROVE_MATCHED, .words = "seen",
		.addresses = "192.0.2.1:443 192.0.2.2:443" };
	const struct proof_seen each[] = { seen, seen, seen, seen };
	const struct tracked_dependent *web = at->bed.stock->dependents[0];
	struct proof_record proof = proof_judge(&web->record.proof, web->dependent->prove, &seen, 1, 1);

	inventory_claim(at->bed.inventory, 0, CLAIM_PROOF);
	inventory_proven(at->bed.inventory, inventory_open(at->bed.inventory, 0),
		&at->bed.view->items[0].version.digest, each);
	inventory_told(at->bed.inventory, web, &(struct told_fact){ .told = true, .proof = &proof });
	proof_record_done(&proof);
}

static int setup(void **state)
{
	static char *const arns[] = { (char *)ARN, NULL };
	static struct addresses_bed at;
	struct observed seen = { .state = OBSERVED_PRESENT };

	bed_init(&at.bed);
	at.bed.view = bed_view(arns, 'A');
	bed_take_over(&at.bed, yaml);
	seen.at = inventory_now(at.bed.inventory);
	seen.version = at.bed.view->items[0].version;
	inventory_saw(at.bed.inventory, 0, &seen, 7);
	observed_done(&seen);
	at.addresses = addresses_new(at.bed.inventory, at.bed.context.event);
	*state = &at;
	return 0;
}

static int teardown(void **state)
{
	struct addresses_bed *at = *state;

	at->addresses = addresses_free(at->addresses);
	assert_null(question);
	bed_done(&at->bed);
	return 0;
}

/* Addresses are no names, and what was never looked at has nowhere moved from. */
static void test_names_that_were_proven_are_looked_up(void **state)
{
	struct addresses_bed *at = *state;

	addresses_check(at->addresses);
	assert_null(question);
	prove_all(at);
	addresses_check(at->addresses);
	addresses_check(at->addresses); /* it is under way */
	answer("b.example.com", "12");
	answer("a.example.com", "21"); /* in another order */
	assert_null(question);
	assert_true(dependent_proof(at)->endpoints[0].looked_at > 0);
	assert_true(delivery_proof(at)->endpoints[3].looked_at > 0);
}

static void test_other_addresses_are_not_proven(void **state)
{
	static const char *const moved[] = { "13", "1", "123", "3" };
	struct addresses_bed *at = *state;
	const struct tracked_dependent *web = at->bed.stock->dependents[0];
	const struct desired_delivery *wish = inventory_open(at->bed.inventory, 0)->delivery->wish;

	for (size_t i = 0; i < ARRAY_SIZE(moved); i++) {
		struct recorded disk;

		prove_all(at);
		assert_true(proof_is_of(dependent_proof(at), web->dependent->prove, 1));
		at->bed.pokes = 0;
		addresses_check(at->addresses);
		answer("b.example.com", moved[i]);
		assert_false(proof_is_of(dependent_proof(at), web->dependent->prove, 1));
		assert_true(at->bed.pokes > 0);
		answer("a.example.com", moved[i]);
		assert_false(proof_is_of(delivery_proof(at), wish->prove, wish->prove_count));
		assert_true(delivery_proof(at)->endpoints[0].looked_at > 0);
		disk = bed_on_disk(&at->bed);
		assert_int_equal(disk.deliveries[0].proof.endpoints[3].looked_at, 0);
		assert_int_equal(disk.dependents[0].proof.endpoints[0].looked_at, 0);
		recorded_done(&disk);
		/* That is known, until they were looked at. */
		addresses_check(at->addresses);
		assert_null(question);
	}
}

static void test_no_answer_says_nothing(void **state)
{
	struct addresses_bed *at = *state;

	prove_all(at);
	addresses_check(at->addresses);
	answer("b.example.com", "");
	answer("a.example.com", "");
	assert_true(dependent_proof(at)->endpoints[0].looked_at > 0);
	assert_true(delivery_proof(at)->endpoints[3].looked_at > 0);
}

static void test_cancel(void **state)
{
	struct addresses_bed *at = *state;

	prove_all(at);
	addresses_check(at->addresses);
	answer("b.example.com", "12");
	addresses_cancel(at->addresses);
	assert_null(question);
	addresses_check(at->addresses);
	answer("b.example.com", "12");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_names_that_were_proven_are_looked_up),
		TEST(test_other_addresses_are_not_proven),
		TEST(test_no_answer_says_nothing),
		TEST(test_cancel),
	};

	if (secret_memory_init(&(bool){ false }, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
