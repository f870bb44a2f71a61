/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A look at the ACM of one account and region goes through these phases, the requests of each side
 * by side:
 *	LIST		its imports are listed, and those with our tags searched (acm_list_imports.h), or it takes what
 *			the look before it has kept
 *	TAGS		the tags are read of those of which it must be known whose they are; where others lack the room that
 *			the listing has meanwhile, it goes (acm_roll.h), and LIST comes once more after this
 *	DESCRIBE	who uses those that stand in a delivery's way; cut short where others lack that room
 *	READ		the certificates that may have changed are read
 *	END		on_done was called
 * It is in a phase as long as left > 0.  When each item's object is known for certain beforehand,
 * the look begins with READ.
 */

#include "daemon/destination/acm_look.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "daemon/destination/acm_list_imports.h"
#include "daemon/destination/acm_roll.h"
#include "daemon/destination/kind.h"
#include "daemon/destination/tags.h"
#include "lib/aws/pulse.h"
#include "lib/base/bounded.h"
#include "lib/base/strv.h"
#include "lib/os/clock.h"

struct acm_look;

/* So many of a phase's requests are under way at a time, at most, and one until the first is answered: each takes some
 * 10 KiB, and a connection that others may need where there is no answer. */
#define REQUESTS_AT_ONCE 16

/* So many tags are read in five seconds, as AWS's quota goes. */
#define TAGS_SOON 50

/* An account may keep a chain of 2 MiB beside its import, and hundreds of them are compared at once: in bytes. */
#define CHAIN_MOST ((size_t)64 << 10)

/* What was listed serves other looks for so long. */
#define KEPT_FOR (30 * USEC_PER_SEC)

enum phase {
	PHASE_LIST,
	PHASE_TAGS,
	PHASE_DESCRIBE,
	PHASE_READ,
	PHASE_END,
};

/* One request about one import (TAGS, DESCRIBE) or one item (READ). */
struct request {
	struct acm_look *look; /* NULL: none is under way */
	size_t index; /* of the import (in the roll, if there is one), or of the item */
	struct acm_operation *operation;
};

struct acm_look {
	struct destination_look base; /* first */
	const struct look_item *items;
	size_t count;
	const struct destination_context *context;
	struct destination_keep *keep; /* or NULL */
	struct aws_session *session;
	const char *region;
	enum phase phase;
	size_t left;

	struct acm_listing *listing;
	sd_event_source *deferred; /* the phase ends with the loop's next turn */
	usec_t listed_at; /* wall clock */
	bool unsearched; /* the search by tag failed: the tags of every import are read */
	struct import_list imports;
	unsigned listed_count; /* of them */
	struct error error; /* why nothing could be listed */
	struct aws_share *share; /* the room that they have, or the roll, or NULL */
	struct acm_roll *roll; /* instead of the imports; NULL: they are there */
	bool listed_again; /* without what belongs to other deliveries */

	struct request requests[REQUESTS_AT_ONCE]; /* of the phase, those under way */
	size_t window; /* so many may be */
	uint32_t *queue; /* what all of them are about, in the order in which they are sent */
	size_t queued, sent;
	struct observed *seen;
	destination_look_fn done;
	void *userdata;
};

static void advance(struct acm_look *look);
static void send_one(struct request *request);
static void start_phase(struct acm_look *look);
static void lend_room(struct acm_look *look);

/* As many as may be under way. */
static void send_some(struct acm_look *look)
{
	for (size_t i = 0; i < look->window && look->sent < look->queued; i++) {
		struct request *request = &look->requests[i];

		if (request->look)
			continue;
		*request = (struct request){ .look = look, .index = look->queue[look->sent++] };
		send_one(request);
	}
}

static void step_done(struct acm_look *look)
{
	assert(look->left > 0);
	if (--look->left == 0)
		advance(look);
	else
		send_some(look);
}

static void request_done(struct request *request)
{
	struct acm_look *look = request->look;

	request->look = NULL;
	look->window = MIN(look->window + 1, (size_t)REQUESTS_AT_ONCE);
	step_done(look);
}

/* The object itself is asked for, and it is known for certain which that is. */
static bool is_direct(const struct look_item *item)
{
	const char *arn = item->delivery->arn;

	return item->exact && item->object_id && (!arn || strcmp(arn, item->object_id) == 0);
}

/* --- what is kept for the next look --- */

struct acm_kept {
	struct destination_kept base;
	struct import_list imports;
	struct aws_share *share;
	bool unsearched;
	usec_t listed_at; /* wall clock; 0: it is void */
};

static void kept_clear(void *userdata)
{
	struct acm_kept *kept = userdata;

	import_list_done(&kept->imports);
	kept->share = aws_share_free(kept->share);
	kept->listed_at = 0;
	kept->base.good = false;
}

static void kept_release(struct destination_kept *base)
{
	struct acm_kept *kept = (struct acm_kept *)base;

	kept_clear(kept);
	free(kept);
}

static struct acm_kept *kept_get(struct destination_keep *keep)
{
	struct acm_kept *kept;

	if (!keep->kept) {
		kept = mem_new(struct acm_kept);
		kept->base.release = kept_release;
		keep->kept = &kept->base;
	}
	return (struct acm_kept *)keep->kept;
}

/* Does it say of each item what is there? */
static bool is_good(const struct acm_kept *kept, const struct acm_look *look, usec_t now)
{
	if (!kept->listed_at || usec_sub(now, kept->listed_at) > KEPT_FOR)
		return false;
	for (size_t i = 0; i < look->count; i++)
		if (look->items[i].seen_at > kept->listed_at)
			return false;
	return true;
}

/* Takes what the look before this one has kept, if it is good for this one, too. */
static bool take_kept(struct acm_look *look, usec_t now)
{
	struct destination_keep *keep = look->keep;
	struct acm_kept *kept;

	if (!keep || !keep->kept)
		return false;
	kept = (struct acm_kept *)keep->kept;
	if (!is_good(kept, look, now)) {
		kept_clear(kept);
		return false;
	}
	look->imports = kept->imports;
	look->share = take(kept->share);
	look->unsearched = kept->unsearched;
	look->listed_at = kept->listed_at;
	kept->imports = (struct import_list){ 0 };
	kept->listed_at = 0;
	kept->base.good = false;
	aws_share_bind(look->share, NULL, NULL); /* until the loop's next turn */
	return true;
}

static bool all_readable(const struct import_list *imports)
{
	for (size_t i = 0; i < imports->count; i++)
		if (imports->items[i].error.kind != ERROR_NONE)
			return false;
	return true;
}

static void give_room(struct acm_look *look)
{
	look->share = aws_share_free(look->share);
}

/* All has been made of what was listed that will be, but for what could not be read: it goes, or is kept. */
static void leave_listed(struct acm_look *look)
{
	struct destination_keep *keep = look->keep;
	struct acm_kept *kept;

	if (!keep || !keep->more || !look->share || look->listed_again || !all_readable(&look->imports)) {
		import_list_keep_unreadable(&look->imports);
		give_room(look);
		return;
	}
	kept = kept_get(keep);
	kept_clear(kept);
	kept->imports = look->imports;
	kept->share = take(look->share);
	kept->unsearched = look->unsearched;
	kept->listed_at = look->listed_at;
	kept->base.good = true;
	look->imports = (struct import_list){ 0 };
	aws_share_spare(kept->share, kept_clear, kept);
}

/* --- LIST --- */

/* What was read while there was only the roll goes to what was listed anew. */
static void apply_roll(struct acm_look *look)
{
	acm_roll_apply(look->roll, &look->imports);
	look->roll = acm_roll_free(look->roll);
	look->listed_again = true;
	give_room(look);
}

static void on_listed(void *userdata, struct acm_listed *listed, const struct error *err)
{
	struct acm_look *look = userdata;

	look->listing = NULL;
	if (look->deferred) { /* it has given up */
		if (!err) {
			import_list_done(&listed->imports);
			aws_share_free(listed->share);
		}
		return;
	}
	if (err) {
		error_copy(&look->error, err);
		look->roll = acm_roll_free(look->roll);
	} else {
		look->imports = listed->imports;
		look->unsearched |= listed->unsearched;
		aws_share_bind(listed->share, NULL, NULL);
		if (look->roll)
			apply_roll(look);
		look->share = listed->share;
	}
	step_done(look);
}

static int on_deferred(sd_event_source *source, void *userdata)
{
	struct acm_look *look = userdata;

	look->deferred = sd_event_source_disable_unref(look->deferred);
	look->listing = acm_list_imports_cancel(look->listing); /* of one that has given up */
	step_done(look);
	return 0;
}

static void end_phase_later(struct acm_look *look)
{
	look->left = 1;
	if (sd_event_add_defer(look->context->event, &look->deferred, on_deferred, look) < 0)
		mem_exhausted();
	(void)sd_event_source_set_description(look->deferred, "acm-look-deferred");
}

static void start_list(struct acm_look *look)
{
	if (look->roll) {
		look->left = 1;
		look->listing = acm_list_imports_again(
			look->context, look->session, look->items, look->count, look->keep, on_listed, look);
	} else if (take_kept(look, look->listed_at)) {
		end_phase_later(look);
	} else {
		look->left = 1;
		look->listing = acm_list_imports(
			look->context, look->session, look->items, look->count, look->keep, on_listed, look);
	}
}

/* --- the phase's requests --- */

static void add_request(struct acm_look *look, size_t index)
{
	look->queue[look->queued++] = (uint32_t)index;
	look->left++;
}

/* None yet, but room for as many as the phase can have. */
static void clear_requests(struct acm_look *look, size_t room)
{
	free(look->queue);
	look->queue = mem_alloc(room * sizeof(*look->queue));
	look->queued = look->sent = 0;
	look->window = 1;
}

static void cancel_requests(struct acm_look *look)
{
	for (size_t i = 0; i < REQUESTS_AT_ONCE; i++) {
		look->requests[i].operation = acm_cancel(look->requests[i].operation);
		look->requests[i].look = NULL;
	}
	look->sent = look->queued;
	look->left = 0;
}

/* --- TAGS --- */

static void note_tags(struct acm_look *look, size_t index, char *const *tags, const struct error *err)
{
	struct import *import = look->roll ? NULL : &look->imports.items[index];

	if (look->roll) {
		acm_roll_note(look->roll, index, tags, err);
	} else if (err) {
		error_copy(&import->error, err);
	} else {
		import->tags = tags_keep(tags);
		import->tags_read = true;
	}
}

/* It gave no answer, however often it was asked for these: the others are not waited for as long. */
static void leave_rest(struct acm_look *look, const struct error *err)
{
	const struct pulse *pulse = aws_pulse(look->session, AWS_ACM, look->region);

	if (err->kind != ERROR_RETRY || !pulse->lost)
		return;
	for (; look->sent < look->queued; look->sent++, look->left--)
		note_tags(look, look->queue[look->sent], NULL, err);
}

static void on_tags(void *userdata, char *const *tags, const struct error *err)
{
	struct request *request = userdata;
	struct acm_look *look = request->look;

	request->operation = NULL;
	note_tags(look, request->index, tags, err);
	if (err) {
		leave_rest(look, err);
	} else {
		aws_share_earn(look->share);
		lend_room(look);
	}
	request_done(request);
}

static void mark_needing_tags(
	struct acm_look *look, const struct look_item *item, const bool *claimed, bool *marks)
{
	_cleanup_(concerned_done) struct concerned concerned;

	match_concerned(&look->imports, item, look->unsearched, &concerned);
	for (size_t i = 0; i < concerned.count; i++) {
		size_t at = (size_t)(concerned.items[i].import - look->imports.items);

		marks[at] |= match_needs_tags(&concerned.items[i], item, look->unsearched && !claimed[at]);
	}
}

/* Which imports must be asked for their tags: those that concern an item whose own is not known. */
static void mark_concerned(struct acm_look *look, bool *marks)
{
	_cleanup_(freep) bool *claimed = mem_alloc(look->imports.count);

	for (size_t i = 0; i < look->count; i++) {
		struct import *import = match_known(&look->imports, &look->items[i]);

		if (import)
			claimed[import - look->imports.items] = true;
	}
	for (size_t i = 0; i < look->count; i++) {
		const struct look_item *item = &look->items[i];

		if (is_direct(item) || match_known(&look->imports, item))
			continue;
		mark_needing_tags(look, item, claimed, marks);
	}
}

/* Its room is needed by others for longer than it can do without.  It may be its own listing that lacked room, and is
 * still to see whether there is any: that goes with the loop's next turn.  (TAGS, and LIST after it.) */
static void give_up(void *userdata)
{
	struct acm_look *look = userdata;

	cancel_requests(look);
	import_list_done(&look->imports);
	look->roll = acm_roll_free(look->roll);
	give_room(look);
	(void)error_set(&look->error, ERROR_RETRY, 0,
		"ACM answers too slowly whose its imports are, and other destinations waited for the memory; certferry "
		"checks again later");
	end_phase_later(look);
}

/* Others need the room of what was listed: what is left is a roll.  (TAGS.) */
static void make_roll(void *userdata)
{
	struct acm_look *look = userdata;
	_cleanup_(freep) bool *wanted = mem_alloc(look->imports.count);

	for (size_t i = 0; i < REQUESTS_AT_ONCE; i++)
		if (look->requests[i].look)
			wanted[look->requests[i].index] = true;
	for (size_t i = look->sent; i < look->queued; i++)
		wanted[look->queue[i]] = true;
	look->roll = acm_roll_new(&look->imports, wanted, look->items, look->count);
	if (!look->roll || !aws_share_shrink(look->share, acm_roll_size(look->roll), clock_monotonic())) {
		give_up(look);
		return;
	}
	for (size_t i = 0; i < REQUESTS_AT_ONCE; i++)
		if (look->requests[i].look)
			look->requests[i].index =
				acm_roll_find(look->roll, look->imports.items[look->requests[i].index].summary.arn);
	for (size_t i = look->sent; i < look->queued; i++)
		look->queue[i] =
			(uint32_t)acm_roll_find(look->roll, look->imports.items[look->queue[i]].summary.arn);
	import_list_done(&look->imports);
	aws_share_bind(look->share, give_up, look);
}

/* While it will soon be through, nobody takes its room at once: to list once more costs all of them more than that. */
static void lend_room(struct acm_look *look)
{
	if (look->roll)
		return;
	if (look->left <= TAGS_SOON)
		aws_share_bind(look->share, make_roll, look);
	else
		aws_share_spare(look->share, make_roll, look);
}

static void start_tags(struct acm_look *look)
{
	_cleanup_(freep) bool *marks = NULL;

	import_list_index(&look->imports);
	marks = mem_alloc(look->imports.count);
	mark_concerned(look, marks);
	clear_requests(look, look->imports.count);
	for (size_t i = 0; i < look->imports.count; i++)
		if (marks[i] && !look->imports.items[i].tags_read && look->imports.items[i].error.kind == ERROR_NONE)
			add_request(look, i);
	lend_room(look);
}

/* --- DESCRIBE --- */

static struct import *find_own(struct acm_look *look, const struct look_item *item)
{
	return match_known(&look->imports, item) ?: match_tagged(&look->imports, item);
}

/*
 * What certferry imported for ${item} when its entry named another source certificate: by the
 * record, or by its tags. Those among which a person has to choose, or which ACM would not let it
 * go on with; none: there are none, or ${ret_only} is the one.
 */
static struct best find_formers(
	struct acm_look *look, const struct look_item *item, struct import **ret_only)
{
	struct import *own = find_own(look, item);
	struct best best = { 0 };

	*ret_only = NULL;
	if (item->delivery->arn)
		return best;
	if (own && item->former && own->listed)
		match_one(&look->imports, own, item, &best);
	else if (!own && !item->object_id)
		match_formers(&look->imports, item, &best);
	if (best.total != 1 || !match_admits(&look->imports, best.items[0].import, item))
		return best;
	*ret_only = best.items[0].import;
	return (struct best){ 0 };
}

/* Is ${item} waiting for somebody to choose among the imports of others? */
static bool is_undecided(struct acm_look *look, const struct look_item *item)
{
	return !is_direct(item) && !find_own(look, item) && !item->delivery->arn &&
		!item->object_id && item->delivery->wish->adopt != ADOPT_BESIDE;
}

static void on_described(
	void *userdata, const struct acm_description *description, const struct error *err)
{
	struct request *request = userdata;
	struct acm_look *look = request->look;

	request->operation = NULL;
	if (!err) /* without it, the candidate is shown without its users */
		import_keep_users(&look->imports.items[request->index], description->in_use_by);
	request_done(request);
}

/* Those that a person is shown: nobody asks who uses the others. */
static void mark_candidates(struct acm_look *look, const struct look_item *item, bool *marks)
{
	struct import *only = NULL;
	struct best best = is_direct(item) ? (struct best){ 0 } : find_formers(look, item, &only);

	if (!best.total && is_undecided(look, item) && !only)
		match_best(&look->imports, item, &best);
	for (size_t i = 0; i < best.count; i++)
		marks[best.items[i].import - look->imports.items] = true;
}

/* Others need the room: who uses the rest is not shown.  (DESCRIBE.) */
static void skip_describe(void *userdata)
{
	struct acm_look *look = userdata;

	cancel_requests(look);
	look->phase = PHASE_READ;
	start_phase(look);
	if (!look->left)
		end_phase_later(look);
}

static void start_describe(struct acm_look *look)
{
	_cleanup_(freep) bool *marks = mem_alloc(look->imports.count);

	import_list_index(&look->imports); /* their own tags are known now */
	for (size_t i = 0; i < look->count; i++)
		mark_candidates(look, &look->items[i], marks);
	clear_requests(look, look->imports.count);
	for (size_t i = 0; i < look->imports.count; i++)
		if (marks[i] && look->imports.items[i].summary.in_use && !look->imports.items[i].in_use_by)
			add_request(look, i);
	aws_share_spare(look->share, skip_describe, look);
}

/* --- READ --- */

static void fail_item(struct observed *seen, const struct error *err)
{
	seen->state = OBSERVED_UNKNOWN;
	error_copy(&seen->error, err);
}

/*
 * What one answer shows and another does not is new or was deleted: nothing is made anew before
 * they agree.
 */
static void fail_unreadable(struct observed *seen, const struct import *import)
{
	const struct error *err = &import->error;

	fail_item(seen, err);
	if (err->kind == ERROR_ABSENT)
		error_set(&seen->error, ERROR_RETRY, err->code,
			"ACM lists '%s', but does not know it (it is new, or somebody deleted it); "
			"certferry checks again later",
			import->summary.arn);
	else
		error_wrap(&seen->error, "find out whose import '%s' is", import->summary.arn);
}

/* It is nearly always the version that is wanted or the one that was there before: neither is parsed again. */
static bool recognise_version(
	const struct look_item *item, const char *leaf, const char *chain, struct version *ret_version)
{
	const struct version *const known[] = { &item->wanted, &item->confirmed };
	struct fingerprint leaf_print, chain_print;
	struct digest digest;

	if (certificate_text_digest(leaf, strlen(leaf), &leaf_print) < 0 ||
		certificate_text_digest(chain, strlen(chain), &chain_print) < 0)
		return false;
	digest = digest_of_leaf(&leaf_print);
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (!digest_is_set(&known[i]->digest) ||
			!digest_equal(&known[i]->digest, &digest) ||
			!fingerprint_equal(&known[i]->chain, &chain_print))
			continue;
		*ret_version = *known[i];
		return true;
	}
	return false;
}

static int describe_version(const char *leaf, const char *chain, struct version *ret_version,
	char **ret_holder, struct error *err)
{
	_cleanup_(certificate_freep) struct certificate *certificate = NULL;
	int r;

	r = certificate_parse(leaf, strlen(leaf), &certificate, err);
	if (r < 0)
		return r;
	*ret_version = (struct version){
		.digest = digest_of_leaf(&certificate->fingerprint),
		.not_before = certificate->not_before,
		.not_after = certificate->not_after,
	};
	/* All that is asked of it is whether it is the one expected: what its account put into it is not parsed for that. */
	(void)certificate_text_digest(chain, strlen(chain), &ret_version->chain);
	*ret_holder = destination_holder(certificate);
	return 0;
}

static void see_version(
	const struct look_item *item, struct observed *seen, const char *leaf, const char *chain)
{
	if (!recognise_version(item, leaf, chain, &seen->version) &&
		describe_version(leaf, chain, &seen->version, &seen->holder, &seen->error) < 0) {
		error_wrap(&seen->error, "parse the certificate in place, '%s'", seen->object_id);
		seen->state = OBSERVED_UNKNOWN;
		return;
	}
	seen->state = OBSERVED_PRESENT;
	if (item->want_pem) {
		seen->leaf_pem = mem_strdup(leaf);
		/* What is longer is not known. */
		seen->chain_pem = strlen(chain) <= CHAIN_MOST ? mem_strdup(chain) : NULL;
	}
}

/* Where it would be made anew, it must be certain that none of the others is its own. */
static void see_gone(struct acm_look *look, size_t index)
{
	const struct look_item *item = &look->items[index];
	const struct import *unreadable = match_unreadable(&look->imports, item, look->unsearched);

	if (item->delivery->wish->recreate && unreadable)
		fail_unreadable(&look->seen[index], unreadable);
	else
		look->seen[index].state = OBSERVED_GONE;
}

static void on_users(
	void *userdata, const struct acm_description *description, const struct error *err)
{
	struct request *request = userdata;
	struct observed *seen = &request->look->seen[request->index];
	_cleanup_(freep) char *list = NULL;

	request->operation = NULL;
	if (!err && description->in_use_by) { /* without it, a person finds out */
		list = bounded_join(description->in_use_by, "");
		seen->users = mem_printf("used by %s", list);
	} else if (!err) {
		seen->users = mem_strdup("used by nobody");
	}
	request_done(request);
}

/* What its own tags say, not those that the search found: it is about to be decided by them. */
static void on_own_tags(void *userdata, char *const *tags, const struct error *err)
{
	struct request *request = userdata;
	struct acm_look *look = request->look;
	const struct delivery *delivery = look->items[request->index].delivery;
	struct observed *seen = &look->seen[request->index];

	request->operation = NULL;
	if (!err) {
		tags_see(tags, delivery, seen);
	} else if (err->kind != ERROR_DENIED || !delivery->arn) { /* one that was taken over need not be readable */
		fail_item(seen, err);
		error_wrap(&seen->error, "read the tags of '%s'", seen->object_id);
	}
	if (look->items[request->index].want_users && seen->state == OBSERVED_PRESENT)
		request->operation = acm_describe(
			look->session, look->region, seen->object_id, on_users, request);
	else
		request_done(request);
}

static void on_read(void *userdata, const char *leaf, const char *chain, const struct error *err)
{
	struct request *request = userdata;
	struct acm_look *look = request->look;
	struct observed *seen = &look->seen[request->index];

	request->operation = NULL;
	if (!err)
		see_version(&look->items[request->index], seen, leaf, chain);
	else if (err->kind == ERROR_ABSENT)
		see_gone(look, request->index);
	else
		fail_item(seen, err);
	if (seen->state == OBSERVED_PRESENT && look->items[request->index].want_anchor)
		request->operation =
			acm_tags(look->session, look->region, seen->object_id, on_own_tags, request);
	else
		request_done(request);
}

static void read_item(struct acm_look *look, size_t index, const char *arn)
{
	look->seen[index].object_id = mem_strdup(arn);
	add_request(look, index);
}

/*
 * An import that is ours, or to be taken over: believed while its dates are those of the
 * record, else read.
 */
static void see_import(struct acm_look *look, size_t index, const struct import *import)
{
	const struct look_item *item = &look->items[index];
	struct observed *seen = &look->seen[index];

	if (import->listed) {
		seen->revision = match_revision(&import->summary);
		seen->unused = !import->summary.in_use;
	}
	if (import->tags_read || import->found_tags)
		tags_see(import->tags_read ? import->tags : import->found_tags, item->delivery, seen);
	if (item->exact || item->want_pem || !seen->revision || !item->revision ||
		!item->object_id || !digest_is_set(&item->confirmed.digest) ||
		strcmp(seen->revision, item->revision) != 0 ||
		strcmp(item->object_id, import->summary.arn) != 0) {
		read_item(look, index, import->summary.arn);
		return;
	}
	seen->object_id = mem_strdup(import->summary.arn);
	seen->version = item->confirmed;
	seen->state = OBSERVED_PRESENT;
}

/* None is its own: may there be one made, or do imports of others stand in the way? */
static void see_others(struct acm_look *look, size_t index)
{
	const struct look_item *item = &look->items[index];
	const struct import *unreadable = match_unreadable(&look->imports, item, look->unsearched);
	enum adopt adopt = item->delivery->wish->adopt;
	const struct import *only = NULL;
	struct observed *seen = &look->seen[index];

	if (adopt == ADOPT_IN_USE)
		only = match_only_in_use(&look->imports, item);
	if (unreadable) {
		fail_unreadable(seen, unreadable);
	} else if (!item->source) {
		error_set(&seen->error, ERROR_RETRY, 0,
			"certferry does not know the certificate's names yet, so it cannot tell whether "
			"unmanaged imports share one");
	} else if (only) {
		see_import(look, index, only);
	} else {
		if (adopt != ADOPT_BESIDE)
			match_fill_candidates(&look->imports, item, seen);
		seen->state = seen->candidate_total ? OBSERVED_ADOPTABLE : OBSERVED_ABSENT;
	}
}

/* The choice is a person's. */
static void see_formers(struct acm_look *look, size_t index, const struct best *best)
{
	const struct look_item *item = &look->items[index];
	const struct import *first = best->items[0].import;
	struct observed *seen = &look->seen[index];
	const char *source = first->tags_read ? tags_former(first->tags, item->delivery) : NULL;

	match_fill_best(best, item, seen);
	seen->former = mem_strdup(source ?: "");
	seen->state = OBSERVED_ADOPTABLE;
}

static void see_listed(struct acm_look *look, size_t index)
{
	const struct look_item *item = &look->items[index];
	const struct import *own = find_own(look, item);
	struct import *only = NULL;
	struct best formers = { 0 };

	if (look->error.kind) {
		fail_item(&look->seen[index], &look->error);
		return;
	}
	look->seen[index].imported_count = look->listed_count;
	formers = find_formers(look, item, &only);
	if (formers.total)
		see_formers(look, index, &formers);
	else if (!own && only)
		see_import(look, index, only);
	else if (own)
		see_import(look, index, own);
	else if (item->delivery->arn || item->object_id)
		read_item(look, index, item->delivery->arn ?: item->object_id);
	else
		see_others(look, index);
}

static void start_read(struct acm_look *look)
{
	look->listed_count = 0;
	for (size_t i = 0; i < look->imports.count; i++)
		look->listed_count += look->imports.items[i].listed;
	clear_requests(look, look->count);
	for (size_t i = 0; i < look->count; i++) {
		look->seen[i].at = look->listed_at;
		if (is_direct(&look->items[i]))
			read_item(look, i, look->items[i].object_id);
		else
			see_listed(look, i);
	}
	leave_listed(look);
}

static void send_one(struct request *request)
{
	struct acm_look *look = request->look;
	_cleanup_(freep) char *rolled = look->roll ? acm_roll_arn(look->roll, request->index) : NULL;
	const char *arn = look->phase == PHASE_READ ? look->seen[request->index].object_id
			  : rolled		    ? rolled
						    : look->imports.items[request->index].summary.arn;

	if (look->phase == PHASE_TAGS)
		request->operation = acm_tags(look->session, look->region, arn, on_tags, request);
	else if (look->phase == PHASE_DESCRIBE)
		request->operation = acm_describe(look->session, look->region, arn, on_described, request);
	else
		request->operation = acm_get(look->session, look->region, arn, on_read, request);
}

/* --- END --- */

static void acm_look_free(struct acm_look *look)
{
	give_room(look);
	sd_event_source_disable_unref(look->deferred);
	import_list_done(&look->imports);
	acm_roll_free(look->roll);
	error_done(&look->error);
	free(look->queue);
	seen_free(look->seen, look->count);
	free(look);
}

static bool nothing_seen(const struct acm_look *look)
{
	if (!look->error.kind)
		return false;
	for (size_t i = 0; i < look->count; i++)
		if (is_direct(&look->items[i]))
			return false;
	return true;
}

/* The only end. */
static void finish(struct acm_look *look)
{
	if (nothing_seen(look))
		look->done(look->userdata, NULL, &look->error);
	else
		look->done(look->userdata, take(look->seen), NULL);
	acm_look_free(look);
}

static void start_phase(struct acm_look *look)
{
	switch (look->phase) {
	case PHASE_LIST:
		start_list(look);
		break;
	case PHASE_TAGS:
		if (!look->error.kind)
			start_tags(look);
		break;
	case PHASE_DESCRIBE:
		if (!look->error.kind)
			start_describe(look);
		break;
	case PHASE_READ:
		start_read(look);
		break;
	case PHASE_END:
		break;
	}
	send_some(look);
}

/* The next phase that has anything to ask for. */
static void advance(struct acm_look *look)
{
	while (look->left == 0 && look->phase != PHASE_END) {
		look->phase = look->phase == PHASE_TAGS && look->roll ? PHASE_LIST : look->phase + 1;
		start_phase(look);
	}
	if (look->phase == PHASE_END)
		finish(look);
}

struct destination_look *acm_look(const struct destination_context *context, const struct look_item *items,
	size_t count, struct destination_keep *keep, usec_t now, destination_look_fn done, void *userdata)
{
	const struct place *place = items[0].delivery->place;
	struct acm_look *look = mem_new(struct acm_look);

	*look = (struct acm_look){
		.items = items,
		.count = count,
		.context = context,
		.keep = keep,
		.session = place_session(context, place),
		.region = place_aws(place)->region,
		.listed_at = now,
		.phase = PHASE_READ,
		.seen = mem_alloc(count * sizeof(struct observed)),
		.done = done,
		.userdata = userdata,
	};
	for (size_t i = 0; i < count; i++) {
		if (!is_direct(&items[i]))
			look->phase = PHASE_LIST;
	}
	start_phase(look); /* asks for something in either phase: nothing ends inside start */
	return &look->base;
}

void acm_look_cancel(struct destination_look *handle)
{
	struct acm_look *look = (struct acm_look *)handle;

	acm_list_imports_cancel(look->listing);
	cancel_requests(look);
	acm_look_free(look);
}
