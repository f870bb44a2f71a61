/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/aws/sigv4.h"
#include "lib/base/mem.h"
#include "lib/pki/secret.h"

#define TOKEN                                                                                      \
	"AQoDYXdzEPT//////////"                                                                    \
	"wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpS"                   \
	"PfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/"                                                   \
	"kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDY"                                    \
	"wT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+"  \
	"scqK"                                                                                     \
	"mlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
#define DATE "20150830T123600Z"
#define HOST "example.amazonaws.com"

/* The date is added to the headers. */
static const struct vector {
	const char *name;
	const char *region, *service, *method, *query, *body;
	struct sigv4_header headers[5];
	const char *signed_headers, *signature;
} vectors[] = {
	/* From AWS's published test suite ("Signature Version 4 test suite"). */
	{ "get-vanilla", "us-east-1", "service", "GET", "", "", { { "host", HOST } },
		"host;x-amz-date",
		"5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
	{ "post-vanilla", "us-east-1", "service", "POST", "", "", { { "host", HOST } },
		"host;x-amz-date",
		"5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b" },
	{ "get-vanilla-query-order-key-case", "us-east-1", "service", "GET",
		"Param1=value1&Param2=value2", "", { { "host", HOST } }, "host;x-amz-date",
		"b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500" },
	{ "get-header-value-trim", "us-east-1", "service", "GET", "", "",
		{ { "my-header2", " \"a   b   c\"" }, { "my-header1", " value1 " },
			{ "host", HOST } },
		"host;my-header1;my-header2;x-amz-date",
		"acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736" },
	{ "post-header-key-sort", "us-east-1", "service", "POST", "", "",
		{ { "my-header1", "value1" }, { "host", HOST } }, "host;my-header1;x-amz-date",
		"c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c" },
	{ "post-x-www-form-urlencoded", "us-east-1", "service", "POST", "", "Param1=value1",
		{ { "content-type", "application/x-www-form-urlencoded" }, { "host", HOST } },
		"content-type;host;x-amz-date",
		"ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a" },
	{ "post-x-www-form-urlencoded-parameters", "us-east-1", "service", "POST", "",
		"Param1=value1",
		{ { "content-type", "application/x-www-form-urlencoded; charset=utf8" },
			{ "host", HOST } },
		"content-type;host;x-amz-date",
		"1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe" },
	{ "post-sts-header-before", "us-east-1", "service", "POST", "", "",
		{ { "host", HOST }, { "x-amz-security-token", TOKEN } },
		"host;x-amz-date;x-amz-security-token",
		"85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead" },
	/* What is really sent; signatures computed by botocore 1.29.27. */
	{ "ListCertificates", "eu-west-1", "acm", "POST", "", "{\"MaxItems\":1000}",
		{ { "host", "acm.eu-west-1.amazonaws.com" },
			{ "x-amz-target", "CertificateManager.ListCertificates" },
			{ "content-type", "application/x-amz-json-1.1" } },
		"content-type;host;x-amz-date;x-amz-target",
		"9a953469a703fbff132f58943d97d7b1edcfda0574b7f6eeb0a5e62247a563aa" },
	{ "ImportCertificate", "eu-west-1", "acm", "POST", "", "{}",
		{ { "host", "localhost:4566" },
			{ "x-amz-target", "CertificateManager.ImportCertificate" },
			{ "x-amz-security-token", TOKEN },
			{ "content-type", "application/x-amz-json-1.1" } },
		"content-type;host;x-amz-date;x-amz-security-token;x-amz-target",
		"c1f508d721b43fc1c6c7558c05e7c26b07aad2291ba28a593fc9a5befa354b4a" },
};

static struct secret *secret_key(void)
{
	static const char text[] = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
	struct secret *secret;

	assert_int_equal(secret_from(text, strlen(text), &secret, NULL), 0);
	return secret;
}

static void check_vector(const struct vector *vector)
{
	_cleanup_(secret_freep) struct secret *secret = secret_key();
	_cleanup_(freep) char *actual = NULL, *expected = NULL;
	char hash[SIGV4_HASH_SIZE];
	struct sigv4_request request = {
		.access_key_id = "AKIDEXAMPLE",
		.secret_key = secret,
		.region = vector->region,
		.service = vector->service,
		.time = (usec_t)1440938160 * USEC_PER_SEC,
		.method = vector->method,
		.path = "/",
		.query = vector->query,
		.headers = { { "x-amz-date", DATE } },
		.payload_hash = hash,
	};

	memcpy(request.headers + 1, vector->headers, sizeof(vector->headers));
	sigv4_hash(vector->body, strlen(vector->body), hash);
	actual = sigv4_authorization(&request);
	expected = mem_printf(
		"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/%s/%s/aws4_request, "
		"SignedHeaders=%s, Signature=%s",
		vector->region, vector->service, vector->signed_headers, vector->signature);
	if (strcmp(actual, expected) != 0)
		fail_msg("%s:\n %s\n %s", vector->name, actual, expected);
}

static void test_vectors(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++)
		check_vector(&vectors[i]);
}

static void test_date(void **state)
{
	char date[SIGV4_DATE_SIZE];

	assert_string_equal(sigv4_date((usec_t)1440938160 * USEC_PER_SEC + 999999, date), DATE);
}

static void test_hash(void **state)
{
	char hash[SIGV4_HASH_SIZE];

	sigv4_hash("", 0, hash);
	assert_string_equal(
		hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_date),
		cmocka_unit_test(test_hash),
	};
	bool locked;

	if (secret_memory_init(&locked, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
