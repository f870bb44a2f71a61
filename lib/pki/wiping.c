/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/pki/wiping.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

void *wiping_malloc(size_t size)
{
	void *memory = malloc(size);

	if (!memory)
		mem_exhausted();
	return memory;
}

void *wiping_calloc(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (!memory)
		mem_exhausted();
	return memory;
}

void wiping_free(void *memory)
{
	if (!memory)
		return;
	/* In the C library's widest steps: libcurl gives back two buffers of 16 KB with each request. */
	explicit_bzero(memory, malloc_usable_size(memory));
	free(memory);
}

void *wiping_realloc(void *memory, size_t size)
{
	void *grown = wiping_malloc(size);

	if (memory)
		memcpy(grown, memory, MIN(size, malloc_usable_size(memory)));
	wiping_free(memory);
	return grown;
}

char *wiping_strdup(const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(wiping_malloc(size), text, size);
}
