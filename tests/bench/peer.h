/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_PEER_H
#define TESTS_BENCH_PEER_H

/*
 * One connection: bytes in, requests out, an answer back, over TLS or not.  It never blocks and owns no loop:
 * tests/bench/server.c calls it when its socket is ready.  A client must wait for each answer (no pipelining).
 */

#include <openssl/ssl.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "lib/base/buf.h"
#include "lib/base/time.h"

struct peer {
	int fd;
	SSL *ssl; /* NULL: plain */
	bool control; /* asks the control path, not the cloud */
	bool secure; /* the handshake is done, or none is needed */
	bool writes; /* the socket has no room: to be called again when it has */
	unsigned watched; /* the server's: what its socket is watched for */
	bool closes; /* after the answer */
	unsigned long number, requests;
	usec_t accepted; /* wall clock */
	struct buf in, out;
	size_t sent; /* of out */
	size_t consumed; /* of in: the request being answered */
	usec_t due; /* when the answer may leave; 0: none is held back */
	TAILQ_ENTRY(peer) link; /* among those held back */
	struct trace_entry *trace; /* where the time of the answer is noted, or NULL */
};

/* A request, in place in the peer's bytes and valid until peer_answer(). */
struct peer_request {
	const char *path; /* with its query */
	const char *authorization, *target; /* or NULL */
	const char *body;
	size_t length;
};

enum peer_state {
	PEER_WAITS, /* for more bytes */
	PEER_ASKS, /* a request is there */
	PEER_GONE, /* to be freed */
};

/* peer_new(fd, context): takes the socket over; ${context}: for TLS, or NULL. */
struct peer *peer_new(int fd, SSL_CTX *context);

/* peer_read(peer, request): shake hands or read what is there. */
enum peer_state peer_read(struct peer *peer, struct peer_request *ret_request);

/* peer_answer(peer, ...): put the answer in its buffer; peer_write() sends it. */
void peer_answer(struct peer *peer, int status, const char *type, const char *error, const char *date,
	unsigned long number, const char *body, size_t length);

/* peer_write(peer): send what is left; PEER_GONE when that failed or was the last thing to do, else PEER_WAITS.
 * peer->writes says whether something is left. */
enum peer_state peer_write(struct peer *peer);

struct peer *peer_free(struct peer *peer);

#endif
