/* SPDX-License-Identifier: Apache-2.0 */
/* Which look an event asks for, when, and when its message may go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/source/inbox.h"

#define ARN   "arn:aws:acm:eu-west-1:111111111111:certificate/a"
#define T0    (1000 * USEC_PER_SEC)
#define AT(s) (T0 + (usec_t)(s) * USEC_PER_SEC)
#define OLD   (100 * USEC_PER_DAY)
#define NEW   (200 * USEC_PER_DAY)

static struct source_certificate shown_old = { .arn = (char *)ARN, .not_after = OLD };
static struct source_certificate shown_new = { .arn = (char *)ARN, .not_after = NEW };
static const struct source_view before = { .items = &shown_old, .count = 1 }, after = { .items = &shown_new, .count = 1 };

static void add_as(struct inbox *inbox, const char *id, enum event_asks asks, const char *message, usec_t now)
{
	char *arns[] = { (char *)ARN, NULL };
	struct event event = { .asks = asks, .type = (char *)"x", .arns = arns, .not_after = NEW };
	_cleanup_(freep) char *receipt = mem_printf("%s@%llu", message, (unsigned long long)(now - T0));

	(void)snprintf(event.id, sizeof(event.id), "%s", id);
	inbox_add(inbox, &event, message, receipt, now);
}

static void add(struct inbox *inbox, const char *id, const char *message, usec_t now)
{
	add_as(inbox, id, EVENT_ASKS_LOOK, message, now);
}

static void look(struct inbox *inbox, const struct source_view *view, usec_t now)
{
	(void)inbox_look_begins(inbox, false, now);
	inbox_look_ended(inbox, view, now);
}

static void expect_done(struct inbox *inbox, size_t count)
{
	assert_int_equal(inbox_done(inbox), count);
	while (count-- > 0)
		free(inbox_take_done(inbox));
	assert_null(inbox_take_done(inbox));
}

static void test_event_then_look(void **state)
{
	_cleanup_(inbox_freep) struct inbox *inbox = inbox_new();

	assert_int_equal(inbox_next(inbox, false), USEC_INFINITY);
	add(inbox, "a", "m", AT(0));
	assert_int_equal(inbox_next(inbox, false), AT(0));
	assert_int_equal(inbox_next(inbox, true), USEC_INFINITY);
	assert_int_equal(inbox_look_begins(inbox, false, AT(0)), 1);
	assert_int_equal(inbox_next(inbox, false), USEC_INFINITY);
	expect_done(inbox, 0);
	inbox_look_ended(inbox, &after, AT(1));
	assert_int_equal(inbox_next(inbox, false), USEC_INFINITY);
	expect_done(inbox, 1);
}

/* Twelve events, one look. */
static void test_many_are_one_look(void **state)
{
	_cleanup_(inbox_freep) struct inbox *inbox = inbox_new();

	for (int i = 0; i < 12; i++) {
		_cleanup_(freep) char *id = mem_printf("e%d", i);

		add(inbox, id, id, AT(0));
	}
	assert_int_equal(inbox_look_begins(inbox, false, AT(0)), 12);
	inbox_look_ended(inbox, &after, AT(1));
	assert_int_equal(inbox_next(inbox, false), USEC_INFINITY);
	expect_done(inbox, 12);
}

/* What comes while a look is under way needs the next one. */
static void test_event_amid_look(void **state)
{
	_cleanup_(inbox_freep) struct inbox *inbox = inbox_new();

	add(inbox, "a", "m1", AT(0));
	(void)inbox_look_begins(inbox, false, AT(0));
	add(inbox, "b", "m2", AT(1));
	inbox_look_ended(inbox, &after, AT(2));
	expect_done(inbox, 1);
	assert_int_equal(inbox_next(inbox, false), AT(1));
	look(inbox, &after, AT(2));
	expect_done(inbox, 1);
}

/* The same event in two messages waits once, and both are deleted; a message that comes again has a new receipt. */
static void test_doubled(void **state)
{
	_cleanup_(inbox_freep) struct inbox *inbox = inbox_new();
	_cleanup_(freep) char *receipt = NULL;

	add(inbox, "a", "m1", AT(0));
	add(inbox, "a", "m2", AT(0));
	assert_int_equal(inbox_look_begins(inbox, false, AT(0)), 1);
	inbox_look_ended(inbox, &after, AT(0));
	expect_done(inbox, 2);
	add(inbox, "b", "m3", AT(10));
	add(inbox, "b", "m3", AT(11));
	look(inbox, &after, AT(12));
	assert_int_equal(inbox_done(inbox), 1);
	receipt = inbox_take_done(inbox);
	assert_string_equal(receipt, "m3@11000000");
	/* And however often it is doubled, it stays bounded. */
	for (int i = 0; i < 100; i++) {
		_cleanup_(freep) char *id = mem_printf("n%d", i);

		add(inbox, "c", id, AT(100));
	}
	look(inbox, &after, AT(100));
	expect_done(inbox, 4);
}

/* Late: it was done already, when its message could not be deleted, or AWS sent it twice. */
static void test_known(void **state)
{
	_cleanup_(inbox_freep) struct inbox *inbox = inbox_new();

	add(inbox, "a", "m1", AT(0));
	look(inbox, &after, AT(0));
	expect_done(inbox, 1);
	add(inbox, "a", "m1", AT(60));
	assert_int_equal(inbox_next(inbox, false), USEC_INFINITY);
	expect_done(inbox, 1);
	/* The memory is bounded: after 500 others it is looked for again. */
	for (int i = 0; i < 500; i++) {
		_cleanup_(freep) char *id = mem_printf("e%d", i);

		add(inbox, id, id, AT(100));
		look(inbox, &after, AT(100));
		expect_done(inbox, 1);
	}
	add(inbox, "a", "m1", AT(200));
	assert_int_not_equal(inbox_next(inbox, false), USEC_INFINITY);
}

static void test_nothing_to_see(void **state)
{
	_cleanup_(inbox_freep) struct inbox *inbox = inbox_new();

	add_as(inbox, "a", EVENT_ASKS_NOTHING, "m", AT(0));
	assert_int_equal(inbox_next(inbox, false), USEC_INFINITY);
	expect_done(inbox, 1);
}

/* Early: AWS does not list the change yet.  2, 5, 15 s; then polling has to find it. */
static void test_early(void **state)
{
	_cleanup_(inbox_freep) struct inbox *inbox = inbox_new();
	usec_t now = AT(0);

	add(inbox, "a", "m", now);
	for (size_t i = 0; i < 4; i++) {
		static const unsigned after_looks[] = { 2, 5, 15 };

		look(inbox, &before, now);
		if (i == 3)
			break;
		expect_done(inbox, 0);
		assert_int_equal(inbox_next(inbox, false), now + after_looks[i] * USEC_PER_SEC);
		now += after_looks[i] * USEC_PER_SEC;
	}
	assert_int_equal(inbox_next(inbox, false), USEC_INFINITY);
	expect_done(inbox, 1);
}

/* Shown at the second look; and a poll in between takes none of its looks away. */
static void test_early_then_shown(void **state)
{
	_cleanup_(inbox_freep) struct inbox *inbox = inbox_new();

	add(inbox, "a", "m", AT(0));
	look(inbox, &before, AT(0));
	for (int i = 0; i < 9; i++)
		look(inbox, &before, AT(1));
	assert_int_equal(inbox_next(inbox, false), AT(2));
	expect_done(inbox, 0);
	look(inbox, &after, AT(2));
	expect_done(inbox, 1);
	assert_int_equal(inbox_next(inbox, false), USEC_INFINITY);
}

/* Listed, and not readable yet. */
static void test_problem(void **state)
{
	struct source_certificate unread = { .arn = (char *)ARN, .not_after = NEW, .problem = (char *)"lags" };
	const struct source_view view = { .items = &unread, .count = 1 };
	_cleanup_(inbox_freep) struct inbox *inbox = inbox_new();

	add(inbox, "a", "m", AT(0));
	look(inbox, &view, AT(0));
	assert_int_equal(inbox_next(inbox, false), AT(2));
	look(inbox, &after, AT(2));
	expect_done(inbox, 1);
}

/* The source cannot be read: messages stay, nothing hurries the planner; then all is as before. */
static void test_failed_look(void **state)
{
	_cleanup_(inbox_freep) struct inbox *inbox = inbox_new();

	add(inbox, "a", "m1", AT(0));
	look(inbox, NULL, AT(0));
	assert_int_equal(inbox_next(inbox, false), USEC_INFINITY);
	add(inbox, "b", "m2", AT(1));
	assert_int_equal(inbox_next(inbox, false), USEC_INFINITY);
	expect_done(inbox, 0);
	look(inbox, &after, AT(300));
	expect_done(inbox, 2);
}

/* A flood: five looks, then one every ten seconds. */
static void test_flood(void **state)
{
	_cleanup_(inbox_freep) struct inbox *inbox = inbox_new();
	unsigned looks = 0;

	for (unsigned tenth = 0; tenth < 3000; tenth++) {
		usec_t now = T0 + tenth * USEC_PER_SEC / 10;
		_cleanup_(freep) char *id = mem_printf("e%u", tenth);

		if (!inbox_is_full(inbox))
			add(inbox, id, id, now);
		if (inbox_next(inbox, false) > now)
			continue;
		looks++;
		look(inbox, &after, now);
		while (inbox_done(inbox))
			free(inbox_take_done(inbox));
	}
	assert_in_range(looks, 34, 35);
	/* And when the queue has calmed down, the burst is there again. */
	look(inbox, &after, AT(400));
	add(inbox, "late", "late", AT(1000));
	assert_int_equal(inbox_next(inbox, false), AT(1000));
}

/* A burst of events, each by itself: one look at once, and a second later one for all the others. */
static void test_burst(void **state)
{
	_cleanup_(inbox_freep) struct inbox *inbox = inbox_new();

	add(inbox, "a", "m1", AT(0));
	look(inbox, &after, AT(0));
	add(inbox, "b", "m2", AT(0));
	add(inbox, "c", "m3", AT(0));
	assert_int_equal(inbox_next(inbox, false), AT(1));
	look(inbox, &after, AT(1));
	expect_done(inbox, 3);
}

/* A flood of what never comes true: each has one look, and those behind have their turn. */
static void test_crowded(void **state)
{
	_cleanup_(inbox_freep) struct inbox *inbox = inbox_new();

	for (int i = 0; i < INBOX_MAX / 2 + 1; i++) {
		_cleanup_(freep) char *id = mem_printf("e%d", i);

		add(inbox, id, id, AT(0));
	}
	look(inbox, &before, AT(0));
	expect_done(inbox, INBOX_MAX / 2 + 1);
	assert_int_equal(inbox_next(inbox, false), USEC_INFINITY);
}

static void test_full(void **state)
{
	_cleanup_(inbox_freep) struct inbox *inbox = inbox_new();

	for (int i = 0; i < INBOX_MAX + 20; i++) {
		_cleanup_(freep) char *id = mem_printf("e%d", i);

		assert_int_equal(inbox_is_full(inbox), i >= INBOX_MAX);
		add(inbox, id, id, AT(0));
	}
	look(inbox, &after, AT(0));
	expect_done(inbox, INBOX_MAX);
	assert_false(inbox_is_full(inbox));
}

/* What has ended is shown by a sweep only, and one every four minutes is enough for everybody. */
static void test_sweep(void **state)
{
	_cleanup_(inbox_freep) struct inbox *inbox = inbox_new();

	add_as(inbox, "a", EVENT_ASKS_SWEEP, "m1", AT(0));
	assert_int_equal(inbox_next(inbox, true), AT(0));
	assert_int_equal(inbox_next(inbox, false), USEC_INFINITY);
	look(inbox, &before, AT(0));
	expect_done(inbox, 0);
	assert_int_equal(inbox_look_begins(inbox, true, AT(1)), 1);
	inbox_look_ended(inbox, &before, AT(2));
	expect_done(inbox, 1);
	add_as(inbox, "b", EVENT_ASKS_SWEEP, "m2", AT(3));
	assert_int_equal(inbox_next(inbox, true), AT(241));
	add(inbox, "c", "m3", AT(4));
	assert_int_equal(inbox_next(inbox, false), AT(4));
	/* A sweep is a look as well. */
	assert_int_equal(inbox_look_begins(inbox, true, AT(241)), 2);
	inbox_look_ended(inbox, &after, AT(242));
	expect_done(inbox, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_event_then_look),
		cmocka_unit_test(test_many_are_one_look),
		cmocka_unit_test(test_event_amid_look),
		cmocka_unit_test(test_doubled),
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_nothing_to_see),
		cmocka_unit_test(test_early),
		cmocka_unit_test(test_early_then_shown),
		cmocka_unit_test(test_problem),
		cmocka_unit_test(test_failed_look),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_crowded),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_sweep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
