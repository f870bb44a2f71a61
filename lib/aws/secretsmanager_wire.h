/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_SECRETSMANAGER_WIRE_H
#define LIB_AWS_SECRETSMANAGER_WIRE_H

/* Secrets Manager's JSON in both directions, without a network.  As in lib/aws/acm_wire.h. */

#include <jansson.h>

#include "lib/aws/secretsmanager_types.h"
#include "lib/base/error.h"

/* sm_create_body(write, body, err), sm_put_body(write, body, err): in the secure heap. */
int sm_create_body(const struct sm_write *write, struct secret **ret_body, struct error *err);
int sm_put_body(const struct sm_write *write, struct secret **ret_body, struct error *err);

/* sm_tag_body(secret_id, tags): the caller owns it; NULL when they are no UTF-8. */
json_t *sm_tag_body(const char *secret_id, char *const *tags);

/* DescribeSecret with what its lists own. */
struct sm_described {
	struct sm_description description; /* strings are borrowed from the answer */
	char **tags;
	struct sm_version *versions;
};

/* sm_parse_description(answer, described, err): DescribeSecret's; release with sm_described_done().  ERROR_RETRY when a
 * member that must be there is not. */
int sm_parse_description(
	const json_t *answer, struct sm_described *ret_described, struct error *err);
void sm_described_done(struct sm_described *described);

/* GetSecretValue with what it owns. */
struct sm_valued {
	struct sm_value value;
	json_t *object;
	char **fields;
};

/* sm_parse_value(answer, valued, err): GetSecretValue's; release with sm_valued_done(). */
int sm_parse_value(const json_t *answer, struct sm_valued *ret_valued, struct error *err);
void sm_valued_done(struct sm_valued *valued);

/* sm_parse_written(answer, token, arn, err): the ARN of what was written, borrowed; a VersionId
 * that is given must be ${token} (NULL: any). */
int sm_parse_written(
	const json_t *answer, const char *token, const char **ret_arn, struct error *err);

#endif
