/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/source/access.h"

static struct aws_session *session_of(
	struct aws *aws, const struct desired_access *access, bool keeps_time)
{
	struct aws_identity identity = {
		.profile = access->profile,
		.role_arn = access->role_arn,
		.external_id = access->external_id,
		.role_session_name = access->role_session_name,
		.source_identity = access->source_identity,
		.session_tags = access->session_tags,
		.endpoint_url = access->endpoint_url,
		.keeps_time = keeps_time,
	};

	return aws_session_get(aws, &identity);
}

struct aws_session *source_session(struct aws *aws, const struct desired_access *access)
{
	return session_of(aws, access, true); /* what it shows is judged by its clock */
}

struct aws_session *source_queue_session(struct aws *aws, const struct desired_access *access)
{
	return session_of(aws, access, false);
}
