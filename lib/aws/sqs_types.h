/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_SQS_TYPES_H
#define LIB_AWS_SQS_TYPES_H

/* What lib/aws/sqs.h speaks of, for it and for what reads and writes SQS's JSON. */

#include <stddef.h>

#define SQS_BATCH_MAX 10 /* messages that one request receives or deletes */

/* Everything is borrowed during the completion. */
struct sqs_message {
	const char *id; /* of SQS, the same each time it is received */
	const char *receipt; /* the handle of this reception: the latest one deletes */
	const char *body; /* of one longer than was asked for, its beginning */
	size_t body_length; /* of all of it */
	unsigned receive_count; /* how often it has been received, about; 0: not said */
};

struct sqs_receive {
	const char *queue_url;
	unsigned wait; /* seconds that AWS waits for a first message: 0..20 */
	unsigned visibility; /* seconds for which nobody else receives them: 0..43200 */
	unsigned limit; /* messages: 1..SQS_BATCH_MAX */
	size_t body_limit; /* bytes that are kept of a body: from 2 to 64 KiB, or it is a bug */
};

#endif
