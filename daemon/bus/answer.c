/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/bus/answer.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "daemon/bus/refuse.h"
#include "lib/os/clock.h"

/*
 * An answer is at one step at a time:
 *	MAKING	more is wanted, and the buffer has room			turns come when nothing else is to be done
 *	WAITING	the reader has not taken the buffer (sockets alone)	turns come when the socket takes more
 * A socket that is more than a quarter full is not said to take more (the kernel's rule for EPOLLOUT), though it does: an
 * answer whose turn was over before its piece was made does not wait for it.
 * Turns are short.  Where the daemon always has something else to do, a tick gives one of the answers a turn all the
 * same; it also ends those whose reader takes nothing.
 */

#define TURN	    USEC_PER_MSEC
#define TICK	    (30 * USEC_PER_MSEC) /* some 4 % of a daemon that is busy all the time */
#define STALLED	    USEC_PER_SEC /* such a one gives way when there is no room for another */
#define AFTER_ALL   (SD_EVENT_PRIORITY_IDLE + 10) /* the plan is made at SD_EVENT_PRIORITY_IDLE */
#define SEND_BUFFER (64 << 10) /* of the socket, in the kernel */

struct answers {
	sd_event *event;
	const struct bus_handlers *handlers;
	void *userdata;
	struct answer *first; /* in the order in which they had their last turn */
	size_t count;
	sd_event_source *tick; /* runs while there are any */
};

struct answer {
	struct answers *answers;
	struct answer *next;
	char *sender; /* of its message, which is let go with whatever descriptors it has */
	int fd; /* -1: the text is the reply to: */
	sd_bus_message *message;
	void *text; /* NULL: all of it is in the buffer, or sent */
	struct buf buffer;
	size_t sent; /* of the buffer */
	usec_t taken_at; /* when the reader had last taken all there was */
	usec_t turned_at;
	sd_event_source *turns;	 /* while it is MAKING */
	sd_event_source *socket; /* while it is WAITING; at any time, that the reader is gone */
};

/* --- the list --- */

static void unlink_answer(struct answer *answer)
{
	struct answer **link = &answer->answers->first;

	while (*link != answer)
		link = &(*link)->next;
	*link = answer->next;
}

static void append_answer(struct answer *answer)
{
	struct answer **link = &answer->answers->first;

	while (*link)
		link = &(*link)->next;
	answer->next = NULL;
	*link = answer;
}

static void answer_end(struct answer *answer)
{
	struct answers *answers = answer->answers;

	unlink_answer(answer);
	answers->count--;
	if (!answers->count)
		(void)sd_event_source_set_enabled(answers->tick, SD_EVENT_OFF);
	sd_event_source_disable_unref(answer->turns);
	sd_event_source_disable_unref(answer->socket);
	if (answer->fd >= 0)
		(void)close(answer->fd);
	if (answer->text)
		answers->handlers->end_text(answer->text);
	buf_done(&answer->buffer);
	sd_bus_message_unref(answer->message);
	free(answer->sender);
	free(answer);
}

/* --- making and sending --- */

static void make(struct answer *answer, size_t most, usec_t end)
{
	const struct bus_handlers *handlers = answer->answers->handlers;

	while (answer->text && answer->buffer.length < most) {
		if (!handlers->more_text(answer->text, &answer->buffer)) {
			handlers->end_text(answer->text);
			answer->text = NULL;
		}
		if (clock_monotonic() >= end)
			return;
	}
}

/* 1: all was taken; 0: the reader is slow; -errno: it is gone. */
static int send_buffer(struct answer *answer)
{
	while (answer->sent < answer->buffer.length) {
		ssize_t n = send(answer->fd, answer->buffer.data + answer->sent, answer->buffer.length - answer->sent,
			MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
		answer->sent += (size_t)n;
	}
	buf_clear(&answer->buffer);
	answer->sent = 0;
	return 1;
}

static void await_turn(struct answer *answer, bool making)
{
	if (sd_event_source_set_enabled(answer->turns, making ? SD_EVENT_ON : SD_EVENT_OFF) < 0 ||
		sd_event_source_set_io_events(answer->socket, making ? 0 : EPOLLOUT) < 0)
		mem_exhausted();
}

static void turn_socket(struct answer *answer, usec_t now)
{
	int r = send_buffer(answer);

	while (r > 0 && answer->text && clock_monotonic() < now + TURN) {
		make(answer, ANSWER_PIECE, now + TURN);
		if (answer->text && answer->buffer.length < ANSWER_PIECE)
			break; /* the turn is over before the piece is made */
		r = send_buffer(answer);
	}
	if (r > 0)
		answer->taken_at = clock_monotonic();
	if (r < 0 || (r > 0 && !answer->text && !answer->buffer.length))
		answer_end(answer);
	else
		await_turn(answer, r > 0);
}

static void turn_message(struct answer *answer, usec_t now)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;

	make(answer, ANSWER_MESSAGE_MOST, now + TURN);
	if (answer->buffer.length >= ANSWER_MESSAGE_MOST) {
		error_set(&err, ERROR_INVALID, 0,
			"the answer is too long for one message; use the methods WriteStatus, WritePlan and "
			"WriteCandidates, which write it into a socket");
		(void)bus_refuse(answer->message, &err);
	} else if (!answer->text) {
		(void)sd_bus_reply_method_return(answer->message, "s", answer->buffer.data);
	} else {
		return;
	}
	answer_end(answer);
}

/* The answer may have ended when this returns. */
static void turn(struct answer *answer)
{
	usec_t now = clock_monotonic();

	answer->turned_at = now;
	unlink_answer(answer);
	append_answer(answer);
	if (answer->fd >= 0)
		turn_socket(answer, now);
	else
		turn_message(answer, now);
}

static int on_socket(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	if (events & (EPOLLERR | EPOLLHUP))
		answer_end(userdata);
	else
		turn(userdata);
	return 0;
}

static int on_defer(sd_event_source *source, void *userdata)
{
	turn(userdata);
	return 0;
}

/* --- ticks --- */

static bool is_waiting(const struct answer *answer, usec_t now, usec_t since)
{
	return answer->fd >= 0 && answer->buffer.length && now - MIN(answer->taken_at, now) >= since;
}

static void end_waiting(struct answers *answers, usec_t now)
{
	struct answer *answer = answers->first;

	while (answer) {
		struct answer *next = answer->next;

		if (is_waiting(answer, now, ANSWER_PATIENCE))
			answer_end(answer);
		answer = next;
	}
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct answers *answers = userdata;
	usec_t now = clock_monotonic();

	end_waiting(answers, now);
	if (answers->first && now - answers->first->turned_at >= TICK)
		turn(answers->first);
	if (answers->first) {
		(void)sd_event_source_set_time_relative(source, TICK);
		(void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	}
	return 0;
}

/* --- beginning --- */

static bool has_no_name(int fd, int (*get)(int, struct sockaddr *, socklen_t *))
{
	struct sockaddr_un address;
	socklen_t length = sizeof(address);

	return get(fd, (struct sockaddr *)&address, &length) == 0 &&
	       length <= offsetof(struct sockaddr_un, sun_path);
}

/* Nothing of a descriptor that is no socket is asked for: a file system of the asker's own would have to answer. */
static int check_socket(int fd, struct error *err)
{
	int domain = 0, type = 0;
	socklen_t length = sizeof(int);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) < 0 || domain != AF_UNIX ||
		getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) < 0 || type != SOCK_STREAM ||
		!has_no_name(fd, getsockname) || !has_no_name(fd, getpeername))
		return error_set(err, ERROR_INVALID, 0,
			"invalid descriptor; pass one end of socketpair(AF_UNIX, SOCK_STREAM)");
	return 0;
}

static bool is_from(const struct answer *answer, sd_bus_message *message)
{
	const char *sender = sd_bus_message_get_sender(message);

	return sender && answer->sender && strcmp(answer->sender, sender) == 0;
}

/* ${ret_stalled}: one that has to go for the new one to begin; NULL: none has to. */
static int check_room(struct answers *answers, sd_bus_message *message, struct answer **ret_stalled, struct error *err)
{
	struct answer *stalled = NULL;
	usec_t now = clock_monotonic();

	for (struct answer *answer = answers->first; answer; answer = answer->next) {
		if (is_from(answer, message))
			return error_set(err, ERROR_RETRY, 0,
				"certferryd is already writing an answer to this connection; wait for its end, or "
				"open another connection");
		if (is_waiting(answer, now, STALLED))
			stalled = answer;
	}
	*ret_stalled = answers->count < ANSWERS_MOST ? NULL : stalled;
	if (answers->count >= ANSWERS_MOST && !stalled)
		return error_set(err, ERROR_RETRY, 0,
			"certferryd is already writing %d answers, its limit; try again in a few seconds", ANSWERS_MOST);
	return 0;
}

static void install_sources(struct answer *answer)
{
	struct answers *answers = answer->answers;
	int size = SEND_BUFFER, r;

	r = sd_event_add_defer(answers->event, &answer->turns, on_defer, answer);
	if (r >= 0)
		r = sd_event_source_set_priority(answer->turns, AFTER_ALL);
	if (r >= 0)
		r = sd_event_source_set_enabled(answer->turns, SD_EVENT_ON);
	if (r >= 0 && answer->fd >= 0) {
		(void)setsockopt(answer->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		r = sd_event_add_io(answers->event, &answer->socket, answer->fd, 0, on_socket, answer);
		if (r >= 0)
			r = sd_event_source_set_priority(answer->socket, AFTER_ALL);
	}
	/* The tick goes on as it is where others are under way: begun anew for each, it would come for none of them. */
	if (r >= 0 && answers->count == 1) {
		r = sd_event_source_set_time_relative(answers->tick, TICK);
		if (r >= 0)
			r = sd_event_source_set_enabled(answers->tick, SD_EVENT_ONESHOT);
	}
	if (r < 0)
		mem_exhausted();
}

static struct answer *answer_new(struct answers *answers, sd_bus_message *message, void *text, int fd)
{
	struct answer *answer = mem_new(struct answer);
	usec_t now = clock_monotonic();

	*answer = (struct answer){ .answers = answers,
		.sender = mem_strdup(sd_bus_message_get_sender(message)),
		.message = fd < 0 ? sd_bus_message_ref(message) : NULL,
		.fd = fd,
		.text = text,
		.buffer = BUF_NULL,
		.taken_at = now,
		.turned_at = now };
	append_answer(answer);
	answers->count++;
	return answer;
}

int answers_begin(struct answers *answers, struct sd_bus_message *message, const struct bus_question *question, int fd,
	struct error *err)
{
	struct answer *stalled = NULL;
	int own = -1, r = check_room(answers, message, &stalled, err);
	void *text;

	if (r == 0 && fd >= 0)
		r = check_socket(fd, err);
	if (r < 0)
		return r;
	if (fd >= 0) {
		own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (own < 0)
			return error_set_errno(err, errno, "take the socket");
	}
	r = answers->handlers->begin_text(answers->userdata, question, &text, err);
	if (r < 0) {
		if (own >= 0)
			(void)close(own);
		return r;
	}
	if (stalled)
		answer_end(stalled);
	install_sources(answer_new(answers, message, text, own));
	return 0;
}

struct answers *answers_new(struct sd_event *event, const struct bus_handlers *handlers, void *userdata)
{
	struct answers *answers = mem_new(struct answers);

	*answers = (struct answers){ .event = sd_event_ref(event), .handlers = handlers, .userdata = userdata };
	if (sd_event_add_time_relative(event, &answers->tick, CLOCK_MONOTONIC, TICK, 0, on_tick, answers) < 0 ||
		sd_event_source_set_enabled(answers->tick, SD_EVENT_OFF) < 0)
		mem_exhausted();
	(void)sd_event_source_set_description(answers->tick, "answers");
	return answers;
}

struct answers *answers_free(struct answers *answers)
{
	if (!answers)
		return NULL;
	while (answers->first)
		answer_end(answers->first);
	sd_event_source_disable_unref(answers->tick);
	sd_event_unref(answers->event);
	free(answers);
	return NULL;
}
