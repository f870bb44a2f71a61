/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/model/match.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/strv.h"

static bool domain_matches(const char *wanted, const char *name)
{
	const char *parent;

	if (!name || !*name)
		return false;
	if (strncmp(wanted, "*.", 2) != 0)
		return strcasecmp(wanted, name) == 0;
	parent = strchr(name, '.');
	return parent && parent != name && strcasecmp(wanted + 1, parent) == 0;
}

static bool any_name_matches(const char *wanted, const struct source_certificate *certificate)
{
	if (domain_matches(wanted, certificate->domain))
		return true;
	STRV_FOREACH(name, certificate->names)
	if (domain_matches(wanted, *name))
		return true;
	return false;
}

static bool has_tags(const struct source_certificate *certificate, char *const *wanted)
{
	STRV_FOREACH(tag, wanted)
	if (!strv_has(certificate->tags, *tag))
		return false;
	return true;
}

bool source_matches(
	const struct desired_certificate *entry, const struct source_certificate *certificate)
{
	if (entry->arn)
		return strcmp(entry->arn, certificate->arn) == 0;
	if (entry->match_domain)
		return any_name_matches(entry->match_domain, certificate);
	return entry->match_tags && *entry->match_tags && has_tags(certificate, entry->match_tags);
}

/* --- the same for many certificates --- */

/* Of entries that are found by a text: that text, and which one it is. */
struct match_key {
	const char *text;
	size_t entry;
};

struct match_keys {
	struct match_key *items;
	size_t count;
};

struct match_index {
	const struct desired *desired;
	struct match_keys arns, domains;
	struct match_keys parents; /* of "*.example.com": ".example.com" */
	struct match_keys tags; /* without a text */
	bool *marks; /* one for each entry, all false between two searches */
	size_t *found;
	size_t found_count;
};

static int compare_entries(const void *a, const void *b)
{
	const size_t left = *(const size_t *)a, right = *(const size_t *)b;

	return (left > right) - (left < right);
}

static int compare_arns(const void *a, const void *b)
{
	const struct match_key *left = a, *right = b;
	const int order = strcmp(left->text, right->text);

	return order ? order : compare_entries(&left->entry, &right->entry);
}

static int compare_domains(const void *a, const void *b)
{
	const struct match_key *left = a, *right = b;
	const int order = strcasecmp(left->text, right->text);

	return order ? order : compare_entries(&left->entry, &right->entry);
}

static void add_key(struct match_keys *keys, const char *text, size_t entry)
{
	if ((keys->count & (keys->count - 1)) == 0)
		keys->items = mem_resize(keys->items, MAX(1, 2 * keys->count), sizeof(*keys->items));
	keys->items[keys->count++] = (struct match_key){ .text = text, .entry = entry };
}

/* In the order in which source_matches() asks. */
static void add_entry(struct match_index *index, const struct desired_certificate *entry, size_t number)
{
	if (entry->arn)
		add_key(&index->arns, entry->arn, number);
	else if (entry->match_domain && strncmp(entry->match_domain, "*.", 2) == 0)
		add_key(&index->parents, entry->match_domain + 1, number);
	else if (entry->match_domain)
		add_key(&index->domains, entry->match_domain, number);
	else
		add_key(&index->tags, NULL, number);
}

static void sort_keys(struct match_keys *keys, int (*compare)(const void *a, const void *b))
{
	if (keys->count)
		qsort(keys->items, keys->count, sizeof(*keys->items), compare);
}

struct match_index *match_index_new(const struct desired *desired)
{
	struct match_index *index = mem_new(struct match_index);

	index->desired = desired;
	index->marks = mem_alloc(desired->certificate_count * sizeof(*index->marks));
	index->found = mem_alloc(desired->certificate_count * sizeof(*index->found));
	for (size_t i = 0; i < desired->certificate_count; i++)
		add_entry(index, &desired->certificates[i], i);
	sort_keys(&index->arns, compare_arns);
	sort_keys(&index->domains, compare_domains);
	sort_keys(&index->parents, compare_domains);
	return index;
}

struct match_index *match_index_free(struct match_index *index)
{
	if (!index)
		return NULL;
	free(index->arns.items);
	free(index->domains.items);
	free(index->parents.items);
	free(index->tags.items);
	free(index->marks);
	free(index->found);
	free(index);
	return NULL;
}

static void note_entry(struct match_index *index, size_t entry)
{
	if (index->marks[entry])
		return;
	index->marks[entry] = true;
	index->found[index->found_count++] = entry;
}

/* All entries whose text is ${text}; they stand together. */
static void note_text(struct match_index *index, const struct match_keys *keys, const char *text,
	int (*compare)(const char *a, const char *b))
{
	size_t low = 0, high = keys->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (compare(keys->items[middle].text, text) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < keys->count && compare(keys->items[low].text, text) == 0; low++)
		note_entry(index, keys->items[low].entry);
}

/* As domain_matches() has it. */
static void note_domain(struct match_index *index, const char *name)
{
	const char *parent;

	if (!name || !*name)
		return;
	note_text(index, &index->domains, name, strcasecmp);
	parent = strchr(name, '.');
	if (parent && parent != name)
		note_text(index, &index->parents, parent, strcasecmp);
}

size_t match_index_find(
	struct match_index *index, const struct source_certificate *certificate, const size_t **ret_entries)
{
	index->found_count = 0;
	note_text(index, &index->arns, certificate->arn, strcmp);
	note_domain(index, certificate->domain);
	STRV_FOREACH(name, certificate->names)
	note_domain(index, *name);
	for (size_t i = 0; i < index->tags.count; i++) {
		const size_t entry = index->tags.items[i].entry;

		if (source_matches(&index->desired->certificates[entry], certificate))
			note_entry(index, entry);
	}
	for (size_t i = 0; i < index->found_count; i++)
		index->marks[index->found[i]] = false;
	if (index->found_count > 1)
		qsort(index->found, index->found_count, sizeof(*index->found), compare_entries);
	*ret_entries = index->found;
	return index->found_count;
}
