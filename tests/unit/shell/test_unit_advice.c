/* SPDX-License-Identifier: Apache-2.0 */
/* What a unit's set-up will keep it from: with users and groups that every Debian has. */
#include "daemon/dependent/unit_advice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/strv.h"
#include "lib/os/file.h"

#define CAP_ALL ((uint64_t)0x1ffffffffff)
#define PROGRAM "/usr/sbin/served"
#define PROFILE "usr.sbin.served"

static char directory[] = "/tmp/certferry-advice-XXXXXX";
static char apparmor[64], local[80];

static char *then[] = { (char *)"web", NULL };
static struct desired_delivery deliver = { .to = (char *)"files", .then = then };
static struct desired_certificate certificate = {
	.name = (char *)"pay", .deliver = &deliver, .deliver_count = 1
};
static struct desired_destination destination = {
	.name = (char *)"files",
	.kind = DESTINATION_FILE,
	.directory = (char *)"/srv/tls",
};
static struct desired_dependent dependent = {
	.name = (char *)"web",
	.kind = DEPENDENT_SYSTEMD,
	.unit = { .name = (char *)"web.service" },
};
static struct desired desired = {
	.certificates = &certificate,
	.certificate_count = 1,
	.destinations = &destination,
	.destination_count = 1,
	.dependents = &dependent,
	.dependent_count = 1,
};

/* At most one sentence; the caller owns it, and NULL is none. */
static char *advice(const struct unit *unit)
{
	char **list = unit_advice(&desired, &dependent, unit, apparmor);
	char *sentence = list ? mem_strdup(list[0]) : NULL;

	assert_true(strv_length(list) <= 1);
	strv_free(list);
	return sentence;
}

static void assert_silent(const struct unit *unit)
{
	_cleanup_(freep) char *sentence = advice(unit);

	if (sentence)
		fail_msg("%s", sentence);
}

static void assert_said(const struct unit *unit, const char *words)
{
	_cleanup_(freep) char *sentence = advice(unit);

	if (!sentence || strncmp(sentence, "dependents.web.unit: ", 21) != 0 ||
		!strstr(sentence, words))
		fail_msg("%s", sentence ?: "nothing");
}

#define SET_UP(...) (&(struct unit){ __VA_ARGS__ })
#define UNIT(...)   SET_UP(.program = PROGRAM, __VA_ARGS__)

static void test_who_may_read(void **state)
{
	destination.group = (char *)"daemon";
	assert_silent(UNIT(.user = ""));
	assert_silent(UNIT(.user = "root", .capabilities = CAP_ALL));
	assert_silent(UNIT(.user = "daemon"));
	assert_silent(UNIT(.user = "1"));
	assert_silent(UNIT(.user = "nobody", .group = "daemon"));
	assert_silent(UNIT(.user = "nobody", .groups = "mail daemon"));
	assert_silent(UNIT(.dynamic_user = true, .user = "web", .groups = "daemon"));
	assert_silent(UNIT(.user = "nobody-has-this-name"));
	assert_said(UNIT(.user = "nobody"),
		"'web.service' runs as nobody, which is not in group 'daemon' and cannot read "
		"the files of destination 'files' ('/srv/tls'); set 'group: nogroup'");
	assert_said(UNIT(.user = "nobody", .group = "mail"),
		"set 'group: mail' at that destination, or set "
		"SupplementaryGroups=daemon in a drop-in");
	assert_said(UNIT(.user = "65534", .groups = "mail"),
		"runs as 65534, which is not in group 'daemon'");
	assert_said(UNIT(.dynamic_user = true, .user = "web"),
		"its dynamic user, which is not in group 'daemon'");
	/* As memcached's starts. */
	assert_said(
		UNIT(.user = "", .capabilities = 1 << 6), "runs as root without CAP_DAC_OVERRIDE");
	assert_silent(UNIT(.user = "", .capabilities = 1 << 6, .groups = "daemon"));
}

static void test_the_directory_says_whose_files_are(void **state)
{
	if (geteuid() != 0)
		skip();
	destination.group = NULL;
	destination.directory = directory;
	assert_return_code(chown(directory, 0, 8), 0); /* mail */
	assert_return_code(chmod(directory, 02750), 0);
	assert_said(UNIT(.user = "nobody"), "not in group 'mail'");
	assert_silent(UNIT(.user = "nobody", .groups = "mail"));
	destination.directory = (char *)"/nothing/is/here";
	assert_silent(UNIT(.user = "nobody"));
	destination.directory = (char *)"/srv/tls";
}

/* What certferry-install@.service has installed for it is another matter. */
static void test_installed_files_are_not_ours(void **state)
{
	struct desired_dependent both[] = {
		{ .name = (char *)"install",
			.kind = DEPENDENT_SYSTEMD,
			.unit = { .name = (char *)"certferry-install@web.service" } },
		dependent,
	};
	char *after[] = { (char *)"install", NULL };

	destination.group = (char *)"daemon";
	desired.dependents = both;
	desired.dependent_count = 2;
	dependent.after = after;
	assert_silent(UNIT(.user = "nobody"));
	both[0].unit.name = (char *)"copy.service";
	assert_said(UNIT(.user = "nobody"), "cannot read");
	dependent.after = NULL;
	both[0].unit.name = (char *)"certferry-install@web.service";
	assert_said(UNIT(.user = "nobody"), "cannot read");
	desired.dependents = &dependent;
	desired.dependent_count = 1;
}

static void test_others_files_do_not_matter(void **state)
{
	destination.group = (char *)"daemon";
	then[0] = (char *)"mail";
	assert_silent(UNIT(.user = "nobody"));
	then[0] = (char *)"web";
	destination.kind = DESTINATION_ACM;
	assert_silent(UNIT(.user = "nobody"));
	destination.kind = DESTINATION_FILE;
}

static void test_who_hands_on_is_named(void **state)
{
	destination.group = (char *)"daemon";
	assert_said(SET_UP(.program = "/bin/true", .reload_program = "/bin/true",
			    .reloads = "postfix@-.service",
			    .parts = "postfix@-.service postfix@other.service"),
		"'web.service' does nothing itself (ExecReload=/bin/true) and hands on to other "
		"units, so its job "
		"succeeds even if theirs fail; name instead: postfix@-.service");
	assert_said(SET_UP(.program = "/usr/bin/true", .user = "nobody",
			    .parts = "a.service b.service"),
		"(ExecStart=/usr/bin/true) and hands on to other units, so its job succeeds "
		"even if theirs fail; name instead: a.service b.service");
	assert_silent(UNIT(.reload_program = "/bin/true"));
	assert_silent(SET_UP(.program = "/opt/untrue", .reloads = "a.service"));
	assert_silent(UNIT(.reload_program = "/bin/kill", .reloads = "a.service"));
}

static void write_file(const char *path, const char *text)
{
	assert_int_equal(file_replace(path, text, strlen(text), 0644, NULL), 0);
}

static void test_apparmor(void **state)
{
	static const struct {
		const char *profile, *local;
		bool said;
	} cases[] = {
		{ "profile served /usr/sbin/served flags=(attach_disconnected) {\n  capability "
		  "dac_override,\n  /etc/served/** r,\n}\n",
			NULL, true },
		{ "/usr/sbin/served {\n  capability dac_override,\n}\n", "# what else\n", true },
		{ "/usr/sbin/served {\n  capability dac_override,\n}\n", "  /srv/tls/** r,\n",
			false },
		{ "/usr/sbin/served {\n  capability dac_override,\n  /srv/tls/** r,\n}\n", NULL,
			false },
		{ "/usr/sbin/served {\n  capability dac_override,\n  /srv/** r,\n}\n", NULL,
			false },
		{ "/usr/sbin/served {\n  capability dac_override,\n  /chroot/srv/** r,\n  "
		  "/srv/tls2/** r,\n}\n",
			NULL, true },
		{ "profile served /usr/sbin/served flags=(complain) {\n}\n", NULL, false },
		{ "/usr/sbin/other {\n}\n", NULL, false },
		{ NULL, NULL, false },
	};
	_cleanup_(freep) char *profile = mem_printf("%s/" PROFILE, apparmor);
	_cleanup_(freep) char *beside = mem_printf("%s/" PROFILE, local);

	destination.group = NULL;
	destination.directory = (char *)"/srv/tls";
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (cases[i].profile)
			write_file(profile, cases[i].profile);
		if (cases[i].local)
			write_file(beside, cases[i].local);
		if (cases[i].said)
			assert_said(UNIT(.user = ""),
				"lets 'web.service' read nothing in '/srv/tls'; add the line "
				"'  /srv/tls/** r,' to '");
		else
			assert_silent(UNIT(.user = ""));
		(void)unlink(profile);
		(void)unlink(beside);
	}
}

/* It takes from root what it does not name: unbound's does. */
static void test_a_confined_root_reads_by_its_groups(void **state)
{
	_cleanup_(freep) char *profile = mem_printf("%s/" PROFILE, apparmor);

	destination.group = (char *)"daemon";
	write_file(profile, "/usr/sbin/served {\n  /srv/tls/** r,\n}\n");
	assert_said(UNIT(.user = ""),
		"runs as root without CAP_DAC_OVERRIDE, which is not in group 'daemon' and cannot "
		"read the files of destination 'files' ('/srv/tls'); set 'group: root'");
	assert_silent(UNIT(.user = "", .groups = "daemon"));
	destination.group = (char *)"root";
	assert_silent(UNIT(.user = ""));
	destination.group = (char *)"daemon";
	write_file(
		profile, "/usr/sbin/served {\n  capability dac_override,\n  /srv/tls/** r,\n}\n");
	assert_silent(UNIT(.user = ""));
	(void)unlink(profile);
}

static void test_a_disabled_profile_keeps_nobody(void **state)
{
	_cleanup_(freep) char *profile = mem_printf("%s/" PROFILE, apparmor);
	_cleanup_(freep) char *disable = mem_printf("%s/disable", apparmor);
	_cleanup_(freep) char *link_path = mem_printf("%s/" PROFILE, disable);

	write_file(profile, "/usr/sbin/served {\n  capability dac_override,\n}\n");
	assert_said(UNIT(.user = ""), PROFILE);
	assert_return_code(mkdir(disable, 0755), 0);
	assert_return_code(symlink(profile, link_path), 0);
	assert_silent(UNIT(.user = ""));
	(void)unlink(link_path);
	(void)rmdir(disable);
	(void)unlink(profile);
}

static int setup(void **state)
{
	if (!mkdtemp(directory))
		return -1;
	(void)snprintf(apparmor, sizeof(apparmor), "%s/apparmor.d", directory);
	(void)snprintf(local, sizeof(local), "%s/local", apparmor);
	return mkdir(apparmor, 0755) < 0 || mkdir(local, 0755) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)rmdir(local);
	(void)rmdir(apparmor);
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_may_read),
		cmocka_unit_test(test_the_directory_says_whose_files_are),
		cmocka_unit_test(test_others_files_do_not_matter),
		cmocka_unit_test(test_installed_files_are_not_ours),
		cmocka_unit_test(test_who_hands_on_is_named),
		cmocka_unit_test(test_apparmor),
		cmocka_unit_test(test_a_confined_root_reads_by_its_groups),
		cmocka_unit_test(test_a_disabled_profile_keeps_nobody),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
