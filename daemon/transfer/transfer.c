/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A transfer is at one step at a time:
 *	EXPORT	the source is asked				export != NULL, or ahead has asked it
 *	CARRY	its items go their ways, side by side	left > 0; bundle while needing > 0
 *	END	on_done was called, and the transfer is gone
 *
 * A callback may cancel the transfer: after each, is_cancelled() tells whether it may still be
 * touched.
 */

#include "daemon/transfer/transfer.h"

#include <assert.h>
#include <stdlib.h>

#include "daemon/transfer/ahead.h"
/* Circle with daemon/transfer/carry.h: a transfer is many carries. */
#include "daemon/transfer/carry.h"
#include "daemon/transfer/verify.h"

struct slot {
	struct transfer *transfer;
	size_t index;
	struct carry *carry;
};

struct transfer {
	struct transfer_request request;
	const struct transfer_events *events;
	void *userdata;
	struct ahead *ahead; /* what was begun before, taken over; or NULL */
	struct source_obtain *export;
	struct bundle *bundle;
	struct slot *slots;
	size_t left; /* items that have not ended */
	size_t needing; /* items that still need the bundle */
	struct in_place in_place; /* what its carries found last */
	struct carry_gate gate;
	enum anchor_pin pin; /* where its chain ends, against the recorded one */
	bool calling; /* inside a callback: cancel leaves the memory to whoever called it */
	bool opening; /* inside transfer_may_write(): the same, and the end, too */
	bool cancelled;
};

/* --- The end --- */

static void stop(struct transfer *transfer)
{
	transfer->ahead = ahead_cancel(transfer->ahead);
	transfer->export = source_obtain_cancel(transfer->export);
	for (size_t i = 0; transfer->slots && i < transfer->request.item_count; i++)
		transfer->slots[i].carry = carry_cancel(transfer->slots[i].carry);
	transfer->bundle = bundle_free(transfer->bundle);
}

static void transfer_free(struct transfer *transfer)
{
	stop(transfer);
	in_place_done(&transfer->in_place);
	error_done(&transfer->gate.refused);
	free(transfer->slots);
	free(transfer);
}

struct transfer *transfer_cancel(struct transfer *transfer)
{
	if (!transfer)
		return NULL;
	transfer->cancelled = true;
	if (transfer->calling || transfer->opening)
		stop(transfer);
	else
		transfer_free(transfer);
	return NULL;
}

/* After a callback: true when it cancelled the transfer, which is gone then. */
static bool is_cancelled(struct transfer *transfer)
{
	transfer->calling = false;
	if (!transfer->cancelled)
		return false;
	if (!transfer->opening)
		transfer_free(transfer);
	return true;
}

/* The only end but cancel. */
static void finish(struct transfer *transfer)
{
	const struct transfer_events *events = transfer->events;
	void *userdata = transfer->userdata;

	transfer_free(transfer);
	events->on_done(userdata);
}

/* --- CARRY --- */

static void on_left(void *userdata)
{
	struct transfer *transfer = ((struct slot *)userdata)->transfer;

	assert(transfer->needing > 0);
	if (--transfer->needing == 0)
		transfer->bundle = bundle_free(transfer->bundle);
}

static void on_ended(void *userdata, const struct outcome *outcome, const struct observed *seen)
{
	struct slot *slot = userdata;
	struct transfer *transfer = slot->transfer;

	slot->carry = NULL;
	transfer->calling = true;
	transfer->events->on_delivered(transfer->userdata, slot->index, outcome, seen);
	if (is_cancelled(transfer))
		return;
	if (--transfer->left == 0 && !transfer->opening)
		finish(transfer);
}

static void start_carrying(struct transfer *transfer)
{
	static const struct carry_events events = { .on_left = on_left, .on_ended = on_ended };
	const struct transfer_request *request = &transfer->request;
	struct carry_job job = {
		.context = request->context,
		.source = request->source,
		.bundle = transfer->bundle,
		.ahead = transfer->ahead,
		.trusted = request->anchors != NULL,
		.pin = transfer->pin,
		.version = bundle_version(transfer->bundle),
		.in_place = &transfer->in_place,
		.gate = &transfer->gate,
	};

	bundle_anchor(transfer->bundle, &job.anchor);
	transfer->left = transfer->needing = request->item_count;
	transfer->slots = mem_alloc(request->item_count * sizeof(*transfer->slots));
	for (size_t i = 0; i < request->item_count; i++) {
		struct slot *slot = &transfer->slots[i];

		*slot = (struct slot){ .transfer = transfer, .index = i };
		job.item = &request->items[i];
		slot->carry = carry_start(&job, &events, slot);
	}
}

void transfer_may_write(struct transfer *transfer, const struct error *err)
{
	if (err)
		error_copy(&transfer->gate.refused, err);
	else
		transfer->gate.open = true;
	if (!transfer->slots)
		return;
	transfer->opening = true;
	for (size_t i = 0; i < transfer->request.item_count; i++)
		if (transfer->slots[i].carry)
			carry_gate_changed(transfer->slots[i].carry);
	transfer->opening = false;
	if (transfer->cancelled)
		transfer_free(transfer);
	else if (transfer->left == 0)
		finish(transfer);
}

bool transfer_is_writing(const struct transfer *transfer, size_t item)
{
	return transfer->slots && transfer->slots[item].carry && carry_is_writing(transfer->slots[item].carry);
}

/* --- EXPORT --- */

/*
 * Reads lag: an export may still show the version before the one that was planned, or one after
 * it.
 */
static int check_version(const struct transfer *transfer, struct error *err)
{
	const struct certificate *leaf = transfer->bundle->leaf;
	const struct digest digest = bundle_version(transfer->bundle).digest;
	const struct digest *planned = &transfer->request.source->version.digest;
	char from[TIME_TEXT_SIZE], newest[TIME_TEXT_SIZE];

	if (digest_is_set(planned) && !digest_equal(planned, &digest))
		return error_set(err, ERROR_RETRY, 0,
			"ACM exported another certificate (serial %s) than the one that it showed "
			"before; certferry polls the source again",
			leaf->serial);
	if (leaf->not_before < transfer->request.not_older_than)
		return error_set(err, ERROR_RETRY, 0,
			"ACM exported a certificate valid from %s after it showed one valid from %s; "
			"certferry polls the source again",
			time_format(leaf->not_before, from),
			time_format(transfer->request.not_older_than, newest));
	return 0;
}

static struct verify_terms terms_of(const struct transfer *transfer)
{
	const struct transfer_request *request = &transfer->request;

	return (struct verify_terms){
		.now = destination_now(request->context),
		.anchors = request->anchors,
		.names = request->names,
		.usage = request->item_count > 0 ? request->items[0].delivery->entry->usage
						 : request->usage,
	};
}

static int check_bundle(
	struct transfer *transfer, const struct certificate **ret_anchor, struct error *err)
{
	const struct transfer_request *request = &transfer->request;
	struct verify_terms terms = terms_of(transfer);
	const struct certificate *unused;
	int r;

	r = check_version(transfer, err);
	if (r == 0)
		r = verify_bundle(transfer->bundle, &terms, ret_anchor, err);
	if (r < 0 || request->anchors || !request->recorded)
		return r;
	terms.anchors = request->recorded;
	transfer->pin = verify_bundle(transfer->bundle, &terms, &unused, NULL) < 0 ? PIN_DISAGREES : PIN_AGREES;
	return 0;
}

/* What is worth a word to each of the items, and no reason to refuse. */
static const char **find_notes(const struct transfer *transfer)
{
	const struct transfer_request *request = &transfer->request;
	const char **notes = mem_alloc(request->item_count * sizeof(*notes));

	for (size_t i = 0; i < request->item_count; i++)
		notes[i] = destination_note(request->items[i].delivery->place, transfer->bundle);
	return notes;
}

static void say_exported(
	struct transfer *transfer, const struct certificate *anchor, const struct error *err)
{
	_cleanup_(freep) char *leaf = NULL, *chain = NULL, *anchor_pem = NULL, *note = NULL;
	const struct verify_terms terms = terms_of(transfer);
	_cleanup_(freep) const char **notes = NULL;
	struct transfer_exported exported;

	if (err) {
		transfer->events->on_exported(transfer->userdata, NULL, err);
		return;
	}
	leaf = certificate_pem(transfer->bundle->leaf);
	chain = certificate_list_pem(&transfer->bundle->chain);
	anchor_pem = anchor ? certificate_pem(anchor) : NULL;
	note = verify_beyond_note(transfer->bundle, &terms);
	notes = find_notes(transfer);
	exported = (struct transfer_exported){
		.version = bundle_version(transfer->bundle),
		.leaf_pem = leaf,
		.chain_pem = chain,
		.anchor_pem = anchor_pem,
		.note = note,
		.notes = notes,
	};
	transfer->events->on_exported(transfer->userdata, &exported, NULL);
}

static void on_export(void *userdata, struct bundle *bundle, const struct error *err)
{
	struct transfer *transfer = userdata;
	const struct certificate *anchor = NULL;
	_cleanup_(error_done) struct error failure = ERROR_NULL;

	transfer->export = NULL;
	transfer->bundle = bundle;
	if (!err && check_bundle(transfer, &anchor, &failure) < 0)
		err = &failure;
	transfer->calling = true;
	say_exported(transfer, anchor, err);
	if (is_cancelled(transfer))
		return;
	if (err || transfer->request.item_count == 0)
		finish(transfer);
	else
		start_carrying(transfer);
}

static void start_export(struct transfer *transfer)
{
	const struct transfer_request *request = &transfer->request;

	transfer->export = source_obtain(
		request->context->aws, request->desired, request->source, on_export, transfer);
}

/* Asked for before its version was known, it may be another one: reads lag. */
static void on_exported_ahead(void *userdata, struct bundle *bundle, const struct error *err)
{
	struct transfer *transfer = userdata;

	transfer->bundle = bundle;
	if (!err && check_version(transfer, NULL) == 0) {
		on_export(transfer, bundle, NULL);
		return;
	}
	transfer->bundle = bundle_free(transfer->bundle);
	start_export(transfer);
}

struct transfer *transfer_start(const struct transfer_request *request,
	const struct transfer_events *events, void *userdata)
{
	struct transfer *transfer = mem_new(struct transfer);

	*transfer =
		(struct transfer){ .request = *request, .events = events, .userdata = userdata };
	transfer->ahead = request->ahead;
	if (transfer->ahead)
		ahead_take(transfer->ahead, on_exported_ahead, transfer);
	else
		start_export(transfer);
	return transfer;
}
