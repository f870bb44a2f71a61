/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_SHELL_BROKER_H
#define TESTS_UNIT_SHELL_BROKER_H

/* A system bus of a test's own, that lets everybody do everything. */

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/os/file.h"

#define DBUS_DAEMON "/usr/bin/dbus-daemon"

struct broker {
	char *directory;
	pid_t pid; /* 0: does not run */
};

static inline char *broker_path(const struct broker *broker, const char *name)
{
	return mem_printf("%s/%s", broker->directory, name);
}

/* The broker says its address on descriptor 3 once it listens. */
static inline void broker_start(struct broker *broker)
{
	_cleanup_(freep) char *path = broker_path(broker, "bus.conf");
	_cleanup_(freep) char *text = mem_printf(
		"<busconfig><type>system</type><listen>%s</listen><auth>EXTERNAL</auth>"
		"<policy context=\"default\"><allow user=\"*\"/><allow own=\"*\"/>"
		"<allow send_destination=\"*\"/><allow receive_sender=\"*\"/></policy></busconfig>",
		getenv("DBUS_SYSTEM_BUS_ADDRESS"));
	int ready[2];
	char c;

	assert_int_equal(file_replace(path, text, strlen(text), 0644, NULL), 0);
	assert_int_equal(pipe(ready), 0);
	broker->pid = fork();
	assert_true(broker->pid >= 0);
	if (broker->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)dup2(ready[1], 3);
		execl(DBUS_DAEMON, "dbus-daemon", "--nofork", "--nopidfile", "--nosyslog",
			"--print-address=3", "--config-file", path, NULL);
		_exit(127);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
}

static inline void broker_stop(struct broker *broker)
{
	if (broker->pid <= 0)
		return;
	(void)kill(broker->pid, SIGKILL);
	(void)waitpid(broker->pid, NULL, 0);
	broker->pid = 0;
}

/* Makes the directory, points the environment at the socket in it, and runs where it can. */
static inline void broker_init(struct broker *broker)
{
	_cleanup_(freep) char *address = NULL;

	broker->directory = mem_strdup("/tmp/certferry-test-XXXXXX");
	assert_non_null(mkdtemp(broker->directory));
	address = mem_printf("unix:path=%s/socket", broker->directory);
	assert_int_equal(setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1), 0);
	if (access(DBUS_DAEMON, X_OK) == 0)
		broker_start(broker);
}

static inline void broker_done(struct broker *broker)
{
	static const char *const files[] = { "bus.conf", "socket" };

	broker_stop(broker);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_(freep) char *path = broker_path(broker, files[i]);

		(void)unlink(path);
	}
	(void)rmdir(broker->directory);
	free(broker->directory);
}

static inline void broker_needed(const struct broker *broker)
{
	if (!broker->pid) {
		print_message("skipped: " DBUS_DAEMON " is not installed\n");
		skip();
	}
}

#endif
