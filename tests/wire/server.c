/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/wire/server.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/os/clock.h"

#define PAUSE (USEC_PER_MSEC / 5)

struct connection {
	struct server *server;
	LIST_ENTRY(connection) link;
	int fd;
	sd_event_source *source, *timer;
	struct buf input;
	bool answering;
	struct reply reply;
	size_t sent;
	void *attempt;
	usec_t asked;
};

struct server {
	sd_event *event;
	struct server_calls calls;
	int fds[SERVER_DOORS], ports[SERVER_DOORS];
	sd_event_source *sources[SERVER_DOORS];
	LIST_HEAD(, connection) connections;
};

static void must(int result)
{
	if (result < 0) {
		(void)fprintf(stderr, "the test's own server: %s\n",
			strerror(result == -1 ? errno : -result));
		abort();
	}
}

static void connection_leave(struct connection *connection)
{
	struct server *server = connection->server;

	if (connection->attempt)
		server->calls.on_left(server->calls.userdata, connection->attempt,
			clock_monotonic() - connection->asked);
	connection->attempt = NULL;
}

static void connection_close(struct connection *connection, bool reset)
{
	struct linger linger = { .l_onoff = 1 };

	if (reset)
		must(setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	LIST_REMOVE(connection, link);
	sd_event_source_disable_unref(connection->source);
	sd_event_source_disable_unref(connection->timer);
	close(connection->fd);
	buf_done(&connection->input);
	free(connection);
}

/* How much may be sent now. */
static size_t portion(const struct connection *connection)
{
	const struct reply *reply = &connection->reply;

	if (reply->drip)
		return connection->sent + 1;
	return connection->sent < reply->pause ? reply->pause : reply->length;
}

static void connection_rest(struct connection *connection, usec_t delay)
{
	must(sd_event_source_set_io_events(connection->source, EPOLLIN));
	must(sd_event_source_set_time(connection->timer, clock_monotonic() + delay));
	must(sd_event_source_set_enabled(connection->timer, SD_EVENT_ONESHOT));
}

static void connection_finish(struct connection *connection)
{
	switch (connection->reply.ending) {
	case ENDING_HOLD:
		must(sd_event_source_set_io_events(connection->source, EPOLLIN));
		return;
	case ENDING_CLOSE:
	case ENDING_RESET:
		connection_leave(connection);
		connection_close(connection, connection->reply.ending == ENDING_RESET);
		return;
	case ENDING_KEEP:
		connection_leave(connection);
		connection->answering = false;
		must(sd_event_source_set_io_events(connection->source, EPOLLIN));
	}
}

static void connection_send(struct connection *connection)
{
	const struct reply *reply = &connection->reply;
	size_t until = MIN(portion(connection), reply->length);

	while (connection->sent < until) {
		ssize_t n = send(connection->fd, reply->data + connection->sent,
			until - connection->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN) {
			must(sd_event_source_set_io_events(connection->source, EPOLLOUT));
			return;
		}
		if (n < 0) { /* the client has gone */
			connection_leave(connection);
			connection_close(connection, false);
			return;
		}
		connection->sent += (size_t)n;
	}
	if (connection->sent < reply->length)
		connection_rest(connection, reply->drip ?: PAUSE);
	else
		connection_finish(connection);
}

static int on_pause(sd_event_source *source, uint64_t now, void *userdata)
{
	connection_send(userdata);
	return 0;
}

/* The length of the whole request at the beginning of ${input}, or 0. */
static size_t request_length(const struct buf *input)
{
	const char *end = strstr(input->data, "\r\n\r\n");
	const char *length = strcasestr(input->data, "\r\ncontent-length:");
	size_t size;

	if (!end)
		return 0;
	size = (size_t)(end - input->data) + 4;
	if (length && length < end)
		size += (size_t)atol(length + strlen("\r\ncontent-length:"));
	return input->length >= size ? size : 0;
}

static void connection_answer(struct connection *connection)
{
	struct server *server = connection->server;
	_cleanup_(buf_done) struct buf input = connection->input;
	const char *path = strchr(input.data, ' ');
	struct request request = { .path = path ? path + 1 : "", .text = input.data };

	connection->input = BUF_NULL;
	connection->asked = clock_monotonic();
	connection->reply = server->calls.on_request(server->calls.userdata, &request);
	connection->attempt = request.attempt;
	connection->answering = true;
	connection->sent = 0;
	connection_send(connection);
}

static int on_data(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct connection *connection = userdata;
	char data[16384];
	ssize_t length;

	if (events & EPOLLOUT) {
		connection_send(connection);
		return 0;
	}
	length = recv(fd, data, sizeof(data), MSG_DONTWAIT);
	if (length < 0 && errno == EAGAIN)
		return 0;
	if (length <= 0) {
		connection_leave(connection);
		connection_close(connection, false);
		return 0;
	}
	buf_append(&connection->input, data, (size_t)length);
	if (!connection->answering && request_length(&connection->input))
		connection_answer(connection);
	return 0;
}

static int on_connection(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct server *server = userdata;
	int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), one = 1;
	struct connection *connection;

	if (peer < 0)
		return 0; /* it has gone already */
	connection = mem_new(struct connection);
	*connection = (struct connection){ .server = server, .fd = peer, .input = BUF_NULL };
	LIST_INSERT_HEAD(&server->connections, connection, link);
	must(setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)));
	must(sd_event_add_io(
		server->event, &connection->source, peer, EPOLLIN, on_data, connection));
	must(sd_event_add_time(server->event, &connection->timer, CLOCK_MONOTONIC, 0, 1, on_pause,
		connection));
	must(sd_event_source_set_enabled(connection->timer, SD_EVENT_OFF));
	return 0;
}

static void open_door(struct server *server, size_t door)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	must(fd);
	must(bind(fd, (struct sockaddr *)&address, size));
	must(listen(fd, 1024));
	must(getsockname(fd, (struct sockaddr *)&address, &size));
	server->fds[door] = fd;
	server->ports[door] = ntohs(address.sin_port);
	must(sd_event_add_io(
		server->event, &server->sources[door], fd, EPOLLIN, on_connection, server));
}

struct server *server_new(struct sd_event *event, const struct server_calls *calls)
{
	struct server *server = mem_new(struct server);

	*server = (struct server){ .event = sd_event_ref(event), .calls = *calls };
	LIST_INIT(&server->connections);
	for (size_t door = 0; door < SERVER_DOORS; door++)
		open_door(server, door);
	return server;
}

int server_port(const struct server *server, size_t door)
{
	return server->ports[door];
}

struct server *server_free(struct server *server)
{
	struct connection *connection;

	while ((connection = LIST_FIRST(&server->connections)))
		connection_close(connection, false);
	for (size_t door = 0; door < SERVER_DOORS; door++) {
		sd_event_source_disable_unref(server->sources[door]);
		close(server->fds[door]);
	}
	sd_event_unref(server->event);
	free(server);
	return NULL;
}
