/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/bounded.h"
#include "lib/base/buf.h"
#include "lib/base/encode.h"
#include "lib/base/error.h"
#include "lib/base/intern.h"
#include "lib/base/mem.h"
#include "lib/base/printable.h"
#include "lib/base/strv.h"

/* --- errors --- */

static const struct {
	enum error_kind kind;
	const char *name;
	int number;
} kinds[] = {
	{ ERROR_RETRY, "retry", EAGAIN },
	{ ERROR_DENIED, "denied", EACCES },
	{ ERROR_ABSENT, "absent", ENOENT },
	{ ERROR_INVALID, "invalid", EINVAL },
	{ ERROR_CONFLICT, "conflict", EEXIST },
	{ ERROR_QUOTA, "quota", EDQUOT },
	{ ERROR_BUG, "bug", ENOTRECOVERABLE },
};

static void test_error_kinds(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		_cleanup_(error_done) struct error err = ERROR_NULL;

		assert_int_equal(error_set(&err, kinds[i].kind, 42, "no %d", 7), -kinds[i].number);
		assert_int_equal(err.kind, kinds[i].kind);
		assert_int_equal(err.code, 42);
		assert_string_equal(err.text, "no 7");
		assert_int_equal(error_result(&err), -kinds[i].number);
		assert_string_equal(error_kind_name(kinds[i].kind), kinds[i].name);
		assert_int_equal(error_kind_find(kinds[i].name), kinds[i].kind);
		assert_int_equal(error_set(NULL, kinds[i].kind, 0, "x"), -kinds[i].number);
	}
	assert_string_equal(error_kind_name(ERROR_NONE), "none");
	assert_string_equal(error_kind_name((enum error_kind)99), "bug");
	assert_int_equal(error_kind_find("none"), ERROR_NONE);
	assert_int_equal(error_kind_find("Retry"), ERROR_NONE);
	assert_int_equal(error_kind_find(""), ERROR_NONE);
	assert_int_equal(error_kind_find(NULL), ERROR_NONE);
}

static void test_error_errno(void **state)
{
	static const struct {
		int number;
		enum error_kind kind;
	} numbers[] = {
		{ EACCES, ERROR_DENIED },
		{ EPERM, ERROR_DENIED },
		{ EROFS, ERROR_DENIED },
		{ ENOENT, ERROR_ABSENT },
		{ ENXIO, ERROR_ABSENT },
		{ ENODEV, ERROR_ABSENT },
		{ EEXIST, ERROR_CONFLICT },
		{ ENOTEMPTY, ERROR_CONFLICT },
		{ EINVAL, ERROR_INVALID },
		{ ENAMETOOLONG, ERROR_INVALID },
		{ ENOTDIR, ERROR_INVALID },
		{ EISDIR, ERROR_INVALID },
		{ ELOOP, ERROR_INVALID },
		{ EDQUOT, ERROR_QUOTA },
		{ ENOSPC, ERROR_RETRY },
		{ ECONNRESET, ERROR_RETRY },
		{ EAGAIN, ERROR_RETRY },
		{ EIO, ERROR_RETRY },
	};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		for (int sign = -1; sign <= 1; sign += 2) {
			_cleanup_(error_done) struct error err = ERROR_NULL;
			_cleanup_(freep) char *text = mem_printf(
				"open 'x': %s", strerror(numbers[i].number));

			assert_int_equal(
				error_set_errno(&err, sign * numbers[i].number, "open '%s'", "x"),
				-numbers[i].number);
			assert_int_equal(err.kind, numbers[i].kind);
			assert_int_equal(err.code, numbers[i].number);
			assert_string_equal(err.text, text);
		}
}

static void test_error_unknown_errno(void **state)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;

	assert_int_equal(error_set_errno(&err, 4000, "x"), -4000);
	assert_string_equal(err.text, "x: unknown error");
	assert_int_equal(error_set_errno(NULL, ENOENT, "x"), -ENOENT);
}

/* The outermost context first; kind and code stay. */
static void test_error_wrap(void **state)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;

	(void)error_set(&err, ERROR_DENIED, 403, "AccessDenied");
	assert_int_equal(error_wrap(&err, "%s", "ImportCertificate"), -EACCES);
	assert_int_equal(error_wrap(&err, "deliver '%s' to '%s'", "a", "b"), -EACCES);
	assert_string_equal(err.text, "deliver 'a' to 'b': ImportCertificate: AccessDenied");
	assert_int_equal(err.kind, ERROR_DENIED);
	assert_int_equal(err.code, 403);
	assert_true(error_wrap(NULL, "x") < 0);
}

/* Filled again, from its own text as well: the former content is released, not lost. */
static void test_error_again(void **state)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;

	(void)error_set(&err, ERROR_RETRY, 1, "first");
	(void)error_set(&err, ERROR_BUG, 2, "%s and second", err.text);
	assert_string_equal(err.text, "first and second");
	error_done(&err);
	assert_int_equal(err.kind, ERROR_NONE);
	assert_int_equal(error_result(&err), 0);
	assert_null(err.text);
	error_done(&err);
}

static void test_error_copy_and_move(void **state)
{
	_cleanup_(error_done) struct error from = ERROR_NULL, to = ERROR_NULL;

	(void)error_set(&to, ERROR_BUG, 1, "old");
	(void)error_set(&from, ERROR_QUOTA, 2, "new");
	error_copy(&to, &from);
	assert_string_equal(to.text, "new");
	assert_true(to.text != from.text);
	assert_int_equal(to.kind, ERROR_QUOTA);
	(void)error_set(&to, ERROR_BUG, 1, "old");
	error_move(&to, &from);
	assert_string_equal(to.text, "new");
	assert_int_equal(to.kind, ERROR_QUOTA);
	assert_int_equal(to.code, 2);
	assert_null(from.text);
	assert_int_equal(from.kind, ERROR_NONE);
	error_copy(&to, &from);
	assert_null(to.text);
	assert_int_equal(error_result(&to), 0);
}

/* --- buf --- */

static void test_buf(void **state)
{
	_cleanup_(buf_done) struct buf buf = BUF_NULL;

	assert_string_equal(buf.data, "");
	buf_append(&buf, NULL, 0);
	assert_string_equal(buf.data, "");
	buf_append_string(&buf, "one");
	buf_append_char(&buf, ' ');
	buf_printf(&buf, "%d-%s", 2, "three");
	assert_string_equal(buf.data, "one 2-three");
	assert_int_equal(buf.length, 11);
	buf_append(&buf, "\0x", 2);
	assert_int_equal(buf.length, 13);
	assert_memory_equal(buf.data, "one 2-three\0x", 14);
	buf_clear(&buf);
	assert_int_equal(buf.length, 0);
	assert_string_equal(buf.data, "");
	assert_true(buf.capacity > 0);
}

/* Around each size at which it grows, the bytes stay and a NUL follows. */
static void test_buf_grows(void **state)
{
	_cleanup_(buf_done) struct buf buf = BUF_NULL;

	for (size_t i = 0; i < 5000; i++) {
		buf_append_char(&buf, (char)('a' + i % 26));
		assert_true(buf.capacity > buf.length);
		assert_int_equal(buf.data[buf.length], '\0');
	}
	for (size_t i = 0; i < 5000; i++)
		assert_int_equal(buf.data[i], (char)('a' + i % 26));
}

static void test_buf_take(void **state)
{
	struct buf buf = BUF_NULL;
	char *empty = buf_take(&buf), *text;

	assert_string_equal(empty, "");
	assert_true(empty != buf_empty);
	buf_append_string(&buf, "text");
	text = buf_take(&buf);
	assert_string_equal(text, "text");
	assert_int_equal(buf.length, 0);
	assert_string_equal(buf.data, "");
	buf_append_string(&buf, "again");
	assert_string_equal(buf.data, "again");
	assert_string_equal(text, "text");
	buf_done(&buf);
	buf_done(&buf);
	buf_clear(&buf);
	assert_string_equal(buf.data, "");
	free(text);
	free(empty);
}

/* --- strv --- */

static void test_strv(void **state)
{
	_cleanup_(strv_freep) char **list = NULL, **copy = NULL;
	char text[] = "b";
	size_t seen = 0;

	assert_int_equal(strv_length(NULL), 0);
	assert_false(strv_has(NULL, "a"));
	assert_null(strv_copy(NULL));
	assert_true(strv_equal(NULL, NULL));
	assert_null(strv_free(NULL));
	strv_append(&list, "a");
	strv_append(&list, text);
	text[0] = 'x';
	assert_int_equal(strv_length(list), 2);
	assert_true(strv_has(list, "b"));
	assert_false(strv_has(list, "B"));
	assert_false(strv_has(list, "x"));
	copy = strv_copy(list);
	assert_true(strv_equal(list, copy));
	assert_true(copy[0] != list[0]);
	strv_append(&copy, "c");
	assert_false(strv_equal(list, copy));
	assert_false(strv_equal(list, NULL));
	STRV_FOREACH (item, list)
		seen += **item == "ab"[seen];
	assert_int_equal(seen, 2);
}

static void test_strv_equal_order(void **state)
{
	char a[] = "a", b[] = "b";
	char *one[] = { a, b, NULL }, *other[] = { b, a, NULL }, *empty[] = { NULL };

	assert_false(strv_equal(one, other));
	assert_true(strv_equal(one, one));
	assert_true(strv_equal(empty, NULL));
}

static void test_strv_join(void **state)
{
	char a[] = "a", b[] = "b", empty[] = "";
	char *three[] = { a, b, a, NULL }, *one[] = { a, NULL },
	     *hollow[] = { empty, a, empty, NULL };
	_cleanup_(freep) char *joined = strv_join(three, ", "), *single = strv_join(one, ", ");
	_cleanup_(freep) char *none = strv_join(NULL, ", "), *empties = strv_join(hollow, ",");

	assert_string_equal(joined, "a, b, a");
	assert_string_equal(single, "a");
	assert_string_equal(none, "");
	assert_string_equal(empties, ",a,");
}

/* --- what others decide the length of --- */

static void assert_bounded(const char *text, size_t most, const char *expect)
{
	_cleanup_(freep) char *cut = bounded(mem_strdup(text), most);

	assert_string_equal(cut, expect);
}

static void test_bounded(void **state)
{
	assert_null(bounded(NULL, 8));
	assert_bounded("", 8, "");
	assert_bounded("12345678", 8, "12345678");
	assert_bounded("123456789", 8, "12345...");
	assert_bounded("123456789", 4, "1...");
	/* Never half a character: one of two bytes, of three and of four. */
	assert_bounded("1234\xc3\xa4\xc3\xa4", 7, "1234...");
	assert_bounded("1234\xc3\xa4\xc3\xa4zz", 8, "1234...");
	assert_bounded("123\xe2\x82\xac\xe2\x82\xac", 8, "123...");
	assert_bounded("12\xf0\x9f\x92\xa9....", 8, "12...");
	assert_bounded("\xf0\x9f\x92\xa9.....", 8, "\xf0\x9f\x92\xa9....");
	/* What is not UTF-8 is cut all the same. */
	assert_bounded("\x80\x80\x80\x80\x80\x80\x80\x80\x80", 8, "\x80\x80...");
}

static void test_bounded_printf(void **state)
{
	_cleanup_(freep) char *all = bounded_printf(6, "%s:%d", "abc", 12);
	_cleanup_(freep) char *cut = bounded_printf(6, "%s:%d", "abc", 123);

	assert_string_equal(all, "abc:12");
	assert_string_equal(cut, "abc...");
}

static char *join_many(size_t count, size_t length)
{
	_cleanup_(freep) char *item = mem_alloc(length + 1);
	_cleanup_(strv_freep) char **list = NULL;

	memset(item, 'n', length);
	for (size_t i = 0; i < count; i++)
		strv_append(&list, item);
	return bounded_join(list, "'");
}

static void test_bounded_join(void **state)
{
	_cleanup_(freep) char *none = join_many(0, 1), *ten = join_many(10, 1);
	_cleanup_(freep) char *many = join_many(250, 1), *long_ones = join_many(250, 10000);

	assert_string_equal(none, "");
	assert_string_equal(ten, "'n', 'n', 'n', 'n', 'n', 'n', 'n', 'n', 'n', 'n'");
	assert_string_equal(many, "'n', 'n', 'n', 'n', 'n', 'n', 'n', 'n', 'n', 'n' and 240 more");
	assert_true(strlen(long_ones) < BOUNDED_LIST + BOUNDED_NAME + 20);
	assert_non_null(strstr(long_ones, "nn...', 'nn"));
	assert_non_null(strstr(long_ones, " and 246 more"));
}

/* An error is a sentence for people, however much a server had to say, and however often it is wrapped. */
static void test_error_is_bounded(void **state)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(freep) char *huge = mem_alloc(100001);

	memset(huge, 'x', 100000);
	error_set(&err, ERROR_DENIED, 7, "%s", huge);
	assert_int_equal(strlen(err.text), BOUNDED_TEXT);
	assert_string_equal(err.text + BOUNDED_TEXT - 4, "x...");
	error_wrap(&err, "deliver '%s'", "pay");
	assert_int_equal(strlen(err.text), BOUNDED_TEXT);
	assert_memory_equal(err.text, "deliver 'pay': xxx", 18);
	assert_string_equal(err.text + BOUNDED_TEXT - 4, "x...");
	assert_int_equal(err.kind, ERROR_DENIED);
	error_set_errno(&err, ENOENT, "%s", huge);
	assert_int_equal(strlen(err.text), BOUNDED_TEXT);
}

/* --- encodings --- */

/* RFC 4648 section 10. */
static void test_base64_rfc(void **state)
{
	static const char *const vectors[][2] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" },
		{ "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" } };

	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		size_t length = strlen(vectors[i][0]);
		char text[16];

		memset(text, '?', sizeof(text));
		base64_encode(vectors[i][0], length, text);
		assert_string_equal(text, vectors[i][1]);
		assert_int_equal(base64_length(length), strlen(vectors[i][1]));
		assert_int_equal(text[strlen(text) + 1], '?');
	}
}

/* Every value of six bits, and bytes above 127. */
static void test_base64_digits(void **state)
{
	static const unsigned char bytes[] = { 0x00, 0x10, 0x83, 0x10, 0x51, 0x87, 0x20, 0x92, 0x8b,
		0x30, 0xd3, 0x8f, 0x41, 0x14, 0x93, 0x51, 0x55, 0x97, 0x61, 0x96, 0x9b, 0x71, 0xd7,
		0x9f, 0x82, 0x18, 0xa3, 0x92, 0x59, 0xa7, 0xa2, 0x9a, 0xab, 0xb2, 0xdb, 0xaf, 0xc3,
		0x1c, 0xb3, 0xd3, 0x5d, 0xb7, 0xe3, 0x9e, 0xbb, 0xf3, 0xdf, 0xbf };
	char text[65];

	base64_encode(bytes, sizeof(bytes), text);
	assert_string_equal(
		text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
	base64_encode("\xff\xff", 2, text);
	assert_string_equal(text, "//8=");
}

static void test_hex(void **state)
{
	unsigned char bytes[4] = { 1, 2, 3, 4 };
	char text[9];

	hex_encode("\x00\x7f\x80\xff", 4, text);
	assert_string_equal(text, "007f80ff");
	hex_encode("", 0, text);
	assert_string_equal(text, "");
	assert_int_equal(hex_decode("00aAfF09", bytes, 4), 0);
	assert_memory_equal(bytes, "\x00\xaa\xff\x09", 4);
	assert_int_equal(hex_decode("", bytes, 0), 0);
}

static void test_hex_refused(void **state)
{
	static const char *const wrong[] = { "0102030", "010203045", "", "0102030g", "g1020304",
		" 1020304", "0x020304", "01020\xb2_4", "01:2:3:4" };

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		unsigned char bytes[4] = { 9, 9, 9, 9 };

		assert_int_equal(hex_decode(wrong[i], bytes, 4), -EINVAL);
		assert_memory_equal(bytes, "\x09\x09\x09\x09", 4);
	}
}

static void test_uuid(void **state)
{
	static const char *const wrong[] = { "", "0f5c1b3e", "0f5c1b3e-0001-4000-8000-00000000000",
		"0f5c1b3e-0001-4000-8000-0000000000001", "0F5c1b3e-0001-4000-8000-000000000001",
		"0f5c1b3e-0001-4000-8000-00000000000g", "0f5c1b3e00001-4000-8000-000000000001" };
	static const char right[] = "0f5c1b3e-0001-4000-8000-00000000abcd";
	unsigned char uuid[16];
	char text[UUID_LENGTH + 1];

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(uuid_parse(wrong[i], uuid), -EINVAL);
	assert_int_equal(uuid_parse(right, uuid), 0);
	assert_memory_equal(uuid, "\x0f\x5c\x1b\x3e\x00\x01\x40\x00\x80\x00\x00\x00\x00\x00\xab\xcd", 16);
	uuid_format(uuid, text);
	assert_string_equal(text, right);
}

/* All bytes but NUL: what RFC 3986 calls unreserved stays. */
static void test_percent(void **state)
{
	static const char unreserved[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	for (unsigned c = 1; c < 256; c++) {
		const char byte[] = { (char)c, '\0' };
		_cleanup_(freep) char *encoded = percent_encode(byte);
		_cleanup_(freep) char *code = mem_printf("%%%02X", c);

		assert_string_equal(encoded, strchr(unreserved, (int)c) ? byte : code);
	}
	_cleanup_(freep) char *text = percent_encode("a b/\xc3\xa4"), *empty = percent_encode("");

	assert_string_equal(text, "a%20b%2F%C3%A4");
	assert_string_equal(empty, "");
}

/* --- memory --- */

static void test_mem(void **state)
{
	_cleanup_(freep) unsigned char *zeroed = mem_alloc(1000);
	_cleanup_(freep) void *none = mem_alloc(0);
	_cleanup_(freep) char *copy = mem_dup("ab", 3), *cut = mem_strndup("abcdef", 3);
	_cleanup_(freep) char *whole = mem_strndup("ab", 10),
			      *formatted = mem_printf("%s=%d", "x", 1);
	_cleanup_(freep) int *numbers = mem_resize(NULL, 0, sizeof(*numbers));

	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(zeroed[i], 0);
	assert_non_null(none);
	assert_string_equal(copy, "ab");
	assert_string_equal(cut, "abc");
	assert_string_equal(whole, "ab");
	assert_string_equal(formatted, "x=1");
	assert_null(mem_strdup(NULL));
	numbers = mem_resize(numbers, 2, sizeof(*numbers));
	numbers[0] = 7;
	numbers = mem_resize(numbers, 2000, sizeof(*numbers));
	assert_int_equal(numbers[0], 7);
}

static void test_mem_take(void **state)
{
	_cleanup_(freep) char *owner = mem_strdup("x");
	_cleanup_(freep) char *next = take(owner);

	assert_null(owner);
	assert_string_equal(next, "x");
}

/* Too much is asked for: the process says so and ends, to be started again. */
static void ends(void (*ask)(void))
{
	char said[100];
	int ends[2], status;
	ssize_t length;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		(void)dup2(ends[1], STDERR_FILENO);
		ask();
		_exit(0);
	}
	close(ends[1]);
	length = read(ends[0], said, sizeof(said) - 1);
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_true(length > 0);
	said[length] = '\0';
	assert_non_null(strstr(said, "out of memory"));
}

/* A product that would overflow must not become a small allocation. */
static void ask_overflow(void)
{
	volatile size_t count = SIZE_MAX / 8 + 2;

	free(mem_resize(NULL, count, 8));
}

static void ask_exhausted(void)
{
	mem_exhausted();
}

static void test_mem_exhausted(void **state)
{
	ends(ask_exhausted);
#ifndef __SANITIZE_ADDRESS__ /* which ends the process in its own words */
	ends(ask_overflow);
#else
	(void)ask_overflow;
#endif
}

/* --- texts kept once --- */

static void test_intern(void **state)
{
	static const char *kept[1000];
	const char *first = intern("number 7");

	assert_null(intern(NULL));
	assert_null(intern_unref(NULL));
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 1000; i++) {
			_cleanup_(freep) char *text = mem_printf("number %d", i);
			const char *one = intern(text);

			assert_string_equal(one, text);
			if (round)
				assert_ptr_equal(one, kept[i]);
			kept[i] = one;
		}
	assert_ptr_equal(kept[7], first);
	assert_ptr_equal(intern_ref(first), first);
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 1000; i++) {
			assert_null(intern_unref(kept[i]));
		}
	assert_string_equal(first, "number 7");
	assert_null(intern_unref(first));
	assert_null(intern_unref(first));
}

static void test_mem_join(void **state)
{
	_cleanup_(freep) char *three = mem_join("a", "", "bc", NULL), *none = mem_join("", NULL);

	assert_string_equal(three, "abc");
	assert_string_equal(none, "");
}

static void assert_printable(const char *text, const char *expected)
{
	_cleanup_(freep) char *copy = mem_strdup(text);

	assert_string_equal(printable(copy), expected);
}

static void test_printable(void **state)
{
	assert_null(printable(NULL));
	assert_printable("", "");
	assert_printable("a \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80", "a \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80");
	assert_printable("a\nb\x1b[0m\x7f", "a b [0m ");
	assert_printable("\xc2\x85\xc2\x9b\xc2\xa0", "    \xc2\xa0"); /* controls of two bytes */
	assert_printable("\xff \xc3 \xe2\x82", "? ? ??"); /* begun and not ended */
	assert_printable("\xc0\x80 \xed\xa0\x80 \xf4\x90\x80\x80", "?? ??? ????"); /* overlong, surrogate, too great */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_printable),
		cmocka_unit_test(test_mem_join),
		cmocka_unit_test(test_error_kinds),
		cmocka_unit_test(test_error_errno),
		cmocka_unit_test(test_error_unknown_errno),
		cmocka_unit_test(test_error_wrap),
		cmocka_unit_test(test_error_again),
		cmocka_unit_test(test_error_copy_and_move),
		cmocka_unit_test(test_buf),
		cmocka_unit_test(test_buf_grows),
		cmocka_unit_test(test_buf_take),
		cmocka_unit_test(test_strv),
		cmocka_unit_test(test_strv_equal_order),
		cmocka_unit_test(test_strv_join),
		cmocka_unit_test(test_base64_rfc),
		cmocka_unit_test(test_base64_digits),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_hex_refused),
		cmocka_unit_test(test_uuid),
		cmocka_unit_test(test_percent),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_bounded_printf),
		cmocka_unit_test(test_bounded_join),
		cmocka_unit_test(test_error_is_bounded),
		cmocka_unit_test(test_intern),
		cmocka_unit_test(test_mem),
		cmocka_unit_test(test_mem_take),
		cmocka_unit_test(test_mem_exhausted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
