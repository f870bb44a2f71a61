/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_CONDUCTOR_WALK_H
#define DAEMON_CONDUCTOR_WALK_H

/*
 * A walk through the certificates of the present world and their deliveries, or those of a name, that may stop anywhere and
 * go on at another turn of the loop.  The world may be another one then: the walk goes on behind the name where it was, so
 * that it comes to nothing twice.
 */

#include "daemon/inventory/stock.h"

struct walk {
	const struct stock *stock;
	const char *name; /* borrowed: of the delivery or what is below it, of the certificates so called; "": all */
	size_t certificate; /* among stock.certificates */
	size_t delivery; /* of the certificate's */
	char *after; /* the name of the certificate, or when delivery is 0 of the one before; NULL: at the beginning */
	char *after_place; /* of the last delivery; "" for none */
	unsigned world; /* stock.world_number when this was true */
	bool changed; /* it was another one in between */
};

/* walk_begin(walk): from the beginning, perhaps once more; ${walk} has its stock and name.  Release it with walk_done(). */
void walk_begin(struct walk *walk);
void walk_done(struct walk *walk);

/* walk_here(walk): the certificate where it is; NULL: it is at the end.  walk->delivery is of this one. */
const struct tracked_certificate *walk_here(struct walk *walk);

/* walk_on(walk, certificate, count): ${count} of the deliveries of the one where it is were dealt with; with the last, so is
 * it. */
void walk_on(struct walk *walk, const struct tracked_certificate *certificate, size_t count);

/* walk_covers_all(walk, certificate), walk_covers_some(...), walk_covers_slot(walk, slot): does the name stand for all of
 * the certificate's deliveries, for some, for this one? */
bool walk_covers_all(const struct walk *walk, const struct tracked_certificate *certificate);
bool walk_covers_some(const struct walk *walk, const struct tracked_certificate *certificate);
bool walk_covers_slot(const struct walk *walk, const struct slot *slot);

#endif
