/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_PKI_DERIVE_H
#define LIB_PKI_DERIVE_H

/* For key.c: the key that a passphrase stands for. */

#include <stdbool.h>

#include "lib/pki/der.h"

/**
 * derive_pbkdf2(passphrase, salt, rounds, digest, key, length):
 * PBKDF2 (RFC 8018 section 5.2) with HMAC over the ${digest} that OpenSSL knows by this name:
 * ${length} bytes into the caller's ${key}, who wipes them.  ${rounds} is 1 or more.  All else that
 * was computed on the way is wiped.  False: OpenSSL has no such digest; ${key} is undefined then.
 */
bool derive_pbkdf2(struct der passphrase, struct der salt, unsigned rounds, const char *digest,
	unsigned char *key, size_t length);

#endif
