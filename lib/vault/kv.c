/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/vault/kv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "lib/base/strv.h"
#include "lib/pki/secret.h"

struct kv_operation {
	struct vault *vault;
	struct vault_call *call; /* NULL: it could not begin, and */
	struct sd_event_source *defer; /* ends with: */
	struct error failure;
	char *mount, *name;
	uint64_t version; /* to be written */
	kv_done_fn done;
	kv_describe_fn describe_done; /* one of the two */
	void *userdata;
};

static struct kv_operation *operation_new(struct vault *vault, const char *mount, const char *name, void *userdata)
{
	struct kv_operation *operation = mem_new(struct kv_operation);

	*operation = (struct kv_operation){
		.vault = vault,
		.mount = mem_strdup(mount),
		.name = mem_strdup(name),
		.userdata = userdata,
	};
	return operation;
}

static void operation_free(struct kv_operation *operation)
{
	vault_call_cancel(operation->call);
	sd_event_source_disable_unref(operation->defer);
	error_done(&operation->failure);
	free(operation->mount);
	free(operation->name);
	free(operation);
}

struct kv_operation *kv_cancel(struct kv_operation *operation)
{
	if (operation)
		operation_free(operation);
	return NULL;
}

static void finish(struct kv_operation *operation, uint64_t version, const struct error *err)
{
	operation->done(operation->userdata, err ? 0 : version, err);
	operation_free(operation);
}

static int refuse_engine(const struct kv_operation *operation, const char *why, struct error *err)
{
	return error_set(err, ERROR_INVALID, VAULT_CODE_KV1,
		"mount '%s' of '%s' %s; certferry writes to a key/value engine of version 2 only, whose "
		"check-and-set keeps two writers apart: enable one (secrets enable -version=2 kv), or upgrade it (kv "
		"enable-versioning)",
		operation->mount, vault_address(operation->vault), why);
}

/* --- the mount --- */

static int judge_mount(const struct kv_operation *operation, const json_t *body, struct error *err)
{
	const json_t *data = json_object_get(body, "data");
	const char *type = json_string_value(json_object_get(data, "type")) ?: "?";
	const char *version = json_string_value(json_object_get(json_object_get(data, "options"), "version")) ?: "1";
	_cleanup_(freep) char *why = NULL;

	if (strcmp(type, "kv") != 0)
		why = mem_printf("is an engine of type '%.64s'", type);
	else if (strcmp(version, "2") != 0)
		why = mem_printf("is a key/value engine of version %.16s", version);
	return why ? refuse_engine(operation, why, err) : 0;
}

static void on_mount(void *userdata, const json_t *body, const struct error *err)
{
	struct kv_operation *operation = userdata;
	_cleanup_(error_done) struct error failure = ERROR_NULL;

	operation->call = NULL;
	if (!err && judge_mount(operation, body, &failure) < 0)
		err = &failure;
	finish(operation, 0, err);
}

struct kv_operation *kv_mount(struct vault *vault, const char *mount, kv_done_fn done, void *userdata)
{
	struct kv_operation *operation = operation_new(vault, mount, NULL, userdata);
	_cleanup_(freep) char *path = vault_path("sys/internal/ui/mounts", mount, NULL);
	_cleanup_(freep) char *what = mem_printf("look at mount '%s'", mount);

	operation->done = done;
	operation->call = vault_call_start(
		vault, &(struct vault_request){ .what = what, .method = "GET", .path = path }, on_mount, operation);
	return operation;
}

/* --- metadata --- */

static char **read_custom(const json_t *data)
{
	json_t *custom = json_object_get(data, "custom_metadata"), *value;
	const char *key;
	char **list = NULL;

	json_object_foreach(custom, key, value)
	{
		_cleanup_(freep) char *pair = json_is_string(value) ? mem_printf("%s=%s", key, json_string_value(value))
								    : NULL;

		if (pair)
			strv_append(&list, pair);
	}
	return list;
}

static void read_current(const json_t *data, struct kv_description *description)
{
	char number[24];
	const json_t *version;
	const char *created;

	snprintf(number, sizeof(number), "%" PRIu64, description->current);
	version = json_object_get(json_object_get(data, "versions"), number);
	created = json_string_value(json_object_get(version, "created_time"));
	/* A version of which nothing is told was dropped with its data. */
	description->deleted = description->current > 0 &&
			       (!version || json_is_true(json_object_get(version, "destroyed")) ||
				       json_string_length(json_object_get(version, "deletion_time")) > 0);
	if (!created || time_parse_iso(created, &description->written) < 0)
		description->written = 0;
}

static int describe(
	const struct kv_operation *operation, const json_t *body, struct kv_description *description, struct error *err)
{
	const json_t *data = json_object_get(body, "data"), *current = json_object_get(data, "current_version");

	if (!json_is_integer(current) || json_integer_value(current) < 0)
		return refuse_engine(operation, "answers without the number of a version, as one of version 1 does", err);
	description->current = (uint64_t)json_integer_value(current);
	read_current(data, description);
	return 0;
}

static void on_described(void *userdata, const json_t *body, const struct error *err)
{
	struct kv_operation *operation = userdata;
	_cleanup_(error_done) struct error failure = ERROR_NULL;
	_cleanup_(strv_freep) char **custom = NULL;
	struct kv_description description = { 0 };

	operation->call = NULL;
	if (!err && describe(operation, body, &description, &failure) < 0)
		err = &failure;
	if (!err)
		custom = read_custom(json_object_get(body, "data"));
	description.custom = custom ?: (char *const[]){ NULL };
	operation->describe_done(operation->userdata, err ? NULL : &description, err);
	operation_free(operation);
}

struct kv_operation *kv_describe(
	struct vault *vault, const char *mount, const char *name, kv_describe_fn done, void *userdata)
{
	struct kv_operation *operation = operation_new(vault, mount, name, userdata);
	_cleanup_(freep) char *path = vault_path(mount, "metadata", name, NULL);
	_cleanup_(freep) char *what = mem_printf("look at '%s/%s'", mount, name);

	operation->describe_done = done;
	operation->call = vault_call_start(
		vault, &(struct vault_request){ .what = what, .method = "GET", .path = path }, on_described, operation);
	return operation;
}

/* --- a version --- */

static void on_written(void *userdata, const json_t *body, const struct error *err)
{
	struct kv_operation *operation = userdata;
	const json_t *version = json_object_get(json_object_get(body, "data"), "version");
	_cleanup_(error_done) struct error failure = ERROR_NULL;

	operation->call = NULL;
	if (!err && (!json_is_integer(version) || (uint64_t)json_integer_value(version) != operation->version)) {
		(void)refuse_engine(operation,
			"took the write and named no version, as one of version 1 does (see what it now holds below data/)",
			&failure);
		err = &failure;
	}
	finish(operation, operation->version, err);
}

/* The whole body, in the secure heap: the numbers without a fraction, which Vault refuses. */
static int write_body(uint64_t current, const struct secret *data, struct secret **ret_body, struct error *err)
{
	char head[64];
	int r;

	snprintf(head, sizeof(head), "{\"options\":{\"cas\":%" PRIu64 "},\"data\":", current);
	r = secret_new(strlen(head) + secret_length(data) + strlen("}"), ret_body, err);
	if (r < 0)
		return r;
	(void)secret_append_string(*ret_body, head);
	(void)secret_append(*ret_body, secret_borrow(data), secret_length(data));
	(void)secret_append_string(*ret_body, "}");
	return 0;
}

static int on_failed(sd_event_source *source, void *userdata)
{
	struct kv_operation *operation = userdata;

	finish(operation, 0, &operation->failure);
	return 0;
}

struct kv_operation *kv_write(struct vault *vault, const char *mount, const char *name, uint64_t current,
	const struct secret *data, kv_done_fn done, void *userdata)
{
	struct kv_operation *operation = operation_new(vault, mount, name, userdata);
	_cleanup_(freep) char *path = vault_path(mount, "data", name, NULL);
	_cleanup_(freep) char *what = mem_printf("write version %" PRIu64 " of '%s/%s'", current + 1, mount, name);
	struct secret *body;

	operation->done = done;
	operation->version = current + 1;
	if (write_body(current, data, &body, &operation->failure) < 0) {
		if (sd_event_add_defer(vault_event(vault), &operation->defer, on_failed, operation) < 0)
			mem_exhausted();
		return operation;
	}
	operation->call = vault_call_start(vault,
		&(struct vault_request){
			.what = what,
			.method = "POST",
			.path = path,
			.secret_body = body,
			.once = true,
			.may_be_empty = true,
		},
		on_written, operation);
	return operation;
}

static void on_marked(void *userdata, const json_t *body, const struct error *err)
{
	struct kv_operation *operation = userdata;

	operation->call = NULL;
	finish(operation, 0, err);
}

static json_t *mark_body(char *const *custom)
{
	json_t *members = json_object();

	STRV_FOREACH (pair, custom) {
		const char *end = strchrnul(*pair, '=');
		_cleanup_(freep) char *key = mem_strndup(*pair, (size_t)(end - *pair));

		if (json_object_set_new(members, key, *end ? json_string(end + 1) : json_null()) < 0)
			mem_exhausted();
	}
	return json_pack("{s:o}", "custom_metadata", members);
}

static struct kv_operation *mark(struct vault *vault, const char *method, const char *mount, const char *name,
	char *const *custom, kv_done_fn done, void *userdata)
{
	struct kv_operation *operation = operation_new(vault, mount, name, userdata);
	_cleanup_(freep) char *path = vault_path(mount, "metadata", name, NULL);
	_cleanup_(freep) char *what = mem_printf("mark '%s/%s'", mount, name);
	json_t *body = mark_body(custom);

	operation->done = done;
	operation->call = vault_call_start(vault,
		&(struct vault_request){ .what = what, .method = method, .path = path, .body = body, .may_be_empty = true },
		on_marked, operation);
	json_decref(body);
	return operation;
}

struct kv_operation *kv_begin(struct vault *vault, const char *mount, const char *name, char *const *custom,
	kv_done_fn done, void *userdata)
{
	return mark(vault, "POST", mount, name, custom, done, userdata);
}

struct kv_operation *kv_mark(struct vault *vault, const char *mount, const char *name, char *const *custom,
	kv_done_fn done, void *userdata)
{
	return mark(vault, "PATCH", mount, name, custom, done, userdata);
}
