/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/aws/sigv4.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/aws/canonical.h"
#include "lib/base/buf.h"
#include "lib/base/encode.h"
#include "lib/base/mem.h"
#include "lib/pki/secret.h"

#define ALGORITHM  "AWS4-HMAC-SHA256"
#define HASH_BYTES 32
#define BLANKS     " \t\r\n" /* a line break only in a header that is folded */

static EVP_MD_CTX *hash_begin(void)
{
	EVP_MD_CTX *hash = EVP_MD_CTX_new();

	if (!hash || EVP_DigestInit_ex(hash, EVP_sha256(), NULL) != 1)
		mem_exhausted();
	return hash;
}

static void hash_add(EVP_MD_CTX *hash, const char *data, size_t length)
{
	if (EVP_DigestUpdate(hash, data, length) != 1)
		mem_exhausted();
}

static void hash_line(EVP_MD_CTX *hash, const char *text)
{
	hash_add(hash, text, strlen(text));
	hash_add(hash, "\n", 1);
}

static void hash_end(EVP_MD_CTX *hash, char text[static SIGV4_HASH_SIZE])
{
	unsigned char digest[HASH_BYTES];

	if (EVP_DigestFinal_ex(hash, digest, NULL) != 1)
		mem_exhausted();
	hex_encode(digest, sizeof(digest), text);
	EVP_MD_CTX_free(hash);
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

/* ${key} becomes HMAC(key, data). */
static void key_derive(unsigned char key[static HASH_BYTES], const char *data)
{
	unsigned char derived[HASH_BYTES];

	if (!HMAC(EVP_sha256(), key, HASH_BYTES, (const unsigned char *)data, strlen(data), derived,
		    NULL))
		mem_exhausted();
	memcpy(key, derived, HASH_BYTES);
	OPENSSL_cleanse(derived, sizeof(derived));
}

/* Step 3: the signing key, from the secret key and the scope. */
static void key_make(
	const struct sigv4_request *request, const char *day, unsigned char key[static HASH_BYTES])
{
	char secret[4 + SIGV4_SECRET_BYTES] = "AWS4";
	size_t length = secret_length(request->secret_key);

	assert(length <= SIGV4_SECRET_BYTES);
	memcpy(secret + 4, secret_borrow(request->secret_key), length);
	if (!HMAC(EVP_sha256(), secret, (int)(4 + length), (const unsigned char *)day, strlen(day),
		    key, NULL))
		mem_exhausted();
	OPENSSL_cleanse(secret, sizeof(secret));
	key_derive(key, request->region);
	key_derive(key, request->service);
	key_derive(key, "aws4_request");
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
		if (i == 0 || strcmp(headers[i].name, headers[i - 1].name) != 0)
			buf_printf(&names, "%s%s", i ? ";" : "", headers[i].name);
	hash_request(request, headers, count, names.data, hash);

	memcpy(day, sigv4_date(request->time, date), 8);
	day[8] = '\0';
	scope = mem_printf("%s/%s/%s/aws4_request", day, request->region, request->service);
	to_sign = mem_printf(ALGORITHM "\n%s\n%s\n%s", date, scope, hash);

	key_make(request, day, key);
	key_derive(key, to_sign);
	hex_encode(key, sizeof(key), signature);
	OPENSSL_cleanse(key, sizeof(key));
	return mem_printf(ALGORITHM " Credential=%s/%s, SignedHeaders=%s, Signature=%s",
		request->access_key_id, scope, names.data, signature);
}
