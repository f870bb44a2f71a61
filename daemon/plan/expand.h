/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_PLAN_EXPAND_H
#define DAEMON_PLAN_EXPAND_H

/*
 * From entries to deliveries: `match:` against what the source shows, one entry with many accounts and
 * regions into its places, placeholders into names.  Pure.
 */

#include "daemon/model/observed.h"
#include "daemon/plan/expansion.h"

/**
 * expand(desired, view, region, incumbents):
 * ${view} NULL: what can be known without the source: entries with an ARN, and of those the deliveries whose objects have
 * no {domain} in their names.
 * ${region}: for destinations without one (the AWS environment's), may be NULL.  A delivery with a problem
 * is left out; where several are to one object, ${incumbents} (NULL: none is recorded) says which of them
 * is there already.  ${desired} is borrowed as long as the result.
 */
struct expansion *expand(const struct desired *desired, const struct source_view *view,
	const char *region, const struct incumbents *incumbents);

/* expand_preview(desired, region): the same without the source, for people to read: {domain} stays as it is. */
struct expansion *expand_preview(const struct desired *desired, const char *region);

/* expand_needs_region(desired): is there a destination that takes ${region}? */
bool expand_needs_region(const struct desired *desired);

/* How many a configuration comes to, as far as it can be known without the source. */
struct expand_counts {
	size_t certificates; /* with an ARN */
	size_t deliveries; /* of these; those that expand() leaves out are among them */
	bool matches; /* there are entries with match: besides, of which nothing is counted */
};

/* expand_count(desired, region): ${region} as for expand(). */
struct expand_counts expand_count(const struct desired *desired, const char *region);

#endif
