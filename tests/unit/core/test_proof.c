/* SPDX-License-Identifier: Apache-2.0 */
/* What a proof says, in the words of the state database and of JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/model/proof.h"
#include "lib/base/mem.h"

static void test_words(void **state)
{
	struct proof_record proof = { PROVE_NONE, NULL };

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
		struct proof_record proof = { PROVE_NONE, NULL }, read;

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
	struct proof_record a = { PROVE_NONE, NULL }, b = { PROVE_NONE, NULL };

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_other_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
