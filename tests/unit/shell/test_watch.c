/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A source_watch and a kind of source that is nothing but a row of the table: what was read is
 * kept, and what the kind keeps is told when it is another view, is given back when the regions
 * change, and is never another kind's.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/source/kind.h"
#include "daemon/source/watch.h"
#include "lib/base/strv.h"

/* --- the kind: the test says what a reading finds --- */

struct toy_read {
	struct source_read base;
	struct source_request request;
	const struct source_read_events *events;
	void *userdata;
};

struct toy_kept {
	struct source_kept base;
	unsigned changed;
};

static struct {
	struct toy_read *read;
	struct toy_kept *kept;
	unsigned reads, cancelled, kept_made, kept_freed, hurried;
} toy;

static struct source_read *toy_start(const struct source_request *request,
	const struct source_read_events *events, void *userdata)
{
	toy.reads++;
	toy.read = mem_new(struct toy_read);
	*toy.read =
		(struct toy_read){ .request = *request, .events = events, .userdata = userdata };
	return &toy.read->base;
}

static void toy_cancel(struct source_read *read)
{
	toy.cancelled++;
	free(read);
	toy.read = NULL;
}

static bool toy_next(struct source_read *read, const char *arn)
{
	toy.hurried++;
	return strcmp(arn, "arn:1") == 0;
}

static struct source_kept *toy_keep(const struct source_memory *memory)
{
	toy.kept_made++;
	toy.kept = mem_new(struct toy_kept);
	return &toy.kept->base;
}

static void toy_kept_changed(struct source_kept *kept)
{
	((struct toy_kept *)kept)->changed++;
}

static void toy_kept_free(struct source_kept *kept)
{
	toy.kept_freed++;
	free(kept);
	toy.kept = NULL;
}

static const struct source_kind_row toy_kind = {
	.name = "toy",
	.read = toy_start,
	.read_cancel = toy_cancel,
	.read_next = toy_next,
	.keep = toy_keep,
	.kept_changed = toy_kept_changed,
	.kept_free = toy_kept_free,
};

/* Keeps nothing, and has nothing that could be hurried. */
static const struct source_kind_row plain_kind = {
	.name = "plain",
	.read = toy_start,
	.read_cancel = toy_cancel,
};

#define SOURCE_TOY   ((enum source_kind)1)
#define SOURCE_PLAIN ((enum source_kind)2)

const struct source_kind_row *const source_kinds[] = {
	[SOURCE_ACM] = &acm_source,
	[SOURCE_TOY] = &toy_kind,
	[SOURCE_PLAIN] = &plain_kind,
};

/* The end of the reading under way, which is gone when it is told. */
static void toy_end(struct source_view *view, const struct error *err)
{
	struct toy_read read = *toy.read;

	free(toy.read);
	toy.read = NULL;
	read.events->on_read(read.userdata, view, err);
}

/* --- who owns the watch --- */

static struct {
	struct source_watch watch;
	struct desired desired;
	unsigned views, listed, versions, ended;
	size_t former; /* certificates in the former view; SIZE_MAX: there was none */
	enum source_reading reading;
	char *only; /* joined, of the last end */
	enum error_kind failed;
} owner;

static void on_view(void *userdata, const struct source_view *former)
{
	owner.views++;
	owner.former = former ? former->count : SIZE_MAX;
	assert_true(former != owner.watch.view);
}

static void on_listed(void *userdata)
{
	owner.listed++;
	assert_true(owner.watch.tells);
}

static void on_version(void *userdata, const struct source_certificate *certificate)
{
	owner.versions++;
	assert_true(digest_is_set(
		&source_view_find(owner.watch.view, certificate->arn)->version.digest));
}

static void on_ended(void *userdata, enum source_reading reading, char *const *only,
	struct source_view *view, const struct error *err)
{
	owner.ended++;
	owner.reading = reading;
	owner.failed = err ? err->kind : ERROR_NONE;
	free(owner.only);
	owner.only = strv_join(only, " ");
	assert_null(owner.watch.read);
	assert_false(owner.watch.tells);
	if (view)
		source_watch_take(&owner.watch, view);
}

static const struct source_watch_events events = { on_view, on_listed, on_version, on_ended, NULL };

/* "arn:1", "arn:2", ... ${version} of all of them; 0: not read. */
static struct source_view *view_of(size_t count, unsigned char version)
{
	struct source_view *view = mem_new(struct source_view);

	view->items = mem_alloc(count * sizeof(*view->items));
	for (; view->count < count; view->count++) {
		struct source_certificate *item = &view->items[view->count];

		item->arn = mem_printf("arn:%zu", view->count + 1);
		item->region = mem_strdup("eu-west-1");
		item->domain = mem_strdup("a.example.com");
		item->type = mem_strdup("PRIVATE");
		item->status = mem_strdup("ISSUED");
		item->key_algorithm = mem_strdup("RSA_2048");
		memset(&item->version.digest, version, sizeof(item->version.digest));
		item->unread = !version;
	}
	return view;
}

static char **regions_of(const char *name)
{
	char **regions = NULL;

	strv_append(&regions, name);
	return regions;
}

static void start(enum source_reading reading, char **only)
{
	source_watch_start(&owner.watch, &(struct source_watch_order){ .reading = reading,
						 .desired = &owner.desired,
						 .only = only,
						 .only_count = strv_length(only),
						 .now = 5,
						 .since = 3 });
}

static int setup(void **state)
{
	memset(&toy, 0, sizeof(toy));
	memset(&owner, 0, sizeof(owner));
	owner.desired.source.kind = SOURCE_TOY;
	source_watch_init(&owner.watch, &events, NULL);
	source_watch_set_regions(&owner.watch, regions_of("eu-west-1"));
	return 0;
}

static int teardown(void **state)
{
	source_watch_done(&owner.watch);
	free(owner.only);
	assert_null(toy.read);
	assert_int_equal(toy.kept_made, toy.kept_freed);
	return 0;
}

/* The first reading knows what the record does, as news; the next one what the first has found. */
static void test_what_is_known(void **state)
{
	source_watch_remember(&owner.watch, view_of(2, 1));
	start(SOURCE_SWEEP, NULL);
	assert_int_equal(toy.read->request.memory->known->count, 2);
	assert_true(toy.read->request.memory->remembered);
	assert_int_equal(toy.read->request.since, 3);
	assert_int_equal(owner.watch.began, 5);
	toy_end(view_of(3, 1), NULL);
	assert_int_equal(owner.views, 1);
	assert_int_equal(owner.former, SIZE_MAX);
	assert_int_equal(owner.reading, SOURCE_SWEEP);
	assert_null(owner.watch.remembered);
	start(SOURCE_LOOK, NULL);
	assert_ptr_equal(toy.read->request.memory->known, owner.watch.view);
	assert_false(toy.read->request.memory->remembered);
	toy_end(NULL, NULL);
	assert_int_equal(owner.views, 1);
}

/* What is as it was stays where it is: others point into it. */
static void test_what_stays(void **state)
{
	const struct source_view *first;
	unsigned changed;

	start(SOURCE_LOOK, NULL);
	toy_end(view_of(3, 1), NULL);
	first = owner.watch.view;
	changed = toy.kept->changed;
	assert_true(changed > 0);
	start(SOURCE_LOOK, NULL);
	toy_end(view_of(3, 1), NULL);
	assert_ptr_equal(owner.watch.view, first);
	assert_int_equal(toy.kept->changed, changed);
	start(SOURCE_LOOK, NULL);
	toy_end(view_of(3, 2), NULL);
	assert_int_equal(owner.views, 2);
	assert_int_equal(owner.former, 3);
	assert_int_equal(toy.kept->changed, changed + 1);
	assert_int_equal(toy.kept_made, 1);
}

static void test_versions_one_by_one(void **state)
{
	_cleanup_(source_view_freep) struct source_view *read = view_of(2, 7),
							*stranger = view_of(3, 7);

	start(SOURCE_SWEEP, NULL);
	toy.read->events->on_listed(toy.read->userdata, view_of(2, 0));
	assert_int_equal(owner.listed, 1);
	assert_true(source_read_next(owner.watch.read, "arn:1"));
	assert_false(source_read_next(owner.watch.read, "arn:2"));
	toy.read->events->on_version(toy.read->userdata, &read->items[1]);
	assert_int_equal(owner.versions, 1);
	/* One that was not listed, or is called otherwise meanwhile, waits for the end. */
	toy.read->events->on_version(toy.read->userdata, &stranger->items[2]);
	free(read->items[0].domain);
	read->items[0].domain = mem_strdup("b.example.com");
	toy.read->events->on_version(toy.read->userdata, &read->items[0]);
	assert_int_equal(owner.versions, 1);
	assert_false(digest_is_set(&owner.watch.view->items[0].version.digest));
	/* Told in part, it is not packed: the whole takes its place, equal or not. */
	toy_end(view_of(2, 7), NULL);
	assert_int_equal(owner.views, 2);
}

static void test_check(void **state)
{
	char **only = NULL;

	start(SOURCE_SWEEP, NULL);
	toy_end(view_of(2, 1), NULL);
	strv_append(&only, "arn:1");
	strv_append(&only, "arn:2");
	start(SOURCE_CHECK, only);
	assert_ptr_equal(toy.read->request.only, only);
	assert_int_equal(toy.read->request.only_count, 2);
	toy_end(view_of(2, 2), NULL);
	assert_int_equal(owner.reading, SOURCE_CHECK);
	assert_string_equal(owner.only, "arn:1 arn:2");
	assert_null(owner.watch.only);
}

static void test_failure_changes_nothing(void **state)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;

	start(SOURCE_LOOK, NULL);
	toy_end(view_of(1, 1), NULL);
	(void)error_set(&err, ERROR_DENIED, 0, "no");
	start(SOURCE_LOOK, NULL);
	toy_end(NULL, &err);
	assert_int_equal(owner.failed, ERROR_DENIED);
	assert_int_equal(owner.watch.view->count, 1);
	assert_int_equal(owner.views, 1);
}

static void test_cancel(void **state)
{
	start(SOURCE_LOOK, NULL);
	source_watch_cancel(&owner.watch);
	assert_int_equal(toy.cancelled, 1);
	assert_null(owner.watch.read);
	assert_int_equal(owner.ended, 0);
	source_watch_cancel(&owner.watch);
	assert_int_equal(toy.cancelled, 1);
}

static void test_other_regions_and_kinds_begin_anew(void **state)
{
	start(SOURCE_LOOK, NULL);
	toy_end(view_of(1, 1), NULL);
	source_watch_set_regions(&owner.watch, regions_of("eu-central-1"));
	assert_int_equal(toy.kept_freed, 1);
	assert_int_equal(owner.watch.view->count, 1); /* what was seen stays */
	start(SOURCE_LOOK, NULL);
	assert_int_equal(toy.kept_made, 2);
	toy_end(NULL, NULL);
	owner.desired.source.kind = SOURCE_PLAIN;
	start(SOURCE_LOOK, NULL);
	assert_int_equal(toy.kept_freed, 2);
	assert_null(owner.watch.memory.kept);
	assert_false(source_read_next(owner.watch.read, "arn:1"));
	toy_end(view_of(2, 1), NULL);
	assert_int_equal(owner.views, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_is_known, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(test_versions_one_by_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_check, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failure_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_other_regions_and_kinds_begin_anew, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
