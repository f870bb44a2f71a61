/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_SQS_H
#define LIB_AWS_SQS_H

/*
 * Amazon SQS, API version 2012-11-05 in its JSON form: what a consumer of a standard queue needs.
 * As in lib/aws/acm.h.  Requests go to the endpoint of the service in the region, as botocore sends
 * them; the queue's URL is a parameter and its host is not asked.
 */

#include <stddef.h>

#include "lib/aws/aws.h"
#include "lib/aws/sqs_types.h"

struct sqs_operation;

typedef void (*sqs_receive_fn)(void *userdata, const struct sqs_message *messages, size_t count,
	const struct error *err);

/**
 * sqs_receive(session, region, request, on_done, userdata):
 * ReceiveMessage; no message is a success.  A request that ${wait}s waits for no lane, takes
 * no retry tokens and is not sent again here after a failure (but for expired
 * credentials and a clock that was wrong): whoever asks for ever pauses by himself.  An answer
 * above SQS_ANSWER_LIMIT is ERROR_INVALID; that of a single message is below it.
 * No such queue: ERROR_ABSENT.
 */
struct sqs_operation *sqs_receive(struct aws_session *session, const char *region,
	const struct sqs_receive *request, sqs_receive_fn on_done, void *userdata);

/* The longest message (1 MiB), of which JSON's escapes make three times as much at most: a line feed is \n,
 * what is no ASCII has 2 bytes or more in UTF-8 and 6 as \uXXXX; and its envelope.  It is never held whole: what is not
 * kept is dropped as it arrives. */
#define SQS_ANSWER_LIMIT (((size_t)3 << 20) + ((size_t)64 << 10))

/* sqs_delete_fn(userdata, failed, why, err): ${failed} of the messages were not deleted, for the
 * first of them ${why} ("CODE: message", borrowed; "" when all were); or ${err}: perhaps none was. */
typedef void (*sqs_delete_fn)(
	void *userdata, size_t failed, const char *why, const struct error *err);

/* sqs_delete(session, region, queue_url, receipts, count, ...): DeleteMessageBatch; 1 to
 * SQS_BATCH_MAX receipts, borrowed until the call returns. */
struct sqs_operation *sqs_delete(struct aws_session *session, const char *region,
	const char *queue_url, const char *const *receipts, size_t count, sqs_delete_fn on_done,
	void *userdata);

/* sqs_cancel(operation): as acm_cancel().  Messages that were about to be received come again
 * when their visibility timeout ends. */
struct sqs_operation *sqs_cancel(struct sqs_operation *operation);

#endif
