/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telling a dependent.  It is at one step at a time:
 *	LOOK	it is being looked at				call != NULL
 *	RESUME	an intent was found: what came of it?		call != NULL
 *	TELL	its intent is on disk, it is being told		call != NULL
 *	PROVE	told; what it serves is being looked at		prove != NULL
 * and then what it was owed is settled, or the failure is written down.
 *
 * Where the record was lost it is only questioned: LOOK, then PROVE, and neither causes a restart; they find out
 * whether one is owed.
 */
#include "daemon/conductor/state.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/transition/dependent.h"
#include "daemon/transition/schedule.h"
#include "lib/base/strv.h"
#include "lib/os/clock.h"

/* What a telling is about: the rows as they were when it began, for others may come meanwhile. */
struct telling {
	struct owed_record *rows;
	size_t count;
	usec_t in_place_since; /* the latest of the due rows */
	bool question;	       /* the record was lost: find out whether anything is owed */
	bool told;	       /* a job was done, or was found to have been done */
	size_t proving;	       /* the candidate whose version the proof looks for */
	struct digest *candidates; /* versions that the endpoint may rightly serve, the likeliest first */
	size_t candidate_count;
};

static struct telling *telling_free(struct telling *telling)
{
	if (!telling)
		return NULL;
	for (size_t i = 0; i < telling->count; i++)
		owed_record_done(&telling->rows[i]);
	free(telling->rows);
	free(telling->candidates);
	free(telling);
	return NULL;
}

static struct telling *telling_new(const struct tracked_dependent *dependent)
{
	struct telling *telling = mem_new(struct telling);

	telling->question = true;
	for (size_t i = 0; i < dependent->owed_count; i++)
		if (dependent->owed[i]->owed == OWED_DUE)
			telling->question = false;
	telling->rows = mem_alloc(dependent->owed_count * sizeof(*telling->rows));
	for (size_t i = 0; i < dependent->owed_count; i++) {
		const struct owed_record *row = dependent->owed[i];

		if (row->owed != (telling->question ? OWED_UNKNOWN : OWED_DUE))
			continue;
		telling->rows[telling->count] = *row;
		telling->rows[telling->count].dependent = mem_strdup(row->dependent);
		telling->rows[telling->count].delivery = mem_strdup(row->delivery);
		telling->in_place_since = MAX(telling->in_place_since, row->since);
		telling->count++;
	}
	return telling;
}

/* --- ends --- */

static void tell_end(struct tracked_dependent *dependent)
{
	dependent->telling = telling_free(dependent->telling);
	dependent->asked = false;
	cycle_poke(dependent->conductor);
}

static void tell_failed(struct tracked_dependent *dependent, const struct error *err)
{
	struct conductor *conductor = dependent->conductor;
	struct dependent_record *record = &dependent->record;
	struct changes changes = { 0 };

	transition_tell_failed(record, dependent->words.action, err, (unsigned)random_below(CHANCES),
		conductor_now(conductor), &changes);
	(void)conductor_save_dependent(conductor, record);
	say_dependent_changes(dependent, &changes);
	tell_end(dependent);
}

/* A row is settled when it is still about the version that was told. */
static void settle_row(struct tracked_dependent *dependent, const struct owed_record *told)
{
	struct owed_record *row = state_find_owed(dependent, told->delivery);

	if (!row || !transition_owed_told(row, &told->digest))
		return;
	(void)conductor_remove_owed(dependent->conductor, row);
	state_forget_owed(dependent, row);
}

/* Everything that the telling was about is settled; ${proof} and ${words}
 * are what was seen of it. */
static void tell_settled(struct tracked_dependent *dependent, enum prove_result proof, const char *words)
{
	struct conductor *conductor = dependent->conductor;
	struct dependent_record *record = &dependent->record;
	struct telling *telling = dependent->telling;
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct changes changes = { 0 };
	bool together = conductor->record &&
			conductor_recorded(conductor, record_begin(conductor->record, &err), &err);

	for (size_t i = 0; i < telling->count; i++)
		settle_row(dependent, &telling->rows[i]);
	transition_tell_settled(record, telling->told, proof, words, conductor_now(conductor), &changes);
	(void)conductor_save_dependent(conductor, record);
	if (together)
		(void)conductor_recorded(conductor, record_commit(conductor->record, &err), &err);
	say_dependent_changes(dependent, &changes);
	tell_end(dependent);
}

/* It cannot be known, and so it is not restarted; it stays a question, and status shows it. */
static void tell_unknown(struct tracked_dependent *dependent)
{
	transition_tell_unknown(&dependent->record, conductor_now(dependent->conductor));
	(void)conductor_save_dependent(dependent->conductor, &dependent->record);
	tell_end(dependent);
}

/* The questioned rows turned out to be owed. */
static void tell_owed_after_all(struct tracked_dependent *dependent)
{
	for (size_t i = 0; i < dependent->owed_count; i++) {
		struct owed_record *row = dependent->owed[i];

		if (transition_owed_after_all(row, conductor_now(dependent->conductor)))
			(void)conductor_save_owed(dependent->conductor, row);
	}
	tell_end(dependent);
}

/* --- proof --- */

static void say_proof(const struct tracked_dependent *dependent, enum prove_result result, const char *words)
{
	static const enum change_event events[] = {
		[PROVE_MATCHED] = CHANGE_SERVES,
		[PROVE_WRONG] = CHANGE_SERVES_WRONG,
		[PROVE_UNPROVEN] = CHANGE_SERVES_UNSEEN,
	};
	const struct change change = { .event = events[result], .words = words };

	say_dependent(dependent, &change);
}

/* Does the certificate of this delivery cover the name that the proof asks for? */
static bool proof_is_about(const struct desired_proof *proof, const struct tracked_delivery *delivery)
{
	const char *colon = strrchr(proof->connect, ':');
	_cleanup_(freep) char *host = mem_strndup(proof->connect, colon ? (size_t)(colon - proof->connect)
									: strlen(proof->connect));
	const char *name = proof->server_name ?: host;
	const char *rest = strchr(name, '.');
	_cleanup_(freep) char *wildcard = rest ? mem_printf("*%s", rest) : mem_strdup("");
	const struct source_certificate *seen = delivery->certificate->seen;

	return seen && (strv_has(seen->names, name) || strv_has(seen->names, wildcard));
}

static void add_candidate(struct telling *telling, const struct digest *digest, bool first)
{
	for (size_t i = 0; i < telling->candidate_count; i++)
		if (digest_equal(&telling->candidates[i], digest))
			return;
	telling->candidates = mem_resize(
		telling->candidates, telling->candidate_count + 1, sizeof(*telling->candidates));
	if (first)
		memmove(telling->candidates + 1, telling->candidates,
			telling->candidate_count * sizeof(*telling->candidates));
	telling->candidates[first ? 0 : telling->candidate_count] = *digest;
	telling->candidate_count++;
}

/* The delivery of a slot, if ${dependent} is told of it and a version is in place there. */
static const struct tracked_delivery *find_served(
	struct conductor *conductor, size_t slot, const struct tracked_dependent *dependent)
{
	const struct tracked_delivery *delivery;

	if (!strv_has(state_wish(conductor, &conductor->slots[slot])->then, dependent->name))
		return NULL;
	delivery = state_open(conductor, slot);
	return delivery->observed.state == OBSERVED_PRESENT ? delivery : NULL;
}

/* The versions in place of all deliveries that this dependent serves: the endpoint shows one of them.  Where the proof's
 * name tells which, only that one counts. */
static void find_candidates(struct tracked_dependent *dependent)
{
	struct conductor *conductor = dependent->conductor;
	const struct desired_proof *proof = &dependent->dependent->prove;
	struct telling *telling = dependent->telling;
	bool known = false;

	for (size_t i = 0; i < conductor->delivery_count; i++) {
		const struct tracked_delivery *delivery = find_served(conductor, i, dependent);

		if (delivery && proof_is_about(proof, delivery)) {
			known = true;
			add_candidate(telling, &delivery->observed.version.digest, false);
		}
	}
	for (size_t i = 0; i < conductor->delivery_count && !known; i++) {
		const struct tracked_delivery *delivery = find_served(conductor, i, dependent);

		if (delivery)
			add_candidate(telling, &delivery->observed.version.digest, false);
	}
	for (size_t i = 0; i < telling->count && !known; i++)
		add_candidate(telling, &telling->rows[i].digest, true);
}

static void start_proof(struct tracked_dependent *dependent);

static void on_proven(void *userdata, enum prove_result result, const char *words)
{
	struct tracked_dependent *dependent = userdata;
	struct telling *telling = dependent->telling;

	dependent->prove = NULL;
	if (result == PROVE_WRONG && telling->proving + 1 < telling->candidate_count) {
		telling->proving++;
		start_proof(dependent);
		return;
	}
	say_proof(dependent, result, words);
	if (telling->question && result == PROVE_WRONG)
		tell_owed_after_all(dependent);
	else if (telling->question && result == PROVE_UNPROVEN)
		tell_unknown(dependent);
	else
		tell_settled(dependent, result, words);
}

static void start_proof(struct tracked_dependent *dependent)
{
	struct telling *telling = dependent->telling;
	const struct prove_request request = {
		.proof = &dependent->dependent->prove,
		.want = digest_leaf(&telling->candidates[telling->proving]),
	};

	dependent->prove = prove_start(dependent->conductor->event, &request, on_proven, dependent);
}

/* Told (or found told): with a proof where one is asked for. */
static void tell_succeeded(struct tracked_dependent *dependent)
{
	if (dependent->dependent->prove.connect)
		find_candidates(dependent);
	if (dependent->telling->candidate_count)
		start_proof(dependent);
	else
		tell_settled(dependent, PROVE_NONE, NULL);
}

void tell_prove_again(struct conductor *conductor, struct tracked_dependent *dependent)
{
	dependent->telling = mem_new(struct telling);
	find_candidates(dependent);
	if (dependent->telling->candidate_count) {
		start_proof(dependent);
		return;
	}
	dependent->record.next_try = conductor_now(conductor) + PROVE_AGAIN;
	tell_end(dependent);
}

/* --- the job --- */

static void start_look(struct tracked_dependent *dependent);

static void on_told(void *userdata, enum told told, const struct error *err)
{
	struct tracked_dependent *dependent = userdata;
	struct change change;

	dependent->call = NULL;
	if (told == TOLD_FAILED) {
		dependent->record.intended_at = 0;
		tell_failed(dependent, err);
		return;
	}
	dependent->telling->told = told == TOLD_DONE;
	change = (struct change){
		.event = told == TOLD_DONE ? CHANGE_TOLD : CHANGE_TOLD_STOPPED,
		.words = dependent->words.done ?: dependent->words.action,
	};
	say_dependent(dependent, &change);
	if (told == TOLD_STOPPED)
		tell_settled(dependent, PROVE_NONE, NULL);
	else
		tell_succeeded(dependent);
}

static struct sd_bus *bus_now(void *userdata)
{
	const struct conductor *conductor = userdata;

	return conductor->bus ? bus_connection(conductor->bus) : NULL;
}

static struct dependent_host host_of(struct conductor *conductor)
{
	return (struct dependent_host){
		.event = conductor->event,
		.bus = bus_now,
		.userdata = conductor,
	};
}

static struct dependent_intent last_intent(const struct tracked_dependent *dependent)
{
	return (struct dependent_intent){ dependent->record.token, dependent->record.intended_at };
}

static struct tell_request request_for(const struct tracked_dependent *dependent)
{
	return (struct tell_request){
		.dependent = dependent->dependent,
		.not_before = dependent->telling->in_place_since,
		.intent = last_intent(dependent),
	};
}

static void start_tell(struct tracked_dependent *dependent, const char *token)
{
	struct conductor *conductor = dependent->conductor;
	const struct dependent_host host = host_of(conductor);
	struct dependent_record *record = &dependent->record;
	struct tell_request request;

	free(record->token);
	record->token = mem_strdup(token);
	record->intended_at = conductor_now(conductor);
	if (!conductor_save_dependent(conductor, record)) {
		record->intended_at = 0;
		tell_end(dependent);
		return;
	}
	request = request_for(dependent);
	dependent->call = dependent_tell(&host, &request, on_told, dependent);
}

/* What it was asked before a crash is known now, or that it was asked nothing, or neither: then the intent stays open. */
static void on_resumed(void *userdata, enum told told, const struct error *err)
{
	struct tracked_dependent *dependent = userdata;

	dependent->call = NULL;
	if (told == TOLD_FAILED) {
		tell_failed(dependent, err);
	} else if (told == TOLD_NOTHING) {
		dependent->record.intended_at = 0;
		start_look(dependent);
	} else {
		dependent->telling->told = true;
		tell_succeeded(dependent);
	}
}

static void start_resume(struct tracked_dependent *dependent)
{
	const struct dependent_host host = host_of(dependent->conductor);
	const struct tell_request request = request_for(dependent);

	dependent->call = dependent_resume(&host, &request, on_resumed, dependent);
}

static void tell_later(struct tracked_dependent *dependent, usec_t when)
{
	dependent->record.next_try = when;
	(void)conductor_save_dependent(dependent->conductor, &dependent->record);
	tell_end(dependent);
}

static void judge_owed(struct tracked_dependent *dependent, const struct dependent_seen *seen)
{
	struct dependent_facts facts = {
		.since = dependent->telling->in_place_since,
		.intent = last_intent(dependent),
		.told_at = dependent->record.told_at,
		.now = conductor_now(dependent->conductor),
	};
	struct dependent_verdict verdict;

	/* What was asked of it before the newest version was in place says nothing of that one. */
	if (facts.intent.at < facts.since)
		facts.intent.at = 0;
	verdict = dependent_judge(dependent->dependent, seen, &facts);
	switch (verdict.is) {
	case JUDGED_RESUME:
		start_resume(dependent);
		break;
	case JUDGED_TOLD:
		tell_succeeded(dependent);
		break;
	case JUDGED_LATER:
		tell_later(dependent, verdict.when);
		break;
	default:
		start_tell(dependent, verdict.token);
	}
}

/* The earliest moment at which all questioned versions were in place, or 0 where that cannot be known. */
static usec_t questioned_since(const struct tracked_dependent *dependent)
{
	usec_t since = 0;

	for (size_t i = 0; i < dependent->telling->count; i++) {
		const struct tracked_delivery *delivery = state_find_delivery(
			dependent->conductor, dependent->telling->rows[i].delivery);

		if (!delivery || !delivery->observed.changed_at)
			return 0;
		since = MAX(since, delivery->observed.changed_at);
	}
	return since;
}

static void judge_question(struct tracked_dependent *dependent, const struct dependent_seen *seen)
{
	const struct dependent_facts facts = {
		.question = true,
		.since = questioned_since(dependent),
		.now = conductor_now(dependent->conductor),
	};
	const struct dependent_verdict verdict = dependent_judge(dependent->dependent, seen, &facts);

	if (verdict.is != JUDGED_STOPPED && dependent->dependent->prove.connect)
		find_candidates(dependent);
	if (dependent->telling->candidate_count)
		start_proof(dependent);
	else if (verdict.is == JUDGED_STOPPED || verdict.is == JUDGED_TOLD)
		tell_settled(dependent, PROVE_NONE, NULL);
	else if (verdict.is == JUDGED_TELL)
		tell_owed_after_all(dependent);
	else
		tell_unknown(dependent);
}

static void on_looked(void *userdata, const struct dependent_seen *seen, const struct error *err)
{
	struct tracked_dependent *dependent = userdata;

	dependent->call = NULL;
	if (err)
		tell_failed(dependent, err);
	else if (dependent->telling->question)
		judge_question(dependent, seen);
	else
		judge_owed(dependent, seen);
}

static void start_look(struct tracked_dependent *dependent)
{
	const struct dependent_host host = host_of(dependent->conductor);

	dependent->call = dependent_look(&host, dependent->dependent, on_looked, dependent);
}

void tell_start(struct conductor *conductor, struct tracked_dependent *dependent)
{
	dependent->telling = telling_new(dependent);
	start_look(dependent);
}

void tell_cancel(struct tracked_dependent *dependent)
{
	dependent->call = dependent_cancel(dependent->call);
	dependent->prove = prove_cancel(dependent->prove);
	dependent->telling = telling_free(dependent->telling);
}
