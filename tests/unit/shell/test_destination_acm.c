/* SPDX-License-Identifier: Apache-2.0 */

/* Imports of an account: whose they are, which stand in the way, and what ACM would refuse. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "daemon/destination/acm_match.h"
#include "daemon/destination/tags.h"
#include "daemon/model/place_aws.h"
#include "lib/base/bounded.h"
#include "lib/base/strv.h"
#include "lib/pki/secret.h"

#define SOURCE_ARN "arn:aws:acm:eu-west-1:111111111111:certificate/1"

struct world {
	struct desired_destination destination;
	struct place_aws place;
	struct desired_delivery wish;
	struct delivery delivery;
	char *names[3];
	struct source_certificate source;
	struct look_item item;
	struct import_list imports;
};

static int setup(void **state)
{
	struct world *world = mem_new(struct world);

	world->place.place.destination = &world->destination;
	world->delivery = (struct delivery){
		.place = &world->place.place,
		.wish = &world->wish,
		.source_arn = (char *)SOURCE_ARN,
		.object = (char *)"web",
	};
	world->names[0] = (char *)"www.example.com";
	world->names[1] = (char *)"*.shop.example.com";
	world->source = (struct source_certificate){
		.domain = (char *)"www.example.com",
		.names = world->names,
		.key_algorithm = (char *)"RSA_2048",
	};
	world->item = (struct look_item){ .delivery = &world->delivery, .source = &world->source };
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	import_list_done(&world->imports);
	free(world);
	return 0;
}

static struct import *add(struct world *world, const char *arn, const char *domain)
{
	struct import *import = import_list_add(&world->imports, arn);

	import->listed = true;
	import->summary.domain = mem_strdup(domain);
	strv_append(&import->summary.names, domain);
	import->summary.key_algorithm = mem_strdup("RSA_2048");
	return import;
}

static void add_tags(struct import *import, const char *name)
{
	_cleanup_(freep) char *tag = mem_printf(TAG_NAME "=%s", name);

	strv_append(&import->tags, TAG_SOURCE "=" SOURCE_ARN);
	strv_append(&import->tags, tag);
	import->tags_read = true;
}

static void test_list(void **state)
{
	struct world *world = *state;

	assert_null(import_find(&world->imports, "a"));
	assert_null(import_find(&world->imports, NULL));
	add(world, "c", "x");
	add(world, "a", "x");
	add(world, "b", "x");
	assert_ptr_equal(import_list_add(&world->imports, "b"), import_find(&world->imports, "b"));
	assert_int_equal(world->imports.count, 3);
	assert_string_equal(world->imports.items[0].summary.arn, "a");
	assert_string_equal(world->imports.items[2].summary.arn, "c");
}

static void test_known(void **state)
{
	struct world *world = *state;

	add(world, "configured", "x");
	add(world, "recorded", "x");
	assert_null(match_known(&world->imports, &world->item));
	world->item.object_id = "recorded";
	assert_string_equal(match_known(&world->imports, &world->item)->summary.arn, "recorded");
	world->delivery.arn = (char *)"configured";
	assert_string_equal(match_known(&world->imports, &world->item)->summary.arn, "configured");
	/* The configured one is gone and was made anew. */
	world->delivery.arn = (char *)"gone";
	assert_string_equal(match_known(&world->imports, &world->item)->summary.arn, "recorded");
}

/* What ${import} has in common with the item. */
static struct concern concern_of(struct world *world, struct import *import)
{
	_cleanup_(concerned_done) struct concerned concerned;

	match_concerned(&world->imports, &world->item, true, &concerned);
	for (size_t i = 0; i < concerned.count; i++)
		if (concerned.items[i].import == import)
			return concerned.items[i];
	fail();
	return (struct concern){ 0 };
}

static bool is_candidate(struct world *world, struct import *import)
{
	const struct concern concern = concern_of(world, import);

	return match_is_candidate(&concern);
}

static void test_names_that_meet(void **state)
{
	static const struct {
		const char *name;
		bool meets;
	} cases[] = {
		{ "www.example.com", true },
		{ "*.example.com", true }, /* covers ours */
		{ "eu.shop.example.com", true }, /* ours covers it */
		{ "*.shop.example.com", true },
		{ "*.com", false }, /* one label only */
		{ "a.b.shop.example.com", false },
		{ "shop.example.com", false },
		{ "example.com", false },
		{ "www.example.org", false },
		{ "*", false },
	};
	struct world *world = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct import *import = add(world, cases[i].name, cases[i].name);

		const struct concern concern = concern_of(world, import);

		if (match_is_candidate(&concern) != cases[i].meets)
			fail_msg("%s", cases[i].name);
		assert_int_equal(match_needs_tags(&concern, &world->item, false), cases[i].meets);
		assert_true(match_needs_tags(&concern, &world->item, true));
	}
	world->item.source = NULL;
	assert_false(is_candidate(world, import_find(&world->imports, "www.example.com")));
}

static void test_domain_counts_as_a_name(void **state)
{
	struct world *world = *state;
	struct import *import = add(world, "a", "www.example.com");

	import->summary.names = strv_free(import->summary.names);
	assert_true(is_candidate(world, import));
	world->source.names = NULL;
	assert_true(is_candidate(world, import));
}

/* Of 50 tags of 1 KiB each those stay by which an object is known; none of ours is so long that it is cut. */
static void test_tags_that_are_kept(void **state)
{
	_cleanup_(strv_freep) char **all = NULL, **kept = NULL, **none = tags_keep(NULL);
	_cleanup_(freep) char *value = mem_alloc(1025), *name = mem_alloc(257);
	_cleanup_(freep) char *longest = NULL, *anchor = NULL;

	assert_null(none);
	memset(value, 'v', 1024);
	memset(name, 'n', 256);
	longest = mem_printf(TAG_NAME "=%s", name);
	anchor = mem_printf(TAG_ANCHOR "=%s", value);
	for (unsigned i = 0; i < 47; i++) {
		_cleanup_(freep) char *tag = mem_printf("certferry:x%u=%s", i, value);

		strv_append(&all, tag);
	}
	strv_append(&all, longest);
	strv_append(&all, TAG_SOURCE "=" SOURCE_ARN);
	strv_append(&all, anchor);
	kept = tags_keep(all);
	assert_int_equal(strv_length(kept), 3);
	assert_string_equal(tags_find(kept, TAG_SOURCE), SOURCE_ARN);
	assert_string_equal(tags_find(kept, TAG_NAME), name);
	assert_true(strlen(tags_find(kept, TAG_ANCHOR)) < 320);
}

static void test_tagged(void **state)
{
	struct world *world = *state;

	add_tags(add(world, "other", "www.example.com"), "another-name");
	add(world, "untagged", "www.example.com");
	assert_null(match_tagged(&world->imports, &world->item));

	/* What the search says is a hint: it lags. */
	strv_append(
		&import_find(&world->imports, "untagged")->found_tags, TAG_SOURCE "=" SOURCE_ARN);
	strv_append(&import_find(&world->imports, "untagged")->found_tags, TAG_NAME "=web");
	assert_null(match_tagged(&world->imports, &world->item));

	add_tags(add(world, "own-2", "renamed.example.net"), "web");
	add_tags(add(world, "own-1", "www.example.com"), "web");
	assert_string_equal(match_tagged(&world->imports, &world->item)->summary.arn, "own-1");
	import_find(&world->imports, "own-2")->summary.in_use = true;
	assert_string_equal(match_tagged(&world->imports, &world->item)->summary.arn, "own-2");
}

static void test_needs_tags_of_found(void **state)
{
	struct world *world = *state;
	struct import *import = add(world, "a", "renamed.example.net");

	struct concern concern = concern_of(world, import);

	assert_false(match_needs_tags(&concern, &world->item, false));
	strv_append(&import->found_tags, TAG_SOURCE "=" SOURCE_ARN);
	strv_append(&import->found_tags, TAG_NAME "=web");
	concern = concern_of(world, import);
	assert_true(match_needs_tags(&concern, &world->item, false));
}

static void test_unreadable(void **state)
{
	struct world *world = *state;
	struct import *import = add(world, "a", "unrelated.example.net");

	error_set(&import->error, ERROR_DENIED, 0, "no");
	assert_null(match_unreadable(&world->imports, &world->item, false));
	assert_ptr_equal(match_unreadable(&world->imports, &world->item, true), import);
	import = add(world, "b", "www.example.com");
	error_set(&import->error, ERROR_DENIED, 0, "no");
	assert_ptr_equal(match_unreadable(&world->imports, &world->item, false), import);
	world->item.object_id = "b"; /* gone, as it is known: that is no riddle */
	assert_null(match_unreadable(&world->imports, &world->item, false));
}

static void test_candidates(void **state)
{
	struct world *world = *state;
	char *users[] = { (char *)"arn:lb", NULL };
	struct observed seen = { 0 };
	struct import *import;

	add_tags(add(world, "another-delivery", "www.example.com"), "another-name");
	add(world, "only-found", "www.example.com")->listed = false;
	add(world, "idle", "www.example.com")->summary.not_after = 17;
	import = add(world, "used", "*.example.com");
	import->summary.in_use = true;
	import_keep_users(import, users);
	free(import->summary.key_algorithm);
	import->summary.key_algorithm = mem_strdup("EC_prime256v1");

	match_fill_candidates(&world->imports, &world->item, &seen);
	assert_int_equal(seen.candidate_count, 2);
	assert_int_equal(seen.candidate_total, 2);
	assert_string_equal(seen.candidates[0].arn, "idle"); /* for ACM would refuse the other */
	assert_int_equal(seen.candidates[0].not_after, 17);
	assert_false(seen.candidates[0].in_use);
	assert_null(seen.candidates[0].refusal);
	assert_string_equal(seen.candidates[1].arn, "used");
	assert_string_equal(seen.candidates[1].domain, "*.example.com");
	assert_true(seen.candidates[1].in_use);
	assert_string_equal(seen.candidates[1].in_use_by[0], "arn:lb");
	assert_non_null(strstr(seen.candidates[1].refusal, "EC_prime256v1"));
	observed_done(&seen);

	free(import->summary.key_algorithm);
	import->summary.key_algorithm = mem_strdup("RSA_2048");
	match_fill_candidates(&world->imports, &world->item, &seen);
	assert_non_null(strstr(seen.candidates[1].refusal, "a re-import that keeps none"));
	observed_done(&seen);
	import->summary.more_names = true;
	match_fill_candidates(&world->imports, &world->item, &seen);
	assert_null(seen.candidates[1].refusal);
	observed_done(&seen);
}

/* Of an account full of them the best are kept, with some of their users; all are counted. */
static void test_candidates_are_few(void **state)
{
	struct world *world = *state;
	_cleanup_(observed_done) struct observed seen = { 0 };
	char *users[101] = { NULL };

	for (size_t i = 0; i < 100; i++)
		users[i] = (char *)"arn:lb";
	for (unsigned i = 0; i < 2500; i++) {
		_cleanup_(freep) char *arn = mem_printf("arn:%04u", 2499 - i);
		struct import *import;

		world->imports.items = mem_resize(
			world->imports.items, world->imports.count + 1, sizeof(*world->imports.items));
		import = &world->imports.items[world->imports.count++];
		*import = (struct import){ .listed = true };
		import->summary.arn = mem_strdup(arn);
		strv_append(&import->summary.names, "www.example.com");
		import->summary.in_use = i % 500 == 0;
		import->summary.not_after = i % 100;
		if (import->summary.in_use)
			import_keep_users(import, users);
	}
	import_list_sort(&world->imports);
	match_fill_candidates(&world->imports, &world->item, &seen);
	assert_int_equal(seen.candidate_total, 2500);
	assert_int_equal(seen.candidate_count, CANDIDATES_OF_DELIVERY);
	for (size_t i = 0; i < seen.candidate_count; i++) {
		assert_int_equal(seen.candidates[i].in_use, i < 5);
		assert_int_equal(strv_length(seen.candidates[i].in_use_by), i < 5 ? USERS_OF_CANDIDATE : 0);
		assert_int_equal(seen.candidates[i].users, i < 5 ? 100 : 0);
		assert_int_equal(seen.candidates[i].not_after, i < 5 ? 0 : 99);
	}
	assert_string_equal(seen.candidates[5].arn, "arn:0000");
	assert_string_equal(seen.candidates[9].arn, "arn:0400");
}

/* A hundred names on either side, 2,500 times: comparing each with each took a quarter of a second for one delivery. */
static void test_candidates_cost_little(void **state)
{
	struct world *world = *state;
	char *names[101] = { (char *)"*.example.com" };
	struct import *imports = mem_alloc(2500 * sizeof(*imports));
	clock_t begin;

	for (size_t i = 1; i < 100; i++)
		names[i] = mem_printf("n%zu.example.com", i);
	for (size_t i = 0; i < 2500; i++) {
		imports[i] = (struct import){ .listed = true, .summary.arn = mem_printf("arn:%04zu", i) };
		strv_append(&imports[i].summary.names, "*.example.com");
		for (size_t k = 1; k < 100; k++) {
			_cleanup_(freep) char *name = mem_printf("x%zu-%zu.example.com", i, k);

			strv_append(&imports[i].summary.names, name);
		}
	}
	world->imports = (struct import_list){ .items = imports, .count = 2500 };
	world->source.names = names;
	begin = clock();
	for (unsigned i = 0; i < 20; i++) {
		_cleanup_(observed_done) struct observed seen = { 0 };

		assert_null(match_tagged(&world->imports, &world->item));
		assert_null(match_unreadable(&world->imports, &world->item, false));
		match_fill_candidates(&world->imports, &world->item, &seen);
		assert_int_equal(seen.candidate_total, 2500);
	}
	assert_true((clock() - begin) / CLOCKS_PER_SEC < 2);
	for (size_t i = 1; i < 100; i++)
		free(names[i]);
}

/* However long what an account says of its imports is, it becomes a sentence. */
static void test_candidates_in_words(void **state)
{
	char *users[] = { (char *)"arn:lb/1", (char *)"arn:lb/2", NULL };
	struct candidate candidates[CANDIDATES_OF_DELIVERY] = { 0 };
	struct observed seen = { .candidates = candidates, .candidate_count = 1, .candidate_total = 1 };
	_cleanup_(freep) char *one = NULL, *many = NULL, *arn = mem_alloc(2049);

	candidates[0] = (struct candidate){ .arn = (char *)"arn:1", .in_use = true, .in_use_by = users, .users = 30 };
	one = observed_candidates_text(&seen);
	assert_non_null(strstr(one, "share its name: arn:1 (expires "));
	assert_non_null(strstr(one, ", in use by arn:lb/1 arn:lb/2 and 28 more); choose with arn:"));
	memset(arn, 'a', 2048);
	for (size_t i = 0; i < ARRAY_SIZE(candidates); i++)
		candidates[i].arn = arn;
	seen.candidate_count = ARRAY_SIZE(candidates);
	seen.candidate_total = 2500;
	many = observed_candidates_text(&seen);
	assert_int_equal(strlen(many), BOUNDED_TEXT);
}

/* The deliveries of a place keep so many together; what one of them forgets, another may have. */
static void test_candidates_of_a_place(void **state)
{
	struct candidate_room *room = candidate_room_new();
	struct observed seen[30] = { 0 }, copy = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(seen); i++) {
		seen[i].candidate_count = CANDIDATES_OF_DELIVERY;
		seen[i].candidate_total = 2500;
		seen[i].candidates = mem_alloc(CANDIDATES_OF_DELIVERY * sizeof(struct candidate));
		for (size_t k = 0; k < CANDIDATES_OF_DELIVERY; k++)
			seen[i].candidates[k].arn = mem_strdup("arn");
		if (i == 0) {
			observed_copy(&copy, &seen[0]);
			observed_keep(&copy, room);
			observed_done(&copy);
		}
		observed_keep(&seen[i], room);
		observed_keep(&seen[i], room); /* counted once */
		assert_true(room->kept <= CANDIDATES_OF_PLACE);
		assert_int_equal(seen[i].candidate_total, 2500);
	}
	assert_int_equal(room->kept, CANDIDATES_OF_PLACE);
	assert_int_equal(seen[19].candidate_count, CANDIDATES_OF_DELIVERY);
	assert_int_equal(seen[20].candidate_count, 0);
	room = candidate_room_unref(room); /* what was seen outlives its place */
	for (size_t i = 0; i < ARRAY_SIZE(seen); i++)
		observed_done(&seen[i]);
}

static void test_only_one_in_use(void **state)
{
	struct world *world = *state;

	add(world, "idle", "www.example.com");
	assert_null(match_only_in_use(&world->imports, &world->item));
	add(world, "used", "www.example.com")->summary.in_use = true;
	add(world, "unrelated", "x.example.org")->summary.in_use = true;
	assert_string_equal(match_only_in_use(&world->imports, &world->item)->summary.arn, "used");
	add(world, "used-too", "www.example.com")->summary.in_use = true;
	assert_null(match_only_in_use(&world->imports, &world->item));
}

/* --- the index --- */

static bool is_concerned(const struct concerned *concerned, const struct import *import)
{
	for (size_t i = 0; i < concerned->count; i++)
		if (concerned->items[i].import == import)
			return true;
	return false;
}

static void assert_in_order(const struct concerned *concerned)
{
	for (size_t i = 1; i < concerned->count; i++)
		assert_true(concerned->items[i - 1].import < concerned->items[i].import);
}

/* Does "*.x" stand for a name of one label before ".x"? */
static bool stands_for(const char *wildcard, const char *name)
{
	const char *dot = strchr(name, '.');

	return strncmp(wildcard, "*.", 2) == 0 && dot && strcmp(wildcard + 1, dot) == 0;
}

/* Each name of the one with each of the other, as slowly as can be. */
static bool meets(const char *one, const char *two, const struct import *import)
{
	const char *const ours[] = { one, two };

	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		STRV_FOREACH (name, import->summary.names)
			if (strcmp(ours[i], *name) == 0 || stands_for(ours[i], *name) || stands_for(*name, ours[i]))
				return true;
	return false;
}

/* Whatever names there are on either side: none that concerns the item is left out, and hardly any other is found. */
static void test_index_leaves_out_none(void **state)
{
	static const char *const names[] = { "www.example.com", "api.example.com", "*.example.com", "example.com",
		"a.www.example.com", "*.www.example.com", "*.shop.example.com", "x.shop.example.com", "*", "com", "*.com",
		".example.com", "*..example.com", "", "www.example.org" };
	struct world *world = *state;
	struct concerned concerned;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		add(world, names[i], "none.example.net")->summary.names[0][0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		strv_append(&import_find(&world->imports, names[i])->summary.names, names[i]);
	import_list_index(&world->imports);
	for (size_t n = 0; n < ARRAY_SIZE(names); n++) {
		world->source.domain = (char *)names[n];
		world->names[0] = (char *)names[ARRAY_SIZE(names) - 1 - n];
		world->names[1] = NULL;
		match_concerned(&world->imports, &world->item, false, &concerned);
		assert_in_order(&concerned);
		for (size_t i = 0; i < world->imports.count; i++)
			assert_int_equal(is_concerned(&concerned, &world->imports.items[i]),
				meets(names[n], world->names[0], &world->imports.items[i]));
		concerned_done(&concerned);
	}
	world->source.domain = (char *)"www.example.org";
	world->names[0] = NULL;
	match_concerned(&world->imports, &world->item, false, &concerned);
	assert_int_equal(concerned.count, 1);
	concerned_done(&concerned);
	match_concerned(&world->imports, &world->item, true, &concerned);
	assert_int_equal(concerned.count, ARRAY_SIZE(names));
	concerned_done(&concerned);
}

static void test_index_by_tags(void **state)
{
	struct world *world = *state;
	struct concerned concerned;

	add(world, "found", "renamed.example.net");
	strv_append(&import_find(&world->imports, "found")->found_tags, TAG_SOURCE "=" SOURCE_ARN);
	strv_append(&import_find(&world->imports, "found")->found_tags, TAG_NAME "=web");
	add(world, "own", "renamed.example.net");
	add_tags(add(world, "another", "renamed.example.net"), "another-name");
	import_list_index(&world->imports);
	match_concerned(&world->imports, &world->item, false, &concerned);
	assert_int_equal(concerned.count, 1);
	assert_string_equal(concerned.items[0].import->summary.arn, "found");
	concerned_done(&concerned);

	/* What the certificates themselves say counts when they have said it. */
	add_tags(import_find(&world->imports, "own"), "web");
	import_list_index(&world->imports);
	assert_string_equal(match_tagged(&world->imports, &world->item)->summary.arn, "own");

	/* One that is added later is not missed. */
	add_tags(add(world, "own-0", "www.example.com"), "web");
	import_find(&world->imports, "own-0")->summary.in_use = true;
	assert_string_equal(match_tagged(&world->imports, &world->item)->summary.arn, "own-0");
}

/* Few of many are put in order by themselves, most of a list by going through it: by ${count} both. */
static void check_order(struct world *world, size_t count)
{
	struct concerned concerned;
	char arn[24];

	for (size_t i = 0; i < count; i++) {
		snprintf(arn, sizeof(arn), "%03zu", i);
		add(world, arn, "none.example.net");
	}
	/* Found by its owner first, then by the domain, then by a name; before it one by a name, behind it one by a wildcard. */
	add_tags(import_find(&world->imports, "003"), "web");
	strv_append(&import_find(&world->imports, "003")->summary.names, "www.example.com");
	strv_append(&import_find(&world->imports, "003")->summary.names, "*.example.com");
	strv_append(&import_find(&world->imports, "002")->summary.names, "api.example.com");
	strv_append(&import_find(&world->imports, "004")->summary.names, "*.example.com");
	add_tags(import_find(&world->imports, "001"), "web");
	import_list_index(&world->imports);
	world->source.domain = (char *)"www.example.com";
	world->names[0] = (char *)"api.example.com";
	world->names[1] = NULL;
	match_concerned(&world->imports, &world->item, false, &concerned);
	assert_int_equal(concerned.count, 4);
	for (size_t i = 0; i < concerned.count; i++) {
		snprintf(arn, sizeof(arn), "%03zu", i + 1);
		assert_string_equal(concerned.items[i].import->summary.arn, arn);
		assert_int_equal(concerned.items[i].meets, i > 0);
		assert_int_equal(concerned.items[i].same_name, i == 1 || i == 2);
	}
	concerned_done(&concerned);
}

static void test_order_of_most(void **state)
{
	check_order(*state, 5);
}

static void test_order_of_few(void **state)
{
	check_order(*state, 200);
}

static void test_revision(void **state)
{
	const struct acm_summary summary = {
		.not_before = 1, .not_after = 2, .imported_at = USEC_INFINITY
	};
	_cleanup_(freep) char *revision = match_revision(&summary);

	assert_string_equal(revision, "1 2 18446744073709551615");
}

static void test_budget(void **state)
{
	static const struct {
		unsigned held, puts;
		bool near, spent;
	} cases[] = {
		{ 1999, 3999, false, false }, { 2000, 0, true, false }, { 0, 4000, true, false },
		{ 2499, 4999, true, false }, { 2500, 0, true, true }, { 0, 5000, true, true },
	};
	struct desired_destination destination = { .kind = DESTINATION_ACM, .name = (char *)"prod" };
	struct place_aws aws = { .place.destination = &destination, .account = (char *)"222222222222" };
	const struct place *place = &aws.place;
	_cleanup_(destination_budget_done) struct destination_budget budget = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		destination_budget(place, cases[i].held, cases[i].puts, &budget);
		assert_int_equal(budget.near != NULL, cases[i].near);
		assert_int_equal(budget.spent != NULL, cases[i].spent);
		if (budget.spent)
			assert_non_null(strstr(budget.spent, "ACM in 222222222222/- has "));
		destination_budget_done(&budget);
	}
	destination.kind = DESTINATION_SECRETSMANAGER;
	assert_false(destination_counts_puts(place));
	destination_budget(place, 9999, 9999, &budget);
	assert_null(budget.near);
}

/* Those that certferry made for the same object when the entry named another source certificate. */
static void test_formers(void **state)
{
	struct world *world = *state;
	struct import *former = add(world, "former", "www.example.com");
	struct observed seen = { 0 };
	struct best best;

	strv_append(&former->tags, TAG_SOURCE "=arn:other");
	strv_append(&former->tags, TAG_NAME "=web");
	match_formers(&world->imports, &world->item, &best);
	assert_int_equal(best.total, 0); /* what the search says lags */
	former->tags_read = true;
	match_formers(&world->imports, &world->item, &best);
	assert_int_equal(best.total, 1);
	assert_ptr_equal(best.items[0].import, former);
	assert_true(match_admits(&world->imports, former, &world->item));
	assert_null(match_tagged(&world->imports, &world->item));
	tags_see(former->tags, &world->delivery, &seen);
	assert_false(seen.own);
	assert_string_equal(seen.former, "arn:other");

	free(former->summary.key_algorithm);
	former->summary.key_algorithm = mem_strdup("RSA_4096");
	assert_false(match_admits(&world->imports, former, &world->item));
	match_fill_best(&best, &world->item, &seen);
	seen.candidates[0].in_use = true;
	{
		_cleanup_(freep) char *text = observed_candidates_text(&seen);

		assert_non_null(strstr(text, "over the import of the former one: former (expires"));
		assert_non_null(strstr(text, "its key is RSA_4096 and the renewed one's RSA_2048"));
		assert_non_null(strstr(text, "set another name with as:"));
	}
	observed_done(&seen);
}

/* One of another object, one without a name of the item's, one that is the item's own: none of them was. */
static void test_no_formers(void **state)
{
	static const char *const names[] = { "shop", "web", "web" };
	static const char *const sources[] = { "arn:other", "arn:other", SOURCE_ARN };
	static const char *const domains[] = { "www.example.com", "x.example.net", "www.example.com" };
	struct world *world = *state;
	struct best best;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_(freep) char *arn = mem_printf("%zu", i);
		_cleanup_(freep) char *source = mem_printf(TAG_SOURCE "=%s", sources[i]);
		_cleanup_(freep) char *name = mem_printf(TAG_NAME "=%s", names[i]);
		struct import *import = add(world, arn, domains[i]);

		strv_append(&import->tags, source);
		strv_append(&import->tags, name);
		import->tags_read = true;
	}
	match_formers(&world->imports, &world->item, &best);
	assert_int_equal(best.total, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_list, setup, teardown),
		cmocka_unit_test_setup_teardown(test_known, setup, teardown),
		cmocka_unit_test_setup_teardown(test_formers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_formers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names_that_meet, setup, teardown),
		cmocka_unit_test_setup_teardown(test_domain_counts_as_a_name, setup, teardown),
		cmocka_unit_test(test_tags_that_are_kept),
		cmocka_unit_test_setup_teardown(test_tagged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_needs_tags_of_found, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unreadable, setup, teardown),
		cmocka_unit_test_setup_teardown(test_candidates, setup, teardown),
		cmocka_unit_test_setup_teardown(test_candidates_are_few, setup, teardown),
		cmocka_unit_test_setup_teardown(test_candidates_cost_little, setup, teardown),
		cmocka_unit_test(test_candidates_in_words),
		cmocka_unit_test(test_candidates_of_a_place),
		cmocka_unit_test_setup_teardown(test_only_one_in_use, setup, teardown),
		cmocka_unit_test_setup_teardown(test_index_leaves_out_none, setup, teardown),
		cmocka_unit_test_setup_teardown(test_index_by_tags, setup, teardown),
		cmocka_unit_test_setup_teardown(test_order_of_most, setup, teardown),
		cmocka_unit_test_setup_teardown(test_order_of_few, setup, teardown),
		cmocka_unit_test_setup_teardown(test_revision, setup, teardown),
		cmocka_unit_test(test_budget),
	};
	bool locked;

	if (secret_memory_init(&locked, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
