/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request as libcurl wants it told, and the callbacks that carry its bytes.  Easy handles are
 * used again, so what does not change is said once.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/strv.h"
#include "lib/http/call.h"
#include "lib/http/identity.h"
#include "lib/http/loop.h"
#include "lib/http/proxy.h"
#include "lib/http/trust.h"
#include "lib/os/clock.h"
#include "lib/pki/secret.h"

#define HEADERS_MAX ((size_t)64 << 10)
#define CONNECT_MS  5000L

/* What libcurl reads at once, into a block that it allocates and wipes with each request: a TLS record of a long answer,
 * or what an answer about one object needs. */
#define READ_LONG  16384L
#define READ_SHORT 4096L

#define CALL_MS     30000L
#define HELD_OF_ONE (HTTP_HELD_MAX / 2) /* of one host: who stalls amid long answers shall not hold up the others */
#define REFUSAL_MAX ((size_t)128 << 10) /* what a listing gets instead of its page */

/* For how many seconds an idle connection is used again; of a request that is not to be lost (and
 * must not be sent twice) only where hardly any server would have closed it. */
#define IDLE_MAX      118L
#define IDLE_ONCE_MAX 4L

/* For how many seconds a connection is used at all: what it was verified with may have been taken from the CA bundle. */
#define LIFE_MAX 600L

#define SET(easy, option, value)                                                                   \
	do {                                                                                       \
		if (curl_easy_setopt(easy, option, value) != CURLE_OK)                             \
			mem_exhausted(); /* all options are known: memory is what lacks */         \
	} while (0)

/* Keeps a piece of the body for the completion: of a sink's, what is an error's. */
static size_t keep_body(struct http_call *call, const char *data, size_t length)
{
	const size_t room = MIN(HTTP_HELD_MAX - call->http->held, HELD_OF_ONE - call->host->held);

	if (call->counted && length > room) {
		(void)error_set(&call->failure, ERROR_RETRY, CURLE_FILESIZE_EXCEEDED,
			"%s: more than %zu bytes of answers at once, or %zu from here", call->url.origin, HTTP_HELD_MAX,
			HELD_OF_ONE);
		return 0;
	}
	if (call->counted) {
		call->http->held += length;
		call->host->held += length;
	}
	body_append(&call->body, data, length);
	return length;
}

/* CURLOPT_WRITEFUNCTION */
static size_t on_body(char *data, size_t one, size_t length, void *userdata)
{
	struct http_call *call = userdata;
	size_t limit = call->body_limit;

	if (call->sink && call->status != 200)
		limit = MIN(limit, REFUSAL_MAX);
	if (length > limit - call->body_length) {
		(void)error_set(&call->failure, ERROR_INVALID, CURLE_FILESIZE_EXCEEDED,
			"%s: response longer than %zu bytes", call->url.origin, limit);
		return 0;
	}
	call->body_length += length;
	if (length == 0)
		return 0;
	if (!call->sink || call->status != 200)
		return keep_body(call, data, length);
	if (call->sink(call->sink_userdata, data, length) == 0)
		return length;
	(void)error_set(&call->failure, ERROR_RETRY, CURLE_WRITE_ERROR,
		"%s: invalid response", call->url.origin);
	return 0;
}

/* Is ${text} as ${pattern}, of which each 0 stands for any digit? */
static bool is_like(const char *text, const char *pattern)
{
	for (; *pattern; text++, pattern++)
		if (*pattern == '0' ? !isdigit((unsigned char)*text) : *text != *pattern)
			return false;
	return true;
}

/* The status in "HTTP/1.1 200 OK" (RFC 9112 section 4; "HTTP/2 200" is how libcurl tells of HTTP/2), 0 for what is no such
 * line.  What else libcurl takes for one depends on its version: "HTTP/1.1 2000 OK" is a 200 to 8.14. */
static long status_of(const char *line, size_t length)
{
	static const char *const patterns[] = { "HTTP/0.0 000", "HTTP/0 000" };

	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		size_t size = strlen(patterns[i]);
		const char *digits = line + size - 3;

		if (length < size || (length > size && line[size] != ' ') || !is_like(line, patterns[i]) ||
			digits[0] == '0') /* from 100 on (RFC 9110 section 15) */
			continue;
		return (digits[0] - '0') * 100L + (digits[1] - '0') * 10L + (digits[2] - '0');
	}
	return 0;
}

/* A response begins; false where it is none. */
static bool begin_response(struct http_call *call, const char *line, size_t length)
{
	buf_clear(&call->response_headers);
	call->response_headers_ended = false;
	call->status = status_of(line, length);
	if (call->status)
		return true;
	(void)error_set(&call->failure, ERROR_RETRY, CURLE_WEIRD_SERVER_REPLY,
		"%s: the answer begins with no status line of HTTP", call->url.origin);
	return false;
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
	/* A response after an interim one (1xx) begins anew; nothing else does. */
	if (call->status == 0 || (call->status < 200 && call->response_headers_ended))
		return begin_response(call, data, end) ? length : 0;
	if (end) {
		buf_append(&call->response_headers, data, end);
		buf_append_char(&call->response_headers, '\0');
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

/*
 * CURLOPT_SEEKFUNCTION: the kept-alive connection was dead, libcurl would send again on a new one.
 * A request that must not be sent twice ends here: it may have arrived.
 */
static int on_rewind(void *userdata, curl_off_t offset, int whence)
{
	struct http_call *call = userdata;

	if (call->once || whence != SEEK_SET || offset < 0 ||
		(size_t)offset > call->upload_length)
		return CURL_SEEKFUNC_FAIL;
	call->upload_sent = (size_t)offset;
	return CURL_SEEKFUNC_OK;
}

/*
 * CURLOPT_PREREQFUNCTION: the connection stands, TLS has verified, the request is about to be sent.
 * The second time for one call is libcurl's own repetition; on_rewind() is not asked when the body
 * went out together with the headers.
 */
static int on_ready(void *userdata, char *remote, char *local, int remote_port, int local_port)
{
	struct http_call *call = userdata;
	struct window *window = &call->host->window;
	usec_t now = clock_monotonic();

	if (call->ready_at && call->once)
		return CURL_PREREQFUNC_ABORT;
	window_connected(window, call->opened ? MAX(usec_sub(now, call->sent_at), (usec_t)1) : 0);
	call->ready_at = now;
	call->upload_sent = 0;
	http_kick(call->host);
	return CURL_PREREQFUNC_OK;
}

/* CURLOPT_OPENSOCKETFUNCTION, CURLOPT_CLOSESOCKETFUNCTION: what libcurl does by itself, counted. */
static curl_socket_t on_open(void *userdata, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct http_call *call = userdata;
	int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);

	if (fd < 0)
		return CURL_SOCKET_BAD;
	call->opened = true;
	call->host->window.sockets++;
	call->http->connections++;
	loop_opened(call->http->loop, fd);
	return fd;
}

static int on_close(void *userdata, curl_socket_t fd)
{
	struct host *host = userdata;

	host->window.sockets--;
	loop_closing(host->http->loop, fd);
	return close(fd);
}

/*
 * CURLOPT_SSL_CTX_FUNCTION: before libcurl looks for a session to resume.  One that comes with sessions of a former trust
 * ends here, nothing having been sent.
 */
static CURLcode on_tls(CURL *easy, void *context, void *userdata)
{
	struct http_call *call = userdata;
	_cleanup_(freep) char *lack = NULL;
	bool changed;

	if (trust_apply(call->http->trust, context, &changed) < 0) {
		lack = trust_lack(call->http->trust);
		(void)error_set(&call->failure, ERROR_INVALID, CURLE_SSL_CACERT_BADFILE,
			"%s: cannot verify its certificate: %s", call->url.origin, lack);
		return CURLE_SSL_CACERT_BADFILE;
	}
	if (call->http->identity && identity_apply(call->http->identity, context) < 0) {
		(void)error_set(&call->failure, ERROR_INVALID, CURLE_SSL_CERTPROBLEM,
			"%s: the client certificate cannot be used", call->url.origin);
		return CURLE_SSL_CERTPROBLEM;
	}
	/* libcurl has OpenSSL give back, and so wipe, 17 KB with each record.  Kept, only what was written to is ever
	 * touched, and what was read is wiped as soon as it has been handed out. */
	(void)SSL_CTX_clear_mode(context, SSL_MODE_RELEASE_BUFFERS);
	(void)SSL_CTX_set_options(context, SSL_OP_CLEANSE_PLAINTEXT);
	if (changed)
		http_forget_sessions(call->http);
	if (call->sessions == call->http->sessions)
		return CURLE_OK;
	(void)error_set(&call->failure, ERROR_RETRY, CURLE_SSL_CONNECT_ERROR,
		"%s: the CA bundle has just changed; nothing was sent", call->url.origin);
	return CURLE_SSL_CONNECT_ERROR;
}

/* What is the same for all requests. */
static void set_constants(struct http_call *call)
{
	CURL *easy = call->easy;

	SET(easy, CURLOPT_PRIVATE, (void *)call);
	SET(easy, CURLOPT_NOSIGNAL, 1L);
	/* Or else whoever gives up a name that is still being resolved waits for the resolver's thread, which may take
	 * minutes where nothing answers, and everything else waits along. */
	SET(easy, CURLOPT_QUICK_EXIT, 1L);
	SET(easy, CURLOPT_NOPROGRESS, 1L);
	SET(easy, CURLOPT_FOLLOWLOCATION, 0L);
	SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	SET(easy, CURLOPT_MAXLIFETIME_CONN, LIFE_MAX);
	SET(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	SET(easy, CURLOPT_UPLOAD_BUFFERSIZE, 16384L);
	SET(easy, CURLOPT_ERRORBUFFER, call->words);
	SET(easy, CURLOPT_WRITEFUNCTION, on_body);
	SET(easy, CURLOPT_WRITEDATA, call);
	SET(easy, CURLOPT_HEADERFUNCTION, on_header);
	SET(easy, CURLOPT_HEADERDATA, call);
	SET(easy, CURLOPT_READFUNCTION, on_upload);
	SET(easy, CURLOPT_READDATA, call);
	SET(easy, CURLOPT_SEEKFUNCTION, on_rewind);
	SET(easy, CURLOPT_SEEKDATA, call);
	SET(easy, CURLOPT_PREREQFUNCTION, on_ready);
	SET(easy, CURLOPT_PREREQDATA, call);
	SET(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
	SET(easy, CURLOPT_OPENSOCKETDATA, call);
	SET(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
	/* proxy_find() alone reads the environment: libcurl's own ideas of it have changed over time. */
	SET(easy, CURLOPT_NOPROXY, "");
	/* Our store instead of libcurl's own, for a proxy of https too. */
	SET(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(easy, CURLOPT_PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(easy, CURLOPT_CAINFO, NULL);
	SET(easy, CURLOPT_CAPATH, NULL);
	SET(easy, CURLOPT_PROXY_CAINFO, NULL);
	SET(easy, CURLOPT_PROXY_CAPATH, NULL);
	/* Or else libcurl would put back the first store that it saw for a day, whatever on_tls() says. */
	SET(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
	SET(easy, CURLOPT_SSL_CTX_FUNCTION, on_tls);
	SET(easy, CURLOPT_SSL_CTX_DATA, call);
}

static struct sessions *sessions_new(void)
{
	struct sessions *sessions = mem_new(struct sessions);

	*sessions = (struct sessions){ .share = curl_share_init(), .users = 1 };
	if (!sessions->share || curl_share_setopt(sessions->share, CURLSHOPT_SHARE,
					 CURL_LOCK_DATA_SSL_SESSION) != CURLSHE_OK)
		mem_exhausted();
	return sessions;
}

struct sessions *sessions_unref(struct sessions *sessions)
{
	if (!sessions || --sessions->users > 0)
		return NULL;
	(void)curl_share_cleanup(sessions->share);
	free(sessions);
	return NULL;
}

void http_forget_sessions(struct http *http)
{
	sessions_unref(http->sessions);
	http->sessions = sessions_new();
}

void call_bind_sessions(struct http_call *call)
{
	struct sessions *before = call->sessions;

	if (before == call->http->sessions)
		return;
	call->sessions = call->http->sessions;
	call->sessions->users++;
	SET(call->easy, CURLOPT_SHARE, call->sessions->share);
	sessions_unref(before);
}

struct http_call *call_new(struct http *http)
{
	struct http_call *call = mem_new(struct http_call);

	call->http = http;
	call->response_headers = BUF_NULL;
	call->easy = curl_easy_init();
	if (!call->easy)
		mem_exhausted();
	set_constants(call);
	return call;
}

static void call_set_url(struct http_call *call, const char *text, bool direct)
{
	if (call->url_text && call->direct == direct && strcmp(call->url_text, text) == 0)
		return;
	free(call->url_text);
	call->url_text = mem_strdup(text);
	call->direct = direct;
	SET(call->easy, CURLOPT_URL, text);
	SET(call->easy, CURLOPT_CURLU, call->url.parts); /* or else it is parsed with each request */
	SET(call->easy, CURLOPT_PROTOCOLS_STR, call->url.scheme);
	SET(call->easy, CURLOPT_PROXY, direct ? "" : proxy_find(&call->url));
	SET(call->easy, CURLOPT_CLOSESOCKETDATA, call->host);
}

static void call_set_times(struct http_call *call, const struct http_request *request)
{
	long timeout = CALL_MS;

	if (request->timeout)
		timeout = (long)MAX(request->timeout / USEC_PER_MSEC, (usec_t)1);
	if (timeout != call->timeout)
		SET(call->easy, CURLOPT_TIMEOUT_MS, timeout);
	call->timeout = timeout;
	if (request->once != call->once)
		SET(call->easy, CURLOPT_MAXAGE_CONN, request->once ? IDLE_ONCE_MAX : IDLE_MAX);
	call->once = request->once;
}

static void call_set_buffer(struct http_call *call, long size)
{
	if (size != call->buffer_size)
		SET(call->easy, CURLOPT_BUFFERSIZE, size);
	call->buffer_size = size;
}

static void call_add_header(struct http_call *call, const char *line)
{
	body_append(&call->lines, line, strlen(line) + 1);
}

/* A list as curl_slist_append() would make it, in two blocks that stay with the call. */
static void call_link_headers(struct http_call *call, size_t count)
{
	char *line = call->lines.data;

	if (count > call->headers_room) {
		call->headers = mem_resize(call->headers, count, sizeof(*call->headers));
		call->headers_room = count;
	}
	for (size_t i = 0; i < count; i++, line += strlen(line) + 1)
		call->headers[i] = (struct curl_slist){
			.data = line, .next = i + 1 < count ? &call->headers[i + 1] : NULL
		};
	SET(call->easy, CURLOPT_HTTPHEADER, call->headers);
}

static void call_set_headers(struct http_call *call, const struct http_request *request)
{
	size_t count = 1;
	bool typed = false;

	STRV_FOREACH (header, request->headers) {
		call_add_header(call, *header);
		typed |= strncasecmp(*header, "content-type:", 13) == 0;
		count++;
	}
	/* What libcurl would add by itself and nobody asked for. */
	call_add_header(call, "Expect:");
	if (!typed) {
		call_add_header(call, "Content-Type:");
		count++;
	}
	call_link_headers(call, count);
}

static void call_set_method(struct http_call *call, const char *method)
{
	if (call->method && strcmp(call->method, method) == 0)
		return;
	free(call->method);
	call->method = mem_strdup(method);
	SET(call->easy, CURLOPT_POST, 1L);
	SET(call->easy, CURLOPT_CUSTOMREQUEST, method);
}

static void call_set_body(struct http_call *call, const struct http_request *request)
{
	const struct secret *secret = request->secret_body ?: request->lent_body;

	call->secret_body = request->secret_body;
	if (!secret && !request->body && strcmp(request->method, "GET") == 0) {
		SET(call->easy, CURLOPT_CUSTOMREQUEST, NULL);
		SET(call->easy, CURLOPT_HTTPGET, 1L);
		free(take(call->method));
		return;
	}
	call_set_method(call, request->method);
	if (secret) {
		/* Read as it is sent: libcurl has it in its upload buffer alone, which is not locked, and gives that
		 * back, wiped, when the request ends (seen: one copy while an answer is waited for, none after it). */
		call->upload = secret_borrow(secret);
		call->upload_length = secret_length(secret);
	} else {
		body_append(&call->copied, request->body ?: "", request->body_length);
	}
	SET(call->easy, CURLOPT_POSTFIELDSIZE_LARGE,
		(curl_off_t)(secret ? call->upload_length : request->body_length));
	SET(call->easy, CURLOPT_POSTFIELDS, secret ? NULL : call->copied.data);
}

void call_setup(struct http_call *call, const struct http_request *request)
{
	call->sink = request->sink;
	call->sink_userdata = request->sink_userdata;
	call_set_url(call, request->url, request->direct);
	call_set_times(call, request);
	call_set_buffer(call, request->sink ? READ_LONG : READ_SHORT);
	call_set_headers(call, request);
	call_set_body(call, request);
}

/* What is held no longer, when its body is about to be wiped. */
static void call_unhold(struct http_call *call)
{
	if (call->counted && call->host) {
		call->http->held -= call->body.length;
		call->host->held -= call->body.length;
	}
	call->counted = false;
}

void call_clear(struct http_call *call)
{
	call_unhold(call);
	body_clear(&call->lines);
	body_clear(&call->copied);
	body_clear(&call->body);
	call->secret_body = secret_free(call->secret_body);
	buf_clear(&call->response_headers);
	error_done(&call->failure);
	call->upload = NULL;
	call->upload_length = call->upload_sent = 0;
	call->opened = call->response_headers_ended = false;
	call->sent_at = call->ready_at = 0;
	call->status = 0;
	call->body_length = call->response_headers_size = 0;
	call->words[0] = '\0';
}

void call_free(struct http_call *call)
{
	call_unhold(call);
	curl_easy_cleanup(call->easy);
	sessions_unref(call->sessions);
	body_done(&call->lines);
	body_done(&call->copied);
	body_done(&call->body);
	secret_free(call->secret_body);
	buf_done(&call->response_headers);
	error_done(&call->failure);
	url_done(&call->url);
	free(call->headers);
	free(call->url_text);
	free(call->method);
	free(call);
}
