/* SPDX-License-Identifier: Apache-2.0 */
/* One request as libcurl wants it told, and the callbacks that carry its bytes. */
#include "lib/http/call.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/base/strv.h"
#include "lib/http/proxy.h"
#include "lib/pki/secret.h"

#define HEADERS_MAX ((size_t)64 << 10)
#define CONNECT_MS  5000L
#define CALL_MS     30000L
#define HELD_MAX    ((size_t)4 << 20)

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
	if (call->counted && length > HELD_MAX - call->http->held) {
		(void)error_set(&call->failure, ERROR_RETRY, CURLE_FILESIZE_EXCEEDED,
			"%s: more than %zu bytes of answers at once", call->url.origin, HELD_MAX);
		return 0;
	}
	if (call->counted)
		call->http->held += length;
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
			"%s: response headers longer than %zu bytes", call->url.origin,
			HEADERS_MAX);
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

	STRV_FOREACH (header, request->headers) {
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
	/* A proxy that is itself reached by TLS is trusted by the same bundle. */
	SET(call->easy, CURLOPT_PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(call->easy, CURLOPT_PROXY_CAPATH, http->ca_directory ? http->ca_file : NULL);
	if (http->ca_file)
		SET(call->easy, CURLOPT_PROXY_CAINFO, http->ca_directory ? NULL : http->ca_file);
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
		request->timeout ? (long)MAX(request->timeout / USEC_PER_MSEC, (usec_t)1)
				 : CALL_MS);
	SET(easy, CURLOPT_ERRORBUFFER, call->words);
	SET(easy, CURLOPT_WRITEFUNCTION, on_body);
	SET(easy, CURLOPT_WRITEDATA, call);
	SET(easy, CURLOPT_HEADERFUNCTION, on_header);
	SET(easy, CURLOPT_HEADERDATA, call);
	SET(easy, CURLOPT_PROTOCOLS_STR, call->url.scheme);
}

/* The environment is read by proxy_find() alone: libcurl's own ideas of it have changed over time. */
static void call_set_proxy(struct http_call *call, const struct http_request *request)
{
	SET(call->easy, CURLOPT_PROXY, request->direct ? "" : proxy_find(&call->url));
	SET(call->easy, CURLOPT_NOPROXY, "");
}

void call_setup(struct http_call *call, const struct http_request *request)
{
	call_set_options(call, request);
	call_set_proxy(call, request);
	call_set_trust(call);
	call_set_headers(call, request);
	call_set_body(call, request);
}
