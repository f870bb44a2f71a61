/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_CASES_H
#define TESTS_UNIT_CASES_H

/* All case files of a folder, and the lines "NAME: value" of one.  After cmocka.h. */

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/strv.h"

static inline int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The paths of the files in ${folder} whose names end in ${ending}, sorted; NULL where there are none.  The caller owns
 * them. */
static inline char **case_files(const char *folder, const char *ending)
{
	DIR *directory = opendir(folder);
	struct dirent *entry;
	char **files = NULL;

	while (directory && (entry = readdir(directory))) {
		_cleanup_(freep) char *path = mem_printf("%s/%s", folder, entry->d_name);
		size_t length = strlen(path);

		if (length > strlen(ending) && strcmp(path + length - strlen(ending), ending) == 0)
			strv_append(&files, path);
	}
	if (directory)
		closedir(directory);
	if (files)
		qsort(files, strv_length(files), sizeof(*files), compare_text);
	return files;
}

/* ${check} each of them; how many there were. */
static inline size_t for_each_case(const char *folder, const char *ending, void (*check)(const char *path))
{
	char **files = case_files(folder, ending);
	size_t count = strv_length(files);

	STRV_FOREACH(path, files)
		check(*path);
	strv_free(files);
	return count;
}

/* The value of the line "NAME: value" in ${text}, or NULL.  The caller owns it. */
static inline char *case_value(const char *text, const char *name)
{
	_cleanup_(freep) char *start = mem_printf("\n%s: ", name);
	const char *found = strstr(text, start);

	if (!found)
		return NULL;
	found += strlen(start);
	return mem_strndup(found, strcspn(found, "\n"));
}

/* The line "NAME: value" in ${text} says ${actual}; one that is not there is content. */
static inline void case_expect(const char *path, const char *text, const char *name, const char *actual)
{
	_cleanup_(freep) char *value = case_value(text, name);

	if (value && strcmp(value, actual) != 0)
		fail_msg("%s: %s is '%s', not '%s'", path, name, actual, value);
}

#endif
