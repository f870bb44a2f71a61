/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/vault/lease.h"

#include <errno.h>

#include "lib/base/mem.h"

/* More would overflow; a century is no end. */
#define SECONDS_MOST ((json_int_t)3155760000)

#define POSTPONE_MOST  USEC_PER_MINUTE
#define POSTPONE_LEAST USEC_PER_SEC

int lease_read(const json_t *auth, struct lease *lease)
{
	const json_t *seconds = json_object_get(auth, "lease_duration") ?: json_object_get(auth, "ttl");
	json_int_t value = json_integer_value(seconds);

	if (!json_is_integer(seconds) || value < 0)
		return -EINVAL;
	*lease = (struct lease){
		.duration = value == 0 || value > SECONDS_MOST ? USEC_INFINITY : (usec_t)value * USEC_PER_SEC,
		.renewable = json_is_true(json_object_get(auth, "renewable")),
	};
	return 0;
}

void lease_plan(struct lease *lease, usec_t now, unsigned chance)
{
	if (lease->duration == USEC_INFINITY) {
		lease->act_at = lease->ends = USEC_INFINITY;
		return;
	}
	lease->act_at = now + lease->duration / 10000 * (6000 + chance % 1000);
	lease->ends = now + lease->duration;
}

bool lease_is_short(const struct lease *lease, usec_t first)
{
	return lease->duration != USEC_INFINITY && lease->duration < first / 3;
}

void lease_postpone(struct lease *lease, usec_t now)
{
	usec_t left = usec_sub(lease->ends, now);

	lease->act_at = usec_add(now, MIN(MAX(left / 4, POSTPONE_LEAST), POSTPONE_MOST));
}
