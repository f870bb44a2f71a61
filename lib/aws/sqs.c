/* SPDX-License-Identifier: Apache-2.0 */

/* Every operation is one request: a struct operation with the callback of its kind. */

#include "lib/aws/sqs.h"

#include <assert.h>
#include <stdlib.h>

#include "lib/aws/operation.h"
#include "lib/aws/sqs_page.h"
#include "lib/aws/sqs_wire.h"

struct sqs_operation {
	struct operation operation;
	void *userdata;
	sqs_receive_fn on_received;
	sqs_delete_fn on_deleted;
	struct sqs_page *page; /* receiving; otherwise NULL */
};

struct sqs_operation *sqs_cancel(struct sqs_operation *o)
{
	if (!o)
		return NULL;
	operation_done(&o->operation);
	if (o->page)
		sqs_page_done(o->page);
	free(o->page);
	free(o);
	return NULL;
}

DEFINE_CLEANUP(struct sqs_operation *, sqs_cancel);

static struct sqs_operation *sqs_new(
	struct aws_session *session, const char *name, operation_fn on_answer, void *userdata)
{
	struct sqs_operation *o = mem_new(struct sqs_operation);

	o->operation = (struct operation){
		.session = session,
		.service = AWS_SQS,
		.name = name,
		.on_answer = on_answer,
	};
	o->userdata = userdata;
	return o;
}

static void on_receive_failed(struct operation *operation, const json_t *answer, const struct error *err)
{
	_cleanup_(sqs_cancelp) struct sqs_operation *o = (struct sqs_operation *)operation;

	o->on_received(o->userdata, NULL, 0, err);
}

static void on_receive(struct operation *operation)
{
	_cleanup_(sqs_cancelp) struct sqs_operation *o = (struct sqs_operation *)operation;
	_cleanup_(error_done) struct error problem = ERROR_NULL;
	struct sqs_message messages[SQS_BATCH_MAX];
	size_t count = 0;
	int r;

	r = sqs_page_messages(o->page, messages, &count, &problem);
	if (r < 0)
		error_wrap(&problem, "%s", operation->name);
	o->on_received(o->userdata, r < 0 ? NULL : messages, count, r < 0 ? &problem : NULL);
}

struct sqs_operation *sqs_receive(struct aws_session *session, const char *region,
	const struct sqs_receive *request, sqs_receive_fn on_done, void *userdata)
{
	struct sqs_operation *o = sqs_new(session, "ReceiveMessage", on_receive_failed, userdata);

	assert(request->limit >= 1 && request->limit <= SQS_BATCH_MAX);
	o->on_received = on_done;
	o->page = mem_new(struct sqs_page);
	sqs_page_init(o->page, request->body_limit);
	o->operation.page = &o->page->page;
	o->operation.on_page = on_receive;
	o->operation.long_poll = true;
	o->operation.response_limit = SQS_ANSWER_LIMIT;
	operation_ask(&o->operation, region, sqs_receive_body(request));
	return o;
}

static void on_delete(struct operation *operation, const json_t *answer, const struct error *err)
{
	_cleanup_(sqs_cancelp) struct sqs_operation *o = (struct sqs_operation *)operation;
	_cleanup_(error_done) struct error problem = ERROR_NULL;
	_cleanup_(freep) char *why = NULL;
	size_t failed = 0;

	if (!err && sqs_parse_failed(answer, &failed, &why, &problem) < 0) {
		error_wrap(&problem, "%s", operation->name);
		err = &problem;
	}
	o->on_deleted(o->userdata, failed, why ?: "", err);
}

struct sqs_operation *sqs_delete(struct aws_session *session, const char *region,
	const char *queue_url, const char *const *receipts, size_t count, sqs_delete_fn on_done,
	void *userdata)
{
	struct sqs_operation *o = sqs_new(session, "DeleteMessageBatch", on_delete, userdata);

	assert(count >= 1 && count <= SQS_BATCH_MAX);
	o->on_deleted = on_done;
	operation_ask(&o->operation, region, sqs_delete_body(queue_url, receipts, count));
	return o;
}
