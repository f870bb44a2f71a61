/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config/value.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/config/text.h"
#include "lib/base/buf.h"
#include "lib/base/strv.h"

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

void value_complain_at(
	struct reader *r, const struct item *item, const struct yaml_node *node, const char *text)
{
	_cleanup_(buf_done) struct buf path = BUF_NULL;

	append_path(&path, item);
	problem_add(r->problems, node, "%s%s%s", path.data, path.length ? ": " : "", text);
}

void value_complain(struct reader *r, const struct item *item, const char *text)
{
	value_complain_at(r, item, item->node, text);
}

bool value_complain_if(struct reader *r, const struct item *item, char *wrong)
{
	if (!wrong)
		return false;
	value_complain(r, item, wrong);
	free(wrong);
	return true;
}

bool value_is_type(struct reader *r, const struct item *item, enum yaml_type type)
{
	static const char *const wanted[] = {
		[YAML_TEXT] = "expected a single value, not a list or a map of keys",
		[YAML_LIST] = "expected a list; write [A, B] or a '- A' line for each",
		[YAML_MAP] = "expected a map of keys; write 'KEY: VALUE' lines, indented",
	};

	if (item->node->type == YAML_REFUSED)
		return false;
	if (yaml_is_null(item->node))
		value_complain(r, item, "has no value; give it one or remove the line");
	else if (item->node->type != type)
		value_complain(r, item, wanted[type]);
	else
		return true;
	return false;
}

/* The checked, normal form of one text, which the caller owns; NULL if a problem was noted. */
static char *take_text(struct reader *r, const struct item *item, enum format format)
{
	if (!value_is_type(r, item, YAML_TEXT))
		return NULL;
	if (value_complain_if(r, item,
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

	if (!value_is_type(r, item, YAML_TEXT) ||
		value_complain_if(r, item, format_duration(item->node->text, &value)))
		return;
	if (value >= item->row->min && value <= item->row->max) {
		*(usec_t *)target = value;
		return;
	}
	shown = text_quote(item->node->text);
	min = duration_format(item->row->min);
	max = duration_format(item->row->max);
	value_complain_if(r, item,
		mem_printf("%s is too %s; write %s to %s", shown,
			value < item->row->min ? "short" : "long", min, max));
}

static void read_integer(struct reader *r, const struct item *item, char *target)
{
	unsigned value;

	if (!value_is_type(r, item, YAML_TEXT) ||
		value_complain_if(r, item, format_integer(item->node->text, &value)))
		return;
	if (value >= item->row->min && value <= item->row->max)
		*(unsigned *)target = value;
	else
		value_complain_if(r, item,
			mem_printf("%u is out of range; use %llu to %llu", value,
				(unsigned long long)item->row->min,
				(unsigned long long)item->row->max));
}

static void read_rate(struct reader *r, const struct item *item, char *target)
{
	uint64_t value;

	if (!value_is_type(r, item, YAML_TEXT) ||
		value_complain_if(r, item, format_rate(item->node->text, &value)))
		return;
	if (value >= item->row->min && value <= item->row->max)
		*(double *)target = (double)value / 1000;
	else
		value_complain_if(r, item,
			mem_printf("%g is out of range; use %g to %g", (double)value / 1000,
				(double)item->row->min / 1000, (double)item->row->max / 1000));
}

static void read_bool(struct reader *r, const struct item *item, char *target)
{
	_cleanup_(freep) char *shown = NULL;
	const char *text;

	if (!value_is_type(r, item, YAML_TEXT))
		return;
	text = item->node->text;
	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
		*(bool *)target = text[0] == 't';
		return;
	}
	shown = text_quote(text);
	value_complain_if(r, item, mem_printf("invalid boolean %s; use true or false", shown));
}

char *value_word_list(const struct schema_word *words)
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

const struct schema_word *value_take_word(struct reader *r, const struct item *item)
{
	_cleanup_(freep) char *shown = NULL, *list = NULL;
	const struct schema_word *word;
	struct text_nearest nearest = { 0 };

	if (!value_is_type(r, item, YAML_TEXT))
		return NULL;
	word = schema_word(item->row->words, item->node->text);
	if (word && !word->later)
		return word;
	shown = text_quote(item->node->text);
	list = value_word_list(item->row->words);
	nearest.word = item->node->text;
	for (const struct schema_word *other = item->row->words; other->name; other++)
		text_nearest_offer(&nearest, other->name);
	if (word)
		value_complain_if(
			r, item, mem_printf("%s is not supported; %s", shown, word->later));
	else if (nearest.best)
		value_complain_if(r, item,
			mem_printf("%s is unknown; did you mean '%s'? It can be %s", shown,
				nearest.best, list));
	else
		value_complain_if(r, item, mem_printf("%s is unknown; write %s", shown, list));
	return NULL;
}

static void read_word(struct reader *r, const struct item *item, char *target)
{
	const struct schema_word *word = value_take_word(r, item);

	if (word)
		memcpy(target, &word->value,
			sizeof(word->value)); /* enums are as wide as unsigned */
}

bool value_is_list(struct reader *r, const struct item *item)
{
	if (!value_is_type(r, item, YAML_LIST))
		return false;
	if (!item->node->count)
		value_complain(r, item, "the list is empty; fill it or remove the line");
	else if (item->row->max && item->node->count > item->row->max)
		value_complain_if(r, item,
			mem_printf("too many entries (%zu); the maximum is %llu",
				item->node->count, (unsigned long long)item->row->max));
	else
		return true;
	return false;
}

static void read_words(struct reader *r, const struct item *item, char *target)
{
	if (!value_is_list(r, item))
		return;
	for (size_t i = 0; i < item->node->count; i++) {
		struct item each = { item->above, item->key, item->row, item->node->items[i] };
		const struct schema_word *word = value_take_word(r, &each);

		if (word)
			*(unsigned *)target |= word->value;
	}
}

static void read_list(struct reader *r, const struct item *item, char *target)
{
	char ***list = (char ***)target;

	if (!value_is_list(r, item))
		return;
	for (size_t i = 0; i < item->node->count; i++) {
		struct item each = { item->above, item->key, item->row, item->node->items[i] };
		_cleanup_(freep) char *text = take_text(r, &each, item->row->format);
		_cleanup_(freep) char *shown = NULL;

		if (!text)
			continue;
		shown = text_quote(text);
		if (strv_has(*list, text))
			value_complain_if(r, &each,
				mem_printf("%s is in this list twice; remove one", shown));
		else
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
	if (yaml_is_null(item->node) && !*item->node->text &&
		!format_describe(item->row->format)->min)
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
	if (!value_is_type(r, item, YAML_MAP))
		return;
	if (!item->node->count)
		value_complain(r, item, "the map is empty; fill it or remove the line");
	else if (item->node->count > item->row->max)
		value_complain_if(r, item,
			mem_printf("too many entries (%zu); the maximum is %llu",
				item->node->count, (unsigned long long)item->row->max));
	else
		for (size_t i = 0; i < item->node->count; i++) {
			struct item each = { item->above, item->key, item->row,
				item->node->items[i] };

			read_pair(r, &each, (char ***)target);
		}
}

void value_read(struct reader *r, const struct item *item, char *target)
{
	static void (*const readers[])(struct reader *, const struct item *, char *) = {
		[SCHEMA_TEXT] = read_text,
		[SCHEMA_DURATION] = read_duration,
		[SCHEMA_INTEGER] = read_integer,
		[SCHEMA_RATE] = read_rate,
		[SCHEMA_BOOL] = read_bool,
		[SCHEMA_WORD] = read_word,
		[SCHEMA_WORDS] = read_words,
		[SCHEMA_LIST] = read_list,
		[SCHEMA_ONE] = read_one,
		[SCHEMA_PAIRS] = read_pairs,
	};

	readers[item->row->type](r, item, target);
}
