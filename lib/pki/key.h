/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_PKI_KEY_H
#define LIB_PKI_KEY_H

/* Private keys: from ACM's encrypted export to the unencrypted PEM that its import takes, all in
 * the secure heap. */

#include <stdbool.h>

#include "lib/pki/certificate.h"
#include "lib/pki/secret.h"

/**
 * key_decrypt(pem, length, passphrase, key, err):
 * Read one "ENCRYPTED PRIVATE KEY" (PKCS#8, RFC 5958, PBES2) and write it as traditional PEM
 * ("RSA PRIVATE KEY", "EC PRIVATE KEY" with a named curve and no parameters block), the forms that
 * ACM documents for import.  ERROR_INVALID: no such PEM, wrong passphrase, a scheme other than PBKDF2 or more than
 * 100,000 rounds of it, neither RSA nor EC, an inconsistent key.  ERROR_RETRY: secure heap full.
 */
int key_decrypt(const char *pem, size_t length, const struct secret *passphrase,
	struct secret **ret_key, struct error *err);

/**
 * key_matches(key, certificate, matches, err):
 * Does the private key (PEM as key_decrypt() writes it) belong to ${certificate}'s public key?
 * ERROR_INVALID: it is no such key, or inconsistent; ERROR_RETRY: secure heap full.
 */
int key_matches(const struct secret *key, const struct certificate *certificate, bool *ret_matches,
	struct error *err);

/* key_to_pkcs8(key, pkcs8, err): the same key as unencrypted PKCS#8 PEM ("PRIVATE KEY"). */
int key_to_pkcs8(const struct secret *key, struct secret **ret_pkcs8, struct error *err);

/**
 * passphrase_new(passphrase, err):
 * 40 characters of [A-Za-z0-9] from RAND_priv_bytes, without bias: within ACM's alphabet
 * (ExportCertificate: any ASCII but #, $, %), above 230 bits.
 */
int passphrase_new(struct secret **ret_passphrase, struct error *err);

#endif
