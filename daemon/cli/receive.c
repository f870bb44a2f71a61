/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cli/receive.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/cli/reply.h"
#include "lib/base/json_stream.h"
#include "lib/os/file.h"

#define KEPT_MOST   ((size_t)16 << 20) /* before it is printed: so long nobody who pages through it stops the daemon */
#define STRING_KEPT 4096 /* bytes of a string that is only passed on */

struct receiver {
	int fd;
	FILE *to; /* where it goes when it is too long to be kept; NULL: it is kept */
	struct buf text;
	/* of the JSON */
	struct json_stream stream;
	unsigned depth;
	bool at_exit; /* the next value is its exit status */
	int exit_status; /* -1: not seen yet */
};

static void on_json(void *userdata, enum json_event event, const char *text, size_t length)
{
	struct receiver *receiver = userdata;

	if (event == JSON_EVENT_NUMBER && receiver->at_exit && length == 1)
		receiver->exit_status = *text - '0';
	receiver->at_exit =
		event == JSON_EVENT_KEY && receiver->depth == 1 && length == 4 && memcmp(text, "exit", 4) == 0;
	if (event == JSON_EVENT_OBJECT || event == JSON_EVENT_ARRAY)
		receiver->depth++;
	if (event == JSON_EVENT_OBJECT_END || event == JSON_EVENT_ARRAY_END)
		receiver->depth--;
}

static void receiver_init(struct receiver *receiver, int fd, FILE *to)
{
	*receiver = (struct receiver){ .fd = fd, .to = to, .text = BUF_NULL, .exit_status = -1 };
	json_stream_init(&receiver->stream, on_json, receiver);
	json_stream_cut(&receiver->stream, STRING_KEPT);
}

static void receiver_done(struct receiver *receiver)
{
	json_stream_done(&receiver->stream);
	buf_done(&receiver->text);
	fd_close(receiver->fd);
}

static void pass_on(struct receiver *receiver)
{
	(void)fwrite(receiver->text.data, 1, receiver->text.length, receiver->to);
	buf_clear(&receiver->text);
}

static int fail_cut(struct error *err)
{
	return error_set(err, ERROR_RETRY, CLIENT_CUT,
		"certferryd cut its answer off: it does so if nobody reads the answer for 10 s, and "
		"when it shuts down (systemctl status certferryd); the output is incomplete");
}

static int fail_read(int error, struct error *err)
{
	if (error == EAGAIN || error == EWOULDBLOCK)
		return error_set(err, ERROR_RETRY, CLIENT_CUT,
			"certferryd stopped in the middle of its answer; is it stuck? (systemctl status certferryd)");
	return error_set_errno(err, error, "read certferryd's answer");
}

/* Until its end. */
static int receive(struct receiver *receiver, struct error *err)
{
	char data[65536];
	ssize_t n;

	for (;;) {
		n = recv(receiver->fd, data, sizeof(data), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		if (json_stream_push(&receiver->stream, data, (size_t)n) < 0)
			return error_set(err, ERROR_INVALID, 0, "certferryd's answer is not JSON");
		buf_append(&receiver->text, data, (size_t)n);
		if (receiver->to && receiver->text.length > KEPT_MOST)
			pass_on(receiver);
	}
	if (n < 0)
		return fail_read(errno, err);
	if (json_stream_end(&receiver->stream) < 0 || receiver->exit_status < 0)
		return fail_cut(err);
	return 0;
}

int receive_reply(struct client *client, const struct client_question *question, json_t **ret_reply, struct error *err)
{
	struct receiver receiver;
	int fd, r = client_ask(client, question, &fd, err);

	if (r < 0)
		return r;
	receiver_init(&receiver, fd, NULL);
	r = receive(&receiver, err);
	if (r >= 0)
		r = reply_parse(receiver.text.data, ret_reply, err);
	receiver_done(&receiver);
	return r;
}

int receive_print(struct client *client, const struct client_question *question, int *ret_exit, struct error *err)
{
	struct receiver receiver;
	int fd, r = client_ask(client, question, &fd, err);

	if (r < 0)
		return r;
	receiver_init(&receiver, fd, stdout);
	r = receive(&receiver, err);
	if (r >= 0) {
		pass_on(&receiver);
		*ret_exit = receiver.exit_status;
	}
	receiver_done(&receiver);
	return r;
}
