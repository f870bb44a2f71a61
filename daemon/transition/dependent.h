/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_TRANSITION_DEPENDENT_H
#define DAEMON_TRANSITION_DEPENDENT_H

/* What facts make of what a dependent is owed, and of its record.  Pure; how these are called, says transition/delivery.h.  A
 * row that is not there yet is one of which nothing is known: all zero but for its names. */

#include "daemon/model/change.h"
#include "daemon/model/observed.h"
#include "daemon/model/recorded.h"

/* --- what is owed of a delivery --- */

/* transition_owed_intended(row, version, now): it is about to be written.  A row that is due stays so: what was in place
 * before is still owed. */
void transition_owed_intended(struct owed_record *row, const struct digest *version, usec_t now);

/* transition_owed_withdrawn(row): the write was not sent.  True when the row goes: nothing is owed for it; what was due
 * before stays. */
bool transition_owed_withdrawn(const struct owed_record *row);

/**
 * transition_owed_in_place(row, record, seen, now):
 * The delivery was ${seen} to hold the source's version, also when the process that ordered it could not say so: word of it
 * is due now, and what ${record}, the dependent's, waited for was another version, unless that failed.  One that is due for
 * an older version is due for this one, as a telling under way is of the old; one that was intended for another version is
 * not due.  True when anything has changed.
 */
bool transition_owed_in_place(struct owed_record *row, struct dependent_record *record, const struct observed *seen, usec_t now);

/* transition_owed_questioned(row, version): it is in place, and nothing was recorded of the delivery: whether the dependent
 * was told has to be found out.  False when it is known. */
bool transition_owed_questioned(struct owed_record *row, const struct digest *version);

/* transition_owed_after_all(row, now): it was found out that the dependent was not told.  False when that was no question. */
bool transition_owed_after_all(struct owed_record *row, usec_t now);

/* transition_owed_told(row, version): the dependent was told of ${version}.  True when the row goes: it is still about it. */
bool transition_owed_told(const struct owed_record *row, const struct digest *version);

/* --- the dependent's record --- */

/* transition_tell_failed(record, action, err, chance, now, changes): it could not be told, or not be looked at.  The
 * intent stays: only who knows what became of it ends it. */
void transition_tell_failed(struct dependent_record *record, const char *action, const struct error *err,
	unsigned chance, usec_t now, struct changes *changes);

/* transition_tell_settled(record, told, result, words, now, changes): it was told (or found to have been, or to need no word),
 * and its proof came to ${result}; NONE: there is none.  ${told}: a job was done. */
void transition_tell_settled(struct dependent_record *record, bool told, enum prove_result result, const char *words,
	usec_t now, struct changes *changes);

/* transition_tell_unknown(record, now): it could not be found out whether it was told, and so it is not: it stays a question. */
void transition_tell_unknown(struct dependent_record *record, usec_t now);

/* transition_tell_put_off(record, until): it would run into its own limit of starts before that. */
void transition_tell_put_off(struct dependent_record *record, usec_t until);

#endif
