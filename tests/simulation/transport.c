/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A call is at one step at a time:
 *	OUT	on its way to the cloud			timer armed, answered false
 *	BACK	its answer is on its way back		timer armed, answered true
 * and ends in on_timer(), or when it is cancelled; the cloud has carried it out then, or not, as over a real wire.
 */

#include "tests/simulation/transport.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <systemd/sd-event.h>

#include "lib/base/buf.h"
#include "lib/base/strv.h"
#include "lib/http/http.h"
#include "lib/os/clock.h"
#include "lib/pki/secret.h"
#include "tests/simulation/clock.h"

/* One way: 15 ms, give or take up to 4, so that no two requests differ by more than 8 on it. */
#define WAY	   (11 * USEC_PER_MSEC)
#define WAY_SPREAD (8 * USEC_PER_MSEC)

struct http {
	sd_event *event;
};

struct http_call {
	char *authorization, *target, *body;
	const struct secret *lent_body;
	struct secret *secret_body;
	size_t body_length;
	http_done_fn done;
	void *userdata;
	sd_event_source *timer;
	bool answered;
	usec_t begun;
	int status;
	struct buf answer;
	struct buf headers; /* each with its NUL */
	http_sink_fn sink;
	void *sink_userdata;
};

static struct cloud *cloud;
static struct traffic traffic;

static struct {
	unsigned account;
	usec_t interval, last; /* interval 0: nobody else */
	unsigned long refused;
} slow;

void transport_use(struct cloud *used)
{
	cloud = used;
}

void transport_mark(void)
{
	traffic = (struct traffic){ .under_way = traffic.under_way };
}

const struct traffic *transport_traffic(void)
{
	return &traffic;
}

void transport_slow_down(unsigned account, usec_t interval)
{
	slow.account = account;
	slow.interval = interval;
	slow.last = 0;
}

unsigned long transport_refused(void)
{
	return slow.refused;
}

int http_new(struct sd_event *event, const char *ca_file, struct http **ret_http, struct error *err)
{
	*ret_http = mem_new(struct http);
	(*ret_http)->event = sd_event_ref(event);
	return 0;
}

struct http *http_free(struct http *http)
{
	if (!http)
		return NULL;
	sd_event_unref(http->event);
	free(http);
	return NULL;
}

static usec_t way(void)
{
	return WAY + virtual_random() % (WAY_SPREAD + 1);
}

static void call_arm(struct http_call *call)
{
	if (sd_event_source_set_time(call->timer, clock_monotonic() + way()) < 0 ||
		sd_event_source_set_enabled(call->timer, SD_EVENT_ONESHOT) < 0)
		mem_exhausted();
}

struct http_call *http_cancel(struct http_call *call)
{
	if (!call)
		return NULL;
	traffic.under_way--;
	sd_event_source_disable_unref(call->timer);
	secret_free(call->secret_body);
	free(call->authorization);
	free(call->target);
	free(call->body);
	buf_done(&call->answer);
	buf_done(&call->headers);
	free(call);
	return NULL;
}

/* --- OUT --- */

/* The destination account that an import is for, or -1; the cloud's access keys say whose they are. */
static int import_account(const struct http_call *call)
{
	const char *key = call->authorization ? strstr(call->authorization, "Credential=ASIA") : NULL;
	unsigned long long number;

	if (!key || !call->target || strcmp(call->target, "CertificateManager.ImportCertificate") != 0 ||
		sscanf(key + strlen("Credential=ASIA"), "%12llu", &number) != 1)
		return -1;
	return (int)(number - CLOUD_ACCOUNT);
}

/* Somebody else uses the quota of this account: the answer that the request gets then, or NULL. */
static const char *too_fast(const struct http_call *call)
{
	usec_t now = clock_monotonic();

	if (!slow.interval || import_account(call) != (int)slow.account)
		return NULL;
	if (now >= slow.last + slow.interval) {
		slow.last = now;
		return NULL;
	}
	slow.refused++;
	return "ThrottlingException";
}

static void add_header(struct http_call *call, const char *name, const char *value)
{
	buf_append_string(&call->headers, name);
	buf_append(&call->headers, value, strlen(value) + 1);
}

static void call_ask(struct http_call *call)
{
	const struct secret *secret = call->secret_body ?: call->lent_body;
	const struct cloud_request request = {
		.authorization = call->authorization,
		.target = call->target,
		.body = secret ? secret_borrow(secret) : call->body,
		.length = secret ? secret_length(secret) : call->body_length,
	};
	struct cloud_answer answer = { .status = 400, .error = too_fast(call), .body = "{}", .length = 2 };

	if (!answer.error)
		cloud_ask(cloud, &request, clock_now(), &answer);
	call->status = answer.status;
	if (answer.status == 200 && import_account(call) >= 0)
		traffic.last_import[import_account(call)] = clock_monotonic();
	buf_append(&call->answer, answer.body, answer.length);
	if (answer.error)
		add_header(call, "X-Amzn-ErrorType: ", answer.error);
	if (answer.content_type)
		add_header(call, "Content-Type: ", answer.content_type);
	add_header(call, "X-Amzn-RequestId: ", "simulated");
}

/* --- BACK --- */

static void call_end(struct http_call *call)
{
	bool sunk = call->sink && call->status == 200;
	const struct http_response response = {
		.status = call->status,
		.body = sunk ? "" : call->answer.data,
		.body_length = sunk ? 0 : call->answer.length,
		.duration = clock_monotonic() - call->begun,
		.headers = call->headers.data,
	};

	traffic.last = clock_monotonic();
	/* The cloud's answers can be read: only the network's are cut. */
	if (sunk && call->sink(call->sink_userdata, call->answer.data, call->answer.length) < 0)
		abort();
	call->done(call->userdata, &response, NULL);
	http_cancel(call);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct http_call *call = userdata;

	if (call->answered) {
		call_end(call);
		return 0;
	}
	call->answered = true;
	call_ask(call);
	call_arm(call);
	return 0;
}

static char *header_value(char *const *headers, const char *name)
{
	size_t length = strlen(name);

	STRV_FOREACH(header, headers)
		if (strncasecmp(*header, name, length) == 0 && (*header)[length] == ':')
			return mem_strdup(*header + length + 1 + strspn(*header + length + 1, " "));
	return NULL;
}

struct http_call *http_start(
	struct http *http, const struct http_request *request, http_done_fn done, void *userdata)
{
	struct http_call *call = mem_new(struct http_call);

	*call = (struct http_call){
		.authorization = header_value(request->headers, "Authorization"),
		.target = header_value(request->headers, "X-Amz-Target"),
		.body = request->body ? mem_strndup(request->body, request->body_length) : NULL,
		.body_length = request->body_length,
		.lent_body = request->lent_body,
		.secret_body = request->secret_body,
		.done = done,
		.userdata = userdata,
		.sink = request->sink,
		.sink_userdata = request->sink_userdata,
		.begun = clock_monotonic(),
		.answer = BUF_NULL,
		.headers = BUF_NULL,
	};
	if (sd_event_add_time(http->event, &call->timer, CLOCK_MONOTONIC, call->begun + way(), 1, on_timer, call) < 0)
		mem_exhausted();
	traffic.first = traffic.first ?: call->begun;
	traffic.requests++;
	traffic.under_way++;
	traffic.most_under_way = MAX(traffic.most_under_way, traffic.under_way);
	return call;
}

const char *http_response_header(const struct http_response *response, const char *name)
{
	size_t length = strlen(name);

	for (const char *line = response->headers; *line; line += strlen(line) + 1)
		if (strncasecmp(line, name, length) == 0 && line[length] == ':')
			return line + length + 1 + strspn(line + length + 1, " ");
	return NULL;
}

size_t http_connections(const struct http *http)
{
	return 0;
}

void http_rest(struct http *http)
{
}

/* Requests are lost in no case of the simulation. */
bool http_never_sent(const struct error *err)
{
	return false;
}
