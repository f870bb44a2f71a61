/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/aws/headers.h"

#include <stdlib.h>
#include <string.h>

#include "lib/aws/endpoint.h"
#include "lib/aws/provider.h"
#include "lib/aws/sigv4.h"
#include "lib/pki/secret.h"

static int add_token(struct headers *headers, const struct secret *token, struct error *err)
{
	static const char name[] = "X-Amz-Security-Token: ";
	int r;

	if (!token)
		return 0;
	r = secret_new(sizeof(name) + secret_length(token), &headers->token, err);
	if (r < 0)
		return r;
	(void)secret_append_string(headers->token, name);
	(void)secret_append(headers->token, secret_borrow(token), secret_length(token));
	headers->list[headers->count++] = (char *)secret_borrow(headers->token);
	return 0;
}

static char *sign(const struct headers_request *request, const char *target, const char *date)
{
	const struct secret *token = request->credentials->token;
	struct sigv4_request signing = {
		.access_key_id = request->credentials->key_id,
		.secret_key = request->credentials->secret_key,
		.region = request->region,
		.service = request->service->signing_name,
		.time = request->time,
		.method = "POST",
		.path = request->endpoint->path,
		.query = "",
		.headers = {
			{ "content-type", request->service->content_type },
			{ "host", request->endpoint->host },
			{ "x-amz-date", date },
		},
		.payload_hash = request->body_hash,
		.cache = &request->credentials->signing,
	};
	struct sigv4_header *next = signing.headers + 3;

	if (token)
		*next++ = (struct sigv4_header){ "x-amz-security-token", secret_borrow(token) };
	if (target)
		*next = (struct sigv4_header){ "x-amz-target", target };
	return sigv4_authorization(&signing);
}

int headers_make(const struct headers_request *request, struct headers *headers, struct error *err)
{
	const char *prefix = request->service->target;
	_cleanup_(freep) char *target = prefix ? mem_join(prefix, request->operation, NULL) : NULL;
	_cleanup_(freep) char *signature = NULL;
	char date[SIGV4_DATE_SIZE];
	char **list = headers->list;

	if (request->credentials->secret_key)
		signature = sign(request, target, sigv4_date(request->time, date));
	list[headers->count++] = mem_join("Host: ", request->endpoint->host, NULL);
	list[headers->count++] = mem_join("Content-Type: ", request->service->content_type, NULL);
	if (target)
		list[headers->count++] = mem_join("X-Amz-Target: ", target, NULL);
	if (signature) {
		list[headers->count++] = mem_join("X-Amz-Date: ", date, NULL);
		list[headers->count++] = mem_join("Authorization: ", signature, NULL);
	}
	list[headers->count++] = mem_strdup("User-Agent: certferry/" CERTFERRY_VERSION);
	return add_token(headers, request->credentials->token, err);
}

void headers_done(struct headers *headers)
{
	for (size_t i = 0; i < headers->count; i++)
		if (!headers->token || headers->list[i] != secret_borrow(headers->token))
			free(headers->list[i]);
	secret_free(headers->token);
	*headers = (struct headers){ 0 };
}
