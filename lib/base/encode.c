/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/encode.h"

#include <errno.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

void hex_encode(const void *data, size_t length, char *text)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < length; i++) {
		text[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
		text[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
	}
	text[2 * length] = '\0';
}

int hex_decode(const char *text, void *data, size_t length)
{
	unsigned char *bytes = data;

	if (strlen(text) != 2 * length)
		return -EINVAL;
	for (size_t i = 0; i < 2 * length; i++)
		if (hex_digit(text[i]) < 0)
			return -EINVAL;
	for (size_t i = 0; i < length; i++)
		bytes[i] = (unsigned char)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
	return 0;
}

static const uint8_t uuid_groups[] = { 4, 2, 2, 2, 6 };

int uuid_parse(const char *text, unsigned char uuid[static 16])
{
	for (size_t group = 0; group < ARRAY_SIZE(uuid_groups); group++) {
		if (group && *text++ != '-')
			return -EINVAL;
		for (size_t i = 0; i < uuid_groups[group]; i++, text += 2) {
			int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);

			/* Another case would not be the same text when it is written again. */
			if (low < 0 || (text[0] >= 'A' && text[0] <= 'F') || (text[1] >= 'A' && text[1] <= 'F'))
				return -EINVAL;
			*uuid++ = (unsigned char)(high << 4 | low);
		}
	}
	return *text ? -EINVAL : 0;
}

void uuid_format(const unsigned char uuid[static 16], char text[static UUID_LENGTH + 1])
{
	for (size_t group = 0; group < ARRAY_SIZE(uuid_groups); group++) {
		if (group)
			*text++ = '-';
		hex_encode(uuid, uuid_groups[group], text);
		uuid += uuid_groups[group];
		text += 2 * (size_t)uuid_groups[group];
	}
}

size_t base64_length(size_t length)
{
	return (length + 2) / 3 * 4;
}

void base64_encode(const void *data, size_t length, char *text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *bytes = data;

	for (size_t i = 0; i < length; i += 3) {
		size_t left = length - i;
		uint32_t group = (uint32_t)bytes[i] << 16;

		if (left > 1)
			group |= (uint32_t)bytes[i + 1] << 8;
		if (left > 2)
			group |= bytes[i + 2];
		*text++ = digits[group >> 18 & 63];
		*text++ = digits[group >> 12 & 63];
		*text++ = left > 1 ? digits[group >> 6 & 63] : '=';
		*text++ = left > 2 ? digits[group & 63] : '=';
	}
	*text = '\0';
}

char *percent_encode(const char *text)
{
	struct buf encoded = BUF_NULL;

	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if ((*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
			strchr("-._~", *c))
			buf_append_char(&encoded, (char)*c);
		else
			buf_printf(&encoded, "%%%02X", *c);
	}
	return buf_take(&encoded);
}
