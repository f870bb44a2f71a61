/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/dependent/dropin.h"
#include "daemon/dependent/polkit_rule.h"
#include "lib/base/strv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char rule_head[] =
	"// Lets certferryd restart the units of its configuration, and no others.  `certferryd --polkit-rule`\n"
	"// printed this, for /etc/polkit-1/rules.d/50-certferry.rules.  Generate it again when these units change.\n"
	"polkit.addRule(function(action, subject) {\n"
	"\tif (action.id != \"org.freedesktop.systemd1.manage-units\" ||\n"
	"\t    subject.user != \"certferry\")\n"
	"\t\treturn polkit.Result.NOT_HANDLED;\n"
	"\tvar allowed = [";

static const char rule_tail[] =
	"];\n"
	"\tvar asked = action.lookup(\"verb\") + \" \" + action.lookup(\"unit\");\n"
	"\treturn allowed.indexOf(asked) >= 0 ? polkit.Result.YES : polkit.Result.NO;\n"
	"});\n";

/* ${names}: what systemd calls them; NULL: as they are configured. */
static void check_named_rule(const struct desired_dependent *dependents, size_t count,
	char *const *names, const char *list)
{
	struct desired desired = {
		.dependents = (struct desired_dependent *)dependents,
		.dependent_count = count,
	};
	_cleanup_(strv_freep) char **configured = NULL;
	_cleanup_(freep) char *rule = NULL, *wanted = NULL;

	for (size_t i = 0; i < count; i++)
		strv_append(&configured, dependents[i].unit.name);
	rule = polkit_rule_of(&desired, names ?: configured);
	wanted = mem_printf("%s%s%s", rule_head, list, rule_tail);
	assert_string_equal(rule, wanted);
}

static void check_rule(const struct desired_dependent *dependents, size_t count, const char *list)
{
	check_named_rule(dependents, count, NULL, list);
}

#define UNIT(unit_name, what)                                                                      \
	{                                                                                          \
		.unit = { .name = (char *)unit_name, .action = what }                              \
	}

static void test_rule_allows_each_unit_its_action(void **state)
{
	static const struct desired_dependent dependents[] = {
		UNIT("web.service", ACTION_RELOAD_OR_RESTART),
		UNIT("mail.service", ACTION_RESTART),
		UNIT("web.service", ACTION_RESTART),
		UNIT("web.service", ACTION_RELOAD_OR_RESTART),
		UNIT("deploy@front.service", ACTION_START),
		UNIT("db.service", ACTION_RELOAD),
		UNIT("edge.service", ACTION_RELOAD_OR_RESTART), /* which may end in a restart */
	};

	check_rule(dependents, ARRAY_SIZE(dependents),
		"\n\t\t\"reload db.service\",\n"
		"\t\t\"start deploy@front.service\",\n"
		"\t\t\"reload-or-try-restart edge.service\",\n"
		"\t\t\"try-restart edge.service\",\n"
		"\t\t\"try-restart mail.service\",\n"
		"\t\t\"reload-or-try-restart web.service\",\n"
		"\t\t\"try-restart web.service\"\n\t");
}

/* polkit is told the primary name, by whichever name the job was asked for. */
static void test_rule_has_the_names_that_systemd_knows(void **state)
{
	static const struct desired_dependent dependents[] = {
		UNIT("mysql.service", ACTION_RELOAD),
		UNIT("mariadb.service", ACTION_RELOAD),
		UNIT("dbus-org.freedesktop.login1.service", ACTION_RESTART),
	};
	char *names[] = { (char *)"mariadb.service", (char *)"mariadb.service",
		(char *)"systemd-logind.service", NULL };

	check_named_rule(dependents, ARRAY_SIZE(dependents), names,
		"\n\t\t\"reload mariadb.service\",\n"
		"\t\t\"try-restart systemd-logind.service\"\n\t");
}

static void test_rule_without_units_refuses_all(void **state)
{
	check_rule(NULL, 0, "");
}

static void test_rule_cannot_be_broken_out_of(void **state)
{
	static const struct desired_dependent dependents[] = {
		UNIT("a\"];return polkit.Result.YES;//.service", ACTION_RESTART),
		UNIT("a b.service", ACTION_RESTART),
		UNIT("../../etc/x.service", ACTION_RESTART),
		UNIT("x@.service", ACTION_RESTART),
		UNIT("plain", ACTION_RESTART),
		UNIT("dev-disk\\x2droot.device", ACTION_RESTART),
	};

	check_rule(dependents, ARRAY_SIZE(dependents),
		"\n\t\t\"try-restart dev-disk\\x5cx2droot.device\"\n\t");
}

static void check_dropin(const struct desired_destination *destinations, size_t count,
	char *const *programs, const char *tail)
{
	struct desired desired = {
		.destinations = (struct desired_destination *)destinations,
		.destination_count = count,
	};
	const struct dropin_memory memory = { .limit = 0 };
	_cleanup_(freep) char *text = unit_dropin(&desired, programs, &memory);
	char *body = strstr(text, "[Service]\n");

	assert_non_null(body);
	assert_true(text[0] == '#');
	assert_string_equal(body + strlen("[Service]\n"), tail);
}

static void test_dropin_opens_the_directories_of_files(void **state)
{
	static const struct desired_destination destinations[] = {
		{ .name = (char *)"aws", .kind = DESTINATION_ACM },
		{ .name = (char *)"files",
			.kind = DESTINATION_FILE,
			.directory = (char *)"/srv/tls",
			.group = (char *)"ssl-cert" },
		{ .name = (char *)"odd",
			.kind = DESTINATION_FILE,
			.directory = (char *)"/srv/100% \"odd\"" },
		{ .name = (char *)"same",
			.kind = DESTINATION_FILE,
			.directory = (char *)"/srv/tls" },
		{ .name = (char *)"trick",
			.kind = DESTINATION_FILE,
			.directory = (char *)"/srv\nExecStart=/bin/sh" },
	};

	check_dropin(destinations, ARRAY_SIZE(destinations), NULL,
		"# Destination 'files'; a line in /etc/tmpfiles.d/certferry-files.conf creates its directory:\n"
		"#   d \"/srv/tls\" 2750 certferry ssl-cert -\n"
		"ReadWritePaths=\"-/srv/tls\"\n"
		"# Destination 'odd'; a line in /etc/tmpfiles.d/certferry-files.conf creates its directory:\n"
		"#   d \"/srv/100%% \\\"odd\\\"\" 2750 certferry certferry -\n"
		"ReadWritePaths=\"-/srv/100%% \\\"odd\\\"\"\n");
}

/* The installation makes it: a line of its own has to take the place of the shipped one. */
static void test_dropin_names_the_file_of_the_shipped_directory(void **state)
{
	static const struct desired_destination destinations[] = {
		{ .name = (char *)"files",
			.kind = DESTINATION_FILE,
			.directory = (char *)"/var/lib/certferry-tls",
			.group = (char *)"ssl-cert" },
	};

	check_dropin(destinations, ARRAY_SIZE(destinations), NULL,
		"# Destination 'files'; a line in /etc/tmpfiles.d/certferry-tls.conf creates its directory:\n"
		"#   d \"/var/lib/certferry-tls\" 2750 certferry ssl-cert -\n"
		"ReadWritePaths=\"-/var/lib/certferry-tls\"\n");
}

static void test_dropin_opens_programs(void **state)
{
	char *programs[] = { (char *)"/usr/local/bin/helper", (char *)"/opt/100%/\"x\"",
		(char *)"relative", (char *)"/a\nExecStart=/bin/sh", NULL };

	check_dropin(NULL, 0, programs,
		"# credential_process of the AWS profiles:\n"
		"ExecPaths=\"-/usr/local/bin/helper\"\n"
		"ExecPaths=\"-/opt/100%%/\\\"x\\\"\"\n");
}

static void test_dropin_says_when_nothing_is_needed(void **state)
{
	check_dropin(NULL, 0, NULL,
		"# This configuration writes no files and runs no program: no drop-in is needed.\n");
}

static void test_dropin_has_the_memory_that_is_needed(void **state)
{
	const struct desired desired = { .destination_count = 0 };
	const struct dropin_memory many = { .limit = 256, .certificates = 10000, .deliveries = 1000000 },
				   unknown = { .matches = true };
	_cleanup_(freep) char *limited = unit_dropin(&desired, NULL, &many),
			      *matched = unit_dropin(&desired, NULL, &unknown);

	assert_non_null(strstr(limited,
		"[Service]\n"
		"# 1000000 deliveries of 10000 certificates need more memory than the unit allows:\n"
		"MemoryMax=256M\n"));
	assert_null(strstr(limited, "no drop-in is needed"));
	assert_null(strstr(limited, "match:"));
	assert_null(strstr(matched, "\nMemoryMax="));
	assert_non_null(strstr(matched, "no drop-in is needed"));
	assert_non_null(strstr(matched, "whether MemoryMax= suffices.\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rule_allows_each_unit_its_action),
		cmocka_unit_test(test_rule_has_the_names_that_systemd_knows),
		cmocka_unit_test(test_rule_without_units_refuses_all),
		cmocka_unit_test(test_rule_cannot_be_broken_out_of),
		cmocka_unit_test(test_dropin_opens_the_directories_of_files),
		cmocka_unit_test(test_dropin_names_the_file_of_the_shipped_directory),
		cmocka_unit_test(test_dropin_opens_programs),
		cmocka_unit_test(test_dropin_has_the_memory_that_is_needed),
		cmocka_unit_test(test_dropin_says_when_nothing_is_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
