/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/advice/rules.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/error.h"
#include "lib/base/strv.h"
#include "lib/os/file.h"

#define PREFIX	  "org.certferry1"
#define RULE_MOST (64 * 1024)

/* The prefix in quotes, with its dot or without. */
static bool names_prefix(const char *text)
{
	for (const char *at = strstr(text, PREFIX); at; at = strstr(at + 1, PREFIX)) {
		const char *end = at + strlen(PREFIX) + (at[strlen(PREFIX)] == '.');

		if (*end == '"' || *end == '\'')
			return true;
	}
	return false;
}

static bool is_too_wide(const char *path)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(buf_done) struct buf text = BUF_NULL;

	return file_read(path, RULE_MOST, &text, &err) >= 0 && text.length && names_prefix(text.data);
}

static bool is_rule(const char *name)
{
	const char *end = strrchr(name, '.');

	return end && strcmp(end, ".rules") == 0;
}

static void look_through(const char *directory, char ***list)
{
	DIR *stream = opendir(directory);

	if (!stream)
		return;
	for (const struct dirent *entry = readdir(stream); entry; entry = readdir(stream)) {
		_cleanup_(freep) char *path = mem_printf("%s/%s", directory, entry->d_name);

		if (is_rule(entry->d_name) && is_too_wide(path))
			strv_append(list, path);
	}
	(void)closedir(stream);
}

char **rules_too_wide(const char *const *directories)
{
	char **list = NULL;

	for (; *directories; directories++)
		look_through(*directories, &list);
	return list;
}
