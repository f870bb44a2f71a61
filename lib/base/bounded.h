/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_BASE_BOUNDED_H
#define LIB_BASE_BOUNDED_H

/*
 * How much is kept and shown of a text or a list whose length somebody else decides: an account, a server, a sender.
 * What is left out is said in one form of words: a text that was cut ends with "...", a list with " and 240 more".
 */

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"

/* In bytes: a name (of a host, a subject, an object), a sentence, and the list in a sentence, which leaves room for the
 * rest of it. */
#define BOUNDED_NAME ((size_t)256)
#define BOUNDED_TEXT ((size_t)2048)
#define BOUNDED_LIST ((size_t)1024)

/* Items of a list in a sentence. */
#define BOUNDED_ITEMS ((size_t)10)

/**
 * bounded(text, most):
 * ${text}, which is taken over and returned; of more than ${most} bytes (4 at least) it is cut between two characters of
 * UTF-8 so that it has ${most} with the "..." behind it.  NULL for NULL.
 */
char *bounded(char *text, size_t most);

/* bounded_printf(most, format, ...): the same of what is formatted. */
char *bounded_printf(size_t most, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* bounded_takes(text, shown): has the list in the sentence ${text} room for one more, after ${shown} of them? */
bool bounded_takes(const struct buf *text, size_t shown);

/* bounded_more(text, shown, count): " and 240 more", where ${shown} of ${count} are in ${text}; nothing where all are, or
 * more than ${count}. */
void bounded_more(struct buf *text, size_t shown, size_t count);

/**
 * bounded_join(list, quote):
 * "a, b and 240 more": the first items that fit a sentence, each a BOUNDED_NAME between two ${quote} ("" for none); the
 * caller owns it.
 */
char *bounded_join(char *const *list, const char *quote);

#endif
