/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config/format.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/config/text.h"
#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/base/strv.h"

#define REGION    "[a-z]{2,}(-[a-z]+)+-[0-9]+"
#define LABEL     "[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?"
#define HOST      LABEL "(\\." LABEL ")*"
#define DNS_MOST  253
#define LOCAL     "[A-Za-z0-9.!#$%&'*+/=?^_`|~-]+"
#define ANY_BRACE "\\{(account|region|certificate|domain)\\}"

static const struct {
	const char *name;
	enum placeholder bit;
} placeholder_names[] = {
	{ "{account}", PLACEHOLDER_ACCOUNT },
	{ "{region}", PLACEHOLDER_REGION },
	{ "{certificate}", PLACEHOLDER_CERTIFICATE },
	{ "{domain}", PLACEHOLDER_DOMAIN },
};

static const char *check_labels(const char *text)
{
	size_t label = 0;

	for (; *text; text++) {
		label = *text == '.' ? 0 : label + 1;
		if (label > 63)
			return "has a label of more than 63 characters, the limit of DNS; write a shorter name";
	}
	return NULL;
}

static bool is_address(int family, const char *text)
{
	unsigned char bytes[sizeof(struct in6_addr)];

	return inet_pton(family, text, bytes) == 1;
}

/* No top-level domain is of digits alone: what ends with such a label is meant as an address. */
static const char *check_dns_name(const char *text)
{
	const char *dot = strrchr(text, '.'), *last = dot ? dot + 1 : text;

	if (!last[strspn(last, "0123456789")] && !is_address(AF_INET, text))
		return "is neither a DNS name nor an IPv4 address; write for example "
		       "pay.example.com or 10.0.0.1";
	if (strlen(text) > DNS_MOST)
		return "has more than 253 characters, the limit of DNS; write a shorter name";
	return check_labels(text);
}

static const char *check_uri(const char *text)
{
	const char *rest = strchr(text, ':') + 1;

	if (!text[strspn(text, "0123456789ABCDEFabcdef:.")])
		return "is not an IPv6 address; write for example 2001:db8::1";
	if (!rest[strspn(rest, "0123456789")])
		return "has a port, which no certificate names; write the name alone";
	if (strncmp(rest, "//", 2) == 0 && strcspn(rest + 2, "/?#") == 0)
		return "names no host; write for example spiffe://example.com/pay";
	return NULL;
}

/* As name_kind() of lib/pki/name.h tells them apart. */
static const char *check_subject(const char *text)
{
	const char *mark = text + strcspn(text, ":@");

	if (is_address(AF_INET6, text))
		return NULL;
	if (*mark == ':')
		return check_uri(text);
	return check_dns_name(*mark ? mark + 1 : text);
}

/* RFC 6066 section 3: a server's name in TLS is never an address. */
static const char *check_host(const char *text)
{
	if (!text[strspn(text, "0123456789.")])
		return "is an address, and TLS sends no address as a server's name; write the name "
		       "that clients ask for, or none";
	return check_labels(text);
}

static const char *check_port(const char *text)
{
	const char *port = strrchr(text, ':') + 1;
	char address[64];
	unsigned char bytes[sizeof(struct in6_addr)];
	unsigned long number = strtoul(port, NULL, 10);
	size_t length = (size_t)(port - text);

	if (number < 1 || number > 65535)
		return "has a port out of range; write one from 1 to 65535";
	if (text[0] != '[')
		return NULL;
	length -= strlen("[]:");
	if (length >= sizeof(address))
		return "has no IPv6 address between the brackets; write for example [::1]:443";
	memcpy(address, text + 1, length);
	address[length] = '\0';
	return inet_pton(AF_INET6, address, bytes) == 1
		       ? NULL
		       : "has no IPv6 address between the brackets; write for example [::1]:443";
}

static const char *check_unit(const char *text)
{
	static const char *const suffixes[] = { ".service", ".socket", ".target", ".path", ".timer",
		".mount", ".automount", ".swap" };
	const char *dot = strrchr(text, '.');
	const char *at = strchr(text, '@');
	bool known = false;

	for (size_t i = 0; dot && i < ARRAY_SIZE(suffixes); i++)
		known |= strcmp(dot, suffixes[i]) == 0;
	if (!known)
		return "does not end like the name of a unit; write for example nginx.service";
	if (dot == text || at == text)
		return "has no name before its suffix; write for example nginx.service";
	if (at && at + 1 == dot)
		return "is a template; name an instance of it, for example worker@1.service";
	if (strcmp(text, "certferryd.service") == 0)
		return "is this daemon itself; it needs no restart to use a new certificate";
	return NULL;
}

static const char *check_path(const char *text)
{
	for (const char *part = text; part; part = strchr(part, '/')) {
		size_t length;

		part += strspn(part, "/");
		length = strcspn(part, "/");
		if ((length == 1 && part[0] == '.') || (length == 2 && memcmp(part, "..", 2) == 0))
			return "contains '.' or '..'; write the path without them";
		if (length > 255)
			return "has a part of more than 255 bytes, the limit of file systems; write a shorter one";
	}
	return text[strspn(text, "/")] ? NULL : "is the root directory; name a directory below it";
}

static const char *check_tag_key(const char *text)
{
	if (strncasecmp(text, "aws:", 4) == 0)
		return "begins with 'aws:', which AWS reserves; choose another key";
	return NULL;
}

static const char *check_role_arn(const char *text)
{
	return text[strlen(text) - 1] == '/' ? "ends with '/'; the role's name is missing" : NULL;
}

/* clang-format off */
/* All lengths are those that AWS (or Linux) gives. */
static const struct format_description descriptions[FORMAT_COUNT_] = {
	[FORMAT_ANY] = { "a text",
		"write printable characters", NULL, .min = 1, .max = 1024 },
	[FORMAT_NAME] = { "a name",
		"write 1 to 64 characters of A-Z a-z 0-9 _ . -, the first not a '.'",
		"^[A-Za-z0-9_-][A-Za-z0-9_.-]*$", .min = 1, .max = 64 },
	[FORMAT_ACCOUNT] = { "an AWS account id",
		"write its 12 digits, in quotes", "^[0-9]{12}$", .min = 1, .max = 64 },
	[FORMAT_REGION] = { "an AWS region",
		"write it like eu-west-1", "^" REGION "$", .min = 1, .max = 64 },
	[FORMAT_PROFILE] = { "a profile's name",
		"write the name as in the AWS configuration file",
		"^[A-Za-z0-9_.+=,@:/ -]+$", .min = 1, .max = 128 },
	[FORMAT_ROLE_ARN] = { "the ARN of an IAM role",
		"write it like arn:aws:iam::111111111111:role/NAME",
		"^arn:aws[a-z-]*:iam::([0-9]{12}|\\{account\\}):role/"
		"([A-Za-z0-9_+=,.@/-]|\\{(account|region)\\})+$",
		.min = 20, .max = 2048, .check = check_role_arn },
	[FORMAT_EXTERNAL_ID] = { "an external id",
		"write 2 to 1224 characters of A-Z a-z 0-9 _ + = , . @ : / -",
		"^[A-Za-z0-9_+=,.@:/-]+$", .min = 2, .max = 1224, .quiet = true },
	[FORMAT_EXTERNAL_IDS] = { "an external id",
		"write 2 to 1224 characters of A-Z a-z 0-9 _ + = , . @ : / - and the placeholder {account}",
		"^([A-Za-z0-9_+=,.@:/-]|\\{account\\})+$", .min = 2, .max = 1224, .quiet = true },
	[FORMAT_SESSION_NAME] = { "a session's name",
		"write 2 to 64 characters of A-Z a-z 0-9 _ + = , . @ -", "^[A-Za-z0-9_+=,.@-]+$",
		.min = 2, .max = 64 },
	/* Kept as KEY=VALUE, so the key may not hold what AWS would allow there. */
	[FORMAT_TAG_KEY] = { "the key of a tag",
		"write 1 to 128 letters, digits, spaces and _ . : / + - @, but no '='",
		"^[^\"'`<>=(){}!#$%&*;,?^|~\\\\]+$", .min = 1, .max = 128, .check = check_tag_key },
	[FORMAT_TAG_VALUE] = { "the value of a tag",
		"write at most 256 letters, digits, spaces and _ . : / = + - @",
		"^[^\"'`<>(){}!#$%&*;,?^|~\\\\]*$", .min = 0, .max = 256 },
	[FORMAT_URL] = { "the URL of an endpoint",
		"write it like https://acm.{region}.example.com, without user, query or fragment",
		"^https?://([A-Za-z0-9_.-]|\\{region\\})+(:[0-9]{1,5})?"
		"(/([A-Za-z0-9_./-]|\\{region\\})*)?$",
		.min = 8, .max = 1024, .quiet = true },
	/* No FIFO queue: one message that is not understood would hold up all behind it. */
	[FORMAT_QUEUE_URL] = { "the URL of a standard queue of SQS",
		"write it like https://sqs.eu-west-1.amazonaws.com/111111111111/certferry",
		"^https?://[A-Za-z0-9_.-]+(:[0-9]{1,5})?/[0-9]{12}/[A-Za-z0-9_-]{1,80}$",
		.min = 20, .max = 1024 },
	[FORMAT_PATH] = { "an absolute path",
		"write it from the root, like /etc/ssl/ca.pem", "^/", .min = 1, .max = 4000,
		.check = check_path },
	[FORMAT_CERTIFICATE_ARN] = { "the ARN of an ACM certificate",
		"write it like arn:aws:acm:eu-west-1:111111111111:certificate/ID",
		"^arn:aws[a-z-]*:acm:" REGION ":[0-9]{12}:certificate/[A-Za-z0-9-]+$",
		.min = 20, .max = 2048 },
	[FORMAT_IMPORT_ARN] = { "the ARN of an ACM certificate",
		"write it like arn:aws:acm:eu-west-1:111111111111:certificate/ID",
		"^arn:aws[a-z-]*:acm:(" REGION "|\\{region\\}):([0-9]{12}|\\{account\\}):"
		"certificate/([A-Za-z0-9-]|" ANY_BRACE ")+$",
		.min = 20, .max = 2048 },
	[FORMAT_DOMAIN] = { "a DNS name",
		"write it like pay.example.com or \"*.example.com\", other scripts as xn--...",
		"^(\\*\\.)?" HOST "$", .min = 1, .max = DNS_MOST, .check = check_labels,
		.lower = true },
	[FORMAT_SUBJECT] = { "a name that a certificate can have",
		"write a DNS name like pay.example.com or \"*.example.com\" (other scripts as "
		"xn--...), an IP address, a URI or an e-mail address",
		"^((\\*\\.)?" HOST "|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*|"
		"[A-Za-z][A-Za-z0-9+-]*:[!-~]+|" LOCAL "@" HOST ")$",
		.min = 1, .max = 2048, .check = check_subject },
	[FORMAT_DELIVERY] = { "the name of a delivery",
		"write CERTIFICATE/DESTINATION, "
		"with /ACCOUNT/REGION behind it where there are several",
		"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+$", .min = 3, .max = 512 },
	[FORMAT_OBJECT] = { "the name of an object",
		"write characters of A-Z a-z 0-9 / _ + = . @ - and the placeholders "
		"{account}, {region}, {certificate}, {domain}",
		"^([A-Za-z0-9/_+=.@-]|" ANY_BRACE ")+$", .min = 1, .max = 512 },
	[FORMAT_KMS_KEY] = { "a KMS key",
		"write an alias (alias/NAME), a key id or the ARN of either",
		"^([A-Za-z0-9:/_.-]|" ANY_BRACE ")+$", .min = 1, .max = 2048 },
	[FORMAT_FIELD] = { "the name of a field",
		"write characters of A-Z a-z 0-9 _ . / -",
		"^[A-Za-z0-9_./-]+$", .min = 1, .max = 256 },
	[FORMAT_GROUP] = { "the name of a group",
		"write it as in /etc/group",
		"^[A-Za-z_][A-Za-z0-9_.-]*$", .min = 1, .max = 32 },
	[FORMAT_UNIT] = { "the name of a systemd unit",
		"write it like nginx.service, without a path",
		"^[A-Za-z0-9:_.\\\\@-]+$", .min = 1, .max = 255, .check = check_unit },
	[FORMAT_HOST] = { "a host's name",
		"write it like pay.example.com, without a port",
		"^" HOST "$", .min = 1, .max = 253, .check = check_host, .lower = true },
	[FORMAT_HOST_PORT] = { "HOST:PORT",
		"write it like pay.example.com:443 or [::1]:443",
		"^(" HOST "|\\[[0-9A-Fa-f:.]+\\]):[0-9]{1,5}$",
		.min = 3, .max = 260, .check = check_port },
	[FORMAT_VAULT_ADDRESS] = { "the address of a Vault",
		"write it like https://vault.example.com:8200, without a path",
		"^https?://(" HOST "|\\[[0-9A-Fa-f:.]+\\])(:[0-9]{1,5})?/?$", .min = 8, .max = 512 },
	[FORMAT_VAULT_PATH] = { "the path of a mount or namespace of Vault",
		"write it like kv/payments, without slashes around it",
		"^[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$", .min = 1, .max = 256 },
	[FORMAT_CREDENTIAL] = { "a file or a credential",
		"write an absolute path, or the name of a credential of the unit (LoadCredential=)",
		"^(/.+|[A-Za-z0-9_-][A-Za-z0-9_.-]*)$", .min = 1, .max = 4000 },
};

/* clang-format on */

const struct format_description *format_describe(enum format format)
{
	return &descriptions[format];
}

static bool matches(struct format_cache *cache, enum format format, const char *text)
{
	const char *pattern = descriptions[format].pattern;

	if (!pattern)
		return true;
	if (!cache->ready[format]) {
		if (regcomp(&cache->compiled[format], pattern, REG_EXTENDED | REG_NOSUB) != 0)
			mem_exhausted(); /* the patterns are constants: nothing else can go wrong */
		cache->ready[format] = true;
	}
	return regexec(&cache->compiled[format], text, 0, NULL, 0) == 0;
}

void format_cache_done(struct format_cache *cache)
{
	for (size_t i = 0; i < FORMAT_COUNT_; i++)
		if (cache->ready[i])
			regfree(&cache->compiled[i]);
}

unsigned format_placeholders(const char *text)
{
	unsigned found = 0;

	for (size_t i = 0; i < ARRAY_SIZE(placeholder_names); i++)
		if (strstr(text, placeholder_names[i].name))
			found |= placeholder_names[i].bit;
	return found;
}

static char *placeholder_list(unsigned allowed)
{
	_cleanup_(strv_freep) char **names = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(placeholder_names); i++)
		if (allowed & placeholder_names[i].bit)
			strv_append(&names, placeholder_names[i].name);
	return strv_join(names, ", ");
}

static char *check_placeholder(unsigned allowed, const char *open, size_t length)
{
	_cleanup_(freep) char *name = mem_strndup(open, length);
	_cleanup_(freep) char *shown = text_quote(name);
	_cleanup_(freep) char *list = placeholder_list(allowed);

	for (size_t i = 0; i < ARRAY_SIZE(placeholder_names); i++) {
		if (strcmp(name, placeholder_names[i].name) != 0)
			continue;
		if (allowed & placeholder_names[i].bit)
			return NULL;
		return mem_printf("unexpected %s; expected %s", shown, list);
	}
	return mem_printf("unknown placeholder %s; expected %s", shown, list);
}

static char *check_placeholders(unsigned allowed, const char *text)
{
	while ((text = strpbrk(text, "{}"))) {
		size_t length = strcspn(text, "}");
		char *wrong;

		if (*text == '}' || !text[length])
			return mem_strdup(
				"has an unmatched brace; write placeholders like {account}");
		wrong = check_placeholder(allowed, text, length + 1);
		if (wrong)
			return wrong;
		text += length + 1;
	}
	return NULL;
}

static bool is_printable(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

char *format_check(
	struct format_cache *cache, enum format format, unsigned placeholders, const char *text)
{
	const struct format_description *description = &descriptions[format];
	_cleanup_(freep) char *shown = description->quiet ? mem_strdup("this value")
							  : text_quote(text);
	size_t length = strlen(text);
	const char *wrong = NULL;
	char *brace = NULL;

	if (length > description->max)
		return mem_printf("%zu characters are too many for %s; the maximum is %u", length,
			description->what, description->max);
	if (placeholders)
		brace = check_placeholders(placeholders, text);
	if (brace)
		return brace;
	if (length < description->min || !is_printable(text) || !matches(cache, format, text))
		return mem_printf("%s is not %s; %s", shown, description->what, description->right);
	if (description->check)
		wrong = description->check(text);
	return wrong ? mem_printf("%s %s", shown, wrong) : NULL;
}

/* "//" and a slash at the end mean nothing in a path; paths are compared as texts later. */
static char *normal_path(const char *text)
{
	struct buf path = BUF_NULL;

	for (; *text; text++)
		if (*text != '/' || (text[1] != '/' && text[1]))
			buf_append_char(&path, *text);
	return buf_take(&path);
}

char *format_normal(enum format format, const char *text)
{
	char *copy;

	if (format == FORMAT_PATH)
		return normal_path(text);
	copy = mem_strdup(text);
	if (descriptions[format].lower || (format == FORMAT_SUBJECT && !strpbrk(text, ":@")))
		for (char *c = copy; *c; c++)
			*c = (char)tolower((unsigned char)*c);
	return copy;
}

char *format_duration(const char *text, usec_t *ret)
{
	_cleanup_(freep) char *shown = text_quote(text);
	size_t digits = strspn(text, "0123456789");
	usec_t number = 0, unit;

	if (digits == 0 || digits > 9)
		return mem_printf(
			"%s is not a duration; write an integer with s, m, h or d, like 90s or 6h",
			shown);
	for (size_t i = 0; i < digits; i++)
		number = number * 10 + (usec_t)(text[i] - '0');
	if (!text[digits])
		return mem_printf("%s has no unit; write %llus, %llum or %lluh", shown,
			(unsigned long long)number, (unsigned long long)number,
			(unsigned long long)number);
	unit = text[digits] == 's'   ? USEC_PER_SEC
	       : text[digits] == 'm' ? USEC_PER_MINUTE
	       : text[digits] == 'h' ? USEC_PER_HOUR
	       : text[digits] == 'd' ? USEC_PER_DAY
				     : 0;
	if (!unit || text[digits + 1])
		return mem_printf(
			"%s has an unknown unit; write an integer with one of s, m, h or d", shown);
	*ret = number * unit; /* nine digits of days are far from the end of 64 bits */
	return NULL;
}

char *format_integer(const char *text, unsigned *ret)
{
	_cleanup_(freep) char *shown = text_quote(text);
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 9 || text[digits])
		return mem_printf("%s is not a number; write digits only", shown);
	*ret = (unsigned)strtoul(text, NULL, 10);
	return NULL;
}

char *format_rate(const char *text, uint64_t *ret)
{
	_cleanup_(freep) char *shown = text_quote(text);
	size_t whole = strspn(text, "0123456789");
	size_t decimals = text[whole] == '.' ? strspn(text + whole + 1, "0123456789") : 0;
	uint64_t value;

	if (whole == 0 || whole > 9 || decimals > 3 || text[whole + (decimals ? decimals + 1 : 0)])
		return mem_printf("%s is not a rate; write how often a second, like 1 or 0.5", shown);
	value = strtoull(text, NULL, 10);
	for (size_t i = 0; i < 3; i++)
		value = value * 10 + (i < decimals ? (uint64_t)(text[whole + 1 + i] - '0') : 0);
	*ret = value;
	return NULL;
}

const char *format_partition(const char *region)
{
	static const struct {
		const char *prefix, *partition;
	} partitions[] = {
		{ "cn-", "aws-cn" },
		{ "us-gov-", "aws-us-gov" },
		{ "eusc-", "aws-eusc" },
		{ "us-iso-", "aws-iso" },
		{ "us-isob-", "aws-iso-b" },
		{ "eu-isoe-", "aws-iso-e" },
		{ "us-isof-", "aws-iso-f" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(partitions); i++)
		if (strncmp(region, partitions[i].prefix, strlen(partitions[i].prefix)) == 0)
			return partitions[i].partition;
	return "aws";
}
