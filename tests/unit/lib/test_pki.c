/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates and keys made here by OpenSSL, read by lib/pki. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "lib/base/buf.h"
#include "lib/base/strv.h"
#include "lib/os/file.h"
#include "lib/pki/certificate.h"
#include "lib/pki/key.h"
#include "lib/pki/outline.h"

#define PASSPHRASE "correct horse battery staple"

static EVP_PKEY *rsa_key, *ec_key;

static char *take_text(BIO *bio)
{
	char *data, *text;
	long length = BIO_get_mem_data(bio, &data);

	text = mem_strndup(data, (size_t)length);
	BIO_free(bio);
	return text;
}

/* Encrypt as AWS does: PBES2, PBKDF2 with 2048 iterations and 20 bytes of salt, AES-256-CBC. */
static char *encrypt_key(EVP_PKEY *key, int prf, const char *passphrase)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	X509_ALGOR *algorithm = PKCS5_pbe2_set_iv(EVP_aes_256_cbc(), 2048, NULL, 20, NULL, prf);
	X509_SIG *sealed = PKCS8_set0_pbe(passphrase, (int)strlen(passphrase), info, algorithm);
	BIO *bio = BIO_new(BIO_s_mem());

	assert_non_null(sealed);
	assert_true(PEM_write_bio_PKCS8(bio, sealed));
	X509_SIG_free(sealed);
	PKCS8_PRIV_KEY_INFO_free(info);
	return take_text(bio);
}

static char *traditional(EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());

	assert_true(PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL));
	return take_text(bio);
}

static char *pkcs8(EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());

	assert_true(PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
	return take_text(bio);
}

static struct secret *secret_of(const char *text)
{
	struct secret *secret;

	assert_int_equal(secret_from(text, strlen(text), &secret, NULL), 0);
	return secret;
}

static void add_extension(X509 *x509, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(extension);
	assert_true(X509_add_ext(x509, extension, -1));
	X509_EXTENSION_free(extension);
}

static X509 *new_x509(EVP_PKEY *key, const char *name)
{
	X509 *x509 = X509_new();

	X509_set_version(x509, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x509), 0x0abc01);
	ASN1_TIME_set_string_X509(X509_getm_notBefore(x509), "20260102030405Z");
	ASN1_TIME_set_string_X509(X509_getm_notAfter(x509), "20560102030405Z");
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "O", MBSTRING_ASC,
		(const unsigned char *)"Test, only", -1, -1, 0);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC,
		(const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(x509, X509_get_subject_name(x509));
	X509_set_pubkey(x509, key);
	return x509;
}

static struct certificate *finish(X509 *x509, EVP_PKEY *key)
{
	struct certificate *certificate = NULL;
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem;

	assert_true(X509_sign(x509, key, EVP_sha256()));
	assert_true(PEM_write_bio_X509(bio, x509));
	X509_free(x509);
	pem = take_text(bio);
	certificate_parse(pem, strlen(pem), &certificate, NULL);
	free(pem);
	return certificate;
}

static struct certificate *simple(EVP_PKEY *key)
{
	return finish(new_x509(key, "a.example.com"), key);
}

static void test_describes(void **state)
{
	X509 *x509 = new_x509(rsa_key, "A.example.com");
	_cleanup_(certificate_freep) struct certificate *certificate = NULL;
	char text[TIME_TEXT_SIZE], hex[FINGERPRINT_TEXT_SIZE];
	struct fingerprint again;

	add_extension(
		x509, NID_subject_alt_name,
		"DNS:B.Example.com,DNS:*.c.example.com,IP:10.0.0.1,IP:2001:DB8:0:0::1,"
		"URI:SPIFFE://User@Example.com/Pay,email:Ops@Example.com,RID:1.2.3.4");
	add_extension(x509, NID_key_usage, "digitalSignature,keyEncipherment");
	add_extension(x509, NID_ext_key_usage, "serverAuth,1.2.3.4");
	certificate = finish(x509, rsa_key);
	assert_non_null(certificate);
	assert_string_equal(certificate->serial, "0a:bc:01");
	assert_string_equal(time_format(certificate->not_before, text), "2026-01-02T03:04:05Z");
	assert_string_equal(time_format(certificate->not_after, text), "2056-01-02T03:04:05Z");
	assert_string_equal(certificate->subject, "CN=A.example.com,O=Test\\, only");
	assert_string_equal(certificate->issuer, certificate->subject);
	assert_string_equal(certificate->common_name, "A.example.com");
	assert_int_equal(strv_length(certificate->names), 2);
	assert_string_equal(certificate->names[0], "b.example.com");
	assert_int_equal(strv_length(certificate->other_names), 4);
	assert_string_equal(certificate->other_names[0], "10.0.0.1");
	assert_string_equal(certificate->other_names[1], "2001:db8::1");
	assert_string_equal(certificate->other_names[2], "spiffe://User@example.com/Pay");
	assert_string_equal(certificate->other_names[3], "Ops@example.com");
	assert_string_equal(certificate->key_algorithm, "RSA_2048");
	assert_true(certificate->key_is_rsa && !certificate->key_is_ec);
	assert_int_equal(certificate->key_bits, 2048);
	assert_true(certificate->has_key_usage);
	assert_int_equal(
		certificate->key_usage, KEY_USAGE_DIGITAL_SIGNATURE | KEY_USAGE_KEY_ENCIPHERMENT);
	assert_true(certificate_has_usage(certificate, OID_SERVER_AUTH));
	assert_false(certificate_has_usage(certificate, OID_CLIENT_AUTH));
	assert_true(strv_has(certificate->extended_key_usages, "1.2.3.4"));
	assert_false(certificate->is_ca);
	assert_int_equal(certificate->x509_version, 3);
	assert_string_equal(certificate->signature_algorithm, "sha256WithRSAEncryption");
	assert_true(certificate_is_self_signed(certificate));
	assert_true(certificate_issued_by(certificate, certificate));
	fingerprint_format(&certificate->fingerprint, hex);
	assert_int_equal(fingerprint_parse(hex, &again), 0);
	assert_true(fingerprint_equal(&again, &certificate->fingerprint));
	assert_true(fingerprint_is_set(&again));
	assert_int_equal(fingerprint_parse("12", &again), -EINVAL);
}

/* Bytes that no name of its kind has are no reason to read nothing of a certificate. */
static void test_odd_names(void **state)
{
	X509 *x509 = new_x509(rsa_key, "a.example.com");
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	static const struct {
		int type;
		const char *data;
		int length;
		const char *text;
	} odd[] = {
		{ GEN_IPADD, "\x0a\0\0\1\xff", 5, "address of 0a:00:00:01:ff" },
		{ GEN_IPADD, "", 0, "address of no bytes" },
		{ GEN_EMAIL, "a b\xc3\xa4@x", 7, "a%20b%C3%A4@x" },
		{ GEN_URI, "x\0y", 3, "x%00y" },
		{ GEN_URI, "", 0, "" },
	};
	_cleanup_(certificate_freep) struct certificate *certificate = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		GENERAL_NAME *name = GENERAL_NAME_new();
		ASN1_STRING *string = ASN1_STRING_type_new(
			odd[i].type == GEN_IPADD ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);

		assert_true(ASN1_STRING_set(string, odd[i].data, odd[i].length));
		GENERAL_NAME_set0_value(name, odd[i].type, string);
		assert_true(sk_GENERAL_NAME_push(names, name) > 0);
	}
	assert_true(X509_add1_ext_i2d(x509, NID_subject_alt_name, names, 0, 0));
	GENERAL_NAMES_free(names);
	certificate = finish(x509, rsa_key);
	assert_non_null(certificate);
	assert_null(certificate->names);
	assert_int_equal(strv_length(certificate->other_names), ARRAY_SIZE(odd));
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++)
		assert_string_equal(certificate->other_names[i], odd[i].text);
}

/* A certificate with so many names that its DER is about ${length} long, as PEM. */
static char *many_names(size_t length, size_t *ret_count)
{
	X509 *x509 = new_x509(ec_key, "many");
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	BIO *bio = BIO_new(BIO_s_mem());

	*ret_count = length / 10;
	for (size_t i = 0; i < *ret_count; i++) {
		GENERAL_NAME *name = GENERAL_NAME_new();
		ASN1_IA5STRING *text = ASN1_IA5STRING_new();
		char digits[9];

		snprintf(digits, sizeof(digits), "n%07u", (unsigned)i);
		assert_true(ASN1_STRING_set(text, digits, 8));
		GENERAL_NAME_set0_value(name, GEN_DNS, text);
		assert_true(sk_GENERAL_NAME_push(names, name) > 0);
	}
	assert_true(X509_add1_ext_i2d(x509, NID_subject_alt_name, names, 0, 0));
	GENERAL_NAMES_free(names);
	assert_true(X509_sign(x509, ec_key, EVP_sha256()));
	assert_true(PEM_write_bio_X509(bio, x509));
	X509_free(x509);
	return take_text(bio);
}

/* Who holds the private key of a CA decides how long the certificates in a chain are. */
static void test_length_is_bounded(void **state)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(certificate_freep) struct certificate *certificate = NULL;
	_cleanup_(certificate_list_done) struct certificate_list list = { 0 };
	size_t count, more;
	_cleanup_(freep) char *most = many_names(65000, &count), *over = many_names(66000, &more);
	_cleanup_(freep) char *chain = mem_printf("%s%s", most, over);

	assert_int_equal(certificate_parse(most, strlen(most), &certificate, &err), 0);
	assert_true(certificate->der_length <= 65536);
	assert_int_equal(strv_length(certificate->names), count);
	assert_string_equal(certificate->names[0], "n0000000");
	assert_string_equal(certificate->names[count - 1], "n0006499");
	assert_int_equal(certificate_chain_parse(chain, strlen(chain), &list, &err), -EINVAL);
	assert_string_equal(err.text, "a certificate of more than 65536 bytes");
}

static void test_describes_ec_without_extensions(void **state)
{
	_cleanup_(certificate_freep) struct certificate *certificate = simple(ec_key);

	assert_string_equal(certificate->key_algorithm, "EC_prime256v1");
	assert_true(certificate->key_is_ec);
	assert_int_equal(certificate->key_bits, 256);
	assert_string_equal(certificate->names[0], "a.example.com");
	assert_null(certificate->names[1]);
	assert_false(certificate->has_key_usage || certificate->has_extended_key_usage);
	assert_true(certificate_has_usage(certificate, OID_CLIENT_AUTH));
}

static void test_covers(void **state)
{
	X509 *x509 = new_x509(ec_key, "ignored.example.com");
	_cleanup_(certificate_freep) struct certificate *certificate = NULL;

	add_extension(x509, NID_subject_alt_name, "DNS:a.example.com,DNS:*.b.example.com");
	certificate = finish(x509, ec_key);
	assert_true(certificate_covers(certificate, "a.example.com"));
	assert_true(certificate_covers(certificate, "A.Example.com."));
	assert_true(certificate_covers(certificate, "x.b.example.com"));
	assert_true(certificate_covers(certificate, "*.b.example.com"));
	assert_false(certificate_covers(certificate, "b.example.com"));
	assert_false(certificate_covers(certificate, ".b.example.com"));
	assert_false(certificate_covers(certificate, "x.y.b.example.com"));
	assert_false(certificate_covers(certificate, "*.example.com"));
	assert_false(certificate_covers(certificate, "ignored.example.com"));
	assert_false(certificate_covers(certificate, ""));
}

static void test_common_name_with_control_is_refused(void **state)
{
	assert_null(finish(new_x509(ec_key, "a.example.com\n.evil.example"), ec_key));
}

static void test_pem_round_trip(void **state)
{
	_cleanup_(certificate_freep) struct certificate *a = simple(ec_key), *b = simple(rsa_key);
	struct certificate *both[] = { a, b };
	struct certificate_list list = { both, 2 }, none = { 0 };
	_cleanup_(certificate_list_done) struct certificate_list again = { 0 };
	_cleanup_(freep) char *pem = certificate_list_pem(&list),
			      *empty = certificate_list_pem(&none);
	_cleanup_(freep) char *padded = mem_printf("\r\n %s\t", pem);
	struct fingerprint digest, other;

	assert_int_equal(certificate_chain_parse(padded, strlen(padded), &again, NULL), 0);
	assert_int_equal(again.count, 2);
	assert_true(fingerprint_equal(&again.items[1]->fingerprint, &b->fingerprint));
	certificate_list_digest(&list, &digest);
	certificate_list_digest(&again, &other);
	assert_true(fingerprint_equal(&digest, &other));
	assert_int_equal(certificate_text_digest(padded, strlen(padded), &other), 0);
	assert_true(fingerprint_equal(&digest, &other));
	certificate_list_digest(&none, &other);
	assert_false(fingerprint_is_set(&other));
	assert_string_equal(empty, "");
	assert_null(strchr(pem, '\r'));
}

/* Of a certificate in tests/cases/verify/pem. */
static struct fingerprint authority_of(const char *name)
{
	_cleanup_(freep) char *path = mem_printf("tests/cases/verify/pem/%s.crt", name);
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	_cleanup_(certificate_freep) struct certificate *certificate = NULL;
	struct fingerprint digest;

	assert_int_equal(file_read(path, 65536, &text, NULL), 0);
	assert_int_equal(certificate_parse(text.data, text.length, &certificate, NULL), 0);
	certificate_authority_digest(certificate, &digest);
	return digest;
}

/* A CA is who it is by its name and its key, whenever its certificate was issued and by whom. */
static char *with_line_ends(const char *text, const char *end)
{
	struct buf result = BUF_NULL;

	for (; *text; text++) {
		if (*text == '\n')
			buf_append_string(&result, end);
		else
			buf_append_char(&result, *text);
	}
	return buf_take(&result);
}

/* ${format}: what surrounds two certificates. */
__attribute__((format(printf, 3, 4))) static void assert_reads(
	size_t count, const char *line_end, const char *format, ...)
{
	_cleanup_(certificate_list_done) struct certificate_list list = { 0 };
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(freep) char *text = NULL;
	struct buf plain = BUF_NULL;
	va_list arguments;

	va_start(arguments, format);
	assert_true(vasprintf(&plain.data, format, arguments) >= 0);
	va_end(arguments);
	text = with_line_ends(plain.data, line_end);
	free(plain.data);
	(void)certificate_list_parse(text, strlen(text), &list, &err);
	assert_null(err.text);
	assert_int_equal(list.count, count);
}

static char *relabelled(const char *pem, const char *label)
{
	_cleanup_(freep) char *copy = mem_strdup(pem);
	char *body = strchr(copy, '\n'), *end = strstr(copy, "-----END");

	*end = '\0';
	return mem_printf("-----BEGIN %s-----%s-----END %s-----\n", label, body, label);
}

static void test_list_reads_what_people_have(void **state)
{
	_cleanup_(certificate_freep) struct certificate *one = simple(ec_key),
							*two = simple(rsa_key);
	_cleanup_(freep) char *a = certificate_pem(one), *b = certificate_pem(two);
	_cleanup_(freep) char *old = relabelled(a, "X509 CERTIFICATE");
	_cleanup_(freep) char *flat = with_line_ends(a, " "), *bare = mem_strndup(a, strlen(a) - 1);
	_cleanup_(certificate_list_done) struct certificate_list many = { 0 };
	_cleanup_(freep) char *hundreds = NULL;

	assert_reads(0, "\n", "# no root yet\n");
	for (size_t i = 0; i < 3; i++) {
		const char *end = i == 0 ? "\n" : i == 1 ? "\r\n" : "\r";

		assert_reads(2, end, "%s%s", a, b);
		assert_reads(2, end, "\xEF\xBB\xBF%s\n\n%s\n", a, b);
		assert_reads(2, end,
			"Root of ours\n============\nCertificate:\n    Data: - -- -----\n%s\n# the "
			"other -----BEGIN x\n%s"
			"the end of a mail",
			a, b);
	}
	assert_reads(2, "\n", "%s%s", bare,
		bare); /* put together by a program that adds no end of line */
	assert_reads(2, " \n\t", "   %s%s", a, b);
	assert_reads(2, "\n", "%s\n%s", flat, old);

	for (size_t i = 0; i < 400; i++)
		certificate_list_append(&many, simple(ec_key));
	hundreds = certificate_list_pem(&many);
	assert_reads(400, "\n", "%s", hundreds);
}

/* As `openssl x509 -trustout` writes it. */
static char *trusted(int nid, bool reject)
{
	X509 *x509 = new_x509(ec_key, "a.example.com");
	BIO *bio = BIO_new(BIO_s_mem());
	ASN1_OBJECT *use = nid ? OBJ_nid2obj(nid) : NULL;

	assert_true(X509_sign(x509, ec_key, EVP_sha256()) > 0);
	assert_true(X509_alias_set1(x509, (const unsigned char *)"ours", 4));
	if (use)
		assert_true(reject ? X509_add1_reject_object(x509, use)
				   : X509_add1_trust_object(x509, use));
	assert_true(PEM_write_bio_X509_AUX(bio, x509));
	X509_free(x509);
	return take_text(bio);
}

static void test_list_reads_trusted_certificates(void **state)
{
	_cleanup_(freep) char *any = trusted(0, false), *server = trusted(NID_server_auth, false),
			      *mail = trusted(NID_email_protect, false),
			      *none = trusted(NID_server_auth, true);

	assert_non_null(strstr(any, "BEGIN TRUSTED CERTIFICATE"));
	assert_reads(2, "\n", "%s%s%s%s", mail, any, none, server);
}

static void test_list_tells_the_line_of_a_mistake(void **state)
{
	_cleanup_(certificate_freep) struct certificate *one = simple(ec_key);
	_cleanup_(freep) char *a = certificate_pem(one), *key = relabelled(a, "PRIVATE KEY"),
			      *plain = relabelled(a, "TRUSTED CERTIFICATE"),
			      *cut = mem_strndup(a, (size_t)(strstr(a, "-----END") - a)),
			      *dashes = mem_printf("-%s", a), *sign = mem_strdup(a),
			      *short_one = mem_strdup(a), *other = mem_strdup(a),
			      *named = mem_strdup(a);
	const struct {
		const char *text, *says;
	} mistakes[] = {
		{ key, "line 3: a block 'PRIVATE KEY', where only certificates can stand" },
		{ cut, "line 3: the block that begins here has no end" },
		{ dashes, ": a block ends here that does not begin" },
		{ sign, "line 5: a character that is not base64 stands in a certificate" },
		{ short_one, "line 3: the certificate that begins here is cut off or not base64" },
		{ other, "line 3: a certificate that is not X.509 in DER" },
		{ named, ": the line that ends a block does not fit the one that begins it" },
		{ "-----BEGIN CERTIFICATE\nAAAA\n",
			"line 3: the line that begins a block does not end with -----" },
		{ "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
			"line 3: the certificate that begins here" },
	};

	sign[strlen("-----BEGIN CERTIFICATE-----\n") + 70] = '!';
	memmove(strstr(short_one, "\n-----END") - 1, strstr(short_one, "\n-----END"),
		strlen(strstr(short_one, "\n-----END")) + 1);
	other[strlen("-----BEGIN CERTIFICATE-----\n")] ^= 4;
	strstr(named, "-----END ")[9] = 'K';
	assert_non_null(plain);
	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
		_cleanup_(certificate_list_done) struct certificate_list list = { 0 };
		_cleanup_(error_done) struct error err = ERROR_NULL;
		_cleanup_(freep) char *text = mem_printf("# ours\r\n\r%s", mistakes[i].text);

		assert_int_equal(certificate_list_parse(text, strlen(text), &list, &err), -EINVAL);
		if (!strstr(err.text, mistakes[i].says))
			fail_msg("'%s', not '%s'", err.text, mistakes[i].says);
		assert_true(strncmp(err.text, "line ", 5) == 0);
	}
	assert_reads(1, "\n", "%s", plain); /* with nothing that OpenSSL adds */
}

static void test_list_reads_the_roots_of_this_system(void **state)
{
	_cleanup_(certificate_list_done) struct certificate_list list = { 0 };
	_cleanup_(buf_done) struct buf text = BUF_NULL;

	if (file_read("/etc/ssl/certs/ca-certificates.crt", CERTIFICATE_TEXT_MAX, &text, NULL) < 0)
		skip();
	assert_int_equal(certificate_list_parse(text.data, text.length, &list, NULL), 0);
	assert_true(list.count > 100);
}

static void test_list_refuses_utf_16(void **state)
{
	_cleanup_(certificate_list_done) struct certificate_list list = { 0 };
	_cleanup_(error_done) struct error err = ERROR_NULL;

	assert_int_equal(certificate_list_parse("\xFF\xFE-\0", 4, &list, &err), -EINVAL);
	assert_string_equal(err.text, "line 1: the text is UTF-16; save it as UTF-8");
}

static void test_authority_digest(void **state)
{
	const struct fingerprint root = authority_of("root"), middle = authority_of("intermediate");
	const struct fingerprint early = authority_of("root-expired"), again = authority_of("intermediate-reissued");
	const struct fingerprint other = authority_of("intermediate-by-root2");
	const struct fingerprint namesake = authority_of("namesake-root"), rekeyed = authority_of("intermediate-rekeyed");

	assert_true(fingerprint_is_set(&root));
	assert_true(fingerprint_equal(&root, &early));
	assert_true(fingerprint_equal(&middle, &again));
	assert_true(fingerprint_equal(&middle, &other));
	assert_false(fingerprint_equal(&root, &namesake));
	assert_false(fingerprint_equal(&middle, &rekeyed));
	assert_false(fingerprint_equal(&root, &middle));
}

static void test_text_digest(void **state)
{
	_cleanup_(certificate_freep) struct certificate *a = simple(ec_key);
	_cleanup_(freep) char *pem = certificate_pem(a), *torn = certificate_pem(a);
	struct fingerprint digest = { 0 };

	assert_int_equal(certificate_text_digest(pem, strlen(pem), &digest), 0);
	assert_true(fingerprint_equal(&digest, &a->fingerprint));
	assert_int_equal(certificate_text_digest("", 0, &digest), 0);
	assert_false(fingerprint_is_set(&digest));
	assert_int_equal(certificate_text_digest(pem, strlen(pem) - 5, &digest), -EINVAL);
	assert_int_equal(certificate_text_digest("x", 1, &digest), -EINVAL);
	torn[strlen(torn) / 2] = '!';
	assert_int_equal(certificate_text_digest(torn, strlen(torn), &digest), -EINVAL);
}

static void refuse(const char *pem, size_t length, const char *words)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct certificate *certificate = NULL;

	assert_int_equal(certificate_parse(pem, length, &certificate, &err), -EINVAL);
	assert_null(certificate);
	assert_non_null(strstr(err.text, words));
}

static void test_refuses_bad_certificates(void **state)
{
	_cleanup_(certificate_freep) struct certificate *certificate = simple(ec_key);
	_cleanup_(freep) char *pem = certificate_pem(certificate);
	_cleanup_(freep) char *two = mem_printf("%s%s", pem, pem);
	_cleanup_(freep) char *late = mem_printf("%snonsense", pem);
	size_t length = strlen(pem);

	refuse("", 0, "no certificate");
	refuse("hello", 5, "not a PEM block");
	refuse("-----BEGIN PRIVATE KEY-----\n", 28, "not of the kind");
	refuse(two, strlen(two), "2 certificates");
	refuse(late, strlen(late), "not a PEM block");
	refuse(pem, length - 20, "cut off");
	pem[100] = ' ';
	refuse(pem, length, "base64");
	pem[100] = '=';
	refuse(pem, length, "base64");
}

static void check_outline(const char *pem, const struct certificate *parsed)
{
	_cleanup_(outline_done) struct outline outline = { 0 };

	if (outline_read(pem, strlen(pem), &outline) < 0 || !parsed)
		return;
	assert_true(fingerprint_equal(&outline.fingerprint, &parsed->fingerprint));
	assert_string_equal(outline.serial, parsed->serial);
	assert_int_equal(outline.not_before, parsed->not_before);
	assert_int_equal(outline.not_after, parsed->not_after);
}

/* With dates of both kinds: from 2050 on they are of another type. */
static void test_outline(void **state)
{
	static const char *const serials[] = { "00", "7f", "ff", "0100", "8000000000000000000000000000000000000001" };

	for (size_t i = 0; i < ARRAY_SIZE(serials); i++) {
		_cleanup_(certificate_freep) struct certificate *certificate = NULL;
		_cleanup_(outline_done) struct outline outline = { 0 };
		X509 *x509 = new_x509(ec_key, "a.example.com");
		_cleanup_(freep) char *pem = NULL, *two = NULL;
		BIGNUM *serial = NULL;

		assert_true(BN_hex2bn(&serial, serials[i]));
		BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x509));
		BN_free(serial);
		certificate = finish(x509, ec_key);
		pem = certificate_pem(certificate);
		assert_int_equal(outline_read(pem, strlen(pem), &outline), 0);
		check_outline(pem, certificate);
		two = mem_printf("%s%s", pem, pem);
		assert_int_equal(outline_read(two, strlen(two), &outline), -EINVAL);
	}
	assert_int_equal(outline_read("", 0, &(struct outline){ 0 }), -EINVAL);
}

static void test_outline_of_times(void **state)
{
	static const char *const times[] = { "19700101000000Z", "19691231235959Z", "20240229235959Z", "20491231235959Z",
		"20500101000000Z", "99991231235959Z" };

	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		_cleanup_(certificate_freep) struct certificate *certificate = NULL;
		_cleanup_(outline_done) struct outline outline = { 0 };
		_cleanup_(freep) char *pem = NULL;
		X509 *x509 = new_x509(ec_key, "a.example.com");

		assert_true(ASN1_TIME_set_string_X509(X509_getm_notBefore(x509), times[i]));
		certificate = finish(x509, ec_key);
		pem = certificate_pem(certificate);
		check_outline(pem, certificate);
		assert_int_equal(outline_read(pem, strlen(pem), &outline), i == 1 ? -EINVAL : 0);
	}
}

/* The CAs of chains are parsed once. */
static void test_chains_are_kept(void **state)
{
	_cleanup_(certificate_freep) struct certificate *certificate = simple(ec_key);
	_cleanup_(certificate_list_done) struct certificate_list first = { 0 }, second = { 0 }, third = { 0 };
	_cleanup_(freep) char *pem = certificate_pem(certificate);

	assert_int_equal(certificate_chain_parse(pem, strlen(pem), &first, NULL), 0);
	assert_int_equal(certificate_chain_parse(pem, strlen(pem), &second, NULL), 0);
	assert_ptr_equal(first.items[0], second.items[0]);
	certificate_list_done(&first);
	for (int i = 0; i < CERTIFICATES_KEPT; i++) {
		_cleanup_(certificate_freep) struct certificate *other = simple(ec_key);
		_cleanup_(certificate_list_done) struct certificate_list list = { 0 };
		_cleanup_(freep) char *text = certificate_pem(other);

		assert_int_equal(certificate_chain_parse(text, strlen(text), &list, NULL), 0);
	}
	assert_int_equal(certificate_chain_parse(pem, strlen(pem), &third, NULL), 0);
	assert_ptr_not_equal(second.items[0], third.items[0]);
	assert_string_equal(second.items[0]->subject, third.items[0]->subject);
	certificate_forget();
	assert_string_equal(third.items[0]->subject, certificate->subject);
}

/* Whatever byte is damaged, there is a verdict. */
static void test_survives_damage(void **state)
{
	_cleanup_(certificate_freep) struct certificate *certificate = simple(ec_key);
	_cleanup_(freep) char *pem = certificate_pem(certificate);

	for (size_t i = 0; pem[i]; i++) {
		struct certificate *read = NULL;
		char byte = pem[i];

		for (const char *c = "A/q\n-="; *c; c++) {
			pem[i] = *c;
			if (certificate_parse(pem, strlen(pem), &read, NULL) == 0)
				certificate_is_self_signed(read);
			check_outline(pem, read);
			read = certificate_free(read);
		}
		pem[i] = byte;
	}
}

static void test_issued_by_another(void **state)
{
	_cleanup_(certificate_freep) struct certificate *a = simple(ec_key), *b = simple(rsa_key);

	assert_false(certificate_issued_by(a, b));
}

/* 1: it is, 0: it is not, or the error. */
static int matches(
	const struct secret *key, const struct certificate *certificate, struct error *err)
{
	bool is = false;
	int r = key_matches(key, certificate, &is, err);

	return r < 0 ? r : is;
}

static void check_decrypt(EVP_PKEY *key, int prf)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(freep) char *pem = encrypt_key(key, prf, PASSPHRASE),
			      *expected = traditional(key);
	_cleanup_(freep) char *expected8 = pkcs8(key);
	_cleanup_(secret_freep) struct secret *passphrase = secret_of(PASSPHRASE);
	_cleanup_(secret_freep) struct secret *plain = NULL, *plain8 = NULL;
	_cleanup_(certificate_freep) struct certificate *certificate = simple(key);
	size_t before = CRYPTO_secure_used();

	key_decrypt(pem, strlen(pem), passphrase, &plain, &err);
	assert_null(err.text);
	assert_string_equal(secret_borrow(plain), expected);
	assert_int_equal(matches(plain, certificate, &err), 1);
	assert_int_equal(key_to_pkcs8(plain, &plain8, &err), 0);
	assert_string_equal(secret_borrow(plain8), expected8);
	plain = secret_free(plain);
	plain8 = secret_free(plain8);
	assert_int_equal(CRYPTO_secure_used(), before);
}

static void test_decrypts(void **state)
{
	check_decrypt(rsa_key, NID_hmacWithSHA1);
	check_decrypt(rsa_key, NID_hmacWithSHA256);
	check_decrypt(ec_key, NID_hmacWithSHA1);
	check_decrypt(ec_key, NID_hmacWithSHA224);
	check_decrypt(ec_key, NID_hmacWithSHA256);
	check_decrypt(ec_key, NID_hmacWithSHA384);
	check_decrypt(ec_key, NID_hmacWithSHA512);
}

/* Scalars with leading zero bytes must keep their width. */
static void test_decrypts_many_curves(void **state)
{
	static const char *const curves[] = { "P-256", "P-384", "P-521", "secp256k1" };

	for (size_t i = 0; i < 300; i++) {
		EVP_PKEY *key = EVP_EC_gen(curves[i % ARRAY_SIZE(curves)]);
		_cleanup_(freep) char *pem = encrypt_key(key, NID_hmacWithSHA1, PASSPHRASE);
		_cleanup_(freep) char *expected = traditional(key);
		_cleanup_(secret_freep) struct secret *passphrase = secret_of(PASSPHRASE);
		_cleanup_(secret_freep) struct secret *plain = NULL;

		assert_int_equal(key_decrypt(pem, strlen(pem), passphrase, &plain, NULL), 0);
		assert_string_equal(secret_borrow(plain), expected);
		EVP_PKEY_free(key);
	}
}

static void refuse_key(const char *pem, const char *passphrase_text, const char *words)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(secret_freep) struct secret *passphrase = secret_of(passphrase_text), *key = NULL;

	assert_int_equal(key_decrypt(pem, strlen(pem), passphrase, &key, &err), -EINVAL);
	assert_null(key);
	assert_non_null(strstr(err.text, words));
}

static void test_refuses_bad_keys(void **state)
{
	_cleanup_(freep) char *pem = encrypt_key(ec_key, NID_hmacWithSHA1, PASSPHRASE);
	_cleanup_(freep) char *two = mem_printf("%s%s", pem, pem), *plain = traditional(rsa_key);
	EVP_PKEY *ed25519 = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	_cleanup_(freep) char *edwards = encrypt_key(ed25519, NID_hmacWithSHA1, PASSPHRASE);

	EVP_PKEY_free(ed25519);
	for (int i = 0; i < 300; i++) {
		char wrong[32];

		snprintf(wrong, sizeof(wrong), "wrong %d", i);
		refuse_key(pem, wrong, "its passphrase");
	}
	refuse_key("", PASSPHRASE, "no private key");
	refuse_key(two, PASSPHRASE, "more than one");
	refuse_key(plain, PASSPHRASE, "not of the kind");
	refuse_key(edwards, PASSPHRASE, "neither RSA nor EC");
	refuse_key("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE "
		   "KEY-----\n",
		PASSPHRASE, "PKCS#8");
	pem[strlen(pem) - 40] = '\0';
	refuse_key(pem, PASSPHRASE, "cut off");
}

/* The export can say how long the key is (RFC 8018 appendix A.2): it is believed only where the cipher's is as long. */
static void test_key_length(void **state)
{
	static const unsigned char right[] = { 0x02, 0x02, 0x08, 0x00, 0x02, 0x01, 0x20 };
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(ec_key);
	X509_ALGOR *algorithm = PKCS5_pbe2_set_iv(
		EVP_aes_256_cbc(), 2048, NULL, 20, NULL, NID_hmacWithSHA1);
	_cleanup_(secret_freep) struct secret *passphrase = secret_of(PASSPHRASE), *key = NULL;
	_cleanup_(freep) char *expected = traditional(ec_key);
	char text[4096] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n";
	unsigned char *der = NULL, *found;
	size_t begin = strlen(text);
	PBE2PARAM *scheme = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), algorithm->parameter);
	X509_SIG *sealed;
	int length;

	X509_ALGOR_free(scheme->keyfunc);
	scheme->keyfunc = PKCS5_pbkdf2_set(2048, NULL, 20, NID_hmacWithSHA1, 32);
	assert_non_null(ASN1_TYPE_pack_sequence(ASN1_ITEM_rptr(PBE2PARAM), scheme, &algorithm->parameter));
	sealed = PKCS8_set0_pbe(PASSPHRASE, (int)strlen(PASSPHRASE), info, algorithm);
	length = i2d_X509_SIG(sealed, &der);
	found = memmem(der, (size_t)length, right, sizeof(right));
	assert_non_null(found);
	for (int i = 0; i < 2; i++) {
		text[begin] = '\0';
		EVP_EncodeBlock((unsigned char *)text + begin, der, length);
		strcat(text, "\n-----END ENCRYPTED PRIVATE KEY-----\n");
		if (i == 0)
			assert_int_equal(key_decrypt(text, strlen(text), passphrase, &key, NULL), 0);
		else
			refuse_key(text, PASSPHRASE, "its passphrase");
		found[6] = 0x10;
	}
	assert_string_equal(secret_borrow(key), expected);
	OPENSSL_free(der);
	X509_SIG_free(sealed);
	PBE2PARAM_free(scheme);
	PKCS8_PRIV_KEY_INFO_free(info);
}

static void test_refuses_endless_derivation(void **state)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(ec_key);
	X509_ALGOR *algorithm = PKCS5_pbe2_set_iv(
		EVP_aes_256_cbc(), 2048, NULL, 20, NULL, NID_hmacWithSHA1);
	X509_SIG *sealed = PKCS8_set0_pbe("x", 1, info, algorithm);
	static const unsigned char few[] = { 0x02, 0x02, 0x08, 0x00 }; /* INTEGER 2048 */
	unsigned char *der = NULL, *found;
	char text[4096] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n";
	int length = i2d_X509_SIG(sealed, &der);

	/* Stretch the count in place: the salt before it lends the bytes. */
	found = memmem(der, (size_t)length, few, sizeof(few));
	assert_non_null(found);
	found[-21] -= 3;
	memcpy(found - 3, "\x02\x05\x00\xff\xff\xff\xff", 7);
	EVP_EncodeBlock((unsigned char *)text + strlen(text), der, length);
	strcat(text, "\n-----END ENCRYPTED PRIVATE KEY-----\n");
	refuse_key(text, "x", "more than 100000 rounds");
	OPENSSL_free(der);
	X509_SIG_free(sealed);
	PKCS8_PRIV_KEY_INFO_free(info);
}

/* Damage to a plain key is noticed or harmless, never believed. */
static void test_key_matches_notices_damage(void **state)
{
	_cleanup_(freep) char *pem = traditional(rsa_key);
	_cleanup_(certificate_freep) struct certificate *certificate = simple(rsa_key);

	for (size_t i = 0; pem[i]; i++) {
		_cleanup_(secret_freep) struct secret *key = NULL;
		char byte = pem[i];

		pem[i] = byte == 'B' ? 'C' : 'B';
		key = secret_of(pem);
		if (byte != '\n' || i < 32)
			assert_true(matches(key, certificate, NULL) <= 0);
		pem[i] = byte;
	}
}

static void test_key_matches_wants_the_same_key(void **state)
{
	_cleanup_(freep) char *pem = traditional(rsa_key);
	_cleanup_(secret_freep) struct secret *key = secret_of(pem);
	_cleanup_(certificate_freep) struct certificate *certificate = simple(ec_key);

	assert_int_equal(matches(key, certificate, NULL), 0);
}

static void test_full_heap_is_retry(void **state)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	_cleanup_(freep) char *pem = traditional(rsa_key);
	_cleanup_(secret_freep) struct secret *key = secret_of(pem);
	_cleanup_(certificate_freep) struct certificate *certificate = simple(rsa_key);
	struct secret *fill[4096] = { NULL };
	size_t count = 0;

	for (size_t size = SECRET_HEAP_SIZE / 2; size >= 64; size /= 2)
		while (count < ARRAY_SIZE(fill) && secret_new(size - 1, &fill[count], NULL) == 0)
			count++;
	assert_int_equal(matches(key, certificate, &err), -EAGAIN);
	assert_int_equal(err.kind, ERROR_RETRY);
	/* Room for the text, then for the text and a number or two, ...: never a wrong verdict. */
	while (count > 0) {
		int r;

		secret_free(fill[--count]);
		r = matches(key, certificate, NULL);
		assert_true(r == 1 || r == -EAGAIN);
	}
	assert_int_equal(matches(key, certificate, NULL), 1);
}

static void test_passphrase(void **state)
{
	_cleanup_(secret_freep) struct secret *a = NULL, *b = NULL;

	assert_int_equal(passphrase_new(&a, NULL), 0);
	assert_int_equal(passphrase_new(&b, NULL), 0);
	assert_int_equal(secret_length(a), 40);
	assert_int_equal(strspn(secret_borrow(a), "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
						  "abcdefghijklmnopqrstuvwxyz0123456789"),
		40);
	assert_string_not_equal(secret_borrow(a), secret_borrow(b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_describes),
		cmocka_unit_test(test_odd_names),
		cmocka_unit_test(test_describes_ec_without_extensions),
		cmocka_unit_test(test_length_is_bounded),
		cmocka_unit_test(test_covers),
		cmocka_unit_test(test_common_name_with_control_is_refused),
		cmocka_unit_test(test_pem_round_trip),
		cmocka_unit_test(test_list_reads_what_people_have),
		cmocka_unit_test(test_list_reads_trusted_certificates),
		cmocka_unit_test(test_list_tells_the_line_of_a_mistake),
		cmocka_unit_test(test_list_reads_the_roots_of_this_system),
		cmocka_unit_test(test_list_refuses_utf_16),
		cmocka_unit_test(test_authority_digest),
		cmocka_unit_test(test_text_digest),
		cmocka_unit_test(test_refuses_bad_certificates),
		cmocka_unit_test(test_outline),
		cmocka_unit_test(test_outline_of_times),
		cmocka_unit_test(test_chains_are_kept),
		cmocka_unit_test(test_survives_damage),
		cmocka_unit_test(test_issued_by_another),
		cmocka_unit_test(test_decrypts),
		cmocka_unit_test(test_decrypts_many_curves),
		cmocka_unit_test(test_refuses_bad_keys),
		cmocka_unit_test(test_key_length),
		cmocka_unit_test(test_refuses_endless_derivation),
		cmocka_unit_test(test_key_matches_notices_damage),
		cmocka_unit_test(test_key_matches_wants_the_same_key),
		cmocka_unit_test(test_full_heap_is_retry),
		cmocka_unit_test(test_passphrase),
	};
	bool locked;
	int failed;

	if (secret_memory_init(&locked, NULL) < 0)
		return 1;
	rsa_key = EVP_RSA_gen(2048);
	ec_key = EVP_EC_gen("P-256");
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	certificate_forget();
	EVP_PKEY_free(rsa_key);
	EVP_PKEY_free(ec_key);
	return failed;
}
