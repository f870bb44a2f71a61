/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "daemon/bus/bus.h"
#include "daemon/bus/properties.h"
#include "lib/base/bounded.h"
#include "lib/base/time.h"
#include "lib/log/log.h"
#include "lib/os/clock.h"
#include "tests/unit/shell/broker.h"

/*
 * A bus of our own, the interface under test, a caller and a polkit that answers as it is told, all
 * on one loop of this process.
 */

#define LIMIT (10 * USEC_PER_SEC) /* for each wait: only a failing test gets there */

enum polkit_mood {
	POLKIT_YES,
	POLKIT_NO,
	POLKIT_CHALLENGE,
	POLKIT_NONSENSE,
	POLKIT_VANISHES, /* leaves the bus without an answer */
};

struct world {
	struct broker broker;
	sd_event *event;
	struct bus *bus;
	sd_bus *caller;
	sd_bus *polkit;
	enum polkit_mood mood;
	/* What polkit was asked. */
	char action[64];
	char subject[64];
	unsigned flags;
	/* What the handlers were given. */
	char delivery[64];
	enum approval most; /* what the approval may let go */
	char who[32];
	int syncs;
	/* What became of the connection, as often as it was told. */
	unsigned heard[BUS_NAMED + 1];
	unsigned answers; /* handlers.answered */
	struct error fail;
	size_t long_text, made; /* bytes of each text; of all that were made */
	int texts; /* that were begun and not ended */
	/* What the caller got. */
	sd_bus_message *reply;
	uint32_t job;
	int32_t job_exit;
	char *job_json;
	int changes; /* signals that told of them */
	usec_t changed_at[64]; /* monotonic */
	char changed[256]; /* the names in the last one, each behind a blank */
	char *problem; /* the last SourceProblem in one */
	uint32_t certificates; /* the last such number */
};

/* The minute until the bus is tried again is short. */
static bool hurry;

/* In place of libsystemd's, which does the same without a hurry. */
int sd_event_source_set_time_relative(sd_event_source *source, uint64_t usec)
{
	uint64_t now;

	if (hurry && usec == USEC_PER_MINUTE)
		usec = 10 * USEC_PER_MSEC;
	assert_true(sd_event_now(sd_event_source_get_event(source), CLOCK_MONOTONIC, &now) >= 0);
	return sd_event_source_set_time(source, usec_add(now, usec));
}

/* A text of so many bytes. */
struct text {
	struct world *world;
	const char *fixed; /* or NULL: */
	size_t left;
};

static int handle_begin(void *userdata, const struct bus_question *question, void **ret_text, struct error *err)
{
	static const char *const texts[] = {
		[BUS_STATUS] = "{\"status\":1}", [BUS_PLAN] = "{\"plan\":1}", [BUS_CANDIDATES] = "{\"candidates\":1}"
	};
	struct world *w = userdata;
	struct text *text;

	if (strcmp(question->name, "none") == 0)
		return error_set(err, ERROR_ABSENT, 0, "there is no 'none'");
	text = mem_new(struct text);
	*text = (struct text){ .world = w,
		.fixed = question->summary ? "{\"summary\":1}" : texts[question->subject],
		.left = w->long_text };
	if (w->long_text)
		text->fixed = NULL;
	w->texts++;
	*ret_text = text;
	return 0;
}

static bool handle_more(void *userdata, struct buf *to)
{
	struct text *text = userdata;
	char piece[1000];
	size_t length = MIN(sizeof(piece), text->left);

	if (text->fixed) {
		buf_append_string(to, text->fixed);
		return false;
	}
	memset(piece, 'x', sizeof(piece));
	buf_append(to, piece, length);
	text->left -= length;
	text->world->made += length;
	return text->left > 0;
}

static void handle_end(void *userdata)
{
	struct text *text = userdata;

	text->world->texts--;
	free(text);
}

static int handle_sync(void *userdata, const char *delivery, uint32_t *ret_job, struct error *err)
{
	struct world *w = userdata;

	w->syncs++;
	(void)snprintf(w->delivery, sizeof(w->delivery), "%s", delivery);
	if (w->fail.kind) {
		error_copy(err, &w->fail);
		return error_result(err);
	}
	*ret_job = 7;
	return 0;
}

static enum approval handle_approval(void *userdata, const char *delivery)
{
	return strcmp(delivery, "web/theirs") == 0 ? APPROVAL_TRUST : APPROVAL_PLAIN;
}

static int handle_approve(void *userdata, const char *delivery, enum approval most, const char *who,
	uint32_t *ret_count, struct error *err)
{
	struct world *w = userdata;

	w->most = most;
	(void)snprintf(w->delivery, sizeof(w->delivery), "%s", delivery);
	(void)snprintf(w->who, sizeof(w->who), "%s", who);
	*ret_count = 3;
	return 0;
}

static const struct bus_handlers handlers = {
	.begin_text = handle_begin,
	.more_text = handle_more,
	.end_text = handle_end,
	.sync = handle_sync,
	.approval = handle_approval,
	.approve = handle_approve,
};

static int polkit_asked(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
	struct world *w = userdata;
	const char *kind, *key, *name, *action;

	assert_true(sd_bus_message_read(m, "(sa{sv})", &kind, 1, &key, "s", &name) > 0);
	assert_true(sd_bus_message_read(m, "s", &action) > 0);
	assert_true(sd_bus_message_skip(m, "a{ss}") >= 0);
	assert_true(sd_bus_message_read(m, "u", &w->flags) > 0);
	assert_string_equal(kind, "system-bus-name");
	assert_string_equal(key, "name");
	(void)snprintf(w->action, sizeof(w->action), "%s", action);
	(void)snprintf(w->subject, sizeof(w->subject), "%s", name);
	switch (w->mood) {
	case POLKIT_NONSENSE:
		return sd_bus_reply_method_return(m, "s", "perhaps");
	case POLKIT_VANISHES:
		sd_bus_close(w->polkit);
		return 0;
	default:
		return sd_bus_reply_method_return(
			m, "(bba{ss})", w->mood == POLKIT_YES, w->mood == POLKIT_CHALLENGE, 0);
	}
}

static const sd_bus_vtable polkit_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("CheckAuthorization", "(sa{sv})sa{ss}us", "(bba{ss})", polkit_asked,
		SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

/* sd-bus sends no answer but the one that its table declares. */
static const sd_bus_vtable polkit_nonsense_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("CheckAuthorization", "(sa{sv})sa{ss}us", "s", polkit_asked,
		SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

static sd_bus *join(struct world *w)
{
	sd_bus *bus = NULL;

	assert_true(sd_bus_open_system(&bus) >= 0);
	assert_true(sd_bus_attach_event(bus, w->event, SD_EVENT_PRIORITY_NORMAL) >= 0);
	return bus;
}

/* Those of root are tested beside: what is refused to others may be root's without polkit. */
static void caller_is_nobody(struct world *w)
{
	if (geteuid() != 0)
		return;
	w->caller = sd_bus_close_unref(w->caller);
	assert_int_equal(chmod(w->broker.directory, 0755), 0);
	assert_int_equal(seteuid(65534), 0);
	w->caller = join(w);
	(void)sd_bus_get_unique_name(w->caller, &(const char *){ NULL }); /* it has been let in */
	assert_int_equal(seteuid(0), 0);
}

static void polkit_start(struct world *w, enum polkit_mood mood)
{
	w->mood = mood;
	w->polkit = join(w);
	assert_true(
		sd_bus_add_object_vtable(w->polkit, NULL, "/org/freedesktop/PolicyKit1/Authority",
			"org.freedesktop.PolicyKit1.Authority",
			mood == POLKIT_NONSENSE ? polkit_nonsense_vtable : polkit_vtable, w) >= 0);
	assert_true(sd_bus_request_name(w->polkit, "org.freedesktop.PolicyKit1", 0) >= 0);
}

static int on_job_done(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
	struct world *w = userdata;
	const char *json;

	assert_true(sd_bus_message_read(m, "uis", &w->job, &w->job_exit, &json) > 0);
	w->job_json = mem_strdup(json);
	return 0;
}

static int on_changed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
	struct world *w = userdata;
	const char *interface, *name, *text;

	assert_true(w->changes < (int)ARRAY_SIZE(w->changed_at));
	w->changed_at[w->changes++] = clock_monotonic();
	w->changed[0] = '\0';
	assert_true(sd_bus_message_read(m, "s", &interface) > 0);
	assert_string_equal(interface, "org.certferry1.Manager");
	assert_true(sd_bus_message_enter_container(m, 'a', "{sv}") > 0);
	while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
		assert_true(sd_bus_message_read(m, "s", &name) > 0);
		(void)snprintf(w->changed + strlen(w->changed), sizeof(w->changed) - strlen(w->changed), " %s", name);
		if (strcmp(name, "Certificates") == 0) {
			assert_true(sd_bus_message_read(m, "v", "u", &w->certificates) > 0);
		} else if (strcmp(name, "SourceProblem") == 0) {
			assert_true(sd_bus_message_read(m, "v", "s", &text) > 0);
			free(w->problem);
			w->problem = mem_strdup(text);
		} else {
			assert_true(sd_bus_message_skip(m, "v") > 0);
		}
		assert_true(sd_bus_message_exit_container(m) >= 0);
	}
	return 0;
}

static void caller_start(struct world *w)
{
	w->caller = join(w);
	assert_true(sd_bus_match_signal(w->caller, NULL, "org.certferry1", "/org/certferry1",
			    "org.certferry1.Manager", "JobDone", on_job_done, w) >= 0);
	assert_true(sd_bus_match_signal(w->caller, NULL, "org.certferry1", "/org/certferry1",
			    "org.freedesktop.DBus.Properties", "PropertiesChanged", on_changed, w) >= 0);
}

/* Turns the loop until the condition holds, or fails after LIMIT.  The broker's own view (a name
 * that goes) changes without an event here: hence the short turns. */
#define wait_until(w, condition)                                                                   \
	do {                                                                                       \
		usec_t end = usec_add(clock_monotonic(), LIMIT);                                   \
		while (!(condition)) {                                                             \
			assert_true(clock_monotonic() < end);                                      \
			assert_true(sd_event_run((w)->event, 10 * USEC_PER_MSEC) >= 0);            \
		}                                                                                  \
	} while (0)

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
	struct world *w = userdata;

	w->reply = sd_bus_message_ref(m);
	return 0;
}

/* Calls a method, without arguments where ${delivery} is NULL.  The reply is the world's. */
static sd_bus_message *call(
	struct world *w, const char *method, const char *delivery, int interactive)
{
	sd_bus_message *m = NULL;

	w->reply = sd_bus_message_unref(w->reply);
	assert_true(sd_bus_message_new_method_call(w->caller, &m, "org.certferry1",
			    "/org/certferry1", "org.certferry1.Manager", method) >= 0);
	if (delivery)
		assert_true(sd_bus_message_append(m, "s", delivery) >= 0);
	assert_true(sd_bus_message_set_allow_interactive_authorization(m, interactive) >= 0);
	assert_true(sd_bus_call_async(w->caller, NULL, m, on_reply, w, 0) >= 0);
	sd_bus_message_unref(m);
	wait_until(w, w->reply);
	return w->reply;
}

static int named(struct world *w)
{
	sd_bus_creds *creds = NULL;
	int r = sd_bus_get_name_creds(w->caller, "org.certferry1", 0, &creds);

	sd_bus_creds_unref(creds);
	return r >= 0;
}

static void hear(void *userdata, enum bus_event event, const char *why)
{
	struct world *w = userdata;

	/* A reason where there is one to give, and only there. */
	assert_int_equal(why != NULL, event == BUS_LOST || event == BUS_NAME_REFUSED);
	w->heard[event]++;
}

static int setup(void **state)
{
	struct world *w = mem_new(struct world);

	*state = w;
	broker_init(&w->broker);
	assert_true(sd_event_new(&w->event) >= 0);
	if (!w->broker.pid)
		return 0;
	caller_start(w);
	w->bus = bus_new(w->event, &handlers, hear, w);
	wait_until(w, named(w) && w->heard[BUS_CONNECTED] == 1);
	assert_int_equal(w->heard[BUS_LOST], 0);
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	hurry = false;
	bus_free(w->bus);
	sd_bus_message_unref(w->reply);
	sd_bus_close_unref(w->caller);
	sd_bus_close_unref(w->polkit);
	sd_event_unref(w->event);
	broker_done(&w->broker);
	error_done(&w->fail);
	free(w->job_json);
	free(w->problem);
	free(w);
	return 0;
}

static void assert_text(sd_bus_message *reply, const char *text)
{
	const char *value;

	assert_false(sd_bus_message_is_method_error(reply, NULL));
	assert_true(sd_bus_message_read(reply, "s", &value) > 0);
	assert_string_equal(value, text);
}

static void assert_number(sd_bus_message *reply, uint32_t number)
{
	uint32_t value;

	assert_false(sd_bus_message_is_method_error(reply, NULL));
	assert_true(sd_bus_message_read(reply, "u", &value) > 0);
	assert_int_equal(value, number);
}

static void assert_error(sd_bus_message *reply, const char *name, const char *part)
{
	const sd_bus_error *error = sd_bus_message_get_error(reply);

	assert_non_null(error);
	assert_string_equal(error->name, name);
	if (!strstr(error->message, part))
		fail_msg("'%s' does not say '%s'", error->message, part);
}

static void test_reading_asks_nobody(void **state)
{
	struct world *w = *state;

	broker_needed(&w->broker);
	assert_text(call(w, "Status", NULL, 0), "{\"status\":1}");
	assert_text(call(w, "Plan", NULL, 0), "{\"plan\":1}");
	assert_text(call(w, "Candidates", NULL, 0), "{\"candidates\":1}");
	assert_string_equal(w->action, "");
}

static int on_version(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
	struct world *w = userdata;
	const char *version;

	assert_true(sd_bus_message_read(m, "v", "s", &version) > 0);
	assert_string_equal(version, CERTFERRY_VERSION);
	w->syncs = 1;
	return 0;
}

static void test_version_is_a_property(void **state)
{
	struct world *w = *state;

	broker_needed(&w->broker);
	assert_true(sd_bus_call_method_async(w->caller, NULL, "org.certferry1", "/org/certferry1",
			    "org.freedesktop.DBus.Properties", "Get", on_version, w, "ss",
			    "org.certferry1.Manager", "Version") >= 0);
	wait_until(w, w->syncs);
}

/* --- properties that change --- */

/* Asks for a property, or with NULL for all of them.  The reply is the world's. */
static sd_bus_message *get(struct world *w, const char *name)
{
	w->reply = sd_bus_message_unref(w->reply);
	assert_true(sd_bus_call_method_async(w->caller, NULL, "org.certferry1", "/org/certferry1",
			    "org.freedesktop.DBus.Properties", name ? "Get" : "GetAll", on_reply, w, name ? "ss" : "s",
			    "org.certferry1.Manager", name) >= 0);
	wait_until(w, w->reply);
	assert_false(sd_bus_message_is_method_error(w->reply, NULL));
	return w->reply;
}

static void expect_number(struct world *w, const char *name, uint32_t number)
{
	uint32_t value;

	assert_true(sd_bus_message_read(get(w, name), "v", "u", &value) > 0);
	assert_int_equal(value, number);
}

static void expect_time(struct world *w, const char *name, uint64_t time)
{
	uint64_t value;

	assert_true(sd_bus_message_read(get(w, name), "v", "t", &value) > 0);
	assert_int_equal(value, time);
}

static void expect_words(struct world *w, const char *name, const char *words)
{
	const char *value;

	assert_true(sd_bus_message_read(get(w, name), "v", "s", &value) > 0);
	assert_string_equal(value, words);
}

/* Turns the loop for so long, whatever comes. */
static void run_for(struct world *w, usec_t duration)
{
	usec_t end = usec_add(clock_monotonic(), duration);

	while (clock_monotonic() < end)
		assert_true(sd_event_run(w->event, 10 * USEC_PER_MSEC) >= 0);
}

static const struct bus_properties some = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, "denied", "disk full", "a.yaml:1:1: no",
	"waiting" };

static void test_properties_have_types(void **state)
{
	struct world *w = *state;

	broker_needed(&w->broker);
	expect_number(w, "Certificates", 0);
	expect_words(w, "EventQueue", "");
	bus_show(w->bus, &some);
	expect_number(w, "Certificates", 1);
	expect_number(w, "Deliveries", 2);
	expect_number(w, "InPlace", 3);
	expect_number(w, "Held", 4);
	expect_number(w, "Failing", 5);
	expect_number(w, "DependentsFailing", 6);
	expect_time(w, "LastPoll", 7);
	expect_time(w, "NextPoll", 8);
	expect_time(w, "LastFullScan", 9);
	expect_time(w, "NextFullScan", 10);
	expect_words(w, "SourceProblem", "denied");
	expect_words(w, "StateDatabaseProblem", "disk full");
	expect_words(w, "ConfigurationProblem", "a.yaml:1:1: no");
	expect_words(w, "EventQueue", "waiting");
	expect_words(w, "Version", CERTFERRY_VERSION);
	assert_true(sd_bus_message_enter_container(get(w, NULL), 'a', "{sv}") > 0);
	for (w->syncs = 0; sd_bus_message_skip(w->reply, "{sv}") > 0; w->syncs++)
		;
	assert_int_equal(w->syncs, 15);
}

static void test_properties_are_introspected(void **state)
{
	struct world *w = *state;
	const char *xml;

	broker_needed(&w->broker);
	assert_true(sd_bus_call_method_async(w->caller, NULL, "org.certferry1", "/org/certferry1",
			    "org.freedesktop.DBus.Introspectable", "Introspect", on_reply, w, "") >= 0);
	wait_until(w, w->reply);
	assert_true(sd_bus_message_read(w->reply, "s", &xml) > 0);
	assert_non_null(strstr(xml, "<property name=\"Held\" type=\"u\" access=\"read\">"));
	assert_non_null(strstr(xml, "<property name=\"NextFullScan\" type=\"t\" access=\"read\">"));
	assert_non_null(strstr(xml, "<method name=\"WriteStatus\">"));
	xml = strstr(xml, "<interface name=\"org.certferry1.Manager\">");
	assert_non_null(xml);
	assert_null(strstr(xml + 1, "<interface name=\"org.certferry1.Manager\">"));
}

static void test_changes_are_told(void **state)
{
	struct bus_properties values = some;
	struct world *w = *state;

	broker_needed(&w->broker);
	bus_show(w->bus, &values);
	wait_until(w, w->changes == 1);
	assert_string_equal(w->changed, " Certificates Deliveries InPlace Held Failing DependentsFailing LastPoll NextPoll"
					" LastFullScan NextFullScan SourceProblem StateDatabaseProblem ConfigurationProblem EventQueue");
	values.held = 9;
	values.source_problem = NULL;
	bus_show(w->bus, &values);
	wait_until(w, w->changes == 2);
	assert_string_equal(w->changed, " Held SourceProblem");
	assert_string_equal(w->problem, "");
	/* What is as it was told is not told, whatever it was in between. */
	values.held = 10;
	bus_show(w->bus, &values);
	values.held = 9;
	bus_show(w->bus, &values);
	run_for(w, PROPERTIES_PAUSE + PROPERTIES_PAUSE / 2);
	assert_int_equal(w->changes, 2);
}

static void test_a_thousand_changes_are_no_flood(void **state)
{
	struct bus_properties values = some;
	struct world *w = *state;

	broker_needed(&w->broker);
	for (uint32_t i = 1; i <= 1000; i++) {
		values.certificates = i;
		bus_show(w->bus, &values);
		assert_true(sd_event_run(w->event, 2 * USEC_PER_MSEC) >= 0);
	}
	wait_until(w, w->certificates == 1000);
	assert_true(w->changes >= 2);
	for (int i = 1; i < w->changes; i++)
		/* Less 0.1 s for their way here. */
		assert_true(w->changed_at[i] - w->changed_at[i - 1] >= PROPERTIES_PAUSE - PROPERTIES_PAUSE / 10);
}

static void test_properties_carry_any_text(void **state)
{
	struct bus_properties values = some;
	_cleanup_(freep) char *text = mem_alloc(100001);
	struct world *w = *state;

	broker_needed(&w->broker);
	memset(text, 'x', 100000);
	memcpy(text, "a\xff\n", 3);
	values.source_problem = text;
	bus_show(w->bus, &values);
	wait_until(w, w->changes == 1);
	assert_int_equal(strlen(w->problem), BOUNDED_TEXT);
	assert_memory_equal(w->problem, "a? x", 4);
}

static void test_properties_outlive_the_bus(void **state)
{
	struct bus_properties values = some;
	struct world *w = *state;

	broker_needed(&w->broker);
	bus_show(w->bus, &values);
	wait_until(w, w->changes == 1);
	broker_stop(&w->broker);
	wait_until(w, !bus_connection(w->bus));
	run_for(w, 50 * USEC_PER_MSEC); /* its end is told by the loop */
	values.certificates = 77;
	bus_show(w->bus, &values);
	w->caller = sd_bus_close_unref(w->caller);
	assert_true(w->heard[BUS_LOST] >= 1);
	broker_start(&w->broker);
	caller_start(w);
	bus_retry(w->bus);
	wait_until(w, named(w) && w->heard[BUS_CONNECTED] == 2);
	expect_number(w, "Certificates", 77);
	values.certificates = 78;
	bus_show(w->bus, &values);
	wait_until(w, w->certificates == 78);
	assert_string_equal(w->changed, " Certificates");
}

static void test_sync_is_a_job(void **state)
{
	struct world *w = *state;
	const char *self;

	broker_needed(&w->broker);
	polkit_start(w, POLKIT_YES);
	assert_number(call(w, "Sync", "web/acm", 0), 7);
	assert_string_equal(w->delivery, "web/acm");
	assert_string_equal(w->action, "org.certferry1.sync");
	assert_true(sd_bus_get_unique_name(w->caller, &self) >= 0);
	assert_string_equal(w->subject, self);
	assert_int_equal(w->flags, 0);
	bus_job_done(w->bus, 7, 3, "{\"exit\":3}");
	wait_until(w, w->job_json);
	assert_int_equal(w->job, 7);
	assert_int_equal(w->job_exit, 3);
	assert_string_equal(w->job_json, "{\"exit\":3}");
}

static void test_approve_says_who(void **state)
{
	struct world *w = *state;
	_cleanup_(freep) char *who = mem_printf("uid %u", (unsigned)geteuid());

	broker_needed(&w->broker);
	polkit_start(w, POLKIT_YES);
	assert_number(call(w, "Approve", "", 1), 3);
	assert_string_equal(w->delivery, "");
	assert_string_equal(w->who, who);
	assert_string_equal(w->action, "org.certferry1.approve");
	assert_int_equal(w->most, APPROVAL_PLAIN);
	assert_int_equal(w->flags, 1);
}

static void test_approve_of_trust_is_another_action(void **state)
{
	struct world *w = *state;

	broker_needed(&w->broker);
	polkit_start(w, POLKIT_YES);
	assert_number(call(w, "Approve", "web/theirs", 1), 3);
	assert_string_equal(w->action, "org.certferry1.approve-trust");
	assert_int_equal(w->most, APPROVAL_TRUST);
}

static void test_refused_without_polkit(void **state)
{
	struct world *w = *state;

	broker_needed(&w->broker);
	caller_is_nobody(w);
	assert_error(call(w, "Sync", "", 0), "org.certferry1.Error.Denied", "is polkit installed");
	assert_int_equal(w->syncs, 0);
}

/* As with systemd: root can do what it likes to the daemon anyway. */
static void test_root_needs_no_polkit(void **state)
{
	struct world *w = *state;

	broker_needed(&w->broker);
	if (geteuid() != 0)
		skip();
	assert_number(call(w, "Sync", "", 0), 7);
	polkit_start(w, POLKIT_NONSENSE);
	assert_number(call(w, "Sync", "", 0), 7);
	assert_int_equal(w->syncs, 2);
}

static void test_polkit_can_refuse_root(void **state)
{
	struct world *w = *state;

	broker_needed(&w->broker);
	polkit_start(w, POLKIT_NO);
	assert_error(call(w, "Sync", "", 0), "org.certferry1.Error.Denied", "polkit does not allow");
	assert_int_equal(w->syncs, 0);
}

static void refused_when(struct world *w, enum polkit_mood mood, const char *part)
{
	broker_needed(&w->broker);
	caller_is_nobody(w);
	polkit_start(w, mood);
	assert_error(call(w, "Sync", "", 0), "org.certferry1.Error.Denied", part);
	assert_int_equal(w->syncs, 0);
}

static void test_refused_when_polkit_says_no(void **state)
{
	refused_when(*state, POLKIT_NO, "polkit does not allow you 'org.certferry1.sync'");
}

static void test_refused_when_nobody_can_be_asked(void **state)
{
	refused_when(*state, POLKIT_CHALLENGE, "requires a password");
}

static void test_refused_when_the_answer_is_nonsense(void **state)
{
	refused_when(*state, POLKIT_NONSENSE, "makes no sense");
}

static void test_refused_when_polkit_vanishes(void **state)
{
	refused_when(*state, POLKIT_VANISHES, "polkit did not answer");
}

static void test_errors_have_names(void **state)
{
	static const struct {
		enum error_kind kind;
		const char *name;
	} cases[] = {
		{ ERROR_ABSENT, "org.certferry1.Error.NotFound" },
		{ ERROR_DENIED, "org.certferry1.Error.Denied" },
		{ ERROR_INVALID, "org.certferry1.Error.Invalid" },
		{ ERROR_RETRY, "org.certferry1.Error.Failed" },
		{ ERROR_BUG, "org.certferry1.Error.Failed" },
	};
	struct world *w = *state;

	broker_needed(&w->broker);
	polkit_start(w, POLKIT_YES);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		error_set(&w->fail, cases[i].kind, 0, "no \xff such '%s'", "x");
		assert_error(call(w, "Sync", "x", 0), cases[i].name, "no ? such 'x'");
	}
}

static void test_long_names_are_refused(void **state)
{
	struct world *w = *state;
	char name[2048];

	broker_needed(&w->broker);
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_error(call(w, "Approve", name, 0), "org.certferry1.Error.Invalid", "too long");
}

static void test_free_while_a_call_waits(void **state)
{
	struct world *w = *state;

	broker_needed(&w->broker);
	polkit_start(w, POLKIT_YES);
	assert_true(sd_bus_call_method_async(w->caller, NULL, "org.certferry1", "/org/certferry1",
			    "org.certferry1.Manager", "Sync", on_reply, w, "s", "") >= 0);
	wait_until(w, *w->action);
	w->bus = bus_free(w->bus);
	wait_until(w, w->reply);
	assert_true(sd_bus_message_is_method_error(w->reply, NULL));
	assert_int_equal(w->syncs, 0);
}

static void test_another_bus_comes_back(void **state)
{
	struct world *w = *state;

	broker_needed(&w->broker);
	broker_stop(&w->broker);
	wait_until(w, !bus_connection(w->bus));
	bus_job_done(w->bus, 1, 0, "{}");
	bus_retry(w->bus); /* in vain: nobody listens */
	assert_true(sd_event_run(w->event, LIMIT) > 0);
	assert_null(bus_connection(w->bus));

	w->caller = sd_bus_close_unref(w->caller);
	broker_start(&w->broker);
	caller_start(w);
	bus_retry(w->bus);
	wait_until(w, named(w));
	assert_non_null(bus_connection(w->bus));
	assert_text(call(w, "Status", NULL, 0), "{\"status\":1}");
}

/* Nobody asks it to. */
static void test_it_comes_back_by_itself(void **state)
{
	struct world *w = *state;
	struct bus *second;

	broker_needed(&w->broker);
	hurry = true;
	broker_stop(&w->broker);
	wait_until(w, w->heard[BUS_LOST] > 1); /* it was tried in vain, too */
	w->caller = sd_bus_close_unref(w->caller);
	broker_start(&w->broker);
	caller_start(w);
	wait_until(w, named(w));
	second = bus_new(w->event, &handlers, hear, w);
	wait_until(w, w->heard[BUS_NAME_REFUSED]);
	w->bus = bus_free(w->bus);
	wait_until(w, named(w));
	bus_free(second);
}

static void handle_answered(void *userdata)
{
	((struct world *)userdata)->answers++;
}

/* That the name is ours, or that there is no bus; 5 s are for one that says nothing. */
static void test_the_first_word_is_told_once(void **state)
{
	struct world *w = *state;
	struct bus_handlers answered = handlers;

	broker_needed(&w->broker);
	answered.answered = handle_answered;
	w->bus = bus_free(w->bus);
	w->heard[BUS_NAMED] = 0;
	w->bus = bus_new(w->event, &answered, hear, w);
	wait_until(w, w->heard[BUS_NAMED]);
	run_for(w, 50 * USEC_PER_MSEC);
	assert_int_equal(w->answers, 1);
	broker_stop(&w->broker);
	wait_until(w, w->heard[BUS_LOST]);
	run_for(w, 50 * USEC_PER_MSEC);
	assert_int_equal(w->answers, 1);
	w->bus = bus_free(w->bus);
	w->bus = bus_new(w->event, &answered, hear, w);
	run_for(w, 50 * USEC_PER_MSEC);
	assert_int_equal(w->answers, 2);
}

static void test_a_name_that_is_taken(void **state)
{
	struct world *w = *state;
	struct bus *second;

	broker_needed(&w->broker);
	second = bus_new(w->event, &handlers, hear, w);
	wait_until(w, w->heard[BUS_NAME_REFUSED] && w->heard[BUS_CONNECTED] == 2);
	assert_text(call(w, "Status", NULL, 0), "{\"status\":1}");
	w->bus = bus_free(w->bus);
	wait_until(w, !named(w));
	w->heard[BUS_NAMED] = 0;
	bus_retry(second);
	wait_until(w, named(w) && w->heard[BUS_NAMED]);
	assert_text(call(w, "Status", NULL, 0), "{\"status\":1}");
	bus_free(second);
}

static void test_without_handlers_no_name(void **state)
{
	struct world *w = *state;

	broker_needed(&w->broker);
	w->bus = bus_free(w->bus);
	wait_until(w, !named(w));
	w->bus = bus_new(w->event, NULL, hear, w);
	wait_until(w, sd_bus_is_ready(bus_connection(w->bus)) > 0);
	bus_retry(w->bus);
	assert_false(named(w));
	bus_job_done(w->bus, 1, 0, "{}");
}

static void test_no_bus_at_all(void **state)
{
	struct world *w = *state;
	struct bus *bus;

	assert_int_equal(setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1), 0);
	w->heard[BUS_LOST] = 0;
	bus = bus_new(w->event, &handlers, hear, w);
	assert_int_equal(w->heard[BUS_LOST], 1);
	assert_null(bus_connection(bus));
	bus_job_done(bus, 1, 0, "{}");
	bus_free(bus);
	assert_null(bus_free(NULL));
}

/* --- answers into sockets --- */

/* Calls a method that writes into ${fd}, from ${caller}. */
static sd_bus_message *call_write(
	struct world *w, sd_bus *caller, const char *method, int fd, const char *name, const char *option)
{
	sd_bus_message *m = NULL;

	w->reply = sd_bus_message_unref(w->reply);
	assert_true(sd_bus_message_new_method_call(caller, &m, "org.certferry1", "/org/certferry1",
			    "org.certferry1.Manager", method) >= 0);
	assert_true(sd_bus_message_append(m, "h", fd) >= 0);
	if (name)
		assert_true(sd_bus_message_append(m, "s", name) >= 0);
	if (option)
		assert_true(sd_bus_message_append(m, "a{sv}", 1, option, "b", 1) >= 0);
	else
		assert_true(sd_bus_message_append(m, "a{sv}", 0) >= 0);
	assert_true(sd_bus_call_async(caller, NULL, m, on_reply, w, 0) >= 0);
	sd_bus_message_unref(m);
	wait_until(w, w->reply);
	return w->reply;
}

/* The same from the world's caller, into a new pair; the end to read from, the other being the daemon's alone. */
static int write_from(struct world *w, sd_bus *caller, const char *method, const char *name, const char *option)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_false(sd_bus_message_is_method_error(call_write(w, caller, method, pair[1], name, option), NULL));
	(void)close(pair[1]);
	w->reply = sd_bus_message_unref(w->reply);
	return pair[0];
}

/* Reads to the end while the loop turns; how much there was, the beginning being kept in ${text}. */
static size_t read_all(struct world *w, int fd, char *text, size_t size)
{
	usec_t end = usec_add(clock_monotonic(), LIMIT);
	char piece[65536];
	size_t length = 0;

	for (;;) {
		ssize_t n = recv(fd, piece, sizeof(piece), MSG_DONTWAIT);

		assert_true(clock_monotonic() < end);
		if (n == 0)
			break;
		if (n > 0 && length < size)
			memcpy(text + length, piece, MIN((size_t)n, size - length));
		if (n > 0)
			length += (size_t)n;
		assert_true(sd_event_run(w->event, n > 0 ? 0 : 10 * USEC_PER_MSEC) >= 0);
	}
	(void)close(fd);
	return length;
}

static void assert_written(struct world *w, int fd, const char *expected)
{
	char text[100] = "";

	assert_int_equal(read_all(w, fd, text, sizeof(text) - 1), strlen(expected));
	assert_string_equal(text, expected);
	assert_int_equal(w->texts, 0);
}

static void test_answers_into_sockets(void **state)
{
	struct world *w = *state;

	broker_needed(&w->broker);
	assert_written(w, write_from(w, w->caller, "WriteStatus", "", NULL), "{\"status\":1}");
	assert_written(w, write_from(w, w->caller, "WriteStatus", "web", "summary"), "{\"summary\":1}");
	assert_written(w, write_from(w, w->caller, "WritePlan", NULL, NULL), "{\"plan\":1}");
	assert_written(w, write_from(w, w->caller, "WriteCandidates", NULL, NULL), "{\"candidates\":1}");
	assert_string_equal(w->action, "");
}

static void test_what_an_answer_cannot_be_about(void **state)
{
	struct world *w = *state;
	int pair[2];

	broker_needed(&w->broker);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_error(call_write(w, w->caller, "WriteStatus", pair[1], "none", NULL), "org.certferry1.Error.NotFound",
		"no 'none'");
	assert_error(call_write(w, w->caller, "WriteStatus", pair[1], "", "sumary"), "org.certferry1.Error.Invalid",
		"does not know");
	assert_error(call_write(w, w->caller, "WritePlan", pair[1], NULL, "summary"), "org.certferry1.Error.Invalid",
		"does not know");
	assert_error(call_write(w, w->caller, "WriteStatus", pair[1], "a\nb", NULL), "org.certferry1.Error.Invalid",
		"control characters");
	(void)close(pair[0]);
	(void)close(pair[1]);
	assert_int_equal(w->texts, 0);
}

static void assert_not_taken(struct world *w, int fd)
{
	assert_true(fd >= 0);
	assert_error(call_write(w, w->caller, "WritePlan", fd, NULL, NULL), "org.certferry1.Error.Invalid",
		"socketpair(AF_UNIX, SOCK_STREAM)");
	(void)close(fd);
	assert_int_equal(w->texts, 0);
}

static void test_only_pairs_of_sockets_are_taken(void **state)
{
	struct world *w = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int pipes[2], pair[2];

	broker_needed(&w->broker);
	assert_not_taken(w, open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
	assert_not_taken(w, open("/dev/null", O_RDWR | O_CLOEXEC));
	assert_not_taken(w, memfd_create("answer", MFD_CLOEXEC));
	assert_not_taken(w, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	assert_not_taken(w, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)); /* has no other end */
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_not_taken(w, pipes[1]);
	(void)close(pipes[0]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_not_taken(w, pair[1]);
	(void)close(pair[0]);
	/* Connected to a service, it would say there what we are. */
	pair[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s",
		strchr(getenv("DBUS_SYSTEM_BUS_ADDRESS"), '=') + 1);
	assert_int_equal(connect(pair[0], (struct sockaddr *)&address, sizeof(address)), 0);
	assert_not_taken(w, pair[0]);
}

static void test_a_long_answer(void **state)
{
	struct world *w = *state;

	broker_needed(&w->broker);
	w->long_text = 5000000;
	assert_int_equal(read_all(w, write_from(w, w->caller, "WritePlan", NULL, NULL), NULL, 0), w->long_text);
	assert_error(call(w, "Plan", NULL, 0), "org.certferry1.Error.Invalid", "WritePlan");
	assert_int_equal(w->texts, 0);
	w->long_text = 1000000;
	assert_false(sd_bus_message_is_method_error(call(w, "Plan", NULL, 0), NULL));
	assert_int_equal(w->texts, 0);
}

static void turn_for(struct world *w, usec_t duration)
{
	usec_t end = usec_add(clock_monotonic(), duration);

	while (clock_monotonic() < end)
		assert_true(sd_event_run(w->event, 10 * USEC_PER_MSEC) >= 0);
}

static void test_an_answer_that_nobody_reads(void **state)
{
	struct world *w = *state;
	int fd;

	broker_needed(&w->broker);
	w->long_text = SIZE_MAX / 2;
	fd = write_from(w, w->caller, "WriteStatus", "", NULL);
	turn_for(w, 300 * USEC_PER_MSEC);
	assert_in_range(w->made, 1, 512 * 1024);
	assert_int_equal(w->texts, 1);
	assert_error(call(w, "Status", NULL, 0), "org.certferry1.Error.Failed", "already writing an answer");
	(void)close(fd); /* and now it is gone */
	wait_until(w, w->texts == 0);
	w->long_text = 0;
	assert_text(call(w, "Status", NULL, 0), "{\"status\":1}");
}

static void test_answers_at_once(void **state)
{
	struct world *w = *state;
	sd_bus *others[9];
	int fds[9], pair[2];
	char piece[4096];

	broker_needed(&w->broker);
	w->long_text = SIZE_MAX / 2;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		others[i] = join(w);
	for (size_t i = 0; i < 8; i++)
		fds[i] = write_from(w, others[i], "WriteStatus", "", NULL);
	assert_error(call_write(w, others[8], "WriteStatus", pair[1], "", NULL), "org.certferry1.Error.Failed",
		"already writing 8 answers");
	assert_int_equal(w->texts, 8);
	/* Whose reader stops gives way to whoever asks next. */
	turn_for(w, 1200 * USEC_PER_MSEC);
	fds[8] = write_from(w, others[8], "WriteStatus", "", NULL);
	assert_int_equal(w->texts, 8);
	wait_until(w, recv(fds[8], piece, sizeof(piece), MSG_DONTWAIT) > 0);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		(void)close(fds[i]);
		sd_bus_close_unref(others[i]);
	}
	(void)close(pair[0]);
	(void)close(pair[1]);
	wait_until(w, w->texts == 0);
}

static void test_free_while_an_answer_is_written(void **state)
{
	struct world *w = *state;
	int fd;

	broker_needed(&w->broker);
	w->long_text = SIZE_MAX / 2;
	fd = write_from(w, w->caller, "WriteStatus", "", NULL);
	w->bus = bus_free(w->bus);
	assert_int_equal(w->texts, 0);
	(void)read_all(w, fd, NULL, 0);
}

#define bus_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		bus_test(test_reading_asks_nobody),
		bus_test(test_version_is_a_property),
		bus_test(test_properties_have_types),
		bus_test(test_properties_are_introspected),
		bus_test(test_changes_are_told),
		bus_test(test_a_thousand_changes_are_no_flood),
		bus_test(test_properties_carry_any_text),
		bus_test(test_properties_outlive_the_bus),
		bus_test(test_sync_is_a_job),
		bus_test(test_approve_says_who),
		bus_test(test_approve_of_trust_is_another_action),
		bus_test(test_refused_without_polkit),
		bus_test(test_root_needs_no_polkit),
		bus_test(test_polkit_can_refuse_root),
		bus_test(test_refused_when_polkit_says_no),
		bus_test(test_refused_when_nobody_can_be_asked),
		bus_test(test_refused_when_the_answer_is_nonsense),
		bus_test(test_refused_when_polkit_vanishes),
		bus_test(test_errors_have_names),
		bus_test(test_long_names_are_refused),
		bus_test(test_free_while_a_call_waits),
		bus_test(test_another_bus_comes_back),
		bus_test(test_it_comes_back_by_itself),
		bus_test(test_the_first_word_is_told_once),
		bus_test(test_a_name_that_is_taken),
		bus_test(test_without_handlers_no_name),
		bus_test(test_no_bus_at_all),
		bus_test(test_answers_into_sockets),
		bus_test(test_what_an_answer_cannot_be_about),
		bus_test(test_only_pairs_of_sockets_are_taken),
		bus_test(test_a_long_answer),
		bus_test(test_an_answer_that_nobody_reads),
		bus_test(test_answers_at_once),
		bus_test(test_free_while_an_answer_is_written),
	};

	log_open("test_bus", LOG_ERR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
