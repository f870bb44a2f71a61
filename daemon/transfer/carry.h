/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_TRANSFER_CARRY_H
#define DAEMON_TRANSFER_CARRY_H

/*
 * One delivery's way through a transfer: what is there is read, the bundle is written, and read
 * back.
 */

/* Circle with daemon/transfer/transfer.c: a carry is one item of a transfer. */
#include "daemon/transfer/transfer.h"
#include "daemon/transfer/verify.h"

struct ahead;
struct carry;

/* What was found in place last, and what the bundle would take from those who use it: as a rule it is the same at all
 * places of a transfer, and it is parsed and compared once.  Starts zeroed. */
struct in_place {
	char *leaf_pem, *chain_pem; /* the chain may be NULL: not known */
	struct certificate *leaf; /* NULL: it is none that can be read */
	bool same_authority; /* its CA is the bundle's, see verify_same_authority() */
	struct change change; /* where its chain ends apart, of which each place may know something else */
};

void in_place_done(struct in_place *in_place);

/* May anything be written?  All carries of a transfer wait at one. */
struct carry_gate {
	bool open;
	struct error refused; /* set: nothing is written any more, for this */
};

struct carry_job {
	const struct destination_context *context;
	const struct transfer_item *item;
	const struct source_certificate *source;
	const struct bundle *bundle; /* borrowed until on_left */
	struct ahead *ahead; /* that may have read what is there, or NULL; it ends before the carry is cancelled */
	bool trusted; /* source.trust says where its chain may end, and it ends there; else: */
	enum anchor_pin pin;
	struct fingerprint anchor; /* bundle_anchor() of the bundle */
	struct version version; /* the bundle's */
	struct in_place *in_place; /* shared by the carries of the transfer */
	const struct carry_gate *gate;
};

/*
 * on_left once: the bundle is not needed any more.  Then on_ended once: ${outcome} and ${seen}
 * are borrowed, and the carry is gone already.
 */
struct carry_events {
	void (*on_left)(void *userdata);
	void (*on_ended)(
		void *userdata, const struct outcome *outcome, const struct observed *seen);
};

/* carry_start(job, events, userdata): the job is copied; what it points to is borrowed until on_ended or the cancel. */
struct carry *carry_start(
	const struct carry_job *job, const struct carry_events *events, void *userdata);

/*
 * carry_cancel(carry): nothing is called after this; a write already sent may still take
 * effect.  Returns NULL.
 */
struct carry *carry_cancel(struct carry *carry);

/* carry_gate_changed(carry): its gate is open, or has refused: one that waits there goes on, or ends. */
void carry_gate_changed(struct carry *carry);

/* carry_is_writing(carry): may it have the body of a request, with the key in it? */
bool carry_is_writing(const struct carry *carry);

#endif
