/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_OS_PROCESS_H
#define LIB_OS_PROCESS_H

/*
 * A program, run beside the event loop for what it prints.  No shell: the words go to execvp(3) as they are.  It gets
 * an empty standard input, this process's environment but for what systemd says of this process, no other file of
 * ours, and a process group of its own.
 */

#include <stddef.h>

#include "lib/base/error.h"
#include "lib/base/time.h"

struct process;
struct sd_event;

/**
 * process_done_fn(userdata, length, err):
 * The completion: once, never from inside process_start().  The program ended with status 0 and its ${length} bytes
 * of standard output are in the caller's room, or ${err} says what happened: not found, not executable or without its
 * interpreter (ERROR_DENIED), another status or a signal (ERROR_RETRY, the code is the status), too slow (ERROR_RETRY)
 * or more output than there is room for (ERROR_INVALID), after which the whole group was killed.  The first line of
 * its standard error is part of the words.
 */
typedef void (*process_done_fn)(void *userdata, size_t length, const struct error *err);

struct process_request {
	const char *program; /* the file to run; NULL: the first word, looked up in PATH unless it has a slash */
	char *const *words; /* what it is called, and its arguments */
	char *output; /* room for its standard output; the caller's until the end */
	size_t room;
	usec_t timeout;
};

/* process_start(event, request, done, userdata): never fails; see process_done_fn.  Program and words are
 * needed for the call only.  The handle is valid until ${done} or process_cancel(). */
struct process *process_start(struct sd_event *event, const struct process_request *request,
	process_done_fn done, void *userdata);

/* process_cancel(process): kill it and its group; no callback after this returns.  What is not gone at once is reaped
 * by the event loop when it is, and not waited for.  NULL is fine.  Returns NULL. */
struct process *process_cancel(struct process *process);

#endif
