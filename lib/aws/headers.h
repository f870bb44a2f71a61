/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_HEADERS_H
#define LIB_AWS_HEADERS_H

/* The headers of a request, signed unless its credentials are anonymous.  Pure.  Not for use outside lib/aws. */

#include <stddef.h>

#include "lib/base/error.h"
#include "lib/base/time.h"

struct credentials;
struct endpoint;
struct secret;
struct service;

/* Everything is borrowed. */
struct headers_request {
	struct credentials *credentials; /* which keep the signing keys made of them */
	const struct service *service;
	const char *operation;
	const char *region;
	const struct endpoint *endpoint;
	const char *body_hash; /* sigv4_hash() of the body */
	usec_t time;
};

/* Zeroed, it owns nothing; release with headers_done(). */
struct headers {
	char *list[8]; /* "Name: value", NULL-terminated */
	size_t count;
	struct secret *token; /* the one line that is in the secure heap */
};

/* headers_make(request, headers, err): ERROR_RETRY, with what is filled in to be released,
 * when the secure heap is full. */
int headers_make(const struct headers_request *request, struct headers *headers, struct error *err);

void headers_done(struct headers *headers);

#endif
