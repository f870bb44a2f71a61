/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/log/log.h"

/* What is written to stderr for ${sentence}, until the next call. */
static const char *written(const char *sentence)
{
	static char text[256];
	int ends[2], saved = dup(STDERR_FILENO);
	ssize_t length;

	assert_int_equal(pipe(ends), 0);
	assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
	log_write(LOG_WARNING, NULL, NULL, "%s", sentence);
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
		written("\xc2\xa7 \xc3\xa4 \xc2"), "test: warning: \xc2\xa7 \xc3\xa4 \xc2\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_record_is_one_line),
		cmocka_unit_test(test_terminal_gets_no_orders),
	};

	(void)unsetenv("JOURNAL_STREAM");
	log_open("test", LOG_INFO);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
