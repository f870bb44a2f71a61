/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be taken up again, and in which order: against a plain list, and at its edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "daemon/inventory/agenda.h"
#include "lib/base/mem.h"
#include "lib/os/clock.h"

#define ITEMS 40
#define STEPS 100000
#define MANY  40000

static struct agenda_item items[ITEMS];

static void begin(struct agenda *agenda)
{
	agenda_init(agenda);
	for (size_t i = 0; i < ITEMS; i++)
		items[i] = (struct agenda_item){ .due = USEC_INFINITY };
}

static bool any(const void *userdata, const struct agenda_item *item)
{
	return true;
}

static bool is_not(const void *userdata, const struct agenda_item *item)
{
	return item != userdata;
}

/* Each once, in the order in which they were touched first. */
static void test_touched(void **state)
{
	struct agenda agenda;

	begin(&agenda);
	assert_null(agenda_take(&agenda));
	agenda_touch(&agenda, &items[2]);
	agenda_touch(&agenda, &items[0]);
	agenda_touch(&agenda, &items[2]);
	assert_ptr_equal(agenda_take(&agenda), &items[2]);
	agenda_touch(&agenda, &items[2]);
	agenda_forget(&agenda, &items[0]);
	assert_ptr_equal(agenda_take(&agenda), &items[2]);
	assert_null(agenda_take(&agenda));
	agenda_touch(&agenda, &items[1]);
	assert_ptr_equal(agenda_take(&agenda), &items[1]);
	agenda_done(&agenda);
}

/* The last of the list goes, and the next is put where it was. */
static void test_forget_last(void **state)
{
	struct agenda agenda;

	begin(&agenda);
	agenda_touch(&agenda, &items[0]);
	agenda_touch(&agenda, &items[1]);
	agenda_forget(&agenda, &items[1]);
	agenda_touch(&agenda, &items[3]);
	assert_ptr_equal(agenda_take(&agenda), &items[0]);
	assert_ptr_equal(agenda_take(&agenda), &items[3]);
	assert_null(agenda_take(&agenda));
	agenda_done(&agenda);
}

/* First come first served, those that are hurried before the others; one that was there before keeps its place. */
static void test_waiting(void **state)
{
	struct agenda agenda;

	begin(&agenda);
	assert_null(agenda_first_waiting(&agenda));
	for (size_t i = 0; i < 4; i++)
		agenda_wait(&agenda, &items[i]);
	agenda_wait(&agenda, &items[0]);
	agenda_hurry(&agenda, &items[2], true);
	agenda_hurry(&agenda, &items[4], true);
	agenda_wait(&agenda, &items[4]);
	assert_ptr_equal(agenda_first_waiting(&agenda), &items[2]);
	assert_ptr_equal(agenda_take_waiting(&agenda, is_not, &items[2]), &items[4]);
	agenda_hurry(&agenda, &items[2], false);
	assert_ptr_equal(agenda_take_waiting(&agenda, any, NULL), &items[2]);
	agenda_forget(&agenda, &items[0]);
	assert_ptr_equal(agenda_take_waiting(&agenda, any, NULL), &items[1]);
	assert_ptr_equal(agenda_take_waiting(&agenda, any, NULL), &items[3]);
	assert_null(agenda_take_waiting(&agenda, any, NULL));
	agenda_done(&agenda);
}

/* The next one that waits is ${expected}; SIZE_MAX: there is none. */
static void expect_next(struct agenda *agenda, const struct agenda_item *waiting, size_t expected)
{
	const struct agenda_item *next = agenda_take_waiting(agenda, is_not, NULL);

	assert_ptr_equal(next, expected == SIZE_MAX ? NULL : &waiting[expected]);
}

/* First come, first served, but for those that somebody waits for. */
static void test_who_waits_goes_in_order(void **state)
{
	struct agenda_item waiting[6] = { 0 };
	struct agenda agenda;

	agenda_init(&agenda);
	for (size_t i = 0; i < 6; i++)
		waiting[i].due = USEC_INFINITY;
	for (size_t i = 0; i < 4; i++)
		agenda_wait(&agenda, &waiting[i]);
	agenda_wait(&agenda, &waiting[0]); /* it does already */
	agenda_hurry(&agenda, &waiting[2], true);
	agenda_hurry(&agenda, &waiting[3], true);
	agenda_hurry(&agenda, &waiting[4], true);
	agenda_wait(&agenda, &waiting[4]);
	agenda_wait(&agenda, &waiting[5]);
	assert_ptr_equal(agenda_take_waiting(&agenda, is_not, &waiting[2]), &waiting[3]);
	agenda_forget(&agenda, &waiting[1]);
	agenda_hurry(&agenda, &waiting[4], false);
	expect_next(&agenda, waiting, 2);
	expect_next(&agenda, waiting, 4);
	expect_next(&agenda, waiting, 0);
	expect_next(&agenda, waiting, 5);
	expect_next(&agenda, waiting, SIZE_MAX);
	agenda_done(&agenda);
}

/* As many as there may be, and all of them: the loop stands still meanwhile. */
static void test_all_are_hurried_at_once(void **state)
{
	_cleanup_(freep) struct agenda_item *waiting = mem_alloc(MANY * sizeof(*waiting));
	struct agenda agenda;
	usec_t begin;

	agenda_init(&agenda);
	for (size_t i = 0; i < MANY; i++)
		agenda_wait(&agenda, &waiting[i]);
	begin = clock_monotonic();
	for (size_t i = 0; i < MANY; i++)
		agenda_hurry(&agenda, &waiting[i], true);
	assert_in_range(clock_monotonic() - begin, 0, USEC_PER_SEC);
	for (size_t i = 0; i < MANY; i++)
		expect_next(&agenda, waiting, i);
	agenda_done(&agenda);
}

/* --- by time, against a plain list --- */

static uint32_t number = 1;

static unsigned dice(unsigned sides)
{
	number = number * 1664525u + 1013904223u;
	return (number >> 16) % sides;
}

static usec_t plain_first(const usec_t due[static ITEMS])
{
	usec_t first = USEC_INFINITY;

	for (size_t i = 0; i < ITEMS; i++)
		first = MIN(first, due[i]);
	return first;
}

/* All that are due are touched, and nothing else is. */
static void check_woken(struct agenda *agenda, usec_t due[static ITEMS], usec_t now)
{
	struct agenda_item *item;

	agenda_wake(agenda, now);
	while ((item = agenda_take(agenda))) {
		size_t i = (size_t)(item - items);

		assert_true(due[i] <= now);
		due[i] = USEC_INFINITY;
	}
	assert_true(plain_first(due) > now);
}

static void test_times(void **state)
{
	struct agenda agenda;
	usec_t due[ITEMS], now = 0;

	begin(&agenda);
	for (size_t i = 0; i < ITEMS; i++)
		due[i] = USEC_INFINITY;
	for (unsigned step = 0; step < STEPS; step++) {
		size_t i = dice(ITEMS);

		if (dice(8) == 0) {
			agenda_forget(&agenda, &items[i]);
			due[i] = USEC_INFINITY;
		} else {
			due[i] = dice(5) ? now + dice(1000) + 1 : USEC_INFINITY;
			agenda_set(&agenda, &items[i], due[i]);
		}
		assert_true(agenda_first(&agenda) == plain_first(due));
		now += dice(40);
		check_woken(&agenda, due, now);
	}
	agenda_done(&agenda);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_touched),
		cmocka_unit_test(test_forget_last),
		cmocka_unit_test(test_waiting),
		cmocka_unit_test(test_who_waits_goes_in_order),
		cmocka_unit_test(test_all_are_hurried_at_once),
		cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
