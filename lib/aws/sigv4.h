/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_SIGV4_H
#define LIB_AWS_SIGV4_H

/*
 * AWS Signature Version 4 in the Authorization header ("Signature Version 4 signing process",
 * IAM user guide).  Pure: the time is an argument, nothing is sent.  The text that is signed is
 * hashed as it is made, so that no copy of a session token stays behind.
 */

#include <stddef.h>

#include "lib/base/time.h"

struct secret;

#define SIGV4_HASH_SIZE    65 /* SHA-256 in hexadecimal, with its NUL */
#define SIGV4_DATE_SIZE    17 /* "20150830T123600Z" */
#define SIGV4_HEADERS_MAX  8
#define SIGV4_SECRET_BYTES 256 /* the longest secret key that can sign */

struct sigv4_header {
	const char *name; /* lower case */
	const char *value;
};

/*
 * The last signing keys of one secret key, in the secure heap: a key is good for a day, a region and
 * a service, and four hashes in the making.  Zeroed, it holds none.
 */
struct sigv4_cache {
	struct {
		char *scope; /* "20150830/us-east-1/iam", or NULL */
		struct secret *key;
	} entries[4];
	unsigned next; /* to be replaced */
};

void sigv4_cache_done(struct sigv4_cache *cache);

struct sigv4_request {
	const char *access_key_id;
	const struct secret *secret_key; /* at most SIGV4_SECRET_BYTES */
	const char *region;
	const char *service; /* signing name */
	usec_t time;
	const char *method;
	const char *path; /* as the request line has it; see canonical_path() */
	const char *query; /* as the request line has it, without its "?"; "" for none */
	/* In any order; all are signed; an unused one has no name. */
	struct sigv4_header headers[SIGV4_HEADERS_MAX];
	const char *payload_hash;
	struct sigv4_cache *cache; /* of secret_key, or NULL */
};

/* sigv4_hash(data, length, text): the SHA-256 of a payload as sigv4_request wants it. */
void sigv4_hash(const void *data, size_t length, char text[static SIGV4_HASH_SIZE]);

/* sigv4_date(time, text): ${time} as the X-Amz-Date header has it.  Returns ${text}. */
char *sigv4_date(usec_t time, char text[static SIGV4_DATE_SIZE]);

/**
 * sigv4_authorization(request):
 * The value of the Authorization header.  The caller owns it.  The headers that are signed have
 * to include "host" and "x-amz-date", the latter with sigv4_date() of the same time.
 */
char *sigv4_authorization(const struct sigv4_request *request);

#endif
