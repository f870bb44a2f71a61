/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/pki/key.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <string.h>

#include "lib/pki/derive.h"
#include "lib/pki/material.h"
#include "lib/pki/pem.h"

#define LABEL_ENCRYPTED   "ENCRYPTED PRIVATE KEY"
#define LABEL_PKCS8       "PRIVATE KEY"
#define LABEL_RSA         "RSA PRIVATE KEY"
#define LABEL_EC          "EC PRIVATE KEY"

#define TEXT_SIZE_MAX     65536 /* RSA of 16,384 bits has 13 KB */
#define PASSPHRASE_LENGTH 40

/*
 * AWS's exports have 2,048.  Fifty times as many take 35 ms with SHA-1 and 100 ms with the slowest
 * function that OpenSSL has (measured), which nobody notices; a billion would take over five minutes.
 */
#define ROUNDS_MAX 100000

static struct der der_of(const struct secret *secret)
{
	return (struct der){ (const unsigned char *)secret_borrow(secret), secret_length(secret) };
}

/* One PEM block and nothing else, as base64. */
static int find_block(const char *pem, size_t length, const char *label, struct pem_text *ret_body,
	struct error *err)
{
	struct pem_text text = { pem, length }, more;
	int r;

	if (length > TEXT_SIZE_MAX)
		return error_set(err, ERROR_INVALID, 0, "a private key of more than %d bytes",
			TEXT_SIZE_MAX);
	r = pem_next(&text, label, ret_body, err);
	if (r == 0)
		return error_set(err, ERROR_INVALID, 0, "no private key");
	if (r > 0)
		r = pem_next(&text, label, &more, err);
	if (r > 0)
		return error_set(err, ERROR_INVALID, 0, "more than one private key");
	return r;
}

static int decode_block(const struct pem_text *body, struct secret **ret_der, struct error *err)
{
	_cleanup_(secret_freep) struct secret *der = NULL;
	ssize_t length;
	int r;

	r = secret_new(pem_decoded_room(body), &der, err);
	if (r < 0)
		return r;
	length = pem_decode(body, secret_extend(der, pem_decoded_room(body)));
	if (length < 0)
		return error_set(err, ERROR_INVALID, 0, "a private key whose text is not base64");
	secret_truncate(der, (size_t)length);
	*ret_der = take(der);
	return 0;
}

static int encode_block(
	const char *label, struct der der, struct secret **ret_pem, struct error *err)
{
	struct secret *pem;
	int r;

	r = secret_new(pem_size(label, der.left), &pem, err);
	if (r < 0)
		return r;
	pem_append(pem, label, der.at, der.left);
	*ret_pem = pem;
	return 0;
}

/* How a key is sealed: PBES2 with PBKDF2 (RFC 8018 appendices A.2 and A.4). */
struct scheme {
	PBE2PARAM *both;
	PBKDF2PARAM *derivation;
};

static void scheme_done(struct scheme *scheme)
{
	PBKDF2PARAM_free(scheme->derivation);
	PBE2PARAM_free(scheme->both);
}

static bool read_scheme(const X509_ALGOR *algorithm, struct scheme *scheme)
{
	const X509_ALGOR *function;

	if (OBJ_obj2nid(algorithm->algorithm) == NID_pbes2)
		scheme->both = ASN1_TYPE_unpack_sequence(
			ASN1_ITEM_rptr(PBE2PARAM), algorithm->parameter);
	function = scheme->both ? scheme->both->keyfunc : NULL;
	if (function && OBJ_obj2nid(function->algorithm) == NID_id_pbkdf2)
		scheme->derivation = ASN1_TYPE_unpack_sequence(
			ASN1_ITEM_rptr(PBKDF2PARAM), function->parameter);
	return scheme->derivation;
}

/* 0: none. */
static int64_t rounds_of(const struct scheme *scheme)
{
	int64_t rounds;

	if (!ASN1_INTEGER_get_int64(&rounds, scheme->derivation->iter))
		rounds = INT64_MAX; /* 64 bits are too few for it */
	return MAX(rounds, (int64_t)0);
}

/*
 * Asked before the first round: whatever number of them the export names would be gone through,
 * and the one thread would stand still that long.  What else costs time by a parameter (scrypt) is refused.
 */
static int check_scheme(const X509_ALGOR *algorithm, struct scheme *scheme, struct error *err)
{
	int64_t rounds = read_scheme(algorithm, scheme) ? rounds_of(scheme) : 0;

	if (rounds == 0)
		return error_set(err, ERROR_INVALID, 0,
			"an encrypted private key that does not use PBES2 with PBKDF2, as ACM's exports do");
	if (rounds > ROUNDS_MAX)
		return error_set(err, ERROR_INVALID, 0,
			"an encrypted private key with more than %d rounds of PBKDF2 (ACM uses 2048)",
			ROUNDS_MAX);
	return 0;
}

/* OpenSSL's name of the digest that HMAC is with; NULL: it knows none. */
static const char *digest_of(const PBKDF2PARAM *derivation)
{
	int function = derivation->prf ? OBJ_obj2nid(derivation->prf->algorithm) : NID_hmacWithSHA1;
	int digest = NID_undef;

	if (!EVP_PBE_find(EVP_PBE_TYPE_PRF, function, NULL, &digest, NULL))
		return NULL;
	return OBJ_nid2sn(digest);
}

static bool derive_key(const struct scheme *scheme, const struct secret *passphrase,
	unsigned char *key, int size)
{
	const PBKDF2PARAM *derivation = scheme->derivation;
	const char *digest = digest_of(derivation);
	const ASN1_OCTET_STRING *salt;
	struct der salt_bytes;

	if (derivation->salt->type != V_ASN1_OCTET_STRING || !digest ||
		(derivation->keylength && ASN1_INTEGER_get(derivation->keylength) != size))
		return false;
	salt = derivation->salt->value.octet_string;
	salt_bytes = (struct der){ ASN1_STRING_get0_data(salt), (size_t)ASN1_STRING_length(salt) };
	return derive_pbkdf2(der_of(passphrase), salt_bytes, (unsigned)rounds_of(scheme), digest, key,
		(size_t)size);
}

static bool start_cipher(EVP_CIPHER_CTX *context, const struct scheme *scheme,
	const struct secret *passphrase)
{
	const X509_ALGOR *encryption = scheme->both->encryption;
	const EVP_CIPHER *cipher = EVP_get_cipherbyobj(encryption->algorithm);
	unsigned char key[EVP_MAX_KEY_LENGTH];
	bool started;

	/* In this order: the parameters can say how long the key is. */
	if (!cipher || !EVP_CipherInit_ex(context, cipher, NULL, NULL, NULL, 0) ||
		EVP_CIPHER_asn1_to_param(context, encryption->parameter) <= 0)
		return false;
	started = derive_key(scheme, passphrase, key, EVP_CIPHER_CTX_get_key_length(context)) &&
		  EVP_CipherInit_ex(context, NULL, NULL, key, NULL, 0);
	OPENSSL_cleanse(key, sizeof(key));
	return started;
}

/* The plain bytes, which are noise where the passphrase is wrong and the padding fits by chance. */
static bool decipher(EVP_CIPHER_CTX *context, const struct scheme *scheme,
	const ASN1_OCTET_STRING *bytes, const struct secret *passphrase, struct secret *plain)
{
	unsigned char *out;
	int length = 0, last = 0;

	out = secret_extend(plain, (size_t)ASN1_STRING_length(bytes) + EVP_MAX_BLOCK_LENGTH);
	if (!start_cipher(context, scheme, passphrase) ||
		!EVP_CipherUpdate(context, out, &length, ASN1_STRING_get0_data(bytes),
			ASN1_STRING_length(bytes)) ||
		!EVP_CipherFinal_ex(context, out + length, &last))
		return false;
	secret_truncate(plain, (size_t)(length + last));
	return true;
}

static int unseal(const X509_SIG *sealed, const struct secret *passphrase,
	struct secret **ret_plain, struct error *err)
{
	_cleanup_(secret_freep) struct secret *plain = NULL;
	_cleanup_(scheme_done) struct scheme scheme = { 0 };
	const ASN1_OCTET_STRING *bytes;
	const X509_ALGOR *algorithm;
	EVP_CIPHER_CTX *context;
	bool done;
	int r;

	X509_SIG_get0(sealed, &algorithm, &bytes);
	r = check_scheme(algorithm, &scheme, err);
	if (r == 0)
		r = secret_new(
			(size_t)ASN1_STRING_length(bytes) + EVP_MAX_BLOCK_LENGTH, &plain, err);
	if (r < 0)
		return r;
	context = EVP_CIPHER_CTX_new();
	if (!context)
		mem_exhausted();
	done = decipher(context, &scheme, bytes, passphrase, plain);
	EVP_CIPHER_CTX_free(context);
	if (!done)
		return error_set(
			err, ERROR_INVALID, 0, "a private key that its passphrase does not open");
	*ret_plain = take(plain);
	return 0;
}

/* The PKCS#8 inside an encrypted PEM, in the secure heap. */
static int open_pem(const char *pem, size_t length, const struct secret *passphrase,
	struct secret **ret_plain, struct error *err)
{
	_cleanup_(freep) unsigned char *der = NULL;
	const unsigned char *at;
	struct pem_text body;
	X509_SIG *sealed;
	ssize_t size;
	int r;

	r = find_block(pem, length, LABEL_ENCRYPTED, &body, err);
	if (r < 0)
		return r;
	at = der = mem_alloc(pem_decoded_room(&body));
	size = pem_decode(&body, der);
	sealed = size > 0 ? d2i_X509_SIG(NULL, &at, (long)size) : NULL;
	if (!sealed || at != der + size)
		r = error_set(err, ERROR_INVALID, 0, "an encrypted private key that is not PKCS#8");
	else
		r = unseal(sealed, passphrase, ret_plain, err);
	X509_SIG_free(sealed);
	ERR_clear_error();
	return r;
}

static int write_traditional(
	const struct material *material, struct secret **ret_key, struct error *err)
{
	_cleanup_(secret_freep) struct secret *der = NULL;
	int r;

	if (material->curve == NID_undef)
		return encode_block(LABEL_RSA, material->rsa, ret_key, err);
	r = material_write_ec(material, true, &der, err);
	if (r < 0)
		return r;
	return encode_block(LABEL_EC, der_of(der), ret_key, err);
}

int key_decrypt(const char *pem, size_t length, const struct secret *passphrase,
	struct secret **ret_key, struct error *err)
{
	_cleanup_(secret_freep) struct secret *plain = NULL;
	struct material material;
	int r;

	r = open_pem(pem, length, passphrase, &plain, err);
	if (r < 0)
		return r;
	if (material_read_pkcs8(der_of(plain), &material) < 0)
		return error_set(err, ERROR_INVALID, 0,
			"a private key that is neither RSA nor EC on a named curve, or not opened "
			"by its passphrase");
	r = material_check(&material, err);
	if (r < 0)
		return r;
	return write_traditional(&material, ret_key, err);
}

/* Read and check a traditional PEM; ${material} points into ${ret_der}. */
static int read_traditional(const struct secret *key, struct secret **ret_der,
	struct material *material, struct error *err)
{
	bool rsa = strstr(secret_borrow(key), LABEL_RSA);
	struct pem_text body;
	int r;

	r = find_block(
		secret_borrow(key), secret_length(key), rsa ? LABEL_RSA : LABEL_EC, &body, err);
	if (r < 0)
		return r;
	r = decode_block(&body, ret_der, err);
	if (r < 0)
		return r;
	r = rsa ? material_read_rsa(der_of(*ret_der), material)
		: material_read_ec(der_of(*ret_der), material);
	if (r < 0)
		return error_set(err, ERROR_INVALID, 0,
			"a private key that is neither RSA nor EC on a named curve");
	return material_check(material, err);
}

int key_matches(const struct secret *key, const struct certificate *certificate, bool *ret_matches,
	struct error *err)
{
	_cleanup_(secret_freep) struct secret *der = NULL;
	struct material material;
	int r;

	r = read_traditional(key, &der, &material, err);
	if (r < 0)
		return r;
	*ret_matches = material_is_of(&material, certificate);
	return 0;
}

int key_to_pkcs8(const struct secret *key, struct secret **ret_pkcs8, struct error *err)
{
	_cleanup_(secret_freep) struct secret *der = NULL, *pkcs8 = NULL;
	struct material material;
	int r;

	r = read_traditional(key, &der, &material, err);
	if (r == 0)
		r = material_write_pkcs8(&material, &pkcs8, err);
	if (r < 0)
		return r;
	return encode_block(LABEL_PKCS8, der_of(pkcs8), ret_pkcs8, err);
}

int passphrase_new(struct secret **ret_passphrase, struct error *err)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	_cleanup_(secret_freep) struct secret *passphrase = NULL;
	unsigned char byte;
	int r;

	r = secret_new(PASSPHRASE_LENGTH, &passphrase, err);
	if (r < 0)
		return r;
	while (secret_length(passphrase) < PASSPHRASE_LENGTH) {
		if (RAND_priv_bytes(&byte, 1) != 1)
			return error_set(err, ERROR_RETRY, 0, "no random bytes for a passphrase");
		/* 248 = 4 * 62: without the bytes above it every character is as likely. */
		if (byte < 248)
			secret_append(passphrase, &alphabet[byte % 62], 1);
	}
	OPENSSL_cleanse(&byte, 1);
	*ret_passphrase = take(passphrase);
	return 0;
}
