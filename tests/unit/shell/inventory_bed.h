/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An inventory with a world out of a configuration that a test writes down, a record on disk, and a source of the test's own:
 * for actors, each of which stands in it alone, beside a stage that the test replaces.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/conductor/configuration.h"
#include "daemon/inventory/inside.h"
#include "lib/base/buf.h"
#include "lib/base/strv.h"
#include "lib/os/clock.h"

struct bed {
	char *directory;
	struct destination_context context;
	struct inventory *inventory;
	const struct stock *stock;
	struct source_view *view;
	unsigned pokes;
};

static inline void bed_on_changed(void *userdata)
{
	((struct bed *)userdata)->pokes++;
}

/* The file of the directory; the caller owns the path. */
static inline char *bed_path(const struct bed *bed, const char *name)
{
	return mem_printf("%s/%s", bed->directory, name);
}

static inline struct configuration *bed_configuration(const struct bed *bed, const char *yaml)
{
	_cleanup_(freep) char *path = bed_path(bed, "certferry.yaml");
	struct config_problems problems = CONFIG_PROBLEMS_NULL;
	struct configuration *configuration;
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(yaml, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_true(configuration_load(path, &configuration, &problems, NULL));
	return configuration;
}

/* A version that is told apart from others by ${letter}. */
static inline struct version bed_version(char letter)
{
	struct version version = {
		.not_before = USEC_PER_DAY * (usec_t)letter,
		.not_after = clock_now() + 100 * USEC_PER_DAY + (usec_t)letter,
	};
	struct fingerprint leaf;

	memset(leaf.bytes, letter, sizeof(leaf.bytes));
	version.digest = digest_of_leaf(&leaf);
	return version;
}

/* The source shows a certificate for each of the ARNs, all with the same version. */
static inline struct source_view *bed_view(char *const *arns, char letter)
{
	struct source_view *view = mem_new(struct source_view);

	view->items = mem_alloc(strv_length(arns) * sizeof(*view->items));
	STRV_FOREACH (arn, arns) {
		struct source_certificate *item = &view->items[view->count++];

		*item = (struct source_certificate){
			.arn = mem_strdup(*arn),
			.domain = mem_strdup("example.com"),
			.status = mem_strdup("ISSUED"),
			.type = mem_strdup("PRIVATE"),
			.key_algorithm = mem_strdup("RSA_2048"),
			.exportable = true,
			.version = bed_version(letter),
		};
		item->not_before = item->version.not_before;
		item->not_after = item->version.not_after;
		strv_append(&item->names, "example.com");
	}
	return view;
}

/* The world is what ${yaml} comes to with what the source shows. */
static inline void bed_take_over(struct bed *bed, const char *yaml)
{
	struct configuration *configuration = bed_configuration(bed, yaml);

	inventory_take_over(bed->inventory, world_new(configuration, bed->view, "eu-west-1", NULL), bed->view);
	configuration_unref(configuration);
}

/* The source shows ${view} (given) from now on. */
static inline void bed_show(struct bed *bed, struct source_view *view)
{
	struct source_view *former = bed->view;

	bed->view = view;
	inventory_show(bed->inventory, view, former);
	source_view_free(former);
}

/* A process begins, with what the record has. */
static inline void bed_start(struct bed *bed)
{
	struct record_news news = { 0 };
	struct record *record;

	bed->inventory = inventory_new(&(struct inventory_request){
		.destinations = &bed->context, .on_changed = bed_on_changed, .userdata = bed });
	bed->stock = inventory_stock(bed->inventory);
	assert_int_equal(record_open(bed->directory, &news, &record, NULL), 0);
	inventory_use_record(bed->inventory, record, &news);
	record_news_done(&news);
}

static inline void bed_init(struct bed *bed)
{
	*bed = (struct bed){ .directory = mem_strdup("/tmp/test-inventory-XXXXXX") };
	assert_non_null(mkdtemp(bed->directory));
	assert_true(sd_event_new(&bed->context.event) >= 0);
	bed_start(bed);
}

static inline void bed_done(struct bed *bed)
{
	static const char *const names[] = { "record.sqlite", "record.sqlite-wal", "record.sqlite-shm", "certferry.yaml" };

	bed->inventory = inventory_free(bed->inventory);
	bed->view = source_view_free(bed->view);
	sd_event_unref(bed->context.event);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_(freep) char *path = bed_path(bed, names[i]);

		(void)unlink(path);
	}
	(void)rmdir(bed->directory);
	free(take(bed->directory));
}

/* What is on disk at this moment; release it with recorded_done(). */
static inline struct recorded bed_on_disk(const struct bed *bed)
{
	struct record *record = NULL;
	struct recorded all;

	assert_int_equal(record_open_reader(bed->directory, &record, NULL), 0);
	assert_int_equal(record_load(record, &all, NULL), 0);
	record_free(record);
	return all;
}
