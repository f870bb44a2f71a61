/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A carry is at one step at a time:
 *	READ		what is there is read			look != NULL or job.ahead reads it, bundle != NULL
 *			(or was, or is believed to be nothing)	timer != NULL, bundle != NULL
 *	GATE		it waits until it may be written	at_gate, bundle != NULL
 *	PUT		the bundle is being written		put != NULL, bundle != NULL
 *	READBACK	it is read again, or about to be	look != NULL or timer != NULL
 * and ends from any of them.
 */

#include "daemon/transfer/carry.h"

#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "daemon/plan/expiry.h"
#include "daemon/model/whose.h"
#include "daemon/transfer/ahead.h"
#include "daemon/transfer/carry_text.h"
#include "daemon/transfer/verify.h"

/* AWS shows a write to every reader only after seconds: 1, 2, 4 and 8 s after the first try. */
#define READBACK_TRIES 5

struct carry {
	struct carry_job job;
	struct look_item known; /* as the request has it, with what is known better by now */
	const struct bundle *bundle; /* NULL once it is left */
	struct destination_look *look;
	struct destination_put *put;
	sd_event_source *timer;
	struct observed seen; /* last */
	bool anchor_seen; /* before the put, what the object says of its anchor: */
	struct fingerprint borne;
	char *tagged; /* observed.former */
	char *object_id; /* where it was put; NULL before that */
	bool at_gate;
	bool former; /* what is in place is of another source certificate */
	bool wrote;
	bool created;
	struct shown_news shown; /* of the put */
	unsigned tries;
	const struct carry_events *events;
	void *userdata;
};

static void look_at(struct carry *carry);

static const struct delivery *delivery_of(const struct carry *carry)
{
	return carry->job.item->delivery;
}

static const char *object_of(const struct carry *carry)
{
	return carry->seen.object_id ?: delivery_of(carry)->object;
}

/* --- The end --- */

struct carry *carry_cancel(struct carry *carry)
{
	if (!carry)
		return NULL;
	destination_look_cancel(carry->look);
	destination_put_cancel(carry->put);
	sd_event_source_disable_unref(carry->timer);
	observed_done(&carry->seen);
	free(carry->object_id);
	shown_news_done(&carry->shown);
	free(carry->tagged);
	free(carry);
	return NULL;
}

bool carry_is_writing(const struct carry *carry)
{
	return carry->put != NULL;
}

static void leave_bundle(struct carry *carry)
{
	if (!take(carry->bundle))
		return;
	carry->events->on_left(carry->userdata);
}

/* What is there is compared once, before the write; afterwards only others would pay for how long it is. */
static void forget_texts(struct observed *seen)
{
	free(take(seen->leaf_pem));
	free(take(seen->chain_pem));
}

/* The only end but cancel; ${outcome} is taken over. */
static void finish(struct carry *carry, struct outcome *outcome)
{
	const struct carry_events *events = carry->events;
	void *userdata = carry->userdata;
	_cleanup_(observed_done) struct observed seen = carry->seen;

	leave_bundle(carry);
	outcome->wrote = carry->wrote;
	outcome->shown = carry->shown;
	carry->shown = (struct shown_news){ 0 };
	forget_texts(&seen);
	carry->seen = (struct observed){ 0 };
	carry_cancel(carry);
	events->on_ended(userdata, outcome, &seen);
	outcome_done(outcome);
}

/* ${err} is taken over. */
static void fail(struct carry *carry, struct error *err)
{
	struct outcome outcome = { .kind = OUTCOME_FAILED };

	error_move(&outcome.error, err);
	finish(carry, &outcome);
}

/* ${reason} is taken over. */
static void wait_for(struct carry *carry, enum hold hold, char *reason)
{
	struct outcome outcome = { .kind = OUTCOME_WAITING, .hold = hold, .reason = reason };

	finish(carry, &outcome);
}

static void succeed(struct carry *carry, enum outcome_kind kind)
{
	struct outcome outcome = {
		.kind = kind,
		.version = carry->seen.version,
		.anchor = carry->job.anchor,
		.created = carry->created && kind == OUTCOME_DONE,
	};

	finish(carry, &outcome);
}

/* --- READ --- */

static bool shows_version(const struct carry *carry)
{
	return carry->seen.state == OBSERVED_PRESENT &&
		digest_equal(
			&carry->seen.version.digest, &carry->job.version.digest);
}

/*
 * The same leaf with another chain is written again; where the chain cannot be seen, the leaf
 * decides.
 */
static bool is_unchanged(const struct carry *carry)
{
	const struct fingerprint *chain = &carry->seen.version.chain;

	return shows_version(carry) &&
		(!fingerprint_is_set(chain) || fingerprint_equal(chain, &carry->job.version.chain));
}

/*
 * An import that is gone may have been made anew already, by a call whose answer was lost:
 * before another is made, all the account's imports are looked at.
 */
static bool looks_again_for_gone(struct carry *carry)
{
	if (!delivery_of(carry)->wish->recreate || !carry->known.exact)
		return false;
	carry->known.exact = false;
	look_at(carry);
	return true;
}

/*
 * Does the state of what is there keep it from being written?  Then the carry has ended, or
 * looks again.
 */
static bool stopped_by_state(struct carry *carry)
{
	struct error err = ERROR_NULL;

	switch (carry->seen.state) {
	case OBSERVED_ABSENT:
	case OBSERVED_PRESENT:
	case OBSERVED_DEMOTED:
		return false;
	case OBSERVED_ADOPTABLE:
		wait_for(carry, HOLD_ADOPT, observed_candidates_text(&carry->seen));
		return true;
	case OBSERVED_GONE:
		if (looks_again_for_gone(carry))
			return true;
		if (delivery_of(carry)->wish->recreate)
			return false;
		wait_for(carry, HOLD_GONE, carry_gone_text(object_of(carry)));
		return true;
	case OBSERVED_UNKNOWN:
	case OBSERVED_FOREIGN:
		break;
	}
	error_copy(&err, &carry->seen.error);
	fail(carry, &err);
	return true;
}

void in_place_done(struct in_place *in_place)
{
	free(in_place->leaf_pem);
	free(in_place->chain_pem);
	certificate_free(in_place->leaf);
	change_done(&in_place->change);
	*in_place = (struct in_place){ 0 };
}

static void compare(const struct carry *carry, struct in_place *in_place)
{
	struct certificate_list chain = { 0 };
	const char *text = in_place->chain_pem;

	if (text)
		(void)certificate_chain_parse(text, strlen(text), &chain, NULL);
	verify_change(carry->bundle, in_place->leaf, &chain, &in_place->change);
	in_place->same_authority = verify_same_authority(carry->bundle, in_place->leaf, &chain);
	certificate_list_done(&chain);
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/*
 * What is there now, read or, of a secret, as the record has it, and compared with the bundle.
 * NULL: not known.
 */
static const struct in_place *find_in_place(const struct carry *carry)
{
	bool read = carry->seen.leaf_pem != NULL;
	const char *leaf = read ? carry->seen.leaf_pem : carry->job.item->leaf_pem;
	const char *chain = read ? carry->seen.chain_pem : carry->job.item->chain_pem;
	struct in_place *last = carry->job.in_place;

	if (!leaf ||
		(carry->seen.state != OBSERVED_PRESENT && carry->seen.state != OBSERVED_DEMOTED))
		return NULL;
	if (!same_text(leaf, last->leaf_pem) || !same_text(chain, last->chain_pem)) {
		in_place_done(last);
		last->leaf_pem = mem_strdup(leaf);
		last->chain_pem = mem_strdup(chain);
		if (certificate_parse(leaf, strlen(leaf), &last->leaf, NULL) == 0)
			compare(carry, last);
	}
	return last->leaf ? last : NULL;
}

/* Does the bundle's chain end where it may here? */
static enum anchor_standing find_standing(const struct carry *carry)
{
	const struct anchor_known known = {
		.pin = carry->job.pin,
		.confirmed = carry->job.item->confirmed,
		.recorded = carry->job.item->anchor,
		.own = carry->seen.own || carry->seen.former,
		.borne = carry->seen.anchor,
	};

	return carry->job.trusted ? ANCHOR_KNOWN : verify_standing(carry->bundle, &known);
}

/*
 * Would those who use ${in_place} lose something that nobody has accepted?  Then why, for a
 * person to read.
 */
static char *change_to_approve(const struct carry *carry, const struct in_place *in_place)
{
	const struct delivery *delivery = delivery_of(carry);
	_cleanup_(change_done) struct change change = { 0 };
	char *reason = NULL;

	if (in_place) {
		change = in_place->change;
		change.text = mem_strdup(change.text);
	}
	verify_add_anchor(carry->bundle, find_standing(carry), &change);
	if (carry->former && in_place)
		verify_add_key(carry->bundle, in_place->leaf, &change);
	else if (carry->former)
		verify_add_unknown(&change);
	if (verify_change_held(&change, delivery->wish->accept | delivery->entry->accept,
		    delivery->entry->usage, destination_now(carry->job.context),
		    in_place ? expiry_yields_at(
				       in_place->leaf->not_before, in_place->leaf->not_after)
			     : USEC_INFINITY))
		reason = carry_change_text(
			&change, delivery->name, carry->former ? &carry->seen : NULL);
	return reason;
}

static int check_age(const struct carry *carry, struct error *err)
{
	const struct version *there = &carry->seen.version;

	if (carry->former || carry->job.item->may_go_back ||
		!version_is_older(&carry->job.version, there))
		return 0;
	return carry_newer_error(object_of(carry), there, &carry->job.version, err);
}

/* A person lets go of it by name, and of no more than they have read. */
static bool stopped_by_foreign(struct carry *carry)
{
	if (!carry->seen.foreign)
		return false;
	wait_for(carry, HOLD_FOREIGN,
		observed_foreign_text(&carry->seen, delivery_of(carry)->name));
	return true;
}

/* An import that certferry goes on with by the record must say that it is this delivery's still. */
static bool lost_its_mark(const struct carry *carry)
{
	const struct delivery *delivery = delivery_of(carry);

	return carry->former && destination_names_objects(delivery->place) && !delivery->arn &&
		!carry->seen.own && !carry->seen.former;
}

/* Did certferry put there what is in place? */
static bool stopped_by_others(struct carry *carry, const struct in_place *in_place)
{
	const struct transfer_item *item = carry->job.item;
	const struct observed *seen = &carry->seen;
	enum whose found;

	if (seen->state != OBSERVED_PRESENT && seen->state != OBSERVED_DEMOTED)
		return false;
	found = whose(seen, item->delivery, item->record, &item->exported, &carry->job.version);
	carry->former = found == WHOSE_FORMER;
	if (item->may_go_back)
		return false;
	if (found == WHOSE_OTHERS ||
		(in_place && !in_place->same_authority &&
			whose_needs_issuer(seen, item->delivery, item->record, &item->exported)))
		wait_for(carry, HOLD_FOREIGN, whose_hold_text(seen, item->delivery));
	else if (lost_its_mark(carry))
		wait_for(carry, HOLD_ADOPT,
			carry_former_text("its tags do not name this delivery any more", seen));
	else
		return false;
	return true;
}

/* ${err} is taken over. */
static void refuse(struct carry *carry, struct error *err)
{
	if (carry->former && destination_names_objects(delivery_of(carry)->place) &&
		err->kind == ERROR_INVALID) {
		wait_for(carry, HOLD_ADOPT, carry_former_text(err->text, &carry->seen));
		error_done(err);
	} else {
		fail(carry, err);
	}
}

/* CHECK: the last moment before the write. */
static bool stopped_by_check(struct carry *carry)
{
	const struct delivery *delivery = delivery_of(carry);
	const struct in_place *in_place = find_in_place(carry);
	struct error err = ERROR_NULL;
	char *reason;
	int r;

	if (stopped_by_others(carry, in_place))
		return true;
	r = check_age(carry, &err);
	if (r == 0)
		r = destination_accepts(delivery, carry->bundle, in_place ? in_place->leaf : NULL, &err);
	if (r < 0) {
		refuse(carry, &err);
		return true;
	}
	if (carry->job.item->approved)
		return false;
	reason = change_to_approve(carry, in_place);
	if (reason)
		wait_for(carry, HOLD_APPROVAL, reason);
	return reason != NULL;
}

/* --- PUT --- */

static void on_put(void *userdata, const char *object_id, const struct shown_news *news,
	const struct error *err)
{
	struct carry *carry = userdata;
	struct error failure = ERROR_NULL;

	carry->put = NULL;
	if (news)
		shown_news_copy(&carry->shown, news);
	if (err) {
		error_copy(&failure, err);
		fail(carry, &failure);
		return;
	}
	leave_bundle(carry);
	carry->object_id = mem_strdup(object_id);
	carry->known.object_id = carry->object_id;
	carry->known.exact = true;
	carry->known.want_anchor = carry->known.want_users = false;
	look_at(carry);
}

static void start_put(struct carry *carry)
{
	enum observed_state state = carry->seen.state;

	carry->wrote = true;
	carry->anchor_seen = carry->seen.anchor_seen;
	carry->borne = carry->seen.anchor;
	carry->tagged = mem_strdup(carry->seen.former);
	carry->created = state == OBSERVED_ABSENT || state == OBSERVED_GONE;
	forget_texts(&carry->seen);
	carry->put = destination_put(
		carry->job.context, delivery_of(carry), carry->bundle, &carry->seen, on_put, carry);
}

/* GATE: all is well with it. */
static void pass_gate(struct carry *carry)
{
	const struct carry_gate *gate = carry->job.gate;
	struct error err = ERROR_NULL;

	carry->at_gate = !gate->open && !gate->refused.text;
	if (gate->open) {
		start_put(carry);
	} else if (gate->refused.text) {
		error_copy(&err, &gate->refused);
		fail(carry, &err);
	}
}

void carry_gate_changed(struct carry *carry)
{
	if (carry->at_gate)
		pass_gate(carry);
}

static void on_read(struct carry *carry)
{
	if (stopped_by_state(carry))
		return;
	if (is_unchanged(carry))
		succeed(carry, OUTCOME_UNCHANGED);
	else if (!stopped_by_foreign(carry) && !stopped_by_check(carry))
		pass_gate(carry);
}

/* --- READBACK --- */

/* Where reads do not lag it is there at once or not at all, and no permission comes with waiting. */
static bool may_look_again(const struct carry *carry)
{
	enum error_kind kind = carry->seen.error.kind;

	return place_kind_of(delivery_of(carry)->place->destination)->reads_lag &&
		carry->tries < READBACK_TRIES && (kind == ERROR_NONE || kind == ERROR_RETRY);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct carry *carry = userdata;

	carry->timer = sd_event_source_disable_unref(carry->timer);
	look_at(carry);
	return 0;
}

static void wait_and_look(struct carry *carry)
{
	usec_t delay = USEC_PER_SEC << (carry->tries - 1);

	if (sd_event_add_time_relative(carry->job.context->event, &carry->timer, CLOCK_MONOTONIC,
		    delay, 0, on_timer, carry) < 0)
		mem_exhausted();
	(void)sd_event_source_set_description(carry->timer, "carry-readback");
}

static void on_readback(struct carry *carry)
{
	struct error err = ERROR_NULL;

	carry->tries++;
	if (shows_version(carry)) {
		succeed(carry, OUTCOME_DONE);
	} else if (may_look_again(carry)) {
		wait_and_look(carry);
	} else {
		carry_readback_error(object_of(carry), &carry->seen, &err);
		fail(carry, &err);
	}
}

/* --- Looking, before and after --- */

static void on_look(void *userdata, struct observed *seen, const struct error *err)
{
	struct carry *carry = userdata;

	carry->look = NULL;
	observed_done(&carry->seen);
	if (seen)
		carry->seen = *seen;
	else
		error_copy(&carry->seen.error, err); /* and its state is UNKNOWN */
	free(seen);
	if (!carry->object_id) {
		on_read(carry);
		return;
	}
	/* A look after the put may have left out what takes another request, and what the put has not changed. */
	if (!carry->seen.anchor_seen && !carry->created) {
		carry->seen.anchor_seen = carry->anchor_seen;
		carry->seen.anchor = carry->borne;
		carry->seen.former = take(carry->tagged);
	}
	if (!carry->seen.object_id) /* it was put there, whatever can be seen of it */
		carry->seen.object_id = mem_strdup(carry->object_id);
	on_readback(carry);
}

static void look_at(struct carry *carry)
{
	carry->look = destination_look(carry->job.context, &carry->known, 1, NULL,
		destination_now(carry->job.context), on_look, carry);
}

static int on_known(sd_event_source *source, void *userdata)
{
	struct carry *carry = userdata;

	carry->timer = sd_event_source_disable_unref(carry->timer);
	on_read(carry);
	return 0;
}

/* What is there is known: that needs no look, only another turn of the loop. */
static void believe_seen(struct carry *carry)
{
	if (sd_event_add_defer(carry->job.context->event, &carry->timer, on_known, carry) < 0)
		mem_exhausted();
	(void)sd_event_source_set_description(carry->timer, "carry-known");
}

/* Nothing was there a moment ago. */
static void believe_absent(struct carry *carry, usec_t at)
{
	carry->seen = (struct observed){ .state = OBSERVED_ABSENT, .at = at };
	believe_seen(carry);
}

/* Was it read ahead, or is it being?  What that leaves out may not be needed. */
static bool is_read_ahead(struct carry *carry)
{
	enum ahead_read read = AHEAD_NONE;

	if (carry->job.ahead && !carry->known.want_anchor && !carry->known.want_users)
		read = ahead_read(carry->job.ahead, &carry->known, &carry->seen, on_look, carry);
	if (read == AHEAD_READ)
		believe_seen(carry);
	return read != AHEAD_NONE;
}

static bool is_believed_absent(const struct carry *carry)
{
	usec_t at = carry->job.item->absent_at;

	return at && usec_sub(destination_now(carry->job.context), at) <= ABSENT_BELIEVED;
}

struct carry *carry_start(
	const struct carry_job *job, const struct carry_events *events, void *userdata)
{
	struct carry *carry = mem_new(struct carry);

	*carry = (struct carry){
		.job = *job,
		.known = job->item->known,
		.bundle = job->bundle,
		.events = events,
		.userdata = userdata,
	};
	carry->known.delivery = job->item->delivery;
	carry->known.source = job->source;
	carry->known.wanted = job->version;
	carry->known.exact = true;
	carry->known.want_pem = true;
	carry->known.want_users = carry->known.former;
	/* Whose it is, which its tags say, is known of what is recorded. */
	carry->known.want_anchor = carry->known.former || !job->item->confirmed ||
		(!job->trusted && !fingerprint_is_set(&job->item->anchor) && job->pin == PIN_NONE);
	if (is_believed_absent(carry))
		believe_absent(carry, job->item->absent_at);
	else if (!is_read_ahead(carry))
		look_at(carry);
	return carry;
}
