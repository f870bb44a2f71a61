/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/aws/credentials.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/aws/sigv4.h"
#include "lib/pki/secret.h"

struct credentials *credentials_free(struct credentials *credentials)
{
	if (!credentials)
		return NULL;
	sigv4_cache_done(&credentials->signing);
	free(credentials->key_id);
	free(credentials->account);
	secret_free(credentials->secret_key);
	secret_free(credentials->token);
	free(credentials);
	return NULL;
}

static bool is_printable(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return true;
}

int credentials_check(
	const struct credentials *credentials, const char *where, usec_t now, struct error *err)
{
	const char *key_id = credentials->key_id ?: "";
	const struct secret *token = credentials->token;
	char text[TIME_TEXT_SIZE];

	if (!*key_id)
		return error_set(err, ERROR_DENIED, 0, "%s: the access key id is missing", where);
	if (!credentials->secret_key || secret_length(credentials->secret_key) == 0)
		return error_set(
			err, ERROR_DENIED, 0, "%s: the secret access key is missing", where);
	if (secret_length(credentials->secret_key) > SIGV4_SECRET_BYTES)
		return error_set(
			err, ERROR_DENIED, 0, "%s: the secret access key is too long", where);
	/* They become parts of headers: a line break in them would begin another. */
	if (!is_printable(key_id, strlen(key_id)))
		return error_set(err, ERROR_DENIED, 0, "%s: this is not an access key id", where);
	if (token && !is_printable(secret_borrow(token), secret_length(token)))
		return error_set(err, ERROR_DENIED, 0, "%s: this is not a session token", where);
	if (credentials->expires <= now)
		return error_set(err, ERROR_DENIED, 0, "%s: they expired at %s", where,
			time_format(credentials->expires, text));
	return 0;
}

/* A string that may be absent or null; *${ret_text} is NULL then. */
static int read_string(
	const json_t *object, const char *name, const char **ret_text, struct error *err)
{
	const json_t *value = json_object_get(object, name);

	*ret_text = json_string_value(value);
	if (value && !json_is_null(value) && !*ret_text)
		return error_set(err, ERROR_INVALID, 0, "%s is not a text", name);
	return 0;
}

static int read_secret(
	const json_t *object, const char *name, struct secret **ret_secret, struct error *err)
{
	const json_t *value = json_object_get(object, name);
	const char *text;
	int r;

	r = read_string(object, name, &text, err);
	if (r < 0 || !text || !*text)
		return r;
	return secret_from(text, json_string_length(value), ret_secret, err);
}

static int read_expiration(const json_t *object, usec_t *ret_expires, struct error *err)
{
	const char *text;
	int r;

	r = read_string(object, "Expiration", &text, err);
	if (r < 0)
		return r;
	*ret_expires = USEC_INFINITY;
	if (text && time_parse_iso(text, ret_expires) < 0)
		return error_set(err, ERROR_INVALID, 0,
			"Expiration is not a time like 2026-11-23T08:47:54Z");
	return 0;
}

static char *read_account(const json_t *object)
{
	const char *text = json_string_value(json_object_get(object, "AccountId"));

	return text && strlen(text) == 12 && strspn(text, "0123456789") == 12 ? mem_strdup(text) : NULL;
}

static int read_object(const json_t *object, bool temporary, struct credentials *credentials,
	struct error *err)
{
	const char *key_id;
	int r;

	r = read_string(object, "AccessKeyId", &key_id, err);
	if (r < 0)
		return r;
	credentials->key_id = mem_strdup(key_id);
	credentials->account = read_account(object);
	r = read_secret(object, "SecretAccessKey", &credentials->secret_key, err);
	if (r < 0)
		return r;
	r = read_secret(object, temporary ? "Token" : "SessionToken", &credentials->token, err);
	if (r < 0)
		return r;
	return read_expiration(object, &credentials->expires, err);
}

int credentials_read(const char *text, size_t length, bool temporary,
	struct credentials **ret_credentials, struct error *err)
{
	static const char *const needed[] = { "AccessKeyId", "SecretAccessKey", "Token",
		"Expiration" };
	_cleanup_(credentials_freep) struct credentials *credentials = mem_new(struct credentials);
	json_t *object = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
	int r = 0;

	if (!json_is_object(object))
		r = error_set(err, ERROR_INVALID, 0, "this is not a JSON object");
	for (size_t i = 0; r >= 0 && i < (temporary ? 4 : 2); i++)
		if (!json_object_get(object, needed[i]))
			r = error_set(err, ERROR_INVALID, 0, "%s is missing", needed[i]);
	if (r >= 0)
		r = read_object(object, temporary, credentials, err);
	json_decref(object);
	if (r < 0)
		return r;
	*ret_credentials = take(credentials);
	return 0;
}
