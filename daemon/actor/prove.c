/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/actor/prove.h"

#include <stdlib.h>

#include "daemon/dependent/prove_all.h"

struct proof_run {
	struct proof_run *next;
	struct proofs *proofs;
	const struct tracked_delivery *delivery;
	struct digest want; /* a certificate's */
	struct prove_all *prove; /* NULL: it has ended */
};

struct proofs {
	struct inventory *inventory;
	struct sd_event *event;
	struct proof_run *runs;
};

static void proof_free(struct proof_run *run)
{
	for (struct proof_run **at = &run->proofs->runs; *at; at = &(*at)->next)
		if (*at == run) {
			*at = run->next;
			break;
		}
	prove_all_cancel(run->prove);
	free(run);
}

static void on_proven(void *userdata, const struct proof_seen *seen)
{
	struct proof_run *run = userdata;

	run->prove = NULL;
	inventory_proven(run->proofs->inventory, run->delivery, &run->want, seen);
	proof_free(run);
}

void proofs_start(struct proofs *proofs, const struct tracked_delivery *delivery)
{
	struct proof_run *run = mem_new(struct proof_run);
	const struct source_certificate *source = delivery->certificate->seen;
	const struct prove_want want = {
		.leaf = digest_leaf(&delivery->observed.version.digest),
		.key = leaf_key_find(source ? source->key_algorithm : NULL),
	};
	const struct desired_delivery *wish = delivery->delivery->wish;
	_cleanup_(freep) struct prove_request *requests =
		mem_alloc(wish->prove_count * sizeof(*requests));

	for (size_t i = 0; i < wish->prove_count; i++)
		requests[i] = (struct prove_request){
			.proof = &wish->prove[i], .wants = &want, .want_count = 1
		};
	*run = (struct proof_run){
		.next = proofs->runs,
		.proofs = proofs,
		.delivery = delivery,
		.want = delivery->observed.version.digest,
	};
	proofs->runs = run;
	inventory_claim(proofs->inventory, delivery->slot, CLAIM_PROOF);
	run->prove = prove_all_start(
		proofs->event, requests, wish->prove_count, on_proven, run);
}

void proofs_cancel(struct proofs *proofs)
{
	while (proofs->runs) {
		const struct tracked_delivery *delivery = proofs->runs->delivery;

		proof_free(proofs->runs);
		inventory_release(proofs->inventory, delivery, CLAIM_PROOF);
	}
}

bool proofs_are_busy(const struct proofs *proofs)
{
	return proofs->runs != NULL;
}

struct proofs *proofs_new(struct inventory *inventory, struct sd_event *event)
{
	struct proofs *proofs = mem_new(struct proofs);

	proofs->inventory = inventory;
	proofs->event = event;
	return proofs;
}

struct proofs *proofs_free(struct proofs *proofs)
{
	if (!proofs)
		return NULL;
	proofs_cancel(proofs);
	free(proofs);
	return NULL;
}
