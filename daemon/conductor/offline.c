/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/conductor/offline.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/advice/advice.h"
#include "daemon/conductor/configuration.h"
#include "daemon/conductor/limits.h"
#include "daemon/dependent/dropin.h"
#include "daemon/dependent/polkit_rule.h"
#include "daemon/plan/expand.h"
#include "lib/aws/aws.h"
#include "lib/aws/programs.h"
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
	_cleanup_(expansion_freep) struct expansion *expansion = NULL;
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(freep) char *region = NULL;

	if (expand_needs_region(desired) && aws_environment_region(&region, &err) < 0) {
		(void)fprintf(stderr, "%s\n", err.text);
		return 2;
	}
	expansion = expand_preview(desired, region);
	for (size_t i = 0; i < expansion->delivery_count; i++) {
		_cleanup_(freep) char *line = expansion_line(expansion, i);

		(void)fputs(line, stdout);
	}
	print_matches(desired);
	STRV_FOREACH(problem, expansion->problems)
		(void)fprintf(stderr, "%s\n", *problem);
	return expansion->problems ? 2 : 0;
}

static const char *place(const char *variable, const char *otherwise)
{
	const char *path = getenv(variable);

	return path && *path ? path : otherwise;
}

/* What the configuration names; the region of the environment decides nothing about how many there are. */
static struct dropin_memory memory_of(const struct desired *desired)
{
	const struct expand_counts counts = expand_count(desired, NULL);
	const unsigned limit = limits_unit_memory(counts.certificates, counts.deliveries);

	return (struct dropin_memory){
		.limit = limit > UNIT_MEMORY ? limit : 0,
		.certificates = counts.certificates,
		.deliveries = counts.deliveries,
		.matches = counts.matches,
	};
}

static void note_memory(const struct desired *desired)
{
	const struct dropin_memory memory = memory_of(desired);

	if (memory.limit)
		(void)fprintf(stderr,
			"note: certferryd may need %" PRIu64 " MiB of memory for %zu deliveries of %zu certificates, and "
			"the unit allows %u; install the drop-in that 'certferryd --unit-dropin' prints "
			"(MemoryMax=%uM)\n",
			(limits_memory(memory.certificates, memory.deliveries) >> 20) + 1, memory.deliveries,
			memory.certificates, UNIT_MEMORY, memory.limit);
}

/* The drop-in is the unit's, and so are the profiles, unless the environment names others. */
static char *make_dropin(const struct desired *desired)
{
	const struct dropin_memory memory = memory_of(desired);
	_cleanup_(strv_freep) char **programs = NULL;
	_cleanup_(error_done) struct error err = ERROR_NULL;

	if (programs_of_profiles(place("AWS_CONFIG_FILE", CERTFERRY_SYSCONFDIR "/aws-config"),
		    place("AWS_SHARED_CREDENTIALS_FILE", CERTFERRY_SYSCONFDIR "/aws-credentials"),
		    &programs, &err) < 0) {
		(void)fprintf(stderr, "%s\n", err.text);
		return NULL;
	}
	return unit_dropin(desired, programs, &memory);
}

static int answer(const struct desired *desired, enum offline what)
{
	_cleanup_(freep) char *text = NULL;

	switch (what) {
	case OFFLINE_CHECK:
		return 0;
	case OFFLINE_EXPAND:
		return print_expansion(desired);
	case OFFLINE_POLKIT_RULE:
		text = polkit_rule(desired);
		break;
	case OFFLINE_UNIT_DROPIN:
		text = make_dropin(desired);
		break;
	}
	if (!text)
		return 2;
	(void)fputs(text, stdout);
	return 0;
}

int offline_run(const char *config_file, enum offline what)
{
	_cleanup_(config_problems_done) struct config_problems problems = CONFIG_PROBLEMS_NULL,
							       warnings = CONFIG_PROBLEMS_NULL;
	struct configuration *configuration = NULL;
	int status = 2;

	if (configuration_load(config_file, &configuration, &problems, &warnings))
		status = answer(configuration->desired, what);
	config_problems_print(&problems, "", stderr);
	if (configuration && (what == OFFLINE_CHECK || what == OFFLINE_EXPAND))
		note_memory(configuration->desired);
	if (what == OFFLINE_CHECK || what == OFFLINE_EXPAND)
		advice_print(configuration ? configuration->desired : NULL, &warnings, stderr);
	if (configuration)
		configuration_unref(configuration);
	return status;
}
