/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_HTTP_HTTP_H
#define LIB_HTTP_HTTP_H

/*
 * HTTP/1.1 over TLS: libcurl's multi interface driven by sd-event.  One struct http is one
 * pool of kept-alive connections.  Never follows a redirect, never speaks anything but the
 * scheme of the URL (https; plain http only where the URL says http, which callers allow for
 * loopback and configured endpoints), never sends a byte of a request over TLS that did not
 * verify.  HTTP status is not judged here: a 500 with its body is a success of this layer.
 */

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"
#include "lib/base/time.h"

struct http;
struct http_call;
struct secret;
struct sd_event;

/* What all calls may have at a time: connections, and bytes of answers that no sink takes.  HTTP_CALL_ROOM is what a call on
 * the wire takes besides: measured, some 40 KB of libcurl's handle, its block of 16 KiB to read into, and 66 KB of
 * OpenSSL's for the connection. */
#define HTTP_CALLS_MAX 512
#define HTTP_HELD_MAX  ((size_t)4 << 20)
#define HTTP_CALL_ROOM ((size_t)120 << 10)

/* What is kept of a response.  Valid only during the completion. */
struct http_response {
	long status;
	const char *body; /* NUL-terminated; may hold NULs */
	size_t body_length;
	usec_t duration;
	const char *headers; /* see http_response_header() */
};

/**
 * http_done_fn(userdata, response, err):
 * The completion: called exactly once, never from inside http_start().  Exactly one of
 * ${response} and ${err} is not NULL, both borrowed until it returns.  Errors: unreachable,
 * cut off, timed out: ERROR_RETRY; certificate of the peer does not verify: ERROR_INVALID,
 * with libcurl's words; response longer than the limit: ERROR_INVALID.  The code is libcurl's.
 */
typedef void (*http_done_fn)(
	void *userdata, const struct http_response *response, const struct error *err);

/**
 * http_sink_fn(userdata, data, length):
 * A piece of a body as it arrives: ${length} bytes, one at least.  It may start and cancel
 * nothing.  What came so far is worth nothing until the completion says that it was all.  A
 * negative result ends the call with ERROR_RETRY: the reader wants no more.
 */
typedef int (*http_sink_fn)(void *userdata, const char *data, size_t length);

struct http_request {
	const char *method; /* "GET", "POST", "PUT" */
	const char *url;
	char *const *headers; /* "Name: value", NULL-terminated; all copied */
	const char *body; /* copied, unless one of the next two is given */
	size_t body_length;
	/* Sent instead of body, straight from the secure heap; http_start() takes it over and
	 * wipes it when the call ends. */
	struct secret *secret_body;
	/* The same, but it stays the caller's, who keeps it until the call ends: for a body that
	 * may have to be sent again. */
	const struct secret *lent_body;
	/* Not to be sent a second time.  Otherwise libcurl does so by itself when a kept-alive
	 * connection closes before the first byte of an answer. */
	bool once;
	bool direct; /* never through a proxy, as for what is loopback or link-local */
	/* Gets the body of an answer of status 200 instead of the completion, whose body is then empty. */
	http_sink_fn sink;
	void *sink_userdata;
	/* Bytes; 0: 1 MiB, and then all such answers together may have 4 MiB at a time, those of one
	 * host 2 MiB: one too many is ERROR_RETRY.  An answer of another status than 200, which a sink
	 * does not get, counts among them and has 128 KiB at most, where there is a sink. */
	size_t response_limit;
	usec_t timeout; /* whole call once it is on the wire; 0: 30 s.  Connecting: 5 s always */
};

/**
 * http_new(event, ca_file, http, err):
 * A pool on ${event}.  ${ca_file} (NULL: the system's) names the CA bundle that is trusted;
 * one that cannot be read is ERROR_INVALID.
 */
int http_new(
	struct sd_event *event, const char *ca_file, struct http **ret_http, struct error *err);

/**
 * http_check_trust(ca_file, err):
 * Would a pool with ${ca_file} have CA certificates?  0; ERROR_ABSENT where the system's are missing,
 * with the cure; and the errors of http_new().
 */
int http_check_trust(const char *ca_file, struct error *err);

/**
 * http_start(http, request, done, userdata):
 * Start ${request}; nothing in it but lent_body and whoever reads is needed after the call
 * returns.  At most 256 calls to one host and 512 in all are on the wire; further ones wait their
 * turn, and while a host has no connection all but one do (lib/http/window.h).  The handle is
 * valid until ${done} is called or http_cancel().  Never fails: what goes wrong reaches ${done}.
 */
struct http_call *http_start(
	struct http *http, const struct http_request *request, http_done_fn done, void *userdata);

/**
 * http_set_identity(http, certificate_file, key_file, err):
 * From now on, connections that are opened show this certificate to servers that ask for one, and
 * none of before is resumed.  Errors are those of identity_new() (lib/http/identity.h); all is as
 * before then.
 */
int http_set_identity(
	struct http *http, const char *certificate_file, const char *key_file, struct error *err);

/* http_never_sent(err): of an error that a completion got: not a byte of the request can
 * have left, so sending it again is safe whatever it asks for. */
bool http_never_sent(const struct error *err);

/* http_cancel(call): no callback after this returns; what was sent may still take effect.
 * Returns NULL. */
struct http_call *http_cancel(struct http_call *call);

/* http_response_header(response, name): the value of the last such header (any case), or NULL. */
const char *http_response_header(const struct http_response *response, const char *name);

/* http_connections(http): how many connections have been opened so far. */
size_t http_connections(const struct http *http);

/**
 * http_rest(http):
 * Nothing will be asked for a while: close the idle connections, which the other ends would soon
 * close anyway, and give back what was kept for speed.  Nothing happens while calls are under way.
 * TLS sessions and parsed CA certificates are kept.
 */
void http_rest(struct http *http);

/* http_free(http): all calls must have ended or been cancelled; not from inside a completion.
 * Returns NULL. */
struct http *http_free(struct http *http);

DEFINE_CLEANUP(struct http *, http_free);

#endif
