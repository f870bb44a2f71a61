/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_FAILED_ENDS_H
#define DAEMON_FAILED_ENDS_H

/*
 * How the unit certferryd.service has ended lately, and whether people must hear of it.  Pure: the times are arguments.
 * OnFailure= alone does not say it: a unit that Restart= starts again does not stay failed, and before systemd 254 does
 * not even pass through that state.
 */

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/time.h"

enum {
	ENDS_MANY = 3, /* as many unclean ends... */
};
#define ENDS_WITHIN (10 * USEC_PER_MINUTE) /* ...within this time are told... */
#define ENDS_TELL_EVERY USEC_PER_HOUR      /* ...at most once in this time */

/* The largest text that ends_format() writes, and the largest worth reading. */
#define ENDS_TEXT_MAX ((size_t)1024)

/* How one run ended, in the words of systemd.exec(5): $SERVICE_RESULT, $EXIT_CODE, $EXIT_STATUS.  Printable ASCII
 * without blanks; "" for what is not known.  Plain bytes. */
struct end {
	char result[24]; /* "success", "exit-code", "signal", "core-dump", "oom-kill", ... */
	char code[16];	 /* "exited", "killed", "dumped" */
	char status[16]; /* the exit status as a number, or the signal's name without SIG */
};

/* The last unclean end and the series that it belongs to: ends of which each came within ENDS_WITHIN of the one before.
 * Plain bytes; all zero when there was none. */
struct ends {
	struct end last;
	unsigned count;		  /* ends in the series */
	usec_t first_at, last_at; /* wall clock */
	usec_t recent[ENDS_MANY]; /* time since boot, the latest first; 0: none */
	usec_t told;		  /* time since boot when people were last told of a series; 0: never */
};

enum ends_verdict {
	ENDS_CLEAN,   /* nothing to count */
	ENDS_FINAL,   /* systemd does not start it again: OnFailure= tells */
	ENDS_COUNTED, /* systemd starts it again */
	ENDS_TELL,    /* the same, for the third time in ten minutes, and nobody was told within the hour */
};

/* end_set(end, result, code, status): copy the words, NULL being ""; what does not fit is cut off, and other characters
 * become '?'. */
void end_set(struct end *end, const char *result, const char *code, const char *status);

/* end_is_final(end): does RestartPreventExitStatus= of the unit leave it dead? */
bool end_is_final(const struct end *end);

/**
 * ends_add(ends, end, boottime, wall):
 * Count ${end}, now: ${boottime} since boot, ${wall} by the wall clock.  A clean or final end changes nothing in what
 * is counted; a final one is noted as the last, in a series of its own.
 */
enum ends_verdict ends_add(struct ends *ends, const struct end *end, usec_t boottime, usec_t wall);

/* ends_just_counted(ends, boottime): was the last end that is counted within a minute before ${boottime}? */
bool ends_just_counted(const struct ends *ends, usec_t boottime);

/* ends_format(ends): as lines of KEY=VALUE; the caller owns the text. */
char *ends_format(const struct ends *ends);

/* ends_parse(text, ends): what ends_format() has written; -EINVAL, with ${ends} untouched, for anything else. */
int ends_parse(const char *text, struct ends *ret_ends);

#endif
