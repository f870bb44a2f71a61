/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/transition/schedule.h"

#include <stdlib.h>

usec_t backoff(unsigned failures, enum error_kind kind)
{
	usec_t wait = BACKOFF_FIRST;

	if (kind == ERROR_QUOTA)
		return BACKOFF_LONGEST;
	while (failures-- > 1 && wait < BACKOFF_LONGEST)
		wait *= 2;
	return MIN(wait, BACKOFF_LONGEST);
}

usec_t spread(usec_t wait, unsigned share, unsigned chance)
{
	const usec_t most = wait / share;

	return wait - most + 2 * most / CHANCES * chance;
}

void attempts_failed(
	const struct attempts *attempts, const struct error *err, unsigned share, unsigned chance, usec_t now)
{
	const unsigned failures = ++*attempts->failures;

	*attempts->next_try = usec_add(now, spread(backoff(failures, err->kind), share, chance));
	free(*attempts->problem);
	*attempts->problem = mem_strdup(err->text);
}

void attempts_succeeded(const struct attempts *attempts)
{
	*attempts->failures = 0;
	*attempts->next_try = 0;
	free(*attempts->problem);
	*attempts->problem = NULL;
}
