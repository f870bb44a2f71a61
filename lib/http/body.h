/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_HTTP_BODY_H
#define LIB_HTTP_BODY_H

/* Bytes of a request or a response, which may hold keys: growing, clearing and releasing leave no
 * copies behind. */

#include <stddef.h>

struct body {
	char *data; /* ends with a NUL beyond its length; NULL while empty */
	size_t length, capacity;
};

/* body_append(body, data, length): copy ${length} bytes to its end. */
void body_append(struct body *body, const char *data, size_t length);

/* body_clear(body): wipe it, and keep the memory for the next unless that is much. */
void body_clear(struct body *body);

/* body_done(body): wipe and release it. */
void body_done(struct body *body);

#endif
