/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/printable.h"

#include <string.h>

/* The ranges of RFC 3629: what the first byte leaves to the second. */
static const struct {
	unsigned char first, last; /* first byte */
	unsigned char low, high; /* second byte */
	unsigned char length;
} forms[] = {
	{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
	{ 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 },
	{ 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

static size_t character_length(const unsigned char *text)
{
	if (text[0] < 0x80)
		return 1;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		size_t length = 2;

		if (text[0] < forms[i].first || text[0] > forms[i].last)
			continue;
		if (text[1] < forms[i].low || text[1] > forms[i].high)
			return 0;
		while (length < forms[i].length && text[length] >= 0x80 && text[length] <= 0xbf)
			length++;
		return length == forms[i].length ? length : 0;
	}
	return 0;
}

/* How many bytes a control character has; 0: it is none. */
static size_t control_length(const unsigned char *text)
{
	if (text[0] < 0x20 || text[0] == 0x7f)
		return 1;
	return text[0] == 0xc2 && text[1] >= 0x80 && text[1] <= 0x9f ? 2 : 0;
}

size_t printable_length(const char *text)
{
	const unsigned char *bytes = (const unsigned char *)text;

	return control_length(bytes) ? 0 : character_length(bytes);
}

size_t unprintable_length(const char *text, char *ret_instead)
{
	size_t length = control_length((const unsigned char *)text);

	*ret_instead = length ? ' ' : '?';
	return length ?: 1;
}

char *printable(char *text)
{
	for (char *c = text; c && *c;) {
		size_t length = printable_length(c);
		char instead;

		if (!length) {
			length = unprintable_length(c, &instead);
			memset(c, instead, length);
		}
		c += length;
	}
	return text;
}
