/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_WIRE_SPOIL_H
#define TESTS_WIRE_SPOIL_H

/* The ways in which an answer is spoiled, and what a careful client may make of each. */

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"
#include "tests/wire/kinds.h"
#include "tests/wire/server.h"

enum verdict {
	MUST_SUCCEED, /* as with the good answer */
	MUST_FAIL, /* it is no answer: to be tried again, or not known */
	MAY_EQUAL, /* no answer, or the same as the good one: what was lost says nothing */
	MUST_REFUSE, /* as MUST_FAIL, but trying again need not be promised */
	MAY_DIFFER, /* something optional is missing: whatever comes of it, it comes once and in time */
	AS_BEFORE, /* the same as came of the position before this one, or no answer */
};

struct spoiled {
	struct buf wire; /* what is sent, by these: */
	size_t pause;
	usec_t drip;
	enum ending ending;
	enum verdict verdict;
	const char *what; /* in words, for a failure; may be NULL */
};

/* Fill ${spoiled}, which is empty, for ${position}; false when there are no more. */
typedef bool (*spoil_fn)(const struct kind *kind, size_t position, struct spoiled *spoiled);

struct spoiling {
	const char *name;
	spoil_fn spoil;
	bool slow; /* it takes all the time that a request may take */
};

extern const struct spoiling spoilings[];
extern const size_t spoiling_count;

/* spoil_not(kind, wire): the good answer itself. */
void spoil_not(const struct kind *kind, struct buf *wire);

#endif
