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

#include "lib/base/mem.h"
#include "lib/log/log.h"

/* What is written to stderr for ${sentence} with ${fields} at ${level}, until the next call. */
static const char *written_at(int level, const struct log_fields *fields, const char *sentence)
{
	static char text[16384];
	int ends[2], saved = dup(STDERR_FILENO);
	ssize_t length;

	assert_int_equal(pipe(ends), 0);
	assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
	log_write(level, "0123456789abcdef0123456789abcdef", fields, "%s", sentence);
	(void)fflush(stderr);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	close(ends[1]);
	length = read(ends[0], text, sizeof(text) - 1);
	close(ends[0]);
	assert_true(length >= 0);
	text[length] = '\0';
	return text;
}

static const char *written(const char *sentence)
{
	return written_at(LOG_WARNING, NULL, sentence);
}

static void test_record_is_one_line(void **state)
{
	assert_string_equal(written("a\nb\r\tc"), "test: warning: a b  c\n");
}

static void test_terminal_gets_no_orders(void **state)
{
	assert_string_equal(written("\x1b[2J\x7f!"), "test: warning:  [2J !\n");
	/* U+009B is "ESC [" in one character, U+0085 a line break. */
	assert_string_equal(written("\xc2\x9b"
				    "2J\xc2\x85!"),
		"test: warning:   2J  !\n");
	assert_string_equal(
		written("\xc2\xa7 \xc3\xa4 \xc2"), "test: warning: \xc2\xa7 \xc3\xa4 ?\n");
}

/* However long what comes from outside is. */
static void test_record_is_bounded(void **state)
{
	_cleanup_(freep) char *huge = mem_alloc(100001);
	struct log_fields fields = { 0 };
	const char *text;

	memset(huge, 'x', 100000);
	log_field(&fields, "CERTFERRY_ERROR", "%s", huge);
	assert_int_equal(strlen(fields.list[0]), strlen("CERTFERRY_ERROR=") + LOG_TEXT_MOST);
	log_fields_done(&fields);
	text = written(huge);
	assert_int_equal(strlen(text), strlen("test: warning: \n") + LOG_TEXT_MOST);
	assert_non_null(strstr(text, "x...\n"));
}

static void test_levels(void **state)
{
	static const struct {
		const char *name;
		int level;
	} levels[] = { { "error", LOG_ERR }, { "warning", LOG_WARNING }, { "notice", LOG_NOTICE },
		{ "info", LOG_INFO }, { "debug", LOG_DEBUG } };

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		char line[64];

		assert_int_equal(log_level_find(levels[i].name), levels[i].level);
		(void)snprintf(line, sizeof(line), "test: %s: x\n", levels[i].name);
		for (size_t k = 0; k < sizeof(levels) / sizeof(levels[0]); k++) {
			log_level_set(levels[k].level);
			assert_int_equal(log_enabled(levels[i].level), i <= k);
			assert_string_equal(
				written_at(levels[i].level, NULL, "x"), i <= k ? line : "");
		}
	}
	log_level_set(LOG_INFO);
	/* Worse than an error has no name of its own. */
	assert_string_equal(written_at(LOG_CRIT, NULL, "x"), "test: error: x\n");
	assert_true(log_level_find("loud") < 0);
	assert_true(log_level_find("Error") < 0);
	assert_true(log_level_find("") < 0);
}

/* Fields are for the journal; at debug level they are shown to people too, on the same line. */
static void test_fields(void **state)
{
	struct log_fields fields = { 0 };

	log_field(&fields, "CERTFERRY_NAME", "%s/%d", "pay", 1);
	log_field(&fields, "CERTFERRY_TEXT", "a\nPRIORITY=0");
	assert_string_equal(fields.list[0], "CERTFERRY_NAME=pay/1");
	assert_string_equal(written_at(LOG_INFO, &fields, "said"), "test: info: said\n");
	log_level_set(LOG_DEBUG);
	assert_string_equal(written_at(LOG_INFO, &fields, "said"),
		"test: info: said CERTFERRY_NAME=pay/1 CERTFERRY_TEXT=a PRIORITY=0\n");
	log_level_set(LOG_INFO);
	log_fields_done(&fields);
	assert_null(fields.list);
	log_fields_done(&fields);
}

/* log_debug() formats nothing that nobody reads. */
static int formatted;

static const char *costly(void)
{
	formatted++;
	return "x";
}

static void test_debug(void **state)
{
	log_debug("%s", costly());
	assert_int_equal(formatted, 0);
}

/* The stream that $JOURNAL_STREAM names is not the one that stderr is: it was redirected, and text is wanted. */
static void test_redirected(void **state)
{
	static const char *const streams[] = { "1:1", "", "x", "8:", ":8" };

	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
		assert_int_equal(setenv("JOURNAL_STREAM", streams[i], 1), 0);
		log_open("test", LOG_INFO);
		assert_string_equal(written("x"), "test: warning: x\n");
	}
	assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
	log_open("test", LOG_INFO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_record_is_one_line),
		cmocka_unit_test(test_terminal_gets_no_orders),
		cmocka_unit_test(test_record_is_bounded),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_debug),
		cmocka_unit_test(test_redirected),
	};

	(void)unsetenv("JOURNAL_STREAM");
	log_open("test", LOG_INFO);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
