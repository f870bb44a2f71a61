/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/wire/spoil.h"

#include <string.h>

#include "lib/base/mem.h"

#define CHUNK 100 /* bytes */
#define BLANK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\n"

static void put_head(const struct kind *kind, struct buf *wire)
{
	buf_printf(wire, "HTTP/1.1 %ld X\r\nx-amzn-RequestId: c6104cbe\r\nContent-Type: %s\r\n",
		kind->status, kind->type);
}

static void put_sized(const struct kind *kind, const char *body, size_t length, struct buf *wire)
{
	put_head(kind, wire);
	buf_printf(wire, "Content-Length: %zu\r\n\r\n", length);
	buf_append(wire, body, length);
}

static void put_chunks(const char *body, size_t length, size_t size, struct buf *wire)
{
	for (size_t i = 0; i < length; i += size) {
		size_t n = MIN(size, length - i);

		buf_printf(wire, "%zx\r\n", n);
		buf_append(wire, body + i, n);
		buf_append_string(wire, "\r\n");
	}
}

static void put_chunked(const struct kind *kind, size_t length, size_t size, struct buf *wire)
{
	put_head(kind, wire);
	buf_append_string(wire, "Transfer-Encoding: chunked\r\n\r\n");
	put_chunks(kind->body, length, size, wire);
	buf_append_string(wire, "0\r\n\r\n");
}

void spoil_not(const struct kind *kind, struct buf *wire)
{
	put_sized(kind, kind->body, strlen(kind->body), wire);
}

static bool cut_at(size_t position, struct spoiled *spoiled, enum ending ending)
{
	if (position >= spoiled->wire.length)
		return false;
	spoiled->wire.length = position;
	spoiled->ending = ending;
	spoiled->verdict = MUST_FAIL;
	return true;
}

/* --- Cut: the client can see that something is missing --- */

static bool cut(const struct kind *kind, size_t position, struct spoiled *spoiled)
{
	spoil_not(kind, &spoiled->wire);
	return cut_at(position, spoiled, ENDING_CLOSE);
}

static bool cut_by_reset(const struct kind *kind, size_t position, struct spoiled *spoiled)
{
	spoil_not(kind, &spoiled->wire);
	return cut_at(position, spoiled, ENDING_RESET);
}

static bool cut_chunked(const struct kind *kind, size_t position, struct spoiled *spoiled)
{
	size_t whole;

	put_chunked(kind, strlen(kind->body), CHUNK, &spoiled->wire);
	whole = spoiled->wire.length;
	if (!cut_at(position, spoiled, ENDING_CLOSE))
		return false;
	if (position + 1 == whole) /* the last line feed says nothing */
		spoiled->verdict = MAY_EQUAL;
	return true;
}

/* --- Short: it looks whole --- */

static bool shorten(const struct kind *kind, size_t position, struct spoiled *spoiled)
{
	spoiled->verdict = MAY_EQUAL;
	return position < strlen(kind->body);
}

static bool short_sized(const struct kind *kind, size_t position, struct spoiled *spoiled)
{
	put_sized(kind, kind->body, MIN(position, strlen(kind->body)), &spoiled->wire);
	return shorten(kind, position, spoiled);
}

static bool short_chunked(const struct kind *kind, size_t position, struct spoiled *spoiled)
{
	put_chunked(kind, MIN(position, strlen(kind->body)), CHUNK, &spoiled->wire);
	return shorten(kind, position, spoiled);
}

static bool short_until_close(const struct kind *kind, size_t position, struct spoiled *spoiled)
{
	put_head(kind, &spoiled->wire);
	buf_append_string(&spoiled->wire, "Connection: close\r\n\r\n");
	buf_append(&spoiled->wire, kind->body, MIN(position, strlen(kind->body)));
	spoiled->ending = ENDING_CLOSE;
	return shorten(kind, position, spoiled);
}

/* --- In pieces: nothing is missing --- */

static bool split(const struct kind *kind, size_t position, struct spoiled *spoiled)
{
	spoil_not(kind, &spoiled->wire);
	spoiled->pause = position + 1;
	spoiled->verdict = MUST_SUCCEED;
	return position + 1 < spoiled->wire.length;
}

static bool split_chunked(const struct kind *kind, size_t position, struct spoiled *spoiled)
{
	size_t length = strlen(kind->body);

	put_chunked(kind, length, MIN(position + 1, MAX(length, (size_t)1)), &spoiled->wire);
	spoiled->verdict = MUST_SUCCEED;
	return position + 1 < length;
}

static bool drip(const struct kind *kind, size_t position, struct spoiled *spoiled)
{
	spoil_not(kind, &spoiled->wire);
	spoiled->drip = USEC_PER_MSEC / 2;
	spoiled->verdict = MUST_SUCCEED;
	return position == 0;
}

/* --- Another status, another type --- */

static bool other_status(const struct kind *kind, size_t position, struct spoiled *spoiled)
{
	static const int statuses[] = { 101, 201, 202, 203, 204, 205, 206, 226, 299, 300, 301, 302,
		303, 304, 305, 307, 308 };

	if (position >= ARRAY_SIZE(statuses))
		return false;
	buf_printf(&spoiled->wire,
		"HTTP/1.1 %d X\r\nLocation: /\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s",
		statuses[position], kind->type, strlen(kind->body), kind->body);
	spoiled->ending = ENDING_CLOSE;
	/* A refusal is AWS's by its code, whatever the status. */
	spoiled->verdict = kind->status == 200 ? MUST_FAIL : MAY_EQUAL;
	return true;
}

/* The body counts: emulators and proxies are careless about its type. */
static bool other_type(const struct kind *kind, size_t position, struct spoiled *spoiled)
{
	static const char *const types[] = { "Content-Type: text/html\r\n", "",
		"Content-Type: application/xml\r\n", "Content-Type: multipart/x;;\r\n",
		"Content-Type: text/plain; charset=utf-16\r\nContent-Type: image/png\r\n",
		"Content-Encoding: x-nonsense\r\n" };

	if (position >= ARRAY_SIZE(types))
		return false;
	buf_printf(&spoiled->wire, "HTTP/1.1 %ld X\r\n%sContent-Length: %zu\r\n\r\n%s",
		kind->status, types[position], strlen(kind->body), kind->body);
	spoiled->verdict = MUST_SUCCEED;
	return true;
}

/* --- What others say --- */

#define SIZED(body, length) BLANK_HEAD "Content-Length: " length "\r\n\r\n" body

static const struct {
	const char *what, *wire;
	enum ending ending;
} foreign[] = {
	{ "a portal's page", SIZED("<html><body>Please sign in</body></html>", "40"), ENDING_KEEP },
	{ "a page with AWS's status",
		"HTTP/1.1 400 Bad Request\r\nContent-Length: 20\r\n\r\n<html>Blocked</html>", ENDING_KEEP },
	{ "a proxy's error", "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nBad", ENDING_KEEP },
	{ "a proxy's JSON error",
		"HTTP/1.1 503 X\r\nContent-Length: 29\r\n\r\n{\"error\":\"upstream not found\"}", ENDING_KEEP },
	{ "null", SIZED("null", "4"), ENDING_KEEP },
	{ "a list", SIZED("[]", "2"), ENDING_KEEP },
	{ "a number", SIZED("0", "1"), ENDING_KEEP },
	{ "a text", SIZED("\"\"", "2"), ENDING_KEEP },
	{ "two objects", SIZED("{}{}", "4"), ENDING_KEEP },
	{ "an object and more", SIZED("{} x", "4"), ENDING_KEEP },
	{ "a byte order mark", SIZED("\xef\xbb\xbf{}", "5"), ENDING_KEEP },
	{ "another protocol", "SSH-2.0-OpenSSH_9.2p1\r\n", ENDING_CLOSE },
	{ "a TLS alert", "\x15\x03\x01\x01\x01\x02\x28\r\n\r\n", ENDING_CLOSE },
	{ "HTTP/0.9", "{}\n", ENDING_CLOSE },
	{ "HTTP/2", "HTTP/2 200\r\nContent-Length: 2\r\n\r\n[]", ENDING_CLOSE },
	{ "no status", "HTTP/1.1\r\n\r\n", ENDING_CLOSE },
	{ "a status of letters", "HTTP/1.1 OK 200\r\n\r\n{}", ENDING_CLOSE },
	{ "a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", ENDING_CLOSE },
	{ "a status that runs on", "HTTP/1.1 200OK\r\n\r\n", ENDING_CLOSE },
	{ "a negative length", BLANK_HEAD "Content-Length: -1\r\n\r\n{}", ENDING_CLOSE },
	{ "a length too long for any number",
		BLANK_HEAD "Content-Length: 99999999999999999999999\r\n\r\n[]", ENDING_CLOSE },
	{ "a length of an exabyte", BLANK_HEAD "Content-Length: 1152921504606846976\r\n\r\n{}",
		ENDING_CLOSE },
	{ "two lengths", BLANK_HEAD "Content-Length: 2\r\nContent-Length: 9\r\n\r\n[]",
		ENDING_CLOSE },
	{ "a chunk of no size", BLANK_HEAD "Transfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n",
		ENDING_CLOSE },
	{ "a chunk of all memory",
		BLANK_HEAD "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}", ENDING_CLOSE },
	{ "a chunk size too long for any number",
		BLANK_HEAD "Transfer-Encoding: chunked\r\n\r\n10000000000000000000002\r\n{}",
		ENDING_CLOSE },
	{ "an unknown coding", BLANK_HEAD "Transfer-Encoding: x-nonsense\r\n\r\n[]",
		ENDING_CLOSE },
	{ "no gzip", BLANK_HEAD "Transfer-Encoding: gzip\r\n\r\n\x1f\x8b\x08nonsense",
		ENDING_CLOSE },
	{ "an interim answer alone", "HTTP/1.1 100 Continue\r\n\r\n", ENDING_CLOSE },
	{ "a field without a colon", "HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 2\r\n\r\n[]", ENDING_KEEP },
	{ "an empty 400", "HTTP/1.1 400 X\r\nContent-Length: 0\r\n\r\n", ENDING_KEEP },
	{ "a proxy that wants a password",
		"HTTP/1.1 407 X\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n", ENDING_KEEP },
	{ "a server that wants a password",
		"HTTP/1.1 401 X\r\nWWW-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n", ENDING_KEEP },
};

static bool other_answer(const struct kind *kind, size_t position, struct spoiled *spoiled)
{
	if (position >= ARRAY_SIZE(foreign))
		return false;
	buf_append_string(&spoiled->wire, foreign[position].wire);
	spoiled->ending = foreign[position].ending;
	spoiled->what = foreign[position].what;
	spoiled->verdict = MUST_REFUSE;
	return true;
}

/* --- Too much --- */

static void repeat(struct buf *buf, const char *text, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buf_append_string(buf, text);
}

static void put_much(size_t position, struct buf *body)
{
	switch (position) {
	case 0:
		repeat(body, "[", 1000000);
		break;
	case 1:
		repeat(body, "{\"a\":", 200000);
		break;
	case 2:
		buf_append_string(body, "{\"a\":");
		repeat(body, "[", 500000);
		repeat(body, "]", 500000);
		buf_append_string(body, "}");
		break;
	case 3:
		buf_append_string(body, "{\"NextToken\":");
		repeat(body, "9", 1000000);
		buf_append_string(body, "}");
		break;
	case 4:
		buf_append_string(body, "{\"CertificateArn\":\"");
		repeat(body, "0123456789", 100000);
		buf_append_string(body, "\"");
		break;
	case 5:
		buf_append_string(body, "{\"Results\":[[]],\"Tags\":[[]");
		repeat(body, ",[]", 330000);
		buf_append_string(body, "]}");
		break;
	case 6:
		repeat(body, "<a>", 300000);
		break;
	case 7:
		buf_append_string(body, "<AssumeRoleResponse ");
		repeat(body, "a='b' ", 170000);
		break;
	default:
		buf_append_string(body, "{\"a\":0.");
		repeat(body, "1", 1000000);
		buf_append_string(body, "e99999999999}");
	}
}

static bool too_much(const struct kind *kind, size_t position, struct spoiled *spoiled)
{
	_cleanup_(buf_done) struct buf body = BUF_NULL;

	if (position > 10)
		return false;
	spoiled->verdict = MUST_REFUSE;
	if (position < 9) {
		put_much(position, &body);
		put_sized(kind, body.data, body.length, &spoiled->wire);
		return true;
	}
	spoiled->ending = ENDING_CLOSE;
	if (position == 9) {
		put_head(kind, &spoiled->wire);
		repeat(&spoiled->wire, "X-Filler: 0123456789012345678901234567890123456789\r\n", 20000);
	} else {
		repeat(&spoiled->wire, "HTTP/1.1 102 Processing\r\n\r\n", 20000);
		spoil_not(kind, &spoiled->wire);
	}
	return true;
}

/* --- Members --- */

struct value {
	size_t key, start, end; /* in the text; key == start: an item of a list */
	bool alone; /* nothing before or behind it in its object or list */
};

struct values {
	const char *text;
	struct value items[256];
	size_t count;
};

static size_t skip_value(struct values *values, size_t at);

static size_t skip_string(const char *text, size_t at)
{
	for (at++; text[at] != '"'; at++)
		at += text[at] == '\\';
	return at + 1;
}

static size_t skip_members(struct values *values, size_t at)
{
	const char *text = values->text;
	char close = text[at] == '{' ? '}' : ']';
	size_t number = 0, first = values->count;

	at++;
	while (text[at] != close) {
		struct value *value = &values->items[values->count++];

		at += text[at] == ',';
		value->key = value->start = at;
		if (close == '}')
			value->start = skip_string(text, at) + 1;
		at = value->end = skip_value(values, value->start);
		number++;
	}
	if (number == 1)
		values->items[first].alone = true;
	return at + 1;
}

/* The texts here are our own: valid, without blanks. */
static size_t skip_value(struct values *values, size_t at)
{
	const char *text = values->text;

	if (text[at] == '"')
		return skip_string(text, at);
	if (text[at] == '{' || text[at] == '[')
		return skip_members(values, at);
	return at + strcspn(text + at, ",]}");
}

static bool is_json(const struct kind *kind)
{
	return kind->body[0] == '{';
}

static void put_replaced(const struct kind *kind, size_t start, size_t end, const char *by,
	struct buf *wire)
{
	_cleanup_(buf_done) struct buf body = BUF_NULL;

	buf_append(&body, kind->body, start);
	buf_append_string(&body, by);
	buf_append_string(&body, kind->body + end);
	put_sized(kind, body.data, body.length, wire);
}

static bool find_value(const struct kind *kind, size_t number, struct value *ret_value)
{
	struct values values = { .text = kind->body };

	if (!is_json(kind))
		return false;
	(void)skip_value(&values, 0);
	if (number >= values.count)
		return false;
	*ret_value = values.items[number];
	return true;
}

/* Each member twice, with another value before it and behind it. */
static bool doubled(const struct kind *kind, size_t position, struct spoiled *spoiled)
{
	_cleanup_(buf_done) struct buf twice = BUF_NULL;
	const char *body = kind->body;
	struct value value;

	if (!find_value(kind, position / 3, &value))
		return false;
	spoiled->verdict = MUST_REFUSE;
	if (position % 3 == 1)
		buf_append(&twice, body + value.key, value.end - value.key);
	else
		buf_printf(&twice, "%.*snull", (int)(value.start - value.key), body + value.key);
	buf_append_string(&twice, ",");
	if (position % 3 == 2)
		buf_printf(&twice, "%.*snull", (int)(value.start - value.key), body + value.key);
	else
		buf_append(&twice, body + value.key, value.end - value.key);
	if (value.key == value.start) /* a list may hold an item twice */
		spoiled->verdict = MAY_DIFFER;
	put_replaced(kind, value.key, value.end, twice.data, &spoiled->wire);
	return true;
}

/* Each value of each other type. */
static bool other_value(const struct kind *kind, size_t position, struct spoiled *spoiled)
{
	static const char *const others[] = { "5", "true", "\"x\"", "[]", "{}", "[5]", "{\"a\":{}}",
		"1e300", "-1e300", "1e999", "\"\\u0000\"", "\"a\\u0000b\"", "\"\xff\"", "\"\xc0\x80\"",
		"\"\\ud800\"", "\"\xed\xa0\x80\"", "01", "+1", "NaN", "'x'", "" };
	const char *other = others[position % ARRAY_SIZE(others)];
	struct value value;
	char type;

	if (!find_value(kind, position / ARRAY_SIZE(others), &value))
		return false;
	put_replaced(kind, value.start, value.end, other, &spoiled->wire);
	spoiled->what = other;
	type = kind->body[value.start];
	spoiled->verdict = position % ARRAY_SIZE(others) >= 9 ? MUST_REFUSE : MAY_EQUAL;
	/* Of the same type it is another answer; an empty object or list is one, too. */
	if (position % ARRAY_SIZE(others) < 7 &&
		(*other == type || (strchr("tf", type) && strchr("tf", *other)) ||
			(strchr("0123456789", type) && strchr("0123456789", *other))))
		spoiled->verdict = MAY_DIFFER;
	if (!*other && value.key == value.start && value.alone) /* an empty list */
		spoiled->verdict = MAY_DIFFER;
	return true;
}

/* Each member left out, and then null: that is the same. */
static bool missing(const struct kind *kind, size_t position, struct spoiled *spoiled)
{
	struct value value;
	size_t start, end;

	if (!find_value(kind, position / 2, &value))
		return false;
	start = value.key;
	end = value.end;
	if (position % 2) {
		put_replaced(kind, value.start, value.end, "null", &spoiled->wire);
		spoiled->verdict = AS_BEFORE;
		if (value.key == value.start) /* an item that is null is wrong, not absent */
			spoiled->verdict = MAY_EQUAL;
		return true;
	}
	if (!value.alone) {
		if (kind->body[end] == ',')
			end++;
		else
			start--;
	}
	put_replaced(kind, start, end, "", &spoiled->wire);
	spoiled->verdict = MAY_DIFFER;
	return true;
}

/* Elements of XML that hold text: twice, empty, or with what no header may hold. */
static bool elements(const struct kind *kind, size_t position, struct spoiled *spoiled)
{
	_cleanup_(buf_done) struct buf changed = BUF_NULL;
	const char *text = kind->body, *end = NULL;
	size_t number = position / 4;

	if (*text != '<')
		return false;
	for (;;) {
		end = strstr(end ? end + 2 : text, "</");
		if (!end)
			return false;
		if (end[-1] != '\n' && end[-1] != ' ' && end[-1] != '>' && number-- == 0)
			break;
	}
	text = end;
	while (*text != '<' || text == end)
		text--;
	{
		int name = (int)strcspn(text + 1, ">"), whole = (int)(end - text) + name + 3;
		size_t start = (size_t)(text - kind->body);

		switch (position % 4) {
		case 0:
			buf_printf(&changed, "<%.*s>other</%.*s>%.*s", name, text + 1, name, text + 1,
				whole, text);
			break;
		case 1:
			buf_printf(&changed, "%.*s<%.*s>other</%.*s>", whole, text, name, text + 1,
				name, text + 1);
			break;
		case 2:
			buf_printf(&changed, "<%.*s/>", name, text + 1);
			break;
		default:
			buf_printf(&changed, "<%.*s>a&#10;b</%.*s>", name, text + 1, name, text + 1);
		}
		put_replaced(kind, start, start + (size_t)whole, changed.data, &spoiled->wire);
	}
	spoiled->verdict = position % 4 < 2 || kind->status == 200 ? MAY_EQUAL : MAY_DIFFER;
	return true;
}

/* --- Too slow --- */

static bool stall(const struct kind *kind, size_t position, struct spoiled *spoiled)
{
	spoil_not(kind, &spoiled->wire);
	spoiled->verdict = MUST_FAIL;
	spoiled->ending = ENDING_HOLD;
	switch (position) {
	case 0: /* nothing comes */
		spoiled->wire.length = 0;
		return true;
	case 1: /* the head alone */
		spoiled->wire.length = (size_t)(strstr(spoiled->wire.data, "\r\n\r\n") + 4 -
						spoiled->wire.data);
		if (!*kind->body)
			spoiled->wire.length -= 2;
		return true;
	case 2: /* all but the last byte */
		spoiled->wire.length--;
		return true;
	case 3: /* half a byte a second */
		spoiled->drip = 2 * USEC_PER_SEC;
		return true;
	case 4: /* interim answers, again and again */
		buf_clear(&spoiled->wire);
		repeat(&spoiled->wire, "HTTP/1.1 100 Continue\r\n\r\n", 2000);
		spoiled->drip = 10 * USEC_PER_MSEC;
		return true;
	default:
		return false;
	}
}

const struct spoiling spoilings[] = {
	{ .name = "split", .spoil = split },
	{ .name = "split-chunked", .spoil = split_chunked },
	{ .name = "drip", .spoil = drip },
	{ .name = "other-type", .spoil = other_type },
	{ .name = "cut", .spoil = cut },
	{ .name = "cut-by-reset", .spoil = cut_by_reset },
	{ .name = "cut-chunked", .spoil = cut_chunked },
	{ .name = "short", .spoil = short_sized },
	{ .name = "short-chunked", .spoil = short_chunked },
	{ .name = "short-until-close", .spoil = short_until_close },
	{ .name = "other-status", .spoil = other_status },
	{ .name = "other-answer", .spoil = other_answer },
	{ .name = "too-much", .spoil = too_much },
	{ .name = "doubled", .spoil = doubled },
	{ .name = "other-value", .spoil = other_value },
	{ .name = "missing", .spoil = missing },
	{ .name = "elements", .spoil = elements },
	{ .name = "stall", .spoil = stall, .slow = true },
};
const size_t spoiling_count = ARRAY_SIZE(spoilings);
