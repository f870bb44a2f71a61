/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_SQS_WIRE_H
#define LIB_AWS_SQS_WIRE_H

/* SQS's JSON in both directions, without a network.  As in lib/aws/acm_wire.h. */

#include "lib/aws/sqs.h"

/* sqs_receive_body(request), sqs_delete_body(queue_url, receipts, count): the caller owns them; NULL
 * when they are no UTF-8. */
json_t *sqs_receive_body(const struct sqs_receive *request);
json_t *sqs_delete_body(const char *queue_url, const char *const *receipts, size_t count);

/**
 * sqs_parse_messages(answer, messages, count, err):
 * ReceiveMessage's, into room for SQS_BATCH_MAX; strings are borrowed from ${answer}.  More than
 * that, or a message that cannot be deleted or told from others, is ERROR_RETRY.
 */
int sqs_parse_messages(const json_t *answer, struct sqs_message messages[static SQS_BATCH_MAX],
	size_t *ret_count, struct error *err);

/* sqs_parse_failed(answer, failed, why, err): how many entries of a batch failed, and "CODE: message" of
 * the first of them ("" for none), which the caller owns. */
int sqs_parse_failed(
	const json_t *answer, size_t *ret_failed, char **ret_why, struct error *err);

#endif
