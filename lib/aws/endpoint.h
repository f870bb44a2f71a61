/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_ENDPOINT_H
#define LIB_AWS_ENDPOINT_H

/*
 * Services and where they are: the table of protocols and names, AWS's rules for the host of a
 * service in a region, and what the user configured instead.
 */

#include <stdbool.h>

#include "lib/aws/service.h"
#include "lib/base/error.h"

struct profiles;

struct service {
	const char *signing_name;
	const char *host_prefix;
	const char *content_type;
	const char *target; /* prefix of X-Amz-Target; NULL: the query protocol, with XML answers */
};

/* service_find(service): its row of the table. */
const struct service *service_find(enum aws_service service);

/* What the environment and the profile say about endpoints; strings are owned. */
struct endpoint_settings {
	bool fips, dualstack;
	char *url[AWS_SERVICE_COUNT]; /* what counts for the service, or NULL */
	char *origin[AWS_SERVICE_COUNT]; /* the variable, or "FILE:LINE", that says so, or NULL */
	char *missing; /* "FILE:LINE: ...": the profile names a `services` section that nobody wrote; or NULL */
};

/**
 * endpoint_settings_load(settings, profiles, profile):
 * By precedence: AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, the profile's `services` section,
 * the profile's endpoint_url; none with AWS_IGNORE_CONFIGURED_ENDPOINT_URLS.  ${profile} need not
 * exist.  Release with endpoint_settings_done().  Source: "Service-specific endpoints" of the AWS
 * SDKs and Tools Reference Guide, and what botocore does where that is silent.
 */
void endpoint_settings_load(
	struct endpoint_settings *settings, const struct profiles *profiles, const char *profile);
void endpoint_settings_done(struct endpoint_settings *settings);

/* Where a request goes.  Release with endpoint_done(). */
struct endpoint {
	char *url;
	char *host; /* as the Host header has it and as it is signed */
	char *path; /* of the URL, "/" at least */
};

/**
 * endpoint_find(settings, service, region, override, endpoint, err):
 * The endpoint of ${service} in ${region}: ${override} (NULL or "": none) with {region} replaced,
 * else what is configured, else AWS's own host, of which alone FIPS and dual-stack are.
 * ERROR_INVALID: a region that can be none; a URL that is not http(s)://HOST[:PORT][/PATH], with its origin;
 * dual-stack where AWS has none; a `services` section that is missing, unless something before it
 * has an answer.
 */
int endpoint_find(const struct endpoint_settings *settings, enum aws_service service,
	const char *region, const char *override, struct endpoint *ret_endpoint, struct error *err);
void endpoint_done(struct endpoint *endpoint);

/* partition_region(partition): the region that stands for ARN partition ${partition}
 * ("aws-cn") when none is known; NULL for one that does not exist. */
const char *partition_region(const char *partition);

/* region_partition(region): the ARN partition that ${region} belongs to; "aws" when unknown. */
const char *region_partition(const char *region);

#endif
