/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_MODEL_RULE_H
#define DAEMON_MODEL_RULE_H

/*
 * The rules that a bundle can break, and how that is said: by daemon/transfer, of what is not sound
 * anywhere, and by a kind of destination, of what its places do not take.
 */

#include "lib/base/error.h"

/* The rules.  Their names, which users see, never change. */
enum rule {
	/* The export, while it is read (lib/pki); verify_bundle() is given what passed them. */
	RULE_LEAF_READABLE, /* leaf-readable: one certificate in PEM */
	RULE_CHAIN_READABLE, /* chain-readable: at most 32 of them */
	RULE_KEY_READABLE, /* key-readable: an RSA or EC key, consistent in itself */
	/* The bundle by itself. */
	RULE_LEAF_VERSION, /* leaf-version: X.509 v3 */
	RULE_LEAF_NOT_CA, /* leaf-not-ca: not itself a CA */
	RULE_LEAF_ISSUER, /* leaf-issuer: names its issuer */
	RULE_LEAF_NAMES, /* leaf-names: has a name of any kind; a client may do with a subject */
	RULE_EXTENSIONS_READABLE, /* extensions-readable: well-formed, each at most once */
	RULE_CRITICAL_EXTENSION, /* critical-extension: none that nobody here knows */
	RULE_KEY_ALGORITHM, /* key-algorithm: RSA or EC, leaf and chain */
	RULE_RSA_SIZE, /* rsa-size: 2048 bits or more */
	RULE_EC_CURVE, /* ec-curve: P-256, P-384 or P-521 */
	RULE_SIGNATURE_ALGORITHM, /* signature-algorithm: no MD5, no SHA-1 but on a root */
	RULE_KEY_MATCHES_LEAF, /* key-matches-leaf */
	/* The chain. */
	RULE_CHAIN_MISSING, /* chain-missing: a chain, or a leaf that an anchor issued */
	RULE_LEAF_IN_CHAIN, /* leaf-in-chain: the chain begins behind the leaf */
	RULE_CHAIN_DUPLICATE, /* chain-duplicate: no certificate twice */
	RULE_CHAIN_FOREIGN, /* chain-foreign: the leaf's issuer is in it */
	RULE_CHAIN_ORDER, /* chain-order: each certificate followed by its issuer */
	RULE_CHAIN_GAP, /* chain-gap: no issuer in between is missing */
	RULE_ISSUER_SIGNATURE, /* issuer-signature: signed by the key that its issuer has */
	RULE_ISSUER_IS_CA, /* issuer-is-ca: basicConstraints CA */
	RULE_ISSUER_MAY_SIGN, /* issuer-may-sign: key usage keyCertSign, where there is one */
	RULE_PATH_LENGTH, /* path-length: pathLenConstraint */
	RULE_NAME_CONSTRAINTS, /* name-constraints: permitted and excluded subtrees */
	RULE_ANCHOR_TRUSTED, /* anchor-trusted: the chain ends at an anchor */
	RULE_ANCHOR_KEY, /* anchor-key: and not at a namesake of one */
	RULE_ANCHOR_EXPIRED, /* anchor-expired */
	RULE_PATH, /* path: OpenSSL's path validation, for all that has no rule here */
	/* Time. */
	RULE_LEAF_EXPIRED, /* leaf-expired */
	RULE_LEAF_NOT_YET_VALID, /* leaf-not-yet-valid; ERROR_RETRY */
	RULE_CHAIN_EXPIRED, /* chain-expired */
	RULE_CHAIN_NOT_YET_VALID, /* chain-not-yet-valid; ERROR_RETRY */
	RULE_LEAF_OUTLIVES_ISSUER, /* leaf-outlives-issuer */
	/* What was asked for. */
	RULE_NAME_COVERED, /* name-covered: every name asked for; a wildcard covers one label */
	RULE_USAGE_SERVER, /* usage-server: EKU serverAuth, where there is an EKU extension */
	RULE_USAGE_CLIENT, /* usage-client: EKU clientAuth, likewise */
	/* What destinations refuse: ImportCertificate's prerequisites, ACM's rules for importing
	 * again over the one in place, Secrets Manager's SecretString. */
	RULE_ACM_KEY_SIZE, /* acm-key-size: key of at most 5,120 bytes of PEM */
	RULE_ACM_LEAF_SIZE, /* acm-leaf-size: leaf of at most 32,768 */
	RULE_ACM_CHAIN_SIZE, /* acm-chain-size: chain of at most 2 MiB */
	RULE_ACM_KEY_ALGORITHM, /* acm-key-algorithm: RSA 1024 to 4096, P-256, P-384, P-521 */
	RULE_ACM_CA_ALGORITHM, /* acm-ca-algorithm: leaf and signing CA both RSA or both EC */
	RULE_ACM_OCSP_URL, /* acm-ocsp-url: of at most 1,000 characters */
	RULE_ACM_KEY_TYPE_KEPT, /* acm-key-type-kept */
	RULE_ACM_KEY_SIZE_KEPT, /* acm-key-size-kept */
	RULE_ACM_NAME_KEPT, /* acm-name-kept: one at least */
	RULE_ACM_KEY_USAGE_KEPT, /* acm-key-usage-kept: but keyEncipherment of EC keys */
	RULE_ACM_KEY_USAGE_ADDED, /* acm-key-usage-added: not where there was no such extension */
	RULE_ACM_EXTENDED_USAGE_KEPT, /* acm-extended-usage-kept: but clientAuth */
	RULE_ACM_EXTENDED_USAGE_ADDED, /* acm-extended-usage-added: likewise */
	RULE_SECRET_SIZE, /* secret-size: body of at most 65,536 bytes */
	RULES,
};

/* rule_name(rule): "key-matches-leaf", ...; NULL beyond the last. */
const char *rule_name(enum rule rule);

/* refuse(err, rule, format, ...): "rule 'NAME': <formatted>".  ERROR_INVALID; ERROR_RETRY for what is
 * not valid yet. */
int refuse(struct error *err, enum rule rule, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* How a certificate is called in messages: WHO_FORMAT with WHO(certificate). */
#define WHO_FORMAT       "(subject %s)"
#define WHO(certificate) (*(certificate)->subject ? (certificate)->subject : "empty")

#endif
