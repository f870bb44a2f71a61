/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/http/sockets.h"

/* Both ends of a connection, the first of which is ours and has something to read. */
static void connect_pair(int pair[static 2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(write(pair[1], "x", 1), 1);
}

static int ready(const struct sockets *sockets)
{
	struct epoll_event events[4];

	return epoll_wait(sockets->epoll, events, 4, 0);
}

static void test_idle_ones_leave_when_it_settles(void **state)
{
	struct sockets sockets;
	int pair[2];

	sockets_init(&sockets);
	connect_pair(pair);
	sockets_opened(&sockets, pair[0]);
	sockets_watch(&sockets, pair[0], EPOLLIN);
	assert_int_equal(ready(&sockets), 1);
	sockets_drop(&sockets, pair[0], true);
	sockets_settle(&sockets);
	assert_int_equal(ready(&sockets), 0);
	/* Closed by the other end, it still wakes nobody, until it is asked for. */
	(void)close(pair[1]);
	assert_int_equal(ready(&sockets), 0);
	sockets_watch(&sockets, pair[0], EPOLLIN);
	assert_int_equal(ready(&sockets), 1);
	(void)close(pair[0]);
	sockets_done(&sockets);
}

static void test_one_in_use_again_stays(void **state)
{
	struct sockets sockets;
	int pair[2];

	sockets_init(&sockets);
	connect_pair(pair);
	sockets_opened(&sockets, pair[0]);
	sockets_watch(&sockets, pair[0], EPOLLIN);
	sockets_drop(&sockets, pair[0], true);
	sockets_watch(&sockets, pair[0], EPOLLIN);
	sockets_settle(&sockets);
	assert_int_equal(ready(&sockets), 1);
	/* Waiting for something else, too. */
	sockets_drop(&sockets, pair[0], true);
	sockets_watch(&sockets, pair[0], EPOLLPRI);
	assert_int_equal(ready(&sockets), 0);
	(void)close(pair[0]);
	(void)close(pair[1]);
	sockets_done(&sockets);
}

static void test_a_number_is_used_again(void **state)
{
	struct sockets sockets;
	int pair[2], other[2];

	sockets_init(&sockets);
	connect_pair(pair);
	sockets_opened(&sockets, pair[0]);
	sockets_watch(&sockets, pair[0], EPOLLIN);
	sockets_drop(&sockets, pair[0], true);
	sockets_closing(&sockets, pair[0]);
	/* A duplicate, as a child has it that has not yet called execve(), keeps nothing in the set. */
	connect_pair(other);
	assert_int_equal(dup3(pair[0], 100, O_CLOEXEC), 100);
	assert_int_equal(ready(&sockets), 0);
	assert_int_equal(dup3(other[0], pair[0], O_CLOEXEC), pair[0]);
	sockets_opened(&sockets, pair[0]);
	sockets_watch(&sockets, pair[0], EPOLLIN);
	sockets_settle(&sockets);
	assert_int_equal(ready(&sockets), 1);
	for (int i = 0; i < 2; i++) {
		(void)close(pair[i]);
		(void)close(other[i]);
	}
	(void)close(100);
	sockets_done(&sockets);
}

/* Of the resolver's, libcurl does not say when it closes them. */
static void test_what_is_no_connection_leaves_at_once(void **state)
{
	struct sockets sockets;
	int pair[2], other[2];

	sockets_init(&sockets);
	connect_pair(pair);
	connect_pair(other);
	sockets_watch(&sockets, pair[0], EPOLLIN);
	sockets_drop(&sockets, pair[0], true);
	assert_int_equal(ready(&sockets), 0);
	/* Closed without a word, while it is waited for: its number is another's. */
	sockets_watch(&sockets, pair[0], EPOLLIN);
	assert_int_equal(dup3(other[0], pair[0], O_CLOEXEC), pair[0]);
	sockets_watch(&sockets, pair[0], EPOLLIN);
	assert_int_equal(ready(&sockets), 1);
	for (int i = 0; i < 2; i++) {
		(void)close(pair[i]);
		(void)close(other[i]);
	}
	sockets_done(&sockets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_idle_ones_leave_when_it_settles),
		cmocka_unit_test(test_one_in_use_again_stays),
		cmocka_unit_test(test_a_number_is_used_again),
		cmocka_unit_test(test_what_is_no_connection_leaves_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
