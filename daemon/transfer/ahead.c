/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The export is at one step at a time:
 *	ASKED	obtain != NULL
 *	THERE	bundle != NULL, or error filled
 *	GIVEN	to whoever has taken it over (on_void == NULL)
 * and so is each read: look != NULL, has_seen, or neither.
 */

#include "daemon/transfer/ahead.h"

#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

struct read {
	struct ahead *ahead;
	struct ahead_item item;
	struct look_item known;
	struct destination_look *look;
	struct observed seen;
	bool has_seen;
	destination_look_fn done; /* who waits for it; NULL: nobody */
	void *userdata;
};

struct ahead {
	const struct destination_context *context;
	struct source_certificate source;
	struct source_obtain *obtain;
	struct bundle *bundle;
	struct error error;
	sd_event_source *timer; /* NULL: what was read is too old */
	sd_event_source *deferred; /* it was taken over, and the export is there already */
	void (*on_void)(void *userdata); /* NULL: somebody has taken it over */
	source_obtain_fn done; /* who has taken it over; NULL: nobody, or it was given */
	void *userdata; /* of either */
	struct read *reads;
	size_t count;
};

static void read_done(struct read *read)
{
	read->look = destination_look_cancel(read->look);
	observed_done(&read->seen);
	delivery_done(&read->item.delivery);
	free(read->item.object_id);
}

static void wipe(struct ahead *ahead)
{
	ahead->obtain = source_obtain_cancel(ahead->obtain);
	ahead->bundle = bundle_free(ahead->bundle);
}

struct ahead *ahead_cancel(struct ahead *ahead)
{
	if (!ahead)
		return NULL;
	wipe(ahead);
	for (size_t i = 0; i < ahead->count; i++)
		read_done(&ahead->reads[i]);
	free(ahead->reads);
	error_done(&ahead->error);
	source_certificate_done(&ahead->source);
	sd_event_source_disable_unref(ahead->timer);
	sd_event_source_disable_unref(ahead->deferred);
	free(ahead);
	return NULL;
}

/* --- the export --- */

/* (It may be cancelled by whoever gets it.) */
static void give(struct ahead *ahead)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct bundle *bundle = take(ahead->bundle);
	source_obtain_fn done = take(ahead->done);

	error_move(&err, &ahead->error);
	done(ahead->userdata, bundle, bundle ? NULL : &err);
}

static void on_obtained(void *userdata, struct bundle *bundle, const struct error *err)
{
	struct ahead *ahead = userdata;

	ahead->obtain = NULL;
	ahead->bundle = bundle;
	if (err)
		error_copy(&ahead->error, err);
	if (ahead->done)
		give(ahead);
}

static int on_deferred(sd_event_source *source, void *userdata)
{
	struct ahead *ahead = userdata;

	ahead->deferred = sd_event_source_disable_unref(ahead->deferred);
	give(ahead);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct ahead *ahead = userdata;

	ahead->timer = sd_event_source_disable_unref(ahead->timer);
	if (!ahead->on_void)
		return 0;
	wipe(ahead);
	ahead->on_void(ahead->userdata);
	return 0;
}

void ahead_take(struct ahead *ahead, source_obtain_fn done, void *userdata)
{
	ahead->on_void = NULL;
	ahead->done = done;
	ahead->userdata = userdata;
	if (ahead->obtain)
		return;
	if (sd_event_add_defer(ahead->context->event, &ahead->deferred, on_deferred, ahead) < 0)
		mem_exhausted();
	(void)sd_event_source_set_description(ahead->deferred, "ahead-exported");
}

/* --- what is in place --- */

static void on_look(void *userdata, struct observed *seen, const struct error *err)
{
	struct read *read = userdata;

	read->look = NULL;
	if (read->done) {
		take(read->done)(read->userdata, seen, err);
		return;
	}
	if (!seen)
		return;
	read->seen = *seen;
	read->has_seen = read->seen.state != OBSERVED_UNKNOWN;
	free(seen);
}

static bool is_read_of(const struct read *read, const struct look_item *item)
{
	return strcmp(read->item.delivery.name, item->delivery->name) == 0 && item->object_id &&
	       strcmp(read->item.object_id, item->object_id) == 0;
}

enum ahead_read ahead_read(struct ahead *ahead, const struct look_item *item, struct observed *ret_seen,
	destination_look_fn done, void *userdata)
{
	struct read *read = NULL;

	for (size_t i = 0; i < ahead->count && !read; i++)
		if (is_read_of(&ahead->reads[i], item))
			read = &ahead->reads[i];
	if (!read || read->done)
		return AHEAD_NONE;
	if (read->look) {
		read->done = done;
		read->userdata = userdata;
		return AHEAD_READING;
	}
	if (!read->has_seen || !ahead->timer)
		return AHEAD_NONE;
	read->has_seen = false;
	*ret_seen = read->seen;
	read->seen = (struct observed){ 0 };
	return AHEAD_READ;
}

static void start_read(struct ahead *ahead, struct read *read, const struct ahead_item *item)
{
	*read = (struct read){ .ahead = ahead, .item = *item };
	read->known = (struct look_item){
		.delivery = &read->item.delivery,
		.source = &ahead->source,
		.object_id = read->item.object_id,
		.confirmed = read->item.confirmed,
		.want_pem = true,
		.exact = true,
	};
	read->look = destination_look(ahead->context, &read->known, 1, NULL,
		destination_now(ahead->context), on_look, read);
}

struct ahead *ahead_start(
	const struct ahead_request *request, void (*on_void)(void *userdata), void *userdata)
{
	struct ahead *ahead = mem_new(struct ahead);

	*ahead = (struct ahead){
		.context = request->context,
		.on_void = on_void,
		.userdata = userdata,
		.reads = mem_alloc(request->count * sizeof(*ahead->reads)),
		.count = request->count,
	};
	source_certificate_copy(&ahead->source, request->source);
	if (sd_event_add_time_relative(request->context->event, &ahead->timer, CLOCK_MONOTONIC,
		    AHEAD_BELIEVED, 0, on_timer, ahead) < 0)
		mem_exhausted();
	(void)sd_event_source_set_description(ahead->timer, "ahead");
	ahead->obtain = source_obtain(
		request->context->aws, request->desired, &ahead->source, on_obtained, ahead);
	for (size_t i = 0; i < request->count; i++)
		start_read(ahead, &ahead->reads[i], &request->items[i]);
	free(request->items);
	return ahead;
}
