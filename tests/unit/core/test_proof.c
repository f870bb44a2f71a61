/* SPDX-License-Identifier: Apache-2.0 */
/* What a proof says, in the words of the state database and of JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/model/proof.h"
#include "lib/base/mem.h"

static void test_words(void **state)
{
	struct proof_record proof = { .result = PROVE_NONE };

	assert_null(proof_text(&proof));
	proof_set(&proof, PROVE_WRONG, "host:443 serves another");
	assert_string_equal(proof_text(&proof), "wrong: host:443 serves another");
	proof_set(&proof, PROVE_UNPROVEN, "no answer");
	assert_string_equal(proof_text(&proof), "unproven: no answer");
	proof_set(&proof, PROVE_MATCHED, "host:443 serves it");
	assert_string_equal(proof_text(&proof), "matched");
	proof_set(&proof, PROVE_NONE, NULL);
	assert_null(proof_text(&proof));
	proof_record_done(&proof);
}

/* What is written is what is read. */
static void test_there_and_back(void **state)
{
	for (enum prove_result result = PROVE_NONE; result <= PROVE_UNPROVEN; result++) {
		struct proof_record proof = { .result = PROVE_NONE }, read;

		proof_set(&proof, result, "some words");
		proof_parse(mem_strdup(proof_text(&proof)), &read);
		assert_int_equal(read.result, result);
		assert_true(proof_equal(&proof, &read));
		proof_record_done(&proof);
		proof_record_done(&read);
	}
}

static void test_equal(void **state)
{
	struct proof_record a = { .result = PROVE_NONE }, b = { .result = PROVE_NONE };

	proof_set(&a, PROVE_WRONG, "one");
	proof_set(&b, PROVE_WRONG, "another");
	assert_false(proof_equal(&a, &b));
	proof_set(&b, PROVE_WRONG, "one");
	assert_true(proof_equal(&a, &b));
	proof_set(&b, PROVE_MATCHED, "one");
	assert_false(proof_equal(&a, &b));
	proof_record_done(&a);
	proof_record_done(&b);
}

/* Nobody wrote it, so nobody saw that it is right. */
static void test_other_words(void **state)
{
	struct proof_record proof;

	proof_parse(mem_strdup("matched?"), &proof);
	assert_int_equal(proof.result, PROVE_UNPROVEN);
	proof_record_done(&proof);
	assert_int_equal(proof.result, PROVE_NONE);
	assert_null(proof.text);
}

/* --- judging --- */

static const struct desired_proof wishes[] = {
	{ .connect = (char *)"mx:25", .starttls = STARTTLS_SMTP },
	{ .connect = (char *)"mx:443", .server_name = (char *)"none" },
};

#define LEAF     { { 1 } }
#define SERVES   { .result = PROVE_MATCHED, .words = "mx:443: 1 address serves it", .leaf = LEAF, .addresses = "a b" }
#define ANOTHER  { .result = PROVE_WRONG, .words = "mx:443: another", .leaf = LEAF }
#define SILENT   { .result = PROVE_UNPROVEN, .words = "mx:443: no answer" }
#define CLEAR    { .result = PROVE_UNPROVEN, .words = "mx:443: in clear", .no_tls = true }
#define REFUSES  { .result = PROVE_UNPROVEN, .words = "mx:443: refused", .refused = true }
#define HAD_TLS  { .result = PROVE_UNPROVEN, .words = "mx:443: in clear", .no_tls = true, .had_tls = true }

/* What both are seen to do, once or (if anything is said) before. */
static struct proof_record judge(const struct proof_seen *before, const struct proof_seen *seen)
{
	struct proof_record none = { .result = PROVE_NONE };
	struct proof_record first = before ? proof_judge(&none, wishes, before, 2, 10) : none;
	struct proof_record proof = proof_judge(&first, wishes, seen, 2, 20);

	proof_record_done(&first);
	return proof;
}

static void test_the_worst_counts(void **state)
{
	static const struct {
		struct proof_seen seen[2];
		enum prove_result result;
		const char *words;
	} rows[] = {
		{ { SERVES, SERVES }, PROVE_MATCHED, "mx:443: 1 address serves it; mx:443: 1 address serves it" },
		{ { SERVES, SILENT }, PROVE_UNPROVEN, "mx:443: no answer" },
		{ { ANOTHER, SILENT }, PROVE_WRONG, "mx:443: another" },
		{ { CLEAR, SERVES }, PROVE_UNPROVEN, "mx:443: in clear" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct proof_record proof = judge(NULL, rows[i].seen);
		_cleanup_(freep) char *words = proof_words(&proof);

		assert_int_equal(proof.result, rows[i].result);
		assert_string_equal(words, rows[i].words);
		assert_int_equal(proof.endpoints[0].result, rows[i].seen[0].result);
		assert_int_equal(proof.endpoints[1].result, rows[i].seen[1].result);
		assert_int_equal(proof.endpoints[1].looked_at, 20);
		proof_record_done(&proof);
	}
}

/* Where TLS was served before, none is no question. */
static void test_lost_tls(void **state)
{
	static const struct {
		struct proof_seen before[2], seen[2];
		enum prove_result result;
	} rows[] = {
		{ { SERVES, SERVES }, { SERVES, CLEAR }, PROVE_WRONG },
		{ { SERVES, ANOTHER }, { SERVES, CLEAR }, PROVE_WRONG }, /* it was TLS */
		{ { SERVES, SILENT }, { SERVES, CLEAR }, PROVE_UNPROVEN },
		{ { SERVES, CLEAR }, { SERVES, CLEAR }, PROVE_UNPROVEN },
		{ { SERVES, SERVES }, { SERVES, SILENT }, PROVE_UNPROVEN }, /* or it is not there */
		{ { SERVES, SILENT }, { SERVES, HAD_TLS }, PROVE_WRONG },
		{ { SERVES, HAD_TLS }, { SERVES, CLEAR }, PROVE_WRONG }, /* and so it stays */
		{ { SERVES, HAD_TLS }, { SERVES, REFUSES }, PROVE_WRONG },
		{ { SERVES, ANOTHER }, { SERVES, REFUSES }, PROVE_UNPROVEN }, /* it may be at its start */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct proof_record proof = judge(rows[i].before, rows[i].seen);

		assert_int_equal(proof.result, rows[i].result);
		assert_int_equal(strncmp(proof_text(&proof), "wrong: mx:443: TLS is gone", 26) == 0,
			rows[i].result == PROVE_WRONG);
		proof_record_done(&proof);
	}
}

static void test_endpoints(void **state)
{
	static const struct proof_seen seen[] = { SERVES, ANOTHER };
	struct proof_record proof = judge(NULL, seen), read = { .result = PROVE_NONE }, copy;
	_cleanup_(freep) char *text = proof_format_endpoints(&proof), *again = NULL, *copied = NULL;

	assert_string_equal(proof.endpoints[0].endpoint, "mx:25 starttls=smtp");
	assert_string_equal(proof.endpoints[1].endpoint, "mx:443 server_name=none");
	assert_true(proof_is_of(&proof, wishes, 2));
	assert_false(proof_is_of(&proof, wishes, 1));
	proof_copy(&copy, &proof);
	assert_true(proof_move(&copy, &wishes[1]));
	assert_false(proof_move(&copy, &wishes[1]));
	assert_false(proof_is_of(&copy, wishes, 2));
	proof_record_done(&copy);
	assert_null(proof_shown(&proof, NULL, 0));
	assert_string_equal(proof_shown(&proof, wishes, 2), "wrong: mx:443: another");
	assert_non_null(strstr(proof_shown(&proof, wishes, 1), "unproven: "));
	proof_parse_endpoints(text, &read);
	again = proof_format_endpoints(&read);
	assert_string_equal(text, again);
	proof_copy(&copy, &proof);
	copied = proof_format_endpoints(&copy);
	assert_string_equal(text, copied);
	assert_true(proof_equal(&copy, &proof));
	proof_record_done(&copy);
	proof_record_done(&read);
	proof_record_done(&proof);
}

/* What others say in between does not make another endpoint of it, and what nobody wrote is left out. */
static void test_lines(void **state)
{
	static const struct proof_seen seen[] = {
		{ .result = PROVE_UNPROVEN, .words = "mx:443: 220\tin\nclear" }, SERVES
	};
	static const char *const bad[] = { NULL, "", "\n", "a:1\tmatched", "a:1\tright\t1\t\t\t\t\tw\n",
		"\tmatched\t1\t\t\t\t\tw\n", "a:1\tmatched\t1\t\t\t\t\tw\tmore\n" };
	struct proof_record proof = judge(NULL, seen), read = { .result = PROVE_NONE };
	_cleanup_(freep) char *text = proof_format_endpoints(&proof);

	proof_parse_endpoints(text, &read);
	assert_int_equal(read.endpoint_count, 2);
	assert_string_equal(read.endpoints[0].words, "mx:443: 220 in clear");
	proof_record_done(&read);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		proof_parse_endpoints(bad[i], &read);
		assert_int_equal(read.endpoint_count, 0);
	}
	proof_record_done(&proof);
}

static void test_split(void **state)
{
	static const char *const good[][3] = { { "pay.example.com:443", "pay.example.com", "443" },
		{ "127.0.0.1:8443", "127.0.0.1", "8443" }, { "[::1]:443", "::1", "443" } };
	static const char *const bad[] = { "", "pay", ":443", "pay:", "[]:443", "[::1:443", "::1:443", "[::1]" };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		_cleanup_(freep) char *host = NULL, *port = NULL;

		assert_true(proof_split(good[i][0], &host, &port));
		assert_string_equal(host, good[i][1]);
		assert_string_equal(port, good[i][2]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char *host = NULL, *port = NULL;

		assert_false(proof_split(bad[i], &host, &port));
		assert_null(host);
		assert_null(port);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_other_words),
		cmocka_unit_test(test_the_worst_counts),
		cmocka_unit_test(test_lost_tls),
		cmocka_unit_test(test_endpoints),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
