/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request until its final answer.  A call is at one step at a time:
 *	BEGIN, AGAIN	started in this turn of the loop, or waiting to try again	timer armed
 *	WAIT		for a token							waiter.vault set
 *	QUEUE		for its lane's turn						lane_waiter.lane set
 *	SENT		on the wire							http set
 * and ends in call_finish(), which is only reached from the event loop, or in vault_call_cancel().
 */
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "lib/aws/lane.h"
#include "lib/aws/retry.h"
#include "lib/base/encode.h"
#include "lib/http/http.h"
#include "lib/log/log.h"
#include "lib/os/clock.h"
#include "lib/pki/secret.h"
#include "lib/vault/client.h"
#include "lib/vault/fault.h"

/* A record of thousands of versions; what is longer is no answer to anything that is asked here. */
#define ANSWER_MAX ((size_t)1 << 20)

struct vault_call {
	struct vault *vault;
	vault_done_fn done;
	void *userdata;

	char *what, *method, *url;
	char *body;
	struct secret *secret_body; /* instead */
	bool once, may_be_empty;
	bool bare; /* it waits for no token: */
	const struct secret *bare_token; /* it has this one, or none */

	struct sd_event_source *timer;
	struct token_waiter waiter;
	struct lane_waiter lane_waiter;
	unsigned generation; /* of the token that it was last sent with */
	bool fresh; /* which had been obtained a moment before */
	struct http_call *http;
	struct retry retry;
	bool asking; /* counted by the pulse */
};

static void call_free(struct vault_call *call)
{
	if (call->asking)
		pulse_ended(&call->vault->pulse);
	sd_event_source_disable_unref(call->timer);
	token_leave(&call->waiter);
	lane_leave(&call->lane_waiter);
	http_cancel(call->http);
	secret_free(call->secret_body);
	free(call->body);
	free(call->what);
	free(call->method);
	free(call->url);
	free(call);
}

/* The only end but for cancelling. */
static void call_finish(struct vault_call *call, const json_t *json, const struct error *err)
{
	call->done(call->userdata, err ? NULL : json, err);
	call_free(call);
}

static void call_fail(struct vault_call *call, struct error *err)
{
	(void)error_wrap(err, "%s", call->what);
	call_finish(call, NULL, err);
}

static void call_ask(struct vault_call *call)
{
	if (!call->asking)
		pulse_asked(&call->vault->pulse, clock_monotonic());
	call->asking = true;
}

static void call_rest(struct vault_call *call)
{
	if (call->asking)
		pulse_ended(&call->vault->pulse);
	call->asking = false;
}

static void call_arm(struct vault_call *call, usec_t delay)
{
	call_rest(call);
	if (sd_event_source_set_time(call->timer, usec_add(clock_monotonic(), delay)) < 0 ||
		sd_event_source_set_enabled(call->timer, SD_EVENT_ONESHOT) < 0)
		mem_exhausted();
}

/* Sends again after a failure of ${class}, if that is worth it; ${hint} is the server's, or 0. */
static bool call_again(struct vault_call *call, enum fault_class class, usec_t hint)
{
	const struct retry_failure failure = {
		.class = class,
		.chance = (unsigned)random_below(1000),
		.hint = hint,
	};
	usec_t delay;

	if (class == FAULT_EXPIRED && call->bare)
		return false;
	if (class == FAULT_THROTTLE)
		lane_throttled(call->vault->lane, MIN(hint, RETRY_HINT_MAX));
	if (!retry_next(&call->retry, lane_tokens(call->vault->lane), &failure, &delay))
		return false;
	if (class == FAULT_EXPIRED)
		token_expire(call->vault, call->generation);
	call_arm(call, delay);
	return true;
}

/* Nothing can be said of a request that must not be sent twice and may have been carried out. */
static void call_mark(struct error *err)
{
	err->kind = ERROR_RETRY;
	err->code = VAULT_CODE_AMBIGUOUS;
}

static void call_succeeded(struct vault_call *call, const struct http_response *response)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	json_t *json = response->body_length == 0 && call->may_be_empty
			       ? json_object()
			       : json_loadb(response->body, response->body_length, JSON_REJECT_DUPLICATES, NULL);

	retry_succeeded(&call->retry, lane_tokens(call->vault->lane));
	lane_succeeded(call->vault->lane);
	if (json_is_object(json)) {
		call_finish(call, json, NULL);
	} else {
		(void)error_set(&err, ERROR_RETRY, (int)response->status,
			"'%s' answered %ld and nothing that is Vault's; is a proxy answering instead?",
			call->vault->own.address, response->status);
		if (call->once)
			call_mark(&err);
		call_fail(call, &err);
	}
	json_decref(json);
}

static void call_refused(struct vault_call *call, const struct http_response *response)
{
	const struct vault_answer answer = {
		.address = call->vault->own.address,
		.login = call->bare && !call->bare_token,
		.fresh = call->fresh,
		.status = response->status,
		.body = response->body,
		.length = response->body_length,
		.location = http_response_header(response, "Location"),
	};
	usec_t hint = retry_hint(response->status, NULL, http_response_header(response, "Retry-After"));
	_cleanup_(vault_fault_done) struct vault_fault fault = { 0 };
	_cleanup_(error_done) struct error err = ERROR_NULL;
	bool ambiguous;

	vault_fault_read(&answer, &fault);
	log_debug("%s: %s, status %ld", call->what, vault_trouble_name(fault.trouble), response->status);
	ambiguous = call->once && fault.class == FAULT_TRANSIENT;
	if (!ambiguous && call_again(call, fault.class, hint))
		return;
	(void)error_set(&err, fault.kind, fault.code, "%s", fault.text);
	if (ambiguous)
		call_mark(&err);
	call_fail(call, &err);
}

static void call_unreachable(struct vault_call *call, const struct error *failure)
{
	bool ambiguous = call->once && !http_never_sent(failure);
	_cleanup_(error_done) struct error err = ERROR_NULL;

	log_debug("%s: no answer: %s", call->what, failure->text);
	if (failure->kind == ERROR_RETRY && !ambiguous && call_again(call, FAULT_TRANSIENT, 0))
		return;
	error_copy(&err, failure);
	if (ambiguous)
		call_mark(&err);
	call_fail(call, &err);
}

static void call_note_answer(struct vault *vault)
{
	if (pulse_heard(&vault->pulse, clock_monotonic()) && vault->heard_callback)
		vault->heard_callback(vault->heard_userdata);
}

static void on_response(void *userdata, const struct http_response *response, const struct error *err)
{
	struct vault_call *call = userdata;

	call->http = NULL;
	if (err)
		pulse_lost(&call->vault->pulse);
	else
		call_note_answer(call->vault);
	if (err)
		call_unreachable(call, err);
	else if (response->status == 200 || response->status == 204)
		call_succeeded(call, response);
	else
		call_refused(call, response);
}

/* The header with the token, in the secure heap; NULL without one. */
static int token_line(const struct secret *token, struct secret **ret_line, struct error *err)
{
	static const char name[] = "X-Vault-Token: ";
	int r;

	if (!token)
		return 0;
	r = secret_new(sizeof(name) + secret_length(token), ret_line, err);
	if (r < 0)
		return r;
	(void)secret_append_string(*ret_line, name);
	(void)secret_append(*ret_line, secret_borrow(token), secret_length(token));
	return 0;
}

static const char *content_type(const struct vault_call *call)
{
	return strcmp(call->method, "PATCH") == 0 ? "Content-Type: application/merge-patch+json"
						  : "Content-Type: application/json";
}

/*
 * X-Vault-Request is what listeners that ask for it want (require_request_header); a caching proxy
 * answers a login that it has seen with the token that it has, also when that was revoked: each login
 * differs.
 */
static void call_send(struct vault_call *call)
{
	const struct secret *token = call->bare ? call->bare_token : call->vault->token;
	_cleanup_(secret_freep) struct secret *line = NULL;
	_cleanup_(error_done) struct error err = ERROR_NULL;
	char nonce[80], *headers[6], **next = headers;

	if (token_line(token, &line, &err) < 0) {
		call_fail(call, &err);
		return;
	}
	call->generation = call->vault->generation;
	call->fresh = token_is_fresh(call->vault);
	snprintf(nonce, sizeof(nonce), "X-Certferry-Login: %016llx%016llx", (unsigned long long)random_below(UINT64_MAX),
		(unsigned long long)clock_monotonic());
	*next++ = (char *)"X-Vault-Request: true";
	*next++ = (char *)"User-Agent: certferry/" CERTFERRY_VERSION;
	*next++ = line ? (char *)secret_borrow(line) : nonce;
	if (call->body || call->secret_body)
		*next++ = (char *)content_type(call);
	*next = NULL;
	call_ask(call);
	call->http = http_start(call->vault->http,
		&(struct http_request){
			.method = call->method,
			.url = call->url,
			.headers = headers,
			.body = call->body,
			.body_length = call->body ? strlen(call->body) : 0,
			.lent_body = call->secret_body,
			.once = call->once,
			.response_limit = ANSWER_MAX,
		},
		on_response, call);
}

/* The next step, whichever it is.  Only from the event loop.  ${admitted}: its turn in the lane has come. */
static void call_proceed(struct vault_call *call, bool admitted)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	int r = call->bare ? 1 : token_check(call->vault, &err);

	if (r < 0) {
		call_fail(call, &err);
	} else if (r == 0) {
		call_ask(call);
		token_wait(call->vault, &call->waiter);
	} else if (admitted || lane_enter(call->vault->lane, &call->lane_waiter)) {
		call_send(call);
	} else {
		call_rest(call);
	}
}

static int on_timer(sd_event_source *source, uint64_t now, void *userdata)
{
	call_proceed(userdata, false);
	return 0;
}

static void on_turn(void *userdata)
{
	call_proceed(userdata, true);
}

static void on_token(void *userdata, const struct error *err)
{
	struct vault_call *call = userdata;
	_cleanup_(error_done) struct error failure = ERROR_NULL;

	if (!err) {
		call_proceed(call, false);
		return;
	}
	error_copy(&failure, err);
	call_fail(call, &failure);
}

static char *body_text(const json_t *body)
{
	char *text = json_dumps(body, JSON_COMPACT), *copy;
	json_free_t json_free;

	if (!text)
		mem_exhausted();
	copy = mem_strdup(text);
	json_get_alloc_funcs(NULL, &json_free);
	json_free(text);
	return copy;
}

static struct vault_call *call_new(
	struct vault *vault, const struct vault_request *request, vault_done_fn done, void *userdata)
{
	struct vault_call *call = mem_new(struct vault_call);

	*call = (struct vault_call){
		.vault = vault,
		.done = done,
		.userdata = userdata,
		.what = mem_strdup(request->what),
		.method = mem_strdup(request->method),
		.url = mem_printf("%s/v1/%s%s", vault->own.address, vault->own.namespace, request->path),
		.body = request->body ? body_text(request->body) : NULL,
		.secret_body = request->secret_body,
		.once = request->once,
		.may_be_empty = request->may_be_empty,
		.waiter = { .wake = on_token, .userdata = call },
		.lane_waiter = { .go = on_turn, .userdata = call },
	};
	if (sd_event_add_time(vault->event, &call->timer, CLOCK_MONOTONIC, 0, 1, on_timer, call) < 0)
		mem_exhausted();
	(void)sd_event_source_set_description(call->timer, "vault-call");
	return call;
}

struct vault_call *vault_call_start(
	struct vault *vault, const struct vault_request *request, vault_done_fn done, void *userdata)
{
	return call_new(vault, request, done, userdata);
}

struct vault_call *call_start_bare(struct vault *vault, const struct vault_request *request, const struct secret *token,
	vault_done_fn done, void *userdata)
{
	struct vault_call *call = call_new(vault, request, done, userdata);

	call->bare = true;
	call->bare_token = token;
	return call;
}

struct vault_call *vault_call_cancel(struct vault_call *call)
{
	if (call)
		call_free(call);
	return NULL;
}
