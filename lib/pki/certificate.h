/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_PKI_CERTIFICATE_H
#define LIB_PKI_CERTIFICATE_H

/*
 * X.509 certificates as values: parsed once, described in plain fields, const afterwards.
 * Certificates and chains are no secrets and live outside the secure heap.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/time.h"

/* The identity of a version: SHA-256 over the leaf's DER.  All zero: none. */
#define FINGERPRINT_SIZE      32
#define FINGERPRINT_TEXT_SIZE 65 /* lower-case hex and NUL */

struct fingerprint {
	unsigned char bytes[FINGERPRINT_SIZE];
};

/* fingerprint_is_set(fingerprint): is it more than zeros?  fingerprint_equal(a, b): all bytes. */
bool fingerprint_is_set(const struct fingerprint *fingerprint);
bool fingerprint_equal(const struct fingerprint *a, const struct fingerprint *b);

/* fingerprint_format(fingerprint, text): 64 lower-case hex digits.  Returns ${text}. */
char *fingerprint_format(
	const struct fingerprint *fingerprint, char text[static FINGERPRINT_TEXT_SIZE]);

/* fingerprint_parse(text, fingerprint): 64 hex digits; 0 or -EINVAL. */
int fingerprint_parse(const char *text, struct fingerprint *ret_fingerprint);

/* Key usage bits of RFC 5280 section 4.2.1.3, named as ACM names them. */
enum key_usage {
	KEY_USAGE_DIGITAL_SIGNATURE = 1 << 0,
	KEY_USAGE_NON_REPUDIATION = 1 << 1,
	KEY_USAGE_KEY_ENCIPHERMENT = 1 << 2,
	KEY_USAGE_DATA_ENCIPHERMENT = 1 << 3,
	KEY_USAGE_KEY_AGREEMENT = 1 << 4,
	KEY_USAGE_CERTIFICATE_SIGNING = 1 << 5,
	KEY_USAGE_CRL_SIGNING = 1 << 6,
	KEY_USAGE_ENCIPHER_ONLY = 1 << 7,
	KEY_USAGE_DECIPHER_ONLY = 1 << 8,
};

struct certificate {
	struct fingerprint fingerprint;
	char *serial; /* lower-case colon hex, as ACM writes it: "0a:1b:..." */
	usec_t not_before;
	usec_t not_after;
	char *subject; /* RFC 2253, for people: BOUNDED_NAME at most, as the next is */
	char *issuer; /* RFC 2253, for people */
	char *common_name; /* or NULL */
	char **names; /* DNS names of the SAN, lower case; the common name where there is no SAN */
	char **other_names; /* its IP addresses, URIs, e-mail addresses, as name_normal() has them */
	char *key_algorithm; /* ACM's: RSA_2048, EC_prime256v1, ...; else OpenSSL's name and bits */
	bool key_is_rsa;
	bool key_is_ec;
	int key_bits;
	bool has_key_usage;
	unsigned key_usage; /* enum key_usage */
	bool has_extended_key_usage;
	char **extended_key_usages; /* dotted OIDs */
	bool is_ca;
	int x509_version; /* 3 for v3 */
	char *signature_algorithm; /* OpenSSL's long name, such as sha256WithRSAEncryption */
	size_t der_length;
	struct x509_st *x509; /* OpenSSL's object, owned */
	unsigned others; /* so many more have it: the last certificate_free() releases it */
};

/*
 * Chains are nearly always of the same few CAs, and OpenSSL takes a tenth of a millisecond for each: the certificates of
 * chains that were read last are kept, CERTIFICATES_KEPT at most, and given out again for the same bytes.
 */
#define CERTIFICATES_KEPT 16

/* A list of certificates, owned. */
struct certificate_list {
	struct certificate **items;
	size_t count;
};

/**
 * certificate_parse(pem, length, certificate, err):
 * Exactly one PEM certificate with nothing but white space around it (RFC 7468 section 5,
 * strict in what ACM is strict in) and at most 64 KiB of DER.  ERROR_INVALID says what is wrong, never quotes the input.
 */
int certificate_parse(
	const char *pem, size_t length, struct certificate **ret_certificate, struct error *err);

/**
 * certificate_chain_parse(pem, length, list, err):
 * Any number of PEM certificates (none is an empty list), at most 32, as strictly.
 */
int certificate_chain_parse(
	const char *pem, size_t length, struct certificate_list *ret_list, struct error *err);

/* Of text with certificates, in bytes: ACM's greatest chain has 2 MiB. */
#define CERTIFICATE_TEXT_MAX ((size_t)8 << 20)

/**
 * certificate_list_parse(pem, length, list, err):
 * The certificates of a file that people have made, such as a bundle of roots: at most 4096 (none
 * is an empty list), with any text around the blocks (RFC 7468 section 2), any ends of lines, white
 * space in and around the lines, a UTF-8 byte order mark, and the labels of old (X509 CERTIFICATE)
 * and of OpenSSL (TRUSTED CERTIFICATE: left out if it says that TLS servers are not trusted).
 * ERROR_INVALID begins with the line of the mistake: a block of another kind, one that is cut off
 * or does not begin, one that cannot be read.  Never quotes the input but for a label.
 */
int certificate_list_parse(
	const char *pem, size_t length, struct certificate_list *ret_list, struct error *err);

/* certificate_decode(der, length, certificate, err): one of exactly these bytes, at most 64 KiB. */
int certificate_decode(const unsigned char *der, size_t length, struct certificate **ret_certificate,
	struct error *err);

/* certificate_forget(): what is kept for other chains is released, where nobody else has it. */
void certificate_forget(void);

/* certificate_list_append(list, certificate): the list owns it then. */
void certificate_list_append(struct certificate_list *list, struct certificate *certificate);

/* certificate_pem(certificate): canonical PEM (64 columns, "\n" only, one newline at the end); the
 * caller owns it. */
char *certificate_pem(const struct certificate *certificate);

/* certificate_list_pem(list): the same for all, one after another; "" for none. */
char *certificate_list_pem(const struct certificate_list *list);

/* certificate_list_digest(list, digest): SHA-256 over the members' DER, in order; all zero for
 * none. */
void certificate_list_digest(const struct certificate_list *list, struct fingerprint *ret_digest);

/**
 * certificate_text_digest(pem, length, digest):
 * The same of PEM text, which is decoded from base64 and not parsed: of one certificate its fingerprint, of a
 * chain its certificate_list_digest().  For recognising what is known already, at a fiftieth of the cost of
 * parsing; what is not known has to be parsed to be believed.  0, or -EINVAL for what is not PEM or too long.
 */
int certificate_text_digest(const char *pem, size_t length, struct fingerprint *ret_digest);

/**
 * certificate_authority_digest(certificate, digest):
 * Which CA ${certificate} is of: SHA-256 over the DER of its subject's name and, right behind it, the DER of its
 * SubjectPublicKeyInfo (RFC 5280 sections 4.1.2.6 and 4.1.2.7).  Not over the certificate, so that a CA keeps its digest
 * when its certificate is issued again with the same name and key.  A name that is written in other string types has
 * another digest.
 */
void certificate_authority_digest(
	const struct certificate *certificate, struct fingerprint *ret_digest);

/* certificate_issued_by(certificate, issuer): do names, key identifiers and signature say so? */
bool certificate_issued_by(const struct certificate *certificate, const struct certificate *issuer);

/* certificate_is_self_signed(certificate): its own key verifies its signature. */
bool certificate_is_self_signed(const struct certificate *certificate);

/* certificate_list_has_root(list): it ends in a self-signed certificate, which chains of public ones
 * leave out; ${list} may be NULL. */
bool certificate_list_has_root(const struct certificate_list *list);

/* certificate_covers(certificate, name): is ${name}, of any kind of lib/pki/name.h, among its names,
 * or DNS ${name} (possibly "*.x") matched by a wildcard of one label (RFC 9525 section 6.3)? */
bool certificate_covers(const struct certificate *certificate, const char *name);

/* certificate_has_usage(certificate, oid): no EKU extension, anyExtendedKeyUsage, or ${oid} among
 * them. */
bool certificate_has_usage(const struct certificate *certificate, const char *oid);

#define OID_SERVER_AUTH "1.3.6.1.5.5.7.3.1"
#define OID_CLIENT_AUTH "1.3.6.1.5.5.7.3.2"
#define OID_ANY_USAGE   "2.5.29.37.0"

/* Release; NULL is fine; return NULL (free) or leave an empty list (done). */
struct certificate *certificate_free(struct certificate *certificate);
void certificate_list_done(struct certificate_list *list);

DEFINE_CLEANUP(struct certificate *, certificate_free);

#endif
