/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_CLI_SHOW_H
#define DAEMON_CLI_SHOW_H

/* A status, as JSON, for people: certificates, deliveries and dependents, what is not well first; then
 * the notices, and one sentence that sums up. */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum show {
	SHOW_ALL,
	SHOW_OPEN, /* only what is not well */
};

/* show_status(status, what, width): of a summary, what is not in order with those together that are so for one reason.  The
 * text, which the caller owns; ${width} as for table_write(). */
char *show_status(const json_t *status, enum show what, size_t width);

#endif
