/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_HTTP_WINDOW_H
#define LIB_HTTP_WINDOW_H

/*
 * How many requests may be on the wire to one host, so that a connection is opened where it saves
 * time and not for each of a burst.  A host that has not been asked for a while is cold: one
 * request leads (it resolves the name and shakes hands) and the others wait for its connection.
 * Once the host has answered, a few dozen go at once, whatever connections that takes; they stay for
 * the requests that follow.  Of more, each answer allows one, as TCP's slow start does (RFC 5681 section 3.1), if those that
 * had to wait would have saved more by another connection than its handshake takes.  So there are never
 * more connections than requests were on the wire at once.  Time does as answers do for a host that
 * is slow to give any.  Pure: times (monotonic) are arguments.
 */

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/time.h"

/* To one host at once. */
#define WINDOW_MAX 256

/* How often window_tick() is due while requests wait. */
#define WINDOW_TICK (50 * USEC_PER_MSEC)

struct window {
	size_t allowed; /* on the wire at once */
	size_t running; /* on the wire now */
	size_t sockets; /* connections that are open or being opened */
	bool connected; /* not cold: a request has found a connection */
	bool led; /* cold: one is on the wire, and the others wait for it */
	bool failed; /* the last one that led did not arrive */
	usec_t handshake, response; /* how long they take; 0: not known yet */
	usec_t credit; /* what another connection would have saved, and none has been opened for */
	usec_t quiet; /* when the last request ended */
};

/* window_init(window): cold. */
void window_init(struct window *window);

/* window_may(window, now): may a request that waits be sent at ${now}? */
bool window_may(struct window *window, usec_t now);

/* window_sent(window): one has been handed to libcurl. */
void window_sent(struct window *window);

/* window_connected(window, handshake): one has its connection: a new one after ${handshake}, or
 * (0) one that was open. */
void window_connected(struct window *window, usec_t handshake);

/* window_ended(window, connected, response, waiting, now): one that was sent has ended or was
 * cancelled, while ${waiting} others were waiting; ${response} is how long its answer took, 0: there was
 * none. */
void window_ended(
	struct window *window, bool connected, usec_t response, size_t waiting, usec_t now);

/* window_tick(window): requests have been waiting for WINDOW_TICK. */
void window_tick(struct window *window);

#endif
