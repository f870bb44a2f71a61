/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_CORE_VALUES_H
#define TESTS_UNIT_CORE_VALUES_H

/*
 * Values as the case files write them.  After cmocka.h.
 *
 * A time is "now", an offset from it (+5m, -4m59s), 0 or RFC 3339.  A version is a letter: A is valid from 2026-01-01, each
 * next letter from 60 days later, all for 395 days; "C/2026-05-01/2026-06-01" says other dates; "?" is a version that
 * cannot be known.
 */

#include <stdlib.h>
#include <string.h>

#include "daemon/model/hold.h"
#include "daemon/model/version.h"

static inline struct digest digest_of(char letter)
{
	struct digest digest = { 0 };

	if (letter != '?')
		memset(digest.bytes, letter, sizeof(digest.bytes));
	return digest;
}

static inline usec_t day_of(const char *date, size_t length)
{
	_cleanup_(freep) char *text = mem_printf("%.*sT00:00:00Z", (int)length, date);
	usec_t time = 0;

	if (time_parse_iso(text, &time) < 0)
		fail_msg("'%s' is no date", text);
	return time;
}

static inline struct version version_of(const char *text)
{
	struct version version = { .digest = digest_of(*text) };
	const char *from = strchr(text, '/');
	const char *to = from ? strchr(from + 1, '/') : NULL;

	if (*text == '?')
		return version;
	version.not_before = from ? day_of(from + 1, strcspn(from + 1, "/"))
				  : day_of("2026-01-01", 10) +
					     (usec_t)(*text - 'A') * 60 * USEC_PER_DAY;
	version.not_after = to ? day_of(to + 1, strlen(to + 1))
			       : version.not_before + 395 * USEC_PER_DAY;
	return version;
}

static inline usec_t duration_of(const char *text)
{
	usec_t total = 0;

	while (*text) {
		char *end;
		unsigned long count = strtoul(text, &end, 10);
		usec_t unit = *end == 's'   ? USEC_PER_SEC
			      : *end == 'm' ? USEC_PER_MINUTE
			      : *end == 'h' ? USEC_PER_HOUR
			      : *end == 'd' ? USEC_PER_DAY
					    : 0;

		if (!unit || end == text)
			fail_msg("'%s' is no duration", text);
		total += count * unit;
		text = end + 1;
	}
	return total;
}

static inline usec_t time_at(usec_t now, const char *text)
{
	usec_t time = 0;

	if (strcmp(text, "0") == 0)
		return 0;
	if (strcmp(text, "now") == 0)
		return now;
	if (*text == '+')
		return now + duration_of(text + 1);
	if (*text == '-')
		return now - duration_of(text + 1);
	if (time_parse_iso(text, &time) < 0)
		fail_msg("'%s' is no time", text);
	return time;
}

static inline enum hold hold_of(const char *text)
{
	for (enum hold kind = HOLD_NONE; kind < HOLD_NUMBERS; kind++)
		if (strcmp(hold_name(kind), text) == 0)
			return kind;
	fail_msg("'%s' is no hold", text);
	return HOLD_NONE;
}

#endif
