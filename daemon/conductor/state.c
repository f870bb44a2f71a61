/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/conductor/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config/config.h"
#include "lib/base/strv.h"
#include "lib/os/file.h"

#define TRUST_LIMIT ((size_t)1 << 20)

/* --- configuration and world --- */

static int load_trust(struct configuration *configuration, struct error *err)
{
	const char *path = configuration->desired->source.trust;
	struct buf pem = BUF_NULL;
	int r;

	if (!path)
		return 0;
	r = file_check_trusted(path, err);
	if (r == 0)
		r = file_read(path, TRUST_LIMIT, &pem, err);
	if (r == 0)
		r = certificate_list_parse(pem.data, pem.length, &configuration->trust, err);
	if (r == 0 && configuration->trust.count == 0)
		r = error_set(err, ERROR_INVALID, 0, "'%s' holds no PEM certificate", path);
	buf_done(&pem);
	return r < 0 ? error_wrap(err, "source.trust") : 0;
}

bool configuration_load(const char *file, struct configuration **ret_configuration)
{
	_cleanup_(config_problems_done) struct config_problems problems = CONFIG_PROBLEMS_NULL;
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct configuration *configuration = mem_new(struct configuration);

	configuration->references = 1;
	if (config_load(file, &configuration->desired, &problems) < 0) {
		config_problems_print(&problems, stderr);
	} else if (load_trust(configuration, &err) < 0) {
		(void)fprintf(stderr, "%s\n", err.text);
	} else {
		*ret_configuration = configuration;
		return true;
	}
	configuration_unref(configuration);
	return false;
}

struct configuration *configuration_unref(struct configuration *configuration)
{
	if (!configuration || --configuration->references > 0)
		return NULL;
	desired_free(configuration->desired);
	certificate_list_done(&configuration->trust);
	free(configuration);
	return NULL;
}

struct world *world_new(struct configuration *configuration, const struct source_view *view, const char *region)
{
	struct world *world = mem_new(struct world);

	configuration->references++;
	*world = (struct world){ .references = 1,
		.configuration = configuration,
		.desired = configuration->desired,
		.expansion = expand(configuration->desired, view, region) };
	return world;
}

struct world *world_ref(struct world *world)
{
	world->references++;
	return world;
}

struct world *world_unref(struct world *world)
{
	if (!world || --world->references > 0)
		return NULL;
	expansion_free(world->expansion);
	configuration_unref(world->configuration);
	free(world);
	return NULL;
}

/* --- finding: all four arrays hold pointers to structures that begin with their name --- */

static int compare_name(const void *key, const void *item)
{
	return strcmp(key, **(char *const *const *)item);
}

static void *find_by_name(const char *name, void *array, size_t count)
{
	void **item = count ? bsearch(name, array, count, sizeof(void *), compare_name) : NULL;

	return item ? *item : NULL;
}

struct tracked_delivery *state_find_delivery(struct conductor *conductor, const char *name)
{
	return find_by_name(name, conductor->deliveries, conductor->delivery_count);
}

struct tracked_dependent *state_find_dependent(struct conductor *conductor, const char *name)
{
	return find_by_name(name, conductor->dependents, conductor->dependent_count);
}

/* --- certificates --- */

static void tracked_certificate_free(struct tracked_certificate *state)
{
	certificate_record_done(&state->record);
	world_unref(state->world);
	free(state->name);
	free(state->arn);
	free(state->said_refusal);
	free(state);
}

static int compare_record_arn(const void *key, const void *item)
{
	return strcmp(key, ((const struct certificate_record *)item)->arn);
}

static struct tracked_certificate *tracked_certificate_new(
	const struct expanded_certificate *expanded, struct recorded *recorded)
{
	struct tracked_certificate *state = mem_new(struct tracked_certificate);
	struct certificate_record *row = NULL;

	if (recorded->certificate_count)
		row = bsearch(expanded->arn, recorded->certificates, recorded->certificate_count, sizeof(*row),
			compare_record_arn);
	state->name = mem_strdup(expanded->name);
	state->arn = mem_strdup(expanded->arn);
	if (row) {
		state->record = *row;
		*row = (struct certificate_record){ .arn = mem_strdup(expanded->arn) };
	} else {
		state->record.arn = mem_strdup(expanded->arn);
	}
	return state;
}

static void adopt_certificates(struct conductor *conductor, struct world *world, struct recorded *recorded)
{
	const struct expansion *expansion = world->expansion;
	struct tracked_certificate **states = mem_alloc(expansion->certificate_count * sizeof(*states));

	for (size_t i = 0; i < expansion->certificate_count; i++) {
		const struct expanded_certificate *expanded = &expansion->certificates[i];
		struct tracked_certificate *state =
			find_by_name(expanded->name, conductor->certificates, conductor->certificate_count);

		if (state && strcmp(state->arn, expanded->arn) != 0)
			state = NULL;
		states[i] = state ?: tracked_certificate_new(expanded, recorded);
		if (!state && conductor->options.once)
			states[i]->record.next_try = 0; /* an operator asked: no back-off counts */
		world_unref(states[i]->world);
		states[i]->world = world_ref(world);
		states[i]->entry = expanded->entry;
	}
	for (size_t i = 0; i < conductor->certificate_count; i++) {
		struct tracked_certificate *old = conductor->certificates[i];

		if (!old->run && find_by_name(old->name, states, expansion->certificate_count) != old)
			tracked_certificate_free(old);
	}
	free(conductor->certificates);
	conductor->certificates = states;
	conductor->certificate_count = expansion->certificate_count;
}

void state_release_certificate(struct conductor *conductor, struct tracked_certificate *certificate)
{
	if (!certificate->run &&
		find_by_name(certificate->name, conductor->certificates, conductor->certificate_count) !=
			certificate)
		tracked_certificate_free(certificate);
}

/* --- places --- */

static void adopt_places(struct conductor *conductor, struct world *world)
{
	const struct expansion *expansion = world->expansion;

	for (size_t i = 0; i < conductor->place_count; i++) {
		struct tracked_place *place = conductor->places[i];

		world_unref(place->world);
		free(place->budget);
		free(place);
	}
	free(conductor->places);
	conductor->places = mem_alloc(expansion->place_count * sizeof(*conductor->places));
	conductor->place_count = expansion->place_count;
	for (size_t i = 0; i < expansion->place_count; i++) {
		struct tracked_place *place = mem_new(struct tracked_place);

		place->world = world_ref(world);
		place->place = expansion->places[i];
		place->conductor = conductor;
		place->wanted = true;
		conductor->places[i] = place;
	}
}

static struct tracked_place *find_place(struct conductor *conductor, const struct place *place)
{
	for (size_t i = 0; i < conductor->place_count; i++)
		if (conductor->places[i]->place == place)
			return conductor->places[i];
	return NULL;
}

/* --- deliveries --- */

/* What the record of a delivery is about; with another object it says nothing. */
static char *object_key(const struct delivery *delivery)
{
	const struct place *place = delivery->place;

	return mem_printf("%s %s/%s %s %s", destination_kind_name(place->destination->kind),
		place->account ?: "own", place->region ?: (place->destination->directory ?: "-"),
		delivery->object, delivery->source_arn);
}

static void tracked_delivery_free(struct tracked_delivery *state)
{
	deliver_prove_cancel(state);
	observed_done(&state->observed);
	delivery_record_done(&state->record);
	world_unref(state->world);
	free(state->name);
	free(state);
}

static void tracked_delivery_reset(struct tracked_delivery *state, char *key)
{
	observed_done(&state->observed);
	delivery_record_done(&state->record);
	state->record = (struct delivery_record){ .name = mem_strdup(state->name), .object = key };
	state->has_record = false;
}

/* Points a state that is not in flight at its delivery of the present world. */
static void tracked_delivery_point(struct tracked_delivery *state, struct world *world, const struct delivery *delivery)
{
	char *key = object_key(delivery);

	if (!state->record.object || strcmp(state->record.object, key) != 0)
		tracked_delivery_reset(state, key);
	else
		free(key);
	/* What was held may be accepted by another configuration; the next try finds out. */
	if (state->record.hold == HOLD_APPROVAL &&
		state->record.held_accept != (delivery->wish->accept | delivery->entry->accept))
		state->record.hold = HOLD_NONE;
	if (delivery->arn && state->record.object_id && strcmp(delivery->arn, state->record.object_id) != 0)
		observed_done(&state->observed);
	world_ref(world);
	world_unref(state->world);
	state->world = world;
	state->delivery = delivery;
}

static int compare_delivery_record(const void *key, const void *item)
{
	return strcmp(key, ((const struct delivery_record *)item)->name);
}

static struct tracked_delivery *tracked_delivery_new(const char *name, struct recorded *recorded)
{
	struct tracked_delivery *state = mem_new(struct tracked_delivery);
	struct delivery_record *row = NULL;

	if (recorded->delivery_count)
		row = bsearch(name, recorded->deliveries, recorded->delivery_count, sizeof(*row),
			compare_delivery_record);
	state->name = mem_strdup(name);
	if (row) {
		state->record = *row;
		state->has_record = true;
		*row = (struct delivery_record){ .name = mem_strdup(name) };
	}
	return state;
}

static void adopt_deliveries(struct conductor *conductor, struct world *world, struct recorded *recorded)
{
	const struct expansion *expansion = world->expansion;
	struct tracked_delivery **states = mem_alloc(expansion->delivery_count * sizeof(*states));

	for (size_t i = 0; i < expansion->delivery_count; i++) {
		const struct delivery *delivery = &expansion->deliveries[i];
		struct tracked_delivery *state =
			find_by_name(delivery->name, conductor->deliveries, conductor->delivery_count);

		states[i] = state ?: tracked_delivery_new(delivery->name, recorded);
		if (!state)
			states[i]->asked = conductor->options.once; /* an operator asked: no back-off counts */
		if (!states[i]->transferring)
			tracked_delivery_point(states[i], world, delivery);
		states[i]->place = find_place(conductor, delivery->place);
		states[i]->certificate = find_by_name(
			delivery->certificate, conductor->certificates, conductor->certificate_count);
	}
	for (size_t i = 0; i < conductor->delivery_count; i++) {
		struct tracked_delivery *old = conductor->deliveries[i];

		if (!old->transferring && find_by_name(old->name, states, expansion->delivery_count) != old)
			tracked_delivery_free(old);
	}
	free(conductor->deliveries);
	conductor->deliveries = states;
	conductor->delivery_count = expansion->delivery_count;
}

void state_release_delivery(struct conductor *conductor, struct tracked_delivery *delivery)
{
	const struct delivery *present = expansion_find(conductor->world->expansion, delivery->name);

	if (delivery->transferring)
		return;
	if (state_find_delivery(conductor, delivery->name) != delivery)
		tracked_delivery_free(delivery);
	else if (delivery->world != conductor->world && present)
		tracked_delivery_point(delivery, conductor->world, present);
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
	world_unref(state->world);
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

			owed->fingerprint = recorded->owed[i].fingerprint;
			owed->since = recorded->owed[i].since;
			owed->due = recorded->owed[i].due;
		}
	return state;
}

static void adopt_dependents(struct conductor *conductor, struct world *world, struct recorded *recorded)
{
	const struct desired *desired = world->desired;
	struct tracked_dependent **states = mem_alloc(desired->dependent_count * sizeof(*states));

	for (size_t i = 0; i < desired->dependent_count; i++) {
		const char *name = desired->dependents[i].name;
		struct tracked_dependent *state =
			find_by_name(name, conductor->dependents, conductor->dependent_count);

		states[i] = state ?: tracked_dependent_new(conductor, name, recorded);
		world_ref(world);
		world_unref(states[i]->world);
		states[i]->world = world;
		states[i]->dependent = &desired->dependents[i];
	}
	for (size_t i = 0; i < conductor->dependent_count; i++) {
		struct tracked_dependent *old = conductor->dependents[i];

		if (find_by_name(old->name, states, desired->dependent_count) != old)
			tracked_dependent_free(old);
	}
	free(conductor->dependents);
	conductor->dependents = states;
	conductor->dependent_count = desired->dependent_count;
}

struct owed_record *state_owe(struct tracked_dependent *dependent, const char *delivery)
{
	struct owed_record *row;
	size_t at = 0;

	while (at < dependent->owed_count && strcmp(dependent->owed[at]->delivery, delivery) < 0)
		at++;
	if (at < dependent->owed_count && strcmp(dependent->owed[at]->delivery, delivery) == 0)
		return dependent->owed[at];
	row = mem_new(struct owed_record);
	row->dependent = mem_strdup(dependent->name);
	row->delivery = mem_strdup(delivery);
	dependent->owed = mem_resize(dependent->owed, dependent->owed_count + 1, sizeof(row));
	memmove(dependent->owed + at + 1, dependent->owed + at,
		(dependent->owed_count - at) * sizeof(row));
	dependent->owed[at] = row;
	dependent->owed_count++;
	return row;
}

void state_forget_owed(struct tracked_dependent *dependent, struct owed_record *row)
{
	for (size_t i = 0; i < dependent->owed_count; i++) {
		if (dependent->owed[i] != row)
			continue;
		memmove(dependent->owed + i, dependent->owed + i + 1,
			(dependent->owed_count - i - 1) * sizeof(row));
		dependent->owed_count--;
		owed_record_done(row);
		free(row);
		return;
	}
}

/* --- all of it --- */

void state_adopt_world(struct conductor *conductor, struct world *world)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct recorded recorded = { 0 };

	if (conductor->record)
		(void)conductor_recorded(conductor, record_load(conductor->record, &recorded, &err), &err);
	look_cancel(conductor); /* they only read; what they read for may be gone */
	plan_done(&conductor->plan); /* its names borrow from the states */
	world_unref(conductor->world);
	conductor->world = world;
	adopt_certificates(conductor, world, &recorded);
	adopt_places(conductor, world);
	adopt_deliveries(conductor, world, &recorded);
	adopt_dependents(conductor, world, &recorded);
	state_refresh_view(conductor);
	recorded_done(&recorded);
}

void state_refresh_view(struct conductor *conductor)
{
	for (size_t i = 0; i < conductor->certificate_count; i++)
		conductor->certificates[i]->seen =
			source_view_find(conductor->view, conductor->certificates[i]->arn);
}

void state_done(struct conductor *conductor)
{
	plan_done(&conductor->plan);
	for (size_t i = 0; i < conductor->dependent_count; i++)
		tracked_dependent_free(conductor->dependents[i]);
	for (size_t i = 0; i < conductor->delivery_count; i++)
		tracked_delivery_free(conductor->deliveries[i]);
	for (size_t i = 0; i < conductor->place_count; i++) {
		world_unref(conductor->places[i]->world);
		free(conductor->places[i]->budget);
		free(conductor->places[i]);
	}
	for (size_t i = 0; i < conductor->certificate_count; i++)
		tracked_certificate_free(conductor->certificates[i]);
	free(conductor->dependents);
	free(conductor->deliveries);
	free(conductor->places);
	free(conductor->certificates);
	world_unref(conductor->world);
	source_view_free(conductor->view);
	source_view_free(conductor->remembered);
}
