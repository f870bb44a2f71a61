/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/aws/xml.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

#define DEPTH_MAX 16

struct span {
	const char *start;
	size_t length;
};

/* Where the reader is: ${open} are the elements around it, outermost first. */
struct reader {
	const char *next, *end;
	const char *path;
	struct span open[DEPTH_MAX];
	size_t depth;
	const char *content; /* begin of the innermost element's text; NULL once it has children */
	bool rooted;
	struct span found;
	bool doubled; /* there is a second one */
};

static bool starts(const struct reader *reader, const char *text)
{
	size_t length = strlen(text);

	return (size_t)(reader->end - reader->next) >= length &&
	       memcmp(reader->next, text, length) == 0;
}

/* Skips to behind ${text}. */
static int skip_past(struct reader *reader, const char *text)
{
	const char *found = memmem(
		reader->next, (size_t)(reader->end - reader->next), text, strlen(text));

	if (!found)
		return -EINVAL;
	reader->next = found + strlen(text);
	return 0;
}

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || strchr("_-.:", c) || (unsigned char)c >= 0x80;
}

static int read_name(struct reader *reader, struct span *ret_name)
{
	struct span name = { .start = reader->next };

	while (reader->next < reader->end && *reader->next && is_name_char(*reader->next))
		reader->next++;
	name.length = (size_t)(reader->next - name.start);
	if (name.length == 0)
		return -EINVAL;
	*ret_name = name;
	return 0;
}

static void skip_blank(struct reader *reader)
{
	while (reader->next < reader->end && *reader->next && strchr(" \t\r\n", *reader->next))
		reader->next++;
}

/* Attributes up to ">" or "/>"; ${ret_empty} for the latter. */
static int skip_attributes(struct reader *reader, bool *ret_empty)
{
	while (reader->next < reader->end) {
		char c = *reader->next++;

		if (c == '"' || c == '\'') {
			const char *close = memchr(
				reader->next, c, (size_t)(reader->end - reader->next));

			if (!close)
				return -EINVAL;
			reader->next = close + 1;
		} else if (c == '>') {
			*ret_empty = reader->next[-2] == '/';
			return 0;
		} else if (c == '<') {
			return -EINVAL;
		}
	}
	return -EINVAL;
}

static bool at_path(const struct reader *reader)
{
	const char *part = reader->path;

	for (size_t i = 0; i < reader->depth; i++) {
		size_t length = strcspn(part, "/");
		const struct span *name = &reader->open[i];
		bool any = length == 1 && *part == '*';

		if (!any && (length != name->length || memcmp(part, name->start, length) != 0))
			return false;
		part += length;
		if (i + 1 == reader->depth)
			return *part == '\0';
		if (*part++ != '/')
			return false;
	}
	return false;
}

static int close_element(struct reader *reader, const char *text_end)
{
	if (reader->content && at_path(reader)) {
		reader->doubled |= reader->found.start != NULL;
		reader->found = (struct span){ reader->content,
			(size_t)(text_end - reader->content) };
	}
	reader->depth--;
	reader->content = NULL;
	return 0;
}

static int read_start_tag(struct reader *reader)
{
	struct span name;
	bool empty;

	reader->next++;
	if (reader->depth == DEPTH_MAX || (reader->depth == 0 && reader->rooted) ||
		read_name(reader, &name) < 0 || skip_attributes(reader, &empty) < 0)
		return -EINVAL;
	reader->open[reader->depth++] = name;
	reader->rooted = true;
	reader->content = reader->next;
	return empty ? close_element(reader, reader->next) : 0;
}

static int read_end_tag(struct reader *reader)
{
	const char *text_end = reader->next;
	const struct span *open;
	struct span name;

	reader->next += 2;
	if (reader->depth == 0 || read_name(reader, &name) < 0)
		return -EINVAL;
	open = &reader->open[reader->depth - 1];
	if (name.length != open->length || memcmp(name.start, open->start, name.length) != 0)
		return -EINVAL;
	skip_blank(reader);
	if (!starts(reader, ">"))
		return -EINVAL;
	reader->next++;
	return close_element(reader, text_end);
}

static int read_text(struct reader *reader)
{
	for (; reader->next < reader->end && *reader->next != '<'; reader->next++)
		if (!*reader->next || (reader->depth == 0 && !strchr(" \t\r\n", *reader->next)))
			return -EINVAL;
	return 0;
}

static int read_item(struct reader *reader)
{
	if (starts(reader, "<?"))
		return skip_past(reader, "?>");
	if (starts(reader, "<!--")) {
		reader->content = NULL;
		return skip_past(reader, "-->");
	}
	if (starts(reader, "<!"))
		return -EINVAL;
	if (starts(reader, "</"))
		return read_end_tag(reader);
	if (starts(reader, "<"))
		return read_start_tag(reader);
	return read_text(reader);
}

int xml_find(const char *data, size_t length, const char *path, const char **ret_text,
	size_t *ret_length)
{
	struct reader reader = { .next = data, .end = data + length, .path = path };

	while (reader.next < reader.end)
		if (read_item(&reader) < 0)
			return -EINVAL;
	if (reader.depth != 0 || !reader.rooted || reader.doubled)
		return -EINVAL;
	if (!reader.found.start)
		return -ENOENT;
	*ret_text = reader.found.start;
	*ret_length = reader.found.length;
	return 0;
}

/* The character that the reference at ${text} ("&lt;") stands for, and its length; 0 for none. */
static char reference(const char *text, size_t length, size_t *ret_length)
{
	static const struct {
		const char *name;
		char c;
	} named[] = { { "&lt;", '<' }, { "&gt;", '>' }, { "&amp;", '&' }, { "&quot;", '"' },
		{ "&apos;", '\'' } };
	const char *semicolon = memchr(text, ';', MIN(length, (size_t)8));
	char digits[8] = "";
	long number;

	for (size_t i = 0; i < ARRAY_SIZE(named); i++) {
		*ret_length = strlen(named[i].name);
		if (length >= *ret_length && memcmp(text, named[i].name, *ret_length) == 0)
			return named[i].c;
	}
	if (!semicolon || text[1] != '#')
		return 0;
	*ret_length = (size_t)(semicolon - text) + 1;
	memcpy(digits, text + 2, *ret_length - 3);
	number = digits[0] == 'x' ? strtol(digits + 1, NULL, 16) : strtol(digits, NULL, 10);
	return number > 0 && number < 128 ? (char)number : 0;
}

size_t xml_unescape(const char *text, size_t length, char *result)
{
	size_t written = 0;

	for (size_t i = 0; i < length;) {
		size_t consumed = 1;
		char c = text[i] == '&' ? reference(text + i, length - i, &consumed) : text[i];

		if (text[i] == '&' && !c) {
			c = '&';
			consumed = 1;
		}
		result[written++] = c;
		i += consumed;
	}
	return written;
}
