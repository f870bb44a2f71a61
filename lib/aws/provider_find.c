/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which provider.  The order is botocore's (botocore/credentials.py, create_credential_resolver), and whatever is
 * configured first is used, whether it works or not:
 *	environment	AWS_ACCESS_KEY_ID			not for a profile that the configuration names
 *	role		role_arn of the profile, with source_profile or credential_source
 *	web identity	AWS_WEB_IDENTITY_TOKEN_FILE (as above), or web_identity_token_file of the profile
 *	sso		refused
 *	keys		of the profile, in the credentials file
 *	login		refused
 *	process		credential_process of the profile
 *	keys		of the profile, in the configuration file
 *	container	AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, AWS_CONTAINER_CREDENTIALS_FULL_URI
 *	instance	the metadata service
 * A profile that another one names as its source may have credentials by what lies between web identity and keys.
 */
#include "lib/aws/provider.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/aws/client.h"
#include "lib/aws/profile.h"
#include "lib/aws/session.h"
#include "lib/aws/sts.h"
#include "lib/base/strv.h"

/* On the way to a provider: for whom, and by which profiles the way has led. */
struct search {
	struct aws *aws;
	const char *settings; /* the profile whose region and endpoints count; NULL: the environment's */
	char **path;
};

static const char *get(const struct search *search, const char *profile, const char *key)
{
	return profile_get(search->aws->profiles, profile, key);
}

/* A profile that names its keys.  ${profiles} knows that a secret is there, not which. */
static bool has_keys(const struct search *search, const char *profile)
{
	return get(search, profile, "aws_access_key_id") ||
	       get(search, profile, "aws_secret_access_key");
}

static bool has_role(const struct search *search, const char *profile)
{
	return get(search, profile, "role_arn") && !get(search, profile, "web_identity_token_file");
}

static struct provider *refuse(const struct search *search, const char *profile, const char *key,
	const char *why)
{
	_cleanup_(freep) char *where = profile_where(search->aws->profiles, profile, key);

	return provider_refusal_new(
		ERROR_DENIED, "%s: profile '%s': %s: %s", where, profile, key, why);
}

/* A setting of web identity: its variable (if the environment counts), even an empty one, else the profile's key. */
static const char *web_setting(const struct search *search, const char *profile,
	const char *variable, const char *key)
{
	const char *value = variable ? getenv(variable) : NULL;

	return value ?: get(search, profile, key);
}

static const char *web_token_file(const struct search *search, const char *profile, bool environment)
{
	return web_setting(search, profile, environment ? "AWS_WEB_IDENTITY_TOKEN_FILE" : NULL,
		"web_identity_token_file");
}

static const char *web_role_arn(const struct search *search, const char *profile, bool environment)
{
	return web_setting(search, profile, environment ? "AWS_ROLE_ARN" : NULL, "role_arn");
}

static struct provider *find_web_identity(
	const struct search *search, const char *profile, bool environment)
{
	const char *file = web_token_file(search, profile, environment);
	struct role role = {
		.arn = web_role_arn(search, profile, environment),
		.session_name = web_setting(search, profile,
			environment ? "AWS_ROLE_SESSION_NAME" : NULL, "role_session_name"),
	};
	_cleanup_(freep) char *key = NULL;
	struct aws_session *session;

	if (!file || !*file)
		return NULL;
	if (!role.arn || !*role.arn)
		return provider_refusal_new(ERROR_INVALID,
			"web identity token '%s': for which role?  Set AWS_ROLE_ARN, or role_arn in "
			"profile '%s'",
			file, profile);
	key = mem_printf("unsigned %s", search->settings ?: "");
	session = session_get_keyed(search->aws, key, search->settings, provider_unsigned_new());
	return provider_web_identity_new(session, &role, file);
}

static const char *sso_key(const struct search *search, const char *profile)
{
	return get(search, profile, "sso_account_id") ? "sso_account_id"
	       : get(search, profile, "sso_role_name") ? "sso_role_name"
							: NULL;
}

#define NO_LOGIN                                                                                   \
	"this needs somebody to log in with a browser again and again, and a daemon has nobody; "  \
	"give certferryd an identity of its own: a role of the instance, container or pod, "      \
	"credential_process, or keys"

/* The credentials that ${profile} has itself; NULL if it has none. */
static struct provider *find_own(
	const struct search *search, const char *profile, bool environment)
{
	const struct profiles *profiles = search->aws->profiles;
	struct provider *provider = find_web_identity(search, profile, environment);

	if (provider)
		return provider;
	if (sso_key(search, profile))
		return refuse(search, profile, sso_key(search, profile), NO_LOGIN);
	if (profile_has(profiles, true, profile, "aws_access_key_id"))
		return provider_keys_new(search->aws, profile, true);
	if (get(search, profile, "login_session"))
		return refuse(search, profile, "login_session", NO_LOGIN);
	if (get(search, profile, "credential_process"))
		return provider_process_new(search->aws, profile,
			get(search, profile, "credential_process"));
	if (profile_has(profiles, false, profile, "aws_access_key_id"))
		return provider_keys_new(search->aws, profile, false);
	return NULL;
}

/* A remark on ${profile}, in brackets, or "".  As in botocore, sso_session by itself ends no search. */
static char *sso_remark(const struct aws *aws, const char *profile)
{
	_cleanup_(freep) char *where = NULL;

	if (!profile_get(aws->profiles, profile, "sso_session"))
		return mem_strdup("");
	where = profile_where(aws->profiles, profile, "sso_session");
	return mem_printf(" (%s: sso_session is not supported: " NO_LOGIN ")", where);
}

static struct provider *find_role(struct search *search, const char *profile);

/* May ${source} lend ${profile} its credentials?  NULL if so. */
static struct provider *check_source(
	struct search *search, const char *profile, const char *source)
{
	_cleanup_(freep) char *text = NULL;

	if (!profile_exists(search->aws->profiles, source)) {
		text = profile_where(search->aws->profiles, profile, "source_profile");
		return provider_refusal_new(ERROR_INVALID,
			"%s: profile '%s': there is no profile '%s'", text, profile, source);
	}
	/* A profile may name itself: of a source, its keys count and not its role. */
	if (!strv_has(search->path, source) ||
		(strcmp(source, profile) == 0 && has_keys(search, source)))
		return NULL;
	strv_append(&search->path, source);
	text = strv_join(search->path, " -> ");
	return provider_refusal_new(ERROR_INVALID,
		"profiles name each other as source_profile in a circle: %s", text);
}

static struct provider *find_source_profile(
	struct search *search, const char *profile, const char *source)
{
	struct provider *provider = check_source(search, profile, source);
	_cleanup_(freep) char *remark = NULL;

	if (provider)
		return provider;
	strv_append(&search->path, source);
	if (has_role(search, source) && !has_keys(search, source))
		return find_role(search, source);
	provider = find_own(search, source, false);
	if (provider)
		return provider;
	remark = sso_remark(search->aws, source);
	return provider_refusal_new(ERROR_DENIED,
		"profile '%s' is the source_profile of '%s' and has no credentials%s", source,
		profile, remark);
}

static bool is_set(const char *variable)
{
	const char *value = getenv(variable);

	return value && *value;
}

static struct provider *find_container(struct aws *aws)
{
	/* As in botocore, to be there is enough. */
	if (!getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") &&
		!getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI"))
		return NULL;
	return provider_container_new(aws);
}

static struct provider *find_named_source(
	const struct search *search, const char *profile, const char *source)
{
	struct provider *provider = NULL;
	const char *why;

	if (strcmp(source, "Environment") == 0) {
		provider = is_set("AWS_ACCESS_KEY_ID") ? provider_environment_new(search->aws) : NULL;
		why = is_set("AWS_SECRET_ACCESS_KEY")
			      ? "AWS_ACCESS_KEY_ID is not set"
			      : "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set";
	} else if (strcmp(source, "EcsContainer") == 0) {
		provider = find_container(search->aws);
		why = "neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor "
		      "AWS_CONTAINER_CREDENTIALS_FULL_URI is set";
	} else if (strcmp(source, "Ec2InstanceMetadata") == 0) {
		return provider_imds_new(search->aws, search->settings ?: search->aws->profile,
			"credentials of this instance");
	} else {
		why = "Environment, EcsContainer or Ec2InstanceMetadata expected";
	}
	return provider ?: refuse(search, profile, "credential_source", why);
}

/* duration_seconds as botocore takes it: what is no number does not count. */
static int find_duration(const char *text, unsigned *ret_seconds)
{
	char *end = NULL;
	long seconds;

	*ret_seconds = 0;
	seconds = text ? strtol(text, &end, 10) : 0;
	if (!text || !*text || *end)
		return 0;
	if (seconds < 900 || seconds > 43200)
		return -EINVAL;
	*ret_seconds = (unsigned)seconds;
	return 0;
}

static struct provider *find_role_source(
	struct search *search, const char *profile, const char **ret_source)
{
	const char *source = get(search, profile, "source_profile");
	const char *named = get(search, profile, "credential_source");

	*ret_source = source ?: named;
	if (source && named)
		return provider_refusal_new(ERROR_INVALID,
			"profile '%s' has both source_profile and credential_source; which one?",
			profile);
	if (source)
		return find_source_profile(search, profile, source);
	if (named)
		return find_named_source(search, profile, named);
	return provider_refusal_new(ERROR_INVALID,
		"profile '%s' has a role_arn and no source_profile or credential_source", profile);
}

static struct provider *find_role(struct search *search, const char *profile)
{
	struct role role = {
		.arn = get(search, profile, "role_arn"),
		.external_id = get(search, profile, "external_id"),
		.session_name = get(search, profile, "role_session_name"),
	};
	_cleanup_(freep) char *key = NULL, *path = NULL;
	struct provider *provider;
	const char *source;

	if (get(search, profile, "mfa_serial"))
		return refuse(search, profile, "mfa_serial", "a daemon cannot be asked for a code");
	if (find_duration(get(search, profile, "duration_seconds"), &role.duration) < 0)
		return refuse(search, profile, "duration_seconds", "900 to 43200 expected");
	provider = find_role_source(search, profile, &source);
	if (!source)
		return provider;
	path = strv_join(search->path, ", ");
	key = mem_printf("source %s of %s for %s", source, path, search->settings ?: "");
	return provider_role_new(
		session_get_keyed(search->aws, key, search->settings, provider), &role);
}

/* Most keys stand there, and a file that is missing is easily taken for one that is read. */
static char *credentials_file_remark(const struct aws *aws)
{
	const char *path = profiles_path(aws->profiles, true);

	if (!path)
		return mem_strdup("");
	return mem_printf(" of '%s'%s", path,
		access(path, F_OK) < 0 && errno == ENOENT ? ", which does not exist," : "");
}

/* The end of the chain: who has configured nothing sees its failure. */
static struct provider *find_instance(struct aws *aws, const char *profile)
{
	_cleanup_(freep) char *remark = sso_remark(aws, profile);
	_cleanup_(freep) char *file = credentials_file_remark(aws);
	_cleanup_(freep) char *context = mem_printf(
		"no AWS credentials: none in the environment (AWS_ACCESS_KEY_ID), in profile '%s'%s%s "
		"or of a container; of this instance",
		profile, file, remark);

	return provider_imds_new(aws, profile, context);
}

struct provider *provider_find(struct aws *aws, const char *profile)
{
	struct search search = { .aws = aws, .settings = profile };
	const char *name = profile ?: aws->profile;
	struct provider *provider;

	if (profile && !profile_exists(aws->profiles, profile))
		return provider_refusal_new(ERROR_INVALID,
			"profile: there is no profile '%s' in '%s' or '%s'", profile,
			profiles_path(aws->profiles, false) ?: "~/.aws/config",
			profiles_path(aws->profiles, true) ?: "~/.aws/credentials");
	if (!profile && is_set("AWS_ACCESS_KEY_ID"))
		return provider_environment_new(aws);
	strv_append(&search.path, name);
	provider = has_role(&search, name) ? find_role(&search, name)
					   : find_own(&search, name, !profile);
	strv_free(search.path);
	return provider ?: find_container(aws) ?: find_instance(aws, name);
}

char *provider_account(struct aws *aws, const char *profile)
{
	const struct search search = { .aws = aws, .settings = profile };
	const char *name = profile ?: aws->profile;
	const char *file = web_token_file(&search, name, !profile);
	const char *arn = NULL, *account = NULL;

	if (!profile && is_set("AWS_ACCESS_KEY_ID"))
		account = getenv("AWS_ACCOUNT_ID");
	else if (has_role(&search, name))
		arn = get(&search, name, "role_arn");
	else if (file && *file)
		arn = web_role_arn(&search, name, !profile);
	else if (has_keys(&search, name) || get(&search, name, "credential_process"))
		account = get(&search, name, "aws_account_id");
	if (arn)
		return sts_account(arn);
	return account && *account ? mem_strdup(account) : NULL;
}
