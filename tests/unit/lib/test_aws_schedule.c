/* SPDX-License-Identifier: Apache-2.0 */
/* What decides when a request is sent: retries, lanes' rates, the refresh of credentials.
 * No clock but in the test of waiting lanes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#include <cmocka.h>

#include "lib/aws/lane.h"
#include "lib/aws/rate.h"
#include "lib/aws/retry.h"
#include "lib/aws/session.h"
#include "lib/pki/secret.h"

#define MS USEC_PER_MSEC
#define S  USEC_PER_SEC

#define FAILURE(...) (&(struct retry_failure){ .class = __VA_ARGS__ })

/* Delays with the greatest chance, up to the first refusal. */
static void check_delays(enum fault_class class, const usec_t *expected, size_t count)
{
	struct retry_tokens tokens = RETRY_TOKENS_FULL;
	struct retry retry = { 0 };
	usec_t delay = 0;

	for (size_t i = 0; i < count; i++) {
		assert_true(retry_next(&retry, &tokens, FAILURE(class, .chance = 999), &delay));
		assert_int_equal(delay, expected[i]);
	}
	assert_false(retry_next(&retry, &tokens, FAILURE(class, .chance = 999), &delay));
}

static void test_retry_delays(void **state)
{
	static const usec_t trouble[] = { 49950, 99900 };
	static const usec_t throttle[] = { 999 * MS, 1998 * MS };
	static const usec_t busy[] = { 2 * S, 2 * S, 2 * S };
	static const usec_t not_yet[] = { 500 * MS, 1 * S, 2 * S, 4 * S, 8 * S };
	static const usec_t once[] = { 0 };

	check_delays(FAULT_FINAL, NULL, 0);
	check_delays(FAULT_TRANSIENT, trouble, ARRAY_SIZE(trouble));
	check_delays(FAULT_THROTTLE, throttle, ARRAY_SIZE(throttle));
	check_delays(FAULT_BUSY, busy, ARRAY_SIZE(busy));
	check_delays(FAULT_NOT_YET, not_yet, ARRAY_SIZE(not_yet));
	check_delays(FAULT_SKEW, once, 1);
	check_delays(FAULT_EXPIRED, once, 1);
}

static void test_retry_chance(void **state)
{
	struct retry_tokens tokens = RETRY_TOKENS_FULL;
	struct retry retry = { 0 };
	usec_t delay = 1;

	assert_true(retry_next(&retry, &tokens, FAILURE(FAULT_THROTTLE), &delay));
	assert_int_equal(delay, 0);
	assert_true(retry_next(&retry, &tokens, FAILURE(FAULT_THROTTLE, .chance = 500), &delay));
	assert_int_equal(delay, 1 * S);
	/* The step is that of the failure at hand, the exponent that of all. */
	retry = (struct retry){ 0 };
	assert_true(retry_next(&retry, &tokens, FAILURE(FAULT_THROTTLE, .chance = 500), &delay));
	assert_true(retry_next(&retry, &tokens, FAILURE(FAULT_TRANSIENT, .chance = 500), &delay));
	assert_int_equal(delay, 50 * MS);
}

/* One number of attempts for all that standard mode retries; what passes by itself counts apart. */
static void test_retry_attempts(void **state)
{
	struct retry_tokens tokens = RETRY_TOKENS_FULL;
	struct retry retry = { 0 };
	usec_t delay;

	assert_false(retry_next(&retry, &tokens, FAILURE(FAULT_TRANSIENT, .attempts = 1), &delay));
	assert_true(retry_next(&retry, &tokens, FAILURE(FAULT_TRANSIENT), &delay));
	assert_true(retry_next(&retry, &tokens, FAILURE(FAULT_EXPIRED), &delay));
	assert_true(retry_next(&retry, &tokens, FAILURE(FAULT_THROTTLE), &delay));
	assert_false(retry_next(&retry, &tokens, FAILURE(FAULT_TRANSIENT), &delay));
	assert_false(retry_next(&retry, &tokens, FAILURE(FAULT_TRANSIENT, .attempts = 3), &delay));
	for (int i = 3; i < 10; i++) {
		assert_true(retry_next(&retry, &tokens,
			FAILURE(FAULT_THROTTLE, .attempts = 10, .chance = 999), &delay));
		assert_true(delay <= 20 * S);
	}
	assert_int_equal(delay, 19980 * MS);
	assert_false(retry_next(&retry, &tokens, FAILURE(FAULT_TRANSIENT, .attempts = 10), &delay));
}

static void test_retry_attempts_text(void **state)
{
	unsigned attempts = 77;

	assert_int_equal(retry_attempts("", &attempts), -EINVAL);
	assert_int_equal(retry_attempts("three", &attempts), -EINVAL);
	assert_int_equal(retry_attempts("3x", &attempts), -EINVAL);
	assert_int_equal(attempts, 77);
	assert_int_equal(retry_attempts("5", &attempts), 0);
	assert_int_equal(attempts, 5);
	assert_int_equal(retry_attempts("-1 ", &attempts), 0);
	assert_int_equal(attempts, 1);
	assert_int_equal(retry_attempts("99999999999999999999", &attempts), 0);
	assert_int_equal(attempts, RETRY_ATTEMPTS_MAX);
}

static void test_retry_tokens(void **state)
{
	struct retry_tokens tokens = RETRY_TOKENS_FULL;
	struct retry retry;
	unsigned retries = 0;
	usec_t delay;

	for (int i = 0; i < 1000; i++) {
		retry = (struct retry){ 0 };
		retries += retry_next(&retry, &tokens, FAILURE(FAULT_TRANSIENT), &delay);
	}
	assert_int_equal(retries, 35);
	assert_int_equal(tokens.left, 10);
	for (int i = 0; i < 1000; i++) {
		retry = (struct retry){ 0 };
		retries += retry_next(&retry, &tokens, FAILURE(FAULT_THROTTLE), &delay);
	}
	assert_int_equal(retries, 37);
	/* What costs nothing goes on; a success gives back. */
	retry = (struct retry){ 0 };
	assert_true(retry_next(&retry, &tokens, FAILURE(FAULT_EXPIRED), &delay));
	retry_succeeded(&retry, &tokens);
	assert_int_equal(tokens.left, 1);
	retry.paid = 5;
	retry_succeeded(&retry, &tokens);
	assert_int_equal(tokens.left, 6);
	tokens = RETRY_TOKENS_FULL;
	retry_succeeded(&retry, &tokens);
	assert_int_equal(tokens.left, RETRY_TOKENS_FULL.left);
}

/* A throttle costs less; a success gives back what its last retry cost. */
static void test_retry_cost_of_throttles(void **state)
{
	struct retry_tokens tokens = { .left = 23 };
	struct retry retry = { 0 };
	usec_t delay;

	assert_true(retry_next(&retry, &tokens, FAILURE(FAULT_TRANSIENT), &delay));
	assert_int_equal(tokens.left, 9);
	assert_true(retry_next(&retry, &tokens, FAILURE(FAULT_THROTTLE), &delay));
	assert_int_equal(tokens.left, 4);
	retry_succeeded(&retry, &tokens);
	assert_int_equal(tokens.left, 9);
	retry = (struct retry){ 0 };
	assert_false(retry_next(&retry, &tokens, FAILURE(FAULT_TRANSIENT), &delay));
	assert_int_equal(tokens.left, 9);
	assert_false(retry_next(&retry, &tokens, FAILURE(FAULT_TRANSIENT), &delay));
	assert_true(retry_next(&retry, &tokens, FAILURE(FAULT_THROTTLE), &delay));
	assert_int_equal(tokens.left, 4);
}

static void test_retry_hint(void **state)
{
	struct retry_tokens tokens = RETRY_TOKENS_FULL;
	struct retry retry = { 0 };
	usec_t delay;

	assert_int_equal(retry_hint(400, "1500", NULL), 1500 * MS);
	assert_int_equal(retry_hint(503, "1500", "7"), 1500 * MS);
	assert_int_equal(retry_hint(503, NULL, "7"), 7 * S);
	assert_int_equal(retry_hint(429, "", "7"), 7 * S);
	assert_int_equal(retry_hint(400, NULL, "7"), 0);
	assert_int_equal(retry_hint(503, "-5", "Wed, 21 Oct 2026 07:28:00 GMT"), 0);
	assert_int_equal(retry_hint(503, "1e3", "1.5"), 0);
	assert_true(retry_hint(503, "99999999999999999999999", NULL) > USEC_PER_HOUR);
	/* Not sooner than asked; and whatever is asked, 5 s longer than by chance at most. */
	assert_true(retry_next(&retry, &tokens,
		FAILURE(FAULT_THROTTLE, .chance = 500, .hint = 3 * S), &delay));
	assert_int_equal(delay, 3 * S);
	assert_true(retry_next(&retry, &tokens,
		FAILURE(FAULT_THROTTLE, .chance = 500, .hint = USEC_PER_DAY), &delay));
	assert_int_equal(delay, 6 * S);
	retry = (struct retry){ 0 };
	assert_true(retry_next(&retry, &tokens,
		FAILURE(FAULT_TRANSIENT, .chance = 500, .hint = 100 * MS), &delay));
	assert_int_equal(delay, 100 * MS);
	assert_true(retry_next(&retry, &tokens,
		FAILURE(FAULT_THROTTLE, .chance = 500, .hint = 100 * MS), &delay));
	assert_int_equal(delay, 1 * S);
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
	rate_throttled(&rate, now, 0);
	rate_throttled(&rate, now + 100 * MS, 0);
	assert_true(rate.current == 4);
	rate_throttled(&rate, now + 2 * S, 0);
	assert_true(rate.current == 2);
	for (int i = 0; i < 15; i++)
		rate_succeeded(&rate);
	assert_true(rate.current == 8);
	for (int i = 0; i < 100; i++)
		rate_throttled(&rate, now + (usec_t)i * 2 * S, 0);
	assert_true(rate.current > 0);
}

static void test_rate_unpublished(void **state)
{
	struct rate rate;
	usec_t now = 1000 * S;

	rate_init(&rate, 0);
	assert_int_equal(send_all(&rate, now, 40), now);
	rate_throttled(&rate, now + 500 * MS, 0);
	assert_true(rate.current == 20);
	assert_true(send_all(&rate, now + 500 * MS, 40) > now + 1 * S);
	for (int i = 0; i < 100; i++)
		rate_succeeded(&rate);
	assert_int_equal(send_all(&rate, now + 60 * S, 400), now + 60 * S);
}

/* What the server names as a pause holds the lane, whatever the bucket has. */
static void test_rate_pause(void **state)
{
	struct rate rate;
	usec_t now = 1000 * S;

	rate_init(&rate, 10);
	rate_take(&rate, now);
	rate_throttled(&rate, now, 3 * S);
	assert_int_equal(rate_next(&rate, now + 10 * MS), now + 3 * S);
	rate_throttled(&rate, now + 1 * S, 0);
	assert_int_equal(rate_next(&rate, now + 2 * S), now + 3 * S);
	assert_int_equal(rate_next(&rate, now + 4 * S), now + 4 * S);
}

/* A new configuration: at once, but what throttles have lowered grows by itself. */
static void test_rate_publish(void **state)
{
	struct rate rate;

	rate_init(&rate, 1);
	rate_publish(&rate, 2.5, 1000 * S);
	assert_true(rate.current == 2.5);
	rate_throttled(&rate, 1000 * S, 0);
	rate_publish(&rate, 5, 1000 * S);
	assert_true(rate.current == 1.25);
	for (int i = 0; i < 15; i++)
		rate_succeeded(&rate);
	assert_true(rate.current == 5);
	rate_throttled(&rate, 2000 * S, 0);
	rate_publish(&rate, 1, 2000 * S);
	assert_true(rate.current == 1);
	/* A request that was to be paid back in ten seconds is paid back in one, and the other way round. */
	rate_init(&rate, 0.1);
	rate_take(&rate, 3000 * S);
	rate_publish(&rate, 1, 3000 * S);
	assert_int_equal(rate_next(&rate, 3000 * S), 3001 * S + 20 * MS);
	rate_publish(&rate, 0.1, 3000 * S + 500 * MS);
	assert_int_equal(rate_next(&rate, 3001 * S), 3005 * S + 520 * MS);
}

static void count_turn(void *userdata)
{
	++*(int *)userdata;
}

/* Every lane of the operation and of those that share its rate, present and future; and back. */
static void test_lanes_set_quota(void **state)
{
	int turns = 0;
	struct lane_waiter waiters[8];
	sd_event *event;
	struct lanes *lanes;
	struct lane *old, *other;

	assert_true(sd_event_new(&event) >= 0);
	lanes = lanes_new(event);
	old = lane_get(lanes, "1", "r", AWS_ACM, "ImportCertificate");
	other = lane_get(lanes, "1", "r", AWS_ACM, "ListCertificates");
	for (size_t i = 0; i < ARRAY_SIZE(waiters); i++) {
		waiters[i] = (struct lane_waiter){ .go = count_turn, .userdata = &turns };
		assert_true(lane_enter(old, &waiters[i]) == (i == 0));
	}
	assert_true(lanes_set_quota(lanes, AWS_ACM, "ImportCertificate", 1000));
	assert_false(lanes_set_quota(lanes, AWS_ACM, "InventCertificate", 1));
	assert_false(lanes_set_quota(lanes, AWS_STS, "ImportCertificate", 1));
	/* Those who wait do not wait for the second that they were promised before. */
	for (int i = 0; i < 100 && turns < 7; i++)
		assert_true(sd_event_run(event, 50 * MS) >= 0);
	assert_int_equal(turns, 7);
	assert_true(lane_enter(lane_get(lanes, "2", "r", AWS_ACM, "ImportCertificate"), &waiters[0]));
	assert_true(lane_enter(lane_get(lanes, "2", "r", AWS_ACM, "ImportCertificate"), &waiters[0]));
	assert_true(lanes_set_quota(lanes, AWS_ACM, "ImportCertificate", 0));
	old = lane_get(lanes, "3", "r", AWS_ACM, "ImportCertificate");
	assert_true(lane_enter(old, &waiters[0]));
	assert_false(lane_enter(old, &waiters[0]));
	lane_leave(&waiters[0]);
	for (int i = 0; i < 7; i++)
		assert_true(lane_enter(other, &waiters[0]));
	assert_false(lane_enter(other, &waiters[0]));
	lane_leave(&waiters[0]);
	lanes_free(lanes);
	sd_event_unref(event);
}

/* One store of retry tokens for the operations of a service in an account's region, as SDK clients have it. */
static void test_lane_retry_tokens(void **state)
{
	sd_event *event;
	struct lanes *lanes;
	struct retry_tokens *tokens;

	assert_true(sd_event_new(&event) >= 0);
	lanes = lanes_new(event);
	tokens = lane_tokens(lane_get(lanes, "1", "r", AWS_ACM, "ImportCertificate"));
	assert_int_equal(tokens->left, 500);
	assert_ptr_equal(tokens, lane_tokens(lane_get(lanes, "1", "r", AWS_ACM, "ListCertificates")));
	assert_ptr_not_equal(tokens, lane_tokens(lane_get(lanes, "1", "r", AWS_STS, "AssumeRole")));
	assert_ptr_not_equal(tokens, lane_tokens(lane_get(lanes, "1", "s", AWS_ACM, "ImportCertificate")));
	assert_ptr_not_equal(tokens, lane_tokens(lane_get(lanes, "2", "r", AWS_ACM, "ImportCertificate")));
	lanes_free(lanes);
	sd_event_unref(event);
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
		cmocka_unit_test(test_retry_attempts),
		cmocka_unit_test(test_retry_attempts_text),
		cmocka_unit_test(test_retry_tokens),
		cmocka_unit_test(test_retry_cost_of_throttles),
		cmocka_unit_test(test_retry_hint),
		cmocka_unit_test(test_rate_import),
		cmocka_unit_test(test_rate_never_exceeded),
		cmocka_unit_test(test_rate_throttled),
		cmocka_unit_test(test_rate_unpublished),
		cmocka_unit_test(test_rate_pause),
		cmocka_unit_test(test_rate_publish),
		cmocka_unit_test(test_lanes_set_quota),
		cmocka_unit_test(test_lane_retry_tokens),
		cmocka_unit_test(test_published),
		cmocka_unit_test(test_refresh),
	};
	bool locked;

	if (secret_memory_init(&locked, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
