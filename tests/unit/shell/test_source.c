/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "daemon/model/match.h"
#include "daemon/source/listing.h"
#include "daemon/source/recognize.h"
#include "daemon/source/source.h"
#include "lib/base/strv.h"

#define ARN(name) "arn:aws:acm:eu-west-1:111111111111:certificate/" name
#define ISSUED    ((time_t)1735516800)
#define LATER     (ISSUED + 86400)

static usec_t usec_of(time_t time)
{
	return (usec_t)time * USEC_PER_SEC;
}

/* A self-signed certificate as PEM; the caller owns it. */
static char *make_pem(long serial, time_t not_before)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	BIO *bio = BIO_new(BIO_s_mem());
	X509 *x509 = X509_new();
	char *data, *pem;
	long length;

	X509_set_version(x509, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x509), serial);
	ASN1_TIME_set(X509_getm_notBefore(x509), not_before);
	ASN1_TIME_set(X509_getm_notAfter(x509), not_before + 395 * 86400L);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC,
		(const unsigned char *)"a.example.com", -1, -1, 0);
	X509_set_issuer_name(x509, X509_get_subject_name(x509));
	X509_set_pubkey(x509, key);
	assert_true(X509_sign(x509, key, EVP_sha256()) > 0);
	PEM_write_bio_X509(bio, x509);
	length = BIO_get_mem_data(bio, &data);
	pem = mem_strndup(data, (size_t)length);
	X509_free(x509);
	BIO_free(bio);
	EVP_PKEY_free(key);
	return pem;
}

/* As listed: ISSUED, private, valid from ${not_before} for 395 days. */
static void list(struct source_view *view, const char *arn, const char *serial, time_t not_before)
{
	_cleanup_(acm_summary_done) struct acm_summary summary = {
		.arn = mem_strdup(arn),
		.domain = mem_strdup("a.example.com"),
		.status = mem_strdup("ISSUED"),
		.type = mem_strdup("PRIVATE"),
		.exportable = true,
		.serial = mem_strdup(serial),
		.not_before = usec_of(not_before),
		.not_after = usec_of(not_before + 395 * 86400L),
	};

	listing_add(view, "eu-west-1", &summary);
	assert_null(summary.arn);
}

static struct source_view *view_new(void)
{
	return mem_new(struct source_view);
}

static struct source_certificate *find(struct source_view *view, const char *arn)
{
	const struct source_certificate *found = source_view_find(view, arn);

	assert_non_null(found);
	return &view->items[found - view->items];
}

/* A view of one certificate whose version was read. */
static struct source_view *known_view(const char *serial, time_t not_before)
{
	struct source_view *view = view_new();

	list(view, ARN("a"), serial, not_before);
	memset(&view->items[0].version.digest, 7, sizeof(struct digest));
	view->items[0].version.not_before = usec_of(not_before);
	strv_append(&view->items[0].tags, "team=web");
	return view;
}

/* Which certificates are meant. */

static bool domain_matches(const char *wanted, const char *domain, const char *name)
{
	char *names[] = { (char *)name, NULL };
	struct source_certificate certificate = {
		.arn = (char *)ARN("a"),
		.domain = (char *)domain,
		.names = names,
	};
	struct desired_certificate entry = { .match_domain = (char *)wanted };

	return source_matches(&entry, &certificate);
}

static void test_match_domain(void **state)
{
	assert_true(domain_matches("a.example.com", "a.example.com", NULL));
	assert_true(domain_matches("A.Example.com", "a.example.com", NULL));
	assert_true(domain_matches("a.example.com", "b.example.com", "a.example.com"));
	assert_true(domain_matches("*.example.com", "a.example.com", NULL));
	assert_true(domain_matches("*.EXAMPLE.com", "b.org", "a.example.com"));
	assert_true(domain_matches("*.example.com", "*.example.com", NULL));
	assert_false(domain_matches("*.example.com", "a.b.example.com", NULL));
	assert_false(domain_matches("*.example.com", "example.com", NULL));
	assert_false(domain_matches("*.example.com", ".example.com", NULL));
	assert_false(domain_matches("*.example.com", "", NULL));
	assert_false(domain_matches("a.example.com", "*.example.com", NULL));
	assert_false(domain_matches("example.com", "a.example.com", "b.example.com"));
}

static void test_match_arn(void **state)
{
	struct source_certificate certificate = { .arn = (char *)ARN("a"),
		.domain = (char *)"x.org" };
	struct desired_certificate entry = { .arn = (char *)ARN("a") };

	assert_true(source_matches(&entry, &certificate));
	entry.arn = (char *)ARN("b");
	assert_false(source_matches(&entry, &certificate));
}

static void test_match_tags(void **state)
{
	char *tags[] = { (char *)"team=web", (char *)"stage=prod", NULL };
	char *other[] = { (char *)"team=web", (char *)"stage=test", NULL };
	struct source_certificate certificate = { .arn = (char *)ARN("a"), .tags = tags };
	struct desired_certificate entry = { .match_tags = &tags[1] };

	assert_true(source_matches(&entry, &certificate));
	entry.match_tags = other;
	assert_false(source_matches(&entry, &certificate));
	entry.match_tags = &tags[2];
	assert_false(source_matches(&entry, &certificate));
	entry.match_tags = tags;
	certificate.tags = NULL;
	assert_false(source_matches(&entry, &certificate));
}

static void test_refusal(void **state)
{
	static const struct {
		const char *type, *status;
		bool exportable;
		const char *refusal;
	} cases[] = {
		{ "PRIVATE", "ISSUED", true, NULL },
		{ "AMAZON_ISSUED", "ISSUED", true, NULL },
		{ "AMAZON_ISSUED", "ISSUED", false, "not requested as exportable" },
		{ "IMPORTED", "EXPIRED", false, "its type is IMPORTED" },
		{ "NOVEL", "ISSUED", false, "certificates of its type" },
		{ "PRIVATE", "EXPIRED", true, "it is EXPIRED" },
		{ "PRIVATE", "PENDING_VALIDATION", true, "ACM has not issued it yet" },
		{ "PRIVATE", "NOVEL", true, "not ISSUED" },
		{ "", "", true, "not ISSUED" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct source_certificate certificate = {
			.type = (char *)cases[i].type,
			.status = (char *)cases[i].status,
			.exportable = cases[i].exportable,
		};
		const char *refusal = source_refusal(&certificate);

		if (!cases[i].refusal)
			assert_null(refusal);
		else
			assert_non_null(strstr(refusal, cases[i].refusal));
	}
}

static void assert_refused(const char *type, bool cloudfront, bool keyless, const char *refusal)
{
	const struct source_certificate certificate = {
		.type = (char *)type,
		.status = (char *)"ISSUED",
		.cloudfront = cloudfront,
		.keyless = keyless,
	};

	assert_non_null(strstr(source_refusal(&certificate), refusal));
}

static void test_refusal_by_who_has_the_key(void **state)
{
	assert_refused("AMAZON_ISSUED", true, false, "belongs to CloudFront");
	assert_refused("PRIVATE", true, false, "belongs to CloudFront");
	assert_refused("AMAZON_ISSUED", false, true, "an ACME client");
	assert_refused("PRIVATE", false, true, "an ACME client");
	assert_refused("IMPORTED", false, true, "its type is IMPORTED");
}

/* The view of a reading. */

static void test_sort_keeps_the_later_of_two(void **state)
{
	_cleanup_(source_view_freep) struct source_view *view = view_new();

	listing_sort(view);
	assert_int_equal(view->count, 0);
	list(view, ARN("c"), NULL, ISSUED);
	list(view, ARN("a"), NULL, LATER);
	list(view, ARN("b"), NULL, ISSUED);
	list(view, ARN("a"), NULL, ISSUED);
	list(view, ARN("a"), NULL, LATER);
	listing_sort(view);
	assert_int_equal(view->count, 3);
	assert_string_equal(view->items[0].arn, ARN("a"));
	assert_int_equal(view->items[0].not_before, usec_of(LATER));
	assert_string_equal(view->items[1].arn, ARN("b"));
	assert_string_equal(view->items[2].arn, ARN("c"));
}

static void test_absent_members_are_empty(void **state)
{
	_cleanup_(source_view_freep) struct source_view *view = view_new();
	_cleanup_(acm_summary_done) struct acm_summary summary = { .arn = mem_strdup(ARN("a")) };

	listing_add(view, "eu-west-1", &summary);
	assert_string_equal(view->items[0].domain, "");
	assert_string_equal(view->items[0].type, "");
	assert_string_equal(view->items[0].status, "");
	assert_string_equal(view->items[0].key_algorithm, "");
	assert_non_null(source_refusal(&view->items[0]));
}

/* What is known of a certificate that was read with ${before} is kept when it is listed with
 * ${now}? */
static bool is_kept(const char *before, time_t issued_before, const char *now, time_t issued_now)
{
	_cleanup_(source_view_freep) struct source_view *known = known_view(before, issued_before);
	_cleanup_(source_view_freep) struct source_view *view = view_new();

	list(view, ARN("a"), now, issued_now);
	listing_inherit(view, known, true, USEC_INFINITY);
	assert_int_equal(strv_length(view->items[0].tags), 1);
	return digest_is_set(&view->items[0].version.digest);
}

static void test_inherit(void **state)
{
	assert_true(is_kept("0a:01", ISSUED, "0a:01", ISSUED));
	assert_true(is_kept("0a:01", ISSUED, NULL, ISSUED));
	assert_true(is_kept(NULL, ISSUED, "0a:01", ISSUED));
	assert_true(is_kept("00:8a:01", ISSUED, "8a:01", ISSUED));
	assert_false(is_kept("0a:01", ISSUED, "0a:02", ISSUED));
	assert_false(is_kept("0a:01", ISSUED, "0a:01", LATER));
	assert_false(is_kept(NULL, LATER, NULL, ISSUED));
}

static void test_inherit_keeps_the_serial(void **state)
{
	_cleanup_(source_view_freep) struct source_view *known = known_view("0a:01", ISSUED);
	_cleanup_(source_view_freep) struct source_view *view = view_new();

	list(view, ARN("a"), NULL, ISSUED);
	list(view, ARN("b"), NULL, ISSUED);
	listing_inherit(view, known, true, USEC_INFINITY);
	assert_string_equal(view->items[0].serial, "0a:01");
	assert_null(view->items[1].serial);
	listing_inherit(view, NULL, true, USEC_INFINITY);
}

/* Two issues of one second, or of one day for public ones, have the same dates: without a serial what is fresh is
 * doubted. */
static void test_what_is_fresh_is_doubted(void **state)
{
	_cleanup_(source_view_freep) struct source_view *known = known_view("0a:01", ISSUED);
	_cleanup_(source_view_freep) struct source_view *fresh = view_new(), *old = view_new();
	_cleanup_(source_view_freep) struct source_view *sure = view_new();
	const usec_t issued = (usec_t)ISSUED * USEC_PER_SEC;

	list(fresh, ARN("a"), NULL, ISSUED);
	listing_inherit(fresh, known, false, issued);
	assert_false(digest_is_set(&fresh->items[0].version.digest));
	list(old, ARN("a"), NULL, ISSUED);
	listing_inherit(old, known, false, issued + 1);
	assert_true(digest_is_set(&old->items[0].version.digest));
	list(sure, ARN("a"), NULL, ISSUED);
	list(sure, ARN("a"), "0a:01", ISSUED);
	listing_sort(sure);
	assert_int_equal(sure->count, 1);
	listing_inherit(sure, known, false, issued);
	assert_true(digest_is_set(&sure->items[0].version.digest));
}

static void test_problems_are_found_out_anew(void **state)
{
	_cleanup_(source_view_freep) struct source_view *known = known_view("0a:01", ISSUED);
	_cleanup_(source_view_freep) struct source_view *look = view_new(), *sweep = view_new();

	known->items[0].problem = mem_strdup("denied");
	list(look, ARN("a"), NULL, ISSUED);
	listing_inherit(look, known, true, USEC_INFINITY);
	assert_string_equal(look->items[0].problem, "denied");
	list(sweep, ARN("a"), NULL, ISSUED);
	listing_inherit(sweep, known, false, USEC_INFINITY);
	assert_null(sweep->items[0].problem);
}

static void test_join(void **state)
{
	_cleanup_(source_view_freep) struct source_view *known = view_new();
	_cleanup_(source_view_freep) struct source_view *view = view_new();
	char name[] = ARN("00");

	for (unsigned i = 0; i < 20; i++) {
		name[sizeof(name) - 3] = (char)('a' + i / 10);
		name[sizeof(name) - 2] = (char)('0' + i % 10);
		list(known, name, "0a:01", ISSUED);
	}
	list(view, ARN("b3"), "0a:02", LATER);
	list(view, ARN("zz"), "0a:03", LATER);
	listing_sort(view);
	listing_join(view, known, NULL);
	assert_int_equal(view->count, 21);
	assert_string_equal(find(view, ARN("a0"))->serial, "0a:01");
	assert_ptr_not_equal(find(view, ARN("a0"))->serial, find(known, ARN("a0"))->serial);
	assert_string_equal(find(view, ARN("b3"))->serial, "0a:02");
	assert_string_equal(find(view, ARN("zz"))->serial, "0a:03");
	listing_join(view, NULL, NULL);
	assert_int_equal(view->count, 21);
}

static void test_needs_version(void **state)
{
	struct desired_certificate entries[] = { { .arn = (char *)ARN("b") },
		{ .match_domain = (char *)"*.example.com" } };
	struct desired desired = { .certificates = entries, .certificate_count = 2 };
	_cleanup_(source_view_freep) struct source_view *view = known_view("0a:01", ISSUED);
	struct source_certificate *certificate = &view->items[0];
	_cleanup_(match_index_freep) struct match_index *both = match_index_new(&desired), *first = NULL;

	assert_false(listing_needs_version(both, certificate));
	certificate->version = (struct version){ 0 };
	assert_true(listing_needs_version(both, certificate));
	desired.certificate_count = 1;
	first = match_index_new(&desired);
	assert_false(listing_needs_version(first, certificate));
	desired.certificate_count = 2;
	certificate->exportable = false;
	assert_false(listing_needs_version(both, certificate));
	assert_false(listing_needs_tags(&desired));
}

static void test_set_version(void **state)
{
	_cleanup_(freep) char *leaf = make_pem(0x1234, ISSUED), *root = make_pem(1, ISSUED);
	_cleanup_(source_view_freep) struct source_view *view = view_new();
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct source_certificate *certificate;

	list(view, ARN("a"), NULL, ISSUED);
	certificate = &view->items[0];
	certificate->problem = mem_strdup("as it was");
	assert_int_equal(listing_set_version(certificate, "", "", &err), -EINVAL);
	assert_int_equal(
		listing_set_version(certificate, leaf, "-----BEGIN CERTIFICATE-----", &err),
		-EINVAL);
	assert_memory_equal(err.text, "chain: ", strlen("chain: "));
	assert_string_equal(certificate->problem, "as it was");
	assert_false(digest_is_set(&certificate->version.digest));

	assert_int_equal(listing_set_version(certificate, leaf, root, &err), 0);
	assert_true(digest_is_set(&certificate->version.digest));
	assert_true(fingerprint_is_set(&certificate->version.chain));
	assert_int_equal(certificate->version.not_before, usec_of(ISSUED));
	assert_string_equal(certificate->serial, "12:34");
	assert_null(certificate->problem);
	assert_int_equal(listing_set_version(certificate, leaf, "", &err), 0);
	assert_false(fingerprint_is_set(&certificate->version.chain));
}

/* Is a leaf issued at ISSUED with serial 12:34 taken for what is listed so? */
static bool is_taken(const char *serial, time_t not_before)
{
	_cleanup_(freep) char *leaf = make_pem(0x1234, ISSUED);
	_cleanup_(source_view_freep) struct source_view *view = view_new();
	_cleanup_(error_done) struct error err = ERROR_NULL;
	int r;

	list(view, ARN("a"), serial, not_before);
	r = listing_set_version(&view->items[0], leaf, "", &err);
	assert_true(r == 0 || (r == -EAGAIN && strstr(err.text, "2024-12-30T00:00:00Z")));
	return r == 0;
}

static void test_answers_that_lag_are_not_taken(void **state)
{
	assert_true(is_taken(NULL, ISSUED));
	assert_true(is_taken("12:34", ISSUED));
	assert_true(is_taken("00:12:34", ISSUED));
	assert_true(is_taken("56:78", ISSUED - 86400));
	assert_false(is_taken(NULL, LATER));
	assert_false(is_taken("12:34", LATER));
	assert_false(is_taken("56:78", ISSUED));
}

/* Each member by itself makes a summary news; what a summary leaves out does not. */
/* Borrows all of its texts. */
static struct acm_summary summary_of_b(void)
{
	static char *names[] = { (char *)"a.example.com", (char *)"b.example.com", NULL };

	return (struct acm_summary){
		.arn = (char *)ARN("b"),
		.domain = (char *)"a.example.com",
		.names = names,
		.status = (char *)"ISSUED",
		.type = (char *)"PRIVATE",
		.key_algorithm = (char *)"RSA_2048",
		.exportable = true,
		.serial = (char *)"0a:bc",
		.not_before = usec_of(ISSUED),
		.not_after = usec_of(LATER),
	};
}

static bool tells_nothing(const struct source_view *known, const char *region, const struct acm_summary *summary)
{
	const struct source_certificate *before = source_view_find(known, summary->arn);

	return before && listing_tells_nothing(before, region, summary);
}

static void test_what_tells_nothing(void **state)
{
	_cleanup_(source_view_freep) struct source_view *known = view_new();
	const struct acm_summary same = summary_of_b();
	struct acm_summary other = same;

	list(known, ARN("a"), NULL, ISSUED);
	known->items = mem_resize(known->items, 2, sizeof(*known->items));
	known->items[known->count++] = (struct source_certificate){
		.arn = mem_strdup(same.arn),
		.region = mem_strdup("eu-west-1"),
		.domain = mem_strdup(same.domain),
		.names = strv_copy(same.names),
		.status = mem_strdup(same.status),
		.type = mem_strdup(same.type),
		.key_algorithm = mem_strdup(same.key_algorithm),
		.exportable = true,
		.serial = mem_strdup("00:0a:bc"),
		.not_before = same.not_before,
		.not_after = same.not_after,
	};
	assert_true(tells_nothing(known, "eu-west-1", &same));
	other.serial = other.domain = NULL;
	other.names = NULL;
	assert_true(tells_nothing(known, "eu-west-1", &other));
	assert_false(tells_nothing(known, "eu-west-2", &same));
#define NEWS(member, value)                                                                        \
	other = same;                                                                              \
	other.member = value;                                                                      \
	assert_false(tells_nothing(known, "eu-west-1", &other))
	NEWS(domain, (char *)"c.example.com");
	NEWS(names, ((char *[]){ (char *)"a.example.com", NULL }));
	NEWS(more_names, true);
	NEWS(status, (char *)"EXPIRED");
	NEWS(status, NULL);
	NEWS(type, (char *)"AMAZON_ISSUED");
	NEWS(key_algorithm, (char *)"EC_prime256v1");
	NEWS(exportable, false);
	NEWS(cloudfront, true);
	NEWS(keyless, true);
	NEWS(ineligible, true);
	NEWS(serial, (char *)"0a:bd");
	NEWS(not_before, same.not_before + 1);
	NEWS(not_after, same.not_after + 1);
#undef NEWS
	/* What was listed without a serial gets it when it is told. */
	free(take(known->items[1].serial));
	assert_false(tells_nothing(known, "eu-west-1", &same));
}

static void test_drop_known(void **state)
{
	_cleanup_(source_view_freep) struct source_view *known = view_new();
	_cleanup_(source_view_freep) struct source_view *view = view_new();
	bool seen[4] = { false, false, true, true };

	list(known, ARN("a"), "0a:01", ISSUED);
	list(known, ARN("b"), "0a:02", ISSUED);
	list(known, ARN("c"), "0a:03", LATER);
	list(known, ARN("d"), "0a:04", ISSUED);
	list(view, ARN("a"), "0a:01", ISSUED); /* just so */
	list(view, ARN("aa"), "0a:05", ISSUED); /* new */
	list(view, ARN("b"), "0a:06", LATER); /* renewed */
	list(view, ARN("c"), "0a:07", ISSUED); /* older than what was listed, too */
	list(view, ARN("d"), "0a:08", LATER); /* newer than what was listed, too */
	listing_drop_known(view, known, seen);
	assert_int_equal(view->count, 3);
	assert_non_null(find(view, ARN("aa")));
	assert_string_equal(find(view, ARN("b"))->serial, "0a:06");
	assert_string_equal(find(view, ARN("d"))->serial, "0a:08");
	assert_true(seen[0] && !seen[1] && seen[2] && seen[3]);
	listing_join(view, known, seen);
	assert_int_equal(view->count, 5);
	assert_string_equal(find(view, ARN("b"))->serial, "0a:06");
	assert_string_equal(find(view, ARN("c"))->serial, "0a:03");
	assert_string_equal(find(view, ARN("d"))->serial, "0a:08");
}

/* Digests of summaries. */

static bool digests_equal(const struct acm_summary *a, const char *region, const struct acm_summary *b)
{
	_cleanup_(recognized_freep) struct recognized *recognized = recognized_new();
	struct summary_digest left, right;

	recognized_digest(recognized, "eu-west-1", a, &left);
	recognized_digest(recognized, region, b, &right);
	return memcmp(left.bytes, right.bytes, sizeof(left.bytes)) == 0;
}

static void test_digest(void **state)
{
	const struct acm_summary same = summary_of_b();
	struct acm_summary other = same;

	other.in_use = true;
	other.imported_at = 1;
	assert_true(digests_equal(&same, "eu-west-1", &other));
	assert_false(digests_equal(&same, "eu-west-2", &same));
#define OTHER(member, value)                                                                       \
	other = same;                                                                              \
	other.member = value;                                                                      \
	assert_false(digests_equal(&same, "eu-west-1", &other))
	OTHER(arn, (char *)ARN("c"));
	OTHER(domain, (char *)"c.example.com");
	OTHER(domain, NULL);
	OTHER(names, ((char *[]){ (char *)"a.example.com", NULL }));
	OTHER(names, ((char *[]){ (char *)"a.example.com=b.example.com", NULL }));
	OTHER(names, ((char *[]){ NULL }));
	OTHER(names, NULL);
	OTHER(more_names, true);
	OTHER(status, (char *)"EXPIRED");
	OTHER(type, (char *)"AMAZON_ISSUED");
	OTHER(key_algorithm, (char *)"EC_prime256v1");
	OTHER(exportable, false);
	OTHER(cloudfront, true);
	OTHER(keyless, true);
	OTHER(ineligible, true);
	OTHER(serial, (char *)"0a:bd");
	OTHER(serial, (char *)"");
	OTHER(serial, NULL);
	OTHER(not_before, same.not_before + 1);
	OTHER(not_after, same.not_after + 1);
#undef OTHER
}

static void test_recognize_many(void **state)
{
	_cleanup_(recognized_freep) struct recognized *recognized = recognized_new();
	struct acm_summary summary = { .arn = (char *)ARN("a") };
	struct summary_digest digest;
	size_t at;

	for (int round = 0; round < 2; round++) {
		for (usec_t i = 0; i < 5000; i++) {
			summary.not_before = i;
			recognized_digest(recognized, "eu-west-1", &summary, &digest);
			assert_false(recognized_find(recognized, &digest, &at));
			recognized_put(recognized, &digest, (size_t)i);
		}
		for (usec_t i = 0; i < 5000; i++) {
			summary.not_before = i;
			recognized_digest(recognized, "eu-west-1", &summary, &digest);
			assert_true(recognized_find(recognized, &digest, &at));
			assert_int_equal(at, i);
		}
		recognized_forget(recognized);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match_domain),
		cmocka_unit_test(test_match_arn),
		cmocka_unit_test(test_match_tags),
		cmocka_unit_test(test_refusal),
		cmocka_unit_test(test_refusal_by_who_has_the_key),
		cmocka_unit_test(test_sort_keeps_the_later_of_two),
		cmocka_unit_test(test_absent_members_are_empty),
		cmocka_unit_test(test_inherit),
		cmocka_unit_test(test_inherit_keeps_the_serial),
		cmocka_unit_test(test_problems_are_found_out_anew),
		cmocka_unit_test(test_what_is_fresh_is_doubted),
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_needs_version),
		cmocka_unit_test(test_set_version),
		cmocka_unit_test(test_answers_that_lag_are_not_taken),
		cmocka_unit_test(test_what_tells_nothing),
		cmocka_unit_test(test_drop_known),
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_recognize_many),
	};
	bool locked;

	if (secret_memory_init(&locked, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
