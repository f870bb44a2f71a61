/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_MEMBER_H
#define LIB_AWS_MEMBER_H

/*
 * Members of AWS's JSON answers.  What is absent or null reads as NULL, false or 0, so that a newer or
 * an emulated AWS costs a field and not the answer; what an answer must have is asked for with
 * member_need().  What is there and of another type than it must be is no answer of AWS's: whoever
 * reads an answer asks member_check() first, since a tag, an owner or a token that was passed over
 * would be taken for one that is not there.
 */

#include <stdbool.h>

#include <jansson.h>

#include "lib/base/error.h"
#include "lib/base/time.h"

/* Greater numbers are no times: it is the year 33658, and X.509's end with the year 9999. */
#define MEMBER_TIME_END 1e12

/* What a member must be, unless it is absent or null. */
enum member_type {
	MEMBER_STRING,
	MEMBER_BOOLEAN,
	MEMBER_TIME, /* epoch seconds, with fraction or exponent, or ISO 8601 in UTC */
	MEMBER_OBJECT,
	MEMBER_OBJECTS, /* an array of them */
	MEMBER_STRINGS, /* an array of them */
	MEMBER_STAGES, /* an object of such arrays */
	MEMBER_TAGS, /* [{"Key": K, "Value": V}]; a value may be absent, a key may not */
};

struct member {
	const char *name; /* NULL: the end of an array of them */
	enum member_type type;
};

/* member_check(object, members, err): is each of ${members} of ${object} what it must be?  ERROR_RETRY,
 * "response whose NAME is not a string", for the first that is not, or when ${object} is none. */
int member_check(const json_t *object, const struct member *members, struct error *err);

/* member_string(object, name): borrowed from ${object}; NULL when absent or empty. */
const char *member_string(const json_t *object, const char *name);

/* member_need(object, name, text, err): the same for what must be there: otherwise ERROR_RETRY,
 * "response without NAME". */
int member_need(const json_t *object, const char *name, const char **ret_text, struct error *err);

/* member_true(object, name): is it true? */
bool member_true(const json_t *object, const char *name);

/* time_of_seconds(seconds): since 1970, as a time; 0 for what is no plausible one. */
usec_t time_of_seconds(double seconds);

/* member_strings(object, name): the strings of an array; the caller owns them. */
char **member_strings(const json_t *object, const char *name);

/* member_tags(object, name): [{"Key": K, "Value": V}] as "K=V" strings; the caller owns them. */
char **member_tags(const json_t *object, const char *name);

/* member_tag_list(tags): the other way, "K=V" strings as [{"Key": K, "Value": V}]; NULL where one of them is not UTF-8. */
json_t *member_tag_list(char *const *tags);

/* text_lower(text): turn ASCII capitals into small letters, in place. */
void text_lower(char *text);

#endif
