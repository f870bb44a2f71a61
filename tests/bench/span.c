/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/span.h"

#include <stdlib.h>
#include <string.h>

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static const char *skip_space(const char *at, const char *end)
{
	while (at < end && is_space(*at))
		at++;
	return at;
}

/* Behind the string that begins at ${at}; NULL when it does not end. */
static const char *skip_string(const char *at, const char *end)
{
	const char *back;

	for (at++; at < end && (at = memchr(at, '"', (size_t)(end - at))); at++) {
		for (back = at; back[-1] == '\\'; back--)
			;
		if ((at - back) % 2 == 0)
			return at + 1;
	}
	return NULL;
}

/* Behind a number or a word. */
static const char *skip_word(const char *at, const char *end)
{
	while (at < end && *at != ',' && *at != '}' && *at != ']' && !is_space(*at))
		at++;
	return at;
}

/* Behind the value that begins at ${at}; NULL when it does not end. */
static const char *skip_value(const char *at, const char *end)
{
	unsigned depth = 0;

	if (at < end && *at != '"' && *at != '{' && *at != '[')
		return skip_word(at, end);
	while (at && at < end) {
		if (*at == '{' || *at == '[')
			depth++;
		else if (*at == '}' || *at == ']')
			depth--;
		at = *at == '"' ? skip_string(at, end) : at + 1;
		if (depth == 0)
			return at;
	}
	return NULL;
}

static struct span unquote(const char *from, const char *to)
{
	if (*from == '"')
		return (struct span){ from + 1, (size_t)(to - from) - 2 };
	return (struct span){ from, (size_t)(to - from) };
}

struct span span_member(struct span object, const char *name)
{
	const char *at = object.data, *end = at + object.length;
	const size_t length = strlen(name);

	at = object.data ? skip_space(at, end) : end;
	while (at && at < end && (*at == '{' || *at == ',')) {
		const char *key = skip_space(at + 1, end), *value;

		if (key >= end || *key != '"' || !(at = skip_string(key, end)))
			break;
		value = skip_space(at, end);
		if (value >= end || *value != ':')
			break;
		value = skip_space(value + 1, end);
		at = skip_value(value, end);
		if (at && (size_t)(at - value) && strncmp(key + 1, name, length) == 0 && key[1 + length] == '"')
			return unquote(value, at);
		at = at ? skip_space(at, end) : NULL;
	}
	return (struct span){ NULL, 0 };
}

struct span span_path(struct span object, const char *path)
{
	char name[64];

	while (object.data && *path) {
		const size_t length = strcspn(path, "/");

		memcpy(name, path, length);
		name[length] = '\0';
		object = span_member(object, name);
		path += length + (path[length] == '/');
	}
	return object;
}

double span_number(struct span value, double otherwise)
{
	char text[32];

	if (!value.data || value.length >= sizeof(text))
		return otherwise;
	memcpy(text, value.data, value.length);
	text[value.length] = '\0';
	return strtod(text, NULL);
}

bool span_has(struct span array, const char *text)
{
	char quoted[64] = "\"";

	if (!array.data)
		return false;
	strcat(strncat(quoted, text, sizeof(quoted) - 3), "\"");
	return memmem(array.data, array.length, quoted, strlen(quoted)) != NULL;
}

bool span_is(struct span value, const char *text)
{
	return value.data && value.length == strlen(text) && memcmp(value.data, text, value.length) == 0;
}
