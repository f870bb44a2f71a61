/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_STS_H
#define LIB_AWS_STS_H

/* STS AssumeRole and AssumeRoleWithWebIdentity (API version 2011-06-15): the forms that ask, where
 * to, and the XML that answers.  Pure. */

#include <stddef.h>

#include "lib/aws/credentials.h"
#include "lib/base/error.h"

/* What AssumeRole is asked for; everything but the role may be NULL or 0. */
struct role {
	const char *arn;
	const char *external_id;
	const char *session_name; /* NULL: certferry-HOST */
	const char *source_identity;
	char *const *tags; /* "KEY=VALUE" */
	unsigned duration; /* seconds */
};

/* sts_assume_role_form(role): the request's body.  The caller owns it. */
char *sts_assume_role_form(const struct role *role);

/* sts_web_identity_form(role, token, form, err): the same with a web identity token as the proof;
 * of ${role} the ARN and the session name count.  ERROR_RETRY when the secure heap is full. */
int sts_web_identity_form(const struct role *role, const struct secret *token,
	struct secret **ret_form, struct error *err);

/* sts_region(own, role_arn, region): where to ask for the role: in ${own}, the region of whoever asks
 * (or NULL), else in ${region}, that of the work, whichever is of the role's partition; else in the
 * partition's own. */
const char *sts_region(const char *own, const char *role_arn, const char *region);

/* sts_account(arn): the account in an ARN such as "arn:aws:iam::222222222222:role/x"; NULL where there is none.  The caller
 * owns it. */
char *sts_account(const char *arn);

/* sts_session_name(host): "certferry-HOST" with what a RoleSessionName may not hold
 * replaced by "-", at most 64 characters.  The caller owns it. */
char *sts_session_name(const char *host);

/**
 * sts_read_credentials(body, length, credentials, err):
 * What an answer to either grants.  ERROR_RETRY if it is none (something between us and AWS
 * answered) or the secure heap is full.
 */
int sts_read_credentials(
	const char *body, size_t length, struct credentials **ret_credentials, struct error *err);

#endif
