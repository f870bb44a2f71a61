/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_FAULT_H
#define LIB_AWS_FAULT_H

/*
 * What a refusal by AWS means.  The only place that compares AWS's error codes: one table, which
 * tests/cases/aws_fault walks.  Pure.
 */

#include <stdbool.h>
#include <stddef.h>

#include "lib/aws/retry.h"
#include "lib/base/error.h"

/* An answer that is not a success.  Strings may be NULL, and are borrowed. */
struct fault_answer {
	const char *operation;
	long status;
	const char *error_type; /* X-Amzn-ErrorType */
	const char *request_id; /* X-Amzn-RequestId */
	const char *body;
	size_t body_length;
};

struct fault {
	enum fault_class class; /* whether to try again within seconds */
	enum error_kind kind; /* what it is when that did not help */
	int code; /* AWS_CODE_* or the HTTP status */
	bool foreign; /* no code of AWS's: something between us and AWS answered */
	char *name; /* AWS's error code without its namespace, or "HTTP 503" */
	/* AWS's words, without the canonical string: at most 512 bytes, no control characters; may be "". */
	char *message;
	char *request_id; /* or NULL */
};

#define FAULT_NULL ((struct fault){ 0 })

/**
 * fault_read(answer, fault):
 * Fill ${fault} from an answer of either protocol: the code is X-Amzn-ErrorType, else the
 * body's __type, else its code (JSON), or Error/Code (XML).  A body that is neither, HTML for
 * one, is judged by the status: something between us and AWS, or an emulator, answered.
 */
void fault_read(const struct fault_answer *answer, struct fault *fault);

/* fault_error(fault, operation, err): fill ${err} with "OPERATION: NAME: message (request
 * id ...)", and with "; what is wrong" behind it where AWS's words do not say that of a key; returns
 * the negative errno of its kind. */
int fault_error(const struct fault *fault, const char *operation, struct error *err);

/* fault_done(fault): release it.  For _cleanup_(fault_done). */
void fault_done(struct fault *fault);

#endif
