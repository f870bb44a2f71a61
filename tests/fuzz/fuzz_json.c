/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as an answer that lists certificates or messages.  However they are cut into pieces, the same
 * tokens come out; and what our reader takes is JSON to jansson too, which reads it whole, and the
 * other way about but for the limits of the reader.
 * With clang -fsanitize=fuzzer it fuzzes; with -DFUZZ_REPLAY it runs the files of its arguments.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/aws/acm_page.h"
#include "lib/aws/sqs_page.h"
#include "tests/fuzz/replay.h"

/* What came out: the number of tokens and a sum over them. */
struct sum {
	size_t events;
	uint64_t hash;
};

static void add(struct sum *sum, unsigned char byte)
{
	sum->hash = (sum->hash ^ byte) * 0x100000001b3;
}

static void on_event(void *userdata, enum json_event event, const char *text, size_t length)
{
	struct sum *sum = userdata;

	sum->events++;
	add(sum, (unsigned char)event);
	for (size_t i = 0; i < length; i++)
		add(sum, (unsigned char)text[i]);
}

/* With ${cut}, longer strings are. */
static int read_in_pieces(const char *data, size_t size, size_t piece, size_t cut, struct sum *sum)
{
	struct json_stream stream;
	int r = 0;

	*sum = (struct sum){ 0 };
	json_stream_init(&stream, on_event, sum);
	if (cut)
		json_stream_cut(&stream, cut);
	for (size_t i = 0; r == 0 && i < size; i += piece)
		r = json_stream_push(&stream, data + i, MIN(piece, size - i));
	if (r == 0)
		r = json_stream_end(&stream);
	json_stream_done(&stream);
	return r;
}

static void read_page(enum acm_listing listing, const char *data, size_t size)
{
	_cleanup_(acm_page_done) struct acm_page page;
	_cleanup_(error_done) struct error err = ERROR_NULL;

	acm_page_init(&page, listing, ACM_SCOPE_USUAL);
	page_begin(&page.page);
	if (page_read(&page.page, data, size) < 0 || page_end(&page.page) < 0)
		return;
	if ((acm_page_check(&page, &err) < 0) != (err.kind != ERROR_NONE))
		abort();
}

static void read_queue(const char *data, size_t size)
{
	_cleanup_(sqs_page_done) struct sqs_page page;
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct sqs_message messages[SQS_BATCH_MAX];
	size_t count = 0;

	sqs_page_init(&page, PAGE_TEXT_MAX);
	page_begin(&page.page);
	if (page_read(&page.page, data, size) < 0 || page_end(&page.page) < 0)
		return;
	if ((sqs_page_messages(&page, messages, &count, &err) < 0) != (err.kind != ERROR_NONE))
		abort();
	for (size_t i = 0; i < count; i++)
		if (!*messages[i].id || !*messages[i].receipt || messages[i].body_length < strlen(messages[i].body))
			abort();
}

/* The verdict on the text, which no cut changes, nor how it is cut into pieces. */
static int read_text(const char *text, size_t size, size_t cut, struct sum *whole)
{
	struct sum bytes, threes;
	int r = read_in_pieces(text, size, size ? size : 1, cut, whole);

	if (read_in_pieces(text, size, 1, cut, &bytes) != r || read_in_pieces(text, size, 3, cut, &threes) != r ||
		(r == 0 && (bytes.hash != whole->hash || threes.hash != whole->hash || bytes.events != whole->events)))
		abort();
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct sum whole, cut;
	int r = read_text(text, size, 0, &whole);
	json_t *tree = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
	bool read = r == 0;

	for (size_t most = 1; most < 8; most++)
		if (read_text(text, size, most, &cut) != r || (read && cut.events != whole.events))
			abort();
	/* Our limits are far beyond what so few bytes can reach, but for the depth; and jansson does not see a NUL that
	 * comes right after a number. */
	if (read != (tree != NULL) && (read || (size < JSON_STREAM_DEPTH && !memchr(text, '\0', size))))
		abort();
	json_decref(tree);
	read_page(ACM_LISTING_LIST, text, size);
	read_page(ACM_LISTING_SEARCH, text, size);
	read_queue(text, size);
	return 0;
}
