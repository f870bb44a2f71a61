/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/conductor/walk.h"
#include "lib/base/strv.h"

/* A world as it is written here: certificates with their deliveries' places. */
#define CERTIFICATES_MOST 4
#define PLACES_MOST 4

struct written {
	const char *certificate;
	const char *places[PLACES_MOST]; /* sorted */
};

struct built {
	struct stock stock;
	struct tracked_certificate certificates[CERTIFICATES_MOST];
	const struct tracked_certificate *pointers[CERTIFICATES_MOST];
	struct slot slots[CERTIFICATES_MOST * PLACES_MOST];
	struct place places[CERTIFICATES_MOST * PLACES_MOST];
	struct tracked_place tracked[CERTIFICATES_MOST * PLACES_MOST];
	const struct tracked_place *places_of_slots[CERTIFICATES_MOST * PLACES_MOST];
};

static void build(struct built *built, const struct written *world)
{
	struct stock *stock = &built->stock;
	unsigned number = stock->world_number;

	*built = (struct built){ .stock.world_number = number + 1 };
	stock->certificates = built->pointers;
	stock->slots = built->slots;
	stock->places = built->places_of_slots;
	for (size_t i = 0; i < CERTIFICATES_MOST && world[i].certificate; i++) {
		struct tracked_certificate *certificate = &built->certificates[i];

		*certificate = (struct tracked_certificate){ .name = (char *)world[i].certificate,
			.first = stock->delivery_count };
		built->pointers[stock->certificate_count++] = certificate;
		for (size_t k = 0; k < PLACES_MOST && world[i].places[k]; k++) {
			size_t at = stock->delivery_count++;

			built->places[at].name = (char *)world[i].places[k];
			built->tracked[at].place = &built->places[at];
			built->places_of_slots[at] = &built->tracked[at];
			built->slots[at] = (struct slot){ .certificate = (uint32_t)i, .place = (uint32_t)at };
			certificate->count++;
		}
	}
}

static const struct written worlds[][CERTIFICATES_MOST + 1] = {
	{ { "a", { "x", "y" } }, { "b", { "x", "y", "z" } }, { "d", { "x" } } },
	{ { "a", { "w", "x", "z" } }, { "c", { "x" } }, { "d", { "w", "x" } } },
	{ { "b", { "y" } }, { "d", { "x", "y" } } },
	{ { "b", { "a", "z" } } },
	{ { NULL, { NULL } } },
};

static bool is_in(const struct written *world, const char *name)
{
	for (size_t i = 0; world[i].certificate; i++)
		for (size_t k = 0; k < PLACES_MOST && world[i].places[k]; k++) {
			_cleanup_(freep) char *own = mem_printf("%s/%s", world[i].certificate, world[i].places[k]);

			if (strcmp(own, name) == 0)
				return true;
		}
	return false;
}

/* Takes up to ${most} deliveries, and adds their names to ${told}, where none of them is yet; false at the end. */
static bool take_some(struct walk *walk, size_t most, char ***told)
{
	const struct stock *stock = walk->stock;
	const struct tracked_certificate *certificate = walk_here(walk);
	size_t count;

	if (!certificate)
		return false;
	count = MIN(certificate->count - walk->delivery, most);
	for (size_t i = 0; i < count; i++) {
		const struct slot *slot = &stock->slots[certificate->first + walk->delivery + i];
		char *name = mem_printf("%s/%s", certificate->name, stock_place(stock, slot)->place->name);

		if (walk_covers_slot(walk, slot)) {
			assert_false(strv_has(*told, name));
			strv_append(told, name);
		}
		free(name);
	}
	walk_on(walk, certificate, count);
	return true;
}

/* What both worlds have is told once, at whatever moment the one gives way to the other. */
static void walk_through(const struct written *before, const struct written *after, size_t most, size_t steps)
{
	struct built built = { .stock.world_number = 0 };
	struct walk walk = { .stock = &built.stock, .name = "" };
	_cleanup_(strv_freep) char **told = NULL;
	size_t taken = 0;
	bool more = true;

	build(&built, before);
	walk_begin(&walk);
	while (taken++ < steps && (more = take_some(&walk, most, &told)))
		;
	if (more)
		build(&built, after);
	while (more && take_some(&walk, most, &told))
		;
	assert_int_equal(walk.changed, more);
	for (size_t i = 0; before[i].certificate; i++)
		for (size_t k = 0; k < PLACES_MOST && before[i].places[k]; k++) {
			_cleanup_(freep) char *name = mem_printf("%s/%s", before[i].certificate, before[i].places[k]);

			if (is_in(after, name))
				assert_true(strv_has(told, name));
		}
	walk_done(&walk);
}

static void test_a_world_that_changes(void **state)
{
	for (size_t from = 0; from < ARRAY_SIZE(worlds); from++)
		for (size_t to = 0; to < ARRAY_SIZE(worlds); to++)
			for (size_t most = 1; most <= PLACES_MOST; most++)
				for (size_t steps = 0; steps < 10; steps++)
					walk_through(worlds[from], worlds[to], most, steps);
}

static size_t count_of(const char *name)
{
	struct built built = { .stock.world_number = 0 };
	struct walk walk = { .stock = &built.stock, .name = name };
	_cleanup_(strv_freep) char **told = NULL;

	build(&built, worlds[0]);
	walk_begin(&walk);
	while (take_some(&walk, 2, &told))
		;
	walk_done(&walk);
	return strv_length(told);
}

static void test_names(void **state)
{
	assert_int_equal(count_of(""), 6);
	assert_int_equal(count_of("b"), 3);
	assert_int_equal(count_of("b/y"), 1);
	assert_int_equal(count_of("b/"), 0);
	assert_int_equal(count_of("c"), 0);
	assert_int_equal(count_of("a/xx"), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_world_that_changes),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
