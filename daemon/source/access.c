/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/source/access.h"

struct aws_session *source_session(struct aws *aws, const struct desired_access *access)
{
	struct aws_identity identity = {
		.profile = access->profile,
		.role_arn = access->role_arn,
		.external_id = access->external_id,
		.role_session_name = access->role_session_name,
		.source_identity = access->source_identity,
		.session_tags = access->session_tags,
		.endpoint_url = access->endpoint_url,
		.keeps_time = true, /* what it shows is judged by its clock */
	};

	return aws_session_get(aws, &identity);
}
