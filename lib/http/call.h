/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_HTTP_CALL_H
#define LIB_HTTP_CALL_H

/* What call.c (the life of a call) and setup.c (its request and response) share. */

#include <curl/curl.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "lib/base/buf.h"
#include "lib/http/body.h"
#include "lib/http/http.h"
#include "lib/http/url.h"
#include "lib/http/window.h"

TAILQ_HEAD(calls, http_call);
TAILQ_HEAD(hosts, host);

/* TLS sessions, which further connections resume; that spares both sides most of the handshake.  A resumed one is not
 * verified again, so they are forgotten when the trust changes that they were verified with. */
struct sessions {
	CURLSH *share;
	size_t users; /* calls whose easy handles are bound to it, and struct http while it is the present one */
};

struct http {
	struct loop *loop;
	struct sd_event_source *owed; /* armed while broken is not empty, and by http_kick() */
	struct sd_event_source *tick; /* armed while calls wait */
	struct trust *trust;
	struct identity *identity; /* or NULL */
	struct sessions *sessions; /* the present ones */
	struct hosts hosts;
	struct calls running, broken;
	struct calls spare; /* ended, with their easy handles, to be used again */
	size_t running_count, spare_count;
	size_t connections; /* opened so far */
	size_t held; /* bytes of answers without a limit of their own, from all hosts */
	bool ticking;
};

/* Where requests go, by origin.  Lives as long as struct http: there are few. */
struct host {
	TAILQ_ENTRY(host) link;
	struct http *http;
	char *origin;
	struct window window;
	struct calls waiting;
	size_t waiting_count;
	size_t held; /* of what struct http counts so */
};

/* The first block stays with the easy handle when the call has ended. */
struct http_call {
	struct http *http;
	CURL *easy;
	struct sessions *sessions; /* that the easy handle has */
	char *url_text; /* as the easy handle has it */
	struct url url; /* what it says */
	struct host *host; /* where that is; NULL: nowhere */
	char *method; /* as the easy handle has it, NULL: GET */
	long timeout; /* ms, as the easy handle has it */
	long buffer_size; /* as the easy handle has it */
	bool once, direct; /* as the easy handle has it */

	struct calls *list;
	TAILQ_ENTRY(http_call) link;
	http_done_fn done;
	void *userdata;

	struct body lines; /* the request's headers, each with its NUL */
	struct curl_slist *headers; /* pointing into lines */
	size_t headers_room;
	struct body copied; /* what upload points to, unless a secret */
	struct secret *secret_body;
	const char *upload;
	size_t upload_length, upload_sent;
	bool opened; /* a connection, rather than found one */
	usec_t sent_at; /* handed to libcurl */
	usec_t ready_at; /* its connection stood; 0: not yet */

	long status;
	http_sink_fn sink;
	void *sink_userdata;
	struct body body;
	size_t body_limit, body_length; /* of which the sink may have had some */
	bool counted; /* its body is part of http->held */
	struct buf response_headers; /* lines that end with a NUL */
	size_t response_headers_size;
	bool response_headers_ended;
	struct error failure; /* what we found wrong ourselves; outweighs libcurl's result */
	char words[CURL_ERROR_SIZE];
};

/* http_kick(host): look in the event loop's next turn whether another may go; from inside libcurl. */
void http_kick(struct host *host);

/* http_forget_sessions(http): nothing is resumed that was begun before. */
void http_forget_sessions(struct http *http);

/* sessions_unref(sessions): one user less, the last of whom ends them.  NULL is fine.  Returns NULL. */
struct sessions *sessions_unref(struct sessions *sessions);

/* call_bind_sessions(call): let its easy handle, which rests, have the present sessions. */
void call_bind_sessions(struct http_call *call);

/* call_new(http): a call with what all have in common. */
struct http_call *call_new(struct http *http);

/* call_setup(call, request): make call->easy ready to be started.  call->url has been read. */
void call_setup(struct http_call *call, const struct http_request *request);

/* call_clear(call): wipe and forget what it was about; ready for the next. */
void call_clear(struct http_call *call);

/* call_free(call): release it, which is in no list. */
void call_free(struct http_call *call);

#endif
