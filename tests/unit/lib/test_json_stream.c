/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "lib/base/json_stream.h"
#include "lib/base/mem.h"

/* The tokens as text: one line each. */
static void on_event(void *userdata, enum json_event event, const char *text, size_t length)
{
	static const char marks[] = "{}[]:\"#tfn~";
	struct buf *out = userdata;

	buf_append_char(out, marks[event]);
	if (length)
		buf_append(out, text, length);
	buf_append_char(out, '\n');
}

/* Reads ${text} in pieces of each length; the tokens are the same.  NULL: no JSON.  ${cut}: strings are, there. */
static char *read_cut(const char *text, size_t cut)
{
	char *first = NULL;
	int verdict = 0;

	for (size_t piece = 1; piece <= strlen(text) + 1; piece++) {
		struct json_stream stream;
		struct buf out = BUF_NULL;
		int r = 0;

		json_stream_init(&stream, on_event, &out);
		if (cut)
			json_stream_cut(&stream, cut);
		for (size_t i = 0; r == 0 && i < strlen(text); i += piece)
			r = json_stream_push(&stream, text + i, MIN(piece, strlen(text) - i));
		if (r == 0)
			r = json_stream_end(&stream);
		json_stream_done(&stream);
		if (piece == 1) {
			verdict = r;
			first = mem_strdup(out.data);
		}
		assert_int_equal(r, verdict);
		if (r == 0)
			assert_string_equal(out.data, first);
		buf_done(&out);
	}
	if (verdict < 0) {
		free(first);
		return NULL;
	}
	return first;
}

static char *read_text(const char *text)
{
	return read_cut(text, 0);
}

static void test_tokens(void **state)
{
	static const struct {
		const char *text, *tokens;
	} cases[] = {
		{ "{}", "{\n}\n" },
		{ " [ ] ", "[\n]\n" },
		{ "{\"a\" : [true,false , null]}", "{\n:a\n[\nt\nf\nn\n]\n}\n" },
		{ "[0, -1.5e+3]", "[\n#0\n#-1.5e+3\n]\n" },
		{ "12", "#12\n" },
		{ "[\"\", \"a\\n\\u00e9\\ud83d\\ude00\\/\"]", "[\n\"\n\"a\n\xc3\xa9\xf0\x9f\x98\x80/\n]\n" },
		{ "[\"\xc3\xa9\xe2\x82\xac\xf4\x8f\xbf\xbf\"]", "[\n\"\xc3\xa9\xe2\x82\xac\xf4\x8f\xbf\xbf\n]\n" },
		{ "{\"a\":{\"a\":1},\"b\":[{\"a\":1},{\"a\":2}]}",
			"{\n:a\n{\n:a\n#1\n}\n:b\n[\n{\n:a\n#1\n}\n{\n:a\n#2\n}\n]\n}\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(freep) char *tokens = read_text(cases[i].text);

		assert_non_null(tokens);
		assert_string_equal(tokens, cases[i].tokens);
	}
}

static void test_refused(void **state)
{
	static const char *const bad[] = { "", " ", "{", "[", "]", "}", "[}", "{]", "[1,]", "[,1]", "{,}",
		"{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{1:1}", "{\"a\" 1}", "[1 2]", "[] []", "[],",
		"{} x", "01", "1.", ".5", "+1", "-", "1e", "1e+", "1.5.2", "--1", "0x1",
		"9223372036854775808", "1e999", "tru", "trues", "nul", "True", "NaN", "\"", "\"a", "\"\\",
		"\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\u0000\"", "\"\\ud800\"", "\"\\udc00\"",
		"\"\\ud83dx\"", "\"\\ud83d\\n\"", "\"\\ud83d\\ud83d\"", "\"\t\"", "\"\x80\"", "\"\xc0\xaf\"",
		"\"\xe0\x80\xaf\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xe2\x82\"",
		"\xef\xbb\xbf[]", "{\"a\":1,\"a\":2}", "{\"a\":1,\"b\":{},\"\\u0061\":2}", "'a'", "//x\n1",
		"<html>" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_(freep) char *tokens = read_text(bad[i]);

		if (tokens)
			fail_msg("'%s' was taken", bad[i]);
	}
}

/* Each byte at each place of a string that is longer than what is looked at at once: taken or not as by jansson. */
static void test_each_byte_at_each_place(void **state)
{
	for (int c = 1; c < 256; c++)
		for (size_t at = 1; at <= 18; at++) {
			char text[] = "\"xxxxxxxxxxxxxxxxxx\"";
			_cleanup_(freep) char *tokens = NULL;
			json_t *expected;

			text[at] = (char)c;
			tokens = read_text(text);
			expected = json_loads(text, JSON_DECODE_ANY, NULL);
			assert_int_equal(tokens != NULL, expected != NULL);
			if (tokens)
				assert_memory_equal(tokens + 1, json_string_value(expected), json_string_length(expected));
			json_decref(expected);
		}
}

/* Of two members of one length, whatever it is: the same name is refused, and one that differs in any byte is not. */
static void test_names_of_each_length(void **state)
{
	for (size_t length = 0; length < 40; length++) {
		_cleanup_(freep) char *name = mem_printf("%.*s", (int)length,
			"CertificateAuthorityConfigurationOfRevocation");
		_cleanup_(freep) char *other = mem_strdup(name);

		for (size_t i = 0; i <= length; i++) {
			_cleanup_(freep) char *text = NULL, *tokens = NULL;

			if (i < length)
				other[i] ^= 1;
			text = mem_printf("{\"%s\":1,\"%s\":2}", name, other);
			tokens = read_text(text);
			assert_int_equal(tokens != NULL, i < length);
			if (i < length)
				other[i] ^= 1;
		}
	}
}

static int push_times(const char *text, size_t times, const char *last)
{
	struct json_stream stream;
	struct buf out = BUF_NULL;
	int r = 0;

	json_stream_init(&stream, on_event, &out);
	for (size_t i = 0; r == 0 && i < times; i++)
		r = json_stream_push(&stream, text, strlen(text));
	if (r == 0)
		r = json_stream_push(&stream, last, strlen(last));
	/* Broken once, broken for good, and nothing is kept of what comes. */
	if (r < 0)
		assert_int_equal(json_stream_push(&stream, "[]", 2), -EINVAL);
	assert_true(stream.token.length <= JSON_STREAM_TOKEN);
	assert_true(stream.seen_room <= JSON_STREAM_MEMBERS);
	json_stream_done(&stream);
	buf_done(&out);
	return r;
}

static void test_limits(void **state)
{
	_cleanup_(freep) char *long_one = mem_alloc(JSON_STREAM_TOKEN + 3);
	struct json_stream stream;
	struct buf out = BUF_NULL;
	int r = 0;

	assert_int_equal(push_times("[", JSON_STREAM_DEPTH, ""), 0);
	assert_int_equal(push_times("[", JSON_STREAM_DEPTH + 1, ""), -EINVAL);
	assert_int_equal(push_times("[", 1000000, ""), -EINVAL);
	assert_int_equal(push_times("{\"a\":", 1000000, ""), -EINVAL);
	assert_int_equal(push_times("1", JSON_STREAM_TOKEN + 1, ""), -EINVAL);

	memset(long_one, 'x', JSON_STREAM_TOKEN + 2);
	long_one[0] = '"';
	assert_int_equal(push_times(long_one, 1, "\""), -EINVAL);
	long_one[JSON_STREAM_TOKEN + 1] = '\0';
	assert_int_equal(push_times(long_one, 1, "\""), 0);

	json_stream_init(&stream, on_event, &out);
	assert_int_equal(json_stream_push(&stream, "{", 1), 0);
	for (int i = 0; i <= JSON_STREAM_MEMBERS; i++) {
		_cleanup_(freep) char *member = mem_printf("%s\"%d\":1", i ? "," : "", i);

		assert_int_equal(r, 0);
		r = json_stream_push(&stream, member, strlen(member));
	}
	assert_int_equal(r, -EINVAL);
	json_stream_done(&stream);
	buf_done(&out);
}

/* What is longer than the cut is told as its beginning, in whole characters; keys and numbers are not cut. */
static void test_cut(void **state)
{
	static const struct {
		size_t cut;
		const char *text, *tokens;
	} cases[] = {
		{ 4, "\"abcd\"", "\"abcd\n" },
		{ 4, "\"abcde\"", "~abcd\n" },
		{ 4, "[\"abcdefghijklmnopqrstuvwxyz\",\"a\",1234567]", "[\n~abcd\n\"a\n#1234567\n]\n" },
		{ 4, "{\"abcdef\":\"abcdef\",\"abcdeg\":1}", "{\n:abcdef\n~abcd\n:abcdeg\n#1\n}\n" },
		{ 4, "[\"a\\\"\\n\\u0041\",\"a\\\"\\n\\u0041\\\"\\\"\"]", "[\n\"a\"\nA\n~a\"\nA\n]\n" },
		{ 1, "[\"\",\"\\n\\n\"]", "[\n\"\n~\n\n]\n" },
		{ 1, "[\"\xc3\xa9\",\"\\u00e9\",\"\xc3\xa9x\"]", "[\n~\n~\n~\n]\n" },
		{ 2, "[\"\xc3\xa9\",\"\\u00e9\",\"\xc3\xa9x\"]", "[\n\"\xc3\xa9\n\"\xc3\xa9\n~\xc3\xa9\n]\n" },
		{ 3, "[\"\xc3\xa9\xc3\xa9\",\"\\u00e9\\u00e9\",\"\xc3\xa9xx\"]",
			"[\n~\xc3\xa9\n~\xc3\xa9\n~\xc3\xa9x\n]\n" },
		{ 3, "[\"a\xe2\x82\xac\",\"\\ud83d\\ude00\",\"\xf0\x9f\x98\x80\"]", "[\n~a\n~\n~\n]\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(freep) char *tokens = read_cut(cases[i].text, cases[i].cut);

		assert_non_null(tokens);
		assert_string_equal(tokens, cases[i].tokens);
	}
}

/* Wherever a string is cut, it is read or refused as whole, and what is told of it is its beginning. */
static void test_cut_anywhere(void **state)
{
	static const char *const texts[] = { "\"ab\xc3\xa9\xe2\x82\xac\xf4\x8f\xbf\xbf\\n\\u00e9\\ud83d\\ude00z\"",
		"\"abcd\x80\"", "\"ab\xc3\"", "\"ab\xc3\\u00e9\"", "\"ab\\u00c3\xa9\"", "\"ab\xe2\x82\"", "\"abc\xc0\xaf\"",
		"\"abc\xe0\x80\xaf\"", "\"abc\xed\xa0\x80\"", "\"abc\xf4\x90\x80\x80\"", "\"abc\\ud83d\"",
		"\"abc\\ud83dx\"", "\"abc\\udc00\"", "\"abc\\u0000\"", "\"abc\\x\"", "\"abc\tdef\"", "\"abc\\ud83d\xc3\xa9\"",
		"\"abcdef", "\"abcdef\\\"", "\"abcdef\" x", "\"\xc3\xc3\"", "\"\xc3\xa9\xa9\"" };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		for (size_t cut = 1; cut <= 32; cut++) {
			_cleanup_(freep) char *whole = read_text(texts[i]), *tokens = read_cut(texts[i], cut);

			assert_int_equal(tokens != NULL, whole != NULL);
			if (!tokens)
				continue;
			assert_int_equal(*tokens, strlen(whole) - 2 > cut ? '~' : '"');
			assert_true(strlen(tokens) - 2 <= cut && strlen(tokens) + 3 >= MIN(cut + 2, strlen(whole)));
			assert_memory_equal(tokens + 1, whole + 1, strlen(tokens) - 2);
		}
}

static void on_long(void *userdata, enum json_event event, const char *text, size_t length)
{
	struct json_stream *stream = userdata;

	if (event != JSON_EVENT_CUT)
		return;
	assert_int_equal(length, 1000);
	assert_int_equal(stream->dropped, 1000000 * strlen("x\xc3\xa9\xe2\x82\xac\n") - 1000);
}

/* However long it is, no more is kept than was said, and how much is missing is known. */
static void test_cut_keeps_little(void **state)
{
	static const char piece[] = "x\xc3\xa9\\u20ac\\n";
	struct json_stream stream;

	json_stream_init(&stream, on_long, &stream);
	json_stream_cut(&stream, 1000);
	assert_int_equal(json_stream_push(&stream, "[\"", 2), 0);
	for (int i = 0; i < 1000000; i++)
		assert_int_equal(json_stream_push(&stream, piece, strlen(piece)), 0);
	assert_true(stream.token.capacity <= 4096);
	assert_int_equal(json_stream_push(&stream, "\"]", 2), 0);
	assert_int_equal(json_stream_end(&stream), 0);
	json_stream_done(&stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_each_byte_at_each_place),
		cmocka_unit_test(test_names_of_each_length),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_cut_keeps_little),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
