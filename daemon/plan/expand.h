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
 * ${view} NULL: what can be known without the source: entries with an ARN; {domain} then stays as it is.
 * ${region}: for destinations without one (the AWS environment's), may be NULL.  A delivery with a problem
 * is left out; where several are to one object, ${incumbents} (NULL: none is recorded) says which of them
 * is there already.  ${desired} is borrowed as long as the result.
 */
struct expansion *expand(const struct desired *desired, const struct source_view *view,
	const char *region, const struct incumbents *incumbents);

/* expand_needs_region(desired): is there a destination that takes ${region}? */
bool expand_needs_region(const struct desired *desired);

/**
 * delivery_make(desired, certificate, place, wish, delivery):
 * The delivery of ${certificate} to ${place} that ${wish}, of its entry, asks for: the same that expand() finds, for
 * whoever does not keep them all.  Release it with delivery_done();
 * what it does not own is borrowed.
 */
void delivery_make(const struct desired *desired, const struct expanded_certificate *certificate,
	const struct place *place, const struct desired_delivery *wish, struct delivery *ret_delivery);

/* expansion_forget_deliveries(expansion): release them; certificates, places and problems stay. */
void expansion_forget_deliveries(struct expansion *expansion);

/* expansion_find(expansion, name): the delivery named so, or NULL. */
const struct delivery *expansion_find(const struct expansion *expansion, const char *name);

/* expansion_equal(a, b): the same deliveries of the same certificates to the same objects? */
bool expansion_equal(const struct expansion *a, const struct expansion *b);

/* expansion_lines(expansion): one sorted line a delivery, "NAME SOURCE-ARN -> KIND ACCOUNT/REGION OBJECT [then ...]\n",
 * for a diff in review; the caller owns it. */
char *expansion_lines(const struct expansion *expansion);

struct expansion *expansion_free(struct expansion *expansion);

DEFINE_CLEANUP(struct expansion *, expansion_free);

#endif
