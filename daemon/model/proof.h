/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_MODEL_PROOF_H
#define DAEMON_MODEL_PROOF_H

/*
 * What prove: endpoints were seen to serve.  A proof is of a version at each of its endpoints: where one
 * was never looked at, nothing is proven.  Values; their words are those of the state database and of
 * JSON.
 */

#include <stdbool.h>
#include <stddef.h>

#include "daemon/model/desired.h"
#include "lib/base/time.h"
#include "lib/pki/certificate.h"

enum prove_result {
	PROVE_NONE,	/* it was not looked at */
	PROVE_MATCHED,	/* every address that this host can reach serves the leaf */
	PROVE_WRONG,	/* an address serves another one, or no TLS where it served it before */
	PROVE_UNPROVEN, /* none does, but one at least gave no answer, or there is no address */
};

/* What one look at an endpoint came to.  Borrowed texts. */
struct proof_seen {
	enum prove_result result;
	const char *words; /* what was seen and where, "localhost:443: 2 addresses serve it" */
	struct fingerprint leaf; /* MATCHED: the wanted one; WRONG: another that is shown; else unset */
	bool former; /* WRONG: all addresses that this host can reach show the former one */
	bool own; /* and they are this host's own */
	bool no_tls; /* UNPROVEN: what is there answers, but not with TLS that holds */
	bool refused; /* UNPROVEN: nothing listens there, as far as this host can reach it */
	bool had_tls; /* a look right before showed a leaf there */
	const char *addresses; /* that were looked at, "127.0.0.1:443 [::1]:443"; NULL: there is none */
};

/* An endpoint, and what was seen there last. */
struct endpoint_record {
	char *endpoint; /* proof_endpoint() of what was configured */
	enum prove_result result;
	usec_t looked_at; /* 0: its addresses are others by now, so the rest is of the past */
	struct fingerprint leaf; /* as in struct proof_seen */
	struct fingerprint proven; /* the wanted leaf that was seen there last; unset: none ever was */
	bool had_tls; /* a leaf was shown there once: none is a failure from then on */
	char *addresses; /* or NULL */
	char *words;
};

/* Of all endpoints together: WRONG if one is, else UNPROVEN if one is, else MATCHED. */
struct proof_record {
	enum prove_result result;
	char *text; /* WRONG, UNPROVEN: as proof_text() returns it; else NULL */
	/* Empty where a former program looked, which did not write down at what. */
	struct endpoint_record *endpoints;
	size_t endpoint_count;
};

/* prove_result_name(result): "", "matched", "wrong", "unproven". */
const char *prove_result_name(enum prove_result result);

/* proof_text(proof): "matched", or "wrong: WORDS", "unproven: WORDS"; NULL for NONE.  Borrowed. */
const char *proof_text(const struct proof_record *proof);

/* proof_set(proof, result, words): in place of what it was, endpoints and all; the words, copied, say
 * what was seen and where. */
void proof_set(struct proof_record *proof, enum prove_result result, const char *words);

/* proof_parse(text, proof): the other way; ${text} (may be NULL) is taken over.  One that says neither was seen by nobody
 * who could tell: UNPROVEN. */
void proof_parse(char *text, struct proof_record *ret_proof);

/* proof_split(connect, host, port): "HOST:PORT" or "[ADDRESS]:PORT" to its parts, which the caller owns;
 * false, with neither set: it is none of them. */
bool proof_split(const char *connect, char **ret_host, char **ret_port);

/* proof_endpoint(wish): which endpoint that is, "localhost:443 server_name=pay.example.com"; the
 * caller owns it. */
char *proof_endpoint(const struct desired_proof *wish);

/**
 * proof_judge(before, wishes, seen, count, now):
 * What is recorded after ${count} endpoints were looked at, of which ${before} was known.  An endpoint
 * that answers without TLS is WRONG where it served TLS before; its words say so, and it stays so while
 * nothing listens there.  The caller owns it.
 */
struct proof_record proof_judge(const struct proof_record *before, const struct desired_proof *wishes,
	const struct proof_seen *seen, size_t count, usec_t now);

/* proof_advise(proof, advice): say behind what the first WRONG endpoint shows what can be done. */
void proof_advise(struct proof_record *proof, const char *advice);

/* proof_words(proof): what was seen where its result was seen, "; " between endpoints; the caller
 * owns it. */
char *proof_words(const struct proof_record *proof);

/* proof_find(proof, wish): what was seen at that endpoint, or NULL. */
const struct endpoint_record *proof_find(
	const struct proof_record *proof, const struct desired_proof *wish);

/* proof_move(proof, wish): that endpoint is at other addresses than it was.  False: that is known, or it
 * was never looked at. */
bool proof_move(struct proof_record *proof, const struct desired_proof *wish);

/* proof_is_of(proof, wishes, count): was it at these endpoints, where they are now, and at no others? */
bool proof_is_of(
	const struct proof_record *proof, const struct desired_proof *wishes, size_t count);

/* proof_wishes_equal(a, a_count, b, b_count): are they the same endpoints, in the same order? */
bool proof_wishes_equal(const struct desired_proof *a, size_t a_count, const struct desired_proof *b,
	size_t b_count);

/* proof_shown(proof, wishes, count): proof_text() for who is asked about these endpoints: where it was
 * not at them, that it is not proven.  NULL where nothing is to be proven.  Borrowed. */
const char *proof_shown(
	const struct proof_record *proof, const struct desired_proof *wishes, size_t count);

/* endpoint_leaf(endpoint, text): its leaf in hex, or NULL. */
const char *endpoint_leaf(
	const struct endpoint_record *endpoint, char text[static FINGERPRINT_TEXT_SIZE]);

/* proof_format_endpoints(proof): a line each, of fields with tabs between; NULL where there is none.
 * The caller owns it.  proof_parse_endpoints(text, proof): the other way, into a proof without any;
 * a line that is none is left out.  ${text} may be NULL. */
char *proof_format_endpoints(const struct proof_record *proof);
void proof_parse_endpoints(const char *text, struct proof_record *proof);

/* proof_equal(a, b): do they say the same?  (When they were seen does not matter.) */
bool proof_equal(const struct proof_record *a, const struct proof_record *b);

/* proof_copy(to, from): ${to}, which is empty, owns what it gets. */
void proof_copy(struct proof_record *to, const struct proof_record *from);

/* proof_record_done(proof): release what it owns; it is NONE afterwards. */
void proof_record_done(struct proof_record *proof);

#endif
