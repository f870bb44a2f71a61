/* SPDX-License-Identifier: Apache-2.0 */
/* Source: ACM's "Prerequisites for importing certificates" and "Reimport a certificate", the API
 * model's limits of ImportCertificate. */
#include "daemon/destination/acm_accept.h"

#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "daemon/model/place_aws.h"
#include "daemon/model/rule.h"
#include "lib/base/bounded.h"
#include "lib/base/strv.h"
#include "lib/pki/pem.h"

#define ACM_KEY_MAX      ((size_t)5120)
#define ACM_LEAF_MAX     ((size_t)32768)
#define ACM_CHAIN_MAX    ((size_t)2097152)
#define ACM_OCSP_URL_MAX 1000

static int check_sizes(const struct bundle *bundle, struct error *err)
{
	size_t leaf = pem_size("CERTIFICATE", bundle->leaf->der_length), chain = 0;

	for (size_t i = 0; i < bundle->chain.count; i++)
		chain += pem_size("CERTIFICATE", bundle->chain.items[i]->der_length);
	if (secret_length(bundle->key) > ACM_KEY_MAX)
		return refuse(err, RULE_ACM_KEY_SIZE,
			"the private key has %zu bytes; ACM imports at most %zu",
			secret_length(bundle->key), ACM_KEY_MAX);
	if (leaf > ACM_LEAF_MAX)
		return refuse(err, RULE_ACM_LEAF_SIZE,
			"the leaf certificate " WHO_FORMAT
			" has %zu bytes; ACM imports at most %zu",
			WHO(bundle->leaf), leaf, ACM_LEAF_MAX);
	if (chain > ACM_CHAIN_MAX)
		return refuse(err, RULE_ACM_CHAIN_SIZE,
			"the chain has %zu bytes; ACM imports at most %zu", chain, ACM_CHAIN_MAX);
	return 0;
}

static bool acm_imports(const char *key_algorithm)
{
	static const char *const imported[] = { "RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096",
		"EC_prime256v1", "EC_secp384r1", "EC_secp521r1" };

	for (size_t i = 0; i < ARRAY_SIZE(imported); i++)
		if (strcmp(imported[i], key_algorithm) == 0)
			return true;
	return false;
}

static int check_algorithms(const struct certificate *leaf, struct error *err)
{
	int signer = NID_undef;
	bool signer_is_ec;

	if (!acm_imports(leaf->key_algorithm))
		return refuse(err, RULE_ACM_KEY_ALGORITHM,
			"the leaf certificate " WHO_FORMAT
			" has a %s key, which ACM does not import",
			WHO(leaf), leaf->key_algorithm);
	X509_get_signature_info(leaf->x509, NULL, &signer, NULL, NULL);
	signer_is_ec = signer == NID_X9_62_id_ecPublicKey;
	if (signer_is_ec != leaf->key_is_ec)
		return refuse(err, RULE_ACM_CA_ALGORITHM,
			"the leaf certificate " WHO_FORMAT
			" has an %s key and its CA an %s key; ACM imports a certificate only if both "
			"have the same algorithm",
			WHO(leaf), leaf->key_is_ec ? "EC" : "RSA", signer_is_ec ? "EC" : "RSA");
	return 0;
}

static size_t longest_ocsp_url(const struct certificate *leaf)
{
	STACK_OF(OPENSSL_STRING) *urls = X509_get1_ocsp(leaf->x509);
	size_t longest = 0;

	for (int i = 0; i < sk_OPENSSL_STRING_num(urls); i++)
		longest = MAX(longest, strlen(sk_OPENSSL_STRING_value(urls, i)));
	X509_email_free(urls);
	return longest;
}

static int check_key_kept(
	const struct certificate *leaf, const struct certificate *in_place, struct error *err)
{
	if (leaf->key_is_rsa != in_place->key_is_rsa || leaf->key_is_ec != in_place->key_is_ec)
		return refuse(err, RULE_ACM_KEY_TYPE_KEPT,
			"the current certificate has a %s key and the renewed one a %s key; ACM "
			"rejects a re-import that changes the type of the key",
			in_place->key_algorithm, leaf->key_algorithm);
	if (strcmp(leaf->key_algorithm, in_place->key_algorithm) != 0)
		return refuse(err, RULE_ACM_KEY_SIZE_KEPT,
			"the current certificate has a %s key and the renewed one a %s key; ACM "
			"rejects a re-import that changes the size of the key",
			in_place->key_algorithm, leaf->key_algorithm);
	return 0;
}

static int check_name_kept(
	const struct certificate *leaf, const struct certificate *in_place, struct error *err)
{
	_cleanup_(freep) char *names = bounded_join(in_place->names, "");

	STRV_FOREACH (name, in_place->names)
		if (strv_has(leaf->names, *name))
			return 0;
	if (!in_place->names)
		return 0;
	return refuse(err, RULE_ACM_NAME_KEPT,
		"the renewed certificate " WHO_FORMAT
		" has none of the current one's names (%s); ACM rejects a re-import that keeps none",
		WHO(leaf), names);
}

/* "DIGITAL_SIGNATURE, KEY_AGREEMENT", as ACM shows them. */
static char *key_usage_names(unsigned usage)
{
	static const char *const names[] = { "DIGITAL_SIGNATURE", "NON_REPUDIATION",
		"KEY_ENCIPHERMENT", "DATA_ENCIPHERMENT", "KEY_AGREEMENT", "CERTIFICATE_SIGNING",
		"CRL_SIGNING", "ENCIPHER_ONLY", "DECIPHER_ONLY" };
	_cleanup_(strv_freep) char **list = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (usage & 1u << i)
			strv_append(&list, names[i]);
	return strv_join(list, ", ");
}

static int check_key_usage_kept(
	const struct certificate *leaf, const struct certificate *in_place, struct error *err)
{
	unsigned lost = in_place->key_usage & ~leaf->key_usage;
	_cleanup_(freep) char *names = NULL;

	if (leaf->key_is_ec)
		lost &= ~(unsigned)KEY_USAGE_KEY_ENCIPHERMENT;
	if (leaf->has_key_usage && !in_place->has_key_usage)
		return refuse(err, RULE_ACM_KEY_USAGE_ADDED,
			"the renewed certificate " WHO_FORMAT
			" has a key usage extension and the current one has none; ACM rejects a "
			"re-import that adds it",
			WHO(leaf));
	if (!lost)
		return 0;
	names = key_usage_names(lost);
	return refuse(err, RULE_ACM_KEY_USAGE_KEPT,
		"the renewed certificate " WHO_FORMAT
		" lacks the key usage %s of the current one; ACM rejects a re-import that removes it",
		WHO(leaf), names);
}

static int check_extended_usage_kept(
	const struct certificate *leaf, const struct certificate *in_place, struct error *err)
{
	if (leaf->has_extended_key_usage && !in_place->has_extended_key_usage)
		return refuse(err, RULE_ACM_EXTENDED_USAGE_ADDED,
			"the renewed certificate " WHO_FORMAT
			" has an extended key usage extension and the current one has none; ACM "
			"rejects a re-import that adds it",
			WHO(leaf));
	STRV_FOREACH (oid, in_place->extended_key_usages)
		if (!strv_has(leaf->extended_key_usages, *oid) &&
			strcmp(*oid, OID_CLIENT_AUTH) != 0)
			return refuse(err, RULE_ACM_EXTENDED_USAGE_KEPT,
				"the renewed certificate " WHO_FORMAT
				" lacks the extended key usage %s of the current one; ACM rejects a "
				"re-import that removes another usage than clientAuth",
				WHO(leaf), *oid);
	return 0;
}

int acm_accepts_over(
	const struct certificate *leaf, const struct certificate *in_place, struct error *err)
{
	int r;

	r = check_key_kept(leaf, in_place, err);
	if (r == 0)
		r = check_name_kept(leaf, in_place, err);
	if (r == 0)
		r = check_key_usage_kept(leaf, in_place, err);
	if (r == 0)
		r = check_extended_usage_kept(leaf, in_place, err);
	return r;
}

int acm_accepts(const struct delivery *delivery, const struct bundle *bundle,
	const struct certificate *in_place, struct error *err)
{
	size_t url;
	int r;

	r = check_sizes(bundle, err);
	if (r == 0)
		r = check_algorithms(bundle->leaf, err);
	if (r < 0)
		return r;
	url = longest_ocsp_url(bundle->leaf);
	if (url > ACM_OCSP_URL_MAX)
		return refuse(err, RULE_ACM_OCSP_URL,
			"the leaf certificate " WHO_FORMAT
			" has an OCSP URL of %zu characters; ACM imports at most %d",
			WHO(bundle->leaf), url, ACM_OCSP_URL_MAX);
	return in_place ? acm_accepts_over(bundle->leaf, in_place, err) : 0;
}

const char *acm_note(const struct place *place, const struct bundle *bundle)
{
	const char *region = place_part(place, "region");
	const struct certificate *leaf = bundle->leaf;
	bool usable = leaf->key_is_rsa || strcmp(leaf->key_algorithm, "EC_prime256v1") == 0;

	if (!region || strcmp(region, "us-east-1") != 0)
		return NULL;
	if (!usable)
		return "CloudFront cannot use this certificate: it accepts EC keys of P-256 only";
	if (certificate_list_has_root(&bundle->chain))
		return "CloudFront cannot use this certificate for viewers: its issuer is not public";
	return NULL;
}
