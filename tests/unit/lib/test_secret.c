/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/crypto.h>

#include "lib/pki/secret.h"

static void test_new_is_empty_and_zeroed(void **state)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(secret_freep) struct secret *secret = NULL;

	assert_int_equal(secret_new(100, &secret, &err), 0);
	assert_int_equal(secret_length(secret), 0);
	assert_string_equal(secret_borrow(secret), "");
	assert_true(CRYPTO_secure_allocated(secret_borrow(secret)));
}

static void test_append_until_full(void **state)
{
	_cleanup_(secret_freep) struct secret *secret = NULL;

	assert_int_equal(secret_new(5, &secret, NULL), 0);
	assert_int_equal(secret_append_string(secret, "abc"), 0);
	assert_int_equal(secret_append_string(secret, "def"), -ENOSPC);
	assert_int_equal(secret_append(secret, "de", 2), 0);
	assert_int_equal(secret_append(secret, "", 0), 0);
	assert_int_equal(secret_append(secret, "x", 1), -ENOSPC);
	assert_string_equal(secret_borrow(secret), "abcde");
	assert_int_equal(secret_length(secret), 5);
}

static void test_append_base64(void **state)
{
	_cleanup_(secret_freep) struct secret *secret = NULL;

	assert_int_equal(secret_new(9, &secret, NULL), 0);
	assert_int_equal(secret_append_string(secret, "b"), 0);
	assert_int_equal(secret_append_base64(secret, "1234567", 7), -ENOSPC);
	assert_string_equal(secret_borrow(secret), "b");
	assert_int_equal(secret_append_base64(secret, "1234", 4), 0);
	assert_string_equal(secret_borrow(secret), "bMTIzNA==");
}

static void test_append_json(void **state)
{
	static const char text[] = "-\n\r\t\b\f\"\\/\x01\x1f\0\xc3\xa9";
	_cleanup_(secret_freep) struct secret *secret = NULL;

	assert_int_equal(secret_new(64, &secret, NULL), 0);
	assert_int_equal(secret_append_json(secret, text, sizeof(text) - 1), 0);
	assert_string_equal(
		secret_borrow(secret), "-\\n\\r\\t\\b\\f\\\"\\\\/\\u0001\\u001f\\u0000\xc3\xa9");
}

static void test_append_json_is_all_or_nothing(void **state)
{
	_cleanup_(secret_freep) struct secret *secret = NULL;

	assert_int_equal(secret_new(4, &secret, NULL), 0);
	assert_int_equal(secret_append_string(secret, "a"), 0);
	assert_int_equal(secret_append_json(secret, "b\n\n", 3), -ENOSPC);
	assert_string_equal(secret_borrow(secret), "a");
	assert_int_equal(secret_append_json(secret, "b\n", 2), 0);
	assert_string_equal(secret_borrow(secret), "ab\\n");
}

static void test_free_wipes(void **state)
{
	_cleanup_(secret_freep) struct secret *other = NULL;
	struct secret *secret = NULL;

	/* The buddy allocator hands the block just freed out again; its head holds its links. */
	assert_int_equal(
		secret_from("0123456789abcdef0123456789abcdef0123456789ABCDEF", 48, &secret, NULL),
		0);
	assert_null(secret_free(secret));
	assert_null(secret_free(NULL));
	assert_int_equal(secret_new(62, &other, NULL), 0);
	assert_null(memmem(secret_borrow(other), 63, "ABCDEF", 6));
}

static void test_full_heap_is_retry(void **state)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct secret *secrets[64] = { NULL };
	size_t used = CRYPTO_secure_used();
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(secrets) && r == 0; i++)
		r = secret_new(SECRET_HEAP_SIZE / 16, &secrets[i], &err);
	assert_int_equal(r, -EAGAIN);
	assert_int_equal(err.kind, ERROR_RETRY);
	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++)
		secret_free(secrets[i]);
	assert_int_equal(CRYPTO_secure_used(), used);
	assert_int_equal(secret_new(SIZE_MAX, &secrets[0], &err), -EAGAIN);
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void test_read_file(void **state)
{
	_cleanup_(secret_freep) struct secret *secret = NULL, *exact = NULL;
	char path[] = "/tmp/test_secret.XXXXXX";

	close(mkstemp(path));
	write_file(path, "hunter2\n\n");
	assert_int_equal(secret_read_file(path, 100, &secret, NULL), 0);
	assert_string_equal(secret_borrow(secret), "hunter2\n");
	assert_int_equal(secret_length(secret), 8);
	assert_int_equal(secret_read_file(path, 9, &exact, NULL), 0);
	unlink(path);
}

static void test_read_file_refuses(void **state)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(secret_freep) struct secret *secret = NULL;
	char path[] = "/tmp/test_secret.XXXXXX";

	close(mkstemp(path));
	assert_int_equal(secret_read_file(path, 100, &secret, &err), -EINVAL);
	write_file(path, "\n");
	assert_int_equal(secret_read_file(path, 100, &secret, &err), -EINVAL);
	assert_non_null(strstr(err.text, "is empty"));
	write_file(path, "hunter2");
	assert_int_equal(secret_read_file(path, 6, &secret, &err), -EINVAL);
	assert_non_null(strstr(err.text, path));
	assert_null(strstr(err.text, "hunter"));
	unlink(path);
	assert_int_equal(secret_read_file(path, 6, &secret, &err), -ENOENT);
	assert_int_equal(err.kind, ERROR_ABSENT);
	assert_true(secret_read_file("/tmp", 6, &secret, &err) < 0);
	assert_null(secret);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_is_empty_and_zeroed),
		cmocka_unit_test(test_append_until_full),
		cmocka_unit_test(test_append_base64),
		cmocka_unit_test(test_append_json),
		cmocka_unit_test(test_append_json_is_all_or_nothing),
		cmocka_unit_test(test_free_wipes),
		cmocka_unit_test(test_full_heap_is_retry),
		cmocka_unit_test(test_read_file),
		cmocka_unit_test(test_read_file_refuses),
	};
	bool locked;

	if (secret_memory_init(&locked, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
