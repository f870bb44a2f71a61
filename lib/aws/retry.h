/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_RETRY_H
#define LIB_AWS_RETRY_H

/*
 * When to send a failed request again, within seconds: the SDKs' "standard" retry mode, with
 * more patience for throttles and for the two refusals that are known to pass.  Pure: chance
 * and state are arguments.
 */

#include <stdbool.h>

#include "lib/base/time.h"

/* What a failure asks of whoever would retry.  fault.c tells; FAULT_FINAL ends the call. */
enum fault_class {
	FAULT_FINAL,
	FAULT_TRANSIENT, /* 5xx, unreachable, cut off: 3 attempts */
	FAULT_THROTTLE, /* too many requests: 5 attempts, a second at least apart by chance */
	FAULT_SKEW, /* our clock is wrong: once more with the corrected one */
	FAULT_EXPIRED, /* the credentials are no longer good: once more with fresh ones */
	FAULT_BUSY, /* the object is being changed by another request: 3 times, 2 s apart */
	FAULT_NOT_YET, /* export right after a renewal: 0.5, 1, 2, 4 and 8 s later */
	FAULT_CLASS_COUNT,
};

/* fault_class_name(class): "final", "transient", ..., for case files and logs. */
const char *fault_class_name(enum fault_class class);

/* How often a request has been sent again, by cause.  Starts zeroed. */
struct retry {
	unsigned done[FAULT_CLASS_COUNT];
};

/**
 * The retry quota of "standard" mode: a store of tokens that repeated failures use up, so that an
 * endpoint that is down is not asked thrice for everything.  Start with RETRY_QUOTA_FULL.
 */
struct retry_quota {
	unsigned tokens;
};
#define RETRY_QUOTA_FULL ((struct retry_quota){ .tokens = 500 })

/**
 * retry_next(retry, quota, class, chance, delay):
 * May the request be sent again after a failure of ${class}?  If so count it, take its cost from
 * ${quota} and say after which ${ret_delay}; ${chance} is random in 0..999.
 */
bool retry_next(struct retry *retry, struct retry_quota *quota, enum fault_class class,
	unsigned chance, usec_t *ret_delay);

/* retry_succeeded(retry, quota): the request succeeded: give back what its last retry cost,
 * or one token. */
void retry_succeeded(const struct retry *retry, struct retry_quota *quota);

#endif
