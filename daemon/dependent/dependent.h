/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DEPENDENT_DEPENDENT_H
#define DAEMON_DEPENDENT_DEPENDENT_H

/*
 * Dependents: telling one that a new version is in place.  A file a kind (systemd.c) and a row of the table in kinds.c;
 * this header is all that others see.  It takes several steps, so that the caller can write down durably what it is about to do:
 *
 *	look	how is it now?
 *	judge	is it to be told at all, when at the earliest, or was a tell that a crash has interrupted under way?
 *	-> the caller writes down the token that the judge gave it, and the time
 *	tell	have it restarted, reloaded, run; await what comes of it
 *	resume	instead of tell, after a crash: find what that token began, and await what comes of it; begins nothing
 *
 * All async: one completion, never from inside start; cancel means no callback and does not undo what was asked for.
 */

#include <stdbool.h>

#include "daemon/model/desired.h"
#include "lib/base/error.h"
#include "lib/base/time.h"

struct dependent_call;
struct dependent_seen; /* what a look saw: its kind's judge alone knows what that is */
struct sd_bus;
struct sd_event;

/* What the calls need of the host.  bus(): the connection there is now, borrowed, or NULL, which is ERROR_RETRY to a kind that
 * needs it.  It is asked for each time, since a call that waits may outlive a connection; one that awaits an answer when its
 * connection is lost ends with ERROR_RETRY. */
struct dependent_host {
	struct sd_event *event;
	struct sd_bus *(*bus)(void *userdata);
	void *userdata;
};

/* dependent_needs_bus(dependent): does its kind need the system bus? */
bool dependent_needs_bus(const struct desired_dependent *dependent);

/* dependent_describe(dependent): it in words; release with dependent_words_done(), before ${dependent} goes. */
struct dependent_words dependent_describe(const struct desired_dependent *dependent);

/* dependent_strengthen(dependent, stronger): ${ret_stronger}, which borrows from ${dependent}, is told as it may be where
 * ${dependent}'s own action brought it no new version; false, and the same as ${dependent}, where nothing else may be
 * done.  Its words have that as `stronger`. */
bool dependent_strengthen(const struct desired_dependent *dependent, struct desired_dependent *ret_stronger);

/* --- look --- */

/**
 * dependent_look_fn(userdata, seen, err):
 * The completion of dependent_look(): exactly once, never from inside it.  Exactly one of ${seen} and ${err} is not NULL,
 * both borrowed until it returns.  One that does not exist is no error here: telling it fails with words.
 */
typedef void (*dependent_look_fn)(void *userdata, const struct dependent_seen *seen, const struct error *err);

/* dependent_look(host, dependent, done, userdata): ${dependent} is borrowed for this call only. */
struct dependent_call *dependent_look(const struct dependent_host *host, const struct desired_dependent *dependent,
	dependent_look_fn done, void *userdata);

/* --- judge --- */

/* What is written down before a tell, so that after a crash its kind can find out what came of it: a text of the kind's,
 * and when.  Nobody else reads it. */
struct dependent_intent {
	const char *token; /* NULL: none */
	usec_t at;	   /* wall clock; 0: its tell has ended */
};

#define DEPENDENT_TOKEN_MAX 255

struct dependent_facts {
	bool question; /* it is not known whether it is owed anything: the record was lost */
	usec_t since;  /* the last of the versions that it is owed was put in place (wall clock); 0: not known */
	struct dependent_intent intent; /* the last one; open when the process ended in the middle of a tell */
	usec_t told_at; /* 0: never */
	usec_t now;
};

enum dependent_judgement {
	JUDGED_TELL,	/* it is to be told; to a question: it is owed after all */
	JUDGED_LATER,	/* it is to be told, but not yet: see when */
	JUDGED_RESUME,	/* the open intent may have begun something: dependent_resume() finds out */
	JUDGED_TOLD,	/* it has taken over all versions by itself */
	JUDGED_STOPPED, /* to a question: it uses none, and will use the one in place when it begins to; no proof is asked */
	JUDGED_UNKNOWN, /* to a question: this cannot be known */
};

struct dependent_verdict {
	enum dependent_judgement is;
	usec_t when;			     /* LATER */
	char token[DEPENDENT_TOKEN_MAX + 1]; /* TELL: what to write down first; may be empty */
};

/**
 * dependent_judge(dependent, seen, facts):
 * What is to be done with ${dependent} as it was ${seen}.  Pure.  To a question the answer is TELL, TOLD, STOPPED or UNKNOWN;
 * else it is TELL, LATER, RESUME (only with an open intent) or TOLD.
 */
struct dependent_verdict dependent_judge(const struct desired_dependent *dependent, const struct dependent_seen *seen,
	const struct dependent_facts *facts);

/* --- tell, resume --- */

/* The code of an ERROR_RETRY: it did not end what it was at, and so nothing was asked of it. */
#define DEPENDENT_CODE_HANGS 10000

struct tell_request {
	const struct desired_dependent *dependent; /* what it says is copied */
	bool again; /* the last try ended with DEPENDENT_CODE_HANGS */
	usec_t not_before; /* when its version was put in place (wall clock) */
	struct dependent_intent intent; /* as written down; the token is copied where it is needed */
};

/* How it ended. */
enum told {
	TOLD_DONE,
	TOLD_DONE_STRONGER, /* by a restart, whatever its action: it did not end what it was at before */
	TOLD_STOPPED, /* it uses no version now, so there was nothing to do; its proof is not to be asked */
	TOLD_FAILED,
	TOLD_NOTHING, /* resume: what the intent announced was not begun, as far as can be found */
};

/**
 * dependent_tell_fn(userdata, told, err):
 * The completion of dependent_tell() and dependent_resume(): exactly once, never from inside them.  ${err} is NULL
 * unless ${told} is TOLD_FAILED: ERROR_RETRY no bus, no answer, did not end in time (it may still go on), failed for reasons
 * of its own; ERROR_DENIED it may not be told by us; ERROR_ABSENT there is none; ERROR_INVALID it cannot be told that way.
 */
typedef void (*dependent_tell_fn)(void *userdata, enum told told, const struct error *err);

/* dependent_tell(host, request, done, userdata): takes at most the dependent's timeout, what its kind waits to see it
 * settle, and a few seconds. */
struct dependent_call *dependent_tell(const struct dependent_host *host, const struct tell_request *request,
	dependent_tell_fn done, void *userdata);

/* dependent_resume(host, request, done, userdata): find out what came of the tell whose intent was found, and await its end
 * for as long as dependent_tell() would.  It asks for nothing. */
struct dependent_call *dependent_resume(const struct dependent_host *host, const struct tell_request *request,
	dependent_tell_fn done, void *userdata);

/* dependent_cancel(call): no callback after this returns; what was asked for goes on.  NULL is fine; returns NULL. */
struct dependent_call *dependent_cancel(struct dependent_call *call);

DEFINE_CLEANUP(struct dependent_call *, dependent_cancel);

#endif
