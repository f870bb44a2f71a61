/* SPDX-License-Identifier: Apache-2.0 */

/* Every operation is one request: a struct operation with the callback of its kind. */

#include "lib/aws/secretsmanager.h"

#include <stdlib.h>

#include "lib/aws/operation.h"
#include "lib/aws/secretsmanager_wire.h"

struct sm_operation {
	struct operation operation;
	void *userdata;
	sm_describe_fn on_described;
	sm_value_fn on_value;
	sm_write_fn on_written;
	char *token; /* of the version being written, or NULL */
};

struct sm_operation *sm_cancel(struct sm_operation *o)
{
	if (!o)
		return NULL;
	operation_done(&o->operation);
	free(o->token);
	free(o);
	return NULL;
}

DEFINE_CLEANUP(struct sm_operation *, sm_cancel);

static struct sm_operation *sm_new(
	struct aws_session *session, const char *name, operation_fn on_answer, void *userdata)
{
	struct sm_operation *o = mem_new(struct sm_operation);

	o->operation = (struct operation){
		.session = session,
		.service = AWS_SECRETSMANAGER,
		.name = name,
		.on_answer = on_answer,
	};
	o->userdata = userdata;
	return o;
}

static void on_describe(struct operation *operation, const json_t *answer, const struct error *err)
{
	_cleanup_(sm_cancelp) struct sm_operation *o = (struct sm_operation *)operation;
	_cleanup_(sm_described_done) struct sm_described described = { 0 };
	_cleanup_(error_done) struct error problem = ERROR_NULL;

	if (!err && sm_parse_description(answer, &described, &problem) < 0) {
		error_wrap(&problem, "%s", operation->name);
		err = &problem;
	}
	o->on_described(o->userdata, err ? NULL : &described.description, err);
}

struct sm_operation *sm_describe(struct aws_session *session, const char *region,
	const char *secret_id, sm_describe_fn on_done, void *userdata)
{
	struct sm_operation *o = sm_new(session, "DescribeSecret", on_describe, userdata);

	o->on_described = on_done;
	operation_ask(&o->operation, region, json_pack("{s:s}", "SecretId", secret_id));
	return o;
}

static void on_get(struct operation *operation, const json_t *answer, const struct error *err)
{
	_cleanup_(sm_cancelp) struct sm_operation *o = (struct sm_operation *)operation;
	_cleanup_(sm_valued_done) struct sm_valued valued = { 0 };
	_cleanup_(error_done) struct error problem = ERROR_NULL;

	if (!err && sm_parse_value(answer, &valued, &problem) < 0) {
		error_wrap(&problem, "%s", operation->name);
		err = &problem;
	}
	o->on_value(o->userdata, err ? NULL : &valued.value, err);
}

struct sm_operation *sm_get(struct aws_session *session, const char *region, const char *secret_id,
	const char *version_id, sm_value_fn on_done, void *userdata)
{
	struct sm_operation *o = sm_new(session, "GetSecretValue", on_get, userdata);

	o->on_value = on_done;
	operation_ask(&o->operation, region,
		json_pack("{s:s, s:s}", "SecretId", secret_id, "VersionId", version_id));
	return o;
}

const char *sm_value_text(const struct sm_value *value, const char *field)
{
	return json_string_value(json_object_get(value->object, field));
}

static void on_write(struct operation *operation, const json_t *answer, const struct error *err)
{
	_cleanup_(sm_cancelp) struct sm_operation *o = (struct sm_operation *)operation;
	_cleanup_(error_done) struct error problem = ERROR_NULL;
	const char *arn = NULL;

	if (!err && sm_parse_written(answer, o->token, &arn, &problem) < 0) {
		error_wrap(&problem, "%s", operation->name);
		err = &problem;
	}
	o->on_written(o->userdata, arn, err);
}

typedef int (*body_fn)(const struct sm_write *write, struct secret **ret_body, struct error *err);

static struct sm_operation *start_write(
	struct sm_operation *o, const char *region, body_fn make_body, const struct sm_write *write)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct secret *body;

	o->token = mem_strdup(write->token);
	if (make_body(write, &body, &err) < 0) {
		error_wrap(&err, "%s", o->operation.name);
		operation_fail(&o->operation, &err);
	} else {
		operation_ask_secret(&o->operation, region, body, "a private key", false);
	}
	return o;
}

struct sm_operation *sm_create(struct aws_session *session, const char *region,
	const struct sm_write *write, sm_write_fn on_done, void *userdata)
{
	struct sm_operation *o = sm_new(session, "CreateSecret", on_write, userdata);

	o->on_written = on_done;
	return start_write(o, region, sm_create_body, write);
}

struct sm_operation *sm_put(struct aws_session *session, const char *region,
	const struct sm_write *write, sm_write_fn on_done, void *userdata)
{
	struct sm_operation *o = sm_new(session, "PutSecretValue", on_write, userdata);

	o->on_written = on_done;
	return start_write(o, region, sm_put_body, write);
}

struct sm_operation *sm_promote(struct aws_session *session, const char *region,
	const char *secret_id, const char *from, const char *to, sm_write_fn on_done,
	void *userdata)
{
	struct sm_operation *o = sm_new(session, "UpdateSecretVersionStage", on_write, userdata);

	o->on_written = on_done;
	operation_ask(&o->operation, region,
		json_pack("{s:s, s:s, s:s*, s:s}", "SecretId", secret_id, "VersionStage",
			"AWSCURRENT", "RemoveFromVersionId", from, "MoveToVersionId", to));
	return o;
}

/* TagResource answers nothing. */
static void on_tag(struct operation *operation, const json_t *answer, const struct error *err)
{
	_cleanup_(sm_cancelp) struct sm_operation *o = (struct sm_operation *)operation;

	o->on_written(o->userdata, NULL, err);
}

struct sm_operation *sm_tag(struct aws_session *session, const char *region, const char *secret_id,
	char *const *tags, sm_write_fn on_done, void *userdata)
{
	struct sm_operation *o = sm_new(session, "TagResource", on_tag, userdata);

	o->on_written = on_done;
	o->operation.mute = true;
	operation_ask(&o->operation, region, sm_tag_body(secret_id, tags));
	return o;
}
