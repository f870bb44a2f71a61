/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_BASE_ERROR_H
#define LIB_BASE_ERROR_H

/*
 * One shape for every failure that comes from the outside world: a number for control
 * flow (the return value, 0 or -errno), a kind for policy, words for people.
 *
 * A function that takes a struct error last returns a negative number exactly when it
 * has filled it, and leaves its outputs untouched then.  Whoever stops an error from
 * travelling logs it; nobody else does.
 */

#include "lib/base/mem.h"

enum error_kind {
	ERROR_NONE,
	ERROR_RETRY,	/* busy, throttled, unreachable: the same call may work later */
	ERROR_DENIED,	/* credentials or policy: a person must act */
	ERROR_ABSENT,	/* the thing named is not there */
	ERROR_INVALID,	/* what was given makes no sense; no retry will help */
	ERROR_CONFLICT, /* someone else's object, or changed meanwhile */
	ERROR_QUOTA,	/* a limit is exhausted; a retry within a day is useless */
	ERROR_BUG,	/* ours */
};

struct error {
	enum error_kind kind;
	int code;   /* errno, CURLcode or HTTP status, for the log; 0 if none */
	char *text; /* outermost context first: "deliver 'a' to 'b': ImportCertificate: ..."; BOUNDED_TEXT at most */
};

/* A value that is safe to release before anything has failed. */
#define ERROR_NULL ((struct error){ 0 })

/**
 * error_set(err, kind, code, format, ...):
 * Fill ${err} (its former content is released) and return the negative errno that
 * belongs to ${kind}: RETRY -EAGAIN, DENIED -EACCES, ABSENT -ENOENT, INVALID -EINVAL,
 * CONFLICT -EEXIST, QUOTA -EDQUOT, BUG -ENOTRECOVERABLE.  ${err} may be NULL: then only
 * the number is returned.
 */
int error_set(struct error *err, enum error_kind kind, int code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/**
 * error_set_errno(err, number, format, ...):
 * The same from an errno, positive or negative: the kind follows from the number and
 * ": <strerror>" is appended to the text.  Returns -abs(number).
 */
int error_set_errno(struct error *err, int number, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * error_wrap(err, format, ...):
 * Put "<formatted>: " before the text of a filled ${err}; kind and code stay.  Returns
 * what error_set() returns for its kind, so that a caller can end with it.
 */
int error_wrap(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* error_result(err): 0 when ${err} is empty, else the negative errno of its kind. */
int error_result(const struct error *err);

/* error_copy(to, from), error_move(to, from): ${to}'s former content is released. */
void error_copy(struct error *to, const struct error *from);
void error_move(struct error *to, struct error *from);

/* error_done(err): release the text and make ${err} empty.  For _cleanup_(error_done). */
void error_done(struct error *err);

/**
 * error_kind_name(kind), error_kind_find(name):
 * "retry", "denied", "absent", "invalid", "conflict", "quota", "bug", "none".  Finding
 * an unknown name gives ERROR_NONE.
 */
const char *error_kind_name(enum error_kind kind);
enum error_kind error_kind_find(const char *name);

#endif
