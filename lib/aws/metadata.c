/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A question is at one step at a time:
 *	PAUSE	before a try; before the first one for no time		timer armed
 *	SENT	on the wire						http set
 * and ends in metadata_finish(), only reached from the event loop, or in metadata_cancel().
 */
#include "lib/aws/metadata.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "lib/aws/client.h"
#include "lib/aws/credentials.h"
#include "lib/log/log.h"
#include "lib/os/clock.h"
#include "lib/pki/secret.h"

#define ANSWER_MAX ((size_t)64 << 10)
#define WORDS_MAX  ((size_t)512)

struct metadata {
	struct aws *aws;
	char *method, *url, *header;
	const struct secret *secret_header;
	usec_t timeout, pause;
	unsigned left; /* tries */
	bool json;
	sd_event_source *timer;
	struct http_call *http;
	metadata_done_fn done;
	void *userdata;
};

static void metadata_free(struct metadata *metadata)
{
	http_cancel(metadata->http);
	sd_event_source_disable_unref(metadata->timer);
	free(metadata->method);
	free(metadata->url);
	free(metadata->header);
	free(metadata);
}

static void metadata_finish(struct metadata *metadata, const struct metadata_answer *answer,
	const struct error *err)
{
	metadata->done(metadata->userdata, answer, err);
	metadata_free(metadata);
}

static void metadata_arm(struct metadata *metadata, usec_t delay)
{
	if (sd_event_source_set_time(metadata->timer, usec_add(clock_monotonic(), delay)) < 0 ||
		sd_event_source_set_enabled(metadata->timer, SD_EVENT_ONESHOT) < 0)
		mem_exhausted();
}

static bool is_json(const char *text, size_t length)
{
	json_t *value = json_loadb(text, length, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);

	json_decref(value);
	return value;
}

static const char *either(const json_t *object, const char *name, const char *other)
{
	return json_string_value(json_object_get(object, name))
		       ?: json_string_value(json_object_get(object, other));
}

/* An end, not within a character, and no control characters. */
static void clean(char *text)
{
	size_t length = strlen(text);

	if (length > WORDS_MAX) {
		length = WORDS_MAX;
		while (length && ((unsigned char)text[length] & 0xc0) == 0x80)
			length--;
		text[length] = '\0';
	}
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = ' ';
}

char *metadata_refusal(const char *text, size_t length)
{
	json_t *object = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
	const char *code = either(object, "Code", "code");
	const char *message = either(object, "Message", "message");
	char *words = NULL;

	if (code && strcmp(code, "Success") != 0)
		words = mem_printf("%s%s%s", code, message ? ": " : "", message ?: "");
	json_decref(object);
	if (words)
		clean(words);
	return words;
}

static enum error_kind kind_of_status(long status)
{
	if (status == 404)
		return ERROR_ABSENT;
	return status >= 400 && status < 500 && status != 429 ? ERROR_DENIED : ERROR_RETRY;
}

/* Is it what was asked for? */
static int judge(const struct metadata *metadata, const struct http_response *response,
	struct error *err)
{
	_cleanup_(freep) char *words = NULL;

	if (response->status != 200) {
		words = metadata_refusal(response->body, response->body_length);
		return error_set(err, kind_of_status(response->status), (int)response->status,
			"'%s' answers with status %ld%s%s", metadata->url, response->status,
			words ? ": " : "", words ?: "");
	}
	if (metadata->json ? !is_json(response->body, response->body_length)
			   : response->body_length == 0)
		return error_set(err, ERROR_RETRY, 0, "'%s' answers with %s", metadata->url,
			metadata->json ? "no JSON" : "nothing");
	return 0;
}

static void on_response(
	void *userdata, const struct http_response *response, const struct error *err)
{
	struct metadata *metadata = userdata;
	_cleanup_(error_done) struct error failure = ERROR_NULL;

	metadata->http = NULL;
	if (err)
		error_copy(&failure, err);
	else if (judge(metadata, response, &failure) >= 0) {
		metadata_finish(metadata,
			&(struct metadata_answer){ response->body, response->body_length }, NULL);
		return;
	}
	log_debug("metadata: %s", failure.text);
	if (--metadata->left > 0)
		metadata_arm(metadata, metadata->pause);
	else
		metadata_finish(metadata, NULL, &failure);
}

static int on_timer(sd_event_source *source, uint64_t now, void *userdata)
{
	struct metadata *metadata = userdata;
	char *headers[] = { (char *)"Accept: application/json",
		(char *)"User-Agent: certferry/" CERTFERRY_VERSION, NULL, NULL, NULL };
	size_t count = 2;

	if (metadata->header)
		headers[count++] = metadata->header;
	if (metadata->secret_header)
		headers[count++] = (char *)secret_borrow(metadata->secret_header);
	metadata->http = http_start(metadata->aws->http,
		&(struct http_request){
			.method = metadata->method,
			.url = metadata->url,
			.headers = headers,
			.direct = true,
			.response_limit = ANSWER_MAX,
			.timeout = metadata->timeout,
		},
		on_response, metadata);
	return 0;
}

struct metadata *metadata_start(struct aws *aws, const struct metadata_request *request,
	metadata_done_fn done, void *userdata)
{
	struct metadata *metadata = mem_new(struct metadata);

	*metadata = (struct metadata){
		.aws = aws,
		.method = mem_strdup(request->method),
		.url = mem_strdup(request->url),
		.header = mem_strdup(request->header),
		.secret_header = request->secret_header,
		.timeout = request->timeout,
		.pause = request->pause,
		.left = MAX(request->tries, 1U),
		.json = request->json,
		.done = done,
		.userdata = userdata,
	};
	if (sd_event_add_time(
		    aws->event, &metadata->timer, CLOCK_MONOTONIC, 0, 0, on_timer, metadata) < 0)
		mem_exhausted();
	(void)sd_event_source_set_description(metadata->timer, "aws-metadata");
	return metadata;
}

struct metadata *metadata_cancel(struct metadata *metadata)
{
	if (metadata)
		metadata_free(metadata);
	return NULL;
}

int metadata_credentials(const struct metadata_answer *answer, const char *where, const char *advice,
	struct credentials **ret_credentials, struct error *err)
{
	int r = credentials_read(answer->body, answer->length, true, ret_credentials, err);
	_cleanup_(freep) char *words =
		r == -EINVAL ? metadata_refusal(answer->body, answer->length) : NULL;

	if (words)
		return error_set(err, ERROR_DENIED, 0, "%s: %s; %s", where, words, advice);
	return r < 0 ? error_wrap(err, "%s", where) : 0;
}

int metadata_header(const char *name, const char *value, size_t length, struct secret **ret_header,
	struct error *err)
{
	struct secret *header;
	int r;

	for (size_t i = 0; i < length; i++)
		if (value[i] < ' ' || value[i] > '~')
			return error_set(err, ERROR_DENIED, 0,
				"%s: the value has a line break or another character that no "
				"header may have",
				name);
	r = secret_new(strlen(name) + 2 + length, &header, err);
	if (r < 0)
		return r;
	(void)secret_append_string(header, name);
	(void)secret_append_string(header, ": ");
	(void)secret_append(header, value, length);
	*ret_header = header;
	return 0;
}
