/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config/config.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config/schema.h"

/*
 * The rows of the schema in the words of JSON Schema, for editors and for review without the
 * daemon.  What keys mean to each other (rules.h) is the daemon's alone, and what the daemon takes,
 * quoted or not, is never refused here.
 */

static json_t *section_schema(const struct schema_section *section, unsigned kinds);

static void set(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) < 0)
		mem_exhausted();
}

static void append(json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) < 0)
		mem_exhausted();
}

static bool takes(struct format_cache *cache, enum format format, const char *text)
{
	_cleanup_(freep) char *wrong = format_check(cache, format, 0, text);

	return !wrong;
}

/* Other readers of YAML see a number or a boolean where certferryd takes the text that is there;
 * "pattern" and the lengths do not apply to them. */
static void add_other_types(json_t *schema, enum format format)
{
	struct format_cache cache = { 0 };
	json_t *types = json_pack("[s]", "string");

	if (takes(&cache, format, "1.5")) {
		append(types, json_string("number"));
	} else if (takes(&cache, format, "222222222222")) {
		append(types, json_string("integer"));
		set(schema, "maximum", json_integer(999999999999)); /* an account; zeros in front are lost */
	}
	if (takes(&cache, format, "true"))
		append(types, json_string("boolean"));
	if (json_array_size(types) > 1)
		set(schema, "type", json_incref(types));
	json_decref(types);
	format_cache_done(&cache);
}

/* The keys of a map are texts to everybody. */
static json_t *name_schema(enum format format)
{
	const struct format_description *description = format_describe(format);
	json_t *schema = json_pack("{s:s}", "type", "string");

	if (description->pattern)
		set(schema, "pattern", json_string(description->pattern));
	if (description->min)
		set(schema, "minLength", json_integer(description->min));
	set(schema, "maxLength", json_integer(description->max));
	return schema;
}

static json_t *text_schema(enum format format)
{
	json_t *schema = name_schema(format);

	add_other_types(schema, format);
	return schema;
}

/* `adopt: true` is a boolean to other readers of YAML, and "true" is not. */
static json_t *word_schema(const struct schema_word *words, unsigned kinds)
{
	json_t *list = json_array();

	for (; words->name; words++) {
		if (words->later || (kinds && !(kinds & (1u << words->value))))
			continue;
		append(list, json_string(words->name));
		if (strcmp(words->name, "true") == 0)
			append(list, json_true());
	}
	return json_pack("{s:o}", "enum", list);
}

static json_t *list_schema(const struct schema_row *row, json_t *each)
{
	json_t *schema = json_pack(
		"{s:s, s:o, s:i}", "type", "array", "items", each, "minItems", 1);

	if (row->max)
		set(schema, "maxItems", json_integer((json_int_t)row->max));
	if (row->type == SCHEMA_LIST)
		set(schema, "uniqueItems", json_true());
	return schema;
}

/* Nothing is a value where it may be empty. */
static json_t *pairs_schema(const struct schema_row *row)
{
	json_t *value = text_schema(row->format);

	if (!format_describe(row->format)->min)
		append(json_object_get(value, "type"), json_string("null"));
	return json_pack("{s:s, s:i, s:I, s:o, s:o}", "type", "object", "minProperties", 1,
		"maxProperties", (json_int_t)row->max, "propertyNames",
		name_schema(row->key_format), "additionalProperties", value);
}

static json_t *kinds_schema(const struct schema_section *section)
{
	json_t *list = json_array();

	if (!section->kinds) {
		json_decref(list);
		return section_schema(section, 0);
	}
	for (const struct schema_word *kind = section->kinds; kind->name; kind++)
		if (!kind->later)
			append(list, section_schema(section, 1u << kind->value));
	return json_pack("{s:o}", "oneOf", list);
}

static json_t *named_schema(const struct schema_row *row)
{
	return json_pack("{s:s, s:o, s:o}", "type", "object", "propertyNames",
		name_schema(FORMAT_NAME), "additionalProperties", kinds_schema(row->section));
}

/* A rate in thousandths, without decimals where it has none. */
static json_t *rate_value(uint64_t thousandths)
{
	return thousandths % 1000 ? json_real((double)thousandths / 1000)
				  : json_integer((json_int_t)(thousandths / 1000));
}

static json_t *value_schema(const struct schema_row *row, unsigned kinds)
{
	switch (row->type) {
	case SCHEMA_TEXT:
	case SCHEMA_ONE:
		return text_schema(row->format);
	case SCHEMA_DURATION:
		return json_pack("{s:s, s:s}", "type", "string", "pattern", "^[0-9]{1,9}[smhd]$");
	case SCHEMA_INTEGER:
		return json_pack("{s:[s,s], s:I, s:I, s:s}", "type", "integer", "string", "minimum",
			(json_int_t)row->min, "maximum", (json_int_t)row->max, "pattern",
			"^[0-9]{1,9}$");
	case SCHEMA_RATE:
		return json_pack("{s:[s,s], s:o, s:o, s:s}", "type", "number", "string", "minimum",
			rate_value(row->min), "maximum", rate_value(row->max), "pattern",
			"^[0-9]{1,9}(\\.[0-9]{1,3})?$");
	case SCHEMA_BOOL:
		return json_pack("{s:[b,b,s,s]}", "enum", 1, 0, "true", "false");
	case SCHEMA_WORD:
		return word_schema(row->words, strcmp(row->key, "kind") == 0 ? kinds : 0);
	case SCHEMA_WORDS:
		return list_schema(row, word_schema(row->words, 0));
	case SCHEMA_LIST:
		return list_schema(row, text_schema(row->format));
	case SCHEMA_PAIRS:
		return pairs_schema(row);
	case SCHEMA_SECTION:
		return section_schema(row->section, kinds);
	case SCHEMA_SECTIONS:
		return list_schema(row, section_schema(row->section, 0));
	case SCHEMA_SOME:
		return json_pack("{s:[o,o]}", "oneOf", section_schema(row->section, 0),
			list_schema(row, section_schema(row->section, 0)));
	case SCHEMA_NAMED:
		return named_schema(row);
	}
	return NULL;
}

static json_t *initial_value(const struct schema_row *row)
{
	switch (row->type) {
	case SCHEMA_BOOL:
		return json_boolean(strcmp(row->initial, "true") == 0);
	case SCHEMA_INTEGER:
		return json_integer(strtol(row->initial, NULL, 10));
	case SCHEMA_RATE:
		return rate_value((uint64_t)(strtod(row->initial, NULL) * 1000));
	default:
		return json_string(row->initial);
	}
}

static json_t *excluded_pair(const struct schema_row *row)
{
	return json_pack("{s:{s:[s,s]}}", "not", "required", row->key, row->excludes);
}

static json_t *section_schema(const struct schema_section *section, unsigned kinds)
{
	json_t *properties = json_object(), *required = json_array(), *excluded = json_array();
	json_t *schema = json_pack("{s:s, s:b, s:o}", "type", "object", "additionalProperties", 0,
		"properties", properties);

	SCHEMA_FOREACH(row, section)
	{
		json_t *value;

		if (!schema_of_kind(row, kinds))
			continue;
		value = value_schema(row, kinds);
		set(value, "description", json_string(row->help));
		if (row->initial)
			set(value, "default", initial_value(row));
		set(properties, row->key, value);
		if (row->required)
			append(required, json_string(row->key));
		if (row->excludes)
			append(excluded, excluded_pair(row));
	}
	if (json_array_size(required))
		set(schema, "required", json_incref(required));
	if (json_array_size(excluded))
		set(schema, "allOf", json_incref(excluded));
	json_decref(required);
	json_decref(excluded);
	return schema;
}

/* A section at the top can be spread over the files of conf.d: none of them must have all of it. */
static void spread_sections(json_t *properties)
{
	SCHEMA_FOREACH(row, &schema_root)
		if (row->type == SCHEMA_SECTION)
			(void)json_object_del(json_object_get(properties, row->key), "required");
}

int config_schema_json(FILE *stream)
{
	json_t *schema = json_pack("{s:s, s:s}", "$schema",
		"https://json-schema.org/draft/2020-12/schema", "title", "certferry.yaml");
	json_t *root = section_schema(&schema_root, 0);
	int r;

	if (json_object_update(schema, root) < 0)
		mem_exhausted();
	json_decref(root);
	spread_sections(json_object_get(schema, "properties"));
	/* A file of conf.d can be empty. */
	set(schema, "type", json_pack("[s,s]", "object", "null"));
	r = json_dumpf(schema, stream, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
	json_decref(schema);
	if (r < 0 || fputc('\n', stream) == EOF || fflush(stream) == EOF)
		return -EIO;
	return 0;
}
