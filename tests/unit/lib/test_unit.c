/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/systemd/notify.h"
#include "lib/os/clock.h"
#include "lib/systemd/unit.h"
#include "lib/systemd/unit_now.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <systemd/sd-event.h>

static void test_names(void **state)
{
	static const char *const valid[] = { "nginx.service", "a.service", "getty@tty1.service",
		"dev-disk-by\\x2duuid-1.device", "a@b@c.service", "x.y.service", "a:b_c-d.socket",
		"web.target", "-.mount", "a@.b.service" };
	static const char *const invalid[] = { "", ".", "nginx", ".service", "nginx.Service",
		"nginx.service ", " nginx.service", "a/b.service", "../a.service", "a b.service",
		"getty@.service", "@a.service", "nginx.service/../x", "n\xc3\xa4.service",
		"a\n.service", "a\".service", "nginx.conf", "nginx." };
	char name[300] = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(valid); i++)
		if (!unit_name_is_valid(valid[i]))
			fail_msg("'%s' is refused", valid[i]);
	for (size_t i = 0; i < ARRAY_SIZE(invalid); i++)
		if (unit_name_is_valid(invalid[i]))
			fail_msg("'%s' is accepted", invalid[i]);
	memset(name, 'a', sizeof(name) - 1);
	memcpy(name + 247, ".service", 9);
	assert_true(unit_name_is_valid(name));
	memset(name, 'a', sizeof(name) - 1);
	memcpy(name + 248, ".service", 9);
	assert_false(unit_name_is_valid(name));
}

struct asked {
	struct sd_event *event;
	bool inside;
	unsigned completions;
	struct error error;
};

static void asked_end(struct asked *asked, const struct error *err)
{
	assert_false(asked->inside);
	asked->completions++;
	error_copy(&asked->error, err);
	sd_event_exit(asked->event, 0);
}

static void on_unit(void *userdata, const struct unit *unit, const struct error *err)
{
	assert_null(unit);
	asked_end(userdata, err);
}

static void on_job(void *userdata, const char *result, const struct error *err)
{
	assert_null(result);
	asked_end(userdata, err);
}

static void ask(bool job, const char *name, enum error_kind kind, const char *words)
{
	struct asked asked = { .inside = true };
	struct unit_request request = { .unit = name, .timeout = USEC_PER_SEC };

	assert_true(sd_event_new(&asked.event) >= 0);
	request.event = asked.event;
	if (job)
		assert_non_null(unit_job(&request, UNIT_TRY_RESTART, on_job, &asked));
	else
		assert_non_null(unit_read(&request, on_unit, &asked));
	asked.inside = false;
	assert_true(sd_event_loop(asked.event) >= 0);
	assert_int_equal(asked.completions, 1);
	assert_int_equal(asked.error.kind, kind);
	assert_non_null(strstr(asked.error.text, words));
	error_done(&asked.error);
	sd_event_unref(asked.event);
}

static void test_failures_come_from_the_loop(void **state)
{
	ask(false, "nginx.service", ERROR_RETRY, "no connection to the system bus");
	ask(true, "nginx.service", ERROR_RETRY, "no connection to the system bus");
	ask(false, "nginx", ERROR_INVALID, "'nginx' is not the name of a unit");
	ask(true, "x@.service", ERROR_INVALID, "not the name of a unit");
}

static void test_cancel_means_no_callback(void **state)
{
	struct asked asked = { .inside = true };
	struct unit_request request = { .unit = "nginx.service", .timeout = USEC_PER_SEC };

	assert_true(sd_event_new(&asked.event) >= 0);
	request.event = asked.event;
	assert_null(unit_call_cancel(unit_read(&request, on_unit, &asked)));
	assert_null(unit_call_cancel(unit_job(&request, UNIT_START, on_job, &asked)));
	assert_null(unit_call_cancel(NULL));
	assert_int_equal(sd_event_run(asked.event, 0), 0);
	assert_int_equal(asked.completions, 0);
	sd_event_unref(asked.event);
}

/* A socket in place of the service manager's. */
static int manager_open(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	/* Abstract, so that nothing is left behind. */
	(void)snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1,
		"certferry-test-notify-%d", (int)getpid());
	assert_return_code(
		bind(fd, (struct sockaddr *)&address,
			offsetof(struct sockaddr_un, sun_path) + 1 + strlen(address.sun_path + 1)),
		0);
	address.sun_path[0] = '@';
	assert_return_code(setenv("NOTIFY_SOCKET", address.sun_path, 1), 0);
	return fd;
}

static void manager_heard(int fd, const char *wanted)
{
	char text[200] = { 0 };

	assert_true(recv(fd, text, sizeof(text) - 1, 0) > 0);
	assert_string_equal(text, wanted);
}

static void test_the_manager_is_told(void **state)
{
	char pid[20];
	int fd = manager_open();

	notify_ready();
	manager_heard(fd, "READY=1");
	notify_reloading();
	manager_heard(fd, "RELOADING=1");
	notify_stopping();
	manager_heard(fd, "STOPPING=1");
	notify_watchdog();
	manager_heard(fd, "WATCHDOG=1");
	notify_status("%d certificates\nREADY=0", 12);
	manager_heard(fd, "STATUS=12 certificates READY=0");
	close(fd);

	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_USEC", "60000000", 1);
	setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(notify_watchdog_interval(), 30 * USEC_PER_SEC);
	unsetenv("WATCHDOG_USEC");
	assert_int_equal(notify_watchdog_interval(), 0);

	unsetenv("NOTIFY_SOCKET");
	notify_ready();
	notify_status("nobody listens");
}

/* A short program is not kept waiting by a bus that is not there, is silent, or belongs to nobody. */
static void test_now_ends_in_time(void **state)
{
	char path[] = "/tmp/certferry-bus-XXXXXX";
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_(freep) char *variable = NULL;
	struct unit unit = { .active = UNIT_ACTIVE };
	usec_t began = clock_monotonic();
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_non_null(mkdtemp(path));
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/bus", path);
	variable = mem_printf("unix:path=%s", address.sun_path);
	(void)setenv("DBUS_SYSTEM_BUS_ADDRESS", variable, 1);
	assert_int_equal(unit_now_start("a.service", USEC_PER_SEC / 4, &err), -EAGAIN);
	assert_int_equal(err.kind, ERROR_RETRY);
	assert_non_null(strstr(err.text, "'a.service'"));
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 4), 0);
	assert_int_equal(unit_now_start("a.service", USEC_PER_SEC / 4, &err), -EAGAIN);
	assert_int_equal(unit_now_read("a.service", USEC_PER_SEC / 4, &unit, &err), -EAGAIN);
	assert_int_equal(unit_now_read("a.service", USEC_PER_SEC / 4, &unit, NULL), -EAGAIN);
	assert_int_equal(unit.active, UNIT_ACTIVE);
	assert_true(clock_monotonic() - began < 10 * USEC_PER_SEC);
	(void)unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
	close(listener);
	(void)unlink(address.sun_path);
	(void)rmdir(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_failures_come_from_the_loop),
		cmocka_unit_test(test_cancel_means_no_callback),
		cmocka_unit_test(test_the_manager_is_told),
		cmocka_unit_test(test_now_ends_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
