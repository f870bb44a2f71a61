/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DEPENDENT_DROPIN_H
#define DAEMON_DEPENDENT_DROPIN_H

#include "daemon/model/desired.h"

/* What is to be said of memory. */
struct dropin_memory {
	unsigned limit; /* MemoryMax=, in MiB; 0: the unit's own suffices */
	size_t certificates, deliveries; /* with limit: for so many */
	bool matches; /* what entries with match: find is not counted */
};

/**
 * unit_dropin(desired, programs, memory):
 * The text of a drop-in for certferryd.service that opens its sandbox as far as this
 * configuration needs, and no further (`certferryd --unit-dropin`): the directories of the file
 * destinations become writable, ${programs}, which are run for credentials, executable, and its memory
 * is limited as ${memory} says.  Says so in a comment when nothing is needed.  The caller owns the result.
 */
char *unit_dropin(const struct desired *desired, char *const *programs,
	const struct dropin_memory *memory);

#endif
