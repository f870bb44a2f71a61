/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/call.h"
#include "lib/http/identity.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <systemd/sd-event.h>

#include "lib/http/loop.h"
#include "lib/http/proxy.h"
#include "lib/http/trust.h"
#include "lib/os/clock.h"

/*
 * A call is in one list at a time:
 *	waiting	its turn, with its host: enough calls are on the wire already, or another leads
 *	running	in libcurl's hands
 *	broken	nothing was sent, the completion is owed; see on_owed()
 *	spare	nobody's: ended, kept for the next one
 * and ends in call_end(), or silently in http_cancel().
 */

#define RESPONSE_MAX ((size_t)1 << 20)

/* Easy handles that are kept while nothing is on the wire: each has some 40 KB. */
#define SPARE_IDLE 4

/* CURLE_TOO_LARGE of libcurl 8.6 and later, by its number: the library that is found at run time may be
 * newer than the header that this was built with. */
#define RESULT_TOO_LARGE 100

static void must(int result)
{
	if (result < 0)
		mem_exhausted();
}

static void call_move(struct http_call *call, struct calls *list)
{
	struct http *http = call->http;

	if (call->list) {
		TAILQ_REMOVE(call->list, call, link);
		http->running_count -= call->list == &http->running;
		http->spare_count -= call->list == &http->spare;
		if (call->host)
			call->host->waiting_count -= call->list == &call->host->waiting;
	}
	call->list = list;
	if (list) {
		TAILQ_INSERT_TAIL(list, call, link);
		http->running_count += list == &http->running;
		http->spare_count += list == &http->spare;
		if (call->host)
			call->host->waiting_count += list == &call->host->waiting;
	}
}

static void spare_trim(struct http *http, size_t keep)
{
	while (http->spare_count > keep) {
		struct http_call *call = TAILQ_FIRST(&http->spare);

		call_move(call, NULL);
		call_free(call);
	}
}

/* One that is at rest: preferably one that went to the same place. */
static struct http_call *spare_take(struct http *http, const char *url)
{
	struct http_call *call = TAILQ_LAST(&http->spare, calls), *other = call;

	for (int i = 0; i < 8 && other; i++, other = TAILQ_PREV(other, calls, link))
		if (strcmp(other->url_text, url) == 0) {
			call = other;
			break;
		}
	if (!call)
		return call_new(http);
	call_move(call, NULL);
	return call;
}

/* A call that has ended or was cancelled, and is not in libcurl's hands. */
static void call_release(struct http_call *call)
{
	struct http *http = call->http;

	call_move(call, NULL);
	if (!call->url_text) {
		call_free(call);
		return;
	}
	call_clear(call);
	call_move(call, &http->spare);
	if (http->running_count == 0)
		spare_trim(http, SPARE_IDLE);
}

static struct host *host_get(struct http *http, const char *origin)
{
	struct host *host;

	TAILQ_FOREACH(host, &http->hosts, link)
	if (strcmp(host->origin, origin) == 0)
		return host;
	host = mem_new(struct host);
	host->http = http;
	host->origin = mem_strdup(origin);
	window_init(&host->window);
	TAILQ_INIT(&host->waiting);
	TAILQ_INSERT_TAIL(&http->hosts, host, link);
	return host;
}

static void host_free(struct host *host)
{
	free(host->origin);
	free(host);
}

/* Looks again after a while, for hosts that are slow to answer. */
static void http_arm_tick(struct http *http)
{
	if (http->ticking)
		return;
	must(sd_event_source_set_time(http->tick, clock_monotonic() + WINDOW_TICK));
	must(sd_event_source_set_enabled(http->tick, SD_EVENT_ONESHOT));
	http->ticking = true;
}

/* Puts on the wire what may go to ${host}. */
static void host_pump(struct host *host)
{
	struct http *http = host->http;
	struct http_call *call;
	usec_t now;

	if (TAILQ_EMPTY(&host->waiting))
		return;
	now = clock_monotonic();
	while ((call = TAILQ_FIRST(&host->waiting)) && http->running_count < HTTP_CALLS_MAX &&
		window_may(&host->window, now)) {
		call_move(call, &http->running);
		call->sent_at = now;
		window_sent(&host->window);
		call_bind_sessions(call);
		loop_add(http->loop, call->easy);
	}
	if (call)
		http_arm_tick(http);
}

static void http_pump(struct http *http)
{
	struct host *host;

	TAILQ_FOREACH(host, &http->hosts, link)
	host_pump(host);
}

static int on_tick(sd_event_source *source, uint64_t now, void *userdata)
{
	struct http *http = userdata;
	struct host *host;

	http->ticking = false;
	TAILQ_FOREACH(host, &http->hosts, link)
	if (!TAILQ_EMPTY(&host->waiting))
		window_tick(&host->window);
	http_pump(http);
	return 0;
}

void http_kick(struct host *host)
{
	if (!TAILQ_EMPTY(&host->waiting))
		must(sd_event_source_set_enabled(host->http->owed, SD_EVENT_ONESHOT));
}

/* Finds out where it goes, unless the handle went there before; -EINVAL for what is no URL. */
static int call_find_host(struct http_call *call, const char *url)
{
	if (call->url_text && strcmp(call->url_text, url) == 0)
		return 0;
	url_done(&call->url);
	free(take(call->url_text));
	call->host = NULL;
	if (url_read(url, &call->url) < 0)
		return -EINVAL;
	call->host = host_get(call->http, call->url.origin);
	return 0;
}

struct http_call *http_start(
	struct http *http, const struct http_request *request, http_done_fn done, void *userdata)
{
	struct http_call *call = spare_take(http, request->url);

	call->done = done;
	call->userdata = userdata;
	call->body_limit = request->response_limit ?: RESPONSE_MAX;
	call->counted = request->response_limit == 0 || request->sink;
	if (call_find_host(call, request->url) < 0) {
		(void)error_set(&call->failure, ERROR_INVALID, CURLE_URL_MALFORMAT,
			"not a URL of https or http");
		call->secret_body = request->secret_body;
		call_move(call, &http->broken);
		must(sd_event_source_set_enabled(http->owed, SD_EVENT_ONESHOT));
		return call;
	}
	call_setup(call, request);
	call_move(call, &call->host->waiting);
	host_pump(call->host);
	return call;
}

/* Off the wire. */
static void call_left(struct http_call *call)
{
	usec_t now = clock_monotonic();

	window_ended(&call->host->window, call->ready_at != 0,
		call->ready_at && call->status ? MAX(usec_sub(now, call->ready_at), (usec_t)1) : 0,
		call->host->waiting_count, now);
}

struct http_call *http_cancel(struct http_call *call)
{
	struct http *http;

	if (!call)
		return NULL;
	http = call->http;
	if (call->list == &http->running) {
		loop_remove(http->loop, call->easy);
		call->status = 0;
		call_left(call);
	}
	call_release(call);
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

static const char *words(const struct http_call *call, CURLcode result)
{
	return call->words[0] ? call->words : curl_easy_strerror(result);
}

/* Why the connection through a proxy did not come to stand; NULL if that is not known. */
static char *proxy_refusal(struct http_call *call, CURLcode result)
{
	bool down = result == CURLE_COULDNT_RESOLVE_PROXY || result == CURLE_COULDNT_CONNECT;
	long status = 0;

	if (call->direct || !*proxy_find(&call->url))
		return NULL;
	(void)curl_easy_getinfo(call->easy, CURLINFO_HTTP_CONNECTCODE, &status);
	/* libcurl's words alone are of an address that nobody asked for. */
	if (status == 0 && (down || result == CURLE_OPERATION_TIMEDOUT))
		return mem_printf("the proxy that %s names %s: %s", proxy_variable(&call->url),
			down ? "cannot be reached" : "does not connect in time",
			words(call, result));
	if (status < 300)
		return NULL;
	return mem_printf("the proxy does not connect (HTTP %ld%s)", status,
		status == 407 ? ": it wants a user and password, http://USER:PASSWORD@PROXY:PORT"
			      : "");
}

/* What to do about a certificate that does not verify.  The caller owns it. */
static char *trust_advice(const struct http_call *call)
{
	long reason = X509_V_OK;

	(void)curl_easy_getinfo(call->easy, CURLINFO_SSL_VERIFYRESULT, &reason);
	switch (reason) {
	case X509_V_OK:
		return mem_strdup("; something else answers there, or you must write the endpoint "
				  "with one of its certificate's names");
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return mem_strdup("; its owner must renew it, unless the clock of this host "
				  "is wrong");
	default:
		return mem_printf("; to trust it, add its authority to the CA bundle '%s'",
			trust_path(call->http->trust));
	}
}

/* What to do about ${result}, as the end of a sentence, or "".  The caller owns it.  What is asked directly is known to
 * whoever asks, who says more of it. */
static char *advice(const struct http_call *call, CURLcode result)
{
	if (result == CURLE_PEER_FAILED_VERIFICATION)
		return trust_advice(call);
	if (call->direct)
		return mem_strdup("");
	if (result == CURLE_COULDNT_RESOLVE_HOST)
		return mem_strdup("; is that name right (a region is part of it), and does this host's resolver "
				  "work?");
	if (result == CURLE_COULDNT_CONNECT)
		return mem_printf("; is it up, and do route and firewall let this host reach it%s?",
			call->url.local ? "" : ", or does it need a proxy (HTTPS_PROXY)");
	return mem_strdup("");
}

/* Fills call->failure from libcurl's result, unless it was filled by who stopped the transfer. */
static void call_judge(struct http_call *call, CURLcode result)
{
	_cleanup_(freep) char *refusal = NULL, *to_do = NULL;

	/* libcurl calls it a success when the connection closes amid the headers. */
	if (result == CURLE_OK && !call->response_headers_ended)
		result = CURLE_PARTIAL_FILE;
	if (result == CURLE_OK || call->failure.kind != ERROR_NONE)
		return;
	/* libcurl says either of a field or trailer beyond its own limits (100 kB, 4 KiB), by its
	 * version: whoever answers must not end the process.  Where memory lacks, the next
	 * allocation does. */
	if (result == CURLE_OUT_OF_MEMORY || (int)result == RESULT_TOO_LARGE) {
		(void)snprintf(call->words, sizeof(call->words), "a header longer than can be read");
		result = CURLE_WEIRD_SERVER_REPLY;
	}
	/* Whatever goes wrong before the connection stands, on the way through a proxy too, is
	 * "could not connect": nothing was sent. */
	if (kind_of_result(result) == ERROR_RETRY && !call->ready_at) {
		refusal = proxy_refusal(call, result);
		result = never_sent((int)result) ? result : CURLE_COULDNT_CONNECT;
	}
	/* libcurl calls an answer that is no HTTP as it calls a scheme that it does not know. */
	if (result == CURLE_UNSUPPORTED_PROTOCOL && call->ready_at)
		result = CURLE_WEIRD_SERVER_REPLY;
	to_do = refusal ? mem_strdup("") : advice(call, result);
	(void)error_set(&call->failure, kind_of_result(result), (int)result, "%s: %s%s",
		call->url.origin, refusal ?: words(call, result), to_do);
}

/* The only end of a call that is not cancelled. */
static void call_end(struct http_call *call)
{
	struct http_response response = {
		.status = call->status,
		.body = call->body.length ? call->body.data : "",
		.body_length = call->body.length,
		.duration = call->sent_at ? usec_sub(clock_monotonic(), call->sent_at) : 0,
		.headers = call->response_headers.data,
	};

	call_move(call, NULL);
	if (call->failure.kind != ERROR_NONE)
		call->done(call->userdata, NULL, &call->failure);
	else
		call->done(call->userdata, &response, NULL);
	call_release(call);
}

static void on_done(void *userdata, CURL *easy, CURLcode result)
{
	struct http *http = userdata;
	char *private = NULL;
	struct http_call *call;

	(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
	call = (struct http_call *)(void *)private;
	call_judge(call, result);
	call_left(call);
	call_end(call);
	http_pump(http);
}

static int on_owed(sd_event_source *source, void *userdata)
{
	struct http *http = userdata;
	struct http_call *call;

	while ((call = TAILQ_FIRST(&http->broken)))
		call_end(call);
	http_pump(http);
	return 0;
}

const char *http_response_header(const struct http_response *response, const char *name)
{
	size_t length = strlen(name);
	const char *value = NULL;

	for (const char *line = response->headers; *line; line += strlen(line) + 1)
		if (strncasecmp(line, name, length) == 0 && line[length] == ':')
			value = line + length + 1 + strspn(line + length + 1, " \t");
	return value;
}

size_t http_connections(const struct http *http)
{
	return http->connections;
}

void http_rest(struct http *http)
{
	struct host *host;

	TAILQ_FOREACH(host, &http->hosts, link)
	if (!TAILQ_EMPTY(&host->waiting))
		return;
	if (http->running_count > 0)
		return;
	spare_trim(http, 0);
	loop_close_connections(http->loop);
}

static void http_arm(struct http *http, struct sd_event *event)
{
	must(sd_event_add_defer(event, &http->owed, on_owed, http));
	must(sd_event_source_set_enabled(http->owed, SD_EVENT_OFF));
	(void)sd_event_source_set_description(http->owed, "http-owed");
	must(sd_event_add_time(event, &http->tick, CLOCK_MONOTONIC, 0, 1, on_tick, http));
	must(sd_event_source_set_enabled(http->tick, SD_EVENT_OFF));
	(void)sd_event_source_set_description(http->tick, "http-tick");
}

int http_new(struct sd_event *event, const char *ca_file, struct http **ret_http, struct error *err)
{
	struct http *http = mem_new(struct http);
	int r;

	TAILQ_INIT(&http->hosts);
	TAILQ_INIT(&http->running);
	TAILQ_INIT(&http->broken);
	TAILQ_INIT(&http->spare);
	r = trust_new(ca_file, &http->trust, err);
	if (r < 0) {
		free(http);
		return r;
	}
	http_forget_sessions(http); /* there are none yet */
	http->loop = loop_new(event, on_done, http);
	http_arm(http, event);
	*ret_http = http;
	return 0;
}

int http_set_identity(
	struct http *http, const char *certificate_file, const char *key_file, struct error *err)
{
	struct identity *identity;
	int r = identity_new(certificate_file, key_file, &identity, err);

	if (r < 0)
		return r;
	identity_free(http->identity);
	http->identity = identity;
	http_forget_sessions(http);
	http_rest(http);
	return 0;
}

struct http *http_free(struct http *http)
{
	struct host *host;

	if (!http)
		return NULL;
	assert(TAILQ_EMPTY(&http->running) && TAILQ_EMPTY(&http->broken));
	spare_trim(http, 0);
	loop_free(http->loop); /* whose connections tell their hosts when they close */
	sessions_unref(http->sessions);
	while ((host = TAILQ_FIRST(&http->hosts))) {
		assert(TAILQ_EMPTY(&host->waiting));
		TAILQ_REMOVE(&http->hosts, host, link);
		host_free(host);
	}
	sd_event_source_disable_unref(http->owed);
	sd_event_source_disable_unref(http->tick);
	trust_free(http->trust);
	identity_free(http->identity);
	free(http);
	return NULL;
}
