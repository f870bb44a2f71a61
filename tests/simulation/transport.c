/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A call is at one step at a time:
 *	WAIT	for its turn				in http->waiting
 *	OUT	on its way to the cloud			timer armed, answered false
 *	BACK	its answer is on its way back		timer armed, answered true
 * and ends in on_timer(), or when it is cancelled; the cloud has carried it out then, or not, as over a real wire.
 */

#include "tests/simulation/transport.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <systemd/sd-event.h>

#include "lib/base/buf.h"
#include "lib/base/strv.h"
#include "lib/http/http.h"
#include "lib/os/clock.h"
#include "lib/pki/secret.h"
#include "tests/simulation/clock.h"

/* On the wire at once, as in lib/http. */
#define HOST_MOST  256
#define CALLS_MOST 512
#define HOSTS_MOST 8

#define GIVES_UP (30 * USEC_PER_SEC)

struct host {
	char *name;
	size_t running;
};

struct http {
	sd_event *event;
	struct host hosts[HOSTS_MOST];
	TAILQ_HEAD(, http_call) waiting;
	size_t running;
};

struct http_call {
	struct http *http;
	struct host *host;
	TAILQ_ENTRY(http_call) link;
	bool waits;
	int account; /* that is asked: the number of a destination account, or -1 */
	enum failing failing;
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

static struct {
	unsigned count;
	enum failing failing;
} fail;

void transport_fail(unsigned count, enum failing failing)
{
	fail.count = count;
	fail.failing = failing;
}

/* What becomes of a request for ${target} (or NULL) to that account. */
static enum failing failing_of(int account, const char *target)
{
	if (account < 0 || (unsigned)account >= fail.count)
		return SOUND;
	if (fail.failing == FULL)
		return account % 2 && target && strstr(target, "ListTagsForCertificate") ? SILENT : FULL;
	return fail.failing == FAILING_COUNT ? SILENT + (unsigned)account % (FAILING_COUNT - SILENT) : fail.failing;
}

void transport_use(struct cloud *used)
{
	cloud = used;
}

void transport_mark(void)
{
	traffic = (struct traffic){ .under_way = traffic.under_way, .sound = traffic.sound };
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
	TAILQ_INIT(&(*ret_http)->waiting);
	return 0;
}

struct http *http_free(struct http *http)
{
	if (!http)
		return NULL;
	for (size_t i = 0; i < HOSTS_MOST; i++)
		free(http->hosts[i].name);
	sd_event_unref(http->event);
	free(http);
	return NULL;
}

static usec_t way(void)
{
	return WAY + virtual_random() % (WAY_SPREAD + 1);
}

static void call_arm(struct http_call *call, usec_t delay)
{
	if (sd_event_source_set_time(call->timer, clock_monotonic() + delay) < 0 ||
		sd_event_source_set_enabled(call->timer, SD_EVENT_ONESHOT) < 0)
		mem_exhausted();
}

/* --- WAIT --- */

static struct host *host_get(struct http *http, const char *url)
{
	const char *name = strstr(url, "://") ? strstr(url, "://") + 3 : url;
	size_t length = strcspn(name, "/");

	for (size_t i = 0; i < HOSTS_MOST; i++) {
		struct host *host = &http->hosts[i];

		if (!host->name)
			host->name = mem_strndup(name, length);
		if (strlen(host->name) == length && strncmp(host->name, name, length) == 0)
			return host;
	}
	abort();
}

static usec_t first_delay(const struct http_call *call)
{
	return call->failing == SILENT ? GIVES_UP : call->failing == SLOW ? TRANSPORT_SLOW_BY + way() : way();
}

static void pump(struct http *http)
{
	struct http_call *call, *next;

	for (call = TAILQ_FIRST(&http->waiting); call && http->running < CALLS_MOST; call = next) {
		next = TAILQ_NEXT(call, link);
		if (call->host->running >= HOST_MOST)
			continue;
		TAILQ_REMOVE(&http->waiting, call, link);
		call->waits = false;
		http->running++;
		call->host->running++;
		call_arm(call, first_delay(call));
	}
}

struct http_call *http_cancel(struct http_call *call)
{
	struct http *http;

	if (!call)
		return NULL;
	http = call->http;
	traffic.under_way--;
	traffic.sound -= call->failing == SOUND;
	if (call->waits) {
		TAILQ_REMOVE(&http->waiting, call, link);
	} else {
		http->running--;
		call->host->running--;
	}
	sd_event_source_disable_unref(call->timer);
	secret_free(call->secret_body);
	free(call->authorization);
	free(call->target);
	free(call->body);
	buf_done(&call->answer);
	buf_done(&call->headers);
	free(call);
	pump(http);
	return NULL;
}

/* --- OUT --- */

/* The destination account that is asked, or -1; the cloud's access keys say whose they are. */
static int asked_account(const struct http_call *call)
{
	const char *key = call->authorization ? strstr(call->authorization, "Credential=ASIA") : NULL;
	unsigned long long number;

	if (!key || !call->target || sscanf(key + strlen("Credential=ASIA"), "%12llu", &number) != 1)
		return -1;
	return (int)(number - CLOUD_ACCOUNT);
}

/* The destination account that an import is for, or -1. */
static int import_account(const struct http_call *call)
{
	return call->target && strcmp(call->target, "CertificateManager.ImportCertificate") == 0 ? call->account : -1;
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

	if (call->failing == BUSY)
		answer = (struct cloud_answer){ .status = 503, .error = "ServiceUnavailable", .body = "{}", .length = 2 };
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

static void call_lose(struct http_call *call)
{
	static const int codes[] = {
		[SILENT] = CURLE_OPERATION_TIMEDOUT, [REFUSED] = CURLE_COULDNT_CONNECT, [RESET] = CURLE_RECV_ERROR
	};
	_cleanup_(error_done) struct error err = ERROR_NULL;

	(void)error_set(&err, ERROR_RETRY, codes[call->failing], "%s: %s", call->host->name,
		curl_easy_strerror((CURLcode)codes[call->failing]));
	call->done(call->userdata, NULL, &err);
	http_cancel(call);
}

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
	if (call->account >= 0)
		traffic.answered[call->account]++;
	if (call->failing == SOUND)
		traffic.last_sound = traffic.last;
	/* The cloud's answers can be read: only the network's are cut. */
	if (sunk && call->sink(call->sink_userdata, call->answer.data, call->answer.length) < 0)
		abort();
	call->done(call->userdata, &response, NULL);
	http_cancel(call);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct http_call *call = userdata;

	if (call->failing == SILENT || call->failing == REFUSED || call->failing == RESET) {
		call_lose(call);
		return 0;
	}
	if (call->answered) {
		call_end(call);
		return 0;
	}
	call->answered = true;
	call_ask(call);
	call_arm(call, way());
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

static bool is_look(const struct http_call *call)
{
	return call->account < 0 && call->target && (strstr(call->target, "ListCertificates") || strstr(call->target, "Search"));
}

struct http_call *http_start(
	struct http *http, const struct http_request *request, http_done_fn done, void *userdata)
{
	struct http_call *call = mem_new(struct http_call);

	*call = (struct http_call){
		.http = http,
		.host = host_get(http, request->url),
		.waits = true,
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
	call->account = asked_account(call);
	call->failing = failing_of(call->account, call->target);
	if (sd_event_add_time(http->event, &call->timer, CLOCK_MONOTONIC, USEC_INFINITY, 1, on_timer, call) < 0)
		mem_exhausted();
	TAILQ_INSERT_TAIL(&http->waiting, call, link);
	pump(http);
	traffic.sound += call->failing == SOUND;
	if (call->failing == SOUND)
		traffic.first = traffic.first ?: call->begun;
	if (is_look(call))
		traffic.look = traffic.look ?: call->begun;
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

/* Nobody here asks for a certificate. */
int http_set_identity(
	struct http *http, const char *certificate_file, const char *key_file, struct error *err)
{
	return 0;
}

bool http_never_sent(const struct error *err)
{
	return err->code == CURLE_COULDNT_CONNECT;
}
