/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_MODEL_PROOF_H
#define DAEMON_MODEL_PROOF_H

/* What a prove: endpoint was seen to serve.  A value; its words are those of the state database and of JSON. */

#include <stdbool.h>

#include "lib/pki/certificate.h"

enum prove_result {
	PROVE_NONE,	/* it was not looked at */
	PROVE_MATCHED,	/* every address that this host can reach serves the leaf */
	PROVE_WRONG,	/* an address serves another one */
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
	const char *addresses; /* that were looked at, "127.0.0.1:443 [::1]:443"; NULL: there is none */
};

struct proof_record {
	enum prove_result result;
	char *text; /* WRONG, UNPROVEN: as proof_text() returns it; else NULL */
};

/* prove_result_name(result): "", "matched", "wrong", "unproven". */
const char *prove_result_name(enum prove_result result);

/* proof_text(proof): "matched", or "wrong: WORDS", "unproven: WORDS"; NULL for NONE.  Borrowed. */
const char *proof_text(const struct proof_record *proof);

/* proof_set(proof, result, words): in place of what it was; the words, copied, say what was seen and where. */
void proof_set(struct proof_record *proof, enum prove_result result, const char *words);

/* proof_parse(text, proof): the other way; ${text} (may be NULL) is taken over.  One that says neither was seen by nobody
 * who could tell: UNPROVEN. */
void proof_parse(char *text, struct proof_record *ret_proof);

/* proof_equal(a, b): do they say the same? */
bool proof_equal(const struct proof_record *a, const struct proof_record *b);

/* proof_record_done(proof): release what it owns; it is NONE afterwards. */
void proof_record_done(struct proof_record *proof);

#endif
