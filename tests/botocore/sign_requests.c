/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sign_requests: sign what each line of the input says, in fields between unit separators (0x1f):
 * access key, secret key, region, service, seconds since 1970, method, path, query, body in hexadecimal, then
 * name and value of each header.  The answer, a line too, is the Authorization header.  As long as
 * the secret key is that of the line before, signing keys are kept.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/aws/sigv4.h"
#include "lib/base/encode.h"
#include "lib/base/mem.h"
#include "lib/pki/secret.h"

#define SEPARATOR "\x1f"

static void hash_body(const char *hex, char text[static SIGV4_HASH_SIZE])
{
	size_t length = strlen(hex) / 2;
	_cleanup_(freep) char *body = mem_alloc(length);

	if (hex_decode(hex, body, length) < 0)
		exit(2);
	sigv4_hash(body, length, text);
}

static struct secret *secret;
static struct sigv4_cache cache;

static void use_secret(const char *key)
{
	if (secret && strcmp(secret_borrow(secret), key) == 0)
		return;
	sigv4_cache_done(&cache);
	secret_free(secret);
	if (secret_from(key, strlen(key), &secret, NULL) < 0)
		exit(1);
}

static void answer(char *line)
{
	_cleanup_(freep) char *authorization = NULL;
	char hash[SIGV4_HASH_SIZE];
	struct sigv4_request request = { .access_key_id = strsep(&line, SEPARATOR) };

	use_secret(strsep(&line, SEPARATOR));
	request.secret_key = secret;
	request.cache = &cache;
	request.region = strsep(&line, SEPARATOR);
	request.service = strsep(&line, SEPARATOR);
	request.time = (usec_t)atoll(strsep(&line, SEPARATOR)) * USEC_PER_SEC;
	request.method = strsep(&line, SEPARATOR);
	request.path = strsep(&line, SEPARATOR);
	request.query = strsep(&line, SEPARATOR);
	hash_body(strsep(&line, SEPARATOR), hash);
	request.payload_hash = hash;
	for (size_t i = 0; line && i < SIGV4_HEADERS_MAX; i++) {
		request.headers[i].name = strsep(&line, SEPARATOR);
		request.headers[i].value = strsep(&line, SEPARATOR);
	}
	authorization = sigv4_authorization(&request);
	puts(authorization);
}

int main(void)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t length;
	bool locked;

	if (secret_memory_init(&locked, NULL) < 0)
		return 1;
	while ((length = getline(&line, &room, stdin)) > 0) {
		line[length - 1] = '\0';
		answer(line);
	}
	free(line);
	sigv4_cache_done(&cache);
	secret_free(secret);
	return 0;
}
