/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_HTTP_CALL_H
#define LIB_HTTP_CALL_H

/* What http.c (the life of a call) and setup.c (its request and response) share. */

#include <curl/curl.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "lib/http/body.h"
#include "lib/http/http.h"
#include "lib/http/url.h"

TAILQ_HEAD(calls, http_call);

struct http {
	struct loop *loop;
	struct sd_event_source *owed; /* armed while broken is not empty */
	char *ca_file;
	bool ca_directory;
	struct calls waiting, running, broken;
	size_t running_count;
	size_t held; /* bytes of answers without a limit of their own */
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
	bool counted; /* its body is part of http->held */
	char **response_headers;
	size_t response_headers_size;
	bool response_headers_ended;
	struct error failure; /* what we found wrong ourselves; outweighs libcurl's result */
	char words[CURL_ERROR_SIZE];
};

/* call_setup(call, request): make call->easy ready to be started.  call->url has been read. */
void call_setup(struct http_call *call, const struct http_request *request);

#endif
