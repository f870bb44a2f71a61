/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DEPENDENT_HANDSHAKE_H
#define DAEMON_DEPENDENT_HANDSHAKE_H

/* One TLS handshake with one address, to see the leaf that is served there.  Judges nothing. */

#include <stdbool.h>

#include "daemon/dependent/resolve.h"
#include "daemon/model/desired.h"
#include "lib/base/time.h"
#include "lib/pki/certificate.h"

struct handshake;
struct sd_event;

/* A server can have a certificate of each, and shows the one that its client can verify. */
enum leaf_key {
	LEAF_ANY,
	LEAF_RSA,
	LEAF_EC,
	LEAF_KEYS,
};

/* leaf_key_find(algorithm): of ACM's KeyAlgorithm ("RSA_2048", "EC_prime256v1"), which may be
 * NULL. */
enum leaf_key leaf_key_find(const char *algorithm);

struct served {
	struct fingerprint leaf; /* not set: no answer, see why */
	usec_t not_after; /* of the leaf */
	enum leaf_key key; /* the leaf's; ANY: of another kind */
	bool refused; /* nothing listens there */
	bool unreachable; /* this host has no way to there: that says nothing about the server */
	bool no_tls; /* it is there, and no TLS is: other words came, or an end, or what does not hold */
	char why[320]; /* no answer: the reason in words */
};

/* handshake_fn(userdata, served): exactly once, never from inside handshake_start(); borrowed. */
typedef void (*handshake_fn)(void *userdata, const struct served *served);

struct handshake_request {
	const struct address *address; /* copied */
	const char *server_name; /* SNI, or NULL: none is sent; copied */
	enum starttls_protocol starttls;
	const char *domain; /* whom XMPP speaks to; copied */
	enum proxy_protocol proxy_protocol;
	enum leaf_key key; /* which leaf to ask for, whatever key has signed it */
	usec_t timeout;
};

/* handshake_start(event, request, done, userdata): connect, ask for TLS where it has to be asked
 * for, shake hands, hang up. */
struct handshake *handshake_start(struct sd_event *event, const struct handshake_request *request,
	handshake_fn done, void *userdata);

/* handshake_cancel(handshake): no callback after this returns.  NULL is fine; returns NULL. */
struct handshake *handshake_cancel(struct handshake *handshake);

DEFINE_CLEANUP(struct handshake *, handshake_cancel);

#endif
