/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/transition/dependent.h"

#include "daemon/transition/schedule.h"

/* A telling that failed is repeated after its back-off, give or take up to a tenth of it. */
#define TELL_SHARE 10

static struct attempts attempts_of(struct dependent_record *record)
{
	return (struct attempts){ &record->failures, &record->next_try, &record->problem };
}

/* --- what is owed of a delivery --- */

void transition_owed_intended(struct owed_record *row, const struct digest *version, usec_t now)
{
	if (row->owed == OWED_DUE)
		return;
	row->owed = OWED_INTENDED;
	row->digest = *version;
	row->since = now;
}

bool transition_owed_withdrawn(const struct owed_record *row)
{
	return row->owed != OWED_DUE;
}

bool transition_owed_in_place(struct owed_record *row, struct dependent_record *record, const struct observed *seen, usec_t now)
{
	bool same = digest_equal(&row->digest, &seen->version.digest);

	if (row->owed == OWED_UNKNOWN || (row->owed == OWED_DUE) == same)
		return false;
	row->owed = OWED_DUE;
	row->digest = seen->version.digest;
	row->since = seen->changed_at ?: now;
	if (!record->failures)
		record->next_try = 0;
	return true;
}

bool transition_owed_questioned(struct owed_record *row, const struct digest *version)
{
	if (row->owed != OWED_UNKNOWN)
		return false;
	row->digest = *version;
	return true;
}

bool transition_owed_after_all(struct owed_record *row, usec_t now)
{
	if (row->owed != OWED_UNKNOWN)
		return false;
	row->owed = OWED_DUE;
	row->since = now;
	return true;
}

bool transition_owed_told(const struct owed_record *row, const struct digest *version)
{
	return digest_equal(&row->digest, version);
}

/* --- the dependent's record --- */

void transition_tell_failed(struct dependent_record *record, const char *action, const struct error *err,
	unsigned chance, usec_t now, struct changes *changes)
{
	const struct attempts attempts = attempts_of(record);
	struct change *change = changes_add(changes, CHANGE_TELL_FAILED);

	attempts_failed(&attempts, err, TELL_SHARE, chance, now);
	change->words = action;
	change->error = err;
	change->attempt = record->failures;
	change->next_try = record->next_try;
}

void transition_tell_settled(struct dependent_record *record, const struct settlement *settlement,
	usec_t now, struct changes *changes)
{
	const struct attempts attempts = attempts_of(record);
	const enum prove_result result = settlement->proof ? settlement->proof->result : PROVE_NONE;

	attempts_succeeded(&attempts);
	if (settlement->told)
		record->told_at = now;
	if (result != PROVE_NONE && result != PROVE_MATCHED)
		record->next_try = usec_add(now, PROVE_AGAIN);
	record->intended_at = 0;
	proof_record_done(&record->proof);
	if (settlement->proof)
		proof_copy(&record->proof, settlement->proof);
	if (result == PROVE_MATCHED && settlement->version)
		record->proven = *settlement->version;
	(void)changes_add(changes, CHANGE_TELL_SETTLED);
}

enum escalation transition_escalation(const struct dependent_record *record,
	const struct dependent_words *words, const struct proven_wrong *wrong)
{
	if (!wrong->version || !wrong->former || !wrong->own ||
		digest_equal(&record->proven, wrong->version))
		return ESCALATION_NONE;
	if (!words->stronger)
		return words->advice ? ESCALATION_ADVISE : ESCALATION_NONE;
	return digest_equal(&record->escalated, wrong->version) ? ESCALATION_NONE : ESCALATION_DO;
}

void transition_tell_escalated(struct dependent_record *record, const struct digest *version,
	const char *stronger, const char *words, struct changes *changes)
{
	const struct attempts attempts = attempts_of(record);
	struct change *change = changes_add(changes, CHANGE_ESCALATED);

	attempts_succeeded(&attempts);
	record->intended_at = 0;
	record->escalated = *version;
	change->words = words;
	change->who = stronger;
}

bool transition_is_escalated(const struct dependent_record *record, const struct owed_record *row)
{
	return digest_is_set(&record->escalated) && row->owed == OWED_DUE &&
	       digest_equal(&record->escalated, &row->digest);
}

bool transition_owed_again(struct owed_record *row, const struct digest *version, usec_t since)
{
	if (digest_is_set(&row->digest) && !digest_equal(&row->digest, version))
		return false;
	row->owed = OWED_DUE;
	row->digest = *version;
	row->since = since;
	return true;
}

void transition_endpoints(struct dependent_record *record, const struct desired_proof *wishes, size_t count)
{
	if (record->proof.result != PROVE_NONE && !record->failures && !proof_is_of(&record->proof, wishes, count))
		record->next_try = 0;
}

void transition_tell_unknown(struct dependent_record *record, usec_t now)
{
	record->next_try = usec_add(now, QUESTION_AGAIN);
}

void transition_tell_put_off(struct dependent_record *record, usec_t until)
{
	record->next_try = until;
}
