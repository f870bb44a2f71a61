/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/cli/adopt_file.h"
#include "daemon/cli/cli.h"
#include "daemon/cli/reply.h"
#include "daemon/cli/show.h"
#include "daemon/cli/table.h"

#define NOW (1790000000 * USEC_PER_SEC) /* 2026-09-21T14:13:20Z */

static json_t *parse(const char *text)
{
	json_t *object = NULL;

	assert_int_equal(reply_parse(text, &object, NULL), 0);
	return object;
}

static void assert_table(size_t width, const char *expected)
{
	_cleanup_(table_done) struct table table = { .columns = 3 };
	static const char *const cells[] = { "NAME", "STATE", "NOTE", "a/b", "current", "",
		"longer/name", "held", "one two three four five six seven eight", "c", "", "" };
	struct buf text = BUF_NULL;

	for (size_t i = 0; i < ARRAY_SIZE(cells); i++)
		table_add(&table, cells[i]);
	table_write(&table, width, &text);
	assert_string_equal(text.data, expected);
	buf_done(&text);
}

static void test_table_as_wide_as_need_be(void **state)
{
	assert_table(0, "NAME         STATE    NOTE\n"
			"a/b          current\n"
			"longer/name  held     one two three four five six seven eight\n"
			"c\n");
}

static void test_table_breaks_its_last_column(void **state)
{
	assert_table(48, "NAME         STATE    NOTE\n"
			 "a/b          current\n"
			 "longer/name  held     one two three four five\n"
			 "                      six seven eight\n"
			 "c\n");
}

static void test_table_on_a_narrow_screen(void **state)
{
	assert_table(30, "NAME         STATE\n"
			 "    NOTE\n"
			 "a/b          current\n"
			 "longer/name  held\n"
			 "    one two three four five\n"
			 "    six seven eight\n"
			 "c\n");
	assert_table(3, "NAME         STATE\n"
			"    NOTE\n"
			"a/b          current\n"
			"longer/name  held\n"
			"    one\n    two\n    three\n    four\n    five\n    six\n    seven\n"
			"    eight\n"
			"c\n");
}

static void test_table_is_ascii(void **state)
{
	_cleanup_(table_done) struct table table = { .columns = 2 };
	struct buf text = BUF_NULL;

	table_addf(&table, "%s", "\xc3\xa4\x1b[2J");
	table_add(&table, NULL);
	table_write(&table, 80, &text);
	assert_string_equal(text.data, "???[2J\n");
	buf_done(&text);
}

static void test_replies_of_other_kinds_are_refused(void **state)
{
	static const char *const texts[] = { "", "no", "[]", "{}", "{\"format\":2}" };
	json_t *object = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_true(reply_parse(texts[i], &object, NULL) < 0);
	assert_null(object);
}

static int exit_of(const char *members)
{
	_cleanup_(freep) char *text = mem_printf("{\"format\":1,%s}", members);
	_cleanup_(reply_done) json_t *status = parse(text);

	return reply_status_exit(status);
}

static void test_the_exit_of_what_is_left(void **state)
{
	assert_int_equal(exit_of("\"deliveries\":[]"), 0);
	assert_int_equal(exit_of("\"deliveries\":[{\"state\":\"current\"}]"), 0);
	assert_int_equal(exit_of("\"deliveries\":[{\"state\":\"unknown\"}]"), 3);
	assert_int_equal(exit_of("\"deliveries\":[{\"state\":\"due\"},{\"state\":\"failed\"}]"), 1);
	assert_int_equal(exit_of("\"dependents\":[{\"state\":\"told\"}]"), 0);
	assert_int_equal(exit_of("\"dependents\":[{\"state\":\"unproven\"}]"), 3);
	assert_int_equal(exit_of("\"dependents\":[{\"state\":\"failed\"}]"), 1);
	assert_int_equal(exit_of("\"certificates\":[{\"problem\":\"gone\"}]"), 1);
	assert_int_equal(exit_of("\"deliveries\":[{\"state\":\"current\",\"expiring\":true}]"), 1);
	assert_int_equal(exit_of("\"source_problem\":\"denied\""), 1);
	assert_int_equal(exit_of("\"record_problem\":\"disk full\""), 1);
	assert_int_equal(exit_of("\"config_problem\":\"a.yaml:1:1: no\""), 1);
}

static void test_select_knows_names_not_prefixes(void **state)
{
	static const char text[] =
		"{\"format\":1,\"exit\":1,\"certificates\":[{\"name\":\"all/1\"},"
		"{\"name\":\"al\"}],"
		"\"deliveries\":[{\"name\":\"all/1/x\",\"certificate\":\"all/1\","
		"\"state\":\"due\"},"
		"{\"name\":\"al/x/1/eu\",\"certificate\":\"al\",\"state\":\"failed\"}],"
		"\"dependents\":[{\"state\":\"failed\"}]}";
	static const struct {
		const char *name;
		size_t deliveries;
		int exit_status;
	} cases[] = {
		{ "all", 1, 3 },
		{ "all/1/x", 1, 3 },
		{ "al", 1, 1 },
		{ "al/x", 1, 1 },
		{ "al/", 0, 0 },
		{ "a", 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(reply_done) json_t *status = parse(text);
		bool found = reply_select(status, cases[i].name);

		assert_int_equal(found, cases[i].deliveries > 0);
		assert_int_equal(json_array_size(json_object_get(status, "deliveries")),
			cases[i].deliveries);
		assert_int_equal(json_array_size(json_object_get(status, "certificates")),
			cases[i].deliveries);
		assert_int_equal(reply_exit(status), cases[i].exit_status);
	}
}

static void test_show_puts_the_worst_first(void **state)
{
	_cleanup_(reply_done) json_t *status = parse(
		"{\"format\":1,\"exit\":1,\"running\":true,\"now\":\"2026-09-21T14:00:00Z\","
		"\"source_problem\":\"sts: AccessDenied\",\"config_problem\":\"a.yaml:1:1: no\","
		"\"certificates\":[{\"name\":\"w\",\"status\":\"EXPIRED\",\"ineligible\":true,"
		"\"version\":{\"not_after\":\"2026-09-20T00:00:00Z\"}}],"
		"\"deliveries\":[{\"name\":\"w/a\",\"state\":\"current\",\"unused\":true},"
		"{\"name\":\"w/b\",\"state\":\"held\",\"hold\":\"adopt?\",\"reason\":\"1 import\"},"
		"{\"name\":\"w/c\",\"state\":\"failed\",\"reason\":\"denied\","
		"\"next_try\":\"2026-09-21T14:30:00Z\","
		"\"seen\":{\"not_after\":\"2026-09-21T20:00:00Z\"}}],"
		"\"dependents\":[{\"name\":\"n\",\"unit\":\"n.service\",\"action\":\"reload\","
		"\"state\":\"owed\",\"owed\":2,\"told_at\":\"2026-09-19T14:00:00Z\"}],"
		"\"notices\":[\"the clock is off\"]}");
	_cleanup_(freep) char *text = show_status(status, SHOW_ALL, 0);

	assert_string_equal(text,
		"CERTIFICATE  DOMAIN  EXPIRES             NOTE\n"
		"w                    2026-09-20 EXPIRED  EXPIRED; ACM will not renew it, because "
		"nobody exported it since its issue\n"
		"\n"
		"DELIVERY  STATE    EXPIRES          NOTE\n"
		"w/c       failed   2026-09-21 (6h)  denied; next try in 30m\n"
		"w/b       held     -                adopt?: 1 import; to choose: certferry adopt\n"
		"w/a       current  -                not in use\n"
		"\n"
		"DEPENDENT  STATE    UNIT              NOTE\n"
		"n          pending  reload n.service  pending for 2 deliveries; notified 2d ago\n"
		"\n"
		"failed to list certificates in the source account: sts: AccessDenied\n"
		"certferryd rejects the configuration files: a.yaml:1:1: no\n"
		"note: the clock is off\n"
		"2 of 3 deliveries not current (1 failed, 1 held); 1 of 1 dependents not up to date (1 pending); "
		"not polled yet\n");
}

static void test_show_sums_up(void **state)
{
	_cleanup_(reply_done) json_t *status = parse(
		"{\"format\":1,\"exit\":1,\"running\":true,\"summary\":true,\"now\":\"2026-09-21T14:00:00Z\","
		"\"counts\":{\"certificates\":{\"all\":9,\"problem\":1},"
		"\"deliveries\":{\"all\":282,\"current\":240,\"failed\":40,\"held\":2},"
		"\"dependents\":{\"all\":1,\"told\":1}},"
		"\"groups\":[{\"of\":\"delivery\",\"state\":\"held\",\"hold\":\"approval\",\"reason\":\"loses x\","
		"\"count\":1,\"names\":[\"w/b\"]},"
		"{\"of\":\"delivery\",\"state\":\"failed\",\"reason\":\"denied\",\"count\":40,"
		"\"names\":[\"w/1\",\"w/2\",\"w/3\",\"w/4\"],\"next_try\":\"2026-09-21T14:30:00Z\"},"
		"{\"of\":\"certificate\",\"state\":\"problem\",\"reason\":\"gone\",\"count\":1,\"names\":[\"w\"]}],"
		"\"left_out\":7,\"notices\":[\"the clock is off\"]}");
	_cleanup_(freep) char *text = show_status(status, SHOW_ALL, 0);

	assert_string_equal(text,
		"PROBLEM              COUNT  NAME             NOTE\n"
		"certificate problem  1      w                gone\n"
		"failed               40     w/1 and 39 more  denied; next try in 30m\n"
		"held                 1      w/b              approval: loses x; to approve: certferry approve w/b\n"
		"\n"
		"and 7 more problems: certferry status --all lists them\n"
		"note: the clock is off\n"
		"42 of 282 deliveries not current (40 failed, 2 held); not polled yet\n");
}

/* What is current and expiring, what was not checked since the start, and what nobody cares for. */
static void test_show_says_what_ends_and_what_is_left(void **state)
{
	_cleanup_(reply_done) json_t *status = parse(
		"{\"format\":1,\"exit\":1,\"running\":true,\"now\":\"2026-09-21T14:00:00Z\","
		"\"clock_problem\":\"this host's clock is 1h behind AWS's\","
		"\"certificates\":[{\"name\":\"w\",\"problem\":\"not renewed\",\"expiring\":true,"
		"\"ineligible\":true,\"version\":{\"not_after\":\"2026-09-23T14:00:00Z\"}}],"
		"\"deliveries\":[{\"name\":\"w/a\",\"state\":\"current\",\"expiring\":true},"
		"{\"name\":\"w/b\",\"state\":\"unknown\",\"expiring\":true,\"recorded\":true,"
		"\"confirmed_at\":\"2026-09-21T12:00:00Z\",\"reason\":\"not polled\"}],"
		"\"leftovers\":[{\"object_id\":\"arn:1\",\"delivery\":\"w/c\",\"in_use_by\":[\"arn:lb\",\"b\"],\"users\":9},"
		"{\"object_id\":\"/tls/w\",\"delivery\":\"w/d\",\"in_use_by\":null,\"problem\":\"denied\"},"
		"{\"object_id\":\"arn:2\",\"delivery\":\"w/e\",\"in_use_by\":[]}],\"leftovers_left_out\":7}");
	_cleanup_(freep) char *text = show_status(status, SHOW_ALL, 0);

	assert_string_equal(text,
		"CERTIFICATE  DOMAIN  EXPIRES          NOTE\n"
		"w                    2026-09-23 (2d)  not renewed\n"
		"\n"
		"DELIVERY  STATE     EXPIRES  NOTE\n"
		"w/b       unknown   -        not polled; last confirmed 2h ago; expiring\n"
		"w/a       expiring  -\n"
		"\n"
		"LEFTOVER  DELIVERY  EXPIRES  NOTE\n"
		"arn:1     w/c       -        no delivery writes it any more; used by arn:lb and 8 more\n"
		"/tls/w    w/d       -        no delivery writes it any more; denied\n"
		"arn:2     w/e       -        no delivery writes it any more; not in use\n"
		"\n"
		"and 7 more leftovers: certferry status --all lists them\n"
		"this host's clock is 1h behind AWS's\n"
		"1 of 2 deliveries not current (1 unknown); 1 certificate and 2 deliveries expiring; not polled yet\n");
}

/* What adopt writes for the candidates given as JSON. */
static void assert_adopt(
	const char *deliveries, const char *former, const char *expected, struct adopt_count *count)
{
	_cleanup_(freep) char *json = mem_printf("{\"format\":1,\"deliveries\":[%s]}", deliveries);
	_cleanup_(reply_done) json_t *candidates = parse(json);
	_cleanup_(freep) char *text = adopt_file(candidates, NOW, former, count);
	_cleanup_(freep) char *whole = mem_printf(
		"# Written by certferry adopt on 2026-09-21T14:13:20Z; review it, delete what you "
		"do not want, then run: systemctl reload certferryd\n%s",
		expected);

	assert_string_equal(text, whole);
}

#define IN_USE                                                                                     \
	"{\"arn\":\"arn:1\",\"domain\":\"x.example\",\"not_after\":\"2026-10-01T00:00:00Z\","      \
	"\"in_use\":true,\"in_use_by\":[\"arn:lb1\",\"arn:lb2\"],\"refusal\":null}"
#define REFUSED                                                                                    \
	"{\"arn\":\"arn:2\",\"domain\":\"x.example\",\"not_after\":\"2026-10-02T00:00:00Z\","      \
	"\"in_use\":true,\"in_use_by\":[],\"refusal\":\"key type RSA_2048 -> EC_prime256v1\"}"
#define IDLE                                                                                       \
	"{\"arn\":\"arn:3\",\"domain\":\"x.example\",\"not_after\":\"2026-10-03T00:00:00Z\","      \
	"\"in_use\":false,\"in_use_by\":[],\"refusal\":null}"

static void test_adopt_takes_the_obvious(void **state)
{
	struct adopt_count count;

	assert_adopt("{\"delivery\":\"web/acm/1/eu\",\"candidates\":[" IN_USE "," REFUSED "]}",
		NULL,
		"adopt:\n"
		"  web/acm/1/eu: arn:1   # x.example, expires 2026-10-01, used by arn:lb1 and "
		"arn:lb2\n"
		"  # web/acm/1/eu: arn:2   # x.example, expires 2026-10-02, in use   (ACM would reject "
		"a re-import: key type RSA_2048 -> EC_prime256v1)\n",
		&count);
	assert_int_equal(count.chosen, 1);
	assert_int_equal(count.open, 0);
}

static void test_adopt_leaves_choices_to_people(void **state)
{
	struct adopt_count count;

	assert_adopt("{\"delivery\":\"a/x\",\"candidates\":[" IN_USE "," IDLE "]},"
		     "{\"delivery\":\"b/x\",\"candidates\":[" IDLE "]},"
		     "{\"delivery\":\"c/x\",\"candidates\":[" REFUSED "]}",
		NULL,
		"# adopt:   (remove the # here and at the lines that you choose)\n"
		"  # a/x: arn:1   # x.example, expires 2026-10-01, used by arn:lb1 and arn:lb2   "
		"(one of 2 that ACM would accept: choose one)\n"
		"  # a/x: arn:3   # x.example, expires 2026-10-03, not in use   "
		"(one of 2 that ACM would accept: choose one)\n"
		"  # b/x: arn:3   # x.example, expires 2026-10-03, not in use   "
		"(not in use: choose it, or leave it)\n"
		"  # c/x: arn:2   # x.example, expires 2026-10-02, in use   "
		"(ACM would reject a re-import: key type RSA_2048 -> EC_prime256v1)\n"
		"  #   ACM would accept none of them; `adopt: beside` in the delivery imports another "
		"one\n",
		&count);
	assert_int_equal(count.chosen, 0);
	assert_int_equal(count.open, 3);
}

/* An account may hold thousands: the best are shown, and nothing is chosen for a person who does not see all. */
static void test_adopt_says_how_many_are_not_shown(void **state)
{
	struct adopt_count count;

	assert_adopt("{\"delivery\":\"a/x\",\"candidates\":[{\"arn\":\"arn:1\",\"domain\":\"x\",\"in_use\":true,"
		     "\"in_use_by\":[\"arn:lb\"],\"users\":28}],\"total\":2500},"
		     "{\"delivery\":\"b/x\",\"candidates\":[],\"total\":2500},"
		     "{\"delivery\":\"c/x\",\"candidates\":[" IN_USE "],\"total\":1}",
		NULL,
		"adopt:\n"
		"  # a/x: arn:1   # x, expires ?, used by arn:lb and 27 more   (not the only one: choose one)\n"
		"  #   2499 more; 'aws acm list-certificates' lists them in the account.  To choose "
		"one of them, write here: a/x: its ARN\n"
		"  #   2500 more; 'aws acm list-certificates' lists them in the account.  To choose "
		"one of them, write here: b/x: its ARN\n"
		"  c/x: arn:1   # x.example, expires 2026-10-01, used by arn:lb1 and arn:lb2\n",
		&count);
	assert_int_equal(count.chosen, 1);
	assert_int_equal(count.open, 2);
}

static void test_adopt_keeps_what_is_in_force(void **state)
{
	static const char former[] = "# written before\n"
				     "adopt:\n"
				     "  old/x: arn:aws:1   # kept\n"
				     "  # off/x: arn:aws:2\n"
				     "  web/x: arn:aws:3   # asks again\n"
				     "  last/x: arn:aws:4";
	struct adopt_count count;

	assert_adopt("{\"delivery\":\"web/x\",\"candidates\":[" IN_USE "]}", former,
		"adopt:\n"
		"  old/x: arn:aws:1   # kept\n"
		"  last/x: arn:aws:4\n"
		"  web/x: arn:1   # x.example, expires 2026-10-01, used by arn:lb1 and arn:lb2\n",
		&count);
	assert_int_equal(count.kept, 2);
}

static void test_adopt_lets_nothing_out_of_a_comment(void **state)
{
	struct adopt_count count;

	assert_adopt("{\"delivery\":\"web/x\",\"candidates\":[{\"arn\":\"arn:1\",\"in_use\":true,"
		     "\"domain\":\"x\\nguard: 0\",\"in_use_by\":[\"\\u2028\"]}]},"
		     "{\"delivery\":\"-w\",\"candidates\":[]}",
		NULL,
		"adopt:\n"
		"  web/x: arn:1   # x?guard: 0, expires ?, used by ???\n"
		"  #   ACM would accept none of them; `adopt: beside` in the delivery imports another "
		"one\n",
		&count);
}

/* Wrong usage is told on stderr, which is of no interest here. */
static int usage(char *first, char *second, char *third)
{
	char *argv[] = { (char *)"certferry", first, second, third, NULL };
	int argc = 1, saved = dup(STDERR_FILENO), result;

	while (argv[argc])
		argc++;
	assert_non_null(freopen("/dev/null", "w", stderr));
	result = cli_main(argc, argv);
	(void)fflush(stderr);
	(void)dup2(saved, STDERR_FILENO);
	(void)close(saved);
	return result;
}

static void test_wrong_usage(void **state)
{
	static char *const cases[][3] = {
		{ NULL, NULL, NULL },
		{ (char *)"stats", NULL, NULL },
		{ (char *)"--nonsense", NULL, NULL },
		{ (char *)"status", (char *)"--force", NULL },
		{ (char *)"status", (char *)"a", (char *)"b" },
		{ (char *)"status", (char *)"", NULL },
		{ (char *)"plan", (char *)"a", NULL },
		{ (char *)"version", (char *)"--json", NULL },
		{ (char *)"sync", (char *)"--timeout", NULL },
		{ (char *)"sync", (char *)"--timeout", (char *)"90" },
		{ (char *)"sync", (char *)"--timeout", (char *)"0s" },
		{ (char *)"sync", (char *)"--timeout", (char *)"-1s" },
		{ (char *)"sync", (char *)"--timeout", (char *)"1w" },
		{ (char *)"adopt", (char *)"--json", (char *)"--output=-" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(usage(cases[i][0], cases[i][1], cases[i][2]), CLI_USAGE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_as_wide_as_need_be),
		cmocka_unit_test(test_table_breaks_its_last_column),
		cmocka_unit_test(test_table_on_a_narrow_screen),
		cmocka_unit_test(test_table_is_ascii),
		cmocka_unit_test(test_replies_of_other_kinds_are_refused),
		cmocka_unit_test(test_the_exit_of_what_is_left),
		cmocka_unit_test(test_select_knows_names_not_prefixes),
		cmocka_unit_test(test_show_puts_the_worst_first),
		cmocka_unit_test(test_show_sums_up),
		cmocka_unit_test(test_show_says_what_ends_and_what_is_left),
		cmocka_unit_test(test_adopt_takes_the_obvious),
		cmocka_unit_test(test_adopt_leaves_choices_to_people),
		cmocka_unit_test(test_adopt_says_how_many_are_not_shown),
		cmocka_unit_test(test_adopt_keeps_what_is_in_force),
		cmocka_unit_test(test_adopt_lets_nothing_out_of_a_comment),
		cmocka_unit_test(test_wrong_usage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
