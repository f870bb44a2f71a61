/* SPDX-License-Identifier: Apache-2.0 */
/* Who answers, and who has the room for what is listed.  No waiting: times are given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <systemd/sd-event.h>

#include <cmocka.h>

#include "lib/aws/aws.h"
#include "lib/aws/pulse.h"
#include "lib/aws/room.h"
#include "lib/os/clock.h"
#include "lib/pki/secret.h"

#define S USEC_PER_SEC
#define KIB ((size_t)1024)

/* --- who answers --- */

static void test_pulse_nobody_asked(void **state)
{
	struct pulse pulse = { 0 };

	assert_false(pulse_is_silent(&pulse, 1000 * S));
	assert_true(pulse_silent_at(&pulse) == USEC_INFINITY);
	assert_false(pulse_is_proven(&pulse, 1000 * S));
}

static void test_pulse_silent(void **state)
{
	struct pulse pulse = { 0 };

	pulse_asked(&pulse, 100 * S);
	pulse_asked(&pulse, 101 * S); /* the first of them counts */
	assert_false(pulse_is_silent(&pulse, 102 * S - 1));
	assert_true(pulse_is_silent(&pulse, 102 * S));
	assert_int_equal(pulse_silent_at(&pulse), 102 * S);
	/* Any answer counts, and the next one is owed from then on. */
	assert_true(pulse_heard(&pulse, 103 * S));
	assert_true(pulse.late);
	pulse_ended(&pulse);
	assert_false(pulse_is_silent(&pulse, 105 * S - 1));
	assert_true(pulse_is_silent(&pulse, 105 * S));
	pulse_ended(&pulse);
	assert_false(pulse_is_silent(&pulse, 1000 * S));
}

static void test_pulse_proven(void **state)
{
	struct pulse pulse = { 0 };

	pulse_asked(&pulse, 100 * S);
	assert_true(pulse_heard(&pulse, 101 * S));
	pulse_ended(&pulse);
	assert_false(pulse.late);
	assert_true(pulse_is_proven(&pulse, 101 * S + PULSE_PROVEN));
	assert_false(pulse_is_proven(&pulse, 102 * S + PULSE_PROVEN));
	assert_false(pulse_heard(&pulse, 102 * S)); /* nothing new */
	pulse_asked(&pulse, 110 * S);
	pulse_lost(&pulse);
	pulse_ended(&pulse);
	assert_false(pulse_is_proven(&pulse, 110 * S));
	assert_true(pulse_heard(&pulse, 111 * S));
	assert_true(pulse_is_proven(&pulse, 111 * S));
}

/* --- the room of one listing --- */

static bool grow_once(struct room *room, size_t bytes)
{
	size_t *left = room->userdata;

	if (bytes - (room->most - room->used) > *left)
		return false;
	room->most += *left;
	*left = 0;
	return true;
}

static void test_room_grows(void **state)
{
	size_t left = 100;
	struct room room = { .grow = grow_once, .userdata = &left };

	assert_false(room_take(&room, 101));
	assert_true(room_take(&room, 60));
	assert_true(room_take(&room, 40));
	assert_false(room_take(&room, 1));
	room_give(&room, 10);
	assert_true(room_take(&room, 10));
}

/* --- the room of all --- */

struct world {
	sd_event *event;
	struct aws *aws;
};

static int setup(void **state)
{
	struct world *world = mem_new(struct world);

	setenv("AWS_CONFIG_FILE", "/dev/null", 1);
	setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null", 1);
	unsetenv("AWS_PROFILE");
	unsetenv("AWS_DEFAULT_PROFILE");
	assert_int_equal(sd_event_new(&world->event), 0);
	assert_int_equal(aws_new(world->event, &world->aws, NULL), 0);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	aws_free(world->aws);
	sd_event_unref(world->event);
	free(world);
	return 0;
}

static void test_shares(void **state)
{
	struct world *world = *state;
	struct aws_share *a = aws_share_new(world->aws), *b = aws_share_new(world->aws);

	assert_true(aws_share_take(a, AWS_ROOM - 8 * KIB));
	assert_false(aws_share_take(b, 9 * KIB));
	assert_true(aws_share_take(b, 8 * KIB));
	assert_false(aws_share_take(a, 1));
	aws_share_give(a);
	assert_true(aws_share_take(b, AWS_ROOM - 8 * KIB));
	assert_false(aws_share_take(a, 1));
	aws_share_free(b);
	/* Who is alone may have more than there is; then nobody else has any. */
	assert_true(aws_share_take(a, 2 * AWS_ROOM));
	assert_true(aws_share_take(a, 1));
	b = aws_share_new(world->aws);
	assert_false(aws_share_take(b, 1));
	aws_share_free(b);
	aws_share_free(a);
}

struct holder {
	struct aws_share *share;
	unsigned asked;
};

static void give_way(void *userdata)
{
	struct holder *holder = userdata;

	holder->asked++;
	aws_share_give(holder->share);
}

/* Those who stall hold up others for ten seconds, the largest first, and never who has just come. */
static void test_press(void **state)
{
	struct world *world = *state;
	struct aws_share *waiter = aws_share_new(world->aws);
	struct holder holders[3] = { 0 };
	const usec_t now = clock_monotonic();

	for (size_t i = 0; i < ARRAY_SIZE(holders); i++) {
		holders[i].share = aws_share_new(world->aws);
		aws_share_bind(holders[i].share, give_way, &holders[i]);
	}
	assert_false(aws_share_press(waiter, now + 100 * S)); /* nobody has any */
	assert_true(aws_share_take(holders[0].share, 1024 * KIB));
	assert_true(aws_share_take(holders[1].share, 3072 * KIB));
	assert_true(aws_share_take(holders[2].share, 1024 * KIB));
	assert_false(aws_share_take(waiter, KIB));
	assert_false(aws_share_press(waiter, now + AWS_ROOM_HELD - S));
	assert_true(aws_share_press(waiter, now + AWS_ROOM_HELD + S));
	assert_int_equal(holders[1].asked, 1);
	assert_int_equal(holders[0].asked + holders[2].asked, 0);
	assert_true(aws_share_take(waiter, 3072 * KIB));
	/* Nor the one who presses. */
	assert_true(aws_share_press(waiter, now + AWS_ROOM_HELD + S));
	assert_true(aws_share_press(waiter, now + AWS_ROOM_HELD + S));
	assert_false(aws_share_press(waiter, now + AWS_ROOM_HELD + S));
	assert_int_equal(holders[0].asked, 1);
	assert_int_equal(holders[1].asked, 1);
	assert_int_equal(holders[2].asked, 1);
	for (size_t i = 0; i < ARRAY_SIZE(holders); i++)
		aws_share_free(holders[i].share);
	aws_share_free(waiter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pulse_nobody_asked),
		cmocka_unit_test(test_pulse_silent),
		cmocka_unit_test(test_pulse_proven),
		cmocka_unit_test(test_room_grows),
		cmocka_unit_test_setup_teardown(test_shares, setup, teardown),
		cmocka_unit_test_setup_teardown(test_press, setup, teardown),
	};
	bool locked;

	if (secret_memory_init(&locked, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
