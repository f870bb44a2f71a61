/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the end is near.  A case of tests/cases/expiry is lines "NAME: value": life (how long), type
 * (public, private), warn, status, reason, ineligible (what is known; left out: nothing), left (how
 * much of the life); expect (far, near, past) and says (the sentence).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/plan/expiry.h"
#include "lib/base/buf.h"
#include "lib/os/file.h"
#include "tests/unit/cases.h"
#include "tests/unit/core/values.h"

#define FOLDER "tests/cases/expiry"
#define BEGIN  "2026-01-01T00:00:00Z"

/* --- the lifetimes that there are --- */

static const struct {
	const char *life;
	const char *warn_public, *warn_private; /* before the end */
	const char *yield;
} lifetimes[] = {
	{ "1h", "15m", "15m", "15m" },
	{ "7d", "42h", "42h", "42h" },
	{ "47d", "282h", "282h", "282h" },
	{ "90d", "30d", "45d", "14d" },
	{ "200d", "30d", "45d", "14d" },
	{ "395d", "30d", "45d", "14d" },
};

static struct expiry expiry_of(const char *life, bool is_private)
{
	const usec_t begin = time_at(0, BEGIN);

	return (struct expiry){
		.not_before = begin,
		.not_after = begin + duration_of(life),
		.is_private = is_private,
	};
}

static void check_warning(const struct expiry *expiry, const char *before)
{
	const usec_t warns = expiry->not_after - duration_of(before);

	assert_int_equal(expiry_warns_at(expiry), warns);
	assert_int_equal(expiry_state(expiry, warns - 1), EXPIRY_FAR);
	assert_int_equal(expiry_state(expiry, warns), EXPIRY_NEAR);
	assert_int_equal(expiry_state(expiry, expiry->not_after - 1), EXPIRY_NEAR);
	assert_int_equal(expiry_state(expiry, expiry->not_after), EXPIRY_PAST);
	assert_int_equal(expiry_state(expiry, USEC_INFINITY), EXPIRY_PAST);
}

static void test_lifetimes(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(lifetimes); i++) {
		const struct expiry public = expiry_of(lifetimes[i].life, false);
		const struct expiry private = expiry_of(lifetimes[i].life, true);

		check_warning(&public, lifetimes[i].warn_public);
		check_warning(&private, lifetimes[i].warn_private);
		assert_int_equal(expiry_yields_at(public.not_before, public.not_after),
			public.not_after - duration_of(lifetimes[i].yield));
	}
}

/* Whatever a configuration asks for: what is renewed when ACM renews it, and somewhat late,
 * never warns. */
static void test_healthy_renewals(void **state)
{
	static const char *const warns[] = { "0d", "1h", "14d", "30d", "60d", "90d", "365d" };

	for (size_t i = 0; i < ARRAY_SIZE(lifetimes); i++)
		for (size_t k = 0; k < 2 * ARRAY_SIZE(warns); k++) {
			struct expiry expiry = expiry_of(lifetimes[i].life, k % 2);
			const usec_t life = expiry.not_after - expiry.not_before;
			const usec_t due = life < duration_of("90d") ? life / 3
					   : expiry.is_private       ? duration_of("60d")
								     : duration_of("45d");

			expiry.warn = duration_of(warns[k / 2]);
			assert_int_equal(expiry_state(&expiry, expiry.not_after - due), EXPIRY_FAR);
			if (life >= duration_of("90d"))
				assert_int_equal(
					expiry_state(&expiry,
						expiry.not_after - due + duration_of("3d") - 1),
					EXPIRY_FAR);
			/* And each warns in time. */
			assert_int_equal(expiry_state(&expiry, expiry.not_after - 1), EXPIRY_NEAR);
		}
}

/* A life that ends before it begins, or of which nothing is known, is judged too. */
static void test_no_life(void **state)
{
	const struct expiry unknown = { 0 };
	const struct expiry backwards = { .not_before = 2 * USEC_PER_DAY,
		.not_after = USEC_PER_DAY };

	assert_int_equal(expiry_state(&unknown, USEC_PER_DAY), EXPIRY_FAR);
	assert_null(expiry_problem(&unknown, USEC_PER_DAY));
	assert_int_equal(expiry_state(&backwards, USEC_PER_DAY - 1), EXPIRY_FAR);
	assert_int_equal(expiry_state(&backwards, USEC_PER_DAY), EXPIRY_PAST);
	assert_int_equal(expiry_yields_at(2 * USEC_PER_DAY, USEC_PER_DAY), USEC_PER_DAY);
}

/* What waits is said the louder, the less is left. */
static void test_alarms(void **state)
{
	static const struct {
		const char *life, *left;
		enum expiry_alarm alarm;
	} rows[] = {
		{ "365d", "15d", EXPIRY_CALM },
		{ "365d", "14d", EXPIRY_CLOSE },
		{ "365d", "73h", EXPIRY_CLOSE },
		{ "365d", "3d", EXPIRY_URGENT },
		{ "365d", "1s", EXPIRY_URGENT },
		{ "365d", "0d", EXPIRY_OVER },
		{ "20d", "6d", EXPIRY_CALM },
		{ "20d", "5d", EXPIRY_CLOSE },
		{ "20d", "25h", EXPIRY_CLOSE },
		{ "20d", "1d", EXPIRY_URGENT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const usec_t from = USEC_PER_DAY, until = from + duration_of(rows[i].life);

		assert_int_equal(expiry_alarm(from, until, until - duration_of(rows[i].left)),
			rows[i].alarm);
	}
	assert_int_equal(expiry_alarm(0, 0, USEC_PER_DAY), EXPIRY_CALM);
	assert_int_equal(expiry_alarm(0, USEC_PER_DAY, 2 * USEC_PER_DAY), EXPIRY_OVER);
}

/* --- cases --- */

static void check_case(const char *path)
{
	static const char *const names[] = {
		[EXPIRY_FAR] = "far", [EXPIRY_NEAR] = "near", [EXPIRY_PAST] = "past"
	};
	_cleanup_(buf_done) struct buf file = BUF_NULL;
	const char *text = file_read(path, 10000, &file, NULL) < 0 ? "" : file.data;
	_cleanup_(freep) char *life = case_value(text, "life"), *type = case_value(text, "type");
	_cleanup_(freep) char *warn = case_value(text, "warn"), *left = case_value(text, "left");
	_cleanup_(freep) char *status = case_value(text, "status"),
			      *reason = case_value(text, "reason");
	_cleanup_(freep) char *ineligible = case_value(text, "ineligible"), *problem = NULL;
	struct expiry expiry;
	usec_t now;

	if (!life || !type || !left)
		fail_msg("%s: life, type and left are needed", path);
	expiry = expiry_of(life, strcmp(type, "private") == 0);
	expiry.warn = warn ? duration_of(warn) : 0;
	expiry.status = status;
	expiry.reason = reason;
	expiry.ineligible = ineligible != NULL;
	now = *left == '-' ? expiry.not_after + duration_of(left + 1)
			   : expiry.not_after - duration_of(left);
	problem = expiry_problem(&expiry, now);
	case_expect(path, text, "expect", names[expiry_state(&expiry, now)]);
	case_expect(path, text, "says", problem ?: "nothing");
}

static void test_cases(void **state)
{
	assert_true(for_each_case(FOLDER, ".case", check_case) >= 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lifetimes),
		cmocka_unit_test(test_healthy_renewals),
		cmocka_unit_test(test_no_life),
		cmocka_unit_test(test_alarms),
		cmocka_unit_test(test_cases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
