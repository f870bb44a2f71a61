/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_SECRETSMANAGER_TYPES_H
#define LIB_AWS_SECRETSMANAGER_TYPES_H

/* What lib/aws/secretsmanager.h speaks of, for it and for what reads and writes Secrets Manager's JSON. */

#include <stdbool.h>
#include <stddef.h>

struct secret;

struct sm_version {
	const char *id;	     /* the ClientRequestToken that wrote it */
	char *const *stages; /* "AWSCURRENT", ... */
};

/* DescribeSecret; everything is borrowed during the completion. */
struct sm_description {
	const char *arn;
	const char *name;
	bool deleted;		    /* scheduled for deletion (DeletedDate) */
	const char *owning_service; /* or NULL */
	bool rotation;		    /* RotationEnabled */
	char *const *tags;	    /* "KEY=VALUE" */
	const struct sm_version *versions;
	size_t version_count;
};

/* GetSecretValue; everything is borrowed during the completion. */
struct sm_value {
	char *const *fields; /* the names of its members, which are no secrets */
	const struct json_t *object; /* wiped afterwards; NULL: it is no JSON object */
};

struct sm_write {
	const char *secret_id; /* name or ARN */
	const char *token;     /* ClientRequestToken: the version's id */
	const struct secret *value; /* SecretString, unescaped */
	const char *description;    /* create only; or NULL */
	const char *kms_key;	    /* create only; or NULL */
	char *const *tags;	    /* create only; "KEY=VALUE" */
};

#endif
