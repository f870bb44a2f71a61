/* SPDX-License-Identifier: Apache-2.0 */
/* Objects made to bear their anchor, beside places whose answers come when the test gives them. */
#include "tests/unit/shell/fake_places.h"

#include "daemon/actor/tag.h"
#include "daemon/announce/announce.h"
#include "lib/pki/secret.h"

#define ARN "arn:aws:acm:eu-west-1:111111111111:certificate/"
#define CERTIFICATES 6

struct tag_bed {
	struct bed bed;
	struct tags *tags;
	char **arns;
	bool refuse; /* what the plan says */
	unsigned asked;
	unsigned tagged, all, denied; /* announced */
};

static bool wanted(void *userdata, size_t slot)
{
	struct tag_bed *at = userdata;

	at->asked++;
	return !at->refuse;
}

static void listen_for_tags(void *userdata, const struct announcement *announcement)
{
	struct tag_bed *at = userdata;

	at->tagged += announcement->change->event == CHANGE_TAGGED;
	at->all += announcement->change->event == CHANGE_TAGGED_ALL;
	at->denied += announcement->change->event == CHANGE_TAG_DENIED;
}

static char *configuration_text(void)
{
	struct buf text = BUF_NULL;

	buf_append_string(&text, "source: {region: eu-west-1}\ncertificates:\n");
	for (int i = 0; i < CERTIFICATES; i++)
		buf_printf(&text, "  pay%d: {arn: '" ARN "%d', deliver: [{to: acm}]}\n", i, i);
	buf_append_string(&text, "destinations:\n  acm: {kind: acm, accounts: ['222222222222', '333333333333'],"
				 " role_arn: 'arn:aws:iam::{account}:role/ferry'}\n");
	return buf_take(&text);
}

/* Each object holds the source's version under an anchor that is recorded, and bears another one. */
static void make_untagged(struct tag_bed *at, size_t slot)
{
	const struct version version = stock_certificate(at->bed.stock, &at->bed.stock->slots[slot])->seen->version;
	struct tracked_delivery *delivery = own_delivery(inventory_open(at->bed.inventory, slot));
	struct observed seen = { .state = OBSERVED_PRESENT, .version = version, .anchor_seen = true };

	memset(delivery->record.anchor.bytes, 'a', sizeof(delivery->record.anchor.bytes));
	memset(seen.anchor.bytes, 'b', sizeof(seen.anchor.bytes));
	seen.object_id = mem_strdup(ARN "object");
	inventory_saw(at->bed.inventory, slot, &seen, 7);
}

static int setup(void **state)
{
	static struct tag_bed at;
	_cleanup_(freep) char *text = configuration_text();

	memset(&fake, 0, sizeof(fake));
	at = (struct tag_bed){ .refuse = false };
	bed_init(&at.bed);
	for (int i = 0; i < CERTIFICATES; i++) {
		_cleanup_(freep) char *arn = mem_printf(ARN "%d", i);

		strv_append(&at.arns, arn);
	}
	at.bed.view = bed_view(at.arns, 'A');
	bed_take_over(&at.bed, text);
	inventory_note_reach(at.bed.inventory);
	at.tags = tags_new(&(struct tags_host){
		.inventory = at.bed.inventory, .context = &at.bed.context, .wanted = wanted, .userdata = &at });
	tags_new_world(at.tags);
	announce_listen(inventory_announce(at.bed.inventory), listen_for_tags, &at);
	for (size_t i = 0; i < at.bed.stock->delivery_count; i++)
		make_untagged(&at, i);
	*state = &at;
	return 0;
}

static int teardown(void **state)
{
	struct tag_bed *at = *state;

	at->tags = tags_free(at->tags);
	assert_int_equal(fake.count, 0);
	bed_done(&at->bed);
	strv_free(at->arns);
	return 0;
}

static size_t count_at(const char *account)
{
	size_t count = 0;

	for (size_t i = 0; i < fake.count; i++)
		count += strstr(fake.calls[i]->place, account) != NULL;
	return count;
}

static void test_a_few_at_each_place(void **state)
{
	struct tag_bed *at = *state;
	unsigned done = 0;

	assert_int_equal(at->bed.stock->untagged, 2 * CERTIFICATES);
	tags_due(at->tags);
	assert_int_equal(count_at("222222222222"), 4);
	assert_int_equal(count_at("333333333333"), 4);
	assert_true(tags_are_busy(at->tags));
	for (; fake.count; done++) {
		fake_tagged(fake.calls[0], NULL);
		tags_due(at->tags);
		assert_true(count_at("222222222222") <= 4);
	}
	assert_int_equal(done, 2 * CERTIFICATES);
	assert_int_equal(at->tagged, 2 * CERTIFICATES);
	assert_int_equal(at->all, 2); /* once a place, at its last */
	assert_int_equal(at->bed.stock->untagged, 0);
	assert_false(tags_are_busy(at->tags));
}

static void test_only_what_the_plan_says(void **state)
{
	struct tag_bed *at = *state;

	at->refuse = true;
	tags_due(at->tags);
	assert_int_equal(fake.count, 0);
	assert_int_equal(at->asked, 2 * CERTIFICATES);
	tags_due(at->tags);
	assert_int_equal(at->asked, 2 * CERTIFICATES); /* until a look finds it so again */
}

static void test_a_denial_ends_it_for_the_place(void **state)
{
	struct tag_bed *at = *state;
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct fake_call *call = NULL;

	(void)error_set(&err, ERROR_DENIED, 0, "not you");
	tags_due(at->tags);
	for (size_t i = 0; i < fake.count; i++)
		if (strstr(fake.calls[i]->place, "222222222222"))
			call = fake.calls[i];
	assert_non_null(call);
	fake_tagged(call, &err);
	assert_int_equal(at->denied, 1);
	tags_due(at->tags);
	assert_int_equal(count_at("222222222222"), 3); /* what was sent */
	assert_int_equal(count_at("333333333333"), 4);
	make_untagged(at, 0);
	assert_false(at->bed.stock->slots[0].untagged);
}

static void test_cancel(void **state)
{
	struct tag_bed *at = *state;

	tags_due(at->tags);
	tags_cancel(at->tags);
	assert_int_equal(fake.cancels, 8);
	for (size_t i = 0; i < at->bed.stock->delivery_count; i++)
		assert_int_equal(at->bed.stock->slots[i].claimed_by, 0);
	assert_false(tags_are_busy(at->tags));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_few_at_each_place),
		TEST(test_only_what_the_plan_says),
		TEST(test_a_denial_ends_it_for_the_place),
		TEST(test_cancel),
	};

	if (secret_memory_init(&(bool){ false }, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
