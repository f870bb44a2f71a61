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

static void forget_index(struct import_list *imports)
{
	free(imports->keys);
	imports->keys = NULL;
	imports->key_count = 0;
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
	forget_index(imports);
	import_list_sort(imports);
	return import_find(imports, arn);
}

static void import_done(struct import *import)
{
	acm_summary_done(&import->summary);
	strv_free(import->found_tags);
	strv_free(import->tags);
	strv_free(import->in_use_by);
	error_done(&import->error);
}

void import_list_keep_unreadable(struct import_list *imports)
{
	size_t kept = 0;

	forget_index(imports);
	for (size_t i = 0; i < imports->count; i++)
		if (imports->items[i].error.kind != ERROR_NONE)
			imports->items[kept++] = imports->items[i];
		else
			import_done(&imports->items[i]);
	imports->count = kept;
	imports->items = mem_resize(imports->items, MAX(kept, (size_t)1), sizeof(*imports->items));
}

void import_list_done(struct import_list *imports)
{
	for (size_t i = 0; i < imports->count; i++)
		import_done(&imports->items[i]);
	free(imports->items);
	forget_index(imports);
	*imports = (struct import_list){ 0 };
}

/* --- which imports can concern an item --- */

/*
 * What two names that meet have in common is one of these: they are the same; one is "*." and what follows the other's
 * first dot; or what follows their first dots is the same and the item's is such a wildcard.  So an import is found under
 * each name, under what follows its first dot, and under whose it is by its tags.  Texts that happen to have the same hash
 * only find too much.
 */
struct import_key {
	uint64_t hash;
	size_t index; /* of the import */
};

enum key_kind {
	KEY_NAME = 'n',
	KEY_PARENT = 'p',
	KEY_OWNER = 'o',
};

/* FNV-1a over both texts with their ends, or the first alone. */
static uint64_t key_hash(enum key_kind kind, const char *a, const char *b)
{
	uint64_t hash = (14695981039346656037ull ^ (uint64_t)kind) * 1099511628211ull;

	for (const char *text = a; text; text = text == a ? b : NULL)
		for (size_t i = 0;; i++) {
			hash = (hash ^ (unsigned char)text[i]) * 1099511628211ull;
			if (!text[i])
				break;
		}
	return hash;
}

static int compare_keys(const void *a, const void *b)
{
	const struct import_key *left = a, *right = b;

	if (left->hash != right->hash)
		return left->hash < right->hash ? -1 : 1;
	return left->index < right->index ? -1 : left->index > right->index;
}

static void add_key(struct import_list *imports, size_t index, uint64_t hash)
{
	imports->keys[imports->key_count++] = (struct import_key){ hash, index };
}

static void add_name_keys(struct import_list *imports, size_t index, const char *name)
{
	const char *parent = strchr(name, '.');

	add_key(imports, index, key_hash(KEY_NAME, name, NULL));
	if (parent)
		add_key(imports, index, key_hash(KEY_PARENT, parent, NULL));
}

static void add_owner_key(struct import_list *imports, size_t index, char *const *tags)
{
	const char *source = tags_find(tags, TAG_SOURCE), *name = tags_find(tags, TAG_NAME);

	if (source && name)
		add_key(imports, index, key_hash(KEY_OWNER, source, name));
}

void import_list_index(struct import_list *imports)
{
	size_t room = 1;

	forget_index(imports);
	for (size_t i = 0; i < imports->count; i++)
		room += 4 + 2 * strv_length(imports->items[i].summary.names);
	imports->keys = mem_alloc(room * sizeof(*imports->keys));
	for (size_t i = 0; i < imports->count; i++) {
		const struct import *import = &imports->items[i];

		if (import->summary.domain)
			add_name_keys(imports, i, import->summary.domain);
		STRV_FOREACH (name, import->summary.names)
			add_name_keys(imports, i, *name);
		add_owner_key(imports, i, import->found_tags);
		add_owner_key(imports, i, import->tags);
	}
	qsort(imports->keys, imports->key_count, sizeof(*imports->keys), compare_keys);
}

static void add_found(const struct import_list *imports, uint64_t hash, struct concerned *concerned)
{
	size_t low = 0, high = imports->key_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (imports->keys[middle].hash < hash)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < imports->key_count && imports->keys[low].hash == hash; low++) {
		concerned->imports =
			mem_resize(concerned->imports, concerned->count + 1, sizeof(*concerned->imports));
		concerned->imports[concerned->count++] = &imports->items[imports->keys[low].index];
	}
}

static void add_those_named(const struct import_list *imports, const char *name, struct concerned *concerned)
{
	const char *parent = strchr(name, '.');
	_cleanup_(freep) char *wildcard = parent ? mem_printf("*%s", parent) : NULL;

	add_found(imports, key_hash(KEY_NAME, name, NULL), concerned);
	if (parent)
		add_found(imports, key_hash(KEY_NAME, wildcard, NULL), concerned);
	if (strncmp(name, "*.", 2) == 0)
		add_found(imports, key_hash(KEY_PARENT, parent, NULL), concerned);
}

static int compare_places(const void *a, const void *b)
{
	const struct import *left = *(struct import *const *)a, *right = *(struct import *const *)b;

	return left < right ? -1 : left > right;
}

/* In the list's order, each once. */
static void put_in_order(struct concerned *concerned)
{
	size_t kept = 0;

	if (!concerned->count)
		return;
	qsort(concerned->imports, concerned->count, sizeof(*concerned->imports), compare_places);
	for (size_t i = 0; i < concerned->count; i++)
		if (!i || concerned->imports[i] != concerned->imports[i - 1])
			concerned->imports[kept++] = concerned->imports[i];
	concerned->count = kept;
}

void match_concerned(
	const struct import_list *imports, const struct look_item *item, bool all, struct concerned *ret_concerned)
{
	const struct source_certificate *source = item->source;

	*ret_concerned = (struct concerned){ 0 };
	if (all || !imports->keys) {
		ret_concerned->imports = mem_alloc(imports->count * sizeof(*ret_concerned->imports));
		for (; ret_concerned->count < imports->count; ret_concerned->count++)
			ret_concerned->imports[ret_concerned->count] = &imports->items[ret_concerned->count];
		return;
	}
	add_found(imports, key_hash(KEY_OWNER, item->delivery->source_arn, item->delivery->object), ret_concerned);
	if (source && source->domain)
		add_those_named(imports, source->domain, ret_concerned);
	if (source)
		STRV_FOREACH (name, source->names)
			add_those_named(imports, *name, ret_concerned);
	put_in_order(ret_concerned);
}

void concerned_done(struct concerned *concerned)
{
	free(concerned->imports);
	*concerned = (struct concerned){ 0 };
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
	_cleanup_(concerned_done) struct concerned concerned;
	struct import *found = NULL;

	match_concerned(imports, item, false, &concerned);
	for (size_t i = 0; i < concerned.count; i++) {
		struct import *import = concerned.imports[i];

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
	_cleanup_(concerned_done) struct concerned concerned;

	match_concerned(imports, item, unsearched, &concerned);
	for (size_t i = 0; i < concerned.count; i++) {
		struct import *import = concerned.imports[i];

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
	_cleanup_(concerned_done) struct concerned concerned;
	struct import *found = NULL;

	match_concerned(imports, item, false, &concerned);
	for (size_t i = 0; i < concerned.count; i++) {
		struct import *import = concerned.imports[i];

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
	_cleanup_(concerned_done) struct concerned concerned;

	match_concerned(imports, item, false, &concerned);
	for (size_t i = 0; i < concerned.count; i++) {
		const struct import *import = concerned.imports[i];

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
