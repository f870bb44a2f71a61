/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_PLAN_EXPANSION_H
#define DAEMON_PLAN_EXPANSION_H

/* What a configuration comes to, with the source as it is seen.  Values. */

#include <stdint.h>

#include "daemon/model/delivery.h"

/* A certificate that is configured, by its ARN or through a match. */
struct expanded_certificate {
	char *name;
	char *arn;
	char *domain; /* as a part of names ("wildcard.example.com"); NULL: not known */
	const struct desired_certificate *entry;
};

/* A delivery, as the numbers of what it is made of: there may be very many. */
struct expanded_delivery {
	uint32_t certificate, place; /* of the expansion */
	uint16_t wish; /* among those of the certificate's entry */
};

struct expansion {
	const struct desired *desired; /* that it came of, borrowed */
	struct expanded_certificate *certificates; /* sorted by name */
	size_t certificate_count;
	struct place **places;
	size_t place_count;
	struct expanded_delivery *deliveries; /* sorted by name, so that a certificate's are together */
	size_t delivery_count;
	bool left_out; /* deliveries, because of their problems, with names that no other delivers there */
	bool dated; /* with other dates of the certificates at the source, it may be another one */
	/* Sentences: two deliveries to one object, or which of them it goes on with, an object's name with
	 * a character that is not allowed, an entry that matches nothing; of deliveries the first hundred,
	 * and how many more there are. */
	char **problems;
};

/* Is that delivery, by its name, recorded as confirmed at its object?  What the source certificate was
 * does not matter. */
struct incumbents {
	bool (*has)(void *userdata, const struct delivery *delivery);
	void *userdata;
};

/**
 * delivery_make(desired, certificate, place, wish, delivery):
 * The delivery of ${certificate} to ${place} that ${wish}, of its entry, asks for: the same that expand() finds, for
 * whoever does not keep them all.  Release it with delivery_done();
 * what it does not own is borrowed.
 */
void delivery_make(const struct desired *desired, const struct expanded_certificate *certificate,
	const struct place *place, const struct desired_delivery *wish, struct delivery *ret_delivery);

/* expansion_delivery(expansion, index, delivery): the delivery with this number, as delivery_make() makes it. */
void expansion_delivery(
	const struct expansion *expansion, size_t index, struct delivery *ret_delivery);

/* expansion_forget_deliveries(expansion): release them; certificates, places and problems stay. */
void expansion_forget_deliveries(struct expansion *expansion);

/* expansion_line(expansion, index): the delivery with this number in one line, "NAME SOURCE-ARN -> KIND ACCOUNT/REGION
 * OBJECT [then ...]\n", for a diff in review: all of them are sorted.  The caller owns it. */
char *expansion_line(const struct expansion *expansion, size_t index);

struct expansion *expansion_free(struct expansion *expansion);

DEFINE_CLEANUP(struct expansion *, expansion_free);

#endif
