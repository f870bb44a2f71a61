/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_REPORT_JSON_H
#define DAEMON_REPORT_JSON_H

/* How the views write single values.  Members keep the order in which they are put. */

#include <jansson.h>

#include "daemon/model/version.h"

/* json_begin(exit_status): {"format":1,"exit":N}, to which the view puts its own members. */
json_t *json_begin(int exit_status);

/* json_put(object, key, value): ${value} is given away.  The process ends when it could not be made. */
void json_put(json_t *object, const char *key, json_t *value);

/* json_add(array, value): the same at the end of a list. */
void json_add(json_t *array, json_t *value);

/* json_text(text): a string; null for NULL and "".  What is not UTF-8 (a name that came from
 * outside) has each byte beyond ASCII replaced by '?'. */
json_t *json_text(const char *text);

/* json_texts(list): an array of strings. */
json_t *json_texts(char *const *list);

/* json_time(time): RFC 3339 in UTC; null for 0 (never, not known) and USEC_INFINITY. */
json_t *json_time(usec_t time);

/* json_version(version): {"fingerprint","not_before","not_after"}; null when nothing is known of it. */
json_t *json_version(const struct version *version);

/* json_finish(object): its text, which the caller owns; ${object} is given away. */
char *json_finish(json_t *object);

#endif
