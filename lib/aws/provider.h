/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_PROVIDER_H
#define LIB_AWS_PROVIDER_H

/*
 * Where credentials come from.  A provider is one function, fetch, that gets fresh ones; caching,
 * expiry and the queue of those who wait belong to the session (session.h).  One provider, one
 * file: provider_KIND.c.
 */

#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/base/time.h"

struct aws;
struct aws_session;
struct profiles;
struct secret;

struct credentials {
	char *key_id;
	struct secret *secret_key;
	struct secret *token; /* or NULL */
	usec_t expires; /* USEC_INFINITY: never, as far as is known */
};

struct credentials *credentials_free(struct credentials *credentials);

DEFINE_CLEANUP(struct credentials *, credentials_free);

/* provider_done_fn(userdata, credentials, err): one of the two is not NULL; the credentials
 * are the callee's. */
typedef void (*provider_done_fn)(
	void *userdata, struct credentials *credentials, const struct error *err);

struct provider {
	/* Get credentials and call ${done} once, possibly before returning.  ${region} is where
	 * the request is going that needs them, for those who have to choose a region. */
	void (*fetch)(struct provider *provider, const char *region, provider_done_fn done,
		void *userdata);
	/* Release it; a fetch that is under way ends without its callback. */
	void (*release)(struct provider *provider);
};

struct provider *provider_free(struct provider *provider);

DEFINE_CLEANUP(struct provider *, provider_free);

/* provider_refusal_new(kind, format, ...): always fails so: for what is missing or not
 * supported. */
struct provider *provider_refusal_new(enum error_kind kind, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* provider_environment_new(): AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN. */
struct provider *provider_environment_new(void);

/* provider_keys_new(profiles, profile): the keys in a profile, read from the files at each
 * fetch. */
struct provider *provider_keys_new(const struct profiles *profiles, const char *profile);

/* What AssumeRole is asked for; everything but the role may be NULL or 0. */
struct role {
	const char *arn;
	const char *external_id;
	const char *session_name; /* NULL: certferry-HOST */
	const char *source_identity;
	char *const *tags; /* "KEY=VALUE" */
	unsigned duration; /* seconds */
};

/* provider_role_new(source, role): ${role} (copied), assumed with the credentials of ${source}. */
struct provider *provider_role_new(struct aws_session *source, const struct role *role);

/**
 * provider_find(aws, profile):
 * The provider for ${profile}, or (NULL) for the environment: its keys, else AWS_PROFILE, else the
 * profile "default".  Never NULL: what is missing, circular or not supported becomes a refusal.
 */
struct provider *provider_find(struct aws *aws, const char *profile);

#endif
