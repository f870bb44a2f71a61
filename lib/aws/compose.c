/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/aws/compose.h"

#include <assert.h>
#include <string.h>

#include "lib/base/encode.h"
#include "lib/pki/secret.h"

int compose(compose_fn members, const void *data, struct secret **ret_body, struct error *err)
{
	struct compose c = { .room = strlen("{}") };
	int r;

	members(&c, data);
	r = secret_new(c.room, &c.secret, err);
	if (r < 0)
		return r;
	c.follows = false;
	secret_append_string(c.secret, "{");
	members(&c, data);
	secret_append_string(c.secret, "}");
	assert(secret_length(c.secret) == c.room);
	*ret_body = c.secret;
	return 0;
}

static void raw(struct compose *c, const char *text)
{
	if (c->secret)
		secret_append_string(c->secret, text);
	else
		c->room += strlen(text);
}

/* What secret_append_json() will make of it. */
static size_t escaped_length(const char *text, size_t length)
{
	size_t sum = 0;

	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)text[i];

		if (byte && strchr("\"\\\b\f\n\r\t", byte))
			sum += strlen("\\n");
		else
			sum += byte < 0x20 ? strlen("\\u0000") : 1;
	}
	return sum;
}

static void quoted(struct compose *c, const char *text, size_t length)
{
	raw(c, "\"");
	if (c->secret)
		secret_append_json(c->secret, text, length);
	else
		c->room += escaped_length(text, length);
	raw(c, "\"");
}

static void name_member(struct compose *c, const char *name)
{
	raw(c, c->follows ? ",\"" : "\"");
	raw(c, name);
	raw(c, "\":");
	c->follows = true;
}

void compose_text(struct compose *c, const char *name, const char *text, size_t length)
{
	name_member(c, name);
	quoted(c, text, length);
}

void compose_string(struct compose *c, const char *name, const char *text)
{
	if (text)
		compose_text(c, name, text, strlen(text));
}

void compose_blob(struct compose *c, const char *name, const void *data, size_t length)
{
	name_member(c, name);
	raw(c, "\"");
	if (c->secret)
		secret_append_base64(c->secret, data, length);
	else
		c->room += base64_length(length);
	raw(c, "\"");
}

static void tag_object(struct compose *c, const char *tag)
{
	const char *end = strchrnul(tag, '='), *value = *end ? end + 1 : end;

	raw(c, "{\"Key\":");
	quoted(c, tag, (size_t)(end - tag));
	raw(c, ",\"Value\":");
	quoted(c, value, strlen(value));
	raw(c, "}");
}

void compose_tags(struct compose *c, const char *name, char *const *tags)
{
	if (!tags || !*tags)
		return;
	name_member(c, name);
	for (char *const *tag = tags; *tag; tag++) {
		raw(c, tag == tags ? "[" : ",");
		tag_object(c, *tag);
	}
	raw(c, "]");
}
