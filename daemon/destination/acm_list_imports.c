/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/destination/acm_list_imports.h"

#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "daemon/destination/tags.h"
#include "daemon/model/place_aws.h"
#include "lib/aws/tagging.h"
#include "lib/base/strv.h"

/* What is listed takes its room step by step, each for some 20 imports. */
#define ROOM_STEP     ((size_t)16 << 10)
#define ROOM_OF_ITEM  ((size_t)1024)
#define ROOM_MOST     (AWS_ROOM - AWS_ROOM_FIRST) /* unless those of the items need more */
#define WAIT_FOR_ROOM (50 * USEC_PER_MSEC)

struct found {
	char *arn;
	char **tags;
};

struct acm_listing {
	const struct look_item *items;
	size_t count;
	size_t expected; /* imports that there may well be */
	bool all;
	bool again; /* what has our tags is not searched */
	struct sd_event *event;
	struct aws_session *session;
	const char *region;

	struct sd_event_source *waiting; /* for the loop's next turn, or for room */
	struct room room; /* for what is listed and found */
	struct aws_share *share; /* of what there is for all: the most of ${room} */
	size_t wanted; /* so much is to be had before it lists */
	bool full; /* more than it may ever have was needed */
	struct acm_operation *listing;
	struct tagging_operation *searching;
	struct import_list imports;
	struct found *found; /* by tag; joined to the imports when both are there */
	size_t found_count;
	bool unsearched;
	struct error error; /* why nothing could be listed */

	acm_list_imports_fn done;
	void *userdata;
};

static void start_list(struct acm_listing *listing);
static void side_done(struct acm_listing *listing);

static void forget_listed(struct acm_listing *listing)
{
	for (size_t i = 0; i < listing->found_count; i++) {
		free(listing->found[i].arn);
		strv_free(listing->found[i].tags);
	}
	free(take(listing->found));
	listing->found_count = 0;
	import_list_done(&listing->imports);
}

/* --- the room --- */

static size_t most_room(const struct acm_listing *listing)
{
	return MAX(ROOM_MOST, 2 * listing->expected * ROOM_OF_ITEM);
}

/* To begin once more, since what it had was too little. */
static size_t wanted_room(const struct acm_listing *listing)
{
	const size_t had = listing->room.most;

	/* For its first it waits with others who need little, and not with those who have much. */
	if (had < AWS_SHARE_FIRST)
		return MIN(MAX(2 * had, listing->expected * ROOM_OF_ITEM), AWS_SHARE_FIRST);
	return MIN(MAX(2 * had, listing->expected * ROOM_OF_ITEM), most_room(listing));
}

static void give_room(struct acm_listing *listing)
{
	aws_share_give(listing->share);
	listing->room.used = listing->room.most = 0;
}

static bool on_grow(struct room *room, size_t bytes)
{
	struct acm_listing *listing = room->userdata;
	const size_t left = MAX(most_room(listing), room->most) - room->most, lacking = bytes - (room->most - room->used);
	size_t step = MIN(MAX(lacking, ROOM_STEP), left);

	listing->full |= lacking > left;
	if (lacking > left)
		return false;
	if (!aws_share_take(listing->share, step)) {
		step = lacking; /* the last that there is */
		if (!aws_share_take(listing->share, step))
			return false;
	}
	room->most += step;
	return true;
}

static int on_waited(sd_event_source *source, uint64_t now, void *userdata)
{
	struct acm_listing *listing = userdata;

	if (aws_share_take(listing->share, listing->wanted) ||
		(aws_share_press(listing->share, listing->wanted, now) && aws_share_take(listing->share, listing->wanted))) {
		listing->waiting = sd_event_source_disable_unref(listing->waiting);
		listing->room.most = listing->wanted;
		start_list(listing);
		return 0;
	}
	(void)sd_event_source_set_time_relative(source, WAIT_FOR_ROOM);
	(void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return 0;
}

/* From the loop's next turn on. */
static void wait_for_room(struct acm_listing *listing)
{
	if (sd_event_add_time_relative(listing->event, &listing->waiting, CLOCK_MONOTONIC, 0, USEC_PER_MSEC,
		    on_waited, listing) < 0)
		mem_exhausted();
	(void)sd_event_source_set_description(listing->waiting, "acm-look-room");
}

/* --- the listing and the search --- */

/* Nothing is listed any further: it is done once more when there is room for twice as much, unless there can never be so
 * much.  (May be the end, after which there is no ${listing}.) */
static void list_anew(struct acm_listing *listing)
{
	listing->wanted = wanted_room(listing);
	listing->listing = acm_cancel(listing->listing);
	listing->searching = tagging_cancel(listing->searching);
	forget_listed(listing);
	give_room(listing);
	error_done(&listing->error); /* of the side that had failed: it is asked again as well */
	listing->unsearched = false;
	if (!listing->full) {
		wait_for_room(listing);
		return;
	}
	(void)error_set(&listing->error, ERROR_RETRY, 0,
		"ACM lists more imports than fit into the %zu bytes that certferry has for them; delete unused imports",
		most_room(listing));
	side_done(listing);
}

/* It has had its room for long, and others wait for it. */
static void give_way(void *userdata)
{
	list_anew(userdata);
}

static bool keep(struct acm_listing *listing, size_t bytes)
{
	if (room_take(&listing->room, bytes))
		return true;
	list_anew(listing);
	return false;
}

static void on_page(void *userdata, struct acm_summary *items, size_t count)
{
	struct acm_listing *listing = userdata;
	struct import_list *imports = &listing->imports;
	size_t bytes = count * sizeof(struct import);

	for (size_t i = 0; i < count; i++)
		bytes += acm_summary_size(&items[i]);
	if (!keep(listing, bytes))
		return;
	imports->items = mem_resize(
		imports->items, imports->count + count, sizeof(*imports->items));
	for (size_t i = 0; i < count; i++) {
		imports->items[imports->count++] =
			(struct import){ .summary = items[i], .listed = true };
		items[i] = (struct acm_summary){ 0 };
	}
}

static void on_listed(void *userdata, const struct error *err)
{
	struct acm_listing *listing = userdata;

	listing->listing = NULL;
	if (err && err->code == AWS_CODE_NO_ROOM) {
		list_anew(listing);
		return;
	}
	if (err)
		error_copy(&listing->error, err);
	side_done(listing);
}

static void on_found(void *userdata, const char *arn, char *const *tags)
{
	struct acm_listing *listing = userdata;
	_cleanup_(strv_freep) char **kept = tags_keep(tags);
	size_t bytes = sizeof(struct found) + strlen(arn);

	STRV_FOREACH (tag, kept)
		bytes += sizeof(*tag) + strlen(*tag);
	if (!keep(listing, bytes))
		return;
	listing->found = mem_resize(listing->found, listing->found_count + 1, sizeof(*listing->found));
	listing->found[listing->found_count++] = (struct found){ mem_strdup(arn), take(kept) };
}

static void on_searched(void *userdata, const struct error *err)
{
	struct acm_listing *listing = userdata;

	listing->searching = NULL;
	if (err && err->code == AWS_CODE_NO_ROOM) {
		list_anew(listing);
		return;
	}
	listing->unsearched = err != NULL;
	side_done(listing);
}

static void start_list(struct acm_listing *listing)
{
	listing->listing = acm_list(listing->session, listing->region, ACM_SCOPE_IMPORTED, on_page, on_listed, listing);
	acm_bound(listing->listing, &listing->room);
	if (listing->again)
		return;
	listing->searching = tagging_find(listing->session, listing->region, "acm:certificate", TAG_SOURCE,
		on_found, on_searched, listing);
	tagging_bound(listing->searching, &listing->room);
}

/* --- the end --- */

/* What the search found and the listing did not is new, or gone already: its own tags will tell. */
static bool is_wanted(const struct acm_listing *listing, char *const *tags)
{
	for (size_t i = 0; i < listing->count; i++)
		if (tags_are_of(tags, listing->items[i].delivery))
			return true;
	return false;
}

static void join_found(struct acm_listing *listing)
{
	import_list_sort(&listing->imports);
	for (size_t i = 0; i < listing->found_count; i++) {
		struct found *found = &listing->found[i];
		struct import *import = import_find(&listing->imports, found->arn);

		if (!import && (listing->all || is_wanted(listing, found->tags)))
			import = import_list_add(&listing->imports, found->arn);
		if (import && !import->found_tags)
			import->found_tags = take(found->tags);
	}
}

/* What was listed, and the room for it, become the callee's. */
static void hand_over(struct acm_listing *listing)
{
	struct acm_listed listed;

	join_found(listing);
	/* What pages needed while they were read is needed no more. */
	aws_share_give(listing->share);
	(void)aws_share_take(listing->share, listing->room.used);
	listed = (struct acm_listed){
		.imports = listing->imports,
		.unsearched = listing->unsearched,
		.share = take(listing->share),
	};
	listing->imports = (struct import_list){ 0 };
	listing->done(listing->userdata, &listed, NULL);
}

static void acm_listing_free(struct acm_listing *listing)
{
	aws_share_free(listing->share);
	sd_event_source_disable_unref(listing->waiting);
	forget_listed(listing);
	error_done(&listing->error);
	free(listing);
}

/* The only end. */
static void finish(struct acm_listing *listing)
{
	if (listing->error.kind) {
		forget_listed(listing);
		give_room(listing);
		listing->done(listing->userdata, NULL, &listing->error);
	} else {
		hand_over(listing);
	}
	acm_listing_free(listing);
}

/* The listing or the search has ended. */
static void side_done(struct acm_listing *listing)
{
	if (!listing->listing && !listing->searching)
		finish(listing);
}

struct acm_listing *acm_list_imports(const struct destination_context *context, struct aws_session *session,
	const struct look_item *items, size_t count, const struct destination_keep *keep, acm_list_imports_fn done,
	void *userdata)
{
	struct acm_listing *listing = mem_new(struct acm_listing);

	*listing = (struct acm_listing){
		.items = items,
		.count = count,
		.expected = keep ? MAX(count, keep->deliveries) : count,
		.all = keep && keep->more,
		.event = context->event,
		.session = session,
		.region = place_aws(items[0].delivery->place)->region,
		.room = { .grow = on_grow, .userdata = listing },
		.share = aws_share_new(context->aws),
		.done = done,
		.userdata = userdata,
	};
	aws_share_bind(listing->share, give_way, listing);
	wait_for_room(listing);
	return listing;
}

struct acm_listing *acm_list_imports_again(const struct destination_context *context, struct aws_session *session,
	const struct look_item *items, size_t count, const struct destination_keep *keep, acm_list_imports_fn done,
	void *userdata)
{
	struct acm_listing *listing = acm_list_imports(context, session, items, count, keep, done, userdata);

	listing->again = true;
	return listing;
}

struct acm_listing *acm_list_imports_cancel(struct acm_listing *listing)
{
	if (!listing)
		return NULL;
	acm_cancel(listing->listing);
	tagging_cancel(listing->searching);
	acm_listing_free(listing);
	return NULL;
}
