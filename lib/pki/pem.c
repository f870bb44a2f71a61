/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/pki/pem.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/encode.h"

#define LINE_BYTES 48 /* 64 characters */
#define LABEL_MAX  64

static bool is_white(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip(struct pem_text *text, size_t count)
{
	text->at += count;
	text->left -= count;
}

static void skip_white(struct pem_text *text)
{
	while (text->left > 0 && is_white(*text->at))
		skip(text, 1);
}

static bool starts_with(const struct pem_text *text, const char *prefix)
{
	return text->left >= strlen(prefix) && memcmp(text->at, prefix, strlen(prefix)) == 0;
}

int pem_next(struct pem_text *text, const char *label, struct pem_text *ret_body, struct error *err)
{
	char begin[LABEL_MAX], end[LABEL_MAX];
	const char *stop;

	snprintf(begin, sizeof(begin), "-----BEGIN %s-----", label);
	snprintf(end, sizeof(end), "-----END %s-----", label);
	skip_white(text);
	if (text->left == 0)
		return 0;
	if (!starts_with(text, "-----BEGIN "))
		return error_set(err, ERROR_INVALID, 0, "text that is not a PEM block");
	if (!starts_with(text, begin))
		return error_set(
			err, ERROR_INVALID, 0, "a PEM block that is not of the kind '%s'", label);
	skip(text, strlen(begin));
	stop = memmem(text->at, text->left, end, strlen(end));
	if (!stop)
		return error_set(err, ERROR_INVALID, 0, "a PEM block '%s' that is cut off", label);
	*ret_body = (struct pem_text){ text->at, (size_t)(stop - text->at) };
	skip(text, ret_body->left + strlen(end));
	return 1;
}

size_t pem_decoded_room(const struct pem_text *body)
{
	return body->left / 4 * 3 + 3;
}

static int sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* What stands behind the last digit: as many '=' as the digits lack, and ends of lines. */
static bool is_padding(const char *at, const char *end, size_t digits)
{
	size_t count = 0;

	for (; at < end; at++) {
		if (*at == '=')
			count++;
		else if (*at != '\r' && *at != '\n')
			return false;
	}
	return (digits + count) % 4 == 0 && count <= 2;
}

ssize_t pem_decode(const struct pem_text *body, unsigned char *data)
{
	const char *at = body->at, *end = body->at + body->left;
	size_t digits = 0, length = 0;
	uint32_t bits = 0;

	for (; at < end && *at != '='; at++) {
		int value = sextet(*at);

		if (*at == '\r' || *at == '\n')
			continue;
		if (value < 0)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)value;
		/* Each digit but the first of four completes a byte. */
		if (digits++ % 4 != 0)
			data[length++] = (unsigned char)(bits >> (6 - 2 * ((digits - 1) % 4)));
	}
	/* Bits beyond the last byte must be zero, or two texts would say the same. */
	if (bits & ((1u << 2 * (-digits % 4)) - 1))
		return -EINVAL;
	return is_padding(at, end, digits) ? (ssize_t)length : -EINVAL;
}

size_t pem_size(const char *label, size_t length)
{
	size_t lines = (length + LINE_BYTES - 1) / LINE_BYTES;

	return 2 * strlen(label) + strlen("-----BEGIN -----\n-----END -----\n") +
	       base64_length(length) + lines;
}

int pem_append(struct secret *secret, const char *label, const void *data, size_t length)
{
	const unsigned char *bytes = data;
	char line[LABEL_MAX];
	int r;

	snprintf(line, sizeof(line), "-----BEGIN %s-----\n", label);
	r = secret_append_string(secret, line);
	for (size_t i = 0; i < length && r == 0; i += LINE_BYTES) {
		r = secret_append_base64(secret, bytes + i, MIN(length - i, (size_t)LINE_BYTES));
		if (r == 0)
			r = secret_append(secret, "\n", 1);
	}
	snprintf(line, sizeof(line), "-----END %s-----\n", label);
	return r < 0 ? r : secret_append_string(secret, line);
}
