/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/destination/tags.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/bounded.h"
#include "lib/base/strv.h"

/* In bytes, with its key: ours are ASCII, and a value has 256 characters at most. */
#define TAG_MOST ((size_t)320)

static void append_tag(char ***tags, const char *key, const char *value)
{
	_cleanup_(freep) char *tag = mem_printf("%s=%s", key, value);

	strv_append(tags, tag);
}

static void append_anchor(char ***tags, const struct fingerprint *anchor)
{
	char text[FINGERPRINT_TEXT_SIZE];

	if (fingerprint_is_set(anchor))
		append_tag(tags, TAG_ANCHOR, fingerprint_format(anchor, text));
}

char **tags_of(const struct delivery *delivery, const struct fingerprint *anchor)
{
	char **tags = NULL;

	append_tag(&tags, TAG_SOURCE, delivery->source_arn);
	append_tag(&tags, TAG_NAME, delivery->object);
	append_anchor(&tags, anchor);
	STRV_FOREACH (tag, delivery->place->destination->tags)
		strv_append(&tags, *tag);
	return tags;
}

char **tags_of_anchor(const struct delivery *delivery, const struct fingerprint *anchor)
{
	char **tags = NULL;

	if (delivery) {
		append_tag(&tags, TAG_SOURCE, delivery->source_arn);
		append_tag(&tags, TAG_NAME, delivery->object);
	}
	append_anchor(&tags, anchor);
	return tags;
}

char **tags_keep(char *const *tags)
{
	static const char *const keys[] = { TAG_SOURCE, TAG_NAME, TAG_ANCHOR };
	char **kept = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *value = tags_find(tags, keys[i]);
		_cleanup_(freep) char *tag = value ? bounded_printf(TAG_MOST, "%s=%s", keys[i], value) : NULL;

		if (tag)
			strv_append(&kept, tag);
	}
	return kept;
}

const char *tags_find(char *const *tags, const char *key)
{
	size_t length = strlen(key);

	STRV_FOREACH (tag, tags)
		if (strncmp(*tag, key, length) == 0 && (*tag)[length] == '=')
			return *tag + length + 1;
	return NULL;
}

bool tags_are_of(char *const *tags, const struct delivery *delivery)
{
	const char *source = tags_find(tags, TAG_SOURCE), *name = tags_find(tags, TAG_NAME);

	return source && name && strcmp(source, delivery->source_arn) == 0 &&
		strcmp(name, delivery->object) == 0;
}

const char *tags_former(char *const *tags, const struct delivery *delivery)
{
	const char *source = tags_find(tags, TAG_SOURCE), *name = tags_find(tags, TAG_NAME);

	return source && name && strcmp(source, delivery->source_arn) != 0 &&
			       strcmp(name, delivery->object) == 0
		       ? source
		       : NULL;
}

void tags_see(char *const *tags, const struct delivery *delivery, struct observed *seen)
{
	const char *anchor = tags_find(tags, TAG_ANCHOR);

	seen->own = tags_are_of(tags, delivery);
	free(seen->former);
	seen->former = mem_strdup(tags_former(tags, delivery));
	seen->anchor_seen = true;
	if (!anchor || fingerprint_parse(anchor, &seen->anchor) < 0)
		seen->anchor = (struct fingerprint){ 0 };
}

bool tags_are_certferrys(char *const *tags)
{
	return tags_find(tags, TAG_SOURCE) != NULL;
}
