/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/aws/programs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/aws/profile.h"
#include "lib/base/strv.h"
#include "lib/base/words.h"
#include "lib/os/file.h"

#define INTERPRETERS_MAX 4 /* as the kernel has it: a script's interpreter may be a script */

char *program_find(const char *name)
{
	const char *rest = getenv("PATH") ?: "/usr/local/bin:/usr/bin:/bin";

	while (!strchr(name, '/') && *rest) {
		size_t length = strcspn(rest, ":");
		char *path = mem_printf("%.*s/%s", (int)length, rest, name);

		if (length && access(path, X_OK) == 0)
			return path;
		free(path);
		rest += length + (rest[length] == ':');
	}
	return mem_strdup(name);
}

/* The words behind "#!", or NULL. */
static char **interpreter(const char *path)
{
	_cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char line[256] = "", **words = NULL;
	ssize_t length = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);

	if (length < 3 || line[0] != '#' || line[1] != '!')
		return NULL;
	line[strcspn(line, "\n")] = '\0';
	(void)words_split(line + 2, &words);
	return words;
}

static void add_program(char ***programs, const char *name, int depth)
{
	_cleanup_(freep) char *path = program_find(name);
	_cleanup_(strv_freep) char **words = NULL;

	if (strv_has(*programs, path) || depth > INTERPRETERS_MAX)
		return;
	strv_append(programs, path);
	words = interpreter(path);
	if (!words)
		return;
	add_program(programs, words[0], depth + 1);
	if (strcmp(words[0], "/usr/bin/env") == 0 && words[1] && words[1][0] != '-')
		add_program(programs, words[1], depth + 1);
}

int programs_of_profiles(const char *config_path, const char *credentials_path,
	char ***ret_programs, struct error *err)
{
	_cleanup_(profiles_freep) struct profiles *profiles = NULL;
	_cleanup_(strv_freep) char **commands = NULL;
	char **programs = NULL;
	int r;

	r = profiles_load(config_path, credentials_path, &profiles, err);
	if (r < 0)
		return r;
	commands = profiles_values(profiles, "credential_process");
	STRV_FOREACH(command, commands)
	{
		_cleanup_(strv_freep) char **words = NULL;

		if (words_split(*command, &words) == 0 && words)
			add_program(&programs, words[0], 0);
	}
	*ret_programs = programs;
	return 0;
}
