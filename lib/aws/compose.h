/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_COMPOSE_H
#define LIB_AWS_COMPOSE_H

/*
 * Request bodies that hold a secret: one flat JSON object, written straight into the secure heap.
 * The members are written by a function that is called twice: once to find out how much room
 * they take, once to write them.
 */

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"

struct secret;

struct compose {
	struct secret *secret; /* NULL: only the room is being added up */
	size_t room;
	bool follows; /* a member has been written */
};

/* compose_fn(c, data): write the members of the object that ${data} describes; the same in both
 * calls. */
typedef void (*compose_fn)(struct compose *c, const void *data);

/* compose(members, data, body, err): the object; ERROR_RETRY when the secure heap is full. */
int compose(compose_fn members, const void *data, struct secret **ret_body, struct error *err);

/* One member: a string; a string of ${length} bytes; a blob in base64; "KEY=VALUE" strings as
 * [{"Key": ..., "Value": ...}].  A NULL text or an empty list of tags is left out. */
void compose_string(struct compose *c, const char *name, const char *text);
void compose_text(struct compose *c, const char *name, const char *text, size_t length);
void compose_blob(struct compose *c, const char *name, const void *data, size_t length);
void compose_tags(struct compose *c, const char *name, char *const *tags);

#endif
