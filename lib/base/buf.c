/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/buf.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

char buf_empty[1] = "";

void buf_append(struct buf *buf, const void *data, size_t length)
{
	size_t needed = buf->length + length + 1;

	if (needed > buf->capacity) {
		size_t capacity = MAX(needed, MAX(buf->capacity * 2, (size_t)64));

		buf->data = mem_resize(buf->capacity ? buf->data : NULL, capacity, 1);
		buf->capacity = capacity;
	}
	if (length)
		memcpy(buf->data + buf->length, data, length);
	buf->length += length;
	buf->data[buf->length] = '\0';
}

void buf_append_string(struct buf *buf, const char *text)
{
	buf_append(buf, text, strlen(text));
}

void buf_append_char(struct buf *buf, char c)
{
	buf_append(buf, &c, 1);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
	_cleanup_(freep) char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	text = mem_vprintf(format, arguments);
	va_end(arguments);
	buf_append_string(buf, text);
}

void buf_clear(struct buf *buf)
{
	buf->length = 0;
	if (buf->capacity)
		buf->data[0] = '\0';
}

char *buf_take(struct buf *buf)
{
	char *text = buf->capacity ? buf->data : mem_strdup("");

	*buf = BUF_NULL;
	return text;
}

void buf_done(struct buf *buf)
{
	if (buf->capacity)
		free(buf->data);
	*buf = BUF_NULL;
}
