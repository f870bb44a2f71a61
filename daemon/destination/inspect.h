/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DESTINATION_INSPECT_H
#define DAEMON_DESTINATION_INSPECT_H

/* One object that no delivery cares for: is it there still, and who uses it?  Async as all of
 * destination.h. */

#include "daemon/destination/destination.h"

struct destination_inspect;

/* What was seen of it. */
struct inspected {
	bool gone; /* or about to be, as a secret that is scheduled for deletion */
	bool knows_users;
	char *const *users; /* ARNs */
};

/* destination_inspect_fn(userdata, seen, err): ${seen} is borrowed, and NULL with ${err}. */
typedef void (*destination_inspect_fn)(
	void *userdata, const struct inspected *seen, const struct error *err);

/* destination_can_inspect(destination): else destination_inspect() is not to be called at its places. */
bool destination_can_inspect(const struct desired_destination *destination);

/* destination_inspect(context, place, object_id, done, userdata): of the object that
 * observed.object_id named, at ${place} (borrowed until the end).
 * destination_inspect_cancel(inspect): NULL is fine; returns NULL. */
struct destination_inspect *destination_inspect(const struct destination_context *context,
	const struct place *place, const char *object_id, destination_inspect_fn done,
	void *userdata);
struct destination_inspect *destination_inspect_cancel(struct destination_inspect *inspect);

#endif
