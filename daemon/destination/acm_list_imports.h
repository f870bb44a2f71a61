/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DESTINATION_ACM_LIST_IMPORTS_H
#define DAEMON_DESTINATION_ACM_LIST_IMPORTS_H

/*
 * What the ACM of one account and region has imported: all of it is listed, and side by side with that what has our
 * tags is searched, in room that is reserved beforehand.
 */

#include "daemon/destination/acm_match.h"

struct acm_listing;

/* What was listed, and the room that it has. */
struct acm_listed {
	struct import_list imports; /* sorted, not indexed; with what was only found, where by its tags it is an item's */
	bool unsearched; /* the search by tag failed: the tags of every import are to be read */
	size_t reserved; /* of aws_room_take(); to be given back when the imports are gone */
};

/**
 * acm_list_imports_fn(userdata, listed, err):
 * The end.  What ${listed} holds is given to the callee; or it is NULL, with ${err}: nothing could be listed, or it
 * needs more room than there can ever be (ERROR_RETRY).
 */
typedef void (*acm_list_imports_fn)(void *userdata, struct acm_listed *listed, const struct error *err);

/**
 * acm_list_imports(context, session, items, count, done, userdata):
 * Waits until there is room, then lists the imports at the place of ${items} (${count}, one at least; borrowed until
 * the completion), as ${session} reaches it, and begins anew with more room where that does not do.  ${done} is called
 * once, never from inside start; the handle is void then.  Cancel means no callback.
 */
struct acm_listing *acm_list_imports(const struct destination_context *context, struct aws_session *session,
	const struct look_item *items, size_t count, acm_list_imports_fn done, void *userdata);
struct acm_listing *acm_list_imports_cancel(struct acm_listing *listing);

#endif
