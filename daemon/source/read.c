/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One reading of the source.  It is at one step at a time:
 *	LIST		every region is being listed, side by side	regions[].operation != NULL
 *			(a sweep then lists what is of Amazon's N2 hierarchy, and
 *			searches, for the serials of what is new)
 *	TAGS		tags are being read, some at a time		slots[].operation != NULL
 *	VERSIONS	what changed is being read, some at a time	slots[].operation != NULL
 * and ends with done(); what is known before VERSIONS is told when that begins.  A look has no TAGS, nor has
 * a sweep where no entry matches by tags.  A check is a sweep that sees some certificates alone.
 */

#include "daemon/source/acm.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/source/access.h"
#include "daemon/source/listing.h"
#include "daemon/source/recognize.h"
#include "lib/aws/acm.h"
#include "lib/base/strv.h"

/* Enough for some hundred a second where ACM grants as many.  Where it grants ten, those that are in the
 * lane already are what somebody who waits for one certificate waits for. */
#define SLOTS 16

/* So many are read in no time, and so they are told together. */
#define TOGETHER 10

/* So many failures in a row that may pass mean that ACM is away, and the rest is left for
 * another time. */
#define FAILURES_MAX 16

/* So long after its NotBefore a certificate may be issued anew with the same dates: public ones are dated to the
 * start of their day.  The rest is for readers that lag. */
#define FRESH (72 * USEC_PER_HOUR)

/* For a certificate that is new: as a rule it takes 800 bytes, 100 for each further name, and twice that when a sweep also
 * finds it by searching.  And for the pages of all regions while they come. */
#define ROOM_OF_CERTIFICATE ((size_t)2 << 10)
#define ROOM_OF_PAGES	    ((size_t)1 << 20)

enum step {
	STEP_LIST,
	STEP_TAGS,
	STEP_VERSIONS,
	STEP_DONE,
};

/* So long an endpoint that refuses a newer filter of ListCertificates is not asked by it again. */
#define REFUSED_FOR (24 * USEC_PER_HOUR)

/* What is remembered of a filter that older endpoints refuse. */
struct filter {
	bool known; /* an answer has come: from now on, an error is one */
	usec_t refused_until; /* wall clock */
};

/* What is remembered of a region. */
struct region_kept {
	bool search_refused; /* a look sets it where searching is refused and listing is not, so that the
			      * next one lists at once; a sweep tries again */
	struct filter origins, n2;
};

struct region {
	struct acm_reading *read;
	const char *name;
	struct region_kept *kept;
	bool falls_back; /* searching was refused this time */
	bool listed; /* a sweep: it is, and is being searched for what the listing does not tell */
	struct filter *asked; /* the filter of the listing that is under way; NULL: none */
	struct acm_operation *operation;
};

struct slot {
	struct acm_reading *read;
	struct source_certificate *certificate;
	struct acm_operation *operation;
};

struct acm_reading {
	struct source_read base; /* first */
	struct source_request request; /* borrows */
	const struct source_view *known; /* until all regions are listed */
	const struct source_read_events *events;
	void *userdata;
	struct aws_session *session;
	struct match_index *entries; /* of the configuration */
	enum step step;
	bool is_sweep;
	bool needs_tags;
	struct source_view *view;
	struct region *regions;
	size_t region_count;
	struct slot slots[SLOTS];
	size_t next; /* the first certificate that the step has not come to */
	unsigned failures; /* in a row */
	bool told; /* what was listed, and so each version is */
	size_t *hurried; /* those in the view that are read before the others */
	size_t hurried_count;
	bool *seen; /* a sweep: which of what is known was listed just so, and is not in the view */
	bool same; /* all is as it was known */
	struct recognized *recognized; /* what listings have said of what is known; NULL: all that is listed is news */
	struct room room; /* for what is in the view and not known, and the pages that are being read */
};

static struct acm_reading *acm_reading_free(struct acm_reading *read)
{
	if (!read)
		return NULL;
	for (size_t i = 0; i < read->region_count; i++)
		acm_cancel(read->regions[i].operation);
	for (size_t i = 0; i < SLOTS; i++)
		acm_cancel(read->slots[i].operation);
	source_view_free(read->view);
	match_index_free(read->entries);
	free(read->hurried);
	free(read->regions);
	free(read->seen);
	free(read);
	return NULL;
}

DEFINE_CLEANUP(struct acm_reading *, acm_reading_free);

/* The only end. */
static void finish(struct acm_reading *read, const struct error *err)
{
	_cleanup_(acm_reading_freep) struct acm_reading *ended = read;

	ended->step = STEP_DONE;
	ended->events->on_read(ended->userdata, err || ended->same ? NULL : take(ended->view), err);
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Is it one of those that are read?  A check leaves all others as they are. */
static bool is_meant(const struct acm_reading *read, const char *arn)
{
	const struct source_request *request = &read->request;

	return !request->only || bsearch(&arn, request->only, request->only_count, sizeof(arn), compare_text);
}

static bool needs_version(const struct acm_reading *read, const struct source_certificate *certificate)
{
	return is_meant(read, certificate->arn) && listing_needs_version(read->entries, certificate);
}

static bool is_busy(const struct acm_reading *read)
{
	for (size_t i = 0; i < read->region_count; i++)
		if (read->regions[i].operation)
			return true;
	for (size_t i = 0; i < SLOTS; i++)
		if (read->slots[i].operation)
			return true;
	return false;
}

static void fill_slots(struct acm_reading *read);

/* What there is to see before the versions are read, if there are many to be read: a quiet look copies nothing. */
static void tell_listed(struct acm_reading *read)
{
	struct source_view *view;
	size_t unread = 0;

	for (size_t i = 0; i < read->view->count; i++)
		unread += needs_version(read, &read->view->items[i]);
	read->told = unread > TOGETHER;
	if (!read->told)
		return;
	view = source_view_copy(read->view);
	for (size_t i = 0; i < view->count; i++)
		view->items[i].unread = needs_version(read, &view->items[i]);
	read->events->on_listed(read->userdata, view);
}

/* Go on with the step, or with the next one when nothing of it is left. */
static void go_on(struct acm_reading *read)
{
	fill_slots(read);
	while (!is_busy(read) && read->step < STEP_DONE) {
		read->step++;
		read->next = 0;
		read->failures = 0;
		if (read->step == STEP_VERSIONS)
			tell_listed(read);
		fill_slots(read);
	}
	if (read->step == STEP_DONE)
		finish(read, NULL);
}

/* LIST. */

/* What was issued at or after this may have been issued again with the same dates. */
static usec_t fresh_since(const struct acm_reading *read)
{
	return read->is_sweep ? usec_sub(read->request.now, FRESH) : USEC_INFINITY;
}

/* Is there nothing but what is known, and nothing left to be read of that?  A sweep has to have shown all of it. */
static bool is_same(const struct acm_reading *read)
{
	const struct source_view *known = read->known;

	if (!known || read->view->count > 0 || (read->is_sweep && (!read->seen || !known->count)))
		return false;
	for (size_t i = 0; i < known->count; i++)
		if ((read->is_sweep && !read->seen[i]) || needs_version(read, &known->items[i]))
			return false;
	return true;
}

/* All regions are listed. */
static void unite(struct acm_reading *read)
{
	const struct source_view *known = read->known;

	listing_sort(read->view);
	listing_inherit(read->view, known, !read->is_sweep, fresh_since(read));
	/* Where tags decide, those that were listed stay, so that theirs are read. */
	if (read->seen && known && !read->needs_tags)
		listing_drop_known(read->view, known, read->seen);
	read->same = is_same(read);
	if (!read->same && (!read->is_sweep || read->seen))
		listing_join(read->view, known, read->seen);
}

static void list_region(struct region *region);
static void list_n2(struct region *region);
static void search_region(struct region *region);

static void fail(struct region *region, const struct error *err)
{
	_cleanup_(error_done) struct error problem = ERROR_NULL;

	error_copy(&problem, err);
	error_wrap(&problem, "region '%s'", region->name);
	finish(region->read, &problem);
}

static void fail_without_room(struct region *region)
{
	_cleanup_(error_done) struct error problem = ERROR_NULL;

	(void)error_set(&problem, ERROR_RETRY, AWS_CODE_NO_ROOM,
		"ACM lists more than fits into the %zu KiB that certferryd has for the %u certificates of "
		"source.certificates_max; if the account really has so many, raise that key",
		region->read->room.most >> 10, region->read->request.desired->source.certificates_max);
	fail(region, &problem);
}

/* More than there may be: it would be kept. */
static bool has_too_many(const struct acm_reading *read)
{
	const struct source_view *all = read->same ? read->known : read->view;

	return all->count > read->request.desired->source.certificates_max;
}

static void finish_with_too_many(struct acm_reading *read)
{
	_cleanup_(error_done) struct error problem = ERROR_NULL;

	(void)error_set(&problem, ERROR_RETRY, AWS_CODE_NO_ROOM,
		"ACM lists %zu certificates, more than source.certificates_max (%u); if the account really has so many, "
		"raise that key",
		read->same ? read->known->count : read->view->count,
		read->request.desired->source.certificates_max);
	finish(read, &problem);
}

/* The certificate of which ${summary} says what was said before, or nothing new; NULL when it is news. */
static const struct source_certificate *recognize(
	const struct acm_reading *read, const char *region, const struct acm_summary *summary)
{
	const struct source_view *known = read->known;
	struct recognized *recognized = read->recognized;
	const struct source_certificate *before;
	struct summary_digest digest;
	size_t at;

	if (!recognized)
		return NULL;
	recognized_digest(recognized, region, summary, &digest);
	if (recognized_find(recognized, &digest, &at))
		return &known->items[at];
	before = source_view_find(known, summary->arn);
	if (!before || !listing_tells_nothing(before, region, summary))
		return NULL;
	recognized_put(recognized, &digest, (size_t)(before - known->items));
	return before;
}

/* As nearly always, what is listed is known.  A sweep looks twice at what an earlier reading did not finish, and at what
 * may have been issued again with the same dates. */
static bool is_known(struct acm_reading *read, const char *region, const struct acm_summary *summary)
{
	const struct source_certificate *before;

	if (read->is_sweep && (!read->seen || read->needs_tags))
		return false;
	before = recognize(read, region, summary);
	if (!before || !read->is_sweep)
		return before != NULL;
	if (before->problem || before->unread || before->not_before >= fresh_since(read))
		return false;
	read->seen[before - read->known->items] = true;
	return true;
}

static void on_listed(void *userdata, const struct error *err);

/* (May be the end.)  The search of a sweep can be done without, whatever its error: what lacks a serial is read again. */
static void end_without_room(struct region *region)
{
	if (!region->listed) {
		fail_without_room(region);
		return;
	}
	region->operation = acm_cancel(region->operation);
	on_listed(region, NULL);
}

static void on_page(void *userdata, struct acm_summary *items, size_t count)
{
	struct region *region = userdata;
	struct acm_reading *read = region->read;

	for (size_t i = 0; i < count; i++) {
		if (!is_meant(read, items[i].arn) || is_known(read, region->name, &items[i]))
			continue;
		listing_add(read->view, region->name, &items[i]);
		if (!room_take(&read->room, listing_size(&read->view->items[read->view->count - 1]))) {
			end_without_room(region);
			return;
		}
	}
}

/* Does ${err} mean that the endpoint does not know the filter of this listing?  Then that is remembered. */
static bool is_filter_refused(struct region *region, const struct error *err)
{
	struct filter *asked = region->asked;

	if (!asked || asked->known)
		return false;
	asked->known = !err;
	if (!err || err->kind != ERROR_INVALID)
		return false;
	asked->refused_until = usec_add(region->read->request.now, REFUSED_FOR);
	return true;
}

/* What comes after a listing that has ended well, or was done without. */
static void go_on_with(struct region *region)
{
	const bool was_n2 = region->asked == &region->kept->n2;

	if (was_n2 || region->read->request.now < region->kept->n2.refused_until) {
		region->listed = true;
		search_region(region);
	} else {
		list_n2(region);
	}
}

static void on_listed(void *userdata, const struct error *err)
{
	struct region *region = userdata;
	struct acm_reading *read = region->read;

	region->operation = NULL;
	if (err && err->code == AWS_CODE_NO_ROOM) {
		fail_without_room(region);
		return;
	}
	if (is_filter_refused(region, err)) {
		if (region->asked == &region->kept->origins)
			list_region(region);
		else
			go_on_with(region);
		return;
	}
	if (err) {
		fail(region, err);
		return;
	}
	if (read->is_sweep && !region->listed) {
		go_on_with(region);
		return;
	}
	if (region->falls_back)
		region->kept->search_refused = true;
	if (is_busy(read))
		return;
	unite(read);
	if (has_too_many(read)) {
		finish_with_too_many(read);
		return;
	}
	read->known = NULL;
	if (read->same)
		finish(read, NULL);
	else
		go_on(read);
}

static void list(struct region *region, enum acm_scope scope)
{
	region->operation = acm_list(
		region->read->session, region->name, scope, on_page, on_listed, region);
	acm_bound(region->operation, &region->read->room);
}

static void list_region(struct region *region)
{
	struct filter *origins = &region->kept->origins;

	region->asked = region->read->request.now < origins->refused_until ? NULL : origins;
	list(region, region->asked ? ACM_SCOPE_ORIGINS : ACM_SCOPE_USUAL);
}

static void list_n2(struct region *region)
{
	region->asked = &region->kept->n2;
	list(region, ACM_SCOPE_N2);
}

static void on_searched(void *userdata, const struct error *err)
{
	struct region *region = userdata;
	bool refused = err && (err->kind == ERROR_DENIED || err->code == AWS_CODE_UNKNOWN_OPERATION);

	region->operation = NULL;
	region->falls_back = refused;
	if (region->listed)
		on_listed(region, NULL); /* the listing is enough; what lacks a serial is read again */
	else if (refused)
		list_region(region);
	else
		on_listed(region, err);
}

static void search_region(struct region *region)
{
	const struct source_request *request = &region->read->request;

	region->asked = NULL;
	region->operation = acm_search(region->read->session, region->name,
		region->read->is_sweep ? usec_sub(request->now, FRESH) : request->since, on_page,
		on_searched, region);
	acm_bound(region->operation, &region->read->room);
}

/* TAGS and VERSIONS. */

static bool is_due(const struct acm_reading *read, const struct source_certificate *certificate)
{
	if (read->step == STEP_TAGS)
		return read->needs_tags && is_meant(read, certificate->arn) && !source_refusal(certificate);
	return read->step == STEP_VERSIONS && needs_version(read, certificate);
}

/* What was read, or why it could not be; then the next one. */
static void on_slot(struct slot *slot, const struct error *err)
{
	struct source_certificate *certificate = slot->certificate;
	struct acm_reading *read = slot->read;

	if (err) {
		free(certificate->problem);
		certificate->problem = mem_strdup(err->text);
	}
	read->failures = err && err->kind == ERROR_RETRY ? read->failures + 1 : 0;
	if (read->step == STEP_VERSIONS && read->told)
		read->events->on_version(read->userdata, certificate);
	go_on(read);
}

static void on_tags(void *userdata, char *const *tags, const struct error *err)
{
	struct slot *slot = userdata;

	slot->operation = NULL;
	if (!err) {
		strv_free(slot->certificate->tags);
		slot->certificate->tags = strv_copy(tags);
	}
	on_slot(slot, err);
}

static void on_got(void *userdata, const char *leaf, const char *chain, const struct error *err)
{
	_cleanup_(error_done) struct error problem = ERROR_NULL;
	struct slot *slot = userdata;

	slot->operation = NULL;
	if (!err && listing_set_version(slot->certificate, leaf, chain, &problem) < 0) {
		error_wrap(&problem, "GetCertificate");
		err = &problem;
	}
	on_slot(slot, err);
}

static void start_slot(struct slot *slot, struct source_certificate *certificate)
{
	struct acm_reading *read = slot->read;

	slot->certificate = certificate;
	if (read->step == STEP_TAGS)
		slot->operation = acm_tags(
			read->session, certificate->region, certificate->arn, on_tags, slot);
	else
		slot->operation = acm_get(
			read->session, certificate->region, certificate->arn, on_got, slot);
	if (read->step == STEP_VERSIONS && !read->told && read->events->on_reading)
		read->events->on_reading(read->userdata, certificate);
}

static struct slot *find_free_slot(struct acm_reading *read)
{
	for (size_t i = 0; i < SLOTS; i++)
		if (!read->slots[i].operation)
			return &read->slots[i];
	return NULL;
}

static bool is_being_read(const struct acm_reading *read, const struct source_certificate *certificate)
{
	for (size_t i = 0; i < SLOTS; i++)
		if (read->slots[i].operation && read->slots[i].certificate == certificate)
			return true;
	return false;
}

static struct slot *fill_with_hurried(struct acm_reading *read)
{
	struct slot *slot;

	while ((slot = find_free_slot(read)) && read->hurried_count) {
		struct source_certificate *certificate = &read->view->items[read->hurried[--read->hurried_count]];

		/* What is being read will be told. */
		if (!is_being_read(read, certificate))
			start_slot(slot, certificate);
	}
	return slot;
}

bool acm_source_read_next(struct source_read *handle, const char *arn)
{
	struct acm_reading *read = (struct acm_reading *)handle;
	const struct source_certificate *certificate =
		read->step == STEP_VERSIONS && read->told ? source_view_find(read->view, arn) : NULL;

	if (!certificate || source_refusal(certificate))
		return false;
	read->hurried = mem_resize(read->hurried, read->hurried_count + 1, sizeof(*read->hurried));
	read->hurried[read->hurried_count++] = (size_t)(certificate - read->view->items);
	return true;
}

static void fill_slots(struct acm_reading *read)
{
	struct slot *slot = fill_with_hurried(read);

	for (; slot && read->next < read->view->count; read->next++) {
		struct source_certificate *certificate = &read->view->items[read->next];

		if (!is_due(read, certificate))
			continue;
		if (read->failures >= FAILURES_MAX) {
			free(certificate->problem);
			certificate->problem = mem_strdup("certferryd did not read it, because it failed "
							  "to read too many others");
			continue;
		}
		start_slot(slot, certificate);
		slot = find_free_slot(read);
	}
}

/* Starting. */

size_t source_room(const struct desired *desired)
{
	return desired->source.certificates_max * ROOM_OF_CERTIFICATE + ROOM_OF_PAGES;
}

size_t source_view_size(const struct source_view *view)
{
	size_t size = 0;

	for (size_t i = 0; i < view->count; i++)
		size += listing_size(&view->items[i]);
	return size;
}

/* --- what is kept --- */

struct acm_kept {
	struct source_kept base; /* first */
	struct recognized *recognized;
	struct region_kept regions[]; /* as in source_memory */
};

struct source_kept *acm_source_keep(const struct source_memory *memory)
{
	struct acm_kept *kept = mem_alloc(sizeof(*kept) + strv_length(memory->regions) * sizeof(*kept->regions));

	kept->recognized = recognized_new();
	return &kept->base;
}

void acm_source_kept_changed(struct source_kept *kept)
{
	recognized_forget(((struct acm_kept *)kept)->recognized);
}

void acm_source_kept_free(struct source_kept *kept)
{
	recognized_free(((struct acm_kept *)kept)->recognized);
	free(kept);
}

/* --- start --- */

static struct acm_reading *read_new(
	const struct source_request *request, const struct source_read_events *events, void *userdata)
{
	struct acm_reading *read = mem_new(struct acm_reading);
	const struct source_memory *memory = request->memory;
	struct acm_kept *kept = (struct acm_kept *)memory->kept;

	read->request = *request;
	read->known = memory->known;
	read->recognized = memory->known && !memory->remembered ? kept->recognized : NULL;
	read->events = events;
	read->userdata = userdata;
	read->room.most = source_room(request->desired);
	read->session = source_session(request->aws, &request->desired->source.access);
	read->entries = match_index_new(request->desired);
	read->view = mem_new(struct source_view);
	read->region_count = strv_length(memory->regions);
	read->regions = mem_alloc(read->region_count * sizeof(*read->regions));
	for (size_t i = 0; i < read->region_count; i++)
		read->regions[i] = (struct region){
			.read = read,
			.name = memory->regions[i],
			.kept = &kept->regions[i],
		};
	for (size_t i = 0; i < SLOTS; i++)
		read->slots[i].read = read;
	return read;
}

static void start_sweep(struct acm_reading *read)
{
	read->is_sweep = true;
	read->needs_tags = listing_needs_tags(read->request.desired);
	/* Where tags decide, all of them are read again. */
	if (read->recognized && !read->needs_tags)
		read->seen = mem_alloc(read->known->count * sizeof(*read->seen));
	for (size_t i = 0; i < read->region_count; i++) {
		read->regions[i].kept->search_refused = false;
		list_region(&read->regions[i]);
	}
}

/* Is one of those that are meant in this region?  (An ARN's region is its fourth part.) */
static bool region_is_meant(const struct acm_reading *read, const char *region)
{
	const size_t length = strlen(region);

	STRV_FOREACH (arn, read->request.only) {
		const char *part = *arn;

		for (size_t i = 0; part && i < 3; i++) {
			part = strchr(part, ':');
			part = part ? part + 1 : NULL;
		}
		if (part && strncmp(part, region, length) == 0 && part[length] == ':')
			return true;
	}
	return false;
}

static void start_check(struct acm_reading *read)
{
	bool somewhere = false;

	read->is_sweep = true;
	read->needs_tags = listing_needs_tags(read->request.desired);
	read->seen = mem_alloc(read->known->count * sizeof(*read->seen));
	for (size_t i = 0; i < read->known->count; i++)
		read->seen[i] = !is_meant(read, read->known->items[i].arn);
	for (size_t i = 0; i < read->region_count; i++)
		somewhere |= region_is_meant(read, read->regions[i].name);
	/* Of what is in none of the regions it is found out that it is not there. */
	for (size_t i = 0; i < read->region_count; i++)
		if (!somewhere || region_is_meant(read, read->regions[i].name))
			list_region(&read->regions[i]);
}

static void start_look(struct acm_reading *read)
{
	for (size_t i = 0; i < read->region_count; i++) {
		struct region *region = &read->regions[i];

		if (region->kept->search_refused)
			list_region(region);
		else
			search_region(region);
	}
}

struct source_read *acm_source_read(
	const struct source_request *request, const struct source_read_events *events, void *userdata)
{
	struct acm_reading *read = read_new(request, events, userdata);

	switch (request->reading) {
	case SOURCE_LOOK:
		start_look(read);
		break;
	case SOURCE_SWEEP:
		start_sweep(read);
		break;
	case SOURCE_CHECK:
		start_check(read);
		break;
	}
	return &read->base;
}

void acm_source_read_cancel(struct source_read *read)
{
	acm_reading_free((struct acm_reading *)read);
}
