/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is packed and opened again is what it was: a random walk of facts over the deliveries of one certificate.  Each fact
 * is told to two copies of what is known: one that stays open, and one that is packed whenever it can be.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/inventory/settled.h"
#include "daemon/transition/delivery.h"
#include "lib/pki/secret.h"
#include "tests/unit/core/values.h"

#define FACTS      100000
#define DELIVERIES 12

/* --- what is known of one --- */

struct known {
	struct delivery_record record;
	struct observed seen;
	bool recorded;
};

static void known_done(struct known *known)
{
	delivery_record_done(&known->record);
	observed_done(&known->seen);
}

static void same_text(const char *a, const char *b)
{
	if (!a != !b)
		fail_msg("'%s' and '%s'", a ?: "(none)", b ?: "(none)");
	if (a)
		assert_string_equal(a, b);
}

static void same_version(const struct version *a, const struct version *b)
{
	assert_true(digest_equal(&a->digest, &b->digest));
	assert_true(fingerprint_equal(&a->chain, &b->chain));
	assert_int_equal(a->not_before, b->not_before);
	assert_int_equal(a->not_after, b->not_after);
}

static void same_endpoints(const struct proof_record *a, const struct proof_record *b)
{
	_cleanup_(freep) char *one = proof_format_endpoints(a), *other = proof_format_endpoints(b);

	same_text(one, other);
}

static void same_record(const struct delivery_record *a, const struct delivery_record *b)
{
	same_text(a->name, b->name);
	same_text(a->object, b->object);
	same_text(a->former, b->former);
	same_text(a->object_id, b->object_id);
	same_text(a->revision, b->revision);
	same_version(&a->confirmed, &b->confirmed);
	assert_int_equal(a->confirmed_at, b->confirmed_at);
	assert_true(digest_equal(&a->intended, &b->intended));
	assert_int_equal(a->intended_at, b->intended_at);
	assert_int_equal(a->ambiguous, b->ambiguous);
	assert_int_equal(a->failures, b->failures);
	assert_int_equal(a->next_try, b->next_try);
	assert_int_equal(a->kind, b->kind);
	same_text(a->problem, b->problem);
	assert_int_equal(a->hold, b->hold);
	same_text(a->hold_reason, b->hold_reason);
	assert_true(digest_equal(&a->held, &b->held));
	assert_int_equal(a->held_accept, b->held_accept);
	assert_true(digest_equal(&a->approved, &b->approved));
	assert_int_equal(a->guard_passed, b->guard_passed);
	assert_true(proof_equal(&a->proof, &b->proof));
	same_endpoints(&a->proof, &b->proof);
	assert_true(digest_equal(&a->proven, &b->proven));
	assert_true(fingerprint_equal(&a->anchor, &b->anchor));
	same_text(a->leaf, b->leaf);
	same_text(a->chain, b->chain);
}

/* When a version was seen, what the object bears and how much its place holds nobody asks of a settled one. */
static void same_seen(const struct observed *a, const struct observed *b)
{
	assert_int_equal(a->state, b->state);
	if (a->state == OBSERVED_ABSENT)
		assert_int_equal(a->at, b->at);
	same_version(&a->version, &b->version);
	same_text(a->object_id, b->object_id);
	same_text(a->revision, b->revision);
	assert_int_equal(a->unused, b->unused);
	assert_int_equal(a->changed_at, b->changed_at);
	same_text(a->error.text, b->error.text);
}

/* --- the walk --- */

struct walk {
	uint32_t random;
	usec_t now;
	struct version source;
	struct known plain[DELIVERIES]; /* never packed */
	struct known open[DELIVERIES];
	bool is_packed[DELIVERIES];
	struct settled settled[DELIVERIES];
	struct kept_version versions[VERSIONS_KEPT];
	unsigned packed; /* how often */
};

static unsigned dice(struct walk *walk, unsigned sides)
{
	walk->random = walk->random * 1664525u + 1013904223u;
	return (walk->random >> 16) % sides;
}

enum fact {
	FACT_SEEN, /* the likeliest: three times */
	FACT_SEEN_TOO,
	FACT_SEEN_AS_WELL,
	FACT_LOOK_FAILED,
	FACT_INTENDED,
	FACT_IMPORT_SENT,
	FACT_DELIVERED,
	FACT_FAILED,
	FACT_HELD,
	FACT_APPROVED,
	FACT_PROVEN,
	FACT_ANCHOR,
	FACT_POINTED,
	FACT_KINDS,
};

/* A fact with all that is random in it, so that two can be told the same. */
struct told {
	enum fact fact;
	unsigned which, other, chance;
	struct version version;
	usec_t now;
};

static struct version random_version(struct walk *walk)
{
	const char letter[] = { "ABC"[dice(walk, 3)], '\0' };

	return dice(walk, 4) ? walk->source : version_of(letter);
}

/* ARNs that end with a UUID, others, and one in capitals, which is not packed in parts. */
static char *object_of(unsigned which)
{
	static const char *const ends[] = { "0f5c1b3e-0001-4000-8000-00000000abcd", "0f5c1b3e-0002-4000-8000-00000000abcd",
		"0F5C1B3E-0001-4000-8000-00000000ABCD", "name-of-a-secret" };

	return mem_printf("arn:aws:acm:eu-west-1:111122223333:certificate/%s", ends[which % ARRAY_SIZE(ends)]);
}

/* As ACM has it, of this version's dates; of other dates; and no dates at all. */
static char *revision_of(unsigned which, const struct version *version)
{
	switch (which % 4) {
	case 0:
		return NULL;
	case 1:
		return mem_printf("%" PRIu64 " %" PRIu64 " %u", version->not_before, version->not_after, which);
	case 2:
		return mem_printf("%" PRIu64 " 1 %u", version->not_before, which);
	default:
		return mem_strdup("a8098c1a-f86e-11da-bd1a-00112444be1e");
	}
}

static void see(struct known *known, const struct told *told)
{
	struct observed *seen = &known->seen;

	observed_done(seen);
	*seen = (struct observed){ .at = told->now };
	if (told->which % 5 == 0) {
		seen->state = OBSERVED_ABSENT;
		return;
	}
	seen->state = told->which % 17 ? OBSERVED_PRESENT : OBSERVED_DEMOTED;
	seen->version = told->version;
	seen->object_id = told->other % 7 ? object_of(told->other) : NULL;
	seen->revision = revision_of(told->which, &told->version);
	seen->unused = told->other % 3 == 0;
	seen->changed_at = told->other % 2 ? told->now - USEC_PER_HOUR : 0;
	seen->imported_count = told->other;
}

/* At an endpoint; or as a former program wrote it down, which did not say at which. */
static void prove(struct delivery_record *record, const struct told *told, struct changes *changes)
{
	const struct desired_proof wish = { .connect = (char *)"localhost:443" };
	const struct proof_seen seen = {
		.result = told->which % 4 ? PROVE_MATCHED : PROVE_WRONG, .words = "an old one"
	};
	struct proof_record proof = { .result = PROVE_NONE };

	if (told->other % 2)
		proof = proof_judge(&record->proof, &wish, &seen, 1, told->now);
	else
		proof_set(&proof, seen.result, seen.words);
	transition_proven(record, &told->version.digest, &proof, seen.words, told->now, changes);
}

static void fail_look(struct known *known, const struct told *told, struct changes *changes)
{
	struct error err = ERROR_NULL;

	(void)error_set(&err, told->which % 2 ? ERROR_RETRY : ERROR_DENIED, 0, "no answer");
	observed_done(&known->seen);
	known->seen = (struct observed){ .state = OBSERVED_UNKNOWN };
	transition_look_failed(&known->record, &err, told->chance, told->now, changes);
	error_move(&known->seen.error, &err);
}

static void deliver(struct known *known, const struct told *told, bool is_source, struct changes *changes)
{
	struct outcome outcome = { .kind = told->which % 3 ? OUTCOME_DONE : OUTCOME_UNCHANGED, .version = told->version };
	const struct transition_bundle hidden = { "leaf", "chain" };

	memset(outcome.anchor.bytes, (int)(told->other % 3), sizeof(outcome.anchor.bytes));
	(void)transition_delivered(&known->record, &outcome, told->other % 9 ? NULL : &hidden, changes);
	see(known, told);
	if (is_source && known->seen.state == OBSERVED_PRESENT)
		known->recorded |= transition_current(&known->record, &known->seen, known->recorded, changes);
}

static void fail_delivery(struct known *known, const struct told *told, struct changes *changes)
{
	struct error err = ERROR_NULL;

	(void)error_set(&err, ERROR_QUOTA, 0, "the limit is reached");
	transition_failed(&known->record, &err, told->which % 2, told->chance, told->now, changes);
	error_done(&err);
}

static void hold(struct known *known, const struct told *told)
{
	struct outcome outcome = { .kind = OUTCOME_WAITING, .hold = HOLD_APPROVAL, .reason = (char *)"loses a name" };

	transition_held(&known->record, &outcome, told->which % 4);
}

static void learn_anchor(struct known *known, const struct told *told)
{
	struct fingerprint anchor;

	memset(anchor.bytes, (int)(told->which % 3), sizeof(anchor.bytes));
	(void)transition_anchor_learned(&known->record, NULL, &anchor);
}

static void tell(struct known *known, const struct told *told, bool is_source)
{
	struct changes changes = { .count = 0 };
	struct delivery_record *record = &known->record;

	switch (told->fact) {
	case FACT_LOOK_FAILED:
		fail_look(known, told, &changes);
		break;
	case FACT_INTENDED:
		transition_intended(record, &told->version.digest, told->now);
		known->recorded = true;
		break;
	case FACT_IMPORT_SENT:
		(void)transition_import_sent(record, told->now);
		break;
	case FACT_DELIVERED:
		deliver(known, told, is_source, &changes);
		break;
	case FACT_FAILED:
		fail_delivery(known, told, &changes);
		break;
	case FACT_HELD:
		hold(known, told);
		break;
	case FACT_APPROVED:
		known->recorded |= transition_approved(
			record, told->which % 2 ? HOLD_GUARD : HOLD_APPROVAL, &known->seen, "root", "name",
			&changes);
		break;
	case FACT_PROVEN:
		prove(record, told, &changes);
		break;
	case FACT_ANCHOR:
		learn_anchor(known, told);
		break;
	case FACT_POINTED:
		if (transition_pointed(record, told->which % 8 ? told->which % 3 ? "one a" : "one b" : "other a", told->other % 4)) {
			observed_done(&known->seen);
			known->recorded = false;
		}
		break;
	default:
		see(known, told);
		if (is_source && known->seen.state == OBSERVED_PRESENT)
			known->recorded |= transition_current(record, &known->seen, known->recorded, &changes);
	}
}

/* As it was before it was packed, but for its names, which are made again. */
static void open_one(struct walk *walk, size_t i)
{
	struct known *open = &walk->open[i];

	if (!walk->is_packed[i])
		return;
	*open = (struct known){ .record = { .name = mem_strdup(walk->plain[i].record.name),
					.object = mem_strdup(walk->plain[i].record.object) } };
	open->recorded = settled_unpack(&walk->settled[i], &open->record, &open->seen);
	walk->is_packed[i] = false;
}

static void pack_one(struct walk *walk, size_t i)
{
	struct known *open = &walk->open[i];

	walk->is_packed[i] = settled_pack(
		&walk->settled[i], walk->versions, &open->record, &open->seen, open->recorded);
	walk->packed += walk->is_packed[i];
	if (walk->is_packed[i])
		known_done(open);
}

static void check_one(const struct walk *walk, size_t i)
{
	same_record(&walk->plain[i].record, &walk->open[i].record);
	same_seen(&walk->plain[i].seen, &walk->open[i].seen);
	assert_int_equal(walk->plain[i].recorded, walk->open[i].recorded);
}

static void step(struct walk *walk)
{
	const size_t i = dice(walk, DELIVERIES);
	const struct told told = {
		.fact = (enum fact)dice(walk, FACT_KINDS),
		.which = dice(walk, 1000),
		.other = dice(walk, 1000),
		.chance = dice(walk, 1000),
		.version = random_version(walk),
		.now = walk->now,
	};
	const bool is_source = digest_equal(&told.version.digest, &walk->source.digest);

	open_one(walk, i);
	check_one(walk, i);
	tell(&walk->plain[i], &told, is_source);
	tell(&walk->open[i], &told, is_source);
	check_one(walk, i);
	pack_one(walk, i);
	walk->now += dice(walk, 5000) * USEC_PER_MSEC;
	if (dice(walk, 500) == 0) {
		const char letter[] = { "ABC"[dice(walk, 3)], '\0' };

		walk->source = version_of(letter);
	}
}

static void test_walk(void **state)
{
	static struct walk walk;

	walk = (struct walk){ .random = 7, .source = version_of("A") };
	assert_int_equal(time_parse_iso("2026-11-23T12:00:00Z", &walk.now), 0);
	for (size_t i = 0; i < DELIVERIES; i++) {
		walk.plain[i].record.name = mem_printf("pay/d%zu", i);
		walk.open[i].record.name = mem_strdup(walk.plain[i].record.name);
	}
	for (unsigned i = 0; i < FACTS; i++)
		step(&walk);
	assert_true(walk.packed > FACTS / 20); /* or the walk is too dull to show anything */
	for (size_t i = 0; i < DELIVERIES; i++) {
		open_one(&walk, i);
		check_one(&walk, i);
		known_done(&walk.plain[i]);
		known_done(&walk.open[i]);
	}
	for (size_t i = 0; i < VERSIONS_KEPT; i++)
		assert_int_equal(walk.versions[i].references, 0);
}

/* A third version of a certificate has no room: it stays open until one of the others is nowhere any more. */
static void test_versions(void **state)
{
	struct kept_version versions[VERSIONS_KEPT] = { 0 };
	struct settled settled[VERSIONS_KEPT] = { 0 }, more = { 0 };
	struct observed unseen = { .state = OBSERVED_UNKNOWN };
	const char *const letters[VERSIONS_KEPT] = { "A", "B" };
	struct delivery_record row = { .confirmed = version_of("C") };

	for (size_t i = 0; i < VERSIONS_KEPT; i++) {
		struct delivery_record one = { .confirmed = version_of(letters[i]) };

		assert_true(settled_pack(&settled[i], versions, &one, &unseen, true));
	}
	assert_false(settled_pack(&more, versions, &row, &unseen, true));
	settled_done(&settled[0]);
	assert_true(settled_pack(&more, versions, &row, &unseen, true));
	settled_done(&more);
	settled_done(&settled[1]);
}

int main(void)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_versions),
	};
	bool locked;

	if (secret_memory_init(&locked, &err) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
