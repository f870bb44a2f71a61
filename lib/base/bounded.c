/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/bounded.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/strv.h"

#define ELIDED "..."

/* Is it in the middle of a character of UTF-8? */
static bool is_inside(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

char *bounded(char *text, size_t most)
{
	size_t keep = most - strlen(ELIDED);

	if (!text || strnlen(text, most + 1) <= most)
		return text;
	/* Text that is not UTF-8 may have no boundary anywhere near. */
	for (size_t back = 0; back < 3 && keep && is_inside(text[keep]); back++)
		keep--;
	memcpy(text + keep, ELIDED, sizeof(ELIDED));
	return mem_resize(text, keep + sizeof(ELIDED), 1);
}

char *bounded_printf(size_t most, const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	text = mem_vprintf(format, arguments);
	va_end(arguments);
	return bounded(text, most);
}

bool bounded_takes(const struct buf *text, size_t shown)
{
	return shown < BOUNDED_ITEMS && text->length < BOUNDED_LIST;
}

void bounded_more(struct buf *text, size_t shown, size_t count)
{
	if (shown < count)
		buf_printf(text, " and %zu more", count - shown);
}

char *bounded_join(char *const *list, const char *quote)
{
	size_t shown = 0, count = strv_length(list);
	struct buf text = BUF_NULL;

	for (; shown < count && bounded_takes(&text, shown); shown++) {
		_cleanup_(freep) char *item = bounded(mem_strdup(list[shown]), BOUNDED_NAME);

		buf_printf(&text, "%s%s%s%s", shown ? ", " : "", quote, item, quote);
	}
	bounded_more(&text, shown, count);
	return buf_take(&text);
}
