/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_SQS_WIRE_H
#define LIB_AWS_SQS_WIRE_H

/* SQS's JSON in both directions, without a network; messages are read by lib/aws/sqs_page.h.  As in
 * lib/aws/acm_wire.h. */

#include <jansson.h>

#include "lib/aws/sqs_types.h"
#include "lib/base/error.h"

/* sqs_receive_body(request), sqs_delete_body(queue_url, receipts, count): the caller owns them; NULL
 * when they are no UTF-8. */
json_t *sqs_receive_body(const struct sqs_receive *request);
json_t *sqs_delete_body(const char *queue_url, const char *const *receipts, size_t count);

/* sqs_parse_failed(answer, failed, why, err): how many entries of a batch failed, and "CODE: message" of
 * the first of them ("" for none), which the caller owns. */
int sqs_parse_failed(
	const json_t *answer, size_t *ret_failed, char **ret_why, struct error *err);

#endif
