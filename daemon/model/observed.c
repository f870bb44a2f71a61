/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/model/observed.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/bounded.h"
#include "lib/base/strv.h"

void source_certificate_done(struct source_certificate *certificate)
{
	if (certificate->packed) {
		*certificate = (struct source_certificate){ 0 };
		return;
	}
	free(certificate->arn);
	free(certificate->region);
	free(certificate->domain);
	strv_free(certificate->names);
	free(certificate->type);
	free(certificate->status);
	free(certificate->key_algorithm);
	free(certificate->serial);
	strv_free(certificate->tags);
	free(certificate->problem);
	*certificate = (struct source_certificate){ 0 };
}

void source_certificate_copy(struct source_certificate *to, const struct source_certificate *from)
{
	*to = *from;
	to->packed = false;
	to->arn = mem_strdup(from->arn);
	to->region = mem_strdup(from->region);
	to->domain = mem_strdup(from->domain);
	to->names = strv_copy(from->names);
	to->type = mem_strdup(from->type);
	to->status = mem_strdup(from->status);
	to->key_algorithm = mem_strdup(from->key_algorithm);
	to->serial = mem_strdup(from->serial);
	to->tags = strv_copy(from->tags);
	to->problem = mem_strdup(from->problem);
}

static bool text_equal(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool source_certificate_listed_alike(const struct source_certificate *a, const struct source_certificate *b)
{
	return text_equal(a->arn, b->arn) && text_equal(a->domain, b->domain) && text_equal(a->status, b->status) &&
	       a->exportable == b->exportable && a->cloudfront == b->cloudfront && a->keyless == b->keyless &&
	       strv_equal(a->names, b->names) && strv_equal(a->tags, b->tags);
}

bool source_certificate_equal(const struct source_certificate *a, const struct source_certificate *b)
{
	const struct version *left = &a->version, *right = &b->version;

	return source_certificate_listed_alike(a, b) && text_equal(a->region, b->region) &&
	       text_equal(a->type, b->type) && text_equal(a->key_algorithm, b->key_algorithm) &&
	       text_equal(a->serial, b->serial) && text_equal(a->problem, b->problem) &&
	       a->more_names == b->more_names && a->unread == b->unread && a->ineligible == b->ineligible &&
	       a->not_before == b->not_before && a->not_after == b->not_after &&
	       digest_equal(&left->digest, &right->digest) &&
	       fingerprint_equal(&left->chain, &right->chain) && left->not_before == right->not_before &&
	       left->not_after == right->not_after;
}

static int compare_arn(const void *key, const void *item)
{
	return strcmp(key, ((const struct source_certificate *)item)->arn);
}

const struct source_certificate *source_view_find(const struct source_view *view, const char *arn)
{
	if (!view || !view->count)
		return NULL;
	return bsearch(arn, view->items, view->count, sizeof(*view->items), compare_arn);
}

bool source_view_replace(struct source_view *view, const struct source_certificate *certificate)
{
	struct source_certificate *item = NULL;

	if (view && view->count)
		item = bsearch(certificate->arn, view->items, view->count, sizeof(*view->items), compare_arn);
	if (!item)
		return false;
	source_certificate_done(item);
	source_certificate_copy(item, certificate);
	return true;
}

struct source_view *source_view_copy(const struct source_view *view)
{
	struct source_view *copy = mem_new(struct source_view);

	copy->items = mem_alloc(view->count * sizeof(*copy->items));
	for (; copy->count < view->count; copy->count++)
		source_certificate_copy(&copy->items[copy->count], &view->items[copy->count]);
	return copy;
}

/* --- packing --- */

#define TEXTS 8

/* The texts of ${certificate} that stand alone, in an order. */
static void list_texts(struct source_certificate *certificate, char **texts[static TEXTS])
{
	char **const all[TEXTS] = { &certificate->arn, &certificate->region, &certificate->domain, &certificate->type,
		&certificate->status, &certificate->key_algorithm, &certificate->serial, &certificate->problem };

	for (size_t i = 0; i < TEXTS; i++)
		texts[i] = all[i];
}

/* Where the next list, and the next text behind all lists, go; without memory they are only counted. */
struct packer {
	char **lists;
	char *texts;
	size_t list_items, text_bytes;
};

static char *pack_text(struct packer *packer, const char *text, const char *before, char *packed_before)
{
	size_t size;

	if (!text)
		return NULL;
	if (before && strcmp(text, before) == 0)
		return packed_before;
	size = strlen(text) + 1;
	packer->text_bytes += size;
	if (!packer->texts)
		return NULL;
	memcpy(packer->texts, text, size);
	packer->texts += size;
	return packer->texts - size;
}

static char **pack_list(struct packer *packer, char *const *list)
{
	size_t length = strv_length(list);
	char **packed = packer->lists;

	if (!list)
		return NULL;
	packer->list_items += length + 1;
	if (packed)
		packer->lists += length + 1;
	for (size_t i = 0; i < length; i++) {
		char *text = pack_text(packer, list[i], NULL, NULL);

		if (packed)
			packed[i] = text;
	}
	if (packed)
		packed[length] = NULL;
	return packed;
}

/* ${from}'s texts, packed; what is equal in the one before it, which became ${before}, is shared with it. */
static struct source_certificate pack_one(struct packer *packer, struct source_certificate *from,
	struct source_certificate *previous, struct source_certificate *before)
{
	struct source_certificate to = *from;
	char **source[TEXTS], **target[TEXTS], **last[TEXTS], **last_packed[TEXTS];

	list_texts(from, source);
	list_texts(&to, target);
	if (previous) {
		list_texts(previous, last);
		list_texts(before, last_packed);
	}
	for (size_t i = 0; i < TEXTS; i++)
		*target[i] = pack_text(packer, *source[i], previous ? *last[i] : NULL, previous ? *last_packed[i] : NULL);
	to.names = pack_list(packer, from->names);
	to.tags = pack_list(packer, from->tags);
	to.packed = true;
	return to;
}

static void pack_all(struct packer *packer, struct source_view *view, struct source_certificate *items)
{
	struct source_certificate before = { 0 };

	for (size_t i = 0; i < view->count; i++) {
		struct source_certificate packed = pack_one(packer, &view->items[i],
			i ? &view->items[i - 1] : NULL, items && i ? &items[i - 1] : &before);

		if (items)
			items[i] = packed;
	}
}

void source_view_pack(struct source_view *view)
{
	struct packer counter = { NULL, NULL, 0, 0 }, packer = { NULL, NULL, 0, 0 };
	struct source_certificate *items = mem_alloc(view->count * sizeof(*items));
	char *block;

	pack_all(&counter, view, NULL);
	block = mem_alloc(counter.list_items * sizeof(char *) + counter.text_bytes);
	packer.lists = (char **)(void *)block;
	packer.texts = block + counter.list_items * sizeof(char *);
	pack_all(&packer, view, items);
	for (size_t i = 0; i < view->count; i++)
		source_certificate_done(&view->items[i]);
	free(view->items);
	free(view->texts);
	view->items = items;
	view->texts = block;
}

struct source_view *source_view_free(struct source_view *view)
{
	if (!view)
		return NULL;
	for (size_t i = 0; i < view->count; i++)
		source_certificate_done(&view->items[i]);
	free(view->texts);
	free(view->items);
	free(view);
	return NULL;
}

static void candidate_done(struct candidate *candidate)
{
	free(candidate->arn);
	free(candidate->domain);
	strv_free(candidate->in_use_by);
	free(candidate->refusal);
	*candidate = (struct candidate){ 0 };
}

struct candidate_room *candidate_room_new(void)
{
	return candidate_room_ref(mem_new(struct candidate_room));
}

struct candidate_room *candidate_room_ref(struct candidate_room *room)
{
	room->references++;
	return room;
}

struct candidate_room *candidate_room_unref(struct candidate_room *room)
{
	if (room && --room->references == 0)
		free(room);
	return NULL;
}

static void forget_candidates(struct observed *observed, size_t keep)
{
	while (observed->candidate_count > keep)
		candidate_done(&observed->candidates[--observed->candidate_count]);
}

void observed_keep(struct observed *observed, struct candidate_room *room)
{
	if (observed->room || !observed->candidate_count)
		return;
	forget_candidates(observed, CANDIDATES_OF_PLACE - MIN(room->kept, CANDIDATES_OF_PLACE));
	observed->room = candidate_room_ref(room);
	room->kept += observed->candidate_count;
}

void observed_done(struct observed *observed)
{
	if (observed->room)
		observed->room->kept -= observed->candidate_count;
	observed->room = candidate_room_unref(observed->room);
	free(observed->object_id);
	free(observed->revision);
	free(observed->foreign);
	free(observed->former);
	free(observed->holder);
	free(observed->users);
	forget_candidates(observed, 0);
	free(observed->candidates);
	free(observed->leaf_pem);
	free(observed->chain_pem);
	error_done(&observed->error);
	*observed = (struct observed){ 0 };
}

void observed_copy(struct observed *to, const struct observed *from)
{
	*to = *from;
	to->room = NULL;
	to->object_id = mem_strdup(from->object_id);
	to->revision = mem_strdup(from->revision);
	to->foreign = mem_strdup(from->foreign);
	to->former = mem_strdup(from->former);
	to->holder = mem_strdup(from->holder);
	to->users = mem_strdup(from->users);
	to->leaf_pem = mem_strdup(from->leaf_pem);
	to->chain_pem = mem_strdup(from->chain_pem);
	to->error = ERROR_NULL;
	error_copy(&to->error, &from->error);
	to->candidates = mem_alloc(from->candidate_count * sizeof(*to->candidates));
	for (size_t i = 0; i < from->candidate_count; i++) {
		to->candidates[i] = from->candidates[i];
		to->candidates[i].arn = mem_strdup(from->candidates[i].arn);
		to->candidates[i].domain = mem_strdup(from->candidates[i].domain);
		to->candidates[i].in_use_by = strv_copy(from->candidates[i].in_use_by);
		to->candidates[i].refusal = mem_strdup(from->candidates[i].refusal);
	}
}

/* Of those of others it is known later what would be refused and why, where one is chosen. */
static void append_candidate(struct buf *text, const struct candidate *candidate, bool formerly)
{
	char end[TIME_TEXT_SIZE];

	buf_printf(text, " %s (expires %s, %s", candidate->arn, time_format(candidate->not_after, end),
		candidate->in_use ? "in use" : "not in use");
	STRV_FOREACH (user, candidate->in_use_by)
		buf_printf(text, "%s%s", user == candidate->in_use_by ? " by " : " ", *user);
	bounded_more(text, strv_length(candidate->in_use_by), candidate->users);
	if (candidate->refusal && formerly)
		buf_printf(text, "; %s)", candidate->refusal);
	else
		buf_printf(text, "%s)", candidate->refusal ? ", ACM would refuse a re-import" : "");
}

/* Which imports it is about, and what to do. */
struct choice {
	const char *head, *way_out;
};

static struct choice choice_of(const struct observed *observed)
{
	static const struct choice others = {
		"imports that are not certferry's share its name:",
		"choose with arn:, adopt: in-use or adopt: beside, or see 'certferry adopt'",
	};
	static const struct choice refused = {
		"its entry now names another source certificate, and ACM rejects that one as a "
		"re-import over the import of the former one:",
		"set another name with as: to import it as a new certificate, then point what uses the "
		"former one to the new ARN",
	};
	static const struct choice several = {
		"its entry now names another source certificate, and there are several imports of "
		"former ones:",
		"choose one with arn:, or set another name with as: to import it as a new certificate",
	};

	if (!observed->former)
		return others;
	return observed->candidate_total > 1 ? several : refused;
}

char *observed_candidates_text(const struct observed *observed)
{
	const struct choice choice = choice_of(observed);
	struct buf text = BUF_NULL;
	size_t shown = 0;

	buf_append_string(&text, choice.head);
	for (; shown < observed->candidate_count && bounded_takes(&text, shown); shown++) {
		if (shown)
			buf_append_char(&text, ',');
		append_candidate(&text, &observed->candidates[shown], observed->former);
	}
	if (shown)
		bounded_more(&text, shown, observed->candidate_total);
	else
		buf_printf(&text, " %zu", observed->candidate_total);
	buf_printf(&text, "; %s", choice.way_out);
	return bounded(buf_take(&text), BOUNDED_TEXT);
}

/* In bytes: what others decide the length of leaves room for the way out. */
#define FOREIGN_MOST ((size_t)1408)

char *observed_foreign_text(const struct observed *observed, const char *name)
{
	_cleanup_(freep) char *what = bounded(mem_strdup(observed->foreign), FOREIGN_MOST);
	_cleanup_(freep) char *object = bounded(
		mem_strdup(observed->object_id ?: "its object"), BOUNDED_NAME);

	return bounded_printf(BOUNDED_TEXT,
		"'%s' %s. certferry writes nothing there until you run 'certferry approve %s', by "
		"exactly this name",
		object, what, name);
}

const char *observed_state_name(enum observed_state state)
{
	static const char *const names[] = {
		[OBSERVED_UNKNOWN] = "unknown",
		[OBSERVED_ABSENT] = "absent",
		[OBSERVED_PRESENT] = "present",
		[OBSERVED_DEMOTED] = "demoted",
		[OBSERVED_GONE] = "gone",
		[OBSERVED_ADOPTABLE] = "adopt?",
		[OBSERVED_FOREIGN] = "foreign",
	};

	return names[state];
}
