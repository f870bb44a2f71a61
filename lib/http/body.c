/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/body.h"

#include <openssl/crypto.h>
#include <string.h>

#include "lib/base/mem.h"

/* What an answer about one object needs. */
#define KEPT_MAX ((size_t)8192)

void body_append(struct body *body, const char *data, size_t length)
{
	size_t needed = body->length + length + 1;

	if (needed > body->capacity) {
		struct body grown = { .length = body->length,
			.capacity = MAX(needed, MAX(body->capacity * 2, (size_t)4096)) };

		grown.data = OPENSSL_malloc(grown.capacity);
		if (!grown.data)
			mem_exhausted();
		if (body->length)
			memcpy(grown.data, body->data, body->length);
		body_done(body);
		*body = grown;
	}
	memcpy(body->data + body->length, data, length);
	body->length += length;
	body->data[body->length] = '\0';
}

void body_clear(struct body *body)
{
	if (body->capacity > KEPT_MAX) {
		body_done(body);
		return;
	}
	if (body->length)
		OPENSSL_cleanse(body->data, body->length);
	body->length = 0;
}

void body_done(struct body *body)
{
	OPENSSL_clear_free(body->data, body->capacity);
	*body = (struct body){ 0 };
}
