/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process is at one step at a time:
 *	FAILED	it could not be started			failure set, timer due at once
 *	RUNS	it has not ended			pid > 0
 * and ends in process_finish(), only reached from the event loop, or in process_cancel().  Its end is what the pidfd
 * tells, not the end of its output: a grandchild may keep that open.
 */
#include "lib/os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "lib/os/clock.h"
#include "lib/os/file.h"

extern char **environ;

struct process {
	char *name;
	pid_t pid;
	int pidfd, output_fd, error_fd;
	sd_event_source *end, *output_source, *error_source, *timer;
	char *output;
	size_t room, length;
	char words[256]; /* the beginning of its standard error */
	size_t words_length;
	struct error failure;
	process_done_fn done;
	void *userdata;
};

/* One that was given up has ended. */
static int on_left(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	(void)waitpid((pid_t)(intptr_t)userdata, NULL, WNOHANG);
	(void)sd_event_source_set_floating(source, false); /* its only reference: it is gone, its descriptor too */
	return 0;
}

/* Gives it up: it is reaped when it ends, and nobody waits for that. */
static void process_leave(struct process *process)
{
	sd_event *event = sd_event_source_get_event(process->timer);
	sd_event_source *source;

	process->end = sd_event_source_disable_unref(process->end);
	if (sd_event_add_io(event, &source, process->pidfd, EPOLLIN, on_left, (void *)(intptr_t)process->pid) < 0 ||
		sd_event_source_set_io_fd_own(source, true) < 0 ||
		sd_event_source_set_floating(source, true) < 0)
		mem_exhausted();
	(void)sd_event_source_set_description(source, "process-left");
	(void)sd_event_source_unref(source);
	process->pidfd = -1;
}

/* With its group.  Most are gone at once; not one that the kernel is still at work for, as on a file system that hangs,
 * nor one that became somebody else's (sudo). */
static void process_kill(struct process *process)
{
	if (process->pid <= 0)
		return;
	(void)kill(-process->pid, SIGKILL);
	(void)kill(process->pid, SIGKILL);
	if (process->pidfd >= 0 && waitpid(process->pid, NULL, WNOHANG) == 0)
		process_leave(process);
	else if (process->pidfd < 0)
		(void)waitpid(process->pid, NULL, 0);
	process->pid = 0;
}

static void process_free(struct process *process)
{
	process_kill(process);
	sd_event_source_disable_unref(process->end);
	sd_event_source_disable_unref(process->output_source);
	sd_event_source_disable_unref(process->error_source);
	sd_event_source_disable_unref(process->timer);
	fd_close(process->pidfd);
	fd_close(process->output_fd);
	fd_close(process->error_fd);
	error_done(&process->failure);
	free(process->name);
	free(process);
}

/* The first line of its standard error, fit to be shown. */
static const char *first_line(struct process *process)
{
	char *text = process->words;

	text[process->words_length] = '\0';
	text += strspn(text, " \t\r\n");
	text[strcspn(text, "\r\n")] = '\0';
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = '?';
	return text;
}

/* The only end but for cancelling. */
static void process_finish(struct process *process)
{
	struct error *failure = &process->failure;
	const char *line = first_line(process);

	if (failure->kind != ERROR_NONE && *line) {
		_cleanup_(freep) char *text = take(failure->text);

		failure->text = mem_printf("%s: %s", text, line);
	}
	process->done(process->userdata, process->length,
		failure->kind == ERROR_NONE ? NULL : failure);
	process_free(process);
}

/* What there is to read now.  False at the end, or when there is no room for it. */
static bool read_output(struct process *process)
{
	char extra;

	for (;;) {
		size_t room = process->room - process->length;
		ssize_t length = room ? read(process->output_fd,
						process->output + process->length, room)
				      : read(process->output_fd, &extra, 1);

		if (length < 0)
			return errno == EAGAIN || errno == EINTR;
		if (length == 0)
			return false;
		if (!room) {
			(void)error_set(&process->failure, ERROR_INVALID, 0,
				"'%s' printed more than %zu bytes", process->name, process->room);
			return false;
		}
		process->length += (size_t)length;
	}
}

static int on_output(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct process *process = userdata;

	if (read_output(process))
		return 0;
	process->output_source = sd_event_source_disable_unref(process->output_source);
	if (process->failure.kind != ERROR_NONE)
		process_finish(process);
	return 0;
}

/* The beginning is kept, the rest is read and forgotten; once for each turn of the loop, or else a program that prints
 * and prints would hold it up.  False at the end. */
static bool read_words(struct process *process)
{
	char data[4096];
	ssize_t length = read(process->error_fd, data, sizeof(data));
	size_t kept;

	if (length <= 0)
		return length < 0 && (errno == EAGAIN || errno == EINTR);
	kept = MIN((size_t)length, sizeof(process->words) - 1 - process->words_length);
	memcpy(process->words + process->words_length, data, kept);
	process->words_length += kept;
	return true;
}

static int on_words(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct process *process = userdata;

	if (!read_words(process))
		process->error_source = sd_event_source_disable_unref(process->error_source);
	return 0;
}

/* SIGCHLD is ignored, and nobody keeps a status: not to be taken for one that is good. */
static void refuse_unseen(struct process *process)
{
	(void)error_set(&process->failure, ERROR_RETRY, 0,
		"'%s' ended, but the kernel keeps no status: SIGCHLD is ignored", process->name);
}

static int on_end(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct process *process = userdata;
	int status = 0;
	pid_t ended = waitpid(process->pid, &status, WNOHANG);

	if (ended == 0 || (ended < 0 && errno == EINTR))
		return 0;
	if (ended < 0)
		refuse_unseen(process);
	process->pid = 0; /* what it left running, such as an agent of its own, runs on */
	if (process->output_source)
		(void)read_output(process);
	if (process->error_source)
		(void)read_words(process);
	if (process->failure.kind == ERROR_NONE && WIFSIGNALED(status))
		(void)error_set(&process->failure, ERROR_RETRY, 128 + WTERMSIG(status),
			"'%s' was ended by signal %d (%s)", process->name, WTERMSIG(status),
			strsignal(WTERMSIG(status)));
	else if (process->failure.kind == ERROR_NONE && WEXITSTATUS(status) != 0)
		(void)error_set(&process->failure, ERROR_RETRY, WEXITSTATUS(status),
			"'%s' ended with status %d", process->name, WEXITSTATUS(status));
	process_finish(process);
	return 0;
}

/* Too slow; or never started, which is told from here. */
static int on_timer(sd_event_source *source, uint64_t now, void *userdata)
{
	struct process *process = userdata;

	if (process->failure.kind == ERROR_NONE)
		(void)error_set(&process->failure, ERROR_RETRY, ETIMEDOUT,
			"'%s' did not end in time and was killed", process->name);
	process_finish(process);
	return 0;
}

/* What systemd tells this process of itself is not for others: they could speak to it in its name. */
static char **environment(void)
{
	static const char *const own[] = { "NOTIFY_SOCKET=", "WATCHDOG_PID=", "WATCHDOG_USEC=", "LISTEN_FDS=",
		"LISTEN_PID=", "LISTEN_FDNAMES=" };
	size_t count = 0, kept = 0;
	char **variables;

	while (environ[count])
		count++;
	variables = mem_alloc((count + 1) * sizeof(*variables));
	for (size_t i = 0; i < count; i++) {
		bool is_own = false;

		for (size_t j = 0; j < ARRAY_SIZE(own); j++)
			is_own |= strncmp(environ[i], own[j], strlen(own[j])) == 0;
		if (!is_own)
			variables[kept++] = environ[i];
	}
	return variables;
}

/* Signals as for a program that a shell starts, whatever this process blocks or ignores. */
static int spawn(struct process *process, const struct process_request *request, int output, int words_fd)
{
	posix_spawn_file_actions_t files;
	char **variables = environment();
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int r;

	sigemptyset(&none);
	sigfillset(&all);
	if (posix_spawn_file_actions_init(&files) != 0 || posix_spawnattr_init(&attributes) != 0 ||
		posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0) ||
		posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO) ||
		posix_spawn_file_actions_adddup2(&files, words_fd, STDERR_FILENO) ||
		posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1))
		mem_exhausted();
	(void)posix_spawnattr_setsigmask(&attributes, &none);
	(void)posix_spawnattr_setsigdefault(&attributes, &all);
	(void)posix_spawnattr_setpgroup(&attributes, 0);
	(void)posix_spawnattr_setflags(&attributes,
		POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	r = posix_spawnp(&process->pid, request->program ?: request->words[0], &files, &attributes, request->words,
		variables);
	free(variables);
	if (r != 0)
		process->pid = 0;
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return r;
}

/* The kernel says of a file that is there that it is not when what is to interpret it is not. */
static void refuse(struct process *process, int number)
{
	if (number == ENOENT && strchr(process->name, '/') && access(process->name, F_OK) == 0)
		(void)error_set(&process->failure, ERROR_DENIED, number,
			"start '%s': it is there, but its interpreter is missing; see what its first line names",
			process->name);
	else
		(void)error_set_errno(&process->failure, number, "start '%s'", process->name);
	process->failure.kind = ERROR_DENIED;
}

static void process_run(struct process *process, const struct process_request *request)
{
	_cleanup_(fd_closep) int output = -1, words_fd = -1;
	int pair[2], r;

	if (pipe2(pair, O_CLOEXEC) < 0) {
		(void)error_set_errno(&process->failure, errno, "start '%s'", process->name);
		return;
	}
	process->output_fd = pair[0];
	output = pair[1];
	if (pipe2(pair, O_CLOEXEC) < 0) {
		(void)error_set_errno(&process->failure, errno, "start '%s'", process->name);
		return;
	}
	process->error_fd = pair[0];
	words_fd = pair[1];
	r = spawn(process, request, output, words_fd);
	if (r == 0) {
		process->pidfd = pidfd_open(process->pid, 0);
		r = process->pidfd < 0 ? errno : 0;
	}
	if (r == ESRCH) {
		process->pid = 0; /* it has ended already; the number may be another's */
		refuse_unseen(process);
	} else if (r != 0) {
		refuse(process, r);
	}
}

static void process_watch(struct process *process, sd_event *event)
{
	(void)fcntl(process->output_fd, F_SETFL, O_NONBLOCK);
	(void)fcntl(process->error_fd, F_SETFL, O_NONBLOCK);
	if (sd_event_add_io(event, &process->end, process->pidfd, EPOLLIN, on_end, process) < 0 ||
		sd_event_add_io(event, &process->output_source, process->output_fd, EPOLLIN,
			on_output, process) < 0 ||
		sd_event_add_io(event, &process->error_source, process->error_fd, EPOLLIN, on_words,
			process) < 0)
		mem_exhausted();
	(void)sd_event_source_set_description(process->end, "process-end");
	(void)sd_event_source_set_description(process->output_source, "process-output");
	(void)sd_event_source_set_description(process->error_source, "process-words");
}

struct process *process_start(struct sd_event *event, const struct process_request *request,
	process_done_fn done, void *userdata)
{
	struct process *process = mem_new(struct process);
	usec_t due = clock_monotonic();

	*process = (struct process){
		.name = mem_strdup(request->words[0]),
		.pidfd = -1,
		.output_fd = -1,
		.error_fd = -1,
		.output = request->output,
		.room = request->room,
		.done = done,
		.userdata = userdata,
	};
	process_run(process, request);
	if (process->failure.kind == ERROR_NONE) {
		process_watch(process, event);
		due = usec_add(due, request->timeout);
	}
	if (sd_event_add_time(event, &process->timer, CLOCK_MONOTONIC, due, 0, on_timer, process) <
		0)
		mem_exhausted();
	(void)sd_event_source_set_description(process->timer, "process-timer");
	return process;
}

struct process *process_cancel(struct process *process)
{
	if (process)
		process_free(process);
	return NULL;
}
