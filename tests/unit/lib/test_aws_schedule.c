/* SPDX-License-Identifier: Apache-2.0 */
/* What decides when a request is sent: retries, lanes' rates, the refresh of credentials.
 * No clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/aws/lane.h"
#include "lib/aws/rate.h"
#include "lib/aws/retry.h"
#include "lib/aws/session.h"
#include "lib/pki/secret.h"

#define MS USEC_PER_MSEC
#define S  USEC_PER_SEC

/* Delays with the greatest chance, up to the first refusal. */
static void check_delays(enum fault_class class, const usec_t *expected, size_t count)
{
	struct retry_quota quota = RETRY_QUOTA_FULL;
	struct retry retry = { 0 };
	usec_t delay = 0;

	for (size_t i = 0; i < count; i++) {
		assert_true(retry_next(&retry, &quota, class, 999, &delay));
		assert_int_equal(delay, expected[i]);
	}
	assert_false(retry_next(&retry, &quota, class, 999, &delay));
}

static void test_retry_delays(void **state)
{
	static const usec_t transient[] = { 100 * MS / 1000 * 999, 200 * MS / 1000 * 999 };
	static const usec_t throttle[] = { 1 * S / 1000 * 999, 2 * S / 1000 * 999,
		4 * S / 1000 * 999, 8 * S / 1000 * 999 };
	static const usec_t busy[] = { 2 * S, 2 * S, 2 * S };
	static const usec_t not_yet[] = { 500 * MS, 1 * S, 2 * S, 4 * S, 8 * S };
	static const usec_t once[] = { 0 };

	check_delays(FAULT_FINAL, NULL, 0);
	check_delays(FAULT_TRANSIENT, transient, ARRAY_SIZE(transient));
	check_delays(FAULT_THROTTLE, throttle, ARRAY_SIZE(throttle));
	check_delays(FAULT_BUSY, busy, ARRAY_SIZE(busy));
	check_delays(FAULT_NOT_YET, not_yet, ARRAY_SIZE(not_yet));
	check_delays(FAULT_SKEW, once, 1);
	check_delays(FAULT_EXPIRED, once, 1);
}

static void test_retry_chance(void **state)
{
	struct retry_quota quota = RETRY_QUOTA_FULL;
	struct retry retry = { 0 };
	usec_t delay = 1;

	assert_true(retry_next(&retry, &quota, FAULT_THROTTLE, 0, &delay));
	assert_int_equal(delay, 0);
	assert_true(retry_next(&retry, &quota, FAULT_THROTTLE, 500, &delay));
	assert_int_equal(delay, 1 * S);
}

static void test_retry_quota(void **state)
{
	struct retry_quota quota = RETRY_QUOTA_FULL;
	struct retry retry;
	unsigned retries = 0;
	usec_t delay;

	for (int i = 0; i < 1000; i++) {
		retry = (struct retry){ 0 };
		retries += retry_next(&retry, &quota, FAULT_TRANSIENT, 0, &delay);
	}
	assert_int_equal(retries, 100);
	/* What costs nothing goes on; a success gives back. */
	retry = (struct retry){ 0 };
	assert_true(retry_next(&retry, &quota, FAULT_EXPIRED, 0, &delay));
	retry_succeeded(&retry, &quota);
	assert_int_equal(quota.tokens, 1);
	retry.done[FAULT_TRANSIENT] = 1;
	retry_succeeded(&retry, &quota);
	assert_int_equal(quota.tokens, 6);
	quota = RETRY_QUOTA_FULL;
	retry_succeeded(&retry, &quota);
	assert_int_equal(quota.tokens, RETRY_QUOTA_FULL.tokens);
}

/* Sends ${count} requests as early as allowed, from ${now} on; when the last one went. */
static usec_t send_all(struct rate *rate, usec_t now, int count)
{
	for (int i = 0; i < count; i++) {
		now = MAX(now, rate_next(rate, now));
		rate_take(rate, now);
	}
	return now;
}

static void test_rate_import(void **state)
{
	struct rate rate;
	usec_t now = 1000 * S;

	rate_init(&rate, 1);
	assert_int_equal(rate_next(&rate, now), now);
	rate_take(&rate, now);
	/* A second and what packets may differ in their way. */
	assert_int_equal(rate_next(&rate, now), now + 1020 * MS);
	assert_int_equal(rate_next(&rate, now + 5 * S), now + 5 * S);
	assert_true(send_all(&rate, now, 100) >= now + 100 * S);
	assert_true(send_all(&rate, now + 200 * S, 100) <= now + 200 * S + 101 * S);
}

/* In no second more than published, even if requests take up to 20 ms longer or shorter. */
static void test_rate_never_exceeded(void **state)
{
	static const double published[] = { 1, 5, 8, 10, 50 };

	for (size_t i = 0; i < ARRAY_SIZE(published); i++) {
		usec_t sent[300], now = 1000 * S;
		size_t burst = (size_t)published[i];
		struct rate rate;

		rate_init(&rate, published[i]);
		for (size_t n = 0; n < ARRAY_SIZE(sent); n++) {
			now = rate_next(&rate, now);
			rate_take(&rate, now);
			sent[n] = now;
		}
		/* A bucket of one second's worth that AWS keeps: burst at once, then at the rate. */
		for (size_t n = burst; n < ARRAY_SIZE(sent); n++)
			assert_true(sent[n] - sent[0] >=
				    (usec_t)((double)((n + 1 - burst) * S) / published[i]));
		/* And at most 2 % slower. */
		assert_true(
			sent[299] - sent[0] <
			(usec_t)((double)((300 - burst) * S) / published[i] * 1.021) + 100 * MS);
	}
}

static void test_rate_throttled(void **state)
{
	struct rate rate;
	usec_t now = 1000 * S;

	rate_init(&rate, 8);
	rate_throttled(&rate, now);
	rate_throttled(&rate, now + 100 * MS);
	assert_true(rate.current == 4);
	rate_throttled(&rate, now + 2 * S);
	assert_true(rate.current == 2);
	for (int i = 0; i < 15; i++)
		rate_succeeded(&rate);
	assert_true(rate.current == 8);
	for (int i = 0; i < 100; i++)
		rate_throttled(&rate, now + (usec_t)i * 2 * S);
	assert_true(rate.current > 0);
}

static void test_rate_unpublished(void **state)
{
	struct rate rate;
	usec_t now = 1000 * S;

	rate_init(&rate, 0);
	assert_int_equal(send_all(&rate, now, 40), now);
	rate_throttled(&rate, now + 500 * MS);
	assert_true(rate.current == 20);
	assert_true(send_all(&rate, now + 500 * MS, 40) > now + 1 * S);
	for (int i = 0; i < 100; i++)
		rate_succeeded(&rate);
	assert_int_equal(send_all(&rate, now + 60 * S, 400), now + 60 * S);
}

static void test_published(void **state)
{
	const char *group;

	assert_true(lane_published(AWS_ACM, "ImportCertificate", &group) == 1);
	assert_true(lane_published(AWS_SECRETSMANAGER, "PutSecretValue", &group) == 50);
	assert_string_equal(group, "write");
	assert_true(lane_published(AWS_SECRETSMANAGER, "UpdateSecretVersionStage", &group) == 50);
	assert_string_equal(group, "write");
	assert_true(lane_published(AWS_SECRETSMANAGER, "DescribeSecret", &group) == 0);
	assert_true(lane_published(AWS_STS, "AssumeRole", &group) == 0);
}

static void test_refresh(void **state)
{
	usec_t now = 1000000 * S, refresh, unusable;

	session_plan(now, now + USEC_PER_HOUR, 0, &refresh, &unusable);
	assert_int_equal(refresh, now + 50 * USEC_PER_MINUTE);
	assert_int_equal(unusable, now + 59 * USEC_PER_MINUTE);
	session_plan(now, now + 12 * USEC_PER_HOUR, 999, &refresh, &unusable);
	assert_true(refresh < now + 12 * USEC_PER_HOUR - 14 * USEC_PER_MINUTE);
	session_plan(now, now + 20 * S, 500, &refresh, &unusable);
	assert_int_equal(refresh, now + 15 * S);
	assert_int_equal(unusable, now + 18 * S);
	session_plan(now, USEC_INFINITY, 500, &refresh, &unusable);
	assert_true(refresh == USEC_INFINITY && unusable == USEC_INFINITY);
	/* Expired before it came: our clock may be wrong. */
	session_plan(now, now - 5 * S, 500, &refresh, &unusable);
	assert_int_equal(unusable, now - 5 * S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_retry_delays),
		cmocka_unit_test(test_retry_chance),
		cmocka_unit_test(test_retry_quota),
		cmocka_unit_test(test_rate_import),
		cmocka_unit_test(test_rate_never_exceeded),
		cmocka_unit_test(test_rate_throttled),
		cmocka_unit_test(test_rate_unpublished),
		cmocka_unit_test(test_published),
		cmocka_unit_test(test_refresh),
	};
	bool locked;

	if (secret_memory_init(&locked, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
