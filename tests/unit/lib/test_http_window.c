/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/mem.h"
#include "lib/http/window.h"

#define MS USEC_PER_MSEC

/* As many as may go of ${waiting}; each opens a connection where none is idle. */
static size_t send_all(struct window *window, size_t waiting, usec_t now)
{
	size_t sent = 0;

	while (sent < waiting && window_may(window, now)) {
		window_sent(window);
		if (window->sockets < window->running)
			window->sockets++;
		sent++;
	}
	return sent;
}

static void test_one_leads(void **state)
{
	struct window window;

	window_init(&window);
	assert_int_equal(send_all(&window, 64, 100 * USEC_PER_SEC), 1);
	window_tick(&window);
	assert_int_equal(send_all(&window, 63, 101 * USEC_PER_SEC), 0);
	window_connected(&window, 2 * MS);
	assert_int_equal(send_all(&window, 63, 101 * USEC_PER_SEC), 1);
}

static void test_all_go_when_who_led_does_not_arrive(void **state)
{
	struct window window;

	window_init(&window);
	assert_int_equal(send_all(&window, 64, 100 * USEC_PER_SEC), 1);
	window_ended(&window, false, 0, true, 105 * USEC_PER_SEC);
	assert_int_equal(send_all(&window, 63, 105 * USEC_PER_SEC), 63);
}

/* Rounds of requests that take ${response}: how many connections a burst of ${burst} opens. */
static size_t connections_of_burst(size_t burst, usec_t handshake, usec_t response)
{
	struct window window;
	usec_t now = 100 * USEC_PER_SEC;
	size_t waiting = burst;

	window_init(&window);
	waiting -= send_all(&window, waiting, now);
	window_connected(&window, handshake);
	while (window.running > 0) {
		size_t round = window.running;

		now += response;
		for (size_t i = 0; i < round; i++) {
			size_t sockets = window.sockets;

			window_ended(&window, true, response, waiting, now);
			waiting -= send_all(&window, waiting, now);
			if (window.sockets > sockets)
				window_connected(&window, handshake);
		}
	}
	assert_int_equal(waiting, 0);
	return window.sockets;
}

static void test_connections_are_opened_as_they_pay(void **state)
{
	/* Answers faster than handshakes: a few connections do. */
	assert_in_range(connections_of_burst(64, 2 * MS, MS / 5), 1, 8);
	/* Slower ones: doubled with each round, as in slow start. */
	assert_in_range(connections_of_burst(64, 2 * MS, 30 * MS), 16, 33);
	/* A queue that does not end gets all there are. */
	assert_int_equal(connections_of_burst(100000, 20 * MS, 30 * MS), WINDOW_MAX);
}

/* A hundred bursts of 72 with pauses, as a sync makes them: what the first rounds opened serves all of
 * them, and there are never more connections than requests were on the wire at once. */
static void test_connections_are_used_again(void **state)
{
	struct window window;
	usec_t now = 100 * USEC_PER_SEC;
	size_t most = 0, total = 0;

	window_init(&window);
	for (int burst = 0; burst < 100; burst++) {
		size_t waiting = 72;

		waiting -= send_all(&window, waiting, now);
		most = MAX(most, window.running);
		while (window.running > 0) {
			now += 30 * MS;
			if (!window.connected)
				window_connected(&window, 2 * MS);
			for (size_t round = window.running; round > 0; round--) {
				window_ended(&window, true, 30 * MS, waiting, now);
				total++;
				waiting -= send_all(&window, waiting, now);
				most = MAX(most, window.running);
			}
		}
		assert_true(window.sockets <= most);
	}
	assert_int_equal(total, 7200);
	assert_in_range(most, 60, 72);
	assert_int_equal(connections_of_burst(2000, 2 * MS, 30 * MS), WINDOW_MAX);
}

/* A renewed certificate goes to all accounts at once: the look that has found it was answered. */
static void test_a_burst_goes_at_once(void **state)
{
	struct window window;
	usec_t now = 100 * USEC_PER_SEC;

	window_init(&window);
	(void)send_all(&window, 1, now);
	window_connected(&window, 2 * MS);
	/* Before the first answer nobody knows whether there will be one; */
	assert_int_equal(send_all(&window, 17, now), 1);
	window_ended(&window, true, 30 * MS, 16, now += 30 * MS);
	assert_int_equal(send_all(&window, 16, now), 16);
	assert_int_equal(window.sockets, 17);
	for (int i = 0; i < 17; i++)
		window_ended(&window, true, 30 * MS, 0, now += 1);
	/* and what was opened for it is there for the next one. */
	assert_int_equal(send_all(&window, 17, now), 17);
	assert_int_equal(window.sockets, 17);
	for (int i = 0; i < 17; i++)
		window_ended(&window, true, 30 * MS, 0, now += 1);
	/* Of very many, not all do. */
	assert_int_equal(send_all(&window, 1000, now), 32);
}

static void test_slow_answers_hold_nobody_up(void **state)
{
	struct window window;
	size_t sent = 1;

	window_init(&window);
	assert_int_equal(send_all(&window, 64, 100 * USEC_PER_SEC), 1);
	window_connected(&window, 2 * MS);
	sent += send_all(&window, 64 - sent, 100 * USEC_PER_SEC);
	for (int ticks = 0; ticks < 6; ticks++) {
		window_tick(&window);
		sent += send_all(&window, 64 - sent, 100 * USEC_PER_SEC);
	}
	assert_int_equal(sent, 64);
}

static void test_a_quiet_host_is_cold(void **state)
{
	struct window window;

	window_init(&window);
	(void)send_all(&window, 1, 100 * USEC_PER_SEC);
	window_connected(&window, 2 * MS);
	for (int i = 0; i < 9; i++) {
		window_ended(&window, true, 30 * MS, true, 100 * USEC_PER_SEC);
		(void)send_all(&window, 1, 100 * USEC_PER_SEC);
	}
	window_ended(&window, true, 30 * MS, false, 100 * USEC_PER_SEC);
	window.sockets = 8;
	/* A moment later all of its connections are good; */
	assert_int_equal(send_all(&window, 8, 101 * USEC_PER_SEC), 8);
	for (int i = 0; i < 8; i++)
		window_ended(&window, true, 30 * MS, false, 101 * USEC_PER_SEC);
	/* later one finds out; */
	assert_int_equal(send_all(&window, 8, 200 * USEC_PER_SEC), 1);
	/* what it finds open the others use too. */
	window_connected(&window, 0);
	assert_int_equal(send_all(&window, 7, 200 * USEC_PER_SEC), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_leads),
		cmocka_unit_test(test_all_go_when_who_led_does_not_arrive),
		cmocka_unit_test(test_connections_are_opened_as_they_pay),
		cmocka_unit_test(test_connections_are_used_again),
		cmocka_unit_test(test_a_burst_goes_at_once),
		cmocka_unit_test(test_slow_answers_hold_nobody_up),
		cmocka_unit_test(test_a_quiet_host_is_cold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
