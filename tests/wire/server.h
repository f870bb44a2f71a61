/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_WIRE_SERVER_H
#define TESTS_WIRE_SERVER_H

/*
 * A server on loopback that answers each request exactly as it is told to, byte by byte, and sees
 * how long the client waits for it.  It runs in the event loop of the test.
 */

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/time.h"

#define SERVER_DOORS 8 /* ports: so many connections are made that one would run out of peers */

struct sd_event;
struct server;

enum ending {
	ENDING_KEEP, /* for the next request */
	ENDING_CLOSE,
	ENDING_RESET,
	ENDING_HOLD, /* say nothing more, until the client has had enough */
};

/* What is sent for one request. */
struct reply {
	const char *data;
	size_t length;
	size_t pause; /* bytes after which the client is let read first; 0: none */
	usec_t drip; /* a byte at a time, with this between them; 0: all at once */
	enum ending ending;
};

struct request {
	const char *path; /* from the request line, up to a blank */
	const char *text; /* head and body, NUL-terminated */
	void *attempt; /* for the server's user: given to on_left() */
};

struct server_calls {
	/* The reply to ${request}, whose attempt it may set; what it points to must stay until
	 * the connection has it. */
	struct reply (*on_request)(void *userdata, struct request *request);
	/* The client has read its answer or given up, ${waited} after its request was there. */
	void (*on_left)(void *userdata, void *attempt, usec_t waited);
	void *userdata;
};

struct server *server_new(struct sd_event *event, const struct server_calls *calls);

/* server_port(server, door): of 0..SERVER_DOORS-1. */
int server_port(const struct server *server, size_t door);

struct server *server_free(struct server *server);

#endif
