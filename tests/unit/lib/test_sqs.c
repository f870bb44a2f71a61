/* SPDX-License-Identifier: Apache-2.0 */
/* SQS's JSON in both directions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "lib/aws/sqs_wire.h"

#define QUEUE "https://sqs.eu-west-1.amazonaws.com/111111111111/certferry"

static void json_freep(json_t **json)
{
	json_decref(*json);
}

static json_t *parse(const char *text)
{
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	if (!json)
		fail_msg("%s", text);
	return json;
}

static void assert_json(const json_t *made, const char *text)
{
	_cleanup_(json_freep) json_t *wanted = parse(text);

	assert_true(json_equal(made, wanted));
}

static void test_bodies(void **state)
{
	const struct sqs_receive request = {
		.queue_url = QUEUE, .wait = 20, .visibility = 120, .limit = 10
	};
	const char *const receipts[] = { "AQEB+/=", "b" };
	const char *const broken[] = { "\xff" };
	_cleanup_(json_freep) json_t *receive = sqs_receive_body(&request);
	_cleanup_(json_freep) json_t *delete = sqs_delete_body(QUEUE, receipts, 2);

	assert_json(receive, "{\"QueueUrl\":\"" QUEUE "\",\"MaxNumberOfMessages\":10,\"WaitTimeSeconds\":20,"
			     "\"VisibilityTimeout\":120,\"AttributeNames\":[\"ApproximateReceiveCount\"]}");
	assert_json(delete, "{\"QueueUrl\":\"" QUEUE "\",\"Entries\":[{\"Id\":\"0\",\"ReceiptHandle\":\"AQEB+/=\"},"
			    "{\"Id\":\"1\",\"ReceiptHandle\":\"b\"}]}");
	assert_null(sqs_delete_body(QUEUE, broken, 1));
}

static void test_messages(void **state)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(json_freep) json_t *answer = parse(
		"{\"Messages\":[{\"MessageId\":\"m1\",\"ReceiptHandle\":\"r1\",\"Body\":\"{}\","
		"\"MD5OfBody\":\"x\",\"Attributes\":{\"ApproximateReceiveCount\":\"3\"}},"
		"{\"MessageId\":\"m2\",\"ReceiptHandle\":\"r2\"}]}");
	struct sqs_message messages[SQS_BATCH_MAX];
	size_t count = 0;

	assert_int_equal(sqs_parse_messages(answer, messages, &count, &err), 0);
	assert_int_equal(count, 2);
	assert_string_equal(messages[0].id, "m1");
	assert_string_equal(messages[0].receipt, "r1");
	assert_string_equal(messages[0].body, "{}");
	assert_int_equal(messages[0].receive_count, 3);
	assert_string_equal(messages[1].body, "");
	assert_int_equal(messages[1].receive_count, 0);
}

/* An empty queue leaves the member out; emulators write an empty list or null. */
static void test_no_messages(void **state)
{
	static const char *const answers[] = { "{}", "{\"Messages\":[]}", "{\"Messages\":null}" };

	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		_cleanup_(error_done) struct error err = ERROR_NULL;
		_cleanup_(json_freep) json_t *answer = parse(answers[i]);
		struct sqs_message messages[SQS_BATCH_MAX];
		size_t count = 7;

		assert_int_equal(sqs_parse_messages(answer, messages, &count, &err), 0);
		assert_int_equal(count, 0);
	}
}

static void test_bad_answers(void **state)
{
	static const char *const answers[] = {
		"{\"Messages\":{}}",
		"{\"Messages\":[1]}",
		"{\"Messages\":[{\"ReceiptHandle\":\"r\",\"Body\":\"b\"}]}",
		"{\"Messages\":[{\"MessageId\":\"m\",\"Body\":\"b\"}]}",
		"{\"Messages\":[1,2,3,4,5,6,7,8,9,10,11]}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		_cleanup_(error_done) struct error err = ERROR_NULL;
		_cleanup_(json_freep) json_t *answer = parse(answers[i]);
		struct sqs_message messages[SQS_BATCH_MAX];
		size_t count = 7;

		assert_true(sqs_parse_messages(answer, messages, &count, &err) < 0);
		assert_int_equal(err.kind, ERROR_RETRY);
		assert_int_equal(count, 7);
	}
}

static void test_failed_entries(void **state)
{
	_cleanup_(json_freep) json_t *all = parse("{\"Successful\":[{\"Id\":\"0\"}],\"Failed\":[]}");
	_cleanup_(json_freep) json_t *some = parse(
		"{\"Successful\":[],\"Failed\":[{\"Id\":\"0\",\"SenderFault\":true,\"Code\":"
		"\"ReceiptHandleIsInvalid\",\"Message\":\"too old\"},{\"Id\":\"1\",\"SenderFault\":false,"
		"\"Code\":\"InternalError\"}]}");
	_cleanup_(freep) char *none = NULL, *why = NULL;

	size_t failed = 7;

	assert_int_equal(sqs_parse_failed(all, &failed, &none, NULL), 0);
	assert_int_equal(failed, 0);
	assert_string_equal(none, "");
	assert_int_equal(sqs_parse_failed(some, &failed, &why, NULL), 0);
	assert_int_equal(failed, 2);
	assert_string_equal(why, "ReceiptHandleIsInvalid: too old");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_no_messages),
		cmocka_unit_test(test_bad_answers),
		cmocka_unit_test(test_failed_entries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
