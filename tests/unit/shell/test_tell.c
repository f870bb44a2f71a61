/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telling a dependent, with a kind of the test's own and a record on disk.  The kind is a row more in the table of
 * kinds, which stands here in place of the daemon's, and so does the proof: each answer comes when the test gives it.
 * What was asked of the toy outlives a crash, as a restart or a command does.
 */
#include "tests/unit/shell/inventory_bed.h"

#include "daemon/actor/tell.h"
#include "daemon/dependent/kind.h"
#include "daemon/dependent/prove.h"
#include "daemon/record/store.h"
#include "lib/pki/secret.h"

#define TOY  ((enum dependent_number)DEPENDENT_NUMBERS)
#define NAME "toy"

/* --- the toy: what the world has of it --- */

static struct {
	char **asked; /* the tokens of all tells that reached it */
	unsigned tokens; /* given out */
	unsigned looks, tells, resumes, cancels;
	bool reloads; /* as of its words */
	bool unreachable; /* what is told gets lost on its way */
	enum dependent_judgement answer; /* to a question */
	usec_t later; /* not to be told before that; 0: now */
	bool deaf; /* playing is in vain, and may be made a louder playing */
	unsigned loud; /* tells of that kind */
	unsigned again; /* tells after one that hung */
	struct toy_call *call; /* under way */
} toy;

/* The inventory around it, for what is on disk at this moment. */
static struct bed bed_of_test;

struct toy_call {
	struct dependent_call call;
	dependent_look_fn on_look;
	dependent_tell_fn on_tell;
	void *userdata;
	char *token;
	bool resumes;
};

static struct toy_call *toy_begin(void *userdata)
{
	struct toy_call *call = mem_new(struct toy_call);

	assert_null(toy.call);
	call->userdata = userdata;
	toy.call = call;
	return call;
}

static void toy_end(struct toy_call *call)
{
	toy.call = NULL;
	free(call->token);
	free(call);
}

static struct dependent_call *toy_look(const struct dependent_host *host, const struct desired_dependent *dependent,
	dependent_look_fn done, void *userdata)
{
	struct toy_call *call = toy_begin(userdata);

	assert_string_equal(dependent->name, NAME);
	assert_non_null(host->event);
	toy.looks++;
	call->on_look = done;
	return &call->call;
}

static struct dependent_verdict toy_judge(const struct desired_dependent *dependent, const struct dependent_seen *seen,
	const struct dependent_facts *facts)
{
	struct dependent_verdict verdict = { .is = JUDGED_TELL };

	assert_ptr_equal(seen, &toy);
	if (facts->question)
		verdict.is = toy.answer;
	else if (facts->intent.at)
		verdict.is = JUDGED_RESUME;
	else if (toy.later)
		verdict = (struct dependent_verdict){ .is = JUDGED_LATER, .when = toy.later };
	else
		(void)snprintf(verdict.token, sizeof(verdict.token), "token %u", ++toy.tokens);
	return verdict;
}

static struct dependent_call *toy_tell(const struct dependent_host *host, const struct tell_request *request,
	dependent_tell_fn done, void *userdata)
{
	struct toy_call *call = toy_begin(userdata);
	struct recorded disk = bed_on_disk(&bed_of_test);

	assert_int_equal(disk.dependent_count, 1);
	assert_string_equal(disk.dependents[0].token, request->intent.token);
	assert_true(disk.dependents[0].intended_at > 0);
	assert_int_equal(disk.dependents[0].intended_at, request->intent.at);
	recorded_done(&disk);
	toy.tells++;
	toy.loud += request->dependent->unit.action == ACTION_RESTART;
	toy.again += request->again;
	call->on_tell = done;
	if (!toy.unreachable)
		strv_append(&toy.asked, request->intent.token);
	return &call->call;
}

static struct dependent_call *toy_resume(const struct dependent_host *host, const struct tell_request *request,
	dependent_tell_fn done, void *userdata)
{
	struct toy_call *call = toy_begin(userdata);

	toy.resumes++;
	call->on_tell = done;
	call->token = mem_strdup(request->intent.token);
	call->resumes = true;
	return &call->call;
}

static void toy_cancel(struct dependent_call *call)
{
	toy.cancels++;
	toy_end((struct toy_call *)call);
}

static bool toy_strengthen(struct desired_dependent *dependent)
{
	if (!toy.deaf)
		return false;
	dependent->unit.action = ACTION_RESTART;
	return true;
}

static struct dependent_words toy_describe(const struct desired_dependent *dependent)
{
	return (struct dependent_words){
		.kind = "toy",
		.action = "play",
		.done = "Played",
		.target = mem_printf("the %s", dependent->name),
		.pause = "so as not to break it",
		.stronger = toy.reloads ? NULL : "play loud",
		.reloads = toy.reloads,
	};
}

static const struct dependent_kind toy_kind = {
	.describe = toy_describe,
	.strengthen = toy_strengthen,
	.look = toy_look,
	.judge = toy_judge,
	.tell = toy_tell,
	.resume = toy_resume,
	.cancel = toy_cancel,
};

const struct dependent_kind *const dependent_kinds[] = {
	[DEPENDENT_SYSTEMD] = &systemd_kind,
	[TOY] = &toy_kind,
};

static void toy_looked(const struct error *err)
{
	struct toy_call call = *toy.call;

	assert_non_null(call.on_look);
	toy_end(toy.call);
	call.on_look(call.userdata, err ? NULL : (const struct dependent_seen *)&toy, err);
}

/* A resume finds out by itself whether its token has arrived. */
static void toy_told(enum told told, const struct error *err)
{
	struct toy_call call = *toy.call;
	bool lost = call.resumes && !strv_has(toy.asked, call.token);

	assert_non_null(call.on_tell);
	toy_end(toy.call);
	call.on_tell(call.userdata, lost ? TOLD_NOTHING : told, err);
}

/* --- the proof --- */

struct prove {
	prove_done_fn done;
	void *userdata;
	size_t wants;
	bool once;
};

static struct prove *proof;

/* What the next ones see beside their result. */
static struct proof_seen sight;

struct prove *prove_start(
	struct sd_event *event, const struct prove_request *request, prove_done_fn done, void *userdata)
{
	assert_null(proof);
	proof = mem_new(struct prove);
	*proof = (struct prove){ done, userdata, request->want_count, request->once };
	return proof;
}

struct prove *prove_cancel(struct prove *prove)
{
	if (prove)
		proof = NULL;
	free(prove);
	return NULL;
}

static void proven(enum prove_result result)
{
	struct prove done = *proof;

	free(take(proof));
	sight.result = result;
	sight.words = "localhost:443: seen";
	done.done(done.userdata, &sight);
}

/* --- the daemon around it --- */

struct telling_bed {
	struct bed *bed;
	struct configuration *configuration;
	struct desired_dependent *desired;
	const struct tracked_dependent *dependent;
	struct tell *tell;
};

static const char yaml[] =
	"source: {region: eu-west-1}\n"
	"certificates:\n"
	"  pay: {arn: 'arn:aws:acm:eu-west-1:111111111111:certificate/1', deliver: [{to: files, then: [" NAME "]}]}\n"
	"destinations:\n"
	"  files: {kind: file, directory: /srv/tls}\n"
	"dependents:\n"
	"  " NAME ": {kind: systemd, unit: toy.service}\n";

static void ask_for_proof(struct telling_bed *at, bool proof_wanted)
{
	if (at->desired->prove_count)
		free(at->desired->prove[0].connect);
	free(at->desired->prove);
	at->desired->prove = NULL;
	at->desired->prove_count = proof_wanted;
	if (!proof_wanted)
		return;
	at->desired->prove = mem_new(struct desired_proof);
	at->desired->prove[0].connect = mem_strdup("localhost:443");
}

static void begin(struct telling_bed *at)
{
	struct bed *bed = at->bed;
	const struct dependent_host host = { .event = bed->context.event };

	at->configuration = bed_configuration(bed, yaml);
	at->desired = &at->configuration->desired->dependents[0];
	at->desired->kind = TOY;
	inventory_take_over(bed->inventory, world_new(at->configuration, NULL, NULL, NULL), NULL);
	at->dependent = bed->stock->dependents[0];
	at->tell = tell_new(bed->inventory, &host);
}

/* It ends in the middle: nobody says goodbye, and only what is on disk, and what was asked of the toy, is left. */
static void crash(struct telling_bed *at)
{
	at->tell = tell_free(at->tell);
	assert_null(toy.call);
	assert_null(proof);
	at->bed->inventory = inventory_free(at->bed->inventory);
	configuration_unref(at->configuration);
}

static void restart(struct telling_bed *at)
{
	crash(at);
	bed_start(at->bed);
	begin(at);
}

/* A version of a delivery is in place since then, and it is owed word of that; or nobody knows whether it is. */
static void owe(struct telling_bed *at, const char *delivery, char version, enum owed owed, usec_t since)
{
	struct owed_record *row = dependent_owe(own_dependent(at->dependent), delivery);

	memset(row->digest.bytes, version, sizeof(row->digest.bytes));
	row->owed = owed;
	row->since = since;
	assert_true(save_owed(at->bed->inventory, row));
}

/* Whoever is to be proven is glanced at first; nothing answers. */
static void start(struct telling_bed *at)
{
	tell_start(at->tell, at->dependent);
	if (proof && proof->once) {
		assert_null(toy.call);
		assert_int_equal(proof->wants, 0);
		proven(PROVE_UNPROVEN);
	}
}

/* As the planner would, where anything is owed: from the beginning to the end, whatever is asked on the way. */
static void tell_all(struct telling_bed *bed)
{
	if (!bed->dependent->in_flight && bed->dependent->owed_count)
		start(bed);
	while (toy.call || proof) {
		if (proof)
			proven(PROVE_MATCHED);
		else if (toy.call->on_look)
			toy_looked(NULL);
		else
			toy_told(TOLD_DONE, NULL);
	}
}

/* Nothing is owed any more, in memory and on disk, and no intent is open. */
static void assert_settled(const struct telling_bed *bed)
{
	struct recorded disk = bed_on_disk(&bed_of_test);

	assert_int_equal(bed->dependent->owed_count, 0);
	assert_int_equal(disk.owed_count, 0);
	assert_int_equal(disk.dependent_count, 1);
	assert_int_equal(disk.dependents[0].intended_at, 0);
	assert_int_equal(disk.dependents[0].failures, 0);
	assert_null(disk.dependents[0].problem);
	recorded_done(&disk);
}

static int setup(void **state)
{
	static struct telling_bed at;

	memset(&toy, 0, sizeof(toy));
	memset(&sight, 0, sizeof(sight));
	bed_init(&bed_of_test);
	at = (struct telling_bed){ .bed = &bed_of_test };
	begin(&at);
	*state = &at;
	return 0;
}

static int teardown(void **state)
{
	crash(*state);
	bed_done(&bed_of_test);
	toy.asked = strv_free(toy.asked);
	return 0;
}

/* --- the tests --- */

static void test_words_are_the_kinds(void **state)
{
	const struct telling_bed *bed = *state;

	assert_string_equal(bed->dependent->words.target, "the toy");
	assert_null(bed->dependent->words.unit);
	assert_false(dependent_needs_bus(bed->desired));
}

/* That the intent is on disk is asserted where the toy is told. */
static void test_told_and_proven(void **state)
{
	struct telling_bed *bed = *state;

	ask_for_proof(bed, true);
	owe(bed, "pay/a", 'A', OWED_DUE, 10);
	owe(bed, "pay/b", 'A', OWED_DUE, 20);
	owe(bed, "www/a", 'B', OWED_INTENDED, 30);
	start(bed);
	assert_int_equal(toy.tells, 0);
	toy_looked(NULL);
	assert_int_equal(toy.tells, 1);
	toy_told(TOLD_DONE, NULL);
	assert_non_null(proof);
	assert_int_equal(bed->dependent->owed_count, 3); /* until it is proven */
	proven(PROVE_MATCHED);
	assert_int_equal(bed->dependent->owed_count, 1); /* what is not in place yet */
	assert_true(bed->dependent->record.told_at > 0);
	assert_int_equal(bed->dependent->record.intended_at, 0);
	assert_false(bed->dependent->in_flight);
	assert_int_equal(strv_length(toy.asked), 1);
	assert_int_equal(toy.resumes, 0);
}

/* Whichever of them the endpoint shows, it is found out at once, and what shows none of them is wrong at once. */
static void test_one_proof_for_all_versions(void **state)
{
	struct telling_bed *bed = *state;

	ask_for_proof(bed, true);
	owe(bed, "pay/a", 'A', OWED_DUE, 10);
	owe(bed, "pay/b", 'B', OWED_DUE, 20);
	start(bed);
	toy_looked(NULL);
	toy_told(TOLD_DONE, NULL);
	assert_int_equal(proof->wants, 2);
	proven(PROVE_WRONG);
	assert_null(proof);
	assert_int_equal(bed->dependent->record.proof.result, PROVE_WRONG);
}

/* Told to its end; what is there then answers without TLS. */
static void tell_in_clear(struct telling_bed *bed)
{
	toy_looked(NULL);
	toy_told(TOLD_DONE, NULL);
	sight = (struct proof_seen){ .no_tls = true };
	proven(PROVE_UNPROVEN);
	sight = (struct proof_seen){ 0 };
}

/* Whether TLS was there before decides what it is that it is not there now. */
static void test_lost_tls(void **state)
{
	struct telling_bed *bed = *state;

	ask_for_proof(bed, true);
	owe(bed, "pay/a", 'A', OWED_DUE, 10);
	start(bed);
	tell_in_clear(bed);
	assert_int_equal(bed->dependent->record.proof.result, PROVE_UNPROVEN);

	owe(bed, "pay/a", 'B', OWED_DUE, 20);
	tell_start(bed->tell, bed->dependent);
	assert_true(proof->once);
	sight.leaf.bytes[0] = 7;
	proven(PROVE_WRONG);
	sight = (struct proof_seen){ 0 };
	tell_in_clear(bed);
	assert_int_equal(bed->dependent->record.proof.result, PROVE_WRONG);
	assert_int_equal(strncmp(proof_text(&bed->dependent->record.proof), "wrong: localhost:443: TLS is gone", 33), 0);
	assert_int_equal(bed->dependent->owed_count, 0);
	assert_int_equal(toy.tells, 2);

	owe(bed, "pay/a", 'C', OWED_DUE, 30); /* it is recorded by now */
	tell_start(bed->tell, bed->dependent);
	assert_null(proof);
	tell_in_clear(bed);
	assert_int_equal(bed->dependent->record.proof.result, PROVE_WRONG);
}

/* One that was reloaded should listen as before; one that was restarted may be at its start. */
static void test_refused_after_a_reload(void **state)
{
	struct telling_bed *bed = *state;

	ask_for_proof(bed, true);
	for (char version = 'A'; version <= 'B'; version++) {
		toy.reloads = version == 'B';
		owe(bed, "pay/a", version, OWED_DUE, 10);
		tell_start(bed->tell, bed->dependent);
		if (proof) {
			sight.leaf.bytes[0] = 7;
			proven(PROVE_WRONG);
		}
		toy_looked(NULL);
		toy_told(TOLD_DONE, NULL);
		sight = (struct proof_seen){ .refused = true };
		proven(PROVE_UNPROVEN);
		sight = (struct proof_seen){ 0 };
		assert_int_equal(bed->dependent->record.proof.result,
			toy.reloads ? PROVE_WRONG : PROVE_UNPROVEN);
	}
}

/* Nobody waits for a glance for long. */
static void test_a_glance_without_answer(void **state)
{
	struct telling_bed *bed = *state;

	ask_for_proof(bed, true);
	owe(bed, "pay/a", 'A', OWED_DUE, 10);
	tell_start(bed->tell, bed->dependent);
	assert_non_null(proof);
	while (!toy.call)
		assert_true(sd_event_run(bed->bed->context.event, USEC_INFINITY) >= 0);
	assert_null(proof);
	toy_looked(NULL);
	assert_int_equal(toy.tells, 1);
}

/* While it is told, another version comes. */
static void test_newer_version_stays_owed(void **state)
{
	struct telling_bed *bed = *state;

	owe(bed, "pay/a", 'A', OWED_DUE, 10);
	start(bed);
	toy_looked(NULL);
	owe(bed, "pay/a", 'B', OWED_DUE, 20);
	toy_told(TOLD_DONE, NULL);
	assert_int_equal(bed->dependent->owed_count, 1);
	assert_int_equal(bed->dependent->owed[0]->owed, OWED_DUE);
}

enum crash {
	CRASH_LOOKING,
	CRASH_LOST, /* the intent is written, and the tell does not arrive */
	CRASH_ASKED,
	CRASH_PROVING,
	CRASH_RESUMING,
	CRASH_PROVING_RESUMED,
	CRASHES,
};

static void run_until(struct telling_bed *bed, enum crash when)
{
	toy.unreachable = when == CRASH_LOST;
	start(bed);
	if (when == CRASH_LOOKING)
		return;
	toy_looked(NULL);
	if (when == CRASH_PROVING)
		toy_told(TOLD_DONE, NULL);
	if (when != CRASH_RESUMING && when != CRASH_PROVING_RESUMED)
		return;
	restart(bed);
	ask_for_proof(bed, true);
	start(bed);
	toy_looked(NULL);
	if (when == CRASH_PROVING_RESUMED)
		toy_told(TOLD_DONE, NULL);
}

static void test_crash_tells_nothing_twice(void **state)
{
	struct telling_bed *bed = *state;

	for (enum crash when = 0; when < CRASHES; when++) {
		ask_for_proof(bed, true);
		owe(bed, "pay/a", (char)('A' + when), OWED_DUE, 10);
		run_until(bed, when);
		toy.unreachable = false;
		restart(bed);
		ask_for_proof(bed, true);
		assert_int_equal(bed->dependent->owed_count, 1);
		tell_all(bed);
		assert_settled(bed);
		if (strv_length(toy.asked) != when + 1u)
			fail_msg("when %d: told %zu times", when, strv_length(toy.asked) - when);
		restart(bed);
		tell_all(bed);
		assert_int_equal(strv_length(toy.asked), when + 1u);
	}
	assert_int_equal(toy.resumes, 3 + 2 * 2); /* those whose when is in a resume, twice */
}

static void test_failure_is_tried_again_later(void **state)
{
	struct telling_bed *bed = *state;
	_cleanup_(error_done) struct error err = ERROR_NULL;

	(void)error_set(&err, ERROR_RETRY, 0, "it is broken");
	owe(bed, "pay/a", 'A', OWED_DUE, 10);
	start(bed);
	toy_looked(NULL);
	toy_told(TOLD_FAILED, &err);
	assert_int_equal(bed->dependent->record.failures, 1);
	assert_true(bed->dependent->record.next_try > inventory_now(bed->bed->inventory));
	assert_string_equal(bed->dependent->record.problem, "it is broken");
	restart(bed);
	assert_int_equal(bed->dependent->record.failures, 1);
	assert_int_equal(bed->dependent->record.intended_at, 0);
	tell_all(bed);
	assert_settled(bed);
	assert_int_equal(toy.resumes, 0);
	assert_int_equal(strv_length(toy.asked), 2);
}

/* The kind learns that the try before hung: a second one need not. */
static void test_that_it_hangs_is_told_to_the_next_try(void **state)
{
	struct telling_bed *bed = *state;
	_cleanup_(error_done) struct error err = ERROR_NULL;

	(void)error_set(&err, ERROR_RETRY, DEPENDENT_CODE_HANGS, "it hangs");
	owe(bed, "pay/a", 'A', OWED_DUE, 10);
	start(bed);
	toy_looked(NULL);
	toy_told(TOLD_FAILED, &err);
	assert_int_equal(toy.again, 0);
	start(bed);
	toy_looked(NULL);
	assert_int_equal(toy.again, 1);
	toy_told(TOLD_DONE_STRONGER, NULL);
	assert_settled(bed);
	assert_true(bed->dependent->record.told_at > 0);
	owe(bed, "pay/a", 'B', OWED_DUE, 20);
	tell_all(bed);
	assert_int_equal(toy.again, 1);
}

/* It cannot be seen at first whether it was told before the crash: that it was asked is not forgotten for that. */
static void test_intent_outlives_what_cannot_be_seen(void **state)
{
	struct telling_bed *bed = *state;
	_cleanup_(error_done) struct error err = ERROR_NULL;

	(void)error_set(&err, ERROR_RETRY, 0, "no bus");
	owe(bed, "pay/a", 'A', OWED_DUE, 10);
	run_until(bed, CRASH_ASKED);
	restart(bed);
	start(bed);
	toy_looked(&err);
	assert_int_equal(bed->dependent->record.failures, 1);
	restart(bed);
	start(bed);
	toy_looked(NULL);
	toy_told(TOLD_FAILED, &err);
	assert_int_equal(bed->dependent->record.failures, 2);
	restart(bed);
	tell_all(bed);
	assert_settled(bed);
	assert_int_equal(strv_length(toy.asked), 1);
	assert_int_equal(toy.resumes, 2);
}

/* What was asked before the crash was about an older version. */
static void test_intent_for_an_older_version_does_not_count(void **state)
{
	struct telling_bed *bed = *state;

	owe(bed, "pay/a", 'A', OWED_DUE, 10);
	run_until(bed, CRASH_ASKED);
	restart(bed);
	owe(bed, "pay/a", 'B', OWED_DUE, inventory_now(bed->bed->inventory) + 1);
	tell_all(bed);
	assert_settled(bed);
	assert_int_equal(toy.resumes, 0);
	assert_int_equal(strv_length(toy.asked), 2);
}

static void test_stopped_is_not_proven(void **state)
{
	struct telling_bed *bed = *state;

	ask_for_proof(bed, true);
	owe(bed, "pay/a", 'A', OWED_DUE, 10);
	start(bed);
	toy_looked(NULL);
	toy_told(TOLD_STOPPED, NULL);
	assert_null(proof);
	assert_settled(bed);
	assert_int_equal(bed->dependent->record.told_at, 0);
}

static void test_later_tells_nothing_now(void **state)
{
	struct telling_bed *bed = *state;

	toy.later = inventory_now(bed->bed->inventory) + USEC_PER_MINUTE;
	owe(bed, "pay/a", 'A', OWED_DUE, 10);
	start(bed);
	toy_looked(NULL);
	assert_null(toy.call);
	assert_int_equal(toy.tells, 0);
	assert_int_equal(bed->dependent->record.next_try, toy.later);
	assert_int_equal(bed->dependent->record.failures, 0);
	assert_int_equal(bed->dependent->owed_count, 1);
}

static void test_without_its_intent_on_disk_it_is_not_told(void **state)
{
	struct telling_bed *bed = *state;

	owe(bed, "pay/a", 'A', OWED_DUE, 10);
	start(bed);
	assert_int_equal(
		sqlite3_exec(bed->bed->inventory->record->db, "PRAGMA query_only=1", NULL, NULL, NULL), SQLITE_OK);
	toy_looked(NULL);
	assert_null(toy.call);
	assert_int_equal(toy.tells, 0);
	assert_int_equal(bed->dependent->owed_count, 1);
	assert_non_null(bed->bed->stock->record_error.text);
}

/* A question never tells: it finds out, and what it finds is owed is told by the next step. */
static void test_questions(void **state)
{
	static const struct {
		enum dependent_judgement answer;
		bool prove;
		enum prove_result result;
		size_t rows;
		enum owed owed;
	} cases[] = {
		{ JUDGED_STOPPED, false, 0, 0, 0 },
		{ JUDGED_STOPPED, true, 0, 0, 0 },
		{ JUDGED_TOLD, false, 0, 0, 0 },
		{ JUDGED_TELL, false, 0, 1, OWED_DUE },
		{ JUDGED_UNKNOWN, false, 0, 1, OWED_UNKNOWN },
		{ JUDGED_UNKNOWN, true, PROVE_MATCHED, 0, 0 },
		{ JUDGED_TOLD, true, PROVE_WRONG, 1, OWED_DUE },
		{ JUDGED_TELL, true, PROVE_UNPROVEN, 1, OWED_UNKNOWN },
	};
	struct telling_bed *bed = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		toy.answer = cases[i].answer;
		ask_for_proof(bed, cases[i].prove);
		owe(bed, "pay/a", 'A', OWED_UNKNOWN, 0);
		start(bed);
		toy_looked(NULL);
		if (cases[i].prove && cases[i].answer != JUDGED_STOPPED)
			proven(cases[i].result);
		assert_null(toy.call);
		assert_null(proof);
		assert_false(bed->dependent->in_flight);
		if (bed->dependent->owed_count != cases[i].rows)
			fail_msg("case %zu: %zu rows", i, bed->dependent->owed_count);
		if (cases[i].rows)
			assert_int_equal(bed->dependent->owed[0]->owed, cases[i].owed);
	}
	assert_int_equal(toy.tells + toy.resumes, 0);
}

/* --- what its action does not bring it --- */

#define DELIVERY "pay/files"

/* What a look at the delivery's place shows: a version, or (0) that what is there is damaged. */
static void show(struct telling_bed *at, char version)
{
	struct observed seen = { .state = OBSERVED_PRESENT };

	seen.at = inventory_now(at->bed->inventory);
	memset(seen.version.digest.bytes, version, sizeof(seen.version.digest.bytes));
	inventory_want_look(at->bed->inventory, 0, false);
	inventory_saw(at->bed->inventory, 0, &seen, 7);
	observed_done(&seen);
}

/* It served A, is told of B, and goes on with A. */
static void tell_in_vain(struct telling_bed *at)
{
	toy.deaf = true;
	sight = (struct proof_seen){ .former = true, .own = true };
	ask_for_proof(at, true);
	memset(own_dependent(at->dependent)->record.proven.bytes, 'A', sizeof(struct digest));
	show(at, 'B');
	owe(at, DELIVERY, 'B', OWED_DUE, 10);
	start(at);
	toy_looked(NULL);
	toy_told(TOLD_DONE, NULL);
	proven(PROVE_WRONG);
}

static void assert_escalated(const struct telling_bed *at)
{
	struct recorded disk = bed_on_disk(&bed_of_test);

	assert_null(toy.call);
	assert_null(proof);
	assert_false(at->dependent->in_flight);
	assert_int_equal(disk.owed_count, 1);
	assert_string_equal(disk.owed[0].delivery, DELIVERY);
	assert_int_equal(disk.owed[0].owed, OWED_DUE);
	assert_int_equal(disk.owed[0].digest.bytes[0], 'B');
	assert_int_equal(disk.dependents[0].escalated.bytes[0], 'B');
	assert_int_equal(disk.dependents[0].proven.bytes[0], 'A');
	assert_int_equal(disk.dependents[0].intended_at, 0);
	assert_int_equal(disk.dependents[0].next_try, 0);
	recorded_done(&disk);
}

static void test_in_vain_is_told_by_more_once(void **state)
{
	struct telling_bed *bed = *state;

	tell_in_vain(bed);
	assert_escalated(bed);
	assert_int_equal(toy.loud, 0);
	show(bed, 'B');
	start(bed);
	toy_looked(NULL);
	assert_int_equal(toy.loud, 1);
	toy_told(TOLD_DONE, NULL);
	proven(PROVE_WRONG);
	assert_settled(bed);
	assert_int_equal(bed->dependent->record.proof.result, PROVE_WRONG);
	tell_prove_again(bed->tell, bed->dependent);
	proven(PROVE_WRONG);
	assert_settled(bed);
	assert_int_equal(toy.tells, 2);
}

static void test_in_vain_and_then_served(void **state)
{
	struct telling_bed *bed = *state;

	tell_in_vain(bed);
	restart(bed);
	ask_for_proof(bed, true);
	show(bed, 'B');
	memset(sight.leaf.bytes, 'B', sizeof(sight.leaf.bytes));
	tell_all(bed);
	assert_settled(bed);
	assert_int_equal(toy.loud, 1);
	assert_int_equal(bed->dependent->record.proven.bytes[0], 'B');
}

/* A crash while it is told so: it is not told twice. */
static void test_more_outlives_a_crash(void **state)
{
	struct telling_bed *bed = *state;

	tell_in_vain(bed);
	show(bed, 'B');
	start(bed);
	toy_looked(NULL);
	assert_int_equal(toy.loud, 1);
	restart(bed);
	ask_for_proof(bed, true);
	show(bed, 'B');
	tell_all(bed);
	assert_settled(bed);
	assert_int_equal(toy.loud, 1);
	assert_int_equal(toy.resumes, 1);
}

/* The proof after the telling found nobody, and the next one the former version. */
static void test_in_vain_is_found_later(void **state)
{
	struct telling_bed *bed = *state;

	toy.deaf = true;
	sight = (struct proof_seen){ .former = true, .own = true };
	ask_for_proof(bed, true);
	memset(own_dependent(bed->dependent)->record.proven.bytes, 'A', sizeof(struct digest));
	show(bed, 'B');
	tell_prove_again(bed->tell, bed->dependent);
	proven(PROVE_WRONG);
	assert_escalated(bed);
	assert_int_equal(toy.tells, 0);
}

static void test_more_awaits_the_look(void **state)
{
	struct telling_bed *bed = *state;

	tell_in_vain(bed);
	assert_true(bed->bed->stock->slots[0].look_wanted);
	start(bed);
	toy_looked(NULL);
	assert_null(toy.call);
	assert_int_equal(toy.tells, 1);
	assert_true(bed->dependent->record.next_try > inventory_now(bed->bed->inventory));
	assert_int_equal(bed->dependent->record.failures, 0);
}

static void test_more_is_not_done_where_nothing_whole_is_read(void **state)
{
	struct telling_bed *bed = *state;

	tell_in_vain(bed);
	show(bed, 0);
	start(bed);
	toy_looked(NULL);
	assert_null(toy.call);
	assert_int_equal(toy.loud, 0);
	assert_int_equal(bed->dependent->owed_count, 1);
	assert_non_null(strstr(bed->dependent->record.problem, DELIVERY));
}

static void test_more_is_not_done_for_others(void **state)
{
	static const struct proof_seen sights[] = { { .former = false }, { .former = true } };
	struct telling_bed *bed = *state;

	for (size_t i = 0; i < ARRAY_SIZE(sights); i++) {
		toy.deaf = true;
		ask_for_proof(bed, true);
		memset(own_dependent(bed->dependent)->record.proven.bytes, 'A', sizeof(struct digest));
		show(bed, 'B');
		owe(bed, DELIVERY, 'B', OWED_DUE, 10);
		sight = sights[i];
		start(bed);
		toy_looked(NULL);
		toy_told(TOLD_DONE, NULL);
		proven(PROVE_WRONG);
		assert_settled(bed);
		assert_false(digest_is_set(&bed->dependent->record.escalated));
	}
}

static void test_cancel(void **state)
{
	struct telling_bed *bed = *state;

	owe(bed, "pay/a", 'A', OWED_DUE, 10);
	start(bed);
	tell_cancel(bed->tell);
	assert_int_equal(toy.cancels, 1);
	assert_false(bed->dependent->in_flight);
	start(bed);
	toy_looked(NULL);
	tell_cancel(bed->tell);
	assert_int_equal(toy.cancels, 2);
	assert_int_equal(bed->dependent->owed_count, 1);
	tell_all(bed);
	assert_settled(bed);
	assert_int_equal(strv_length(toy.asked), 1); /* what was asked for went on, and was found again */
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_words_are_the_kinds),
		TEST(test_told_and_proven),
		TEST(test_one_proof_for_all_versions),
		TEST(test_lost_tls),
		TEST(test_refused_after_a_reload),
		TEST(test_a_glance_without_answer),
		TEST(test_newer_version_stays_owed),
		TEST(test_crash_tells_nothing_twice),
		TEST(test_failure_is_tried_again_later),
		TEST(test_that_it_hangs_is_told_to_the_next_try),
		TEST(test_intent_outlives_what_cannot_be_seen),
		TEST(test_intent_for_an_older_version_does_not_count),
		TEST(test_stopped_is_not_proven),
		TEST(test_later_tells_nothing_now),
		TEST(test_without_its_intent_on_disk_it_is_not_told),
		TEST(test_questions),
		TEST(test_in_vain_is_told_by_more_once),
		TEST(test_in_vain_and_then_served),
		TEST(test_more_outlives_a_crash),
		TEST(test_in_vain_is_found_later),
		TEST(test_more_awaits_the_look),
		TEST(test_more_is_not_done_where_nothing_whole_is_read),
		TEST(test_more_is_not_done_for_others),
		TEST(test_cancel),
	};

	if (secret_memory_init(&(bool){ false }, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
