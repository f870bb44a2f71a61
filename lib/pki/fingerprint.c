/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/encode.h"
#include "lib/pki/certificate.h"

bool fingerprint_is_set(const struct fingerprint *fingerprint)
{
	static const struct fingerprint none;

	return !fingerprint_equal(fingerprint, &none);
}

bool fingerprint_equal(const struct fingerprint *a, const struct fingerprint *b)
{
	return memcmp(a->bytes, b->bytes, FINGERPRINT_SIZE) == 0;
}

char *fingerprint_format(
	const struct fingerprint *fingerprint, char text[static FINGERPRINT_TEXT_SIZE])
{
	hex_encode(fingerprint->bytes, FINGERPRINT_SIZE, text);
	return text;
}

int fingerprint_parse(const char *text, struct fingerprint *ret_fingerprint)
{
	return hex_decode(text, ret_fingerprint->bytes, FINGERPRINT_SIZE);
}
