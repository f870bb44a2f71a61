/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/aws/sigv4.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/aws/canonical.h"
#include "lib/base/buf.h"
#include "lib/base/encode.h"
#include "lib/base/mem.h"
#include "lib/pki/secret.h"

#define ALGORITHM  "AWS4-HMAC-SHA256"
#define HASH_BYTES  32
#define BLOCK_BYTES 64 /* of SHA-256 */
#define BLANKS     " \t\r\n" /* a line break only in a header that is folded */

/* Found once: OpenSSL 3 looks an algorithm up by its name whenever it is used otherwise. */
static const EVP_MD *sha256(void)
{
	static EVP_MD *found;

	if (!found)
		found = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (!found)
		mem_exhausted();
	return found;
}

/* There is one hash at a time, and always in the same context: a new one is two blocks, and OpenSSL wipes both. */
static EVP_MD_CTX *hash_begin(void)
{
	static EVP_MD_CTX *hash;

	if (!hash)
		hash = EVP_MD_CTX_new();
	if (!hash || EVP_DigestInit_ex(hash, sha256(), NULL) != 1)
		mem_exhausted();
	return hash;
}

static void hash_add(EVP_MD_CTX *hash, const void *data, size_t length)
{
	if (EVP_DigestUpdate(hash, data, length) != 1)
		mem_exhausted();
}

static void hash_line(EVP_MD_CTX *hash, const char *text)
{
	hash_add(hash, text, strlen(text));
	hash_add(hash, "\n", 1);
}

static void hash_take(EVP_MD_CTX *hash, unsigned char digest[static HASH_BYTES])
{
	if (EVP_DigestFinal_ex(hash, digest, NULL) != 1)
		mem_exhausted();
}

static void hash_end(EVP_MD_CTX *hash, char text[static SIGV4_HASH_SIZE])
{
	unsigned char digest[HASH_BYTES];

	hash_take(hash, digest);
	hex_encode(digest, sizeof(digest), text);
}

void sigv4_hash(const void *data, size_t length, char text[static SIGV4_HASH_SIZE])
{
	EVP_MD_CTX *hash = hash_begin();

	hash_add(hash, data, length);
	hash_end(hash, text);
}

char *sigv4_date(usec_t time, char text[static SIGV4_DATE_SIZE])
{
	time_t seconds = (time_t)(time / USEC_PER_SEC);
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || !strftime(text, SIGV4_DATE_SIZE, "%Y%m%dT%H%M%SZ", &tm))
		text[0] = '\0';
	return text;
}

/* By name; headers of one name keep their order. */
static size_t headers_sort(struct sigv4_header headers[static SIGV4_HEADERS_MAX])
{
	size_t count = 0;

	while (count < SIGV4_HEADERS_MAX && headers[count].name) {
		struct sigv4_header header = headers[count];
		size_t place = count++;

		for (; place && strcmp(headers[place - 1].name, header.name) > 0; place--)
			headers[place] = headers[place - 1];
		headers[place] = header;
	}
	return count;
}

/* The value without blanks around it, runs of blanks inside as one space. */
static void hash_value(EVP_MD_CTX *hash, const char *value)
{
	value += strspn(value, BLANKS);
	while (*value) {
		size_t word = strcspn(value, BLANKS);
		size_t blank = strspn(value + word, BLANKS);

		hash_add(hash, value, word);
		if (blank && value[word + blank])
			hash_add(hash, " ", 1);
		value += word + blank;
	}
}

/* A line for each name, the values of one name parted by commas. */
static void hash_headers(EVP_MD_CTX *hash, const struct sigv4_header *headers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		hash_add(hash, headers[i].name, strlen(headers[i].name));
		hash_add(hash, ":", 1);
		hash_value(hash, headers[i].value);
		for (; i + 1 < count && strcmp(headers[i].name, headers[i + 1].name) == 0; i++) {
			hash_add(hash, ",", 1);
			hash_value(hash, headers[i + 1].value);
		}
		hash_add(hash, "\n", 1);
	}
}

/* Step 1 of the process: the canonical request, of which only the hash is needed. */
static void hash_request(const struct sigv4_request *request, const struct sigv4_header *headers,
	size_t count, const char *names, char text[static SIGV4_HASH_SIZE])
{
	_cleanup_(freep) char *path = canonical_path(request->path);
	_cleanup_(freep) char *query = canonical_query(request->query);
	EVP_MD_CTX *hash = hash_begin();

	hash_line(hash, request->method);
	hash_line(hash, path);
	hash_line(hash, query);
	hash_headers(hash, headers, count);
	hash_add(hash, "\n", 1);
	hash_line(hash, names);
	hash_add(hash, request->payload_hash, strlen(request->payload_hash));
	hash_end(hash, text);
}

/* One of the two passes of an HMAC. */
static void hmac_pass(const unsigned char key[static BLOCK_BYTES], unsigned char pad,
	const void *data, size_t length, unsigned char digest[static HASH_BYTES])
{
	unsigned char block[BLOCK_BYTES];
	EVP_MD_CTX *hash = hash_begin();

	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = key[i] ^ pad;
	hash_add(hash, block, sizeof(block));
	hash_add(hash, data, length);
	hash_take(hash, digest);
	OPENSSL_cleanse(block, sizeof(block));
}

/* RFC 2104, by hand: OpenSSL's HMAC() costs four times as much, most of it to look up its parts. */
static void hmac(const void *key, size_t key_length, const char *data, unsigned char out[static HASH_BYTES])
{
	unsigned char block[BLOCK_BYTES] = { 0 }, inner[HASH_BYTES];

	if (key_length > sizeof(block)) {
		EVP_MD_CTX *hash = hash_begin();

		hash_add(hash, key, key_length);
		hash_take(hash, block);
	} else {
		memcpy(block, key, key_length);
	}
	hmac_pass(block, 0x36, data, strlen(data), inner);
	hmac_pass(block, 0x5c, inner, sizeof(inner), out);
	OPENSSL_cleanse(block, sizeof(block));
	OPENSSL_cleanse(inner, sizeof(inner));
}

/* ${key} becomes HMAC(key, data). */
static void key_derive(unsigned char key[static HASH_BYTES], const char *data)
{
	hmac(key, HASH_BYTES, data, key);
}

/* Step 3: the signing key, from the secret key and the scope. */
static void key_make(
	const struct sigv4_request *request, const char *day, unsigned char key[static HASH_BYTES])
{
	char secret[4 + SIGV4_SECRET_BYTES] = "AWS4";
	size_t length = secret_length(request->secret_key);

	assert(length <= SIGV4_SECRET_BYTES);
	memcpy(secret + 4, secret_borrow(request->secret_key), length);
	hmac(secret, 4 + length, day, key);
	OPENSSL_cleanse(secret, sizeof(secret));
	key_derive(key, request->region);
	key_derive(key, request->service);
	key_derive(key, "aws4_request");
}

static const struct secret *cache_find(const struct sigv4_cache *cache, const char *scope)
{
	for (size_t i = 0; cache && i < ARRAY_SIZE(cache->entries); i++)
		if (cache->entries[i].scope && strcmp(cache->entries[i].scope, scope) == 0)
			return cache->entries[i].key;
	return NULL;
}

static void cache_drop(struct sigv4_cache *cache, unsigned i)
{
	free(take(cache->entries[i].scope));
	cache->entries[i].key = secret_free(cache->entries[i].key);
}

static void cache_keep(struct sigv4_cache *cache, const char *scope, const unsigned char *key)
{
	struct secret *secret;

	/* With the secure heap full it is made again next time. */
	if (!cache || secret_from(key, HASH_BYTES, &secret, NULL) < 0)
		return;
	cache_drop(cache, cache->next);
	cache->entries[cache->next].scope = mem_strdup(scope);
	cache->entries[cache->next].key = secret;
	cache->next = (cache->next + 1) % ARRAY_SIZE(cache->entries);
}

void sigv4_cache_done(struct sigv4_cache *cache)
{
	for (unsigned i = 0; i < ARRAY_SIZE(cache->entries); i++)
		cache_drop(cache, i);
}

static void key_get(const struct sigv4_request *request, const char *day, const char *scope,
	unsigned char key[static HASH_BYTES])
{
	const struct secret *kept = cache_find(request->cache, scope);

	if (kept) {
		memcpy(key, secret_borrow(kept), HASH_BYTES);
		return;
	}
	key_make(request, day, key);
	cache_keep(request->cache, scope, key);
}

char *sigv4_authorization(const struct sigv4_request *request)
{
	struct sigv4_header headers[SIGV4_HEADERS_MAX];
	_cleanup_(buf_done) struct buf names = BUF_NULL;
	_cleanup_(freep) char *scope = NULL, *to_sign = NULL;
	char hash[SIGV4_HASH_SIZE], signature[SIGV4_HASH_SIZE];
	char date[SIGV4_DATE_SIZE], day[9];
	unsigned char key[HASH_BYTES];
	size_t count;

	memcpy(headers, request->headers, sizeof(headers));
	count = headers_sort(headers);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || strcmp(headers[i].name, headers[i - 1].name) != 0) {
			buf_append_string(&names, i ? ";" : "");
			buf_append_string(&names, headers[i].name);
		}
	hash_request(request, headers, count, names.data, hash);

	memcpy(day, sigv4_date(request->time, date), 8);
	day[8] = '\0';
	scope = mem_join(day, "/", request->region, "/", request->service, "/aws4_request", NULL);
	to_sign = mem_join(ALGORITHM "\n", date, "\n", scope, "\n", hash, NULL);

	key_get(request, day, scope, key);
	key_derive(key, to_sign);
	hex_encode(key, sizeof(key), signature);
	OPENSSL_cleanse(key, sizeof(key));
	return mem_join(ALGORITHM " Credential=", request->access_key_id, "/", scope, ", SignedHeaders=", names.data,
		", Signature=", signature, NULL);
}
