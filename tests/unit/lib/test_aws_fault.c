/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks tests/cases/aws_fault: each file has "given" (operation, status, headers, and the body up
 * to "expect") and "expect" (kind, code, class; name, message and the whole text of operation Op where they matter).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/aws/aws.h"
#include "lib/aws/fault.h"
#include "lib/aws/xml.h"
#include "lib/os/file.h"
#include "lib/pki/secret.h"
#include "tests/unit/cases.h"

#define CASES "tests/cases/aws_fault"

static void read_fault(const char *given, struct fault *fault)
{
	_cleanup_(freep) char *status = case_value(given, "status");
	_cleanup_(freep) char *operation = case_value(given, "operation");
	_cleanup_(freep) char *type = case_value(given, "x-amzn-errortype");
	_cleanup_(freep) char *id = case_value(given, "x-amzn-requestid");
	const char *body = strstr(given, "\nbody:\n");

	assert_non_null(body);
	body += strlen("\nbody:\n");
	fault_read(
		&(struct fault_answer){
			.operation = operation,
			.status = atol(status),
			.error_type = type,
			.request_id = id,
			.body = body,
			.body_length = strlen(body),
		},
		fault);
}

static void check_case(const char *path)
{
	_cleanup_(buf_done) struct buf content = BUF_NULL;
	_cleanup_(fault_done) struct fault fault = FAULT_NULL;
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(freep) char *code = NULL;
	char *given, *expected;

	assert_int_equal(file_read(path, 65536, &content, NULL), 0);
	given = strstr(content.data, "\ngiven\n");
	expected = strstr(content.data, "\nexpect\n");
	assert_non_null(given);
	assert_non_null(expected);
	*expected++ = '\0';
	read_fault(given, &fault);
	code = mem_printf("%d", fault.code);
	case_expect(path, expected, "kind", error_kind_name(fault.kind));
	case_expect(path, expected, "code", code);
	case_expect(path, expected, "class", fault_class_name(fault.class));
	case_expect(path, expected, "name", fault.name);
	case_expect(path, expected, "message", fault.message);
	assert_true(fault_error(&fault, "Op", &err) < 0);
	assert_int_equal(err.kind, fault.kind);
	assert_int_equal(err.code, fault.code);
	assert_null(strpbrk(err.text, "\r\n\t"));
	assert_true(strncmp(err.text, "Op: ", 4) == 0);
	case_expect(path, expected, "text", err.text);
}

static void test_cases(void **state)
{
	assert_true(for_each_case(CASES, ".txt", check_case) >= 50);
}

static void test_words(void **state)
{
	static const char body[] = "{\"__type\":\"x#AccessDeniedException\",\"message\":\"no\"}";
	_cleanup_(fault_done) struct fault fault = FAULT_NULL;
	_cleanup_(error_done) struct error err = ERROR_NULL;

	fault_read(&(struct fault_answer){ .operation = "ListCertificates",
			   .status = 400,
			   .request_id = "1-2",
			   .body = body,
			   .body_length = strlen(body) },
		&fault);
	assert_int_equal(fault_error(&fault, "ListCertificates", &err), -EACCES);
	assert_string_equal(
		err.text, "ListCertificates: AccessDeniedException: no (request id 1-2)");
}

static void check_xml(const char *document, const char *path, int expected, const char *value)
{
	const char *text = NULL;
	size_t length = 0;
	int r = xml_find(document, strlen(document), path, &text, &length);

	if (r != expected)
		fail_msg("%s: %d, not %d", document, r, expected);
	if (r == 0) {
		assert_int_equal(length, strlen(value));
		assert_memory_equal(text, value, length);
	}
}

static void test_xml(void **state)
{
	static const char *const broken[] = { "", " ", "text", "<a>", "<a></b>", "</a>", "<a/><b/>",
		"<a/>x", "<a b=\"></a>", "<a <b></a>", "<a><![CDATA[x]]></a>", "<!DOCTYPE a><a/>",
		"<a><!-- </a>", "<?xml <a/>", "<>x</>", "<a", "<a></a", "<" };

	for (size_t i = 0; i < ARRAY_SIZE(broken); i++)
		check_xml(broken[i], "a", -EINVAL, NULL);
	check_xml("<?xml version=\"1.0\"?>\n<a x='>'><!-- c --><b>one</b><c >two</c ></a>\n", "a/b",
		0, "one");
	/* Of two, none is the one that was meant. */
	check_xml("<a><b>one</b><b>one</b></a>", "a/b", -EINVAL, NULL);
	check_xml("<a><b><c>1</c></b><b><c>2</c></b></a>", "a/b/c", -EINVAL, NULL);
	check_xml("<a><b><c>deep</c></b></a>", "a/*/c", 0, "deep");
	check_xml("<a><b/></a>", "a/b", 0, "");
	check_xml("<a><b>x</b></a>", "a", -ENOENT, NULL);
	check_xml("<a><b>x</b></a>", "a/bb", -ENOENT, NULL);
	check_xml("<a><b>x</b></a>", "a/b/c", -ENOENT, NULL);
	check_xml("<a><b>x</b></a>", "b", -ENOENT, NULL);
	/* Nothing counts in a document that goes wrong later. */
	check_xml("<a><b>x</b>", "a/b", -EINVAL, NULL);
}

static void test_xml_depth(void **state)
{
	for (int depth = 15; depth < 18; depth++) {
		_cleanup_(buf_done) struct buf document = BUF_NULL;

		for (int i = 0; i < depth; i++)
			buf_append_string(&document, "<a>");
		for (int i = 0; i < depth; i++)
			buf_append_string(&document, "</a>");
		check_xml(document.data, "b", depth <= 16 ? -ENOENT : -EINVAL, NULL);
	}
}

static void test_xml_unescape(void **state)
{
	static const char text[] =
		"&lt;a&gt; &amp;amp; &quot;&apos; &#65;&#x42; &#xe9; &nbsp; & &#;";
	char plain[sizeof(text)] = "";
	size_t length = xml_unescape(text, strlen(text), plain);

	assert_string_equal(plain, "<a> &amp; \"' AB &#xe9; &nbsp; & &#;");
	assert_int_equal(length, strlen(plain));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_xml),
		cmocka_unit_test(test_xml_depth),
		cmocka_unit_test(test_xml_unescape),
	};
	bool locked;

	if (secret_memory_init(&locked, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
