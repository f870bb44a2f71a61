/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/pki/der.h"

#include <stdint.h>
#include <string.h>

#define LENGTH_BYTES 3 /* longer ones, 16 MiB, are not for keys */

/* The header at ${from}: its size, or 0 where it is none. */
static size_t read_header(const struct der *from, size_t *ret_length)
{
	size_t bytes, length = 0;

	if (from->left < 2)
		return 0;
	if (from->at[1] < 0x80) {
		*ret_length = from->at[1];
		return 2;
	}
	bytes = from->at[1] & 0x7f;
	if (bytes == 0 || bytes > LENGTH_BYTES || from->left < 2 + bytes)
		return 0;
	for (size_t i = 0; i < bytes; i++)
		length = length << 8 | from->at[2 + i];
	if (der_size(length) != 2 + bytes + length)
		return 0;
	*ret_length = length;
	return 2 + bytes;
}

bool der_peek(const struct der *from, enum der_tag tag)
{
	return from->left > 0 && from->at[0] == tag;
}

bool der_take_whole(struct der *from, enum der_tag tag, struct der *ret_element)
{
	size_t header, length = 0;

	header = der_peek(from, tag) ? read_header(from, &length) : 0;
	if (header == 0 || length > from->left - header)
		return false;
	*ret_element = (struct der){ from->at, header + length };
	from->at += header + length;
	from->left -= header + length;
	return true;
}

bool der_take(struct der *from, enum der_tag tag, struct der *ret_content)
{
	struct der element;
	size_t header, length = 0;

	if (!der_take_whole(from, tag, &element))
		return false;
	header = read_header(&element, &length);
	*ret_content = (struct der){ element.at + header, length };
	return true;
}

bool der_take_number(struct der *from, struct der *ret_number)
{
	struct der number, rest = *from;

	if (!der_take(&rest, DER_INTEGER, &number) || number.left == 0 || number.at[0] & 0x80)
		return false;
	if (number.left > 1 && number.at[0] == 0) {
		if (!(number.at[1] & 0x80))
			return false;
		number.at++;
		number.left--;
	}
	*from = rest;
	*ret_number = number;
	return true;
}

bool der_take_small(struct der *from, unsigned char value)
{
	struct der number, rest = *from;

	if (!der_take_number(&rest, &number) || number.left != 1 || number.at[0] != value)
		return false;
	*from = rest;
	return true;
}

bool der_equal(const struct der *a, const struct der *b)
{
	return a->left == b->left && (a->left == 0 || memcmp(a->at, b->at, a->left) == 0);
}

static size_t length_bytes(size_t length)
{
	if (length < 0x80)
		return 0;
	return length < 0x100 ? 1 : length < 0x10000 ? 2 : 3;
}

size_t der_size(size_t length)
{
	return 2 + length_bytes(length) + length;
}

int der_append_header(struct secret *secret, enum der_tag tag, size_t length)
{
	unsigned char header[2 + LENGTH_BYTES] = { (unsigned char)tag };
	size_t bytes = length_bytes(length);

	header[1] = (unsigned char)(bytes ? 0x80 | bytes : length);
	for (size_t i = 0; i < bytes; i++)
		header[2 + i] = (unsigned char)(length >> (8 * (bytes - 1 - i)));
	return secret_append(secret, header, 2 + bytes);
}

int der_append(struct secret *secret, enum der_tag tag, const void *data, size_t length)
{
	int r = der_append_header(secret, tag, length);

	return r < 0 ? r : secret_append(secret, data, length);
}
