/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/plan/schedule.h"

usec_t backoff(unsigned failures, enum error_kind kind)
{
	usec_t wait = BACKOFF_FIRST;

	if (kind == ERROR_QUOTA)
		return BACKOFF_LONGEST;
	while (failures-- > 1 && wait < BACKOFF_LONGEST)
		wait *= 2;
	return MIN(wait, BACKOFF_LONGEST);
}
