/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/aws/endpoint.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/aws/profile.h"
#include "lib/base/buf.h"

#define JSON_1_1 "application/x-amz-json-1.1"
#define JSON_1_0 "application/x-amz-json-1.0"
#define FORM     "application/x-www-form-urlencoded; charset=utf-8"

/* Names for configuration are the service id of AWS's models, in its two spellings. */
static const struct {
	struct service service;
	const char *environment;
	const char *key;
	bool plain_fips_in_gov; /* there the plain host is the validated one */
	bool plain_is_dualstack; /* in the partitions aws, aws-us-gov and (without FIPS) aws-cn */
} services[AWS_SERVICE_COUNT] = {
	[AWS_ACM] = { { "acm", "acm", JSON_1_1, "CertificateManager." }, "AWS_ENDPOINT_URL_ACM",
		"acm", .plain_fips_in_gov = true },
	[AWS_SECRETSMANAGER] = { { "secretsmanager", "secretsmanager", JSON_1_1,
					 "secretsmanager." },
		"AWS_ENDPOINT_URL_SECRETS_MANAGER", "secrets_manager", .plain_is_dualstack = true },
	[AWS_SQS] = { { "sqs", "sqs", JSON_1_0, "AmazonSQS." }, "AWS_ENDPOINT_URL_SQS", "sqs",
		.plain_fips_in_gov = true },
	[AWS_STS] = { { "sts", "sts", FORM, NULL }, "AWS_ENDPOINT_URL_STS", "sts",
		.plain_fips_in_gov = true },
	[AWS_TAGGING] = { { "tagging", "tagging", JSON_1_1, "ResourceGroupsTaggingAPI_20170126." },
		"AWS_ENDPOINT_URL_RESOURCE_GROUPS_TAGGING_API", "resource_groups_tagging_api",
		.plain_fips_in_gov = false },
};

/* The last row takes every region that no other one does. */
static const struct partition {
	const char *name;
	const char *prefix; /* of its regions */
	const char *suffix;
	const char *dualstack_suffix; /* NULL: it has none */
	const char *region;
} partitions[] = {
	{ "aws-cn", "cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn", "cn-northwest-1" },
	{ "aws-us-gov", "us-gov-", "amazonaws.com", "api.aws", "us-gov-west-1" },
	{ "aws-eusc", "eusc-", "amazonaws.eu", "api.amazonwebservices.eu", "eusc-de-east-1" },
	{ "aws-iso", "us-iso-", "c2s.ic.gov", "api.aws.ic.gov", "us-iso-east-1" },
	{ "aws-iso-b", "us-isob-", "sc2s.sgov.gov", "api.aws.scloud", "us-isob-east-1" },
	{ "aws-iso-e", "eu-isoe-", "cloud.adc-e.uk", NULL, "eu-isoe-west-1" },
	{ "aws-iso-f", "us-isof-", "csp.hci.ic.gov", NULL, "us-isof-south-1" },
	{ "aws", "", "amazonaws.com", "api.aws", "us-east-1" },
};

static const struct partition *partition_of(const char *region)
{
	size_t i = 0;

	while (strncmp(region, partitions[i].prefix, strlen(partitions[i].prefix)) != 0)
		i++;
	return &partitions[i];
}

const char *region_partition(const char *region)
{
	return partition_of(region)->name;
}

const char *partition_region(const char *partition)
{
	for (size_t i = 0; i < ARRAY_SIZE(partitions); i++)
		if (strcmp(partitions[i].name, partition) == 0)
			return partitions[i].region;
	return NULL;
}

const struct service *service_find(enum aws_service service)
{
	return &services[service].service;
}

/* A switch is the environment's, even an empty one; else the profile's. */
static bool switched_on(
	const char *variable, const struct profiles *profiles, const char *profile, const char *key)
{
	const char *value = getenv(variable) ?: profile_get(profiles, profile, key);

	return value && strcasecmp(value, "true") == 0;
}

/* What the environment says about a service; ${ret_origin} is by which variable. */
static const char *environment_url(size_t service, char **ret_origin)
{
	const char *const variables[] = { services[service].environment, "AWS_ENDPOINT_URL" };

	for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
		const char *url = getenv(variables[i]);

		if (url && *url) {
			*ret_origin = mem_strdup(variables[i]);
			return url;
		}
	}
	return NULL;
}

static const char *profile_url(size_t service, const struct profiles *profiles,
	const char *profile, char **ret_origin)
{
	_cleanup_(freep) char *key = mem_printf("%s.endpoint_url", services[service].key);
	const char *section = profile_get(profiles, profile, "services");
	const char *url = section ? profile_get_service(profiles, section, key) : NULL;

	if (url && *url) {
		*ret_origin = profile_where_service(profiles, section, key);
		return url;
	}
	url = profile_get(profiles, profile, "endpoint_url");
	if (!url || !*url)
		return NULL;
	*ret_origin = profile_where(profiles, profile, "endpoint_url");
	return url;
}

static char *missing_section(const struct profiles *profiles, const char *profile)
{
	const char *section = profile_get(profiles, profile, "services");
	_cleanup_(freep) char *where = NULL;

	if (!section || profile_get_service(profiles, section, NULL))
		return NULL;
	where = profile_where(profiles, profile, "services");
	return mem_printf("%s: profile '%s' says 'services = %s', and the configuration file has no section "
			  "[services %s] with a key in it",
		where, profile, section, section);
}

void endpoint_settings_load(
	struct endpoint_settings *settings, const struct profiles *profiles, const char *profile)
{
	*settings = (struct endpoint_settings){
		.fips = switched_on(
			"AWS_USE_FIPS_ENDPOINT", profiles, profile, "use_fips_endpoint"),
		.dualstack = switched_on(
			"AWS_USE_DUALSTACK_ENDPOINT", profiles, profile, "use_dualstack_endpoint"),
	};
	if (switched_on("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", profiles, profile,
		    "ignore_configured_endpoint_urls"))
		return;
	settings->missing = missing_section(profiles, profile);
	for (size_t i = 0; i < AWS_SERVICE_COUNT; i++) {
		const char *url = environment_url(i, &settings->origin[i]);

		if (!url && !settings->missing)
			url = profile_url(i, profiles, profile, &settings->origin[i]);
		settings->url[i] = mem_strdup(url);
	}
}

void endpoint_settings_done(struct endpoint_settings *settings)
{
	for (size_t i = 0; i < AWS_SERVICE_COUNT; i++) {
		free(settings->url[i]);
		free(settings->origin[i]);
	}
	free(settings->missing);
	*settings = (struct endpoint_settings){ 0 };
}

static int aws_url(const struct endpoint_settings *settings, enum aws_service service,
	const char *region, char **ret_url, struct error *err)
{
	const struct partition *partition = partition_of(region);
	bool gov = strcmp(partition->name, "aws-us-gov") == 0;
	bool cn = strcmp(partition->name, "aws-cn") == 0;
	bool fips = settings->fips, dualstack = settings->dualstack;

	if (dualstack && !partition->dualstack_suffix)
		return error_set(err, ERROR_INVALID, 0,
			"region '%s' has no dual-stack endpoints; unset AWS_USE_DUALSTACK_ENDPOINT "
			"and the profile's use_dualstack_endpoint",
			region);
	if (services[service].plain_is_dualstack &&
		(gov || strcmp(partition->name, "aws") == 0 || (cn && !fips)))
		dualstack = false;
	else if (services[service].plain_fips_in_gov && gov && !dualstack)
		fips = false;
	*ret_url = mem_join("https://", services[service].service.host_prefix, fips ? "-fips" : "", ".", region, ".",
		dualstack ? partition->dualstack_suffix : partition->suffix, NULL);
	return 0;
}

static char *replace_region(const char *url, const char *region)
{
	struct buf text = BUF_NULL;
	const char *place;

	while ((place = strstr(url, "{region}"))) {
		buf_append(&text, url, (size_t)(place - url));
		buf_append_string(&text, region);
		url = place + strlen("{region}");
	}
	buf_append_string(&text, url);
	return buf_take(&text);
}

static bool is_region(const char *region)
{
	size_t length = strlen(region);

	for (size_t i = 0; i < length; i++)
		if (!islower((unsigned char)region[i]) && !isdigit((unsigned char)region[i]) &&
			region[i] != '-')
			return false;
	return length > 0 && length < 64 && region[0] != '-' && region[length - 1] != '-';
}

/* "https://HOST:443" is sent as "Host: HOST": libcurl and the verifier both leave it out. */
static char *host_header(const char *host, size_t length, bool tls)
{
	const char *port = tls ? ":443" : ":80";
	size_t extra = strlen(port);
	char *header;

	if (length > extra && memcmp(host + length - extra, port, extra) == 0)
		length -= extra;
	header = mem_strndup(host, length);
	for (char *c = header; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return header;
}

static int endpoint_refuse(const char *url, const char *expected, struct error *err)
{
	const char *at = strrchr(url, '@');

	/* What comes before it may be a password. */
	return error_set(err, ERROR_INVALID, 0, "endpoint '%s%s': %s expected", at ? "..." : "", at ?: url, expected);
}

static int endpoint_split(const char *url, struct endpoint *ret_endpoint, struct error *err)
{
	bool tls = strncmp(url, "https://", 8) == 0;
	const char *host = url + (tls ? 8 : 7);
	size_t length;

	if (!tls && strncmp(url, "http://", 7) != 0)
		return endpoint_refuse(url, "http:// or https://", err);
	length = strcspn(host, "/");
	if (length == 0 || strpbrk(host, "?#@\\ \t\r\n{}") || memchr(host, '%', length))
		return endpoint_refuse(url, "http(s)://HOST[:PORT][/PATH]", err);
	*ret_endpoint = (struct endpoint){
		.url = mem_join(url, host[length] ? "" : "/", NULL),
		.host = host_header(host, length, tls),
		.path = mem_strdup(host[length] ? host + length : "/"),
	};
	return 0;
}

int endpoint_find(const struct endpoint_settings *settings, enum aws_service service,
	const char *region, const char *override, struct endpoint *ret_endpoint, struct error *err)
{
	_cleanup_(freep) char *url = NULL;
	const char *origin = NULL;
	int r;

	if (!region || !*region)
		return error_set(err, ERROR_INVALID, 0,
			"no region is set; set it in the configuration, in AWS_REGION or in the profile");
	if (!is_region(region))
		return error_set(err, ERROR_INVALID, 0, "'%s' is not a region; write it like eu-west-1", region);
	if (!override || !*override) {
		override = settings->url[service];
		origin = settings->origin[service];
	}
	if (!override && settings->missing)
		return error_set(err, ERROR_INVALID, 0, "%s", settings->missing);
	if (override)
		url = replace_region(override, region);
	else if ((r = aws_url(settings, service, region, &url, err)) < 0)
		return r;
	r = endpoint_split(url, ret_endpoint, err);
	return r < 0 && origin ? error_wrap(err, "%s", origin) : r;
}

void endpoint_done(struct endpoint *endpoint)
{
	free(endpoint->url);
	free(endpoint->host);
	free(endpoint->path);
	*endpoint = (struct endpoint){ 0 };
}
