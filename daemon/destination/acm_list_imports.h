/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DESTINATION_ACM_LIST_IMPORTS_H
#define DAEMON_DESTINATION_ACM_LIST_IMPORTS_H

/*
 * What the ACM of one account and region has imported: all of it is listed, and side by side with that what has our
 * tags is searched.  Room is taken for what has come, and for nothing before that.
 */

#include "daemon/destination/acm_match.h"

struct acm_listing;

/* What was listed, and the room that it has. */
struct acm_listed {
	struct import_list imports; /* sorted, not indexed; with what was only found, where by its tags it is an item's; where
				     * another look follows (struct destination_keep), all that was found */
	bool unsearched; /* the search by tag failed: the tags of every import are to be read */
	struct aws_share *share; /* the room that they have; to be freed when they are gone */
};

/**
 * acm_list_imports_fn(userdata, listed, err):
 * The end.  What ${listed} holds is given to the callee; or it is NULL, with ${err}: nothing could be listed, or it
 * needs more room than there can ever be (ERROR_RETRY).
 */
typedef void (*acm_list_imports_fn)(void *userdata, struct acm_listed *listed, const struct error *err);

/**
 * acm_list_imports(context, session, items, count, keep, done, userdata):
 * Lists the imports at the place of ${items} (${count}, one at least; borrowed until the completion), as ${session}
 * reaches it; ${keep} (NULL: none) says what else is wanted.  Where others have the room that it needs, it lets go of what it has, waits for enough, and lists once
 * more.  ${done} is called once, never from inside start; the handle is void then.  Cancel means no callback.
 */
struct acm_listing *acm_list_imports(const struct destination_context *context, struct aws_session *session,
	const struct look_item *items, size_t count, const struct destination_keep *keep, acm_list_imports_fn done,
	void *userdata);

/* acm_list_imports_again(...): the same, but what has our tags is not searched: whose they are is known already. */
struct acm_listing *acm_list_imports_again(const struct destination_context *context, struct aws_session *session,
	const struct look_item *items, size_t count, const struct destination_keep *keep, acm_list_imports_fn done,
	void *userdata);

struct acm_listing *acm_list_imports_cancel(struct acm_listing *listing);

#endif
