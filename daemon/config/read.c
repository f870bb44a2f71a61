/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config/read.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/config/text.h"
#include "daemon/config/value.h"
#include "lib/base/buf.h"
#include "lib/base/strv.h"

static void read_section(struct reader *r, const struct item *item,
	const struct schema_section *section, char *target);

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

	if (!value_is_list(r, item))
		return;
	array = new_array(item, structure, item->node->count);
	for (size_t i = 0; i < item->node->count; i++) {
		struct item each = { item->above, item->key, item->row, item->node->items[i] };

		read_section(r, &each, section, array + i * section->size);
	}
}

/* One that stands alone is a list of one. */
static void read_some(struct reader *r, const struct item *item, char *structure)
{
	if (item->node->type == YAML_LIST)
		read_sections(r, item, structure);
	else if (value_is_type(r, item, YAML_MAP))
		read_section(r, item, item->row->section, new_array(item, structure, 1));
}

static void read_named(struct reader *r, const struct item *item, char *structure)
{
	const struct schema_section *section = item->row->section;
	char *array;

	if (!value_is_type(r, item, YAML_MAP))
		return;
	array = new_array(item, structure, item->node->count);
	for (size_t i = 0; i < item->node->count; i++) {
		const struct yaml_node *node = item->node->items[i];
		struct item name = { item->above, item->key, item->row, node->key };
		struct item each = { item, node->key->text, item->row, node };
		char *entry = array + i * section->size;

		value_complain_if(
			r, &name, format_check(&r->formats, FORMAT_NAME, 0, node->key->text));
		*(char **)entry = mem_strdup(node->key->text);
		read_section(r, &each, section, entry);
	}
}

static void read_value(struct reader *r, const struct item *item, char *structure)
{
	if (item->row->type == SCHEMA_SECTIONS)
		read_sections(r, item, structure);
	else if (item->row->type == SCHEMA_SOME)
		read_some(r, item, structure);
	else if (item->row->type == SCHEMA_NAMED)
		read_named(r, item, structure);
	else if (item->row->type == SCHEMA_SECTION)
		read_section(r, item, item->row->section, structure + item->row->offset);
	else
		value_read(r, item, structure + item->row->offset);
}

/* Defaults go the way of what is written, so one that does not fit its own bounds is found. */
static void set_defaults(
	struct reader *r, const struct schema_section *section, unsigned kinds, char *target)
{
	const struct item top = { 0 };

	SCHEMA_FOREACH(row, section)
	{
		struct yaml_node node = {
			.type = YAML_TEXT, .file = "default", .line = 1, .column = 1
		};
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
	SCHEMA_FOREACH(row, section)
	{
		_cleanup_(freep) char *path = mem_printf("%s%s%s%s", above, *above ? "." : "",
			row->key, row->type == SCHEMA_NAMED ? ".NAME" : "");
		char *home;

		if (strcmp(row->key, key) == 0)
			return take(path);
		home = row->section ? find_home(row->section, path, key) : NULL;
		if (home)
			return home;
	}
	return NULL;
}

/* "acm, secretsmanager and vault": the kinds that ${key} belongs to. */
static char *kind_list(const struct schema_section *section, const char *key)
{
	const char *last = NULL;
	struct buf list = BUF_NULL;

	for (const struct schema_word *kind = section->kinds; kind->name; kind++) {
		if (kind->later || !schema_find(section, key, 1u << kind->value))
			continue;
		if (last)
			buf_printf(&list, "%s%s", list.length ? ", " : "", last);
		last = kind->name;
	}
	if (last)
		buf_printf(&list, "%s%s", list.length ? " and " : "", last);
	return buf_take(&list);
}

/* A section of so few keys is shown whole to who knows none of them. */
#define FEW_KEYS 4

/* "'a', 'b'", or NULL where that would be a long list. */
static char *few_keys(const struct schema_section *section, unsigned kinds)
{
	_cleanup_(strv_freep) char **keys = NULL;

	SCHEMA_FOREACH(row, section)
	if (schema_of_kind(row, kinds)) {
		_cleanup_(freep) char *key = text_quote(row->key);

		strv_append(&keys, key);
	}
	return strv_length(keys) <= FEW_KEYS ? strv_join(keys, ", ") : NULL;
}

static char *unknown_key(const struct schema_section *section, unsigned kinds, const char *key)
{
	_cleanup_(freep) char *shown = text_quote(key), *home = NULL, *list = NULL, *few = NULL;
	struct text_nearest nearest = { .word = key };

	if (schema_find(section, key, 0)) {
		list = kind_list(section, key);
		return mem_printf("key %s belongs to kind %s only; remove it", shown, list);
	}
	if (text_is_secret(key))
		return mem_strdup(
			"this key looks like a secret (not shown); remove it");
	SCHEMA_FOREACH(row, section)
	if (schema_of_kind(row, kinds))
		text_nearest_offer(&nearest, row->key);
	if (nearest.best)
		return mem_printf("unknown key %s; did you mean '%s'?", shown, nearest.best);
	if (text_names_secret(key))
		return mem_printf(
			"unknown key %s; never write a secret here: use a role, a profile "
			"or the service's environment",
			shown);
	home = find_home(&schema_root, "", key);
	if (home)
		return mem_printf("unknown key %s here; did you mean '%s'?", shown, home);
	few = few_keys(section, kinds);
	if (few)
		return mem_printf("unknown key %s; expected %s", shown, few);
	return mem_printf(
		"unknown key %s; remove it, or see certferry.yaml(5) for the keys",
		shown);
}

static void read_key(struct reader *r, const struct item *item,
	const struct schema_section *section, unsigned kinds, char *target)
{
	const struct yaml_node *node = item->node;
	const struct schema_row *row = schema_find(section, node->key->text, kinds);
	struct item each = { item, node->key->text, row, node };
	char *wrong = NULL;

	if (!row)
		wrong = unknown_key(section, kinds, node->key->text);
	if (wrong) {
		value_complain_at(r, item, node->key, wrong);
		free(wrong);
		return;
	}
	read_value(r, &each, target);
}

static void complain_of_two(struct reader *r, const struct item *item, const struct schema_row *row,
	const struct yaml_node *here, const struct yaml_node *other)
{
	const struct item at = { item->above, item->key, row, here };
	bool same_file = strcmp(here->file, other->file) == 0;

	value_complain_if(r, &at,
		mem_printf("'%s' and '%s' (%s%s%u) are mutually exclusive; remove one", row->key,
			row->excludes, same_file ? "line" : other->file, same_file ? " " : ":",
			other->line));
}

/* Keys that may not stand beside each other, and those that may not be missing. */
static void check_keys(struct reader *r, const struct item *item,
	const struct schema_section *section, unsigned kinds)
{
	SCHEMA_FOREACH(row, section)
	{
		const struct yaml_node *here = yaml_find(item->node, row->key), *other;

		if (!schema_of_kind(row, kinds))
			continue;
		if (!here && row->required)
			value_complain_if(
				r, item, mem_printf("'%s' is missing: %s", row->key, row->help));
		other = here && row->excludes ? yaml_find(item->node, row->excludes) : NULL;
		if (other)
			complain_of_two(r, item, row, here->key, other->key);
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
static void complain_of_kind(
	struct reader *r, const struct item *item, const struct schema_section *section)
{
	const struct yaml_node *kind = yaml_find(item->node, "kind");
	const struct schema_row *row = schema_find(section, "kind", 0);
	_cleanup_(freep) char *list = NULL;

	if (kind) {
		struct item each = { item, "kind", row, kind };

		value_take_word(r, &each);
		return;
	}
	list = value_word_list(section->kinds);
	value_complain_if(r, item, mem_printf("'kind' is missing; write %s", list));
}

static void read_section(struct reader *r, const struct item *item,
	const struct schema_section *section, char *target)
{
	unsigned kinds = config_kinds(section, item->node);

	if (!value_is_type(r, item, YAML_MAP))
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
