/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_BUS_ANSWER_H
#define DAEMON_BUS_ANSWER_H

/*
 * Texts of any length to whoever asks, made as they are taken, after everything else that the daemon has to do: into a
 * socket that the asker passed, or, up to ANSWER_MESSAGE_MOST, as one message.  A reader that stops, that reads one byte
 * a second or that is gone costs the daemon nothing but a buffer, and not for long.
 */

#include "daemon/bus/handlers.h"
#include "lib/base/time.h"

#define ANSWERS_MOST 8 /* at once, and one for each connection to the bus */
#define ANSWER_PIECE ((size_t)64 << 10) /* so much is made, and then taken before more is */
#define ANSWER_PATIENCE (10 * USEC_PER_SEC) /* a reader takes a piece within this, or its socket is closed */
#define ANSWER_MESSAGE_MOST ((size_t)1 << 20)

struct answers;
struct sd_bus_message;
struct sd_event;

/* answers_new(event, handlers, userdata): nobody gets one yet. */
struct answers *answers_new(struct sd_event *event, const struct bus_handlers *handlers, void *userdata);

/**
 * answers_begin(answers, message, question, fd, err):
 * Answer ${message}.  With ${fd}, which stays the caller's, the text is
 * written there and ends with the socket's end; the caller replies to the message.  With -1 the text, or an error, is
 * the reply.
 * ERROR_RETRY: the sender gets an answer already, or there are ANSWERS_MOST, whose readers all go on reading.
 * ERROR_INVALID: ${fd} is not one end of a pair of stream sockets (socketpair(2), AF_UNIX).  A pipe is refused too: whoever
 * reads from it can hold its lock for as long as his own memory cannot be written to, and a write that must not wait
 * would wait for that lock.  So is a socket with a name, which might be another service's.
 * Other errors are those of begin_text().
 */
int answers_begin(struct answers *answers, struct sd_bus_message *message, const struct bus_question *question, int fd,
	struct error *err);

/* answers_free(answers): those under way are cut off.  NULL is fine; returns NULL. */
struct answers *answers_free(struct answers *answers);

DEFINE_CLEANUP(struct answers *, answers_free);

#endif
