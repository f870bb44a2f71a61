/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks tests/cases/plan: each file gives one situation and expects its steps, one test a file.
 * Then thousands of random situations, in which the steps are carried out and planned again.
 *
 * A case: lines under "given", then lines under "expect"; "#" begins a comment.
 *
 *	now TIME | guard N | keep_eligible no | source unread|reading
 *	certificate NAME KEY=VALUE|FLAG ...	a version makes it seen; "absent": not at the source
 *	delivery CERTIFICATE/DESTINATION ...	any key of the record makes a record
 *	candidate DELIVERY ...			of an adoptable delivery
 *	dependent NAME ...			shares_with: of those in after, who is told of a delivery that is due here
 *	owed DEPENDENT DELIVERY ...
 *
 * TIME is "now", an offset from it (+5m, -4m59s), 0 or RFC 3339.  A version is a letter: A is valid from
 * 2026-01-01, each next letter from 60 days later, all for 395 days; "C/2026-05-01/2026-06-01" says other
 * dates; "?" is a version that cannot be known.
 *
 * Expected, in order: "VERB NAME [DETAILS]: part of the reason", or "nothing"; "again: TIME" unless never.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/inventory/settled.h"
#include "daemon/plan/plan.h"
#include "daemon/transition/schedule.h"
#include "lib/base/buf.h"
#include "lib/base/strv.h"
#include "lib/os/file.h"
#include "lib/pki/secret.h"
#include "tests/unit/cases.h"
#include "tests/unit/core/values.h"
#include "tests/unit/core/words.h"

#define CASES       "tests/cases/plan"
#define DEFAULT_NOW "2026-11-23T12:00:00Z"
#define MANY        16

/* --- a situation: everything that the planner's input points to --- */

struct given_certificate {
	struct desired_certificate entry;
	struct source_certificate seen;
	struct certificate_record record;
	struct plan_certificate plan;
	bool absent, recorded, no_keep;
};

struct given_proofs {
	char **prove, **looked;
	bool moved; /* their addresses are others by now */
	struct desired_proof wishes[MANY];
	struct endpoint_record endpoints[MANY];
};

struct given_delivery {
	struct delivery delivery;
	struct desired_delivery wish;
	struct observed observed;
	struct candidate candidates[MANY];
	unsigned more_candidates; /* that are not kept */
	struct delivery_record record;
	struct plan_delivery plan;
	struct given_proofs proofs;
	bool recorded, no_look, in_use;
};

struct given_dependent {
	struct given_proofs proofs;
	struct desired_dependent dependent;
	struct dependent_words words;
	struct dependent_record record;
	struct plan_dependent plan;
	const struct owed_record *rows[MANY];
	char **shares_with; /* of those that it comes after: they are told of a delivery that is due here */
	bool shares[MANY];
	bool recorded;
};

struct given_owed {
	struct owed_record row;
	bool due;
};

struct situation {
	struct plan_input input;
	struct given_certificate certificates[MANY];
	struct given_delivery deliveries[MANY];
	struct given_dependent dependents[MANY];
	struct given_owed owed[MANY];
	size_t owed_count;
	struct plan_certificate plan_certificates[MANY];
	struct plan_delivery plan_deliveries[MANY];
	struct plan_dependent plan_dependents[MANY];
	char **strings; /* owned; the rest borrows */
	char ***lists; /* owned */
	size_t list_count;
};

/* What is to be proven, and, where there is a proof, which of it: by default that, and "none" as a former program did. */
static void proofs_link(struct given_proofs *given, struct desired_proof **wishes, size_t *count, struct proof_record *proof)
{
	char **looked = given->looked ?: given->prove;
	bool unknown = strv_has(looked, "none");

	*wishes = given->wishes;
	*count = strv_length(given->prove);
	for (size_t i = 0; i < *count; i++)
		given->wishes[i].connect = given->prove[i];
	proof->endpoints = given->endpoints;
	proof->endpoint_count = proof->result == PROVE_NONE || unknown ? 0 : strv_length(looked);
	for (size_t i = 0; i < proof->endpoint_count; i++)
		given->endpoints[i] = (struct endpoint_record){
			.endpoint = looked[i], .result = proof->result, .looked_at = !given->moved };
}

static char *keep(struct situation *s, const char *text)
{
	strv_append(&s->strings, text);
	return s->strings[strv_length(s->strings) - 1];
}

/* The same of "PREFIX" and "NAME" together. */
static char *keep_joined(struct situation *s, const char *first, const char *second)
{
	_cleanup_(freep) char *text = mem_printf("%s%s", first, second);

	return keep(s, text);
}

static char **keep_list(struct situation *s, const char *text)
{
	char **list = NULL;

	while (*text) {
		size_t length = strcspn(text, ",");
		_cleanup_(freep) char *item = mem_strndup(text, length);

		strv_append(&list, item);
		text += length + (text[length] == ',');
	}
	s->lists = mem_resize(s->lists, s->list_count + 1, sizeof(*s->lists));
	s->lists[s->list_count++] = list;
	return list;
}

static void situation_done(struct situation *s)
{
	for (size_t i = 0; i < s->list_count; i++)
		strv_free(s->lists[i]);
	free(s->lists);
	strv_free(s->strings);
}

static int compare_rows(const void *a, const void *b)
{
	return strcmp((*(const struct owed_record *const *)a)->delivery, (*(const struct owed_record *const *)b)->delivery);
}

/* Points the planner's input at what was given; owed rows to their dependents. */
static void situation_link(struct situation *s)
{
	for (size_t i = 0; i < s->input.certificate_count; i++) {
		struct given_certificate *given = &s->certificates[i];

		given->entry.keep_eligible = !given->no_keep;
		given->plan.entry = &given->entry;
		given->plan.seen = given->absent ? NULL : &given->seen;
		given->plan.record = given->recorded ? &given->record : NULL;
		s->plan_certificates[i] = given->plan;
	}
	for (size_t i = 0; i < s->input.delivery_count; i++) {
		struct given_delivery *given = &s->deliveries[i];

		given->wish.adopt = given->in_use ? ADOPT_IN_USE : ADOPT_ASK;
		given->delivery.wish = &given->wish;
		proofs_link(&given->proofs, &given->wish.prove, &given->wish.prove_count, &given->record.proof);
		given->observed.candidates = given->candidates;
		given->observed.candidate_total = given->observed.candidate_count + given->more_candidates;
		given->plan.delivery = &given->delivery;
		given->plan.observed = &given->observed;
		given->plan.record = given->recorded ? &given->record : NULL;
		given->plan.may_look = !given->no_look;
		s->plan_deliveries[i] = given->plan;
	}
	for (size_t i = 0; i < s->input.dependent_count; i++) {
		struct given_dependent *given = &s->dependents[i];

		given->plan.dependent = &given->dependent;
		proofs_link(&given->proofs, &given->dependent.prove, &given->dependent.prove_count,
			&given->record.proof);
		given->plan.words = &given->words;
		given->plan.record = given->recorded ? &given->record : NULL;
		given->plan.owed = given->rows;
		given->plan.owed_count = 0;
		for (size_t k = 0; k < s->owed_count; k++)
			if (strcmp(s->owed[k].row.dependent, given->dependent.name) == 0)
				given->rows[given->plan.owed_count++] = &s->owed[k].row;
		qsort(given->rows, given->plan.owed_count, sizeof(*given->rows), compare_rows);
		for (size_t k = 0; given->dependent.after && given->dependent.after[k]; k++)
			given->shares[k] = strv_has(given->shares_with, given->dependent.after[k]);
		given->plan.shares = given->shares_with ? given->shares : NULL;
		s->plan_dependents[i] = given->plan;
	}
	s->input.certificates = s->plan_certificates;
	s->input.deliveries = s->plan_deliveries;
	s->input.dependents = s->plan_dependents;
}

/* --- values --- */

static usec_t time_of(const struct situation *s, const char *text)
{
	return time_at(s->input.now, text);
}

static enum observed_state state_of(const char *text)
{
	for (enum observed_state state = OBSERVED_UNKNOWN; state <= OBSERVED_FOREIGN; state++)
		if (strcmp(observed_state_name(state), text) == 0)
			return state;
	fail_msg("'%s' is no state", text);
	return OBSERVED_UNKNOWN;
}

static struct proof_record proof_of(struct situation *s, const char *text)
{
	struct proof_record proof;

	proof_parse(mem_strdup(text), &proof);
	if (proof.text) {
		char *kept = keep(s, proof.text);

		free(proof.text);
		proof.text = kept;
	}
	return proof;
}

/* --- fields of a line: a key, what its value is, and where it goes --- */

enum field_type {
	FLAG,
	TEXT,
	LIST,
	COUNT,
	TIME,
	VERSION,
	DIGEST,
	NEWEST,
	STATE,
	HOLD,
	PROOF
};

struct field {
	const char *key;
	enum field_type type;
	size_t offset;
	bool of_record;
};

#define PLAIN(key, type, structure, member)                                                        \
	{                                                                                          \
		key, type, offsetof(struct structure, member), false                               \
	}
#define RECORD(key, type, structure, member)                                                       \
	{                                                                                          \
		key, type, offsetof(struct structure, record.member), true                         \
	}

static const struct field certificate_fields[] = {
	PLAIN("version", VERSION, given_certificate, seen.version),
	PLAIN("absent", FLAG, given_certificate, absent),
	PLAIN("refusal", TEXT, given_certificate, plan.refusal),
	PLAIN("unread", FLAG, given_certificate, seen.unread),
	PLAIN("ineligible", FLAG, given_certificate, seen.ineligible),
	PLAIN("keep_eligible_off", FLAG, given_certificate, no_keep),
	PLAIN("in_flight", FLAG, given_certificate, plan.in_flight),
	PLAIN("record", FLAG, given_certificate, recorded),
	RECORD("exported", DIGEST, given_certificate, exported),
	RECORD("newest", NEWEST, given_certificate, newest),
	RECORD("failures", COUNT, given_certificate, failures),
	RECORD("next_try", TIME, given_certificate, next_try),
	RECORD("problem", TEXT, given_certificate, problem),
	{ 0 },
};

static const struct field delivery_fields[] = {
	PLAIN("state", STATE, given_delivery, observed.state),
	PLAIN("version", VERSION, given_delivery, observed.version),
	PLAIN("at", TIME, given_delivery, observed.at),
	PLAIN("object", TEXT, given_delivery, observed.object_id),
	PLAIN("error", TEXT, given_delivery, observed.error.text),
	PLAIN("foreign", TEXT, given_delivery, observed.foreign),
	PLAIN("seen_revision", TEXT, given_delivery, observed.revision),
	PLAIN("own", FLAG, given_delivery, observed.own),
	PLAIN("marked", FLAG, given_delivery, observed.marked),
	PLAIN("tagged", TEXT, given_delivery, observed.former),
	PLAIN("holder", TEXT, given_delivery, observed.holder),
	PLAIN("more_candidates", COUNT, given_delivery, more_candidates),
	PLAIN("arn", TEXT, given_delivery, delivery.arn),
	PLAIN("recreate", FLAG, given_delivery, wish.recreate),
	PLAIN("in_use", FLAG, given_delivery, in_use),
	PLAIN("then", LIST, given_delivery, wish.then),
	PLAIN("prove", LIST, given_delivery, proofs.prove),
	PLAIN("looked", LIST, given_delivery, proofs.looked),
	PLAIN("moved", FLAG, given_delivery, proofs.moved),
	PLAIN("budget", TEXT, given_delivery, plan.budget),
	PLAIN("silent", FLAG, given_delivery, plan.silent),
	PLAIN("lost", TIME, given_delivery, plan.lost),
	PLAIN("in_flight", FLAG, given_delivery, plan.in_flight),
	PLAIN("may_not_look", FLAG, given_delivery, no_look),
	PLAIN("asked", FLAG, given_delivery, plan.asked),
	PLAIN("untagged", FLAG, given_delivery, plan.untagged),
	PLAIN("record", FLAG, given_delivery, recorded),
	RECORD("confirmed", VERSION, given_delivery, confirmed),
	RECORD("revision", TEXT, given_delivery, revision),
	RECORD("former", TEXT, given_delivery, former),
	RECORD("object_id", TEXT, given_delivery, object_id),
	RECORD("intended", DIGEST, given_delivery, intended),
	RECORD("intended_at", TIME, given_delivery, intended_at),
	RECORD("ambiguous", FLAG, given_delivery, ambiguous),
	RECORD("failures", COUNT, given_delivery, failures),
	RECORD("next_try", TIME, given_delivery, next_try),
	RECORD("problem", TEXT, given_delivery, problem),
	RECORD("hold", HOLD, given_delivery, hold),
	RECORD("hold_reason", TEXT, given_delivery, hold_reason),
	RECORD("held", DIGEST, given_delivery, held),
	RECORD("approved", DIGEST, given_delivery, approved),
	RECORD("guard_passed", FLAG, given_delivery, guard_passed),
	RECORD("proof", PROOF, given_delivery, proof),
	RECORD("proven", DIGEST, given_delivery, proven),
	{ 0 },
};

static const struct field candidate_fields[] = {
	PLAIN("arn", TEXT, candidate, arn),
	PLAIN("not_after", TIME, candidate, not_after),
	PLAIN("in_use", FLAG, candidate, in_use),
	PLAIN("in_use_by", LIST, candidate, in_use_by),
	PLAIN("refusal", TEXT, candidate, refusal),
	{ 0 },
};

static const struct field dependent_fields[] = {
	PLAIN("action", TEXT, given_dependent, words.action),
	PLAIN("stronger", TEXT, given_dependent, words.stronger),
	PLAIN("prove", LIST, given_dependent, proofs.prove),
	PLAIN("looked", LIST, given_dependent, proofs.looked),
	PLAIN("moved", FLAG, given_dependent, proofs.moved),
	PLAIN("after", LIST, given_dependent, dependent.after),
	PLAIN("shares_with", LIST, given_dependent, shares_with),
	PLAIN("in_flight", FLAG, given_dependent, plan.in_flight),
	PLAIN("asked", FLAG, given_dependent, plan.asked),
	PLAIN("record", FLAG, given_dependent, recorded),
	RECORD("failures", COUNT, given_dependent, failures),
	RECORD("next_try", TIME, given_dependent, next_try),
	RECORD("problem", TEXT, given_dependent, problem),
	RECORD("proof", PROOF, given_dependent, proof),
	RECORD("escalated", DIGEST, given_dependent, escalated),
	{ 0 },
};

static const struct field owed_fields[] = {
	PLAIN("version", DIGEST, given_owed, row.digest),
	PLAIN("since", TIME, given_owed, row.since),
	PLAIN("due", FLAG, given_owed, due),
	{ 0 },
};

static void field_set(struct situation *s, enum field_type type, void *where, const char *value)
{
	switch (type) {
	case FLAG:
		*(bool *)where = true;
		break;
	case TEXT:
		*(char **)where = keep(s, value);
		break;
	case LIST:
		*(char ***)where = keep_list(s, value);
		break;
	case COUNT:
		*(unsigned *)where = (unsigned)strtoul(value, NULL, 10);
		break;
	case TIME:
		*(usec_t *)where = time_of(s, value);
		break;
	case VERSION:
		*(struct version *)where = version_of(value);
		break;
	case DIGEST:
		*(struct digest *)where = digest_of(*value);
		break;
	case NEWEST:
		*(usec_t *)where = version_of(value).not_before;
		break;
	case STATE:
		*(enum observed_state *)where = state_of(value);
		break;
	case HOLD:
		*(enum hold *)where = hold_of(value);
		break;
	case PROOF:
		*(struct proof_record *)where = proof_of(s, value);
		break;
	}
}

/* --- lines --- */

static void read_fields(
	struct situation *s, const struct field *fields, void *base, bool *recorded, char *line)
{
	char *word;

	while ((word = next_word(&line))) {
		char *value = strchr(word, '=');
		const struct field *field = fields;

		if (value)
			*value++ = '\0';
		while (field->key && strcmp(field->key, word) != 0)
			field++;
		if (!field->key || (field->type == FLAG) != !value)
			fail_msg("'%s' is no key, or has no value or one too many", word);
		field_set(s, field->type, (char *)base + field->offset, value);
		if (field->of_record)
			*recorded = true;
	}
}

static size_t certificate_named(const struct situation *s, const char *name)
{
	for (size_t i = 0; i < s->input.certificate_count; i++)
		if (strcmp(s->certificates[i].plan.name, name) == 0)
			return i;
	fail_msg("no certificate '%s'", name);
	return 0;
}

static struct given_delivery *delivery_named(struct situation *s, const char *name)
{
	for (size_t i = 0; i < s->input.delivery_count; i++)
		if (strcmp(s->deliveries[i].delivery.name, name) == 0)
			return &s->deliveries[i];
	fail_msg("no delivery '%s'", name);
	return NULL;
}

static void add_certificate(struct situation *s, char *line)
{
	struct given_certificate *given = &s->certificates[s->input.certificate_count++];
	char *name = next_word(&line);

	assert_true(s->input.certificate_count <= MANY);
	given->plan.name = keep(s, name);
	given->plan.arn = keep_joined(s, "arn:", name);
	read_fields(s, certificate_fields, given, &given->recorded, line);
}

static void add_delivery(struct situation *s, char *line)
{
	struct given_delivery *given = &s->deliveries[s->input.delivery_count];
	char *name = next_word(&line);
	char *certificate = keep(s, name);

	assert_true(s->input.delivery_count < MANY);
	assert_non_null(strchr(certificate, '/'));
	*strchr(certificate, '/') = '\0';
	/* The planner is promised that they are sorted. */
	if (s->input.delivery_count)
		assert_true(
			strcmp(s->deliveries[s->input.delivery_count - 1].delivery.name, name) < 0);
	given->delivery.name = keep(s, name);
	given->delivery.certificate = certificate;
	given->plan.certificate = certificate_named(s, certificate);
	given->observed.at = s->input.now;
	read_fields(s, delivery_fields, given, &given->recorded, line);
	s->input.delivery_count++;
}

static void add_candidate(struct situation *s, char *line)
{
	struct given_delivery *given = delivery_named(s, next_word(&line));

	read_fields(s, candidate_fields, &given->candidates[given->observed.candidate_count++],
		NULL, line);
}

static void add_dependent(struct situation *s, char *line)
{
	struct given_dependent *given = &s->dependents[s->input.dependent_count++];
	char *name = next_word(&line);

	given->dependent.name = keep(s, name);
	given->words.action = "restart";
	given->words.target = keep_joined(s, name, ".service");
	given->words.pause = "to stay below its start limit";
	read_fields(s, dependent_fields, given, &given->recorded, line);
}

static void add_owed(struct situation *s, char *line)
{
	struct given_owed *given = &s->owed[s->owed_count++];

	given->row.dependent = keep(s, next_word(&line));
	given->row.delivery = keep(s, next_word(&line));
	read_fields(s, owed_fields, given, NULL, line);
	given->row.owed = given->due ? OWED_DUE : given->row.since ? OWED_INTENDED : OWED_UNKNOWN;
}

static void read_source(struct situation *s, const char *word)
{
	s->input.source_seen = strcmp(word, "unread") != 0;
	s->input.source_reading = strcmp(word, "reading") == 0;
	s->input.looking = strcmp(word, "looking") == 0;
}

static void read_given(struct situation *s, char *line)
{
	char *word = next_word(&line);

	if (strcmp(word, "now") == 0)
		s->input.now = time_of(s, next_word(&line));
	else if (strcmp(word, "guard") == 0)
		s->input.guard = (unsigned)strtoul(next_word(&line), NULL, 10);
	else if (strcmp(word, "keep_eligible") == 0)
		s->input.keep_eligible = strcmp(next_word(&line), "no") != 0;
	else if (strcmp(word, "source") == 0)
		read_source(s, next_word(&line));
	else if (strcmp(word, "certificate") == 0)
		add_certificate(s, line);
	else if (strcmp(word, "delivery") == 0)
		add_delivery(s, line);
	else if (strcmp(word, "candidate") == 0)
		add_candidate(s, line);
	else if (strcmp(word, "dependent") == 0)
		add_dependent(s, line);
	else if (strcmp(word, "owed") == 0)
		add_owed(s, line);
	else
		fail_msg("'%s' begins no line", word);
}

static void situation_init(struct situation *s)
{
	*s = (struct situation){ .input = { .source_seen = true, .keep_eligible = true } };
	assert_int_equal(time_parse_iso(DEFAULT_NOW, &s->input.now), 0);
}

/* --- what is expected --- */

/* "VERB NAME [DETAILS]", as the case files write a step. */
static char *step_head(const struct situation *s, const struct step *step)
{
	struct buf head = BUF_NULL;
	char when[TIME_TEXT_SIZE];

	buf_printf(&head, "%s %s%s%s", step_verb_name(step->verb), step->certificate,
		*step->certificate ? "/" : "", step->destination);
	if (*step->dependent)
		buf_printf(&head, "%s%s", *step->certificate ? " then " : "then ", step->dependent);
	for (enum hold hold = HOLD_NUMBERS - 1; step->verb == STEP_HOLD && hold > HOLD_NONE; hold--)
		if (holds_have(step->holds->set, hold))
			buf_printf(&head, "%s%s", hold == step->hold ? " [" : ", ", hold_name(hold));
	if (step->verb == STEP_HOLD)
		buf_append_string(&head, "]");
	if (step->when)
		buf_printf(&head, " [until %s]", time_format(step->when, when));
	if (step->failed)
		buf_append_string(&head, " [failed]");
	return buf_take(&head);
}

/* Replaces "until +5m" by the time that is meant. */
static char *expected_head(const struct situation *s, const char *text, size_t length)
{
	_cleanup_(freep) char *head = mem_strndup(text, length);
	char *until = strstr(head, "[until ");
	char *end = until ? strchr(until, ']') : NULL;
	char when[TIME_TEXT_SIZE];

	if (!end)
		return take(head);
	*end = '\0';
	time_format(time_of(s, until + strlen("[until ")), when);
	*until = '\0';
	return mem_printf("%s[until %s]%s", head, when, end + 1);
}

static void check_step(const struct situation *s, const char *line, const struct step *step)
{
	const char *colon = strstr(line, ": ");
	size_t length = colon ? (size_t)(colon - line) : strlen(line);
	_cleanup_(freep) char *expected = expected_head(s, line, length);
	_cleanup_(freep) char *head = step_head(s, step);

	if (strcmp(expected, head) != 0)
		fail_msg("the step is '%s: %s', not '%s'", head, step->reason, expected);
	if (colon && !strstr(step->reason, colon + 2))
		fail_msg("%s: the reason is '%s', without '%s'", head, step->reason, colon + 2);
}

/* What the step before holds back. */
static void check_would(const struct step *step, const char *expected)
{
	if (!step || !step->would || !strstr(step->would, expected))
		fail_msg("what would be done is '%s', without '%s'", step && step->would ? step->would : "", expected);
}

static void print_plan(const struct situation *s, const struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		_cleanup_(freep) char *head = step_head(s, &plan->steps[i]);

		print_message("    %s: %s\n", head, plan->steps[i].reason);
	}
}

static void compare_steps(struct situation *s, char *lines, const struct plan *plan)
{
	usec_t again = USEC_INFINITY;
	size_t count = 0;
	bool nothing = false;

	for (char *line = strtok(lines, "\n"); line; line = strtok(NULL, "\n")) {
		if (*line == '#')
			continue;
		if (strcmp(line, "nothing") == 0)
			nothing = true;
		else if (strncmp(line, "would: ", 7) == 0)
			check_would(count ? &plan->steps[count - 1] : NULL, line + 7);
		else if (strncmp(line, "again: ", 7) == 0)
			again = time_of(s, line + 7);
		else if (count < plan->count)
			check_step(s, line, &plan->steps[count++]);
		else
			fail_msg("there is no step '%s'", line);
	}
	if (count != plan->count)
		print_plan(s, plan);
	assert_int_equal(count, plan->count);
	assert_int_equal(nothing,
		plan->count == 0); /* said, so that an empty file expects nothing by no accident */
	if (again != plan->again) {
		char text[TIME_TEXT_SIZE];

		fail_msg("it is planned again at %s", time_format(plan->again, text));
	}
}

/* --- a plan made in parts says what the whole one says --- */

static unsigned glances[PLAN_GLANCE_WAIT + 1]; /* how often each was seen */

struct part {
	struct plan_input input;
	struct plan_delivery deliveries[MANY];
};

static void fill_part(struct part *part, const struct plan_input *all)
{
	part->input = *all;
	part->input.certificate_count = part->input.delivery_count = part->input.dependent_count = 0;
	part->input.deliveries = part->deliveries;
}

static void add_to_part(struct part *part, const struct plan_delivery *delivery, size_t certificate)
{
	part->deliveries[part->input.delivery_count] = *delivery;
	part->deliveries[part->input.delivery_count++].certificate = certificate;
}

/* Each of the part's steps is one of the whole plan's; how many there were. */
static size_t check_part(const struct part *part, const struct plan *whole)
{
	struct plan plan;
	size_t count;

	plan_make(&part->input, &plan);
	for (size_t i = 0; i < plan.count; i++) {
		const struct step *step = &plan.steps[i];
		size_t found = 0;

		for (size_t k = 0; k < whole->count; k++) {
			const struct step *other = &whole->steps[k];

			found += step->verb == other->verb && (step->holds ? step->holds->set : 0) == (other->holds ? other->holds->set : 0) &&
				 step->when == other->when && step->failed == other->failed &&
				 strcmp(step->delivery, other->delivery) == 0 &&
				 strcmp(step->dependent, other->dependent) == 0 &&
				 (*step->dependent || strcmp(step->certificate, other->certificate) == 0) &&
				 strcmp(step->reason, other->reason) == 0;
		}
		assert_int_equal(found, 1);
	}
	assert_true(plan.again >= whole->again);
	count = plan.count;
	plan_done(&plan);
	return count;
}

/* What a settled one comes to at a glance; PLAN_GLANCE_OPEN: it is none. */
static enum plan_glance glance_at(const struct plan_input *input, const struct plan_delivery *delivery)
{
	struct kept_version versions[VERSIONS_KEPT] = { 0 };
	struct settled settled = { 0 };
	struct plan_glimpse glimpse = {
		.state = delivery->observed->state,
		.proves = delivery->delivery->wish->prove_count > 0,
		.in_flight = delivery->in_flight,
		.may_look = delivery->may_look,
		.untagged = delivery->untagged,
	};

	if (!delivery->record || !settled_pack(&settled, versions, delivery->record, delivery->observed, true))
		return PLAN_GLANCE_OPEN;
	if (settled.version)
		glimpse.confirmed = &delivery->record->confirmed;
	settled_done(&settled);
	return plan_glance(&glimpse, &input->certificates[delivery->certificate], input->source_seen);
}

/* Its steps in the plan are what was said at a glance; how many they are. */
static size_t check_glance(enum plan_glance glance, const char *delivery, const struct plan *whole)
{
	size_t count = 0;

	for (size_t i = 0; i < whole->count; i++) {
		const struct step *step = &whole->steps[i];

		if (*step->dependent || strcmp(step->delivery, delivery) != 0)
			continue;
		assert_int_equal(step->verb, glance == PLAN_GLANCE_LOOK ? STEP_LOOK : STEP_WAIT);
		assert_false(step->failed);
		assert_int_equal(step->when, 0);
		count++;
	}
	assert_int_equal(count, glance == PLAN_GLANCE_LOOK || glance == PLAN_GLANCE_WAIT);
	return count;
}

/* The same without those that are settled. */
static size_t check_glances(struct part *part, const struct plan *whole)
{
	size_t count = 0, kept = 0;

	for (size_t i = 0; i < part->input.delivery_count; i++) {
		const struct plan_delivery delivery = part->deliveries[i];
		enum plan_glance glance = glance_at(&part->input, &delivery);

		if (glance == PLAN_GLANCE_OPEN) {
			part->deliveries[kept++] = delivery;
			continue;
		}
		glances[glance]++;
		count += check_glance(glance, delivery.delivery->name, whole);
		part->input.left_in_flight |= glance != PLAN_GLANCE_RESTS;
	}
	part->input.delivery_count = kept;
	return count + check_part(part, whole);
}

/* A certificate with all its deliveries, the rest counted elsewhere; then the dependents, with what is in flight. */
static void check_parts(const struct plan_input *input, const struct plan *whole)
{
	const struct plan_touched all = plan_count_touched(input);
	static struct part part;
	size_t count = 0;

	for (size_t c = 0; c < input->certificate_count; c++) {
		struct plan_touched own;
		size_t own_steps;

		fill_part(&part, input);
		part.input.certificates = &input->certificates[c];
		part.input.certificate_count = 1;
		for (size_t i = 0; i < input->delivery_count; i++)
			if (input->deliveries[i].certificate == c)
				add_to_part(&part, &input->deliveries[i], 0);
		own = plan_count_touched(&part.input);
		part.input.elsewhere.known = all.known - own.known;
		part.input.elsewhere.unseen = all.unseen - own.unseen;
		own_steps = check_part(&part, whole);
		assert_int_equal(check_glances(&part, whole), own_steps);
		count += own_steps;
	}
	fill_part(&part, input);
	part.input.dependent_count = input->dependent_count;
	part.input.certificate_count = input->certificate_count;
	for (size_t i = 0; i < input->delivery_count; i++)
		if (input->deliveries[i].in_flight)
			add_to_part(&part, &input->deliveries[i], input->deliveries[i].certificate);
	/* What keeps a certificate eligible is planned with its deliveries only. */
	part.input.keep_eligible = false;
	count += check_part(&part, whole);
	assert_int_equal(count, whole->count);
}

static void test_case(void **state)
{
	static struct situation s;
	_cleanup_(buf_done) struct buf content = BUF_NULL;
	struct plan plan;
	char *expected, *rest;

	assert_int_equal(file_read(*state, 65536, &content, NULL), 0);
	expected = strstr(content.data, "\nexpect\n");
	assert_non_null(expected);
	*expected = '\0';
	situation_init(&s);
	for (char *line = strtok_r(content.data, "\n", &rest); line;
		line = strtok_r(NULL, "\n", &rest))
		if (*line != '#' && strcmp(line, "given") != 0)
			read_given(&s, line);
	situation_link(&s);
	plan_make(&s.input, &plan);
	check_parts(&s.input, &plan);
	compare_steps(&s, expected + strlen("\nexpect\n"), &plan);
	plan_done(&plan);
	situation_done(&s);
}

/* --- random situations, carried out --- */

#define SEEDS  6000
#define ROUNDS 12 /* of doing all that the plan says; nothing may be left to do well before */
#define LEAPS  60 /* to the moment at which the plan wants to be made again */

/* What the world does to the daemon; a letter of the source's versions is its certificate's index. */
struct world {
	struct situation s;
	uint32_t random;
	bool failing; /* some steps fail */
	bool unyielding; /* the check before the write always holds */
	unsigned writes[MANY];
};

static unsigned dice(struct world *world, unsigned sides)
{
	world->random = world->random * 1664525u + 1013904223u;
	return (world->random >> 16) % sides;
}

static struct version random_version(struct world *world)
{
	const char letter[] = { "ABC"[dice(world, 3)], '\0' };

	return dice(world, 8) ? version_of(letter) : (struct version){ 0 };
}

static usec_t random_time(struct world *world)
{
	usec_t minutes = dice(world, 15);

	return dice(world, 2) ? world->s.input.now + minutes * USEC_PER_MINUTE
			      : world->s.input.now - minutes * USEC_PER_MINUTE;
}

static void random_certificate(struct world *world, size_t index)
{
	const char letter[] = { "ABC"[dice(world, 3)], '\0' };
	struct given_certificate *given = &world->s.certificates[index];
	const char name[] = { 'c', (char)('0' + index), '\0' };

	given->plan.name = keep(&world->s, name);
	given->plan.arn = given->plan.name;
	given->plan.refusal = dice(world, 12) ? NULL : "it is EXPIRED";
	given->absent = dice(world, 12) == 0;
	given->no_keep = dice(world, 6) == 0;
	given->seen.version = dice(world, 12) ? version_of(letter) : (struct version){ 0 };
	given->seen.ineligible = dice(world, 2);
	given->recorded = dice(world, 2);
	given->record.exported = random_version(world).digest;
	given->record.newest = dice(world, 6) ? 0 : random_version(world).not_before;
	given->record.failures = dice(world, 3);
	given->record.next_try = random_time(world);
	given->plan.in_flight = dice(world, 6) == 0;
}

static void random_delivery_record(struct world *world, struct given_delivery *given)
{
	struct delivery_record *record = &given->record;

	given->recorded = dice(world, 4) != 0;
	if (dice(world, 2))
		record->confirmed = random_version(world);
	record->intended = random_version(world).digest;
	record->intended_at = random_time(world);
	record->ambiguous = dice(world, 4) == 0;
	record->failures = dice(world, 3);
	record->next_try = random_time(world);
	record->hold = dice(world, 4) ? HOLD_NONE : dice(world, 6) ? HOLD_APPROVAL : HOLD_FOREIGN;
	record->former = dice(world, 6) ? NULL : keep(&world->s, "arn:former");
	record->held = random_version(world).digest;
	record->approved = random_version(world).digest;
	record->guard_passed = dice(world, 4) == 0;
	if (dice(world, 2))
		record->proof = proof_of(&world->s, dice(world, 2) ? "matched" : "wrong: it serves another");
	record->proven = random_version(world).digest;
}

static void random_delivery(struct world *world, size_t index)
{
	struct given_delivery *given = &world->s.deliveries[index];
	size_t certificate = index * world->s.input.certificate_count /
			     world->s.input.delivery_count;
	_cleanup_(freep) char *name = mem_printf("c%zu/d%zu", certificate, index);

	given->delivery.name = keep(&world->s, name);
	given->delivery.certificate = (char *)world->s.certificates[certificate].plan.name;
	given->plan.certificate = certificate;
	given->delivery.arn = dice(world, 6) ? NULL : keep(&world->s, "arn:given");
	given->wish.recreate = dice(world, 2);
	given->proofs.prove = dice(world, 3) ? NULL : keep_list(&world->s, "host:443");
	given->observed.state = (enum observed_state)dice(world, OBSERVED_FOREIGN + 1);
	given->observed.version = random_version(world);
	given->observed.own = dice(world, 2);
	given->observed.former = given->observed.own || dice(world, 3) ? NULL : keep(&world->s, "arn:former");
	given->observed.at = random_time(world);
	if (given->observed.state == OBSERVED_UNKNOWN && dice(world, 3) == 0)
		given->observed.error.text = keep(&world->s, "denied");
	given->plan.budget = dice(world, 8) ? NULL : "the limit is reached";
	given->plan.lost = dice(world, 6) ? 0 : random_time(world);
	given->plan.in_flight = dice(world, 6) == 0;
	given->plan.asked = dice(world, 6) == 0;
	given->plan.untagged = dice(world, 3) == 0;
	random_delivery_record(world, given);
}

static void random_dependent(struct world *world, size_t index)
{
	struct given_dependent *given = &world->s.dependents[index];
	const char name[] = { 'u', (char)('0' + index), '\0' };

	given->dependent.name = keep(&world->s, name);
	given->words.action = "restart";
	given->words.target = given->dependent.name;
	given->words.pause = "to stay below its start limit";
	given->proofs.prove = dice(world, 2) ? NULL : keep_list(&world->s, "host:443");
	given->recorded = dice(world, 2);
	given->record.failures = dice(world, 3);
	given->record.next_try = random_time(world);
	if (dice(world, 2))
		given->record.proof = proof_of(&world->s, dice(world, 2) ? "matched" : "unproven: no answer");
	given->plan.in_flight = dice(world, 6) == 0;
	given->plan.asked = dice(world, 6) == 0;
	/* Those with a lesser number, so that there is no circle. */
	for (size_t i = 0; i < index; i++)
		if (dice(world, 2))
			given->dependent.after = keep_list(&world->s, i ? "u1" : index > 1 && dice(world, 2) ? "u0,u1" : "u0");
	for (size_t i = 0; i < world->s.input.delivery_count; i++)
		if (dice(world, 3) == 0 && world->s.owed_count < MANY)
			world->s.owed[world->s.owed_count++].row = (struct owed_record){
				.dependent = given->dependent.name,
				.delivery = world->s.deliveries[i].delivery.name,
				.owed = (enum owed)dice(world, OWED_DUE + 1),
				.since = random_time(world),
			};
}

static void random_world(struct world *world, unsigned seed)
{
	struct plan_input *input = &world->s.input;

	*world = (struct world){ .random = seed * 2654435761u + 1 };
	situation_init(&world->s);
	world->failing = dice(world, 3) == 0;
	world->unyielding = dice(world, 5) == 0;
	/* Near the end of some versions' life, where a held change yields. */
	input->now = dice(world, 2) ? input->now
				    : version_of("A").not_after - dice(world, 30) * USEC_PER_DAY;
	input->source_seen = dice(world, 20) != 0;
	input->source_reading = dice(world, 5) == 0;
	input->keep_eligible = dice(world, 4) != 0;
	input->guard = dice(world, 4);
	input->certificate_count = 1 + dice(world, 3);
	input->delivery_count = dice(world, 7);
	input->dependent_count = dice(world, 4);
	for (size_t i = 0; i < input->certificate_count; i++)
		random_certificate(world, i);
	for (size_t i = 0; i < input->delivery_count; i++)
		random_delivery(world, i);
	for (size_t i = 0; i < input->dependent_count; i++)
		random_dependent(world, i);
}

/* --- carrying out one step, as the conductor would --- */

static void failed(struct world *world, unsigned *failures, usec_t *next_try)
{
	(*failures)++;
	*next_try = world->s.input.now + backoff(*failures, ERROR_RETRY);
}

static void do_look(struct world *world, struct given_delivery *given)
{
	/* Whoever answers is found, and whoever does not is looked for later. */
	given->plan.lost = dice(world, 4) || !given->plan.lost ? 0 : world->s.input.now + 5 * USEC_PER_MINUTE;
	given->plan.asked = false;
	given->observed.at = world->s.input.now;
	if (world->failing && dice(world, 2)) {
		given->observed.error.text = given->delivery.name;
		given->recorded = true;
		failed(world, &given->record.failures, &given->record.next_try);
		return;
	}
	given->observed.error.text = NULL;
	if (given->observed.state == OBSERVED_UNKNOWN)
		given->observed.state = OBSERVED_ABSENT;
}

/* Of one source certificate nothing older, and of what is not known to be certferry's nothing at all. */
static void check_replaced(const struct given_certificate *certificate, const struct given_delivery *given)
{
	const struct version *wanted = &certificate->seen.version, *there = &given->observed.version;
	const struct delivery_record *record = given->recorded ? &given->record : NULL;
	bool confirmed = record && digest_is_set(&record->confirmed.digest);
	bool known = (record && (digest_equal(&there->digest, &record->confirmed.digest) ||
					digest_equal(&there->digest, &record->intended))) ||
		     (certificate->recorded && digest_equal(&there->digest, &certificate->record.exported));

	assert_true(known || (!confirmed && (given->observed.own || given->observed.former || given->delivery.arn)));
	if (!given->observed.former && !(record && record->former))
		assert_false(version_is_older(wanted, there));
}

/* No older version over a newer one, nothing of others, and nothing while the source is not known. */
static void check_deliver(const struct world *world, const struct given_delivery *given)
{
	const struct given_certificate *certificate =
		&world->s.certificates[given->plan.certificate];
	const struct observed *seen = &given->observed;

	assert_true(world->s.input.source_seen);
	assert_false(certificate->absent || certificate->plan.refusal || given->plan.in_flight);
	assert_true(digest_is_set(&certificate->seen.version.digest));
	assert_false(certificate->recorded &&
		     certificate->seen.version.not_before < certificate->record.newest);
	assert_true(seen->state != OBSERVED_UNKNOWN && seen->state != OBSERVED_FOREIGN &&
		    seen->state != OBSERVED_ADOPTABLE);
	assert_true(seen->state != OBSERVED_GONE || given->wish.recreate);
	if (seen->state == OBSERVED_PRESENT && digest_is_set(&seen->version.digest))
		check_replaced(certificate, given);
	if (given->recorded && given->record.ambiguous && seen->state == OBSERVED_ABSENT)
		assert_true(seen->at >= given->record.intended_at + AMBIGUOUS_WAIT);
}

static void do_deliver(struct world *world, struct given_delivery *given)
{
	const struct version *wanted = &world->s.certificates[given->plan.certificate].seen.version;

	check_deliver(world, given);
	given->recorded = true;
	given->plan.asked = false;
	given->record.intended = wanted->digest;
	if (!given->record.ambiguous)
		given->record.intended_at = world->s.input.now;
	if (world->unyielding &&
		!digest_equal(&given->record.approved, &wanted->digest)) {
		given->record.hold = HOLD_APPROVAL;
		given->record.held = wanted->digest;
		given->record.failures = 0;
		given->record.next_try = 0;
		return;
	}
	if (world->failing && dice(world, 2)) {
		failed(world, &given->record.failures, &given->record.next_try);
		return;
	}
	given->observed.state = OBSERVED_PRESENT;
	given->observed.version = *wanted;
	given->observed.at = world->s.input.now;
	given->record.confirmed = *wanted;
	given->record.intended = (struct digest){ 0 };
	given->record.ambiguous = false;
	given->record.failures = 0;
	given->record.next_try = 0;
	given->record.hold = HOLD_NONE;
	given->record.former = NULL;
	given->observed.former = NULL;
	world->writes[given - world->s.deliveries]++;
}

static void do_export(struct world *world, struct given_certificate *given)
{
	assert_true(world->s.input.keep_eligible && !given->no_keep && !given->absent &&
		    !given->plan.in_flight);
	given->recorded = true;
	if (world->failing && dice(world, 2)) {
		failed(world, &given->record.failures, &given->record.next_try);
		return;
	}
	given->record.failures = 0;
	given->record.exported = given->seen.version.digest;
}

/* What is due is told; otherwise what is not known is settled. */
static void do_tell(struct world *world, struct given_dependent *given)
{
	struct situation *s = &world->s;
	bool due = false;
	size_t kept = 0;

	assert_false(given->plan.in_flight);
	given->plan.asked = false;
	given->recorded = true;
	if (world->failing && dice(world, 2)) {
		failed(world, &given->record.failures, &given->record.next_try);
		return;
	}
	for (size_t i = 0; i < s->owed_count; i++)
		due |= s->owed[i].row.owed == OWED_DUE &&
		       strcmp(s->owed[i].row.dependent, given->dependent.name) == 0;
	for (size_t i = 0; i < s->owed_count; i++) {
		const struct owed_record *row = &s->owed[i].row;
		bool settled = row->owed == (due ? OWED_DUE : OWED_UNKNOWN);

		if (strcmp(row->dependent, given->dependent.name) != 0 || !settled)
			s->owed[kept++] = s->owed[i];
	}
	assert_true(kept < s->owed_count);
	s->owed_count = kept;
	given->record.failures = 0;
	given->record.next_try = 0;
	given->record.proof = (struct proof_record){ .result = PROVE_NONE };
}

static void do_prove(struct world *world, const struct step *step)
{
	bool matched = !world->failing || dice(world, 2);
	const struct proof_record proof = proof_of(&world->s, matched ? "matched" : "unproven: no answer");
	usec_t next_try = matched ? 0 : world->s.input.now + 10 * USEC_PER_MINUTE;

	if (*step->dependent) {
		struct given_dependent *given = &world->s.dependents[step->index];

		given->plan.asked = false;
		given->record.proof = proof;
		given->record.next_try = next_try;
	} else {
		struct given_delivery *given = &world->s.deliveries[step->index];

		given->plan.asked = false;
		given->record.proof = proof;
		given->record.proven = given->observed.version.digest;
		given->record.next_try = next_try;
	}
}

static bool do_step(struct world *world, const struct step *step)
{
	switch (step->verb) {
	case STEP_LOOK:
		do_look(world, &world->s.deliveries[step->index]);
		return true;
	case STEP_DELIVER:
		do_deliver(world, &world->s.deliveries[step->index]);
		return true;
	case STEP_EXPORT:
		do_export(world, &world->s.certificates[step->index]);
		return true;
	case STEP_TELL:
		do_tell(world, &world->s.dependents[step->index]);
		return true;
	case STEP_PROVE:
		do_prove(world, step);
		return true;
	case STEP_TAG:
		world->s.deliveries[step->index].plan.untagged = false;
		return true;
	case STEP_HOLD:
	case STEP_WAIT:
		return false;
	}
	return false;
}

/* --- what holds for every plan --- */

static size_t steps_of(const struct plan *plan, const char *delivery)
{
	size_t count = 0;

	for (size_t i = 0; i < plan->count; i++)
		count += !*plan->steps[i].dependent &&
			 strcmp(plan->steps[i].delivery, delivery) == 0;
	return count;
}

static size_t steps_of_dependent(const struct plan *plan, const char *dependent)
{
	size_t count = 0;

	for (size_t i = 0; i < plan->count; i++)
		count += strcmp(plan->steps[i].dependent, dependent) == 0;
	return count;
}

static bool owes_now(const struct given_dependent *given)
{
	for (size_t i = 0; i < given->plan.owed_count; i++)
		if (given->rows[i]->owed != OWED_INTENDED)
			return true;
	return false;
}

static bool is_due(const struct given_dependent *given, const char *delivery)
{
	for (size_t i = 0; i < given->plan.owed_count; i++)
		if (given->rows[i]->owed == OWED_DUE && strcmp(given->rows[i]->delivery, delivery) == 0)
			return true;
	return false;
}

/* Nobody is told of what another one, which comes first, is still to be told of. */
static void check_order(const struct situation *s, const struct step *step)
{
	const struct given_dependent *given = &s->dependents[step->index];

	for (size_t i = 0; i < s->input.dependent_count; i++) {
		const struct given_dependent *earlier = &s->dependents[i];

		if (!strv_has(given->dependent.after, earlier->dependent.name))
			continue;
		for (size_t k = 0; k < given->plan.owed_count; k++)
			assert_false(given->rows[k]->owed == OWED_DUE && is_due(earlier, given->rows[k]->delivery));
	}
}

/* One step at most for each, one for each that is not as it should be, none for what is in flight. */
static void check_plan(const struct world *world, const struct plan *plan)
{
	const struct situation *s = &world->s;

	assert_true(plan->again > s->input.now);
	for (size_t i = 0; i < plan->count; i++) {
		assert_true(*plan->steps[i].reason);
		assert_true(plan->steps[i].when == 0 || plan->again <= plan->steps[i].when);
		if (plan->steps[i].verb == STEP_TELL)
			check_order(s, &plan->steps[i]);
	}
	for (size_t i = 0; i < s->input.delivery_count; i++) {
		const struct plan_delivery *delivery = &s->plan_deliveries[i];
		bool current = plan_is_current(
			delivery, &s->plan_certificates[delivery->certificate]);
		size_t count = steps_of(plan, delivery->delivery->name);

		assert_false(!current && plan_wants_tag(delivery, &s->plan_certificates[delivery->certificate]));
		assert_true(count <= !delivery->in_flight);
		assert_true(current || delivery->in_flight || count == 1);
	}
	for (size_t i = 0; i < s->input.dependent_count; i++) {
		const struct given_dependent *given = &s->dependents[i];
		size_t count = steps_of_dependent(plan, given->dependent.name);

		assert_true(count <= !given->plan.in_flight);
		assert_true(!owes_now(given) || given->plan.in_flight || count == 1);
	}
}

/* What was in flight has ended. */
static void land(struct world *world)
{
	for (size_t i = 0; i < MANY; i++) {
		world->s.certificates[i].plan.in_flight = false;
		world->s.deliveries[i].plan.in_flight = false;
		world->s.dependents[i].plan.in_flight = false;
	}
}

/* Plans and does until nothing is left to be done now; returns when to plan again. */
static usec_t settle(struct world *world)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct plan plan;
		usec_t again;
		bool acted = false;

		situation_link(&world->s);
		plan_make(&world->s.input, &plan);
		check_parts(&world->s.input, &plan);
		check_plan(world, &plan);
		for (size_t i = 0; i < plan.count; i++)
			acted |= do_step(world, &plan.steps[i]);
		if (acted && round + 1 == ROUNDS)
			print_plan(&world->s, &plan); /* what is done again and again */
		again = plan.again;
		plan_done(&plan);
		if (!acted)
			return again;
		land(world);
	}
	fail_msg("there is always something to do");
	return 0;
}

static void test_property(void **state)
{
	static struct world world;
	unsigned writes = 0;

	for (unsigned seed = 1; seed <= SEEDS; seed++) {
		usec_t again;

		random_world(&world, seed);
		again = settle(&world);
		land(&world);
		for (unsigned leap = 0; again != USEC_INFINITY && leap < LEAPS; leap++) {
			world.s.input.now = again;
			again = settle(&world);
		}
		if (!world.failing && again != USEC_INFINITY)
			fail_msg("seed %u: it never comes to rest", seed);
		for (size_t i = 0; i < MANY; i++) {
			assert_true(world.writes[i] <= 1); /* a version is written once */
			writes += world.writes[i];
		}
		situation_done(&world.s);
	}
	assert_true(writes > SEEDS / 2); /* or the situations are too dull to show anything */
	for (size_t i = PLAN_GLANCE_RESTS; i < ARRAY_SIZE(glances); i++)
		if (!glances[i])
			fail_msg("none was settled, and came to %zu", i);
}

/* What those who use it will miss, whichever is chosen. */
static void test_in_place_to_choose(void **state)
{
	struct candidate candidates[] = {
		{ .not_after = 5, .in_use = true },
		{ .not_after = 2 },
		{ .not_after = 3, .in_use = true },
	};
	struct observed seen = { .state = OBSERVED_ADOPTABLE, .candidates = candidates, .candidate_count = 3 };
	const struct plan_delivery delivery = { .observed = &seen };

	assert_int_equal(plan_in_place(&delivery).not_after, 3);
	seen.former = (char *)"arn:former";
	assert_int_equal(plan_in_place(&delivery).not_after, 2);
	seen.candidate_count = 0;
	assert_int_equal(plan_in_place(&delivery).not_after, 0);
}

int main(void)
{
	_cleanup_(strv_freep) char **files = NULL;
	_cleanup_(freep) struct CMUnitTest *tests = NULL;
	_cleanup_(error_done) struct error err = ERROR_NULL;
	bool locked;
	size_t count;

	if (secret_memory_init(&locked, &err) < 0)
		return 1;
	files = case_files(CASES, ".case");
	count = strv_length(files);
	if (count < 60)
		return 1;
	tests = mem_alloc((count + 2) * sizeof(*tests));
	for (size_t i = 0; i < count; i++)
		tests[i] = (struct CMUnitTest){ files[i], test_case, NULL, NULL, files[i] };
	tests[count] = (struct CMUnitTest)cmocka_unit_test(test_property);
	tests[count + 1] = (struct CMUnitTest)cmocka_unit_test(test_in_place_to_choose);
	return _cmocka_run_group_tests("plan", tests, count + 2, NULL, NULL);
}
