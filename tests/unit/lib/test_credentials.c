/* SPDX-License-Identifier: Apache-2.0 */
/* What programs, containers and instances hand over as JSON: all of it, or nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/aws/credentials.h"
#include "lib/pki/secret.h"

#define KEYS "\"AccessKeyId\": \"AKIAIOSFODNN7EXAMPLE\", \"SecretAccessKey\": \"c2VjcmV0\", "
#define REST "\"Token\": \"dG9rZW4=\", \"Expiration\": \"2026-11-23T08:47:54Z\""
#define GOOD "{" KEYS REST "}"

static int read_text(const char *text, size_t length)
{
	_cleanup_(credentials_freep) struct credentials *credentials = NULL;
	_cleanup_(error_done) struct error err = ERROR_NULL;
	int r;

	r = credentials_read(text, length, true, &credentials, &err);
	if (r < 0) {
		assert_null(credentials);
		assert_int_equal(err.kind, ERROR_INVALID);
		assert_null(strstr(err.text, "c2Vj"));
		assert_null(strstr(err.text, "AKIA"));
		return r;
	}
	assert_string_equal(credentials->key_id, "AKIAIOSFODNN7EXAMPLE");
	assert_int_equal(secret_length(credentials->secret_key), 8);
	assert_int_equal(secret_length(credentials->token), 8);
	return 0;
}

static void test_cut_at_every_byte(void **state)
{
	assert_int_equal(read_text(GOOD, strlen(GOOD)), 0);
	for (size_t length = 0; length < strlen(GOOD); length++)
		assert_true(read_text(GOOD, length) < 0);
}

static void test_what_is_none(void **state)
{
	static const char *const bad[] = { "{" KEYS REST ", \"AccessKeyId\": \"AKIAIOSFODNN7EXAMPLE\"}",
		"{" KEYS REST ", \"Token\": null}", "[" GOOD "]", "{" KEYS REST "} {}", "{" KEYS REST ",}", "null",
		"\"AKIA\"", "{" KEYS "\"Token\": 1, \"Expiration\": \"2026-11-23T08:47:54Z\"}",
		"{" KEYS "\"Token\": [\"dG9rZW4=\"], \"Expiration\": \"2026-11-23T08:47:54Z\"}",
		"{" KEYS "\"Token\": \"dG9rZW4=\", \"Expiration\": \"soon\"}",
		"{" KEYS "\"Token\": \"dG9rZW4=\", \"Expiration\": 1700000000}", "{" KEYS "\"Token\": \"dG9rZW4=\"}",
		"<html>Sign in</html>", "{" KEYS REST ", \"a\": \"\xff\"}", "{" KEYS REST ", \"\\u0000\": 1}" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (read_text(bad[i], strlen(bad[i])) == 0)
			fail_msg("%s was taken", bad[i]);
}

static void test_a_million_levels(void **state)
{
	const size_t levels = 1000000;
	char *text = mem_alloc(levels + sizeof(GOOD) + 16);
	size_t begin = (size_t)sprintf(text, "{%s%s, \"a\": ", KEYS, REST);

	memset(text + begin, '[', levels - begin);
	assert_true(read_text(text, levels) < 0);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_at_every_byte),
		cmocka_unit_test(test_what_is_none),
		cmocka_unit_test(test_a_million_levels),
	};
	bool locked;

	if (secret_memory_init(&locked, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
