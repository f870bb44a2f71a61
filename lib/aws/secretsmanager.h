/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_SECRETSMANAGER_H
#define LIB_AWS_SECRETSMANAGER_H

/* AWS Secrets Manager, API version 2017-10-17: the operations in use, typed.  As in lib/aws/acm.h. */

#include "lib/aws/aws.h"
#include "lib/aws/secretsmanager_types.h"

struct sm_operation;

typedef void (*sm_describe_fn)(void *userdata, const struct sm_description *description,
	const struct error *err);

/* sm_describe(session, region, secret_id, ...): a secret that is not there is ERROR_ABSENT. */
struct sm_operation *sm_describe(struct aws_session *session, const char *region, const char *secret_id,
	sm_describe_fn on_done, void *userdata);

typedef void (*sm_value_fn)(void *userdata, const struct sm_value *value, const struct error *err);

/* sm_get(session, region, secret_id, version_id, ...): GetSecretValue of that version. */
struct sm_operation *sm_get(struct aws_session *session, const char *region, const char *secret_id,
	const char *version_id, sm_value_fn on_done, void *userdata);

/* sm_value_text(value, field): the text that ${field} is; NULL: there is none.  Borrowed. */
const char *sm_value_text(const struct sm_value *value, const char *field);

/* sm_write_fn(userdata, arn, err). */
typedef void (*sm_write_fn)(void *userdata, const char *arn, const struct error *err);

/**
 * sm_create(...), sm_put(...): CreateSecret, PutSecretValue (which moves AWSCURRENT).  ${write} is
 * borrowed until the call returns; bodies live in the secure heap.  Both are idempotent by token and
 * retried.  A name that is taken meanwhile, or a token that holds another body: ERROR_CONFLICT; scheduled for
 * deletion: ERROR_INVALID with AWS_CODE_PENDING_DELETION.
 */
struct sm_operation *sm_create(struct aws_session *session, const char *region,
	const struct sm_write *write, sm_write_fn on_done, void *userdata);
struct sm_operation *sm_put(struct aws_session *session, const char *region,
	const struct sm_write *write, sm_write_fn on_done, void *userdata);

/* sm_promote(...): UpdateSecretVersionStage, AWSCURRENT from version ${from} (NULL: from none) to version ${to}. */
struct sm_operation *sm_promote(struct aws_session *session, const char *region, const char *secret_id,
	const char *from, const char *to, sm_write_fn on_done, void *userdata);

/* sm_tag(...): TagResource, "KEY=VALUE".  Its answer names no ARN: ${on_done} gets NULL. */
struct sm_operation *sm_tag(struct aws_session *session, const char *region, const char *secret_id,
	char *const *tags, sm_write_fn on_done, void *userdata);

/* sm_cancel(operation): as acm_cancel(). */
struct sm_operation *sm_cancel(struct sm_operation *operation);

#endif
