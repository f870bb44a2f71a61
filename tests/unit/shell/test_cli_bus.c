/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "daemon/bus/bus.h"
#include "daemon/cli/cli.h"
#include "daemon/record/record.h"
#include "lib/base/time.h"
#include "lib/log/log.h"
#include "tests/unit/shell/broker.h"

/*
 * The command against a daemon: a process with the real bus interface, answers of its own, and a
 * polkit that allows.  It acts on the name of the delivery that it is given.
 */

#define STATUS                                                                                     \
	"{\"format\":1,\"exit\":3,\"running\":true,\"now\":\"2026-09-21T14:00:00Z\","              \
	"\"looked_at\":\"2026-09-21T13:56:00Z\",\"next_look\":\"2026-09-21T14:11:00Z\","           \
	"\"certificates\":[{\"name\":\"web\",\"domain\":\"x.example\",\"status\":\"ISSUED\","      \
	"\"version\":{\"not_after\":\"2026-11-01T00:00:00Z\"}}],"                                  \
	"\"deliveries\":[{\"name\":\"web/files\",\"certificate\":\"web\",\"state\":\"current\"},"  \
	"{\"name\":\"web/acm\",\"certificate\":\"web\",\"state\":\"held\",\"hold\":\"approval\","  \
	"\"reason\":\"loses old.example\"}],\"dependents\":[],\"notices\":[]}"

#define ONE                                                                                        \
	"{\"format\":1,\"exit\":0,\"running\":true,\"now\":\"2026-09-21T14:00:00Z\",\"certificates\":[]," \
	"\"deliveries\":[{\"name\":\"web/files\",\"certificate\":\"web\",\"state\":\"current\"}],"      \
	"\"dependents\":[],\"notices\":[]}"

#define SUMMARY                                                                                    \
	"{\"format\":1,\"exit\":3,\"running\":true,\"summary\":true,\"now\":\"2026-09-21T14:00:00Z\","  \
	"\"looked_at\":\"2026-09-21T13:56:00Z\",\"next_look\":\"2026-09-21T14:11:00Z\","           \
	"\"counts\":{\"certificates\":{\"all\":1},\"deliveries\":{\"all\":2,\"current\":1,\"held\":1},"   \
	"\"dependents\":{\"all\":0}},\"groups\":[{\"of\":\"delivery\",\"state\":\"held\","               \
	"\"hold\":\"approval\",\"reason\":\"loses old.example\",\"count\":1,\"names\":[\"web/acm\"]}],"   \
	"\"left_out\":0,\"notices\":[]}"

#define PLAN                                                                                       \
	"{\"format\":1,\"exit\":3,\"steps\":[{\"verb\":\"deliver\",\"certificate\":\"web\","       \
	"\"destination\":\"acm\",\"reason\":\"absent\"},{\"verb\":\"hold\",\"certificate\":\"web\","        \
	"\"destination\":\"acm\",\"delivery\":\"web/acm\",\"hold\":\"approval\","                         \
	"\"reason\":\"loses old.example\"},{\"verb\":\"hold\",\"certificate\":\"pay\","                \
	"\"destination\":\"secrets\",\"delivery\":\"pay/secrets\",\"hold\":\"foreign\","              \
	"\"reason\":\"has other fields\"}]}"

#define CANDIDATES                                                                                 \
	"{\"format\":1,\"exit\":3,\"deliveries\":[{\"delivery\":\"web/acm\",\"candidates\":["      \
	"{\"arn\":\"arn:aws:acm:x:1:certificate/a\",\"domain\":\"x.example\",\"in_use\":true,"     \
	"\"not_after\":\"2026-10-01T00:00:00Z\",\"in_use_by\":[\"arn:lb\"],\"refusal\":null}]}],"  \
	"\"unseen\":[]}"

struct daemon {
	sd_event *event;
	struct bus *bus;
	sd_event_source *timer;
	uint32_t job;
};

/* Answers as they stand; "web/cut" is one that ends before it is whole. */
static int handle_begin(void *userdata, const struct bus_question *question, void **ret_text, struct error *err)
{
	static const char *const texts[] = { [BUS_STATUS] = STATUS, [BUS_PLAN] = PLAN, [BUS_CANDIDATES] = CANDIDATES };
	const char *text = question->summary ? SUMMARY : texts[question->subject];

	if (strcmp(question->name, "we") == 0)
		return error_set(err, ERROR_ABSENT, 0, "there is no delivery or certificate 'we'");
	if (strcmp(question->name, "web/files") == 0)
		text = ONE;
	*ret_text = mem_strndup(text, strcmp(question->name, "web/cut") == 0 ? 40 : strlen(text));
	return 0;
}

static bool handle_more(void *text, struct buf *to)
{
	buf_append_string(to, text);
	return false;
}

static int on_job_timer(sd_event_source *source, uint64_t now, void *userdata)
{
	struct daemon *d = userdata;

	bus_job_done(d->bus, d->job + 1, 1, STATUS); /* somebody else's */
	bus_job_done(d->bus, d->job, 3, STATUS);
	return 0;
}

static int on_die_timer(sd_event_source *source, uint64_t now, void *userdata)
{
	_exit(0);
}

/* "web/hangs" never ends, "web/dies" takes the daemon with it, "web/none" is not there. */
static int handle_sync(void *userdata, const char *delivery, uint32_t *ret_job, struct error *err)
{
	struct daemon *d = userdata;
	bool dies = strcmp(delivery, "web/dies") == 0;

	if (strcmp(delivery, "web/none") == 0)
		return error_set(err, ERROR_ABSENT, 0, "there is no delivery 'web/none'");
	*ret_job = d->job;
	if (strcmp(delivery, "web/hangs") != 0)
		(void)sd_event_add_time_relative(d->event, &d->timer, CLOCK_MONOTONIC,
			10 * USEC_PER_MSEC, 0, dies ? on_die_timer : on_job_timer, d);
	return 0;
}

static enum approval handle_approval(void *userdata, const char *delivery)
{
	return APPROVAL_PLAIN;
}

static int handle_approve(void *userdata, const char *delivery, enum approval most, const char *who,
	uint32_t *ret_count, struct error *err)
{
	*ret_count = strcmp(delivery, "web/files") == 0 ? 0 : 1;
	return 0;
}

static const struct bus_handlers handlers = {
	.begin_text = handle_begin,
	.more_text = handle_more,
	.end_text = free,
	.sync = handle_sync,
	.approval = handle_approval,
	.approve = handle_approve,
};

static int allow(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
	return sd_bus_reply_method_return(m, "(bba{ss})", 1, 0, 0);
}

static const sd_bus_vtable polkit_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("CheckAuthorization", "(sa{sv})sa{ss}us", "(bba{ss})", allow,
		SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

static void hear_nothing(void *userdata, enum bus_event event, const char *why)
{
}

static void run_daemon(bool with_polkit)
{
	struct daemon d = { .job = 7 };
	sd_bus *polkit = NULL;

	(void)sd_event_new(&d.event);
	if (with_polkit) {
		(void)sd_bus_open_system(&polkit);
		(void)sd_bus_attach_event(polkit, d.event, SD_EVENT_PRIORITY_NORMAL);
		(void)sd_bus_add_object_vtable(polkit, NULL,
			"/org/freedesktop/PolicyKit1/Authority",
			"org.freedesktop.PolicyKit1.Authority", polkit_vtable, NULL);
		(void)sd_bus_request_name(polkit, "org.freedesktop.PolicyKit1", 0);
	}
	d.bus = bus_new(d.event, &handlers, hear_nothing, &d);
	(void)sd_event_loop(d.event);
	_exit(1);
}

/* One test's bus, its daemon, and what the command printed. */
struct world {
	struct broker broker;
	pid_t daemon;
	bool nobody; /* the command is not root's, whoever runs the tests */
	char out[8192];
	char err[8192];
};

static void daemon_stop(struct world *w)
{
	if (w->daemon <= 0)
		return;
	(void)kill(w->daemon, SIGKILL);
	(void)waitpid(w->daemon, NULL, 0);
	w->daemon = 0;
}

static bool is_named(void)
{
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	_cleanup_(sd_bus_creds_unrefp) sd_bus_creds *creds = NULL;

	assert_true(sd_bus_open_system(&bus) >= 0);
	return sd_bus_get_name_creds(bus, "org.certferry1", 0, &creds) >= 0;
}

static void daemon_start(struct world *w, bool with_polkit)
{
	broker_needed(&w->broker);
	w->daemon = fork();
	assert_true(w->daemon >= 0);
	if (w->daemon == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		run_daemon(with_polkit);
	}
	while (!is_named())
		assert_int_equal(waitpid(w->daemon, NULL, WNOHANG), 0);
}

static int setup(void **state)
{
	struct world *w = mem_new(struct world);

	*state = w;
	broker_init(&w->broker);
	assert_int_equal(setenv("STATE_DIRECTORY", w->broker.directory, 1), 0);
	return 0;
}

static void remove_file(struct world *w, const char *name)
{
	_cleanup_(freep) char *path = broker_path(&w->broker, name);

	(void)unlink(path);
}

static int teardown(void **state)
{
	struct world *w = *state;

	daemon_stop(w);
	remove_file(w, "out");
	remove_file(w, "err");
	remove_file(w, "adopt.yaml");
	remove_file(w, "record.sqlite");
	remove_file(w, "record.sqlite-wal");
	remove_file(w, "record.sqlite-shm");
	broker_done(&w->broker);
	free(w);
	return 0;
}

static void redirect(struct world *w, const char *name, int fd)
{
	_cleanup_(freep) char *path = broker_path(&w->broker, name);

	if (!freopen(path, "w", fd == STDOUT_FILENO ? stdout : stderr))
		_exit(99);
}

static void read_back(struct world *w, const char *name, char *text, size_t size)
{
	_cleanup_(freep) char *path = broker_path(&w->broker, name);
	struct buf content = BUF_NULL;

	assert_int_equal(file_read(path, size - 1, &content, NULL), 0);
	memcpy(text, content.data, content.length + 1);
	buf_done(&content);
}

/* Runs the command in a process of its own; returns its exit status. */
static int run(struct world *w, char *const *words)
{
	char *argv[8] = { (char *)"certferry" };
	int argc = 1, result;
	pid_t pid;

	while (words[argc - 1]) {
		argv[argc] = words[argc - 1];
		argc++;
	}
	(void)fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		redirect(w, "out", STDOUT_FILENO);
		redirect(w, "err", STDERR_FILENO);
		if (w->nobody && geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
			_exit(99);
		result = cli_main(argc, argv);
		(void)fflush(NULL);
		_exit(result);
	}
	assert_int_equal(waitpid(pid, &result, 0), pid);
	assert_true(WIFEXITED(result));
	read_back(w, "out", w->out, sizeof(w->out));
	read_back(w, "err", w->err, sizeof(w->err));
	return WEXITSTATUS(result);
}

#define certferry(w, ...) run(w, (char *[]){ __VA_ARGS__, NULL })

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' does not have '%s'", text, part);
}

static void test_status_for_people(void **state)
{
	struct world *w = *state;

	daemon_start(w, false);
	assert_int_equal(certferry(w, (char *)"status"), 3);
	assert_string_equal(w->err, "");
	assert_string_equal(w->out,
		"PROBLEM  COUNT  NAME     NOTE\n"
		"held     1      web/acm  approval: loses old.example; to approve: certferry approve web/acm\n"
		"\n"
		"1 of 2 deliveries not current (1 held); last poll 4m ago, next poll in 11m\n");
	assert_int_equal(certferry(w, (char *)"status", (char *)"--json", (char *)"--summary"), 3);
	assert_string_equal(w->out, SUMMARY);
}

static void test_status_of_all(void **state)
{
	struct world *w = *state;

	daemon_start(w, false);
	assert_int_equal(certferry(w, (char *)"status", (char *)"--all"), 3);
	assert_string_equal(w->err, "");
	assert_string_equal(w->out,
		"CERTIFICATE  DOMAIN     EXPIRES           NOTE\n"
		"web          x.example  2026-11-01 (40d)\n"
		"\n"
		"DELIVERY   STATE    EXPIRES  NOTE\n"
		"web/acm    held     -        approval: loses old.example; to approve: certferry "
		"approve web/acm\n"
		"web/files  current  -\n"
		"\n"
		"1 of 2 deliveries not current (1 held); last poll 4m ago, next poll in 11m\n");
	assert_int_equal(certferry(w, (char *)"status", (char *)"--json"), 3);
	assert_string_equal(w->out, STATUS);
	assert_int_equal(certferry(w, (char *)"status", (char *)"--all", (char *)"--summary"), 2);
}

static void test_status_of_one(void **state)
{
	struct world *w = *state;

	daemon_start(w, false);
	assert_int_equal(certferry(w, (char *)"status", (char *)"web/files"), 0);
	assert_has(w->out, "1 delivery, current");
	assert_int_equal(certferry(w, (char *)"status", (char *)"web", (char *)"--json"), 3);
	assert_has(w->out, "\"name\":\"web/acm\"");
	assert_int_equal(certferry(w, (char *)"status", (char *)"we"), 1);
	assert_has(w->err, "there is no delivery or certificate 'we'");
}

/* What is not whole is not taken for an answer, and the record is no substitute for it. */
static void test_status_that_is_cut(void **state)
{
	struct world *w = *state;

	daemon_start(w, false);
	assert_int_equal(certferry(w, (char *)"status", (char *)"web/cut", (char *)"--json"), 5);
	assert_string_equal(w->out, "");
	assert_has(w->err, "cut its answer off");
	assert_int_equal(certferry(w, (char *)"status", (char *)"web/cut"), 5);
	assert_string_equal(w->out, "");
}

static void test_plan(void **state)
{
	struct world *w = *state;

	daemon_start(w, false);
	assert_int_equal(certferry(w, (char *)"plan"), 3);
	assert_string_equal(w->out, "deliver web to acm: absent\nhold web to acm: loses old.example\n"
				    "hold pay to secrets: has other fields\n");
	assert_int_equal(certferry(w, (char *)"plan", (char *)"--json"), 3);
	assert_string_equal(w->out, PLAN);
}

static void test_sync_waits(void **state)
{
	struct world *w = *state;

	daemon_start(w, true);
	assert_int_equal(certferry(w, (char *)"sync"), 3);
	assert_has(w->out, "web/acm   held");
	assert_null(strstr(w->out, "web/files"));
	assert_int_equal(certferry(w, (char *)"sync", (char *)"--json", (char *)"web/acm"), 3);
	assert_has(w->out, "\"job\": 7");
}

static void test_sync_does_not_wait(void **state)
{
	struct world *w = *state;

	daemon_start(w, true);
	assert_int_equal(certferry(w, (char *)"sync", (char *)"-n", (char *)"web/hangs"), 0);
	assert_has(w->out, "started job 7");
	assert_int_equal(
		certferry(w, (char *)"sync", (char *)"web/hangs", (char *)"--timeout=1s"), 3);
	assert_has(w->err, "job 7 is still running");
}

static void test_sync_fails(void **state)
{
	struct world *w = *state;

	daemon_start(w, true);
	assert_int_equal(certferry(w, (char *)"sync", (char *)"web/none"), 1);
	assert_string_equal(w->err, "certferry: there is no delivery 'web/none'\n");
	assert_int_equal(certferry(w, (char *)"sync", (char *)"web/dies"), 5);
	assert_has(w->err, "certferryd stopped before job 7 ended");
}

static void test_polkit_refuses(void **state)
{
	struct world *w = *state;

	daemon_start(w, false);
	assert_int_equal(chmod(w->broker.directory, 0755), 0);
	w->nobody = true;
	assert_int_equal(certferry(w, (char *)"sync"), 5);
	assert_has(w->err, "is polkit installed");
	assert_int_equal(certferry(w, (char *)"approve"), 5);
}

static void test_root_needs_no_polkit(void **state)
{
	struct world *w = *state;

	if (geteuid() != 0)
		skip();
	daemon_start(w, false);
	assert_int_equal(certferry(w, (char *)"approve"), 0);
	assert_has(w->out, "approved: 1");
}

static void test_approve(void **state)
{
	struct world *w = *state;

	daemon_start(w, true);
	assert_int_equal(certferry(w, (char *)"approve"), 0);
	assert_string_equal(w->out, "web/acm: approval: loses old.example\n"
				    "pay/secrets: foreign: not approved; run 'certferry approve "
				    "pay/secrets'\napproved: 1\n");
	assert_int_equal(certferry(w, (char *)"approve", (char *)"web/files"), 0);
	assert_string_equal(w->out, "nothing waits for approval\n");
	assert_int_equal(certferry(w, (char *)"approve", (char *)"--json"), 0);
	assert_has(w->out, "\"approved\": 1");
}

static void test_adopt_writes_once(void **state)
{
	struct world *w = *state;
	_cleanup_(freep) char *path = broker_path(&w->broker, "adopt.yaml");
	char text[4096];
	struct stat st;

	daemon_start(w, false);
	assert_int_equal(certferry(w, (char *)"adopt", (char *)"--output", path), 0);
	assert_has(w->out, "arn:aws:acm:x:1:certificate/a, ACM would accept a re-import, used by arn:lb");
	assert_has(w->out, "1 chosen, 0 for you to choose");
	read_back(w, "adopt.yaml", text, sizeof(text));
	assert_has(text, "\nadopt:\n  web/acm: arn:aws:acm:x:1:certificate/a   # x.example, "
			 "expires 2026-10-01, used by arn:lb\n");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(certferry(w, (char *)"adopt", (char *)"--output", path), 1);
	assert_has(w->err, "exists and is not overwritten");
	assert_int_equal(
		certferry(w, (char *)"adopt", (char *)"--output", path, (char *)"--force"), 0);
}

static void test_adopt_to_stdout(void **state)
{
	struct world *w = *state;

	daemon_start(w, false);
	assert_int_equal(certferry(w, (char *)"adopt", (char *)"--output=-"), 0);
	assert_int_equal(strncmp(w->out, "# Written by certferry adopt on ", 32), 0);
	assert_int_equal(certferry(w, (char *)"adopt", (char *)"--json"), 0);
	assert_has(w->out, "\"delivery\": \"web/acm\"");
}

static void test_version_tells_both(void **state)
{
	struct world *w = *state;

	daemon_start(w, false);
	assert_int_equal(certferry(w, (char *)"version"), 0);
	assert_string_equal(
		w->out, "certferry " CERTFERRY_VERSION "\ncertferryd " CERTFERRY_VERSION "\n");
}

static void test_no_daemon(void **state)
{
	struct world *w = *state;

	broker_needed(&w->broker);
	assert_int_equal(certferry(w, (char *)"plan"), 5);
	assert_string_equal(w->err, "certferry: certferryd does not respond on the system bus; is "
				    "it running? (systemctl status certferryd)\n");
	assert_int_equal(certferry(w, (char *)"status"), 5);
	assert_has(w->err, "failed to read its state database, too");
}

static void test_no_bus(void **state)
{
	struct world *w = *state;

	assert_int_equal(setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent", 1), 0);
	assert_int_equal(certferry(w, (char *)"sync"), 5);
	assert_has(w->err, "failed to reach certferryd over the system bus");
	assert_int_equal(certferry(w, (char *)"version"), 0);
}

static void record_save(struct world *w, unsigned failures)
{
	_cleanup_(record_news_done) struct record_news news = { 0 };
	struct record *record;
	struct delivery_record row = {
		.name = (char *)"web/acm",
		.object = (char *)"web",
		.confirmed = { .digest = { { 1 } },
			.not_before = USEC_PER_DAY,
			.not_after = 40000 * USEC_PER_DAY },
		.confirmed_at = USEC_PER_DAY,
		.failures = failures,
		.problem = failures ? (char *)"access \xff denied" : NULL,
	};

	assert_int_equal(record_open(w->broker.directory, &news, &record, NULL), 0);
	assert_int_equal(record_save_delivery(record, &row, NULL), 0);
	record_free(record);
}

static void test_status_from_the_record(void **state)
{
	struct world *w = *state;

	record_save(w, 0);
	assert_int_equal(certferry(w, (char *)"status"), 3);
	assert_has(w->out, "unknown  1      web/acm  last confirmed 1970-01-02T00:00:00Z");
	assert_has(w->out, "certferryd does not respond");
	assert_int_equal(certferry(w, (char *)"status", (char *)"--all"), 3);
	assert_has(w->out, "web/acm   unknown  2079-07-08");
	assert_has(w->out, "certferryd does not respond");
	assert_int_equal(certferry(w, (char *)"status", (char *)"web", (char *)"--json"), 3);
	assert_has(w->out, "\"running\": false");
	assert_int_equal(certferry(w, (char *)"status", (char *)"we"), 1);
	assert_has(w->err, "there is no delivery or certificate 'we'");
	record_save(w, 2);
	assert_int_equal(certferry(w, (char *)"status"), 1);
	assert_has(w->out, "access ? denied");
}

#define cli_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cli_test(test_status_for_people),
		cli_test(test_status_of_all),
		cli_test(test_status_of_one),
		cli_test(test_status_that_is_cut),
		cli_test(test_plan),
		cli_test(test_sync_waits),
		cli_test(test_sync_does_not_wait),
		cli_test(test_sync_fails),
		cli_test(test_polkit_refuses),
		cli_test(test_root_needs_no_polkit),
		cli_test(test_approve),
		cli_test(test_adopt_writes_once),
		cli_test(test_adopt_to_stdout),
		cli_test(test_version_tells_both),
		cli_test(test_no_daemon),
		cli_test(test_no_bus),
		cli_test(test_status_from_the_record),
	};

	log_open("test_cli_bus", LOG_ERR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
