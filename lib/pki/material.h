/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_PKI_MATERIAL_H
#define LIB_PKI_MATERIAL_H

/* For key.c: what a private key is made of, read in place from DER and written back as DER. */

#include "lib/pki/certificate.h"
#include "lib/pki/der.h"

enum rsa_number {
	RSA_MODULUS,
	RSA_PUBLIC_EXPONENT,
	RSA_PRIVATE_EXPONENT,
	RSA_PRIME_P,
	RSA_PRIME_Q,
	RSA_EXPONENT_P,
	RSA_EXPONENT_Q,
	RSA_COEFFICIENT,
	RSA_NUMBERS,
};

#define EC_POINT_SIZE_MAX 160 /* uncompressed, of the largest named curve */

/* Points into the DER that it was read from, but for point. */
struct material {
	int curve; /* OpenSSL's NID, 0: RSA */
	struct der rsa; /* the whole RSAPrivateKey (RFC 8017 appendix A.1.2) */
	struct der number[RSA_NUMBERS]; /* without leading zero bytes */
	struct der oid; /* the curve's object identifier, whole */
	struct der scalar; /* the EC private key's octets, without leading zero bytes */
	size_t width; /* how many octets they are with them; computed */
	struct der given_point; /* the EC public key as it came along, or nothing */
	unsigned char point[EC_POINT_SIZE_MAX]; /* the one computed, uncompressed */
	size_t point_length;
};

/* material_read_pkcs8(der, material), material_read_rsa(), material_read_ec(): RFC 5958, RFC 8017
 * and RFC 5915.  -EINVAL where it is none of the right kind; nothing is computed. */
int material_read_pkcs8(struct der der, struct material *ret_material);
int material_read_rsa(struct der der, struct material *ret_material);
int material_read_ec(struct der der, struct material *ret_material);

/**
 * material_check(material, err):
 * Do the parts belong together: for RSA the numbers among each other, for EC the public key, which
 * is computed into ${material}.  ERROR_INVALID, or ERROR_RETRY when the secure heap is full.
 */
int material_check(struct material *material, struct error *err);

/* material_is_of(material, certificate): are checked ${material}'s public parts the certificate's
 * key? */
bool material_is_of(const struct material *material, const struct certificate *certificate);

/* material_write_ec(material, with_curve, der, err): a checked EC key as ECPrivateKey,
 * ${with_curve} or, as inside PKCS#8, without; ERROR_RETRY: secure heap full. */
int material_write_ec(const struct material *material, bool with_curve, struct secret **ret_der,
	struct error *err);

/* material_write_pkcs8(material, der, err): a checked key as unencrypted PrivateKeyInfo. */
int material_write_pkcs8(
	const struct material *material, struct secret **ret_der, struct error *err);

#endif
