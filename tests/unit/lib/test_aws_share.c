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
	const size_t most = AWS_ROOM - AWS_ROOM_FIRST;

	assert_true(aws_share_take(a, most - 8 * KIB));
	assert_true(aws_share_take(b, AWS_SHARE_FIRST));
	assert_false(aws_share_take(b, AWS_SHARE_FIRST + 9 * KIB));
	assert_true(aws_share_take(b, AWS_SHARE_FIRST + 8 * KIB));
	assert_false(aws_share_take(a, 1));
	aws_share_give(a);
	assert_true(aws_share_take(b, AWS_ROOM));
	/* Who has more than its first alone may have more than there is; nobody else has any more then. */
	assert_true(aws_share_take(a, AWS_SHARE_FIRST));
	assert_false(aws_share_take(a, 1));
	aws_share_free(b);
	aws_share_free(a);
}

/* However few have taken nearly all of it, and however many of them there are, the others have their first. */
static void test_the_first_of_each(void **state)
{
	struct world *world = *state;
	struct aws_share *greedy[4], *others[AWS_ROOM_FIRST / AWS_SHARE_FIRST];

	for (size_t i = 0; i < ARRAY_SIZE(greedy); i++)
		greedy[i] = aws_share_new(world->aws);
	for (size_t n = 0; n < 1000; n++)
		(void)aws_share_take(greedy[n % ARRAY_SIZE(greedy)], 16 * KIB);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		others[i] = aws_share_new(world->aws);
		assert_int_equal(aws_share_take(others[i], AWS_SHARE_FIRST), i + ARRAY_SIZE(greedy) < ARRAY_SIZE(others));
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		aws_share_free(others[i]);
	for (size_t i = 0; i < ARRAY_SIZE(greedy); i++)
		aws_share_free(greedy[i]);
}

struct holder {
	struct aws_share *share;
	unsigned asked;
	size_t shrinks_to;
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
	assert_false(aws_share_press(waiter, KIB, now + 100 * S)); /* nobody has any */
	assert_true(aws_share_take(holders[0].share, 512 * KIB));
	assert_true(aws_share_take(holders[1].share, 3072 * KIB));
	assert_true(aws_share_take(holders[2].share, 512 * KIB));
	assert_false(aws_share_take(waiter, 1024 * KIB));
	assert_false(aws_share_press(waiter, KIB, now + AWS_ROOM_STILL - S));
	assert_true(aws_share_press(waiter, KIB, now + AWS_ROOM_HELD + S));
	assert_int_equal(holders[1].asked, 1);
	assert_int_equal(holders[0].asked + holders[2].asked, 0);
	assert_true(aws_share_take(waiter, 3072 * KIB));
	/* Nor the one who presses. */
	assert_true(aws_share_press(waiter, KIB, now + AWS_ROOM_HELD + S));
	assert_true(aws_share_press(waiter, KIB, now + AWS_ROOM_HELD + S));
	assert_false(aws_share_press(waiter, KIB, now + AWS_ROOM_HELD + S));
	assert_int_equal(holders[0].asked, 1);
	assert_int_equal(holders[1].asked, 1);
	assert_int_equal(holders[2].asked, 1);
	for (size_t i = 0; i < ARRAY_SIZE(holders); i++)
		aws_share_free(holders[i].share);
	aws_share_free(waiter);
}

static void shrink(void *userdata)
{
	struct holder *holder = userdata;

	holder->asked++;
	if (!aws_share_shrink(holder->share, holder->shrinks_to, clock_monotonic()))
		aws_share_give(holder->share);
}

/* Who can do with less lets whoever lacks room have it at once, the largest first; then it counts no more there. */
static void test_spared(void **state)
{
	struct world *world = *state;
	struct aws_share *other = aws_share_new(world->aws);
	struct holder holders[2] = { { .shrinks_to = 100 * KIB }, { .shrinks_to = 200 * KIB } };
	const size_t most = AWS_ROOM - AWS_ROOM_FIRST;

	for (size_t i = 0; i < ARRAY_SIZE(holders); i++) {
		holders[i].share = aws_share_new(world->aws);
		aws_share_spare(holders[i].share, shrink, &holders[i]);
	}
	assert_true(aws_share_take(holders[0].share, 1024 * KIB));
	assert_true(aws_share_take(holders[1].share, 2048 * KIB));
	assert_true(aws_share_take(other, 2048 * KIB));
	assert_int_equal(holders[0].asked, 0);
	assert_int_equal(holders[1].asked, 1);
	assert_true(aws_share_take(other, most - 2048 * KIB));
	assert_int_equal(holders[0].asked, 1);
	assert_true(aws_share_take(other, AWS_SHARE_FIRST));
	/* They are asked once, and wherever they are, they keep what they still have. */
	assert_true(aws_share_take(other, 100 * AWS_ROOM));
	assert_int_equal(holders[0].asked + holders[1].asked, 2);
	for (size_t i = 0; i < ARRAY_SIZE(holders); i++)
		aws_share_free(holders[i].share);
	aws_share_free(other);
}

/* Those who have little, for long, have so much in all; who comes forward keeps it, and who does not makes way. */
static void test_small_ones(void **state)
{
	struct world *world = *state;
	struct aws_share *last = aws_share_new(world->aws);
	struct holder slow = { .share = aws_share_new(world->aws) }, quick = { .share = aws_share_new(world->aws) };
	const usec_t now = clock_monotonic();

	aws_share_bind(slow.share, give_way, &slow);
	aws_share_bind(quick.share, give_way, &quick);
	assert_true(aws_share_shrink(slow.share, AWS_ROOM_READING / 2, now));
	assert_true(aws_share_shrink(quick.share, AWS_ROOM_READING / 2, now));
	assert_true(aws_share_take(last, AWS_ROOM)); /* they are not in its way */
	assert_false(aws_share_shrink(last, KIB, now + AWS_ROOM_HELD - S));
	aws_share_earn(quick.share);
	assert_true(aws_share_shrink(last, AWS_ROOM_READING / 2, now + AWS_ROOM_HELD));
	assert_int_equal(slow.asked, 1);
	assert_int_equal(quick.asked, 0);
	aws_share_free(last);
	aws_share_free(slow.share);
	aws_share_free(quick.share);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pulse_nobody_asked),
		cmocka_unit_test(test_pulse_silent),
		cmocka_unit_test(test_pulse_proven),
		cmocka_unit_test(test_room_grows),
		cmocka_unit_test_setup_teardown(test_shares, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_first_of_each, setup, teardown),
		cmocka_unit_test_setup_teardown(test_spared, setup, teardown),
		cmocka_unit_test_setup_teardown(test_small_ones, setup, teardown),
		cmocka_unit_test_setup_teardown(test_press, setup, teardown),
	};
	bool locked;

	if (secret_memory_init(&locked, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
