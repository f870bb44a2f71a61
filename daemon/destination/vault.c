/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Vault and OpenBao, key/value engine of version 2.  A look asks once what the mount is, then reads
 * the metadata of each secret, side by side, and never the data.  A put is at one step:
 *	DESCRIBE	which version is current, and is it the one that was looked at?
 *	INTEND		the metadata say that a write of the next version begins
 *	WRITE		the version is written with check-and-set
 *	RETREAT		it is known not to have been: the metadata say so no more
 *	MARK		the metadata say whose the new version is
 * What is under way is in operation; the body, a secret itself, lives until it is sent.  Killed
 * between INTEND and MARK, what is there is told by the intent (vault_judge.h) and written again.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "daemon/destination/inspect.h"
#include "daemon/destination/kind.h"
#include "daemon/destination/secret_body.h"
#include "daemon/destination/tags.h"
#include "daemon/destination/vault_clients.h"
#include "daemon/destination/vault_judge.h"
#include "lib/base/strv.h"
#include "lib/vault/kv.h"

/* So many secrets are looked at at a time: who gives no answer holds no more connections than that. */
#define DESCRIBED_AT_ONCE 64

static const struct desired_vault *settings_of(const struct place *place)
{
	return &place->destination->vault;
}

static char *object_id_of(const struct delivery *delivery)
{
	return mem_printf("%s/%s", settings_of(delivery->place)->mount, delivery->object);
}

/* --- looks --- */

struct vault_look;

struct vault_item {
	struct vault_look *look;
	const struct look_item *item;
	struct observed *seen;
	struct kv_operation *operation;
};

struct vault_look {
	struct destination_look base; /* first */
	struct vault *vault;
	const char *mount;
	struct vault_item *items;
	size_t count, sent, left;
	struct kv_operation *operation; /* asks what the mount is */
	sd_event_source *defer; /* ends it in the loop's next turn with: */
	struct error failure;
	struct observed *seen;
	destination_look_fn done;
	void *userdata;
};

static void vault_look_free(struct vault_look *look)
{
	kv_cancel(look->operation);
	sd_event_source_disable_unref(look->defer);
	error_done(&look->failure);
	free(look->items);
	free(look);
}

/* Nothing can be looked at. */
static void look_fail(struct vault_look *look, const struct error *err)
{
	seen_free(look->seen, look->count);
	look->done(look->userdata, NULL, err);
	vault_look_free(look);
}

static void send_some(struct vault_look *look);

static void on_described(void *userdata, const struct kv_description *description, const struct error *err)
{
	struct vault_item *item = userdata;
	struct vault_look *look = item->look;

	item->operation = NULL;
	if (err && err->kind != ERROR_ABSENT) {
		error_copy(&item->seen->error, err); /* the state stays UNKNOWN */
	} else if (err || description->current == 0) {
		item->seen->state = OBSERVED_ABSENT;
	} else {
		item->seen->object_id = object_id_of(item->item->delivery);
		vault_judge(item->item, description, item->seen);
	}
	if (--look->left > 0) {
		send_some(look);
		return;
	}
	look->done(look->userdata, look->seen, NULL);
	vault_look_free(look);
}

static void send_some(struct vault_look *look)
{
	while (look->sent < look->count && look->sent + look->left < look->count + DESCRIBED_AT_ONCE) {
		struct vault_item *item = &look->items[look->sent++];

		item->operation = kv_describe(
			look->vault, look->mount, item->item->delivery->object, on_described, item);
	}
}

static void on_mount(void *userdata, uint64_t version, const struct error *err)
{
	struct vault_look *look = userdata;

	look->operation = NULL;
	if (err)
		look_fail(look, err);
	else
		send_some(look);
}

static int on_look_failed(sd_event_source *source, void *userdata)
{
	struct vault_look *look = userdata;

	look_fail(look, &look->failure);
	return 0;
}

static struct destination_look *vault_look(const struct destination_context *context, const struct look_item *items,
	size_t count, struct destination_keep *keep, usec_t now, destination_look_fn done, void *userdata)
{
	const struct desired_vault *settings = settings_of(items[0].delivery->place);
	struct vault_look *look = mem_new(struct vault_look);

	*look = (struct vault_look){
		.mount = settings->mount,
		.items = mem_alloc(count * sizeof(struct vault_item)),
		.count = count,
		.left = count,
		.seen = mem_alloc(count * sizeof(struct observed)),
		.done = done,
		.userdata = userdata,
	};
	for (size_t i = 0; i < count; i++) {
		look->items[i] = (struct vault_item){ .look = look, .item = &items[i], .seen = &look->seen[i] };
		look->seen[i].at = now;
	}
	if (vault_clients_get(context->vaults, settings, &look->vault, &look->failure) == 0)
		look->operation = kv_mount(look->vault, look->mount, on_mount, look);
	else if (sd_event_add_defer(context->event, &look->defer, on_look_failed, look) < 0)
		mem_exhausted();
	return &look->base;
}

static void vault_look_cancel(struct destination_look *handle)
{
	struct vault_look *look = (struct vault_look *)handle;

	for (size_t i = 0; i < look->count; i++)
		kv_cancel(look->items[i].operation);
	seen_free(look->seen, look->count);
	vault_look_free(look);
}

/* --- puts --- */

struct vault_put {
	struct destination_put base; /* first */
	struct vault *vault;
	const struct delivery *delivery;
	const struct bundle *bundle;
	const struct observed *before;
	uint64_t current; /* the version that is there */
	char **custom; /* the metadata that are there */
	struct secret *body; /* NULL once it is sent */
	struct error error; /* that ends it: after RETREAT, or in the loop's next turn */
	sd_event_source *defer;
	struct kv_operation *operation;
	destination_put_fn done;
	void *userdata;
};

static void vault_put_free(struct vault_put *put)
{
	sd_event_source_disable_unref(put->defer);
	kv_cancel(put->operation);
	secret_free(put->body);
	strv_free(put->custom);
	error_done(&put->error);
	free(put);
}

static const char *mount_of(const struct vault_put *put)
{
	return settings_of(put->delivery->place)->mount;
}

/* The only end but for cancelling. */
static void finish(struct vault_put *put, const struct error *err)
{
	_cleanup_(freep) char *object_id = err ? NULL : object_id_of(put->delivery);

	put->done(put->userdata, object_id, NULL, err);
	vault_put_free(put);
}

/* That somebody else wrote meanwhile is no fault of anybody's: the next look sees whose it is. */
static void finish_changed(struct vault_put *put)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;

	error_set(&err, ERROR_RETRY, 0, "somebody wrote '%s/%s' since it was checked", mount_of(put), put->delivery->object);
	finish(put, &err);
}

static void on_marked(void *userdata, uint64_t version, const struct error *err)
{
	struct vault_put *put = userdata;

	put->operation = NULL;
	finish(put, err);
}

static void on_retreated(void *userdata, uint64_t version, const struct error *err)
{
	struct vault_put *put = userdata;

	put->operation = NULL;
	if (put->error.code == VAULT_CODE_CHANGED)
		finish_changed(put);
	else
		finish(put, &put->error);
}

static void on_written(void *userdata, uint64_t version, const struct error *err)
{
	struct vault_put *put = userdata;
	_cleanup_(strv_freep) char **marks = NULL;

	put->operation = NULL;
	if (err && err->code == VAULT_CODE_AMBIGUOUS) {
		finish(put, err);
		return;
	}
	if (err) {
		error_copy(&put->error, err);
		marks = vault_retreat(put->current + 1);
	} else {
		marks = vault_marks(put->delivery, put->bundle, version, put->custom);
	}
	put->operation = kv_mark(put->vault, mount_of(put), put->delivery->object, marks,
		err ? on_retreated : on_marked, put);
}

static void on_intended(void *userdata, uint64_t version, const struct error *err)
{
	struct vault_put *put = userdata;

	put->operation = NULL;
	if (err) {
		finish(put, err);
		return;
	}
	put->operation = kv_write(
		put->vault, mount_of(put), put->delivery->object, put->current, put->body, on_written, put);
	put->body = secret_free(put->body);
}

static bool is_as_before(const struct vault_put *put, const struct kv_description *description)
{
	const char *revision = put->before->revision;
	uint64_t before = revision && put->before->state != OBSERVED_ABSENT ? strtoull(revision, NULL, 10) : 0;

	return (description ? description->current : 0) == before;
}

static void on_current(void *userdata, const struct kv_description *description, const struct error *err)
{
	struct vault_put *put = userdata;
	struct digest digest = bundle_version(put->bundle).digest;
	struct fingerprint anchor = put->before->anchor;
	_cleanup_(strv_freep) char **intent = NULL;

	put->operation = NULL;
	if (err && err->kind != ERROR_ABSENT) {
		finish(put, err);
		return;
	}
	if (!is_as_before(put, description)) {
		finish_changed(put);
		return;
	}
	put->current = description ? description->current : 0;
	put->custom = description ? strv_copy(description->custom) : NULL;
	if (put->current == 0)
		bundle_anchor(put->bundle, &anchor); /* what is there from the first version on */
	intent = vault_intent(put->delivery, &digest, &anchor, put->current + 1);
	put->operation = (description ? kv_mark : kv_begin)(
		put->vault, mount_of(put), put->delivery->object, intent, on_intended, put);
}

static int on_put_failed(sd_event_source *source, void *userdata)
{
	struct vault_put *put = userdata;

	finish(put, &put->error);
	return 0;
}

static struct destination_put *vault_put(const struct destination_context *context, const struct delivery *delivery,
	const struct bundle *bundle, const struct observed *before, destination_put_fn done, void *userdata)
{
	struct vault_put *put = mem_new(struct vault_put);

	*put = (struct vault_put){
		.delivery = delivery,
		.bundle = bundle,
		.before = before,
		.done = done,
		.userdata = userdata,
	};
	if (vault_clients_get(context->vaults, settings_of(delivery->place), &put->vault, &put->error) == 0 &&
		secret_body(delivery->place->destination, bundle, &put->body, &put->error) == 0)
		put->operation = kv_describe(put->vault, mount_of(put), delivery->object, on_current, put);
	else if (sd_event_add_defer(context->event, &put->defer, on_put_failed, put) < 0)
		mem_exhausted();
	return &put->base;
}

static void vault_put_cancel(struct destination_put *handle)
{
	vault_put_free((struct vault_put *)handle);
}

/* --- anchors --- */

struct vault_tag {
	struct destination_tag base; /* first */
	struct kv_operation *operation;
	sd_event_source *defer;
	struct error error;
	destination_tag_fn done;
	void *userdata;
};

static void vault_tag_free(struct vault_tag *tag)
{
	kv_cancel(tag->operation);
	sd_event_source_disable_unref(tag->defer);
	error_done(&tag->error);
	free(tag);
}

static void on_tagged(void *userdata, uint64_t version, const struct error *err)
{
	struct vault_tag *tag = userdata;

	tag->operation = NULL;
	tag->done(tag->userdata, err);
	vault_tag_free(tag);
}

static int on_tag_failed(sd_event_source *source, void *userdata)
{
	struct vault_tag *tag = userdata;

	on_tagged(tag, 0, &tag->error);
	return 0;
}

static struct destination_tag *vault_tag(const struct destination_context *context, const struct delivery *delivery,
	const char *object_id, const struct fingerprint *anchor, bool moves, destination_tag_fn done, void *userdata)
{
	_cleanup_(strv_freep) char **marks = tags_of_anchor(moves ? delivery : NULL, anchor);
	const struct desired_vault *settings = settings_of(delivery->place);
	struct vault_tag *tag = mem_new(struct vault_tag);
	struct vault *vault;

	*tag = (struct vault_tag){ .done = done, .userdata = userdata };
	if (vault_clients_get(context->vaults, settings, &vault, &tag->error) == 0)
		tag->operation = kv_mark(vault, settings->mount, delivery->object, marks, on_tagged, tag);
	else if (sd_event_add_defer(context->event, &tag->defer, on_tag_failed, tag) < 0)
		mem_exhausted();
	return &tag->base;
}

static void vault_tag_cancel(struct destination_tag *handle)
{
	vault_tag_free((struct vault_tag *)handle);
}

/* --- the rest --- */

/* Nobody is asked before there is a client, which the first look makes. */
static const struct pulse *pulse_of(const struct destination_context *context, const struct place *place)
{
	struct vault *vault = vault_clients_find(context->vaults, settings_of(place));

	return vault ? vault_pulse(vault) : NULL;
}

/* Can what is shown at a login be read, and is the CA file one? */
static int vault_check(const struct desired_destination *destination, struct error *err)
{
	const struct desired_vault *settings = &destination->vault;
	const char *const files[] = { settings->ca_file, settings->token_file, settings->role_id_file,
		settings->secret_id_file, settings->certificate_file, settings->key_file };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_(freep) char *path = NULL;

		if (!files[i])
			continue;
		if (vault_credential(files[i], &path, err) < 0)
			return error_wrap(err, "destination '%s'", destination->name);
		if (access(path, R_OK) < 0)
			return error_set_errno(err, errno,
				"destination '%s': certferryd cannot read '%s'; without it there is no login",
				destination->name, path);
	}
	return 0;
}

const struct kind vault_kind = {
	.look = vault_look,
	.look_cancel = vault_look_cancel,
	.pulse = pulse_of,
	.put = vault_put,
	.put_cancel = vault_put_cancel,
	.tag = vault_tag,
	.tag_cancel = vault_tag_cancel,
	.check = vault_check,
};
