/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/conductor/offline.h"

#include <stdio.h>
#include <stdlib.h>

#include "daemon/conductor/state.h"
#include "daemon/dependent/dropin.h"
#include "daemon/dependent/polkit_rule.h"
#include "lib/base/strv.h"

/* Entries with match: have deliveries only once the source is read; the line says so instead of leaving them out. */
static void print_matches(const struct desired *desired)
{
	for (size_t i = 0; i < desired->certificate_count; i++)
		if (!desired->certificates[i].arn)
			(void)printf("%s/* matched at the source\n", desired->certificates[i].name);
}

static int print_expansion(const struct desired *desired)
{
	_cleanup_(expansion_freep) struct expansion *expansion = expand(desired, NULL, getenv("AWS_REGION"));
	_cleanup_(freep) char *lines = expansion_lines(expansion);

	(void)fputs(lines, stdout);
	print_matches(desired);
	STRV_FOREACH(problem, expansion->problems)
		(void)fprintf(stderr, "%s\n", *problem);
	return expansion->problems ? 2 : 0;
}

int offline_run(const char *config_file, enum offline what)
{
	_cleanup_(freep) char *text = NULL;
	struct configuration *configuration;
	int status = 0;

	if (!configuration_load(config_file, &configuration))
		return 2;
	switch (what) {
	case OFFLINE_CHECK:
		break;
	case OFFLINE_EXPAND:
		status = print_expansion(configuration->desired);
		break;
	case OFFLINE_POLKIT_RULE:
		text = polkit_rule(configuration->desired);
		break;
	case OFFLINE_UNIT_DROPIN:
		text = unit_dropin(configuration->desired);
		break;
	}
	if (text)
		(void)fputs(text, stdout);
	configuration_unref(configuration);
	return status;
}
