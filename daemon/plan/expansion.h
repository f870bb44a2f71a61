/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_PLAN_EXPANSION_H
#define DAEMON_PLAN_EXPANSION_H

/* What a configuration comes to, with the source as it is seen.  Values. */

#include "daemon/model/delivery.h"

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
	struct delivery *deliveries; /* sorted by name, so that a certificate's are together;
				      * their places are of `places` */
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

#endif
