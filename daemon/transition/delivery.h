/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_TRANSITION_DELIVERY_H
#define DAEMON_TRANSITION_DELIVERY_H

/*
 * The way back of the reconcile loop: what the plan made of a record is carried out, and what came of it changes the record.
 * A function a fact: the record as it was, the fact, and the time if it matters, give the record as it is from then on, and
 * the changes that people are told of.  Pure: no I/O, no log, no clock; what is random is given (a chance, see schedule.h).
 *
 * Who calls these writes the record down where they return true, and always where they return nothing, if it is one that is
 * written down at all: what was never ordered or confirmed has no row.  ${changes} gets what
 * has happened, in its order, behind what it holds already; it borrows from the record and from the fact.
 */

#include "daemon/model/change.h"
#include "daemon/model/observed.h"
#include "daemon/model/outcome.h"
#include "daemon/model/recorded.h"

/**
 * transition_pointed(record, object, accept):
 * From now on the record is about the object of this key (copied), of which the configuration
 * accepts ${accept}: with another object nothing is known of it, and what was held may be accepted
 * by now, so that the next try finds out. The last word of a key is the source certificate: with
 * another one it is the same object still, and what is confirmed there is of the former one.
 * True: it is another object, and the record is as of one that was never written. Not for saving:
 * it is done with each start.
 */
bool transition_pointed(struct delivery_record *record, const char *object, unsigned accept);

/* --- looks --- */

/* transition_look_failed(record, err, chance, now, changes): what is there could not be seen. */
void transition_look_failed(struct delivery_record *record, const struct error *err, unsigned chance, usec_t now,
	struct changes *changes);

/* transition_look_again(record): a look succeeded after one that had failed.  Not for saving. */
void transition_look_again(struct delivery_record *record);

/* transition_anchor_learned(record, pinned, seen): of what was put there before certferry recorded it, or before the record
 * was lost: its anchor is ${pinned} (NULL: none is), or else what the object bears.  True when it is known from now on. */
bool transition_anchor_learned(
	struct delivery_record *record, const struct fingerprint *pinned, const struct fingerprint *seen);

/**
 * transition_current(record, seen, recorded, changes):
 * It was ${seen} to hold the source's version, whoever put it there and whatever was to be done: that is confirmed, and
 * nothing is open, held or failing any more.  ${recorded}: there is a row of it.  True when anything of it is news.
 */
bool transition_current(
	struct delivery_record *record, const struct observed *seen, bool recorded, struct changes *changes);

/* transition_landed(record, seen): the version that was ordered is in place, though the source has
 * another one by now: it is confirmed, and whatever is ordered next replaces what is known. True
 * when that is news. */
bool transition_landed(struct delivery_record *record, const struct observed *seen);

/* --- transfers --- */

/* transition_intended(record, version, now): it is to be written.  An open import whose answer was lost keeps its time. */
void transition_intended(struct delivery_record *record, const struct digest *version, usec_t now);

/* transition_import_sent(record, now): from here on a first import may be made under an ARN that is lost with this process,
 * where the destination gives its objects their names.  True, unless one is open, or the object is known. */
bool transition_import_sent(struct delivery_record *record, usec_t now);

/* What came with an export, PEM; for a destination that hides what it holds. */
struct transition_bundle {
	const char *leaf;
	const char *chain;
};

/* transition_delivered(record, outcome, hidden, changes): the version is there (DONE, UNCHANGED); ${hidden} is recorded,
 * or NULL.  What is seen there is transition_current()'s.  Not for saving by itself.  True when its object is to bear
 * another anchor than was recorded. */
bool transition_delivered(struct delivery_record *record, const struct outcome *outcome,
	const struct transition_bundle *hidden, struct changes *changes);

/* transition_held(record, outcome, accept): the check before the write held the intended version (WAITING), while the
 * configuration accepted ${accept}. */
void transition_held(struct delivery_record *record, const struct outcome *outcome, unsigned accept);

/* transition_failed(record, err, ambiguous, chance, now, changes): it could not be delivered; ${ambiguous}: whether it was
 * imported is not known. */
void transition_failed(struct delivery_record *record, const struct error *err, bool ambiguous, unsigned chance,
	usec_t now, struct changes *changes);

/* transition_written(record, object_id): it was written there, and not read back. */
void transition_written(struct delivery_record *record, const char *object_id);

/* --- proofs and people --- */

/* transition_proven(record, version, proof, words, now, changes): its endpoints were looked at for ${version}; ${proof}
 * is taken over, and ${words} are proof_words() of it. */
void transition_proven(struct delivery_record *record, const struct digest *version, struct proof_record *proof,
	const char *words, usec_t now, struct changes *changes);

/* transition_approved(record, hold, seen, who, reason, changes): ${who} lets go on what is held for
 * ${reason}, while ${seen} is there.  False when that hold is a choice, which an approval does not
 * make.  Of what is FOREIGN it is the revision seen that may be replaced, and no other; a version
 * that can be seen counts as one of another source certificate. */
bool transition_approved(struct delivery_record *record, enum hold hold,
	const struct observed *seen, const char *who, const char *reason, struct changes *changes);

#endif
