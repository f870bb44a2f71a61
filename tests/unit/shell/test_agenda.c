/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "daemon/conductor/state.h"
#include "lib/os/clock.h"

#define MANY 40000

static bool may_any(const void *userdata, const struct tracked_certificate *certificate)
{
	return certificate != userdata;
}

/* The next one that waits is ${expected}; SIZE_MAX: there is none. */
static void expect_next(struct agenda *agenda, const struct tracked_certificate *certificates, size_t expected)
{
	const struct tracked_certificate *next = agenda_take_waiting(agenda, may_any, NULL);

	assert_ptr_equal(next, expected == SIZE_MAX ? NULL : &certificates[expected]);
}

/* First come, first served, but for those that somebody waits for. */
static void test_who_waits_goes_in_order(void **state)
{
	struct tracked_certificate certificates[6] = { 0 };
	struct agenda agenda;

	agenda_init(&agenda);
	for (size_t i = 0; i < 6; i++)
		certificates[i].agenda.due = USEC_INFINITY;
	for (size_t i = 0; i < 4; i++)
		agenda_wait(&agenda, &certificates[i]);
	agenda_wait(&agenda, &certificates[0]); /* it does already */
	agenda_hurry(&agenda, &certificates[2], true);
	agenda_hurry(&agenda, &certificates[3], true);
	agenda_hurry(&agenda, &certificates[4], true);
	agenda_wait(&agenda, &certificates[4]);
	agenda_wait(&agenda, &certificates[5]);
	assert_ptr_equal(agenda_take_waiting(&agenda, may_any, &certificates[2]), &certificates[3]);
	agenda_forget(&agenda, &certificates[1]);
	agenda_hurry(&agenda, &certificates[4], false);
	expect_next(&agenda, certificates, 2);
	expect_next(&agenda, certificates, 4);
	expect_next(&agenda, certificates, 0);
	expect_next(&agenda, certificates, 5);
	expect_next(&agenda, certificates, SIZE_MAX);
	agenda_done(&agenda);
}

/* As many as there may be, and all of them: the loop stands still meanwhile. */
static void test_all_are_hurried_at_once(void **state)
{
	_cleanup_(freep) struct tracked_certificate *certificates = mem_alloc(MANY * sizeof(*certificates));
	struct agenda agenda;
	usec_t begin;

	agenda_init(&agenda);
	for (size_t i = 0; i < MANY; i++)
		agenda_wait(&agenda, &certificates[i]);
	begin = clock_monotonic();
	for (size_t i = 0; i < MANY; i++)
		agenda_hurry(&agenda, &certificates[i], true);
	assert_in_range(clock_monotonic() - begin, 0, USEC_PER_SEC);
	for (size_t i = 0; i < MANY; i++)
		expect_next(&agenda, certificates, i);
	agenda_done(&agenda);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_waits_goes_in_order),
		cmocka_unit_test(test_all_are_hurried_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
