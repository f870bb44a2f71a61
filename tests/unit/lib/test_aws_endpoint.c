/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/aws/endpoint.h"
#include "lib/aws/profile.h"
#include "lib/os/file.h"
#include "lib/pki/secret.h"

/* As botocore 1.43.11 resolves them from AWS's endpoint rule sets. */
static const struct {
	enum aws_service service;
	const char *region;
	bool fips, dualstack;
	const char *url;
} rules[] = {
	{ AWS_ACM, "eu-west-1", false, false, "https://acm.eu-west-1.amazonaws.com/" },
	{ AWS_ACM, "eu-west-1", false, true, "https://acm.eu-west-1.api.aws/" },
	{ AWS_ACM, "eu-west-1", true, false, "https://acm-fips.eu-west-1.amazonaws.com/" },
	{ AWS_ACM, "eu-west-1", true, true, "https://acm-fips.eu-west-1.api.aws/" },
	{ AWS_ACM, "us-gov-west-1", false, false, "https://acm.us-gov-west-1.amazonaws.com/" },
	{ AWS_ACM, "us-gov-west-1", false, true, "https://acm.us-gov-west-1.api.aws/" },
	{ AWS_ACM, "us-gov-west-1", true, false, "https://acm.us-gov-west-1.amazonaws.com/" },
	{ AWS_ACM, "us-gov-west-1", true, true, "https://acm-fips.us-gov-west-1.api.aws/" },
	{ AWS_ACM, "cn-north-1", false, false, "https://acm.cn-north-1.amazonaws.com.cn/" },
	{ AWS_ACM, "cn-north-1", false, true,
		"https://acm.cn-north-1.api.amazonwebservices.com.cn/" },
	{ AWS_ACM, "cn-north-1", true, false, "https://acm-fips.cn-north-1.amazonaws.com.cn/" },
	{ AWS_ACM, "cn-north-1", true, true,
		"https://acm-fips.cn-north-1.api.amazonwebservices.com.cn/" },
	{ AWS_ACM, "eusc-de-east-1", false, false, "https://acm.eusc-de-east-1.amazonaws.eu/" },
	{ AWS_ACM, "us-iso-east-1", false, false, "https://acm.us-iso-east-1.c2s.ic.gov/" },
	{ AWS_ACM, "us-isob-east-1", false, false, "https://acm.us-isob-east-1.sc2s.sgov.gov/" },
	{ AWS_ACM, "eu-isoe-west-1", false, false, "https://acm.eu-isoe-west-1.cloud.adc-e.uk/" },
	{ AWS_ACM, "us-isof-south-1", false, false, "https://acm.us-isof-south-1.csp.hci.ic.gov/" },
	{ AWS_ACM, "eu-isoe-west-1", true, false,
		"https://acm-fips.eu-isoe-west-1.cloud.adc-e.uk/" },
	{ AWS_SECRETSMANAGER, "eu-west-1", false, false,
		"https://secretsmanager.eu-west-1.amazonaws.com/" },
	{ AWS_SECRETSMANAGER, "eu-west-1", false, true,
		"https://secretsmanager.eu-west-1.amazonaws.com/" },
	{ AWS_SECRETSMANAGER, "eu-west-1", true, false,
		"https://secretsmanager-fips.eu-west-1.amazonaws.com/" },
	{ AWS_SECRETSMANAGER, "eu-west-1", true, true,
		"https://secretsmanager-fips.eu-west-1.amazonaws.com/" },
	{ AWS_SECRETSMANAGER, "us-gov-west-1", false, false,
		"https://secretsmanager.us-gov-west-1.amazonaws.com/" },
	{ AWS_SECRETSMANAGER, "us-gov-west-1", false, true,
		"https://secretsmanager.us-gov-west-1.amazonaws.com/" },
	{ AWS_SECRETSMANAGER, "us-gov-west-1", true, false,
		"https://secretsmanager-fips.us-gov-west-1.amazonaws.com/" },
	{ AWS_SECRETSMANAGER, "us-gov-west-1", true, true,
		"https://secretsmanager-fips.us-gov-west-1.amazonaws.com/" },
	{ AWS_SECRETSMANAGER, "cn-north-1", false, false,
		"https://secretsmanager.cn-north-1.amazonaws.com.cn/" },
	{ AWS_SECRETSMANAGER, "cn-north-1", false, true,
		"https://secretsmanager.cn-north-1.amazonaws.com.cn/" },
	{ AWS_SECRETSMANAGER, "cn-north-1", true, false,
		"https://secretsmanager-fips.cn-north-1.amazonaws.com.cn/" },
	{ AWS_SECRETSMANAGER, "cn-north-1", true, true,
		"https://secretsmanager-fips.cn-north-1.api.amazonwebservices.com.cn/" },
	{ AWS_STS, "eu-west-1", false, false, "https://sts.eu-west-1.amazonaws.com/" },
	{ AWS_STS, "eu-west-1", false, true, "https://sts.eu-west-1.api.aws/" },
	{ AWS_STS, "eu-west-1", true, false, "https://sts-fips.eu-west-1.amazonaws.com/" },
	{ AWS_STS, "eu-west-1", true, true, "https://sts-fips.eu-west-1.api.aws/" },
	{ AWS_STS, "us-gov-west-1", false, false, "https://sts.us-gov-west-1.amazonaws.com/" },
	{ AWS_STS, "us-gov-west-1", false, true, "https://sts.us-gov-west-1.api.aws/" },
	{ AWS_STS, "us-gov-west-1", true, false, "https://sts.us-gov-west-1.amazonaws.com/" },
	{ AWS_STS, "us-gov-west-1", true, true, "https://sts-fips.us-gov-west-1.api.aws/" },
	{ AWS_STS, "cn-north-1", false, false, "https://sts.cn-north-1.amazonaws.com.cn/" },
	{ AWS_STS, "cn-north-1", false, true,
		"https://sts.cn-north-1.api.amazonwebservices.com.cn/" },
	{ AWS_STS, "cn-north-1", true, false, "https://sts-fips.cn-north-1.amazonaws.com.cn/" },
	{ AWS_STS, "cn-north-1", true, true,
		"https://sts-fips.cn-north-1.api.amazonwebservices.com.cn/" },
	{ AWS_SQS, "eu-west-1", false, false, "https://sqs.eu-west-1.amazonaws.com/" },
	{ AWS_SQS, "eu-west-1", true, false, "https://sqs-fips.eu-west-1.amazonaws.com/" },
	{ AWS_SQS, "eu-west-1", false, true, "https://sqs.eu-west-1.api.aws/" },
	{ AWS_SQS, "us-gov-west-1", true, false, "https://sqs.us-gov-west-1.amazonaws.com/" },
	{ AWS_SQS, "us-gov-west-1", true, true, "https://sqs-fips.us-gov-west-1.api.aws/" },
	{ AWS_SQS, "cn-north-1", false, false, "https://sqs.cn-north-1.amazonaws.com.cn/" },
	{ AWS_TAGGING, "eu-west-1", false, false, "https://tagging.eu-west-1.amazonaws.com/" },
	{ AWS_TAGGING, "eu-west-1", false, true, "https://tagging.eu-west-1.api.aws/" },
	{ AWS_TAGGING, "eu-west-1", true, false, "https://tagging-fips.eu-west-1.amazonaws.com/" },
	{ AWS_TAGGING, "eu-west-1", true, true, "https://tagging-fips.eu-west-1.api.aws/" },
	{ AWS_TAGGING, "us-gov-west-1", false, false,
		"https://tagging.us-gov-west-1.amazonaws.com/" },
	{ AWS_TAGGING, "us-gov-west-1", false, true, "https://tagging.us-gov-west-1.api.aws/" },
	{ AWS_TAGGING, "us-gov-west-1", true, false,
		"https://tagging-fips.us-gov-west-1.amazonaws.com/" },
	{ AWS_TAGGING, "us-gov-west-1", true, true, "https://tagging-fips.us-gov-west-1.api.aws/" },
	{ AWS_TAGGING, "cn-north-1", false, false, "https://tagging.cn-north-1.amazonaws.com.cn/" },
	{ AWS_TAGGING, "cn-north-1", false, true,
		"https://tagging.cn-north-1.api.amazonwebservices.com.cn/" },
	{ AWS_TAGGING, "cn-north-1", true, false,
		"https://tagging-fips.cn-north-1.amazonaws.com.cn/" },
	{ AWS_TAGGING, "cn-north-1", true, true,
		"https://tagging-fips.cn-north-1.api.amazonwebservices.com.cn/" },
};

static void test_rules(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		const struct endpoint_settings settings = { .fips = rules[i].fips,
			.dualstack = rules[i].dualstack };
		_cleanup_(endpoint_done) struct endpoint endpoint = { 0 };

		assert_int_equal(endpoint_find(&settings, rules[i].service, rules[i].region, NULL,
					 &endpoint, NULL),
			0);
		assert_string_equal(endpoint.url, rules[i].url);
		assert_string_equal(endpoint.path, "/");
		assert_memory_equal(
			endpoint.host, rules[i].url + strlen("https://"), strlen(endpoint.host));
	}
}

static void test_partitions(void **state)
{
	assert_string_equal(region_partition("eu-west-1"), "aws");
	assert_string_equal(region_partition("us-gov-east-1"), "aws-us-gov");
	assert_string_equal(region_partition("us-isob-east-1"), "aws-iso-b");
	assert_string_equal(partition_region("aws"), "us-east-1");
	assert_string_equal(partition_region("aws-cn"), "cn-northwest-1");
	assert_null(partition_region("aws-x"));
}

static void test_override(void **state)
{
	static const struct {
		const char *url, *root, *host, *path;
	} cases[] = {
		{ "http://localhost:4566", "http://localhost:4566/", "localhost:4566", "/" },
		{ "https://{region}.localhost:8/", "https://eu-west-1.localhost:8/",
			"eu-west-1.localhost:8", "/" },
		/* A path is sent as it is written: the server may tell "/a" from "/a/". */
		{ "https://proxy/aws/{region}", "https://proxy/aws/eu-west-1", "proxy",
			"/aws/eu-west-1" },
		{ "https://proxy/aws/{region}//", "https://proxy/aws/eu-west-1//", "proxy",
			"/aws/eu-west-1//" },
		{ "https://Proxy.Example/A%41", "https://Proxy.Example/A%41", "proxy.example",
			"/A%41" },
		{ "https://vpce-1-a.acm.eu-west-1.vpce.amazonaws.com",
			"https://vpce-1-a.acm.eu-west-1.vpce.amazonaws.com/",
			"vpce-1-a.acm.eu-west-1.vpce.amazonaws.com", "/" },
		{ "https://host:443", "https://host:443/", "host", "/" },
		{ "http://host:80/", "http://host:80/", "host", "/" },
		{ "https://host:80/", "https://host:80/", "host:80", "/" },
		{ "https://[::1]:7/", "https://[::1]:7/", "[::1]:7", "/" },
	};
	const struct endpoint_settings settings = { .url = { [AWS_ACM] = (char *)"http://other" } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(endpoint_done) struct endpoint endpoint = { 0 };

		assert_int_equal(endpoint_find(&settings, AWS_ACM, "eu-west-1", cases[i].url,
					 &endpoint, NULL),
			0);
		assert_string_equal(endpoint.url, cases[i].root);
		assert_string_equal(endpoint.host, cases[i].host);
		assert_string_equal(endpoint.path, cases[i].path);
	}
}

static void test_refused(void **state)
{
	static const char *const urls[] = { "localhost:4566", "ftp://h", "http://", "https:///x",
		"http://user:word@h/", "http://h/?a=b", "http://h/#x", "http://h\r\nX: y/",
		"http://{host}/", "http://h%41/" };
	static const char *const regions[] = { NULL, "", "eu_west", "a.b", "EU-WEST-1", "-a", "a-",
		"eu-west-1/../", "a@b" };
	const struct endpoint_settings settings = { 0 };
	struct endpoint endpoint = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(urls); i++)
		assert_int_equal(
			endpoint_find(&settings, AWS_ACM, "eu-west-1", urls[i], &endpoint, NULL),
			-EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(regions); i++)
		assert_int_equal(
			endpoint_find(&settings, AWS_ACM, regions[i], NULL, &endpoint, NULL),
			-EINVAL);
	assert_int_equal(endpoint_find(&(struct endpoint_settings){ .dualstack = true }, AWS_ACM,
				 "eu-isoe-west-1", NULL, &endpoint, NULL),
		-EINVAL);
	assert_null(endpoint.url);
}

static void check_settings(const struct profiles *profiles, const char *acm, const char *secrets)
{
	struct endpoint_settings settings;

	endpoint_settings_load(&settings, profiles, "p");
	if (acm)
		assert_string_equal(settings.url[AWS_ACM], acm);
	else
		assert_null(settings.url[AWS_ACM]);
	if (secrets)
		assert_string_equal(settings.url[AWS_SECRETSMANAGER], secrets);
	else
		assert_null(settings.url[AWS_SECRETSMANAGER]);
	endpoint_settings_done(&settings);
}

static struct profiles *load(const char *config)
{
	struct profiles *profiles;
	char path[] = "/tmp/test_endpoint.XXXXXX";
	int fd = mkstemp(path);

	assert_int_equal(write(fd, config, strlen(config)), strlen(config));
	fd_close(fd);
	assert_int_equal(profiles_load(path, NULL, &profiles, NULL), 0);
	(void)unlink(path);
	return profiles;
}

/* Each source outweighs those before it. */
static void test_precedence(void **state)
{
	_cleanup_(profiles_freep) struct profiles *profiles = load(
		"[profile p]\nendpoint_url = http://profile\nservices = s\n"
		"[services s]\nsecrets_manager =\n  endpoint_url = http://section\n");

	check_settings(profiles, "http://profile", "http://section");
	setenv("AWS_ENDPOINT_URL", "http://all", 1);
	check_settings(profiles, "http://all", "http://all");
	setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://one", 1);
	check_settings(profiles, "http://all", "http://one");
	setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true", 1);
	check_settings(profiles, NULL, NULL);
	unsetenv("AWS_ENDPOINT_URL");
	unsetenv("AWS_ENDPOINT_URL_SECRETS_MANAGER");
	unsetenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
}

static void check_origin(const struct profiles *profiles, const char *expected)
{
	_cleanup_(endpoint_settings_done) struct endpoint_settings settings = { 0 };
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct endpoint endpoint = { 0 };

	endpoint_settings_load(&settings, profiles, "p");
	assert_int_equal(
		endpoint_find(&settings, AWS_ACM, "eu-west-1", NULL, &endpoint, &err), -EINVAL);
	if (!strstr(err.text, expected))
		fail_msg("%s", err.text);
}

/* Whoever made the mistake is told where. */
static void test_origin(void **state)
{
	_cleanup_(profiles_freep) struct profiles *profiles = load(
		"[profile p]\nendpoint_url = ftp://profile\n");
	_cleanup_(profiles_freep) struct profiles *section = load(
		"[profile p]\nservices = s\n[services s]\nacm =\n  endpoint_url = acm.example.com\n");

	check_origin(profiles, ":2: endpoint 'ftp://profile': http:// or https:// expected");
	check_origin(section, ":5: endpoint 'acm.example.com': http:// or https:// expected");
	setenv("AWS_ENDPOINT_URL", "acm.example.com", 1);
	check_origin(profiles, "AWS_ENDPOINT_URL: endpoint 'acm.example.com': http:// or https:// expected");
	setenv("AWS_ENDPOINT_URL_ACM", "https://", 1);
	check_origin(profiles, "AWS_ENDPOINT_URL_ACM: endpoint 'https://': http(s)://HOST[:PORT][/PATH] expected");
	/* Not with its password. */
	setenv("AWS_ENDPOINT_URL_ACM", "https://user:word@acm.example.com", 1);
	check_origin(profiles, "AWS_ENDPOINT_URL_ACM: endpoint '...@acm.example.com': http(s)://HOST[:PORT][/PATH] expected");
	unsetenv("AWS_ENDPOINT_URL");
	unsetenv("AWS_ENDPOINT_URL_ACM");
}

/* A `services` section that nobody wrote must not let requests go elsewhere. */
static void test_missing_section(void **state)
{
	_cleanup_(profiles_freep) struct profiles *profiles = load(
		"[profile p]\nendpoint_url = http://profile\nservices = typo\n");
	_cleanup_(endpoint_settings_done) struct endpoint_settings settings = { 0 };
	_cleanup_(endpoint_done) struct endpoint endpoint = { 0 };
	_cleanup_(error_done) struct error err = ERROR_NULL;

	endpoint_settings_load(&settings, profiles, "p");
	assert_int_equal(
		endpoint_find(&settings, AWS_ACM, "eu-west-1", NULL, &endpoint, &err), -EINVAL);
	assert_non_null(strstr(err.text,
		":3: profile 'p' says 'services = typo', and the configuration file has no section [services typo]"));
	assert_int_equal(
		endpoint_find(&settings, AWS_ACM, "eu-west-1", "http://own", &endpoint, NULL), 0);
	assert_string_equal(endpoint.url, "http://own/");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_partitions),
		cmocka_unit_test(test_override),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_precedence),
		cmocka_unit_test(test_origin),
		cmocka_unit_test(test_missing_section),
	};
	bool locked;

	if (secret_memory_init(&locked, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
