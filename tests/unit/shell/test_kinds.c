/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A kind of destination that is nothing but its two halves and a row in each table: shelves of
 * this process's memory.  Expanding, looking, putting and carrying reach it without having heard of
 * it.
 */

#include "tests/unit/shell/test_destination_bundle.h"

#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "daemon/destination/inspect.h"
#include "daemon/destination/kind.h"
#include "daemon/model/place_file.h"
#include "daemon/plan/expand.h"
#include "daemon/transfer/carry.h"
#include "lib/base/strv.h"

#define DESTINATION_SHELF ((enum destination_kind)(DESTINATION_FILE + 1))

/* --- the half that asks nobody --- */

struct place_shelf {
	struct place place;
	char *shelf;
};

static size_t shelf_count(const struct desired_destination *destination)
{
	return strv_length(destination->tags);
}

/* Every certificate but one on `only: regions:` goes to all of them. */
static bool shelf_leaves(const struct desired_destination *destination,
	const struct desired_delivery *wish, const char *region, size_t number)
{
	return !wish->only_regions || strv_has(wish->only_regions, destination->tags[number]);
}

static struct place *shelf_make(
	const struct desired_destination *destination, const char *region, size_t number)
{
	struct place_shelf *shelf = mem_new(struct place_shelf);

	shelf->shelf = mem_strdup(destination->tags[number]);
	shelf->place.key = mem_printf("shelf-%s", shelf->shelf);
	return &shelf->place;
}

static void shelf_free(struct place *place)
{
	free(((struct place_shelf *)place)->shelf);
	free(place);
}

static const char *shelf_part(const struct place *place, const char *name)
{
	return strcmp(name, "shelf") == 0 ? ((const struct place_shelf *)place)->shelf : NULL;
}

static char *shelf_object_text(const struct place *place, const char *object)
{
	return mem_printf("%s on shelf %s", object, shelf_part(place, "shelf"));
}

static const char *const no_keys[] = { NULL };

static const struct place_kind shelf_place_kind = {
	.name = "shelf",
	.objects = "books",
	.reads_lag = true,
	.delivery_keys = no_keys,
	.count = shelf_count,
	.leaves = shelf_leaves,
	.make = shelf_make,
	.free = shelf_free,
	.part = shelf_part,
	.object_text = shelf_object_text,
};

const struct place_kind *const place_kinds[] = {
	[DESTINATION_ACM] = &acm_place_kind,
	[DESTINATION_SECRETSMANAGER] = &secretsmanager_place_kind,
	[DESTINATION_FILE] = &file_place_kind,
	[DESTINATION_SHELF] = &shelf_place_kind,
	NULL,
};

/* --- the half that looks and puts --- */

static struct {
	char *object; /* the only one that there is, with its place; NULL: none */
	struct version version;
	unsigned unseen; /* so many looks do not show it yet */
	unsigned looks, puts, cancelled;
} shelves;

struct shelf_look {
	struct destination_look base;
	sd_event_source *defer;
	const struct look_item *items;
	size_t count;
	destination_look_fn done;
	void *userdata;
};

static int on_look(sd_event_source *source, void *userdata)
{
	_cleanup_(freep) struct shelf_look *look = userdata;
	struct observed *seen = mem_alloc(look->count * sizeof(*seen));
	bool shown = shelves.object && !shelves.unseen;

	shelves.unseen -= shelves.unseen > 0;
	for (size_t i = 0; i < look->count; i++) {
		const struct delivery *delivery = look->items[i].delivery;
		_cleanup_(freep) char *object = place_object_text(
			delivery->place, delivery->object);

		seen[i].state = OBSERVED_ABSENT;
		if (!shown || strcmp(object, shelves.object) != 0)
			continue;
		seen[i].state = OBSERVED_PRESENT;
		seen[i].version = shelves.version;
		seen[i].object_id = mem_strdup(object);
	}
	sd_event_source_unref(look->defer);
	look->done(look->userdata, seen, NULL);
	return 0;
}

static struct destination_look *shelf_look(const struct destination_context *context,
	const struct look_item *items, size_t count, struct destination_keep *keep, usec_t now,
	destination_look_fn done, void *userdata)
{
	struct shelf_look *look = mem_new(struct shelf_look);

	*look = (struct shelf_look){
		.items = items, .count = count, .done = done, .userdata = userdata
	};
	shelves.looks++;
	assert_true(sd_event_add_defer(context->event, &look->defer, on_look, look) >= 0);
	return &look->base;
}

static void shelf_look_cancel(struct destination_look *handle)
{
	struct shelf_look *look = (struct shelf_look *)handle;

	shelves.cancelled++;
	sd_event_source_disable_unref(look->defer);
	free(look);
}

struct shelf_put {
	struct destination_put base;
	sd_event_source *defer;
	const struct delivery *delivery;
	struct version version;
	destination_put_fn done;
	void *userdata;
};

static int on_put(sd_event_source *source, void *userdata)
{
	_cleanup_(freep) struct shelf_put *put = userdata;

	free(shelves.object);
	shelves.object = place_object_text(put->delivery->place, put->delivery->object);
	shelves.version = put->version;
	sd_event_source_unref(put->defer);
	put->done(put->userdata, shelves.object, NULL, NULL);
	return 0;
}

static struct destination_put *shelf_put(const struct destination_context *context,
	const struct delivery *delivery, const struct bundle *bundle, const struct observed *before,
	destination_put_fn done, void *userdata)
{
	struct shelf_put *put = mem_new(struct shelf_put);

	*put = (struct shelf_put){ .delivery = delivery,
		.version = bundle_version(bundle),
		.done = done,
		.userdata = userdata };
	shelves.puts++;
	assert_true(sd_event_add_defer(context->event, &put->defer, on_put, put) >= 0);
	return &put->base;
}

static void shelf_put_cancel(struct destination_put *handle)
{
	struct shelf_put *put = (struct shelf_put *)handle;

	shelves.cancelled++;
	sd_event_source_disable_unref(put->defer);
	free(put);
}

static const struct kind shelf_kind = {
	.look = shelf_look,
	.look_cancel = shelf_look_cancel,
	.put = shelf_put,
	.put_cancel = shelf_put_cancel,
};

const struct kind *const kinds[] = {
	[DESTINATION_ACM] = &acm_kind,
	[DESTINATION_SECRETSMANAGER] = &secretsmanager_kind,
	[DESTINATION_FILE] = &file_kind,
	[DESTINATION_SHELF] = &shelf_kind,
};

/* --- what uses them --- */

struct world {
	struct desired_destination destinations[2];
	struct desired_delivery wishes[2];
	struct desired_certificate certificate;
	struct desired desired;
	struct expansion *expansion;
	struct delivery first; /* of it */
	struct destination_context context;
	struct issuer issuer;

	unsigned left, ended;
	struct observed seen;
	struct outcome outcome;
	char *object_id;
};

static int setup(void **state)
{
	static char *shelf_names[] = { (char *)"low", (char *)"high", NULL };
	struct world *world = mem_new(struct world);

	world->destinations[0] = (struct desired_destination){
		.name = (char *)"books", .kind = DESTINATION_SHELF, .tags = shelf_names
	};
	world->destinations[1] = (struct desired_destination){
		.name = (char *)"local", .kind = DESTINATION_FILE, .directory = (char *)"/srv/tls"
	};
	world->wishes[0] = (struct desired_delivery){ .to = (char *)"books",
		.as = (char *)"{certificate}.{shelf}.{no}" };
	world->wishes[1] = (struct desired_delivery){ .to = (char *)"local" };
	world->certificate = (struct desired_certificate){ .name = (char *)"pay",
		.arn = (char *)"arn:1",
		.deliver = world->wishes,
		.deliver_count = 2 };
	world->desired = (struct desired){ .certificates = &world->certificate,
		.certificate_count = 1,
		.destinations = world->destinations,
		.destination_count = 2 };
	world->expansion = expand(&world->desired, NULL, NULL, NULL);
	expansion_delivery(world->expansion, 0, &world->first);
	assert_true(sd_event_new(&world->context.event) >= 0);
	world->issuer = make_issuer("root");
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	delivery_done(&world->first);
	expansion_free(world->expansion);
	sd_event_unref(world->context.event);
	issuer_done(&world->issuer);
	observed_done(&world->seen);
	free(world->object_id);
	free(world);
	free(shelves.object);
	memset(&shelves, 0, sizeof(shelves));
	return 0;
}

static void test_expands(void **state)
{
	struct world *world = *state;
	static const char *const lines[] = {
		"pay/books/shelf-high arn:1 -> shelf pay.high.{no} on shelf high\n",
		"pay/books/shelf-low arn:1 -> shelf pay.low.{no} on shelf low\n",
		"pay/local arn:1 -> file /srv/tls/pay\n",
	};

	assert_int_equal(world->expansion->delivery_count, ARRAY_SIZE(lines));
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		_cleanup_(freep) char *line = expansion_line(world->expansion, i);

		assert_string_equal(line, lines[i]);
	}
	assert_int_equal(world->expansion->place_count, 3);
	assert_false(expand_needs_region(&world->desired));
	assert_null(place_part(world->first.place, "account"));
}

static void test_two_destinations_of_one_place(void **state)
{
	struct world *world = *state;
	struct expansion *expansion;

	world->expansion = expansion_free(world->expansion);
	/* The same shelf under another destination's name: one object, which two deliveries would
	 * write. */
	world->destinations[1] = world->destinations[0];
	world->destinations[1].name = (char *)"more";
	world->wishes[1] = world->wishes[0];
	world->wishes[1].to = (char *)"more";
	expansion = expand(&world->desired, NULL, NULL, NULL);
	assert_int_equal(expansion->delivery_count, 4); /* {no} is not known without the source */
	expansion_free(expansion);
	world->wishes[0].as = world->wishes[1].as = (char *)"{certificate}";
	expansion = expand(&world->desired, NULL, NULL, NULL);
	assert_int_equal(expansion->delivery_count, 0);
	assert_int_equal(strv_length(expansion->problems), 2);
	expansion_free(expansion);
}

static void note_look(void *userdata, struct observed *seen, const struct error *err)
{
	struct world *world = userdata;

	assert_null(err);
	observed_done(&world->seen);
	world->seen = *seen;
	free(seen);
	sd_event_exit(world->context.event, 0);
}

static void note_put(void *userdata, const char *object_id, const struct shown_news *news, const struct error *err)
{
	struct world *world = userdata;

	assert_null(err);
	world->object_id = mem_strdup(object_id);
	sd_event_exit(world->context.event, 0);
}

static void run(struct world *world)
{
	assert_int_equal(sd_event_loop(world->context.event), 0);
	world->context.event = sd_event_unref(world->context.event);
	assert_true(sd_event_new(&world->context.event) >= 0);
}

static void look(struct world *world)
{
	struct look_item item = { .delivery = &world->first };

	destination_look(&world->context, &item, 1, NULL, 42, note_look, world);
	run(world);
}

static void test_looks_and_puts(void **state)
{
	struct world *world = *state;
	const struct delivery *delivery = &world->first;
	_cleanup_(bundle_freep) struct bundle *bundle = make_bundle(
		&world->issuer, "pay.example.com", 7, 3600);
	const struct look_item item = { .delivery = delivery };
	const struct version version = bundle_version(bundle);

	look(world);
	assert_int_equal(world->seen.state, OBSERVED_ABSENT);
	destination_put(&world->context, delivery, bundle, &world->seen, note_put, world);
	run(world);
	assert_string_equal(world->object_id, "pay.high.{no} on shelf high");
	look(world);
	assert_int_equal(world->seen.state, OBSERVED_PRESENT);
	assert_memory_equal(&world->seen.version, &version, sizeof(version));
	assert_null(destination_look_cancel(
		destination_look(&world->context, &item, 1, NULL, 42, note_look, world)));
	assert_null(destination_put_cancel(
		destination_put(&world->context, delivery, bundle, &world->seen, note_put, world)));
	assert_int_equal(shelves.cancelled, 2);
	/* What it does not offer is not there. */
	assert_null(destination_pulse(&world->context, delivery->place));
	assert_null(destination_tag_action(delivery->place));
	assert_false(destination_can_tag(delivery->place));
	assert_false(destination_can_inspect(delivery->place->destination));
	assert_false(destination_names_objects(delivery->place) ||
		     destination_hides_objects(delivery->place) ||
		     destination_counts_puts(delivery->place));
	assert_int_equal(destination_accepts(delivery, bundle, NULL, NULL), 0);
	assert_null(destination_note(delivery->place, bundle));
	assert_int_equal(destination_check(delivery->place, NULL), 0);
}

static void note_left(void *userdata)
{
	((struct world *)userdata)->left++;
}

static void note_ended(void *userdata, const struct outcome *outcome, const struct observed *seen)
{
	struct world *world = userdata;

	world->ended++;
	world->outcome = *outcome;
	sd_event_exit(world->context.event, 0);
}

/* Its reads lag: what was written is looked at again until it can be seen. */
static void test_is_carried(void **state)
{
	static const struct carry_events events = { .on_left = note_left, .on_ended = note_ended };
	struct world *world = *state;
	_cleanup_(bundle_freep) struct bundle *bundle = make_bundle(
		&world->issuer, "pay.example.com", 7, 3600);
	_cleanup_(in_place_done) struct in_place in_place = { 0 };
	const struct source_certificate source = { 0 };
	const struct transfer_item item = { .delivery = &world->first };
	const struct carry_gate gate = { .open = true };
	const struct carry_job job = {
		.context = &world->context,
		.item = &item,
		.source = &source,
		.bundle = bundle,
		.trusted = true,
		.version = bundle_version(bundle),
		.in_place = &in_place,
		.gate = &gate,
	};

	shelves.unseen = 2; /* by the look before the put, and by the first behind it */
	carry_start(&job, &events, world);
	run(world);
	assert_int_equal(world->outcome.kind, OUTCOME_DONE);
	assert_int_equal(world->ended, 1);
	assert_int_equal(world->left, 1);
	assert_int_equal(shelves.puts, 1);
	assert_int_equal(shelves.looks, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_expands, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_two_destinations_of_one_place, setup, teardown),
		cmocka_unit_test_setup_teardown(test_looks_and_puts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_is_carried, setup, teardown),
	};

	bool locked;

	if (secret_memory_init(&locked, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
