/* SPDX-License-Identifier: Apache-2.0 */
/* Words of a command line, and programs run for what they print. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "lib/base/strv.h"
#include "lib/base/words.h"
#include "lib/os/clock.h"
#include "lib/os/file.h"
#include "lib/os/process.h"

static void check_words(const char *text, const char *expected)
{
	_cleanup_(strv_freep) char **words = NULL;
	_cleanup_(freep) char *joined = NULL;

	assert_int_equal(words_split(text, &words), 0);
	joined = strv_join(words, "|");
	assert_string_equal(joined, expected);
}

static void test_words(void **state)
{
	char **words = NULL;

	check_words("", "");
	check_words(" \t\r\n", "");
	check_words("a", "a");
	check_words(" /bin/x  --a\tb\n", "/bin/x|--a|b");
	check_words("a 'b c'd \"e  f\"", "a|b cd|e  f");
	check_words("a '' \"\"", "a||");
	check_words("a\\ b \\\\ \\' \\x", "a b|\\|'|x");
	check_words("'a\\b\"c'", "a\\b\"c");
	check_words("\"a\\b\\\"c\\\\\"", "a\\b\"c\\");
	check_words("$HOME `id` a;b > c # d", "$HOME|`id`|a;b|>|c|#|d");
	assert_int_equal(words_split("a 'b", &words), -EINVAL);
	assert_int_equal(words_split("a \"b\\\"", &words), -EINVAL);
	assert_int_equal(words_split("a b\\", &words), -EINVAL);
	assert_null(words);
}

struct run {
	sd_event *event;
	struct process *process;
	char output[64];
	size_t length;
	bool starting, done;
	struct error err;
};

static void on_done(void *userdata, size_t length, const struct error *err)
{
	struct run *run = userdata;

	assert_false(run->starting);
	run->process = NULL;
	run->done = true;
	run->length = length;
	if (err)
		error_copy(&run->err, err);
}

static void run_start(struct run *run, const char *script, usec_t timeout)
{
	char *words[] = { (char *)"sh", (char *)"-c", (char *)script, NULL };

	*run = (struct run){ .starting = true };
	assert_true(sd_event_new(&run->event) >= 0);
	run->process = process_start(run->event,
		&(struct process_request){ .words = words,
			.output = run->output,
			.room = sizeof(run->output),
			.timeout = timeout },
		on_done, run);
	run->starting = false;
}

static void run_to_end(struct run *run)
{
	usec_t end = clock_monotonic() + 10 * USEC_PER_SEC;

	while (!run->done && clock_monotonic() < end)
		assert_true(sd_event_run(run->event, 100 * USEC_PER_MSEC) >= 0);
	assert_true(run->done);
}

static bool has_children(void)
{
	siginfo_t info;

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* What was killed is reaped by the loop, soon. */
static void run_done(struct run *run)
{
	usec_t end = clock_monotonic() + 5 * USEC_PER_SEC;

	while (has_children() && clock_monotonic() < end)
		assert_true(sd_event_run(run->event, 10 * USEC_PER_MSEC) >= 0);
	assert_false(has_children());
	error_done(&run->err);
	sd_event_unref(run->event);
}

static void check_run(const char *script, const char *output)
{
	struct run run;

	run_start(&run, script, 10 * USEC_PER_SEC);
	run_to_end(&run);
	if (run.err.kind != ERROR_NONE)
		fail_msg("%s", run.err.text);
	assert_int_equal(run.length, strlen(output));
	assert_memory_equal(run.output, output, run.length);
	run_done(&run);
}

static void check_failure(const char *script, usec_t timeout, int code, const char *text)
{
	struct run run;

	run_start(&run, script, timeout);
	run_to_end(&run);
	assert_int_equal(run.err.code, code);
	assert_string_equal(run.err.text ?: "", text);
	run_done(&run);
}

static void test_output(void **state)
{
	check_run("printf 'a b'; echo noise >&2", "a b");
	check_run("true", "");
	check_run("cat; echo end", "end\n");
	check_run("ls /proc/self/fd | tr '\\n' ' '", "0 1 2 3 "); /* 3: that folder itself */
	/* What runs on does not keep it. */
	check_run("sleep 5 & echo $((6 * 7))", "42\n");
	/* All of the room, and no more. */
	check_run("printf %064d 7", "0000000000000000000000000000000000000000000000000000000000000007");
	check_failure("printf %065d 7", 10 * USEC_PER_SEC, 0, "'sh' printed more than 64 bytes");
}

static void test_status(void **state)
{
	check_failure("exit 7", 10 * USEC_PER_SEC, 7, "'sh' ended with status 7");
	check_failure("printf '\\n first\\tline\\nsecond' >&2; exit 1", 10 * USEC_PER_SEC, 1,
		"'sh' ended with status 1: first?line");
	check_failure("kill -15 $$", 10 * USEC_PER_SEC, 128 + SIGTERM,
		"'sh' was ended by signal 15 (Terminated)");
	check_failure("yes >&2 & sleep 0.1; kill $!; exit 2", 10 * USEC_PER_SEC, 2,
		"'sh' ended with status 2: y");
}

/* What this program has read so far, from pipes or anything else. */
static unsigned long long bytes_read(void)
{
	_cleanup_(buf_done) struct buf text = BUF_NULL;

	assert_int_equal(file_read("/proc/self/io", 4096, &text, NULL), 0);
	assert_memory_equal(text.data, "rchar: ", 7);
	return strtoull(text.data + 7, NULL, 10);
}

/* What prints faster than it can be read, and for ever, holds up nobody: a turn of the loop takes no more than a pipe
 * holds, before its end and when what it left running prints on. */
static void test_flood(void **state)
{
	usec_t end = clock_monotonic() + 2 * USEC_PER_SEC;
	unsigned long long before = bytes_read(), most = 0;
	struct run run;

	run_start(&run, "for i in 1 2 3; do timeout 4 dd if=/dev/zero bs=1M >&2 & done; sleep 1", 10 * USEC_PER_SEC);
	while (clock_monotonic() < end && !run.done) {
		unsigned long long now;

		assert_true(sd_event_run(run.event, 100 * USEC_PER_MSEC) >= 0);
		now = bytes_read();
		most = MAX(most, now - before);
		before = now;
	}
	assert_true(run.done);
	assert_int_equal(run.err.kind, ERROR_NONE);
	assert_true(most > 0);
	assert_true(most <= (size_t)256 << 10);
	run_done(&run);
}

/* The whole group goes: nothing is left that could still print. */
static void test_time_and_cancel(void **state)
{
	struct run run;

	check_failure("sleep 60 & sleep 60", 50 * USEC_PER_MSEC, ETIMEDOUT,
		"'sh' did not end in time and was killed");
	run_start(&run, "sleep 61 & sleep 61", 10 * USEC_PER_SEC);
	assert_true(sd_event_run(run.event, 0) >= 0);
	run.process = process_cancel(run.process);
	assert_true(sd_event_run(run.event, 50 * USEC_PER_MSEC) >= 0);
	assert_false(run.done);
	run_done(&run);
	assert_null(process_cancel(NULL));
}

/* A program that may not be killed, as sudo(8) makes of one, and is still there when it is given up: nobody waits for
 * it, and it is reaped when it ends. */
static void give_up_what_cannot_be_killed(void)
{
	usec_t start = clock_monotonic();
	struct run run;

	run_start(&run, "sleep 1", 10 * USEC_PER_SEC);
	if (setresuid(65534, 65534, 65534) < 0)
		_exit(2);
	run.process = process_cancel(run.process);
	if (usec_sub(clock_monotonic(), start) > 500 * USEC_PER_MSEC)
		_exit(3);
	if (run.done || !has_children())
		_exit(4);
	run_done(&run);
	_exit(has_children() ? 5 : 0);
}

static void test_unkillable(void **state)
{
	int status;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		give_up_what_cannot_be_killed();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_signals(void **state)
{
	sigset_t all, before;

	/* As the daemon does; the program is not to inherit it. */
	sigemptyset(&all);
	sigaddset(&all, SIGTERM);
	assert_int_equal(sigprocmask(SIG_BLOCK, &all, &before), 0);
	(void)signal(SIGPIPE, SIG_IGN);
	check_failure("kill -15 $$; sleep 5; exit 9", 10 * USEC_PER_SEC, 128 + SIGTERM,
		"'sh' was ended by signal 15 (Terminated)");
	check_failure("kill -13 $$; exit 9", 10 * USEC_PER_SEC, 128 + SIGPIPE,
		"'sh' was ended by signal 13 (Broken pipe)");
	(void)signal(SIGPIPE, SIG_DFL);
	assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
}

static void check_refused(const char *program, const char *text)
{
	char *words[] = { (char *)program, NULL };
	struct run run = { .starting = true };

	assert_true(sd_event_new(&run.event) >= 0);
	run.process = process_start(run.event,
		&(struct process_request){ .words = words, .timeout = USEC_PER_SEC }, on_done, &run);
	run.starting = false;
	run_to_end(&run);
	assert_int_equal(run.err.kind, ERROR_DENIED);
	assert_string_equal(run.err.text, text);
	run_done(&run);
}

static void test_absent(void **state)
{
	char script[] = "/tmp/test_process.XXXXXX";
	int fd = mkstemp(script);
	_cleanup_(freep) char *text = mem_printf(
		"start '%s': it is there, but its interpreter is missing; see what its first line names", script);

	check_refused("/nonexistent/program", "start '/nonexistent/program': No such file or directory");
	assert_true(dprintf(fd, "#!/nonexistent/sh\n") > 0);
	assert_int_equal(fchmod(fd, 0700), 0);
	assert_int_equal(close(fd), 0);
	check_refused(script, text);
	assert_int_equal(unlink(script), 0);
}

/* Whoever started us may ignore SIGCHLD: then no status is kept, which is told at once and taken for no success. */
static void test_ignored_end(void **state)
{
	usec_t begin = clock_monotonic();
	struct run run;

	assert_true(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
	run_start(&run, "echo hi", 5 * USEC_PER_SEC);
	run_to_end(&run);
	assert_true(signal(SIGCHLD, SIG_DFL) != SIG_ERR);
	assert_true(clock_monotonic() - begin < 4 * USEC_PER_SEC);
	assert_int_equal(run.err.kind, ERROR_RETRY);
	assert_non_null(strstr(run.err.text, "SIGCHLD is ignored"));
	run_done(&run);
}

/* Who knows where systemd listens could speak in our name. */
static void test_environment(void **state)
{
	assert_int_equal(setenv("NOTIFY_SOCKET", "/run/x", 1), 0);
	assert_int_equal(setenv("WATCHDOG_USEC", "1", 1), 0);
	assert_int_equal(setenv("KEPT", "yes", 1), 0);
	check_run("printf '%s%s%s' \"$KEPT\" \"$NOTIFY_SOCKET\" \"$WATCHDOG_USEC\"", "yes");
	assert_int_equal(unsetenv("NOTIFY_SOCKET") | unsetenv("WATCHDOG_USEC") | unsetenv("KEPT"), 0);
}

/* The file that is named, called what the words say: it is not looked up by its first word. */
static void test_program_is_run_by_its_path(void **state)
{
	char *words[] = { (char *)"no-such-program-anywhere", (char *)"-c", (char *)"printf %s \"$0\"", NULL };
	struct run run = { .starting = true };

	assert_true(sd_event_new(&run.event) >= 0);
	run.process = process_start(run.event,
		&(struct process_request){ .program = "/bin/sh",
			.words = words,
			.output = run.output,
			.room = sizeof(run.output),
			.timeout = 10 * USEC_PER_SEC },
		on_done, &run);
	run.starting = false;
	run_to_end(&run);
	assert_int_equal(run.err.kind, ERROR_NONE);
	assert_int_equal(run.length, strlen(words[0]));
	assert_memory_equal(run.output, words[0], run.length);
	run_done(&run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_program_is_run_by_its_path),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_output),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_time_and_cancel),
		cmocka_unit_test(test_unkillable),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_ignored_end),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
