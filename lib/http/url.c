/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/url.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/mem.h"

static bool is_local_four(const struct in_addr *address)
{
	in_addr_t number = ntohl(address->s_addr);

	return number >> 24 == 127 || number >> 16 == (169 << 8 | 254);
}

static bool is_local_six(const struct in6_addr *address)
{
	/* fd00:ec2:: is where the credential services of EC2 and EKS live. */
	return IN6_IS_ADDR_LOOPBACK(address) || IN6_IS_ADDR_LINKLOCAL(address) ||
	       memcmp(address, "\xfd\x00\x0e\xc2", 4) == 0;
}

static bool is_local(const char *host)
{
	_cleanup_(freep) char *inner = NULL;
	size_t length = strlen(host);
	struct in6_addr six;
	struct in_addr four;

	if (strcasecmp(host, "localhost") == 0 ||
		(length > 10 && strcasecmp(host + length - 10, ".localhost") == 0))
		return true;
	if (inet_pton(AF_INET, host, &four) == 1)
		return is_local_four(&four);
	if (host[0] != '[' || length < 2)
		return false;
	inner = mem_strndup(host + 1, length - 2);
	return inet_pton(AF_INET6, inner, &six) == 1 && is_local_six(&six);
}

/* One part, owned by the caller; NULL if there is none. */
static char *part(CURLU *parts, CURLUPart which)
{
	char *text = NULL, *copy;

	(void)curl_url_get(parts, which, &text, 0);
	copy = mem_strdup(text);
	curl_free(text);
	return copy;
}

int url_read(const char *text, struct url *url)
{
	_cleanup_(freep) char *scheme = NULL, *host = NULL, *port = NULL;
	CURLU *parts = curl_url();

	if (!parts)
		mem_exhausted();
	*url = (struct url){ 0 };
	if (curl_url_set(parts, CURLUPART_URL, text, 0) == CURLUE_OK) {
		scheme = part(parts, CURLUPART_SCHEME);
		host = part(parts, CURLUPART_HOST);
		port = part(parts, CURLUPART_PORT);
	}
	if (!host || !scheme || (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)) {
		curl_url_cleanup(parts);
		return -EINVAL;
	}
	url->origin = mem_printf("%s://%s%s%s", scheme, host, port ? ":" : "", port ?: "");
	url->local = is_local(host);
	url->parts = parts;
	url->scheme = take(scheme);
	url->host = take(host);
	return 0;
}

void url_done(struct url *url)
{
	free(url->scheme);
	free(url->origin);
	free(url->host);
	curl_url_cleanup(url->parts);
	*url = (struct url){ 0 };
}
