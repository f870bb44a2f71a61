/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/pki/certificate.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/buf.h"
#include "lib/base/strv.h"
/* Circle with lib/pki/describe.h: it fills in the fields. */
#include "lib/pki/describe.h"
#include "lib/pki/name.h"
#include "lib/pki/pem.h"

#define LABEL         "CERTIFICATE"
#define CHAIN_MAX     32
#define DER_SIZE_MAX  ((size_t)64 << 10) /* ACM's greatest certificate has 24 KiB */
#define KEPT_SIZE_MAX ((size_t)4 << 10) /* no account decides how much memory is kept */

/* Of chains, the last one used first. */
static struct certificate *kept[CERTIFICATES_KEPT];

/* OpenSSL's object of exactly these bytes; NULL where they are not DER through and through. */
static X509 *decode_der(const unsigned char *der, size_t length)
{
	const unsigned char *at = der;
	unsigned char *again = NULL;
	X509 *x509 = d2i_X509(NULL, &at, (long)length);
	int size = x509 ? i2d_X509(x509, &again) : -1;
	bool same = size >= 0 && (size_t)size == length && memcmp(again, der, length) == 0;

	OPENSSL_free(again);
	ERR_clear_error();
	if (same)
		return x509;
	X509_free(x509);
	return NULL;
}

int certificate_decode(
	const unsigned char *der, size_t length, struct certificate **ret_certificate, struct error *err)
{
	X509 *x509;

	/* Whose CA it is decides how long it is, and in a chain ACM has room for 2 MiB of names. */
	if (length > DER_SIZE_MAX)
		return error_set(err, ERROR_INVALID, 0, "a certificate of more than %zu bytes", DER_SIZE_MAX);
	x509 = decode_der(der, length);
	if (!x509)
		return error_set(err, ERROR_INVALID, 0, "a certificate that is not X.509 in DER");
	return certificate_describe(x509, ret_certificate, err);
}

/* --- what is kept --- */

static void put_first(struct certificate *certificate, size_t from)
{
	memmove(&kept[1], &kept[0], from * sizeof(*kept));
	kept[0] = certificate;
}

static struct certificate *find_kept(const unsigned char *der, size_t length)
{
	struct fingerprint fingerprint;

	if (!EVP_Digest(der, length, fingerprint.bytes, NULL, EVP_sha256(), NULL))
		mem_exhausted();
	for (size_t i = 0; i < CERTIFICATES_KEPT && kept[i]; i++) {
		struct certificate *found = kept[i];

		if (!fingerprint_equal(&found->fingerprint, &fingerprint))
			continue;
		put_first(found, i);
		found->others++;
		return found;
	}
	return NULL;
}

static void keep(struct certificate *certificate)
{
	if (certificate->der_length > KEPT_SIZE_MAX)
		return;
	certificate_free(kept[CERTIFICATES_KEPT - 1]);
	put_first(certificate, CERTIFICATES_KEPT - 1);
	certificate->others++;
}

void certificate_forget(void)
{
	for (size_t i = 0; i < CERTIFICATES_KEPT; i++)
		kept[i] = certificate_free(kept[i]);
}

/* --- parsing --- */

static int decode(const struct pem_text *body, bool keeping, struct certificate **ret_certificate,
	struct error *err)
{
	_cleanup_(freep) unsigned char *der = mem_alloc(pem_decoded_room(body));
	ssize_t length = pem_decode(body, der);
	int r = 0;

	if (length < 0)
		return error_set(err, ERROR_INVALID, 0, "a certificate whose text is not base64");
	*ret_certificate = keeping ? find_kept(der, (size_t)length) : NULL;
	if (!*ret_certificate) {
		r = certificate_decode(der, (size_t)length, ret_certificate, err);
		if (r == 0 && keeping)
			keep(*ret_certificate);
	}
	return r;
}

static int parse(const char *pem, size_t length, bool keeping, struct certificate_list *ret_list,
	struct error *err)
{
	_cleanup_(certificate_list_done) struct certificate_list list = { 0 };
	struct pem_text text = { pem, length }, body;
	struct certificate *certificate = NULL;
	int r;

	if (length > CERTIFICATE_TEXT_MAX)
		return error_set(err, ERROR_INVALID, 0, "more than %zu bytes of certificates",
			CERTIFICATE_TEXT_MAX);
	while ((r = pem_next(&text, LABEL, &body, err)) > 0) {
		if (list.count == CHAIN_MAX)
			return error_set(
				err, ERROR_INVALID, 0, "more than %d certificates", CHAIN_MAX);
		r = decode(&body, keeping, &certificate, err);
		if (r < 0)
			return r;
		certificate_list_append(&list, certificate);
	}
	if (r < 0)
		return r;
	*ret_list = list;
	list = (struct certificate_list){ 0 };
	return 0;
}

int certificate_parse(
	const char *pem, size_t length, struct certificate **ret_certificate, struct error *err)
{
	_cleanup_(certificate_list_done) struct certificate_list list = { 0 };
	int r;

	r = parse(pem, length, false, &list, err);
	if (r < 0)
		return r;
	if (list.count == 0)
		return error_set(err, ERROR_INVALID, 0, "no certificate");
	if (list.count > 1)
		return error_set(
			err, ERROR_INVALID, 0, "%zu certificates where one belongs", list.count);
	*ret_certificate = take(list.items[0]);
	return 0;
}

void certificate_list_append(struct certificate_list *list, struct certificate *certificate)
{
	list->items = mem_resize(list->items, list->count + 1, sizeof(*list->items));
	list->items[list->count++] = certificate;
}

int certificate_chain_parse(
	const char *pem, size_t length, struct certificate_list *ret_list, struct error *err)
{
	return parse(pem, length, true, ret_list, err);
}

static void append_pem(struct buf *buf, const struct certificate *certificate)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long length;

	if (!bio || !PEM_write_bio_X509(bio, certificate->x509))
		mem_exhausted();
	length = BIO_get_mem_data(bio, &text);
	buf_append(buf, text, (size_t)length);
	BIO_free(bio);
}

char *certificate_pem(const struct certificate *certificate)
{
	struct buf buf = BUF_NULL;

	append_pem(&buf, certificate);
	return buf_take(&buf);
}

char *certificate_list_pem(const struct certificate_list *list)
{
	struct buf buf = BUF_NULL;

	for (size_t i = 0; i < list->count; i++)
		append_pem(&buf, list->items[i]);
	return buf_take(&buf);
}

void certificate_list_digest(const struct certificate_list *list, struct fingerprint *ret_digest)
{
	_cleanup_(buf_done) struct buf all = BUF_NULL;

	memset(ret_digest, 0, sizeof(*ret_digest));
	if (list->count == 0)
		return;
	for (size_t i = 0; i < list->count; i++) {
		unsigned char *der = NULL;
		int length = i2d_X509(list->items[i]->x509, &der);

		if (length < 0)
			mem_exhausted();
		buf_append(&all, der, (size_t)length);
		OPENSSL_free(der);
	}
	if (!EVP_Digest(all.data, all.length, ret_digest->bytes, NULL, EVP_sha256(), NULL))
		mem_exhausted();
}

int certificate_text_digest(const char *pem, size_t length, struct fingerprint *ret_digest)
{
	_cleanup_(freep) unsigned char *all = NULL;
	struct pem_text text = { pem, length }, body;
	struct fingerprint digest = { 0 };
	size_t used = 0;
	int r;

	if (length > CERTIFICATE_TEXT_MAX)
		return -EINVAL;
	all = mem_alloc(length); /* base64 decodes to less than it takes */
	while ((r = pem_next(&text, LABEL, &body, NULL)) > 0) {
		ssize_t size = pem_decode(&body, all + used);

		if (size < 0)
			return -EINVAL;
		used += (size_t)size;
	}
	if (r < 0)
		return -EINVAL;
	if (used && !EVP_Digest(all, used, digest.bytes, NULL, EVP_sha256(), NULL))
		mem_exhausted();
	*ret_digest = digest;
	return 0;
}

void certificate_authority_digest(
	const struct certificate *certificate, struct fingerprint *ret_digest)
{
	_cleanup_(buf_done) struct buf both = BUF_NULL;
	unsigned char *name = NULL, *key = NULL;
	int name_length = i2d_X509_NAME(X509_get_subject_name(certificate->x509), &name);
	int key_length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate->x509), &key);

	if (name_length < 0 || key_length < 0)
		mem_exhausted();
	buf_append(&both, name, (size_t)name_length);
	buf_append(&both, key, (size_t)key_length);
	OPENSSL_free(name);
	OPENSSL_free(key);
	if (!EVP_Digest(both.data, both.length, ret_digest->bytes, NULL, EVP_sha256(), NULL))
		mem_exhausted();
}

bool certificate_issued_by(const struct certificate *certificate, const struct certificate *issuer)
{
	int state = X509_check_issued(issuer->x509, certificate->x509);
	EVP_PKEY *key = X509_get0_pubkey(issuer->x509);
	bool signs;

	/* Whether the issuer was allowed to is another question, asked after the names fit. */
	if (state != X509_V_OK && state != X509_V_ERR_KEYUSAGE_NO_CERTSIGN &&
		state != X509_V_ERR_KEYUSAGE_NO_DIGITAL_SIGNATURE)
		return false;
	signs = X509_verify(certificate->x509, key) == 1;
	ERR_clear_error();
	return signs;
}

bool certificate_is_self_signed(const struct certificate *certificate)
{
	bool signs = X509_self_signed(certificate->x509, 1) == 1;

	ERR_clear_error();
	return signs;
}

static bool name_covers(const char *have, const char *name)
{
	const char *rest = strchr(name, '.');

	if (strcasecmp(have, name) == 0)
		return true;
	return have[0] == '*' && have[1] == '.' && rest && rest > name && name[0] != '*' &&
	       strcasecmp(have + 1, rest) == 0;
}

bool certificate_covers(const struct certificate *certificate, const char *name)
{
	_cleanup_(freep) char *plain = name_normal(name);

	if (name_kind(plain) != NAME_DNS)
		return strv_has(certificate->other_names, plain);
	STRV_FOREACH (have, certificate->names)
		if (name_covers(*have, plain))
			return true;
	return false;
}

bool certificate_has_usage(const struct certificate *certificate, const char *oid)
{
	return !certificate->has_extended_key_usage ||
	       strv_has(certificate->extended_key_usages, oid) ||
	       strv_has(certificate->extended_key_usages, OID_ANY_USAGE);
}

struct certificate *certificate_free(struct certificate *certificate)
{
	if (!certificate)
		return NULL;
	if (certificate->others) {
		certificate->others--;
		return NULL;
	}
	X509_free(certificate->x509);
	free(certificate->signature_algorithm);
	strv_free(certificate->extended_key_usages);
	free(certificate->key_algorithm);
	strv_free(certificate->other_names);
	strv_free(certificate->names);
	free(certificate->common_name);
	free(certificate->issuer);
	free(certificate->subject);
	free(certificate->serial);
	free(certificate);
	return NULL;
}

void certificate_list_done(struct certificate_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		certificate_free(list->items[i]);
	free(list->items);
	*list = (struct certificate_list){ 0 };
}
