/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DESTINATION_TAGS_H
#define DAEMON_DESTINATION_TAGS_H

/*
 * The tags by which certferry knows its own objects again.  "KEY=VALUE" strings,
 * NULL-terminated.
 */

#include <stdbool.h>

#include "daemon/model/delivery.h"

#define TAG_SOURCE "certferry:source"
#define TAG_NAME   "certferry:name"

/*
 * tags_of(delivery): what a new object gets: the two of our own, then those configured.  The
 * caller owns it.
 */
char **tags_of(const struct delivery *delivery);

/* tags_find(tags, key): the value of ${key}, borrowed, or NULL. */
const char *tags_find(char *const *tags, const char *key);

/* tags_are_of(tags, delivery): do both say that the object is ${delivery}'s? */
bool tags_are_of(char *const *tags, const struct delivery *delivery);

/* tags_are_certferrys(tags): is it an object of some delivery, whichever? */
bool tags_are_certferrys(char *const *tags);

#endif
