/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/launch/as_unit.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/strv.h"
#include "lib/base/time.h"
#include "lib/systemd/unit_now.h"

#define UNIT        "certferryd.service"
#define CREDENTIALS "/run/credentials/" UNIT
#define ASK_TIMEOUT (5 * USEC_PER_SEC)

/* ${text} with the credentials of the transient unit ${name} in the place of the unit's. */
static char *move_credentials(const char *text, const char *name)
{
	const char *found = strstr(text, CREDENTIALS);

	if (!found)
		return mem_strdup(text);
	return mem_printf("%.*s/run/credentials/%s.service%s", (int)(found - text), text, name,
		found + strlen(CREDENTIALS));
}

char **as_unit_words(const struct unit_settings *settings, const char *name, char *const *command)
{
	static const char *const always[] = { "systemd-run", "--pipe", "--wait", "--collect",
		"--quiet", "--property=UMask=0077", "--property=NoNewPrivileges=yes" };
	_cleanup_(freep) char *unit = mem_printf("--unit=%s", name);
	char **words = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		strv_append(&words, always[i]);
	strv_append(&words, unit);
	STRV_FOREACH (line, settings->lines) {
		_cleanup_(freep) char *word = mem_printf("--property=%s", *line);

		strv_append(&words, word);
	}
	STRV_FOREACH (variable, settings->environment) {
		_cleanup_(freep) char *moved = move_credentials(*variable, name);
		_cleanup_(freep) char *word = mem_printf("--setenv=%s", moved);

		strv_append(&words, word);
	}
	strv_append(&words, "--");
	STRV_FOREACH (word, command)
		strv_append(&words, *word);
	return words;
}

/* What is run: this very program, with the same options but for the one that got it here.  The
 * transient unit begins in the root directory, so a file is named from there; of two, the last one
 * counts. */
static char **find_command(char *const *arguments, const char *config_file)
{
	char program[PATH_MAX];
	char file[PATH_MAX];
	char **command = NULL;
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);

	if (length < 0)
		return NULL;
	program[length] = '\0';
	strv_append(&command, program);
	STRV_FOREACH (argument, arguments + 1)
		if (strncmp(*argument, "--as", 4) != 0)
			strv_append(&command, *argument);
	if (config_file) {
		strv_append(&command, "--config");
		strv_append(&command, realpath(config_file, file) ? file : config_file);
	}
	return command;
}

static int fail(const char *what, const char *why)
{
	(void)fprintf(stderr, "certferryd: --as-unit: %s%s\n", what, why);
	return 1;
}

int as_unit_run(char *const *arguments, const char *config_file)
{
	_cleanup_(unit_settings_done) struct unit_settings settings = { 0 };
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(freep) char *name = mem_printf("certferryd-once-%d", (int)getpid());
	_cleanup_(strv_freep) char **command = find_command(arguments, config_file), **words = NULL;

	if (!command)
		return fail("find the program of this process: ", strerror(errno));
	if (unit_now_settings(UNIT, ASK_TIMEOUT, &settings, &err) < 0)
		return fail(err.text,
			"; without systemd, run it as the service's user, with its environment");
	words = as_unit_words(&settings, name, command);
	(void)fflush(NULL);
	(void)execvp(words[0], words);
	return fail("start systemd-run: ", strerror(errno));
}
