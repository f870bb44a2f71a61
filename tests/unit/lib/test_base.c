/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/buf.h"
#include "lib/base/encode.h"
#include "lib/base/error.h"
#include "lib/base/strv.h"
#include "lib/base/time.h"

static void test_error_kinds(void **state)
{
	static const struct {
		enum error_kind kind;
		int number;
	} rows[] = {
		{ ERROR_RETRY, EAGAIN }, { ERROR_DENIED, EACCES }, { ERROR_ABSENT, ENOENT },
		{ ERROR_INVALID, EINVAL }, { ERROR_CONFLICT, EEXIST }, { ERROR_QUOTA, EDQUOT },
		{ ERROR_BUG, ENOTRECOVERABLE },
	};
	_cleanup_(error_done) struct error err = ERROR_NULL;

	assert_int_equal(error_result(&err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(error_set(&err, rows[i].kind, 7, "x"), -rows[i].number);
		assert_int_equal(error_result(&err), -rows[i].number);
		assert_int_equal(err.code, 7);
		assert_int_equal(error_kind_find(error_kind_name(rows[i].kind)), rows[i].kind);
		assert_int_equal(error_set(NULL, rows[i].kind, 0, "nobody listens"), -rows[i].number);
	}
	assert_int_equal(error_kind_find("no such kind"), ERROR_NONE);
}

static void test_error_wrap_keeps_the_kind(void **state)
{
	_cleanup_(error_done) struct error err = ERROR_NULL, copy = ERROR_NULL;

	(void)error_set_errno(&err, EACCES, "open '%s'", "/x");
	assert_int_equal(err.kind, ERROR_DENIED);
	assert_int_equal(error_wrap(&err, "read '%s'", "y"), -EACCES);
	assert_string_equal(err.text, "read 'y': open '/x': Permission denied");
	error_copy(&copy, &err);
	assert_string_equal(copy.text, err.text);
	error_move(&copy, &err);
	assert_null(err.text);
	assert_int_equal(err.kind, ERROR_NONE);
}

/* RFC 4648 section 10. */
static void test_base64(void **state)
{
	static const char *const rows[][2] = {
		{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[16];

		base64_encode(rows[i][0], strlen(rows[i][0]), text);
		assert_string_equal(text, rows[i][1]);
		assert_int_equal(base64_length(strlen(rows[i][0])), strlen(rows[i][1]));
	}
}

static void test_hex(void **state)
{
	unsigned char bytes[2] = { 1, 2 };
	char text[5];

	assert_int_equal(hex_decode("fF0a", bytes, 2), 0);
	hex_encode(bytes, 2, text);
	assert_string_equal(text, "ff0a");
	assert_int_equal(hex_decode("ff0", bytes, 2), -EINVAL);
	assert_int_equal(hex_decode("ff0g", bytes, 2), -EINVAL);
	assert_int_equal(bytes[0], 0xff);
}

static void test_percent(void **state)
{
	_cleanup_(freep) char *text = percent_encode("a-Z._~ /+\xc3\xa4");

	assert_string_equal(text, "a-Z._~%20%2F%2B%C3%A4");
}

static void test_buf_and_strv(void **state)
{
	struct buf buf = BUF_NULL;
	_cleanup_(strv_freep) char **list = NULL, **copy = NULL;
	_cleanup_(freep) char *joined = NULL, *taken = NULL;

	for (int i = 0; i < 1000; i++)
		buf_printf(&buf, "%d,", i % 10);
	assert_int_equal(buf.length, 2000);
	buf_clear(&buf);
	assert_string_equal(buf.data, "");
	buf_append_string(&buf, "x");
	taken = buf_take(&buf);
	assert_string_equal(taken, "x");
	assert_int_equal(buf.length, 0);
	strv_append(&list, "a");
	strv_append(&list, "b");
	copy = strv_copy(list);
	assert_true(strv_equal(list, copy));
	strv_append(&copy, "c");
	assert_false(strv_equal(list, copy));
	assert_true(strv_has(copy, "c") && !strv_has(list, "c") && !strv_has(NULL, "c"));
	joined = strv_join(copy, ", ");
	assert_string_equal(joined, "a, b, c");
}

static void test_time(void **state)
{
	char text[TIME_TEXT_SIZE];
	usec_t time = 0;

	assert_int_equal(time_parse_iso("2026-11-23T08:47:54Z", &time), 0);
	assert_string_equal(time_format(time, text), "2026-11-23T08:47:54Z");
	assert_int_equal(time_parse_iso("2026-11-23T08:47:54.123+00:00", &time), 0);
	assert_int_equal(time_parse_iso("2026-11-23T08:47:54+01:00", &time), -EINVAL);
	assert_int_equal(time_parse_iso("2026-11-23", &time), -EINVAL);
	assert_int_equal(time_parse_iso("1969-12-31T23:59:59Z", &time), -EINVAL);
	assert_int_equal(time_parse_http("Sun, 06 Nov 1994 08:49:37 GMT", &time), 0);
	assert_int_equal(time, 784111777 * USEC_PER_SEC);
	assert_int_equal(time_parse_http("Sunday, 06-Nov-94 08:49:37 GMT", &time), -EINVAL);
	assert_string_equal(time_format(USEC_INFINITY, text), "never");
	assert_int_equal(usec_sub(1, 2), 0);
	assert_true(usec_add(USEC_INFINITY - 1, 2) == USEC_INFINITY);
}

static void test_duration(void **state)
{
	static const struct {
		usec_t duration;
		const char *text;
	} rows[] = {
		{ 0, "0s" }, { 250 * USEC_PER_MSEC, "250ms" }, { 90 * USEC_PER_SEC, "1m30s" },
		{ 6 * USEC_PER_HOUR, "6h" }, { 40 * USEC_PER_DAY, "40d" },
		{ USEC_PER_DAY + USEC_PER_HOUR + USEC_PER_MINUTE, "1d1h" }, { USEC_INFINITY, "for ever" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(freep) char *text = duration_format(rows[i].duration);

		assert_string_equal(text, rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_error_kinds), cmocka_unit_test(test_error_wrap_keeps_the_kind),
		cmocka_unit_test(test_base64), cmocka_unit_test(test_hex), cmocka_unit_test(test_percent),
		cmocka_unit_test(test_buf_and_strv), cmocka_unit_test(test_time), cmocka_unit_test(test_duration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
