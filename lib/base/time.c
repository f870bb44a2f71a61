/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/time.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/base/buf.h"

usec_t usec_add(usec_t time, usec_t duration)
{
	return time > USEC_INFINITY - duration ? USEC_INFINITY : time + duration;
}

usec_t usec_sub(usec_t a, usec_t b)
{
	return a > b ? a - b : 0;
}

char *time_format(usec_t time, char text[static TIME_TEXT_SIZE])
{
	time_t seconds = (time_t)(time / USEC_PER_SEC);
	struct tm tm;

	if (time == USEC_INFINITY || !gmtime_r(&seconds, &tm) ||
		strftime(text, TIME_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		(void)snprintf(text, TIME_TEXT_SIZE, "never");
	return text;
}

/* Turns a broken-down UTC time that strptime() filled into usec; dates before 1970 are refused, and
 * days that the month does not have, which timegm() would take for days of the next one. */
static int time_from_tm(struct tm *tm, usec_t *ret_time)
{
	struct tm day = { .tm_year = tm->tm_year, .tm_mon = tm->tm_mon, .tm_mday = tm->tm_mday };
	int month = tm->tm_mon;
	time_t seconds = timegm(tm);

	if (seconds < 0 || timegm(&day) < 0 || day.tm_mon != month)
		return -EINVAL;
	*ret_time = (usec_t)seconds * USEC_PER_SEC;
	return 0;
}

/* What stands behind the seconds: "Z", or how far the clock is ahead of UTC. */
static int parse_zone(const char *text, int *ret_minutes)
{
	int sign = *text == '-' ? -1 : 1;

	if (strcmp(text, "Z") == 0) {
		*ret_minutes = 0;
		return 0;
	}
	if (strlen(text) != 6 || (*text != '+' && *text != '-') || text[3] != ':')
		return -EINVAL;
	for (int i = 1; i < 6; i++)
		if (i != 3 && !isdigit((unsigned char)text[i]))
			return -EINVAL;
	if (text[1] > '2' || text[4] > '5')
		return -EINVAL;
	*ret_minutes = sign * (((text[1] - '0') * 10 + text[2] - '0') * 60 +
				      (text[4] - '0') * 10 + text[5] - '0');
	return 0;
}

int time_parse_iso(const char *text, usec_t *ret_time)
{
	struct tm tm = { 0 };
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	usec_t time;
	int minutes, r;

	if (!rest)
		return -EINVAL;
	if (*rest == '.' && isdigit((unsigned char)rest[1]))
		for (rest++; isdigit((unsigned char)*rest);)
			rest++;
	r = parse_zone(rest, &minutes);
	if (r < 0)
		return r;
	r = time_from_tm(&tm, &time);
	if (r < 0 || (int64_t)time < minutes * (int64_t)USEC_PER_MINUTE)
		return -EINVAL;
	*ret_time = (usec_t)((int64_t)time - minutes * (int64_t)USEC_PER_MINUTE);
	return 0;
}

int time_parse_http(const char *text, usec_t *ret_time)
{
	struct tm tm = { 0 };
	const char *rest = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);

	if (!rest || *rest)
		return -EINVAL;
	return time_from_tm(&tm, ret_time);
}

char *duration_format(usec_t duration)
{
	static const struct {
		usec_t length;
		const char *unit;
	} units[] = {
		{ USEC_PER_DAY, "d" },
		{ USEC_PER_HOUR, "h" },
		{ USEC_PER_MINUTE, "m" },
		{ USEC_PER_SEC, "s" },
		{ USEC_PER_MSEC, "ms" },
	};
	struct buf text = BUF_NULL;
	size_t last = sizeof(units) / sizeof(units[0]);

	if (duration == USEC_INFINITY) {
		buf_append_string(&text, "for ever");
		return buf_take(&text);
	}
	for (size_t i = 0; i < last; i++) {
		usec_t count = duration / units[i].length;

		if (!count)
			continue;
		buf_printf(&text, "%llu%s", (unsigned long long)count, units[i].unit);
		duration %= units[i].length;
		last = i + 2 < last ? i + 2 : last;
	}
	if (!text.length)
		buf_append_string(&text, "0s");
	return buf_take(&text);
}
