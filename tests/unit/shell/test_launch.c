/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/launch/as_unit.h"
#include "daemon/launch/become.h"
#include "lib/base/strv.h"

static unsigned searches; /* for a user to become */

/* In place of libc's: there is none on this host, whatever it has. */
struct passwd *getpwnam(const char *name)
{
	assert_string_equal(name, "certferry");
	searches++;
	return NULL;
}

static void test_words_are_the_units(void **state)
{
	char *environment[] = { (char *)"AWS_CONFIG_FILE=/etc/certferry/aws-config", (char *)"A=two words $B %d",
		(char *)"KEYS=/run/credentials/certferryd.service/aws", NULL };
	char *lines[] = { (char *)"User=certferry", (char *)"EnvironmentFile=-/etc/default/certferry",
		(char *)"LoadCredential=aws:/etc/certferry/credentials", NULL };
	char *command[] = { (char *)"/usr/sbin/certferryd", (char *)"--once", NULL };
	const struct unit_settings settings = { .environment = environment, .lines = lines };
	_cleanup_(strv_freep) char **words = as_unit_words(&settings, "certferryd-once-7", command);
	_cleanup_(freep) char *text = strv_join(words, "\n");

	assert_string_equal(text, "systemd-run\n--pipe\n--wait\n--collect\n--quiet\n"
				  "--property=UMask=0077\n--property=NoNewPrivileges=yes\n"
				  "--unit=certferryd-once-7\n"
				  "--property=User=certferry\n"
				  "--property=EnvironmentFile=-/etc/default/certferry\n"
				  "--property=LoadCredential=aws:/etc/certferry/credentials\n"
				  "--setenv=AWS_CONFIG_FILE=/etc/certferry/aws-config\n"
				  "--setenv=A=two words $B %d\n"
				  "--setenv=KEYS=/run/credentials/certferryd-once-7.service/aws\n"
				  "--\n/usr/sbin/certferryd\n--once");
}

/* What root names by hand is root's to answer for. */
static void test_who_names_files_stays_who_it_is(void **state)
{
	const uid_t before = geteuid();

	assert_int_equal(become_unit_user("/nonexistent/certferry.yaml", NULL), 0);
	assert_int_equal(setenv("STATE_DIRECTORY", "/nonexistent", 1), 0);
	assert_int_equal(become_unit_user(NULL, NULL), 0);
	assert_int_equal(searches, 0);
	assert_int_equal(unsetenv("STATE_DIRECTORY"), 0);
	assert_int_equal(become_unit_user(NULL, NULL), 0);
	assert_int_equal(searches, before == 0 ? 1 : 0);
	assert_int_equal(geteuid(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_are_the_units),
		cmocka_unit_test(test_who_names_files_stays_who_it_is),
	};

	return cmocka_run_group_tests_name("launch", tests, NULL, NULL);
}
