/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cli/table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/base/mem.h"

#define GAP        2 /* between columns */
#define LAST_LEAST 24 /* columns for the last cell, or it gets a line of its own */
#define OWN_INDENT 4

char *plain(char *text)
{
	for (char *c = text; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return text;
}

void table_add(struct table *table, const char *text)
{
	table->cells = mem_resize(table->cells, table->count + 1, sizeof(*table->cells));
	table->cells[table->count++] = plain(mem_strdup(text ?: ""));
}

void table_addf(struct table *table, const char *format, ...)
{
	_cleanup_(freep) char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	text = mem_vprintf(format, arguments);
	va_end(arguments);
	table_add(table, text);
}

static void append_spaces(struct buf *text, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buf_append_char(text, ' ');
}

/* How much of ${words} goes into ${room} characters; a longer word stays whole. */
static size_t line_length(const char *words, size_t room)
{
	size_t length = strlen(words), end = room;

	if (room == 0 || length <= room)
		return length;
	while (end > 0 && words[end] != ' ')
		end--;
	return end > 0 ? end : strcspn(words, " ");
}

static void append_wrapped(struct buf *text, const char *words, size_t indent, size_t room)
{
	for (;;) {
		size_t length = line_length(words, room);

		buf_append(text, words, length);
		buf_append_char(text, '\n');
		words += length;
		words += strspn(words, " ");
		if (!*words)
			return;
		append_spaces(text, indent);
	}
}

static void measure(const struct table *table, size_t widths[static TABLE_COLUMNS])
{
	for (size_t i = 0; i < table->count; i++) {
		size_t column = i % table->columns;

		widths[column] = MAX(widths[column], strlen(table->cells[i]));
	}
}

static void write_row(const struct table *table, char *const *row, const size_t *widths,
	size_t width, struct buf *text)
{
	size_t last = table->columns - 1, indent = 0, filled = 0;

	for (size_t i = 0; i < last; i++) {
		if (!*row[i] && !*row[last] && i + 1 == last)
			break;
		append_spaces(text, indent - filled);
		buf_append_string(text, row[i]);
		filled = indent + strlen(row[i]);
		indent += widths[i] + GAP;
	}
	if (!*row[last]) {
		buf_append_char(text, '\n');
		return;
	}
	if (width && indent + LAST_LEAST > width) {
		buf_append_char(text, '\n');
		filled = 0;
		indent = OWN_INDENT;
	}
	append_spaces(text, indent - filled);
	append_wrapped(text, row[last], indent, width ? width - MIN(indent, width - 1) : 0);
}

void table_write(const struct table *table, size_t width, struct buf *text)
{
	size_t widths[TABLE_COLUMNS] = { 0 };

	measure(table, widths);
	for (size_t i = 0; i + table->columns <= table->count; i += table->columns)
		write_row(table, table->cells + i, widths, width, text);
}

void table_done(struct table *table)
{
	for (size_t i = 0; i < table->count; i++)
		free(table->cells[i]);
	free(table->cells);
	*table = (struct table){ 0 };
}

size_t screen_width(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		return 0;
	return size.ws_col;
}
