/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_SHELL_TEST_DESTINATION_FILES_H
#define TESTS_UNIT_SHELL_TEST_DESTINATION_FILES_H

/* A directory of files, and one delivery to it that is looked at and put. */

#include "tests/unit/shell/test_destination_bundle.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "daemon/destination/destination.h"
#include "lib/os/file.h"

struct world {
	char directory[64];
	struct desired_destination destination;
	struct place place;
	struct desired_delivery wish;
	struct delivery delivery;
	struct destination_context context;
	struct issuer issuer;
	struct bundle *bundle;

	struct observed *seen;
	struct error error;
	char *object_id;
	struct shown_news news; /* of the last put */
	bool inside; /* start has not returned */
	const char *let_go; /* the revision of what others put there; or NULL */
};

static inline void on_look(void *userdata, struct observed *seen, const struct error *err)
{
	struct world *world = userdata;

	assert_false(world->inside);
	assert_null(err);
	world->seen = seen;
	sd_event_exit(world->context.event, 0);
}

static inline void on_put(void *userdata, const char *object_id, const struct shown_news *news,
	const struct error *err)
{
	struct world *world = userdata;

	assert_false(world->inside);
	if (err)
		error_copy(&world->error, err);
	world->object_id = mem_strdup(object_id);
	shown_news_done(&world->news);
	shown_news_copy(&world->news, news);
	sd_event_exit(world->context.event, 0);
}

static inline void fresh_loop(struct world *world)
{
	sd_event_unref(world->context.event);
	assert_true(sd_event_new(&world->context.event) >= 0);
}

static inline struct observed *look(struct world *world)
{
	struct look_item item = {
		.delivery = &world->delivery, .want_pem = true, .revision = world->let_go
	};

	if (world->seen)
		observed_done(world->seen);
	free(take(world->seen));
	fresh_loop(world);
	world->inside = true;
	destination_look(&world->context, &item, 1, NULL, 42, on_look, world);
	world->inside = false;
	assert_int_equal(sd_event_loop(world->context.event), 0);
	return world->seen;
}

static inline int put(struct world *world, struct bundle *bundle)
{
	struct observed before = {
		.state = OBSERVED_ABSENT, .revision = (char *)world->let_go
	};

	error_done(&world->error);
	free(take(world->object_id));
	fresh_loop(world);
	world->inside = true;
	destination_put(&world->context, &world->delivery, bundle, &before, on_put, world);
	world->inside = false;
	assert_int_equal(sd_event_loop(world->context.event), 0);
	return error_result(&world->error);
}

/* A path below the directory; four at a time may be in use. */
__attribute__((format(printf, 2, 3))) static inline const char *at(
	const struct world *world, const char *format, ...)
{
	static char paths[4][512];
	static unsigned turn;
	char *path = paths[turn++ % 4];
	va_list arguments;
	int length = snprintf(path, 512, "%s/", world->directory);

	va_start(arguments, format);
	vsnprintf(path + length, 512 - (size_t)length, format, arguments);
	va_end(arguments);
	return path;
}

static inline char *content(const char *path)
{
	struct buf text = BUF_NULL;

	assert_int_equal(file_read(path, 1 << 20, &text, NULL), 0);
	return buf_take(&text);
}

static inline void write_text(const char *path, const char *text)
{
	(void)unlink(path);
	assert_int_equal(file_replace(path, text, strlen(text), 0640, NULL), 0);
}

static inline const char *version_name(const struct bundle *bundle)
{
	static char text[FINGERPRINT_TEXT_SIZE];

	fingerprint_format(&bundle->leaf->fingerprint, text);
	text[16] = '\0';
	return text;
}

static inline unsigned mode(const char *path)
{
	struct stat status;

	assert_int_equal(lstat(path, &status), 0);
	return status.st_mode & 07777;
}

/* Where a link points to, "" where there is none. */
static inline const char *target(const char *path)
{
	static char text[512];
	ssize_t length = readlink(path, text, sizeof(text) - 1);

	text[length < 0 ? 0 : length] = '\0';
	return text;
}

static inline int age_entry(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	struct timespec times[] = { status->st_mtim, status->st_mtim };

	times[0].tv_sec -= 60;
	times[1].tv_sec -= 60;
	return utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
}

/* As if all that is there had been made a minute earlier: the time of grace of a switch is over. */
static inline void age(const struct world *world)
{
	assert_int_equal(nftw(world->directory, age_entry, 8, FTW_PHYS), 0);
}

static inline bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static inline int setup(void **state)
{
	struct world *world = mem_new(struct world);

	/* In memory where that can be: there are thousands of fsyncs to come. */
	strcpy(world->directory,
		access("/dev/shm", W_OK) == 0 ? "/dev/shm/test-destination-XXXXXX" : "/tmp/test-destination-XXXXXX");
	assert_non_null(mkdtemp(world->directory));
	assert_int_equal(chmod(world->directory, 02750), 0);
	world->destination = (struct desired_destination){
		.name = (char *)"files",
		.kind = DESTINATION_FILE,
		.directory = world->directory,
		.layout = LAYOUT_NGINX,
	};
	world->place.destination = &world->destination;
	world->delivery = (struct delivery){
		.name = (char *)"web/files",
		.place = &world->place,
		.wish = &world->wish,
		.object = (char *)"web",
	};
	world->issuer = make_issuer("root");
	world->bundle = make_bundle(&world->issuer, "www.example.com", 2, 3600);
	umask(0077);
	*state = world;
	return 0;
}

static inline int teardown(void **state)
{
	struct world *world = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", world->directory);
	assert_int_equal(system(command), 0);
	if (world->seen)
		observed_done(world->seen);
	free(world->seen);
	free(world->object_id);
	shown_news_done(&world->news);
	error_done(&world->error);
	bundle_free(world->bundle);
	issuer_done(&world->issuer);
	sd_event_unref(world->context.event);
	free(world);
	return 0;
}

static inline void assert_holds(struct world *world, const struct bundle *bundle)
{
	struct observed *seen = look(world);
	struct version version = bundle_version(bundle);

	assert_string_equal(observed_state_name(seen->state), "present");
	assert_memory_equal(&seen->version, &version, sizeof(version));
}

/* As an older version of certferry shows it. */
static inline void show_by_link(struct world *world, const struct bundle *bundle)
{
	char command[256];

	snprintf(command, sizeof(command), "rm -r '%s' '%s'", at(world, "web"),
		at(world, ".certferry.web"));
	assert_int_equal(system(command), 0);
	assert_int_equal(symlink(at(world, ".versions/web/%s", version_name(bundle)) +
					 strlen(world->directory) + 1,
				 at(world, "web")),
		0);
}

#endif
