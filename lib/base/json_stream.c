/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text is at one of these:
 *	VALUE		a value is next; in an array that has just begun, ITEM: or its end
 *	MEMBER		a key is next; FIRST: or the end of the object
 *	COLON		between key and value
 *	NEXT		a comma or an end; after the outermost value, blanks only
 *	STRING, ESCAPE, UNICODE		within a string, an escape, its four digits
 *	NUMBER, LITERAL			within one
 *	BROKEN		no JSON
 */
#include "lib/base/json_stream.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "lib/base/mem.h"

enum state {
	VALUE,
	ITEM,
	MEMBER,
	FIRST,
	COLON,
	NEXT,
	STRING,
	ESCAPE,
	UNICODE,
	NUMBER,
	LITERAL,
	BROKEN,
};

/* What ends a run of a string's plain bytes: its end, an escape, and what must not be there. */
static bool is_special(char c)
{
	return c == '"' || c == '\\' || (unsigned char)c < 0x20;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

void json_stream_init(struct json_stream *stream, json_event_fn on_event, void *userdata)
{
	*stream = (struct json_stream){
		.on_event = on_event, .userdata = userdata, .token = BUF_NULL
	};
}

void json_stream_cut(struct json_stream *stream, size_t most)
{
	assert(most >= 1 && most <= JSON_STREAM_TOKEN);
	stream->cut = most;
}

void json_stream_done(struct json_stream *stream)
{
	buf_done(&stream->token);
	free(stream->seen);
	*stream = (struct json_stream){ .state = BROKEN, .token = BUF_NULL };
}

/* --- Strings --- */

/* RFC 3629 section 4: what follows the first byte of a character. */
static bool utf8_begin(struct json_utf8 *utf8, unsigned char byte)
{
	if (byte < 0x80)
		return true;
	if (byte < 0xc2 || byte > 0xf4)
		return false;
	*utf8 = (struct json_utf8){ byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : 1, 0x80, 0xbf };
	/* Neither longer than needed, nor half of a surrogate pair, nor beyond U+10FFFF. */
	if (byte == 0xe0)
		utf8->low = 0xa0;
	else if (byte == 0xed)
		utf8->high = 0x9f;
	else if (byte == 0xf0)
		utf8->low = 0x90;
	else if (byte == 0xf4)
		utf8->high = 0x8f;
	return true;
}

/* Does ${text} go on with UTF-8?  What it leaves open is in ${utf8}. */
static bool utf8_goes_on(struct json_utf8 *utf8, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		const unsigned char byte = (unsigned char)text[i];

		if (utf8->left == 0) {
			if (!utf8_begin(utf8, byte))
				return false;
			continue;
		}
		if (byte < utf8->low || byte > utf8->high)
			return false;
		*utf8 = (struct json_utf8){ (unsigned char)(utf8->left - 1), 0x80, 0xbf };
	}
	return true;
}

static bool is_utf8(const char *text, size_t length)
{
	struct json_utf8 utf8 = { 0 };

	return utf8_goes_on(&utf8, text, length) && utf8.left == 0;
}

/* FNV-1a's steps, eight bytes at a time. */
static uint64_t hash_name(const char *text, size_t length)
{
	uint64_t hash = 0xcbf29ce484222325 ^ length, word = 0;

	for (; length >= sizeof(word); text += sizeof(word), length -= sizeof(word)) {
		memcpy(&word, text, sizeof(word));
		hash = (hash ^ word) * 0x100000001b3;
		hash ^= hash >> 32;
	}
	word = 0;
	memcpy(&word, text, length);
	return (hash ^ word) * 0x100000001b3;
}

/*
 * Has the innermost object no member of this name yet?  Names are compared by a hash of 64 bits:
 * equal names are always found, and who makes two others meet has the text refused.
 */
static bool is_new_member(struct json_stream *stream, const char *text, size_t length)
{
	const uint64_t hash = hash_name(text, length);

	for (unsigned i = stream->first[stream->depth - 1]; i < stream->seen_count; i++)
		if (stream->seen[i] == hash)
			return false;
	if (stream->seen_count == JSON_STREAM_MEMBERS)
		return false;
	if (stream->seen_count == stream->seen_room) {
		stream->seen_room = stream->seen_room ? 2 * stream->seen_room : 64;
		stream->seen = mem_resize(stream->seen, stream->seen_room, sizeof(*stream->seen));
	}
	stream->seen[stream->seen_count++] = hash;
	return true;
}

/* The end of a string of which something was dropped. */
static int cut_end(struct json_stream *stream)
{
	if (stream->high || stream->utf8.left > 0)
		return -EINVAL;
	stream->state = NEXT;
	stream->on_event(
		stream->userdata, JSON_EVENT_CUT, stream->token.data, stream->token.length);
	return 0;
}

static int string_end(struct json_stream *stream, const char *text, size_t length)
{
	if (stream->dropped > 0)
		return cut_end(stream);
	if (stream->high)
		return -EINVAL;
	if (stream->wide && !is_utf8(text, length))
		return -EINVAL;
	if (stream->key && !is_new_member(stream, text, length))
		return -EINVAL;
	stream->state = stream->key ? COLON : NEXT;
	stream->on_event(stream->userdata, stream->key ? JSON_EVENT_KEY : JSON_EVENT_STRING, text,
		length);
	return 0;
}

static bool may_be_cut(const struct json_stream *stream)
{
	return stream->cut > 0 && !stream->key;
}

/* How many bytes of the string are kept. */
static size_t string_most(const struct json_stream *stream)
{
	return may_be_cut(stream) ? stream->cut : JSON_STREAM_TOKEN;
}

/* The first bytes that there is no room for: what was kept of the character that they go on with is dropped with them. */
static int begin_dropping(struct json_stream *stream)
{
	struct buf *token = &stream->token;

	stream->utf8 = (struct json_utf8){ 0 };
	if (!utf8_goes_on(&stream->utf8, token->data, token->length))
		return -EINVAL;
	if (stream->utf8.left == 0)
		return 0;
	do {
		stream->dropped++;
		token->length--;
	} while (((unsigned char)token->data[token->length] & 0xc0) == 0x80);
	token->data[token->length] = '\0';
	return 0;
}

/* Nothing is kept of it, but it has to be what the string may go on with. */
static int string_drop(struct json_stream *stream, const char *data, size_t length)
{
	if (stream->dropped == 0 && begin_dropping(stream) < 0)
		return -EINVAL;
	stream->dropped += length;
	return utf8_goes_on(&stream->utf8, data, length) ? 0 : -EINVAL;
}

/* A run of plain bytes that is not the whole string, or has to be cut. */
static int string_keep(struct json_stream *stream, const char *data, size_t length)
{
	size_t room;

	if (length == 0)
		return 0;
	if (stream->high)
		return -EINVAL;
	if (stream->dropped > 0)
		return string_drop(stream, data, length);
	room = string_most(stream) - stream->token.length;
	if (length > room && !may_be_cut(stream))
		return -EINVAL;
	buf_append(&stream->token, data, MIN(length, room));
	return length > room ? string_drop(stream, data + room, length - room) : 0;
}

/* How many plain bytes there are; their bits are added to ${bits}.  Eight at a time are looked at for one that is special
 * (Hacker's Delight, section 6-1); which of them it is, one at a time. */
static size_t plain_run(const char *data, size_t length, unsigned char *bits)
{
	const uint64_t ones = 0x0101010101010101, highs = ones << 7;
	uint64_t all = 0;
	size_t run = 0;

	for (; length - run >= sizeof(all); run += sizeof(all)) {
		uint64_t word, quote, escape;

		memcpy(&word, data + run, sizeof(word));
		quote = word ^ ones * '"';
		escape = word ^ ones * '\\';
		if (((word - ones * 0x20) & ~word & highs) | ((quote - ones) & ~quote & highs) |
			((escape - ones) & ~escape & highs))
			break;
		all |= word;
	}
	*bits |= all & highs ? 0x80 : 0;
	while (run < length && !is_special(data[run]))
		*bits |= (unsigned char)data[run++];
	return run;
}

/* Reads on within a string; returns what it has read of ${data}, or -EINVAL. */
static ssize_t read_string(struct json_stream *stream, const char *data, size_t length)
{
	unsigned char bits = 0;
	size_t run = plain_run(data, length, &bits);
	int r;

	stream->wide |= bits >= 0x80;
	if (run < length && data[run] == '"' && stream->token.length == 0 && stream->dropped == 0 &&
		run <= string_most(stream)) {
		/* All of it lies in this piece, as most do. */
		r = string_end(stream, data, run);
		return r < 0 ? r : (ssize_t)run + 1;
	}
	r = string_keep(stream, data, run);
	if (r < 0 || run == length)
		return r < 0 ? r : (ssize_t)run;
	if (data[run] == '"')
		r = string_end(stream, stream->token.data, stream->token.length);
	else if (data[run] == '\\')
		stream->state = ESCAPE;
	else
		r = -EINVAL;
	return r < 0 ? r : (ssize_t)run + 1;
}

static int keep_char(struct json_stream *stream, char c)
{
	stream->state = STRING;
	return string_keep(stream, &c, 1);
}

static int read_escape(struct json_stream *stream, char c)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *found = c ? strchr(from, c) : NULL;

	if (c == 'u') {
		stream->unicode = stream->digits = 0;
		stream->state = UNICODE;
		return 0;
	}
	return found ? keep_char(stream, to[found - from]) : -EINVAL;
}

/* A character beyond ASCII, or one that was escaped without need, as UTF-8. */
static int keep_code(struct json_stream *stream, unsigned code)
{
	char text[4];
	size_t length;

	if (code < 0x80)
		return code ? keep_char(stream, (char)code) : -EINVAL;
	if (code < 0x800) {
		text[0] = (char)(0xc0 | code >> 6);
		length = 2;
	} else if (code < 0x10000) {
		text[0] = (char)(0xe0 | code >> 12);
		length = 3;
	} else {
		text[0] = (char)(0xf0 | code >> 18);
		length = 4;
	}
	for (size_t i = 1; i < length; i++)
		text[i] = (char)(0x80 | (code >> 6 * (length - 1 - i) & 0x3f));
	stream->state = STRING;
	return string_keep(stream, text, length);
}

static int read_unicode(struct json_stream *stream, char c)
{
	unsigned code, high = stream->high;

	if (is_digit(c))
		stream->unicode = stream->unicode << 4 | (unsigned)(c - '0');
	else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		stream->unicode = stream->unicode << 4 | (unsigned)((c | 0x20) - 'a' + 10);
	else
		return -EINVAL;
	if (++stream->digits < 4)
		return 0;
	code = stream->unicode;
	if ((code >= 0xdc00 && code <= 0xdfff) != (high != 0))
		return -EINVAL; /* half of a pair, the wrong one or alone */
	if (code >= 0xd800 && code <= 0xdbff) {
		stream->high = code;
		stream->state = STRING;
		return 0;
	}
	stream->high = 0;
	return keep_code(stream, high ? 0x10000 + ((high - 0xd800) << 10) + (code - 0xdc00) : code);
}

/* --- Numbers and words --- */

/* RFC 8259 section 6. */
static bool is_number(const char *text, bool *ret_whole)
{
	text += *text == '-';
	if (*text == '0')
		text++;
	else if (is_digit(*text))
		text += strspn(text, "0123456789");
	else
		return false;
	*ret_whole = !*text;
	if (*text == '.') {
		size_t digits = strspn(++text, "0123456789");

		if (digits == 0)
			return false;
		text += digits;
	}
	if (*text == 'e' || *text == 'E') {
		text++;
		text += *text == '+' || *text == '-';
		if (!is_digit(*text))
			return false;
		text += strspn(text, "0123456789");
	}
	return !*text;
}

/* Up to so long, a number without an exponent is in range whatever its digits: 10^18 of 2^63, 10^299 of a double. */
#define WHOLE_IN_RANGE 18
#define DIGITS_IN_RANGE 299

static bool is_in_range(const char *text, size_t length, bool whole)
{
	if (length <= (whole ? WHOLE_IN_RANGE : DIGITS_IN_RANGE) && !strpbrk(text, "eE"))
		return true;
	errno = 0;
	if (whole)
		(void)strtoll(text, NULL, 10);
	else
		return isfinite(strtod(text, NULL));
	return errno == 0;
}

static int number_end(struct json_stream *stream)
{
	const char *text = stream->token.data;
	bool whole;

	if (!is_number(text, &whole) || !is_in_range(text, stream->token.length, whole))
		return -EINVAL;
	stream->state = NEXT;
	stream->on_event(stream->userdata, JSON_EVENT_NUMBER, text, stream->token.length);
	return 0;
}

static ssize_t read_number(struct json_stream *stream, const char *data, size_t length)
{
	size_t run = 0;

	while (run < length && (is_digit(data[run]) || data[run] == '.' || data[run] == 'e' ||
				       data[run] == 'E' || data[run] == '+' || data[run] == '-'))
		run++;
	if (run > JSON_STREAM_TOKEN - stream->token.length)
		return -EINVAL;
	buf_append(&stream->token, data, run);
	if (run < length && number_end(stream) < 0)
		return -EINVAL;
	return (ssize_t)run;
}

static int read_literal(struct json_stream *stream, char c)
{
	if (c != *stream->literal)
		return -EINVAL;
	if (*++stream->literal)
		return 0;
	stream->state = NEXT;
	stream->on_event(stream->userdata, stream->literal_event, NULL, 0);
	return 0;
}

static int begin_literal(struct json_stream *stream, const char *rest, enum json_event event)
{
	stream->literal = rest;
	stream->literal_event = event;
	stream->state = LITERAL;
	return 0;
}

/* --- Structure --- */

static int begin_string(struct json_stream *stream, bool key)
{
	buf_clear(&stream->token);
	stream->key = key;
	stream->wide = false;
	stream->dropped = 0;
	stream->state = STRING;
	return 0;
}

static int open_level(struct json_stream *stream, bool array)
{
	if (stream->depth == JSON_STREAM_DEPTH)
		return -EINVAL;
	stream->array[stream->depth] = array;
	stream->first[stream->depth++] = stream->seen_count;
	stream->state = array ? ITEM : FIRST;
	stream->on_event(
		stream->userdata, array ? JSON_EVENT_ARRAY : JSON_EVENT_OBJECT, NULL, 0);
	return 0;
}

static int close_level(struct json_stream *stream, bool array)
{
	if (stream->depth == 0 || stream->array[stream->depth - 1] != array)
		return -EINVAL;
	stream->seen_count = stream->first[--stream->depth];
	stream->state = NEXT;
	stream->on_event(stream->userdata,
		array ? JSON_EVENT_ARRAY_END : JSON_EVENT_OBJECT_END, NULL, 0);
	return 0;
}

static int begin_value(struct json_stream *stream, char c)
{
	switch (c) {
	case '{':
		return open_level(stream, false);
	case '[':
		return open_level(stream, true);
	case '"':
		return begin_string(stream, false);
	case 't':
		return begin_literal(stream, "rue", JSON_EVENT_TRUE);
	case 'f':
		return begin_literal(stream, "alse", JSON_EVENT_FALSE);
	case 'n':
		return begin_literal(stream, "ull", JSON_EVENT_NULL);
	default:
		if (c != '-' && !is_digit(c))
			return -EINVAL;
		buf_clear(&stream->token);
		buf_append_char(&stream->token, c);
		stream->state = NUMBER;
		return 0;
	}
}

/* After a value: the next one of what is open, or its end. */
static int read_next(struct json_stream *stream, char c)
{
	if (c == ']' || c == '}')
		return close_level(stream, c == ']');
	if (c != ',' || stream->depth == 0)
		return -EINVAL;
	stream->state = stream->array[stream->depth - 1] ? VALUE : MEMBER;
	return 0;
}

/* One character between tokens, no blank. */
static int read_between(struct json_stream *stream, char c)
{
	switch (stream->state) {
	case ITEM:
		return c == ']' ? close_level(stream, true) : begin_value(stream, c);
	case VALUE:
		return begin_value(stream, c);
	case FIRST:
		if (c == '}')
			return close_level(stream, false);
		return c == '"' ? begin_string(stream, true) : -EINVAL;
	case MEMBER:
		return c == '"' ? begin_string(stream, true) : -EINVAL;
	case COLON:
		stream->state = VALUE;
		return c == ':' ? 0 : -EINVAL;
	default:
		return read_next(stream, c);
	}
}

/* Reads on; returns what it has read of ${data}, which is not empty, or -EINVAL. */
static ssize_t read_on(struct json_stream *stream, const char *data, size_t length)
{
	int r;

	switch (stream->state) {
	case STRING:
		return read_string(stream, data, length);
	case NUMBER:
		return read_number(stream, data, length);
	case ESCAPE:
		r = read_escape(stream, *data);
		break;
	case UNICODE:
		r = read_unicode(stream, *data);
		break;
	case LITERAL:
		r = read_literal(stream, *data);
		break;
	case BROKEN:
		return -EINVAL;
	default:
		r = is_blank(*data) ? 0 : read_between(stream, *data);
	}
	return r < 0 ? r : 1;
}

int json_stream_push(struct json_stream *stream, const char *data, size_t length)
{
	while (length > 0) {
		ssize_t done = read_on(stream, data, length);

		if (done < 0) {
			stream->state = BROKEN;
			return -EINVAL;
		}
		data += done;
		length -= (size_t)done;
	}
	return 0;
}

int json_stream_end(struct json_stream *stream)
{
	/* Only what comes after it tells the end of a number. */
	if (stream->state == NUMBER && number_end(stream) < 0)
		stream->state = BROKEN;
	if (stream->state == NEXT && stream->depth == 0)
		return 0;
	stream->state = BROKEN;
	return -EINVAL;
}
