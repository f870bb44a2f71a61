/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/pki/outline.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/buf.h"
#include "lib/pki/der.h"
#include "lib/pki/pem.h"

#define LABEL "CERTIFICATE"
#define DER_SIZE_MAX ((size_t)64 << 10) /* as certificate_parse() has it */

static int two_digits(const unsigned char *at)
{
	return 10 * (at[0] - '0') + at[1] - '0';
}

/* UTCTime or GeneralizedTime as RFC 5280 section 4.1.2.5 has them: in seconds and Z, from 1970 on. */
static bool take_time(struct der *from, usec_t *ret_time)
{
	const bool general = der_peek(from, DER_GENERALIZED_TIME);
	const size_t years = general ? 4 : 2;
	struct tm tm = { 0 }, again;
	struct der text;
	time_t seconds;

	if (!der_take(from, general ? DER_GENERALIZED_TIME : DER_UTC_TIME, &text) || text.left != years + 11 ||
		text.at[text.left - 1] != 'Z')
		return false;
	for (size_t i = 0; i + 1 < text.left; i++)
		if (!isdigit(text.at[i]))
			return false;
	if (general)
		tm.tm_year = 100 * two_digits(text.at) + two_digits(text.at + 2) - 1900;
	else /* RFC 5280 section 4.1.2.5.1 */
		tm.tm_year = two_digits(text.at) + (two_digits(text.at) < 50 ? 100 : 0);
	text.at += years;
	tm.tm_mon = two_digits(text.at) - 1;
	tm.tm_mday = two_digits(text.at + 2);
	tm.tm_hour = two_digits(text.at + 4);
	tm.tm_min = two_digits(text.at + 6);
	tm.tm_sec = two_digits(text.at + 8);
	again = tm;
	seconds = timegm(&again);
	/* What is no date (a 31st of February) has become another one. */
	if (seconds < 0 || again.tm_mon != tm.tm_mon || again.tm_mday != tm.tm_mday || again.tm_hour != tm.tm_hour ||
		again.tm_min != tm.tm_min || again.tm_sec != tm.tm_sec)
		return false;
	*ret_time = (usec_t)seconds * USEC_PER_SEC;
	return true;
}

static char *serial_text(const struct der *serial)
{
	struct buf text = BUF_NULL;

	for (size_t i = 0; i < serial->left; i++)
		buf_printf(&text, "%s%02x", i ? ":" : "", serial->at[i]);
	return buf_take(&text);
}

static bool read_certificate(struct der all, struct outline *outline)
{
	struct der certificate, body, version, serial, skipped, validity;

	if (!der_take(&all, DER_SEQUENCE, &certificate) || all.left != 0 ||
		!der_take(&certificate, DER_SEQUENCE, &body) || !der_take(&body, DER_CONTEXT_0, &version) ||
		!der_take_number(&body, &serial) || !der_take(&body, DER_SEQUENCE, &skipped) ||
		!der_take(&body, DER_SEQUENCE, &skipped) || !der_take(&body, DER_SEQUENCE, &validity) ||
		!take_time(&validity, &outline->not_before) || !take_time(&validity, &outline->not_after) ||
		validity.left != 0)
		return false;
	outline->serial = serial_text(&serial);
	return true;
}

static int read_block(const struct pem_text *block, struct outline *ret_outline)
{
	_cleanup_(freep) unsigned char *der = mem_alloc(pem_decoded_room(block));
	struct outline outline = { 0 };
	ssize_t length = pem_decode(block, der);

	if (length < 0 || (size_t)length > DER_SIZE_MAX || !read_certificate((struct der){ der, (size_t)length }, &outline))
		return -EINVAL;
	if (!EVP_Digest(der, (size_t)length, outline.fingerprint.bytes, NULL, EVP_sha256(), NULL))
		mem_exhausted();
	*ret_outline = outline;
	return 0;
}

int outline_read(const char *pem, size_t length, struct outline *ret_outline)
{
	struct pem_text text = { pem, length }, block, more;

	if (length > CERTIFICATE_TEXT_MAX || pem_next(&text, LABEL, &block, NULL) != 1 ||
		pem_next(&text, LABEL, &more, NULL) != 0)
		return -EINVAL;
	return read_block(&block, ret_outline);
}

void outline_done(struct outline *outline)
{
	free(outline->serial);
	*outline = (struct outline){ 0 };
}
