/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/aws/environment.h"

#include <stdlib.h>
#include <string.h>

#include "lib/aws/client.h"
#include "lib/aws/profile.h"
#include "lib/aws/retry.h"
#include "lib/http/http.h"

const char *environment_variable(const char *name, const char *other)
{
	const char *value = getenv(name);

	if ((!value || !*value) && other)
		value = getenv(other);
	return value && *value ? value : NULL;
}

/* The environment's region, which counts before a profile's; else ${profile}'s; or NULL. */
static const char *region_of(const struct profiles *profiles, const char *profile)
{
	const char *region = environment_variable("AWS_REGION", "AWS_DEFAULT_REGION");

	if (!region && profile)
		region = profile_get(profiles, profile, "region");
	return region && *region ? region : NULL;
}

/* The file that ${name} names, "~/" at its start being the home directory; else ${fallback}
 * there. */
static char *file_path(const char *name, const char *fallback)
{
	const char *path = environment_variable(name, NULL);
	const char *home = environment_variable("HOME", NULL);

	if (path && strncmp(path, "~/", 2) != 0)
		return mem_strdup(path);
	if (!home)
		return NULL;
	return mem_printf("%s/%s", home, path ? path + 2 : fallback);
}

/* How often a request is sent at most.  Like the AWS CLI, refuses to begin with what is no number. */
static int configure_attempts(struct aws *aws, struct error *err)
{
	const char *fixed = environment_variable("AWS_MAX_ATTEMPTS", NULL);
	const char *text = fixed ?: profile_get(aws->profiles, aws->profile, "max_attempts");

	aws->attempts = RETRY_ATTEMPTS;
	aws->attempts_fixed = fixed != NULL;
	if (!text || !*text || retry_attempts(text, &aws->attempts) == 0)
		return 0;
	return error_set(err, ERROR_INVALID, 0,
		"%s: '%.32s' is not a number of attempts; use 1 to %d, or remove it for %d",
		fixed ? "AWS_MAX_ATTEMPTS" : "max_attempts of the AWS profile", text,
		RETRY_ATTEMPTS_MAX, RETRY_ATTEMPTS);
}

/* The profile files, and which profile the environment means. */
static int load_profiles(struct profiles **ret_profiles, const char **ret_profile, struct error *err)
{
	_cleanup_(freep) char *config = file_path("AWS_CONFIG_FILE", ".aws/config");
	_cleanup_(freep) char *credentials = file_path(
		"AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials");
	_cleanup_(profiles_freep) struct profiles *profiles = NULL;
	const char *profile = environment_variable("AWS_DEFAULT_PROFILE", "AWS_PROFILE");
	int r;

	r = profiles_load(config, credentials, &profiles, err);
	if (r < 0)
		return error_wrap(err, "AWS profiles");
	if (profile && !profile_exists(profiles, profile))
		return error_set(err, ERROR_INVALID, 0,
			"AWS_PROFILE or AWS_DEFAULT_PROFILE: there is no profile '%s' in '%s' or '%s'", profile,
			config ?: "~/.aws/config", credentials ?: "~/.aws/credentials");
	*ret_profiles = take(profiles);
	*ret_profile = profile ?: "default";
	return 0;
}

int aws_environment_region(char **ret_region, struct error *err)
{
	_cleanup_(profiles_freep) struct profiles *profiles = NULL;
	const char *profile;
	int r;

	r = load_profiles(&profiles, &profile, err);
	if (r < 0)
		return r;
	*ret_region = mem_strdup(region_of(profiles, profile));
	return 0;
}

const char *environment_ca_bundle(const struct profiles *profiles, const char *profile)
{
	const char *path = environment_variable("AWS_CA_BUNDLE", NULL)
				   ?: profile_get(profiles, profile, "ca_bundle")
				   ?: environment_variable("REQUESTS_CA_BUNDLE", NULL);

	return path && *path ? path : NULL;
}

int aws_environment_trust(struct error *err)
{
	_cleanup_(profiles_freep) struct profiles *profiles = NULL;
	const char *profile;
	int r;

	r = load_profiles(&profiles, &profile, err);
	if (r < 0)
		return r;
	return http_check_trust(environment_ca_bundle(profiles, profile), err);
}

int environment_load(struct aws *aws, struct error *err)
{
	const char *profile;
	int r;

	r = load_profiles(&aws->profiles, &profile, err);
	if (r < 0)
		return r;
	aws->profile = mem_strdup(profile);
	aws->region = mem_strdup(region_of(aws->profiles, profile));
	return configure_attempts(aws, err);
}

const char *aws_default_region(const struct aws *aws)
{
	return aws->region;
}

const char *aws_own_region(const struct aws *aws, const char *profile)
{
	return profile ? region_of(aws->profiles, profile) : aws->region;
}

const char *aws_profile_region(const struct aws *aws, const char *profile)
{
	return region_of(aws->profiles, profile) ?: aws->region;
}
