/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_INVENTORY_SETTLED_H
#define DAEMON_INVENTORY_SETTLED_H

/*
 * What is kept of a delivery that nothing is going on with.  Nearly all are settled nearly always,
 * and there may be tens of thousands: what is kept of each is made small.  The law is that
 * unpacking gives back what was packed; what cannot be told so is not packed, and stays as it is at
 * its full size.
 */

#include "daemon/model/observed.h"
#include "daemon/model/recorded.h"

/* A version that settled deliveries of a certificate hold: the present one, and while it is
 * carried the one before.  A delivery with yet another is not settled. */
#define VERSIONS_KEPT 2

struct kept_version {
	unsigned references;
	struct version version;
	const char *anchor; /* of the record, in hex; interned, NULL: not known */
};

/*
 * What is known of a settled delivery: nothing is recorded of it, or that a version is confirmed;
 * and it was not looked at, or nothing is there, or just what is recorded.  Texts are kept in
 * parts: an object's id that ends with a UUID (an ARN of ACM) as what stands before, which many
 * share, and 16 bytes; a revision that is the version's dates and a third number (ACM's too) as
 * that number.
 */
struct settled {
	struct kept_version *version; /* NULL: nothing was ever confirmed */
	const char *id; /* interned, may be NULL */
	const char *revision; /* interned; NULL with number_is_revision */
	uint64_t number; /* of the revision; or when what is there was put in place, or was seen to be nothing */
	unsigned char uuid[16];
	uint32_t confirmed_at; /* in seconds */
	uint8_t state; /* enum observed_state */
	bool has_record : 1;
	bool unused : 1;
	bool proven : 1; /* its proof matched this version, as a former program wrote it down */
	bool approved : 1; /* this version was approved */
	bool guard_passed : 1;
	bool id_has_uuid : 1;
	bool number_is_revision : 1;
};

/**
 * settled_pack(settled, versions, record, seen, recorded):
 * Put what is known of a delivery into ${settled}, which is empty: its record, of which there is a
 * row or not, and what was seen there.  ${versions} are those of its certificate, all zero before
 * the first is kept, and stay as long as anything that was packed with them.  False, ${settled}
 * being empty still, when more is known than it can hold.
 */
bool settled_pack(struct settled *settled, struct kept_version versions[static VERSIONS_KEPT],
	const struct delivery_record *record, const struct observed *seen, bool recorded);

/* settled_unpack(settled, record, seen): the other way; ${record} has its names and nothing
 * else, ${seen} nothing.  ${settled} is empty afterwards.  Returns whether there is a row of it. */
bool settled_unpack(struct settled *settled, struct delivery_record *record, struct observed *seen);

/* settled_done(settled): release what it holds. */
void settled_done(struct settled *settled);

/* settled_object(settled), settled_revision(settled): the texts, owned by the caller; NULL for
 * none. */
char *settled_object(const struct settled *settled);
char *settled_revision(const struct settled *settled);

#endif
