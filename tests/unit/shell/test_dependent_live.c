/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dependents against the service manager that runs here.  Without arguments it looks at the
 * manager's own unit, or skips itself where there is no system bus; with arguments it is the
 * instrument of tests/system, which makes units for it:
 *
 *	test_dependent_live look UNIT ACTION
 *	test_dependent_live rule UNIT=ACTION ...
 *	test_dependent_live tell UNIT ACTION TIMEOUT_MS SETTLE_MS NOT_BEFORE [INVOCATION AT]	with an intent: resumes
 */
#include "daemon/dependent/dependent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "daemon/dependent/polkit_rule.h"
#include "daemon/dependent/systemd_judge.h"
#include "daemon/dependent/unit_survey.h"
#include "lib/pki/secret.h"

struct live {
	struct dependent_host host;
	sd_bus *bus;
	bool inside; /* a call is being started: no completion may come */
	unsigned completions;
	struct systemd_view view;
	enum told told;
	struct error error;
};

static void on_look(void *userdata, const struct dependent_seen *seen, const struct error *err)
{
	struct live *live = userdata;

	assert_false(live->inside);
	live->completions++;
	if (err)
		error_copy(&live->error, err);
	else
		live->view = *systemd_view(seen);
}

static void on_tell(void *userdata, enum told told, const struct error *err)
{
	struct live *live = userdata;

	assert_false(live->inside);
	live->completions++;
	live->told = told;
	if (err)
		error_copy(&live->error, err);
}

static struct sd_bus *bus_of(void *userdata)
{
	return ((struct live *)userdata)->bus;
}

/* Without a bus. */
static void live_init(struct live *live)
{
	*live = (struct live){ .host = { .bus = bus_of, .userdata = live } };
	assert_true(sd_event_new(&live->host.event) >= 0);
}

static int live_open(struct live *live)
{
	int r;

	live_init(live);
	r = sd_bus_open_system(&live->bus);
	if (r >= 0)
		r = sd_bus_attach_event(live->bus, live->host.event, SD_EVENT_PRIORITY_NORMAL);
	return r;
}

static void live_close(struct live *live)
{
	error_done(&live->error);
	sd_bus_flush_close_unref(live->bus);
	sd_event_unref(live->host.event);
}

static void live_run(struct live *live)
{
	while (!live->completions)
		assert_true(sd_event_run(live->host.event, UINT64_MAX) >= 0);
	assert_int_equal(live->completions, 1);
}

static void live_look(struct live *live, const struct desired_dependent *dependent)
{
	live->inside = true;
	assert_non_null(dependent_look(&live->host, dependent, on_look, live));
	live->inside = false;
	live_run(live);
}

static void live_tell(struct live *live, const struct tell_request *request,
	struct dependent_call *(*start)(const struct dependent_host *host, const struct tell_request *request,
		dependent_tell_fn done, void *userdata))
{
	live->completions = 0;
	live->inside = true;
	assert_non_null(start(&live->host, request, on_tell, live));
	live->inside = false;
	live_run(live);
}

static enum action action_find(const char *name)
{
	for (int action = ACTION_RESTART; action <= ACTION_START; action++)
		if (strcmp(action_name(action), name) == 0)
			return action;
	(void)fprintf(stderr, "no such action: %s\n", name);
	exit(64);
}

static int run_look(int count, char **words)
{
	struct desired_dependent dependent = { .unit = { .name = words[2], .action = action_find(words[3]) } };
	struct live live;

	if (live_open(&live) < 0)
		live.bus = sd_bus_unref(live.bus);
	live_look(&live, &dependent);
	if (live.error.kind != ERROR_NONE)
		printf("failed %s: %s\n", error_kind_name(live.error.kind), live.error.text);
	else
		printf("state=%d\nload_state=%s\nsub_state=%s\nresult=%s\ninvocation=%s\n"
		       "can_reload=%d\noneshot=%d\nstays=%d\ncondition_failed=%d\nrestarts=%u\n"
		       "starting_since=%lu\nactive_since=%lu\nstate_changed=%lu\nspacing=%lu\n",
			live.view.state, live.view.load_state, live.view.sub_state,
			live.view.result, live.view.invocation_id, live.view.can_reload,
			live.view.oneshot, live.view.stays, live.view.condition_failed,
			live.view.restarts, live.view.starting_since, live.view.active_since,
			live.view.state_changed, live.view.spacing);
	live_close(&live);
	return 0;
}

static int run_tell(int count, char **words)
{
	struct desired_dependent dependent = {
		.timeout = strtoull(words[4], NULL, 10) * USEC_PER_MSEC,
		.unit = {
			.name = words[2],
			.action = action_find(words[3]),
			.settle = strtoull(words[5], NULL, 10) * USEC_PER_MSEC,
		},
	};
	struct tell_request request = {
		.dependent = &dependent,
		.not_before = strtoull(words[6], NULL, 10),
	};
	struct live live;

	if (live_open(&live) < 0)
		live.bus = sd_bus_unref(live.bus);
	live.told = TOLD_NOTHING;
	if (count > 8) {
		request.intent = (struct dependent_intent){ words[7], strtoull(words[8], NULL, 10) };
		live_tell(&live, &request, dependent_resume);
	}
	if (live.told == TOLD_NOTHING)
		live_tell(&live, &request, dependent_tell);
	if (live.told == TOLD_FAILED)
		printf("failed %s: %s\n", error_kind_name(live.error.kind), live.error.text);
	else
		puts(live.told == TOLD_DONE ? "done" : live.told == TOLD_DONE_STRONGER ? "done by more" : "stopped");
	live_close(&live);
	return 0;
}

static int run_rule(int count, char **words)
{
	struct desired_dependent *dependents = mem_alloc(count * sizeof(*dependents));
	struct desired desired = { .dependents = dependents };
	_cleanup_(freep) char *rule = NULL;

	for (int i = 2; i < count; i++) {
		char *equals = strchr(words[i], '=');

		*equals = '\0';
		dependents[desired.dependent_count].unit.name = words[i];
		dependents[desired.dependent_count++].unit.action = action_find(equals + 1);
	}
	rule = polkit_rule(&desired);
	fputs(rule, stdout);
	free(dependents);
	return 0;
}

static void on_finding(void *userdata, enum unit_finding finding, const char *sentence)
{
	printf("%s: %s\n", finding == FINDING_REFUSED ? "refused" : "advice", sentence);
}

/* Of each "UNIT=ACTION", what can be known beforehand. */
static int run_survey(int count, char **words)
{
	struct desired_dependent *dependents = mem_alloc((size_t)count * sizeof(*dependents));
	struct desired desired = { .dependents = dependents };
	struct unit_survey *survey;
	struct live live;

	for (int i = 2; i < count; i++) {
		char *equals = strchr(words[i], '=');

		*equals = '\0';
		dependents[desired.dependent_count].name = words[i];
		dependents[desired.dependent_count].unit.name = words[i];
		dependents[desired.dependent_count++].unit.action = action_find(equals + 1);
	}
	if (live_open(&live) < 0)
		live.bus = sd_bus_unref(live.bus);
	survey = unit_survey_start(&live.host, &desired, on_finding, NULL);
	while (!unit_survey_is_complete(survey))
		assert_true(sd_event_run(live.host.event, 10 * USEC_PER_SEC) > 0);
	puts("complete");
	unit_survey_free(survey);
	live_close(&live);
	free(dependents);
	return 0;
}

static void test_manager_is_seen(void **state)
{
	struct desired_dependent dependent = { .unit.name = (char *)"init.scope" };
	struct live live;

	if (live_open(&live) < 0) {
		live_close(&live);
		skip();
	}
	live_look(&live, &dependent);
	if (live.error.kind == ERROR_RETRY) {
		live_close(&live);
		skip();
	}
	assert_int_equal(live.view.state, SYSTEMD_ACTIVE);
	live_close(&live);
}

static void test_no_bus_is_a_failure_that_passes(void **state)
{
	struct desired_dependent dependent = { .unit.name = (char *)"nginx.service" };
	struct tell_request request = { .dependent = &dependent };
	struct live live;

	live_init(&live);
	live_look(&live, &dependent);
	assert_int_equal(live.error.kind, ERROR_RETRY);
	live_close(&live);

	live_init(&live);
	live_tell(&live, &request, dependent_tell);
	assert_int_equal(live.told, TOLD_FAILED);
	assert_int_equal(live.error.kind, ERROR_RETRY);
	live_close(&live);
}

static void test_cancel_means_no_callback(void **state)
{
	struct desired_dependent dependent = { .unit.name = (char *)"nginx.service" };
	struct live live;

	live_init(&live);
	assert_null(dependent_cancel(dependent_look(&live.host, &dependent, on_look, &live)));
	assert_true(sd_event_run(live.host.event, 0) >= 0);
	assert_int_equal(live.completions, 0);
	live_close(&live);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_manager_is_seen),
		cmocka_unit_test(test_no_bus_is_a_failure_that_passes),
		cmocka_unit_test(test_cancel_means_no_callback),
	};

	if (secret_memory_init(&(bool){ false }, NULL) < 0)
		return 1;
	if (argc >= 4 && strcmp(argv[1], "look") == 0)
		return run_look(argc, argv);
	if (argc >= 3 && strcmp(argv[1], "rule") == 0)
		return run_rule(argc, argv);
	if (argc >= 3 && strcmp(argv[1], "survey") == 0)
		return run_survey(argc, argv);
	if (argc >= 7 && strcmp(argv[1], "tell") == 0)
		return run_tell(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
