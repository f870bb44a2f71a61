/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_OPERATION_H
#define LIB_AWS_OPERATION_H

/*
 * What the typed operations of all services have in common: one request or pages of requests, under
 * way or about to end, that can be cancelled.  A service's handle begins with a struct operation,
 * so that what it gets back can be cast to the handle.
 */

#include "lib/aws/aws.h"

struct operation;
struct page;
struct sd_event_source;

/* operation_fn(operation, body, err): the answer, as aws_done_fn, or with a page, its failure; of a listing, the end,
 * with both NULL after the last page.  Never called from inside a function of this header. */
typedef void (*operation_fn)(
	struct operation *operation, const json_t *body, const struct error *err);

/* The first block is the caller's to fill before the request is sent. */
struct operation {
	struct aws_session *session;
	enum aws_service service;
	const char *name; /* ListCertificates; a literal */
	struct page *page; /* reads the answer as it arrives, of all listings; belongs to the handle; NULL: a tree is made */
	void (*on_page)(struct operation *operation); /* instead of on_answer: it has been read */
	operation_fn on_answer;
	bool long_poll; /* as in struct aws_request */
	size_t response_limit; /* bytes; 0: as usual */
	bool mute; /* it has nothing to answer */

	char *region;
	struct aws_call *call; /* under way */
	struct sd_event_source *deferred; /* about to end */
	struct error error; /* with this */
	json_t *body; /* listings: what to ask for */
	json_t *seen; /* listings: a member for the hash of each token so far */
};

/* operation_ask(operation, region, body): send one request.  ${body} is taken over; NULL
 * (jansson takes no text that is not UTF-8) ends with ERROR_INVALID. */
void operation_ask(struct operation *operation, const char *region, json_t *body);

/* operation_ask_secret(operation, region, body, name, once): the same with a body in the secure heap; ${name} is
 * secret_name of struct aws_request. */
void operation_ask_secret(struct operation *operation, const char *region, struct secret *body,
	const char *name, bool once);

/* operation_fail(operation, err): end with ${err}, which is emptied, in the loop's next turn. */
void operation_fail(struct operation *operation, struct error *err);

/* operation_list(operation, region, body): send the request for the first page; ${body} as
 * above. */
void operation_list(struct operation *operation, const char *region, json_t *body);

/**
 * operation_next(operation, err):
 * Ask for the page after the one that was read, or end in the loop's next turn when that was the
 * last.  ERROR_RETRY when a token comes again or after as many pages as the format says: the caller ends then.  What
 * was read stays until the next page begins to arrive: not before the callback has returned.
 */
int operation_next(struct operation *operation, struct error *err);

/* operation_done(operation): cancel what is under way and release; nothing is called after this. */
void operation_done(struct operation *operation);

#endif
