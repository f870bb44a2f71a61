/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "daemon/model/proof.h"
#include "daemon/report/report.h"
#include "daemon/report/words.h"

#define NOW (1790000000 * USEC_PER_SEC) /* 2026-09-21T14:13:20Z */

#define SOME_VERSION                                                                               \
	{                                                                                          \
		.digest = { { 0xab, 0xcd } }, .not_before = NOW - 10 * USEC_PER_DAY,          \
		.not_after = NOW + 30 * USEC_PER_DAY,                                              \
	}

static json_t *parse(char *text)
{
	json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(object);
	free(text);
	return object;
}

/* One certificate, three deliveries (current, held for a choice, not looked at), one dependent. */
static json_t *some_status(void)
{
	static struct certificate_view certificates[] = {
		{ .name = "web",
			.arn = "arn:x",
			.domain = "x.example",
			.status = "ISSUED",
			.version = SOME_VERSION },
	};
	static struct delivery_view deliveries[] = {
		{ .name = "web/acm",
			.certificate = "web",
			.destination = "acm",
			.kind = "acm",
			.object = "web",
			.state = DELIVERY_CURRENT,
			.seen = SOME_VERSION,
			.wanted = SOME_VERSION },
		{ .name = "web/old",
			.certificate = "web",
			.destination = "old",
			.kind = "acm",
			.object = "web",
			.state = DELIVERY_HELD,
			.holds = 1U << HOLD_ADOPT | 1U << HOLD_GUARD,
			.reason = "1 import shares a name",
			.failures = 2,
			.next_try = NOW + USEC_PER_HOUR },
		{ .name = "web/new",
			.certificate = "web",
			.destination = "new",
			.kind = "acm",
			.object = "web",
			.state = DELIVERY_UNKNOWN },
	};
	static struct dependent_report dependents[] = {
		{ .name = "nginx",
			.unit = "nginx.service",
			.action = "reload",
			.state = PROGRESS_UNPROVEN,
			.told_at = NOW,
			.proof = "unproven: no answer" },
	};
	static char *notices[] = { (char *)"a \xff notice", NULL };
	struct status_view view = {
		.now = NOW,
		.looked_at = NOW - USEC_PER_MINUTE,
		.next_look = USEC_INFINITY,
		.certificates = certificates,
		.certificate_count = ARRAY_SIZE(certificates),
		.deliveries = deliveries,
		.delivery_count = ARRAY_SIZE(deliveries),
		.dependents = dependents,
		.dependent_count = ARRAY_SIZE(dependents),
		.notices = notices,
	};

	return parse(report_status(&view));
}

static const json_t *at(const json_t *object, const char *list, size_t index)
{
	return json_array_get(json_object_get(object, list), index);
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void test_status_head(void **state)
{
	json_t *status = some_status();

	assert_int_equal(json_integer_value(json_object_get(status, "format")), 1);
	assert_int_equal(json_integer_value(json_object_get(status, "exit")), 3);
	assert_true(json_is_true(json_object_get(status, "running")));
	assert_string_equal(text_of(status, "now"), "2026-09-21T14:13:20Z");
	assert_string_equal(text_of(status, "looked_at"), "2026-09-21T14:12:20Z");
	assert_true(json_is_null(json_object_get(status, "swept_at")));
	assert_true(json_is_null(json_object_get(status, "next_look")));
	assert_true(json_is_null(json_object_get(status, "source_problem")));
	assert_string_equal(json_string_value(at(status, "notices", 0)), "a ? notice");
	json_decref(status);
}

static void test_status_lists(void **state)
{
	json_t *status = some_status();
	const json_t *held = at(status, "deliveries", 1);
	const json_t *seen = json_object_get(at(status, "deliveries", 0), "seen");

	assert_string_equal(text_of(at(status, "certificates", 0), "domain"), "x.example");
	assert_string_equal(text_of(seen, "fingerprint"),
		"abcd000000000000000000000000000000000000000000000000000000000000");
	assert_string_equal(text_of(seen, "not_after"), "2026-10-21T14:13:20Z");
	assert_string_equal(text_of(held, "state"), "held");
	assert_string_equal(text_of(held, "hold"), "adopt?");
	assert_int_equal(json_array_size(json_object_get(held, "holds")), 2);
	assert_string_equal(json_string_value(at(held, "holds", 0)), "adopt?");
	assert_string_equal(json_string_value(at(held, "holds", 1)), "guard");
	assert_int_equal(json_array_size(json_object_get(at(status, "deliveries", 0), "holds")), 0);
	assert_string_equal(text_of(held, "next_try"), "2026-09-21T15:13:20Z");
	assert_true(json_is_null(json_object_get(held, "seen")));
	assert_true(json_is_null(json_object_get(held, "account")));
	assert_int_equal(json_integer_value(json_object_get(held, "failures")), 2);
	assert_string_equal(text_of(at(status, "dependents", 0), "state"), "unproven");
	json_decref(status);
}

/* Readers may compare texts: the same view is the same text, members in the order of the header. */
static void test_status_is_stable(void **state)
{
	struct status_view view = { .now = NOW };
	char *text = report_status(&view);

	assert_string_equal(text, "{\n"
				  "  \"format\": 1,\n"
				  "  \"exit\": 0,\n"
				  "  \"running\": true,\n"
				  "  \"now\": \"2026-09-21T14:13:20Z\",\n"
				  "  \"looked_at\": null,\n"
				  "  \"swept_at\": null,\n"
				  "  \"next_look\": null,\n"
				  "  \"source_problem\": null,\n"
				  "  \"record_problem\": null,\n"
				  "  \"config_problem\": null,\n"
				  "  \"clock_problem\": null,\n"
				  "  \"events\": null,\n"
				  "  \"events_problem\": null,\n"
				  "  \"certificates\": [],\n"
				  "  \"deliveries\": [],\n"
				  "  \"dependents\": [],\n"
				  "  \"notices\": []\n"
				  "}");
	free(text);
}

static struct step some_steps[] = {
	{ .verb = STEP_LOOK,
		.certificate = "",
		.destination = "prod",
		.delivery = "",
		.dependent = "",
		.reason = (char *)"never looked at" },
	{ .verb = STEP_DELIVER,
		.certificate = "web",
		.destination = "prod",
		.delivery = "web/prod/222222222222/eu-west-1",
		.dependent = "",
		.reason = (char *)"holds abcd, the source has ef01" },
	{ .verb = STEP_DELIVER,
		.certificate = "all/1234",
		.destination = "files",
		.delivery = "all/1234/files",
		.dependent = "",
		.reason = (char *)"absent" },
	{ .verb = STEP_TELL,
		.certificate = "web",
		.destination = "files",
		.delivery = "",
		.dependent = "nginx",
		.reason = (char *)"owes\nnginx" },
	{ .verb = STEP_EXPORT,
		.certificate = "idle",
		.destination = "source",
		.delivery = "",
		.dependent = "",
		.reason = (char *)"to stay eligible" },
	{ .verb = STEP_WAIT,
		.certificate = "",
		.destination = "",
		.delivery = "",
		.dependent = "",
		.when = NOW,
		.reason = NULL },
};

static void test_plan_lines(void **state)
{
	struct plan plan = { .steps = some_steps, .count = ARRAY_SIZE(some_steps) };
	char *text = report_plan_lines(&plan);

	assert_string_equal(text,
		"deliver web to prod/222222222222/eu-west-1: holds abcd, the source has ef01\n"
		"deliver all/1234 to files: absent\n"
		"tell web to files: owes nginx\n"
		"export idle to source: to stay eligible\n"
		"wait - to -: no reason was given\n");
	free(text);
}

static void test_plan_of_nothing(void **state)
{
	struct plan plan = { .steps = some_steps, .count = 1 };
	char *text = report_plan_lines(&plan);
	json_t *object = parse(report_plan(&plan, 0));

	assert_string_equal(text, "nothing to do\n");
	free(text);
	assert_int_equal(json_array_size(json_object_get(object, "steps")), 0);
	json_decref(object);
}

static void test_plan_object(void **state)
{
	struct plan plan = { .steps = some_steps, .count = ARRAY_SIZE(some_steps) };
	json_t *object = parse(report_plan(&plan, 3));

	assert_int_equal(json_integer_value(json_object_get(object, "exit")), 3);
	assert_int_equal(json_array_size(json_object_get(object, "steps")), 5);
	assert_string_equal(text_of(at(object, "steps", 0), "verb"), "deliver");
	assert_string_equal(
		text_of(at(object, "steps", 0), "destination"), "prod/222222222222/eu-west-1");
	assert_string_equal(text_of(at(object, "steps", 2), "dependent"), "nginx");
	assert_true(json_is_null(json_object_get(at(object, "steps", 2), "delivery")));
	assert_true(json_is_null(json_object_get(at(object, "steps", 2), "hold")));
	assert_int_equal(json_array_size(json_object_get(at(object, "steps", 2), "holds")), 0);
	assert_string_equal(text_of(at(object, "steps", 4), "when"), "2026-09-21T14:13:20Z");
	json_decref(object);
}

static json_t *some_candidates(bool with_unseen)
{
	static char *users[] = { (char *)"arn:lb", NULL };
	static struct candidate candidates[] = {
		{ .arn = (char *)"arn:1",
			.domain = (char *)"x.example",
			.not_after = NOW,
			.in_use = true,
			.in_use_by = users,
			.users = 28 },
		{ .arn = (char *)"arn:2", .refusal = (char *)"key type" },
	};
	static struct observed observed = {
		.state = OBSERVED_ADOPTABLE,
		.candidates = candidates,
		.candidate_count = ARRAY_SIZE(candidates),
		.candidate_total = 2500,
	};
	static struct delivery_view deliveries[] = {
		{ .name = "web/old",
			.state = DELIVERY_HELD,
			.holds = 1U << HOLD_ADOPT,
			.observed = &observed },
		{ .name = "web/new", .state = DELIVERY_UNKNOWN, .reason = "denied" },
	};
	struct buf text = BUF_NULL;
	struct writer writer = report_begin(&text, with_unseen ? 1 : 3);

	writer_open(&writer, "deliveries", '[');
	report_choice(&writer, &deliveries[0]);
	writer_close(&writer, ']');
	writer_open(&writer, "unseen", '[');
	if (with_unseen)
		report_unseen(&writer, &deliveries[1]);
	writer_close(&writer, ']');
	writer_close(&writer, '}');
	return parse(buf_take(&text));
}

static void test_candidates(void **state)
{
	json_t *object = some_candidates(false);
	const json_t *choice = at(object, "deliveries", 0);
	const json_t *first = at(choice, "candidates", 0);

	assert_int_equal(json_integer_value(json_object_get(object, "exit")), 3);
	assert_int_equal(json_array_size(json_object_get(object, "deliveries")), 1);
	assert_string_equal(text_of(choice, "delivery"), "web/old");
	assert_string_equal(text_of(first, "arn"), "arn:1");
	assert_true(json_is_true(json_object_get(first, "in_use")));
	assert_string_equal(json_string_value(at(first, "in_use_by", 0)), "arn:lb");
	assert_int_equal(json_integer_value(json_object_get(first, "users")), 28);
	assert_int_equal(json_integer_value(json_object_get(choice, "total")), 2500);
	assert_true(json_is_null(json_object_get(first, "refusal")));
	assert_string_equal(text_of(at(choice, "candidates", 1), "refusal"), "key type");
	json_decref(object);
}

static void test_candidates_unseen(void **state)
{
	json_t *object = some_candidates(true);

	assert_int_equal(json_integer_value(json_object_get(object, "exit")), 1);
	assert_string_equal(text_of(at(object, "unseen", 0), "delivery"), "web/new");
	assert_string_equal(text_of(at(object, "unseen", 0), "reason"), "denied");
	json_decref(object);
}

/* --- summaries --- */

static struct delivery_view some_delivery(char *name, enum delivery_state state, const char *reason)
{
	return (struct delivery_view){ .name = name, .state = state, .reason = reason };
}

static void test_summary_puts_equal_reasons_together(void **state)
{
	struct summary summary = { .groups = NULL };
	struct status_view head = { .now = NOW };
	const json_t *group, *counts;
	json_t *object;

	for (unsigned i = 0; i < 40; i++) {
		char name[16];
		struct delivery_view view = some_delivery(name, DELIVERY_FAILED, "denied");

		(void)snprintf(name, sizeof(name), "c%02u/x", i);
		view.next_try = NOW + (i + 1) * USEC_PER_MINUTE;
		summary_add_delivery(&summary, &view);
	}
	summary_add_current(&summary, 960, true);
	object = parse(report_summary(&head, &summary));
	summary_done(&summary);
	counts = json_object_get(json_object_get(object, "counts"), "deliveries");
	assert_int_equal(json_integer_value(json_object_get(object, "exit")), 1);
	assert_int_equal(json_integer_value(json_object_get(counts, "all")), 1000);
	assert_int_equal(json_integer_value(json_object_get(counts, "current")), 960);
	assert_int_equal(json_integer_value(json_object_get(counts, "failed")), 40);
	counts = json_object_get(json_object_get(object, "counts"), "expiring");
	assert_int_equal(json_integer_value(json_object_get(counts, "deliveries")), 960);
	assert_int_equal(json_integer_value(json_object_get(counts, "certificates")), 0);
	assert_int_equal(json_array_size(json_object_get(object, "groups")), 1);
	group = at(object, "groups", 0);
	assert_int_equal(json_integer_value(json_object_get(group, "count")), 40);
	assert_int_equal(json_array_size(json_object_get(group, "names")), SUMMARY_NAMES_MOST);
	assert_string_equal(text_of(group, "next_try"), "2026-09-21T14:14:20Z");
	assert_int_equal(json_integer_value(json_object_get(object, "left_out")), 0);
	json_decref(object);
}

static size_t groups_of(const char *one, const char *other)
{
	struct delivery_view first = some_delivery((char *)"a/b", DELIVERY_FAILED, one);
	struct delivery_view second = some_delivery((char *)"c/b", DELIVERY_FAILED, other);
	struct summary summary = { .groups = NULL };
	size_t count;

	summary_add_delivery(&summary, &first);
	summary_add_delivery(&summary, &second);
	count = summary.group_count;
	summary_done(&summary);
	return count;
}

static void test_summary_knows_one_reason_by_its_words(void **state)
{
	static const struct {
		const char *one, *other;
		size_t groups;
	} pairs[] = {
		{ "D: Denied: no (request id 1-2)", "D: Denied: no (request id 33-4)", 1 },
		{ "D: Denied: no (request id 1-2); allow it",
			"D: Denied: no (request id 3-4); allow it", 1 },
		{ "D: Denied: no (request id 1-2); allow it", "D: Denied: no (request id 3-4)", 2 },
		{ "D: Denied: no (request id 1-2)", "D: Denied: not (request id 1-2)", 2 },
		{ "no to read on resource: tls/a because", "no to read on resource: tls/bb because", 1 },
		{ "no arn:aws:acm:eu-west-1:1:certificate/a",
			"no arn:aws:acm:eu-west-1:1:certificate/bcd", 1 },
		{ "no arn:aws:acm:eu-west-1:1:certificate/a",
			"no arn:aws:acm:eu-west-1:2:certificate/a", 2 },
		{ "last confirmed 2026-11-27T23:58:46Z", "last confirmed 2026-11-26T03:08:41Z", 1 },
		{ "last confirmed 2026-11-27T23:58:46Z", "last confirmed", 2 },
		{ "if that is right, 'certferry approve a/b' lets it through",
			"if that is right, 'certferry approve c/b' lets it through", 1 },
		{ "'certferry approve a/b' lets it through", "'certferry approve d/b' lets it through", 2 },
		{ "", NULL, 1 },
		{ "", "a", 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		assert_int_equal(groups_of(pairs[i].one, pairs[i].other), pairs[i].groups);
}

static void test_summary_is_bounded(void **state)
{
	struct summary summary = { .groups = NULL };
	struct status_view head = { .now = NOW };
	char reason[4000], *text;
	json_t *object;

	memset(reason, 'x', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	for (unsigned i = 0; i < 5000; i++) {
		struct delivery_view view = some_delivery((char *)"web/acm", DELIVERY_FAILED, reason);

		(void)snprintf(reason, 8, "%06u", i);
		reason[6] = ' ';
		summary_add_delivery(&summary, &view);
	}
	text = report_summary(&head, &summary);
	summary_done(&summary);
	assert_true(strlen(text) < 128 * 1024);
	object = parse(text);
	assert_int_equal(json_array_size(json_object_get(object, "groups")), SUMMARY_GROUPS_MOST);
	assert_int_equal(json_integer_value(json_object_get(object, "left_out")), 5000 - SUMMARY_GROUPS_MOST);
	json_decref(object);
}

static int exit_of_one(enum delivery_state state)
{
	struct summary summary = { .groups = NULL };
	struct delivery_view view = some_delivery((char *)"a/b", state, NULL);
	struct status_view head = { .now = NOW };
	int exit_status;

	summary_add_delivery(&summary, &view);
	exit_status = status_exit(&head, &summary.counts);
	summary_done(&summary);
	return exit_status;
}

static void test_summary_exits_as_the_status_does(void **state)
{
	for (enum delivery_state one = 0; one < DELIVERY_STATES; one++) {
		struct delivery_view view = some_delivery((char *)"a/b", one, NULL);
		struct status_view whole = { .deliveries = &view, .delivery_count = 1 };

		assert_int_equal(exit_of_one(one), status_view_exit(&whole));
	}
	assert_int_equal(exit_of_one(DELIVERY_CURRENT), 0);
	assert_int_equal(exit_of_one(DELIVERY_HELD), 3);
	assert_int_equal(exit_of_one(DELIVERY_FAILED), 1);
}

static void test_texts_carry_no_control_characters(void **state)
{
	struct delivery_view view = some_delivery(
		(char *)"a/b", DELIVERY_FAILED, "a \x1b[2J \"b\"\\ \n\x7f \xc2\x9b \xc3\xa4 \xff \xc2");
	struct status_view whole = { .now = NOW, .deliveries = &view, .delivery_count = 1 };
	json_t *object = parse(report_status(&whole));

	assert_string_equal(text_of(at(object, "deliveries", 0), "reason"), "a  [2J \"b\"\\      \xc3\xa4 ? ?");
	json_decref(object);
}

/* Each state has its word for people; the value of JSON stays what it was. */
static void test_words_for_people(void **state)
{
	static const char *const dependents[PROGRESS_STATES] = { [PROGRESS_TOLD] = "up-to-date",
		[PROGRESS_OWED] = "pending",
		[PROGRESS_IN_FLIGHT] = "in-flight",
		[PROGRESS_FAILED] = "failed",
		[PROGRESS_UNPROVEN] = "unverified",
		[PROGRESS_UNKNOWN] = "unknown" };

	for (enum dependent_progress progress = 0; progress < PROGRESS_STATES; progress++)
		assert_string_equal(report_word(dependent_progress_name(progress)), dependents[progress]);
	for (enum delivery_state delivery = 0; delivery < DELIVERY_STATES; delivery++)
		assert_string_equal(report_word(delivery_state_name(delivery)), delivery_state_name(delivery));
	assert_string_equal(report_word(prove_result_name(PROVE_MATCHED)), "verified");
	assert_string_equal(report_word(prove_result_name(PROVE_WRONG)), "wrong");
	assert_string_equal(report_word(prove_result_name(PROVE_UNPROVEN)), "unverified");
	assert_string_equal(report_word(hold_name(HOLD_ADOPT)), "adopt?");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_for_people),
		cmocka_unit_test(test_status_head),
		cmocka_unit_test(test_status_lists),
		cmocka_unit_test(test_status_is_stable),
		cmocka_unit_test(test_plan_lines),
		cmocka_unit_test(test_plan_of_nothing),
		cmocka_unit_test(test_plan_object),
		cmocka_unit_test(test_candidates),
		cmocka_unit_test(test_candidates_unseen),
		cmocka_unit_test(test_summary_puts_equal_reasons_together),
		cmocka_unit_test(test_summary_knows_one_reason_by_its_words),
		cmocka_unit_test(test_summary_is_bounded),
		cmocka_unit_test(test_summary_exits_as_the_status_does),
		cmocka_unit_test(test_texts_carry_no_control_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
