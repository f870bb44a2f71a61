/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/transition/delivery.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/transition/schedule.h"

/* A look that failed is repeated after its back-off, give or take up to a quarter of it; a transfer, a tenth. */
#define LOOK_SHARE     4
#define TRANSFER_SHARE 10

static struct attempts attempts_of(struct delivery_record *record)
{
	return (struct attempts){ &record->failures, &record->next_try, &record->problem };
}

static bool replace_text(char **text, const char *value)
{
	if (*text == value || (*text && value && strcmp(*text, value) == 0))
		return false;
	free(*text);
	*text = mem_strdup(value);
	return true;
}

static void say_failed(const struct delivery_record *record, const struct error *err, enum change_event event,
	struct changes *changes)
{
	struct change *change = changes_add(changes, event);

	change->error = err;
	change->attempt = record->failures;
	change->next_try = record->next_try;
}

/* How long what ${object} says is but for the source certificate, its last word. */
static size_t place_length(const char *object)
{
	const char *source = strrchr(object, ' ');

	return source ? (size_t)(source - object) + 1 : 0;
}

/* Is it the same object, of which only the source certificate is another one? */
static bool is_repointed(const struct delivery_record *record, const char *object)
{
	const size_t length = place_length(object);

	return record->object && length && length == place_length(record->object) &&
	       strncmp(record->object, object, length) == 0 &&
	       (digest_is_set(&record->confirmed.digest) || digest_is_set(&record->intended));
}

/* What is in place is that of the former source certificate still, and it is known which that is.
 * What was tried, held and let through was about the former one. */
static void point_again(struct delivery_record *record, const char *object)
{
	const size_t length = place_length(object);
	_cleanup_(freep) char *before = mem_strdup(record->object + length);

	if (!record->former)
		record->former = take(before);
	else if (strcmp(record->former, object + length) == 0)
		(void)replace_text(&record->former, NULL);
	(void)replace_text(&record->object, object);
	transition_look_again(record);
	(void)replace_text(&record->problem, NULL);
	record->kind = ERROR_NONE;
	record->hold = HOLD_NONE;
	(void)replace_text(&record->hold_reason, NULL);
	record->held = (struct digest){ 0 };
	record->held_accept = 0;
	record->guard_passed = false;
}

bool transition_pointed(struct delivery_record *record, const char *object, unsigned accept)
{
	if (record->object && strcmp(record->object, object) != 0 && is_repointed(record, object)) {
		point_again(record, object);
		return false;
	}
	if (!record->object || strcmp(record->object, object) != 0) {
		char *name = record->name;

		record->name = NULL;
		delivery_record_done(record);
		record->name = name;
		record->object = mem_strdup(object);
		return true;
	}
	if (record->hold == HOLD_APPROVAL && record->held_accept != accept)
		record->hold = HOLD_NONE;
	return false;
}

/* --- looks --- */

void transition_look_failed(struct delivery_record *record, const struct error *err, unsigned chance, usec_t now,
	struct changes *changes)
{
	const struct attempts attempts = attempts_of(record);

	attempts_failed(&attempts, err, LOOK_SHARE, chance, now);
	record->kind = err->kind;
	say_failed(record, err, CHANGE_LOOK_FAILED, changes);
}

void transition_look_again(struct delivery_record *record)
{
	record->failures = 0;
	record->next_try = 0;
}

bool transition_anchor_learned(
	struct delivery_record *record, const struct fingerprint *pinned, const struct fingerprint *seen)
{
	if (fingerprint_is_set(&record->anchor))
		return false;
	record->anchor = pinned ? *pinned : *seen;
	return fingerprint_is_set(&record->anchor);
}

/* Nothing is ordered, held or failing.  (What was approved and proven is of a version, which tells whether it counts.) */
static void close_all(struct delivery_record *record)
{
	const struct attempts attempts = attempts_of(record);

	attempts_succeeded(&attempts);
	record->kind = ERROR_NONE;
	record->intended = (struct digest){ 0 };
	record->intended_at = 0;
	record->ambiguous = false;
	record->hold = HOLD_NONE;
	record->held = (struct digest){ 0 };
	record->held_accept = 0;
	(void)replace_text(&record->hold_reason, NULL);
}

bool transition_current(
	struct delivery_record *record, const struct observed *seen, bool recorded, struct changes *changes)
{
	bool changed = !recorded || record->failures || record->hold || record->ambiguous ||
		       digest_is_set(&record->intended) ||
		       !digest_equal(&record->confirmed.digest, &seen->version.digest);

	changed |= replace_text(&record->former, NULL);
	changed |= replace_text(&record->object_id, seen->object_id);
	/* What others put there stays a question for the next version. */
	changed |= replace_text(&record->revision, seen->foreign ? NULL : seen->revision);
	changes_add(changes, CHANGE_CURRENT)->version = &seen->version;
	if (!changed)
		return false;
	close_all(record);
	record->confirmed = seen->version;
	record->confirmed_at = seen->at - seen->at % USEC_PER_SEC;
	return true;
}

bool transition_landed(struct delivery_record *record, const struct observed *seen)
{
	if (!digest_is_set(&record->intended) ||
		!digest_equal(&seen->version.digest, &record->intended) ||
		digest_equal(&seen->version.digest, &record->confirmed.digest))
		return false;
	(void)replace_text(&record->object_id, seen->object_id);
	(void)replace_text(&record->revision, seen->revision);
	record->confirmed = seen->version;
	record->confirmed_at = seen->at - seen->at % USEC_PER_SEC;
	record->ambiguous = false;
	return true;
}

/* --- transfers --- */

void transition_intended(struct delivery_record *record, const struct digest *version, usec_t now)
{
	if (!record->ambiguous)
		record->intended_at = now;
	record->intended = *version;
}

bool transition_import_sent(struct delivery_record *record, usec_t now)
{
	if (record->object_id || record->ambiguous)
		return false;
	record->ambiguous = true;
	record->intended_at = now;
	return true;
}

bool transition_delivered(struct delivery_record *record, const struct outcome *outcome,
	const struct transition_bundle *hidden, struct changes *changes)
{
	const bool done = outcome->kind == OUTCOME_DONE;
	const bool other = done && fingerprint_is_set(&outcome->anchor) &&
			   !fingerprint_equal(&record->anchor, &outcome->anchor);

	if (other)
		record->anchor = outcome->anchor;
	if (hidden) {
		(void)replace_text(&record->leaf, hidden->leaf);
		(void)replace_text(&record->chain, hidden->chain);
	}
	changes_add(changes, done ? CHANGE_DELIVERED : CHANGE_UNCHANGED)->version = &outcome->version;
	return other;
}

void transition_held(struct delivery_record *record, const struct outcome *outcome, unsigned accept)
{
	record->ambiguous = false;
	record->hold = outcome->hold;
	record->held = record->intended;
	record->held_accept = accept;
	(void)replace_text(&record->hold_reason, outcome->reason);
	record->failures = 0;
	record->next_try = 0;
}

void transition_failed(struct delivery_record *record, const struct error *err, bool ambiguous, unsigned chance,
	usec_t now, struct changes *changes)
{
	const struct attempts attempts = attempts_of(record);

	attempts_failed(&attempts, err, TRANSFER_SHARE, chance, now);
	record->kind = err->kind;
	record->ambiguous = ambiguous;
	if (ambiguous)
		record->intended_at = now;
	say_failed(record, err, CHANGE_DELIVERY_FAILED, changes);
}

void transition_written(struct delivery_record *record, const char *object_id)
{
	if (!record->object_id)
		record->object_id = mem_strdup(object_id);
}

/* --- proofs and people --- */

void transition_proven(struct delivery_record *record, const struct digest *version, struct proof_record *proof,
	const char *words, usec_t now, struct changes *changes)
{
	static const enum change_event events[] = {
		[PROVE_NONE] = CHANGE_UNVERIFIED,
		[PROVE_MATCHED] = CHANGE_VERIFIED,
		[PROVE_WRONG] = CHANGE_VERIFIED_WRONG,
		[PROVE_UNPROVEN] = CHANGE_UNVERIFIED,
	};
	struct proof_record before = record->proof;
	struct change *change = changes_add(changes, events[proof->result]);

	record->proof = *proof;
	*proof = (struct proof_record){ .result = PROVE_NONE };
	record->proven = *version;
	record->next_try = record->proof.result == PROVE_MATCHED ? 0 : usec_add(now, PROVE_AGAIN);
	change->known = proof_equal(&before, &record->proof);
	change->words = words;
	proof_record_done(&before);
}

/* What was confirmed is not what is there. */
static void let_go(struct delivery_record *record, const struct observed *seen)
{
	if (digest_is_set(&seen->version.digest) &&
		!digest_equal(&seen->version.digest, &record->confirmed.digest))
		(void)replace_text(&record->former, SOURCE_OF_OTHERS);
	(void)replace_text(&record->object_id, seen->object_id);
	(void)replace_text(&record->revision, seen->revision);
	(void)replace_text(&record->leaf, NULL);
	(void)replace_text(&record->chain, NULL);
	record->confirmed = seen->version;
}

bool transition_approved(struct delivery_record *record, enum hold hold,
	const struct observed *seen, const char *who, const char *reason, struct changes *changes)
{
	struct change *change;

	if (hold == HOLD_FOREIGN)
		let_go(record, seen);
	else if (hold == HOLD_GUARD)
		record->guard_passed = true;
	else if (hold == HOLD_APPROVAL)
		record->approved = record->held;
	else
		return false;
	record->hold = HOLD_NONE;
	change = changes_add(changes, CHANGE_APPROVED);
	change->hold = hold;
	change->who = who;
	change->words = reason;
	return true;
}
