/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_VAULT_LEASE_H
#define LIB_VAULT_LEASE_H

/*
 * How long a token lives, and what is to be done about it.  Pure: times (monotonic) are arguments.
 * Not for use outside lib/vault.
 */

#include <stdbool.h>

#include <jansson.h>

#include "lib/base/time.h"

struct lease {
	usec_t duration; /* as it was granted; USEC_INFINITY: it does not end, or nobody says */
	usec_t act_at; /* renew it, or log in anew; USEC_INFINITY: never */
	usec_t ends; /* not to be used from then on */
	bool renewable;
};

/* lease_read(auth, lease): of "auth" of a login's or a renewal's answer, or of "data" of a look-up's: lease_duration or ttl
 * in seconds (0: no end), and renewable.  -EINVAL when there is no such number. */
int lease_read(const json_t *auth, struct lease *lease);

/* lease_plan(lease, now, chance): when to act on a lease that was granted at ${now}: when between 60 and 70 % of it are
 * gone, by ${chance}, random in 0..999. */
void lease_plan(struct lease *lease, usec_t now, unsigned chance);

/* lease_is_short(lease, first): a renewal granted so much less than the first lease had that its end is near, whatever is
 * renewed: the time to log in anew. */
bool lease_is_short(const struct lease *lease, usec_t first);

/* lease_postpone(lease, now): acting on it failed at ${now} for a reason that passes: when to try again. */
void lease_postpone(struct lease *lease, usec_t now);

#endif
