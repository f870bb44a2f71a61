/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "daemon/transfer/verify.h"
#include "daemon/transfer/verify_rule.h"

static bool names_its_issuer(
	const struct certificate *certificate, const struct certificate *issuer)
{
	return X509_NAME_cmp(X509_get_issuer_name(certificate->x509),
		       X509_get_subject_name(issuer->x509)) == 0;
}

bool same_ca(const struct certificate *a, const struct certificate *b)
{
	return X509_NAME_cmp(X509_get_subject_name(a->x509), X509_get_subject_name(b->x509)) == 0 &&
	       EVP_PKEY_eq(X509_get0_pubkey(a->x509), X509_get0_pubkey(b->x509)) == 1;
}

/* The certificate at ${place} of the path: 0 is the leaf, then the chain. */
static const struct certificate *at(const struct bundle *bundle, size_t place)
{
	return place == 0 ? bundle->leaf : bundle->chain.items[place - 1];
}

static int verify_no_twins(const struct bundle *bundle, struct error *err)
{
	for (size_t i = 1; i <= bundle->chain.count; i++) {
		for (size_t j = 0; j < i; j++) {
			const struct certificate *twin = at(bundle, i);

			if (!fingerprint_equal(&at(bundle, j)->fingerprint, &twin->fingerprint))
				continue;
			if (j == 0)
				return refuse(err, RULE_LEAF_IN_CHAIN,
					"the chain contains the leaf certificate " WHO_FORMAT,
					WHO(twin));
			return refuse(err, RULE_CHAIN_DUPLICATE,
				"the chain contains a certificate " WHO_FORMAT " twice", WHO(twin));
		}
	}
	return 0;
}

/* Why the certificate at ${place} is not followed by its issuer. */
static int refuse_link(const struct bundle *bundle, size_t place, struct error *err)
{
	const struct certificate *certificate = at(bundle, place), *next = at(bundle, place + 1);

	for (size_t i = 1; i <= bundle->chain.count; i++)
		if (i != place && certificate_issued_by(certificate, at(bundle, i)))
			return refuse(err, RULE_CHAIN_ORDER,
				"the chain is out of order: the issuer of a certificate " WHO_FORMAT
				" must be next, but is at place %zu of the chain",
				WHO(certificate), i);
	if (names_its_issuer(certificate, next))
		return refuse(err, RULE_ISSUER_SIGNATURE,
			"a certificate " WHO_FORMAT
			" is not signed by the key of the chain's %s",
			WHO(certificate), WHO(next));
	if (place == 0)
		return refuse(err, RULE_CHAIN_FOREIGN,
			"the chain does not belong to the leaf certificate " WHO_FORMAT
			": it lacks the issuer (%s)",
			WHO(certificate), certificate->issuer);
	return refuse(err, RULE_CHAIN_GAP,
		"the chain lacks the issuer of a certificate " WHO_FORMAT ": (%s)",
		WHO(certificate), certificate->issuer);
}

static int verify_links(const struct bundle *bundle, struct error *err)
{
	for (size_t i = 0; i < bundle->chain.count; i++)
		if (!certificate_issued_by(at(bundle, i), at(bundle, i + 1)))
			return refuse_link(bundle, i, err);
	return 0;
}

static int verify_issuers(const struct certificate_list *chain, struct error *err)
{
	for (size_t i = 0; i < chain->count; i++) {
		const struct certificate *issuer = chain->items[i];

		if (!issuer->is_ca)
			return refuse(err, RULE_ISSUER_IS_CA,
				"a certificate of the chain " WHO_FORMAT " is not a CA certificate",
				WHO(issuer));
		if (issuer->has_key_usage && !(issuer->key_usage & KEY_USAGE_CERTIFICATE_SIGNING))
			return refuse(err, RULE_ISSUER_MAY_SIGN,
				"a CA of the chain " WHO_FORMAT
				" must not sign certificates: its key usage lacks keyCertSign",
				WHO(issuer));
	}
	return 0;
}

/*
 * How many certificates of the chain come before one that a valid anchor stands for: what that one
 * and those behind it say, a public root's cross-signature by an older one, no verifier asks.
 */
static size_t count_before_anchor(const struct bundle *bundle, const struct verify_terms *terms)
{
	for (size_t i = 0; terms->anchors && i < bundle->chain.count; i++)
		for (size_t j = 0; j < terms->anchors->count; j++)
			if (terms->now < terms->anchors->items[j]->not_after &&
				same_ca(bundle->chain.items[i], terms->anchors->items[j]))
				return i;
	return bundle->chain.count;
}

char *verify_beyond_note(const struct bundle *bundle, const struct verify_terms *terms)
{
	for (size_t i = count_before_anchor(bundle, terms); i < bundle->chain.count; i++) {
		const struct certificate *beyond = bundle->chain.items[i];
		char end[TIME_TEXT_SIZE];

		if (terms->now >= beyond->not_after)
			return mem_printf("the chain has a certificate " WHO_FORMAT
					  " that expired on %s; certferry delivers it as it is, because "
					  "a trusted root stands in its place or before it",
				WHO(beyond), time_format(beyond->not_after, end));
	}
	return NULL;
}

static int verify_not_expired(
	const struct bundle *bundle, const struct verify_terms *terms, struct error *err)
{
	size_t count = count_before_anchor(bundle, terms);
	usec_t now = terms->now;
	char end[TIME_TEXT_SIZE], issuer_end[TIME_TEXT_SIZE];
	const struct certificate *leaf = bundle->leaf;

	if (now >= leaf->not_after)
		return refuse(err, RULE_LEAF_EXPIRED,
			"the leaf certificate " WHO_FORMAT " expired on %s", WHO(leaf),
			time_format(leaf->not_after, end));
	for (size_t i = 0; i < count; i++) {
		const struct certificate *issuer = bundle->chain.items[i];

		if (now >= issuer->not_after)
			return refuse(err, RULE_CHAIN_EXPIRED,
				"a certificate of the chain " WHO_FORMAT " expired on %s",
				WHO(issuer), time_format(issuer->not_after, end));
	}
	/* Of the leaf only: public roots are cross-signed by older ones that end before them. */
	if (bundle->chain.count > 0 && leaf->not_after > bundle->chain.items[0]->not_after)
		return refuse(err, RULE_LEAF_OUTLIVES_ISSUER,
			"the leaf certificate " WHO_FORMAT " expires on %s, after its issuer (%s)",
			WHO(leaf), time_format(leaf->not_after, end),
			time_format(bundle->chain.items[0]->not_after, issuer_end));
	return 0;
}

static int verify_begun(const struct bundle *bundle, usec_t now, struct error *err)
{
	char begin[TIME_TEXT_SIZE];

	if (now < bundle->leaf->not_before)
		return refuse(err, RULE_LEAF_NOT_YET_VALID,
			"the leaf certificate " WHO_FORMAT " is not valid before %s",
			WHO(bundle->leaf), time_format(bundle->leaf->not_before, begin));
	for (size_t i = 0; i < bundle->chain.count; i++) {
		const struct certificate *issuer = bundle->chain.items[i];

		if (now < issuer->not_before)
			return refuse(err, RULE_CHAIN_NOT_YET_VALID,
				"a certificate of the chain " WHO_FORMAT " is not valid before %s",
				WHO(issuer), time_format(issuer->not_before, begin));
	}
	return 0;
}

/* Does the path of ${bundle} reach ${anchor}: through it, or to what it issued? */
static bool reaches(const struct bundle *bundle, const struct certificate *anchor)
{
	for (size_t i = 0; i < bundle->chain.count; i++)
		if (same_ca(bundle->chain.items[i], anchor))
			return true;
	return certificate_issued_by(at(bundle, bundle->chain.count), anchor);
}

static int refuse_anchor(
	const struct bundle *bundle, const struct certificate_list *anchors, struct error *err)
{
	const struct certificate *last = at(bundle, bundle->chain.count);

	for (size_t i = 0; i < anchors->count; i++)
		if (names_its_issuer(last, anchors->items[i]))
			return refuse(err, RULE_ANCHOR_KEY,
				"the chain ends at a CA that has the name of a trusted one (%s), "
				"but not its key",
				WHO(anchors->items[i]));
	return refuse(err, RULE_ANCHOR_TRUSTED,
		"the chain ends at a certificate " WHO_FORMAT " that no trusted CA issued",
		WHO(last));
}

static int verify_anchor(
	const struct bundle *bundle, const struct verify_terms *terms, struct error *err)
{
	const struct certificate *expired = NULL;
	char end[TIME_TEXT_SIZE];

	for (size_t i = 0; i < terms->anchors->count; i++) {
		const struct certificate *anchor = terms->anchors->items[i];

		if (!reaches(bundle, anchor))
			continue;
		if (terms->now < anchor->not_after)
			return 0;
		expired = anchor;
	}
	if (expired)
		return refuse(err, RULE_ANCHOR_EXPIRED,
			"the trusted certificate " WHO_FORMAT
			" at the end of the chain expired on %s",
			WHO(expired), time_format(expired->not_after, end));
	return refuse_anchor(bundle, terms->anchors, err);
}

int verify_chain(const struct bundle *bundle, const struct verify_terms *terms, struct error *err)
{
	bool anchored = terms->anchors && terms->anchors->count > 0;
	int r;

	if (bundle->chain.count == 0 && !anchored)
		return refuse(err, RULE_CHAIN_MISSING,
			"the leaf certificate " WHO_FORMAT " has no chain",
			WHO(bundle->leaf));
	r = verify_no_twins(bundle, err);
	if (r == 0)
		r = verify_links(bundle, err);
	if (r == 0)
		r = verify_issuers(&bundle->chain, err);
	if (r == 0)
		r = verify_not_expired(bundle, terms, err);
	if (r == 0 && anchored)
		r = verify_anchor(bundle, terms, err);
	/* Last of what we see ourselves: it mends itself, the others do not. */
	if (r == 0)
		r = verify_begun(bundle, terms->now, err);
	return r;
}
