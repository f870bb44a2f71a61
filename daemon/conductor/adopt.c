/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/conductor/state.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/intern.h"

/* --- certificates --- */

static void tracked_certificate_free(struct conductor *conductor, struct tracked_certificate *state)
{
	struct planned *planned = &state->planned;

	agenda_forget(&conductor->agenda, &state->agenda);
	conductor->touched.known -= planned->touched.known;
	conductor->touched.unseen -= planned->touched.unseen;
	conductor->counts.in_place -= planned->in_place;
	conductor->counts.held -= planned->held;
	conductor->counts.failing -= planned->failing;
	conductor->gathering -= state->gather_until != 0;
	certificate_record_done(&state->record);
	world_unref(state->world);
	free(state->name);
	free(state->arn);
	free(state->refusal);
	free(state);
}

/* Without its record, see remember_certificates(). */
static struct tracked_certificate *tracked_certificate_new(const struct expanded_certificate *expanded)
{
	struct tracked_certificate *state = mem_new(struct tracked_certificate);

	state->name = mem_strdup(expanded->name);
	state->arn = mem_strdup(expanded->arn);
	state->agenda.due = USEC_INFINITY;
	return state;
}

/* What is recorded of it, or NULL; taken over from there. */
static void remember_certificate(
	struct conductor *conductor, struct tracked_certificate *state, struct certificate_record *row)
{
	state->record = row ? *row : (struct certificate_record){ .arn = mem_strdup(state->arn) };
	state->has_serial = state->record.serial != NULL;
	free(state->record.serial);
	state->record.serial = NULL;
	if (row)
		*row = (struct certificate_record){ .arn = mem_strdup(state->arn) };
	if (conductor->options.once)
		state->record.next_try = 0; /* an operator asked: no back-off counts */
}

/* Gives those that are new what is recorded of them: both are sorted by ARN, and walked side by side. */
static void remember_certificates(struct conductor *conductor, struct recorded *recorded)
{
	for (size_t i = 0, at = 0; i < conductor->certificate_count; i++) {
		struct tracked_certificate *state = conductor->by_arn[i];
		int order = -1;

		while (at < recorded->certificate_count &&
			(order = strcmp(recorded->certificates[at].arn, state->arn)) < 0)
			at++;
		if (!state->record.arn)
			remember_certificate(conductor, state, order == 0 ? &recorded->certificates[at] : NULL);
	}
}

/* The states of ${world}'s certificates, in its order; those that are in it no more stay in conductor->certificates. */
static struct tracked_certificate **adopt_certificates(struct conductor *conductor, struct world *world)
{
	const struct expansion *expansion = world->expansion;
	struct tracked_certificate **states = mem_alloc(expansion->certificate_count * sizeof(*states));

	for (size_t i = 0; i < expansion->certificate_count; i++) {
		const struct expanded_certificate *expanded = &expansion->certificates[i];
		struct tracked_certificate *state = state_find_certificate(conductor, expanded->name);

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
	destination_forget(&place->keep);
	free(place->budget);
	free(place);
}

/* What is known of whether it answers. */
static struct reach former_reach(const struct conductor *conductor, const struct place *place)
{
	for (size_t i = 0; i < conductor->place_count; i++) {
		const struct tracked_place *former = conductor->places[i];

		if (strcmp(former->place->name, place->name) == 0) {
			struct reach reach = former->reach;

			reach.pulse = NULL; /* it may be asked as somebody else from now on */
			return reach;
		}
	}
	return (struct reach){ 0 };
}

/* Who may not tag at a place may not for as long as the configuration stays the same, whatever the source shows. */
static void keep_refusals(const struct conductor *conductor, const struct world *world, struct tracked_place **places)
{
	for (size_t i = 0; i < conductor->place_count; i++) {
		const struct tracked_place *former = conductor->places[i];

		if (!former->tags_refused || former->world->configuration != world->configuration)
			continue;
		for (size_t j = 0; j < world->expansion->place_count; j++)
			if (strcmp(places[j]->place->name, former->place->name) == 0)
				places[j]->tags_refused = true;
	}
}

static struct tracked_place **adopt_places(struct conductor *conductor, struct world *world)
{
	const struct expansion *expansion = world->expansion;
	struct tracked_place **places = mem_alloc(expansion->place_count * sizeof(*places));

	for (size_t i = 0; i < expansion->place_count; i++) {
		places[i] = mem_new(struct tracked_place);
		places[i]->world = world_ref(world);
		places[i]->place = expansion->places[i];
		places[i]->conductor = conductor;
		places[i]->candidates = candidate_room_new();
		places[i]->reach = former_reach(conductor, expansion->places[i]);
		state_want_looks(places[i], 0);
	}
	keep_refusals(conductor, world, places);
	return places;
}

/* --- dependents --- */

static int compare_dependent_record(const void *key, const void *item)
{
	return strcmp(key, ((const struct dependent_record *)item)->name);
}

static void tracked_dependent_free(struct tracked_dependent *state)
{
	tell_cancel(state);
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

static struct tracked_dependent *tracked_dependent_new(
	struct conductor *conductor, const char *name, struct recorded *recorded)
{
	struct tracked_dependent *state = mem_new(struct tracked_dependent);
	struct dependent_record *row = NULL;

	if (recorded->dependent_count)
		row = bsearch(name, recorded->dependents, recorded->dependent_count, sizeof(*row),
			compare_dependent_record);
	state->name = mem_strdup(name);
	state->conductor = conductor;
	if (row) {
		state->record = *row;
		*row = (struct dependent_record){ .name = mem_strdup(name) };
	} else {
		state->record.name = mem_strdup(name);
	}
	for (size_t i = 0; i < recorded->owed_count; i++)
		if (strcmp(recorded->owed[i].dependent, name) == 0) {
			struct owed_record *owed = state_owe(state, recorded->owed[i].delivery);

			owed->digest = recorded->owed[i].digest;
			owed->since = recorded->owed[i].since;
			owed->owed = recorded->owed[i].owed;
		}
	return state;
}

/* What is recorded is about another thing that had this name: nothing of it counts but that it is owed word. */
static void forget_target(struct dependent_record *record)
{
	struct dependent_record empty = { .name = take(record->name) };

	dependent_record_done(record);
	*record = empty;
}

/* The dependent, as the configuration says it now. */
static void tracked_dependent_point(struct tracked_dependent *state, const struct desired_dependent *dependent)
{
	struct dependent_record *record = &state->record;
	_cleanup_(freep) char *target = NULL;

	state->dependent = dependent;
	dependent_words_done(&state->words);
	state->words = dependent_describe(dependent);
	target = mem_printf("%s %s", state->words.kind, state->words.target);
	if (record->target && strcmp(record->target, target) != 0) {
		tell_cancel(state);
		forget_target(record);
	}
	if (!record->target)
		record->target = take(target);
}

static void adopt_dependents(struct conductor *conductor, struct world *world, struct recorded *recorded)
{
	const struct desired *desired = world->desired;
	struct tracked_dependent **states = mem_alloc(desired->dependent_count * sizeof(*states));
	struct tracked_dependent **old = conductor->dependents;
	size_t old_count = conductor->dependent_count;

	for (size_t i = 0; i < desired->dependent_count; i++) {
		const char *name = desired->dependents[i].name;
		struct tracked_dependent *state = state_find_dependent(conductor, name);

		states[i] = state ?: tracked_dependent_new(conductor, name, recorded);
		world_ref(world);
		world_unref(states[i]->world);
		states[i]->world = world;
		tracked_dependent_point(states[i], &desired->dependents[i]);
	}
	conductor->dependents = states;
	conductor->dependent_count = desired->dependent_count;
	for (size_t i = 0; i < old_count; i++)
		if (state_find_dependent(conductor, old[i]->name) != old[i])
			tracked_dependent_free(old[i]);
	free(old);
}

/* --- all of it --- */

/* The states of what is not in the present world; those in flight go when they end. */
static void former_done(struct conductor *conductor, struct former *former)
{
	for (size_t i = 0; i < former->certificate_count; i++) {
		struct tracked_certificate *old = former->certificates[i];

		if (state_is_present(conductor, old))
			continue;
		agenda_forget(&conductor->agenda, &old->agenda);
		old->seen = NULL; /* what it points to is replaced, and nobody points it anew */
		if (!old->runs)
			tracked_certificate_free(conductor, old);
	}
	free(former->certificates);
	free(former->slots);
	world_unref(former->world);
}

void state_adopt_world(struct conductor *conductor, struct world *world)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct former former = { .world = conductor->world,
		.certificates = conductor->certificates,
		.certificate_count = conductor->certificate_count,
		.slots = conductor->slots,
		.count = conductor->delivery_count };
	struct recorded recorded = { 0 };
	struct tracked_place **places;

	if (conductor->record)
		(void)conductor_recorded(conductor, record_load_few(conductor->record, &recorded, &err), &err);
	look_cancel(conductor); /* they only read; what they read for may be gone */
	tag_cancel(conductor);
	plan_done(&conductor->plan); /* its names borrow from the states */
	state_settle(conductor);
	conductor->certificates = adopt_certificates(conductor, world);
	point_certificates(conductor->certificates, world);
	conductor->certificate_count = world->expansion->certificate_count;
	state_sort_by_arn(conductor);
	remember_certificates(conductor, &recorded);
	places = adopt_places(conductor, world);
	for (size_t i = 0; i < conductor->place_count; i++)
		tracked_place_free(conductor->places[i]);
	free(conductor->places);
	conductor->places = places;
	conductor->place_count = world->expansion->place_count;
	conductor->untagged = 0;
	conductor->world = world;
	conductor->world_number++;
	adopt_deliveries(conductor, &former);
	adopt_dependents(conductor, world, &recorded);
	former_done(conductor, &former);
	recorded_done(&recorded);
	job_new_world(conductor);
	say_keep_present(conductor);
	state_refresh_view(conductor, NULL);
}

static bool slot_shows(const struct conductor *conductor, const struct slot *slot, const struct delivery *delivery)
{
	struct delivery made;
	bool same;

	state_make_delivery(conductor, slot, &made);
	same = strcmp(made.name, delivery->name) == 0 && strcmp(made.object, delivery->object) == 0 &&
	       strcmp(made.arn ?: "", delivery->arn ?: "") == 0;
	delivery_done(&made);
	return same;
}

bool state_shows(const struct conductor *conductor, const struct world *world)
{
	const struct expansion *expansion = world->expansion;

	if (expansion->certificate_count != conductor->certificate_count ||
		expansion->delivery_count != conductor->delivery_count)
		return false;
	for (size_t i = 0; i < expansion->certificate_count; i++)
		if (strcmp(expansion->certificates[i].name, conductor->certificates[i]->name) != 0 ||
			strcmp(expansion->certificates[i].arn, conductor->certificates[i]->arn) != 0)
			return false;
	for (size_t i = 0; i < expansion->delivery_count; i++)
		if (!slot_shows(conductor, &conductor->slots[i], &expansion->deliveries[i]))
			return false;
	return true;
}

/* Does ${b} show nothing that the plan would see otherwise than in ${a}? */
static bool seen_alike(const struct source_certificate *a, const struct source_certificate *b)
{
	return a == b || (a && b && source_certificate_equal(a, b));
}

/* Both are sorted by ARN. */
static void point_at_view(struct conductor *conductor)
{
	const struct source_view *view = conductor->source.view;

	for (size_t i = 0, at = 0; i < conductor->certificate_count; i++) {
		struct tracked_certificate *certificate = conductor->by_arn[i];
		int order = -1;

		while (view && at < view->count && (order = strcmp(view->items[at].arn, certificate->arn)) < 0)
			at++;
		certificate->seen = order == 0 ? &view->items[at] : NULL;
	}
}

void state_refresh_view(struct conductor *conductor, const struct source_view *former)
{
	point_at_view(conductor);
	for (size_t i = 0; i < conductor->certificate_count; i++) {
		struct tracked_certificate *certificate = conductor->certificates[i];

		if (!former || !seen_alike(source_view_find(former, certificate->arn), certificate->seen))
			agenda_touch(&conductor->agenda, &certificate->agenda);
	}
}

void state_release_delivery(struct conductor *conductor, struct tracked_delivery *delivery)
{
	if (delivery->slot == SIZE_MAX) {
		if (!state_find_slot(conductor, delivery->name))
			announce_forget(conductor->announce, ABOUT_DELIVERY, delivery->name);
		tracked_delivery_free(conductor, delivery);
		return;
	}
	if (delivery->world != conductor->world)
		tracked_delivery_point(conductor, delivery);
	state_changed(conductor, delivery);
}

void state_release_certificate(struct conductor *conductor, struct tracked_certificate *certificate)
{
	if (certificate->runs)
		return;
	if (state_is_present(conductor, certificate)) {
		agenda_touch(&conductor->agenda, &certificate->agenda);
		return;
	}
	if (!state_find_certificate(conductor, certificate->name))
		announce_forget(conductor->announce, ABOUT_CERTIFICATE, certificate->name);
	tracked_certificate_free(conductor, certificate);
}

void state_done(struct conductor *conductor)
{
	struct former former = { .world = conductor->world,
		.certificates = conductor->certificates,
		.certificate_count = conductor->certificate_count,
		.slots = conductor->slots,
		.count = conductor->delivery_count };

	plan_done(&conductor->plan);
	for (size_t i = 0; i < conductor->dependent_count; i++)
		tracked_dependent_free(conductor->dependents[i]);
	adopt_drop_deliveries(conductor, &former);
	conductor->pinned = intern_unref(conductor->pinned);
	for (size_t i = 0; i < conductor->place_count; i++)
		tracked_place_free(conductor->places[i]);
	conductor->certificates = NULL;
	conductor->certificate_count = conductor->delivery_count = 0;
	former_done(conductor, &former);
	free(conductor->dependents);
	free(conductor->places);
	free(conductor->by_arn);
	agenda_done(&conductor->agenda);
}
