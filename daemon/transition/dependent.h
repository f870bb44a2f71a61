/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_TRANSITION_DEPENDENT_H
#define DAEMON_TRANSITION_DEPENDENT_H

/* What facts make of what a dependent is owed, and of its record.  Pure; how these are called, says transition/delivery.h.  A
 * row that is not there yet is one of which nothing is known: all zero but for its names. */

#include "daemon/model/change.h"
#include "daemon/model/desired.h"
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

/* What came of telling it, or was found to have. */
struct settlement {
	bool told; /* a job was done */
	const struct proof_record *proof; /* what its endpoints serve; NULL: they were not looked at */
	const struct digest *version; /* that the proof was about; NULL: there is none */
};

/* transition_tell_settled(record, settlement, now, changes): nothing more is done about what it was told. */
void transition_tell_settled(struct dependent_record *record, const struct settlement *settlement,
	usec_t now, struct changes *changes);

/* transition_endpoints(record, wishes, count): it is to be proven at these, of which nothing is owed.  Where that is not where
 * it was proven, it is looked at at once.  Not for saving. */
void transition_endpoints(struct dependent_record *record, const struct desired_proof *wishes, size_t count);

/* Its proof is PROVE_WRONG after the full time. */
struct proven_wrong {
	const struct digest *version; /* that it should serve, and that is where it reads it; NULL: there is none */
	bool former; /* its endpoint shows the version that it was last seen to serve, and nothing else */
	bool own; /* and is this host itself */
};

enum escalation {
	ESCALATION_NONE, /* to do more would not help, or might do harm */
	ESCALATION_DO, /* what its words call stronger */
	ESCALATION_ADVISE, /* a person has to allow that first: what its words call advice */
};

/**
 * transition_escalation(record, words, wrong):
 * Is more to be done than its action?  Once for a version, and only where its endpoint was seen to take over versions of
 * this delivery before, and goes on with exactly the last one of them: a load balancer, a server that is slow or one that
 * has lost its TLS must not be restarted for that.
 */
enum escalation transition_escalation(const struct dependent_record *record,
	const struct dependent_words *words, const struct proven_wrong *wrong);

/* transition_tell_escalated(record, version, stronger, words, changes): it is to be told of ${version} once more, by what
 * is ${stronger} than its action; ${words} of its proof. */
void transition_tell_escalated(struct dependent_record *record, const struct digest *version,
	const char *stronger, const char *words, struct changes *changes);

/* transition_is_escalated(record, row): is that what is owed to it in ${row}? */
bool transition_is_escalated(
	const struct dependent_record *record, const struct owed_record *row);

/* transition_owed_again(row, version, since): ${version}, in place since ${since}, was told in vain.  A row that is about
 * something else stays. */
bool transition_owed_again(
	struct owed_record *row, const struct digest *version, usec_t since);

/* transition_tell_unknown(record, now): it could not be found out whether it was told, and so it is not: it stays a question. */
void transition_tell_unknown(struct dependent_record *record, usec_t now);

/* transition_tell_put_off(record, until): it would run into its own limit of starts before that. */
void transition_tell_put_off(struct dependent_record *record, usec_t until);

#endif
