/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DESTINATION_TAGS_H
#define DAEMON_DESTINATION_TAGS_H

/*
 * The tags by which certferry knows its own objects again.  "KEY=VALUE" strings,
 * NULL-terminated.
 */

#include <stdbool.h>

#include "daemon/model/delivery.h"
#include "daemon/model/observed.h"

#define TAG_SOURCE "certferry:source"
#define TAG_NAME   "certferry:name"
#define TAG_ANCHOR "certferry:anchor"

/*
 * tags_of(delivery, anchor): what a new object gets: our own, then those configured.  The caller
 * owns it.  ${anchor}: of what is put there, bundle_anchor(); unset: without its tag.
 */
char **tags_of(const struct delivery *delivery, const struct fingerprint *anchor);

/* tags_of_anchor(delivery, anchor): the tag of ${anchor}, for an object that is there; with
 * ${delivery} (NULL: not), those that say whose it is from now on, too. The caller owns it. */
char **tags_of_anchor(const struct delivery *delivery, const struct fingerprint *anchor);

/* tags_former(tags, delivery): the source certificate, borrowed, where they say that the object is
 * ${delivery}'s and was made for another one than it has now; else NULL. */
const char *tags_former(char *const *tags, const struct delivery *delivery);

/*
 * tags_see(tags, delivery, seen): what all ${tags} of an object say of it: is it ${delivery}'s
 * own, or was it for another source certificate, and which anchor do they name?  They lie in the
 * destination's account, which can forge them: they count for ${delivery} alone.
 */
void tags_see(char *const *tags, const struct delivery *delivery, struct observed *seen);

/*
 * tags_keep(tags): a copy of those that certferry reads, which the caller owns: an account can hang 50 on each of
 * thousands of objects.  A value longer than any that ACM and Secrets Manager keep of ours is cut, and equals none.
 */
char **tags_keep(char *const *tags);

/* tags_find(tags, key): the value of ${key}, borrowed, or NULL. */
const char *tags_find(char *const *tags, const char *key);

/* tags_are_of(tags, delivery): do both say that the object is ${delivery}'s? */
bool tags_are_of(char *const *tags, const struct delivery *delivery);

/* tags_are_certferrys(tags): is it an object of some delivery, whichever? */
bool tags_are_certferrys(char *const *tags);

#endif
