/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/aws/canonical.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/strv.h"

/* Unreserved characters and those in ${kept} stay, all others become %XX. */
static void append_encoded(struct buf *text, const char *data, size_t length, const char *kept)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)data[i];

		if (c < 0x80 && (isalnum(c) || strchr("-._~", c) || strchr(kept, c)))
			buf_append_char(text, data[i]);
		else
			buf_printf(text, "%%%02X", c);
	}
}

static void drop_segment(struct buf *path)
{
	char *slash = memrchr(path->data, '/', path->length);

	if (!slash)
		return;
	*slash = '\0';
	path->length = (size_t)(slash - path->data);
}

char *canonical_path(const char *path)
{
	struct buf canonical = BUF_NULL;
	size_t length;

	for (const char *segment = path; *segment; segment += length) {
		segment += strspn(segment, "/");
		length = strcspn(segment, "/");
		if (length == 2 && memcmp(segment, "..", 2) == 0) {
			drop_segment(&canonical);
		} else if (length && !(length == 1 && *segment == '.')) {
			buf_append_char(&canonical, '/');
			append_encoded(&canonical, segment, length, "");
		}
	}
	if (canonical.length == 0 || path[strlen(path) - 1] == '/')
		buf_append_char(&canonical, '/');
	return buf_take(&canonical);
}

/* By name, then by value: not as lines, as "=" is greater than "-", "." and the digits. */
static int parameter_compare(const void *a, const void *b)
{
	const char *one = *(char *const *)a, *other = *(char *const *)b;
	size_t length = strcspn(one, "="), other_length = strcspn(other, "=");
	int order = memcmp(one, other, MIN(length, other_length));

	if (order == 0)
		order = (length > other_length) - (length < other_length);
	return order ? order : strcmp(one + length, other + other_length);
}

static void add_parameter(char ***parameters, const char *text, size_t length)
{
	_cleanup_(buf_done) struct buf parameter = BUF_NULL;
	size_t name = strcspn(text, "=&");

	append_encoded(&parameter, text, name, "%");
	buf_append_char(&parameter, '=');
	if (name < length)
		append_encoded(&parameter, text + name + 1, length - name - 1, "%");
	strv_append(parameters, parameter.data);
}

char *canonical_query(const char *query)
{
	_cleanup_(strv_freep) char **parameters = NULL;
	struct buf canonical = BUF_NULL;

	while (*query) {
		size_t length = strcspn(query, "&");

		if (length)
			add_parameter(&parameters, query, length);
		query += length + (query[length] == '&');
	}
	if (parameters)
		qsort(parameters, strv_length(parameters), sizeof(*parameters), parameter_compare);
	STRV_FOREACH (parameter, parameters)
		buf_printf(&canonical, "%s%s", canonical.length ? "&" : "", *parameter);
	return buf_take(&canonical);
}
