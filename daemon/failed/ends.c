/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/failed/ends.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"

_Static_assert(ENDS_MANY == 3, "as many are written and read below");

/* One line each, in this order; %15s and %23s leave room for the NUL in struct end. */
#define FORMAT_OUT                                                                                                     \
	"result=%s\ncode=%s\nstatus=%s\ncount=%u\nfirst=%" PRIu64 "\nlast=%" PRIu64 "\nrecent=%" PRIu64 " %" PRIu64     \
	" %" PRIu64 "\ntold=%" PRIu64 "\n"
#define FORMAT_IN                                                                                                      \
	"result=%23s code=%15s status=%15s count=%u first=%" SCNu64 " last=%" SCNu64 " recent=%" SCNu64 " %" SCNu64     \
	" %" SCNu64 " told=%" SCNu64 " %n"

static void copy(char *to, size_t size, const char *from)
{
	(void)snprintf(to, size, "%s", from ?: "");
	for (char *c = to; *c; c++)
		if (*c <= ' ' || *c >= 127)
			*c = '?';
}

void end_set(struct end *end, const char *result, const char *code, const char *status)
{
	*end = (struct end){ 0 };
	copy(end->result, sizeof(end->result), result);
	copy(end->code, sizeof(end->code), code);
	copy(end->status, sizeof(end->status), status);
}

/* "exec-condition" is of a condition that was not met: the unit was not started. */
static bool end_is_clean(const struct end *end)
{
	return strcmp(end->result, "success") == 0 || strcmp(end->result, "exec-condition") == 0;
}

bool end_is_final(const struct end *end)
{
	static const char *const final[] = { "2", "4", "216", "217" };

	if (strcmp(end->result, "exit-code") == 0)
		for (size_t i = 0; i < ARRAY_SIZE(final); i++)
			if (strcmp(end->status, final[i]) == 0)
				return true;
	return false;
}

/* A series goes on as long as its ends come soon after one another. */
static void ends_count(struct ends *ends, usec_t boottime, usec_t wall)
{
	if (ends->recent[0] == 0 || usec_sub(boottime, ends->recent[0]) > ENDS_WITHIN) {
		ends->count = 0;
		ends->first_at = wall;
	}
	ends->count++;
	memmove(&ends->recent[1], &ends->recent[0], sizeof(ends->recent) - sizeof(ends->recent[0]));
	ends->recent[0] = boottime;
}

enum ends_verdict ends_add(struct ends *ends, const struct end *end, usec_t boottime, usec_t wall)
{
	usec_t earliest;

	if (end_is_clean(end))
		return ENDS_CLEAN;
	ends->last = *end;
	ends->last_at = wall;
	if (end_is_final(end)) {
		ends->count = 1;
		ends->first_at = wall;
		return ENDS_FINAL;
	}
	ends_count(ends, boottime, wall);
	earliest = ends->recent[ENDS_MANY - 1];
	if (earliest == 0 || usec_sub(boottime, earliest) > ENDS_WITHIN)
		return ENDS_COUNTED;
	if (ends->told != 0 && usec_sub(boottime, ends->told) < ENDS_TELL_EVERY)
		return ENDS_COUNTED;
	return ENDS_TELL;
}

bool ends_just_counted(const struct ends *ends, usec_t boottime)
{
	return ends->recent[0] != 0 && usec_sub(boottime, ends->recent[0]) < USEC_PER_MINUTE;
}

/* A word that can be read back. */
static const char *word(const char *text)
{
	return *text ? text : "-";
}

static void unword(char *text)
{
	if (strcmp(text, "-") == 0)
		*text = '\0';
}

char *ends_format(const struct ends *ends)
{
	return mem_printf(FORMAT_OUT, word(ends->last.result), word(ends->last.code), word(ends->last.status),
		ends->count, ends->first_at, ends->last_at, ends->recent[0], ends->recent[1], ends->recent[2],
		ends->told);
}

int ends_parse(const char *text, struct ends *ret_ends)
{
	struct ends ends = { 0 };
	int length = 0;

	if (sscanf(text, FORMAT_IN, ends.last.result, ends.last.code, ends.last.status, &ends.count, &ends.first_at,
		    &ends.last_at, &ends.recent[0], &ends.recent[1], &ends.recent[2], &ends.told,
		    &length) != 10 ||
		text[length] != '\0')
		return -EINVAL;
	unword(ends.last.result);
	unword(ends.last.code);
	unword(ends.last.status);
	*ret_ends = ends;
	return 0;
}
