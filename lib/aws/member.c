/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/aws/member.h"

#include <string.h>

#include "lib/base/strv.h"

const char *member_string(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text && *text ? text : NULL;
}

int member_need(const json_t *object, const char *name, const char **ret_text, struct error *err)
{
	const char *text = member_string(object, name);

	if (!text)
		return error_set(err, ERROR_RETRY, 0, "answer without %s", name);
	*ret_text = text;
	return 0;
}

int member_list(const json_t *object, const char *name, const json_t **ret_list, struct error *err)
{
	const json_t *list = json_object_get(object, name);

	if (!json_is_array(list))
		return error_set(err, ERROR_RETRY, 0, "answer without %s", name);
	*ret_list = list;
	return 0;
}

bool member_true(const json_t *object, const char *name)
{
	return json_is_true(json_object_get(object, name));
}

bool member_is(const json_t *object, const char *name, const char *value)
{
	const char *text = member_string(object, name);

	return text && strcmp(text, value) == 0;
}

/* Doubles are exact to the microsecond until the year 2255. */
usec_t time_of_seconds(double seconds)
{
	if (!(seconds > 0 && seconds < 1e12))
		return 0;
	return (usec_t)(seconds * (double)USEC_PER_SEC + 0.5);
}

usec_t member_time(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	usec_t time = 0;

	if (json_is_number(value))
		return time_of_seconds(json_number_value(value));
	if (json_is_string(value) && time_parse_iso(json_string_value(value), &time) < 0)
		return 0;
	return time;
}

void text_lower(char *text)
{
	for (; *text; text++)
		if (*text >= 'A' && *text <= 'Z')
			*text = (char)(*text - 'A' + 'a');
}

char *member_copy(const json_t *object, const char *name)
{
	return mem_strdup(member_string(object, name));
}

char *member_lower(const json_t *object, const char *name)
{
	char *text = member_copy(object, name);

	if (text)
		text_lower(text);
	return text;
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
