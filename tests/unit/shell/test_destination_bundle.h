/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_SHELL_TEST_DESTINATION_BUNDLE_H
#define TESTS_UNIT_SHELL_TEST_DESTINATION_BUNDLE_H

/* Bundles made on the spot: a leaf of P-256 under one root, both made by OpenSSL itself. */

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "daemon/model/bundle.h"

struct issuer {
	EVP_PKEY *key;
	X509 *certificate;
};

static inline void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX context;

	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	assert_non_null(extension);
	X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
}

static inline X509 *make_certificate(EVP_PKEY *key, const char *name, const struct issuer *issuer,
	long serial, time_t not_before)
{
	X509 *certificate = X509_new();
	X509_NAME *subject = X509_get_subject_name(certificate);

	X509_set_version(certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
	ASN1_TIME_set(X509_getm_notBefore(certificate), not_before);
	ASN1_TIME_set(X509_getm_notAfter(certificate), not_before + (issuer ? 395 : 3650) * 86400L);
	X509_NAME_add_entry_by_txt(
		subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(
		certificate, issuer ? X509_get_subject_name(issuer->certificate) : subject);
	X509_set_pubkey(certificate, key);
	if (issuer) {
		char names[300];

		snprintf(names, sizeof(names), "DNS:%s", name);
		add_extension(certificate, issuer->certificate, NID_subject_alt_name, names);
		add_extension(certificate, issuer->certificate, NID_key_usage,
			"critical,digitalSignature,keyEncipherment");
		add_extension(certificate, issuer->certificate, NID_ext_key_usage,
			"serverAuth,clientAuth");
		add_extension(
			certificate, issuer->certificate, NID_authority_key_identifier, "keyid");
	} else {
		add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE");
		add_extension(
			certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
		add_extension(certificate, certificate, NID_subject_key_identifier, "hash");
	}
	assert_true(X509_sign(certificate, issuer ? issuer->key : key, EVP_sha256()) > 0);
	return certificate;
}

static inline struct certificate *to_certificate(X509 *x509)
{
	BIO *bio = BIO_new(BIO_s_mem());
	struct certificate *certificate = NULL;
	char *pem;
	long length;

	PEM_write_bio_X509(bio, x509);
	length = BIO_get_mem_data(bio, &pem);
	assert_int_equal(certificate_parse(pem, (size_t)length, &certificate, NULL), 0);
	BIO_free(bio);
	return certificate;
}

static inline struct secret *to_key(EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	struct secret *secret = NULL;
	char *pem;
	long length;

	PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL);
	length = BIO_get_mem_data(bio, &pem);
	assert_int_equal(secret_from(pem, (size_t)length, &secret, NULL), 0);
	BIO_free(bio);
	return secret;
}

static inline struct issuer make_issuer(const char *name)
{
	struct issuer issuer = { .key = EVP_EC_gen("P-256") };

	issuer.certificate = make_certificate(issuer.key, name, NULL, 1, time(NULL) - 86400);
	return issuer;
}

static inline void issuer_done(struct issuer *issuer)
{
	EVP_PKEY_free(issuer->key);
	X509_free(issuer->certificate);
}

/* A new key each time, as ACM does; ${age} seconds ago it became valid. */
static inline struct bundle *make_bundle(
	const struct issuer *issuer, const char *name, long serial, time_t age)
{
	struct bundle *bundle = mem_new(struct bundle);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *leaf = make_certificate(key, name, issuer, serial, time(NULL) - age);

	bundle->leaf = to_certificate(leaf);
	bundle->key = to_key(key);
	bundle->chain.items = mem_alloc(sizeof(struct certificate *));
	bundle->chain.items[0] = to_certificate(issuer->certificate);
	bundle->chain.count = 1;
	X509_free(leaf);
	EVP_PKEY_free(key);
	return bundle;
}

#endif
