/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/mem.h"
#include "lib/http/url.h"

#define BLANKS " \t"

static const char *variable(const char *lower, const char *upper)
{
	return (getenv(lower) ?: getenv(upper)) ?: "";
}

const char *proxy_variable(const struct url *url)
{
	if (strcmp(url->scheme, "https") == 0)
		return getenv("https_proxy") ? "https_proxy" : "HTTPS_PROXY";
	return getenv("http_proxy") ? "http_proxy" : "HTTP_PROXY";
}

/* Is ${text} that name, or one below it? */
static bool is_below(const char *text, const char *name)
{
	size_t length = strlen(text), name_length = strlen(name);
	const char *end;

	if (name_length > length)
		return false;
	end = text + length - name_length;
	return strcasecmp(end, name) == 0 && (end == text || end[-1] == '.');
}

static bool same_bits(const unsigned char *a, const unsigned char *b, size_t bits)
{
	size_t bytes = bits / 8, rest = bits % 8;

	return memcmp(a, b, bytes) == 0 && (rest == 0 || (a[bytes] ^ b[bytes]) >> (8 - rest) == 0);
}

/* ${network} is "ADDRESS/BITS"; the "/" is overwritten. */
static bool in_network(const char *address, char *network)
{
	unsigned char here[sizeof(struct in6_addr)], there[sizeof(struct in6_addr)];
	char *slash = strchr(network, '/'), *end;
	unsigned long bits;
	int family = strchr(address, ':') ? AF_INET6 : AF_INET;

	if (!slash)
		return false;
	*slash = '\0';
	bits = strtoul(slash + 1, &end, 10);
	return end > slash + 1 && !*end && bits <= (family == AF_INET ? 32 : 128) &&
	       inet_pton(family, address, here) == 1 && inet_pton(family, network, there) == 1 &&
	       same_bits(here, there, bits);
}

/* ${entry} is overwritten. */
static bool entry_matches(char *entry, const struct url *url, const char *address)
{
	size_t length;

	entry += strspn(entry, BLANKS);
	length = strlen(entry);
	while (length && strchr(BLANKS, entry[length - 1]))
		entry[--length] = '\0';
	entry += strspn(entry, ".");
	if (!*entry)
		return false;
	return is_below(url->host, entry) || is_below(strstr(url->origin, "://") + 3, entry) ||
	       strcasecmp(address, entry) == 0 || in_network(address, entry);
}

static bool is_excepted(const struct url *url, const char *exceptions)
{
	_cleanup_(freep) char *copy = mem_strdup(exceptions), *address = mem_strdup(url->host);
	char *rest = copy, *entry, *plain = address;

	if (strcmp(exceptions, "*") == 0)
		return true;
	if (*plain == '[') {
		plain[strlen(plain) - 1] = '\0';
		plain++;
	}
	while ((entry = strsep(&rest, ",")))
		if (entry_matches(entry, url, plain))
			return true;
	return false;
}

const char *proxy_find(const struct url *url)
{
	const char *proxy;

	if (url->local)
		return "";
	proxy = getenv(proxy_variable(url)) ?: "";
	if (!*proxy || is_excepted(url, variable("no_proxy", "NO_PROXY")))
		return "";
	return proxy;
}
