/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The role of this EC2 instance, from its metadata service, version 2 only: version 1, which answers whoever can make
 * this host send a GET, is never asked.  A fetch is at one step at a time:
 *	TOKEN		a PUT brings the token that the rest needs
 *	ROLE		the name of the instance's role
 *	CREDENTIALS	those of that role
 * AWS keeps instances going when it cannot renew their credentials: what has expired, or is about to, is used on for
 * a while and asked for again, as in botocore.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/aws/client.h"
#include "lib/aws/metadata.h"
#include "lib/aws/profile.h"
#include "lib/aws/provider.h"
#include "lib/http/url.h"
#include "lib/log/log.h"
#include "lib/os/clock.h"
#include "lib/pki/secret.h"

#define TOKEN_PATH  "latest/api/token"
#define TOKEN_LIFE  "x-aws-ec2-metadata-token-ttl-seconds: 21600"
#define ROLE_PATH   "latest/meta-data/iam/security-credentials/"
#define FOUR_ORIGIN "http://169.254.169.254/"
#define SIX_ORIGIN  "http://[fd00:ec2::254]/"

/* Within this of their end credentials are extended (botocore: 15 minutes and 2 to 10 more at random). */
#define EXTENDED_WITHIN (17 * USEC_PER_MINUTE)
#define EXTENDED_SPREAD (8 * USEC_PER_MINUTE)

#define TRY_MAX 30ul /* seconds */

struct imds {
	struct provider provider;
	struct aws *aws;
	char *origin; /* ends with a slash */
	char *context; /* what failures begin with */
	usec_t timeout;
	unsigned tries;
	struct error refusal; /* not empty: it is never asked */
	struct secret *header; /* the token, while a fetch is under way */
	char *role;
	struct metadata *metadata;
	provider_done_fn done;
	void *userdata;
};

/* The only end of a fetch.  ${credentials} or else ${err}. */
static void imds_finish(struct imds *imds, struct credentials *credentials, struct error *err)
{
	imds->header = secret_free(imds->header);
	free(imds->role);
	imds->role = NULL;
	if (!credentials)
		(void)error_wrap(err, "%s", imds->context);
	imds->done(imds->userdata, credentials, credentials ? NULL : err);
}

static void imds_ask(
	struct imds *imds, const char *path, const char *more, metadata_done_fn done, bool json)
{
	_cleanup_(freep) char *url = mem_printf("%s%s%s", imds->origin, path, more);
	bool token = imds->header;

	imds->metadata = metadata_start(imds->aws,
		&(struct metadata_request){
			.method = token ? "GET" : "PUT",
			.url = url,
			.header = token ? NULL : TOKEN_LIFE,
			.secret_header = imds->header,
			.timeout = imds->timeout,
			.tries = imds->tries,
			.json = json,
		},
		done, imds);
}

static void imds_extend(struct imds *imds, struct credentials *credentials)
{
	usec_t now = aws_now(imds->aws);
	usec_t window = EXTENDED_WITHIN + EXTENDED_SPREAD / 1000 * random_below(1001);

	if (now < usec_sub(credentials->expires, window))
		return;
	credentials->expires = usec_add(now, window);
	log_debug("metadata: the instance's credentials are at their end and AWS has no new ones; "
		  "used on, and asked for again");
}

static int imds_read(struct imds *imds, const struct metadata_answer *answer,
	struct credentials **ret_credentials, struct error *err)
{
	_cleanup_(freep) char *where = mem_printf("role '%s' at '%s'", imds->role, imds->origin);
	_cleanup_(credentials_freep) struct credentials *credentials = NULL;
	int r;

	r = metadata_credentials(answer, where,
		"is that role still there, and does its trust policy admit ec2.amazonaws.com?",
		&credentials, err);
	if (r < 0)
		return r;
	imds_extend(imds, credentials);
	r = credentials_check(credentials, where, aws_now(imds->aws), err);
	if (r < 0)
		return r;
	*ret_credentials = take(credentials);
	return 0;
}

/* CREDENTIALS -> end */
static void on_credentials(
	void *userdata, const struct metadata_answer *answer, const struct error *err)
{
	struct imds *imds = userdata;
	struct credentials *credentials = NULL;
	_cleanup_(error_done) struct error failure = ERROR_NULL;

	imds->metadata = NULL;
	if (err)
		error_copy(&failure, err);
	else
		(void)imds_read(imds, answer, &credentials, &failure);
	imds_finish(imds, credentials, &failure);
}

/* What a role's name may be made of (IAM): nothing that means something in a URL. */
static bool is_role(const char *name, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@-",
			    name[i]) ||
			!name[i])
			return false;
	return length > 0 && length <= 128;
}

/* ROLE -> CREDENTIALS */
static void on_role(void *userdata, const struct metadata_answer *answer, const struct error *err)
{
	struct imds *imds = userdata;
	_cleanup_(error_done) struct error failure = ERROR_NULL;

	imds->metadata = NULL;
	if (err) {
		error_copy(&failure, err);
		if (err->kind == ERROR_ABSENT)
			(void)error_wrap(&failure, "the instance has no role");
	} else if (!is_role(answer->body, answer->length)) {
		(void)error_set(&failure, ERROR_DENIED, 0, "'%s' answers with no name of a role",
			imds->origin);
	}
	if (failure.kind != ERROR_NONE) {
		imds_finish(imds, NULL, &failure);
		return;
	}
	imds->role = mem_strndup(answer->body, answer->length);
	imds_ask(imds, ROLE_PATH, imds->role, on_credentials, true);
}

/* TOKEN -> ROLE */
static void on_token(void *userdata, const struct metadata_answer *answer, const struct error *err)
{
	struct imds *imds = userdata;
	_cleanup_(error_done) struct error failure = ERROR_NULL;

	imds->metadata = NULL;
	if (err) {
		error_copy(&failure, err);
		(void)error_wrap(&failure, "no token of the instance's metadata service (IMDSv2; "
					   "in a container it may need a greater hop limit)");
	} else {
		(void)metadata_header("x-aws-ec2-metadata-token", answer->body, answer->length,
			&imds->header, &failure);
	}
	if (failure.kind != ERROR_NONE)
		imds_finish(imds, NULL, &failure);
	else
		imds_ask(imds, ROLE_PATH, "", on_role, false);
}

static void imds_fetch(
	struct provider *provider, const char *region, provider_done_fn done, void *userdata)
{
	struct imds *imds = (struct imds *)provider;
	_cleanup_(error_done) struct error err = ERROR_NULL;

	imds->done = done;
	imds->userdata = userdata;
	if (imds->refusal.kind == ERROR_NONE) {
		imds_ask(imds, TOKEN_PATH, "", on_token, false);
		return;
	}
	error_copy(&err, &imds->refusal);
	imds_finish(imds, NULL, &err);
}

static void imds_release(struct provider *provider)
{
	struct imds *imds = (struct imds *)provider;

	metadata_cancel(imds->metadata);
	secret_free(imds->header);
	error_done(&imds->refusal);
	free(imds->role);
	free(imds->origin);
	free(imds->context);
	free(imds);
}

/* A setting: its variable, else its key in the profile; NULL for none. */
static const char *setting(
	const struct imds *imds, const char *profile, const char *variable, const char *key)
{
	const char *value = getenv(variable);

	return value && *value ? value : profile_get(imds->aws->profiles, profile, key);
}

/* Where setting() found it.  The caller owns it. */
static char *setting_origin(
	const struct imds *imds, const char *profile, const char *variable, const char *key)
{
	_cleanup_(freep) char *where = NULL;
	const char *value = getenv(variable);

	if (value && *value)
		return mem_strdup(variable);
	where = profile_where(imds->aws->profiles, profile, key);
	return mem_printf("%s: profile '%s': %s", where, profile, key);
}

/* It is never asked: ${value} is not what is ${expected}. */
static void imds_refuse(struct imds *imds, const char *origin, const char *value, const char *expected)
{
	(void)error_set(&imds->refusal, ERROR_INVALID, 0, "%s is '%s': %s expected", origin, value, expected);
}

/* A number from 1 to ${most}, else ${otherwise}. */
static unsigned long number(const char *text, unsigned long otherwise, unsigned long most)
{
	char *end = NULL;
	unsigned long value = text ? strtoul(text, &end, 10) : 0;

	return text && *text && !*end && value >= 1 && value <= most ? value : otherwise;
}

#define OWN  "AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint"
#define MODE "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ec2_metadata_service_endpoint_mode"

/* Where it is: a URL of somebody's own counts more than the mode. */
static void imds_place(struct imds *imds, const char *profile)
{
	const char *own = setting(imds, profile, OWN);
	const char *mode = setting(imds, profile, MODE);
	const char *six = setting(imds, profile, "AWS_IMDS_USE_IPV6", "imds_use_ipv6");
	_cleanup_(freep) char *own_origin = setting_origin(imds, profile, OWN);
	_cleanup_(freep) char *mode_origin = setting_origin(imds, profile, MODE);
	_cleanup_(url_done) struct url url = { 0 };

	if (mode && strcasecmp(mode, "ipv4") != 0 && strcasecmp(mode, "ipv6") != 0)
		imds_refuse(imds, mode_origin, mode, "IPv4 or IPv6");
	if (own && *own && url_read(own, &url) < 0)
		imds_refuse(imds, own_origin, own, "http://HOST[:PORT]");
	if (own && *own)
		imds->origin = mem_printf("%s%s", own, own[strlen(own) - 1] == '/' ? "" : "/");
	else if (mode ? strcasecmp(mode, "ipv6") == 0 : six && strcasecmp(six, "true") == 0)
		imds->origin = mem_strdup(SIX_ORIGIN);
	else
		imds->origin = mem_strdup(FOUR_ORIGIN);
}

struct provider *provider_imds_new(struct aws *aws, const char *profile, const char *context)
{
	struct imds *imds = mem_new(struct imds);
	const char *disabled = getenv("AWS_EC2_METADATA_DISABLED");

	*imds = (struct imds){ .provider = { imds_fetch, imds_release },
		.aws = aws,
		.context = mem_strdup(context) };
	imds_place(imds, profile);
	/* Longer than any other request may take is not waited for, whatever is set. */
	imds->timeout = MIN(number(setting(imds, profile, "AWS_METADATA_SERVICE_TIMEOUT",
					   "metadata_service_timeout"),
				    1, 3600),
				TRY_MAX) *
		USEC_PER_SEC;
	imds->tries = (unsigned)number(setting(imds, profile, "AWS_METADATA_SERVICE_NUM_ATTEMPTS",
					       "metadata_service_num_attempts"),
		1, 1000);
	if (disabled && strcasecmp(disabled, "true") == 0)
		(void)error_set(&imds->refusal, ERROR_DENIED, 0,
			"AWS_EC2_METADATA_DISABLED is true");
	return &imds->provider;
}
