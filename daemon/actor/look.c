/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/actor/look.h"

#include <stdlib.h>

#include "daemon/actor/room.h"
#include "daemon/transition/schedule.h"
#include "lib/os/clock.h"

/*
 * Places looked at side by side; of how many of their deliveries, says room.h.  That is for places
 * that answer.  One that has not answered lately is asked about one of its deliveries, which takes
 * no room of the others, and about the rest when it has; of those that gave no answer before, no
 * more than half of PROBES_AT_ONCE at a time.
 */
#define LOOKS_AT_ONCE  32
#define PROBES_AT_ONCE 128

/* While versions are read, each place is looked at so far apart, at least: a look lists the
 * whole place, and to read takes as long as there is much to read, so that at a fixed distance the
 * looks would cost the product of both. */
#define LOOKS_APART          (2 * USEC_PER_SEC)
#define LOOKS_APART_DELIVERY ((usec_t)200) /* for each delivery that there is */

/* Where the look before has kept the listing, the next one asks for nothing, and takes what it takes to go
 * through all deliveries. */
#define LOOKS_APART_KEPT	  (20 * USEC_PER_MSEC)
#define LOOKS_APART_KEPT_DELIVERY ((usec_t)20)

/* A look that takes longer leaves its turn to others: to read the tags of an account that is
 * full of imports takes minutes, and some accounts answer all but that.  What all looks take is
 * bounded by LOOKED_IN_ALL still. */
#define LOOK_LONG (5 * USEC_PER_SEC)

/* A delivery of a place that is being looked at, at the size that the look needs. */
struct looked {
	size_t slot;
	struct delivery delivery;
	char *object_id;
	char *revision;
};

/* A place of the present world. */
struct look_place {
	struct look *look;
	const struct tracked_place *place;
	struct destination_look *call; /* under way */
	struct looked *looking; /* those of the look under way, in its order */
	struct look_item *items;
	/* Copies for the items: the view may be replaced meanwhile. */
	struct source_certificate *sources;
	size_t count;
	usec_t looked_at; /* when its last look began; monotonic */
	usec_t began; /* the look under way; wall clock */
	bool probing; /* the look under way is at one delivery, to see whether it answers, and the others come next */
	struct destination_keep keep; /* from that look for the next */
	unsigned
		chance; /* 0..999: when a look that failed is repeated, for all of its deliveries alike */
};

struct look {
	struct inventory *inventory;
	const struct destination_context *context;
	const struct stock *stock;
	struct look_place *places; /* as stock.places */
	size_t place_count;
	bool reading; /* see look_at_places() */
};

static void forget_look(struct look_place *place)
{
	for (size_t i = 0; i < place->count; i++) {
		struct looked *looked = &place->looking[i];

		inventory_unclaim(place->look->inventory, looked->slot, CLAIM_LOOK);
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
	place->count = 0;
	place->call = NULL;
	if (!place->keep.more)
		destination_forget(&place->keep);
}

/* What was found out at ${at}, by the clock when the look began, is as of now, unless it was
 * kept from before. */
static usec_t as_of(const struct look_place *place, usec_t at)
{
	return usec_sub(inventory_now(place->look->inventory), at ? usec_sub(place->began, at) : 0);
}

/* The place gave no answer to the look at one of its deliveries: the others need none to say the
 * same. */
static void fail_others(struct look_place *place, const struct error *err)
{
	struct inventory *inventory = place->look->inventory;
	const struct stock *stock = place->look->stock;

	for (size_t i = 0; i < stock->delivery_count; i++) {
		const struct slot *slot = &stock->slots[i];
		struct observed failed = { .state = OBSERVED_UNKNOWN,
			.at = inventory_now(inventory) };

		/* The one that was asked about comes next, by itself. */
		if (stock_place(stock, slot) != place->place || slot->claimed_by & CLAIM_LOOK ||
			!stock_wants_look(stock, slot))
			continue;
		error_copy(&failed.error, err);
		inventory_want_look(inventory, i, false);
		inventory_saw(inventory, i, &failed, place->chance);
		observed_done(&failed);
	}
	inventory_looked_through(inventory, place->place);
}

/* The look has ended: does the place answer?  If it does not, nothing more is asked of it. */
static void judge_place(
	struct look_place *place, const struct observed *seen, const struct error *err)
{
	const struct error *why = err;

	if (!why && place->probing && seen[0].state == OBSERVED_UNKNOWN && seen[0].error.text)
		why = &seen[0].error;
	place->chance = (unsigned)random_below(CHANCES);
	inventory_place_answered(place->look->inventory, place->place, why != NULL);
	if (place->probing && (err || (why && place->place->reach.lost)))
		fail_others(place, why);
}

static void on_look(void *userdata, struct observed *seen, const struct error *err)
{
	struct look_place *place = userdata;
	struct inventory *inventory = place->look->inventory;
	unsigned held = 0;
	bool begun = inventory_begin(inventory);

	judge_place(place, seen, err);
	for (size_t i = 0; i < place->count; i++) {
		struct observed failed = { .state = OBSERVED_UNKNOWN };
		struct observed *one = seen ? &seen[i] : &failed;
		size_t slot = place->looking[i].slot;

		if (err)
			error_copy(&failed.error, err);
		one->at = as_of(place, one->at);
		held = MAX(held, one->imported_count);
		inventory_unclaim(inventory, slot, CLAIM_LOOK);
		inventory_saw(inventory, slot, one, place->chance);
		observed_done(one);
	}
	inventory_commit(inventory, begun);
	free(seen);
	forget_look(place);
	if (!err)
		inventory_held_there(inventory, place->place, held);
	inventory_look_ended(inventory, place->place);
}

/* What the look has to know of one delivery. */
static void fill_looked(struct look_place *place, size_t at, size_t index)
{
	const struct stock *stock = place->look->stock;
	const struct slot *slot = &stock->slots[index];
	const struct source_certificate *source = stock_certificate(stock, slot)->seen;
	const struct tracked_delivery *open = slot->open;
	const struct version *confirmed = slot_confirmed(slot);
	struct looked *looked = &place->looking[at];

	looked->slot = index;
	stock_make_delivery(stock, slot, &looked->delivery);
	looked->object_id = open ? mem_strdup(open->record.object_id)
				 : settled_object(&slot->settled);
	looked->revision = open ? mem_strdup(open->record.revision)
				: settled_revision(&slot->settled);
	source_certificate_copy(&place->sources[at], source);
	place->items[at] = (struct look_item){
		.delivery = &looked->delivery,
		.wanted = source->version,
		.source = &place->sources[at],
		.object_id = looked->object_id,
		.revision = looked->revision,
		.former = open && open->record.former,
		.seen_at = slot_seen_at(slot),
	};
	if (confirmed)
		place->items[at].confirmed = *confirmed;
	if (open)
		place->items[at].intended = open->record.intended;
	inventory_claim(place->look->inventory, index, CLAIM_LOOK);
	inventory_want_look(place->look->inventory, index, false);
}

/* Of the place, ${wanted} deliveries are to be looked at; which, comes next. */
static void choose_place(struct look_place *place, size_t wanted)
{
	size_t count = place_is_proven(place->place) ? wanted : 1;

	place->probing = count < wanted;
	place->keep.more = place->probing || place->look->reading;
	place->looking = mem_alloc(count * sizeof(*place->looking));
	place->items = mem_alloc(count * sizeof(*place->items));
	place->sources = mem_alloc(count * sizeof(*place->sources));
}

/* The deliveries of all places that were chosen; in one go, since there may be very many of
 * both. */
static void fill_chosen(struct look *look)
{
	for (size_t i = 0; i < look->stock->delivery_count; i++) {
		const struct slot *slot = &look->stock->slots[i];
		struct look_place *place = &look->places[slot->place];

		if (place->looking && !place->call && !(place->probing && place->count) &&
			stock_wants_look(look->stock, slot))
			fill_looked(place, place->count++, i);
	}
}

static void look_at_place(struct look_place *place)
{
	struct look *look = place->look;

	place->began = inventory_now(look->inventory);
	if (!place->probing)
		place->looked_at = clock_monotonic();
	inventory_look_begins(look->inventory, place->place, !place->probing, place->began);
	place->call = destination_look(look->context, place->items, place->count, &place->keep,
		place->began, on_look, place);
}

static bool is_wanted(const struct tracked_place *place)
{
	return place->wanted || place->look_wanted;
}

/* When it is looked at again while the source's versions come one by one: not for each of them. */
static usec_t next_turn(const struct look_place *place)
{
	const size_t count = place->look->stock->delivery_count;
	const usec_t apart = destination_keeps(&place->keep)
				     ? MAX(LOOKS_APART_KEPT, count * LOOKS_APART_KEPT_DELIVERY)
				     : MAX(LOOKS_APART, count * LOOKS_APART_DELIVERY);

	return place->look->reading && place->looked_at ? usec_add(place->looked_at, apart) : 0;
}

static bool is_too_soon(const struct look_place *place)
{
	return clock_monotonic() < next_turn(place);
}

/* How many deliveries of each place are to be looked at; the caller owns it.  And how many each
 * has in all: what it lists of ours is that many, also where a look is about few of them. */
static size_t *count_wanted(struct look *look)
{
	size_t *counts = mem_alloc(look->place_count * sizeof(*counts));

	for (size_t p = 0; p < look->place_count; p++)
		look->places[p].keep.deliveries = 0;
	for (size_t i = 0; i < look->stock->delivery_count; i++) {
		const struct slot *slot = &look->stock->slots[i];

		look->places[slot->place].keep.deliveries++;
		counts[slot->place] += stock_wants_look(look->stock, slot);
	}
	return counts;
}

/* What is under way. */
struct looks {
	size_t running, probes,
		searches; /* looks at places that answer, at one delivery, and that of places that were lost */
	size_t looked, all; /* deliveries: at places that answer, and in all */
};

static bool leaves_its_turn(const struct look_place *place, usec_t now)
{
	return !place_is_open(place->place) || now >= usec_add(place->looked_at, LOOK_LONG);
}

usec_t look_next(const struct look *look)
{
	const usec_t now = clock_monotonic();
	usec_t next = USEC_INFINITY;

	for (size_t p = 0; p < look->place_count; p++) {
		const struct look_place *place = &look->places[p];

		if (place->call && place->count > 1 && !leaves_its_turn(place, now))
			next = MIN(next, usec_add(place->looked_at, LOOK_LONG));
		if (!place->call && is_wanted(place->place) && next_turn(place) > now)
			next = MIN(next, next_turn(place));
	}
	return next;
}

static struct looks count_looks(const struct look *look)
{
	const usec_t now = clock_monotonic();
	struct looks looks = { 0 };

	for (size_t p = 0; p < look->place_count; p++) {
		const struct look_place *place = &look->places[p];

		if (!place->call)
			continue;
		looks.all += place->count;
		if (place->count == 1) {
			looks.probes++;
			looks.searches += place->place->reach.lost;
		} else if (!leaves_its_turn(place, now)) {
			looks.running++;
			looks.looked += place->count;
		}
	}
	return looks;
}

/* May a look at ${count} deliveries of it begin? */
static bool has_room(const struct looks *looks, const struct tracked_place *place, size_t count)
{
	if (count == 1 || !place_is_proven(place))
		return looks->probes < PROBES_AT_ONCE &&
		       (!place->reach.lost || looks->searches < PROBES_AT_ONCE / 2);
	return looks->running < LOOKS_AT_ONCE &&
	       (!looks->looked || looks->looked + count <= LOOKED_AT_ONCE) &&
	       (looks->looked == looks->all || looks->all + count <= LOOKED_IN_ALL);
}

static void count_look(struct looks *looks, const struct tracked_place *place, size_t count)
{
	bool probe = count == 1 || !place_is_proven(place);

	looks->probes += probe;
	looks->searches += probe && place->reach.lost;
	looks->running += !probe;
	looks->looked += probe ? 0 : count;
	looks->all += probe ? 1 : count;
}

/* Is a look at it to begin, as far as can be told without counting its deliveries? */
static bool may_begin(const struct looks *looks, const struct look_place *place)
{
	return !place->call && is_wanted(place->place) && !is_too_soon(place) &&
	       (has_room(looks, place->place, 1) || has_room(looks, place->place, 2));
}

/* What a look has left for the next one is of no use where none comes. */
static void forget_kept(struct look *look)
{
	for (size_t p = 0; p < look->place_count; p++) {
		struct look_place *place = &look->places[p];

		if (!place->call && !is_wanted(place->place) && !look->reading)
			destination_forget(&place->keep);
	}
}

/* Those that were lost come last. */
static void choose_places(struct look *look, struct looks *looks, const size_t *counts, bool lost)
{
	for (size_t p = 0; p < look->place_count; p++) {
		struct look_place *place = &look->places[p];

		if (place->place->reach.lost != lost || place->call || is_too_soon(place))
			continue;
		if (!counts[p])
			inventory_looked_through(look->inventory, place->place);
		if (!counts[p] || !has_room(looks, place->place, counts[p]))
			continue;
		choose_place(place, counts[p]);
		count_look(looks, place->place, counts[p]);
	}
}

void look_at_places(struct look *look, bool reading)
{
	_cleanup_(freep) size_t *counts = NULL;
	struct looks looks = count_looks(look);
	size_t wanted = 0;

	look->reading = reading;
	forget_kept(look);
	for (size_t p = 0; p < look->place_count; p++)
		wanted += may_begin(&looks, &look->places[p]);
	if (!look->stock->view || !wanted)
		return;
	counts = count_wanted(look);
	choose_places(look, &looks, counts, false);
	choose_places(look, &looks, counts, true);
	fill_chosen(look);
	for (size_t p = 0; p < look->place_count; p++)
		if (look->places[p].looking && !look->places[p].call)
			look_at_place(&look->places[p]);
}

void look_cancel(struct look *look)
{
	for (size_t i = 0; i < look->place_count; i++) {
		struct look_place *place = &look->places[i];

		destination_look_cancel(place->call);
		if (place->call) {
			inventory_want_looks(look->inventory, place->place, 0);
			inventory_look_ended(look->inventory, place->place);
		}
		place->keep.more = false;
		forget_look(place);
	}
}

void look_new_world(struct look *look)
{
	for (size_t i = 0; i < look->place_count; i++)
		destination_forget(&look->places[i].keep);
	free(look->places);
	look->place_count = look->stock->place_count;
	look->places = mem_alloc(look->place_count * sizeof(*look->places));
	for (size_t i = 0; i < look->place_count; i++)
		look->places[i] = (struct look_place){ .look = look,
			.place = look->stock->places[i] };
}

struct look *look_new(struct inventory *inventory, const struct destination_context *context)
{
	struct look *look = mem_new(struct look);

	*look = (struct look){
		.inventory = inventory,
		.context = context,
		.stock = inventory_stock(inventory),
	};
	return look;
}

struct look *look_free(struct look *look)
{
	if (!look)
		return NULL;
	look_cancel(look);
	free(look->places);
	free(look);
	return NULL;
}
