/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/issuer.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/encode.h"
#include "lib/base/mem.h"
#include "lib/pki/certificate.h"

#define POINT_LENGTH 65 /* 04, x, y */
#define DATE_LENGTH  13 /* YYMMDDHHMMSSZ */
#define SKI_LENGTH   20

struct issuer {
	EVP_PKEY *key;
	char *ca;
	char anchor[FINGERPRINT_TEXT_SIZE];
	EC_GROUP *group;
	BN_CTX *numbers;
	EVP_MD_CTX *signing;
	/* The part of a leaf that is signed, and where in it stands what differs. */
	unsigned char *body;
	size_t length;
	size_t serial, not_before, not_after, common_name, dns_name, point, ski;
};

#define MUST(expression)                                                                           \
	do {                                                                                       \
		if (!(expression))                                                                 \
			mem_exhausted(); /* nothing else can fail here */                          \
	} while (0)

/* --- numbers and keys --- */

static void put32(unsigned char *to, unsigned number)
{
	to[0] = (unsigned char)(number >> 24);
	to[1] = (unsigned char)(number >> 16);
	to[2] = (unsigned char)(number >> 8);
	to[3] = (unsigned char)number;
}

static unsigned get32(const unsigned char *from)
{
	return (unsigned)from[0] << 24 | (unsigned)from[1] << 16 | (unsigned)from[2] << 8 | from[3];
}

static void derive(const char *what, unsigned index, unsigned generation, unsigned char digest[static 32])
{
	unsigned char text[32] = { 0 };

	strncpy((char *)text, what, sizeof(text) - 8);
	put32(text + 24, index);
	put32(text + 28, generation);
	SHA256(text, sizeof(text), digest);
}

char *issuer_name(unsigned index, char name[static ISSUER_NAME_LENGTH + 1])
{
	snprintf(name, ISSUER_NAME_LENGTH + 1, "c%06u.g%03u.example.com", index % 1000000,
		index / ISSUER_GROUP % 1000);
	return name;
}

void issuer_serial(unsigned index, unsigned generation, unsigned char serial[static ISSUER_SERIAL_LENGTH])
{
	unsigned char digest[32];

	derive("serial", index, generation, digest);
	memcpy(serial, digest, 8);
	serial[0] = 0x10 | (digest[0] & 0x0f); /* neither zero nor negative: always as long */
	put32(serial + 8, index);
	put32(serial + 12, generation);
}

bool issuer_read_serial(const unsigned char *der, size_t length, unsigned *ret_index, unsigned *ret_generation)
{
	/* SEQUENCE { SEQUENCE { [0] { INTEGER 2 } INTEGER serial; the lengths of the first two take two octets. */
	static const unsigned char version[] = { 0xa0, 0x03, 0x02, 0x01, 0x02, 0x02, ISSUER_SERIAL_LENGTH };
	const size_t at = 8 + sizeof(version);

	if (length < at + ISSUER_SERIAL_LENGTH || memcmp(der + 8, version, sizeof(version)) != 0)
		return false;
	*ret_index = get32(der + at + 8);
	*ret_generation = get32(der + at + 12);
	return true;
}

void issuer_key(unsigned index, unsigned generation, unsigned char key[static ISSUER_KEY_LENGTH])
{
	derive("key", index, generation, key);
	key[0] &= 0x7f; /* below the order of the group */
}

static void make_point(struct issuer *issuer, unsigned index, unsigned generation, unsigned char *to)
{
	unsigned char key[ISSUER_KEY_LENGTH];
	EC_POINT *point = EC_POINT_new(issuer->group);
	BIGNUM *scalar;

	issuer_key(index, generation, key);
	scalar = BN_bin2bn(key, sizeof(key), NULL);
	MUST(point && scalar && EC_POINT_mul(issuer->group, point, scalar, NULL, NULL, issuer->numbers));
	MUST(EC_POINT_point2oct(issuer->group, point, POINT_CONVERSION_UNCOMPRESSED, to, POINT_LENGTH,
		     issuer->numbers) == POINT_LENGTH);
	BN_free(scalar);
	EC_POINT_free(point);
}

/* --- the CA and the template --- */

static void set_extension(X509 *certificate, X509 *signer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;

	X509V3_set_ctx(&context, signer, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	MUST(extension && X509_add_ext(certificate, extension, -1));
	X509_EXTENSION_free(extension);
}

static X509 *certificate_new(const char *name, EVP_PKEY *key, usec_t not_before, usec_t not_after)
{
	X509 *certificate = X509_new();
	X509_NAME *subject;

	MUST(certificate && X509_set_version(certificate, X509_VERSION_3) && X509_set_pubkey(certificate, key));
	subject = X509_get_subject_name(certificate);
	MUST(X509_NAME_add_entry_by_txt(
		subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0));
	MUST(ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)(not_before / USEC_PER_SEC)));
	MUST(ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)(not_after / USEC_PER_SEC)));
	return certificate;
}

static X509 *make_ca(struct issuer *issuer, usec_t now)
{
	X509 *ca = certificate_new("Example Corp Issuing CA", issuer->key, usec_sub(now, 365 * USEC_PER_DAY),
		usec_add(now, 3285 * USEC_PER_DAY));
	BIO *text = BIO_new(BIO_s_mem());
	BUF_MEM *memory;

	MUST(ASN1_INTEGER_set(X509_get_serialNumber(ca), 1));
	MUST(X509_set_issuer_name(ca, X509_get_subject_name(ca)));
	set_extension(ca, ca, NID_basic_constraints, "critical,CA:TRUE");
	set_extension(ca, ca, NID_key_usage, "critical,digitalSignature,keyCertSign,cRLSign");
	set_extension(ca, ca, NID_subject_key_identifier, "hash");
	MUST(X509_sign(ca, issuer->key, EVP_sha256()) && text && PEM_write_bio_X509(text, ca));
	BIO_get_mem_ptr(text, &memory);
	issuer->ca = mem_strndup(memory->data, memory->length);
	BIO_free(text);
	return ca;
}

/* Where ${wanted} stands in the template, from ${from} on. */
static size_t find(const struct issuer *issuer, size_t from, const void *wanted, size_t length)
{
	const unsigned char *found = memmem(issuer->body + from, issuer->length - from, wanted, length);

	MUST(found);
	return (size_t)(found - issuer->body);
}

static void find_places(struct issuer *issuer, const unsigned char *serial, const char *name)
{
	static const unsigned char validity[] = { 0x30, 0x1e, 0x17, DATE_LENGTH };
	static const unsigned char curve_and_point[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42,
		0x00, 0x04 };
	static const unsigned char ski[] = { 0x55, 0x1d, 0x0e, 0x04, 0x16, 0x04, SKI_LENGTH };

	issuer->serial = find(issuer, 0, serial, ISSUER_SERIAL_LENGTH);
	issuer->not_before = find(issuer, 0, validity, sizeof(validity)) + sizeof(validity);
	issuer->not_after = issuer->not_before + DATE_LENGTH + 2;
	issuer->common_name = find(issuer, 0, name, ISSUER_NAME_LENGTH);
	issuer->dns_name = find(issuer, issuer->common_name + 1, name, ISSUER_NAME_LENGTH);
	issuer->point = find(issuer, 0, curve_and_point, sizeof(curve_and_point)) + sizeof(curve_and_point) - 1;
	issuer->ski = find(issuer, 0, ski, sizeof(ski)) + sizeof(ski);
}

static void make_template(struct issuer *issuer, X509 *ca, usec_t now)
{
	unsigned char serial[ISSUER_SERIAL_LENGTH];
	char name[ISSUER_NAME_LENGTH + 1], names[40];
	BIGNUM *number;
	X509 *leaf;
	int length;

	snprintf(names, sizeof(names), "DNS:%s", issuer_name(0, name));
	leaf = certificate_new(name, issuer->key, now, usec_add(now, USEC_PER_DAY));
	issuer_serial(0, 0, serial);
	number = BN_bin2bn(serial, sizeof(serial), NULL);
	MUST(number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(leaf)));
	BN_free(number);
	MUST(X509_set_issuer_name(leaf, X509_get_subject_name(ca)));
	set_extension(leaf, ca, NID_basic_constraints, "CA:FALSE");
	set_extension(leaf, ca, NID_authority_key_identifier, "keyid:always");
	set_extension(leaf, ca, NID_subject_key_identifier, "hash");
	set_extension(leaf, ca, NID_key_usage, "critical,digitalSignature,keyEncipherment");
	set_extension(leaf, ca, NID_ext_key_usage, "serverAuth,clientAuth");
	set_extension(leaf, ca, NID_subject_alt_name, names);
	MUST(X509_sign(leaf, issuer->key, EVP_sha256()));
	length = i2d_re_X509_tbs(leaf, &issuer->body);
	MUST(length > 0);
	issuer->length = (size_t)length;
	find_places(issuer, serial, name);
	X509_free(leaf);
}

static void note_anchor(struct issuer *issuer)
{
	struct certificate *certificate;
	struct fingerprint digest;

	MUST(certificate_parse(issuer->ca, strlen(issuer->ca), &certificate, NULL) == 0);
	certificate_authority_digest(certificate, &digest);
	fingerprint_format(&digest, issuer->anchor);
	certificate_free(certificate);
}

struct issuer *issuer_new(usec_t now)
{
	struct issuer *issuer = mem_new(struct issuer);
	X509 *ca;

	issuer->key = EVP_EC_gen("P-256");
	issuer->group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	issuer->numbers = BN_CTX_new();
	issuer->signing = EVP_MD_CTX_new();
	MUST(issuer->key && issuer->group && issuer->numbers && issuer->signing);
	ca = make_ca(issuer, now);
	make_template(issuer, ca, now);
	X509_free(ca);
	note_anchor(issuer);
	return issuer;
}

const char *issuer_anchor(const struct issuer *issuer)
{
	return issuer->anchor;
}

const char *issuer_ca(const struct issuer *issuer)
{
	return issuer->ca;
}

/* --- leaves --- */

static void put_date(unsigned char *to, usec_t time)
{
	const time_t seconds = (time_t)(time / USEC_PER_SEC);
	char text[64];
	struct tm parts;

	gmtime_r(&seconds, &parts);
	snprintf(text, sizeof(text), "%02d%02d%02d%02d%02d%02dZ", parts.tm_year % 100, parts.tm_mon + 1,
		parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
	memcpy(to, text, DATE_LENGTH);
}

static void fill_template(struct issuer *issuer, const struct leaf *leaf)
{
	unsigned char *body = issuer->body;
	char name[ISSUER_NAME_LENGTH + 1];

	issuer_name(leaf->index, name);
	issuer_serial(leaf->index, leaf->generation, body + issuer->serial);
	put_date(body + issuer->not_before, leaf->not_before);
	put_date(body + issuer->not_after, leaf->not_after);
	memcpy(body + issuer->common_name, name, ISSUER_NAME_LENGTH);
	memcpy(body + issuer->dns_name, name, ISSUER_NAME_LENGTH);
	make_point(issuer, leaf->index, leaf->generation, body + issuer->point);
	SHA1(body + issuer->point, POINT_LENGTH, body + issuer->ski);
}

void issuer_make(struct issuer *issuer, struct leaf *leaf)
{
	static const unsigned char algorithm[] = { 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03,
		0x02 }; /* ecdsa-with-SHA256 */
	unsigned char signature[80], *at;
	size_t length = sizeof(signature), content;

	if (leaf->der)
		return;
	fill_template(issuer, leaf);
	MUST(EVP_DigestSignInit(issuer->signing, NULL, EVP_sha256(), NULL, issuer->key) == 1);
	MUST(EVP_DigestSign(issuer->signing, signature, &length, issuer->body, issuer->length) == 1);
	content = issuer->length + sizeof(algorithm) + 3 + length;
	leaf->length = 4 + content;
	at = leaf->der = mem_alloc(leaf->length);
	*at++ = 0x30;
	*at++ = 0x82;
	*at++ = (unsigned char)(content >> 8);
	*at++ = (unsigned char)content;
	at = (unsigned char *)mempcpy(at, issuer->body, issuer->length);
	at = (unsigned char *)mempcpy(at, algorithm, sizeof(algorithm));
	*at++ = 0x03; /* BIT STRING, no unused bits */
	*at++ = (unsigned char)(length + 1);
	*at++ = 0;
	memcpy(at, signature, length);
}

/* --- PEM --- */

#define LINE_BYTES 48

static void append_pem(struct buf *text, const char *label, const unsigned char *der, size_t length, const char *end)
{
	char line[LINE_BYTES / 3 * 4 + 1];

	buf_printf(text, "-----BEGIN %s-----%s", label, end);
	for (size_t at = 0; at < length; at += LINE_BYTES) {
		base64_encode(der + at, MIN(length - at, (size_t)LINE_BYTES), line);
		buf_append_string(text, line);
		buf_append_string(text, end);
	}
	buf_printf(text, "-----END %s-----%s", label, end);
}

void issuer_append_leaf(struct issuer *issuer, struct leaf *leaf, struct buf *text)
{
	issuer_make(issuer, leaf);
	append_pem(text, "CERTIFICATE", leaf->der, leaf->length, "\\n");
}

void issuer_append_ca(const struct issuer *issuer, struct buf *text)
{
	for (const char *line = issuer->ca; *line;) {
		const char *end = strchrnul(line, '\n');

		buf_append(text, line, (size_t)(end - line));
		buf_append_string(text, "\\n");
		line = end + (*end == '\n');
	}
}

#define CLEAR_LENGTH  138
#define SEALED_LENGTH 144
#define ROUNDS        2048

/* PrivateKeyInfo (RFC 5208) of an ECPrivateKey (RFC 5915) with its public key. */
static void write_clear(struct issuer *issuer, struct leaf *leaf, unsigned char clear[static CLEAR_LENGTH])
{
	static const unsigned char head[] = { 0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86,
		0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04,
		0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01, 0x04, ISSUER_KEY_LENGTH };
	static const unsigned char middle[] = { 0xa1, 0x44, 0x03, 0x42, 0x00 };
	unsigned char *at = mempcpy(clear, head, sizeof(head));

	issuer_make(issuer, leaf);
	issuer_key(leaf->index, leaf->generation, at);
	at = (unsigned char *)mempcpy(at + ISSUER_KEY_LENGTH, middle, sizeof(middle));
	/* The leaf is its template behind four octets. */
	memcpy(at, leaf->der + 4 + issuer->point, POINT_LENGTH);
}

/* EncryptedPrivateKeyInfo with the parameters of ACM's exports; the lengths follow from the fixed ones inside. */
#define SALT_LENGTH 20
#define IV_LENGTH   16
static const unsigned char sealed_head[] = { 0x30, 0x81, 0xea, 0x30, 0x55, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7,
	0x0d, 0x01, 0x05, 0x0d, 0x30, 0x48, 0x30, 0x27, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05,
	0x0c, 0x30, 0x1a, 0x04, SALT_LENGTH };
static const unsigned char sealed_middle[] = { 0x02, 0x02, ROUNDS >> 8, ROUNDS & 0xff, 0x30, 0x1d, 0x06, 0x09, 0x60,
	0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a, 0x04, IV_LENGTH };
static const unsigned char sealed_tail[] = { 0x04, 0x81, SEALED_LENGTH };

static void seal(const unsigned char *clear, const void *passphrase, size_t length, const unsigned char *salt,
	const unsigned char *iv, unsigned char sealed[static SEALED_LENGTH])
{
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	unsigned char key[32];
	int first, last;

	MUST(PKCS5_PBKDF2_HMAC_SHA1(passphrase, (int)length, salt, SALT_LENGTH, ROUNDS, sizeof(key), key));
	MUST(cipher && EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key, iv));
	MUST(EVP_EncryptUpdate(cipher, sealed, &first, clear, CLEAR_LENGTH));
	MUST(EVP_EncryptFinal_ex(cipher, sealed + first, &last) && first + last == SEALED_LENGTH);
	EVP_CIPHER_CTX_free(cipher);
}

void issuer_append_key(struct issuer *issuer, struct leaf *leaf, const void *passphrase, size_t length,
	struct buf *text)
{
	unsigned char clear[CLEAR_LENGTH], der[512], *salt, *iv, *at;

	write_clear(issuer, leaf, clear);
	salt = (unsigned char *)mempcpy(der, sealed_head, sizeof(sealed_head));
	iv = (unsigned char *)mempcpy(salt + SALT_LENGTH, sealed_middle, sizeof(sealed_middle));
	at = (unsigned char *)mempcpy(iv + IV_LENGTH, sealed_tail, sizeof(sealed_tail));
	MUST(RAND_bytes(salt, SALT_LENGTH) == 1 && RAND_bytes(iv, IV_LENGTH) == 1);
	seal(clear, passphrase, length, salt, iv, at);
	append_pem(text, "ENCRYPTED PRIVATE KEY", der, (size_t)(at - der) + SEALED_LENGTH, "\\n");
}

void issuer_clear_key(struct issuer *issuer, struct leaf *leaf, struct buf *text)
{
	unsigned char clear[CLEAR_LENGTH];

	write_clear(issuer, leaf, clear);
	append_pem(text, "PRIVATE KEY", clear, sizeof(clear), "\n");
}

struct issuer *issuer_free(struct issuer *issuer)
{
	if (!issuer)
		return NULL;
	EVP_PKEY_free(issuer->key);
	EVP_MD_CTX_free(issuer->signing);
	EC_GROUP_free(issuer->group);
	BN_CTX_free(issuer->numbers);
	OPENSSL_free(issuer->body);
	free(issuer->ca);
	free(issuer);
	return NULL;
}
