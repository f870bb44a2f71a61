/* SPDX-License-Identifier: Apache-2.0 */
/* lib/yaml: trees with places, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/base/buf.h"
#include "lib/yaml/yaml.h"

static struct yaml_document *parse(const char *text)
{
	return yaml_parse("file.yaml", text, strlen(text));
}

/* ${text} gives one problem, at ${line} and ${column}, that contains ${words}. */
static void expect_problem(const char *text, unsigned line, unsigned column, const char *words)
{
	_cleanup_(yaml_document_freep) struct yaml_document *document = parse(text);

	assert_int_equal(document->problem_count, 1);
	if (!strstr(document->problems[0].text, words))
		fail_msg("'%s' is not in '%s'", words, document->problems[0].text);
	assert_int_equal(document->problems[0].line, line);
	assert_int_equal(document->problems[0].column, column);
}

static void test_tree(void **state)
{
	_cleanup_(yaml_document_freep) struct yaml_document *document = parse(
		"# words\na: 1\nb:\n  - x\n  - \"y\"\nc: {d: 'e', f: [g]}\n");
	const struct yaml_node *b = yaml_find(document->root, "b");

	assert_int_equal(document->problem_count, 0);
	assert_int_equal(document->root->type, YAML_MAP);
	assert_int_equal(document->root->count, 3);
	assert_string_equal(yaml_find(document->root, "a")->text, "1");
	assert_int_equal(b->type, YAML_LIST);
	assert_int_equal(b->count, 2);
	assert_string_equal(b->items[1]->text, "y");
	assert_true(b->items[1]->quoted);
	assert_false(b->items[0]->quoted);
	assert_null(yaml_find(document->root, "d"));
	assert_string_equal(yaml_find(yaml_find(document->root, "c"), "d")->text, "e");
	assert_null(yaml_find(b, "x"));
	assert_null(yaml_find(NULL, "x"));
}

static void test_places(void **state)
{
	_cleanup_(yaml_document_freep) struct yaml_document *document = parse(
		"a: 1\nbb:\n  cc:  \xc3\xa9\n");
	const struct yaml_node *cc = yaml_find(yaml_find(document->root, "bb"), "cc");

	assert_int_equal(cc->line, 3);
	assert_int_equal(cc->column, 8);
	assert_int_equal(cc->key->line, 3);
	assert_int_equal(cc->key->column, 3);
	assert_string_equal(cc->file, "file.yaml");
}

/* Editors of Windows put a byte order mark first: it is no part of the text and takes no column. */
static void test_byte_order_mark(void **state)
{
	_cleanup_(yaml_document_freep) struct yaml_document *document = parse(
		"\xef\xbb\xbf" "a: 1\n\nb:\n  c: 2\n");
	_cleanup_(yaml_document_freep) struct yaml_document *alone = parse("\xef\xbb\xbf");

	assert_int_equal(document->problem_count, 0);
	assert_int_equal(document->root->count, 2);
	assert_string_equal(yaml_find(document->root, "a")->text, "1");
	assert_int_equal(yaml_find(document->root, "a")->key->line, 1);
	assert_int_equal(yaml_find(document->root, "a")->key->column, 1);
	assert_int_equal(alone->problem_count, 0);
	assert_null(alone->root);
	expect_problem("\xef\xbb\xbf" "a: 1\n\x01", 2, 1, "");
	expect_problem("\xef\xbb\xbf" "\x01", 1, 1, "");
}

static void test_values_are_text(void **state)
{
	_cleanup_(yaml_document_freep) struct yaml_document *document = parse(
		"a: 012345678901\nb: 1e3\nc: yes\nd: \"\"\ne:\nf: ~\ng: 'null'\nh: |\n  two\n  "
		"lines\n");

	assert_string_equal(yaml_find(document->root, "a")->text, "012345678901");
	assert_string_equal(yaml_find(document->root, "b")->text, "1e3");
	assert_string_equal(yaml_find(document->root, "c")->text, "yes");
	assert_false(yaml_is_null(yaml_find(document->root, "d")));
	assert_true(yaml_is_null(yaml_find(document->root, "e")));
	assert_true(yaml_is_null(yaml_find(document->root, "f")));
	assert_false(yaml_is_null(yaml_find(document->root, "g")));
	assert_string_equal(yaml_find(document->root, "h")->text, "two\nlines\n");
}

static void test_nothing(void **state)
{
	static const char *const texts[] = { "", "# only words\n", "---\n", "null\n", "\n\n" };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_(yaml_document_freep) struct yaml_document *document = parse(texts[i]);

		assert_null(document->root);
		assert_int_equal(document->problem_count, 0);
	}
}

static void test_syntax(void **state)
{
	expect_problem("a: [1, 2\n", 2, 1, "did not find expected ',' or ']'");
	expect_problem("a:\n\t- x\n", 2, 1, "indent with spaces");
	expect_problem("a: b: c\n", 1, 5, "mapping values are not allowed");
	expect_problem("a: \"x\n", 2, 1, "unexpected end of stream");
	expect_problem("a: *.example.com\n", 1, 5, "in quotes");
	expect_problem("a: @x\n", 1, 4, "in quotes");
	expect_problem("a: {x}/y\n", 1, 7, "in quotes as a whole");
	expect_problem("ok: 1\na: \xff\xfe\n", 2, 4, "save the file as UTF-8");
	expect_problem("ok: 1\na: \x01\n", 2, 4, "control characters are not allowed");
}

static void test_refused(void **state)
{
	expect_problem("a: &x 1\n", 1, 4, "anchors are not supported");
	expect_problem("a: *x\n", 1, 4, "aliases are not supported");
	expect_problem("a: !secret 1\n", 1, 4, "tags are not read");
	expect_problem("a: !!str 1\n", 1, 4, "tags are not read");
	expect_problem("a: &x {b: 1}\n", 1, 4, "anchors are not supported");
	expect_problem("a: ! [b]\n", 1, 4, "tags are not read");
	expect_problem("a: 1\n---\nb: 2\n", 2, 1, "a second document begins");
	expect_problem("{[a]: b}\n", 1, 2, "a key must be text");
	expect_problem("? {a: b}\n: c\n", 1, 3, "a key must be text");
	expect_problem("*x : b\n", 1, 1, "a key must be text");
	expect_problem("a: \"x\\0y\"\n", 1, 4, "NUL");
	expect_problem("a: 1\nb: 2\na: 3\n", 3, 1, "'a' is set twice, first at line 1");
	expect_problem("x: {a: 1, a: 2}\n", 1, 11, "'a' is set twice");
	expect_problem("wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY: 1\n"
		       "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY: 2\n",
		2, 1, "this key is set twice");
}

static void test_reads_on(void **state)
{
	_cleanup_(yaml_document_freep) struct yaml_document *document = parse(
		"a: &x 1\nb: *x\na: 2\nc: !t 3\nd: 4\n");

	assert_int_equal(document->problem_count, 4);
	assert_string_equal(yaml_find(document->root, "d")->text, "4");
	assert_int_equal(yaml_find(document->root, "b")->type, YAML_REFUSED);
	assert_string_equal(yaml_find(document->root, "a")->text, "1");
}

static void test_problems_end(void **state)
{
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	_cleanup_(yaml_document_freep) struct yaml_document *document = NULL;

	for (size_t i = 0; i < 1000; i++)
		buf_printf(&text, "- *x%zu\n", i);
	document = parse(text.data);
	assert_int_equal(document->problem_count, YAML_PROBLEMS_MAX);
	assert_null(document->root);
}

static void repeat(struct buf *text, const char *part, size_t count)
{
	while (count--)
		buf_append_string(text, part);
}

static void test_depth(void **state)
{
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	_cleanup_(yaml_document_freep) struct yaml_document *document = NULL;

	repeat(&text, "[", YAML_DEPTH_MAX);
	repeat(&text, "]", YAML_DEPTH_MAX);
	document = parse(text.data);
	assert_int_equal(document->problem_count, 0);
	buf_clear(&text);
	repeat(&text, "[", 100000);
	expect_problem(text.data, 1, YAML_DEPTH_MAX + 1, "nested too deep");
	buf_clear(&text);
	repeat(&text, "{a: ", 100000);
	expect_problem(text.data, 1, YAML_DEPTH_MAX * 4 + 1, "nested too deep");
}

static void test_size(void **state)
{
	_cleanup_(buf_done) struct buf text = BUF_NULL;

	repeat(&text, "- a\n", YAML_SIZE_MAX / 4 + 1);
	expect_problem(text.data, 0, 0, "larger than 1 MiB");
	text.data[YAML_SIZE_MAX - 4] = '\0';
	expect_problem(text.data, YAML_NODES_MAX, 3, "more values than fit");
}

/* A map of many thousand keys costs no quadratic time: this would take minutes. */
static void test_many_keys(void **state)
{
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	_cleanup_(yaml_document_freep) struct yaml_document *document = NULL;

	for (size_t i = 0; i < 90000; i++)
		buf_printf(&text, "k%zu: 1\n", i);
	document = parse(text.data);
	assert_int_equal(document->problem_count, 0);
	assert_int_equal(document->root->count, 90000);
	buf_append_string(&text, "k7: 2\n");
	expect_problem(text.data, 90001, 1, "'k7' is set twice, first at line 8");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_byte_order_mark),
		cmocka_unit_test(test_values_are_text),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_syntax),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_reads_on),
		cmocka_unit_test(test_problems_end),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_many_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
