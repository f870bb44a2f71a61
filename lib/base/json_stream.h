/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_BASE_JSON_STREAM_H
#define LIB_BASE_JSON_STREAM_H

/*
 * JSON (RFC 8259) as it arrives: pieces of text go in, tokens come out, and no tree is made.  For
 * answers of hundreds of kilobytes of which a few members are wanted: a tree of a thousand
 * certificates takes 7 ms and 5 MB.  Our own because jansson, which we use for all else, makes trees
 * only, and yajl, which does this, has had no maintainer since 2015.  Pure.
 *
 * Strict: one value, nothing but blanks around it, UTF-8 (RFC 3629) without NUL, no member twice in
 * one object, numbers that fit a double (whole ones 64 bits).  Bounded, whatever comes in: see the
 * limits below; what is beyond them is refused like what is no JSON.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"

#define JSON_STREAM_DEPTH  32	 /* objects and arrays within each other */
#define JSON_STREAM_TOKEN  65536 /* bytes of a string or number */
#define JSON_STREAM_MEMBERS 1024 /* of all the objects that are open at a time */

enum json_event {
	JSON_EVENT_OBJECT, /* begins */
	JSON_EVENT_OBJECT_END,
	JSON_EVENT_ARRAY,
	JSON_EVENT_ARRAY_END,
	JSON_EVENT_KEY, /* its value is next */
	JSON_EVENT_STRING,
	JSON_EVENT_NUMBER,
	JSON_EVENT_TRUE,
	JSON_EVENT_FALSE,
	JSON_EVENT_NULL,
	JSON_EVENT_CUT, /* a string of which the end was dropped: see json_stream_cut() */
};

/* json_event_fn(userdata, event, text, length): ${text} is the key or string without escapes, the
 * number as it was written; borrowed until it returns, and not NUL-terminated. */
typedef void (*json_event_fn)(
	void *userdata, enum json_event event, const char *text, size_t length);

/* What a character of UTF-8 that has begun goes on with. */
struct json_utf8 {
	unsigned char left; /* bytes; 0: none has begun */
	unsigned char low, high; /* the next one of them */
};

struct json_stream {
	json_event_fn on_event;
	void *userdata;
	int state; /* enum in json_stream.c */
	bool array[JSON_STREAM_DEPTH]; /* what is open */
	unsigned first[JSON_STREAM_DEPTH]; /* of its members in seen */
	unsigned depth;
	uint64_t *seen; /* hashes of the members' names; NULL until one is */
	unsigned seen_count, seen_room;
	bool key; /* the string that is being read is one */
	bool wide; /* and has bytes that are not ASCII */
	size_t cut; /* so many bytes of a string are kept; 0: all, or it is refused */
	size_t dropped; /* of the string that is being read or told */
	struct json_utf8 utf8; /* of what was dropped */
	const char *literal; /* what is left of true, false or null */
	enum json_event literal_event;
	unsigned unicode, digits; /* of \uXXXX */
	unsigned high; /* the first half of a surrogate pair, or 0 */
	struct buf token; /* what is kept of a token that has escapes or came in pieces */
};

/* json_stream_init(stream, on_event, userdata): ready for a text; release with json_stream_done(). */
void json_stream_init(struct json_stream *stream, json_event_fn on_event, void *userdata);

/**
 * json_stream_cut(stream, most):
 * From now on a string that is no key and has more than ${most} bytes (1 to JSON_STREAM_TOKEN) is not refused, however
 * long it is: nothing is kept of it but its beginning, of ${most} bytes or the 1 to 3 fewer that are whole characters,
 * which is told as JSON_EVENT_CUT; stream->dropped then says how many bytes are missing.  It has to be JSON all the
 * same.
 */
void json_stream_cut(struct json_stream *stream, size_t most);

/* json_stream_push(stream, data, length): the next ${length} bytes.  0, or -EINVAL: no JSON, or
 * beyond a limit; once it was, it stays so. */
int json_stream_push(struct json_stream *stream, const char *data, size_t length);

/* json_stream_end(stream): that was all: 0, or -EINVAL when something is missing. */
int json_stream_end(struct json_stream *stream);

void json_stream_done(struct json_stream *stream);

#endif
