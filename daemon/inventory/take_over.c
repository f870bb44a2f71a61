/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/inventory/inside.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/dependent/dependent.h"
#include "daemon/transition/dependent.h"
#include "lib/base/intern.h"

/* --- certificates --- */

void tracked_certificate_free(struct inventory *inventory, struct tracked_certificate *state)
{
	forget_unsaved(inventory, state);
	agenda_forget(&inventory->agenda, &state->agenda);
	census_move(&inventory->stock.census, &state->planned, &(struct planned){ 0 });
	certificate_record_done(&state->record);
	world_unref(state->world);
	free(state->name);
	free(state->arn);
	free(state->refusal);
	free(state->renewal.status);
	free(state->renewal.reason);
	free(state);
}

/* Without its record, see remember_certificates(). */
static struct tracked_certificate *tracked_certificate_new(
	const struct expanded_certificate *expanded)
{
	struct tracked_certificate *state = mem_new(struct tracked_certificate);

	state->name = mem_strdup(expanded->name);
	state->arn = mem_strdup(expanded->arn);
	state->agenda.due = USEC_INFINITY;
	return state;
}

/* What is recorded of it, or NULL; taken over from there. */
static void remember_certificate(struct inventory *inventory, struct tracked_certificate *state,
	struct certificate_record *row)
{
	state->record = row ? *row : (struct certificate_record){ .arn = mem_strdup(state->arn) };
	state->has_serial = state->record.serial != NULL;
	free(state->record.serial);
	state->record.serial = NULL;
	if (row)
		*row = (struct certificate_record){ .arn = mem_strdup(state->arn) };
	if (inventory->once)
		state->record.next_try = 0; /* an operator asked: no back-off counts */
}

/* Gives those that are new what is recorded of them: both are sorted by ARN, and walked side by
 * side. */
static void remember_certificates(struct inventory *inventory, struct recorded *recorded)
{
	for (size_t i = 0, at = 0; i < inventory->stock.certificate_count; i++) {
		struct tracked_certificate *state = inventory->by_arn[i];
		int order = -1;

		while (at < recorded->certificate_count &&
			(order = strcmp(recorded->certificates[at].arn, state->arn)) < 0)
			at++;
		if (!state->record.arn)
			remember_certificate(
				inventory, state, order == 0 ? &recorded->certificates[at] : NULL);
	}
}

/* The states of ${world}'s certificates, in its order; those that are in it no more stay in
 * inventory->certificates. */
static struct tracked_certificate **take_over_certificates(
	struct inventory *inventory, struct world *world)
{
	const struct expansion *expansion = world->expansion;
	struct tracked_certificate **states = mem_alloc(
		expansion->certificate_count * sizeof(*states));

	for (size_t i = 0; i < expansion->certificate_count; i++) {
		const struct expanded_certificate *expanded = &expansion->certificates[i];
		struct tracked_certificate *state = own_certificate(
			stock_find_certificate(&inventory->stock, expanded->name));

		if (state && strcmp(state->arn, expanded->arn) != 0)
			state = NULL;
		states[i] = state ?: tracked_certificate_new(expanded);
	}
	return states;
}

/* From now on it is of ${world}; its deliveries are counted anew. */
static void point_certificates(struct tracked_certificate **states, struct world *world)
{
	const struct expansion *expansion = world->expansion;

	for (size_t i = 0; i < expansion->certificate_count; i++) {
		world_ref(world);
		world_unref(states[i]->world);
		states[i]->world = world;
		states[i]->entry = expansion->certificates[i].entry;
		states[i]->first = states[i]->count = 0;
	}
}

/* --- places --- */

static void tracked_place_free(struct tracked_place *place)
{
	world_unref(place->world);
	candidate_room_unref(place->candidates);
	free(place->budget);
	free(place);
}

/* What is known of whether it answers. */
static struct reach former_reach(const struct inventory *inventory, const struct place *place)
{
	for (size_t i = 0; i < inventory->stock.place_count; i++) {
		const struct tracked_place *former = inventory->places[i];

		if (strcmp(former->place->name, place->name) == 0) {
			struct reach reach = former->reach;

			reach.pulse = NULL; /* it may be asked as somebody else from now on */
			return reach;
		}
	}
	return (struct reach){ 0 };
}

/* Who may not tag at a place may not for as long as the configuration stays the same, whatever
 * the source shows. */
static void keep_refusals(
	const struct inventory *inventory, const struct world *world, struct tracked_place **places)
{
	for (size_t i = 0; i < inventory->stock.place_count; i++) {
		const struct tracked_place *former = inventory->places[i];

		if (!former->tags_refused || former->world->configuration != world->configuration)
			continue;
		for (size_t j = 0; j < world->expansion->place_count; j++)
			if (strcmp(places[j]->place->name, former->place->name) == 0)
				places[j]->tags_refused = true;
	}
}

static struct tracked_place **take_over_places(struct inventory *inventory, struct world *world)
{
	const struct expansion *expansion = world->expansion;
	struct tracked_place **places = mem_alloc(expansion->place_count * sizeof(*places));

	for (size_t i = 0; i < expansion->place_count; i++) {
		places[i] = mem_new(struct tracked_place);
		places[i]->world = world_ref(world);
		places[i]->place = expansion->places[i];
		places[i]->candidates = candidate_room_new();
		places[i]->reach = former_reach(inventory, expansion->places[i]);
		places[i]->wanted = true;
	}
	keep_refusals(inventory, world, places);
	return places;
}

/* --- dependents --- */

static int compare_dependent_record(const void *key, const void *item)
{
	return strcmp(key, ((const struct dependent_record *)item)->name);
}

static void tracked_dependent_free(struct tracked_dependent *state)
{
	for (size_t i = 0; i < state->owed_count; i++) {
		owed_record_done(state->owed[i]);
		free(state->owed[i]);
	}
	free(state->owed);
	dependent_record_done(&state->record);
	dependent_words_done(&state->words);
	world_unref(state->world);
	free(state->waits);
	free(state->name);
	free(state);
}

static struct tracked_dependent *tracked_dependent_new(const char *name, struct recorded *recorded)
{
	struct tracked_dependent *state = mem_new(struct tracked_dependent);
	struct dependent_record *row = NULL;

	if (recorded->dependent_count)
		row = bsearch(name, recorded->dependents, recorded->dependent_count, sizeof(*row),
			compare_dependent_record);
	state->name = mem_strdup(name);
	if (row) {
		state->record = *row;
		*row = (struct dependent_record){ .name = mem_strdup(name) };
	} else {
		state->record.name = mem_strdup(name);
	}
	for (size_t i = 0; i < recorded->owed_count; i++)
		if (strcmp(recorded->owed[i].dependent, name) == 0) {
			struct owed_record *owed = dependent_owe(state, recorded->owed[i].delivery);

			owed->digest = recorded->owed[i].digest;
			owed->since = recorded->owed[i].since;
			owed->owed = recorded->owed[i].owed;
		}
	return state;
}

/* What is recorded is about another thing that had this name: nothing of it counts but that it
 * is owed word. */
static void forget_target(struct dependent_record *record)
{
	struct dependent_record empty = { .name = take(record->name) };

	dependent_record_done(record);
	*record = empty;
}

/* What its name stands for, as the record knows it; the caller owns it. */
static char *target_of(const struct dependent_words *words)
{
	return mem_printf("%s %s", words->kind, words->target);
}

bool inventory_keeps_dependent(const struct world *world, const struct tracked_dependent *dependent)
{
	const struct desired *desired = world->desired;

	for (size_t i = 0; i < desired->dependent_count; i++) {
		const struct desired_dependent *next = &desired->dependents[i];
		struct dependent_words words;
		_cleanup_(freep) char *target = NULL;

		if (strcmp(next->name, dependent->name) != 0)
			continue;
		if (!proof_wishes_equal(next->prove, next->prove_count,
			    dependent->dependent->prove, dependent->dependent->prove_count))
			return false;
		words = dependent_describe(next);
		target = target_of(&words);
		dependent_words_done(&words);
		return !dependent->record.target || strcmp(dependent->record.target, target) == 0;
	}
	return false;
}

/* The dependent, as the configuration says it now. */
static void tracked_dependent_point(
	struct tracked_dependent *state, const struct desired_dependent *dependent)
{
	struct dependent_record *record = &state->record;
	_cleanup_(freep) char *target = NULL;

	state->dependent = dependent;
	dependent_words_done(&state->words);
	state->words = dependent_describe(dependent);
	target = target_of(&state->words);
	if (record->target && strcmp(record->target, target) != 0)
		forget_target(record);
	if (!record->target)
		record->target = take(target);
	if (!state->owed_count)
		transition_endpoints(record, dependent->prove, dependent->prove_count);
}

static void take_over_dependents(
	struct inventory *inventory, struct world *world, struct recorded *recorded)
{
	const struct desired *desired = world->desired;
	struct tracked_dependent **states = mem_alloc(desired->dependent_count * sizeof(*states));
	struct tracked_dependent **old = inventory->dependents;
	size_t old_count = inventory->stock.dependent_count;

	for (size_t i = 0; i < desired->dependent_count; i++) {
		const char *name = desired->dependents[i].name;
		struct tracked_dependent *state = find_dependent(inventory, name);

		states[i] = state ?: tracked_dependent_new(name, recorded);
		world_ref(world);
		world_unref(states[i]->world);
		states[i]->world = world;
		tracked_dependent_point(states[i], &desired->dependents[i]);
	}
	inventory->dependents = states;
	inventory->stock.dependents = (const struct tracked_dependent *const *)states;
	inventory->stock.dependent_count = desired->dependent_count;
	for (size_t i = 0; i < old_count; i++)
		if (find_dependent(inventory, old[i]->name) != old[i])
			tracked_dependent_free(old[i]);
	free(old);
}

/* --- all of it --- */

/* The states of what is not in the present world; those in flight go when they end. */
static void former_done(struct inventory *inventory, struct former *former)
{
	for (size_t i = 0; i < former->certificate_count; i++) {
		struct tracked_certificate *old = former->certificates[i];

		if (stock_is_present(&inventory->stock, old))
			continue;
		agenda_forget(&inventory->agenda, &old->agenda);
		old->seen = NULL; /* what it points to is replaced, and nobody points it anew */
		if (!old->claims)
			tracked_certificate_free(inventory, old);
	}
	free(former->certificates);
	free(former->slots);
	world_unref(former->world);
}

static struct former former_now(const struct inventory *inventory)
{
	return (struct former){
		.world = inventory->stock.world,
		.certificates = inventory->certificates,
		.certificate_count = inventory->stock.certificate_count,
		.slots = inventory->slots,
		.count = inventory->stock.delivery_count,
	};
}

static void set_certificates(
	struct inventory *inventory, struct tracked_certificate **certificates, size_t count)
{
	inventory->certificates = certificates;
	inventory->stock.certificates = (const struct tracked_certificate *const *)certificates;
	inventory->stock.certificate_count = count;
}

static void set_places(struct inventory *inventory, struct tracked_place **places, size_t count)
{
	for (size_t i = 0; i < inventory->stock.place_count; i++)
		tracked_place_free(inventory->places[i]);
	free(inventory->places);
	inventory->places = places;
	inventory->stock.places = (const struct tracked_place *const *)places;
	inventory->stock.place_count = count;
}

void inventory_take_over(
	struct inventory *inventory, struct world *world, const struct source_view *view)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct former former = former_now(inventory);
	struct recorded recorded = { 0 };

	inventory_save_versions(inventory);
	if (inventory->record)
		(void)record_ended(
			inventory, record_load_few(inventory->record, &recorded, &err), &err);
	inventory_end_turn(inventory);
	set_certificates(inventory, take_over_certificates(inventory, world),
		world->expansion->certificate_count);
	point_certificates(inventory->certificates, world);
	sort_by_arn(inventory);
	remember_certificates(inventory, &recorded);
	set_places(inventory, take_over_places(inventory, world), world->expansion->place_count);
	inventory->stock.untagged = 0;
	inventory->stock.world = world;
	inventory->stock.world_number++;
	take_over_deliveries(inventory, &former);
	take_over_dependents(inventory, world, &recorded);
	former_done(inventory, &former);
	recorded_done(&recorded);
	say_keep_present(inventory);
	inventory_show(inventory, view, NULL);
	leftovers_find(inventory);
}

/* Does the slot with this number have that delivery of ${expansion}? */
static bool slot_shows(
	const struct inventory *inventory, const struct expansion *expansion, size_t index)
{
	_cleanup_(delivery_done) struct delivery made = { 0 }, delivery = { 0 };

	stock_make_delivery(&inventory->stock, &inventory->slots[index], &made);
	expansion_delivery(expansion, index, &delivery);
	return strcmp(made.name, delivery.name) == 0 && strcmp(made.object, delivery.object) == 0 &&
	       strcmp(made.arn ?: "", delivery.arn ?: "") == 0;
}

bool inventory_shows(const struct inventory *inventory, const struct world *world)
{
	const struct expansion *expansion = world->expansion;

	if (expansion->certificate_count != inventory->stock.certificate_count ||
		expansion->delivery_count != inventory->stock.delivery_count)
		return false;
	for (size_t i = 0; i < expansion->certificate_count; i++)
		if (strcmp(expansion->certificates[i].name, inventory->certificates[i]->name) !=
				0 ||
			strcmp(expansion->certificates[i].arn, inventory->certificates[i]->arn) !=
				0)
			return false;
	for (size_t i = 0; i < expansion->delivery_count; i++)
		if (!slot_shows(inventory, expansion, i))
			return false;
	return true;
}

/* Does ${b} show nothing that the plan would see otherwise than in ${a}? */
static bool seen_alike(const struct source_certificate *a, const struct source_certificate *b)
{
	return a == b || (a && b && source_certificate_equal(a, b));
}

/* Both are sorted by ARN. */
static void point_at_view(struct inventory *inventory)
{
	const struct source_view *view = inventory->stock.view;

	for (size_t i = 0, at = 0; i < inventory->stock.certificate_count; i++) {
		struct tracked_certificate *certificate = inventory->by_arn[i];
		int order = -1;

		while (view && at < view->count &&
			(order = strcmp(view->items[at].arn, certificate->arn)) < 0)
			at++;
		certificate->seen = order == 0 ? &view->items[at] : NULL;
	}
}

void inventory_show(struct inventory *inventory, const struct source_view *view,
	const struct source_view *former)
{
	inventory->stock.view = view;
	point_at_view(inventory);
	for (size_t i = 0; i < inventory->stock.certificate_count; i++) {
		struct tracked_certificate *certificate = inventory->certificates[i];

		if (!former ||
			!seen_alike(source_view_find(former, certificate->arn), certificate->seen))
			inventory_touch(inventory, certificate);
	}
}

void forget_all(struct inventory *inventory)
{
	struct former former = former_now(inventory);

	for (size_t i = 0; i < inventory->stock.dependent_count; i++)
		tracked_dependent_free(inventory->dependents[i]);
	free(inventory->dependents);
	drop_deliveries(&former);
	inventory->pinned = intern_unref(inventory->pinned);
	set_places(inventory, NULL, 0);
	set_certificates(inventory, NULL, 0);
	inventory->stock.delivery_count = inventory->stock.dependent_count = 0;
	former_done(inventory, &former);
	inventory->stock.world = NULL;
	free(inventory->by_arn);
}
