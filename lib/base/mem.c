/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void mem_exhausted(void)
{
	static const char message[] = "out of memory; ending, to be started again\n";

	(void)!write(STDERR_FILENO, message, sizeof(message) - 1);
	_exit(1);
}

/* Not set. */
static void *get(size_t size)
{
	void *memory = malloc(size ? size : 1);

	if (!memory)
		mem_exhausted();
	return memory;
}

/* glibc's calloc(3) passes by what was freed last, which is at hand; where much is taken, it may know it to be zero. */
#define SMALL 1024

void *mem_alloc(size_t size)
{
	void *memory;

	if (size && size <= SMALL)
		return memset(get(size), 0, size);
	memory = calloc(1, size ? size : 1);
	if (!memory)
		mem_exhausted();
	return memory;
}

void *mem_resize(void *pointer, size_t count, size_t size)
{
	void *memory = reallocarray(pointer, count ? count : 1, size ? size : 1);

	if (!memory)
		mem_exhausted();
	return memory;
}

void *mem_dup(const void *data, size_t size)
{
	return size ? memcpy(get(size), data, size) : mem_alloc(0);
}

char *mem_strdup(const char *text)
{
	return text ? mem_dup(text, strlen(text) + 1) : NULL;
}

char *mem_strndup(const char *text, size_t length)
{
	char *copy;

	length = strnlen(text, length);
	copy = get(length + 1);
	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

char *mem_vprintf(const char *format, va_list arguments)
{
	char *text;

	if (vasprintf(&text, format, arguments) < 0)
		mem_exhausted();
	return text;
}

char *mem_printf(const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	text = mem_vprintf(format, arguments);
	va_end(arguments);
	return text;
}

char *mem_join(const char *first, ...)
{
	va_list arguments;
	size_t length = 0;
	char *joined, *end;

	va_start(arguments, first);
	for (const char *text = first; text; text = va_arg(arguments, const char *))
		length += strlen(text);
	va_end(arguments);
	joined = end = mem_alloc(length + 1);
	va_start(arguments, first);
	for (const char *text = first; text; text = va_arg(arguments, const char *))
		end = stpcpy(end, text);
	va_end(arguments);
	return joined;
}

void freep(void *pointer_to_pointer)
{
	free(*(void **)pointer_to_pointer);
}
