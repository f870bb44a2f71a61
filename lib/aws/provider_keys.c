/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Long-lived keys: in the environment, or in a profile.  A profile's are read from its file at
 * each fetch, so that keys that something else rotates there are found after ExpiredToken.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/aws/client.h"
#include "lib/aws/profile.h"
#include "lib/aws/provider.h"
#include "lib/pki/secret.h"

struct keys {
	struct provider provider;
	const struct aws *aws;
	char *profile; /* NULL: the environment */
	char *path;
	bool credentials_file; /* which of the two that is */
};

/* One secret value, of which a former one is replaced; an empty one is none.  Of the two names that a
 * token may have, the older counts, as in botocore. */
static int set_secret(struct secret **secret, const char *value, size_t length, struct error *err)
{
	*secret = secret_free(*secret);
	return length ? secret_from(value, length, secret, err) : 0;
}

static int from_environment(
	const struct keys *keys, struct credentials *credentials, struct error *err)
{
	const char *secret = getenv("AWS_SECRET_ACCESS_KEY") ?: "";
	const char *old = getenv("AWS_SECURITY_TOKEN") ?: "";
	const char *token = *old ? old : getenv("AWS_SESSION_TOKEN") ?: "";
	const char *expiration = getenv("AWS_CREDENTIAL_EXPIRATION");
	int r;

	credentials->key_id = mem_strdup(getenv("AWS_ACCESS_KEY_ID"));
	r = set_secret(&credentials->secret_key, secret, strlen(secret), err);
	if (r < 0)
		return r;
	r = set_secret(&credentials->token, token, strlen(token), err);
	if (r < 0)
		return r;
	if (expiration && *expiration && time_parse_iso(expiration, &credentials->expires) < 0)
		return error_set(err, ERROR_INVALID, 0,
			"AWS_CREDENTIAL_EXPIRATION: a time like 2026-11-23T08:47:54Z expected");
	return credentials_check(credentials,
		"environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)", aws_now(keys->aws), err);
}

struct taking {
	const struct keys *keys;
	struct credentials *credentials;
	bool old_token; /* found by its older name */
};

static int take_item(void *userdata, const struct profile_item *item, struct error *err)
{
	struct taking *taking = userdata;
	struct credentials *credentials = taking->credentials;
	_cleanup_(freep) char *profile = profile_section(
		item->section, taking->keys->credentials_file);
	bool old_token = strcmp(item->key, "aws_security_token") == 0;

	if (!profile || strcmp(profile, taking->keys->profile) != 0)
		return 0;
	if (strcmp(item->key, "aws_access_key_id") == 0) {
		free(credentials->key_id);
		credentials->key_id = mem_strndup(item->value, item->value_length);
		return 0;
	}
	if (strcmp(item->key, "aws_secret_access_key") == 0)
		return set_secret(&credentials->secret_key, item->value, item->value_length, err);
	if (!old_token && (taking->old_token || strcmp(item->key, "aws_session_token") != 0))
		return 0;
	taking->old_token = old_token;
	return set_secret(&credentials->token, item->value, item->value_length, err);
}

static int from_profile(const struct keys *keys, struct credentials *credentials, struct error *err)
{
	_cleanup_(freep) char *where = mem_printf("%s: profile '%s'", keys->path, keys->profile);
	_cleanup_(secret_freep) struct secret *content = NULL;
	struct taking taking = { keys, credentials, false };
	int r;

	r = profile_file_read(keys->path, &content, err);
	if (r >= 0 && content)
		r = profile_parse(keys->path, secret_borrow(content), secret_length(content),
			take_item, &taking, err);
	if (r < 0)
		return r;
	return credentials_check(credentials, where, aws_now(keys->aws), err);
}

static void keys_fetch(
	struct provider *provider, const char *region, provider_done_fn done, void *userdata)
{
	const struct keys *keys = (struct keys *)provider;
	_cleanup_(credentials_freep) struct credentials *credentials = mem_new(struct credentials);
	_cleanup_(error_done) struct error err = ERROR_NULL;
	int r;

	credentials->expires = USEC_INFINITY;
	r = keys->profile ? from_profile(keys, credentials, &err)
			  : from_environment(keys, credentials, &err);
	if (r < 0)
		done(userdata, NULL, &err);
	else
		done(userdata, take(credentials), NULL);
}

static void keys_release(struct provider *provider)
{
	struct keys *keys = (struct keys *)provider;

	free(keys->profile);
	free(keys->path);
	free(keys);
}

struct provider *provider_environment_new(const struct aws *aws)
{
	struct keys *keys = mem_new(struct keys);

	*keys = (struct keys){ .provider = { keys_fetch, keys_release }, .aws = aws };
	return &keys->provider;
}

struct provider *provider_keys_new(
	const struct aws *aws, const char *profile, bool credentials_file)
{
	struct provider *provider = provider_environment_new(aws);
	struct keys *keys = (struct keys *)provider;

	keys->profile = mem_strdup(profile);
	keys->path = mem_strdup(profiles_path(aws->profiles, credentials_file));
	keys->credentials_file = credentials_file;
	return provider;
}
