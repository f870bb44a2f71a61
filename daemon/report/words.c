/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/report/words.h"

#include <stddef.h>
#include <string.h>

#include "lib/base/mem.h"

/* A value that is not here is its own word: current, due, in-flight, held, failed, unknown, wrong, and the holds. */
static const struct {
	const char *value, *word;
} words[] = {
	/* of a dependent */
	{ "told", "up-to-date" },
	{ "owed", "pending" },
	/* of a dependent, and of a proof */
	{ "unproven", "unverified" },
	/* of a proof */
	{ "matched", "verified" },
};

const char *report_word(const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(words[i].value, value) == 0)
			return words[i].word;
	return value;
}
