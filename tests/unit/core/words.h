/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_CORE_WORDS_H
#define TESTS_UNIT_CORE_WORDS_H

/* The words of a case file's line, and all case files of a folder. */

#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/strv.h"

/* The next word of *${line}, which moves on; blanks within double quotes are part of it.  NULL at the end. */
static inline char *next_word(char **line)
{
	char *from = *line + strspn(*line, " \t"), *to = from;
	bool quoted = false;

	if (!*from)
		return NULL;
	while (**line)
		(*line)++;
	for (char *c = from; *c; c++) {
		if (*c == '"') {
			quoted = !quoted;
		} else if (*c == ' ' && !quoted) {
			*line = c + 1;
			break;
		} else {
			*to++ = *c;
		}
	}
	*to = '\0';
	return from;
}

static inline int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The paths of the case files in ${folder}, sorted; none where there is no such folder. */
static inline char **case_files(const char *folder)
{
	DIR *directory = opendir(folder);
	struct dirent *entry;
	char **files = NULL;

	while (directory && (entry = readdir(directory))) {
		_cleanup_(freep) char *path = mem_printf("%s/%s", folder, entry->d_name);
		size_t length = strlen(path);

		if (length > 5 && strcmp(path + length - 5, ".case") == 0)
			strv_append(&files, path);
	}
	if (directory)
		closedir(directory);
	if (files)
		qsort(files, strv_length(files), sizeof(*files), compare_text);
	return files;
}

#endif
