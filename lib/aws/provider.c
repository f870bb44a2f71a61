/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/aws/provider.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/aws/client.h"
#include "lib/aws/profile.h"
#include "lib/aws/session.h"
#include "lib/base/strv.h"
#include "lib/pki/secret.h"

struct credentials *credentials_free(struct credentials *credentials)
{
	if (!credentials)
		return NULL;
	free(credentials->key_id);
	secret_free(credentials->secret_key);
	secret_free(credentials->token);
	free(credentials);
	return NULL;
}

struct provider *provider_free(struct provider *provider)
{
	if (provider)
		provider->release(provider);
	return NULL;
}

struct refusal {
	struct provider provider;
	struct error err;
};

static void refusal_fetch(
	struct provider *provider, const char *region, provider_done_fn done, void *userdata)
{
	done(userdata, NULL, &((struct refusal *)provider)->err);
}

static void refusal_release(struct provider *provider)
{
	struct refusal *refusal = (struct refusal *)provider;

	error_done(&refusal->err);
	free(refusal);
}

struct provider *provider_refusal_new(enum error_kind kind, const char *format, ...)
{
	struct refusal *refusal = mem_new(struct refusal);
	_cleanup_(freep) char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	text = mem_vprintf(format, arguments);
	va_end(arguments);
	refusal->provider = (struct provider){ refusal_fetch, refusal_release };
	(void)error_set(&refusal->err, kind, 0, "%s", text);
	return &refusal->provider;
}

/* A profile that names its keys.  ${profiles} knows that a secret is there, not which. */
static bool has_keys(const struct profiles *profiles, const char *profile)
{
	return profile_get(profiles, profile, "aws_access_key_id") ||
	       profile_get(profiles, profile, "aws_secret_access_key");
}

/* What a profile can ask for and this version cannot do; NULL if nothing. */
static const char *unsupported(const struct profiles *profiles, const char *profile)
{
	static const char *const keys[] = { "web_identity_token_file", "sso_session",
		"sso_start_url", "login_session", "credential_process" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (profile_get(profiles, profile, keys[i]))
			return keys[i];
	return NULL;
}

static struct provider *refuse_key(
	const struct profiles *profiles, const char *profile, const char *key)
{
	_cleanup_(freep) char *where = profile_where(profiles, profile, key);

	return provider_refusal_new(ERROR_DENIED,
		"%s: profile '%s': %s is not supported by this version; give the profile keys, or "
		"a "
		"role_arn with a source_profile that has keys",
		where, profile, key);
}

static struct provider *find_profile(struct aws *aws, const char *profile, char *const *through);

/* The session whose credentials assume the role of ${profile}; NULL with ${ret_refusal}. */
static struct aws_session *find_source(struct aws *aws, const char *profile, const char *source,
	char *const *through, struct provider **ret_refusal)
{
	_cleanup_(strv_freep) char **path = strv_copy(through);
	_cleanup_(freep) char *key = mem_printf("keys of %s", source);
	_cleanup_(freep) char *trail = NULL;
	struct provider *provider;

	strv_append(&path, profile);
	if (has_keys(aws->profiles, source)) {
		/* Of a source, its keys count and not its role: so a profile may name itself. */
		provider = provider_keys_new(aws->profiles, source);
		return session_get_keyed(aws, key, source, provider);
	}
	if (strv_has(path, source)) {
		strv_append(&path, source);
		trail = strv_join(path, " -> ");
		*ret_refusal = provider_refusal_new(ERROR_INVALID,
			"profiles name each other as source_profile in a circle: %s", trail);
		return NULL;
	}
	if (!profile_exists(aws->profiles, source)) {
		trail = profile_where(aws->profiles, profile, "source_profile");
		*ret_refusal = provider_refusal_new(ERROR_INVALID,
			"%s: profile '%s': there is no profile '%s'", trail, profile, source);
		return NULL;
	}
	provider = find_profile(aws, source, path);
	free(key);
	key = mem_printf("profile %s", source);
	return session_get_keyed(aws, key, source, provider);
}

/* duration_seconds of the profile; 0 for none. */
static int find_duration(
	const struct profiles *profiles, const char *profile, unsigned *ret_seconds)
{
	const char *text = profile_get(profiles, profile, "duration_seconds");
	char *end = NULL;
	long seconds;

	*ret_seconds = 0;
	if (!text)
		return 0;
	seconds = strtol(text, &end, 10);
	if (!*text || *end || seconds < 900 || seconds > 43200)
		return -EINVAL;
	*ret_seconds = (unsigned)seconds;
	return 0;
}

static struct provider *find_role(struct aws *aws, const char *profile, char *const *through)
{
	const struct profiles *profiles = aws->profiles;
	const char *source = profile_get(profiles, profile, "source_profile");
	struct role role = {
		.arn = profile_get(profiles, profile, "role_arn"),
		.external_id = profile_get(profiles, profile, "external_id"),
		.session_name = profile_get(profiles, profile, "role_session_name"),
	};
	struct provider *refusal = NULL;
	struct aws_session *session;

	if (profile_get(profiles, profile, "mfa_serial"))
		return provider_refusal_new(ERROR_DENIED,
			"profile '%s': mfa_serial: a daemon cannot be asked for a code", profile);
	if (profile_get(profiles, profile, "web_identity_token_file"))
		return refuse_key(profiles, profile, "web_identity_token_file");
	if (profile_get(profiles, profile, "credential_source"))
		return refuse_key(profiles, profile, "credential_source");
	if (!source)
		return provider_refusal_new(ERROR_INVALID,
			"profile '%s' has a role_arn and no source_profile", profile);
	if (find_duration(profiles, profile, &role.duration) < 0)
		return provider_refusal_new(ERROR_INVALID,
			"profile '%s': duration_seconds: 900 to 43200 expected", profile);
	session = find_source(aws, profile, source, through, &refusal);
	return session ? provider_role_new(session, &role) : refusal;
}

static struct provider *find_profile(struct aws *aws, const char *profile, char *const *through)
{
	const struct profiles *profiles = aws->profiles;

	if (profile_get(profiles, profile, "role_arn"))
		return find_role(aws, profile, through);
	if (has_keys(profiles, profile))
		return provider_keys_new(profiles, profile);
	if (unsupported(profiles, profile))
		return refuse_key(profiles, profile, unsupported(profiles, profile));
	return provider_refusal_new(ERROR_DENIED,
		"no AWS credentials: profile '%s' has none; set aws_access_key_id and "
		"aws_secret_access_key, or role_arn and source_profile",
		profile);
}

static bool is_set(const char *variable)
{
	const char *value = getenv(variable);

	return value && *value;
}

struct provider *provider_find(struct aws *aws, const char *profile)
{
	if (!profile && (is_set("AWS_ACCESS_KEY_ID") || is_set("AWS_SECRET_ACCESS_KEY")))
		return provider_environment_new();
	if (!profile && is_set("AWS_WEB_IDENTITY_TOKEN_FILE"))
		return provider_refusal_new(ERROR_DENIED,
			"AWS_WEB_IDENTITY_TOKEN_FILE is not supported by this version; set "
			"AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE");
	profile = profile ?: aws->profile;
	if (profile_exists(aws->profiles, profile))
		return find_profile(aws, profile, NULL);
	if (strcmp(profile, "default") != 0)
		return provider_refusal_new(ERROR_INVALID,
			"there is no profile '%s' in '%s' or '%s'", profile,
			profiles_path(aws->profiles, false) ?: "~/.aws/config",
			profiles_path(aws->profiles, true) ?: "~/.aws/credentials");
	return provider_refusal_new(ERROR_DENIED,
		"no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
		"AWS_PROFILE "
		"(the roles of instances and containers are not supported by this version)");
}
