/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DEPENDENT_PROVE_H
#define DAEMON_DEPENDENT_PROVE_H

/*
 * Proof: connect by TLS, as a client would, to every address of a host, and compare the leaf
 * that is served with the one that should be.  Nothing else is judged: not the chain, not the
 * names, not the dates; and no byte of application data is sent, but for the words by which some
 * protocols ask for TLS.
 */

#include "daemon/dependent/handshake.h"
#include "daemon/dependent/resolve.h"
#include "daemon/dependent/turn.h"
#include "daemon/model/desired.h"
#include "daemon/model/proof.h"
#include "lib/pki/certificate.h"

struct prove;
struct sd_event;

/* A leaf that the endpoint may rightly serve. */
struct prove_want {
	struct fingerprint leaf;
	enum leaf_key key; /* its own; ANY: not known, or of another kind */
};

struct prove_request {
	/* copied; connect is not NULL; within is of everything, from its turn on */
	const struct desired_proof *proof;
	const struct prove_want *wants; /* the likeliest first; copied */
	size_t want_count;
	/* Of each kind of key that the wants have, the server shows one of them, or has none of that
	 * kind; else any of them will do. */
	bool each_key;
	struct fingerprint former; /* what it served before, as far as that is known; else not set */
	bool once; /* no second look at an address, whatever it shows */
};

/* Of one proof's addresses so many are looked at a time. */
#define ADDRESSES_AT_ONCE 4

/* The descriptors of one: a socket for each of these, and what the thread that asks for the addresses answers with. */
#define PROOF_DESCRIPTORS (ADDRESSES_AT_ONCE + 1)

/* What OpenSSL takes for a handshake, measured: 86 KiB, and 2 more where one kind of key is asked
 * for.  What is said before TLS takes less, and is gone by then. */
#define HANDSHAKE_ROOM ((size_t)90 << 10)

/* prove_done_fn(userdata, seen): the completion: exactly once, never from inside prove_start().
 * Borrowed until it returns. */
typedef void (*prove_done_fn)(void *userdata, const struct proof_seen *seen);

/**
 * prove_start(event, request, done, userdata):
 * Look, and look again while something else than a wanted leaf is seen and time is left, because
 * old workers linger after a reload; the last answer of each address counts.  That is every half
 * second at first, and the longer it lasts, the less often.  Each time a server is asked for a leaf
 * with a wanted one's kind of key first, since it may have both (RSA, EC); then, where that did not
 * show it, as most clients ask; and where it is not known which kind is wanted, for the kind that
 * was not shown.
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
