/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The roll (daemon/destination/acm_roll.h) stands in for a listing while tags are read: a new listing gets from it what the
 * tags said, so that it is matched as if they had been read there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/destination/acm_roll.h"
#include "daemon/destination/tags.h"
#include "lib/base/strv.h"

#define PREFIX "arn:aws:acm:eu-west-1:222222222222:certificate/"
#define ARN(n) PREFIX "00000000-0000-4000-8000-00000000000" #n

static const struct delivery pay = {
	.name = (char *)"pay/prod",
	.source_arn = (char *)"arn:source/pay",
	.object = (char *)"pay",
};
static const struct delivery web = {
	.name = (char *)"web/prod",
	.source_arn = (char *)"arn:source/web",
	.object = (char *)"web",
};
static const struct look_item items[] = { { .delivery = &pay }, { .delivery = &web } };

static struct import_list list_of(const char *const *arns, size_t count)
{
	struct import_list imports = { .items = NULL };

	for (size_t i = 0; i < count; i++)
		import_list_add(&imports, arns[i])->listed = true;
	return imports;
}

static struct import_list three(void)
{
	return list_of((const char *const[]){ ARN(1), ARN(2), ARN(3) }, 3);
}

/* Tags of an object, from "KEY=VALUE" each; NULL ends them. */
static char **tag_list(const char *first, ...)
{
	char **tags = NULL;
	va_list more;

	va_start(more, first);
	for (const char *tag = first; tag; tag = va_arg(more, const char *))
		strv_append(&tags, tag);
	va_end(more);
	return tags;
}

static struct acm_roll *roll_of(struct import_list *imports)
{
	const bool wanted[] = { true, true, true };
	struct acm_roll *roll = acm_roll_new(imports, wanted, items, ARRAY_SIZE(items));

	assert_non_null(roll);
	return roll;
}

static void note(struct acm_roll *roll, const char *arn, char **tags)
{
	acm_roll_note(roll, acm_roll_find(roll, arn), tags, NULL);
	strv_free(tags);
}

static void test_each_is_found_again(void **state)
{
	struct import_list imports = three();
	struct acm_roll *roll = roll_of(&imports);

	for (size_t i = 0; i < imports.count; i++) {
		const char *arn = imports.items[i].summary.arn;
		_cleanup_(freep) char *again = acm_roll_arn(roll, acm_roll_find(roll, arn));

		assert_string_equal(again, arn);
	}
	acm_roll_free(roll);
	import_list_done(&imports);
}

/* One of ours, one of another delivery's, one of somebody else's: matched as by the tags themselves. */
static void test_whose_they_are(void **state)
{
	struct import_list imports = three(), again = three();
	struct acm_roll *roll = roll_of(&imports);

	import_list_done(&imports); /* the roll needs nothing of it */
	note(roll, ARN(1), tag_list("Owner=somebody", NULL));
	note(roll, ARN(2), tag_list(TAG_SOURCE "=arn:source/pay", TAG_NAME "=pay", "Owner=us", NULL));
	note(roll, ARN(3), tag_list(TAG_SOURCE "=arn:source/old", TAG_NAME "=old", NULL));
	acm_roll_apply(roll, &again);
	acm_roll_free(roll);

	for (size_t i = 0; i < again.count; i++)
		assert_true(again.items[i].tags_read);
	assert_string_equal(match_tagged(&again, &items[0])->summary.arn, ARN(2));
	assert_null(match_tagged(&again, &items[1]));
	assert_false(tags_are_certferrys(again.items[0].tags));
	assert_true(tags_are_certferrys(again.items[2].tags));
	import_list_done(&again);
}

/* And of one that was made for another source certificate, which it was. */
static void test_former_source_comes_along(void **state)
{
	struct import_list imports = three(), again = three();
	struct acm_roll *roll = roll_of(&imports);

	note(roll, ARN(1), tag_list(TAG_SOURCE "=arn:source/before", TAG_NAME "=web", NULL));
	note(roll, ARN(2), tag_list(TAG_SOURCE "=arn:source/web", TAG_NAME "=other", NULL));
	acm_roll_apply(roll, &again);
	acm_roll_free(roll);
	assert_true(import_find(&again, ARN(1))->tags_read);
	assert_string_equal(tags_former(import_find(&again, ARN(1))->tags, &web), "arn:source/before");
	assert_null(tags_former(import_find(&again, ARN(2))->tags, &web));
	import_list_done(&imports);
	import_list_done(&again);
}

static void test_anchor_comes_along(void **state)
{
	struct import_list imports = three(), again = three();
	struct acm_roll *roll = roll_of(&imports);
	struct fingerprint anchor = { .bytes = { 1, 2, 3 } };
	struct observed seen = { 0 };
	char **tags = tags_of_anchor(NULL, &anchor);

	strv_append(&tags, TAG_SOURCE "=arn:source/web");
	strv_append(&tags, TAG_NAME "=web");
	note(roll, ARN(1), tags);
	acm_roll_apply(roll, &again);
	acm_roll_free(roll);
	tags_see(import_find(&again, ARN(1))->tags, &web, &seen);
	assert_true(fingerprint_equal(&seen.anchor, &anchor));
	import_list_done(&imports);
	import_list_done(&again);
}

/* What was not read stays so, and what could not be read says why. */
static void test_what_was_not_read(void **state)
{
	struct import_list imports = three(), again = three();
	struct acm_roll *roll = roll_of(&imports);
	_cleanup_(error_done) struct error denied = ERROR_NULL;

	error_set(&denied, ERROR_DENIED, 0, "no permission");
	acm_roll_note(roll, acm_roll_find(roll, ARN(2)), NULL, &denied);
	acm_roll_apply(roll, &again);
	acm_roll_free(roll);
	assert_false(import_find(&again, ARN(1))->tags_read);
	assert_int_equal(import_find(&again, ARN(1))->error.kind, ERROR_NONE);
	assert_false(import_find(&again, ARN(2))->tags_read);
	assert_int_equal(import_find(&again, ARN(2))->error.kind, ERROR_DENIED);
	assert_string_equal(import_find(&again, ARN(2))->error.text, "no permission");
	import_list_done(&imports);
	import_list_done(&again);
}

/* What the new listing lacks: ours is added, since it may lag; of somebody else's nothing is known any more. */
static void test_what_is_not_listed_again(void **state)
{
	struct import_list imports = three();
	struct import_list again = list_of((const char *const[]){ ARN(3) }, 1);
	struct acm_roll *roll = roll_of(&imports);

	note(roll, ARN(1), tag_list(TAG_SOURCE "=arn:source/pay", TAG_NAME "=pay", NULL));
	note(roll, ARN(2), tag_list("Owner=somebody", NULL));
	note(roll, ARN(3), tag_list("Owner=somebody", NULL));
	acm_roll_apply(roll, &again);
	acm_roll_free(roll);
	assert_int_equal(again.count, 2);
	assert_non_null(import_find(&again, ARN(1)));
	assert_false(import_find(&again, ARN(1))->listed);
	import_list_done(&imports);
	import_list_done(&again);
}

/* Only those that are wanted, or were read before. */
static void test_who_is_in_it(void **state)
{
	struct import_list imports = three(), again = three();
	const bool wanted[] = { false, true, false };
	struct acm_roll *roll;

	imports.items[2].tags = tag_list(TAG_SOURCE "=arn:source/web", TAG_NAME "=web", NULL);
	imports.items[2].tags_read = true;
	roll = acm_roll_new(&imports, wanted, items, ARRAY_SIZE(items));
	note(roll, ARN(2), tag_list("Owner=somebody", NULL));
	acm_roll_apply(roll, &again);
	acm_roll_free(roll);
	assert_false(import_find(&again, ARN(1))->tags_read);
	assert_true(import_find(&again, ARN(2))->tags_read);
	assert_string_equal(match_tagged(&again, &items[1])->summary.arn, ARN(3));
	import_list_done(&imports);
	import_list_done(&again);
}

static void test_another_form_of_arn(void **state)
{
	struct import_list imports = list_of((const char *const[]){ ARN(1), PREFIX "not-a-uuid" }, 2);
	const bool wanted[] = { true, true };

	assert_null(acm_roll_new(&imports, wanted, items, ARRAY_SIZE(items)));
	import_list_done(&imports);
}

/* Thousands take some 30 bytes each, and each is found. */
static void test_many(void **state)
{
	enum { MANY = 5000 };
	struct import_list imports = { .items = mem_alloc(MANY * sizeof(struct import)), .count = MANY };
	bool *wanted = mem_alloc(MANY * sizeof(*wanted));
	struct acm_roll *roll;

	for (size_t i = 0; i < MANY; i++) {
		imports.items[i].summary.arn = mem_printf(PREFIX "%08zx-0000-4000-8000-000000000000", i);
		wanted[i] = true;
	}
	roll = acm_roll_new(&imports, wanted, items, ARRAY_SIZE(items));
	assert_non_null(roll);
	assert_true(acm_roll_size(roll) < MANY * 32);
	for (size_t i = 0; i < MANY; i++) {
		_cleanup_(freep) char *arn = acm_roll_arn(roll, acm_roll_find(roll, imports.items[i].summary.arn));

		assert_string_equal(arn, imports.items[i].summary.arn);
	}
	acm_roll_free(roll);
	free(wanted);
	import_list_done(&imports);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_is_found_again),
		cmocka_unit_test(test_whose_they_are),
		cmocka_unit_test(test_former_source_comes_along),
		cmocka_unit_test(test_anchor_comes_along),
		cmocka_unit_test(test_what_was_not_read),
		cmocka_unit_test(test_what_is_not_listed_again),
		cmocka_unit_test(test_who_is_in_it),
		cmocka_unit_test(test_another_form_of_arn),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
