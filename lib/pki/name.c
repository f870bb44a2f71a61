/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/pki/name.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/mem.h"

static const struct {
	int family;
	size_t size;
} families[] = {
	{ AF_INET, sizeof(struct in_addr) },
	{ AF_INET6, sizeof(struct in6_addr) },
};

/* The address that ${text} writes, as inet_ntop() writes it; false: it is none. */
static bool read_address(const char *text, char ret_text[static INET6_ADDRSTRLEN])
{
	unsigned char bytes[sizeof(struct in6_addr)];

	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		if (inet_pton(families[i].family, text, bytes) == 1)
			return inet_ntop(families[i].family, bytes, ret_text, INET6_ADDRSTRLEN);
	return false;
}

enum name_kind name_kind(const char *text)
{
	char address[INET6_ADDRSTRLEN];

	if (read_address(text, address))
		return NAME_ADDRESS;
	/* What comes first decides: a URI may hold '@', and a local part no ':'. */
	text += strcspn(text, ":@");
	return *text == ':' ? NAME_URI : *text == '@' ? NAME_EMAIL : NAME_DNS;
}

static void lower(char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		text[i] = (char)tolower((unsigned char)text[i]);
}

/* SCHEME://[USER@]HOST/...: scheme and host have no case (RFC 3986 section 6.2.2.1). */
static void lower_uri(char *text)
{
	char *host = strchr(text, ':'), *at;

	lower(text, (size_t)(host - text));
	if (strncmp(host, "://", 3) != 0)
		return;
	host += 3;
	at = memchr(host, '@', strcspn(host, "/?#"));
	host = at ? at + 1 : host;
	lower(host, strcspn(host, "/?#"));
}

char *name_normal(const char *text)
{
	char address[INET6_ADDRSTRLEN];
	char *plain = read_address(text, address) ? mem_strdup(address) : mem_strdup(text);
	size_t length = strlen(plain);

	switch (name_kind(plain)) {
	case NAME_DNS:
		if (length > 1 && plain[length - 1] == '.')
			plain[length - 1] = '\0';
		lower(plain, strlen(plain));
		break;
	case NAME_URI:
		lower_uri(plain);
		break;
	case NAME_EMAIL:
		lower(strrchr(plain, '@'), strlen(strrchr(plain, '@')));
		break;
	case NAME_ADDRESS:
		break;
	}
	return plain;
}
