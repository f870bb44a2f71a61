/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_RETRY_H
#define LIB_AWS_RETRY_H

/*
 * When to send a failed request again, within seconds: the "standard" retry mode of AWS's SDKs, and
 * beside it the refusals that are known to pass.  Pure: chance and state are arguments.
 *
 * Standard mode is that of 2026, in botocore/retries/standard.py: always in 1.44.8, in 1.43.11 only
 * if AWS_NEW_RETRIES_2026 asks for it.  So many attempts in all; between them a random time of up to
 * 50, 100, 200, ... ms, after a throttle of up to 1, 2, 4, ... s, at most 20; and a store of tokens
 * that repeated failures use up, throttles slower than others.  What the server says of when to come
 * again is heeded, within RETRY_HINT_MAX of what chance said, so that no answer can hold a request
 * longer than 25 s.
 *
 * Ours beside it, without tokens: skew, expired, busy and not-yet; RETRY_ATTEMPTS_MAX; and
 * Retry-After, of which botocore reads AWS's own form alone.  A long poll is not asked about here
 * (struct aws_request): where botocore lets it wait although there are no tokens left, whoever polls
 * pauses by himself.
 */

#include <stdbool.h>

#include "lib/base/time.h"

/* What a failure asks of whoever would retry.  fault.c tells; FAULT_FINAL ends the call. */
enum fault_class {
	FAULT_FINAL,
	FAULT_TRANSIENT, /* 5xx, unreachable, cut off, no answer in time: standard mode */
	FAULT_THROTTLE, /* too many requests: standard mode; the lane slows down, too */
	FAULT_SKEW, /* our clock is wrong: once more with the corrected one */
	FAULT_EXPIRED, /* the credentials are no longer good: once more with fresh ones */
	FAULT_BUSY, /* the object is being changed by another request: 3 times, 2 s apart */
	FAULT_NOT_YET, /* export right after a renewal: 0.5, 1, 2, 4 and 8 s later */
	FAULT_CLASS_COUNT,
};

/* fault_class_name(class): "final", "transient", ..., for case files and logs. */
const char *fault_class_name(enum fault_class class);

#define RETRY_ATTEMPTS	   3  /* of standard mode, the first one counted */
#define RETRY_ATTEMPTS_MAX 10 /* more are not made, whatever is configured */
#define RETRY_HINT_MAX	   (5 * USEC_PER_SEC)

/* How often a request has been sent again, by cause.  Starts zeroed. */
struct retry {
	unsigned done[FAULT_CLASS_COUNT];
	unsigned paid; /* tokens that its last retry took */
};

/**
 * The tokens of standard mode (its "retry quota"): a store that repeated failures use up, so that an
 * endpoint that is down is not asked thrice for everything.  Start with RETRY_TOKENS_FULL.
 */
struct retry_tokens {
	unsigned left;
};
#define RETRY_TOKENS_FULL ((struct retry_tokens){ .left = 500 })

/* A failure, and on which terms it may be tried again. */
struct retry_failure {
	enum fault_class class;
	unsigned attempts; /* of standard mode in all; 0: RETRY_ATTEMPTS */
	unsigned chance; /* random in 0..999 */
	usec_t hint; /* how long to wait as the server has it; 0: it said nothing */
};

/**
 * retry_next(retry, tokens, failure, delay):
 * May the request be sent again after ${failure}?  If so count it, take its cost (14 tokens, after
 * a throttle 5) from ${tokens} and say after which ${ret_delay}.
 */
bool retry_next(struct retry *retry, struct retry_tokens *tokens,
	const struct retry_failure *failure, usec_t *ret_delay);

/* retry_succeeded(retry, tokens): the request succeeded: give back what its last retry cost,
 * or one token. */
void retry_succeeded(const struct retry *retry, struct retry_tokens *tokens);

/**
 * retry_hint(status, amz, plain):
 * How long an answer of HTTP ${status} asks to wait: ${amz} is its header x-amz-retry-after, in
 * milliseconds; ${plain}, which counts with 429 and 503 only, Retry-After in seconds (RFC 9110
 * 10.2.3; its other form, a date, AWS does not use).  Either may be NULL.  0: no wait is asked for.
 */
usec_t retry_hint(long status, const char *amz, const char *plain);

/**
 * retry_attempts(text, ret):
 * What AWS_MAX_ATTEMPTS or max_attempts of a profile asks for: a whole number, taken as 1 when it is
 * less and as RETRY_ATTEMPTS_MAX when it is more.  0, or -EINVAL for what is no number.
 */
int retry_attempts(const char *text, unsigned *ret_attempts);

#endif
