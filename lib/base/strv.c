/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/strv.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"

void strv_append(char ***list, const char *text)
{
	size_t length = strv_length(*list);

	*list = mem_resize(*list, length + 2, sizeof(**list));
	(*list)[length] = mem_strdup(text);
	(*list)[length + 1] = NULL;
}

size_t strv_length(char *const *list)
{
	size_t length = 0;

	while (list && list[length])
		length++;
	return length;
}

bool strv_has(char *const *list, const char *text)
{
	STRV_FOREACH(item, list)
		if (strcmp(*item, text) == 0)
			return true;
	return false;
}

char **strv_copy(char *const *list)
{
	size_t length = strv_length(list);
	char **copy;

	if (!length)
		return NULL;
	copy = mem_alloc((length + 1) * sizeof(*copy));
	for (size_t i = 0; i < length; i++)
		copy[i] = mem_strdup(list[i]);
	return copy;
}

bool strv_equal(char *const *a, char *const *b)
{
	size_t length = strv_length(a);

	if (length != strv_length(b))
		return false;
	for (size_t i = 0; i < length; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return true;
}

char *strv_join(char *const *list, const char *separator)
{
	struct buf text = BUF_NULL;

	STRV_FOREACH(item, list) {
		if (item != list)
			buf_append_string(&text, separator);
		buf_append_string(&text, *item);
	}
	return buf_take(&text);
}

char **strv_free(char **list)
{
	STRV_FOREACH(item, list)
		free(*item);
	free(list);
	return NULL;
}
