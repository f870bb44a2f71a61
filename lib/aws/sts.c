/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/aws/sts.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/aws/endpoint.h"
#include "lib/aws/sigv4.h"
#include "lib/aws/xml.h"
#include "lib/base/buf.h"
#include "lib/base/encode.h"
#include "lib/base/strv.h"
#include "lib/pki/secret.h"

#define GRANT "*/*/Credentials/" /* of each of the operations that grant some */

char *sts_session_name(const char *host)
{
	char *name = mem_printf("certferry-%.*s", 64 - (int)strlen("certferry-"), host);

	for (char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("_+=,.@-", *c))
			*c = '-';
	return name;
}

static char *own_session_name(void)
{
	char host[256] = "";

	if (gethostname(host, sizeof(host) - 1) < 0)
		host[0] = '\0';
	return sts_session_name(*host ? host : "host");
}

static void form_add(struct buf *form, const char *name, const char *value)
{
	_cleanup_(freep) char *encoded = NULL;

	if (!value)
		return;
	encoded = percent_encode(value);
	buf_printf(form, "&%s=%s", name, encoded);
}

static void form_add_tags(struct buf *form, char *const *tags)
{
	size_t number = 0;

	STRV_FOREACH(tag, tags)
	{
		const char *equals = strchrnul(*tag, '=');
		_cleanup_(freep) char *key = mem_strndup(*tag, (size_t)(equals - *tag));
		_cleanup_(freep) char *name = mem_printf("Tags.member.%zu.Key", ++number);
		_cleanup_(freep) char *value = mem_printf("Tags.member.%zu.Value", number);

		form_add(form, name, key);
		form_add(form, value, *equals ? equals + 1 : "");
	}
}

char *sts_assume_role_form(const struct role *role)
{
	_cleanup_(freep) char *own_name = role->session_name ? NULL : own_session_name();
	struct buf form = BUF_NULL;

	buf_append_string(&form, "Action=AssumeRole&Version=2011-06-15");
	form_add(&form, "RoleArn", role->arn);
	form_add(&form, "RoleSessionName", role->session_name ?: own_name);
	form_add(&form, "ExternalId", role->external_id);
	form_add(&form, "SourceIdentity", role->source_identity);
	if (role->duration)
		buf_printf(&form, "&DurationSeconds=%u", role->duration);
	form_add_tags(&form, role->tags);
	return buf_take(&form);
}

/* percent_encode() for what may not be copied. */
static int append_encoded(struct secret *form, const char *text, size_t length)
{
	static const char digits[] = "0123456789ABCDEF";
	int r = 0;

	for (size_t i = 0; i < length && r >= 0; i++) {
		unsigned char c = (unsigned char)text[i];
		const char escape[] = { '%', digits[c >> 4], digits[c & 15] };
		bool plain = c < 128 && (isalnum(c) || strchr("-_.~", c));

		r = plain ? secret_append(form, &text[i], 1)
			  : secret_append(form, escape, sizeof(escape));
	}
	return r;
}

int sts_web_identity_form(const struct role *role, const struct secret *token,
	struct secret **ret_form, struct error *err)
{
	_cleanup_(freep) char *own_name = role->session_name ? NULL : own_session_name();
	_cleanup_(buf_done) struct buf open = BUF_NULL;
	struct secret *form;
	int r;

	buf_append_string(&open, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15");
	form_add(&open, "RoleArn", role->arn);
	form_add(&open, "RoleSessionName", role->session_name ?: own_name);
	buf_append_string(&open, "&WebIdentityToken=");
	r = secret_new(open.length + 3 * secret_length(token), &form, err);
	if (r < 0)
		return r;
	(void)secret_append(form, open.data, open.length);
	(void)append_encoded(form, secret_borrow(token), secret_length(token));
	*ret_form = form;
	return 0;
}

const char *sts_region(const char *own, const char *role_arn, const char *region)
{
	const char *partition = role_arn + MIN(strlen("arn:"), strlen(role_arn));
	_cleanup_(freep) char *name = mem_strndup(partition, strcspn(partition, ":"));

	if (own && strcmp(region_partition(own), name) == 0)
		return own;
	if (region && strcmp(region_partition(region), name) == 0)
		return region;
	return partition_region(name) ?: region;
}

char *sts_account(const char *arn)
{
	const char *field = arn;

	for (int i = 0; i < 4 && field; i++) {
		field = strchr(field, ':');
		field = field ? field + 1 : NULL;
	}
	return field && *field != ':' && strchr(field, ':') ? mem_strndup(field, strcspn(field, ":")) : NULL;
}

/* A secret text of the answer, with its references resolved, in the secure heap from the start. */
static int read_secret(const char *body, size_t length, const char *path,
	struct secret **ret_secret, struct error *err)
{
	const char *text;
	size_t text_length, room;
	char *plain;
	int r;

	if (xml_find(body, length, path, &text, &text_length) < 0 || text_length == 0)
		return error_set(err, ERROR_RETRY, 0, "response without credentials");
	room = text_length;
	plain = OPENSSL_secure_malloc(room);
	if (!plain)
		return error_set(err, ERROR_RETRY, ENOMEM, "the memory for secrets is full");
	text_length = xml_unescape(text, text_length, plain);
	/* It goes into a header: a line break in it would begin another. */
	for (size_t i = 0; i < text_length; i++)
		if (plain[i] <= ' ' || plain[i] > '~') {
			OPENSSL_secure_clear_free(plain, room);
			return error_set(err, ERROR_RETRY, 0, "response with credentials that are none");
		}
	r = secret_from(plain, text_length, ret_secret, err);
	OPENSSL_secure_clear_free(plain, room);
	return r;
}

static char *read_text(const char *body, size_t length, const char *path)
{
	const char *text;
	size_t text_length;

	if (xml_find(body, length, path, &text, &text_length) < 0 ||
		memchr(text, '\0', text_length))
		return mem_strdup("");
	return mem_strndup(text, text_length);
}

int sts_read_credentials(
	const char *body, size_t length, struct credentials **ret_credentials, struct error *err)
{
	_cleanup_(credentials_freep) struct credentials *credentials = mem_new(struct credentials);
	_cleanup_(freep) char *expiration = read_text(body, length, GRANT "Expiration");
	int r;

	credentials->key_id = read_text(body, length, GRANT "AccessKeyId");
	if (!*credentials->key_id ||
		credentials->key_id[strspn(credentials->key_id,
			"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")])
		return error_set(err, ERROR_RETRY, 0,
			"response has no credentials; is a proxy answering instead of AWS?");
	if (time_parse_iso(expiration, &credentials->expires) < 0)
		return error_set(err, ERROR_RETRY, 0, "response without the time of expiry");
	r = read_secret(body, length, GRANT "SecretAccessKey", &credentials->secret_key, err);
	if (r < 0)
		return r;
	if (secret_length(credentials->secret_key) > SIGV4_SECRET_BYTES)
		return error_set(err, ERROR_RETRY, 0, "response with a secret key that is none");
	r = read_secret(body, length, GRANT "SessionToken", &credentials->token, err);
	if (r < 0)
		return r;
	*ret_credentials = take(credentials);
	return 0;
}
