/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_SPAN_H
#define TESTS_BENCH_SPAN_H

/*
 * JSON read in place: a value is a stretch of the request's own bytes.  For requests of clients that
 * are under test elsewhere; what is no JSON finds nothing, and nothing is copied.
 */

#include <stdbool.h>
#include <stddef.h>

struct span {
	const char *data; /* NULL: there is none */
	size_t length;
};

/* span_member(object, name): the value of the member ${name}, strings without their quotes (and unresolved). */
struct span span_member(struct span object, const char *name);

/* span_path(object, path): the same, down through members: "Filter/NotBefore/Start". */
struct span span_path(struct span object, const char *path);

/* span_number(value, otherwise): it as a number; ${otherwise} where there is none. */
double span_number(struct span value, double otherwise);

/* span_has(array, text): is the string ${text} somewhere in it? */
bool span_has(struct span array, const char *text);

/* span_is(value, text): is it just ${text}? */
bool span_is(struct span value, const char *text);

#endif
