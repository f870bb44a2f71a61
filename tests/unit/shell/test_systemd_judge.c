/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/dependent/systemd_judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OLD       "00000000000000000000000000000001"
#define NEW       "00000000000000000000000000000002"

#define VIEW(...) ((struct systemd_view){ .load_state = "loaded", __VA_ARGS__ })
#define RUNS(id, ...)                                                                              \
	VIEW(.state = SYSTEMD_ACTIVE, .sub_state = "running", .result = "success",               \
		.invocation_id = id, __VA_ARGS__)
#define STOPPED VIEW(.state = SYSTEMD_INACTIVE, .sub_state = "dead", .result = "success")
#define BROKEN(why)                                                                                \
	VIEW(.state = SYSTEMD_FAILED, .sub_state = "failed", .result = why, .invocation_id = NEW)
#define BUSY(word) VIEW(.state = SYSTEMD_CHANGING, .sub_state = word, .invocation_id = NEW)

struct outcome_case {
	const char *name;
	enum action action;
	struct systemd_view before;
	const char *job;
	struct systemd_view after;
	enum told told;
	const char *words; /* in the error; NULL: none */
};

static const struct outcome_case outcome_cases[] = {
	{ "a restart is a new invocation", ACTION_RESTART, RUNS(OLD), "done", RUNS(NEW), TOLD_DONE,
		NULL },
	{ "the same invocation is no restart", ACTION_RESTART, RUNS(OLD), "done", RUNS(OLD),
		TOLD_FAILED, "did not restart" },
	{ "done, and died later", ACTION_RESTART, RUNS(OLD), "done", BROKEN("exit-code"),
		TOLD_FAILED, "exit-code" },
	{ "done, and systemd restarted it", ACTION_RESTART, RUNS(OLD), "done",
		RUNS(NEW, .restarts = 1), TOLD_FAILED, "died after its start" },
	{ "done, and systemd will restart it", ACTION_RESTART, RUNS(OLD), "done",
		BUSY("auto-restart"), TOLD_FAILED, "will restart it" },
	{ "still starting", ACTION_RESTART, RUNS(OLD), "done", BUSY("start"), TOLD_FAILED,
		"not settled" },
	{ "a condition kept it down", ACTION_RESTART, RUNS(OLD), "done",
		VIEW(.state = SYSTEMD_INACTIVE, .condition_failed = true), TOLD_FAILED,
		"Condition...=" },
	{ "down and forgotten", ACTION_RESTART, RUNS(OLD), "done", STOPPED, TOLD_FAILED,
		"is down" },
	{ "stopped when the job came", ACTION_RESTART, STOPPED, "done", STOPPED, TOLD_STOPPED,
		NULL },
	{ "somebody stopped it meanwhile", ACTION_RESTART, RUNS(OLD), "canceled", STOPPED,
		TOLD_STOPPED, NULL },
	{ "somebody restarted it meanwhile", ACTION_RESTART, RUNS(OLD), "canceled", RUNS(NEW),
		TOLD_DONE, NULL },
	{ "somebody came between", ACTION_RESTART, RUNS(OLD), "canceled", RUNS(OLD), TOLD_FAILED,
		"another job" },
	{ "the job failed", ACTION_RESTART, RUNS(OLD), "failed", BROKEN("timeout"), TOLD_FAILED,
		"did not come up again (job failed)" },
	{ "a dependency failed", ACTION_RESTART, RUNS(OLD), "dependency", STOPPED, TOLD_FAILED,
		"job dependency" },
	{ "the start limit", ACTION_RESTART, RUNS(OLD), "failed", BROKEN("start-limit-hit"),
		TOLD_FAILED, "systemctl reset-failed" },
	{ "the start limit, after a death", ACTION_RESTART, RUNS(OLD), "done",
		BROKEN("start-limit-hit"), TOLD_FAILED, "systemctl reset-failed" },
	{ "a reload keeps the invocation", ACTION_RELOAD, RUNS(OLD, .can_reload = true), "done",
		RUNS(OLD), TOLD_DONE, NULL },
	{ "a reload that failed", ACTION_RELOAD, RUNS(OLD, .can_reload = true), "failed", RUNS(OLD),
		TOLD_FAILED, "continues with what it had loaded" },
	{ "a reload that killed it", ACTION_RELOAD, RUNS(OLD, .can_reload = true), "done",
		BROKEN("core-dump"), TOLD_FAILED, "core-dump" },
	{ "a reload that killed it, and it came back", ACTION_RELOAD, RUNS(OLD, .can_reload = true),
		"done", RUNS(NEW, .restarts = 1), TOLD_FAILED, "died after its reload" },
	{ "restarted by hand right after the reload", ACTION_RELOAD, RUNS(OLD, .can_reload = true),
		"done", RUNS(NEW), TOLD_DONE, NULL },
	{ "reload-or-restart reloads", ACTION_RELOAD_OR_RESTART, RUNS(OLD, .can_reload = true),
		"done", RUNS(OLD), TOLD_DONE, NULL },
	{ "reload-or-restart restarts", ACTION_RELOAD_OR_RESTART, RUNS(OLD), "done", RUNS(NEW),
		TOLD_DONE, NULL },
	{ "reload-or-restart does not restart", ACTION_RELOAD_OR_RESTART, RUNS(OLD), "done",
		RUNS(OLD), TOLD_FAILED, "did not restart" },
	{ "a script has ended", ACTION_START, STOPPED, "done", STOPPED, TOLD_DONE, NULL },
	{ "a script stays", ACTION_START, STOPPED, "done", RUNS(NEW), TOLD_DONE, NULL },
	{ "a script failed", ACTION_START, STOPPED, "failed", BROKEN("exit-code"), TOLD_FAILED,
		"failed to run (job " },
	{ "a script was stopped", ACTION_START, STOPPED, "canceled", STOPPED, TOLD_FAILED,
		"another job" },
	{ "told before a crash", ACTION_RESTART, RUNS(NEW), NULL, RUNS(NEW), TOLD_DONE, NULL },
	{ "told before a crash, died now", ACTION_RESTART, RUNS(NEW), NULL, BROKEN("signal"),
		TOLD_FAILED, "signal" },
	{ "told before a crash, stopped now", ACTION_RESTART, RUNS(NEW), NULL, STOPPED,
		TOLD_STOPPED, NULL },
	{ "gone altogether", ACTION_RESTART, RUNS(OLD), "done",
		((struct systemd_view){ .load_state = "not-found", .state = SYSTEMD_ABSENT }),
		TOLD_FAILED, "does not exist on this host" },
};

static void test_outcomes(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(outcome_cases); i++) {
		const struct outcome_case *item = &outcome_cases[i];
		struct tell_facts facts = { "web.service", item->action, &item->before,
			&item->after, item->job };
		_cleanup_(error_done) struct error err = ERROR_NULL;
		enum told told = outcome_of(&facts, &err);

		if (told != item->told || (told == TOLD_FAILED) != (error_result(&err) < 0) ||
			(item->words && !strstr(err.text ?: "", item->words)))
			fail_msg("%s: %d, %s", item->name, told, err.text ?: "no words");
		if (told == TOLD_FAILED)
			assert_non_null(strstr(err.text, "web.service"));
	}
}

struct tellable_case {
	enum action action;
	struct systemd_view view;
	int result; /* -1: refused */
	enum error_kind kind;
	const char *words;
};

static const struct tellable_case tellable_cases[] = {
	{ ACTION_RESTART, RUNS(OLD), 0, ERROR_NONE, NULL },
	{ ACTION_RELOAD, RUNS(OLD, .can_reload = true), 0, ERROR_NONE, NULL },
	{ ACTION_RELOAD, RUNS(OLD), -1, ERROR_INVALID, "reload-or-restart" },
	{ ACTION_RELOAD, STOPPED, 1, ERROR_NONE, NULL },
	{ ACTION_RELOAD_OR_RESTART, RUNS(OLD), 0, ERROR_NONE, NULL },
	{ ACTION_RESTART, STOPPED, 1, ERROR_NONE, NULL },
	{ ACTION_RESTART, BROKEN("exit-code"), -1, ERROR_RETRY, "in failed state (exit-code)" },
	{ ACTION_RESTART, BROKEN("start-limit-hit"), -1, ERROR_RETRY, "reset-failed" },
	{ ACTION_RESTART, VIEW(.state = SYSTEMD_INACTIVE, .oneshot = true), -1, ERROR_INVALID,
		"'action: start'" },
	{ ACTION_RESTART, VIEW(.state = SYSTEMD_ACTIVE, .oneshot = true, .stays = true), 0,
		ERROR_NONE, NULL },
	{ ACTION_START, VIEW(.state = SYSTEMD_INACTIVE, .oneshot = true), 0, ERROR_NONE, NULL },
	{ ACTION_START, VIEW(.state = SYSTEMD_FAILED, .oneshot = true), 0, ERROR_NONE, NULL },
	{ ACTION_START, VIEW(.state = SYSTEMD_ACTIVE, .oneshot = true, .stays = true), -1,
		ERROR_INVALID, "RemainAfterExit=" },
	{ ACTION_START, STOPPED, -1, ERROR_INVALID, "Type=oneshot" },
	{ ACTION_RESTART, { .load_state = "not-found", .state = SYSTEMD_ABSENT }, -1,
		ERROR_ABSENT, "does not exist on this host" },
	{ ACTION_RESTART, { .load_state = "masked", .state = SYSTEMD_ABSENT }, -1, ERROR_DENIED,
		"unmask" },
	{ ACTION_START, { .load_state = "bad-setting", .state = SYSTEMD_ABSENT }, -1,
		ERROR_INVALID, "bad-setting" },
};

static void test_tellable(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(tellable_cases); i++) {
		const struct tellable_case *item = &tellable_cases[i];
		_cleanup_(error_done) struct error err = ERROR_NULL;
		int r = is_tellable("web.service", &item->view, item->action, &err);

		if ((r < 0 ? -1 : r) != item->result || err.kind != item->kind ||
			(item->words && !strstr(err.text ?: "", item->words)))
			fail_msg("case %zu: %d, %s", i, r, err.text ?: "no words");
	}
}

static void test_told_already(void **state)
{
	struct dependent_intent intent = { OLD, 1000 }, first = { "", 1000 };
	struct systemd_view ended = VIEW(.state = SYSTEMD_INACTIVE, .result = "success",
		.invocation_id = NEW);
	static const struct {
		struct systemd_view view;
		enum action action;
		bool told;
	} cases[] = {
		{ RUNS(NEW), ACTION_RESTART, true },
		{ RUNS(OLD), ACTION_RESTART, false },
		{ RUNS(OLD, .state_changed = 2000), ACTION_RESTART, false },
		{ RUNS(OLD, .state_changed = 2000), ACTION_RELOAD, true },
		{ RUNS(OLD, .state_changed = 1000), ACTION_RELOAD, false },
		{ RUNS(NEW, .state_changed = 900), ACTION_RELOAD, true },
		{ RUNS(OLD, .state_changed = 2000), ACTION_RELOAD_OR_RESTART, true },
		{ RUNS(NEW), ACTION_START, true },
		{ BROKEN("exit-code"), ACTION_RESTART, false },
		{ BROKEN("exit-code"), ACTION_START, false },
		{ BUSY("start"), ACTION_RESTART, false },
		{ STOPPED, ACTION_RESTART, false },
		{ STOPPED, ACTION_START, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (was_told_already(&cases[i].view, &intent, cases[i].action) != cases[i].told)
			fail_msg("case %zu", i);
	assert_true(was_told_already(&ended, &intent, ACTION_START));
	assert_true(was_told_already(&ended, &first, ACTION_START));
	assert_false(was_told_already(&ended, &intent, ACTION_RESTART));
}

static void test_told_by_its_start(void **state)
{
	struct systemd_view view = RUNS(NEW, .starting_since = 2000, .active_since = 3000);

	assert_true(is_told_by_its_start(&view, 1999));
	assert_false(is_told_by_its_start(&view, 2000));
	/* It was starting when the version came: it may have read the old one. */
	assert_false(is_told_by_its_start(&view, 2500));
	assert_false(is_told_by_its_start(&view, 0));
	view.state = SYSTEMD_FAILED;
	assert_false(is_told_by_its_start(&view, 1000));
}

struct judge_case {
	const char *name;
	enum action action;
	struct systemd_view view;
	struct dependent_facts facts;
	enum dependent_judgement is;
};

#define ASKED(...) { .question = true, .now = 9000, __VA_ARGS__ }
#define OWED(...) { .since = 1000, .now = 9000, __VA_ARGS__ }
#define INTENT .intent = { OLD, 1500 }

static const struct judge_case judge_cases[] = {
	{ "owed", ACTION_RESTART, RUNS(NEW), OWED(), JUDGED_TELL },
	{ "owed, stopped: telling it says so", ACTION_RESTART, STOPPED, OWED(), JUDGED_TELL },
	{ "owed, started since", ACTION_RESTART, RUNS(NEW, .starting_since = 1001), OWED(), JUDGED_TOLD },
	{ "owed, a script's own run is none of ours", ACTION_START, RUNS(NEW, .starting_since = 1001), OWED(),
		JUDGED_TELL },
	{ "told lately", ACTION_RESTART, RUNS(NEW, .spacing = 2000), OWED(.told_at = 8000), JUDGED_LATER },
	{ "told long enough ago", ACTION_RESTART, RUNS(NEW, .spacing = 1000), OWED(.told_at = 8000), JUDGED_TELL },
	{ "an intent, and it was restarted", ACTION_RESTART, RUNS(NEW), OWED(INTENT), JUDGED_RESUME },
	{ "an intent, and it was reloaded", ACTION_RELOAD, RUNS(OLD, .state_changed = 1600), OWED(INTENT), JUDGED_RESUME },
	{ "an intent, and something goes on", ACTION_RESTART, BUSY("start"), OWED(INTENT), JUDGED_RESUME },
	{ "an intent, and nothing was done", ACTION_RESTART, RUNS(OLD), OWED(INTENT), JUDGED_TELL },
	{ "an intent, and it is down now", ACTION_RESTART, BROKEN("exit-code"), OWED(INTENT), JUDGED_TELL },
	{ "an intent that has ended", ACTION_RESTART, RUNS(NEW), OWED(.intent = { OLD, 0 }), JUDGED_TELL },
	{ "resumed before its start limit counts", ACTION_RESTART, RUNS(NEW, .spacing = 9000),
		OWED(INTENT, .told_at = 8000), JUDGED_RESUME },
	{ "asked, stopped", ACTION_RESTART, STOPPED, ASKED(), JUDGED_STOPPED },
	{ "asked, started since", ACTION_RESTART, RUNS(NEW, .starting_since = 1001), ASKED(.since = 1000), JUDGED_TOLD },
	{ "asked, nothing done since", ACTION_RELOAD, RUNS(NEW, .state_changed = 999), ASKED(.since = 1000), JUDGED_TELL },
	{ "asked, reloaded since", ACTION_RELOAD, RUNS(NEW, .state_changed = 1001), ASKED(.since = 1000), JUDGED_UNKNOWN },
	{ "asked, and not known since when", ACTION_RESTART, RUNS(NEW, .starting_since = 5), ASKED(), JUDGED_UNKNOWN },
};

static void test_judgements(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(judge_cases); i++) {
		const struct judge_case *item = &judge_cases[i];
		const struct desired_dependent dependent = { .unit = { .action = item->action } };
		struct dependent_verdict verdict = systemd_judge(&dependent, systemd_seen(&item->view), &item->facts);

		if (verdict.is != item->is)
			fail_msg("%s: %d", item->name, verdict.is);
		if (verdict.is == JUDGED_LATER)
			assert_int_equal(verdict.when, 10000);
		else if (verdict.is == JUDGED_TELL && !item->facts.question)
			assert_string_equal(verdict.token, item->view.invocation_id);
	}
}

/* However starts are spaced so, systemd's own count never refuses one. */
static void test_spacing_keeps_below_the_limit(void **state)
{
	static const struct {
		usec_t interval;
		unsigned burst;
	} limits[] = { { 10 * USEC_PER_SEC, 5 }, { 10 * USEC_PER_SEC, 3 }, { USEC_PER_HOUR, 1 },
		{ 1, 1 }, { 7 * USEC_PER_SEC + 1, 4 } };

	assert_int_equal(view_spacing(0, 5), 0);
	assert_int_equal(view_spacing(10 * USEC_PER_SEC, 0), 0);
	assert_int_equal(view_spacing(10 * USEC_PER_SEC, 5), 2200 * USEC_PER_MSEC);
	assert_int_equal(view_spacing(USEC_INFINITY, 5), USEC_PER_DAY);
	assert_int_equal(view_spacing(USEC_INFINITY, 1), USEC_PER_DAY);
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		usec_t spacing = view_spacing(limits[i].interval, limits[i].burst);
		usec_t begin = 0;
		unsigned count = 0;

		for (usec_t now = 1; now < 50 * spacing; now += spacing) {
			/* As systemd's ratelimit_below() counts. */
			if (begin == 0 || begin + limits[i].interval < now) {
				begin = now;
				count = 0;
			}
			assert_true(++count <= limits[i].burst);
		}
	}
}

static void test_a_reload_that_hangs_is_known(void **state)
{
	static const struct {
		bool reloading;
		usec_t said, watched, start_timeout; /* s */
		bool over, again, stuck;
	} cases[] = {
		{ true, 61, 0, 60, false, false, true }, /* longer than it gives itself, as systemd says */
		{ true, 59, 59, 60, false, false, false },
		{ true, 1, 61, 60, false, false, true }, /* and as was seen */
		{ true, 179, 0, USEC_INFINITY, false, false, false },
		{ true, 181, 0, USEC_INFINITY, false, false, true }, /* two tries, as systemd says */
		{ true, 181, 0, 0, false, false, true },
		{ true, 1, 90, USEC_INFINITY, true, false, false },
		{ true, 1, 89, USEC_INFINITY, false, true, false },
		{ true, 1, 90, USEC_INFINITY, true, true, true }, /* and as was seen */
		{ false, 700, 90, 60, true, true, false }, /* it starts, and that has an end of its own */
	};
	struct wait_facts facts = { .timeout = 90 * USEC_PER_SEC, .now = 1000000 * USEC_PER_SEC };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const usec_t own = cases[i].start_timeout;
		struct systemd_view view = BUSY("reload");

		view.reloading = cases[i].reloading;
		view.state_changed = facts.now - cases[i].said * USEC_PER_SEC;
		view.start_timeout = own == USEC_INFINITY ? own : own * USEC_PER_SEC;
		facts.watched = cases[i].watched * USEC_PER_SEC;
		facts.over = cases[i].over;
		facts.again = cases[i].again;
		if (is_stuck(&view, &facts) != cases[i].stuck)
			fail_msg("case %zu", i);
	}
}

static void test_a_reload_that_hangs_is_told_with_its_cure(void **state)
{
	struct error err = ERROR_NULL;

	assert_true(refuse_stuck("web.service", &err) < 0);
	assert_int_equal(err.code, DEPENDENT_CODE_HANGS);
	assert_non_null(strstr(err.text, "systemctl try-restart 'web.service'"));
	assert_non_null(strstr(err.text, "'action: reload-or-restart'"));
	error_done(&err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_outcomes),
		cmocka_unit_test(test_tellable),
		cmocka_unit_test(test_told_already),
		cmocka_unit_test(test_told_by_its_start),
		cmocka_unit_test(test_judgements),
		cmocka_unit_test(test_spacing_keeps_below_the_limit),
		cmocka_unit_test(test_a_reload_that_hangs_is_known),
		cmocka_unit_test(test_a_reload_that_hangs_is_told_with_its_cure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
