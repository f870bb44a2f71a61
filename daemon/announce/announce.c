/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Troubles that have begun, by matter and name, in a hash table of chains that is gone when it is empty.  A trouble is
 *	begun	it is there
 *	said	and the journal has it at the level of its beginning, so that its end is worth a word, too
 * or neither: it has ended, and is remembered because its row says that its beginnings are not said one after the other.
 */
#include "daemon/announce/announce.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/announce/sentence.h"
#include "daemon/announce/table.h"
#include "lib/base/mem.h"

struct trouble {
	struct trouble *next;
	uint32_t hash;
	unsigned unsaid; /* how often it was repeated since it was said */
	uint64_t mark; /* what it was like: see enum sameness */
	usec_t said_at;
	enum matter matter : 8;
	bool begun : 1;
	bool said : 1;
	char name[];
};

struct listener {
	void (*hear)(void *userdata, const struct announcement *announcement);
	void *userdata;
};

struct announce {
	struct announce_request request;
	struct trouble **chains;
	size_t size; /* a power of two; 0: no table */
	size_t count;
	struct listener *listeners;
	size_t listener_count;
};

/* What a change turned out to be. */
struct verdict {
	enum announce_phase phase;
	int level;
	unsigned others;
};

/* --- the table of troubles --- */

#define FNV_BASIS 14695981039346656037u
#define FNV_PRIME 1099511628211u

/* FNV-1a. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
	for (; text && *text; text++)
		hash = (hash ^ (unsigned char)*text) * FNV_PRIME;
	return hash;
}

static uint32_t hash_name(const char *name)
{
	uint64_t hash = hash_text(FNV_BASIS, name);

	return (uint32_t)(hash ^ hash >> 32);
}

static void resize(struct announce *announce, size_t size)
{
	struct trouble **chains = size ? mem_alloc(size * sizeof(struct trouble *)) : NULL;

	for (size_t i = 0; i < announce->size; i++)
		while (announce->chains[i]) {
			struct trouble *trouble = announce->chains[i];
			struct trouble **chain = &chains[trouble->hash & (size - 1)];

			announce->chains[i] = trouble->next;
			trouble->next = *chain;
			*chain = trouble;
		}
	free(announce->chains);
	announce->chains = chains;
	announce->size = size;
}

/* Where it is, or is to be put: at the end of its chain.  The table is not empty. */
static struct trouble **find(const struct announce *announce, enum matter matter, const char *name)
{
	uint32_t hash = hash_name(name);
	struct trouble **at = &announce->chains[hash & (announce->size - 1)];

	while (*at && ((*at)->hash != hash || (*at)->matter != matter || strcmp((*at)->name, name) != 0))
		at = &(*at)->next;
	return at;
}

static struct trouble *trouble_find(const struct announce *announce, enum matter matter, const char *name)
{
	return announce->count ? *find(announce, matter, name) : NULL;
}

static struct trouble *trouble_make(struct announce *announce, enum matter matter, const char *name)
{
	struct trouble *trouble = mem_alloc(sizeof(*trouble) + strlen(name) + 1);

	if (announce->count >= announce->size)
		resize(announce, announce->size ? 2 * announce->size : 8);
	trouble->hash = hash_name(name);
	trouble->matter = matter;
	memcpy(trouble->name, name, strlen(name) + 1);
	*find(announce, matter, name) = trouble;
	announce->count++;
	return trouble;
}

static void trouble_remove(struct announce *announce, struct trouble **at)
{
	struct trouble *trouble = *at;

	*at = trouble->next;
	free(trouble);
	announce->count--;
}

/* After one or more were removed. */
static void shrink(struct announce *announce)
{
	size_t size = announce->size;

	while (size > 8 && announce->count < size / 4)
		size /= 2;
	if (!announce->count)
		size = 0;
	if (size != announce->size)
		resize(announce, size);
}

/* --- judging --- */

static uint64_t mark_of(const struct announce_row *row, const struct change *change)
{
	switch (row->same) {
	case SAME_KIND:
		return change->error->kind;
	case SAME_WORDS:
		return hash_text(FNV_BASIS, change->words);
	case SAME_HOLD:
		return change->hold;
	case SAME_TOTAL:
		return change->total;
	case SAME_EVENT:
		return change->event;
	case SAME_MATTER:
		break;
	}
	return 0;
}

/* Is there a trouble of which this is only a repetition? */
static bool is_repeated(const struct trouble *trouble, const struct announce_row *row, uint64_t mark, usec_t now)
{
	if (!trouble || (row->same != SAME_MATTER && trouble->mark != mark))
		return false;
	return !row->again || now < usec_add(trouble->said_at, row->again);
}

static struct verdict begin(
	struct announce *announce, const struct announce_row *row, const char *name, const struct change *change)
{
	struct trouble *trouble = trouble_find(announce, row->matter, name);
	usec_t now = announce->request.now();
	uint64_t mark = mark_of(row, change);
	struct verdict verdict = { .phase = trouble && trouble->begun ? ANNOUNCE_REPEATS : ANNOUNCE_BEGINS };

	if (is_repeated(trouble, row, mark, now)) {
		trouble->unsaid++;
		verdict.level = row->repeats;
	} else {
		trouble = trouble ?: trouble_make(announce, row->matter, name);
		verdict.phase = ANNOUNCE_BEGINS;
		verdict.level = row->level;
		verdict.others = trouble->unsaid;
		trouble->mark = mark;
		trouble->said_at = now;
		trouble->said = true;
		trouble->unsaid = 0;
	}
	trouble->begun = true;
	return verdict;
}

/* Was it there, and was it said? */
static bool end_matter(struct announce *announce, enum matter matter, const char *name, bool lasting, bool *ret_said)
{
	struct trouble **at = announce->count && matter != MATTER_NONE ? find(announce, matter, name) : NULL;
	bool begun = at && *at && (*at)->begun;

	*ret_said = begun && (*at)->said;
	if (!begun)
		return false;
	if (lasting) {
		(*at)->begun = (*at)->said = false;
		return true;
	}
	trouble_remove(announce, at);
	shrink(announce);
	return true;
}

static struct verdict end(struct announce *announce, const struct announce_row *row, const char *name)
{
	bool said, ignored, ended = end_matter(announce, row->matter, name, row->lasting, &said);

	for (size_t i = 0; i < ARRAY_SIZE(row->also); i++)
		(void)end_matter(announce, row->also[i], name, false, &ignored);
	return (struct verdict){
		.phase = ended ? ANNOUNCE_ENDS : ANNOUNCE_HAPPENS,
		.level = said ? row->level : row->repeats,
	};
}

static struct verdict judge(
	struct announce *announce, const struct announce_row *row, const char *name, const struct change *change)
{
	struct verdict verdict = { .phase = ANNOUNCE_HAPPENS, .level = row->level };

	if (row->effect == BEGINS)
		verdict = begin(announce, row, name, change);
	else if (row->effect == ENDS)
		verdict = end(announce, row, name);
	if (change->known && verdict.level > SILENT)
		verdict.level = LOG_DEBUG;
	return verdict;
}

/* --- saying --- */

/* NULL: nobody reads one.  (Most changes say that nothing is wrong where nothing was.) */
static char *make_sentence(const struct announce *announce, const struct announce_row *row,
	const struct change_subject *subject, const struct change *change, const struct verdict *verdict)
{
	bool logged = verdict->level > SILENT && log_enabled(verdict->level);
	struct change said = *change;

	if (!row->sentence || (!logged && !announce->listener_count))
		return NULL;
	if (announce->request.once)
		said.next_try = 0;
	return sentence_make(row->sentence, subject, &said, verdict->others);
}

static void write_journal(const struct announce_row *row, const struct change_subject *subject,
	const struct change *change, const struct verdict *verdict, const char *sentence)
{
	struct log_fields fields = { 0 };

	if (!sentence || verdict->level == SILENT || !log_enabled(verdict->level))
		return;
	sentence_fields(subject, change, &fields);
	log_write(verdict->level, row->message_id, &fields, "%s", sentence);
	log_fields_done(&fields);
}

static void write_history(const struct announce *announce, const struct announce_row *row,
	const struct change_subject *subject, const struct change *change)
{
	_cleanup_(freep) char *text = NULL;

	if (!row->history || !announce->request.history)
		return;
	text = sentence_make(row->history_text, subject, change, 0);
	announce->request.history(announce->request.userdata, row->history, subject->name, text);
}

static void tell_listeners(const struct announce *announce, const struct announce_row *row,
	const struct change_subject *subject, const struct change *change, const struct verdict *verdict,
	const char *sentence)
{
	const struct announcement announcement = {
		.subject = subject,
		.change = change,
		.phase = verdict->phase,
		.message_id = row->message_id,
		.level = verdict->level,
		.sentence = sentence ?: "",
	};

	for (size_t i = 0; i < announce->listener_count; i++)
		announce->listeners[i].hear(announce->listeners[i].userdata, &announcement);
}

void announce_change(struct announce *announce, const struct change_subject *subject, const struct change *change)
{
	static const struct change_subject daemon = { .name = NULL };
	const struct announce_row *row = announce_row(change->event);
	const struct change_subject *whom = subject ?: &daemon;
	const struct verdict verdict = judge(announce, row, whom->name ?: "", change);
	_cleanup_(freep) char *sentence = make_sentence(announce, row, whom, change, &verdict);

	write_journal(row, whom, change, &verdict, sentence);
	write_history(announce, row, whom, change);
	tell_listeners(announce, row, whom, change, &verdict, sentence);
}

void announce_changes(struct announce *announce, const struct change_subject *subject, const struct changes *changes)
{
	for (size_t i = 0; i < changes->count; i++)
		announce_change(announce, subject, &changes->items[i]);
}

/* --- the rest --- */

struct announce *announce_new(const struct announce_request *request)
{
	struct announce *announce = mem_new(struct announce);

	announce->request = *request;
	return announce;
}

void announce_listen(struct announce *announce,
	void (*listener)(void *userdata, const struct announcement *announcement), void *userdata)
{
	announce->listeners = mem_resize(
		announce->listeners, announce->listener_count + 1, sizeof(*announce->listeners));
	announce->listeners[announce->listener_count++] =
		(struct listener){ .hear = listener, .userdata = userdata };
}

static void forget_if(struct announce *announce,
	bool (*is_gone)(const void *userdata, enum announce_about about, const char *name), const void *userdata)
{
	for (size_t i = 0; i < announce->size; i++)
		for (struct trouble **at = &announce->chains[i]; *at;)
			if (is_gone(userdata, matter_about((*at)->matter), (*at)->name))
				trouble_remove(announce, at);
			else
				at = &(*at)->next;
	shrink(announce);
}

struct keeping {
	bool (*is_there)(void *userdata, enum announce_about about, const char *name);
	void *userdata;
};

static bool is_unknown(const void *userdata, enum announce_about about, const char *name)
{
	const struct keeping *keeping = userdata;

	return !keeping->is_there(keeping->userdata, about, name);
}

void announce_keep(struct announce *announce,
	bool (*is_there)(void *userdata, enum announce_about about, const char *name), void *userdata)
{
	const struct keeping keeping = { .is_there = is_there, .userdata = userdata };

	forget_if(announce, is_unknown, &keeping);
}

static bool is_about(const void *userdata, enum announce_about about, const char *name)
{
	return about == *(const enum announce_about *)userdata;
}

void announce_forget(struct announce *announce, enum announce_about about, const char *name)
{
	if (!announce->count)
		return;
	if (!name) {
		forget_if(announce, is_about, &about);
		return;
	}
	for (enum matter matter = MATTER_NONE + 1; matter < MATTERS && announce->count; matter++) {
		struct trouble **at = find(announce, matter, name);

		if (*at && matter_about(matter) == about)
			trouble_remove(announce, at);
	}
	shrink(announce);
}

size_t announce_remembers(const struct announce *announce)
{
	return announce->count;
}

struct announce *announce_free(struct announce *announce)
{
	if (!announce)
		return NULL;
	for (size_t i = 0; i < announce->size; i++)
		while (announce->chains[i])
			trouble_remove(announce, &announce->chains[i]);
	free(announce->chains);
	free(announce->listeners);
	free(announce);
	return NULL;
}
