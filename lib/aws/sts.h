/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_STS_H
#define LIB_AWS_STS_H

/* STS AssumeRole (API version 2011-06-15): the form that asks and the XML that answers.  Pure. */

#include <stddef.h>

#include "lib/aws/provider.h"

/* sts_assume_role_form(role): the request's body.  The caller owns it. */
char *sts_assume_role_form(const struct role *role);

/* sts_session_name(host): "certferry-HOST" with what a RoleSessionName may not hold
 * replaced by "-", at most 64 characters.  The caller owns it. */
char *sts_session_name(const char *host);

/**
 * sts_read_credentials(body, length, credentials, err):
 * What an AssumeRole answer grants.  ERROR_RETRY if it is none (something between us and AWS
 * answered) or the secure heap is full.
 */
int sts_read_credentials(
	const char *body, size_t length, struct credentials **ret_credentials, struct error *err);

#endif
