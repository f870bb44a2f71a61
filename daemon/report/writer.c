/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/report/writer.h"

#include <inttypes.h>

#include "lib/base/printable.h"
#include "lib/base/strv.h"

static void begin_line(struct writer *writer)
{
	static const char blanks[] = "\n                ";

	buf_append(writer->text, blanks, 1 + MIN(2 * (size_t)writer->depth, sizeof(blanks) - 2));
}

static void append_string(struct buf *text, const char *string)
{
	buf_append_char(text, '"');
	for (const char *c = string; *c;) {
		const char *begin = c;
		size_t length = 0;
		char instead;

		while (*c && *c != '"' && *c != '\\' && (length = printable_length(c)) > 0)
			c += length;
		buf_append(text, begin, (size_t)(c - begin));
		if (*c == '"' || *c == '\\') {
			buf_append_char(text, '\\');
			buf_append_char(text, *c++);
		} else if (*c) {
			c += unprintable_length(c, &instead);
			buf_append_char(text, instead);
		}
	}
	buf_append_char(text, '"');
}

/* Up to where the value comes. */
static void begin_value(struct writer *writer, const char *key)
{
	if (!writer->empty)
		buf_append_char(writer->text, ',');
	writer->empty = false;
	begin_line(writer);
	if (!key)
		return;
	append_string(writer->text, key);
	buf_append_string(writer->text, ": ");
}

static void put(struct writer *writer, const char *key, const char *word)
{
	begin_value(writer, key);
	buf_append_string(writer->text, word);
}

struct writer writer_begin(struct buf *text)
{
	buf_append_char(text, '{');
	return (struct writer){ .text = text, .depth = 1, .empty = true };
}

void writer_open(struct writer *writer, const char *key, char bracket)
{
	begin_value(writer, key);
	buf_append_char(writer->text, bracket);
	writer->depth++;
	writer->empty = true;
}

void writer_close(struct writer *writer, char bracket)
{
	writer->depth--;
	if (!writer->empty)
		begin_line(writer);
	buf_append_char(writer->text, bracket);
	writer->empty = false;
}

void writer_text(struct writer *writer, const char *key, const char *text)
{
	if (!text || !*text) {
		put(writer, key, "null");
		return;
	}
	begin_value(writer, key);
	append_string(writer->text, text);
}

void writer_texts(struct writer *writer, const char *key, char *const *list)
{
	writer_open(writer, key, '[');
	STRV_FOREACH(item, list)
		writer_text(writer, NULL, *item);
	writer_close(writer, ']');
}

void writer_number(struct writer *writer, const char *key, uint64_t number)
{
	begin_value(writer, key);
	buf_printf(writer->text, "%" PRIu64, number);
}

void writer_boolean(struct writer *writer, const char *key, bool value)
{
	put(writer, key, value ? "true" : "false");
}

void writer_time(struct writer *writer, const char *key, usec_t time)
{
	char text[TIME_TEXT_SIZE];

	writer_text(writer, key, time && time != USEC_INFINITY ? time_format(time, text) : NULL);
}

void writer_version(struct writer *writer, const char *key, const struct version *version)
{
	char text[FINGERPRINT_TEXT_SIZE];
	bool known = digest_is_set(&version->digest);

	if (!known && !version->not_after) {
		put(writer, key, "null");
		return;
	}
	writer_open(writer, key, '{');
	writer_text(writer, "fingerprint", known ? digest_format(&version->digest, text) : NULL);
	writer_time(writer, "not_before", version->not_before);
	writer_time(writer, "not_after", version->not_after);
	writer_close(writer, '}');
}
