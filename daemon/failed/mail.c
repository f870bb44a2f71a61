/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/failed/mail.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <time.h>
#include <sys/wait.h>
#include <unistd.h>

/* ${program} with the signals that it would have by itself; 0 or an errno. */
static int spawn(const char *program, int mail, const sigset_t *former, pid_t *ret_pid)
{
	char *words[] = { (char *)program, (char *)"-oi", (char *)"-t", NULL };
	char *variables[] = { (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", (char *)"HOME=/root", (char *)"USER=root",
		(char *)"LOGNAME=root", (char *)"LANG=C.UTF-8", NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t all;
	int r;

	if (posix_spawn_file_actions_init(&files) || posix_spawnattr_init(&attributes) ||
		posix_spawn_file_actions_adddup2(&files, mail, STDIN_FILENO) ||
		posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1))
		mem_exhausted();
	(void)sigfillset(&all);
	(void)posix_spawnattr_setsigmask(&attributes, former);
	(void)posix_spawnattr_setsigdefault(&attributes, &all);
	(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	r = posix_spawn(ret_pid, program, &files, &attributes, words, variables);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return r;
}

static int judge(const char *program, int status, struct error *err)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status))
		return error_set(err, ERROR_RETRY, WEXITSTATUS(status), "'%s' ended with exit status %d", program,
			WEXITSTATUS(status));
	return error_set(err, ERROR_RETRY, WTERMSIG(status), "signal %d ended '%s'", WTERMSIG(status), program);
}

/* Its end, or that of our patience.  ${child} is blocked, so that an end at any time is seen. */
static int await(const char *program, pid_t pid, const sigset_t *child, usec_t timeout, struct error *err)
{
	const struct timespec patience = { .tv_sec = (time_t)(timeout / USEC_PER_SEC) };
	int r, status = 0;

	do
		r = sigtimedwait(child, NULL, &patience);
	while (r < 0 && errno == EINTR);
	if (r < 0) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, &status, 0);
		return error_set(err, ERROR_RETRY, ETIMEDOUT, "'%s' did not end within %u s and was killed", program,
			(unsigned)(timeout / USEC_PER_SEC));
	}
	(void)waitpid(pid, &status, 0);
	return judge(program, status, err);
}

int mail_send(const char *program, int mail, usec_t timeout, struct error *err)
{
	sigset_t child, former;
	pid_t pid;
	int r;

	(void)sigemptyset(&child);
	(void)sigaddset(&child, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &child, &former);
	r = spawn(program, mail, &former, &pid);
	if (r == 0)
		r = await(program, pid, &child, timeout, err);
	else
		r = error_set_errno(err, r, "start '%s'", program);
	(void)sigprocmask(SIG_SETMASK, &former, NULL);
	return r;
}
