/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_PKI_OUTLINE_H
#define LIB_PKI_OUTLINE_H

/*
 * What a list of certificates shows of each, read without OpenSSL's object, which takes a hundred times as long to make.
 * Nothing is verified here: whoever uses a certificate parses it (lib/pki/certificate.h).
 */

#include <stddef.h>

#include "lib/base/time.h"
#include "lib/pki/certificate.h"

struct outline {
	struct fingerprint fingerprint;
	char *serial; /* as certificate_parse() has it; owned */
	usec_t not_before;
	usec_t not_after;
};

/**
 * outline_read(pem, length, outline):
 * Of exactly one PEM certificate (RFC 5280 section 4.1: version, serial number, signature, issuer and validity are read, and
 * that the rest has the length that is said).  0, and then the same as certificate_parse() of the same text finds, or
 * -EINVAL for whatever is not in its plainest form: certificate_parse() says what is wrong, if anything is.
 */
int outline_read(const char *pem, size_t length, struct outline *ret_outline);

/* outline_done(outline): release what it owns. */
void outline_done(struct outline *outline);

#endif
