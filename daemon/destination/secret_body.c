/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A layout is a list of JSON members; the body is written in their order without white space, PEM
 * in its canonical form.  Whatever changes the bytes that come out for the same certificates
 * (another order, another form of the key) must change TOKEN_VERSION: Secrets Manager refuses
 * other bytes under a known token.
 */

#include "daemon/destination/secret_body.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/model/rule.h"
#include "lib/base/buf.h"
#include "lib/base/encode.h"
#include "lib/pki/key.h"

#define BODY_MAX ((size_t)65536) /* of SecretString */
#define TOKEN_VERSION "certferry secret 1"
#define MEMBERS_MAX   5

enum part {
	PART_NONE, /* the end of a layout */
	PART_LEAF,
	PART_CHAIN,
	PART_FULLCHAIN, /* leaf and chain */
	PART_SERVED, /* leaf and intermediates: what a server sends */
	PART_ROOT, /* the chain's last */
	PART_KEY, /* traditional */
	PART_PKCS8,
};

struct member {
	const char *name;
	enum part part;
};

static const struct member layouts[][MEMBERS_MAX + 1] = {
	[LAYOUT_ACM] = {
		{ "Certificate", PART_LEAF },
		{ "CertificateChain", PART_CHAIN },
		{ "PrivateKey", PART_KEY },
	},
	[LAYOUT_PEM] = {
		{ "CERTIFICATE_PEM", PART_LEAF },
		{ "CERTIFICATE_CHAIN_PEM", PART_CHAIN },
		{ "PRIVATE_KEY_PEM", PART_KEY },
	},
	[LAYOUT_KUBERNETES] = {
		{ "tls.crt", PART_SERVED },
		{ "tls.key", PART_PKCS8 },
		{ "ca.crt", PART_ROOT },
	},
};

/* The members of ${destination}'s layout, PART_NONE behind the last. */
static void members_of(
	const struct desired_destination *destination, struct member members[MEMBERS_MAX + 1])
{
	const struct desired_fields *fields = &destination->fields;
	const struct member own[] = {
		{ fields->certificate, PART_LEAF },
		{ fields->chain, PART_CHAIN },
		{ fields->fullchain, PART_FULLCHAIN },
		{ fields->private_key, PART_KEY },
		{ fields->ca, PART_ROOT },
	};
	size_t count = 0;

	memset(members, 0, (MEMBERS_MAX + 1) * sizeof(*members));
	if (destination->layout != LAYOUT_FIELDS) {
		memcpy(members, layouts[destination->layout], sizeof(layouts[0]));
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (own[i].name)
			members[count++] = own[i];
}

bool secret_body_has(const struct desired_destination *destination, const char *field)
{
	struct member members[MEMBERS_MAX + 1];

	members_of(destination, members);
	for (size_t i = 0; members[i].part != PART_NONE; i++)
		if (strcmp(members[i].name, field) == 0)
			return true;
	return false;
}

const char *secret_body_certificate(const struct desired_destination *destination)
{
	struct member members[MEMBERS_MAX + 1];

	members_of(destination, members);
	for (size_t i = 0; members[i].part != PART_NONE; i++)
		if (members[i].part == PART_LEAF || members[i].part == PART_FULLCHAIN ||
			members[i].part == PART_SERVED)
			return members[i].name;
	return NULL;
}

/* Length first, so that no two lists of texts read the same; NULL is none of them. */
static void digest_text(EVP_MD_CTX *context, const char *text)
{
	char head[32];
	size_t length = text ? strlen(text) : 0;

	snprintf(head, sizeof(head), text ? "%zu:" : "-", length);
	if (!EVP_DigestUpdate(context, head, strlen(head)) ||
		(text && !EVP_DigestUpdate(context, text, length)))
		mem_exhausted();
}

void secret_token(const struct desired_destination *destination, const char *name,
	const struct version *version, char ret_token[static SECRET_TOKEN_SIZE])
{
	const struct desired_fields *fields = &destination->fields;
	const char *const own[] = { fields->certificate, fields->chain, fields->fullchain,
		fields->private_key, fields->ca };
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char digest[EVP_MAX_MD_SIZE];
	char text[FINGERPRINT_TEXT_SIZE];

	if (!context || !EVP_DigestInit_ex(context, EVP_sha256(), NULL))
		mem_exhausted();
	digest_text(context, TOKEN_VERSION);
	digest_text(context, name);
	digest_text(context, digest_format(&version->digest, text));
	digest_text(context, fingerprint_format(&version->chain, text));
	digest_text(context, layout_name(destination->layout));
	for (size_t i = 0; destination->layout == LAYOUT_FIELDS && i < ARRAY_SIZE(own); i++)
		digest_text(context, own[i]);
	if (!EVP_DigestFinal_ex(context, digest, NULL))
		mem_exhausted();
	EVP_MD_CTX_free(context);
	hex_encode(digest, SECRET_TOKEN_SIZE / 2, ret_token);
}

/* Of the chain, all but a root at its end: a server does not send what its clients must have. */
static void append_served(struct buf *text, const struct certificate_list *chain)
{
	for (size_t i = 0; i < chain->count; i++) {
		_cleanup_(freep) char *pem = NULL;

		if (i + 1 == chain->count && certificate_is_self_signed(chain->items[i]))
			break;
		pem = certificate_pem(chain->items[i]);
		buf_append_string(text, pem);
	}
}

static void append_pem(struct buf *text, char *pem)
{
	buf_append_string(text, pem);
	free(pem);
}

/* Certificates as text; the parts that are no secrets. */
static void append_certificates(struct buf *text, const struct bundle *bundle, enum part part)
{
	const struct certificate_list *chain = &bundle->chain;

	if (part == PART_LEAF || part == PART_FULLCHAIN || part == PART_SERVED)
		append_pem(text, certificate_pem(bundle->leaf));
	if (part == PART_CHAIN || part == PART_FULLCHAIN)
		append_pem(text, certificate_list_pem(chain));
	if (part == PART_SERVED)
		append_served(text, chain);
	if (part == PART_ROOT && chain->count > 0)
		append_pem(text, certificate_pem(chain->items[chain->count - 1]));
}

/* Where the body goes: counted only while to is NULL. */
struct sink {
	struct secret *to;
	size_t length;
};

static void put_raw(struct sink *sink, const char *text)
{
	sink->length += strlen(text);
	if (sink->to)
		secret_append_string(sink->to, text);
}

static void put_json(struct sink *sink, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c != '\0' && strchr("\"\\\b\f\n\r\t", c))
			sink->length += 2;
		else
			sink->length += c < 0x20 ? 6 : 1;
	}
	if (sink->to)
		secret_append_json(sink->to, text, length);
}

static void put_value(
	struct sink *sink, const struct bundle *bundle, const struct secret *pkcs8, enum part part)
{
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	const struct secret *key = part == PART_PKCS8 ? pkcs8 : bundle->key;

	if (part == PART_PKCS8 || part == PART_KEY) {
		put_json(sink, secret_borrow(key), secret_length(key));
		return;
	}
	append_certificates(&text, bundle, part);
	put_json(sink, text.data, text.length);
}

static void put_body(struct sink *sink, const struct member *members, const struct bundle *bundle,
	const struct secret *pkcs8)
{
	put_raw(sink, "{");
	for (size_t i = 0; members[i].part != PART_NONE; i++) {
		put_raw(sink, i ? ",\"" : "\"");
		put_json(sink, members[i].name, strlen(members[i].name));
		put_raw(sink, "\":\"");
		put_value(sink, bundle, pkcs8, members[i].part);
		put_raw(sink, "\"");
	}
	put_raw(sink, "}");
}

static bool wants_pkcs8(const struct member *members)
{
	while (members->part != PART_NONE && members->part != PART_PKCS8)
		members++;
	return members->part == PART_PKCS8;
}

int secret_body(const struct desired_destination *destination, const struct bundle *bundle,
	struct secret **ret_body, struct error *err)
{
	_cleanup_(secret_freep) struct secret *pkcs8 = NULL;
	struct member members[MEMBERS_MAX + 1];
	struct sink sink = { 0 };
	int r = 0;

	members_of(destination, members);
	if (wants_pkcs8(members))
		r = key_to_pkcs8(bundle->key, &pkcs8, err);
	if (r < 0)
		return r;
	put_body(&sink, members, bundle, pkcs8);
	r = secret_new(sink.length, &sink.to, err);
	if (r < 0)
		return r;
	put_body(&sink, members, bundle, pkcs8);
	*ret_body = sink.to;
	return 0;
}

size_t secret_body_length(
	const struct desired_destination *destination, const struct bundle *bundle)
{
	_cleanup_(secret_freep) struct secret *pkcs8 = NULL;
	struct member members[MEMBERS_MAX + 1];
	struct sink sink = { 0 };

	members_of(destination, members);
	/*
	 * While the secure heap is full, the traditional form tells the length to within a few
	 * bytes.
	 */
	(void)(wants_pkcs8(members) && key_to_pkcs8(bundle->key, &pkcs8, NULL));
	put_body(&sink, members, bundle, pkcs8 ?: bundle->key);
	return sink.length;
}

int secret_body_accepts(size_t length, struct error *err)
{
	if (length <= BODY_MAX)
		return 0;
	return refuse(err, RULE_SECRET_SIZE,
		"the secret would have %zu bytes; Secrets Manager accepts at most %zu", length, BODY_MAX);
}
