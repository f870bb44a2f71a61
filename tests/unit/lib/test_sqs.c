/* SPDX-License-Identifier: Apache-2.0 */
/* SQS's JSON in both directions; messages as they arrive, and as jansson reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "lib/aws/sqs_page.h"
#include "lib/aws/sqs_wire.h"
#include "lib/base/buf.h"

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

/* --- Messages --- */

#define BODY_LIMIT 4096

/* Reads ${text} in pieces of ${piece} bytes. */
static int read_pieces(struct sqs_page *page, const char *text, size_t length, size_t piece)
{
	int r = 0;

	page_begin(&page->page);
	for (size_t i = 0; r == 0 && i < length; i += piece)
		r = page_read(&page->page, text + i, MIN(piece, length - i));
	return r < 0 ? r : page_end(&page->page);
}

static int read_messages(struct sqs_page *page, const char *text, struct sqs_message messages[static SQS_BATCH_MAX],
	size_t *ret_count, struct error *err)
{
	sqs_page_init(page, BODY_LIMIT);
	assert_int_equal(read_pieces(page, text, strlen(text), strlen(text)), 0);
	return sqs_page_messages(page, messages, ret_count, err);
}

static void test_messages(void **state)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(sqs_page_done) struct sqs_page page;
	struct sqs_message messages[SQS_BATCH_MAX];
	size_t count = 0;

	assert_int_equal(read_messages(&page, "{\"Messages\":[{\"MessageId\":\"m1\",\"ReceiptHandle\":\"r1\",\"Body\":\"{}\","
					      "\"MD5OfBody\":\"x\",\"Attributes\":{\"ApproximateReceiveCount\":\"3\"}},"
					      "{\"MessageId\":\"m2\",\"ReceiptHandle\":\"r2\"}]}",
				 messages, &count, &err), 0);
	assert_int_equal(count, 2);
	assert_string_equal(messages[0].id, "m1");
	assert_string_equal(messages[0].receipt, "r1");
	assert_string_equal(messages[0].body, "{}");
	assert_int_equal(messages[0].body_length, 2);
	assert_int_equal(messages[0].receive_count, 3);
	assert_string_equal(messages[1].body, "");
	assert_int_equal(messages[1].body_length, 0);
	assert_int_equal(messages[1].receive_count, 0);
}

/* An empty queue leaves the member out; emulators write an empty list or null. */
static void test_no_messages(void **state)
{
	static const char *const answers[] = { "{}", "{\"Messages\":[]}", "{\"Messages\":null}" };

	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		_cleanup_(error_done) struct error err = ERROR_NULL;
		_cleanup_(sqs_page_done) struct sqs_page page;
		struct sqs_message messages[SQS_BATCH_MAX];
		size_t count = 7;

		assert_int_equal(read_messages(&page, answers[i], messages, &count, &err), 0);
		assert_int_equal(count, 0);
	}
}

#define NEEDED "\"MessageId\":\"m\",\"ReceiptHandle\":\"r\""
#define ONE    "{" NEEDED "}"

static void test_bad_answers(void **state)
{
	static const struct {
		const char *answer, *text;
	} cases[] = {
		{ "{\"Messages\":{}}", "response whose Messages is not a list" },
		{ "{\"Messages\":\"x\"}", "response whose Messages is not a list" },
		{ "{\"Messages\":[1]}", "response with something else than objects in Messages" },
		{ "{\"Messages\":[null]}", "response with something else than objects in Messages" },
		{ "{\"Messages\":[" ONE ",[]]}", "response with something else than objects in Messages" },
		{ "{\"Messages\":[{\"ReceiptHandle\":\"r\",\"Body\":\"b\"}]}", "response without MessageId" },
		{ "{\"Messages\":[{\"MessageId\":\"\",\"ReceiptHandle\":\"r\"}]}", "response without MessageId" },
		{ "{\"Messages\":[{\"MessageId\":null,\"ReceiptHandle\":\"r\"}]}", "response without MessageId" },
		{ "{\"Messages\":[{\"MessageId\":7,\"ReceiptHandle\":\"r\"}]}", "response with another type of MessageId" },
		{ "{\"Messages\":[{\"MessageId\":\"m\",\"Body\":\"b\"}]}", "response without ReceiptHandle" },
		{ "{\"Messages\":[" ONE ",{\"MessageId\":\"m\"}]}", "response without ReceiptHandle" },
		{ "{\"Messages\":[{" NEEDED ",\"Body\":{}}]}", "response with another type of Body" },
		{ "{\"Messages\":[{" NEEDED ",\"Body\":7}]}", "response with another type of Body" },
		{ "{\"Messages\":[{" NEEDED ",\"Attributes\":[]}]}", "response with another type of Attributes" },
		{ "{\"Messages\":[{" NEEDED ",\"Attributes\":{\"ApproximateReceiveCount\":1}}]}",
			"response with another type of ApproximateReceiveCount" },
		{ "{\"Messages\":[1,2,3,4,5,6,7,8,9,10,11]}", "response with something else than objects in Messages" },
		{ "{\"Messages\":[" ONE "," ONE "," ONE "," ONE "," ONE "," ONE "," ONE "," ONE "," ONE "," ONE "," ONE "]}",
			"response with too many values in Messages" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(error_done) struct error err = ERROR_NULL;
		_cleanup_(sqs_page_done) struct sqs_page page;
		struct sqs_message messages[SQS_BATCH_MAX];
		size_t count = 7;

		assert_true(read_messages(&page, cases[i].answer, messages, &count, &err) < 0);
		assert_int_equal(err.kind, ERROR_RETRY);
		assert_string_equal(err.text, cases[i].text);
		assert_int_equal(count, 7);
	}
}

/* An answer that is full of something else is not AWS's, be it without messages. */
static void test_full_of_others(void **state)
{
	for (size_t count = 19998; count <= 19999; count++) {
		_cleanup_(buf_done) struct buf text = BUF_NULL;
		_cleanup_(error_done) struct error err = ERROR_NULL;
		_cleanup_(sqs_page_done) struct sqs_page page;
		struct sqs_message messages[SQS_BATCH_MAX];
		size_t messages_count = 7;
		bool bad = count == 19999;

		buf_append_string(&text, "{\"others\":[1");
		for (size_t i = 1; i < count; i++)
			buf_append_string(&text, i % 2 ? ",{}" : ",null");
		buf_append_string(&text, "]}");
		assert_int_equal(read_messages(&page, text.data, messages, &messages_count, &err) < 0, bad);
		assert_int_equal(messages_count, bad ? 7 : 0);
		if (bad)
			assert_string_equal(err.text, "response with too many values beside Messages");
	}
}

/* Receipts that go on and on are not kept, since nobody could delete with them: SQS's have 1024 bytes at most. */
static void test_long_receipt(void **state)
{
	for (int length = 2048; length <= 3 << 20; length = length == 2048 ? 2049 : length * 40) {
		_cleanup_(freep) char *text = mem_printf(
			"{\"Messages\":[{\"MessageId\":\"m\",\"ReceiptHandle\":\"%0*d\"}]}", length, 0);
		_cleanup_(error_done) struct error err = ERROR_NULL;
		_cleanup_(sqs_page_done) struct sqs_page page;
		struct sqs_message messages[SQS_BATCH_MAX];
		size_t count = 7;

		assert_int_equal(read_messages(&page, text, messages, &count, &err) < 0, length > 2048);
		if (length > 2048)
			assert_string_equal(err.text, "response with too long a value of ReceiptHandle");
	}
}

/* Of a long body the beginning is kept, and how long it is. */
static void test_long_body(void **state)
{
	static const size_t lengths[] = { BODY_LIMIT - 1, BODY_LIMIT, BODY_LIMIT + 1, 1 << 20 };

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		_cleanup_(buf_done) struct buf text = BUF_NULL;
		_cleanup_(error_done) struct error err = ERROR_NULL;
		_cleanup_(sqs_page_done) struct sqs_page page;
		struct sqs_message messages[SQS_BATCH_MAX];
		size_t count = 0;

		buf_append_string(&text, "{\"Messages\":[" ONE ",{\"Body\":\"");
		for (size_t j = 0; j < lengths[i]; j++)
			buf_append_string(&text, j % 2 ? "\\u0061" : "\\n");
		buf_append_string(&text, "\"," NEEDED ",\"MD5OfBody\":\"x\"}," ONE "]}");
		assert_int_equal(read_messages(&page, text.data, messages, &count, &err), 0);
		assert_int_equal(count, 3);
		assert_int_equal(messages[1].body_length, lengths[i]);
		assert_int_equal(strlen(messages[1].body), MIN(lengths[i], (size_t)BODY_LIMIT));
		assert_memory_equal(messages[1].body, "\na\na\na", 6);
		assert_string_equal(messages[1].receipt, "r");
		assert_int_equal(messages[2].body_length, 0);
	}
}

/* What jansson makes of the answer, in words; NULL: it is none. */
static char *told_by_tree(const char *text, size_t length)
{
	_cleanup_(json_freep) json_t *answer = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
	const json_t *list = json_object_get(answer, "Messages"), *item;
	_cleanup_(buf_done) struct buf told = BUF_NULL;
	size_t i;

	if (!json_is_object(answer) || (list && !json_is_null(list) && !json_is_array(list)) ||
		json_array_size(list) > SQS_BATCH_MAX)
		return NULL;
	json_array_foreach(list, i, item)
	{
		const json_t *body = json_object_get(item, "Body"), *attributes = json_object_get(item, "Attributes"),
			     *times = json_object_get(attributes, "ApproximateReceiveCount");

		if (json_string_length(json_object_get(item, "MessageId")) == 0 ||
			json_string_length(json_object_get(item, "ReceiptHandle")) == 0 ||
			(body && !json_is_null(body) && !json_is_string(body)) ||
			(attributes && !json_is_null(attributes) && !json_is_object(attributes)) ||
			(times && !json_is_null(times) && !json_is_string(times)))
			return NULL;
		buf_printf(&told, "%s %s %.*s %zu %lu\n", json_string_value(json_object_get(item, "MessageId")),
			json_string_value(json_object_get(item, "ReceiptHandle")), BODY_LIMIT,
			json_string_value(body) ?: "", json_string_length(body),
			MIN(strtoul(json_string_value(times) ?: "0", NULL, 10), 1000000UL));
	}
	return buf_take(&told);
}

/* What we make of it. */
static char *told_by_page(struct sqs_page *page, const char *text, size_t length, size_t piece)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(buf_done) struct buf told = BUF_NULL;
	struct sqs_message messages[SQS_BATCH_MAX];
	size_t count = 0;

	if (read_pieces(page, text, length, piece) < 0)
		return NULL;
	if (sqs_page_messages(page, messages, &count, &err) < 0) {
		assert_int_equal(err.kind, ERROR_RETRY);
		return NULL;
	}
	for (size_t i = 0; i < count; i++)
		buf_printf(&told, "%s %s %s %zu %u\n", messages[i].id, messages[i].receipt, messages[i].body,
			messages[i].body_length, messages[i].receive_count);
	return buf_take(&told);
}

static void assert_as_tree(struct sqs_page *page, const char *text, size_t length, size_t piece)
{
	_cleanup_(freep) char *expected = told_by_tree(text, length);
	_cleanup_(freep) char *told = told_by_page(page, text, length, piece);

	if (!expected != !told || (told && strcmp(told, expected) != 0))
		fail_msg("%.*s\nis read as\n%s\nand not as\n%s", (int)length, text, told ?: "nothing", expected ?: "nothing");
}

static const char answer[] = "{\"Messages\":[{\"MessageId\":\"m1\",\"ReceiptHandle\":\"r1\",\"MD5OfBody\":\"x\","
			     "\"Body\":\"{\\\"a\\\":\\u00e9\xe2\x82\xac}\",\"Attributes\":{\"SenderId\":\"x\","
			     "\"ApproximateReceiveCount\":\"3\"},\"MessageAttributes\":{\"Body\":{\"Body\":[\"b\",{}]}}},"
			     "{\"Body\":null,\"MessageId\":\"m2\",\"ReceiptHandle\":\"r2\",\"Attributes\":null}],"
			     "\"Body\":\"y\"}";

/* In pieces of each length it is the same; cut anywhere, it is none; and one reader reads them all. */
static void test_pieces_and_cuts(void **state)
{
	_cleanup_(sqs_page_done) struct sqs_page page;
	const size_t length = strlen(answer);

	sqs_page_init(&page, BODY_LIMIT);
	for (size_t piece = 1; piece <= length; piece++)
		assert_as_tree(&page, answer, length, piece);
	for (size_t cut = 0; cut < length; cut++) {
		assert_null(told_by_tree(answer, cut));
		assert_as_tree(&page, answer, cut, cut / 2 + 1);
	}
}

/* The same with a body that is cut, wherever the pieces end. */
static void test_pieces_of_a_long_body(void **state)
{
	_cleanup_(sqs_page_done) struct sqs_page page;
	_cleanup_(buf_done) struct buf text = BUF_NULL;

	buf_append_string(&text, "{\"Messages\":[" ONE ",{\"Body\":\"");
	for (int i = 0; i < 700; i++)
		buf_append_string(&text, "a\\u0062\\n\\\"\\ttail");
	buf_append_string(&text, "\"," NEEDED "}," ONE "]}");
	sqs_page_init(&page, BODY_LIMIT);
	for (size_t piece = 1; piece <= text.length; piece += 1 + piece / 50)
		assert_as_tree(&page, text.data, text.length, piece);
	for (size_t cut = 0; cut < text.length; cut += 1 + 12 * (cut > 100 && cut < text.length - 100))
		assert_as_tree(&page, text.data, cut, 1000);
}

/* With any byte of it another, left out, or twice, it is read as by jansson, or refused as by it. */
static void test_every_slip(void **state)
{
	static const char others[] = "\"\\{}[]:,0nt x\x80\xc3\x01";
	_cleanup_(sqs_page_done) struct sqs_page page;

	sqs_page_init(&page, BODY_LIMIT);
	for (size_t at = 0; at < strlen(answer); at++) {
		char text[sizeof(answer) + 1];

		for (const char *other = others; *other; other++) {
			memcpy(text, answer, sizeof(answer));
			text[at] = *other;
			assert_as_tree(&page, text, strlen(text), 7);
		}
		memcpy(text, answer, at);
		memcpy(text + at, answer + at + 1, sizeof(answer) - at - 1);
		assert_as_tree(&page, text, strlen(text), 7);
		memcpy(text, answer, at + 1);
		memcpy(text + at + 1, answer + at, sizeof(answer) - at);
		assert_as_tree(&page, text, strlen(text), 7);
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
		cmocka_unit_test(test_full_of_others),
		cmocka_unit_test(test_long_receipt),
		cmocka_unit_test(test_long_body),
		cmocka_unit_test(test_pieces_and_cuts),
		cmocka_unit_test(test_pieces_of_a_long_body),
		cmocka_unit_test(test_every_slip),
		cmocka_unit_test(test_failed_entries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
