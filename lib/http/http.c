/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/http.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>

#include "lib/base/strv.h"
#include "lib/http/body.h"
#include "lib/http/loop.h"
#include "lib/http/url.h"
#include "lib/pki/secret.h"

/*
 * A call is in one list at a time:
 *	waiting	its turn: enough calls are on the wire already
 *	running	in libcurl's hands
 *	broken	nothing was sent, the completion is owed; see on_broken()
 * and ends in call_end(), or silently in http_cancel().
 */

#define CALLS_MAX	   128
#define CALLS_PER_HOST_MAX 64
#define HEADERS_MAX	   ((size_t)64 << 10)
#define RESPONSE_MAX	   ((size_t)8 << 20)
#define CONNECT_MS	   5000L
#define CALL_MS		   30000L

TAILQ_HEAD(calls, http_call);

struct http {
	struct loop *loop;
	sd_event_source *owed; /* armed while broken is not empty */
	char *ca_file;
	bool ca_directory;
	struct calls waiting, running, broken;
	size_t running_count;
};

struct http_call {
	struct http *http;
	struct calls *list;
	TAILQ_ENTRY(http_call) link;
	http_done_fn done;
	void *userdata;
	CURL *easy;
	struct curl_slist *headers;
	struct url url;
	char *copied; /* what upload points to, unless a secret */
	struct secret *secret_body;
	const char *upload;
	size_t upload_length, upload_sent;
	struct body body;
	size_t body_limit;
	char **response_headers;
	size_t response_headers_size;
	bool response_headers_ended;
	struct error failure; /* what we found wrong ourselves; outweighs libcurl's result */
	char words[CURL_ERROR_SIZE];
};

#define SET(easy, option, value)                                                                   \
	do {                                                                                       \
		if (curl_easy_setopt(easy, option, value) != CURLE_OK)                             \
			mem_exhausted(); /* all options are known: memory is what lacks */         \
	} while (0)

/* CURLOPT_WRITEFUNCTION */
static size_t on_body(char *data, size_t one, size_t length, void *userdata)
{
	struct http_call *call = userdata;

	if (length > call->body_limit - call->body.length) {
		(void)error_set(&call->failure, ERROR_INVALID, CURLE_FILESIZE_EXCEEDED,
			"%s: response longer than %zu bytes", call->url.origin, call->body_limit);
		return 0;
	}
	if (length)
		body_append(&call->body, data, length);
	return length;
}

/* CURLOPT_HEADERFUNCTION: the status line, each field, and the empty line at the end. */
static size_t on_header(char *data, size_t one, size_t length, void *userdata)
{
	struct http_call *call = userdata;
	size_t end = length;

	call->response_headers_size += length;
	if (call->response_headers_size > HEADERS_MAX) {
		(void)error_set(&call->failure, ERROR_INVALID, CURLE_FILESIZE_EXCEEDED,
			"%s: response headers longer than %zu bytes", call->url.origin, HEADERS_MAX);
		return 0;
	}
	while (end && strchr("\r\n \t", data[end - 1]))
		end--;
	if (end >= 5 && memcmp(data, "HTTP/", 5) == 0) {
		/* A response after an interim one (1xx) begins anew. */
		call->response_headers = strv_free(call->response_headers);
		call->response_headers_ended = false;
	} else if (end) {
		_cleanup_(freep) char *line = mem_strndup(data, end);

		strv_append(&call->response_headers, line);
	} else {
		call->response_headers_ended = true;
	}
	return length;
}

/* CURLOPT_READFUNCTION */
static size_t on_upload(char *data, size_t one, size_t room, void *userdata)
{
	struct http_call *call = userdata;
	size_t length = MIN(room * one, call->upload_length - call->upload_sent);

	if (length)
		memcpy(data, call->upload + call->upload_sent, length);
	call->upload_sent += length;
	return length;
}

/* CURLOPT_SEEKFUNCTION: the kept-alive connection was dead, libcurl sends again on a new one. */
static int on_rewind(void *userdata, curl_off_t offset, int whence)
{
	struct http_call *call = userdata;

	if (whence != SEEK_SET || offset < 0 || (size_t)offset > call->upload_length)
		return CURL_SEEKFUNC_FAIL;
	call->upload_sent = (size_t)offset;
	return CURL_SEEKFUNC_OK;
}

static void call_set_headers(struct http_call *call, const struct http_request *request)
{
	bool typed = false;

	STRV_FOREACH(header, request->headers) {
		call->headers = curl_slist_append(call->headers, *header);
		if (!call->headers)
			mem_exhausted();
		typed |= strncasecmp(*header, "content-type:", 13) == 0;
	}
	/* What libcurl would add by itself and nobody asked for. */
	call->headers = curl_slist_append(call->headers, "Expect:");
	if (!typed && call->headers)
		call->headers = curl_slist_append(call->headers, "Content-Type:");
	if (!call->headers)
		mem_exhausted();
	SET(call->easy, CURLOPT_HTTPHEADER, call->headers);
}

static void call_set_body(struct http_call *call, const struct http_request *request)
{
	const struct secret *secret = request->secret_body ?: request->lent_body;

	call->secret_body = request->secret_body;
	if (secret) {
		call->upload = secret_borrow(secret);
		call->upload_length = secret_length(secret);
	} else if (request->body) {
		call->copied = mem_dup(request->body, request->body_length);
		call->upload = call->copied;
		call->upload_length = request->body_length;
	}
	if (strcmp(request->method, "GET") == 0 && !call->upload) {
		SET(call->easy, CURLOPT_HTTPGET, 1L);
		return;
	}
	/* A POST whose bytes are read, with their number as Content-Length. */
	SET(call->easy, CURLOPT_POST, 1L);
	SET(call->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->upload_length);
	SET(call->easy, CURLOPT_READFUNCTION, on_upload);
	SET(call->easy, CURLOPT_READDATA, call);
	SET(call->easy, CURLOPT_SEEKFUNCTION, on_rewind);
	SET(call->easy, CURLOPT_SEEKDATA, call);
	SET(call->easy, CURLOPT_UPLOAD_BUFFERSIZE, 16384L);
	SET(call->easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static void call_set_trust(struct http_call *call)
{
	const struct http *http = call->http;

	SET(call->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	/* Without a directory libcurl keeps one parsed store for all connections, for a day. */
	SET(call->easy, CURLOPT_CAPATH, http->ca_directory ? http->ca_file : NULL);
	if (http->ca_file)
		SET(call->easy, CURLOPT_CAINFO, http->ca_directory ? NULL : http->ca_file);
}

static void call_set_options(struct http_call *call, const struct http_request *request)
{
	CURL *easy = call->easy;

	SET(easy, CURLOPT_PRIVATE, (void *)call);
	SET(easy, CURLOPT_URL, request->url);
	SET(easy, CURLOPT_NOSIGNAL, 1L);
	SET(easy, CURLOPT_NOPROGRESS, 1L);
	SET(easy, CURLOPT_FOLLOWLOCATION, 0L);
	SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET(easy, CURLOPT_FRESH_CONNECT, (long)request->fresh);
	SET(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	SET(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	SET(easy, CURLOPT_TIMEOUT_MS,
		request->timeout ? (long)MAX(request->timeout / USEC_PER_MSEC, (usec_t)1) : CALL_MS);
	SET(easy, CURLOPT_ERRORBUFFER, call->words);
	SET(easy, CURLOPT_WRITEFUNCTION, on_body);
	SET(easy, CURLOPT_WRITEDATA, call);
	SET(easy, CURLOPT_HEADERFUNCTION, on_header);
	SET(easy, CURLOPT_HEADERDATA, call);
	SET(easy, CURLOPT_PROTOCOLS_STR, call->url.scheme);
	if (call->url.local)
		SET(easy, CURLOPT_PROXY, "");
}

static void call_move(struct http_call *call, struct calls *list)
{
	struct http *http = call->http;

	if (call->list) {
		TAILQ_REMOVE(call->list, call, link);
		http->running_count -= call->list == &http->running;
	}
	call->list = list;
	if (list) {
		TAILQ_INSERT_TAIL(list, call, link);
		http->running_count += list == &http->running;
	}
}

static void call_free(struct http_call *call)
{
	call_move(call, NULL);
	curl_easy_cleanup(call->easy);
	curl_slist_free_all(call->headers);
	secret_free(call->secret_body);
	body_done(&call->body);
	strv_free(call->response_headers);
	error_done(&call->failure);
	free(call->copied);
	url_done(&call->url);
	free(call);
}

static size_t running_to(const struct http *http, const char *origin)
{
	const struct http_call *call;
	size_t count = 0;

	TAILQ_FOREACH(call, &http->running, link)
		count += strcmp(call->url.origin, origin) == 0;
	return count;
}

/* Puts on the wire what may go. */
static void http_pump(struct http *http)
{
	struct http_call *call, *next;

	for (call = TAILQ_FIRST(&http->waiting); call && http->running_count < CALLS_MAX; call = next) {
		next = TAILQ_NEXT(call, link);
		if (running_to(http, call->url.origin) >= CALLS_PER_HOST_MAX)
			continue;
		call_move(call, &http->running);
		loop_add(http->loop, call->easy);
	}
}

struct http_call *http_start(struct http *http, const struct http_request *request,
	http_done_fn done, void *userdata)
{
	struct http_call *call = mem_new(struct http_call);

	*call = (struct http_call){ .http = http, .done = done, .userdata = userdata };
	call->body_limit = request->response_limit ?: RESPONSE_MAX;
	call->easy = curl_easy_init();
	if (!call->easy)
		mem_exhausted();
	if (url_read(request->url, &call->url) < 0) {
		(void)error_set(&call->failure, ERROR_INVALID, CURLE_URL_MALFORMAT,
			"not a URL of https or http");
		call->secret_body = request->secret_body;
		call_move(call, &http->broken);
		(void)sd_event_source_set_enabled(http->owed, SD_EVENT_ONESHOT);
		return call;
	}
	call_set_options(call, request);
	call_set_trust(call);
	call_set_headers(call, request);
	call_set_body(call, request);
	call_move(call, &http->waiting);
	http_pump(http);
	return call;
}

struct http_call *http_cancel(struct http_call *call)
{
	struct http *http;

	if (!call)
		return NULL;
	http = call->http;
	if (call->list == &http->running)
		loop_remove(http->loop, call->easy);
	call_free(call);
	http_pump(http);
	return NULL;
}

static enum error_kind kind_of_result(CURLcode result)
{
	switch (result) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return ERROR_INVALID;
	default:
		return ERROR_RETRY;
	}
}

bool http_never_sent(const struct error *err)
{
	switch (err->code) {
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_PROXY:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		return true;
	default:
		return false;
	}
}

/* Fills call->failure from libcurl's result, unless it was filled by who stopped the transfer. */
static void call_judge(struct http_call *call, CURLcode result)
{
	curl_off_t ready = 0;

	/* libcurl calls it a success when the connection closes amid the headers. */
	if (result == CURLE_OK && !call->response_headers_ended)
		result = CURLE_PARTIAL_FILE;
	if (result == CURLE_OK || call->failure.kind != ERROR_NONE)
		return;
	if (result == CURLE_OUT_OF_MEMORY)
		mem_exhausted();
	/* Out of time before the connection stood is "could not connect": nothing was sent. */
	(void)curl_easy_getinfo(call->easy, CURLINFO_PRETRANSFER_TIME_T, &ready);
	if (result == CURLE_OPERATION_TIMEDOUT && ready == 0)
		result = CURLE_COULDNT_CONNECT;
	(void)error_set(&call->failure, kind_of_result(result), (int)result, "%s: %s",
		call->url.origin, call->words[0] ? call->words : curl_easy_strerror(result));
}

/* The only end of a call that is not cancelled. */
static void call_end(struct http_call *call)
{
	struct http_response response = { .headers = call->response_headers };
	_cleanup_(freep) char *remote = NULL;
	curl_off_t duration = 0;
	char *address = NULL;
	long port = 0;

	call_move(call, NULL);
	if (call->failure.kind != ERROR_NONE) {
		call->done(call->userdata, NULL, &call->failure);
		call_free(call);
		return;
	}
	(void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &response.status);
	(void)curl_easy_getinfo(call->easy, CURLINFO_TOTAL_TIME_T, &duration);
	(void)curl_easy_getinfo(call->easy, CURLINFO_PRIMARY_IP, &address);
	(void)curl_easy_getinfo(call->easy, CURLINFO_PRIMARY_PORT, &port);
	remote = address && *address ? mem_printf("%s:%ld", address, port) : mem_strdup("");
	response.remote = remote;
	response.duration = (usec_t)duration;
	response.body = call->body.data ?: "";
	response.body_length = call->body.length;
	call->done(call->userdata, &response, NULL);
	call_free(call);
}

static void on_done(void *userdata, CURL *easy, CURLcode result)
{
	struct http *http = userdata;
	char *private = NULL;
	struct http_call *call;

	(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
	call = (struct http_call *)(void *)private;
	call_judge(call, result);
	call_end(call);
	http_pump(http);
}

static int on_broken(sd_event_source *source, void *userdata)
{
	struct http *http = userdata;
	struct http_call *call;

	while ((call = TAILQ_FIRST(&http->broken)))
		call_end(call);
	return 0;
}

const char *http_response_header(const struct http_response *response, const char *name)
{
	size_t length = strlen(name);
	const char *value = NULL;

	STRV_FOREACH(header, response->headers)
		if (strncasecmp(*header, name, length) == 0 && (*header)[length] == ':')
			value = *header + length + 1 + strspn(*header + length + 1, " \t");
	return value;
}

/* An unreadable bundle would otherwise show at the first connection only. */
static int http_trust(struct http *http, const char *ca_file, struct error *err)
{
	X509_STORE *store;
	struct stat st;
	int r;

	if (!ca_file)
		return 0;
	if (stat(ca_file, &st) < 0)
		return error_set(err, ERROR_INVALID, 0, "CA bundle '%s': %m", ca_file);
	http->ca_file = mem_strdup(ca_file);
	http->ca_directory = S_ISDIR(st.st_mode);
	if (http->ca_directory)
		return 0;
	store = X509_STORE_new();
	if (!store)
		mem_exhausted();
	r = X509_STORE_load_file(store, ca_file);
	X509_STORE_free(store);
	ERR_clear_error();
	if (r != 1)
		return error_set(err, ERROR_INVALID, 0,
			"CA bundle '%s' holds no certificates in PEM, or cannot be read", ca_file);
	return 0;
}

int http_new(struct sd_event *event, const char *ca_file, struct http **ret_http, struct error *err)
{
	_cleanup_(http_freep) struct http *http = mem_new(struct http);
	int r;

	TAILQ_INIT(&http->waiting);
	TAILQ_INIT(&http->running);
	TAILQ_INIT(&http->broken);
	r = http_trust(http, ca_file, err);
	if (r < 0)
		return r;
	http->loop = loop_new(event, on_done, http);
	r = sd_event_add_defer(event, &http->owed, on_broken, http);
	if (r < 0)
		mem_exhausted();
	(void)sd_event_source_set_description(http->owed, "http-broken");
	(void)sd_event_source_set_enabled(http->owed, SD_EVENT_OFF);
	*ret_http = take(http);
	return 0;
}

struct http *http_free(struct http *http)
{
	if (!http)
		return NULL;
	assert(TAILQ_EMPTY(&http->running) && TAILQ_EMPTY(&http->waiting) &&
		TAILQ_EMPTY(&http->broken));
	loop_free(http->loop);
	sd_event_source_disable_unref(http->owed);
	free(http->ca_file);
	free(http);
	return NULL;
}
