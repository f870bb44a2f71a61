/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/conductor/state.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/conductor/limits.h"
#include "daemon/transition/certificate.h"
#include "daemon/transition/delivery.h"
#include "daemon/transition/dependent.h"
#include "daemon/transition/schedule.h"
#include "lib/base/strv.h"
#include "lib/os/clock.h"

/* Private certificates are dated an hour back, public ones to the start of their day, and reads lag. */
#define LOOK_BACK (72 * USEC_PER_HOUR)

#define POLL_JITTER 10 /* percent */

/*
 * Places looked at side by side; of how many of their deliveries, says limits.h.  That is for places that answer.  One that
 * has not answered lately is asked about one of its deliveries, which takes no room of the others, and about the rest when
 * it has; of those that gave no answer before, no more than half of PROBES_AT_ONCE at a time.
 */
#define LOOKS_AT_ONCE  32
#define PROBES_AT_ONCE 128

/* While versions are read, each place is looked at so far apart, at least: a look lists the whole place, and to read takes
 * as long as there is much to read, so that at a fixed distance the looks would cost the product of both. */
#define LOOKS_APART	     (2 * USEC_PER_SEC)
#define LOOKS_APART_DELIVERY ((usec_t)200) /* for each delivery that there is */

/* A look that takes longer leaves its turn to others: to read the tags of an account that is full of imports takes minutes, and
 * some accounts answer all but that.  What all looks take is bounded by LOOKED_IN_ALL still. */
#define LOOK_LONG (5 * USEC_PER_SEC)

#define EXPIRING_WARN (14 * USEC_PER_DAY)

/* --- the source --- */

/* What the record knows of the source, as if it had been read: unchanged certificates need not be read again. */
static struct source_view *view_from_record(const struct conductor *conductor)
{
	struct source_view *view = mem_new(struct source_view);
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct recorded recorded = { 0 };

	if (!conductor->record || record_load_few(conductor->record, &recorded, &err) < 0)
		return view;
	view->items = mem_alloc(recorded.certificate_count * sizeof(*view->items));
	for (size_t i = 0; i < recorded.certificate_count; i++) {
		const struct certificate_record *row = &recorded.certificates[i];

		if (!digest_is_set(&row->version.digest))
			continue;
		view->items[view->count++] = (struct source_certificate){
			.arn = mem_strdup(row->arn),
			.serial = mem_strdup(row->serial),
			.not_before = row->version.not_before,
			.not_after = row->version.not_after,
			.version = row->version,
		};
	}
	recorded_done(&recorded);
	return view;
}

static void note_source_failure(struct conductor *conductor, const struct error *err)
{
	const struct change change = { .event = CHANGE_SOURCE_FAILED, .error = err };

	say(conductor, &change);
	error_copy(&conductor->source.problem, err);
}

static void schedule_reads(struct conductor *conductor, bool swept, bool failed)
{
	const struct desired *desired = conductor->world->desired;
	usec_t now = clock_monotonic();
	usec_t poll = jitter(desired->poll, POLL_JITTER);

	if (failed) {
		usec_t wait = backoff(++conductor->source.failures, conductor->source.problem.kind);

		conductor->source.next_look = now + jitter(MIN(wait, desired->poll), POLL_JITTER);
		if (swept)
			conductor->source.next_sweep = conductor->source.next_look;
		return;
	}
	conductor->source.failures = 0;
	conductor->source.next_look = now + poll;
	if (swept)
		conductor->source.next_sweep = now + jitter(desired->sweep, POLL_JITTER);
}

/* Writes down the version that a certificate was seen to have, and says so when it is new. */
static void note_version(struct conductor *conductor, struct tracked_certificate *certificate)
{
	const struct source_certificate *seen = certificate->seen;
	struct certificate_record *record = &certificate->record;
	struct changes changes = { 0 };

	if (!seen || !digest_is_set(&seen->version.digest))
		return;
	if (!transition_version_seen(record, &seen->version, seen->serial && !certificate->has_serial, &changes))
		return; /* one version has one serial */
	(void)conductor_save_certificate(conductor, certificate);
	say_certificate_changes(conductor, certificate, &changes);
}

/* Why a certificate that the configuration asks for is not delivered. */
static void note_refusal(struct conductor *conductor, struct tracked_certificate *certificate)
{
	const struct source_certificate *seen = certificate->seen;
	_cleanup_(freep) char *why = NULL;
	const struct change accepted = { .event = CHANGE_ACCEPTED };
	struct change refused = { .event = CHANGE_REFUSED };

	if (!seen)
		why = mem_printf("'%s' does not exist in the source account. Is the ARN right, and its region in "
				 "source.regions?", certificate->arn);
	else if (source_refusal(seen))
		why = mem_strdup(source_refusal(seen));
	else if (seen->problem)
		why = mem_strdup(seen->problem);
	refused.words = why;
	say_certificate(conductor, certificate, why ? &refused : &accepted);
	free(certificate->refusal);
	certificate->refusal = take(why);
}

/* Does it show the same certificates under the same names, so that the same deliveries come of it? */
static bool views_alike(const struct source_view *a, const struct source_view *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!source_certificate_listed_alike(&a->items[i], &b->items[i]))
			return false;
	return true;
}

static void expand_again(struct conductor *conductor, const struct source_view *former)
{
	struct world *world = world_new(conductor->world->configuration, conductor->source.view, conductor->default_region);

	if (former && state_shows(conductor, world)) {
		world_unref(world);
		state_refresh_view(conductor, former);
		return;
	}
	say_entries(conductor, world->expansion->problems, conductor->world->expansion->problems);
	state_adopt_world(conductor, world);
}

static void on_view(void *userdata, const struct source_view *former)
{
	struct conductor *conductor = userdata;

	if (former && views_alike(former, conductor->source.view))
		state_refresh_view(conductor, former);
	else
		expand_again(conductor, former);
}

/* What was listed, while the versions are still being read: what they are is told one by one, so that the first is on
 * its way when the last is not read yet. */
static void on_listed(void *userdata)
{
	struct conductor *conductor = userdata;

	for (size_t i = 0; i < conductor->certificate_count; i++)
		note_refusal(conductor, conductor->certificates[i]);
	job_versions_told(conductor);
	cycle_poke(conductor);
}

static void on_version(void *userdata, const struct source_certificate *certificate)
{
	struct conductor *conductor = userdata;
	struct tracked_certificate **certificates;
	size_t count;

	certificates = state_find_arn(conductor, certificate->arn, &count);
	for (size_t i = 0; i < count; i++) {
		note_version(conductor, certificates[i]);
		note_refusal(conductor, certificates[i]);
		agenda_touch(&conductor->agenda, &certificates[i]->agenda);
		job_version_read(conductor, certificates[i]);
	}
	cycle_poke(conductor);
}

static void note_all(struct conductor *conductor)
{
	for (size_t i = 0; i < conductor->certificate_count; i++) {
		note_version(conductor, conductor->certificates[i]);
		note_refusal(conductor, conductor->certificates[i]);
	}
}

/* The source may soon list more than is believed, or more than there is memory for after a start, when all of it is new. */
static void note_size(struct conductor *conductor)
{
	const unsigned most = conductor->world->desired->source.certificates_max;
	const size_t count = conductor->source.view->count, room = source_room(conductor->world->desired);
	const bool many = count >= most / 10 * 9, large = conductor->source.view_size >= room / 10 * 9;
	_cleanup_(freep) char *room_text = mem_printf("%zu", room >> 10);
	struct change change = { .event = CHANGE_SOURCE_FITS };

	if (many)
		change = (struct change){ .event = CHANGE_SOURCE_FILLS, .count = count, .total = most };
	else if (large)
		change = (struct change){
			.event = CHANGE_SOURCE_SWELLS,
			.count = conductor->source.view_size >> 10,
			.total = most,
			.words = room_text,
		};
	say(conductor, &change);
}

static void read_ended(
	struct conductor *conductor, bool swept, struct source_view *view, const struct error *err)
{
	if (err) {
		note_source_failure(conductor, err);
		schedule_reads(conductor, swept, true);
		wake_read_ended(conductor, false);
		job_read_ended(conductor, err);
		cycle_poke(conductor);
		return;
	}
	say(conductor, &(struct change){ .event = CHANGE_SOURCE_READ });
	error_done(&conductor->source.problem);
	schedule_reads(conductor, swept, false);
	if (view)
		source_watch_take(&conductor->source, view);
	wake_read_ended(conductor, true);
	conductor->source.looked_at = conductor_now(conductor);
	if (view)
		note_all(conductor);
	note_size(conductor);
	if (swept) {
		conductor->source.swept_at = conductor->source.looked_at;
		/* What was seen, or put in place, while the versions were read need not be looked at once more. */
		for (size_t i = 0; i < conductor->place_count; i++)
			state_want_looks(conductor->places[i], conductor->source.began);
	}
	job_read_ended(conductor, NULL);
	cycle_poke(conductor);
}

/* What a reading for jobs has found out.  The next look and sweep are when they were to be. */
static void check_ended(
	struct conductor *conductor, char *const *only, struct source_view *view, const struct error *err)
{
	if (view)
		source_watch_take(&conductor->source, view);
	STRV_FOREACH (arn, view ? only : NULL) {
		size_t count;
		struct tracked_certificate **certificates = state_find_arn(conductor, *arn, &count);

		for (size_t i = 0; i < count; i++) {
			note_version(conductor, certificates[i]);
			note_refusal(conductor, certificates[i]);
		}
	}
	job_read_ended(conductor, err);
	cycle_poke(conductor);
}

static void on_ended(void *userdata, enum source_reading reading, char *const *only, struct source_view *view,
	const struct error *err)
{
	if (reading == SOURCE_CHECK)
		check_ended(userdata, only, view, err);
	else
		read_ended(userdata, reading == SOURCE_SWEEP, view, err);
}

const struct source_watch_events look_source_events = {
	.on_view = on_view,
	.on_listed = on_listed,
	.on_version = on_version,
	.on_ended = on_ended,
};

/* Of those certificates alone that jobs are about; ${only} is taken over. */
static void start_check(struct conductor *conductor, char **only, size_t count)
{
	const struct source_watch_order order = {
		.reading = SOURCE_CHECK,
		.aws = conductor->aws,
		.desired = conductor->world->desired,
		.only = only,
		.only_count = count,
		.now = conductor_now(conductor),
	};

	job_read_begins(conductor, false);
	source_watch_start(&conductor->source, &order);
}

static void start_read(struct conductor *conductor, bool sweep)
{
	const struct source_watch_order order = {
		.reading = sweep ? SOURCE_SWEEP : SOURCE_LOOK,
		.aws = conductor->aws,
		.desired = conductor->world->desired,
		.now = conductor_now(conductor),
		.since = usec_sub(conductor->source.looked_at, LOOK_BACK),
	};

	if (!conductor->source.view && !conductor->source.remembered)
		source_watch_remember(&conductor->source, view_from_record(conductor));
	wake_read_begins(conductor, sweep);
	if (sweep) {
		conductor->source.sweep_wanted = false;
		job_read_begins(conductor, true);
	}
	source_watch_start(&conductor->source, &order);
}

void look_stop_reading(struct conductor *conductor)
{
	source_watch_cancel(&conductor->source);
	job_read_cancelled(conductor);
}

void look_due(struct conductor *conductor)
{
	usec_t now = clock_monotonic();
	size_t count;
	char **only;

	if (conductor->source.read || !conductor->source.memory.regions)
		return;
	if (conductor->source.sweep_wanted || conductor->source.next_sweep <= now)
		start_read(conductor, true);
	else if (conductor->source.view && (only = job_wanted_arns(conductor, &count)))
		start_check(conductor, only, count);
	else if (conductor->source.next_look <= now)
		start_read(conductor, false);
}

/* --- places --- */

/* A delivery of a place that is being looked at, at the size that the look needs. */
struct looked {
	size_t slot;
	struct delivery delivery;
	char *object_id;
	char *revision;
};

/* Can it be said what should be there? */
static bool is_lookable(const struct conductor *conductor, const struct slot *slot)
{
	const struct source_certificate *seen = state_certificate(conductor, slot)->seen;

	return !(slot->claimed_by & CLAIM_TRANSFER) && seen && !source_refusal(seen) &&
	       digest_is_set(&seen->version.digest);
}

/* Is it to be looked at, by itself or with all of its place? */
static bool is_wanted(const struct conductor *conductor, const struct slot *slot)
{
	const struct tracked_place *place = state_place(conductor, slot);

	return slot->look_wanted ||
	       (place->wanted && (!place->seen_since || state_seen_at(slot) < place->seen_since));
}

bool look_wants(const struct conductor *conductor, const struct slot *slot)
{
	return is_wanted(conductor, slot) && is_lookable(conductor, slot);
}

void look_ask(struct conductor *conductor, struct slot *slot)
{
	if (is_lookable(conductor, slot))
		state_want_look(conductor, slot, true);
}

/* What the place took and holds, against what it takes: nothing new is made there when that is used up. */
static void place_budget(struct tracked_place *place, unsigned held)
{
	struct conductor *conductor = place->conductor;
	_cleanup_(destination_budget_done) struct destination_budget budget = { 0 };
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(freep) char *name = NULL;
	unsigned puts = 0;
	struct change change;

	if (!destination_counts_puts(place->place))
		return;
	name = destination_counted_as(place->place);
	if (conductor->record)
		(void)record_count_imports(conductor->record, name,
			usec_sub(conductor_now(conductor), 365 * USEC_PER_DAY), &puts, &err);
	destination_budget(place->place, held, puts, &budget);
	if (!place->budget != !budget.spent)
		cycle_touch_all(conductor);
	free(place->budget);
	place->budget = take(budget.spent);
	change = (struct change){
		.event = budget.near ? CHANGE_QUOTA_NEAR : CHANGE_QUOTA_FREE,
		.words = budget.near,
	};
	say_place(place, NULL, &change);
}

static void place_forget_look(struct tracked_place *place)
{
	struct conductor *conductor = place->conductor;

	for (size_t i = 0; i < place->looking_count; i++) {
		struct looked *looked = &place->looking[i];

		state_unclaim(&conductor->slots[looked->slot], CLAIM_LOOK);
		delivery_done(&looked->delivery);
		free(looked->object_id);
		free(looked->revision);
		source_certificate_done(&place->sources[i]);
	}
	free(place->sources);
	free(place->looking);
	free(place->items);
	place->sources = NULL;
	place->looking = NULL;
	place->items = NULL;
	place->looking_count = 0;
	place->look = NULL;
	if (!place->keep.more)
		destination_forget(&place->keep);
}

/* What was found out at ${at}, by the clock when the look began, is as of now, unless it was kept from before. */
static usec_t as_of(const struct tracked_place *place, usec_t at)
{
	return usec_sub(conductor_now(place->conductor), at ? usec_sub(place->look_began, at) : 0);
}

/* The place gave no answer to the look at one of its deliveries: the others need none to say the same. */
static void fail_others(struct tracked_place *place, const struct error *err)
{
	struct conductor *conductor = place->conductor;

	for (size_t i = 0; i < conductor->delivery_count; i++) {
		struct slot *slot = &conductor->slots[i];
		struct observed failed = { .state = OBSERVED_UNKNOWN, .at = conductor_now(conductor) };

		if (state_place(conductor, slot) != place || !is_wanted(conductor, slot) || !is_lookable(conductor, slot))
			continue;
		error_copy(&failed.error, err);
		state_want_look(conductor, slot, false);
		look_seen(conductor, state_open(conductor, i), &failed);
		observed_done(&failed);
		state_settle(conductor);
	}
	place->wanted = false;
}

/* The look has ended: does the place answer?  If it does not, nothing more is asked of it. */
static void judge_place(struct tracked_place *place, const struct observed *seen, const struct error *err)
{
	const struct error *why = err;

	if (!why && place->probing && seen[0].state == OBSERVED_UNKNOWN && seen[0].error.text)
		why = &seen[0].error;
	place->chance = (unsigned)random_below(CHANCES);
	reach_ended(place, why != NULL);
	if (place->probing && (err || (why && place->reach.lost)))
		fail_others(place, why);
}

static void on_look(void *userdata, struct observed *seen, const struct error *err)
{
	struct tracked_place *place = userdata;
	struct conductor *conductor = place->conductor;
	unsigned held = 0;
	bool begun = conductor_begin(conductor);

	judge_place(place, seen, err);

	for (size_t i = 0; i < place->looking_count; i++) {
		struct observed failed = { .state = OBSERVED_UNKNOWN };
		struct observed *one = seen ? &seen[i] : &failed;
		size_t slot = place->looking[i].slot;

		if (err)
			error_copy(&failed.error, err);
		one->at = as_of(place, one->at);
		held = MAX(held, one->imported_count);
		state_unclaim(&conductor->slots[slot], CLAIM_LOOK);
		look_seen(conductor, state_open(conductor, slot), one);
		observed_done(one);
		state_settle(conductor);
	}
	conductor_commit(conductor, begun);
	free(seen);
	place_forget_look(place);
	for (size_t i = 0; place->waited_for && i < conductor->certificate_count; i++)
		if (conductor->certificates[i]->waits_for_look)
			agenda_touch(&conductor->agenda, &conductor->certificates[i]->agenda);
	place->waited_for = false;
	if (!err)
		place_budget(place, held);
	cycle_poke(conductor);
}

/* What the look has to know of one delivery. */
static void fill_looked(struct tracked_place *place, size_t at, size_t index)
{
	struct conductor *conductor = place->conductor;
	struct slot *slot = &conductor->slots[index];
	const struct source_certificate *source = state_certificate(conductor, slot)->seen;
	const struct tracked_delivery *open = slot->open;
	const struct kept_version *version = slot->settled.version;
	struct looked *looked = &place->looking[at];

	looked->slot = index;
	state_make_delivery(conductor, slot, &looked->delivery);
	looked->object_id = open ? mem_strdup(open->record.object_id) : settled_object(&slot->settled);
	looked->revision = open ? mem_strdup(open->record.revision) : settled_revision(&slot->settled);
	source_certificate_copy(&place->sources[at], source);
	state_claim(slot, CLAIM_LOOK);
	state_want_look(conductor, slot, false);
	place->items[at] = (struct look_item){
		.delivery = &looked->delivery,
		.wanted = source->version,
		.source = &place->sources[at],
		.object_id = looked->object_id,
		.revision = looked->revision,
		.seen_at = state_seen_at(slot),
	};
	if (open)
		place->items[at].confirmed = open->record.confirmed;
	else if (version)
		place->items[at].confirmed = version->version;
}

/* Of the place, ${wanted} deliveries are to be looked at; which, comes next. */
static void choose_place(struct tracked_place *place, size_t wanted)
{
	size_t count = reach_is_proven(place) ? wanted : 1;

	place->probing = count < wanted;
	place->keep.more = place->probing || place->conductor->source.tells;
	place->looking = mem_alloc(count * sizeof(*place->looking));
	place->items = mem_alloc(count * sizeof(*place->items));
	place->sources = mem_alloc(count * sizeof(*place->sources));
}

/* The deliveries of all places that were chosen; in one go, since there may be very many of both. */
static void fill_chosen(struct conductor *conductor)
{
	for (size_t i = 0; i < conductor->delivery_count; i++) {
		const struct slot *slot = &conductor->slots[i];
		struct tracked_place *place = state_place(conductor, slot);

		if (place->looking && !place->look && !(place->probing && place->looking_count) &&
			is_wanted(conductor, slot) && is_lookable(conductor, slot))
			fill_looked(place, place->looking_count++, i);
	}
}

static void look_at_place(struct tracked_place *place)
{
	struct conductor *conductor = place->conductor;

	place->look_began = conductor_now(conductor);
	if (!place->probing) {
		place->looked_at = clock_monotonic();
		place->wanted = false;
	} else if (place->wanted && !place->seen_since) {
		place->seen_since = place->look_began;
	}
	place->look = destination_look(&conductor->destinations, place->items, place->looking_count, &place->keep,
		place->look_began, on_look, place);
}

/* While the source's versions come one by one, a place is not looked at for each of them. */
static bool is_too_soon(const struct conductor *conductor, const struct tracked_place *place)
{
	const usec_t apart = MAX(LOOKS_APART, conductor->delivery_count * LOOKS_APART_DELIVERY);

	return conductor->source.tells && place->looked_at &&
	       clock_monotonic() < usec_add(place->looked_at, apart);
}

/* How many deliveries of each place are to be looked at; the caller owns it.  And how many each has in all: what it lists of
 * ours is that many, also where a look is about few of them. */
static size_t *count_wanted(const struct conductor *conductor)
{
	size_t *counts = mem_alloc(conductor->place_count * sizeof(*counts));

	for (size_t p = 0; p < conductor->place_count; p++)
		conductor->places[p]->keep.deliveries = 0;
	for (size_t i = 0; i < conductor->delivery_count; i++) {
		const struct slot *slot = &conductor->slots[i];

		conductor->places[slot->place]->keep.deliveries++;
		if (is_wanted(conductor, slot) && is_lookable(conductor, slot))
			counts[slot->place]++;
	}
	return counts;
}

/* What is under way. */
struct looks {
	size_t running, probes, searches; /* looks at places that answer, at one delivery, and that of places that were lost */
	size_t looked, all; /* deliveries: at places that answer, and in all */
};

static bool leaves_its_turn(const struct tracked_place *place, usec_t now)
{
	return !reach_is_open(place) || now >= usec_add(place->looked_at, LOOK_LONG);
}

usec_t look_next(const struct conductor *conductor)
{
	const usec_t now = clock_monotonic();
	usec_t next = USEC_INFINITY;

	for (size_t p = 0; p < conductor->place_count; p++) {
		const struct tracked_place *place = conductor->places[p];

		if (place->look && place->looking_count > 1 && !leaves_its_turn(place, now))
			next = MIN(next, usec_add(place->looked_at, LOOK_LONG));
	}
	return next;
}

static struct looks count_looks(const struct conductor *conductor)
{
	const usec_t now = clock_monotonic();
	struct looks looks = { 0 };

	for (size_t p = 0; p < conductor->place_count; p++) {
		const struct tracked_place *place = conductor->places[p];

		if (!place->look)
			continue;
		looks.all += place->looking_count;
		if (place->looking_count == 1) {
			looks.probes++;
			looks.searches += place->reach.lost;
		} else if (!leaves_its_turn(place, now)) {
			looks.running++;
			looks.looked += place->looking_count;
		}
	}
	return looks;
}

/* May a look at ${count} deliveries of it begin? */
static bool has_room(const struct looks *looks, const struct tracked_place *place, size_t count)
{
	if (count == 1 || !reach_is_proven(place))
		return looks->probes < PROBES_AT_ONCE &&
		       (!place->reach.lost || looks->searches < PROBES_AT_ONCE / 2);
	return looks->running < LOOKS_AT_ONCE &&
	       (!looks->looked || looks->looked + count <= LOOKED_AT_ONCE) &&
	       (looks->looked == looks->all || looks->all + count <= LOOKED_IN_ALL);
}

static void count_look(struct looks *looks, const struct tracked_place *place, size_t count)
{
	bool probe = count == 1 || !reach_is_proven(place);

	looks->probes += probe;
	looks->searches += probe && place->reach.lost;
	looks->running += !probe;
	looks->looked += probe ? 0 : count;
	looks->all += probe ? 1 : count;
}

/* Is a look at it to begin, as far as can be told without counting its deliveries? */
static bool may_begin(const struct conductor *conductor, const struct looks *looks, const struct tracked_place *place)
{
	return !place->look && (place->wanted || place->look_wanted) && !is_too_soon(conductor, place) &&
	       (has_room(looks, place, 1) || has_room(looks, place, 2));
}

/* What a look has left for the next one is of no use where none comes. */
static void forget_kept(const struct conductor *conductor)
{
	for (size_t p = 0; p < conductor->place_count; p++) {
		struct tracked_place *place = conductor->places[p];

		if (!place->look && !place->wanted && !place->look_wanted && !conductor->source.tells)
			destination_forget(&place->keep);
	}
}

/* Those that were lost come last. */
static void choose_places(struct conductor *conductor, struct looks *looks, const size_t *counts, bool lost)
{
	for (size_t p = 0; p < conductor->place_count; p++) {
		struct tracked_place *place = conductor->places[p];

		if (place->reach.lost != lost || place->look || is_too_soon(conductor, place))
			continue;
		if (!counts[p])
			place->wanted = false;
		if (!counts[p] || !has_room(looks, place, counts[p]))
			continue;
		choose_place(place, counts[p]);
		count_look(looks, place, counts[p]);
	}
}

void look_at_places(struct conductor *conductor)
{
	_cleanup_(freep) size_t *counts = NULL;
	struct looks looks = count_looks(conductor);
	size_t wanted = 0;

	forget_kept(conductor);
	for (size_t p = 0; p < conductor->place_count; p++)
		wanted += may_begin(conductor, &looks, conductor->places[p]);
	if (!conductor->source.view || !wanted)
		return;
	counts = count_wanted(conductor);
	choose_places(conductor, &looks, counts, false);
	choose_places(conductor, &looks, counts, true);
	fill_chosen(conductor);
	for (size_t p = 0; p < conductor->place_count; p++)
		if (conductor->places[p]->looking && !conductor->places[p]->look)
			look_at_place(conductor->places[p]);
}

void look_cancel(struct conductor *conductor)
{
	for (size_t i = 0; i < conductor->place_count; i++) {
		struct tracked_place *place = conductor->places[i];

		destination_look_cancel(place->look);
		if (place->look)
			state_want_looks(place, 0);
		place->keep.more = false;
		place_forget_look(place);
	}
}

/* --- what was seen --- */

/* The chance is alike for all deliveries of a place, so that one look serves them, and for each place another. */
static void note_look_failure(struct conductor *conductor, struct tracked_delivery *delivery, const struct error *err)
{
	struct delivery_record *record = &delivery->record;
	struct changes changes = { 0 };

	transition_look_failed(record, err, delivery->place->chance, conductor_now(conductor), &changes);
	state_asked(conductor, delivery, false);
	if (delivery->has_record)
		(void)conductor_save_delivery(conductor, record);
	say_delivery_changes(conductor, delivery->delivery, &changes);
}

/* The version that was ordered is in place, also when the process ended before it could say so: what depends on
 * it is owed word now. */
static void promote_owed(struct conductor *conductor, struct tracked_delivery *delivery)
{
	STRV_FOREACH(name, delivery->delivery->wish->then) {
		struct tracked_dependent *dependent = state_find_dependent(conductor, *name);
		struct owed_record *row = dependent ? state_find_owed(dependent, delivery->name) : NULL;

		if (row && transition_owed_in_place(row, &dependent->record, &delivery->observed,
				   conductor_now(conductor)))
			(void)conductor_save_owed(conductor, row);
	}
}

/* It is current, and nothing is recorded of it: whether its dependents were told has to be found out. */
static void question_dependents(struct conductor *conductor, struct tracked_delivery *delivery)
{
	STRV_FOREACH(name, delivery->delivery->wish->then) {
		struct tracked_dependent *dependent = state_find_dependent(conductor, *name);
		struct owed_record *row = dependent ? state_owe(dependent, delivery->name) : NULL;

		if (row && transition_owed_questioned(row, &delivery->observed.version.digest))
			(void)conductor_save_owed(conductor, row);
	}
}

static void note_current(struct conductor *conductor, struct tracked_delivery *delivery)
{
	const struct observed *seen = &delivery->observed;
	struct delivery_record *record = &delivery->record;
	bool fresh = !delivery->has_record, changed;
	struct changes changes = { 0 };

	state_asked(conductor, delivery, false);
	promote_owed(conductor, delivery);
	changed = transition_current(record, seen, !fresh, &changes);
	say_delivery_changes(conductor, delivery->delivery, &changes);
	if (!changed)
		return;
	if (fresh)
		question_dependents(conductor, delivery);
	if (conductor_save_delivery(conductor, record))
		delivery->has_record = true;
}

/* What is in place ends soon, whatever the reason that nothing newer is there. */
static void note_expiring(struct conductor *conductor, struct tracked_delivery *delivery)
{
	const struct observed *seen = &delivery->observed;
	const bool expires = seen->state == OBSERVED_PRESENT && digest_is_set(&seen->version.digest) &&
			     usec_sub(seen->version.not_after, conductor_now(conductor)) <= EXPIRING_WARN;
	const struct change change = {
		.event = expires ? CHANGE_EXPIRING : CHANGE_NOT_EXPIRING,
		.version = &seen->version,
	};

	say_delivery(conductor, delivery->delivery, &change);
}

static bool is_source_version(const struct observed *seen, const struct source_certificate *source)
{
	return source && seen->state == OBSERVED_PRESENT && digest_is_set(&source->version.digest) &&
	       digest_equal(&seen->version.digest, &source->version.digest);
}

void look_seen(struct conductor *conductor, struct tracked_delivery *delivery, struct observed *seen)
{
	const struct source_certificate *source = delivery->certificate ? delivery->certificate->seen : NULL;
	bool was_failing = delivery->observed.state == OBSERVED_UNKNOWN && delivery->observed.error.text;
	bool was_current = is_source_version(&delivery->observed, source);
	const struct slot *slot = state_slot(conductor, delivery);
	/* It waits to be imported, and so it does further. */
	bool still_due = slot && slot->due && delivery->observed.state == OBSERVED_ABSENT &&
			 seen->state == OBSERVED_ABSENT;

	observed_done(&delivery->observed);
	delivery->observed = *seen;
	*seen = (struct observed){ 0 };
	if (slot)
		observed_keep(&delivery->observed, state_place(conductor, slot)->candidates);
	if (!still_due && (!was_current || !is_source_version(&delivery->observed, source)))
		state_changed(conductor, delivery);
	if (delivery->observed.state == OBSERVED_UNKNOWN) {
		if (delivery->observed.error.text)
			note_look_failure(conductor, delivery, &delivery->observed.error);
		return;
	}
	note_expiring(conductor, delivery);
	if (was_failing)
		transition_look_again(&delivery->record);
	if (!is_source_version(&delivery->observed, source))
		return;
	tag_seen(conductor, delivery);
	note_current(conductor, delivery);
}
