/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/destination/acm_match.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/destination/tags.h"
#include "lib/base/bounded.h"
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

void import_keep_users(struct import *import, char *const *users)
{
	import->in_use_by = strv_free(import->in_use_by);
	import->users = strv_length(users);
	for (size_t i = 0; i < MIN(import->users, USERS_OF_CANDIDATE); i++) {
		_cleanup_(freep) char *user = bounded(mem_strdup(users[i]), BOUNDED_NAME);

		strv_append(&import->in_use_by, user);
	}
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
 * each name, under what follows its first dot, and under whose it is by its tags: what is found so is compared once, with
 * the text that it was found by, and never with all names of both, which may be a thousand times a thousand.
 */
struct import_key {
	uint64_t hash;
	const char *text; /* the name, or what follows its first dot; borrowed.  NULL: whose it is */
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

static void add_key(struct import_list *imports, size_t index, const char *text, uint64_t hash)
{
	imports->keys[imports->key_count++] = (struct import_key){ hash, text, index };
}

static void add_name_keys(struct import_list *imports, size_t index, const char *name)
{
	const char *parent = strchr(name, '.');

	add_key(imports, index, name, key_hash(KEY_NAME, name, NULL));
	if (parent)
		add_key(imports, index, parent, key_hash(KEY_PARENT, parent, NULL));
}

static void add_owner_key(struct import_list *imports, size_t index, char *const *tags)
{
	const char *source = tags_find(tags, TAG_SOURCE), *name = tags_find(tags, TAG_NAME);

	if (source && name)
		add_key(imports, index, NULL, key_hash(KEY_OWNER, source, name));
}

static bool same_key(const struct import_key *a, const struct import_key *b)
{
	return a->hash == b->hash && a->index == b->index && !a->text == !b->text &&
	       (!a->text || strcmp(a->text, b->text) == 0);
}

/* A thousand names of one import may have what follows their first dot in common. */
static void keep_one_of_each(struct import_list *imports)
{
	size_t kept = 0;

	for (size_t i = 0; i < imports->key_count; i++)
		if (!kept || !same_key(&imports->keys[i], &imports->keys[kept - 1]))
			imports->keys[kept++] = imports->keys[i];
	imports->key_count = kept;
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
	keep_one_of_each(imports);
}

static void add_concern(struct concerned *concerned, struct concern concern)
{
	if ((concerned->count & (concerned->count - 1)) == 0)
		concerned->items = mem_resize(
			concerned->items, MAX(concerned->count * 2, (size_t)1), sizeof(*concerned->items));
	concerned->items[concerned->count++] = concern;
}

/* Those of that key, and ${text} where it stands for a name or a part of one. */
static void add_found(const struct import_list *imports, uint64_t hash, const char *text, bool same_name,
	struct concerned *concerned)
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
		const struct import_key *key = &imports->keys[low];
		bool meets = text && key->text && strcmp(text, key->text) == 0;

		add_concern(concerned, (struct concern){ &imports->items[key->index], meets, meets && same_name });
	}
}

/* What was looked for already, for an item whose names are nearly all of one domain. */
struct asked {
	uint64_t *hashes;
	size_t count;
};

static bool was_asked(const struct asked *asked, uint64_t hash)
{
	for (size_t i = asked->count; i > 0; i--)
		if (asked->hashes[i - 1] == hash)
			return true;
	return false;
}

static void ask(const struct import_list *imports, uint64_t hash, const char *text, struct asked *asked,
	struct concerned *concerned)
{
	if (was_asked(asked, hash))
		return;
	asked->hashes[asked->count++] = hash;
	add_found(imports, hash, text, false, concerned);
}

static void add_those_named(const struct import_list *imports, const char *name, struct asked *asked,
	struct concerned *concerned)
{
	const char *parent = strchr(name, '.');
	_cleanup_(freep) char *wildcard = parent ? mem_printf("*%s", parent) : NULL;

	add_found(imports, key_hash(KEY_NAME, name, NULL), name, true, concerned);
	if (parent && strcmp(name, wildcard) != 0)
		ask(imports, key_hash(KEY_NAME, wildcard, NULL), wildcard, asked, concerned);
	if (strncmp(name, "*.", 2) == 0)
		ask(imports, key_hash(KEY_PARENT, parent, NULL), parent, asked, concerned);
}

static bool is_in_order(const struct concerned *concerned)
{
	for (size_t i = 1; i < concerned->count; i++)
		if (concerned->items[i - 1].import >= concerned->items[i].import)
			return false;
	return true;
}

static void add_mark(struct concern *mark, const struct concern *item)
{
	mark->import = item->import;
	mark->meets |= item->meets;
	mark->same_name |= item->same_name;
}

static int compare_concerns(const void *a, const void *b)
{
	const struct concern *left = a, *right = b;

	return left->import < right->import ? -1 : left->import > right->import;
}

static void sort_few(struct concerned *concerned)
{
	size_t kept = 0;

	qsort(concerned->items, concerned->count, sizeof(*concerned->items), compare_concerns);
	for (size_t i = 1; i < concerned->count; i++)
		if (concerned->items[i].import == concerned->items[kept].import)
			add_mark(&concerned->items[kept], &concerned->items[i]);
		else
			concerned->items[++kept] = concerned->items[i];
	concerned->count = kept + 1;
}

static void go_through(struct import_list *imports, struct concerned *concerned)
{
	_cleanup_(freep) struct concern *marks = mem_alloc(imports->count * sizeof(*marks));
	size_t kept = 0;

	for (size_t i = 0; i < concerned->count; i++)
		add_mark(&marks[concerned->items[i].import - imports->items], &concerned->items[i]);
	for (size_t i = 0; i < imports->count; i++)
		if (marks[i].import)
			concerned->items[kept++] = marks[i];
	concerned->count = kept;
}

/* To sort so many takes less than to go through the whole list. */
static bool are_few(const struct concerned *concerned, const struct import_list *imports)
{
	size_t compared = concerned->count;

	for (size_t left = concerned->count; left > 1; left /= 2)
		compared += concerned->count;
	return compared < imports->count;
}

/*
 * In the list's order, each once.  Nearly always it is one import, found by whose it is and by its names: each item's look
 * at the whole list would be the square of their number.  But several runs in order may be most of the list.
 */
static void put_in_order(struct import_list *imports, struct concerned *concerned)
{
	if (is_in_order(concerned))
		return;
	if (are_few(concerned, imports))
		sort_few(concerned);
	else
		go_through(imports, concerned);
}

void match_concerned(
	struct import_list *imports, const struct look_item *item, bool all, struct concerned *ret_concerned)
{
	const struct source_certificate *source = item->source;
	struct asked asked = { mem_alloc((2 + 2 * strv_length(source ? source->names : NULL)) * sizeof(uint64_t)), 0 };

	*ret_concerned = (struct concerned){ 0 };
	if (!imports->keys)
		import_list_index(imports);
	for (size_t i = 0; all && i < imports->count; i++)
		add_concern(ret_concerned, (struct concern){ .import = &imports->items[i] });
	add_found(imports, key_hash(KEY_OWNER, item->delivery->source_arn, item->delivery->object), NULL, false,
		ret_concerned);
	/* Nearly always the domain is one of the names. */
	if (source && source->domain && !strv_has(source->names, source->domain))
		add_those_named(imports, source->domain, &asked, ret_concerned);
	if (source)
		STRV_FOREACH (name, source->names)
			add_those_named(imports, *name, &asked, ret_concerned);
	free(asked.hashes);
	put_in_order(imports, ret_concerned);
}

void concerned_done(struct concerned *concerned)
{
	free(concerned->items);
	*concerned = (struct concerned){ 0 };
}

struct import *match_known(const struct import_list *imports, const struct look_item *item)
{
	return import_find(imports, item->delivery->arn) ?: import_find(imports, item->object_id);
}

bool match_needs_tags(const struct concern *concern, const struct look_item *item, bool unsearched)
{
	return unsearched || concern->meets || tags_are_of(concern->import->found_tags, item->delivery);
}

struct import *match_tagged(struct import_list *imports, const struct look_item *item)
{
	_cleanup_(concerned_done) struct concerned concerned;
	struct import *found = NULL;

	match_concerned(imports, item, false, &concerned);
	for (size_t i = 0; i < concerned.count; i++) {
		struct import *import = concerned.items[i].import;

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

struct import *match_unreadable(struct import_list *imports, const struct look_item *item, bool unsearched)
{
	_cleanup_(concerned_done) struct concerned concerned;

	match_concerned(imports, item, unsearched, &concerned);
	for (size_t i = 0; i < concerned.count; i++) {
		const struct concern *concern = &concerned.items[i];

		if (concern->import->error.kind != ERROR_NONE && !is_known(concern->import, item) &&
			match_needs_tags(concern, item, unsearched))
			return concern->import;
	}
	return NULL;
}

/* --- imports of others --- */

bool match_is_candidate(const struct concern *concern)
{
	return concern->meets && concern->import->listed && !tags_are_certferrys(concern->import->tags);
}

struct import *match_only_in_use(struct import_list *imports, const struct look_item *item)
{
	_cleanup_(concerned_done) struct concerned concerned;
	struct import *found = NULL;

	match_concerned(imports, item, false, &concerned);
	for (size_t i = 0; i < concerned.count; i++) {
		struct import *import = concerned.items[i].import;

		if (!import->summary.in_use || !match_is_candidate(&concerned.items[i]))
			continue;
		if (found)
			return NULL;
		found = import;
	}
	return found;
}

static bool changes_key(const struct acm_summary *summary, const struct source_certificate *source)
{
	return summary->key_algorithm && source->key_algorithm &&
	       strcmp(summary->key_algorithm, source->key_algorithm) != 0;
}

/* Is a name of it certain to be among the new ones?  What the listings cut may hold one. */
static bool keeps_a_name(const struct concern *concern, const struct source_certificate *source)
{
	return concern->same_name || source->more_names || concern->import->summary.more_names;
}

/* ACM's rules of re-import, as far as they can be told without the new certificate at hand. */
static bool is_refused(const struct concern *concern, const struct source_certificate *source)
{
	return changes_key(&concern->import->summary, source) || !keeps_a_name(concern, source);
}

static char *refusal(const struct concern *concern, const struct source_certificate *source)
{
	const struct acm_summary *summary = &concern->import->summary;

	if (changes_key(summary, source))
		return bounded_printf(BOUNDED_NAME,
			"its key is %s and the renewed one's %s; ACM rejects a re-import that changes "
			"the type or size of the key",
			summary->key_algorithm, source->key_algorithm);
	if (!keeps_a_name(concern, source))
		return mem_strdup(
			"the renewed certificate has none of its names; ACM rejects a re-import that keeps none");
	return NULL;
}

static bool is_better(const struct concern *a, const struct concern *b, const struct source_certificate *source)
{
	const struct acm_summary *left = &a->import->summary, *right = &b->import->summary;
	bool refused = is_refused(a, source);

	if (refused != is_refused(b, source))
		return !refused;
	if (left->in_use != right->in_use)
		return left->in_use;
	if (left->not_after != right->not_after)
		return left->not_after > right->not_after;
	return a->import < b->import; /* sorted by ARN */
}

static void add_best(struct best *best, const struct concern *concern, const struct source_certificate *source)
{
	size_t at = best->count;

	best->total++;
	while (at > 0 && is_better(concern, &best->items[at - 1], source))
		at--;
	if (at == CANDIDATES_OF_DELIVERY)
		return;
	best->count = MIN(best->count + 1, CANDIDATES_OF_DELIVERY);
	memmove(&best->items[at + 1], &best->items[at], (best->count - at - 1) * sizeof(*best->items));
	best->items[at] = *concern;
}

void match_best(struct import_list *imports, const struct look_item *item, struct best *ret_best)
{
	_cleanup_(concerned_done) struct concerned concerned;

	*ret_best = (struct best){ 0 };
	match_concerned(imports, item, false, &concerned);
	for (size_t i = 0; i < concerned.count; i++)
		if (match_is_candidate(&concerned.items[i]))
			add_best(ret_best, &concerned.items[i], item->source);
}

static struct candidate make_candidate(const struct concern *concern, const struct source_certificate *source)
{
	const struct import *import = concern->import;

	return (struct candidate){
		.arn = mem_strdup(import->summary.arn),
		.domain = bounded(mem_strdup(import->summary.domain), BOUNDED_NAME),
		.not_after = import->summary.not_after,
		.in_use = import->summary.in_use,
		.in_use_by = strv_copy(import->in_use_by),
		.users = import->users,
		.refusal = refusal(concern, source),
	};
}

void match_fill_candidates(struct import_list *imports, const struct look_item *item, struct observed *seen)
{
	struct best best;

	match_best(imports, item, &best);
	match_fill_best(&best, item, seen);
}

void match_fill_best(const struct best *best, const struct look_item *item, struct observed *seen)
{
	seen->candidates = mem_alloc(best->count * sizeof(*seen->candidates));
	for (; seen->candidate_count < best->count; seen->candidate_count++)
		seen->candidates[seen->candidate_count] =
			make_candidate(&best->items[seen->candidate_count], item->source);
	seen->candidate_total = best->total;
}

/* --- what certferry imported for another source certificate --- */

static bool is_former(const struct concern *concern, const struct look_item *item)
{
	const struct import *import = concern->import;

	return import->listed && import->tags_read && tags_former(import->tags, item->delivery) &&
	       concern->meets && keeps_a_name(concern, item->source);
}

void match_formers(struct import_list *imports, const struct look_item *item, struct best *ret_best)
{
	_cleanup_(concerned_done) struct concerned concerned = { 0 };

	*ret_best = (struct best){ 0 };
	if (!item->source)
		return;
	match_concerned(imports, item, false, &concerned);
	for (size_t i = 0; i < concerned.count; i++)
		if (is_former(&concerned.items[i], item))
			add_best(ret_best, &concerned.items[i], item->source);
}

void match_one(struct import_list *imports, struct import *import, const struct look_item *item,
	struct best *ret_best)
{
	_cleanup_(concerned_done) struct concerned concerned;
	struct concern found = { .import = import };

	*ret_best = (struct best){ 0 };
	match_concerned(imports, item, false, &concerned);
	for (size_t i = 0; i < concerned.count; i++)
		if (concerned.items[i].import == import)
			found = concerned.items[i];
	add_best(ret_best, &found, item->source);
}

bool match_admits(
	struct import_list *imports, const struct import *import, const struct look_item *item)
{
	struct best best;

	if (!item->source)
		return true;
	match_one(imports, (struct import *)import, item, &best);
	return !is_refused(&best.items[0], item->source);
}

char *match_revision(const struct acm_summary *summary)
{
	return mem_printf("%" PRIu64 " %" PRIu64 " %" PRIu64, summary->not_before,
		summary->not_after, summary->imported_at);
}
