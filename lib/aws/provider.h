/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_PROVIDER_H
#define LIB_AWS_PROVIDER_H

/*
 * Where credentials come from.  A provider is one function, fetch, that gets fresh ones; caching,
 * expiry and the queue of those who wait belong to the session (session.h).  One provider, one
 * file: provider_KIND.c.
 */

#include <stdbool.h>

#include "lib/aws/credentials.h"
#include "lib/base/error.h"

struct aws;
struct aws_session;
struct role;

/* provider_done_fn(userdata, credentials, err): one of the two is not NULL; the credentials
 * are the callee's. */
typedef void (*provider_done_fn)(
	void *userdata, struct credentials *credentials, const struct error *err);

struct provider {
	/* Get credentials and call ${done} once.  The one exception to the law on completions: ${done} may be
	 * called before this returns, as by those that read a file only.  Only a session calls this, from a turn of
	 * the event loop of its own (session.c, on_begin()) and as its last act there, so that session_wait() still
	 * calls nobody from inside.  ${region} is where the request is going that needs them, for those who have to
	 * choose a region. */
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

/* provider_unsigned_new(): no credentials, for requests that carry their own proof. */
struct provider *provider_unsigned_new(void);

/* provider_environment_new(aws): AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN,
 * AWS_CREDENTIAL_EXPIRATION. */
struct provider *provider_environment_new(const struct aws *aws);

/* provider_keys_new(aws, profile, credentials_file): the keys of a profile in one of the two
 * files, read from it at each fetch. */
struct provider *provider_keys_new(
	const struct aws *aws, const char *profile, bool credentials_file);

/* provider_role_new(source, role): ${role} (copied), assumed with the credentials of ${source}. */
struct provider *provider_role_new(struct aws_session *source, const struct role *role);

/**
 * provider_web_identity_new(unsigned_session, role, token_file):
 * ${role} (its ARN and session name), assumed with the web identity token that is in ${token_file} at each fetch
 * (AWS STS AssumeRoleWithWebIdentity).  The request goes out by ${unsigned_session}, a session of
 * provider_unsigned_new().
 */
struct provider *provider_web_identity_new(
	struct aws_session *unsigned_session, const struct role *role, const char *token_file);

/**
 * provider_process_new(aws, profile, command):
 * What a program prints (`credential_process`): ${command}, split into words and run without a shell, with an empty
 * standard input and this process's environment, at most a minute.
 */
struct provider *provider_process_new(struct aws *aws, const char *profile, const char *command);

/* provider_container_new(aws): the role of this ECS task or EKS pod, from where AWS_CONTAINER_CREDENTIALS_RELATIVE_URI
 * or AWS_CONTAINER_CREDENTIALS_FULL_URI says. */
struct provider *provider_container_new(struct aws *aws);

/* provider_imds_new(aws, profile, context): the role of this EC2 instance, from its metadata service (IMDSv2 only), of
 * which the environment or ${profile} may say where it is and how to ask.  Failures begin with ${context}. */
struct provider *provider_imds_new(struct aws *aws, const char *profile, const char *context);

/**
 * provider_find(aws, profile):
 * The provider that botocore would choose: for ${profile} as if it were named in code, or (NULL) for the environment
 * and its profile.  The order is told in provider_find.c.  Never NULL: what is missing, circular or not supported becomes a
 * refusal.
 */
struct provider *provider_find(struct aws *aws, const char *profile);

/**
 * provider_account(aws, profile):
 * The account of the credentials that provider_find() would bring, as far as is told before they come: by the role's
 * ARN, or as in botocore by AWS_ACCOUNT_ID for those of the environment and by aws_account_id for those of a profile
 * (keys, credential_process).  NULL where that says nothing, and for containers and instances, which may
 * tell it with the credentials.  The caller owns it.
 */
char *provider_account(struct aws *aws, const char *profile);

#endif
