/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_SQS_PAGE_H
#define LIB_AWS_SQS_PAGE_H

/* Messages as ReceiveMessage sends them, read as they arrive: of a megabyte of a stranger's no more is kept than is
 * wanted.  Pure.  Not for use outside lib/aws. */

#include "lib/aws/page.h"
#include "lib/aws/sqs_types.h"

/* What is kept of a message. */
struct sqs_item {
	char *id, *receipt, *body;
	size_t body_length; /* of all of it */
	unsigned receive_count;
};

struct sqs_page {
	struct page page; /* to be fed */
	struct sqs_item items[SQS_BATCH_MAX];
	size_t count;
	struct sqs_item item; /* the one that is being read */
};

/* sqs_page_init(page, body_limit): as in struct sqs_receive; release with sqs_page_done(). */
void sqs_page_init(struct sqs_page *page, size_t body_limit);

/**
 * sqs_page_messages(page, messages, count, err):
 * After page_end(): the messages, into room for SQS_BATCH_MAX; strings are borrowed from ${page}.  More than that, or a
 * message that cannot be deleted or told from others, is ERROR_RETRY.
 */
int sqs_page_messages(const struct sqs_page *page, struct sqs_message messages[static SQS_BATCH_MAX],
	size_t *ret_count, struct error *err);

void sqs_page_done(struct sqs_page *page);

#endif
