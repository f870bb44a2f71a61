/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/os/clock.h"

#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

static usec_t clock_read(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts) < 0)
		abort(); /* cannot fail for these clocks */
	return (usec_t)ts.tv_sec * USEC_PER_SEC + (usec_t)ts.tv_nsec / 1000;
}

usec_t clock_now(void)
{
	return clock_read(CLOCK_REALTIME);
}

usec_t clock_monotonic(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

usec_t clock_boottime(void)
{
	return clock_read(CLOCK_BOOTTIME);
}

uint64_t random_below(uint64_t limit)
{
	uint64_t value;

	if (limit == 0)
		return 0;
	if (getrandom(&value, sizeof(value), 0) != (ssize_t)sizeof(value))
		value = clock_monotonic();
	return value % limit;
}

usec_t jitter(usec_t duration, unsigned percent)
{
	usec_t spread = duration / 100 * percent;

	return duration - spread + random_below(2 * spread + 1);
}
