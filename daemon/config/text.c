/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config/text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"

#define SHOWN_MAX    64
#define DISTANCE_MAX 64

/* AWS secret keys are 40 letters of base64, session tokens longer; no name that people give
 * looks like that, for names have separators.  Capitals alone (access key ids) are enough
 * to be silent too. */
static bool looks_random(const char *text)
{
	size_t length = strspn(
		text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=");
	bool upper = false, lower = false, digit = false;

	if (length < 20)
		return false;
	for (size_t i = 0; i < length; i++) {
		upper |= isupper((unsigned char)text[i]);
		lower |= islower((unsigned char)text[i]);
		digit |= isdigit((unsigned char)text[i]);
	}
	return upper && (digit || length >= 32) && (lower || length == 20);
}

bool text_is_secret(const char *text)
{
	static const char *const marks[] = { "PRIVATE KEY", "-----BEGIN", "AKIA", "ASIA", "hvs.",
		"password=", "Bearer " };

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (strstr(text, marks[i]))
			return true;
	/* The password of a URL. */
	if (strstr(text, "://") && strchr(text, '@'))
		return true;
	return looks_random(text);
}

char *text_quote(const char *text)
{
	struct buf shown = BUF_NULL;
	size_t i;

	if (text_is_secret(text))
		return mem_strdup("this value (not shown)");
	buf_append_char(&shown, '\'');
	for (i = 0; text[i] && i < SHOWN_MAX; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < 0x20 || c >= 0x7f)
			buf_printf(&shown, "\\x%02x", c);
		else
			buf_append_char(&shown, (char)c);
	}
	buf_append_string(&shown, text[i] ? "...'" : "'");
	return buf_take(&shown);
}

bool text_names_secret(const char *key)
{
	static const char *const marks[] = { "password", "passwd", "passphrase", "secret", "token",
		"access_key", "accesskey", "credential", "private_key" };

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (strcasestr(key, marks[i]))
			return true;
	return false;
}

size_t text_distance(const char *a, const char *b)
{
	size_t rows[3][DISTANCE_MAX + 1];
	size_t a_length = strlen(a), b_length = strlen(b);

	if (a_length > DISTANCE_MAX || b_length > DISTANCE_MAX)
		return MAX(a_length, b_length);
	for (size_t j = 0; j <= b_length; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a_length; i++) {
		size_t *now = rows[i % 3], *before = rows[(i + 2) % 3],
		       *earlier = rows[(i + 1) % 3];

		now[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			size_t cost = a[i - 1] != b[j - 1];

			now[j] = MIN(MIN(before[j] + 1, now[j - 1] + 1), before[j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = MIN(now[j], earlier[j - 2] + 1);
		}
	}
	return rows[a_length % 3][b_length];
}

void text_nearest_offer(struct text_nearest *nearest, const char *candidate)
{
	size_t distance = text_distance(nearest->word, candidate);
	size_t limit = MAX(strlen(nearest->word), (size_t)3) / 3;

	if (distance > limit || (nearest->best && distance >= nearest->distance))
		return;
	nearest->best = candidate;
	nearest->distance = distance;
}
