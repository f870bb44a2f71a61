/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_INVENTORY_CENSUS_H
#define DAEMON_INVENTORY_CENSUS_H

/*
 * What the plans of all certificates come to, counted, so that a rule about all of them need not go
 * through all of them. A certificate is counted by what its own plan came to when it was last made:
 * whoever plans it again moves the census from the one to the other, and whoever removes it moves
 * the census to nothing.  Nothing else adds or subtracts.
 */

#include <stdbool.h>

#include "daemon/plan/plan.h"

/* What the plan for one certificate and its deliveries came to; all zero: it was not planned
 * yet. */
struct planned {
	struct plan_touched touched; /* what guard: counts */
	unsigned in_place, held, failing; /* deliveries; a certificate that fails counts among them */
	unsigned due; /* deliveries that are to be carried */
	bool gathers; /* its transfer waits for looks */
};

/* The sums of all of them. */
struct census {
	struct plan_touched touched;
	unsigned in_place, held, failing;
	unsigned gathering; /* certificates */
};

/* census_move(census, before, after): what counted as ${before} counts as ${after} from now on. */
void census_move(struct census *census, const struct planned *before, const struct planned *after);

/* census_without(census, own): what guard: counts of all others. */
struct plan_touched census_without(const struct census *census, const struct plan_touched *own);

#endif
