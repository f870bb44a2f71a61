/* SPDX-License-Identifier: Apache-2.0 */

/* The AWS in memory that the bench and the simulation ask: its answers, read by the daemon's own parsers. */

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "lib/aws/acm_wire.h"
#include "lib/aws/sts.h"
#include "lib/base/mem.h"
#include "lib/pki/certificate.h"
#include "lib/pki/key.h"
#include "tests/bench/cloud.h"
#include "tests/unit/lib/test_acm_item.h"

#define NOW (1764000000 * USEC_PER_SEC)

#define HOST    "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20251124/eu-west-1/acm/aws4_request"
#define FIRST   "AWS4-HMAC-SHA256 Credential=ASIA2222222200001234/20251124/eu-west-1/acm/aws4_request"
#define SECOND  "AWS4-HMAC-SHA256 Credential=ASIA2222222200011234/20251124/eu-west-1/acm/aws4_request"
#define ACM     "CertificateManager."
#define TAGGING "ResourceGroupsTaggingAPI_20170126."

static json_t *ask_at(struct cloud *cloud, const char *who, const char *target, const char *body, usec_t now, int status)
{
	const struct cloud_request request = {
		.authorization = who, .target = target, .body = body, .length = strlen(body)
	};
	struct cloud_answer answer;
	json_t *parsed;

	cloud_ask(cloud, &request, now, &answer);
	assert_int_equal(answer.status, status);
	assert_string_equal(answer.content_type, "application/x-amz-json-1.1");
	assert_true(status == 200 ? answer.error == NULL : answer.error != NULL);
	parsed = json_loadb(answer.body, answer.length, 0, NULL);
	assert_non_null(parsed);
	return parsed;
}

static json_t *ask(struct cloud *cloud, const char *who, const char *target, const char *body)
{
	return ask_at(cloud, who, target, body, NOW, 200);
}

static void assert_refused(struct cloud *cloud, const char *who, const char *target, const char *body, const char *code)
{
	json_t *answer = ask_at(cloud, who, target, body, NOW, 400);

	assert_string_equal(json_string_value(json_object_get(answer, "__type")), code);
	json_decref(answer);
}

static const char *text_of(const json_t *answer, const char *name)
{
	const char *text = json_string_value(json_object_get(answer, name));

	assert_non_null(text);
	return text;
}

static char *about(unsigned index, const char *more)
{
	char arn[CLOUD_ARN_SIZE];

	return mem_printf("{\"CertificateArn\": \"%s\"%s}", cloud_arn(index, arn), more);
}

#define LIST_ALL "{\"MaxItems\": 3, \"Includes\": {\"keyTypes\": [\"RSA_2048\", \"EC_prime256v1\"]}%s}"

static void test_a_listing_is_what_the_daemon_reads(void **state)
{
	const struct cloud_settings settings = { .certificates = 7 };
	struct cloud *cloud = cloud_new(&settings, NOW);
	_cleanup_(freep) char *token = mem_strdup("");
	unsigned seen = 0, pages = 0;

	do {
		_cleanup_(freep) char *body = mem_printf(LIST_ALL, token);
		json_t *answer = ask(cloud, HOST, ACM "ListCertificates", body), *item;
		const char *next = json_string_value(json_object_get(answer, "NextToken"));
		size_t i;

		json_array_foreach(json_object_get(answer, "CertificateSummaryList"), i, item)
		{
			struct acm_summary summary;
			char arn[CLOUD_ARN_SIZE];

			_cleanup_(freep) char *text = json_dumps(item, 0);

			assert_int_equal(read_item(ACM_LISTING_LIST, text, &summary, NULL), 0);
			assert_string_equal(summary.arn, cloud_arn(seen++, arn));
			assert_true(summary.exportable);
			assert_string_equal(summary.names[0], summary.domain);
			assert_true(summary.not_before < NOW && NOW < summary.not_after);
			acm_summary_done(&summary);
		}
		free(token);
		token = next ? mem_printf(", \"NextToken\": \"%s\"", next) : NULL;
		pages++;
		json_decref(answer);
	} while (token);
	assert_int_equal(seen, 7);
	assert_int_equal(pages, 3);
	cloud_free(cloud);
}

static void test_what_is_not_asked_for_is_hidden(void **state)
{
	const struct cloud_settings settings = { .certificates = 2 };
	struct cloud *cloud = cloud_new(&settings, NOW);
	json_t *answer = ask(cloud, HOST, ACM "ListCertificates", "{}");

	assert_int_equal(json_array_size(json_object_get(answer, "CertificateSummaryList")), 0);
	json_decref(answer);
	answer = ask(cloud, HOST, ACM "ListCertificates",
		"{\"Includes\":{\"keyTypes\":[\"EC_prime256v1\"]},\"RootHierarchyTypes\":[\"N2_AMAZON_MANAGED\"]}");
	assert_int_equal(json_array_size(json_object_get(answer, "CertificateSummaryList")), 0);
	json_decref(answer);
	cloud_free(cloud);
}

static void test_a_listing_shows_a_renewal(void **state)
{
	const struct cloud_settings settings = { .certificates = 2 };
	struct cloud *cloud = cloud_new(&settings, NOW);
	_cleanup_(freep) char *body = mem_printf(LIST_ALL, "");
	json_t *before = ask(cloud, HOST, ACM "ListCertificates", body), *after, *found;

	cloud_renew(cloud, 1, 1, NOW);
	after = ask(cloud, HOST, ACM "ListCertificates", body);
	assert_true(json_equal(json_array_get(json_object_get(before, "CertificateSummaryList"), 0),
		json_array_get(json_object_get(after, "CertificateSummaryList"), 0)));
	assert_false(json_equal(before, after));
	found = ask(cloud, HOST, ACM "SearchCertificates",
		"{\"FilterStatement\": {\"Filter\": {\"X509AttributeFilter\": {\"NotBefore\": "
		"{\"Start\": 1763990000}}}}}");
	assert_int_equal(json_array_size(json_object_get(found, "Results")), 1);
	json_decref(before);
	json_decref(after);
	json_decref(found);
	cloud_free(cloud);
}

/* The export of certificate ${index}, decrypted; as an import's body with ${more} at its end. */
static char *carry(struct cloud *cloud, unsigned index, const char *more)
{
	_cleanup_(freep) char *body = about(index, ", \"Passphrase\": \"aGVubGxvZXM=\"");
	_cleanup_(secret_freep) struct secret *passphrase = NULL, *key = NULL;
	_cleanup_(certificate_freep) struct certificate *leaf = NULL;
	_cleanup_(secret_freep) struct secret *import = NULL;
	json_t *answer = ask(cloud, HOST, ACM "ExportCertificate", body);
	const char *sealed = text_of(answer, "PrivateKey"), *pem = text_of(answer, "Certificate");
	bool matches = false;
	char *text;

	assert_int_equal(secret_from("henlloes", 8, &passphrase, NULL), 0);
	assert_int_equal(key_decrypt(sealed, strlen(sealed), passphrase, &key, NULL), 0);
	assert_int_equal(certificate_parse(pem, strlen(pem), &leaf, NULL), 0);
	assert_int_equal(key_matches(key, leaf, &matches, NULL), 0);
	assert_true(matches);
	assert_int_equal(acm_import_body(
				 &(struct acm_import){ .leaf = pem, .chain = text_of(answer, "CertificateChain"),
					 .key = key },
				 &import, NULL),
		0);
	text = mem_printf("%.*s%s}", (int)secret_length(import) - 1, secret_borrow(import), more);
	json_decref(answer);
	return text;
}

static void test_an_export_can_be_imported_and_found_by_its_tags(void **state)
{
	const struct cloud_settings settings = { .certificates = 3, .accounts = 2 };
	struct cloud *cloud = cloud_new(&settings, NOW);
	_cleanup_(freep) char *body = carry(
		cloud, 2, ", \"Tags\": [{\"Key\": \"certferry:source\", \"Value\": \"it\"}]");
	_cleanup_(freep) char *again = NULL, *renewed = NULL, *other = NULL;
	json_t *answer = ask(cloud, FIRST, ACM "ImportCertificate", body), *found, *tags;
	const char *arn = text_of(answer, "CertificateArn");
	struct cloud_counts counts;

	assert_int_equal(cloud_in_sync(cloud, 0), 1);
	found = ask(cloud, FIRST, TAGGING "GetResources",
		"{\"TagFilters\": [{\"Key\": \"certferry:source\"}], \"ResourcesPerPage\": 100}");
	tags = json_array_get(json_object_get(found, "ResourceTagMappingList"), 0);
	assert_string_equal(text_of(tags, "ResourceARN"), arn);
	assert_string_equal(text_of(json_array_get(json_object_get(tags, "Tags"), 0), "Value"), "it");
	assert_string_equal(text_of(found, "PaginationToken"), "");
	json_decref(found);

	cloud_renew(cloud, 2, 1, NOW);
	assert_int_equal(cloud_in_sync(cloud, 0), 0);
	again = mem_printf(", \"CertificateArn\": \"%s\"", arn);
	other = carry(cloud, 1, again);
	assert_refused(cloud, FIRST, ACM "ImportCertificate", other, "ValidationException");
	assert_refused(cloud, SECOND, ACM "ImportCertificate", other, "ResourceNotFoundException");
	renewed = carry(cloud, 2, again);
	json_decref(ask(cloud, FIRST, ACM "ImportCertificate", renewed));
	assert_int_equal(cloud_in_sync(cloud, 0), 1);
	cloud_count(cloud, &counts);
	assert_int_equal(counts.imports, 2);
	assert_int_equal(counts.exports, 3);
	assert_int_equal(counts.refused, 2);
	json_decref(answer);
	cloud_free(cloud);
}

static void test_a_key_of_another_certificate_is_refused(void **state)
{
	const struct cloud_settings settings = { .certificates = 2, .accounts = 1 };
	struct cloud *cloud = cloud_new(&settings, NOW);
	_cleanup_(buf_done) struct buf own = BUF_NULL, other = BUF_NULL;
	_cleanup_(freep) char *mixed = NULL;
	const char *key = "\"PrivateKey\"";

	cloud_import_body(cloud, 0, &own);
	cloud_import_body(cloud, 1, &other);
	mixed = mem_printf("%.*s%s", (int)(strstr(own.data, key) - own.data), own.data, strstr(other.data, key));
	assert_refused(cloud, FIRST, ACM "ImportCertificate", mixed, "ValidationException");
	json_decref(ask(cloud, FIRST, ACM "ImportCertificate", own.data));
	cloud_free(cloud);
}

static void test_what_is_imported_already_is_tagged_as_ours(void **state)
{
	const struct cloud_settings settings = { .certificates = 250, .accounts = 2, .imported = true };
	struct cloud *cloud = cloud_new(&settings, NOW);
	json_t *first = ask(cloud, SECOND, TAGGING "GetResources",
		"{\"TagFilters\": [{\"Key\": \"certferry:source\"}], \"ResourcesPerPage\": 100, "
		"\"PaginationToken\": \"page-000000c8\"}");
	const json_t *items = json_object_get(first, "ResourceTagMappingList");
	const json_t *tags = json_object_get(json_array_get(items, 49), "Tags");
	char arn[CLOUD_ARN_SIZE], name[CLOUD_NAME_SIZE];

	assert_int_equal(json_array_size(items), 50);
	assert_string_equal(text_of(json_array_get(tags, 0), "Value"), cloud_arn(249, arn));
	assert_string_equal(text_of(json_array_get(tags, 1), "Value"), cloud_name(249, name));
	assert_int_equal(cloud_in_sync(cloud, 0), 500);
	json_decref(first);
	cloud_free(cloud);
}

static void test_quotas_are_exact(void **state)
{
	const struct cloud_settings settings = { .certificates = 1, .accounts = 2, .quotas = true };
	struct cloud *cloud = cloud_new(&settings, NOW);
	_cleanup_(freep) char *body = about(0, "");
	_cleanup_(buf_done) struct buf import = BUF_NULL;
	struct cloud_counts counts;

	for (unsigned i = 0; i < 10; i++)
		json_decref(ask(cloud, HOST, ACM "DescribeCertificate", body));
	assert_refused(cloud, HOST, ACM "DescribeCertificate", body, "ThrottlingException");
	json_decref(ask_at(cloud, HOST, ACM "DescribeCertificate", body, NOW + 99999, 400));
	json_decref(ask_at(cloud, HOST, ACM "DescribeCertificate", body, NOW + 100000, 200));
	json_decref(ask(cloud, HOST, ACM "GetCertificate", body)); /* has its own */

	cloud_import_body(cloud, 0, &import);
	json_decref(ask(cloud, FIRST, ACM "ImportCertificate", import.data));
	json_decref(ask(cloud, SECOND, ACM "ImportCertificate", import.data));
	assert_refused(cloud, FIRST, ACM "ImportCertificate", import.data, "ThrottlingException");
	json_decref(ask_at(cloud, FIRST, ACM "ImportCertificate", import.data, NOW + USEC_PER_SEC, 200));
	cloud_count(cloud, &counts);
	assert_int_equal(counts.throttled, 3);
	assert_int_equal(counts.refused, 0);
	cloud_free(cloud);
}

static void test_a_role_gives_the_key_of_its_account(void **state)
{
	const struct cloud_settings settings = { .certificates = 1, .accounts = 2 };
	struct cloud *cloud = cloud_new(&settings, NOW);
	const struct role role = { .arn = "arn:aws:iam::222222220001:role/certferry-destination" };
	_cleanup_(freep) char *form = sts_assume_role_form(&role);
	const struct cloud_request request = { .authorization = HOST, .body = form, .length = strlen(form) };
	_cleanup_(credentials_freep) struct credentials *credentials = NULL;
	struct cloud_answer answer;

	cloud_ask(cloud, &request, NOW, &answer);
	assert_int_equal(answer.status, 200);
	assert_int_equal(sts_read_credentials(answer.body, answer.length, &credentials, NULL), 0);
	assert_int_equal(strncmp(credentials->key_id, "ASIA222222220001", 16), 0);
	assert_int_equal(credentials->expires, NOW + USEC_PER_HOUR);
	cloud_free(cloud);
}

static void test_strangers_and_unknown_operations_are_refused(void **state)
{
	const struct cloud_settings settings = { .certificates = 1, .accounts = 1 };
	struct cloud *cloud = cloud_new(&settings, NOW);

	assert_refused(cloud, SECOND, ACM "ListCertificates", "{}", "UnrecognizedClientException");
	assert_refused(cloud, NULL, ACM "ListCertificates", "{}", "MissingAuthenticationTokenException");
	assert_refused(cloud, HOST, ACM "MakeCoffee", "{}", "UnknownOperationException");
	cloud_free(cloud);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_listing_is_what_the_daemon_reads),
		cmocka_unit_test(test_what_is_not_asked_for_is_hidden),
		cmocka_unit_test(test_a_listing_shows_a_renewal),
		cmocka_unit_test(test_an_export_can_be_imported_and_found_by_its_tags),
		cmocka_unit_test(test_a_key_of_another_certificate_is_refused),
		cmocka_unit_test(test_what_is_imported_already_is_tagged_as_ours),
		cmocka_unit_test(test_quotas_are_exact),
		cmocka_unit_test(test_a_role_gives_the_key_of_its_account),
		cmocka_unit_test(test_strangers_and_unknown_operations_are_refused),
	};
	bool locked;

	if (secret_memory_init(&locked, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
