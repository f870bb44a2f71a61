/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Files on this host.  Local and small, so they are read and written in one go; only the
 * completion is put off to the next turn of the loop, where the work is done as well: nothing runs
 * inside start.
 */

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>

#include "daemon/destination/file_check.h"
#include "daemon/destination/file_layout.h"
#include "daemon/destination/file_tree.h"
#include "daemon/destination/inspect.h"
#include "daemon/destination/kind.h"
#include "lib/base/bounded.h"
#include "lib/base/printable.h"
#include "lib/base/strv.h"
#include "lib/os/clock.h"
#include "lib/os/file.h"

struct file_look {
	struct destination_look base; /* first */
	sd_event_source *defer;
	const struct destination_context *context;
	const struct look_item *items;
	size_t count;
	usec_t now;
	destination_look_fn done;
	void *userdata;
};

struct file_put {
	struct destination_put base; /* first */
	sd_event_source *defer;
	const struct delivery *delivery;
	const struct bundle *bundle;
	const struct observed *before;
	destination_put_fn done;
	void *userdata;
};

static sd_event_source *defer(
	struct sd_event *event, sd_event_handler_t handler, void *userdata, const char *description)
{
	sd_event_source *source;

	if (sd_event_add_defer(event, &source, handler, userdata) < 0)
		mem_exhausted();
	(void)sd_event_source_set_description(source, description);
	return source;
}

static char *object_path(const struct delivery *delivery)
{
	return mem_printf("%s/%s", delivery->place->destination->directory, delivery->object);
}

/* Does its leaf lie where certferry puts it? */
static bool is_under_its_name(const struct certificate *leaf, const char *version)
{
	char name[FINGERPRINT_TEXT_SIZE];

	return strncmp(fingerprint_format(&leaf->fingerprint, name), version,
		       VERSION_NAME_SIZE - 1) == 0;
}

/*
 * The dates count even in a damaged version: nothing older is written over it.  Without a
 * digest it is never taken for the wanted one.
 */
static void describe(const struct look_item *item, const char *version,
	struct file_content *content, struct observed *seen)
{
	if (content->leaf) {
		seen->version.not_before = content->leaf->not_before;
		seen->version.not_after = content->leaf->not_after;
	}
	if (content->complete && is_under_its_name(content->leaf, version))
		seen->marked = true;
	if (content->complete) {
		seen->version.digest = digest_of_leaf(&content->leaf->fingerprint);
		certificate_list_digest(&content->chain, &seen->version.chain);
		if (!digest_equal(&seen->version.digest, &item->wanted.digest) &&
			!digest_equal(&seen->version.digest, &item->confirmed.digest))
			seen->holder = destination_holder(content->leaf);
	}
	if (item->want_pem && content->leaf) {
		seen->leaf_pem = certificate_pem(content->leaf);
		seen->chain_pem = certificate_list_pem(&content->chain);
	}
}

/* --- What is left to be done after a switch --- */

/* A delivery of its own: that of the configuration may be gone by then. */
struct retirement {
	struct desired_destination destination;
	struct place place;
	struct delivery delivery;
};

static void retirement_free(void *userdata)
{
	struct retirement *retirement = userdata;

	free(retirement->destination.directory);
	free(retirement->destination.group);
	free(retirement->delivery.object);
	free(retirement);
}

static struct retirement *retirement_new(const struct delivery *delivery)
{
	const struct desired_destination *destination = delivery->place->destination;
	struct retirement *retirement = mem_new(struct retirement);

	*retirement = (struct retirement){
		.destination = { .kind = destination->kind,
			.directory = mem_strdup(destination->directory),
			.group = mem_strdup(destination->group),
			.layout = destination->layout },
		.place = { .destination = &retirement->destination },
		.delivery = { .place = &retirement->place, .object = mem_strdup(delivery->object) },
	};
	return retirement;
}

static void retire(const struct delivery *delivery)
{
	_cleanup_(file_tree_done) struct file_tree tree = FILE_TREE_NULL;
	_cleanup_(file_shown_done) struct file_shown shown = FILE_SHOWN_NULL;
	_cleanup_(error_done) struct error ignored = ERROR_NULL;

	if (file_tree_open(delivery, FILE_TREE_MEND, &tree, &ignored) == 0 &&
		file_tree_shown(&tree, &shown, &ignored) == 0)
		file_tree_retire(&tree, &shown);
}

static int on_grace_over(sd_event_source *source, uint64_t when, void *userdata)
{
	struct retirement *retirement = userdata;

	retire(&retirement->delivery);
	/* And so it ends, and ${userdata} with it. */
	(void)sd_event_source_set_floating(source, false);
	return 0;
}

/*
 * The loop owns the timer, and whoever ends before it leaves the rest to the next run's first look.
 */
static void retire_in(struct sd_event *event, const struct delivery *delivery, usec_t wait)
{
	struct retirement *retirement = retirement_new(delivery);
	sd_event_source *timer;

	if (sd_event_add_time_relative(
		    event, &timer, CLOCK_MONOTONIC, wait, 0, on_grace_over, retirement) < 0)
		mem_exhausted();
	(void)sd_event_source_set_destroy_callback(timer, retirement_free);
	(void)sd_event_source_set_description(timer, "file-retire");
	(void)sd_event_source_set_floating(timer, true);
	sd_event_source_unref(timer);
}

/* A clock that was set back lets it wait for longer than a timer is worth. */
static void see_to_older(struct sd_event *event, const struct delivery *delivery, usec_t when)
{
	usec_t now = clock_now();

	if (when <= now)
		retire(delivery);
	else if (when - now <= FILE_TREE_GRACE)
		retire_in(event, delivery, when - now + USEC_PER_SEC / 10);
}

static int finish(const struct delivery *delivery, struct error *err)
{
	_cleanup_(file_tree_done) struct file_tree tree = FILE_TREE_NULL;
	_cleanup_(file_shown_done) struct file_shown shown = FILE_SHOWN_NULL;
	int r;

	r = file_tree_open(delivery, FILE_TREE_MEND, &tree, err);
	if (r == 0)
		r = file_tree_shown(&tree, &shown, err);
	if (r == 0)
		r = file_tree_finish(&tree, &shown, err);
	return r < 0 ? error_wrap(err, "finish the switch of '%s/%s'",
			       delivery->place->destination->directory, delivery->object)
		     : 0;
}

/*
 * A switch that was not finished is, if what it leads to is whole and no link of somebody is in the
 * way: else a put makes it anew.
 */
static int see_to_switch(const struct destination_context *context,
	const struct delivery *delivery, const struct file_shown *shown,
	struct file_content *content, struct error *err)
{
	if (shown->finished || !content->complete)
		return 0;
	if (!context->only_look && !shown->others)
		return finish(delivery, err);
	content->complete = false;
	return 0;
}

/* --- What others put there --- */

/* By what it is: of something else, it is another. */
static char *revision_of(char *const *others)
{
	_cleanup_(freep) char *text = others ? strv_join(others, "\n") : NULL;
	struct fingerprint digest;
	char hex[FINGERPRINT_TEXT_SIZE];

	if (!others)
		return NULL;
	if (!EVP_Digest(text, strlen(text), digest.bytes, NULL, EVP_sha256(), NULL))
		mem_exhausted();
	return mem_strdup(fingerprint_format(&digest, hex));
}

static bool is_wanted(const struct look_item *item, const struct version *seen)
{
	return digest_is_set(&seen->digest) &&
	       digest_equal(&seen->digest, &item->wanted.digest) &&
	       (!fingerprint_is_set(&item->wanted.chain) ||
		       fingerprint_equal(&seen->chain, &item->wanted.chain));
}

/* Nothing of it is replaced where the version wanted is there. */
static void see_others(const struct look_item *item, const struct file_tree *tree,
	const struct file_shown *shown, struct observed *seen)
{
	_cleanup_(strv_freep) char **others = NULL;
	_cleanup_(freep) char *list = NULL;

	if (!is_wanted(item, &seen->version))
		others = file_tree_others(tree, shown);
	if (!others)
		return;
	seen->revision = revision_of(others);
	if (item->revision && strcmp(item->revision, seen->revision) == 0)
		return; /* it was let go */
	list = printable(bounded_join(others, "'"));
	seen->foreign = mem_printf(
		"has what certferry did not put there: %s; a delivery replaces such links, and "
		"drops such files and additions",
		list);
}

static int check_others(
	const struct file_tree *tree, const struct observed *before, struct error *err)
{
	_cleanup_(file_shown_done) struct file_shown shown = FILE_SHOWN_NULL;
	_cleanup_(strv_freep) char **others = NULL;
	_cleanup_(freep) char *revision = NULL;
	int r;

	r = file_tree_shown(tree, &shown, err);
	if (r < 0)
		return r;
	others = file_tree_others(tree, &shown);
	revision = revision_of(others);
	if (!revision || (before->revision && strcmp(revision, before->revision) == 0))
		return 0;
	return error_set(err, ERROR_RETRY, 0,
		"somebody put files there since certferry checked it; certferry checks it again");
}

static int look_at(const struct destination_context *context, const struct look_item *item,
	struct observed *seen, struct error *err)
{
	_cleanup_(file_tree_done) struct file_tree tree = FILE_TREE_NULL;
	_cleanup_(file_shown_done) struct file_shown shown = FILE_SHOWN_NULL;
	_cleanup_(file_content_done) struct file_content content = { 0 };
	_cleanup_(fd_closep) int fd = -1;
	int r;

	r = file_tree_open(item->delivery, FILE_TREE_READ, &tree, err);
	if (r == 0)
		r = file_tree_shown(&tree, &shown, err);
	if (r < 0)
		return r;
	seen->object_id = object_path(item->delivery);
	seen->state = OBSERVED_ABSENT;
	fd = *shown.version ? file_tree_open_version(&tree, shown.version) : -1;
	if (fd < 0)
		return 0;
	r = file_layout_read(fd, item->delivery->place->destination->layout, &content, err);
	if (r < 0)
		return error_wrap(err, "read '%s'", seen->object_id);
	r = see_to_switch(context, item->delivery, &shown, &content, err);
	if (r < 0)
		return r;
	if (!context->only_look)
		see_to_older(context->event, item->delivery, file_tree_retires_at(&tree, &shown));
	seen->state = OBSERVED_PRESENT;
	seen->own = seen->anchor_seen = true;
	file_tree_anchor(&tree, shown.version, &seen->anchor);
	seen->changed_at = file_tree_changed(&shown);
	describe(item, shown.version, &content, seen);
	see_others(item, &tree, &shown, seen);
	return 0;
}

static int on_look(sd_event_source *source, void *userdata)
{
	_cleanup_(freep) struct file_look *look = userdata;
	struct observed *seen = mem_alloc(look->count * sizeof(*seen));

	look->defer = sd_event_source_unref(look->defer);
	for (size_t i = 0; i < look->count; i++) {
		seen[i].at = look->now;
		if (look_at(look->context, &look->items[i], &seen[i], &seen[i].error) < 0)
			seen[i].state = seen[i].error.kind == ERROR_CONFLICT ? OBSERVED_FOREIGN
									     : OBSERVED_UNKNOWN;
	}
	look->done(look->userdata, seen, NULL);
	return 0;
}

static struct destination_look *file_look(const struct destination_context *context, const struct look_item *items,
	size_t count, struct destination_keep *keep, usec_t now, destination_look_fn done, void *userdata)
{
	struct file_look *look = mem_new(struct file_look);

	*look = (struct file_look){
		.context = context,
		.items = items,
		.count = count,
		.now = now,
		.done = done,
		.userdata = userdata,
	};
	look->defer = defer(context->event, on_look, look, "file-look");
	return &look->base;
}

static void file_look_cancel(struct destination_look *handle)
{
	struct file_look *look = (struct file_look *)handle;

	sd_event_source_disable_unref(look->defer);
	free(look);
}

static int put_files(const struct file_put *put, struct shown_news *news, struct error *err)
{
	_cleanup_(file_tree_done) struct file_tree tree = FILE_TREE_NULL;
	char version[FINGERPRINT_TEXT_SIZE];
	int r;

	r = file_tree_open(put->delivery, FILE_TREE_MAKE, &tree, err);
	if (r == 0)
		r = check_others(&tree, put->before, err);
	if (r < 0)
		return r;
	fingerprint_format(&put->bundle->leaf->fingerprint, version);
	version[VERSION_NAME_SIZE - 1] = '\0';
	return file_tree_write(&tree, version, put->bundle, news, err);
}

static int on_put(sd_event_source *source, void *userdata)
{
	_cleanup_(freep) struct file_put *put = userdata;
	_cleanup_(freep) char *path = object_path(put->delivery);
	_cleanup_(shown_news_done) struct shown_news news = { 0 };
	_cleanup_(error_done) struct error err = ERROR_NULL;

	put->defer = sd_event_source_unref(put->defer);
	if (put_files(put, &news, &err) < 0)
		error_wrap(&err, "write '%s'", path);
	put->done(put->userdata, err.kind ? NULL : path, &news, err.kind ? &err : NULL);
	return 0;
}

static struct destination_put *file_put(const struct destination_context *context, const struct delivery *delivery,
	const struct bundle *bundle, const struct observed *before, destination_put_fn done,
	void *userdata)
{
	struct file_put *put = mem_new(struct file_put);

	*put = (struct file_put){
		.delivery = delivery,
		.bundle = bundle,
		.before = before,
		.done = done,
		.userdata = userdata,
	};
	put->defer = defer(context->event, on_put, put, "file-put");
	return &put->base;
}

static void file_put_cancel(struct destination_put *handle)
{
	struct file_put *put = (struct file_put *)handle;

	sd_event_source_disable_unref(put->defer);
	free(put);
}

struct file_tag {
	struct destination_tag base; /* first */
	sd_event_source *defer;
	const struct delivery *delivery;
	struct fingerprint anchor;
	destination_tag_fn done;
	void *userdata;
};

static int tag_version(const struct file_tag *tag, struct error *err)
{
	_cleanup_(file_tree_done) struct file_tree tree = FILE_TREE_NULL;
	_cleanup_(file_shown_done) struct file_shown shown = FILE_SHOWN_NULL;
	int r;

	r = file_tree_open(tag->delivery, FILE_TREE_READ, &tree, err);
	if (r == 0)
		r = file_tree_shown(&tree, &shown, err);
	if (r == 0 && (tree.versions < 0 || !*shown.version))
		return error_set(err, ERROR_ABSENT, ENOENT, "'%s' does not exist any more",
			tag->delivery->object);
	return r < 0 ? r : file_tree_write_anchor(&tree, shown.version, &tag->anchor, err);
}

static int on_tag(sd_event_source *source, void *userdata)
{
	_cleanup_(freep) struct file_tag *tag = userdata;
	_cleanup_(error_done) struct error err = ERROR_NULL;

	tag->defer = sd_event_source_unref(tag->defer);
	(void)tag_version(tag, &err);
	tag->done(tag->userdata, err.kind ? &err : NULL);
	return 0;
}

static struct destination_tag *file_tag(const struct destination_context *context,
	const struct delivery *delivery, const char *object_id, const struct fingerprint *anchor,
	bool moves, destination_tag_fn done, void *userdata)
{
	struct file_tag *tag = mem_new(struct file_tag);

	*tag = (struct file_tag){
		.delivery = delivery,
		.anchor = *anchor,
		.done = done,
		.userdata = userdata,
	};
	tag->defer = defer(context->event, on_tag, tag, "file-tag");
	return &tag->base;
}

static void file_tag_cancel(struct destination_tag *handle)
{
	struct file_tag *tag = (struct file_tag *)handle;

	sd_event_source_disable_unref(tag->defer);
	free(tag);
}

struct file_inspect {
	struct destination_inspect base; /* first */
	char *path;
	sd_event_source *defer;
};

static void file_inspect_cancel(struct destination_inspect *handle)
{
	struct file_inspect *inspect = (struct file_inspect *)handle;

	sd_event_source_disable_unref(inspect->defer);
	free(inspect->path);
	free(inspect);
}

static int on_inspect(sd_event_source *source, void *userdata)
{
	struct file_inspect *inspect = userdata;
	_cleanup_(error_done) struct error err = ERROR_NULL;
	const struct inspected seen = { .gone = false };
	struct stat status;

	if (lstat(inspect->path, &status) < 0)
		(void)error_set(&err,
			errno == ENOENT || errno == ENOTDIR ? ERROR_ABSENT : ERROR_RETRY, errno,
			"failed to read '%s': %s", inspect->path, strerror(errno));
	inspect_ended(&inspect->base, &seen, err.text ? &err : NULL);
	file_inspect_cancel(&inspect->base);
	return 0;
}

static struct destination_inspect *file_inspect(
	const struct destination_context *context, const struct place *place, const char *object_id)
{
	struct file_inspect *inspect = mem_new(struct file_inspect);

	inspect->path = mem_strdup(object_id);
	inspect->defer = defer(context->event, on_inspect, inspect, "file-inspect");
	return &inspect->base;
}

const struct kind file_kind = {
	.look = file_look,
	.look_cancel = file_look_cancel,
	.put = file_put,
	.put_cancel = file_put_cancel,
	.tag = file_tag,
	.tag_cancel = file_tag_cancel,
	.inspect = file_inspect,
	.inspect_cancel = file_inspect_cancel,
	.check = file_check,
};
