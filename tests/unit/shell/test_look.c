/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at places, beside places whose answers come when the test gives them. */
#include "tests/unit/shell/fake_places.h"

#include <unistd.h>

#include "daemon/actor/look.h"
#include "daemon/actor/room.h"
#include "daemon/destination/kind.h"
#include "lib/os/clock.h"
#include "lib/pki/secret.h"

#define ARN "arn:aws:acm:eu-west-1:111111111111:certificate/"
#define FIRST "acm/222222222222/eu-west-1"
#define SECOND "acm/333333333333/eu-west-1"

static const char yaml[] =
	"source: {region: eu-west-1}\n"
	"certificates:\n"
	"  pay: {arn: '" ARN "1', deliver: [{to: acm}]}\n"
	"  web: {arn: '" ARN "2', deliver: [{to: acm}]}\n"
	"destinations:\n"
	"  acm: {kind: acm, accounts: ['222222222222', '333333333333'],"
	" role_arn: 'arn:aws:iam::{account}:role/ferry'}\n";

static char *const arns[] = { (char *)ARN "1", (char *)ARN "2", NULL };

struct looking {
	struct bed bed;
	struct look *look;
};

static int setup(void **state)
{
	static struct looking at;

	memset(&fake, 0, sizeof(fake));
	bed_init(&at.bed);
	at.bed.view = bed_view(arns, 'A');
	bed_take_over(&at.bed, yaml);
	at.look = look_new(at.bed.inventory, &at.bed.context);
	look_new_world(at.look);
	*state = &at;
	return 0;
}

static int teardown(void **state)
{
	struct looking *at = *state;

	at->look = look_free(at->look);
	assert_int_equal(fake.count, 0);
	bed_done(&at->bed);
	return 0;
}

static const struct slot *slot_of_name(const struct looking *at, const char *name)
{
	const struct slot *slot = stock_find_slot(at->bed.stock, name);

	assert_non_null(slot);
	return slot;
}

/* Nobody is asked whether places answer, so that all of them do. */
static void let_all_be_proven(struct looking *at)
{
	inventory_note_reach(at->bed.inventory);
}

static void test_one_look_serves_all_of_its_place(void **state)
{
	struct looking *at = *state;

	let_all_be_proven(at);
	look_at_places(at->look, false);
	assert_int_equal(fake.count, 2);
	assert_int_equal(fake_at(FIRST)->count, 2);
	assert_true(slot_of_name(at, "pay/" FIRST)->claimed_by & CLAIM_LOOK);
	look_at_places(at->look, false);
	assert_int_equal(fake.count, 2);
	fake_looked(fake_at(FIRST), OBSERVED_PRESENT, NULL);
	fake_looked(fake_at(SECOND), OBSERVED_ABSENT, NULL);
	assert_int_equal(slot_state(slot_of_name(at, "web/" FIRST)), OBSERVED_PRESENT);
	assert_int_equal(slot_state(slot_of_name(at, "web/" SECOND)), OBSERVED_ABSENT);
	assert_int_equal(slot_of_name(at, "pay/" FIRST)->claimed_by, 0);
	look_at_places(at->look, false);
	assert_int_equal(fake.count, 0); /* all were seen */
}

static void see_all(struct looking *at)
{
	let_all_be_proven(at);
	look_at_places(at->look, false);
	fake_looked(fake_at(FIRST), OBSERVED_ABSENT, NULL);
	fake_looked(fake_at(SECOND), OBSERVED_ABSENT, NULL);
}

static void test_one_is_looked_at_by_itself(void **state)
{
	struct looking *at = *state;

	see_all(at);
	inventory_want_look(
		at->bed.inventory, (size_t)(slot_of_name(at, "web/" SECOND) - at->bed.stock->slots), true);
	look_at_places(at->look, false);
	assert_int_equal(fake.count, 1);
	assert_int_equal(fake_at(SECOND)->count, 1);
	assert_string_equal(fake_at(SECOND)->items[0].delivery->name, "web/" SECOND);
}

/* Two may be carried to a place while it is looked at, and what is carried is left out. */
static void test_what_is_carried_is_left_out(void **state)
{
	struct looking *at = *state;
	const size_t slot = (size_t)(slot_of_name(at, "pay/" FIRST) - at->bed.stock->slots);

	see_all(at);
	(void)inventory_open(at->bed.inventory, slot);
	inventory_claim(at->bed.inventory, slot, CLAIM_TRANSFER);
	inventory_want_looks(at->bed.inventory, at->bed.stock->places[0], 0);
	inventory_want_looks(at->bed.inventory, at->bed.stock->places[1], 0);
	look_at_places(at->look, false);
	assert_int_equal(fake_at(FIRST)->count, 1);
	assert_int_equal(fake_at(SECOND)->count, 2);
	inventory_unclaim(at->bed.inventory, slot, CLAIM_TRANSFER);
}

/* What is settled is known to the second: in the one in which a full scan began, it is not looked at again. */
static void test_what_was_just_seen_is_left_out(void **state)
{
	struct looking *at = *state;
	const struct slot *slot = slot_of_name(at, "pay/" FIRST);
	usec_t second;

	let_all_be_proven(at);
	look_at_places(at->look, false);
	fake_looked(fake_at(FIRST), OBSERVED_PRESENT, NULL);
	fake_looked(fake_at(SECOND), OBSERVED_PRESENT, NULL);
	inventory_end_turn(at->bed.inventory);
	assert_null(slot->open);
	second = slot_seen_at(slot);
	inventory_want_looks(at->bed.inventory, at->bed.stock->places[0], second + USEC_PER_SEC - 1);
	assert_false(stock_wants_look(at->bed.stock, slot));
	inventory_want_looks(at->bed.inventory, at->bed.stock->places[0], second + USEC_PER_SEC);
	assert_true(stock_wants_look(at->bed.stock, slot));
}

/* --- places that have not answered --- */

static void test_a_place_that_has_not_answered_is_asked_about_one(void **state)
{
	struct looking *at = *state;

	look_at_places(at->look, false);
	assert_int_equal(fake_at(FIRST)->count, 1);
	assert_int_equal(fake_at(SECOND)->count, 1);
	fake_looked(fake_at(FIRST), OBSERVED_ABSENT, NULL);
	let_all_be_proven(at);
	look_at_places(at->look, false);
	assert_int_equal(fake_at(FIRST)->count, 1); /* the rest */
	fake_looked(fake_at(FIRST), OBSERVED_ABSENT, NULL);
	assert_int_equal(slot_state(slot_of_name(at, "pay/" FIRST)), OBSERVED_ABSENT);
	assert_int_equal(slot_state(slot_of_name(at, "web/" FIRST)), OBSERVED_ABSENT);
}

static void test_its_failure_is_that_of_the_others(void **state)
{
	struct looking *at = *state;
	_cleanup_(error_done) struct error err = ERROR_NULL;

	(void)error_set(&err, ERROR_DENIED, 0, "not you");
	look_at_places(at->look, false);
	fake_looked(fake_at(FIRST), OBSERVED_UNKNOWN, &err);
	for (size_t i = 0; i < 2; i++) {
		const char *name = i ? "web/" FIRST : "pay/" FIRST;
		const size_t slot = (size_t)(slot_of_name(at, name) - at->bed.stock->slots);
		const struct tracked_delivery *delivery = inventory_open(at->bed.inventory, slot);

		assert_string_equal(delivery->observed.error.text, "not you");
		assert_int_equal(delivery->record.failures, 1);
		assert_true(delivery->record.next_try > inventory_now(at->bed.inventory));
	}
	inventory_end_turn(at->bed.inventory);
	look_at_places(at->look, false);
	assert_null(fake_at(FIRST)); /* the plan says when */
}

/* --- how much at a time --- */

/* While the source's versions come one by one, each place is looked at now and then, not for each version. */
static void test_looks_are_apart_while_the_source_is_read(void **state)
{
	struct looking *at = *state;

	see_all(at);
	inventory_want_looks(at->bed.inventory, at->bed.stock->places[0], 0);
	look_at_places(at->look, true);
	assert_int_equal(fake.count, 0);
	look_at_places(at->look, false);
	assert_int_equal(fake.count, 1);
}

static void release_kept(struct destination_kept *kept)
{
}

/* Whose listing the last look has kept is not asked to list again, and so it need not wait long. */
static void test_looks_are_close_where_the_listing_is_kept(void **state)
{
	static struct destination_kept kept = { .release = release_kept, .good = true };
	struct looking *at = *state;
	const struct tracked_place *first = at->bed.stock->places[0];
	usec_t began = clock_monotonic(), next;

	let_all_be_proven(at);
	look_at_places(at->look, true);
	fake_at(FIRST)->keep->kept = &kept;
	fake_looked(fake_at(FIRST), OBSERVED_ABSENT, NULL);
	fake_looked(fake_at(SECOND), OBSERVED_ABSENT, NULL);
	inventory_want_looks(at->bed.inventory, first, 0);
	next = look_next(at->look); /* or it may be looked at by now */
	assert_true(next < usec_add(clock_monotonic(), USEC_PER_SEC) || next == USEC_INFINITY);
	while (!fake.count) {
		(void)usleep(1000);
		began = clock_monotonic();
		look_at_places(at->look, true);
	}
	assert_non_null(fake_at(FIRST));
	/* Somebody else needed its room: the next one lists. */
	kept.good = false;
	fake_looked(fake_at(FIRST), OBSERVED_ABSENT, NULL);
	inventory_want_looks(at->bed.inventory, first, 0);
	next = look_next(at->look);
	assert_true(next >= usec_add(began, 2 * USEC_PER_SEC));
}

static void test_many_places_take_turns(void **state)
{
	struct looking *at = *state;
	struct buf many = BUF_NULL;
	_cleanup_(freep) char *text = NULL;
	size_t done = 0;

	buf_append_string(&many, "source: {region: eu-west-1}\ncertificates:\n"
				 "  pay: {arn: '" ARN "1', deliver: [{to: acm}]}\n"
				 "  web: {arn: '" ARN "2', deliver: [{to: acm}]}\n"
				 "destinations:\n  acm:\n    kind: acm\n"
				 "    role_arn: 'arn:aws:iam::{account}:role/ferry'\n    accounts:\n");
	for (unsigned i = 0; i < 100; i++)
		buf_printf(&many, "      - '%012lu'\n", 222222222000ul + i);
	text = buf_take(&many);
	bed_take_over(&at->bed, text);
	look_new_world(at->look);
	look_at_places(at->look, false);
	assert_int_equal(fake.count, 100); /* one delivery each takes no room of others */
	while (fake.count)
		fake_looked(fake.calls[0], OBSERVED_ABSENT, NULL);
	let_all_be_proven(at);
	for (size_t p = 0; p < at->bed.stock->place_count; p++)
		inventory_want_looks(at->bed.inventory, at->bed.stock->places[p], 0);
	while (done < 100) {
		look_at_places(at->look, false);
		assert_true(fake.count > 0 && fake.count <= 32);
		fake_looked(fake.calls[0], OBSERVED_ABSENT, NULL);
		done++;
	}
	look_at_places(at->look, false);
	assert_int_equal(fake.count, 0);
}

/* --- the end --- */

static void test_cancel(void **state)
{
	struct looking *at = *state;

	let_all_be_proven(at);
	look_at_places(at->look, false);
	look_cancel(at->look);
	assert_int_equal(fake.cancels, 2);
	assert_int_equal(fake.count, 0);
	assert_int_equal(slot_of_name(at, "pay/" FIRST)->claimed_by, 0);
	assert_false(at->bed.stock->places[0]->looking);
	look_at_places(at->look, false);
	assert_int_equal(fake.count, 2); /* they are wanted still */
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_look_serves_all_of_its_place),
		TEST(test_one_is_looked_at_by_itself),
		TEST(test_what_is_carried_is_left_out),
		TEST(test_what_was_just_seen_is_left_out),
		TEST(test_a_place_that_has_not_answered_is_asked_about_one),
		TEST(test_its_failure_is_that_of_the_others),
		TEST(test_looks_are_apart_while_the_source_is_read),
		TEST(test_looks_are_close_where_the_listing_is_kept),
		TEST(test_many_places_take_turns),
		TEST(test_cancel),
	};

	if (secret_memory_init(&(bool){ false }, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
