/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_WIRE_KINDS_H
#define TESTS_WIRE_KINDS_H

/*
 * Each type of answer that certferry reads: a good one, who asks for it through the typed
 * operations of lib/aws, and what they made of it, written down so that it can be compared.
 */

#include <stdbool.h>
#include <stddef.h>

#include "lib/aws/aws.h"
#include "lib/base/buf.h"
#include "lib/base/error.h"
#include "lib/base/time.h"

struct attempt;

struct kind {
	const char *name;
	long status; /* of the answer */
	const char *type; /* Content-Type */
	const char *body;
	/* Where it takes two requests: which of them has ${mark} in it, the one whose answer is
	 * under test or the other, which is answered with ${other}. */
	const char *mark, *other;
	bool marked;
	bool once; /* it must not be sent twice: without an answer it is AWS_CODE_AMBIGUOUS */
	bool assumes; /* it asks as a role that is assumed first */
	void (*start)(struct attempt *attempt);
};

extern const struct kind kinds[];
extern const size_t kind_count;

/* One operation from its start to its end. */
struct attempt {
	const struct kind *kind;
	struct aws_session *session;
	char region[24]; /* its number, so that the server knows it again */
	/* What came of it. */
	struct buf told; /* the items and members handed over */
	bool ended;
	struct error error; /* NONE: success */
	usec_t begin, end;
	void (*on_end)(struct attempt *attempt);
};

#endif
