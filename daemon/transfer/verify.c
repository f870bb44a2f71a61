/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/transfer/verify.h"

#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/transfer/verify_rule.h"
#include "lib/base/strv.h"
#include "lib/pki/key.h"

#define RSA_BITS_MIN 2048

static int verify_leaf(const struct certificate *leaf, enum usage usage, struct error *err)
{
	if (leaf->x509_version != 3)
		return refuse(err, RULE_LEAF_VERSION,
			"the leaf certificate " WHO_FORMAT " is X.509 version %d, not 3", WHO(leaf),
			leaf->x509_version);
	if (leaf->is_ca)
		return refuse(err, RULE_LEAF_NOT_CA,
			"the leaf certificate " WHO_FORMAT " is a CA certificate", WHO(leaf));
	if (!*leaf->issuer)
		return refuse(err, RULE_LEAF_ISSUER,
			"the leaf certificate " WHO_FORMAT " does not name its issuer", WHO(leaf));
	/* Clients may go by their subject. */
	if (!leaf->names && !leaf->other_names && (usage == USAGE_SERVER || !*leaf->subject))
		return refuse(err, RULE_LEAF_NAMES,
			"the leaf certificate " WHO_FORMAT " with serial %.80s has no DNS name, "
			"IP address, URI or e-mail address",
			WHO(leaf), leaf->serial);
	return 0;
}

/* The first critical extension that OpenSSL does not handle, as a dotted OID; false: none. */
static bool find_critical(const X509 *x509, char oid[static 80])
{
	for (int i = 0; i < X509_get_ext_count(x509); i++) {
		X509_EXTENSION *extension = X509_get_ext(x509, i);

		if (!X509_EXTENSION_get_critical(extension) || X509_supported_extension(extension))
			continue;
		OBJ_obj2txt(oid, 80, X509_EXTENSION_get_object(extension), 1);
		return true;
	}
	return false;
}

static int verify_extensions(const struct certificate *certificate, struct error *err)
{
	char oid[80];

	/* X509_check_purpose() without a purpose reads the extensions, and says when that fails. */
	if (X509_check_purpose(certificate->x509, -1, 0) != 1 ||
		X509_get_extension_flags(certificate->x509) & EXFLAG_INVALID)
		return refuse(err, RULE_EXTENSIONS_READABLE,
			"a certificate " WHO_FORMAT " has malformed or contradictory extensions",
			WHO(certificate));
	if (find_critical(certificate->x509, oid))
		return refuse(err, RULE_CRITICAL_EXTENSION,
			"a certificate " WHO_FORMAT
			" has the critical extension %s, which certferry does not know",
			WHO(certificate), oid);
	return 0;
}

static int verify_key_algorithm(const struct certificate *certificate, struct error *err)
{
	const char *algorithm = certificate->key_algorithm;

	if (!certificate->key_is_rsa && !certificate->key_is_ec)
		return refuse(err, RULE_KEY_ALGORITHM,
			"a certificate " WHO_FORMAT " has a %s key, neither RSA nor EC",
			WHO(certificate), algorithm);
	if (certificate->key_is_rsa && certificate->key_bits < RSA_BITS_MIN)
		return refuse(err, RULE_RSA_SIZE,
			"a certificate " WHO_FORMAT " has an RSA key of %d bits, fewer than %d",
			WHO(certificate), certificate->key_bits, RSA_BITS_MIN);
	if (certificate->key_is_ec && strcmp(algorithm, "EC_prime256v1") != 0 &&
		strcmp(algorithm, "EC_secp384r1") != 0 && strcmp(algorithm, "EC_secp521r1") != 0)
		return refuse(err, RULE_EC_CURVE,
			"a certificate " WHO_FORMAT " has an %s key, not P-256, P-384 or P-521",
			WHO(certificate), algorithm);
	return 0;
}

/* A root's signature of itself proves nothing, so it may be as old as it likes. */
static int verify_signature_algorithm(const struct certificate *certificate, struct error *err)
{
	int digest = NID_undef;

	X509_get_signature_info(certificate->x509, &digest, NULL, NULL, NULL);
	switch (digest) {
	case NID_sha224:
	case NID_sha256:
	case NID_sha384:
	case NID_sha512:
	case NID_sha3_256:
	case NID_sha3_384:
	case NID_sha3_512:
		return 0;
	default:
		if (certificate_is_self_signed(certificate))
			return 0;
		return refuse(err, RULE_SIGNATURE_ALGORITHM,
			"a certificate " WHO_FORMAT " is signed with %s, which is not secure",
			WHO(certificate), certificate->signature_algorithm);
	}
}

static int verify_certificate(const struct certificate *certificate, struct error *err)
{
	int r;

	r = verify_extensions(certificate, err);
	if (r == 0)
		r = verify_key_algorithm(certificate, err);
	if (r == 0)
		r = verify_signature_algorithm(certificate, err);
	return r;
}

static int verify_each(const struct bundle *bundle, struct error *err)
{
	int r;

	r = verify_certificate(bundle->leaf, err);
	for (size_t i = 0; i < bundle->chain.count && r == 0; i++)
		r = verify_certificate(bundle->chain.items[i], err);
	return r;
}

static int verify_key(const struct bundle *bundle, struct error *err)
{
	_cleanup_(error_done) struct error problem = ERROR_NULL;
	bool matches = false;
	int r;

	r = key_matches(bundle->key, bundle->leaf, &matches, &problem);
	if (r < 0 && problem.kind == ERROR_INVALID)
		return refuse(err, RULE_KEY_READABLE, "%s", problem.text);
	if (r < 0) {
		if (err)
			error_move(err, &problem);
		return r;
	}
	if (!matches)
		return refuse(err, RULE_KEY_MATCHES_LEAF,
			"the private key does not belong to the leaf certificate " WHO_FORMAT,
			WHO(bundle->leaf));
	return 0;
}

static int verify_wishes(
	const struct certificate *leaf, const struct verify_terms *terms, struct error *err)
{
	STRV_FOREACH (name, terms->names)
		if (!certificate_covers(leaf, *name))
			return refuse(err, RULE_NAME_COVERED,
				"the leaf certificate " WHO_FORMAT " does not cover '%s'",
				WHO(leaf), *name);
	if (terms->usage == USAGE_SERVER && !certificate_has_usage(leaf, OID_SERVER_AUTH))
		return refuse(err, RULE_USAGE_SERVER,
			"the leaf certificate " WHO_FORMAT
			" is not for servers: its extended key usage lacks serverAuth",
			WHO(leaf));
	if (terms->usage == USAGE_CLIENT && !certificate_has_usage(leaf, OID_CLIENT_AUTH))
		return refuse(err, RULE_USAGE_CLIENT,
			"the leaf certificate " WHO_FORMAT
			" is not for clients: its extended key usage lacks clientAuth",
			WHO(leaf));
	return 0;
}

int verify_bundle(const struct bundle *bundle, const struct verify_terms *terms,
	const struct certificate **ret_anchor, struct error *err)
{
	bool anchored = terms->anchors && terms->anchors->count > 0;
	int r;

	r = verify_leaf(bundle->leaf, terms->usage, err);
	if (r == 0)
		r = verify_each(bundle, err);
	if (r == 0)
		r = verify_key(bundle, err);
	if (r == 0)
		r = verify_wishes(bundle->leaf, terms, err);
	if (r == 0)
		r = verify_chain(bundle, terms, err);
	if (r == 0)
		r = verify_path(bundle, terms, err);
	if (r < 0)
		return r;
	*ret_anchor = anchored ? NULL : bundle->chain.items[bundle->chain.count - 1];
	return 0;
}
