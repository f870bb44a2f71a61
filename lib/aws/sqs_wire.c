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
