/* SPDX-License-Identifier: Apache-2.0 */

/* Digests of what is delivered: of trust bundles, order and duplicates do not matter, and nothing
 * else is taken for one. */

#include "tests/unit/shell/test_destination_bundle.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/model/artifact.h"

#define ISSUERS 3

static struct issuer issuers[ISSUERS];

/* "abca": the roots with these letters. */
static struct trust_bundle *bundle_of(const char *letters)
{
	struct certificate_list anchors = { .items = mem_alloc(strlen(letters) *
							       sizeof(struct certificate *)) };
	struct trust_bundle *bundle = NULL;

	for (; *letters; letters++)
		anchors.items[anchors.count++] = to_certificate(
			issuers[*letters - 'a'].certificate);
	assert_int_equal(trust_bundle_new(&anchors, &bundle, NULL), 0);
	assert_null(anchors.items);
	return bundle;
}

static void test_order_and_duplicates_do_not_matter(void **state)
{
	static const char *const same[] = { "abc", "acb", "bac", "bca", "cab", "cba", "abcabc",
		"ccbaa" };
	_cleanup_(trust_bundle_freep) struct trust_bundle *first = bundle_of(same[0]);

	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		_cleanup_(trust_bundle_freep) struct trust_bundle *bundle = bundle_of(same[i]);

		assert_true(digest_equal(&bundle->digest, &first->digest));
		assert_int_equal(bundle->anchors.count, ISSUERS);
		for (size_t k = 1; k < bundle->anchors.count; k++)
			assert_true(memcmp(bundle->anchors.items[k - 1]->fingerprint.bytes,
					    bundle->anchors.items[k]->fingerprint.bytes,
					    FINGERPRINT_SIZE) < 0);
	}
}

static void test_each_set_has_its_own(void **state)
{
	static const char *const sets[] = { "a", "b", "c", "ab", "bc", "ac", "abc" };
	struct trust_bundle *bundles[ARRAY_SIZE(sets)];

	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		bundles[i] = bundle_of(sets[i]);
		assert_true(digest_is_set(&bundles[i]->digest));
		for (size_t k = 0; k < i; k++)
			assert_false(digest_equal(&bundles[k]->digest, &bundles[i]->digest));
	}
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		trust_bundle_free(bundles[i]);
}

/* A bundle of one anchor is not that certificate, delivered as a leaf. */
static void test_no_leaf_has_a_bundles(void **state)
{
	_cleanup_(trust_bundle_freep) struct trust_bundle *bundle = bundle_of("a");
	const struct fingerprint *anchor = &bundle->anchors.items[0]->fingerprint;
	const struct digest leaf = digest_of_leaf(anchor);
	const struct fingerprint back = digest_leaf(&leaf);
	struct fingerprint list;
	struct digest as_list;

	assert_true(fingerprint_equal(&back, anchor));
	assert_false(digest_equal(&bundle->digest, &leaf));
	certificate_list_digest(&bundle->anchors, &list);
	as_list = digest_of_leaf(&list);
	assert_false(digest_equal(&bundle->digest, &as_list));
}

static void test_dates_are_those_that_bind(void **state)
{
	_cleanup_(trust_bundle_freep) struct trust_bundle *bundle = NULL;
	struct certificate_list anchors = { .items = mem_alloc(2 * sizeof(struct certificate *)),
		.count = 2 };
	X509 *older = make_certificate(issuers[0].key, "older", NULL, 2, 1700000000);
	X509 *younger = make_certificate(issuers[0].key, "younger", NULL, 3, 1710000000);

	anchors.items[0] = to_certificate(younger);
	anchors.items[1] = to_certificate(older);
	assert_int_equal(trust_bundle_new(&anchors, &bundle, NULL), 0);
	assert_int_equal(bundle->not_before, 1710000000 * USEC_PER_SEC);
	assert_int_equal(bundle->not_after, (1700000000 + 3650 * 86400L) * USEC_PER_SEC);
	X509_free(older);
	X509_free(younger);
}

static void test_what_is_no_bundle(void **state)
{
	_cleanup_(bundle_freep) struct bundle *leaf = make_bundle(
		&issuers[0], "a.example.com", 7, 3600);
	struct certificate_list anchors = { 0 };
	struct trust_bundle *bundle = NULL;
	_cleanup_(error_done) struct error err = ERROR_NULL;

	assert_true(trust_bundle_new(&anchors, &bundle, &err) < 0);
	assert_int_equal(err.kind, ERROR_INVALID);
	error_done(&err);
	anchors = (struct certificate_list){ .items = mem_alloc(2 * sizeof(struct certificate *)),
		.count = 2 };
	anchors.items[0] = to_certificate(issuers[0].certificate);
	anchors.items[1] = to_certificate(leaf->leaf->x509);
	assert_true(trust_bundle_new(&anchors, &bundle, &err) < 0);
	assert_non_null(strstr(err.text, "a.example.com' is not the certificate of a CA"));
	assert_null(bundle);
	assert_null(anchors.items);
}

static void test_text(void **state)
{
	const struct digest unset = { 0 };
	_cleanup_(trust_bundle_freep) struct trust_bundle *bundle = bundle_of("ab");
	char text[DIGEST_TEXT_SIZE];

	assert_false(digest_is_set(&unset));
	assert_int_equal(strlen(digest_format(&bundle->digest, text)), DIGEST_TEXT_SIZE - 1);
	assert_int_equal(strspn(text, "0123456789abcdef"), DIGEST_TEXT_SIZE - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_and_duplicates_do_not_matter),
		cmocka_unit_test(test_each_set_has_its_own),
		cmocka_unit_test(test_no_leaf_has_a_bundles),
		cmocka_unit_test(test_dates_are_those_that_bind),
		cmocka_unit_test(test_what_is_no_bundle),
		cmocka_unit_test(test_text),
	};
	bool locked;
	int failed;

	if (secret_memory_init(&locked, NULL) < 0)
		return 1;
	for (size_t i = 0; i < ISSUERS; i++)
		issuers[i] = make_issuer((const char *const[]){ "A", "B", "C" }[i]);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	for (size_t i = 0; i < ISSUERS; i++)
		issuer_done(&issuers[i]);
	return failed;
}
