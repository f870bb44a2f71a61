/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run is one transfer with what the conductor keeps for it.  Before it starts, the intent and the owed
 * dependents are on disk; each delivery's outcome is written down as it comes; the run ends with the transfer.
 */
#include "daemon/conductor/state.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/transition/certificate.h"
#include "daemon/transition/delivery.h"
#include "daemon/transition/dependent.h"
#include "daemon/transition/schedule.h"
#include "lib/base/intern.h"
#include "lib/base/strv.h"
#include "lib/log/log.h"
#include "lib/os/clock.h"

struct run {
	struct run *next;
	struct conductor *conductor;
	struct world *world;
	struct tracked_certificate *certificate;
	struct source_certificate source; /* a copy: the view may be replaced meanwhile */
	struct tracked_delivery **deliveries;
	struct transfer_item *items;
	size_t count;
	struct certificate_list anchor; /* recorded */
	struct transfer *transfer;
	char *leaf_pem; /* as exported */
	char *chain_pem;
	char *anchor_pem; /* where its chain ends; recorded once it is in place somewhere */
	bool exported;
	bool busy; /* it is being exported, or carried to a place that answers soon */
};

/* One that a reload has left without a slot goes with it. */
static void end_carrying(struct conductor *conductor, const struct tracked_delivery *delivery)
{
	struct slot *slot = state_slot(conductor, delivery);

	if (slot)
		state_unclaim(slot, CLAIM_TRANSFER);
}

static void run_free(struct run *run)
{
	struct conductor *conductor = run->conductor;

	for (struct run **at = &conductor->runs; *at; at = &(*at)->next)
		if (*at == run) {
			*at = run->next;
			conductor->run_count -= run->busy;
			conductor->all_runs--;
			break;
		}
	run->transfer = transfer_cancel(run->transfer);
	for (size_t i = 0; i < run->count; i++)
		if (run->deliveries[i]) {
			end_carrying(conductor, run->deliveries[i]);
			state_release_delivery(conductor, run->deliveries[i]);
		}
	run->certificate->runs--;
	if (run->certificate->run == run)
		run->certificate->run = NULL;
	state_release_certificate(conductor, run->certificate);
	source_certificate_done(&run->source);
	certificate_list_done(&run->anchor);
	world_unref(run->world);
	free(run->deliveries);
	free(run->items);
	free(run->leaf_pem);
	free(run->chain_pem);
	free(run->anchor_pem);
	free(run);
}

/* Those who wait for an answer that does not come count at their place alone, unless there is a key in what they have
 * sent. */
static void count_run(struct conductor *conductor, struct run *run)
{
	const bool was_busy = run->busy;
	bool slow = false;

	run->busy = !run->exported;
	for (size_t i = 0; i < run->count; i++) {
		const struct tracked_delivery *delivery = run->deliveries[i];
		/* What a reload has left without a place ends without counting at one. */
		bool placed = delivery && state_slot(conductor, delivery);

		if (placed)
			delivery->place->carrying++;
		if (!delivery)
			continue;
		slow |= placed && (!reach_is_open(delivery->place) || reach_is_slow(delivery->place));
		if (placed && !reach_is_open(delivery->place)) {
			conductor->carrying += run->transfer && transfer_is_writing(run->transfer, i);
			continue;
		}
		conductor->carrying++;
		run->busy |= !placed || !reach_is_slow(delivery->place);
	}
	conductor->run_count += run->busy;
	conductor->slow_runs += slow;
	conductor->all_runs++;
	if (run->busy)
		run->certificate->run = run;
	else if (was_busy && state_is_present(conductor, run->certificate))
		agenda_touch(&conductor->agenda, &run->certificate->agenda);
}

static bool is_prompt_wanted(const struct conductor *conductor)
{
	for (size_t i = 0; i < conductor->place_count; i++) {
		const struct tracked_place *place = conductor->places[i];

		if ((place->due || place->carrying) && reach_is_open(place) && !reach_is_slow(place))
			return true;
	}
	return false;
}

void deliver_count(struct conductor *conductor)
{
	conductor->carrying = 0;
	conductor->run_count = conductor->all_runs = conductor->slow_runs = 0;
	for (size_t i = 0; i < conductor->place_count; i++)
		conductor->places[i]->carrying = 0;
	for (struct run *run = conductor->runs; run; run = run->next)
		run->certificate->run = NULL;
	for (struct run *run = conductor->runs; run; run = run->next)
		count_run(conductor, run);
	conductor->prompt_wanted = is_prompt_wanted(conductor);
}

/* --- the intent --- */

static bool owe_dependents(struct conductor *conductor, struct tracked_delivery *delivery,
	const struct digest *digest)
{
	STRV_FOREACH(name, delivery->delivery->wish->then) {
		struct tracked_dependent *dependent = state_find_dependent(conductor, *name);
		struct owed_record *row = dependent ? state_owe(dependent, delivery->name) : NULL;

		if (!row)
			continue;
		transition_owed_intended(row, digest, conductor_now(conductor));
		if (!conductor_save_owed(conductor, row))
			return false;
	}
	return true;
}

/* All of a run's intents in one transaction: on disk before anything is sent, or nothing is sent. */
static bool write_intent(struct conductor *conductor, const struct digest *digest,
	struct tracked_delivery **deliveries, size_t count)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;

	if (!conductor->record || !count)
		return true;
	if (!conductor_recorded(conductor, record_begin(conductor->record, &err), &err))
		return false;
	for (size_t i = 0; i < count; i++) {
		struct tracked_delivery *delivery = deliveries[i];

		transition_intended(&delivery->record, digest, conductor_now(conductor));
		if (!owe_dependents(conductor, delivery, digest) ||
			!conductor_save_delivery(conductor, &delivery->record)) {
			record_rollback(conductor->record);
			return false;
		}
		delivery->has_record = true;
	}
	return conductor_recorded(conductor, record_commit(conductor->record, &err), &err);
}

/* --- what came of it --- */

/*
 * From here on a first import may be sent, and its answer may be lost with this process: until the outcome is known
 * it counts as one that may have been made under an ARN nobody has seen.
 */
static void mark_first_imports(struct run *run)
{
	struct conductor *conductor = run->conductor;

	for (size_t i = 0; i < run->count; i++) {
		struct tracked_delivery *delivery = run->deliveries[i];
		struct delivery_record *record = &delivery->record;

		if (destination_names_objects(delivery->delivery->place) && !delivery->delivery->arn &&
			transition_import_sent(record, conductor_now(conductor)))
			(void)conductor_save_delivery(conductor, record);
	}
}

/* Where a place takes what cannot be used there. */
static void say_notes(const struct run *run, const char *const *notes)
{
	for (size_t i = 0; i < run->count; i++) {
		const struct change change = { .event = CHANGE_REMARK, .words = notes[i] };

		if (notes[i])
			say_delivery(run->conductor, run->deliveries[i]->delivery, &change);
	}
}

/* Has the source been seen to have another version since it was planned?  Then it is planned anew at once. */
static bool is_superseded(const struct run *run)
{
	const struct source_certificate *seen = run->certificate->seen;

	return seen && !digest_equal(&seen->version.digest, &run->source.version.digest);
}

static void on_exported(void *userdata, const struct transfer_exported *exported, const struct error *err)
{
	struct run *run = userdata;
	struct conductor *conductor = run->conductor;
	struct certificate_record *record = &run->certificate->record;
	struct changes changes = { 0 };
	bool together;

	if (err && is_superseded(run)) {
		log_debug("Exporting '%s' again, because it was renewed during the export: %s", run->certificate->name, err->text);
		return;
	}
	together = conductor_begin(conductor);
	if (err) {
		transition_export_failed(
			record, err, (unsigned)random_below(CHANCES), conductor_now(conductor), &changes);
		for (size_t i = 0; i < run->count; i++)
			state_asked(conductor, run->deliveries[i], false);
		if (err->kind == ERROR_RETRY)
			conductor->source.next_look = clock_monotonic(); /* it may have been renewed meanwhile */
	} else {
		bool pins = exported->anchor_pem && !record->anchor && tag_is_first_use(conductor, run->certificate);

		run->exported = true;
		transition_exported(
			record, &exported->version, pins ? exported->anchor_pem : NULL, run->count, &changes);
		run->anchor_pem = mem_strdup(exported->anchor_pem);
		run->leaf_pem = mem_strdup(exported->leaf_pem);
		run->chain_pem = mem_strdup(exported->chain_pem);
		mark_first_imports(run);
		say_notes(run, exported->notes);
	}
	say_certificate_changes(conductor, run->certificate, &changes);
	(void)conductor_save_certificate(conductor, run->certificate);
	conductor_commit(conductor, together);
}

/* The write was not sent, so nothing is owed for it; what was owed before stays. */
static void withdraw_owed(struct conductor *conductor, struct tracked_delivery *delivery)
{
	STRV_FOREACH(name, delivery->delivery->wish->then) {
		struct tracked_dependent *dependent = state_find_dependent(conductor, *name);

		struct owed_record *row = dependent ? state_find_owed(dependent, delivery->name) : NULL;

		if (!row || !transition_owed_withdrawn(row))
			continue;
		(void)conductor_remove_owed(conductor, row);
		state_forget_owed(dependent, row);
	}
}

static void note_failure(struct conductor *conductor, struct tracked_delivery *delivery, const struct outcome *outcome)
{
	struct delivery_record *record = &delivery->record;
	struct changes changes = { 0 };

	transition_failed(record, &outcome->error, outcome->error.code == AWS_CODE_AMBIGUOUS,
		(unsigned)random_below(CHANCES), conductor_now(conductor), &changes);
	say_delivery_changes(conductor, delivery->delivery, &changes);
}

static void count_import(struct conductor *conductor, const struct tracked_delivery *delivery, bool created)
{
	const struct place *place = delivery->delivery->place;
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(freep) char *name = NULL;

	if (!conductor->record || !destination_counts_puts(place))
		return;
	name = destination_counted_as(place);
	(void)conductor_recorded(conductor,
		record_add_import(conductor->record, name, created, conductor_now(conductor), &err), &err);
}

/* Where another root than the pinned one was let through (approved, accepted, or late enough), it is the one to expect from
 * now on. */
static void note_anchor(struct conductor *conductor, struct run *run)
{
	if (transition_anchor_replaced(&run->certificate->record, run->anchor_pem))
		(void)conductor_save_certificate(conductor, run->certificate);
}

static void note_delivered(struct conductor *conductor, struct run *run, struct tracked_delivery *delivery,
	const struct outcome *outcome)
{
	const struct transition_bundle bundle = { run->leaf_pem, run->chain_pem };
	const bool hides = destination_hides_objects(delivery->delivery->place);
	struct slot *slot = state_slot(conductor, delivery);
	struct changes changes = { 0 };

	if (outcome->kind == OUTCOME_DONE)
		note_anchor(conductor, run);
	/* A new object was made with its mark, and one that was there bears what it bore. */
	if (transition_delivered(&delivery->record, outcome, hides ? &bundle : NULL, &changes) && slot &&
		!outcome->created)
		tag_want(conductor, slot);
	say_delivery_changes(conductor, delivery->delivery, &changes);
}

static void on_delivered(void *userdata, size_t item, const struct outcome *outcome, const struct observed *seen)
{
	struct run *run = userdata;
	struct conductor *conductor = run->conductor;
	struct tracked_delivery *delivery = run->deliveries[item];
	struct observed copy = { 0 };
	bool begun = conductor_begin(conductor);

	state_asked(conductor, delivery, false);
	if (outcome->wrote && outcome->kind != OUTCOME_UNCHANGED)
		count_import(conductor, delivery, outcome->created);
	switch (outcome->kind) {
	case OUTCOME_DONE:
	case OUTCOME_UNCHANGED:
		note_delivered(conductor, run, delivery, outcome);
		break;
	case OUTCOME_WAITING:
		transition_held(&delivery->record, outcome,
			delivery->delivery->wish->accept | delivery->delivery->entry->accept);
		break;
	case OUTCOME_FAILED:
		note_failure(conductor, delivery, outcome);
		break;
	}
	if (outcome->kind == OUTCOME_WAITING || outcome->kind == OUTCOME_FAILED) {
		if (!outcome->wrote)
			withdraw_owed(conductor, delivery);
		else if (seen && seen->object_id)
			transition_written(&delivery->record, seen->object_id);
		(void)conductor_save_delivery(conductor, &delivery->record);
	}
	if (state_slot(conductor, delivery))
		reach_ended(delivery->place, outcome->kind == OUTCOME_FAILED);
	end_carrying(conductor, delivery);
	if (seen) {
		observed_copy(&copy, seen);
		copy.at = conductor_now(conductor);
		look_seen(conductor, delivery, &copy);
		observed_done(&copy);
	}
	conductor_commit(conductor, begun);
	run->deliveries[item] = NULL;
	state_release_delivery(conductor, delivery);
	cycle_poke(conductor);
}

static void on_done(void *userdata)
{
	struct run *run = userdata;
	struct conductor *conductor = run->conductor;

	run->transfer = NULL;
	for (size_t i = 0; i < run->count; i++)
		if (run->deliveries[i])
			withdraw_owed(conductor, run->deliveries[i]); /* the export failed */
	run_free(run);
	cycle_poke(conductor);
}

static const struct transfer_events events = {
	.on_exported = on_exported,
	.on_delivered = on_delivered,
	.on_done = on_done,
};

/* --- start --- */

/* An import that may have been made, unseen, is looked for in any case. */
static usec_t absent_at(const struct tracked_delivery *delivery)
{
	bool imports = destination_names_objects(delivery->delivery->place) && !delivery->delivery->arn;

	return imports && !delivery->record.ambiguous && delivery->observed.state == OBSERVED_ABSENT
		? delivery->observed.at : 0;
}

static void fill_item(struct run *run, size_t index)
{
	struct tracked_delivery *delivery = run->deliveries[index];
	struct delivery_record *record = &delivery->record;
	bool confirmed = digest_is_set(&record->confirmed.digest);

	state_claim(state_slot(run->conductor, delivery), CLAIM_TRANSFER);
	run->items[index] = (struct transfer_item){
		.delivery = delivery->delivery,
		.known = { .delivery = delivery->delivery,
			.wanted = run->source.version,
			.source = &run->source,
			.object_id = delivery->observed.object_id ?: record->object_id,
			.confirmed = record->confirmed,
			.revision = record->revision },
		.leaf_pem = confirmed ? record->leaf : NULL,
		.chain_pem = confirmed ? record->chain : NULL,
		.anchor = record->anchor,
		.confirmed = confirmed,
		.approved = digest_equal(&record->approved, &run->source.version.digest),
		.absent_at = absent_at(delivery),
	};
}

static const struct certificate_list *recorded_anchor(struct run *run)
{
	const char *anchor = run->certificate->record.anchor;

	if (anchor && certificate_list_parse(anchor, strlen(anchor), &run->anchor, NULL) == 0 && run->anchor.count)
		return &run->anchor;
	return NULL;
}

bool deliver_start(struct conductor *conductor, struct tracked_certificate *certificate,
	struct tracked_delivery **deliveries, size_t count)
{
	struct transfer_request request;
	struct run *run;

	if (certificate->run || !write_intent(conductor, &certificate->seen->version.digest, deliveries, count)) {
		free(deliveries);
		return false;
	}
	run = mem_new(struct run);
	*run = (struct run){ .next = conductor->runs,
		.conductor = conductor,
		.world = world_ref(conductor->world),
		.certificate = certificate,
		.deliveries = deliveries,
		.items = mem_alloc(count * sizeof(*run->items)),
		.count = count };
	source_certificate_copy(&run->source, certificate->seen);
	for (size_t i = 0; i < count; i++)
		fill_item(run, i);
	conductor->runs = run;
	certificate->runs++;
	deliver_count(conductor);
	request = (struct transfer_request){
		.context = &conductor->destinations,
		.desired = run->world->desired,
		.source = &run->source,
		.anchors = run->world->configuration->trust.count ? &run->world->configuration->trust : NULL,
		.recorded = recorded_anchor(run),
		.names = certificate->entry->names,
		.usage = certificate->entry->usage,
		.not_older_than = certificate->record.newest,
		.items = run->items,
		.item_count = count,
	};
	run->transfer = transfer_start(&request, &events, run);
	return true;
}

void deliver_cancel(struct conductor *conductor)
{
	while (conductor->runs)
		run_free(conductor->runs);
}

/* --- a delivery's own proof --- */

struct delivery_proof {
	struct conductor *conductor;
	struct tracked_delivery *delivery;
	struct digest want; /* a certificate's */
	struct prove *prove;
};

static void on_proven(void *userdata, enum prove_result result, const char *words)
{
	struct delivery_proof *proof = userdata;
	struct conductor *conductor = proof->conductor;
	struct tracked_delivery *delivery = proof->delivery;
	struct delivery_record *record = &delivery->record;
	struct changes changes = { 0 };

	transition_proven(record, &proof->want, result, words, conductor_now(conductor), &changes);
	say_delivery_changes(conductor, delivery->delivery, &changes);
	state_asked(conductor, delivery, false);
	delivery->proof = NULL;
	state_unclaim(state_slot(conductor, delivery), CLAIM_PROOF);
	conductor->proofs--;
	free(proof);
	(void)conductor_save_delivery(conductor, record);
	state_release_delivery(conductor, delivery);
	cycle_poke(conductor);
}

void deliver_prove(struct conductor *conductor, struct tracked_delivery *delivery)
{
	struct delivery_proof *proof = mem_new(struct delivery_proof);
	const struct prove_request request = {
		.proof = &delivery->delivery->wish->prove,
		.want = digest_leaf(&delivery->observed.version.digest),
	};

	proof->conductor = conductor;
	proof->delivery = delivery;
	proof->want = delivery->observed.version.digest;
	delivery->proof = proof;
	state_claim(state_slot(conductor, delivery), CLAIM_PROOF);
	conductor->proofs++;
	proof->prove = prove_start(conductor->event, &request, on_proven, proof);
}

void deliver_prove_cancel(struct conductor *conductor, struct tracked_delivery *delivery)
{
	if (!delivery->proof)
		return;
	prove_cancel(delivery->proof->prove);
	free(delivery->proof);
	delivery->proof = NULL;
	conductor->proofs--;
}
