/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request until its final answer.  A call is at one step at a time:
 *	BEGIN	 started in this turn of the loop	in aws->begun
 *	AGAIN	 waiting to try again			timer armed
 *	WAIT	 for credentials			session_waiter.session set
 *	QUEUE	 for its lane's turn			lane_waiter.lane set
 *	SENT	 on the wire				http set
 * and ends in call_finish(), which is only reached from the event loop, or in aws_call_cancel().
 */
#include "lib/aws/call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "lib/aws/client.h"
#include "lib/aws/clock.h"
#include "lib/aws/endpoint.h"
#include "lib/aws/fault.h"
#include "lib/aws/headers.h"
#include "lib/aws/lane.h"
#include "lib/aws/page.h"
#include "lib/aws/retry.h"
#include "lib/aws/session.h"
#include "lib/aws/sigv4.h"
#include "lib/base/strv.h"
#include "lib/http/http.h"
#include "lib/http/url.h"
#include "lib/log/log.h"
#include "lib/os/clock.h"
#include "lib/pki/secret.h"

#define NO_JSON "response is not JSON; is a proxy answering instead of AWS?"

struct aws_call {
	struct aws_session *session;
	aws_done_fn done;
	call_form_fn form_done; /* one of the two */
	void *userdata;

	enum aws_service service;
	char *operation, *region;
	char *body;
	struct secret *secret_body; /* instead */
	const char *secret_name;
	struct page *page; /* borrowed; reads the answer, or NULL */
	bool unreadable; /* which broke off because of what it was given */
	char body_hash[SIGV4_HASH_SIZE];
	size_t response_limit;
	bool may_be_empty, once;
	bool long_poll;

	TAILQ_ENTRY(aws_call) link; /* in aws->begun */
	bool begun;
	unsigned turn; /* aws->turn when it did */
	sd_event_source *timer; /* NULL until it has to wait */
	struct session_waiter session_waiter;
	struct lane_waiter lane_waiter;
	struct lane *lane;
	bool granted; /* credentials have come that it waited for; until it fails */
	unsigned generation; /* of the credentials that it was last sent with */
	struct http_call *http;
	struct retry retry;
	struct pulse *pulse; /* of who is asked; NULL: long poll */
	bool asking; /* counted there */
};

static void call_proceed(struct aws_call *call, bool admitted);

/* From now on an answer is owed. */
static void call_ask(struct aws_call *call)
{
	if (call->asking || call->long_poll)
		return;
	if (!call->pulse)
		call->pulse = session_pulse(call->session, call->service, call->region);
	call->asking = true;
	pulse_asked(call->pulse, clock_monotonic());
}

/* What it waits for now is no answer. */
static void call_rest(struct aws_call *call)
{
	if (call->asking)
		pulse_ended(call->pulse);
	call->asking = false;
}

static void call_free(struct aws_call *call)
{
	call_rest(call);
	if (call->begun)
		TAILQ_REMOVE(&call->session->aws->begun, call, link);
	sd_event_source_disable_unref(call->timer);
	session_leave(&call->session_waiter);
	lane_leave(&call->lane_waiter);
	http_cancel(call->http);
	secret_free(call->secret_body);
	free(call->operation);
	free(call->region);
	free(call->body);
	free(call);
}

/* The only end but for cancelling.  ${err} or else ${json} or ${body}. */
static void call_finish(struct aws_call *call, const json_t *json, const char *body, size_t length,
	const struct error *err)
{
	if (call->done)
		call->done(call->userdata, err ? NULL : json, err);
	else
		call->form_done(call->userdata, err ? NULL : body, err ? 0 : length, err);
	call_free(call);
}

static void call_fail(struct aws_call *call, const struct error *err)
{
	call_finish(call, NULL, NULL, 0, err);
}

static int on_timer(sd_event_source *source, uint64_t now, void *userdata)
{
	call_proceed(userdata, false);
	return 0;
}

static void call_arm(struct aws_call *call, usec_t delay)
{
	usec_t time = usec_add(clock_monotonic(), delay);

	call_rest(call);
	if (!call->timer) {
		if (sd_event_add_time(call->session->aws->event, &call->timer, CLOCK_MONOTONIC, time, 1,
			    on_timer, call) < 0)
			mem_exhausted();
		(void)sd_event_source_set_description(call->timer, "aws-call");
	}
	if (sd_event_source_set_time(call->timer, time) < 0 ||
		sd_event_source_set_enabled(call->timer, SD_EVENT_ONESHOT) < 0)
		mem_exhausted();
}

/* Sends again after a failure of ${class}, if that is worth it; ${hint} is the server's, or 0. */
static bool call_again(struct aws_call *call, enum fault_class class, usec_t hint)
{
	const struct retry_failure failure = {
		.class = class,
		.attempts = call->session->attempts,
		.chance = (unsigned)random_below(1000),
		.hint = hint,
	};
	usec_t delay;

	/* Whoever polls for ever asks again by himself; only what the next request would meet as well
	 * is mended here. */
	if (call->long_poll && class != FAULT_EXPIRED && class != FAULT_SKEW)
		return false;
	if (class == FAULT_THROTTLE)
		lane_throttled(call->lane, MIN(hint, RETRY_HINT_MAX));
	if (!retry_next(&call->retry, lane_tokens(call->lane), &failure, &delay))
		return false;
	if (class == FAULT_EXPIRED)
		session_expire(call->session, call->generation);
	call->granted = false;
	call_arm(call, delay);
	return true;
}

/* Nothing can be said of a request that must not be sent twice and may have been carried out. */
static void call_mark(const struct aws_call *call, struct error *err)
{
	if (!call->once)
		return;
	err->kind = ERROR_RETRY;
	err->code = AWS_CODE_AMBIGUOUS;
}

static void call_log(
	const struct aws_call *call, const struct http_response *response, const char *fault)
{
	log_debug("%s in %s as %s: %s%sstatus %ld, %llu ms, %zu bytes, request id %s",
		call->operation, call->region, call->session->label, fault, *fault ? ", " : "",
		response->status, (unsigned long long)(response->duration / USEC_PER_MSEC),
		response->body_length,
		http_response_header(response, "X-Amzn-RequestId") ?: "none");
}

/* More values than any answer has that is not read as a page; each costs some 200 bytes as a tree. */
#define JSON_VALUES_MAX ((size_t)20000)

/* Would the tree be out of all proportion to the text?  Counts what can begin a value, outside strings: inside
 * them anything may be written. */
static bool json_is_heavy(const char *text, size_t length)
{
	size_t values = 0;
	bool string = false;

	if (length <= JSON_VALUES_MAX)
		return false; /* nearly all are as short as that */
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '"')
			string = !string;
		else if (text[i] == '\\' && string)
			i++;
		else if (!string)
			values += text[i] == ',' || text[i] == '{' || text[i] == '[';
	}
	return values > JSON_VALUES_MAX;
}

/* The answer as a tree; NULL if it is no JSON. */
static json_t *call_parse(const struct aws_call *call, const struct http_response *response)
{
	if (response->body_length == 0 && call->may_be_empty)
		return json_object();
	if (json_is_heavy(response->body, response->body_length))
		return NULL;
	return json_loadb(response->body, response->body_length, JSON_REJECT_DUPLICATES, NULL);
}

/* A success whose body is none. */
static void call_misread(struct aws_call *call)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;

	if (!call->once && call_again(call, FAULT_TRANSIENT, 0))
		return;
	(void)error_set(&err, ERROR_RETRY, 200, "%s: " NO_JSON, call->operation);
	call_mark(call, &err);
	call_fail(call, &err);
}

static void call_succeeded(struct aws_call *call, const struct http_response *response)
{
	json_t *json = call->done && !call->page ? call_parse(call, response) : NULL;

	if (call->page ? page_end(call->page) < 0 : call->done && !json_is_object(json)) {
		json_decref(json);
		call_misread(call);
		return;
	}
	if (!call->long_poll) {
		retry_succeeded(&call->retry, lane_tokens(call->lane));
		lane_succeeded(call->lane);
	}
	call_finish(call, json, response->body, response->body_length, NULL);
	json_decref(json);
}

static void call_refused(
	struct aws_call *call, const struct http_response *response, const struct fault *fault)
{
	/* What a proxy says of an answer that it withheld is no word on what AWS has done. */
	bool unknown = fault->class == FAULT_TRANSIENT ||
		       (fault->class == FAULT_FINAL && fault->foreign);
	bool ambiguous = unknown && call->once;
	usec_t hint = retry_hint(response->status, http_response_header(response, "X-Amz-Retry-After"),
		http_response_header(response, "Retry-After"));
	_cleanup_(error_done) struct error err = ERROR_NULL;

	if (fault->class == FAULT_SKEW)
		aws_note_date(call->session, response, true);
	if (!ambiguous && call_again(call, fault->class, hint))
		return;
	(void)fault_error(fault, call->operation, &err);
	if (ambiguous)
		call_mark(call, &err);
	call_fail(call, &err);
}

static void call_unreachable(struct aws_call *call, const struct error *failure)
{
	bool ambiguous = call->once && !http_never_sent(failure);
	_cleanup_(error_done) struct error err = ERROR_NULL;

	log_debug("%s in %s as %s: no answer: %s", call->operation, call->region,
		call->session->label, failure->text);
	if (failure->kind == ERROR_RETRY && !ambiguous && call_again(call, FAULT_TRANSIENT, 0))
		return;
	error_copy(&err, failure);
	(void)error_wrap(&err, "%s", call->operation);
	if (ambiguous)
		call_mark(call, &err);
	call_fail(call, &err);
}

static void call_note_answer(struct aws_call *call)
{
	struct aws *aws = call->session->aws;

	if (pulse_heard(call->pulse, clock_monotonic()) && aws->heard_callback)
		aws->heard_callback(aws->heard_userdata);
}

static void call_answered(
	struct aws_call *call, const struct http_response *response, const struct error *err)
{
	_cleanup_(fault_done) struct fault fault = FAULT_NULL;

	call->http = NULL;
	if (call->asking && (!err || call->unreadable))
		call_note_answer(call);
	else if (call->asking)
		pulse_lost(call->pulse);
	if (err && call->unreadable) {
		call_misread(call);
		return;
	}
	if (err) {
		call_unreachable(call, err);
		return;
	}
	aws_note_date(call->session, response, false);
	if (response->status == 200) {
		call_log(call, response, "");
		call_succeeded(call, response);
		return;
	}
	fault_read(
		&(struct fault_answer){
			.operation = call->operation,
			.status = response->status,
			.error_type = http_response_header(response, "X-Amzn-ErrorType"),
			.request_id = http_response_header(response, "X-Amzn-RequestId"),
			.body = response->body,
			.body_length = response->body_length,
		},
		&fault);
	call_log(call, response, fault.name);
	call_refused(call, response, &fault);
}

/* An answer brings about the next requests as a rule: to send them only in the loop's next turn costs one. */
static void on_response(
	void *userdata, const struct http_response *response, const struct error *err)
{
	struct aws_call *call = userdata;
	struct aws *aws = call->session->aws;

	call_answered(call, response, err);
	calls_begin(aws);
}

static int call_headers(const struct aws_call *call, const struct endpoint *endpoint,
	struct headers *headers, struct error *err)
{
	const struct headers_request request = {
		.credentials = call->session->credentials,
		.service = service_find(call->service),
		.operation = call->operation,
		.region = call->region,
		.endpoint = endpoint,
		.body_hash = call->body_hash,
		.time = session_now(call->session),
	};

	return headers_make(&request, headers, err);
}

/* Private keys, the passphrases of exports and identity tokens never cross a network in the clear, whatever is
 * configured. */
static int call_check_privacy(
	const struct aws_call *call, const struct endpoint *endpoint, struct error *err)
{
	struct url url = { 0 };
	bool open;

	if (!call->secret_body || url_read(endpoint->url, &url) < 0)
		return 0; /* a bad URL is refused by whoever sends it */
	open = strcmp(url.scheme, "https") != 0 && !url.local;
	url_done(&url);
	if (!open)
		return 0;
	return error_set(err, ERROR_INVALID, 0,
		"'%s' is not https, and %s would cross the network in the clear; use an "
		"https endpoint",
		endpoint->url, call->secret_name ?: "a secret");
}

/* A piece of the answer. */
static int on_piece(void *userdata, const char *data, size_t length)
{
	struct aws_call *call = userdata;

	call->unreadable = page_read(call->page, data, length) < 0;
	return call->unreadable ? -EINVAL : 0;
}

static void call_send(struct aws_call *call)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(endpoint_done) struct endpoint endpoint = { 0 };
	_cleanup_(headers_done) struct headers headers = { 0 };
	const char *override = call->done ? call->session->endpoint_url : NULL;

	call->generation = call->session->generation;
	if (endpoint_find(&call->session->endpoints, call->service, call->region, override,
		    &endpoint, &err) < 0 ||
		call_check_privacy(call, &endpoint, &err) < 0 ||
		call_headers(call, &endpoint, &headers, &err) < 0) {
		(void)error_wrap(&err, "%s", call->operation);
		call_fail(call, &err);
		return;
	}
	call->unreadable = false;
	call_ask(call);
	if (call->page)
		page_begin(call->page);
	call->http = http_start(call->session->aws->http,
		&(struct http_request){
			.method = "POST",
			.url = endpoint.url,
			.headers = headers.list,
			.body = call->body,
			.body_length = call->body ? strlen(call->body) : 0,
			.lent_body = call->secret_body,
			.once = call->once,
			.sink = call->page ? on_piece : NULL,
			.sink_userdata = call,
			.response_limit = call->response_limit,
		},
		on_response, call);
}

static void on_credentials(void *userdata, const struct error *err)
{
	struct aws_call *call = userdata;
	_cleanup_(error_done) struct error failure = ERROR_NULL;

	if (err) {
		if (call->asking && err->kind == ERROR_RETRY)
			pulse_lost(call->pulse);
		error_copy(&failure, err);
		(void)error_wrap(&failure, "%s", call->operation);
		call_fail(call, &failure);
		return;
	}
	call->granted = true;
	call_proceed(call, false);
}

static void on_turn(void *userdata)
{
	call_proceed(userdata, true);
}

/* The next step, whichever it is.  Only from the event loop.  ${admitted}: its turn in the lane has come, which is
 * not kept while it waits for credentials: those who do would be sent all at once when these come.  Credentials that
 * have been waited for are used whatever our clock says of them, also when the turn comes later: AWS decides. */
static void call_proceed(struct aws_call *call, bool admitted)
{
	struct aws_session *session = call->session;
	_cleanup_(error_done) struct error err = ERROR_NULL;
	int r = session_check(session, &err);

	if (r == 0 && call->granted && session->credentials)
		r = 1;
	if (r < 0) {
		(void)error_wrap(&err, "%s", call->operation);
		call_fail(call, &err);
	} else if (r == 0) {
		call_ask(call);
		session_wait(session, &call->session_waiter, call->region);
	} else {
		/* Not before: the credentials may have told the account. */
		if (!call->lane)
			call->lane = lane_get(
				session->aws->lanes, session->account, call->region, call->service, call->operation);
		if (admitted || call->long_poll || lane_enter(call->lane, &call->lane_waiter))
			call_send(call);
		else
			call_rest(call);
	}
}

void calls_begin(struct aws *aws)
{
	unsigned turn = aws->turn++;
	struct aws_call *call;

	/* What begins meanwhile has its turn in the next one. */
	while ((call = TAILQ_FIRST(&aws->begun)) && call->turn == turn) {
		TAILQ_REMOVE(&aws->begun, call, link);
		call->begun = false;
		call_proceed(call, false);
	}
	if (!call && sd_event_source_set_enabled(aws->begin, SD_EVENT_OFF) < 0)
		mem_exhausted();
}

static struct aws_call *call_new(struct aws_session *session, enum aws_service service,
	const char *operation, const char *region)
{
	struct aws_call *call = mem_new(struct aws_call);

	*call = (struct aws_call){
		.session = session,
		.service = service,
		.operation = mem_strdup(operation),
		.region = mem_strdup(region ?: ""),
		.session_waiter = { .wake = on_credentials, .userdata = call },
		.lane_waiter = { .go = on_turn, .userdata = call },
	};
	call->begun = true;
	call->turn = session->aws->turn;
	TAILQ_INSERT_TAIL(&session->aws->begun, call, link);
	if (sd_event_source_set_enabled(session->aws->begin, SD_EVENT_ONESHOT) < 0)
		mem_exhausted();
	return call;
}

static void call_hash_body(struct aws_call *call)
{
	if (call->secret_body)
		sigv4_hash(secret_borrow(call->secret_body), secret_length(call->secret_body),
			call->body_hash);
	else
		sigv4_hash(call->body, strlen(call->body), call->body_hash);
}

struct aws_call *aws_call_start(struct aws_session *session, const struct aws_request *request,
	aws_done_fn done, void *userdata)
{
	struct aws_call *call = call_new(
		session, request->service, request->operation, request->region);

	call->done = done;
	call->userdata = userdata;
	call->response_limit = request->response_limit;
	call->may_be_empty = request->may_be_empty;
	call->once = request->once;
	call->page = request->page;
	call->long_poll = request->long_poll;
	call->secret_body = request->secret_body;
	call->secret_name = request->secret_name;
	if (call->secret_body) {
		/* There is no other. */
	} else if (request->body) {
		json_free_t json_free;
		char *text = json_dumps(request->body, JSON_COMPACT);

		if (!text)
			mem_exhausted();
		call->body = mem_strdup(text);
		json_get_alloc_funcs(NULL, &json_free);
		json_free(text);
	} else {
		call->body = mem_strdup("{}");
	}
	call_hash_body(call);
	return call;
}

struct aws_call *call_start_form(struct aws_session *session, const struct form_request *request,
	call_form_fn done, void *userdata)
{
	struct aws_call *call = call_new(
		session, request->service, request->operation, request->region);

	call->form_done = done;
	call->userdata = userdata;
	call->body = mem_strdup(request->form);
	call->secret_body = request->secret_form;
	call->secret_name = request->secret_name;
	call_hash_body(call);
	return call;
}

struct aws_call *aws_call_cancel(struct aws_call *call)
{
	if (call)
		call_free(call);
	return NULL;
}
