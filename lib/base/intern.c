/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash table of chains; it grows and shrinks with what it holds, and is gone when it is empty, so that whoever gives
 * all back leaves nothing behind.
 */
#include "lib/base/intern.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	struct entry *next;
	uint32_t hash;
	uint32_t references;
	char text[];
};

static struct {
	struct entry **chains;
	size_t size; /* a power of two; 0: no table */
	size_t count;
} table;

/* FNV-1a; who fills the table is the configuration and AWS, and a long chain costs time only. */
static uint32_t hash_text(const char *text)
{
	uint32_t hash = 2166136261u;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 16777619u;
	return hash;
}

static void resize(size_t size)
{
	struct entry **chains = size ? mem_alloc(size * sizeof(struct entry *)) : NULL;

	for (size_t i = 0; i < table.size; i++)
		while (table.chains[i]) {
			struct entry *entry = table.chains[i];

			table.chains[i] = entry->next;
			entry->next = chains[entry->hash & (size - 1)];
			chains[entry->hash & (size - 1)] = entry;
		}
	free(table.chains);
	table.chains = chains;
	table.size = size;
}

const char *intern(const char *text)
{
	struct entry *entry;
	uint32_t hash;
	size_t length;

	if (!text)
		return NULL;
	hash = hash_text(text);
	entry = table.size ? table.chains[hash & (table.size - 1)] : NULL;
	while (entry && (entry->hash != hash || strcmp(entry->text, text) != 0))
		entry = entry->next;
	if (entry) {
		entry->references++;
		return entry->text;
	}
	if (table.count >= table.size)
		resize(MAX(table.size * 2, (size_t)16));
	length = strlen(text) + 1;
	entry = mem_alloc(sizeof(*entry) + length);
	*entry = (struct entry){ .next = table.chains[hash & (table.size - 1)], .hash = hash, .references = 1 };
	memcpy(entry->text, text, length);
	table.chains[hash & (table.size - 1)] = entry;
	table.count++;
	return entry->text;
}

static struct entry *entry_of(const char *text)
{
	return (struct entry *)(uintptr_t)(text - offsetof(struct entry, text));
}

const char *intern_ref(const char *text)
{
	if (text)
		entry_of(text)->references++;
	return text;
}

const char *intern_unref(const char *text)
{
	struct entry *entry = text ? entry_of(text) : NULL;
	struct entry **at;

	if (!entry || --entry->references > 0)
		return NULL;
	at = &table.chains[entry->hash & (table.size - 1)];
	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	free(entry);
	table.count--;
	if (!table.count)
		resize(0);
	else if (table.size > 16 && table.count < table.size / 8)
		resize(table.size / 2);
	return NULL;
}
