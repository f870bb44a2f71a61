/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_BASE_TIME_H
#define LIB_BASE_TIME_H

/*
 * Time in microseconds since 1970 (UTC), everywhere.  Durations are the same type and
 * carry their unit in the name only at the borders.  Nothing here reads a clock
 * (lib/os/clock.h does): the pure parts of the program take the time as an argument.
 */

#include <stddef.h>
#include <stdint.h>

typedef uint64_t usec_t;

#define USEC_INFINITY UINT64_MAX
#define USEC_PER_MSEC ((usec_t)1000)
#define USEC_PER_SEC ((usec_t)1000000)
#define USEC_PER_MINUTE (60 * USEC_PER_SEC)
#define USEC_PER_HOUR (60 * USEC_PER_MINUTE)
#define USEC_PER_DAY (24 * USEC_PER_HOUR)

/* usec_add(time, duration): saturates at USEC_INFINITY. */
usec_t usec_add(usec_t time, usec_t duration);

/* usec_sub(a, b): a - b, or 0 where b is later. */
usec_t usec_sub(usec_t a, usec_t b);

#define TIME_TEXT_SIZE 24

/* time_format(time, text): "2026-11-23T08:47:54Z" (RFC 3339, whole seconds). Returns ${text}. */
char *time_format(usec_t time, char text[static TIME_TEXT_SIZE]);

/*
 * time_parse_iso(text, time): a date and time of day of ISO 8601 with its offset from UTC, in whole
 * seconds (a fraction is cut off), or -EINVAL, with ${ret_time} as it was.
 *
 *   date    2026-11-23 or 20261123
 *   between T or one space
 *   time    08:47:54, 084754, 08:47, 0847 or 08, with a fraction of its last unit or without
 *   offset  Z, +01:00, +0100 or +01, with one space before it or without
 *
 * A time without an offset is refused: nobody knows whose clock it means.  So is one before 1970.
 */
int time_parse_iso(const char *text, usec_t *ret_time);

/* time_parse_http(text, time): IMF-fixdate of RFC 9110 section 5.6.7; 0 or -EINVAL. */
int time_parse_http(const char *text, usec_t *ret_time);

/* duration_format(duration): "15m", "6h", "40d", "1m30s", "250ms"; at most the two greatest
 * units.  The caller owns the result. */
char *duration_format(usec_t duration);

#endif
