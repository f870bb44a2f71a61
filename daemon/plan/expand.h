/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_PLAN_EXPAND_H
#define DAEMON_PLAN_EXPAND_H

/*
 * From entries to deliveries: `match:` against what the source shows, one entry with many accounts and
 * regions into its places, placeholders into names.  Pure.
 */

#include "daemon/model/delivery.h"
#include "daemon/model/observed.h"

/* A certificate that is configured, by its ARN or through a match. */
struct expanded_certificate {
	char *name;
	char *arn;
	char *domain; /* as a part of names ("wildcard.example.com"); NULL: not known */
	const struct desired_certificate *entry;
};

struct expansion {
	struct expanded_certificate *certificates; /* sorted by name */
	size_t certificate_count;
	struct place **places;
	size_t place_count;
	struct delivery *deliveries; /* sorted by name, so that a certificate's are together; their places are of
				      * `places` */
	size_t delivery_count;
	bool dated; /* with other dates of the certificates at the source, it may be another one */
	char **problems; /* sentences: two deliveries to one object, or which of them it goes on with, an object's
			  * name with a character that is not allowed, an entry that matches nothing; of deliveries the first hundred, and how many
			  * more there are */
};

/**
 * expand(desired, view, region):
 * ${view} NULL: what can be known without the source: entries with an ARN; {domain} then stays as it is.
 * ${region}: for destinations without one (the AWS environment's), may be NULL.  A delivery with a problem
 * is left out.  ${desired} is borrowed as long as the result.
 */
struct expansion *expand(const struct desired *desired, const struct source_view *view, const char *region);

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
