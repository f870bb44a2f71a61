/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_CREDENTIALS_H
#define LIB_AWS_CREDENTIALS_H

/* What signs requests, and the forms in which it is handed over. */

#include <stdbool.h>
#include <stddef.h>

#include "lib/aws/sigv4.h"
#include "lib/base/error.h"
#include "lib/base/time.h"

struct secret;

/* Without secret_key they are anonymous: requests are sent unsigned. */
struct credentials {
	char *key_id;
	struct secret *secret_key;
	struct secret *token; /* or NULL */
	char *account; /* whose they are; NULL: it was not said */
	usec_t expires; /* USEC_INFINITY: never, as far as is known */
	struct sigv4_cache signing; /* what has been derived from secret_key */
};

struct credentials *credentials_free(struct credentials *credentials);

DEFINE_CLEANUP(struct credentials *, credentials_free);

/* credentials_check(credentials, where, now, err): can they become headers?  ERROR_DENIED with "WHERE: what is wrong"
 * for keys that are missing or none, and for those that have expired ${now} (aws_now()). */
int credentials_check(
	const struct credentials *credentials, const char *where, usec_t now, struct error *err);

/**
 * credentials_read(text, length, temporary, credentials, err):
 * From JSON as it is handed over by programs, containers and instances: AccessKeyId, SecretAccessKey, SessionToken
 * (a program's) or Token, Expiration (ISO 8601), AccountId (12 digits, else it is not used); others are ignored.
 * ${temporary}: Token and Expiration must be there, else they may.  ERROR_INVALID with what is missing, and never with what was read.
 */
int credentials_read(const char *text, size_t length, bool temporary,
	struct credentials **ret_credentials, struct error *err);

#endif
