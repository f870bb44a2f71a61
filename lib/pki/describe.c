/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/pki/describe.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/bounded.h"
#include "lib/base/buf.h"
#include "lib/base/encode.h"
#include "lib/base/strv.h"
#include "lib/pki/name.h"

static int malformed(struct error *err, const char *what)
{
	return error_set(err, ERROR_INVALID, 0, "a certificate whose %s malformed", what);
}

static int describe_time(const ASN1_TIME *from, usec_t *ret_time)
{
	struct tm tm;
	time_t seconds;

	if (!ASN1_TIME_to_tm(from, &tm))
		return -1;
	seconds = timegm(&tm);
	*ret_time = seconds < 0 ? 0 : (usec_t)seconds * USEC_PER_SEC;
	return 0;
}

static char *describe_serial(const X509 *x509)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x509);
	const unsigned char *bytes = ASN1_STRING_get0_data(serial);
	int length = ASN1_STRING_length(serial);
	struct buf text = BUF_NULL;

	for (int i = 0; i < length; i++)
		buf_printf(&text, "%s%02x", i ? ":" : "", bytes[i]);
	return buf_take(&text);
}

/* RFC 2253 with every byte that is not printable ASCII escaped: safe in logs and messages.  NULL
 * where a part is not of its own string type. */
static char *describe_name(const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *text = NULL;
	long length;

	if (!bio)
		mem_exhausted();
	if (X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0) {
		length = BIO_get_mem_data(bio, &data);
		text = length > 0 ? mem_strndup(data, (size_t)length) : mem_strdup("");
	}
	BIO_free(bio);
	return text;
}

/* A DNS name as a C string in lower case; NULL where it holds a byte that none may hold. */
static char *plain_name(const unsigned char *data, int length)
{
	char *text;

	if (length <= 0)
		return NULL;
	for (int i = 0; i < length; i++)
		if (data[i] <= ' ' || data[i] >= 0x7f)
			return NULL;
	text = mem_strndup((const char *)data, (size_t)length);
	for (char *c = text; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return text;
}

/* The common name, for people; with a NUL or a control character inside it is nobody's. */
static int describe_common_name(struct certificate *certificate, struct error *err)
{
	X509_NAME *subject = X509_get_subject_name(certificate->x509);
	int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1), length;
	unsigned char *data;

	if (index < 0)
		return 0;
	length = ASN1_STRING_to_UTF8(
		&data, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)));
	if (length < 0)
		return malformed(err, "common name is");
	for (int i = 0; i < length; i++) {
		if (data[i] < ' ' || data[i] == 0x7f) {
			OPENSSL_free(data);
			return malformed(err, "common name is");
		}
	}
	certificate->common_name = mem_strndup((const char *)data, (size_t)length);
	OPENSSL_free(data);
	return 0;
}

/* Of a URI or an e-mail address: a byte that none may hold is escaped. */
static char *escaped_name(const ASN1_STRING *string)
{
	const unsigned char *data = ASN1_STRING_get0_data(string);
	_cleanup_(freep) char *text = NULL;
	struct buf escaped = BUF_NULL;

	for (int i = 0; i < ASN1_STRING_length(string); i++)
		if (data[i] <= ' ' || data[i] >= 0x7f)
			buf_printf(&escaped, "%%%02X", data[i]);
		else
			buf_append_char(&escaped, (char)data[i]);
	text = buf_take(&escaped);
	return name_normal(text);
}

/* Of neither size it is nobody's, and still one that can be lost. */
static char *address_name(const ASN1_OCTET_STRING *string)
{
	const unsigned char *data = ASN1_STRING_get0_data(string);
	int length = ASN1_STRING_length(string);
	int family = length == 4 ? AF_INET : AF_INET6;
	char text[INET6_ADDRSTRLEN];
	struct buf odd = BUF_NULL;

	if (length == 4 || length == 16)
		return mem_strdup(inet_ntop(family, data, text, sizeof(text)));
	for (int i = 0; i < length; i++)
		buf_printf(&odd, "%s%02x", i ? ":" : "address of ", data[i]);
	return odd.length ? buf_take(&odd) : mem_strdup("address of no bytes");
}

/* An IP address, URI or e-mail address, or NULL for what is neither. */
static char *other_name(const GENERAL_NAME *name)
{
	switch (name->type) {
	case GEN_IPADD:
		return address_name(name->d.iPAddress);
	case GEN_URI:
		return escaped_name(name->d.uniformResourceIdentifier);
	case GEN_EMAIL:
		return escaped_name(name->d.rfc822Name);
	default:
		return NULL;
	}
}

/* In one go: a list that grows name by name takes the square of their number, which somebody else decides. */
static int take_names(struct certificate *certificate, const GENERAL_NAMES *names)
{
	size_t count = (size_t)MAX(sk_GENERAL_NAME_num(names), 0), dns = 0, others = 0;
	_cleanup_(strv_freep) char **dns_names = mem_alloc((count + 1) * sizeof(char *));
	_cleanup_(strv_freep) char **other_names = mem_alloc((count + 1) * sizeof(char *));

	for (size_t i = 0; i < count; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, (int)i);

		if (name->type != GEN_DNS) {
			other_names[others] = other_name(name);
			others += other_names[others] != NULL;
			continue;
		}
		dns_names[dns] = plain_name(ASN1_STRING_get0_data(name->d.dNSName),
			ASN1_STRING_length(name->d.dNSName));
		if (!dns_names[dns++])
			return -1;
	}
	if (dns)
		certificate->names = take(dns_names);
	if (others)
		certificate->other_names = take(other_names);
	return 0;
}

static int describe_names(struct certificate *certificate, struct error *err)
{
	const char *common_name = certificate->common_name;
	int critical, r;
	GENERAL_NAMES *names = X509_get_ext_d2i(
		certificate->x509, NID_subject_alt_name, &critical, NULL);

	if (!names && critical != -1)
		return malformed(err, "subject alternative names are");
	if (!names && common_name) {
		_cleanup_(freep) char *text = plain_name(
			(const unsigned char *)common_name, (int)strlen(common_name));

		if (text)
			strv_append(&certificate->names, text);
	}
	r = names ? take_names(certificate, names) : 0;
	GENERAL_NAMES_free(names);
	return r < 0 ? malformed(err, "subject alternative names are") : 0;
}

static char *ec_algorithm(const EVP_PKEY *key)
{
	char group[64];

	/* X9.62's prime256v1 is the name that ACM uses; OpenSSL uses it too. */
	if (EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) <= 0)
		return mem_strdup("EC_unnamed");
	return mem_printf("EC_%s", group);
}

static int describe_key(struct certificate *certificate, struct error *err)
{
	const EVP_PKEY *key = X509_get0_pubkey(certificate->x509);

	if (!key)
		return malformed(err, "public key is unknown or");
	certificate->key_bits = EVP_PKEY_get_bits(key);
	certificate->key_is_rsa = EVP_PKEY_is_a(key, "RSA");
	certificate->key_is_ec = EVP_PKEY_is_a(key, "EC");
	if (certificate->key_is_ec)
		certificate->key_algorithm = ec_algorithm(key);
	else
		certificate->key_algorithm = mem_printf(
			"%s_%d", EVP_PKEY_get0_type_name(key), certificate->key_bits);
	return 0;
}

static int describe_key_usage(struct certificate *certificate, struct error *err)
{
	int critical;
	ASN1_BIT_STRING *bits = X509_get_ext_d2i(certificate->x509, NID_key_usage, &critical, NULL);

	if (!bits && critical != -1)
		return malformed(err, "key usage is");
	certificate->has_key_usage = bits;
	for (int i = 0; bits && i <= 8; i++)
		if (ASN1_BIT_STRING_get_bit(bits, i))
			certificate->key_usage |= 1u << i;
	ASN1_BIT_STRING_free(bits);
	return 0;
}

static int describe_extended_key_usage(struct certificate *certificate, struct error *err)
{
	int critical;
	EXTENDED_KEY_USAGE *usages = X509_get_ext_d2i(
		certificate->x509, NID_ext_key_usage, &critical, NULL);
	size_t count = (size_t)MAX(sk_ASN1_OBJECT_num(usages), 0);

	if (!usages && critical != -1)
		return malformed(err, "extended key usage is");
	certificate->has_extended_key_usage = usages;
	if (count)
		certificate->extended_key_usages = mem_alloc((count + 1) * sizeof(char *));
	for (size_t i = 0; i < count; i++) {
		char oid[128] = "";

		OBJ_obj2txt(oid, sizeof(oid), sk_ASN1_OBJECT_value(usages, (int)i), 1);
		certificate->extended_key_usages[i] = mem_strdup(oid);
	}
	sk_ASN1_OBJECT_pop_free(usages, ASN1_OBJECT_free);
	return 0;
}

static int describe_constraints(struct certificate *certificate, struct error *err)
{
	int critical;
	BASIC_CONSTRAINTS *constraints = X509_get_ext_d2i(
		certificate->x509, NID_basic_constraints, &critical, NULL);

	if (!constraints && critical != -1)
		return malformed(err, "basic constraints are");
	certificate->is_ca = constraints && constraints->ca;
	BASIC_CONSTRAINTS_free(constraints);
	return 0;
}

static int describe(struct certificate *certificate, struct error *err)
{
	static int (*const parts[])(struct certificate *, struct error *) = {
		describe_common_name,
		describe_names,
		describe_key,
		describe_key_usage,
		describe_extended_key_usage,
		describe_constraints,
	};
	X509 *x509 = certificate->x509;
	int r = 0;

	if (!X509_digest(x509, EVP_sha256(), certificate->fingerprint.bytes, NULL))
		mem_exhausted();
	if (describe_time(X509_get0_notBefore(x509), &certificate->not_before) < 0 ||
		describe_time(X509_get0_notAfter(x509), &certificate->not_after) < 0)
		return malformed(err, "dates are");
	certificate->serial = describe_serial(x509);
	certificate->subject = bounded(describe_name(X509_get_subject_name(x509)), BOUNDED_NAME);
	certificate->issuer = bounded(describe_name(X509_get_issuer_name(x509)), BOUNDED_NAME);
	if (!certificate->subject || !certificate->issuer)
		return malformed(err, "subject or issuer is");
	certificate->x509_version = (int)X509_get_version(x509) + 1;
	certificate->signature_algorithm = mem_strdup(OBJ_nid2ln(X509_get_signature_nid(x509)));
	certificate->der_length = (size_t)i2d_X509(x509, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(parts) && r == 0; i++)
		r = parts[i](certificate, err);
	return r;
}

int certificate_describe(
	struct x509_st *x509, struct certificate **ret_certificate, struct error *err)
{
	_cleanup_(certificate_freep) struct certificate *certificate = mem_new(struct certificate);
	int r;

	certificate->x509 = x509;
	r = describe(certificate, err);
	ERR_clear_error();
	if (r < 0)
		return r;
	*ret_certificate = take(certificate);
	return 0;
}
