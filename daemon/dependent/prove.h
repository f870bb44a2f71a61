/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DEPENDENT_PROVE_H
#define DAEMON_DEPENDENT_PROVE_H

/*
 * Proof: connect by TLS, as a client would, to every address of a host, and compare the leaf
 * that is served with the one that should be.  Nothing else is judged: not the chain, not the
 * names, not the dates; and no byte of application data is sent, but for the words by which some
 * protocols ask for TLS.
 */

#include "daemon/dependent/resolve.h"
#include "daemon/dependent/turn.h"
#include "daemon/model/desired.h"
#include "daemon/model/proof.h"
#include "lib/pki/certificate.h"

struct prove;
struct sd_event;

struct prove_request {
	/* copied; connect is not NULL; within is of everything, from its turn on */
	const struct desired_proof *proof;
	struct fingerprint want;
};

/* Of one proof's addresses so many are looked at a time. */
#define ADDRESSES_AT_ONCE 4

/* The descriptors of one: a socket for each of these, and what the thread that asks for the addresses answers with. */
#define PROOF_DESCRIPTORS (ADDRESSES_AT_ONCE + 1)

/* What OpenSSL takes for a handshake, measured: 86 KiB, and 2 more where one kind of key is asked
 * for.  What is said before TLS takes less, and is gone by then. */
#define HANDSHAKE_ROOM ((size_t)90 << 10)

/**
 * prove_done_fn(userdata, result, words):
 * The completion: exactly once, never from inside prove_start().  ${words}, borrowed until it
 * returns, say what was seen and where: "localhost:443: 2 addresses serve it", "localhost:443:
 * [::1]:443 serves 7c9e... (expires 2026-01-31T12:00:00Z) instead of 01ab...".
 */
typedef void (*prove_done_fn)(void *userdata, enum prove_result result, const char *words);

/**
 * prove_start(event, request, done, userdata):
 * Look, and look again while something else than the wanted leaf is seen and time is left, because
 * old workers linger after a reload; the last answer of each address counts.  That is every half
 * second at first, and the longer it lasts, the less often.  A server that shows another leaf is
 * asked for one with the other kind of key (RSA, EC) as well, since it may have both.
 * A name is resolved without blocking; address literals and "localhost" need no resolver.  Of the
 * two addresses of localhost one may refuse connections: nothing listens there.  An address to which
 * this host has no route, or of a family that it does not have, counts neither way: one at least
 * must match, and all the others that this host can reach.  The process
 * must ignore SIGPIPE.
 */
struct prove *prove_start(struct sd_event *event, const struct prove_request *request,
	prove_done_fn done, void *userdata);

/* prove_cancel(prove): no callback after this returns.  NULL is fine; returns NULL. */
struct prove *prove_cancel(struct prove *prove);

DEFINE_CLEANUP(struct prove *, prove_cancel);

#endif
