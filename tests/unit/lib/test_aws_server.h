/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_LIB_TEST_AWS_SERVER_H
#define TESTS_UNIT_LIB_TEST_AWS_SERVER_H

/*
 * A server on loopback in the event loop of the test itself: it plays a script, one step for each
 * request in the order of their arrival, and remembers what was asked.  Include after cmocka.
 */

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/os/clock.h"

#define SERVER_MAX 256

struct step {
	const char *answer; /* sent as it is; NULL: none */
	bool close; /* then close */
};

struct connection {
	struct server *server;
	int fd;
	struct buf data;
	sd_event_source *source;
};

struct server {
	sd_event *event;
	int fd;
	int port;
	sd_event_source *source;
	const struct step *script; /* the last step is repeated */
	size_t steps;
	struct connection *connections[SERVER_MAX];
	size_t accepted, open, open_most;
	char *requests[SERVER_MAX];
	usec_t arrived[SERVER_MAX]; /* monotonic */
	size_t count;
	struct connection *silent; /* the last that got no answer */
};

static void connection_close(struct connection *connection)
{
	sd_event_source_disable_unref(connection->source);
	if (connection->fd >= 0)
		close(connection->fd);
	connection->fd = -1;
	connection->source = NULL;
	connection->server->open--;
}

/* The length of the first whole request in ${data}, or 0. */
static size_t request_length(const struct buf *data)
{
	const char *end = strstr(data->data, "\r\n\r\n");
	const char *length = strcasestr(data->data, "\r\ncontent-length:");
	size_t size;

	if (!end)
		return 0;
	size = (size_t)(end - data->data) + 4;
	if (length && length < end)
		size += (size_t)atol(length + strlen("\r\ncontent-length:"));
	return data->length >= size ? size : 0;
}

static void connection_answer(struct connection *connection, size_t length)
{
	struct server *server = connection->server;
	const struct step *step = &server->script[MIN(server->count, server->steps - 1)];

	assert_true(server->count < SERVER_MAX);
	server->arrived[server->count] = clock_monotonic();
	server->requests[server->count++] = mem_strndup(connection->data.data, length);
	buf_clear(&connection->data);
	if (!step->answer && !step->close)
		server->silent = connection;
	if (step->answer)
		assert_int_equal(
			send(connection->fd, step->answer, strlen(step->answer), MSG_NOSIGNAL),
			strlen(step->answer));
	if (step->close)
		connection_close(connection);
}

static int on_data(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct connection *connection = userdata;
	char data[65536];
	ssize_t length = recv(fd, data, sizeof(data), MSG_DONTWAIT);
	size_t whole;

	if (length < 0 && errno == EAGAIN)
		return 0;
	if (length <= 0) {
		connection_close(connection);
		return 0;
	}
	buf_append(&connection->data, data, (size_t)length);
	whole = request_length(&connection->data);
	if (whole)
		connection_answer(connection, whole);
	return 0;
}

static int on_connection(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct server *server = userdata;
	struct connection *connection = mem_new(struct connection);

	assert_true(server->accepted < SERVER_MAX);
	*connection = (struct connection){ .server = server, .data = BUF_NULL };
	connection->fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(connection->fd >= 0);
	assert_true(sd_event_add_io(server->event, &connection->source, connection->fd, EPOLLIN,
			    on_data, connection) >= 0);
	server->connections[server->accepted++] = connection;
	server->open++;
	server->open_most = MAX(server->open_most, server->open);
	return 0;
}

static struct server *server_new(sd_event *event, const struct step *script, size_t steps)
{
	struct server *server = mem_new(struct server);
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof(address);

	*server = (struct server){ .event = event, .script = script, .steps = steps };
	server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(server->fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(server->fd, SERVER_MAX), 0);
	assert_int_equal(getsockname(server->fd, (struct sockaddr *)&address, &size), 0);
	server->port = ntohs(address.sin_port);
	assert_true(sd_event_add_io(event, &server->source, server->fd, EPOLLIN, on_connection,
			    server) >= 0);
	return server;
}

static void server_free(struct server *server)
{
	for (size_t i = 0; i < server->accepted; i++) {
		if (server->connections[i]->fd >= 0)
			connection_close(server->connections[i]);
		buf_done(&server->connections[i]->data);
		free(server->connections[i]);
	}
	for (size_t i = 0; i < server->count; i++)
		free(server->requests[i]);
	sd_event_source_disable_unref(server->source);
	close(server->fd);
	free(server);
}

/* Waits for a request that the script leaves without an answer. */
static inline void server_await_silent(struct server *server)
{
	usec_t end = clock_monotonic() + 10 * USEC_PER_SEC;

	while (!server->silent) {
		assert_true(clock_monotonic() < end);
		assert_true(sd_event_run(server->event, 100 * USEC_PER_MSEC) >= 0);
	}
}

/* Gives that request its ${answer} after all. */
static inline void server_answer_late(struct server *server, const char *answer)
{
	assert_int_equal(send(server->silent->fd, answer, strlen(answer), MSG_NOSIGNAL), strlen(answer));
	server->silent = NULL;
}

/* Runs the loop until ${left} is 0; fails after ten seconds. */
static void run_until_zero(sd_event *event, const size_t *left)
{
	usec_t end = clock_monotonic() + 10 * USEC_PER_SEC;

	while (*left > 0) {
		assert_true(clock_monotonic() < end);
		assert_true(sd_event_run(event, 100 * USEC_PER_MSEC) >= 0);
	}
}

/* Lets everything happen that needs no waiting. */
static void run_dry(sd_event *event)
{
	while (sd_event_run(event, 20 * USEC_PER_MSEC) > 0)
		continue;
}

#endif
