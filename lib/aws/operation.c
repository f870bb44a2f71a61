/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An operation is at one of these:
 *	ASKED	a request is under way			call != NULL
 *	ENDING	its end will be told in the next turn	deferred != NULL
 *	TOLD	its answer is being told		neither; after a page, ASKED again
 */

#include "lib/aws/operation.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <systemd/sd-event.h>

#include "lib/aws/defer.h"
#include "lib/aws/page.h"
#include "lib/aws/sigv4.h"
#include "lib/pki/secret.h"

/* A page of 1,000 certificates with 100 long names each. */
#define OPERATION_PAGE_LIMIT ((size_t)32 << 20)

static void on_call(void *userdata, const json_t *body, const struct error *err)
{
	struct operation *operation = userdata;

	operation->call = NULL;
	if (operation->page && !err)
		operation->on_page(operation);
	else
		operation->on_answer(operation, body, err);
}

static int on_deferred(struct sd_event_source *source, void *userdata)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct operation *operation = userdata;

	operation->deferred = sd_event_source_unref(operation->deferred);
	error_move(&err, &operation->error);
	operation->on_answer(operation, NULL, err.kind == ERROR_NONE ? NULL : &err);
	return 0;
}

static void end_later(struct operation *operation)
{
	assert(!operation->call && !operation->deferred);
	operation->deferred = defer(on_deferred, operation, operation->name);
}

void operation_fail(struct operation *operation, struct error *err)
{
	error_move(&operation->error, err);
	end_later(operation);
}

static void send_request(struct operation *operation, const struct aws_request *request)
{
	assert(!operation->call && !operation->deferred);
	operation->call = aws_call_start(operation->session, request, on_call, operation);
}

static void send_json(struct operation *operation, const char *region, const json_t *body)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct aws_request request = {
		.service = operation->service,
		.operation = operation->name,
		.region = region,
		.body = body,
		.page = operation->page,
		.response_limit = operation->body ? OPERATION_PAGE_LIMIT
						  : operation->response_limit,
		.long_poll = operation->long_poll,
		.may_be_empty = operation->mute,
	};

	if (body) {
		send_request(operation, &request);
		return;
	}
	error_set(&err, ERROR_INVALID, 0, "%s: the request is not UTF-8", operation->name);
	operation_fail(operation, &err);
}

void operation_ask(struct operation *operation, const char *region, json_t *body)
{
	send_json(operation, region, body);
	json_decref(body);
}

void operation_ask_secret(struct operation *operation, const char *region, struct secret *body,
	const char *name, bool once)
{
	struct aws_request request = {
		.service = operation->service,
		.operation = operation->name,
		.region = region,
		.secret_body = body,
		.secret_name = name,
		.once = once,
	};

	send_request(operation, &request);
}

void operation_list(struct operation *operation, const char *region, json_t *body)
{
	operation->region = mem_strdup(region);
	operation->body = body;
	operation->seen = json_object();
	send_json(operation, region, body);
}

int operation_next(struct operation *operation, struct error *err)
{
	const char *token = operation->page->token;
	char hash[SIGV4_HASH_SIZE]; /* tokens are as long as the other end likes */

	if (!token) {
		end_later(operation);
		return 0;
	}
	sigv4_hash(token, strlen(token), hash);
	if (json_object_get(operation->seen, hash) ||
		json_object_size(operation->seen) + 1 >= operation->page->format->pages_max)
		return error_set(err, ERROR_RETRY, 0,
			"an endless listing, given up after %zu pages",
			json_object_size(operation->seen) + 1);
	json_object_set_new(operation->seen, hash, json_true());
	json_object_set_new(operation->body, operation->page->format->token, json_string(token));
	send_json(operation, operation->region, operation->body);
	return 0;
}

void operation_done(struct operation *operation)
{
	operation->call = aws_call_cancel(operation->call);
	operation->deferred = sd_event_source_unref(operation->deferred);
	error_done(&operation->error);
	free(operation->region);
	json_decref(operation->body);
	json_decref(operation->seen);
	*operation = (struct operation){ 0 };
}
