/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_TRANSFER_VERIFY_H
#define DAEMON_TRANSFER_VERIFY_H

/*
 * What must hold before the first write, in three questions: is the bundle sound
 * (verify_bundle), would the destination take it (verify_acceptable), and what would it change
 * for those who use the one in place (verify_change).  Pure: values and a time in, a verdict
 * out.
 *
 * Every refusal names the rule that it breaks and says what breaks it: "rule
 * 'key-matches-leaf': the private key does not belong to the leaf certificate (subject
 * CN=a.example.com)".  ERROR_INVALID but for the two rules of what is not valid yet and for a
 * full secure heap, which are ERROR_RETRY.
 */

#include <stdbool.h>
#include <stddef.h>

#include "daemon/model/bundle.h"
#include "daemon/model/desired.h"

/* The rules.  Their names, which users see, never change. */
enum verify_rule {
	/* The export, while it is read (lib/pki); verify_bundle() is given what passed them. */
	RULE_LEAF_READABLE, /* leaf-readable: one certificate in PEM */
	RULE_CHAIN_READABLE, /* chain-readable: at most 32 of them */
	RULE_KEY_READABLE, /* key-readable: an RSA or EC key, consistent in itself */
	/* The bundle by itself. */
	RULE_LEAF_VERSION, /* leaf-version: X.509 v3 */
	RULE_LEAF_NOT_CA, /* leaf-not-ca: not itself a CA */
	RULE_LEAF_ISSUER, /* leaf-issuer: names its issuer */
	RULE_LEAF_NAMES, /* leaf-names: has a DNS name; a client may do with a subject */
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

/* verify_rule_name(rule): "key-matches-leaf", ...; NULL beyond the last. */
const char *verify_rule_name(enum verify_rule rule);

struct verify_terms {
	usec_t now; /* by the corrected clock */
	/* Trusted: source.trust, else the anchor recorded when first seen.  NULL or none: the
	 * chain's own end is accepted. */
	const struct certificate_list *anchors;
	char *const *names; /* DNS names that the leaf must cover; NULL: none asked for */
	enum usage usage;
};

/**
 * verify_bundle(bundle, terms, anchor, err):
 * 0 when ${bundle} is sound.  ${ret_anchor}: the end of its chain, borrowed from ${bundle}, to
 * be recorded as the anchor of what comes later; NULL when there were anchors.  A chain ends at
 * an anchor when one of its certificates has the anchor's name and key, or when an anchor
 * issued its last one (chains of public certificates leave their root out).  All of the chain
 * must hold, also what lies beyond an anchor.
 */
int verify_bundle(const struct bundle *bundle, const struct verify_terms *terms,
	const struct certificate **ret_anchor, struct error *err);

/**
 * verify_acceptable(bundle, kind, in_place, secret_body_length, err):
 * Would a destination of this ${kind} take it?  ${in_place}: the certificate that it would be
 * imported over, NULL for a first import (acm only).  ${secret_body_length}: of the secret to
 * be written, in bytes (secretsmanager only).
 */
int verify_acceptable(const struct bundle *bundle, enum destination_kind kind,
	const struct certificate *in_place, size_t secret_body_length, struct error *err);

/**
 * verify_import_over(leaf, in_place, err):
 * ACM's rules for importing again alone, for showing beforehand whether an import of somebody
 * else's may be taken over: needs no key and no chain.
 */
int verify_import_over(
	const struct certificate *leaf, const struct certificate *in_place, struct error *err);

/**
 * verify_cloudfront_note(bundle, kind, region):
 * ACM of us-east-1 takes what CloudFront cannot use: say so, to be logged as a warning, or
 * NULL.  Static.
 */
const char *verify_cloudfront_note(
	const struct bundle *bundle, enum destination_kind kind, const char *region);

/* In bytes, whatever the certificate in place holds: a sentence has room for what can be done as well. */
#define CHANGE_TEXT_MOST ((size_t)1536)

/* What a delivery would take from those who use the certificate in place. */
struct change {
	unsigned lost; /* enum accept; 0: nothing */
	bool lost_client_auth; /* ACCEPT_CLIENT_AUTH is for clientAuth itself */
	char *text; /* each loss in words: "the name 'a' would be lost; ..."; NULL: none */
};

/**
 * verify_change(bundle, in_place, chain_in_place, change):
 * Compare.  Lost names; lost extended key usages (all under ACCEPT_CLIENT_AUTH, which is the
 * one that goes missing in practice); for private certificates, those whose chain ends in a
 * self-signed root, another issuing CA or root (ACCEPT_ISSUER): a CA that was issued anew with
 * the same name and key is the same.  ${chain_in_place} may be NULL or empty: not known.  Fills
 * an empty ${ret_change}.
 */
void verify_change(const struct bundle *bundle, const struct certificate *in_place,
	const struct certificate_list *chain_in_place, struct change *ret_change);

void change_done(struct change *change);

/* Does a chain end where it did before?  A chain that ends elsewhere, or of which nobody knows where the former ones
 * ended, is a change (ACCEPT_ISSUER) for those who use what is in place. */
enum anchor_standing {
	ANCHOR_KNOWN, /* it ends where it is to, or nothing came before it */
	ANCHOR_OTHER, /* another end was trusted */
	ANCHOR_FORGOTTEN, /* certferry delivered here before, and it is not known any more what was trusted */
};

/* Does a chain end where the record says that its certificate's first one did? */
enum anchor_pin {
	PIN_NONE, /* nothing is recorded of the certificate */
	PIN_AGREES,
	PIN_DISAGREES,
};

/* What is known of one delivery, where source.trust does not decide. */
struct anchor_known {
	enum anchor_pin pin; /* of its certificate */
	bool confirmed; /* the record knows what was put there, and so the pin speaks for it */
	struct fingerprint recorded; /* bundle_anchor() of what was put there last; unset: not known */
	bool own; /* what is there bears certferry's mark for this delivery: it delivered there before */
	struct fingerprint borne; /* what the object says of its anchor.  It lies with others, who can forge it: it counts
				   * for this delivery alone, and where the record does not know better */
};

/**
 * verify_standing(bundle, known):
 * The pin decides where there is one, for a delivery that the record knows.  Of one that it does not know (it was lost),
 * what an object of certferry's bears must agree too, so that what happened at another place lets nothing through here:
 * the pin may be of what was delivered there since.  A digest
 * agrees when it is that of a certificate in ${bundle}'s chain.  (That it is of what issued the chain's last one cannot be
 * seen from it: a public chain that became shorter is ANCHOR_OTHER by a digest.)
 */
enum anchor_standing verify_standing(const struct bundle *bundle, const struct anchor_known *known);

/* verify_add_anchor(bundle, standing, change): put ${standing} into ${change}, unless another issuing CA or root is in it
 * already. */
void verify_add_anchor(
	const struct bundle *bundle, enum anchor_standing standing, struct change *change);

/* While the one in place has more life than this, a change that was not accepted waits for a
 * person. */
#define CHANGE_YIELDS_BEFORE (14 * USEC_PER_DAY)

/**
 * verify_change_held(change, accepted, usage, now, in_place_not_after):
 * Must it wait?  Yes for a loss that is not ${accepted} (enum accept), until 14 days of life or
 * less are left in the one in place: then an outage would be worse; but lost clientAuth under
 * USAGE_CLIENT is that outage, and waits on.
 */
bool verify_change_held(const struct change *change, unsigned accepted, enum usage usage,
	usec_t now, usec_t in_place_not_after);

#endif
