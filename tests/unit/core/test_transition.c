/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks tests/cases/transition: each file gives a record, tells facts, and expects the record and the changes, one test a
 * file.
 *
 * A case: lines under "given", then lines under "facts", then lines under "expect"; "#" begins a comment.
 *
 *	now TIME | chance N			of 1000; 500 if it is not said, which waits as long as the back-off says
 *	delivery | certificate | dependent | owed	KEY=VALUE|FLAG ...
 *
 * Facts, in their order: "now TIME", a time that is as it was then; or one of facts[] below.  Values are written as
 * values.h says.
 *
 * Expected: all records that are not empty, whole; and what has come of the facts, in its order: "change NAME ...",
 * and for a fact that says whether there is something to write down, "written" or "not written"; of a row that may go,
 * "goes" or "stays"; of a proof that is wrong, "more is done", "more is advised" or "no more is done"; of an object, "void" or "kept"; of its root, "other anchor" or "same anchor".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "daemon/transition/certificate.h"
#include "daemon/transition/delivery.h"
#include "daemon/transition/dependent.h"
#include "daemon/transition/schedule.h"
#include "lib/base/buf.h"
#include "lib/base/intern.h"
#include "lib/os/file.h"
#include "lib/pki/secret.h"
#include "tests/unit/cases.h"
#include "tests/unit/core/values.h"
#include "tests/unit/core/words.h"

#define CASES       "tests/cases/transition"
#define DEFAULT_NOW "2026-11-23T12:00:00Z"
#define CASES_LEAST 60

/* What a fact says, whichever it is. */
struct fact {
	struct observed seen;
	struct outcome outcome;
	struct error error;
	struct version version;
	struct fingerprint pinned, anchor;
	struct proof_record proof;
	char *object, *pem, *chain, *words, *who, *reason, *result, *stronger, *advice;
	usec_t until;
	unsigned accept, deliveries;
	bool recorded, serial, ambiguous, told, in_place, former, own;
};

struct world {
	usec_t now;
	unsigned chance;
	struct delivery_record delivery;
	struct certificate_record certificate;
	struct dependent_record dependent;
	struct owed_record owed;
	struct buf events;
};

/* --- fields of a line: a key, what its value is, and where it goes --- */

enum field_type {
	FLAG,
	TEXT,
	INTERNED,
	COUNT,
	TIME,
	VERSION,
	DIGEST,
	FINGERPRINT,
	NEWEST,
	HOLD,
	KIND,
	PROOF,
	OWED,
};

struct field {
	const char *key;
	enum field_type type;
	size_t offset;
};

#define FIELD(key, type, structure, member)                                                        \
	{                                                                                          \
		key, type, offsetof(struct structure, member)                                      \
	}

static const struct field delivery_fields[] = {
	FIELD("object", TEXT, delivery_record, object),
	FIELD("former", TEXT, delivery_record, former),
	FIELD("object_id", TEXT, delivery_record, object_id),
	FIELD("revision", TEXT, delivery_record, revision),
	FIELD("confirmed", VERSION, delivery_record, confirmed),
	FIELD("confirmed_at", TIME, delivery_record, confirmed_at),
	FIELD("intended", DIGEST, delivery_record, intended),
	FIELD("intended_at", TIME, delivery_record, intended_at),
	FIELD("ambiguous", FLAG, delivery_record, ambiguous),
	FIELD("failures", COUNT, delivery_record, failures),
	FIELD("next_try", TIME, delivery_record, next_try),
	FIELD("kind", KIND, delivery_record, kind),
	FIELD("problem", TEXT, delivery_record, problem),
	FIELD("hold", HOLD, delivery_record, hold),
	FIELD("hold_reason", TEXT, delivery_record, hold_reason),
	FIELD("held", DIGEST, delivery_record, held),
	FIELD("held_accept", COUNT, delivery_record, held_accept),
	FIELD("approved", DIGEST, delivery_record, approved),
	FIELD("guard_passed", FLAG, delivery_record, guard_passed),
	FIELD("proof", PROOF, delivery_record, proof),
	FIELD("proven", DIGEST, delivery_record, proven),
	FIELD("anchor", FINGERPRINT, delivery_record, anchor),
	FIELD("leaf", TEXT, delivery_record, leaf),
	FIELD("chain", TEXT, delivery_record, chain),
	{ 0 },
};

static const struct field certificate_fields[] = {
	FIELD("version", VERSION, certificate_record, version),
	FIELD("exported", DIGEST, certificate_record, exported),
	FIELD("newest", NEWEST, certificate_record, newest),
	FIELD("anchor", INTERNED, certificate_record, anchor),
	FIELD("failures", COUNT, certificate_record, failures),
	FIELD("next_try", TIME, certificate_record, next_try),
	FIELD("problem", TEXT, certificate_record, problem),
	{ 0 },
};

static const struct field dependent_fields[] = {
	FIELD("failures", COUNT, dependent_record, failures),
	FIELD("next_try", TIME, dependent_record, next_try),
	FIELD("problem", TEXT, dependent_record, problem),
	FIELD("token", TEXT, dependent_record, token),
	FIELD("intended_at", TIME, dependent_record, intended_at),
	FIELD("told_at", TIME, dependent_record, told_at),
	FIELD("proof", PROOF, dependent_record, proof),
	FIELD("proven", DIGEST, dependent_record, proven),
	FIELD("escalated", DIGEST, dependent_record, escalated),
	{ 0 },
};

static const struct field owed_fields[] = {
	FIELD("version", DIGEST, owed_record, digest),
	FIELD("owed", OWED, owed_record, owed),
	FIELD("since", TIME, owed_record, since),
	{ 0 },
};

static const struct field fact_fields[] = {
	FIELD("version", VERSION, fact, version),
	FIELD("object", TEXT, fact, object),
	FIELD("revision", TEXT, fact, seen.revision),
	FIELD("changed_at", TIME, fact, seen.changed_at),
	FIELD("foreign", TEXT, fact, seen.foreign),
	FIELD("error", TEXT, fact, error.text),
	FIELD("kind", KIND, fact, error.kind),
	FIELD("hold", HOLD, fact, outcome.hold),
	FIELD("reason", TEXT, fact, reason),
	FIELD("accept", COUNT, fact, accept),
	FIELD("deliveries", COUNT, fact, deliveries),
	FIELD("anchor", FINGERPRINT, fact, anchor),
	FIELD("pinned", FINGERPRINT, fact, pinned),
	FIELD("pem", TEXT, fact, pem),
	FIELD("chain", TEXT, fact, chain),
	FIELD("words", TEXT, fact, words),
	FIELD("result", TEXT, fact, result),
	FIELD("who", TEXT, fact, who),
	FIELD("until", TIME, fact, until),
	FIELD("recorded", FLAG, fact, recorded),
	FIELD("serial", FLAG, fact, serial),
	FIELD("ambiguous", FLAG, fact, ambiguous),
	FIELD("told", FLAG, fact, told),
	FIELD("in_place", FLAG, fact, in_place),
	FIELD("former", FLAG, fact, former),
	FIELD("own", FLAG, fact, own),
	FIELD("stronger", TEXT, fact, stronger),
	FIELD("advice", TEXT, fact, advice),
	{ 0 },
};

static const char *const owed_names[] = { "unknown", "intended", "due" };

static enum owed owed_of(const char *text)
{
	for (enum owed owed = OWED_UNKNOWN; owed <= OWED_DUE; owed++)
		if (strcmp(owed_names[owed], text) == 0)
			return owed;
	fail_msg("'%s' is not owed", text);
	return OWED_UNKNOWN;
}

static struct fingerprint fingerprint_of(char letter)
{
	struct fingerprint fingerprint;

	memset(fingerprint.bytes, letter, sizeof(fingerprint.bytes));
	return fingerprint;
}

static void field_set(usec_t now, const struct field *field, void *where, const char *value)
{
	switch (field->type) {
	case FLAG:
		*(bool *)where = true;
		break;
	case TEXT:
		free(*(char **)where);
		*(char **)where = mem_strdup(value);
		break;
	case INTERNED:
		*(const char **)where = intern(value);
		break;
	case COUNT:
		*(unsigned *)where = (unsigned)strtoul(value, NULL, 10);
		break;
	case TIME:
		*(usec_t *)where = time_at(now, value);
		break;
	case VERSION:
		*(struct version *)where = version_of(value);
		break;
	case DIGEST:
		*(struct digest *)where = digest_of(*value);
		break;
	case FINGERPRINT:
		*(struct fingerprint *)where = fingerprint_of(*value);
		break;
	case NEWEST:
		*(usec_t *)where = version_of(value).not_before;
		break;
	case HOLD:
		*(enum hold *)where = hold_of(value);
		break;
	case KIND:
		*(enum error_kind *)where = error_kind_find(value);
		break;
	case PROOF:
		proof_parse(mem_strdup(value), where);
		break;
	case OWED:
		*(enum owed *)where = owed_of(value);
		break;
	}
}

static void read_fields(usec_t now, const struct field *fields, void *base, char *line)
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
		field_set(now, field, (char *)base + field->offset, value);
	}
}

/* --- and back: the values that are not empty --- */

/* As an offset from now where it is one in whole seconds. */
static void add_time(struct buf *to, const char *key, usec_t time, usec_t now)
{
	const usec_t apart = time > now ? time - now : now - time;
	char text[TIME_TEXT_SIZE];

	if (!time)
		return;
	if (apart > 2 * USEC_PER_DAY || apart % USEC_PER_SEC)
		buf_printf(to, " %s=%s.%06u", key, time_format(time, text), (unsigned)(time % USEC_PER_SEC));
	else
		buf_printf(to, " %s=%s%us", key, time < now ? "-" : "+", (unsigned)(apart / USEC_PER_SEC));
}

static void add_version(struct buf *to, const char *key, const struct version *version)
{
	const char letter[] = { (char)version->digest.bytes[0], '\0' };
	struct version plain = version_of(letter);

	if (*letter)
		buf_printf(to, " %s=%s%s", key, letter,
			version->not_before == plain.not_before && version->not_after == plain.not_after
				? "" : "/with-other-dates");
}

static void add_byte(struct buf *to, const char *key, const unsigned char *bytes)
{
	if (*bytes)
		buf_printf(to, " %s=%c", key, *bytes);
}

static void add_text(struct buf *to, const char *key, const char *text)
{
	if (text && *text)
		buf_printf(to, strchr(text, ' ') ? " %s=\"%s\"" : " %s=%s", key, text);
}

static void add_field(struct buf *to, usec_t now, const struct field *field, const void *where)
{
	switch (field->type) {
	case FLAG:
		if (*(const bool *)where)
			buf_printf(to, " %s", field->key);
		break;
	case TEXT:
	case INTERNED:
		add_text(to, field->key, *(char *const *)where);
		break;
	case COUNT:
		if (*(const unsigned *)where)
			buf_printf(to, " %s=%u", field->key, *(const unsigned *)where);
		break;
	case TIME:
	case NEWEST:
		add_time(to, field->key, *(const usec_t *)where, now);
		break;
	case VERSION:
		add_version(to, field->key, where);
		break;
	case DIGEST:
		add_byte(to, field->key, ((const struct digest *)where)->bytes);
		break;
	case FINGERPRINT:
		add_byte(to, field->key, ((const struct fingerprint *)where)->bytes);
		break;
	case HOLD:
		add_text(to, field->key, hold_name(*(const enum hold *)where));
		break;
	case KIND:
		if (*(const enum error_kind *)where)
			add_text(to, field->key, error_kind_name(*(const enum error_kind *)where));
		break;
	case PROOF:
		add_text(to, field->key, proof_text(where));
		break;
	case OWED:
		if (*(const enum owed *)where)
			add_text(to, field->key, owed_names[*(const enum owed *)where]);
		break;
	}
}

static void add_record(struct buf *to, usec_t now, const char *name, const struct field *fields, const void *record)
{
	size_t before;

	buf_append_string(to, name);
	before = to->length;
	for (const struct field *field = fields; field->key; field++)
		add_field(to, now, field, (const char *)record + field->offset);
	if (to->length == before)
		buf_append_string(to, " nothing");
	buf_append_string(to, "\n");
}

static char *records_text(const struct world *world)
{
	struct buf text = BUF_NULL;

	add_record(&text, world->now, "delivery", delivery_fields, &world->delivery);
	add_record(&text, world->now, "certificate", certificate_fields, &world->certificate);
	add_record(&text, world->now, "dependent", dependent_fields, &world->dependent);
	add_record(&text, world->now, "owed", owed_fields, &world->owed);
	return buf_take(&text);
}

static void add_change(struct world *world, const struct change *change)
{
	struct buf *to = &world->events;

	buf_printf(to, "change %s", change_name(change->event));
	if (change->known)
		buf_append_string(to, " known");
	add_text(to, "hold", hold_name(change->hold));
	if (change->attempt)
		buf_printf(to, " attempt=%u", change->attempt);
	add_time(to, "next_try", change->next_try, world->now);
	if (change->count)
		buf_printf(to, " count=%zu", change->count);
	if (change->error)
		add_text(to, "error", change->error->text);
	if (change->version)
		add_version(to, "version", change->version);
	add_text(to, "words", change->words);
	add_text(to, "who", change->who);
	buf_append_string(to, "\n");
}

/* --- facts --- */

static enum prove_result result_of(const char *text)
{
	for (enum prove_result result = PROVE_NONE; text && result <= PROVE_UNPROVEN; result++)
		if (strcmp(prove_result_name(result), text) == 0)
			return result;
	return PROVE_NONE;
}

static void say(struct world *world, bool yes, const char *if_so, const char *if_not)
{
	buf_printf(&world->events, "%s\n", yes ? if_so : if_not);
}

/* Of the facts about a delivery; false: it is none of them. */
/* ${proof} is empty before, and given. */
static struct proof_record *proof_of(const struct fact *fact, struct proof_record *proof)
{
	proof_set(proof, result_of(fact->result), fact->words);
	return proof;
}

static bool tell_delivery(struct world *world, const char *name, struct fact *fact, struct changes *changes)
{
	struct delivery_record *record = &world->delivery;
	const struct transition_bundle hidden = { fact->pem, fact->chain };
	struct proof_record proof = { .result = PROVE_NONE };
	const usec_t now = world->now;

	fact->seen.state = OBSERVED_PRESENT;
	fact->seen.at = now;
	fact->seen.version = fact->outcome.version = fact->version;
	fact->seen.object_id = fact->object;
	fact->outcome.reason = fact->reason;
	fact->outcome.anchor = fact->anchor;
	if (strcmp(name, "pointed") == 0)
		say(world, transition_pointed(record, fact->object, fact->accept), "void", "kept");
	else if (strcmp(name, "look-failed") == 0)
		transition_look_failed(record, &fact->error, world->chance, now, changes);
	else if (strcmp(name, "look-again") == 0)
		transition_look_again(record);
	else if (strcmp(name, "anchor-learned") == 0)
		say(world, transition_anchor_learned(record, fingerprint_is_set(&fact->pinned) ? &fact->pinned : NULL,
			&fact->anchor), "written", "not written");
	else if (strcmp(name, "current") == 0)
		say(world, transition_current(record, &fact->seen, fact->recorded, changes), "written", "not written");
	else if (strcmp(name, "landed") == 0)
		say(world, transition_landed(record, &fact->seen), "written", "not written");
	else if (strcmp(name, "intended") == 0)
		transition_intended(record, &fact->version.digest, now);
	else if (strcmp(name, "import-sent") == 0)
		say(world, transition_import_sent(record, now), "written", "not written");
	else if (strcmp(name, "delivered") == 0 || strcmp(name, "unchanged") == 0) {
		fact->outcome.kind = *name == 'd' ? OUTCOME_DONE : OUTCOME_UNCHANGED;
		say(world, transition_delivered(record, &fact->outcome, fact->pem ? &hidden : NULL, changes),
			"other anchor", "same anchor");
	} else if (strcmp(name, "held") == 0)
		transition_held(record, &fact->outcome, fact->accept);
	else if (strcmp(name, "failed") == 0)
		transition_failed(record, &fact->error, fact->ambiguous, world->chance, now, changes);
	else if (strcmp(name, "wrote") == 0)
		transition_written(record, fact->object);
	else if (strcmp(name, "proven") == 0)
		transition_proven(record, &fact->version.digest, proof_of(fact, &proof), fact->words, now, changes);
	else if (strcmp(name, "approved") == 0)
		say(world,
			transition_approved(record, fact->outcome.hold, &fact->seen, fact->who,
				fact->reason, changes),
			"written", "not written");
	else
		return false;
	return true;
}

static bool tell_certificate(struct world *world, const char *name, struct fact *fact, struct changes *changes)
{
	struct certificate_record *record = &world->certificate;

	if (strcmp(name, "version-seen") == 0)
		say(world, transition_version_seen(record, &fact->version, fact->serial, changes), "written",
			"not written");
	else if (strcmp(name, "exported") == 0)
		transition_exported(record, &fact->version, fact->pem, fact->deliveries, changes);
	else if (strcmp(name, "export-failed") == 0)
		transition_export_failed(record, &fact->error, world->chance, world->now, changes);
	else if (strcmp(name, "anchor-replaced") == 0)
		say(world, transition_anchor_replaced(record, fact->pem), "written", "not written");
	else
		return false;
	return true;
}

static void settle(struct dependent_record *record, const struct fact *fact, usec_t now, struct changes *changes)
{
	struct proof_record proof = { .result = PROVE_NONE };
	const struct settlement settlement = {
		.told = fact->told,
		.proof = proof_of(fact, &proof),
		.version = digest_is_set(&fact->version.digest) ? &fact->version.digest : NULL,
	};

	transition_tell_settled(record, &settlement, now, changes);
	proof_record_done(&proof);
}

static void say_escalation(struct world *world, const struct fact *fact)
{
	static const char *const texts[] = {
		[ESCALATION_NONE] = "no more is done",
		[ESCALATION_DO] = "more is done",
		[ESCALATION_ADVISE] = "more is advised",
	};
	const struct dependent_words words = { .stronger = fact->stronger, .advice = fact->advice };
	const struct proven_wrong wrong = {
		.version = fact->in_place ? &fact->version.digest : NULL,
		.former = fact->former,
		.own = fact->own,
	};

	buf_printf(&world->events, "%s\n", texts[transition_escalation(&world->dependent, &words, &wrong)]);
}

static bool tell_dependent(struct world *world, const char *name, struct fact *fact, struct changes *changes)
{
	struct dependent_record *record = &world->dependent;
	struct owed_record *row = &world->owed;
	const struct digest *version = &fact->version.digest;
	const usec_t now = world->now;

	fact->seen.version = fact->version;
	if (strcmp(name, "owed-intended") == 0)
		transition_owed_intended(row, version, now);
	else if (strcmp(name, "owed-withdrawn") == 0)
		say(world, transition_owed_withdrawn(row), "goes", "stays");
	else if (strcmp(name, "owed-in-place") == 0)
		say(world, transition_owed_in_place(row, record, &fact->seen, now), "written", "not written");
	else if (strcmp(name, "owed-questioned") == 0)
		say(world, transition_owed_questioned(row, version), "written", "not written");
	else if (strcmp(name, "owed-after-all") == 0)
		say(world, transition_owed_after_all(row, now), "written", "not written");
	else if (strcmp(name, "owed-told") == 0)
		say(world, transition_owed_told(row, version), "goes", "stays");
	else if (strcmp(name, "tell-failed") == 0)
		transition_tell_failed(record, fact->words, &fact->error, world->chance, now, changes);
	else if (strcmp(name, "tell-settled") == 0)
		settle(record, fact, now, changes);
	else if (strcmp(name, "tell-wrong") == 0)
		say_escalation(world, fact);
	else if (strcmp(name, "tell-escalated") == 0)
		transition_tell_escalated(record, version, fact->stronger, fact->words, changes);
	else if (strcmp(name, "owed-again") == 0)
		say(world, transition_owed_again(row, version, fact->until), "written", "not written");
	else if (strcmp(name, "owed-escalated") == 0)
		say(world, transition_is_escalated(record, row), "escalated", "not escalated");
	else if (strcmp(name, "tell-unknown") == 0)
		transition_tell_unknown(record, now);
	else if (strcmp(name, "tell-put-off") == 0)
		transition_tell_put_off(record, fact->until);
	else
		return false;
	return true;
}

static void fact_done(struct fact *fact)
{
	free(fact->object);
	free(fact->seen.revision);
	free(fact->seen.foreign);
	free(fact->error.text);
	free(fact->reason);
	free(fact->pem);
	free(fact->chain);
	free(fact->words);
	free(fact->result);
	free(fact->who);
	free(fact->stronger);
	free(fact->advice);
}

static void tell(struct world *world, char *line)
{
	struct changes changes = { .count = 0 };
	char *name = next_word(&line);
	struct fact fact = { .recorded = false };

	if (strcmp(name, "now") == 0) {
		world->now = time_at(world->now, next_word(&line));
		return;
	}
	read_fields(world->now, fact_fields, &fact, line);
	if (!tell_delivery(world, name, &fact, &changes) && !tell_certificate(world, name, &fact, &changes) &&
		!tell_dependent(world, name, &fact, &changes))
		fail_msg("'%s' is no fact", name);
	for (size_t i = 0; i < changes.count; i++)
		add_change(world, &changes.items[i]);
	fact_done(&fact);
}

/* --- a case --- */

static void world_init(struct world *world)
{
	*world = (struct world){ .chance = CHANCES / 2 };
	assert_int_equal(time_parse_iso(DEFAULT_NOW, &world->now), 0);
}

static void world_done(struct world *world)
{
	delivery_record_done(&world->delivery);
	certificate_record_done(&world->certificate);
	dependent_record_done(&world->dependent);
	owed_record_done(&world->owed);
	buf_done(&world->events);
}

/* A line of a record; false: it is another. */
static bool read_record(struct world *world, const char *word, char *line)
{
	if (strcmp(word, "delivery") == 0)
		read_fields(world->now, delivery_fields, &world->delivery, line);
	else if (strcmp(word, "certificate") == 0)
		read_fields(world->now, certificate_fields, &world->certificate, line);
	else if (strcmp(word, "dependent") == 0)
		read_fields(world->now, dependent_fields, &world->dependent, line);
	else if (strcmp(word, "owed") == 0)
		read_fields(world->now, owed_fields, &world->owed, line);
	else
		return false;
	return true;
}

static void read_given(struct world *world, char *line)
{
	char *word = next_word(&line);

	if (strcmp(word, "now") == 0)
		world->now = time_at(world->now, next_word(&line));
	else if (strcmp(word, "chance") == 0)
		world->chance = (unsigned)strtoul(next_word(&line), NULL, 10);
	else if (!read_record(world, word, line))
		fail_msg("'%s' begins no line", word);
}

/* What is expected of records is read as they are, so that it may be written in any order and in any way. */
static void read_expected(struct world *expected, char *line)
{
	_cleanup_(freep) char *whole = mem_strdup(line);
	char *word = next_word(&line);

	if (!read_record(expected, word, line))
		buf_printf(&expected->events, "%s\n", whole);
}

static void run_case(char *text, struct world *world, struct world *expected)
{
	enum { GIVEN, FACTS, EXPECT } part = GIVEN;
	char *rest;

	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (*line == '#' || strcmp(line, "given") == 0)
			continue;
		if (strcmp(line, "facts") == 0) {
			part = FACTS;
		} else if (strcmp(line, "expect") == 0) {
			part = EXPECT;
			expected->now = world->now;
		} else if (part == GIVEN) {
			read_given(world, line);
		} else if (part == FACTS) {
			tell(world, line);
		} else {
			read_expected(expected, line);
		}
	}
	assert_int_equal(part, EXPECT);
}

static void test_case(void **state)
{
	_cleanup_(buf_done) struct buf content = BUF_NULL;
	_cleanup_(freep) char *records = NULL, *expected_records = NULL;
	_cleanup_(freep) char *events = NULL, *expected_events = NULL;
	struct world world, expected;

	assert_int_equal(file_read(*state, 65536, &content, NULL), 0);
	world_init(&world);
	world_init(&expected);
	run_case(content.data, &world, &expected);
	records = records_text(&world);
	expected_records = records_text(&expected);
	events = mem_printf("%s", world.events.data ?: "");
	expected_events = mem_printf("%s", expected.events.data ?: "");
	if (strcmp(records, expected_records) != 0)
		fail_msg("the records are\n%s, and expected is\n%s", records, expected_records);
	if (strcmp(events, expected_events) != 0)
		fail_msg("what came of it is\n%s, and expected is\n%s", events, expected_events);
	world_done(&world);
	world_done(&expected);
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
	if (count < CASES_LEAST)
		return 1;
	tests = mem_alloc(count * sizeof(*tests));
	for (size_t i = 0; i < count; i++)
		tests[i] = (struct CMUnitTest){ files[i], test_case, NULL, NULL, files[i] };
	return _cmocka_run_group_tests("transition", tests, count, NULL, NULL);
}
