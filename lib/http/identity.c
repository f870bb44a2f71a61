/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/identity.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "lib/pki/secret.h"

#define FILE_MOST ((size_t)65536)

struct identity {
	X509 *leaf;
	STACK_OF(X509) *chain;
	EVP_PKEY *key;
};

/* Nobody is at a terminal to say a passphrase. */
static int no_passphrase(char *text, int size, int writing, void *userdata)
{
	return -1;
}

static BIO *open_text(const struct secret *text)
{
	BIO *bio = BIO_new_mem_buf(secret_borrow(text), (int)secret_length(text));

	if (!bio)
		mem_exhausted();
	return bio;
}

/* The leaf, then what is behind it. */
static int read_certificates(struct identity *identity, const char *path, struct error *err)
{
	_cleanup_(secret_freep) struct secret *text = NULL;
	int r = secret_read_file(path, FILE_MOST, &text, err);
	X509 *one;
	BIO *bio;

	if (r < 0)
		return r;
	bio = open_text(text);
	identity->leaf = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
	while (identity->leaf && (one = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)))
		if (!sk_X509_push(identity->chain, one))
			mem_exhausted();
	BIO_free(bio);
	ERR_clear_error();
	return identity->leaf ? 0 : error_set(err, ERROR_INVALID, 0, "'%s' has no certificate in PEM", path);
}

static int read_key(struct identity *identity, const char *path, struct error *err)
{
	_cleanup_(secret_freep) struct secret *text = NULL;
	int r = secret_read_file(path, FILE_MOST, &text, err);
	BIO *bio;

	if (r < 0)
		return r;
	bio = open_text(text);
	identity->key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	BIO_free(bio);
	ERR_clear_error();
	return identity->key ? 0 : error_set(err, ERROR_INVALID, 0, "'%s' has no unencrypted private key in PEM", path);
}

int identity_new(const char *certificate_file, const char *key_file, struct identity **ret_identity, struct error *err)
{
	_cleanup_(identity_freep) struct identity *identity = mem_new(struct identity);
	int r;

	identity->chain = sk_X509_new_null();
	if (!identity->chain)
		mem_exhausted();
	r = read_certificates(identity, certificate_file, err);
	if (r >= 0)
		r = read_key(identity, key_file, err);
	if (r < 0)
		return r;
	if (X509_check_private_key(identity->leaf, identity->key) != 1) {
		ERR_clear_error();
		return error_set(err, ERROR_INVALID, 0, "the key in '%s' is not that of the certificate in '%s'", key_file,
			certificate_file);
	}
	*ret_identity = take(identity);
	return 0;
}

int identity_apply(const struct identity *identity, SSL_CTX *context)
{
	int ok = SSL_CTX_use_certificate(context, identity->leaf) == 1 &&
		 SSL_CTX_set1_chain(context, identity->chain) == 1 && SSL_CTX_use_PrivateKey(context, identity->key) == 1;

	ERR_clear_error();
	return ok ? 0 : -EINVAL;
}

struct identity *identity_free(struct identity *identity)
{
	if (!identity)
		return NULL;
	X509_free(identity->leaf);
	sk_X509_pop_free(identity->chain, X509_free);
	EVP_PKEY_free(identity->key);
	free(identity);
	return NULL;
}
