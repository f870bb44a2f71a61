/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_CORE_WORDS_H
#define TESTS_UNIT_CORE_WORDS_H

/* The words of a case file's line. */

#include <stdbool.h>
#include <string.h>

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

#endif
