/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Secrets Manager.  A look describes each secret, side by side, and reads no value but for the names
 * of the fields where others wrote the current version: one of them at a time.  A put is at one step:
 *	TAG	it is marked as ours				once, with adopt: true, or where it is marked as
 *								that of another source certificate
 *	WRITE	it is created, given a version, or its label moved
 * What is under way is in operation; the body, a secret itself, lives until it is sent.
 */

#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "daemon/destination/inspect.h"
#include "daemon/destination/kind.h"
#include "daemon/destination/secret_body.h"
#include "daemon/destination/secret_foreign.h"
#include "daemon/destination/secret_judge.h"
#include "daemon/destination/tags.h"
#include "lib/aws/secretsmanager.h"
#include "lib/base/strv.h"

/* So many secrets are described at a time: who gives no answer holds no more connections than that. */
#define DESCRIBED_AT_ONCE 64

struct secret_look;

struct secret_item {
	struct secret_look *look;
	const struct look_item *item;
	struct observed *seen;
	struct sm_operation *operation;
	struct secret_item *next; /* of those that are unread */
};

struct secret_look {
	struct destination_look base; /* first */
	struct secret_item *items;
	size_t count;
	size_t sent, left;
	struct secret_item *unread; /* those whose value is still to be read */
	bool reading; /* the value of one is being read */
	struct aws_session *session;
	struct observed *seen;
	destination_look_fn done;
	void *userdata;
};

struct secret_put {
	struct destination_put base; /* first */
	const struct delivery *delivery;
	const struct observed *before;
	struct fingerprint anchor; /* of what is written */
	struct aws_session *session;
	char token[SECRET_TOKEN_SIZE];
	struct secret *body; /* NULL: a label is moved */
	struct error error; /* that ends it in the loop's next turn */
	sd_event_source *defer;
	struct sm_operation *operation;
	destination_put_fn done;
	void *userdata;
};

static void secret_look_free(struct secret_look *look)
{
	free(look->items);
	free(look);
}

static void send_some(struct secret_look *look);

/* One of them has been seen. */
static void item_ended(struct secret_item *item)
{
	struct secret_look *look = item->look;

	if (--look->left > 0) {
		send_some(look);
		return;
	}
	look->done(look->userdata, look->seen, NULL);
	secret_look_free(look);
}

static void on_value(void *userdata, const struct sm_value *value, const struct error *err);

/* Answers with values are long, and the room for a host's answers is for all accounts of its region. */
static void read_one(struct secret_look *look)
{
	struct secret_item *item = look->unread;

	if (look->reading || !item)
		return;
	look->unread = item->next;
	look->reading = true;
	item->operation = sm_get(look->session, place_aws(item->item->delivery->place)->region,
		item->seen->object_id, item->seen->revision, on_value, item);
}

static void on_value(void *userdata, const struct sm_value *value, const struct error *err)
{
	struct secret_item *item = userdata;

	item->operation = NULL;
	item->look->reading = false;
	secret_foreign_fields(item->item, value, err, item->seen);
	read_one(item->look);
	item_ended(item);
}

static void on_described(
	void *userdata, const struct sm_description *description, const struct error *err)
{
	struct secret_item *item = userdata;
	struct secret_look *look = item->look;

	item->operation = NULL;
	if (!err && secret_judge(item->item, description, item->seen)) {
		item->next = look->unread;
		look->unread = item;
		read_one(look);
		return;
	}
	if (err && err->kind == ERROR_ABSENT)
		item->seen->state = OBSERVED_ABSENT;
	else if (err)
		error_copy(&item->seen->error, err); /* the state stays UNKNOWN */
	item_ended(item);
}

static void send_some(struct secret_look *look)
{
	while (look->sent < look->count && look->sent + look->left < look->count + DESCRIBED_AT_ONCE) {
		struct secret_item *item = &look->items[look->sent++];
		const struct delivery *delivery = item->item->delivery;

		item->operation = sm_describe(
			look->session, place_aws(delivery->place)->region, delivery->object, on_described, item);
	}
}

static struct destination_look *secret_look(const struct destination_context *context, const struct look_item *items,
	size_t count, struct destination_keep *keep, usec_t now, destination_look_fn done, void *userdata)
{
	struct secret_look *look = mem_new(struct secret_look);

	*look = (struct secret_look){
		.items = mem_alloc(count * sizeof(struct secret_item)),
		.count = count,
		.left = count,
		.session = place_session(context, items[0].delivery->place),
		.seen = mem_alloc(count * sizeof(struct observed)),
		.done = done,
		.userdata = userdata,
	};
	for (size_t i = 0; i < count; i++) {
		look->items[i] = (struct secret_item){
			.look = look, .item = &items[i], .seen = &look->seen[i]
		};
		look->seen[i].at = now;
	}
	send_some(look);
	return &look->base;
}

static void secret_look_cancel(struct destination_look *handle)
{
	struct secret_look *look = (struct secret_look *)handle;

	for (size_t i = 0; i < look->count; i++)
		sm_cancel(look->items[i].operation);
	seen_free(look->seen, look->count);
	secret_look_free(look);
}

static void secret_put_free(struct secret_put *put)
{
	sd_event_source_disable_unref(put->defer);
	sm_cancel(put->operation);
	secret_free(put->body);
	error_done(&put->error);
	free(put);
}

/* The only end. */
static void finish(struct secret_put *put, const char *arn, const struct error *err)
{
	put->done(put->userdata, arn, NULL, err);
	secret_put_free(put);
}

static void on_written(void *userdata, const char *arn, const struct error *err)
{
	struct secret_put *put = userdata;

	put->operation = NULL;
	finish(put, err ? NULL : arn ?: put->before->object_id, err);
}

/* A name that was taken since the look is no fault of anybody's: the next look sees whose it is. */
static void on_created(void *userdata, const char *arn, const struct error *err)
{
	_cleanup_(error_done) struct error taken = ERROR_NULL;

	if (err && err->kind == ERROR_CONFLICT) {
		error_set(&taken, ERROR_RETRY, err->code, "somebody created the secret since it was checked: %s",
			err->text);
		err = &taken;
	}
	on_written(userdata, arn, err);
}

static void create(struct secret_put *put)
{
	const struct delivery *delivery = put->delivery;
	_cleanup_(strv_freep) char **tags = tags_of(delivery, &put->anchor);
	_cleanup_(freep) char *description = mem_printf(
		"TLS certificate '%s', kept by certferry", delivery->certificate);
	struct sm_write write = {
		.secret_id = delivery->object,
		.token = put->token,
		.value = put->body,
		.description = description,
		.kms_key = delivery->kms_key,
		.tags = tags,
	};

	put->operation = sm_create(put->session, place_aws(delivery->place)->region, &write, on_created, put);
}

static void write_version(struct secret_put *put)
{
	struct sm_write write = {
		.secret_id = put->before->object_id,
		.token = put->token,
		.value = put->body,
	};

	put->operation = sm_put(
		put->session, place_aws(put->delivery->place)->region, &write, on_written, put);
}

static void start_write(struct secret_put *put)
{
	const struct observed *before = put->before;

	if (before->state == OBSERVED_DEMOTED)
		put->operation = sm_promote(put->session, place_aws(put->delivery->place)->region,
			before->object_id, before->revision, put->token, on_written, put);
	else if (before->state == OBSERVED_ABSENT)
		create(put);
	else
		write_version(put);
	put->body = secret_free(put->body);
}

static void on_tagged(void *userdata, const char *arn, const struct error *err)
{
	struct secret_put *put = userdata;

	put->operation = NULL;
	if (err)
		finish(put, NULL, err);
	else
		start_write(put);
}

static int on_failed(sd_event_source *source, void *userdata)
{
	struct secret_put *put = userdata;

	finish(put, NULL, &put->error);
	return 0;
}

static void start_put(struct secret_put *put)
{
	_cleanup_(strv_freep) char **tags = NULL;

	if (put->before->state == OBSERVED_ABSENT || put->before->own ||
		(put->delivery->wish->adopt != ADOPT_YES && !put->before->former)) {
		start_write(put);
		return;
	}
	tags = tags_of(put->delivery, &put->before->anchor);
	put->operation = sm_tag(put->session, place_aws(put->delivery->place)->region, put->before->object_id,
		tags, on_tagged, put);
}

static struct destination_put *secret_put(const struct destination_context *context, const struct delivery *delivery,
	const struct bundle *bundle, const struct observed *before, destination_put_fn done,
	void *userdata)
{
	const struct desired_destination *destination = delivery->place->destination;
	struct version version = bundle_version(bundle);
	struct secret_put *put = mem_new(struct secret_put);
	int r = 0;

	*put = (struct secret_put){
		.delivery = delivery,
		.before = before,
		.session = place_session(context, delivery->place),
		.done = done,
		.userdata = userdata,
	};
	bundle_anchor(bundle, &put->anchor);
	secret_token(destination, delivery->object, &version, put->token);
	if (before->state != OBSERVED_DEMOTED)
		r = secret_body(destination, bundle, &put->body, &put->error);
	if (r == 0)
		start_put(put);
	else if (sd_event_add_defer(context->event, &put->defer, on_failed, put) < 0)
		mem_exhausted();
	return &put->base;
}

static void secret_put_cancel(struct destination_put *handle)
{
	secret_put_free((struct secret_put *)handle);
}

struct secret_tag {
	struct destination_tag base; /* first */
	struct sm_operation *operation;
	destination_tag_fn done;
	void *userdata;
};

static void on_anchor_tagged(void *userdata, const char *arn, const struct error *err)
{
	_cleanup_(freep) struct secret_tag *tag = userdata;

	tag->operation = NULL;
	tag->done(tag->userdata, err);
}

static struct destination_tag *secret_tag(const struct destination_context *context,
	const struct delivery *delivery, const char *object_id, const struct fingerprint *anchor,
	bool moves, destination_tag_fn done, void *userdata)
{
	_cleanup_(strv_freep) char **tags = tags_of_anchor(moves ? delivery : NULL, anchor);
	struct secret_tag *tag = mem_new(struct secret_tag);

	*tag = (struct secret_tag){ .done = done, .userdata = userdata };
	tag->operation = sm_tag(place_session(context, delivery->place), place_aws(delivery->place)->region, object_id,
		tags, on_anchor_tagged, tag);
	return &tag->base;
}

static void secret_tag_cancel(struct destination_tag *handle)
{
	struct secret_tag *tag = (struct secret_tag *)handle;

	sm_cancel(tag->operation);
	free(tag);
}

static const struct pulse *secret_pulse(const struct destination_context *context, const struct place *place)
{
	return aws_pulse(place_session(context, place), AWS_SECRETSMANAGER, place_aws(place)->region);
}

struct secret_inspect {
	struct destination_inspect base; /* first */
	struct sm_operation *operation;
};

static void on_inspected(
	void *userdata, const struct sm_description *description, const struct error *err)
{
	_cleanup_(freep) struct secret_inspect *inspect = userdata;
	const struct inspected seen = { .gone = description && description->deleted };

	inspect_ended(&inspect->base, &seen, err);
}

static struct destination_inspect *secret_inspect(
	const struct destination_context *context, const struct place *place, const char *object_id)
{
	struct secret_inspect *inspect = mem_new(struct secret_inspect);

	inspect->operation = sm_describe(place_session(context, place), place_aws(place)->region,
		object_id, on_inspected, inspect);
	return &inspect->base;
}

static void secret_inspect_cancel(struct destination_inspect *handle)
{
	struct secret_inspect *inspect = (struct secret_inspect *)handle;

	sm_cancel(inspect->operation);
	free(inspect);
}

static int secret_accepts(const struct delivery *delivery, const struct bundle *bundle,
	const struct certificate *in_place, struct error *err)
{
	return secret_body_accepts(secret_body_length(delivery->place->destination, bundle), err);
}

const struct kind secretsmanager_kind = {
	.look = secret_look,
	.pulse = secret_pulse,
	.look_cancel = secret_look_cancel,
	.put = secret_put,
	.put_cancel = secret_put_cancel,
	.tag = secret_tag,
	.tag_cancel = secret_tag_cancel,
	.inspect = secret_inspect,
	.inspect_cancel = secret_inspect_cancel,
	.tag_action = "secretsmanager:TagResource",
	.tag_policy = "destination-secretsmanager.json",
	.accepts = secret_accepts,
};
