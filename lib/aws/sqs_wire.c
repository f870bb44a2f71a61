/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/aws/sqs_wire.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/aws/member.h"

/* MessageSystemAttributeNames is the newer name of AttributeNames; emulators know the older. */
json_t *sqs_receive_body(const struct sqs_receive *request)
{
	return json_pack("{s:s, s:i, s:i, s:i, s:[s]}", "QueueUrl", request->queue_url,
		"MaxNumberOfMessages", (int)request->limit, "WaitTimeSeconds", (int)request->wait,
		"VisibilityTimeout", (int)request->visibility, "AttributeNames",
		"ApproximateReceiveCount");
}

json_t *sqs_delete_body(const char *queue_url, const char *const *receipts, size_t count)
{
	json_t *entries = json_array();

	for (size_t i = 0; i < count; i++) {
		char id[24];

		(void)snprintf(id, sizeof(id), "%zu", i);
		if (json_array_append_new(entries,
			    json_pack("{s:s, s:s}", "Id", id, "ReceiptHandle", receipts[i])) < 0) {
			json_decref(entries);
			return NULL;
		}
	}
	return json_pack("{s:s, s:o}", "QueueUrl", queue_url, "Entries", entries);
}

/* SQS writes its numbers as texts. */
static unsigned receive_count(const json_t *item)
{
	const char *text = member_string(
		json_object_get(item, "Attributes"), "ApproximateReceiveCount");
	unsigned long count = text ? strtoul(text, NULL, 10) : 0;

	return (unsigned)MIN(count, 1000000UL);
}

static const struct member message_members[] = { { "Body", MEMBER_STRING },
	{ "Attributes", MEMBER_OBJECT }, { 0 } };
static const struct member attributes_members[] = { { "ApproximateReceiveCount", MEMBER_STRING },
	{ 0 } };

static int parse_message(const json_t *item, struct sqs_message *message, struct error *err)
{
	int r;

	r = member_need(item, "MessageId", &message->id, err);
	if (r < 0)
		return r;
	r = member_need(item, "ReceiptHandle", &message->receipt, err);
	if (r == 0)
		r = member_check(item, message_members, err);
	if (r == 0 && json_is_object(json_object_get(item, "Attributes")))
		r = member_check(json_object_get(item, "Attributes"), attributes_members, err);
	if (r < 0)
		return r;
	message->body = member_string(item, "Body") ?: "";
	message->receive_count = receive_count(item);
	return 0;
}

int sqs_parse_messages(const json_t *answer, struct sqs_message messages[static SQS_BATCH_MAX],
	size_t *ret_count, struct error *err)
{
	/* An empty queue has no such member. */
	const json_t *list = json_object_get(answer, "Messages"), *item;
	size_t i;
	int r;

	if (list && !json_is_null(list) && !json_is_array(list))
		return error_set(err, ERROR_RETRY, 0, "answer whose Messages are no list");
	if (json_array_size(list) > SQS_BATCH_MAX)
		return error_set(err, ERROR_RETRY, 0, "answer with more messages than were asked for");
	json_array_foreach(list, i, item)
	{
		r = parse_message(item, &messages[i], err);
		if (r < 0)
			return r;
	}
	*ret_count = json_array_size(list);
	return 0;
}

int sqs_parse_failed(
	const json_t *answer, size_t *ret_failed, char **ret_why, struct error *err)
{
	static const struct member members[] = { { "Failed", MEMBER_OBJECTS }, { 0 } };
	static const struct member reasons[] = { { "Code", MEMBER_STRING },
		{ "Message", MEMBER_STRING }, { 0 } };
	const json_t *failed = json_object_get(answer, "Failed"), *first = json_array_get(failed, 0);
	const char *code = member_string(first, "Code"), *message = member_string(first, "Message");

	int r;

	r = member_check(answer, members, err);
	if (r == 0 && first)
		r = member_check(first, reasons, err);
	if (r < 0)
		return r;
	*ret_why = mem_printf("%s%s%.200s", code ?: "", code && message ? ": " : "", message ?: "");
	*ret_failed = json_array_size(failed);
	return 0;
}
