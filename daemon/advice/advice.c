/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/advice/advice.h"

#include <string.h>
#include <unistd.h>

#include "daemon/advice/rules.h"
#include "daemon/dependent/polkit_rule.h"
#include "daemon/dependent/primary.h"
#include "lib/aws/aws.h"
#include "lib/base/strv.h"

/* Where systemd cannot be asked, nothing is said. */
static void print_aliases(const struct desired *desired, FILE *stream)
{
	_cleanup_(strv_freep) char **names = primary_names(desired);

	for (size_t i = 0; i < desired->dependent_count; i++) {
		const struct desired_dependent *dependent = &desired->dependents[i];

		if (dependent->kind != DEPENDENT_SYSTEMD ||
			strcmp(dependent->unit.name, names[i]) == 0)
			continue;
		(void)fprintf(stream,
			"warning: dependents.%s.unit: '%s' is another name of '%s', and polkit knows only "
			"that one; write that one, and print the polkit rule again\n",
			dependent->name, dependent->unit.name, names[i]);
	}
}

/* Where systemd cannot be asked, or has no such unit, nothing is said. */
static void print_units(const struct desired *desired, FILE *stream)
{
	_cleanup_(strv_freep) char **list = units_advice(desired);

	STRV_FOREACH (sentence, list)
		(void)fprintf(stream, "warning: %s\n", *sentence);
}

/* Where systemd does not run, nobody asks for units to be restarted. */
static void print_polkit(const struct desired *desired, FILE *stream)
{
	if (desired->dependent_count && !polkit_is_installed() && access("/run/systemd/system", F_OK) == 0)
		(void)fputs("warning: there is no polkit on this host, which has to let certferryd restart "
			    "the units of dependents; install the package polkitd, and the rule that "
			    "`certferryd --polkit-rule` prints\n",
			stream);
}

/* Only where who asks can read polkit's rules: root. */
static void print_rules(FILE *stream)
{
	static const char *const directories[] = { "/etc/polkit-1/rules.d", "/run/polkit-1/rules.d",
		"/usr/local/share/polkit-1/rules.d", "/usr/share/polkit-1/rules.d", NULL };
	_cleanup_(strv_freep) char **list = rules_too_wide(directories);

	STRV_FOREACH (path, list)
		(void)fprintf(stream,
			"warning: %s names certferry's polkit actions by what all of them begin with, and so also "
			"admits org.certferry1.approve-trust and org.certferry1.withdraw without a password; name "
			"the actions one by one, as the shipped 50-certferry-admin.rules does\n",
			*path);
}

/* What else could be wrong with the environment is the daemon's to say: it has one of its own. */
static void print_trust(FILE *stream)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;

	if (aws_environment_trust(&err) < 0 && err.kind == ERROR_ABSENT)
		(void)fprintf(stream,
			"warning: %s, or name a CA bundle in AWS_CA_BUNDLE (for the service, in "
			"/etc/default/certferry)\n",
			err.text);
}

void advice_print(
	const struct desired *desired, const struct config_problems *warnings, FILE *stream)
{
	config_problems_print(warnings, "warning: ", stream);
	if (desired) {
		print_aliases(desired, stream);
		print_units(desired, stream);
		print_polkit(desired, stream);
	}
	print_rules(stream);
	print_trust(stream);
}
