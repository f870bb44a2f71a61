/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_PROFILE_H
#define LIB_AWS_PROFILE_H

/*
 * The shared configuration and credentials files of the AWS CLI and SDKs.  What is secret in
 * them is not kept: whoever needs it reads the file again with profile_parse().
 */

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"

struct profiles;
struct secret;

/* One "key = value" of a file; everything is borrowed.  ${section} is as written, without
 * brackets.  A key nested under another, as in `services` sections, is "outer.inner". */
struct profile_item {
	const char *section;
	const char *key; /* lower case; "" for the beginning of the section itself */
	const char *value;
	size_t value_length; /* the value does not end with a NUL */
	unsigned line;
};

/* profile_item_fn(userdata, item, err): 0 to go on, negative (with ${err} filled) to stop. */
typedef int (*profile_item_fn)(void *userdata, const struct profile_item *item, struct error *err);

/**
 * profile_parse(path, text, length, each, userdata, err):
 * Call ${each} for every section and every item of a file's content.  What is no such file, or has
 * a section or a key of a section twice, is ERROR_INVALID, with "PATH:LINE: ...".  As in the AWS CLI: keys end at "="
 * or ":", comments are whole lines beginning with "#" or ";", values are not unquoted.  Pure.
 */
int profile_parse(const char *path, const char *text, size_t length, profile_item_fn each,
	void *userdata, struct error *err);

/**
 * profile_section(section, credentials_file):
 * The name of the profile that a section of a file defines: "x" of [profile x] in the
 * configuration file or of [x] in the credentials file, "default" of [default] in both; NULL
 * for other sections.  The caller owns it.
 */
char *profile_section(const char *section, bool credentials_file);

/* profile_file_read(path, content, err): the file's content; NULL if there is no such file
 * or it is empty.  ERROR_INVALID where everybody could change it or put another one in its place. */
int profile_file_read(const char *path, struct secret **ret_content, struct error *err);

/**
 * profiles_load(config_path, credentials_path, profiles, err):
 * Read both files (NULL, absent or empty: nothing is in it).  Unreadable ones are ERROR_INVALID
 * with the file, and the line where one is to blame.
 */
int profiles_load(const char *config_path, const char *credentials_path,
	struct profiles **ret_profiles, struct error *err);

/* profile_exists(profiles, profile), profile_get(profiles, profile, key): the value, "" for
 * a secret one, or NULL.  What the credentials file says counts more.  Borrowed from
 * ${profiles}. */
bool profile_exists(const struct profiles *profiles, const char *profile);
const char *profile_get(const struct profiles *profiles, const char *profile, const char *key);

/* profile_has(profiles, credentials_file, profile, key): does that one file say so? */
bool profile_has(const struct profiles *profiles, bool credentials_file, const char *profile,
	const char *key);

/* profiles_values(profiles, key): what ${key} is in each profile that has it.  The caller owns the
 * list. */
char **profiles_values(const struct profiles *profiles, const char *key);

/* profile_get_service(profiles, section, key): the value of ${key} ("acm.endpoint_url"; NULL: of any
 * key) in [services SECTION], or NULL. */
const char *profile_get_service(
	const struct profiles *profiles, const char *section, const char *key);

/* profile_where(profiles, profile, key), profile_where_service(profiles, section, key): "FILE:LINE" of what
 * profile_get() or profile_get_service() finds.  The caller owns it. */
char *profile_where(const struct profiles *profiles, const char *profile, const char *key);
char *profile_where_service(const struct profiles *profiles, const char *section, const char *key);

/* profiles_path(profiles, credentials_file): which file was read, or NULL. */
const char *profiles_path(const struct profiles *profiles, bool credentials_file);

struct profiles *profiles_free(struct profiles *profiles);

DEFINE_CLEANUP(struct profiles *, profiles_free);

#endif
