/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_CLI_REPLY_H
#define DAEMON_CLI_REPLY_H

/* Reading the JSON texts of daemon/report/report.h.  What is missing or null reads as empty, so that an
 * older daemon's answer is shown as far as it goes. */

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/base/time.h"

/* For _cleanup_(reply_done). */
void reply_done(json_t **reply);

/* reply_parse(text, reply, err): an object of format 1, else ERROR_INVALID. */
int reply_parse(const char *text, json_t **ret_reply, struct error *err);

/* reply_text(object, key), reply_count(object, key): "" and 0 when there is none. */
const char *reply_text(const json_t *object, const char *key);
unsigned reply_count(const json_t *object, const char *key);

/* reply_time(object, key): 0 when there is none. */
usec_t reply_time(const json_t *object, const char *key);

/* reply_exit(reply): its exit status. */
int reply_exit(const json_t *reply);

/* reply_is_under(name, top): "a" names "a" itself and what is below it: "a/b". */
bool reply_is_under(const char *name, const char *top);

/**
 * reply_select(status, name):
 * Leave in ${status} only the delivery ${name}, or what belongs to the certificate ${name} (with a
 * matched one, to the entry), and make its exit that of the rest.  Dependents are left out: they
 * belong to several.  Returns whether there is any.
 */
bool reply_select(json_t *status, const char *name);

/* reply_status_exit(status): what its states come to: 1 failed, 3 pending or held, 0. */
int reply_status_exit(const json_t *status);

/* reply_print(reply): to stdout, indented. */
void reply_print(const json_t *reply);

#endif
