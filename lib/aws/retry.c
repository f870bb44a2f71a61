/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/aws/retry.h"

#include "lib/base/mem.h"

#define COST      5 /* tokens a retry takes from the quota */
#define DELAY_MAX (20 * USEC_PER_SEC)

/* Chance: the delay is random between 0 and the step ("full jitter"), otherwise the step
 * itself. */
static const struct {
	const char *name;
	unsigned limit; /* retries, not attempts */
	usec_t first;
	unsigned factor;
	bool chance, costs;
} policies[FAULT_CLASS_COUNT] = {
	[FAULT_FINAL] = { .name = "final" },
	[FAULT_TRANSIENT] = { "transient", 2, 100 * USEC_PER_MSEC, 2, true, true },
	[FAULT_THROTTLE] = { "throttle", 4, USEC_PER_SEC, 2, true, true },
	[FAULT_SKEW] = { "skew", 1, 0, 1, false, false },
	[FAULT_EXPIRED] = { "expired", 1, 0, 1, false, false },
	[FAULT_BUSY] = { "busy", 3, 2 * USEC_PER_SEC, 1, false, false },
	[FAULT_NOT_YET] = { "not-yet", 5, 500 * USEC_PER_MSEC, 2, false, false },
};

const char *fault_class_name(enum fault_class class)
{
	return class < FAULT_CLASS_COUNT ? policies[class].name : "?";
}

bool retry_next(struct retry *retry, struct retry_quota *quota, enum fault_class class,
	unsigned chance, usec_t *ret_delay)
{
	usec_t delay = policies[class].first;

	if (retry->done[class] >= policies[class].limit)
		return false;
	if (policies[class].costs) {
		if (quota->tokens < COST)
			return false;
		quota->tokens -= COST;
	}
	for (unsigned i = 0; i < retry->done[class]; i++)
		delay *= policies[class].factor;
	delay = MIN(delay, DELAY_MAX);
	retry->done[class]++;
	*ret_delay = policies[class].chance ? delay / 1000 * (chance % 1000) : delay;
	return true;
}

void retry_succeeded(const struct retry *retry, struct retry_quota *quota)
{
	bool paid = retry->done[FAULT_TRANSIENT] || retry->done[FAULT_THROTTLE];

	quota->tokens = MIN(quota->tokens + (paid ? COST : 1), RETRY_QUOTA_FULL.tokens);
}
