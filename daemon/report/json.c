/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/report/json.h"

#include <stdlib.h>

#include "daemon/report/report.h"
#include "lib/base/buf.h"
#include "lib/base/strv.h"

json_t *json_begin(int exit_status)
{
	json_t *object = json_object();

	json_put(object, "format", json_integer(REPORT_FORMAT));
	json_put(object, "exit", json_integer(exit_status));
	return object;
}

void json_put(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) < 0)
		mem_exhausted();
}

void json_add(json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) < 0)
		mem_exhausted();
}

json_t *json_text(const char *text)
{
	_cleanup_(freep) char *ascii = NULL;
	json_t *value;

	if (!text || !*text)
		return json_null();
	value = json_string(text);
	if (value)
		return value;
	ascii = mem_strdup(text);
	for (char *c = ascii; *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	return json_string(ascii);
}

json_t *json_texts(char *const *list)
{
	json_t *array = json_array();

	STRV_FOREACH(item, list)
	json_add(array, json_text(*item));
	return array;
}

json_t *json_time(usec_t time)
{
	char text[TIME_TEXT_SIZE];

	if (!time || time == USEC_INFINITY)
		return json_null();
	return json_string(time_format(time, text));
}

json_t *json_version(const struct version *version)
{
	char text[FINGERPRINT_TEXT_SIZE];
	json_t *object;

	if (!fingerprint_is_set(&version->fingerprint) && !version->not_after)
		return json_null();
	object = json_object();
	json_put(object, "fingerprint",
		fingerprint_is_set(&version->fingerprint)
			? json_string(fingerprint_format(&version->fingerprint, text))
			: json_null());
	json_put(object, "not_before", json_time(version->not_before));
	json_put(object, "not_after", json_time(version->not_after));
	return object;
}

static int append(const char *data, size_t length, void *userdata)
{
	buf_append(userdata, data, length);
	return 0;
}

char *json_finish(json_t *object)
{
	struct buf text = BUF_NULL;

	if (json_dump_callback(object, append, &text, JSON_INDENT(2)) < 0)
		mem_exhausted();
	json_decref(object);
	return buf_take(&text);
}
