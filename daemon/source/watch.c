/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A watch reads or does not:
 *	IDLE	read == NULL
 *	READS	read != NULL; tells once the versions come one by one
 */

#include "daemon/source/watch.h"

#include <assert.h>
#include <string.h>

#include "lib/base/strv.h"

void source_watch_init(
	struct source_watch *watch, const struct source_watch_events *events, void *userdata)
{
	*watch = (struct source_watch){ .events = events, .userdata = userdata };
}

static void forget_reading(struct source_watch *watch)
{
	watch->read = NULL;
	watch->tells = false;
	watch->only = strv_free(watch->only);
}

void source_watch_cancel(struct source_watch *watch)
{
	source_read_cancel(watch->read);
	forget_reading(watch);
}

void source_watch_done(struct source_watch *watch)
{
	source_watch_cancel(watch);
	source_forget(&watch->memory);
	strv_free(watch->memory.regions);
	source_view_free(watch->view);
	source_view_free(watch->remembered);
	error_done(&watch->problem);
	*watch = (struct source_watch){ 0 };
}

void source_watch_set_regions(struct source_watch *watch, char **regions)
{
	assert(!watch->read);
	if (!strv_equal(watch->memory.regions, regions))
		source_forget(&watch->memory);
	strv_free(watch->memory.regions);
	watch->memory.regions = regions;
}

/* --- what is known --- */

static void know(struct source_watch *watch)
{
	watch->memory.known = watch->view ?: watch->remembered;
	watch->memory.remembered = !watch->view;
	source_known_changed(&watch->memory);
}

void source_watch_remember(struct source_watch *watch, struct source_view *view)
{
	assert(!watch->view && !watch->remembered);
	watch->remembered = view;
	know(watch);
}

/* Does ${a} hold all that is in ${b}, and nothing else, packed?  (What is told one by one is not:
 * see on_version().) */
static bool view_stays(const struct source_view *a, const struct source_view *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!a->items[i].packed || !source_certificate_equal(&a->items[i], &b->items[i]))
			return false;
	return true;
}

void source_watch_take(struct source_watch *watch, struct source_view *view)
{
	_cleanup_(source_view_freep) struct source_view *former = watch->view;

	if (former && view_stays(former, view)) {
		former = view;
		return;
	}
	watch->view_size = source_view_size(view);
	source_view_pack(view);
	watch->view = view;
	watch->remembered = source_view_free(watch->remembered);
	know(watch);
	watch->events->on_view(watch->userdata, former);
}

/* --- a reading --- */

static void on_listed(void *userdata, struct source_view *view)
{
	struct source_watch *watch = userdata;

	watch->tells = true;
	source_watch_take(watch, view);
	watch->events->on_listed(watch->userdata);
}

static void on_version(void *userdata, const struct source_certificate *certificate)
{
	struct source_watch *watch = userdata;
	const struct source_certificate *item = source_view_find(watch->view, certificate->arn);

	/* What was listed is replaced as a whole when the reading ends; until then only in what
	 * nothing else hangs on. */
	if (!item || strcmp(item->domain, certificate->domain) != 0)
		return;
	(void)source_view_replace(watch->view, certificate);
	source_known_changed(&watch->memory);
	watch->events->on_version(watch->userdata, certificate);
}

static void on_reading(void *userdata, const struct source_certificate *certificate)
{
	struct source_watch *watch = userdata;

	if (watch->events->on_reading)
		watch->events->on_reading(watch->userdata, certificate);
}

static void on_read(void *userdata, struct source_view *view, const struct error *err)
{
	struct source_watch *watch = userdata;
	_cleanup_(strv_freep) char **only = take(watch->only);

	forget_reading(watch);
	watch->events->on_ended(watch->userdata, watch->reading, only, view, err);
}

void source_watch_start(struct source_watch *watch, const struct source_watch_order *order)
{
	static const struct source_read_events events = {
		.on_listed = on_listed,
		.on_version = on_version,
		.on_reading = on_reading,
		.on_read = on_read,
	};
	const struct source_request request = {
		.reading = order->reading,
		.aws = order->aws,
		.desired = order->desired,
		.memory = &watch->memory,
		.only = order->only,
		.only_count = order->only_count,
		.now = order->now,
		.since = order->since,
	};

	assert(!watch->read);
	watch->reading = order->reading;
	watch->began = order->now;
	watch->only = order->only;
	watch->tells = false;
	watch->read = source_read(&request, &events, watch);
}
