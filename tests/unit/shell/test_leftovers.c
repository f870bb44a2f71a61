/* SPDX-License-Identifier: Apache-2.0 */
/* What no delivery cares for, with a record on disk.  The question about it stands here in place of the
 * daemon's, and is never answered. */
#include "tests/unit/shell/inventory_bed.h"

#include <time.h>

#include "daemon/actor/leftovers.h"
#include "daemon/destination/inspect.h"
#include "daemon/destination/kind.h"
#include "lib/base/bounded.h"
#include "lib/pki/secret.h"

#define ACCOUNTS 1000

static struct {
	destination_inspect_fn done;
	void *userdata;
	char *place;
} asked;

bool destination_can_inspect(const struct desired_destination *destination)
{
	return true;
}

void inspect_ended(const struct destination_inspect *inspect, const struct inspected *seen,
	const struct error *err)
{
	fail();
}

struct destination_inspect *destination_inspect(const struct destination_context *context,
	const struct place *place, const char *object_id, destination_inspect_fn done,
	void *userdata)
{
	assert_null(asked.place);
	asked.done = done;
	asked.userdata = userdata;
	asked.place = mem_strdup(place->name);
	return (struct destination_inspect *)&asked;
}

struct destination_inspect *destination_inspect_cancel(struct destination_inspect *inspect)
{
	if (inspect)
		free(take(asked.place));
	return NULL;
}

/* A destination of many accounts in eight regions, and no delivery. */
static void take_over(struct bed *bed)
{
	struct buf yaml = BUF_NULL;

	buf_append_string(&yaml,
		"source: {region: eu-west-1}\ncertificates:\n"
		"  pay: {arn: 'arn:aws:acm:eu-west-1:111111111111:certificate/1',"
		" deliver: [{to: files}]}\n"
		"destinations:\n  files: {kind: file, directory: /srv/tls}\n"
		"  many: {kind: acm, role_arn: 'arn:aws:iam::{account}:role/x',"
		" regions: [eu-west-1, eu-west-2, eu-central-1, eu-north-1, us-east-1, us-east-2, us-west-1, us-west-2], accounts: [");
	for (unsigned i = 0; i < ACCOUNTS; i++)
		buf_printf(&yaml, "%s'2%011u'", i ? "," : "", i);
	buf_append_string(&yaml, "]}\n");
	bed_take_over(bed, yaml.data);
	buf_done(&yaml);
}

/* ${account} in ${region} has an import that somebody is to look at. */
static void leave(struct bed *bed, unsigned number, const char *account, const char *region)
{
	struct delivery_record row = {
		.name = mem_printf("gone/%u", number),
		.object = mem_printf("acm %s/%s %u", account, region, number),
		.object_id = mem_printf("arn:aws:acm:%s:%s:certificate/%u", region, account, number),
		.confirmed = bed_version('A'),
	};

	leftover_set_aside(bed->inventory, &row);
}

static int setup(void **state)
{
	static struct bed bed;

	bed_init(&bed);
	*state = &bed;
	return 0;
}

static int teardown(void **state)
{
	bed_done(*state);
	return 0;
}

static void test_a_destination_without_deliveries_reaches_it(void **state)
{
	struct bed *bed = *state;
	struct leftovers *leftovers = leftovers_new(bed->inventory, &bed->context);

	leave(bed, 1, "200000000999", "us-east-1");
	take_over(bed);
	leftovers_look(leftovers, "eu-west-1");
	assert_non_null(asked.place);
	assert_string_equal(asked.place, "many/200000000999/us-east-1");
	leftovers_free(leftovers);
	assert_null(asked.place);
}

/* One turn of the loop sees to all of them, so it may not make all places for each. */
static void test_what_nothing_reaches_takes_no_time(void **state)
{
	struct bed *bed = *state;
	struct leftovers *leftovers = leftovers_new(bed->inventory, &bed->context);
	clock_t before;

	for (unsigned i = 0; i < LEFTOVERS_MOST; i++)
		leave(bed, i, i % 2 ? "333333333333" : "200000000001",
			i % 2 ? "eu-west-1" : "eu-west-3");
	take_over(bed);
	assert_int_equal(bed->stock->leftover_count, LEFTOVERS_MOST);
	before = clock();
	leftovers_look(leftovers, "eu-west-1");
	assert_true(clock() - before < CLOCKS_PER_SEC);
	assert_null(asked.place);
	for (size_t i = 0; i < LEFTOVERS_MOST; i++)
		assert_non_null(strstr(bed->stock->leftovers[i].problem, "no destination"));
	leftovers_free(leftovers);
}

/* What uses an import is up to its account, and hundreds of imports may be left. */
static void test_users_are_bounded(void **state)
{
	struct bed *bed = *state;
	_cleanup_(strv_freep) char **users = NULL;
	char text[2000] = "";

	memset(text, 'x', sizeof(text) - 1);
	for (unsigned i = 0; i < 100; i++)
		strv_append(&users, text);
	leave(bed, 1, "200000000999", "us-east-1");
	take_over(bed);
	inventory_leftover_seen(
		bed->inventory, bed->stock->leftovers[0].object_id, true, users);
	assert_int_equal(strv_length(bed->stock->leftovers[0].users), USERS_OF_CANDIDATE);
	assert_true(strlen(bed->stock->leftovers[0].users[2]) <= BOUNDED_NAME);
	assert_int_equal(bed->stock->leftovers[0].user_count, 100);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_destination_without_deliveries_reaches_it),
		TEST(test_what_nothing_reaches_takes_no_time),
		TEST(test_users_are_bounded),
	};

	if (secret_memory_init(&(bool){ false }, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
