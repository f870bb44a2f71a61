/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/model/place_file.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/strv.h"

/* Temporary names beside it are longer, and 255 is the end. */
#define PART_MOST 200

const char *place_file_tmpfiles(const char *directory)
{
	return strcmp(directory, PLACE_FILE_SHIPPED) == 0 ? "certferry-tls.conf"
							  : "certferry-files.conf";
}

static size_t file_count(const struct desired_destination *destination)
{
	return 1;
}

static bool file_leaves(const struct desired_destination *destination,
	const struct desired_delivery *wish, const char *region, size_t number)
{
	return true;
}

static struct place *file_make(
	const struct desired_destination *destination, const char *region, size_t number)
{
	struct place *place = mem_new(struct place);

	place->key = mem_printf("own/%s", destination->directory ?: "-");
	return place;
}

static void file_free(struct place *place)
{
	free(place);
}

static char *file_object_text(const struct place *place, const char *object)
{
	return mem_printf("%s/%s", place->destination->directory, object);
}

static char *file_shared(const struct desired_destination *destination)
{
	return mem_strdup(destination->directory);
}

static char **file_object_problems(const char *object)
{
	char **problems = NULL;

	for (const char *part = object;; part++) {
		size_t length = strcspn(part, "/");
		_cleanup_(freep) char *long_part = NULL;

		/* Names with a dot in front are certferry's own: versions, stamps, what a switch makes first. */
		if (length == 0 || *part == '.') {
			strv_append(&problems,
				"of files, no part between slashes may be empty or begin with a dot; "
				"write it like tls/payments");
			return problems;
		}
		if (length > PART_MOST) {
			long_part = mem_printf(
				"a part has %zu characters; files can have %d", length, PART_MOST);
			strv_append(&problems, long_part);
		}
		part += length;
		if (!*part)
			return problems;
	}
}

static const char *const no_keys[] = { NULL };

const struct place_kind file_place_kind = {
	.name = "file",
	.objects = "files",
	.nests_objects = true,
	.delivery_keys = no_keys,
	.count = file_count,
	.leaves = file_leaves,
	.make = file_make,
	.free = file_free,
	.object_text = file_object_text,
	.shared = file_shared,
	.object_problems = file_object_problems,
};
