/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_BASE_BUF_H
#define LIB_BASE_BUF_H

/*
 * A growing run of bytes that always ends with a NUL beyond its length, so that its data
 * can be read as a string.  Not for secrets: growing leaves copies (see lib/pki/secret.h).
 * Invariant: data is never NULL; an empty buf owns nothing and needs no release.
 */

#include <stdarg.h>
#include <stddef.h>

struct buf {
	char *data;
	size_t length;
	size_t capacity; /* 0: data is the shared empty string */
};

extern char buf_empty[1];
#define BUF_NULL ((struct buf){ .data = buf_empty })

/* buf_append(buf, data, length) and its kin: add to the end; ${data} may not lie in ${buf} itself. */
void buf_append(struct buf *buf, const void *data, size_t length);
void buf_append_string(struct buf *buf, const char *text);
void buf_append_char(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* buf_clear(buf): make it empty, keep its memory. */
void buf_clear(struct buf *buf);

/* buf_take(buf): its string, which the caller owns and releases with free(); ${buf} becomes empty. */
char *buf_take(struct buf *buf);

/* buf_done(buf): release it; it is then empty and usable.  For _cleanup_(buf_done). */
void buf_done(struct buf *buf);

#endif
