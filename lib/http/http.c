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
#include "lib/http/call.h"
#include "lib/http/loop.h"
#include "lib/pki/secret.h"

/*
 * A call is in one list at a time:
 *	waiting	its turn: enough calls are on the wire already
 *	running	in libcurl's hands
 *	broken	nothing was sent, the completion is owed; see on_broken()
 * and ends in call_end(), or silently in http_cancel().
 */

#define CALLS_MAX          128
#define CALLS_PER_HOST_MAX 64
#define RESPONSE_MAX       ((size_t)1 << 20)

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
	if (call->counted)
		call->http->held -= call->body.length;
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

	for (call = TAILQ_FIRST(&http->waiting); call && http->running_count < CALLS_MAX;
		call = next) {
		next = TAILQ_NEXT(call, link);
		if (running_to(http, call->url.origin) >= CALLS_PER_HOST_MAX)
			continue;
		call_move(call, &http->running);
		loop_add(http->loop, call->easy);
	}
}

struct http_call *http_start(
	struct http *http, const struct http_request *request, http_done_fn done, void *userdata)
{
	struct http_call *call = mem_new(struct http_call);

	*call = (struct http_call){ .http = http, .done = done, .userdata = userdata };
	call->body_limit = request->response_limit ?: RESPONSE_MAX;
	call->counted = request->response_limit == 0;
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
	call_setup(call, request);
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

static bool never_sent(int code)
{
	switch (code) {
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

bool http_never_sent(const struct error *err)
{
	return never_sent(err->code);
}

bool http_timed_out(const struct error *err)
{
	return err->code == CURLE_OPERATION_TIMEDOUT;
}

/* Why the connection through a proxy did not come to stand; NULL if that is not known. */
static char *proxy_refusal(struct http_call *call)
{
	long status = 0;

	(void)curl_easy_getinfo(call->easy, CURLINFO_HTTP_CONNECTCODE, &status);
	if (status < 300)
		return NULL;
	return mem_printf("the proxy does not connect (HTTP %ld%s)", status,
		status == 407 ? ": it wants a user and password, http://USER:PASSWORD@PROXY:PORT"
			      : "");
}

/* Fills call->failure from libcurl's result, unless it was filled by who stopped the transfer. */
static void call_judge(struct http_call *call, CURLcode result)
{
	_cleanup_(freep) char *refusal = NULL;
	curl_off_t ready = 0;

	/* libcurl calls it a success when the connection closes amid the headers. */
	if (result == CURLE_OK && !call->response_headers_ended)
		result = CURLE_PARTIAL_FILE;
	if (result == CURLE_OK || call->failure.kind != ERROR_NONE)
		return;
	if (result == CURLE_OUT_OF_MEMORY)
		mem_exhausted();
	/* Whatever goes wrong before the connection stands, on the way through a proxy too, is
	 * "could not connect": nothing was sent. */
	(void)curl_easy_getinfo(call->easy, CURLINFO_PRETRANSFER_TIME_T, &ready);
	if (kind_of_result(result) == ERROR_RETRY && ready == 0) {
		refusal = proxy_refusal(call);
		result = never_sent((int)result) ? result : CURLE_COULDNT_CONNECT;
	}
	/* libcurl calls an answer that is no HTTP as it calls a scheme that it does not know. */
	if (result == CURLE_UNSUPPORTED_PROTOCOL && ready != 0)
		result = CURLE_WEIRD_SERVER_REPLY;
	(void)error_set(&call->failure, kind_of_result(result), (int)result, "%s: %s",
		call->url.origin,
		refusal          ? refusal
		: call->words[0] ? call->words
				 : curl_easy_strerror(result));
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
