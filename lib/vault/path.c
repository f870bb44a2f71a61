/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/encode.h"
#include "lib/vault/vault.h"

/* Its parts between slashes, which stay. */
static void append_path(struct buf *path, const char *text)
{
	while (*text) {
		size_t length = strcspn(text, "/");
		_cleanup_(freep) char *part = mem_strndup(text, length);
		_cleanup_(freep) char *encoded = percent_encode(part);

		if (length && path->length)
			buf_append_char(path, '/');
		buf_append_string(path, encoded);
		text += length;
		text += strspn(text, "/");
	}
}

char *vault_path(const char *first, ...)
{
	struct buf path = BUF_NULL;
	va_list rest;

	va_start(rest, first);
	for (const char *text = first; text; text = va_arg(rest, const char *))
		append_path(&path, text);
	va_end(rest);
	return buf_take(&path);
}
