/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/transition/schedule.h"

static void test_doubles(void **state)
{
	static const unsigned minutes[] = { 1, 2, 4, 8, 16, 32, 64, 128, 256 };

	for (unsigned i = 0; i < ARRAY_SIZE(minutes); i++)
		assert_int_equal(backoff(i + 1, ERROR_RETRY), minutes[i] * USEC_PER_MINUTE);
}

static void test_longest(void **state)
{
	assert_int_equal(backoff(10, ERROR_RETRY), 6 * USEC_PER_HOUR);
	assert_int_equal(backoff(11, ERROR_DENIED), 6 * USEC_PER_HOUR);
	assert_int_equal(backoff(UINT_MAX, ERROR_RETRY), 6 * USEC_PER_HOUR);
}

static void test_never_shorter(void **state)
{
	for (unsigned failures = 1; failures < 1000; failures++)
		assert_true(
			backoff(failures + 1, ERROR_CONFLICT) >= backoff(failures, ERROR_CONFLICT));
}

/* Not a failure yet: whoever asks all the same waits the shortest time, not for ever. */
static void test_none(void **state)
{
	assert_int_equal(backoff(0, ERROR_RETRY), USEC_PER_MINUTE);
}

static void test_kinds(void **state)
{
	for (enum error_kind kind = ERROR_NONE; kind <= ERROR_BUG; kind++)
		assert_int_equal(backoff(1, kind),
			kind == ERROR_QUOTA ? 6 * USEC_PER_HOUR : USEC_PER_MINUTE);
}

/* From a share less to a share more, and in the middle what was asked for. */
static void test_spread(void **state)
{
	assert_int_equal(spread(USEC_PER_MINUTE, 4, 0), 45 * USEC_PER_SEC);
	assert_int_equal(spread(USEC_PER_MINUTE, 4, CHANCES / 2), USEC_PER_MINUTE);
	assert_int_equal(spread(USEC_PER_MINUTE, 10, CHANCES), 66 * USEC_PER_SEC);
	assert_int_equal(spread(0, 4, CHANCES), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_doubles),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_never_shorter),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_spread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
