/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/destination/acm_match.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/destination/tags.h"
#include "lib/base/strv.h"

static int compare_arn(const void *key, const void *item)
{
	return strcmp(key, ((const struct import *)item)->summary.arn);
}

static int compare_imports(const void *a, const void *b)
{
	return compare_arn(((const struct import *)a)->summary.arn, b);
}

struct import *import_find(const struct import_list *imports, const char *arn)
{
	if (!arn || !imports->count)
		return NULL;
	return bsearch(arn, imports->items, imports->count, sizeof(*imports->items), compare_arn);
}

void import_list_sort(struct import_list *imports)
{
	if (imports->count)
		qsort(imports->items, imports->count, sizeof(*imports->items), compare_imports);
}

struct import *import_list_add(struct import_list *imports, const char *arn)
{
	struct import *import = import_find(imports, arn);

	if (import)
		return import;
	imports->items = mem_resize(imports->items, imports->count + 1, sizeof(*imports->items));
	imports->items[imports->count++] = (struct import){ .summary.arn = mem_strdup(arn) };
	import_list_sort(imports);
	return import_find(imports, arn);
}

void import_list_done(struct import_list *imports)
{
	for (size_t i = 0; i < imports->count; i++) {
		struct import *import = &imports->items[i];

		acm_summary_done(&import->summary);
		strv_free(import->found_tags);
		strv_free(import->tags);
		strv_free(import->in_use_by);
		error_done(&import->error);
	}
	free(imports->items);
	*imports = (struct import_list){ 0 };
}

struct import *match_known(const struct import_list *imports, const struct look_item *item)
{
	return import_find(imports, item->delivery->arn) ?: import_find(imports, item->object_id);
}

/* Does ${wildcard}, "*.x", stand for ${name}, one label before ".x"? */
static bool stands_for(const char *wildcard, const char *name)
{
	const char *dot = strchr(name, '.');

	return strncmp(wildcard, "*.", 2) == 0 && dot && strcmp(wildcard + 1, dot) == 0;
}

static bool name_meets(const char *name, char *const *names, const char *domain)
{
	if (domain &&
		(strcmp(name, domain) == 0 || stands_for(name, domain) || stands_for(domain, name)))
		return true;
	STRV_FOREACH (other, names)
		if (strcmp(name, *other) == 0 || stands_for(name, *other) ||
			stands_for(*other, name))
			return true;
	return false;
}

/* Do they share a name, or does one cover a name of the other? */
static bool names_meet(const struct source_certificate *source, const struct acm_summary *summary)
{
	if (!source)
		return false;
	if (source->domain && name_meets(source->domain, summary->names, summary->domain))
		return true;
	STRV_FOREACH (name, source->names)
		if (name_meets(*name, summary->names, summary->domain))
			return true;
	return false;
}

static bool has_name(const struct acm_summary *summary, const char *name)
{
	return name &&
		((summary->domain && strcmp(summary->domain, name) == 0) ||
			strv_has(summary->names, name));
}

/* Is a name of ${summary} certain to be among the new ones?  What the listings cut may hold one. */
static bool keeps_a_name(const struct source_certificate *source, const struct acm_summary *summary)
{
	if (source->more_names || summary->more_names || has_name(summary, source->domain))
		return true;
	STRV_FOREACH (name, source->names)
		if (has_name(summary, *name))
			return true;
	return false;
}

bool match_needs_tags(const struct import *import, const struct look_item *item, bool unsearched)
{
	return unsearched || tags_are_of(import->found_tags, item->delivery) ||
		names_meet(item->source, &import->summary);
}

struct import *match_tagged(const struct import_list *imports, const struct look_item *item)
{
	struct import *found = NULL;

	for (size_t i = 0; i < imports->count; i++) {
		struct import *import = &imports->items[i];

		if (!import->tags_read || !tags_are_of(import->tags, item->delivery))
			continue;
		if (!found || (import->summary.in_use && !found->summary.in_use))
			found = import;
	}
	return found;
}

static bool is_known(const struct import *import, const struct look_item *item)
{
	const char *configured = item->delivery->arn, *recorded = item->object_id;

	return (configured && strcmp(import->summary.arn, configured) == 0) ||
		(recorded && strcmp(import->summary.arn, recorded) == 0);
}

struct import *match_unreadable(
	const struct import_list *imports, const struct look_item *item, bool unsearched)
{
	for (size_t i = 0; i < imports->count; i++) {
		struct import *import = &imports->items[i];

		if (import->error.kind != ERROR_NONE && !is_known(import, item) &&
			match_needs_tags(import, item, unsearched))
			return import;
	}
	return NULL;
}

bool match_is_candidate(const struct import *import, const struct look_item *item)
{
	return import->listed && !tags_are_certferrys(import->tags) &&
		names_meet(item->source, &import->summary);
}

struct import *match_only_in_use(const struct import_list *imports, const struct look_item *item)
{
	struct import *found = NULL;

	for (size_t i = 0; i < imports->count; i++) {
		struct import *import = &imports->items[i];

		if (!import->summary.in_use || !match_is_candidate(import, item))
			continue;
		if (found)
			return NULL;
		found = import;
	}
	return found;
}

/* ACM's rules of re-import, as far as they can be told without the new certificate at hand. */
static char *refusal(const struct acm_summary *summary, const struct source_certificate *source)
{
	if (summary->key_algorithm && source->key_algorithm &&
		strcmp(summary->key_algorithm, source->key_algorithm) != 0)
		return mem_printf(
			"its key is %s and the new one's %s: a re-import cannot change type or "
			"size of the key",
			summary->key_algorithm, source->key_algorithm);
	if (!keeps_a_name(source, summary))
		return mem_strdup(
			"none of its names is a name of the new one: a re-import must keep one");
	return NULL;
}

void match_fill_candidates(
	const struct import_list *imports, const struct look_item *item, struct observed *seen)
{
	for (size_t i = 0; i < imports->count; i++) {
		const struct import *import = &imports->items[i];

		if (!match_is_candidate(import, item))
			continue;
		seen->candidates = mem_resize(
			seen->candidates, seen->candidate_count + 1, sizeof(*seen->candidates));
		seen->candidates[seen->candidate_count++] = (struct candidate){
			.arn = mem_strdup(import->summary.arn),
			.domain = mem_strdup(import->summary.domain),
			.not_after = import->summary.not_after,
			.in_use = import->summary.in_use,
			.in_use_by = strv_copy(import->in_use_by),
			.refusal = refusal(&import->summary, item->source),
		};
	}
}

char *match_revision(const struct acm_summary *summary)
{
	return mem_printf("%" PRIu64 " %" PRIu64 " %" PRIu64, summary->not_before,
		summary->not_after, summary->imported_at);
}
