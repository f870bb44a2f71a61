/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <jansson.h>

#include "lib/aws/acm_description.h"
#include "lib/aws/acm_wire.h"
#include "lib/aws/compose.h"
#include "lib/aws/member.h"
#include "lib/aws/page.h"
#include "lib/aws/secretsmanager.h"
#include "lib/aws/secretsmanager_wire.h"
#include "lib/base/strv.h"
#include "lib/pki/secret.h"
#include "tests/unit/lib/test_acm_item.h"

#define ARN "arn:aws:acm:eu-west-1:111111111111:certificate/0f5c1b3e-0000"

static void json_freep(json_t **json)
{
	json_decref(*json);
}

static json_t *parse(const char *text)
{
	json_error_t problem;
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &problem);

	if (!json)
		fail_msg("%s at %d: %s", problem.text, problem.position, text);
	return json;
}

/* What the body is as JSON; it fills its room exactly, which compose() asserts. */
static json_t *parse_body(const struct secret *body)
{
	return parse(secret_borrow(body));
}

static void assert_body(const struct secret *body, const char *text)
{
	_cleanup_(json_freep) json_t *made = parse_body(body), *wanted = parse(text);

	if (!json_equal(made, wanted))
		fail_msg("%s\nis not %s", secret_borrow(body), text);
}

static struct secret *secret_of(const char *text)
{
	struct secret *secret;

	assert_int_equal(secret_from(text, strlen(text), &secret, NULL), 0);
	return secret;
}

static void assert_list(char *const *list, const char *joined)
{
	_cleanup_(freep) char *text = strv_join(list, " ");

	assert_string_equal(text, joined);
}

/* Members. */

static void test_times(void **state)
{
	static const struct {
		enum json_event event;
		const char *text;
		usec_t time;
	} cases[] = {
		{ JSON_EVENT_NUMBER, "1735516700", 1735516700 * USEC_PER_SEC },
		{ JSON_EVENT_NUMBER, "1.7355167E9", 1735516700 * USEC_PER_SEC },
		{ JSON_EVENT_NUMBER, "1735516700.25", 1735516700250000 },
		{ JSON_EVENT_STRING, "2024-12-29T23:58:20Z", 1735516700 * USEC_PER_SEC },
		{ JSON_EVENT_STRING, "2024-12-29T23:58:20.250Z", 1735516700 * USEC_PER_SEC },
		{ JSON_EVENT_NULL, "null", 0 },
		{ JSON_EVENT_STRING, "soon", 0 },
		{ JSON_EVENT_NUMBER, "-1", 0 },
		{ JSON_EVENT_NUMBER, "1e300", 0 },
		{ JSON_EVENT_TRUE, "true", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(
			page_time(cases[i].event, cases[i].text, strlen(cases[i].text)), cases[i].time);
}

static void test_other_types_are_absent(void **state)
{
	_cleanup_(json_freep)
		json_t *json = parse("{\"number\": 7, \"empty\": \"\", \"word\": \"x\","
				     "\"list\": [\"a\", 1, null, \"b\"]}");
	_cleanup_(strv_freep) char **strings = member_strings(json, "list");
	_cleanup_(error_done) struct error err = ERROR_NULL;
	const char *text = "untouched";

	assert_null(member_string(json, "number"));
	assert_null(member_string(json, "empty"));
	assert_null(member_string(NULL, "word"));
	assert_false(member_true(json, "word"));
	assert_list(strings, "a b");
	assert_null(member_strings(json, "word"));
	assert_int_equal(member_need(json, "empty", &text, &err), -EAGAIN);
	assert_string_equal(err.text, "response without empty");
	assert_string_equal(text, "untouched");
}

static void test_check(void **state)
{
	static const struct member members[] = { { "s", MEMBER_STRING }, { "b", MEMBER_BOOLEAN },
		{ "t", MEMBER_TIME }, { "o", MEMBER_OBJECT }, { "os", MEMBER_OBJECTS },
		{ "ss", MEMBER_STRINGS }, { "st", MEMBER_STAGES }, { "tags", MEMBER_TAGS }, { 0 } };
	static const char *const good[] = { "{}", "{\"s\":null,\"b\":null,\"tags\":null,\"x\":[7]}",
		"{\"s\":\"\",\"b\":false,\"t\":-1,\"o\":{},\"os\":[{}],\"ss\":[\"a\"]}",
		"{\"t\":\"2024-12-29T23:58:20Z\",\"st\":{\"v\":[\"a\"]},\"tags\":[{\"Key\":\"k\"}]}" };
	static const char *const bad[] = { "[]", "{\"s\":7}", "{\"b\":0}", "{\"t\":true}",
		"{\"t\":\"soon\"}", "{\"t\":1e300}", "{\"o\":[]}", "{\"os\":[null]}", "{\"ss\":\"a\"}",
		"{\"ss\":[\"a\",1]}", "{\"st\":{\"v\":\"a\"}}", "{\"tags\":{}}",
		"{\"tags\":[{\"Value\":\"lost\"}]}", "{\"tags\":[{\"Key\":\"k\",\"Value\":1}]}" };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		_cleanup_(json_freep) json_t *json = parse(good[i]);

		assert_int_equal(member_check(json, members, NULL), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_(json_freep) json_t *json = json_loads(bad[i], 0, NULL);
		_cleanup_(error_done) struct error err = ERROR_NULL;

		assert_int_equal(member_check(json, members, &err), -EAGAIN);
	}
}

static void test_tags(void **state)
{
	_cleanup_(json_freep) json_t *json = parse(
		"{\"Tags\": [{\"Key\": \"a\", \"Value\": \"1=2\"}, {\"Key\": \"b\"},"
		"{\"Value\": \"lost\"}, 7, {\"Key\": \"c\", \"Value\": \"\", \"New\": true}]}");
	_cleanup_(strv_freep) char **tags = member_tags(json, "Tags");

	assert_list(tags, "a=1=2 b= c=");
}

/* Bodies in the secure heap. */

static void test_import_body(void **state)
{
	_cleanup_(secret_freep) struct secret *key = secret_of("key"), *body = NULL;
	char *tags[] = { (char *)"certferry:name=a \"b\"\n", (char *)"empty=", NULL };
	struct acm_import import = { .leaf = "leaf", .chain = "chain", .key = key, .tags = tags };

	assert_int_equal(acm_import_body(&import, &body, NULL), 0);
	assert_body(body, "{\"Certificate\": \"bGVhZg==\", \"PrivateKey\": \"a2V5\","
			  "\"CertificateChain\": \"Y2hhaW4=\", \"Tags\": ["
			  "{\"Key\": \"certferry:name\", \"Value\": \"a \\\"b\\\"\\n\"},"
			  "{\"Key\": \"empty\", \"Value\": \"\"}]}");
}

static void test_import_over_arn(void **state)
{
	_cleanup_(secret_freep) struct secret *key = secret_of("key"), *body = NULL;
	struct acm_import import = { .arn = ARN, .leaf = "leaf", .chain = "", .key = key };

	assert_int_equal(acm_import_body(&import, &body, NULL), 0);
	assert_body(body, "{\"CertificateArn\": \"" ARN "\", \"Certificate\": \"bGVhZg==\","
			  "\"PrivateKey\": \"a2V5\"}");
}

static void test_export_body(void **state)
{
	_cleanup_(secret_freep) struct secret *passphrase = secret_of("0123456789"), *body = NULL;

	assert_int_equal(acm_export_body(ARN, passphrase, &body, NULL), 0);
	assert_body(
		body, "{\"CertificateArn\": \"" ARN "\", \"Passphrase\": \"MDEyMzQ1Njc4OQ==\"}");
}

static void test_secret_bodies(void **state)
{
	static const char value[] = "{\"tls.crt\":\"-----\\n\",\"tab\":\"\t\x01\xc3\xa9\"}";
	_cleanup_(secret_freep) struct secret *text = secret_of(value), *create = NULL, *put = NULL;
	_cleanup_(json_freep) json_t *created = NULL, *written = NULL;
	char *tags[] = { (char *)"certferry:name=tls/a", NULL };
	struct sm_write write = {
		.secret_id = "tls/a",
		.token = "0123456789abcdef0123456789abcdef",
		.value = text,
		.kms_key = "alias/tls",
		.tags = tags,
	};

	assert_int_equal(sm_create_body(&write, &create, NULL), 0);
	created = parse_body(create);
	assert_string_equal(member_string(created, "Name"), "tls/a");
	assert_string_equal(member_string(created, "ClientRequestToken"), write.token);
	assert_string_equal(member_string(created, "SecretString"), value);
	assert_string_equal(member_string(created, "KmsKeyId"), "alias/tls");
	assert_null(json_object_get(created, "Description"));
	assert_int_equal(json_array_size(json_object_get(created, "Tags")), 1);

	assert_int_equal(sm_put_body(&write, &put, NULL), 0);
	written = parse_body(put);
	assert_string_equal(member_string(written, "SecretId"), "tls/a");
	assert_string_equal(member_string(written, "SecretString"), value);
	assert_int_equal(json_object_size(written), 3);
}

static void two_members(struct compose *c, const void *data)
{
	compose_string(c, "absent", NULL);
	compose_string(c, "text", data);
	compose_tags(c, "tags", NULL);
	compose_blob(c, "blob", "", 0);
}

static void test_every_byte_is_escaped(void **state)
{
	_cleanup_(secret_freep) struct secret *body = NULL;
	_cleanup_(json_freep) json_t *json = NULL;
	char text[0x80] = "";

	for (size_t i = 1; i < sizeof(text); i++)
		text[i - 1] = (char)i;
	assert_int_equal(compose(two_members, text, &body, NULL), 0);
	json = parse_body(body);
	assert_string_equal(member_string(json, "text"), text);
	assert_int_equal(json_object_size(json), 2);
}

static void test_full_heap(void **state)
{
	_cleanup_(freep) char *leaf = mem_alloc(SECRET_HEAP_SIZE + 1);
	_cleanup_(secret_freep) struct secret *key = secret_of("key"), *body = NULL;
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct acm_import import = { .leaf = leaf, .chain = "", .key = key };

	memset(leaf, 'x', SECRET_HEAP_SIZE);
	assert_int_equal(acm_import_body(&import, &body, &err), -EAGAIN);
	assert_int_equal(err.kind, ERROR_RETRY);
	assert_null(body);
}

static void test_tag_body(void **state)
{
	char *tags[] = { (char *)"a=1", (char *)"b=", NULL };
	char *broken[] = { (char *)"a=\xff", NULL };
	_cleanup_(json_freep) json_t *body = sm_tag_body("tls/a", tags);
	_cleanup_(json_freep) json_t *wanted = parse("{\"SecretId\": \"tls/a\", \"Tags\": ["
						     "{\"Key\": \"a\", \"Value\": \"1\"},"
						     "{\"Key\": \"b\", \"Value\": \"\"}]}");

	assert_true(json_equal(body, wanted));
	assert_null(sm_tag_body("tls/a", broken));
}

static void test_add_tags_body(void **state)
{
	char *tags[] = { (char *)"a=1=2", NULL };
	char *broken[] = { (char *)"a=\xff", NULL };
	_cleanup_(json_freep) json_t *body = acm_add_tags_body("arn", tags);
	_cleanup_(json_freep) json_t *wanted = parse(
		"{\"CertificateArn\": \"arn\", \"Tags\": [{\"Key\": \"a\", \"Value\": \"1=2\"}]}");

	assert_true(json_equal(body, wanted));
	assert_null(acm_add_tags_body("arn", broken));
}

/* A page of ${items} items, each with ${names} names. */
static int read_crowd(size_t items, size_t names, struct error *err)
{
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	_cleanup_(acm_page_done) struct acm_page page;

	buf_append_string(&text, "{\"CertificateSummaryList\": [");
	for (size_t i = 0; i < items; i++) {
		buf_printf(&text, "%s{\"CertificateArn\": \"arn:aws:acm:eu-west-1:111111111111:certificate/%zu\", "
				  "\"SubjectAlternativeNameSummaries\": [", i ? ", " : "", i);
		for (size_t j = 0; j < names; j++)
			buf_append_string(&text, j ? ",\"a\"" : "\"a\"");
		buf_append_string(&text, "]}");
	}
	buf_append_string(&text, "]}");
	acm_page_init(&page, ACM_LISTING_LIST, ACM_SCOPE_USUAL);
	page_begin(&page.page);
	assert_int_equal(page_read(&page.page, text.data, text.length), 0);
	assert_int_equal(page_end(&page.page), 0);
	assert_true(page.count <= PAGE_ITEMS_MAX);
	return acm_page_check(&page, err);
}

/* Who answers with more than AWS ever does has neither hours of work done nor the memory filled. */
static void test_crowded_page(void **state)
{
	clock_t begin = clock();
	_cleanup_(error_done) struct error err = ERROR_NULL;

	assert_int_equal(read_crowd(1000, 100, &err), 0);
	assert_int_equal(read_crowd(1, PAGE_LIST_MAX, &err), 0);
	assert_int_equal(read_crowd(PAGE_ITEMS_MAX, 1, &err), 0);
	assert_true(read_crowd(1, 300000, &err) < 0);
	assert_string_equal(err.text, "response with too many values in SubjectAlternativeNameSummaries");
	assert_true(read_crowd(200, PAGE_LIST_MAX, &err) < 0);
	assert_string_equal(err.text, "response with too many values in SubjectAlternativeNameSummaries");
	assert_true(read_crowd(PAGE_ITEMS_MAX + 1, 1, &err) < 0);
	assert_string_equal(err.text, "response with too many values in CertificateSummaryList");
	assert_int_equal(err.kind, ERROR_RETRY);
	assert_true(clock() - begin < 5 * CLOCKS_PER_SEC);
}

static void test_listing_bodies(void **state)
{
	_cleanup_(json_freep) json_t *list = acm_list_body(ACM_SCOPE_USUAL);
	_cleanup_(json_freep) json_t *imported = acm_list_body(ACM_SCOPE_IMPORTED);
	_cleanup_(json_freep) json_t *origins = acm_list_body(ACM_SCOPE_ORIGINS);
	_cleanup_(json_freep) json_t *n2 = acm_list_body(ACM_SCOPE_N2);
	_cleanup_(json_freep) json_t *search = acm_search_body(1735516700 * USEC_PER_SEC + 1);
	_cleanup_(json_freep) json_t *wanted = parse(
		"{\"MaxResults\": 500, \"FilterStatement\": {\"Filter\": {\"X509AttributeFilter\":"
		"{\"NotBefore\": {\"Start\": 1735516700}}}}}");

	assert_int_equal(json_integer_value(json_object_get(list, "MaxItems")), 1000);
	assert_int_equal(
		json_array_size(json_object_get(json_object_get(list, "Includes"), "keyTypes")), 7);
	assert_true(json_equal(search, wanted));
	assert_int_equal(json_object_size(list), 2);
	assert_true(json_equal(list, imported));
	assert_int_equal(json_object_size(origins), 3);
	assert_int_equal(json_array_size(json_object_get(origins, "CertificateKeyPairOrigins")), 3);
	assert_int_equal(json_object_size(n2), 4);
	assert_int_equal(json_array_size(json_object_get(n2, "RootHierarchyTypes")), 2);
}

/* Answers. */

static void test_arn_region(void **state)
{
	static const char *const bad[] = {
		"",
		"arn",
		"arn:aws:acm:eu-west-1",
		"arn:aws:acm:eu-west-1:111111111111",
		"arn:aws:acm:eu-west-1:111111111111:",
		"arn:aws:acm::111111111111:certificate/a",
		"arn:aws:acm:eu-west-1:x:certificate/a",
		"arn:aws:acm-pca:eu-west-1:1:certificate/a",
		"arn:aws:iam:acm:eu-west-1:1:certificate/a",
		"xarn:aws:acm:eu-west-1:1:certificate/a",
	};
	_cleanup_(freep) char *region = acm_arn_region(ARN);
	_cleanup_(freep) char *china = acm_arn_region(
		"arn:aws-cn:acm:cn-north-1:111111111111:certificate/a");

	assert_string_equal(region, "eu-west-1");
	assert_string_equal(china, "cn-north-1");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_null(acm_arn_region(bad[i]));
}

static void test_parse_listed(void **state)
{
	static const char text[] =
		"{\"CertificateArn\": \"" ARN "\", \"DomainName\": \"Pay.Example.com\","
		"\"SubjectAlternativeNameSummaries\": [\"Pay.Example.com\", \"*.x.example\"],"
		"\"HasAdditionalSubjectAlternativeNames\": true, \"Status\": \"ISSUED\","
		"\"Type\": \"AMAZON_ISSUED\", \"KeyAlgorithm\": \"RSA-2048\","
		"\"ExportOption\": \"ENABLED\", \"InUse\": true, \"Novelty\": {\"a\": []},"
		"\"RenewalEligibility\": \"INELIGIBLE\", \"NotBefore\": 1.7355167E9,"
		"\"NotAfter\": 1735516800.5}";
	_cleanup_(acm_summary_done) struct acm_summary summary = { 0 };

	assert_int_equal(read_item(ACM_LISTING_LIST, text, &summary, NULL), 0);
	assert_string_equal(summary.arn, ARN);
	assert_string_equal(summary.domain, "pay.example.com");
	assert_list(summary.names, "pay.example.com *.x.example");
	assert_true(summary.more_names);
	assert_string_equal(summary.status, "ISSUED");
	assert_string_equal(summary.key_algorithm, "RSA_2048");
	assert_true(summary.exportable);
	assert_true(summary.ineligible);
	assert_true(summary.in_use);
	assert_null(summary.serial);
	assert_int_equal(summary.not_before, 1735516700 * USEC_PER_SEC);
	assert_int_equal(summary.not_after, 1735516800500000);
	assert_int_equal(summary.imported_at, 0);
}

static void test_parse_found(void **state)
{
	static const char text[] =
		"{\"CertificateArn\": \"" ARN "\", \"X509Attributes\": {"
		"\"Subject\": {\"CommonName\": \"PAY.example.com\"}, \"SerialNumber\": \"0a:1b\","
		"\"SubjectAlternativeNames\": [{\"DnsName\": \"PAY.example.com\"},"
		"{\"IpAddress\": \"::1\"}], \"KeyAlgorithm\": \"EC_prime256v1\","
		"\"NotBefore\": 1735516700, \"NotAfter\": 1735516800},"
		"\"CertificateMetadata\": {\"AcmCertificateMetadata\": {\"Status\": \"ISSUED\","
		"\"Type\": \"PRIVATE\", \"RenewalEligibility\": \"ELIGIBLE\"}}}";
	_cleanup_(acm_summary_done) struct acm_summary summary = { 0 };

	assert_int_equal(read_item(ACM_LISTING_SEARCH, text, &summary, NULL), 0);
	assert_string_equal(summary.domain, "pay.example.com");
	assert_list(summary.names, "pay.example.com");
	assert_string_equal(summary.serial, "0a:1b");
	assert_string_equal(summary.type, "PRIVATE");
	assert_string_equal(summary.key_algorithm, "EC_prime256v1");
	assert_true(summary.exportable);
	assert_false(summary.ineligible);
	assert_int_equal(summary.not_after, 1735516800 * USEC_PER_SEC);
}

static bool is_exportable(const char *members)
{
	_cleanup_(freep) char *text = mem_printf("{\"CertificateArn\": \"%s\", %s}", ARN, members);
	_cleanup_(acm_summary_done) struct acm_summary summary = { 0 };

	assert_int_equal(read_item(ACM_LISTING_LIST, text, &summary, NULL), 0);
	return summary.exportable;
}

static void test_exportable(void **state)
{
	assert_true(is_exportable("\"Type\": \"PRIVATE\""));
	assert_true(is_exportable("\"Type\": \"AMAZON_ISSUED\", \"ExportOption\": \"ENABLED\""));
	assert_false(is_exportable("\"Type\": \"AMAZON_ISSUED\", \"ExportOption\": \"DISABLED\""));
	assert_false(is_exportable("\"Type\": \"AMAZON_ISSUED\""));
	assert_false(is_exportable("\"Type\": \"IMPORTED\", \"ExportOption\": \"ENABLED\""));
	assert_false(is_exportable("\"Type\": \"PRIVATE\", \"ManagedBy\": \"CLOUDFRONT\""));
	assert_true(is_exportable("\"Type\": \"PRIVATE\", \"CertificateKeyPairOrigin\": \"AWS_MANAGED\""));
	assert_true(is_exportable("\"Type\": \"PRIVATE\", \"CertificateKeyPairOrigin\": \"NOVEL\""));
	assert_false(is_exportable("\"Type\": \"PRIVATE\", \"CertificateKeyPairOrigin\": \"ACME\""));
	assert_false(is_exportable("\"Type\": \"PRIVATE\", \"CertificateKeyPairOrigin\": \"CUSTOMER_PROVIDED\""));
	assert_false(is_exportable("\"Type\": \"NOVEL\""));
	assert_false(is_exportable("\"Status\": \"ISSUED\""));
}

static size_t count_in_scope(enum acm_scope scope, const char *members)
{
	_cleanup_(freep) char *text = mem_printf(
		"{\"CertificateSummaryList\": [{\"CertificateArn\": \"%s\", %s}, {\"CertificateArn\": \"%s\"}]}", ARN,
		members, ARN);
	_cleanup_(acm_page_done) struct acm_page page;

	acm_page_init(&page, ACM_LISTING_LIST, scope);
	page_begin(&page.page);
	assert_int_equal(page_read(&page.page, text, strlen(text)), 0);
	assert_int_equal(page_end(&page.page), 0);
	assert_int_equal(acm_page_check(&page, NULL), 0);
	return page.count;
}

/* Whatever an endpoint lists that overlooks a filter; the second one says nothing of itself. */
static void test_what_is_not_of_the_scope_is_left_out(void **state)
{
	assert_int_equal(count_in_scope(ACM_SCOPE_N2, "\"RootHierarchyType\": \"N2_AMAZON_MANAGED\""), 1);
	assert_int_equal(count_in_scope(ACM_SCOPE_N2, "\"RootHierarchyType\": null"), 0);
	assert_int_equal(count_in_scope(ACM_SCOPE_IMPORTED, "\"Type\": \"IMPORTED\""), 1);
	assert_int_equal(count_in_scope(ACM_SCOPE_IMPORTED, "\"Type\": \"PRIVATE\""), 0);
	assert_int_equal(count_in_scope(ACM_SCOPE_USUAL, "\"Type\": \"PRIVATE\""), 2);
	assert_int_equal(count_in_scope(ACM_SCOPE_ORIGINS, "\"CertificateKeyPairOrigin\": \"ACME\""), 2);
}

static void test_malformed_summaries(void **state)
{
	static const char *const bad[] = { "{}", "[]", "7", "{\"CertificateArn\": null}",
		"{\"CertificateArn\": \"arn:aws:s3:::bucket\"}" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_(error_done) struct error err = ERROR_NULL;
		struct acm_summary summary = { 0 };

		assert_int_equal(read_item(ACM_LISTING_LIST, bad[i], &summary, &err), -EAGAIN);
		assert_non_null(strstr(err.text, bad[i][0] == '{' ? "CertificateArn" : "CertificateSummaryList"));
		error_done(&err);
		assert_int_equal(read_item(ACM_LISTING_SEARCH, bad[i], &summary, &err), -EAGAIN);
		assert_null(summary.arn);
	}
}

/* What comes of an answer to DescribeCertificate, after another one. */
static int read_description(struct acm_description_page *page, const char *text, struct error *err)
{
	static const char other[] = "{\"Certificate\": {\"CertificateArn\": \"" ARN "\", \"Status\": \"ISSUED\","
				    "\"InUseBy\": [\"x\"]}}";

	acm_description_init(page);
	page_begin(&page->page);
	assert_int_equal(page_read(&page->page, other, strlen(other)), 0);
	page_begin(&page->page);
	assert_int_equal(page_read(&page->page, text, strlen(text)), 0);
	assert_int_equal(page_end(&page->page), 0);
	return acm_description_check(page, err);
}

/* A certificate of a large account: so many load balancers have it, and more are refused. */
static void read_many_users(struct acm_description_page *page)
{
	static const struct {
		size_t count;
		int result;
	} cases[] = { { 5000, 0 }, { 5001, -EAGAIN } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(buf_done) struct buf text = BUF_NULL;
		_cleanup_(error_done) struct error err = ERROR_NULL;

		buf_append_string(&text, "{\"Certificate\": {\"CertificateArn\": \"" ARN "\", \"InUseBy\": [\"first\"");
		for (size_t k = 1; k < cases[i].count; k++)
			buf_append_string(&text, ", \"arn:aws:elasticloadbalancing:a\"");
		buf_append_string(&text, "]}}");
		assert_int_equal(read_description(page, text.data, &err), cases[i].result);
		if (cases[i].result == 0)
			assert_int_equal(strv_length(page->description.in_use_by), cases[i].count);
		acm_description_done(page);
	}
}

static void test_description(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "{}", "response without Certificate" },
		{ "{\"Certificate\": null}", "response without Certificate" },
		{ "{\"Certificate\": []}", "response without Certificate" },
		{ "{\"Certificate\": [{\"CertificateArn\": \"" ARN "\"}]}", "response without Certificate" },
		{ "{\"Certificate\": {}}", "response without CertificateArn" },
		{ "{\"Certificate\": {\"CertificateArn\": \"x\"}}", "response whose CertificateArn is not an ACM ARN" },
		{ "{\"Certificate\": {\"CertificateArn\": \"" ARN "\", \"Type\": 1}}", "another type of Type" },
		{ "{\"Certificate\": {\"CertificateArn\": \"" ARN "\", \"InUseBy\": {}}}", "another type of InUseBy" },
		{ "{\"Certificate\": {\"CertificateArn\": \"" ARN "\", \"RenewalSummary\": []}}", "another type of RenewalSummary" },
	};
	struct acm_description_page page;
	const struct acm_description *description = &page.description;

	assert_int_equal(read_description(&page,
				 "{\"Certificate\": {\"CertificateArn\": \"" ARN "\", \"Type\": \"IMPORTED\","
				 "\"InUseBy\": [\"arn:aws:elasticloadbalancing:a\"], \"Options\": {\"Type\": \"no\"},"
				 "\"KeyAlgorithm\": \"EC-prime256v1\", \"KeyUsages\": [{\"Name\": \"Type\"}],"
				 "\"DomainValidationOptions\": [{\"DomainName\": \"z\", \"ValidationStatus\": \"FAILED\"}],"
				 "\"RenewalSummary\": {\"RenewalStatus\": \"FAILED\", \"DomainValidationOptions\": ["
				 "{\"DomainName\": \"a\", \"ValidationStatus\": \"SUCCESS\"},"
				 "{\"ValidationStatus\": \"PENDING_VALIDATION\", \"DomainName\": \"b\","
				 "\"ResourceRecord\": {\"Name\": \"_x\", \"Type\": \"CNAME\"}},"
				 "{\"ValidationStatus\": \"FAILED\"}, {\"DomainName\": \"c\"}],"
				 "\"RenewalStatusReason\": \"PCA_ACCESS_DENIED\"}}}",
				 NULL),
		0);
	assert_list(description->in_use_by, "arn:aws:elasticloadbalancing:a");
	assert_string_equal(description->type, "IMPORTED");
	assert_string_equal(description->key_algorithm, "EC_prime256v1");
	assert_string_equal(description->renewal_status, "FAILED");
	assert_string_equal(description->renewal_reason, "PCA_ACCESS_DENIED");
	assert_list(description->renewal_waits, "b c");
	assert_null(description->status);
	acm_description_done(&page);
	read_many_users(&page);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_(error_done) struct error err = ERROR_NULL;

		assert_int_equal(read_description(&page, bad[i].text, &err), -EAGAIN);
		if (!strstr(err.text, bad[i].why))
			fail_msg("%s: '%s'", bad[i].text, err.text);
		acm_description_done(&page);
	}
}

static void test_parse_material(void **state)
{
	_cleanup_(json_freep)
		json_t *full = parse("{\"Certificate\": \"-----BEGIN CERTIFICATE-----\\n\","
				     "\"CertificateChain\": \"chain\"}");
	_cleanup_(json_freep)
		json_t *bare = parse("{\"Certificate\": \"-----BEGIN CERTIFICATE-----\\n\"}");
	_cleanup_(json_freep) json_t *html = parse("{\"Certificate\": \"<html>\"}");
	_cleanup_(error_done) struct error err = ERROR_NULL;
	const char *leaf = NULL, *chain = NULL;

	assert_int_equal(acm_parse_material(full, &leaf, &chain, NULL), 0);
	assert_string_equal(leaf, "-----BEGIN CERTIFICATE-----\n");
	assert_string_equal(chain, "chain");
	assert_int_equal(acm_parse_material(bare, &leaf, &chain, NULL), 0);
	assert_string_equal(chain, "");
	assert_int_equal(acm_parse_material(html, &leaf, &chain, &err), -EAGAIN);
	assert_string_equal(err.text, "response whose Certificate is not PEM");
}

#define SECRET_ARN "arn:aws:secretsmanager:eu-west-1:222222222222:secret:tls/a-AbCdEf"

static void test_parse_secret(void **state)
{
	_cleanup_(json_freep) json_t *json = parse(
		"{\"ARN\": \"" SECRET_ARN "\", \"Name\": \"tls/a\", \"DeletedDate\": null,"
		"\"RotationEnabled\": false, \"Tags\": [{\"Key\": \"k\", \"Value\": \"v\"}],"
		"\"VersionIdsToStages\": {\"one\": [\"AWSPREVIOUS\"],"
		"\"two\": [\"AWSCURRENT\", \"mine\"]}}");
	_cleanup_(sm_described_done) struct sm_described described = { 0 };
	const struct sm_description *description = &described.description;

	assert_int_equal(sm_parse_description(json, &described, NULL), 0);
	assert_string_equal(description->arn, SECRET_ARN);
	assert_string_equal(description->name, "tls/a");
	assert_false(description->deleted);
	assert_false(description->rotation);
	assert_null(description->owning_service);
	assert_list(description->tags, "k=v");
	assert_int_equal(description->version_count, 2);
	for (size_t i = 0; i < 2; i++)
		assert_list(description->versions[i].stages,
			strcmp(description->versions[i].id, "one") == 0 ? "AWSPREVIOUS"
									: "AWSCURRENT mine");
}

static void test_parse_deleted_secret(void **state)
{
	_cleanup_(json_freep) json_t *json = parse(
		"{\"ARN\": \"" SECRET_ARN "\", \"Name\": \"tls/a\", \"DeletedDate\": 1.7E9,"
		"\"RotationEnabled\": true, \"OwningService\": \"rds\"}");
	_cleanup_(sm_described_done) struct sm_described described = { 0 };

	assert_int_equal(sm_parse_description(json, &described, NULL), 0);
	assert_true(described.description.deleted);
	assert_true(described.description.rotation);
	assert_string_equal(described.description.owning_service, "rds");
	assert_int_equal(described.description.version_count, 0);
}

static void test_parse_value(void **state)
{
	_cleanup_(json_freep) json_t *json = parse(
		"{\"ARN\": \"" SECRET_ARN "\", \"SecretString\": "
		"\"{\\\"user\\\": \\\"x\\\", \\\"n\\\": 1, \\\"\\u00e4\\\": {\\\"in\\\": 2}}\"}");
	_cleanup_(sm_valued_done) struct sm_valued valued = { 0 };

	assert_int_equal(sm_parse_value(json, &valued, NULL), 0);
	assert_list(valued.value.fields, "user n \xc3\xa4");
	assert_string_equal(sm_value_text(&valued.value, "user"), "x");
	assert_null(sm_value_text(&valued.value, "n"));
	assert_null(sm_value_text(&valued.value, "none"));
}

/* A text, bytes, or nothing at all: it has no fields. */
static void test_parse_value_without_fields(void **state)
{
	static const char *const members[] = { "\"SecretString\": \"hello\"",
		"\"SecretString\": \"[1]\"", "\"SecretString\": \"{\"",
		"\"SecretString\": \"\"", "\"SecretBinary\": \"e30=\"", "\"x\": 1" };
	_cleanup_(json_freep) json_t *wrong =
		parse("{\"ARN\": \"" SECRET_ARN "\", \"SecretString\": 1}");
	struct sm_valued none = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		_cleanup_(freep) char *text = mem_printf(
			"{\"ARN\": \"" SECRET_ARN "\", %s}", members[i]);
		_cleanup_(json_freep) json_t *json = parse(text);
		_cleanup_(sm_valued_done) struct sm_valued valued = { 0 };

		assert_int_equal(sm_parse_value(json, &valued, NULL), 0);
		assert_null(valued.value.object);
		assert_null(valued.value.fields[0]);
		assert_null(sm_value_text(&valued.value, "user"));
	}
	assert_int_equal(sm_parse_value(wrong, &none, NULL), -EAGAIN);
}

static void test_parse_written(void **state)
{
	_cleanup_(json_freep)
		json_t *json = parse("{\"ARN\": \"" SECRET_ARN "\", \"VersionId\": \"one\"}");
	_cleanup_(json_freep) json_t *other = parse("{\"ARN\": \"" ARN "\"}");
	_cleanup_(error_done) struct error err = ERROR_NULL;
	const char *arn = NULL;

	assert_int_equal(sm_parse_written(json, "one", &arn, NULL), 0);
	assert_string_equal(arn, SECRET_ARN);
	assert_int_equal(sm_parse_written(json, NULL, &arn, NULL), 0);
	assert_int_equal(sm_parse_written(json, "two", &arn, &err), -EAGAIN);
	assert_int_equal(sm_parse_written(other, "one", &arn, &err), -EAGAIN);
	assert_string_equal(err.text, "response whose ARN is of no secret");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_other_types_are_absent),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_import_body),
		cmocka_unit_test(test_import_over_arn),
		cmocka_unit_test(test_export_body),
		cmocka_unit_test(test_secret_bodies),
		cmocka_unit_test(test_every_byte_is_escaped),
		cmocka_unit_test(test_full_heap),
		cmocka_unit_test(test_tag_body),
		cmocka_unit_test(test_add_tags_body),
		cmocka_unit_test(test_crowded_page),
		cmocka_unit_test(test_listing_bodies),
		cmocka_unit_test(test_arn_region),
		cmocka_unit_test(test_parse_listed),
		cmocka_unit_test(test_parse_found),
		cmocka_unit_test(test_exportable),
		cmocka_unit_test(test_what_is_not_of_the_scope_is_left_out),
		cmocka_unit_test(test_malformed_summaries),
		cmocka_unit_test(test_description),
		cmocka_unit_test(test_parse_material),
		cmocka_unit_test(test_parse_secret),
		cmocka_unit_test(test_parse_deleted_secret),
		cmocka_unit_test(test_parse_value),
		cmocka_unit_test(test_parse_value_without_fields),
		cmocka_unit_test(test_parse_written),
	};
	bool locked;

	if (secret_memory_init(&locked, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
