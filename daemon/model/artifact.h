/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_MODEL_ARTIFACT_H
#define DAEMON_MODEL_ARTIFACT_H

/*
 * An artifact is what is delivered: a certificate with its key (bundle.h), or the certificates of
 * CAs that are to be trusted.  Whatever it is, one issue of it is known by its digest, by which
 * plan, record, looks and transfers compare:
 *
 *	a certificate	the fingerprint of its leaf
 *	a trust bundle	over all of its anchors, in whatever order and however often they were given
 *
 * A trust bundle's digest begins with a tag that no DER begins with, so that it is never the
 * fingerprint of a leaf, nor of its only anchor: what is confirmed for the one cannot be taken for
 * the other.
 */

#include "lib/pki/certificate.h"

/* Of a fingerprint's form, and not one: what it is of depends on the artifact.  All zero: not
 * known. */
struct digest {
	unsigned char bytes[FINGERPRINT_SIZE];
};

#define DIGEST_TEXT_SIZE FINGERPRINT_TEXT_SIZE

/* digest_is_set(digest): is it more than zeros?  digest_equal(a, b): all bytes. */
bool digest_is_set(const struct digest *digest);
bool digest_equal(const struct digest *a, const struct digest *b);

/* digest_format(digest, text): 64 lower-case hex digits.  Returns ${text}. */
char *digest_format(const struct digest *digest, char text[static DIGEST_TEXT_SIZE]);

/* digest_of_leaf(leaf): of the certificate whose leaf has this fingerprint; digest_leaf(digest):
 * and back, which says nothing of a trust bundle. */
struct digest digest_of_leaf(const struct fingerprint *leaf);
struct fingerprint digest_leaf(const struct digest *digest);

/* Certificates of CAs, none of them twice, in the order of their fingerprints. */
struct trust_bundle {
	struct certificate_list anchors;
	struct digest digest;
	usec_t not_before; /* of the youngest */
	usec_t not_after; /* of the first that ends */
};

/**
 * trust_bundle_new(anchors, bundle, err):
 * Takes ${anchors} over, which is empty then, whatever comes of it.  ERROR_INVALID where there are
 * none, or one is not a CA's: neither is delivered to anybody's trust.
 */
int trust_bundle_new(
	struct certificate_list *anchors, struct trust_bundle **ret_bundle, struct error *err);

/* trust_bundle_free(bundle): NULL is fine; returns NULL. */
struct trust_bundle *trust_bundle_free(struct trust_bundle *bundle);

DEFINE_CLEANUP(struct trust_bundle *, trust_bundle_free);

#endif
