/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/aws/member.h"

#include <string.h>

#include "lib/base/strv.h"

static bool is_text(const json_t *value)
{
	return !value || json_is_null(value) || json_is_string(value);
}

static bool is_tag(const json_t *value)
{
	return json_string_length(json_object_get(value, "Key")) > 0 &&
	       is_text(json_object_get(value, "Value"));
}

static bool is_time(const json_t *value)
{
	usec_t time;

	if (json_is_string(value))
		return time_parse_iso(json_string_value(value), &time) == 0;
	return json_is_number(value) && json_number_value(value) < MEMBER_TIME_END &&
	       json_number_value(value) > -MEMBER_TIME_END;
}

static bool is_string(const json_t *value)
{
	return json_is_string(value);
}

static bool is_object(const json_t *value)
{
	return json_is_object(value);
}

static bool is_list_of(const json_t *list, bool (*is_item)(const json_t *value))
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item) if (!is_item(item)) return false;
	return json_is_array(list);
}

static bool is_stages(const json_t *value)
{
	const char *key;
	json_t *list;

	json_object_foreach((json_t *)value, key, list) if (!is_list_of(list, is_string)) return false;
	return json_is_object(value);
}

static bool is_of(const json_t *value, enum member_type type)
{
	switch (type) {
	case MEMBER_STRING:
		return json_is_string(value);
	case MEMBER_BOOLEAN:
		return json_is_boolean(value);
	case MEMBER_TIME:
		return is_time(value);
	case MEMBER_OBJECT:
		return json_is_object(value);
	case MEMBER_OBJECTS:
		return is_list_of(value, is_object);
	case MEMBER_STRINGS:
		return is_list_of(value, is_string);
	case MEMBER_STAGES:
		return is_stages(value);
	case MEMBER_TAGS:
		return is_list_of(value, is_tag);
	}
	return false;
}

static const char *const type_names[] = {
	[MEMBER_STRING] = "no string",
	[MEMBER_BOOLEAN] = "not a boolean (true or false)",
	[MEMBER_TIME] = "no time",
	[MEMBER_OBJECT] = "no object",
	[MEMBER_OBJECTS] = "no list of objects",
	[MEMBER_STRINGS] = "no list of strings",
	[MEMBER_STAGES] = "no object of lists of strings",
	[MEMBER_TAGS] = "no list of tags",
};

int member_check(const json_t *object, const struct member *members, struct error *err)
{
	if (!json_is_object(object))
		return error_set(err, ERROR_RETRY, 0, "response with something else than objects");
	for (; members->name; members++) {
		const json_t *value = json_object_get(object, members->name);

		if (value && !json_is_null(value) && !is_of(value, members->type))
			return error_set(err, ERROR_RETRY, 0, "response whose %s is %s",
				members->name, type_names[members->type]);
	}
	return 0;
}

const char *member_string(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text && *text ? text : NULL;
}

int member_need(const json_t *object, const char *name, const char **ret_text, struct error *err)
{
	const char *text = member_string(object, name);

	if (!text)
		return error_set(err, ERROR_RETRY, 0, "response without %s", name);
	*ret_text = text;
	return 0;
}

bool member_true(const json_t *object, const char *name)
{
	return json_is_true(json_object_get(object, name));
}

/* Doubles are exact to the microsecond until the year 2255. */
usec_t time_of_seconds(double seconds)
{
	if (!(seconds > 0 && seconds < MEMBER_TIME_END))
		return 0;
	return (usec_t)(seconds * (double)USEC_PER_SEC + 0.5);
}

void text_lower(char *text)
{
	for (; *text; text++)
		if (*text >= 'A' && *text <= 'Z')
			*text = (char)(*text - 'A' + 'a');
}

char **member_strings(const json_t *object, const char *name)
{
	const json_t *list = json_object_get(object, name);
	char **strings = NULL;
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item) if (json_is_string(item))
		strv_append(&strings, json_string_value(item));
	return strings;
}

char **member_tags(const json_t *object, const char *name)
{
	const json_t *list = json_object_get(object, name);
	char **tags = NULL;
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		const char *key = member_string(item, "Key"), *value = member_string(item, "Value");
		_cleanup_(freep) char *tag = NULL;

		if (!key)
			continue;
		tag = mem_printf("%s=%s", key, value ? value : "");
		strv_append(&tags, tag);
	}
	return tags;
}

json_t *member_tag_list(char *const *tags)
{
	json_t *list = json_array();

	STRV_FOREACH (tag, tags) {
		const char *end = strchrnul(*tag, '='), *value = *end ? end + 1 : end;

		/* A pair that is no UTF-8 is NULL here. */
		if (json_array_append_new(list, json_pack("{s:s%, s:s}", "Key", *tag,
							(size_t)(end - *tag), "Value", value)) <
			0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}
