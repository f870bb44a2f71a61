/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/mem.h"
#include "lib/base/time.h"

#define SECONDS(n) ((usec_t)(n)*USEC_PER_SEC)

static void test_arithmetic(void **state)
{
	assert_true(usec_add(1, 2) == 3);
	assert_true(usec_add(USEC_INFINITY, 0) == USEC_INFINITY);
	assert_true(usec_add(USEC_INFINITY, 1) == USEC_INFINITY);
	assert_true(usec_add(1, USEC_INFINITY) == USEC_INFINITY);
	assert_true(usec_add(USEC_INFINITY, USEC_INFINITY) == USEC_INFINITY);
	assert_true(usec_add(USEC_INFINITY - 5, 5) == USEC_INFINITY);
	assert_true(usec_add(USEC_INFINITY - 5, 4) == USEC_INFINITY - 1);
	assert_true(usec_sub(5, 3) == 2);
	assert_true(usec_sub(3, 3) == 0);
	assert_true(usec_sub(3, 5) == 0);
	assert_true(usec_sub(0, USEC_INFINITY) == 0);
}

static const struct {
	const char *text;
	usec_t time;
} times[] = {
	{ "1970-01-01T00:00:00Z", 0 },
	{ "1970-01-01T00:00:01Z", SECONDS(1) },
	{ "2000-02-29T23:59:59Z", SECONDS(951868799) },
	{ "2026-11-23T08:47:54Z", SECONDS(1795423674) },
	{ "2038-01-19T03:14:08Z", SECONDS(2147483648) },
	{ "2100-03-01T00:00:00Z", SECONDS(4107542400) },
	{ "9999-12-31T23:59:59Z", SECONDS(253402300799) },
};

static void test_format(void **state)
{
	char text[TIME_TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		assert_ptr_equal(time_format(times[i].time, text), text);
		assert_string_equal(text, times[i].text);
		/* The second that has begun. */
		assert_string_equal(time_format(times[i].time + 999999, text), times[i].text);
	}
	assert_string_equal(time_format(USEC_INFINITY, text), "never");
	/* The latest there is: it must fit, whatever it says. */
	assert_true(strlen(time_format(USEC_INFINITY - 1, text)) < TIME_TEXT_SIZE);
}

static void test_parse_iso(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		usec_t time = 1;

		assert_int_equal(time_parse_iso(times[i].text, &time), 0);
		assert_true(time == times[i].time);
	}
}

static void test_parse_iso_forms(void **state)
{
	static const char *const same[] = { "2026-11-23T08:47:54+00:00", "2026-11-23T08:47:54.0Z",
		"2026-11-23T08:47:54.123456789Z", "2026-11-23T08:47:54.999+00:00",
		"2026-11-23T10:17:54+01:30", "2026-11-22T23:47:54-09:00",
		/* date +%FT%T%z, date --rfc-3339, Python's str(), Ruby's to_s */
		"2026-11-23T08:47:54+0000", "2026-11-23 08:47:54+00:00",
		"2026-11-23 08:47:54.123456+00:00", "2026-11-23 08:47:54 +0000",
		"2026-11-23 08:47:54Z", "2026-11-23 08:47:54 Z", "2026-11-23t08:47:54z",
		"20261123T084754Z", "20261123T084754.5+0000", "20261123 084754-0000",
		"20261123T08:47:54Z", "2026-11-23T084754Z", "2026-11-23T08:47:54,5Z",
		"2026-11-23T08:47.9Z", "2026-11-23T0847,9000000000000000000Z",
		"2026-11-23T08:47:54+00", "2026-11-23T14:17:54+0530", "2026-11-23T05:17:54-0330",
		"2026-11-23T09:47:54+01", "2026-11-24T08:46:54+23:59" };

	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		usec_t time = 1;

		if (time_parse_iso(same[i], &time) < 0 || time != SECONDS(1795423674))
			fail_msg("'%s' is read as %llu", same[i], (unsigned long long)time);
	}
}

/* Minutes and seconds may be left out; a fraction is one of the last unit that is there. */
static void test_parse_iso_short(void **state)
{
	static const struct {
		const char *text;
		usec_t time;
	} shorts[] = {
		{ "2026-11-23T08:47Z", SECONDS(1795423620) },
		{ "20261123T0847Z", SECONDS(1795423620) },
		{ "2026-11-23T08:47.5Z", SECONDS(1795423650) },
		{ "2026-11-23T08Z", SECONDS(1795420800) },
		{ "20261123T08,5+0000", SECONDS(1795422600) },
		{ "2026-11-23T24:00:00Z", SECONDS(1795478400) },
		{ "2026-11-23T24Z", SECONDS(1795478400) },
	};

	for (size_t i = 0; i < ARRAY_SIZE(shorts); i++) {
		usec_t time = 1;

		if (time_parse_iso(shorts[i].text, &time) < 0 || time != shorts[i].time)
			fail_msg("'%s' is read as %llu", shorts[i].text, (unsigned long long)time);
	}
}

static void test_parse_iso_refused(void **state)
{
	static const char *const wrong[] = { "", "never", "2026-11-23", "2026-11-23T08:47:54",
		"2026-11-23T08:47:54ZZ", "2026-11-23T08:47:54Z ", "2026-11-23T08:47:54+1:00",
		"2026-11-23T08:47:54+01:60", "2026-11-23T08:47:54*01:00", "2026-11-23T08:47:54+24:00",
		"2026-11-23T08:47:54+0160", "2026-11-23T08:47:54+010", "2026-11-23T08:47:54+01:00:00",
		"1970-01-01T00:00:00+00:01", "2026-11-23T08:47:54  Z", "2026-11-23T08:47:54 ",
		"2026-11-23T08:47:54-00:00x", "2026-11-23T08:47:54.Z", "2026-11-23T08:47:54.1",
		"2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z",
		"2026-01-32T00:00:00Z", "2026-02-29T00:00:00Z", "2026-02-30T00:00:00Z",
		"2026-04-31T00:00:00Z", "2100-02-29T00:00:00Z", "2026-11-23T24:00:01Z",
		"2026-11-23T24:00.5Z", "2026-11-23T25:00:00Z", "2026-11-23T08:47:5Z",
		"2026-11-23T08:60:00Z", "2026-11-23T08:47:62Z", "1969-12-31T23:59:59Z",
		"-2026-11-23T08:47:54Z", "2026-1123T08:47:54Z", "202611-23T08:47:54Z",
		"2026-11-23T08:4754Z", "2026-11-23T0847:54Z", "2026-11-23TZ", "2026-11-23Z",
		/* ISO 8601 has these, too, but no program was seen that writes them: weeks, days of
		 * the year, more than four digits of a year. */
		"2026-W48-1T08:47:54Z", "2026-327T08:47:54Z", "+002026-11-23T08:47:54Z",
		/* What botocore (dateutil) takes beyond ISO 8601. */
		"20261123084754Z", "2026-11-23T8:47:54Z", "2026-11-23  08:47:54Z",
		" 2026-11-23T08:47:54Z", "2026-11-23T08:47:54 UTC", "2026-11-23T08:47:54GMT",
		"Mon, 23 Nov 2026 08:47:54 GMT", "2026/11/23 08:47:54Z", "23.11.2026 08:47:54Z",
		"Nov 23 2026 8:47:54AM UTC", "2026-11-23T08:47:54+0" };

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		usec_t time = 77;

		if (time_parse_iso(wrong[i], &time) != -EINVAL)
			fail_msg("'%s' is taken for a time", wrong[i]);
		assert_true(time == 77);
	}
}

/* A leap second is the first one of the next minute. */
static void test_parse_leap_second(void **state)
{
	usec_t time = 0;

	assert_int_equal(time_parse_iso("2016-12-31T23:59:60Z", &time), 0);
	assert_true(time == SECONDS(1483228800));
}

static void test_parse_http(void **state)
{
	usec_t time = 1;

	assert_int_equal(time_parse_http("Sun, 06 Nov 1994 08:49:37 GMT", &time), 0);
	assert_true(time == SECONDS(784111777));
	assert_int_equal(time_parse_http("Mon, 23 Nov 2026 08:47:54 GMT", &time), 0);
	assert_true(time == SECONDS(1795423674));
	assert_int_equal(time_parse_http("Thu, 01 Jan 1970 00:00:00 GMT", &time), 0);
	assert_true(time == 0);
	assert_int_equal(time_parse_http("Thu, 29 Feb 2024 12:00:00 GMT", &time), 0);
	assert_true(time == SECONDS(1709208000));
}

static void test_parse_http_refused(void **state)
{
	static const char *const wrong[] = { "", "Sun, 06 Nov 1994 08:49:37",
		"Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 GMT x",
		"Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
		"06 Nov 1994 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT",
		"Sun, 29 Feb 2026 08:49:37 GMT", "Wed, 31 Dec 1969 23:59:59 GMT",
		"Sun, 06 Nov 1994 25:49:37 GMT" };

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		usec_t time = 77;

		if (time_parse_http(wrong[i], &time) != -EINVAL)
			fail_msg("'%s' is taken for a time", wrong[i]);
		assert_true(time == 77);
	}
}

/* What the machine calls its zone changes nothing. */
static void test_time_zone(void **state)
{
	char text[TIME_TEXT_SIZE];
	usec_t time = 0;

	assert_int_equal(setenv("TZ", "America/St_Johns", 1), 0);
	assert_string_equal(time_format(SECONDS(1795423674), text), "2026-11-23T08:47:54Z");
	assert_int_equal(time_parse_iso(text, &time), 0);
	assert_true(time == SECONDS(1795423674));
	assert_int_equal(unsetenv("TZ"), 0);
}

static void test_duration(void **state)
{
	static const struct {
		usec_t duration;
		const char *text;
	} durations[] = {
		{ 0, "0s" },
		{ 999, "0s" },
		{ 250 * USEC_PER_MSEC, "250ms" },
		{ SECONDS(1), "1s" },
		{ SECONDS(1) + USEC_PER_MSEC, "1s1ms" },
		{ SECONDS(59), "59s" },
		{ SECONDS(60), "1m" },
		{ SECONDS(90), "1m30s" },
		{ 15 * USEC_PER_MINUTE, "15m" },
		{ USEC_PER_HOUR - 1, "59m59s" },
		{ 6 * USEC_PER_HOUR, "6h" },
		{ USEC_PER_HOUR + SECONDS(5), "1h" },
		{ USEC_PER_HOUR + 2 * USEC_PER_MINUTE + SECONDS(3), "1h2m" },
		{ 23 * USEC_PER_HOUR + 59 * USEC_PER_MINUTE, "23h59m" },
		{ 40 * USEC_PER_DAY, "40d" },
		{ 14 * USEC_PER_DAY + USEC_PER_HOUR, "14d1h" },
		{ 14 * USEC_PER_DAY + USEC_PER_MINUTE, "14d" },
		{ 400 * USEC_PER_DAY, "400d" },
		{ USEC_INFINITY, "for ever" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(durations); i++) {
		_cleanup_(freep) char *text = duration_format(durations[i].duration);

		assert_string_equal(text, durations[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arithmetic),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_parse_iso),
		cmocka_unit_test(test_parse_iso_forms),
		cmocka_unit_test(test_parse_iso_short),
		cmocka_unit_test(test_parse_iso_refused),
		cmocka_unit_test(test_parse_leap_second),
		cmocka_unit_test(test_parse_http),
		cmocka_unit_test(test_parse_http_refused),
		cmocka_unit_test(test_time_zone),
		cmocka_unit_test(test_duration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
