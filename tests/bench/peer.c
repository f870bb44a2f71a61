/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/base/mem.h"

#define READ_SIZE 16384

struct peer *peer_new(int fd, SSL_CTX *context)
{
	struct peer *peer = mem_new(struct peer);

	*peer = (struct peer){ .fd = fd, .in = BUF_NULL, .out = BUF_NULL, .secure = !context };
	if (context) {
		peer->ssl = SSL_new(context);
		if (!peer->ssl || SSL_set_fd(peer->ssl, fd) != 1)
			mem_exhausted();
		SSL_set_accept_state(peer->ssl);
	}
	return peer;
}

struct peer *peer_free(struct peer *peer)
{
	if (!peer)
		return NULL;
	SSL_free(peer->ssl);
	close(peer->fd);
	buf_done(&peer->in);
	buf_done(&peer->out);
	free(peer);
	return NULL;
}

/* What an SSL_*() call that did not succeed means. */
static ssize_t ssl_result(struct peer *peer, int result)
{
	switch (SSL_get_error(peer->ssl, result)) {
	case SSL_ERROR_WANT_WRITE:
		peer->writes = true;
		return -EAGAIN;
	case SSL_ERROR_WANT_READ:
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		return -EIO;
	}
}

static ssize_t receive(struct peer *peer, char *data, size_t room)
{
	ssize_t length;

	if (peer->ssl) {
		length = SSL_read(peer->ssl, data, (int)room);
		return length > 0 ? length : ssl_result(peer, (int)length);
	}
	length = read(peer->fd, data, room);
	return length >= 0 ? length : -errno;
}

static ssize_t transmit(struct peer *peer, const char *data, size_t length)
{
	ssize_t sent;

	if (peer->ssl) {
		sent = SSL_write(peer->ssl, data, (int)length);
		return sent > 0 ? sent : ssl_result(peer, (int)sent);
	}
	sent = write(peer->fd, data, length);
	if (sent < 0 && errno == EAGAIN)
		peer->writes = true;
	return sent >= 0 ? sent : -errno;
}

/* The value of the field that ${line} is, if it is ${name}, else NULL. */
static char *field(char *line, const char *name)
{
	const size_t length = strlen(name);

	if (strncasecmp(line, name, length) != 0 || line[length] != ':')
		return NULL;
	return line + length + 1 + strspn(line + length + 1, " \t");
}

static void read_field(struct peer *peer, char *line, struct peer_request *request)
{
	const char *value;

	if ((value = field(line, "authorization")))
		request->authorization = value;
	else if ((value = field(line, "x-amz-target")))
		request->target = value;
	else if ((value = field(line, "connection")))
		peer->closes = strcasecmp(value, "close") == 0;
}

static size_t content_length(const char *head, const char *end)
{
	static const char name[] = "\ncontent-length:";

	for (const char *at = head; (at = memchr(at, '\n', (size_t)(end - at))); at++)
		if (strncasecmp(at, name, strlen(name)) == 0)
			return strtoul(at + strlen(name), NULL, 10);
	return 0;
}

/* The first request in what was read, when it is there as a whole. */
static bool parse(struct peer *peer, struct peer_request *request)
{
	char *head = peer->in.data, *end = memmem(head, peer->in.length, "\r\n\r\n", 4), *line, *next;
	size_t length;

	if (!end)
		return false;
	length = content_length(head, end);
	peer->consumed = (size_t)(end + 4 - head) + length;
	if (peer->in.length < peer->consumed)
		return false;
	*request = (struct peer_request){ .body = end + 4, .length = length };
	*end = '\0';
	for (line = strstr(head, "\r\n"); line; line = next) {
		next = strstr(line + 2, "\r\n");
		if (next)
			*next = '\0';
		read_field(peer, line + 2, request);
	}
	line = strchrnul(head, ' ');
	request->path = line + (*line != '\0');
	*strchrnul(request->path, ' ') = '\0';
	peer->requests++;
	return true;
}

enum peer_state peer_read(struct peer *peer, struct peer_request *ret_request)
{
	char data[READ_SIZE];
	ssize_t length;

	if (!peer->secure) {
		int result = SSL_do_handshake(peer->ssl);

		if (result != 1)
			return ssl_result(peer, result) == -EAGAIN ? PEER_WAITS : PEER_GONE;
		peer->secure = true;
	}
	while (!parse(peer, ret_request)) {
		length = receive(peer, data, sizeof(data));
		if (length == -EAGAIN)
			return PEER_WAITS;
		if (length <= 0)
			return PEER_GONE;
		buf_append(&peer->in, data, (size_t)length);
	}
	return PEER_ASKS;
}

void peer_answer(struct peer *peer, int status, const char *type, const char *error, const char *date,
	unsigned long number, const char *body, size_t length)
{
	buf_clear(&peer->out);
	peer->sent = 0;
	buf_printf(&peer->out,
		"HTTP/1.1 %d %s\r\nx-amzn-RequestId: 00000000-0000-4000-8000-%012lx\r\nDate: %s\r\n"
		"Content-Type: %s\r\nContent-Length: %zu\r\n",
		status, status == 200 ? "OK" : "Bad Request", number, date, type, length);
	if (error)
		buf_printf(&peer->out, "x-amzn-ErrorType: %s\r\n", error);
	if (peer->closes)
		buf_append_string(&peer->out, "Connection: close\r\n");
	buf_append_string(&peer->out, "\r\n");
	buf_append(&peer->out, body, length);
	/* What came behind the request, if anything, is the next one. */
	memmove(peer->in.data, peer->in.data + peer->consumed, peer->in.length - peer->consumed);
	peer->in.length -= peer->consumed;
}

enum peer_state peer_write(struct peer *peer)
{
	peer->writes = false;
	while (peer->sent < peer->out.length) {
		ssize_t sent = transmit(peer, peer->out.data + peer->sent, peer->out.length - peer->sent);

		if (sent == -EAGAIN)
			return PEER_WAITS;
		if (sent <= 0)
			return PEER_GONE;
		peer->sent += (size_t)sent;
	}
	return peer->closes ? PEER_GONE : PEER_WAITS;
}
