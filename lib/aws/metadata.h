/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_METADATA_H
#define LIB_AWS_METADATA_H

/* One question to a metadata service of this host (an instance's, a container's), asked again a few times if need be.
 * Never through a proxy.  Not for use outside lib/aws. */

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"
#include "lib/base/time.h"

struct aws;
struct credentials;
struct metadata;
struct secret;

/* Valid until the callback returns. */
struct metadata_answer {
	const char *body;
	size_t length;
};

/* metadata_done_fn(userdata, answer, err): once, never from inside metadata_start().  Exactly one of the two: the
 * answer that is good, or else the last try's failure: ERROR_RETRY if nobody answered or the answer was the service's
 * own trouble, ERROR_ABSENT if it has none of what was asked for, ERROR_DENIED if it refused. */
typedef void (*metadata_done_fn)(
	void *userdata, const struct metadata_answer *answer, const struct error *err);

struct metadata_request {
	const char *method;
	const char *url;
	const char *header; /* "Name: value", or NULL */
	/* The same from the secure heap, lent until the end; http_start() copies it for the time of a try, into memory
	 * that is wiped. */
	const struct secret *secret_header;
	usec_t timeout; /* of each try */
	unsigned tries; /* one at least */
	usec_t pause; /* between them */
	bool json; /* good is only what is JSON; otherwise what has a body */
};

/* metadata_start(aws, request, done, userdata): never fails; see metadata_done_fn.  Strings are needed for the call
 * only.  The handle is valid until ${done} or metadata_cancel(). */
struct metadata *metadata_start(struct aws *aws, const struct metadata_request *request,
	metadata_done_fn done, void *userdata);

/* metadata_cancel(metadata): no callback after this returns.  NULL is fine.  Returns NULL. */
struct metadata *metadata_cancel(struct metadata *metadata);

/* metadata_refusal(text, length): "CODE: message" of an answer in which a service says why it gives nothing (`Code` and
 * `Message`, or in small letters); NULL if it is none.  Short and without control characters; the caller owns it. */
char *metadata_refusal(const char *text, size_t length);

/**
 * metadata_credentials(answer, where, advice, credentials, err):
 * credentials_read() of an answer, temporary ones.  ERROR_DENIED, with ${advice}, where the service says why it gives none.
 * Messages begin with ${where}, who has answered.
 */
int metadata_credentials(const struct metadata_answer *answer, const char *where, const char *advice,
	struct credentials **ret_credentials, struct error *err);

/* metadata_header(name, value, length, header, err): "NAME: VALUE" in the secure heap.  A value that would not be one
 * line of printable characters is ERROR_DENIED. */
int metadata_header(const char *name, const char *value, size_t length, struct secret **ret_header,
	struct error *err);

#endif
