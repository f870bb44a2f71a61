/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_SOURCE_ACCESS_H
#define DAEMON_SOURCE_ACCESS_H

#include "daemon/model/desired.h"
#include "lib/aws/aws.h"

/* source_session(aws, access): who asks at the source; owned by ${aws}. */
struct aws_session *source_session(struct aws *aws, const struct desired_access *access);

/* source_queue_session(aws, access): who asks at the queue of events; owned by ${aws}.  Nothing that is shown there is
 * judged by a clock. */
struct aws_session *source_queue_session(struct aws *aws, const struct desired_access *access);

#endif
