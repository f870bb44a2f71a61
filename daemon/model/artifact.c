/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/model/artifact.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/encode.h"

/* With its NUL, before the fingerprints: DER of a certificate begins with 0x30. */
#define TRUST_TAG "certferry trust bundle"

bool digest_is_set(const struct digest *digest)
{
	static const struct digest unset;

	return !digest_equal(digest, &unset);
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

char *digest_format(const struct digest *digest, char text[static DIGEST_TEXT_SIZE])
{
	hex_encode(digest->bytes, sizeof(digest->bytes), text);
	return text;
}

struct digest digest_of_leaf(const struct fingerprint *leaf)
{
	struct digest digest;

	memcpy(digest.bytes, leaf->bytes, sizeof(digest.bytes));
	return digest;
}

struct fingerprint digest_leaf(const struct digest *digest)
{
	struct fingerprint leaf;

	memcpy(leaf.bytes, digest->bytes, sizeof(leaf.bytes));
	return leaf;
}

/* --- trust bundles --- */

static int compare_anchor(const void *a, const void *b)
{
	const struct certificate *left = *(struct certificate *const *)a,
				 *right = *(struct certificate *const *)b;

	return memcmp(
		left->fingerprint.bytes, right->fingerprint.bytes, sizeof(left->fingerprint.bytes));
}

static void sort_anchors(struct certificate_list *anchors)
{
	size_t kept = 0;

	qsort(anchors->items, anchors->count, sizeof(*anchors->items), compare_anchor);
	for (size_t i = 0; i < anchors->count; i++) {
		if (kept && compare_anchor(&anchors->items[kept - 1], &anchors->items[i]) == 0)
			certificate_free(anchors->items[i]);
		else
			anchors->items[kept++] = anchors->items[i];
	}
	anchors->count = kept;
}

/* Over fingerprints, which are all of one length: no two lists are the same bytes. */
static void digest_anchors(const struct certificate_list *anchors, struct digest *ret_digest)
{
	_cleanup_(buf_done) struct buf all = BUF_NULL;

	buf_append(&all, TRUST_TAG, sizeof(TRUST_TAG));
	for (size_t i = 0; i < anchors->count; i++)
		buf_append(
			&all, (const char *)anchors->items[i]->fingerprint.bytes, FINGERPRINT_SIZE);
	if (!EVP_Digest(all.data, all.length, ret_digest->bytes, NULL, EVP_sha256(), NULL))
		mem_exhausted();
}

static int check_anchors(const struct certificate_list *anchors, struct error *err)
{
	if (!anchors->count)
		return error_set(err, ERROR_INVALID, EINVAL, "there is no CA certificate in it");
	for (size_t i = 0; i < anchors->count; i++)
		if (!anchors->items[i]->is_ca)
			return error_set(err, ERROR_INVALID, EINVAL,
				"'%s' is not the certificate of a CA", anchors->items[i]->subject);
	return 0;
}

int trust_bundle_new(
	struct certificate_list *anchors, struct trust_bundle **ret_bundle, struct error *err)
{
	_cleanup_(trust_bundle_freep) struct trust_bundle *bundle = mem_new(struct trust_bundle);
	int r;

	bundle->anchors = *anchors;
	*anchors = (struct certificate_list){ 0 };
	r = check_anchors(&bundle->anchors, err);
	if (r < 0)
		return r;
	sort_anchors(&bundle->anchors);
	digest_anchors(&bundle->anchors, &bundle->digest);
	bundle->not_after = USEC_INFINITY;
	for (size_t i = 0; i < bundle->anchors.count; i++) {
		bundle->not_before = MAX(bundle->not_before, bundle->anchors.items[i]->not_before);
		bundle->not_after = MIN(bundle->not_after, bundle->anchors.items[i]->not_after);
	}
	*ret_bundle = take(bundle);
	return 0;
}

struct trust_bundle *trust_bundle_free(struct trust_bundle *bundle)
{
	if (!bundle)
		return NULL;
	certificate_list_done(&bundle->anchors);
	free(bundle);
	return NULL;
}
