/* SPDX-License-Identifier: Apache-2.0 */
/* How credentials are kept, with a source that answers when the test says so: nothing is asked of anybody, and the
 * clock is moved by what AWS's is ahead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <systemd/sd-event.h>

#include <cmocka.h>

#include "lib/aws/client.h"
#include "lib/aws/session.h"
#include "lib/pki/secret.h"

struct source {
	struct provider provider;
	unsigned fetches;
	provider_done_fn done; /* of the fetch that is under way */
	void *userdata;
};

struct world {
	sd_event *event;
	struct aws *aws;
	struct source source;
	struct aws_session *session;
	unsigned woken, failed;
};

static void on_fetch(struct provider *provider, const char *region, provider_done_fn done, void *userdata)
{
	struct source *source = (struct source *)provider;

	source->fetches++;
	source->done = done;
	source->userdata = userdata;
}

static void on_release(struct provider *provider)
{
}

static struct world *world_new(void)
{
	struct world *world = mem_new(struct world);

	assert_true(sd_event_new(&world->event) >= 0);
	assert_int_equal(aws_new(world->event, &world->aws, NULL), 0);
	world->source.provider = (struct provider){ on_fetch, on_release };
	world->session = session_get_keyed(world->aws, "test", NULL, &world->source.provider);
	return world;
}

static void world_free(struct world *world)
{
	aws_free(world->aws);
	sd_event_unref(world->event);
	free(world);
}

/* Whatever is to happen at once does. */
static void turn(struct world *world)
{
	while (sd_event_run(world->event, 0) > 0)
		continue;
}

/* The fetch brings credentials that are good for ${life}. */
static void give(struct world *world, usec_t life)
{
	struct credentials *credentials = mem_new(struct credentials);

	credentials->key_id = mem_strdup("AKID");
	credentials->expires = aws_now(world->aws) + life;
	world->source.done(world->source.userdata, credentials, NULL);
}

static void refuse(struct world *world)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;

	(void)error_set(&err, ERROR_RETRY, 0, "nobody answers");
	world->source.done(world->source.userdata, NULL, &err);
}

static void on_wake(void *userdata, const struct error *err)
{
	struct world *world = userdata;

	world->woken++;
	world->failed += err != NULL;
}

/* Credentials that are good for ${life}, as somebody waits for them. */
static void obtain(struct world *world, usec_t life)
{
	struct session_waiter waiter = { .wake = on_wake, .userdata = world };

	session_wait(world->session, &waiter, "eu-west-1");
	turn(world);
	give(world, life);
	assert_non_null(world->session->credentials);
}

/* Who comes while they are being fetched waits for that fetch. */
static void test_one_fetch(void **state)
{
	struct world *world = world_new();
	struct session_waiter waiters[3];

	for (size_t i = 0; i < ARRAY_SIZE(waiters); i++) {
		waiters[i] = (struct session_waiter){ .wake = on_wake, .userdata = world };
		session_wait(world->session, &waiters[i], "eu-west-1");
		assert_int_equal(world->source.fetches, i > 0);
		turn(world);
		assert_int_equal(world->source.fetches, 1);
	}
	assert_int_equal(world->woken, 0);
	give(world, USEC_PER_HOUR);
	assert_int_equal(world->woken, 3);
	assert_int_equal(world->failed, 0);
	/* And the next one begins another. */
	session_wait(world->session, &waiters[0], "eu-west-1");
	turn(world);
	assert_int_equal(world->source.fetches, 2);
	session_leave(&waiters[0]);
	world_free(world);
}

/* A refusal of former credentials, which arrives late, is none of the present ones. */
static void test_late_refusal(void **state)
{
	struct world *world = world_new();
	unsigned former;

	obtain(world, USEC_PER_HOUR);
	former = world->session->generation;
	session_expire(world->session, former);
	assert_null(world->session->credentials);
	obtain(world, USEC_PER_HOUR);
	session_expire(world->session, former);
	assert_non_null(world->session->credentials);
	assert_int_equal(session_check(world->session, NULL), 1);
	world_free(world);
}

/* Many hosts that started together do not refresh together. */
static void test_refresh_is_spread(void **state)
{
	struct world *world = world_new();
	usec_t first = USEC_INFINITY, last = 0, left;

	for (int i = 0; i < 20; i++) {
		obtain(world, 2 * USEC_PER_HOUR);
		left = world->session->credentials->expires - world->session->refresh_at;
		first = MIN(first, left);
		last = MAX(last, left);
	}
	assert_true(first >= 10 * USEC_PER_MINUTE);
	assert_true(last <= 15 * USEC_PER_MINUTE);
	assert_true(last - first > USEC_PER_MINUTE);
	world_free(world);
}

/* While the source gives none, those that are still good are used on, and it is asked once a minute and not by each
 * request. */
static void test_refresh_failed(void **state)
{
	struct world *world = world_new();

	obtain(world, USEC_PER_HOUR);
	world->aws->offset += (int64_t)(44 * USEC_PER_MINUTE);
	assert_int_equal(session_check(world->session, NULL), 1);
	turn(world);
	assert_int_equal(world->source.fetches, 1);
	world->aws->offset += (int64_t)(7 * USEC_PER_MINUTE);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(session_check(world->session, NULL), 1);
		turn(world);
		assert_int_equal(world->source.fetches, 2);
		if (i == 0)
			refuse(world);
	}
	aws_forget_denials(world->aws);
	assert_int_equal(session_check(world->session, NULL), 1);
	turn(world);
	assert_int_equal(world->source.fetches, 3);
	world->aws->offset += (int64_t)(8 * USEC_PER_MINUTE);
	assert_int_equal(session_check(world->session, NULL), 0);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_fetch),
		cmocka_unit_test(test_late_refusal),
		cmocka_unit_test(test_refresh_is_spread),
		cmocka_unit_test(test_refresh_failed),
	};
	bool locked;

	if (secret_memory_init(&locked, NULL) < 0)
		return 1;
	setenv("AWS_CONFIG_FILE", "/dev/null", 1);
	setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null", 1);
	unsetenv("AWS_PROFILE");
	unsetenv("AWS_DEFAULT_PROFILE");
	unsetenv("AWS_CA_BUNDLE");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
