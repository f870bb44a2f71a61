/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks tests/cases/event: each file has "expect" (asks, and where they matter id, arn, type, not_after; or
 * invalid and its text) and the message's body up to the end.  The source is account 111111111111 in eu-west-1
 * and us-east-1.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/source/event.h"
#include "lib/base/buf.h"
#include "lib/base/strv.h"
#include "lib/os/file.h"
#include "tests/unit/cases.h"

#define CASES "tests/cases/event"

static const char *const asks_names[] = {
	[EVENT_ASKS_NOTHING] = "nothing",
	[EVENT_ASKS_LOOK] = "look",
	[EVENT_ASKS_SWEEP] = "sweep",
};

static void expect_event(const char *file, const char *lines, const struct event *event)
{
	char end[TIME_TEXT_SIZE] = "none";

	if (event->not_after)
		(void)time_format(event->not_after, end);
	case_expect(file, lines, "asks", asks_names[event->asks]);
	case_expect(file, lines, "id", event->id);
	case_expect(file, lines, "type", event->type);
	case_expect(file, lines, "arn", event->arns[0]);
	case_expect(file, lines, "not_after", end);
}

static void check_case(const char *path)
{
	char *regions[] = { (char *)"eu-west-1", (char *)"us-east-1", NULL };
	const struct event_origin origin = { "111111111111", regions };
	_cleanup_(buf_done) struct buf content = BUF_NULL;
	_cleanup_(event_done) struct event event = EVENT_NULL;
	_cleanup_(error_done) struct error err = ERROR_NULL;
	char *lines, *body;

	assert_int_equal(file_read(path, 1 << 20, &content, NULL), 0);
	lines = strstr(content.data, "\nexpect\n");
	body = strstr(content.data, "\nbody:\n");
	assert_non_null(lines);
	assert_non_null(body);
	*body = '\0';
	body += strlen("\nbody:\n");
	body[strlen(body) - 1] = '\0'; /* the file's last newline */
	if (event_parse(body, strlen(body), &origin, &event, &err) == 0) {
		expect_event(path, lines, &event);
		return;
	}
	assert_int_equal(err.kind, ERROR_INVALID);
	case_expect(path, lines, "asks", "invalid");
	case_expect(path, lines, "text", err.text);
	assert_true(strlen(err.text) < 200);
}

static void test_cases(void **state)
{
	assert_true(for_each_case(CASES, ".txt", check_case) >= 50);
}

/* As long as the source's account is not known, the event's own is believed: it can only make us look. */
static void test_account_unknown(void **state)
{
	char *regions[] = { (char *)"eu-west-1", NULL };
	const struct event_origin origin = { NULL, regions };
	static const char body[] = "{\"id\":\"1\",\"detail-type\":\"ACM Certificate Rotated\",\"source\":\"aws.acm\","
				   "\"account\":\"222222222222\",\"region\":\"eu-west-1\",\"detail\":{},\"resources\":"
				   "[\"arn:aws:acm:eu-west-1:222222222222:certificate/a\"]}";
	_cleanup_(event_done) struct event event = EVENT_NULL;
	_cleanup_(error_done) struct error err = ERROR_NULL;

	assert_int_equal(event_parse(body, strlen(body), &origin, &event, &err), 0);
	assert_int_equal(strv_length(event.arns), 1);
}

/* Of what is too long nobody looks at more than the length: it may be a part, which may look like all. */
static void test_part_of_a_long_one(void **state)
{
	char *regions[] = { NULL };
	const struct event_origin origin = { NULL, regions };
	_cleanup_(event_done) struct event event = EVENT_NULL;
	_cleanup_(error_done) struct error err = ERROR_NULL;

	assert_true(event_parse("{}", 1 << 20, &origin, &event, &err) < 0);
	assert_string_equal(err.text, "it has 1048576 bytes, more than any ACM event");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_account_unknown),
		cmocka_unit_test(test_part_of_a_long_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
