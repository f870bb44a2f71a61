/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config/read.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config/text.h"
#include "lib/base/buf.h"
#include "lib/base/strv.h"

struct reader {
	struct config_problems *problems;
	struct format_cache formats;
};

/* A value on its way: where it is (the chain of keys, for messages), what it should be, what it is. */
struct item {
	const struct item *above;
	const char *key;
	const struct schema_row *row;
	const struct yaml_node *node;
};

static void read_section(
	struct reader *r, const struct item *item, const struct schema_section *section, char *target);
static void read_value(struct reader *r, const struct item *item, char *target);

static void append_path(struct buf *path, const struct item *item)
{
	_cleanup_(freep) char *quoted = NULL;
	size_t length;

	if (!item->key)
		return;
	append_path(path, item->above);
	if (path->length)
		buf_append_char(path, '.');
	quoted = text_quote(item->key);
	length = strlen(quoted);
	if (quoted[0] == '\'')
		buf_append(path, quoted + 1, length - 2);
	else
		buf_append_string(path, "NAME");
}

static void complain_at(struct reader *r, const struct item *item, const struct yaml_node *node,
	const char *text)
{
	_cleanup_(buf_done) struct buf path = BUF_NULL;

	append_path(&path, item);
	problem_add(r->problems, node, "%s%s%s", path.data, path.length ? ": " : "", text);
}

static void complain(struct reader *r, const struct item *item, const char *text)
{
	complain_at(r, item, item->node, text);
}

/* Takes the text of a problem; true if there was one. */
static bool complain_if(struct reader *r, const struct item *item, char *wrong)
{
	if (!wrong)
		return false;
	complain(r, item, wrong);
	free(wrong);
	return true;
}

static bool is_type(struct reader *r, const struct item *item, enum yaml_type type)
{
	static const char *const wanted[] = {
		[YAML_TEXT] = "a single value is needed here, not a list or a map of keys",
		[YAML_LIST] = "a list is needed here; write [A, B] or a line '- A' each",
		[YAML_MAP] = "a map of keys is needed here; write 'KEY: VALUE' lines, indented",
	};

	if (item->node->type == YAML_REFUSED)
		return false;
	if (yaml_is_null(item->node))
		complain(r, item, "has no value; give it one or remove the line");
	else if (item->node->type != type)
		complain(r, item, wanted[type]);
	else
		return true;
	return false;
}

/* The checked, normal form of one text, which the caller owns; NULL if a problem was noted. */
static char *take_text(struct reader *r, const struct item *item, enum format format)
{
	if (!is_type(r, item, YAML_TEXT))
		return NULL;
	if (complain_if(r, item,
		    format_check(&r->formats, format, item->row->placeholders, item->node->text)))
		return NULL;
	return format_normal(format, item->node->text);
}

static void read_text(struct reader *r, const struct item *item, char *target)
{
	char *text = take_text(r, item, item->row->format);

	if (!text)
		return;
	free(*(char **)target); /* a default */
	*(char **)target = text;
}

static void read_duration(struct reader *r, const struct item *item, char *target)
{
	_cleanup_(freep) char *shown = NULL, *min = NULL, *max = NULL;
	usec_t value;

	if (!is_type(r, item, YAML_TEXT) ||
		complain_if(r, item, format_duration(item->node->text, &value)))
		return;
	if (value >= item->row->min && value <= item->row->max) {
		*(usec_t *)target = value;
		return;
	}
	shown = text_quote(item->node->text);
	min = duration_format(item->row->min);
	max = duration_format(item->row->max);
	complain_if(r, item,
		mem_printf("%s is too %s; write %s to %s", shown,
			value < item->row->min ? "short" : "long", min, max));
}

static void read_integer(struct reader *r, const struct item *item, char *target)
{
	unsigned value;

	if (!is_type(r, item, YAML_TEXT) ||
		complain_if(r, item, format_integer(item->node->text, &value)))
		return;
	if (value >= item->row->min && value <= item->row->max)
		*(unsigned *)target = value;
	else
		complain_if(r, item,
			mem_printf("%u is out of bounds; write %llu to %llu", value,
				(unsigned long long)item->row->min,
				(unsigned long long)item->row->max));
}

static void read_bool(struct reader *r, const struct item *item, char *target)
{
	_cleanup_(freep) char *shown = NULL;
	const char *text;

	if (!is_type(r, item, YAML_TEXT))
		return;
	text = item->node->text;
	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
		*(bool *)target = text[0] == 't';
		return;
	}
	shown = text_quote(text);
	complain_if(r, item, mem_printf("%s is neither; write true or false", shown));
}

/* "a, b or c" of the words that this version knows. */
static char *word_list(const struct schema_word *words)
{
	struct buf list = BUF_NULL;

	for (const struct schema_word *word = words; word->name; word++) {
		const struct schema_word *next = word + 1;

		if (word->later)
			continue;
		if (list.length)
			buf_append_string(&list, next->name && !next->later ? ", " : " or ");
		buf_append_string(&list, word->name);
	}
	return buf_take(&list);
}

static const struct schema_word *take_word(struct reader *r, const struct item *item)
{
	_cleanup_(freep) char *shown = NULL, *list = NULL;
	const struct schema_word *word;
	struct text_nearest nearest = { 0 };

	if (!is_type(r, item, YAML_TEXT))
		return NULL;
	word = schema_word(item->row->words, item->node->text);
	if (word && !word->later)
		return word;
	shown = text_quote(item->node->text);
	list = word_list(item->row->words);
	nearest.word = item->node->text;
	for (const struct schema_word *other = item->row->words; other->name; other++)
		text_nearest_offer(&nearest, other->name);
	if (word)
		complain_if(r, item, mem_printf("%s is not in this version; %s", shown, word->later));
	else if (nearest.best)
		complain_if(r, item,
			mem_printf("%s is unknown; did you mean '%s'? It can be %s", shown,
				nearest.best, list));
	else
		complain_if(r, item, mem_printf("%s is unknown; write %s", shown, list));
	return NULL;
}

static void read_word(struct reader *r, const struct item *item, char *target)
{
	const struct schema_word *word = take_word(r, item);

	if (word && !item->row->unkept)
		memcpy(target, &word->value, sizeof(word->value)); /* enums are as wide as unsigned */
}

static bool is_list(struct reader *r, const struct item *item)
{
	if (!is_type(r, item, YAML_LIST))
		return false;
	if (!item->node->count)
		complain(r, item, "the list is empty; fill it or remove the line");
	else if (item->row->max && item->node->count > item->row->max)
		complain_if(r, item,
			mem_printf("%zu are too many; at most %llu can stand here", item->node->count,
				(unsigned long long)item->row->max));
	else
		return true;
	return false;
}

static void read_words(struct reader *r, const struct item *item, char *target)
{
	if (!is_list(r, item))
		return;
	for (size_t i = 0; i < item->node->count; i++) {
		struct item each = { item->above, item->key, item->row, item->node->items[i] };
		const struct schema_word *word = take_word(r, &each);

		if (word)
			*(unsigned *)target |= word->value;
	}
}

static void read_list(struct reader *r, const struct item *item, char *target)
{
	char ***list = (char ***)target;

	if (!is_list(r, item))
		return;
	for (size_t i = 0; i < item->node->count; i++) {
		struct item each = { item->above, item->key, item->row, item->node->items[i] };
		_cleanup_(freep) char *text = take_text(r, &each, item->row->format);

		if (text && strv_has(*list, text))
			complain_if(r, &each,
				mem_printf("'%s' is in this list twice; keep one of them", text));
		else if (text)
			strv_append(list, text);
	}
}

static void read_one(struct reader *r, const struct item *item, char *target)
{
	_cleanup_(freep) char *text = take_text(r, item, item->row->format);

	if (text)
		strv_append((char ***)target, text);
}

static void read_pair(struct reader *r, const struct item *item, char ***list)
{
	struct item key = { item->above, item->key, item->row, item->node->key };
	_cleanup_(freep) char *name = take_text(r, &key, item->row->key_format);
	_cleanup_(freep) char *value = NULL, *pair = NULL;

	if (!name)
		return;
	/* Nothing is a value where it may be empty: tags have empty values. */
	if (yaml_is_null(item->node) && !*item->node->text && !format_describe(item->row->format)->min)
		value = mem_strdup("");
	else
		value = take_text(r, item, item->row->format);
	if (!value)
		return;
	pair = mem_printf("%s=%s", name, value);
	strv_append(list, pair);
}

static void read_pairs(struct reader *r, const struct item *item, char *target)
{
	if (!is_type(r, item, YAML_MAP))
		return;
	if (!item->node->count)
		complain(r, item, "the map is empty; fill it or remove the line");
	else if (item->node->count > item->row->max)
		complain_if(r, item,
			mem_printf("%zu are too many; at most %llu can stand here", item->node->count,
				(unsigned long long)item->row->max));
	else
		for (size_t i = 0; i < item->node->count; i++) {
			struct item each = { item->above, item->key, item->row,
				item->node->items[i] };

			read_pair(r, &each, (char ***)target);
		}
}

static void read_in_place(struct reader *r, const struct item *item, char *target)
{
	read_section(r, item, item->row->section, target);
}

/* Room for ${count} structures of the row's section, kept where the row says. */
static char *new_array(const struct item *item, char *structure, size_t count)
{
	char *array = mem_alloc(count * item->row->section->size);

	*(void **)(structure + item->row->offset) = array;
	*(size_t *)(structure + item->row->count_offset) = count;
	return array;
}

static void read_sections(struct reader *r, const struct item *item, char *structure)
{
	const struct schema_section *section = item->row->section;
	char *array;

	if (!is_list(r, item))
		return;
	array = new_array(item, structure, item->node->count);
	for (size_t i = 0; i < item->node->count; i++) {
		struct item each = { item->above, item->key, item->row, item->node->items[i] };

		read_section(r, &each, section, array + i * section->size);
	}
}

static void read_named(struct reader *r, const struct item *item, char *structure)
{
	const struct schema_section *section = item->row->section;
	char *array;

	if (!is_type(r, item, YAML_MAP))
		return;
	array = new_array(item, structure, item->node->count);
	for (size_t i = 0; i < item->node->count; i++) {
		const struct yaml_node *node = item->node->items[i];
		struct item name = { item->above, item->key, item->row, node->key };
		struct item each = { item, node->key->text, item->row, node };
		char *entry = array + i * section->size;

		complain_if(r, &name, format_check(&r->formats, FORMAT_NAME, 0, node->key->text));
		*(char **)entry = mem_strdup(node->key->text);
		read_section(r, &each, section, entry);
	}
}

static void read_value(struct reader *r, const struct item *item, char *structure)
{
	static void (*const readers[])(struct reader *, const struct item *, char *) = {
		[SCHEMA_TEXT] = read_text,
		[SCHEMA_DURATION] = read_duration,
		[SCHEMA_INTEGER] = read_integer,
		[SCHEMA_BOOL] = read_bool,
		[SCHEMA_WORD] = read_word,
		[SCHEMA_WORDS] = read_words,
		[SCHEMA_LIST] = read_list,
		[SCHEMA_ONE] = read_one,
		[SCHEMA_PAIRS] = read_pairs,
		[SCHEMA_SECTION] = read_in_place,
	};

	if (item->row->type == SCHEMA_SECTIONS)
		read_sections(r, item, structure);
	else if (item->row->type == SCHEMA_NAMED)
		read_named(r, item, structure);
	else
		readers[item->row->type](r, item, structure + item->row->offset);
}

/* Defaults go the way of what is written, so one that does not fit its own bounds is found. */
static void set_defaults(
	struct reader *r, const struct schema_section *section, unsigned kinds, char *target)
{
	const struct item top = { 0 };

	SCHEMA_FOREACH(row, section) {
		struct yaml_node node = { .type = YAML_TEXT, .file = "default", .line = 1, .column = 1 };
		struct item item = { &top, row->key, row, &node };

		if (row->type == SCHEMA_SECTION)
			set_defaults(r, row->section, kinds, target + row->offset);
		if (!row->initial || !schema_of_kind(row, kinds))
			continue;
		node.text = mem_strdup(row->initial);
		read_value(r, &item, target);
		free(node.text);
	}
}

/* "destinations.NAME.region" for a key that is at home elsewhere; the caller owns it, or NULL. */
static char *find_home(const struct schema_section *section, const char *above, const char *key)
{
	SCHEMA_FOREACH(row, section) {
		_cleanup_(freep) char *path = mem_printf("%s%s%s%s", above, *above ? "." : "",
			row->key, row->type == SCHEMA_NAMED ? ".NAME" : "");
		char *home;

		if (strcmp(row->key, key) == 0 && row->type != SCHEMA_LATER)
			return take(path);
		home = row->section ? find_home(row->section, path, key) : NULL;
		if (home)
			return home;
	}
	return NULL;
}

/* "acm and secretsmanager": the kinds that ${row} belongs to. */
static char *kind_list(const struct schema_section *section, const struct schema_row *row)
{
	_cleanup_(strv_freep) char **names = NULL;

	for (const struct schema_word *kind = section->kinds; kind->name; kind++)
		if (!kind->later && (row->kinds & (1u << kind->value)))
			strv_append(&names, kind->name);
	return strv_join(names, " and ");
}

static char *unknown_key(const struct schema_section *section, unsigned kinds, const char *key)
{
	_cleanup_(freep) char *shown = text_quote(key), *home = NULL, *list = NULL;
	const struct schema_row *elsewhere = schema_find(section, key, 0);
	struct text_nearest nearest = { .word = key };

	if (elsewhere) {
		list = kind_list(section, elsewhere);
		return mem_printf("key %s belongs to kind %s only; remove it", shown, list);
	}
	if (text_looks_secret(key))
		return mem_printf("unknown key %s; no secret is ever written here: use a role, a profile "
				  "or the service's environment",
			shown);
	SCHEMA_FOREACH(row, section)
		if (schema_of_kind(row, kinds) && row->type != SCHEMA_LATER)
			text_nearest_offer(&nearest, row->key);
	if (nearest.best)
		return mem_printf("unknown key %s; did you mean '%s'?", shown, nearest.best);
	home = find_home(&schema_root, "", key);
	if (home)
		return mem_printf("unknown key %s here; is '%s' meant?", shown, home);
	return mem_printf("unknown key %s; remove it, or see certferry.yaml(5) for what can stand here",
		shown);
}

static void read_key(struct reader *r, const struct item *item, const struct schema_section *section,
	unsigned kinds, char *target)
{
	const struct yaml_node *node = item->node;
	const struct schema_row *row = schema_find(section, node->key->text, kinds);
	struct item each = { item, node->key->text, row, node };
	char *wrong = NULL;

	if (!row)
		wrong = unknown_key(section, kinds, node->key->text);
	else if (row->type == SCHEMA_LATER)
		wrong = mem_printf("key '%s' is not in this version; %s", row->key, row->help);
	if (wrong) {
		complain_at(r, item, node->key, wrong);
		free(wrong);
		return;
	}
	read_value(r, &each, target);
}

/* Keys that may not stand beside each other, and those that may not be missing. */
static void check_keys(struct reader *r, const struct item *item,
	const struct schema_section *section, unsigned kinds)
{
	SCHEMA_FOREACH(row, section) {
		const struct yaml_node *here = yaml_find(item->node, row->key), *other;

		if (!schema_of_kind(row, kinds))
			continue;
		if (!here && row->required)
			complain_if(r, item, mem_printf("'%s' is missing: %s", row->key, row->help));
		other = here && row->excludes ? yaml_find(item->node, row->excludes) : NULL;
		if (other)
			complain_if(r, &(struct item){ item->above, item->key, item->row, here->key },
				mem_printf("'%s' and '%s' (line %u) exclude each other; keep one of them",
					row->key, row->excludes, other->key->line));
	}
}

unsigned config_kinds(const struct schema_section *section, const struct yaml_node *entry)
{
	const struct yaml_node *kind = yaml_find(entry, "kind");
	const struct schema_word *word;

	if (!section->kinds || !kind || kind->type != YAML_TEXT)
		return 0;
	word = schema_word(section->kinds, kind->text);
	return word && !word->later ? 1u << word->value : 0;
}

/* An entry of unknown kind is not read: what its keys should be is unknown too. */
static void complain_of_kind(struct reader *r, const struct item *item,
	const struct schema_section *section)
{
	const struct yaml_node *kind = yaml_find(item->node, "kind");
	const struct schema_row *row = schema_find(section, "kind", 0);
	_cleanup_(freep) char *list = NULL;

	if (kind) {
		struct item each = { item, "kind", row, kind };

		take_word(r, &each);
		return;
	}
	list = word_list(section->kinds);
	complain_if(r, item, mem_printf("'kind' is missing; write %s", list));
}

static void read_section(
	struct reader *r, const struct item *item, const struct schema_section *section, char *target)
{
	unsigned kinds = config_kinds(section, item->node);

	if (!is_type(r, item, YAML_MAP))
		return;
	if (section->kinds && !kinds) {
		complain_of_kind(r, item, section);
		return;
	}
	set_defaults(r, section, kinds, target);
	for (size_t i = 0; i < item->node->count; i++) {
		struct item each = *item;

		each.node = item->node->items[i];
		read_key(r, &each, section, kinds, target);
	}
	check_keys(r, item, section, kinds);
}

struct desired *config_read(const struct yaml_node *root, struct config_problems *problems)
{
	struct reader r = { .problems = problems };
	struct desired *desired = mem_new(struct desired);
	const struct item top = { .node = root };

	read_section(&r, &top, &schema_root, (char *)desired);
	format_cache_done(&r.formats);
	return desired;
}
