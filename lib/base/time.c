/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/time.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
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

/* Turns a broken-down UTC time into usec; dates before 1970 are refused, and
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

/* Takes exactly two digits: 0 with the rest in ${text}, or -EINVAL. */
static int take_two(const char **text, int *ret_number)
{
	const char *t = *text;

	if (!isdigit((unsigned char)t[0]) || !isdigit((unsigned char)t[1]))
		return -EINVAL;
	*ret_number = (t[0] - '0') * 10 + t[1] - '0';
	*text = t + 2;
	return 0;
}

static bool take_char(const char **text, char c)
{
	if (**text != c)
		return false;
	(*text)++;
	return true;
}

/* The basic form has no hyphens, the extended one has both. */
static int take_date(const char **text, struct tm *tm)
{
	int century, year, month, day;
	bool extended;

	if (take_two(text, &century) < 0 || take_two(text, &year) < 0)
		return -EINVAL;
	extended = take_char(text, '-');
	if (take_two(text, &month) < 0 || take_char(text, '-') != extended || take_two(text, &day) < 0)
		return -EINVAL;
	if (month < 1 || month > 12 || day < 1 || day > 31)
		return -EINVAL;
	tm->tm_year = century * 100 + year - 1900;
	tm->tm_mon = month - 1;
	tm->tm_mday = day;
	return 0;
}

/* Digits behind a point or comma, as whole seconds of a ${unit} of so many. */
static int take_fraction(const char **text, int unit, int *ret_seconds)
{
	int64_t value = 0, scale = 1;

	*ret_seconds = 0;
	if (!take_char(text, '.') && !take_char(text, ','))
		return 0;
	if (!isdigit((unsigned char)**text))
		return -EINVAL;
	for (; isdigit((unsigned char)**text); (*text)++)
		if (scale < 1000000000) { /* what comes behind is less than a second of an hour */
			value = value * 10 + **text - '0';
			scale *= 10;
		}
	*ret_seconds = (int)(value * unit / scale);
	return 0;
}

/* Minutes and seconds may be missing; a second of 60 is a leap second, 24:00:00 the day's end. */
static int take_time(const char **text, struct tm *tm)
{
	bool extended;
	int unit = 3600, fraction;

	if (take_two(text, &tm->tm_hour) < 0)
		return -EINVAL;
	extended = take_char(text, ':');
	if (extended || isdigit((unsigned char)**text)) {
		unit = 60;
		if (take_two(text, &tm->tm_min) < 0)
			return -EINVAL;
		if (extended ? take_char(text, ':') : isdigit((unsigned char)**text)) {
			unit = 1;
			if (take_two(text, &tm->tm_sec) < 0)
				return -EINVAL;
		}
	}
	if (take_fraction(text, unit, &fraction) < 0)
		return -EINVAL;
	if (tm->tm_hour > 24 || tm->tm_min > 59 || tm->tm_sec > 60 ||
		(tm->tm_hour == 24 && (tm->tm_min || tm->tm_sec || fraction)))
		return -EINVAL;
	tm->tm_sec += fraction;
	return 0;
}

/* "Z", or how far the clock is ahead of UTC, and nothing behind it. */
static int parse_offset(const char *text, int *ret_minutes)
{
	int hours, minutes = 0;
	bool behind;

	(void)take_char(&text, ' ');
	*ret_minutes = 0;
	if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0)
		return 0;
	behind = *text == '-';
	if (!take_char(&text, '+') && !take_char(&text, '-'))
		return -EINVAL;
	if (take_two(&text, &hours) < 0 || hours > 23)
		return -EINVAL;
	if (*text) {
		(void)take_char(&text, ':');
		if (take_two(&text, &minutes) < 0 || minutes > 59 || *text)
			return -EINVAL;
	}
	*ret_minutes = (hours * 60 + minutes) * (behind ? -1 : 1);
	return 0;
}

int time_parse_iso(const char *text, usec_t *ret_time)
{
	struct tm tm = { 0 };
	usec_t time;
	int minutes;

	if (take_date(&text, &tm) < 0)
		return -EINVAL;
	if (!take_char(&text, 'T') && !take_char(&text, 't') && !take_char(&text, ' '))
		return -EINVAL;
	if (take_time(&text, &tm) < 0 || parse_offset(text, &minutes) < 0)
		return -EINVAL;
	if (time_from_tm(&tm, &time) < 0 || (int64_t)time < minutes * (int64_t)USEC_PER_MINUTE)
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
