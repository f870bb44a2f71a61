/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/aws/retry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

#define DELAY_MAX (20 * USEC_PER_SEC)

/* Those of standard mode share their attempts and have a cost, and chance takes a part of the step;
 * the others count for themselves, and their delay is the step itself. */
static const struct {
	const char *name;
	unsigned cost; /* tokens; standard mode */
	unsigned limit; /* retries; the others */
	usec_t first;
	unsigned factor;
} policies[FAULT_CLASS_COUNT] = {
	[FAULT_FINAL] = { .name = "final" },
	[FAULT_TRANSIENT] = { "transient", 14, 0, 50 * USEC_PER_MSEC, 2 },
	[FAULT_THROTTLE] = { "throttle", 5, 0, 1 * USEC_PER_SEC, 2 },
	[FAULT_SKEW] = { "skew", 0, 1, 0, 1 },
	[FAULT_EXPIRED] = { "expired", 0, 1, 0, 1 },
	[FAULT_BUSY] = { "busy", 0, 3, 2 * USEC_PER_SEC, 1 },
	[FAULT_NOT_YET] = { "not-yet", 0, 5, 500 * USEC_PER_MSEC, 2 },
};

const char *fault_class_name(enum fault_class class)
{
	return class < FAULT_CLASS_COUNT ? policies[class].name : "?";
}

/* The first of ${class}, then its factor times as much each time. */
static usec_t step(enum fault_class class, unsigned times)
{
	usec_t delay = policies[class].first;

	while (times-- > 0 && delay < DELAY_MAX)
		delay *= policies[class].factor;
	return MIN(delay, DELAY_MAX);
}

/* Retries of standard mode that there have been, whatever for. */
static unsigned standard_retries(const struct retry *retry)
{
	unsigned count = 0;

	for (size_t i = 0; i < FAULT_CLASS_COUNT; i++)
		count += policies[i].cost ? retry->done[i] : 0;
	return count;
}

static bool standard_next(struct retry *retry, struct retry_tokens *tokens,
	const struct retry_failure *failure, usec_t *ret_delay)
{
	unsigned count = standard_retries(retry), cost = policies[failure->class].cost;
	usec_t delay = step(failure->class, count) / 1000 * (failure->chance % 1000);

	if (count + 1 >= (failure->attempts ?: RETRY_ATTEMPTS) || tokens->left < cost)
		return false;
	tokens->left -= cost;
	retry->paid = cost;
	*ret_delay = MIN(MAX(delay, failure->hint), delay + RETRY_HINT_MAX);
	return true;
}

bool retry_next(struct retry *retry, struct retry_tokens *tokens,
	const struct retry_failure *failure, usec_t *ret_delay)
{
	enum fault_class class = failure->class;

	if (policies[class].cost) {
		if (!standard_next(retry, tokens, failure, ret_delay))
			return false;
	} else {
		if (retry->done[class] >= policies[class].limit)
			return false;
		*ret_delay = step(class, retry->done[class]);
	}
	retry->done[class]++;
	return true;
}

void retry_succeeded(const struct retry *retry, struct retry_tokens *tokens)
{
	tokens->left = MIN(tokens->left + (retry->paid ?: 1), RETRY_TOKENS_FULL.left);
}

/* A whole number of ${unit}s and nothing else, or 0. */
static usec_t read_wait(const char *text, usec_t unit)
{
	size_t digits = text ? strspn(text, "0123456789") : 0;

	if (!digits || text[digits])
		return 0;
	return digits > 9 ? USEC_PER_DAY : strtoul(text, NULL, 10) * unit;
}

usec_t retry_hint(long status, const char *amz, const char *plain)
{
	bool counts = status == 429 || status == 503;
	usec_t wait = read_wait(amz, USEC_PER_MSEC);

	return wait ? wait : counts ? read_wait(plain, USEC_PER_SEC) : 0;
}

int retry_attempts(const char *text, unsigned *ret_attempts)
{
	char *end;
	long value;

	value = strtol(text, &end, 10);
	if (end == text || end[strspn(end, " \t")])
		return -EINVAL;
	*ret_attempts = (unsigned)MIN(MAX(value, 1), RETRY_ATTEMPTS_MAX);
	return 0;
}
