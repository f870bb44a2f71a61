/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A request goes: whose key is it (find_account), which operation (operations[]), is there a token for it
 * (take_token), then the operation's function, which writes its answer to cloud->answer or calls refuse().
 */

#include "tests/bench/cloud.h"

#include <openssl/evp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/encode.h"
#include "lib/base/mem.h"
#include "tests/bench/issuer.h"
#include "tests/bench/span.h"

#define JSON_TYPE "application/x-amz-json-1.1"
#define XML_TYPE  "text/xml"

#define VALIDITY (198 * USEC_PER_DAY)

enum {
	ASSUME_ROLE,
	GET_CALLER_IDENTITY,
	LIST_CERTIFICATES,
	SEARCH_CERTIFICATES,
	DESCRIBE_CERTIFICATE,
	GET_CERTIFICATE,
	EXPORT_CERTIFICATE,
	IMPORT_CERTIFICATE,
	LIST_TAGS,
	GET_RESOURCES,
	OPERATION_COUNT,
};

struct certificate {
	struct leaf *leaf; /* as it is now; older ones behind it */
	bool exported; /* ever */
	bool exported_since; /* since it was issued or renewed: what managed renewal asks for */
};

struct import {
	struct leaf *leaf;
	char *tags; /* as received: a JSON array; NULL: those of cloud_settings.imported */
	usec_t at;
	usec_t created;
};

/* Counted in millionths of a request, so that a microsecond adds exactly the rate. */
struct bucket {
	uint64_t tokens;
	usec_t filled; /* 0: full */
};

struct account {
	unsigned long long number;
	struct import *imports;
	unsigned count, room;
	struct bucket buckets[OPERATION_COUNT];
};

/* A listing that was answered is answered again without being written again, while nothing has changed. */
struct listing {
	const struct account *account;
	unsigned start, size;
	unsigned long changes;
	bool elliptic;
	struct buf text;
};

struct cloud {
	struct issuer *issuer;
	struct certificate *certificates;
	unsigned count;
	usec_t created;
	struct account *accounts; /* the source first */
	unsigned account_count;
	bool quotas, by_domain, no_search;
	unsigned long changes;
	struct listing listing;
	struct cloud_counts counts;
	struct buf answer;
};

/* One request while it is carried out. */
struct call {
	struct cloud *cloud;
	struct account *account;
	struct span body;
	usec_t now;
	struct cloud_answer *answer;
	bool query; /* the protocol of STS */
};

/* --- the certificates --- */

static struct leaf *leaf_new(unsigned index, struct leaf *older, usec_t not_before)
{
	struct leaf *leaf = mem_new(struct leaf);

	*leaf = (struct leaf){
		.older = older,
		.index = index,
		.generation = older ? older->generation + 1 : 0,
		.not_before = not_before - not_before % USEC_PER_SEC,
	};
	leaf->not_after = usec_add(leaf->not_before, VALIDITY);
	return leaf;
}

/* A number that is spread over all others, so that what is listed is in no order. */
static unsigned scatter(unsigned index)
{
	return (index + 1) * 2654435769u;
}

static char *write_arn(unsigned long long account, unsigned index, char arn[static CLOUD_ARN_SIZE])
{
	snprintf(arn, CLOUD_ARN_SIZE, "arn:aws:acm:" CLOUD_REGION ":%012llu:certificate/%08x-%04x-4000-8000-%012x",
		account, scatter(index), scatter(index) >> 7 & 0xffff, index);
	return arn;
}

char *cloud_arn(unsigned index, char arn[static CLOUD_ARN_SIZE])
{
	return write_arn(strtoull(CLOUD_SOURCE, NULL, 10), index, arn);
}

char *cloud_name(unsigned index, char name[static CLOUD_NAME_SIZE])
{
	snprintf(name, CLOUD_NAME_SIZE, "cert-%06u", index);
	return name;
}

static bool is_source(const struct cloud *cloud, const struct account *account)
{
	return account == cloud->accounts;
}

static unsigned account_size(const struct cloud *cloud, const struct account *account)
{
	return is_source(cloud, account) ? cloud->count : account->count;
}

static struct import *import_add(struct account *account)
{
	if (account->count == account->room) {
		account->room = MAX(2 * account->room, 16u);
		account->imports = mem_resize(account->imports, account->room, sizeof(*account->imports));
	}
	return &account->imports[account->count++];
}

static void import_some(struct cloud *cloud, struct account *account, unsigned from, unsigned to)
{
	for (unsigned i = from; i < MIN(to, cloud->count); i++) {
		struct leaf *leaf = cloud->certificates[i].leaf;
		const usec_t at = usec_add(leaf->not_before, 2 * USEC_PER_HOUR);

		*import_add(account) = (struct import){ .leaf = leaf, .at = at, .created = at };
		cloud->certificates[i].exported = cloud->certificates[i].exported_since = true;
	}
}

static void crowd(struct cloud *cloud, struct account *account, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct leaf *leaf = cloud->certificates[i % cloud->count].leaf;
		const usec_t at = usec_add(leaf->not_before, 2 * USEC_PER_HOUR);

		*import_add(account) =
			(struct import){ .leaf = leaf, .tags = mem_strdup("[]"), .at = at, .created = at };
	}
}

struct cloud *cloud_new(const struct cloud_settings *settings, usec_t now)
{
	struct cloud *cloud = mem_new(struct cloud);

	cloud->issuer = issuer_new(now);
	cloud->count = settings->certificates;
	cloud->created = now;
	cloud->quotas = settings->quotas;
	cloud->by_domain = settings->by_domain;
	cloud->no_search = settings->no_search;
	cloud->answer = cloud->listing.text = BUF_NULL;
	cloud->certificates = mem_alloc(cloud->count * sizeof(*cloud->certificates));
	for (unsigned i = 0; i < cloud->count; i++) /* issued over a month, two months ago */
		cloud->certificates[i].leaf = leaf_new(i, NULL,
			usec_sub(now, 60 * USEC_PER_DAY + scatter(i) % 43200 * USEC_PER_MINUTE));
	cloud->account_count = settings->accounts + 1;
	cloud->accounts = mem_alloc(cloud->account_count * sizeof(*cloud->accounts));
	cloud->accounts[0].number = strtoull(CLOUD_SOURCE, NULL, 10);
	for (unsigned i = 1; i < cloud->account_count; i++) {
		cloud->accounts[i].number = CLOUD_ACCOUNT + i - 1;
		if (settings->spread)
			import_some(cloud, &cloud->accounts[i], (i - 1) * ISSUER_GROUP, i * ISSUER_GROUP);
		else if (settings->imported)
			import_some(cloud, &cloud->accounts[i], 0, cloud->count);
		if (i <= settings->crowded)
			crowd(cloud, &cloud->accounts[i], settings->crowd);
	}
	return cloud;
}

static void leaf_free(struct leaf *leaf)
{
	while (leaf) {
		struct leaf *older = leaf->older;

		free(leaf->der);
		free(leaf);
		leaf = older;
	}
}

struct cloud *cloud_free(struct cloud *cloud)
{
	if (!cloud)
		return NULL;
	for (unsigned i = 0; i < cloud->account_count; i++) {
		for (unsigned k = 0; k < cloud->accounts[i].count; k++)
			free(cloud->accounts[i].imports[k].tags);
		free(cloud->accounts[i].imports);
	}
	for (unsigned i = 0; i < cloud->count; i++)
		leaf_free(cloud->certificates[i].leaf);
	free(cloud->accounts);
	free(cloud->certificates);
	buf_done(&cloud->answer);
	buf_done(&cloud->listing.text);
	issuer_free(cloud->issuer);
	free(cloud);
	return NULL;
}

void cloud_renew(struct cloud *cloud, unsigned first, unsigned count, usec_t now)
{
	for (unsigned i = first; i < cloud->count && i - first < count; i++) {
		struct certificate *certificate = &cloud->certificates[i];

		/* Twice within a second would be two issues of one date. */
		certificate->leaf = leaf_new(i, certificate->leaf,
			MAX(usec_sub(now, USEC_PER_HOUR),
				usec_add(certificate->leaf->not_before, USEC_PER_SEC)));
		certificate->exported_since = false;
	}
	cloud->changes++;
}

const char *cloud_ca(const struct cloud *cloud)
{
	return issuer_ca(cloud->issuer);
}

void cloud_count(const struct cloud *cloud, struct cloud_counts *ret_counts)
{
	*ret_counts = cloud->counts;
}

unsigned long cloud_in_sync(const struct cloud *cloud, unsigned first)
{
	_cleanup_(freep) unsigned *seen = mem_alloc(cloud->count * sizeof(*seen));
	unsigned long sum = 0;

	for (unsigned a = 1 + first; a < cloud->account_count; a++)
		for (unsigned i = 0; i < cloud->accounts[a].count; i++) {
			const struct leaf *leaf = cloud->accounts[a].imports[i].leaf;

			/* Imported twice into one account, it is still one pair. */
			if (leaf == cloud->certificates[leaf->index].leaf && seen[leaf->index] != a) {
				seen[leaf->index] = a;
				sum++;
			}
		}
	return sum;
}

/* --- answers --- */

static void refuse(struct call *call, int status, const char *code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* ${format} may not make what JSON or XML would have to escape: it is ours, and ARNs. */
static void refuse(struct call *call, int status, const char *code, const char *format, ...)
{
	_cleanup_(freep) char *message = NULL;
	struct cloud *cloud = call->cloud;
	va_list arguments;

	va_start(arguments, format);
	message = mem_vprintf(format, arguments);
	va_end(arguments);
	buf_clear(&cloud->answer);
	if (call->query)
		buf_printf(&cloud->answer,
			"<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>"
			"<Code>%s</Code><Message>%s</Message></Error><RequestId>%lx</RequestId></ErrorResponse>",
			code, message, cloud->counts.requests);
	else
		buf_printf(&cloud->answer, "{\"__type\":\"%s\",\"message\":\"%s\"}", code, message);
	call->answer->status = status;
	call->answer->error = call->query ? NULL : code;
}

static void invalid(struct call *call, const char *message)
{
	refuse(call, 400, "ValidationException", "%s", message);
}

/* What a request is about: the leaf to show, and the import or the source's certificate that has it. */
struct object {
	unsigned index;
	struct leaf *leaf;
	struct certificate *certificate;
	struct import *import;
};

static struct object object_at(const struct cloud *cloud, const struct account *account, unsigned index)
{
	if (is_source(cloud, account))
		return (struct object){ index, cloud->certificates[index].leaf, &cloud->certificates[index], NULL };
	return (struct object){ index, account->imports[index].leaf, NULL, &account->imports[index] };
}

static bool find_object(struct call *call, struct object *ret_object)
{
	const struct span arn = span_member(call->body, "CertificateArn");
	const unsigned size = account_size(call->cloud, call->account);
	char own[CLOUD_ARN_SIZE], digits[13] = "";
	unsigned index;

	if (!arn.data) {
		invalid(call, "1 validation error detected: Value null at 'certificateArn' failed to satisfy "
			      "constraint: Member must not be null");
		return false;
	}
	if (arn.length < 20 || arn.length >= CLOUD_ARN_SIZE) {
		refuse(call, 400, "InvalidArnException", "The certificate ARN is not valid.");
		return false;
	}
	memcpy(digits, arn.data + arn.length - 12, 12);
	index = (unsigned)strtoul(digits, NULL, 16);
	if (index >= size || !span_is(arn, write_arn(call->account->number, index, own))) {
		refuse(call, 400, "ResourceNotFoundException", "Could not find certificate %.*s in account %012llu.",
			(int)arn.length, arn.data, call->account->number);
		return false;
	}
	*ret_object = object_at(call->cloud, call->account, index);
	return true;
}

/* --- listing --- */

static void append_time(struct buf *text, const char *name, usec_t time)
{
	buf_printf(text, ",\"%s\":%llu.0", name, (unsigned long long)(time / USEC_PER_SEC));
}

static void append_summary(const struct call *call, const struct object *object, struct buf *text)
{
	char arn[CLOUD_ARN_SIZE], name[ISSUER_NAME_LENGTH + 1];
	const struct leaf *leaf = object->leaf;
	const struct import *import = object->import;
	const bool eligible = !import && object->certificate->exported_since;

	issuer_name(leaf->index, name);
	buf_printf(text,
		"{\"CertificateArn\":\"%s\",\"DomainName\":\"%s\",\"SubjectAlternativeNameSummaries\":[\"%s\"],"
		"\"HasAdditionalSubjectAlternativeNames\":false,\"Status\":\"ISSUED\",\"Type\":\"%s\","
		"\"KeyAlgorithm\":\"EC_prime256v1\",\"KeyUsages\":[\"DIGITAL_SIGNATURE\",\"KEY_ENCIPHERMENT\"],"
		"\"ExtendedKeyUsages\":[\"TLS_WEB_SERVER_AUTHENTICATION\",\"TLS_WEB_CLIENT_AUTHENTICATION\"],"
		"\"ExportOption\":\"%s\",\"InUse\":false,\"RenewalEligibility\":\"%s\"",
		write_arn(call->account->number, object->index, arn), name, name, import ? "IMPORTED" : "PRIVATE",
		import ? "DISABLED" : "ENABLED", eligible ? "ELIGIBLE" : "INELIGIBLE");
	if (!import)
		buf_printf(text, ",\"Exported\":%s", object->certificate->exported ? "true" : "false");
	append_time(text, "NotBefore", leaf->not_before);
	append_time(text, "NotAfter", leaf->not_after);
	append_time(text, "CreatedAt", import ? import->created : call->cloud->created);
	if (import)
		append_time(text, "ImportedAt", import->at);
	buf_append_char(text, '}');
}

/* A page's place in its listing, as clients give it back.  False when it was refused. */
static bool read_page(struct call *call, const char *token_member, const char *size_member, unsigned otherwise,
	unsigned most, unsigned *ret_start, unsigned *ret_size)
{
	const struct span token = span_member(call->body, token_member);
	const double size = span_number(span_member(call->body, size_member), otherwise);
	char digits[16] = "";

	if (size < 1 || size > most) {
		invalid(call, "the size of a page is out of range");
		return false;
	}
	*ret_size = (unsigned)size;
	*ret_start = 0;
	if (!token.data || token.length == 0)
		return true;
	if (token.length != strlen("page-00000000") || strncmp(token.data, "page-", 5) != 0) {
		invalid(call, "The provided NextToken is invalid.");
		return false;
	}
	memcpy(digits, token.data + 5, 8);
	*ret_start = (unsigned)strtoul(digits, NULL, 16);
	return true;
}

static void append_token(struct buf *text, const char *name, unsigned next)
{
	buf_printf(text, ",\"%s\":\"page-%08x\"", name, next);
}

static void write_listing(struct call *call, struct listing *listing)
{
	const unsigned count = listing->elliptic ? account_size(call->cloud, call->account) : 0;
	unsigned end = MIN(count, listing->start + listing->size);
	struct buf *text = &listing->text;

	buf_clear(text);
	buf_append_string(text, "{\"CertificateSummaryList\":[");
	for (unsigned i = listing->start; i < end; i++) {
		const struct object object = object_at(call->cloud, call->account, i);

		if (i > listing->start)
			buf_append_char(text, ',');
		append_summary(call, &object, text);
	}
	buf_append_char(text, ']');
	if (end < count)
		append_token(text, "NextToken", end);
	buf_append_char(text, '}');
}

static bool is_listed(const struct call *call, const struct listing *listing, const struct listing *wanted)
{
	return listing->account == call->account && listing->start == wanted->start &&
		listing->size == wanted->size && listing->elliptic == wanted->elliptic &&
		listing->changes == call->cloud->changes;
}

static void list_certificates(struct call *call)
{
	const struct span statuses = span_member(call->body, "CertificateStatuses");
	/* Nothing here is of Amazon's N2 hierarchy, and what is not is left out where that is asked for. */
	static const char nothing_listed[] = "{\"CertificateSummaryList\":[]}";
	struct listing *listing = &call->cloud->listing;
	struct listing wanted = {
		.account = call->account,
		.changes = call->cloud->changes,
		/* Unless it is asked for them, ACM lists no EC certificates. */
		.elliptic = span_has(span_path(call->body, "Includes/keyTypes"), "EC_prime256v1") &&
			(!statuses.data || statuses.length <= 2 || span_has(statuses, "ISSUED")),
	};

	if (!read_page(call, "NextToken", "MaxItems", 1000, 1000, &wanted.start, &wanted.size))
		return;
	if (span_member(call->body, "RootHierarchyTypes").data) {
		call->answer->body = nothing_listed;
		call->answer->length = strlen(nothing_listed);
	} else {
		if (!is_listed(call, listing, &wanted)) {
			wanted.text = listing->text;
			*listing = wanted;
			write_listing(call, listing);
		}
		call->answer->body = listing->text.data;
		call->answer->length = listing->text.length;
	}
	call->cloud->counts.lists++;
	call->cloud->counts.source_listings += is_source(call->cloud, call->account);
}

static void append_serial(struct buf *text, const struct leaf *leaf)
{
	unsigned char serial[ISSUER_SERIAL_LENGTH];

	issuer_serial(leaf->index, leaf->generation, serial);
	for (unsigned i = 0; i < sizeof(serial); i++)
		buf_printf(text, i ? ":%02x" : "%02x", serial[i]);
}

static void append_result(const struct call *call, const struct object *object, struct buf *text)
{
	char arn[CLOUD_ARN_SIZE], name[ISSUER_NAME_LENGTH + 1];
	const struct import *import = object->import;
	const bool exported = !import && object->certificate->exported;
	const bool eligible = !import && object->certificate->exported_since;

	issuer_name(object->leaf->index, name);
	buf_printf(text,
		"{\"CertificateArn\":\"%s\",\"X509Attributes\":{\"Issuer\":{\"CommonName\":\"Example Corp Issuing CA\"},"
		"\"Subject\":{\"CommonName\":\"%s\"},\"SubjectAlternativeNames\":[{\"DnsName\":\"%s\"}],"
		"\"ExtendedKeyUsages\":[\"TLS_WEB_SERVER_AUTHENTICATION\",\"TLS_WEB_CLIENT_AUTHENTICATION\"],"
		"\"KeyAlgorithm\":\"EC_prime256v1\",\"KeyUsages\":[\"DIGITAL_SIGNATURE\",\"KEY_ENCIPHERMENT\"],"
		"\"SerialNumber\":\"",
		write_arn(call->account->number, object->index, arn), name, name);
	append_serial(text, object->leaf);
	buf_append_char(text, '"');
	append_time(text, "NotAfter", object->leaf->not_after);
	append_time(text, "NotBefore", object->leaf->not_before);
	buf_printf(text,
		"},\"CertificateMetadata\":{\"AcmCertificateMetadata\":{\"Exported\":%s,\"InUse\":false,"
		"\"RenewalEligibility\":\"%s\",\"Status\":\"ISSUED\",\"Type\":\"%s\",\"ExportOption\":\"%s\"",
		exported ? "true" : "false", eligible ? "ELIGIBLE" : "INELIGIBLE", import ? "IMPORTED" : "PRIVATE",
		import ? "DISABLED" : "ENABLED");
	append_time(text, "CreatedAt", import ? import->created : call->cloud->created);
	if (import)
		append_time(text, "ImportedAt", import->at);
	buf_append_string(text, "}}}");
}

/* Of all filters it knows the one that asks for what was issued since. */
static void search_certificates(struct call *call)
{
	const struct span filter = span_member(call->body, "FilterStatement");
	const struct span start_time = span_path(filter, "Filter/X509AttributeFilter/NotBefore/Start");
	const unsigned count = account_size(call->cloud, call->account);
	const double since = span_number(start_time, 0);
	struct buf *text = &call->cloud->answer;
	unsigned at, left;

	if (call->cloud->no_search) {
		refuse(call, 400, "AccessDeniedException",
			"User is not authorized to perform: acm:SearchCertificates because no identity-based policy allows "
			"the acm:SearchCertificates action");
		return;
	}
	if (filter.data && !start_time.data) {
		invalid(call, "this ACM searches by NotBefore only");
		return;
	}
	if (!read_page(call, "NextToken", "MaxResults", 100, 500, &at, &left))
		return;
	buf_append_string(text, "{\"Results\":[");
	for (bool follows = false; at < count; at++) {
		const struct object object = object_at(call->cloud, call->account, at);

		if ((double)object.leaf->not_before / (double)USEC_PER_SEC < since)
			continue;
		if (left-- == 0)
			break;
		if (follows)
			buf_append_char(text, ',');
		append_result(call, &object, text);
		follows = true;
	}
	buf_append_char(text, ']');
	if (at < count)
		append_token(text, "NextToken", at);
	buf_append_char(text, '}');
	call->cloud->counts.source_listings += is_source(call->cloud, call->account);
}

/* --- one certificate --- */

static void describe_certificate(struct call *call)
{
	char name[ISSUER_NAME_LENGTH + 1], arn[CLOUD_ARN_SIZE];
	struct buf *text = &call->cloud->answer;
	struct object object;
	bool own;

	if (!find_object(call, &object))
		return;
	own = !object.import;
	issuer_name(object.leaf->index, name);
	buf_printf(text,
		"{\"Certificate\":{\"CertificateArn\":\"%s\",\"DomainName\":\"%s\","
		"\"SubjectAlternativeNames\":[\"%s\"],\"Subject\":\"CN=%s\",\"Issuer\":\"Example Corp Issuing CA\","
		"\"Serial\":\"",
		write_arn(call->account->number, object.index, arn), name, name, name);
	append_serial(text, object.leaf);
	buf_append_string(text, "\",\"Status\":\"ISSUED\"");
	append_time(text, "NotBefore", object.leaf->not_before);
	append_time(text, "NotAfter", object.leaf->not_after);
	append_time(text, "CreatedAt", own ? call->cloud->created : object.import->created);
	if (!own)
		append_time(text, "ImportedAt", object.import->at);
	buf_printf(text,
		",\"KeyAlgorithm\":\"EC_prime256v1\",\"SignatureAlgorithm\":\"SHA256WITHECDSA\",\"InUseBy\":[],"
		"\"Type\":\"%s\",\"KeyUsages\":[{\"Name\":\"DIGITAL_SIGNATURE\"},{\"Name\":\"KEY_ENCIPHERMENT\"}],"
		"\"ExtendedKeyUsages\":[{\"Name\":\"TLS_WEB_SERVER_AUTHENTICATION\",\"OID\":\"1.3.6.1.5.5.7.3.1\"},"
		"{\"Name\":\"TLS_WEB_CLIENT_AUTHENTICATION\",\"OID\":\"1.3.6.1.5.5.7.3.2\"}],%s"
		"\"RenewalEligibility\":\"%s\",\"Options\":{\"CertificateTransparencyLoggingPreference\":"
		"\"DISABLED\",\"Export\":\"%s\"}}}",
		own ? "PRIVATE" : "IMPORTED",
		own ? "\"CertificateAuthorityArn\":\"arn:aws:acm-pca:" CLOUD_REGION ":" CLOUD_SOURCE
		      ":certificate-authority/5d1c3b2a-0000-4000-8000-000000000001\"," : "",
		own && object.certificate->exported_since ? "ELIGIBLE" : "INELIGIBLE", own ? "ENABLED" : "DISABLED");
}

static void append_material(struct call *call, struct leaf *leaf)
{
	struct buf *text = &call->cloud->answer;

	buf_append_string(text, "{\"Certificate\":\"");
	issuer_append_leaf(call->cloud->issuer, leaf, text);
	buf_append_string(text, "\",\"CertificateChain\":\"");
	issuer_append_ca(call->cloud->issuer, text);
}

static void get_certificate(struct call *call)
{
	struct object object;

	if (!find_object(call, &object))
		return;
	append_material(call, object.leaf);
	buf_append_string(&call->cloud->answer, "\"}");
}

/* The bytes that ${blob} stands for, into ${bytes}; their number, or -1. */
static int decode(struct span blob, unsigned char *bytes, size_t room)
{
	int length;

	if (!blob.data || blob.length == 0 || blob.length % 4 != 0 || blob.length / 4 * 3 > room)
		return -1;
	length = EVP_DecodeBlock(bytes, (const unsigned char *)blob.data, (int)blob.length);
	for (size_t end = blob.length; length > 0 && end > blob.length - 2 && blob.data[end - 1] == '='; end--)
		length--;
	return length;
}

static void export_certificate(struct call *call)
{
	struct buf *text = &call->cloud->answer;
	unsigned char passphrase[192];
	struct object object;
	int length;

	if (!find_object(call, &object))
		return;
	length = decode(span_member(call->body, "Passphrase"), passphrase, sizeof(passphrase));
	if (length < 4 || length > 128) {
		invalid(call, "The passphrase must have 4 to 128 characters.");
		return;
	}
	if (!object.certificate) {
		invalid(call, "The certificate is not exportable: it was imported.");
		return;
	}
	append_material(call, object.leaf);
	buf_append_string(text, "\",\"PrivateKey\":\"");
	issuer_append_key(call->cloud->issuer, object.leaf, passphrase, (size_t)length, text);
	buf_append_string(text, "\"}");
	if (!object.certificate->exported_since)
		call->cloud->changes++;
	object.certificate->exported = object.certificate->exported_since = true;
	call->cloud->counts.exports++;
	if (!call->cloud->counts.first_export)
		call->cloud->counts.first_export = call->now;
}

/* --- importing --- */

/* The DER of the one PEM block of ${label} in ${text}; its length, or 0. */
static int read_pem(const unsigned char *text, int length, const char *label, unsigned char *der)
{
	char begin[64], end[64];
	const unsigned char *from, *to;
	EVP_ENCODE_CTX *decoder;
	int first, last;

	snprintf(begin, sizeof(begin), "-----BEGIN %s-----\n", label);
	snprintf(end, sizeof(end), "-----END %s-----", label);
	from = memmem(text, (size_t)length, begin, strlen(begin));
	to = from ? memmem(from, (size_t)(text + length - from), end, strlen(end)) : NULL;
	if (!to)
		return 0;
	from += strlen(begin);
	decoder = EVP_ENCODE_CTX_new();
	EVP_DecodeInit(decoder);
	if (EVP_DecodeUpdate(decoder, der, &first, from, (int)(to - from)) < 0 ||
		EVP_DecodeFinal(decoder, der + first, &last) < 0)
		first = last = 0;
	EVP_ENCODE_CTX_free(decoder);
	return first + last;
}

/* The leaf of this DER, if it was issued here. */
static struct leaf *find_leaf(const struct cloud *cloud, const unsigned char *der, size_t length)
{
	unsigned index, generation;
	struct leaf *leaf;

	if (!issuer_read_serial(der, length, &index, &generation) || index >= cloud->count)
		return NULL;
	leaf = cloud->certificates[index].leaf;
	while (leaf && leaf->generation != generation)
		leaf = leaf->older;
	if (!leaf || leaf->length != length || memcmp(leaf->der, der, length) != 0)
		return NULL;
	return leaf;
}

#define IMPORT_MAX 8192

static struct leaf *read_leaf(struct call *call)
{
	unsigned char text[IMPORT_MAX], der[IMPORT_MAX];
	int length = decode(span_member(call->body, "Certificate"), text, sizeof(text));
	struct leaf *leaf;

	if (length > 0)
		length = read_pem(text, length, "CERTIFICATE", der);
	if (length <= 0) {
		invalid(call, "The certificate that you provided is not valid PEM.");
		return NULL;
	}
	leaf = find_leaf(call->cloud, der, (size_t)length);
	if (!leaf)
		invalid(call, "Unable to validate certificate chain. The certificate chain must start with the "
			      "immediate signing certificate, followed by any intermediaries in order. The index "
			      "within the chain of the invalid certificate is: 0");
	return leaf;
}

static bool check_dates(struct call *call, const struct leaf *leaf)
{
	if (call->now >= leaf->not_before && call->now < leaf->not_after)
		return true;
	invalid(call, "The certificate is not in its validity period.");
	return false;
}

/* Does the request's key belong to ${leaf}?  Both forms of an EC key hold it as the same octet string. */
static bool check_key(struct call *call, const struct leaf *leaf)
{
	static const char *const labels[] = { "PRIVATE KEY", "EC PRIVATE KEY" };
	unsigned char text[IMPORT_MAX], der[IMPORT_MAX], wanted[5 + ISSUER_KEY_LENGTH] = { 2, 1, 1, 4, 32 };
	int length = decode(span_member(call->body, "PrivateKey"), text, sizeof(text)), found = 0;

	for (size_t i = 0; i < ARRAY_SIZE(labels) && length > 0 && found == 0; i++)
		found = read_pem(text, length, labels[i], der);
	issuer_key(leaf->index, leaf->generation, wanted + 5);
	if (found == 0 && length > 0 && memmem(text, (size_t)length, "ENCRYPTED", strlen("ENCRYPTED")))
		invalid(call, "The private key is encrypted. You must provide an unencrypted private key.");
	else if (found == 0)
		invalid(call, "The private key is not supported.");
	else if (!memmem(der, (size_t)found, wanted, sizeof(wanted)))
		invalid(call, "The private key does not match the public key in the certificate.");
	else
		return true;
	return false;
}

static bool check_chain(struct call *call)
{
	unsigned char text[IMPORT_MAX];
	int length = decode(span_member(call->body, "CertificateChain"), text, sizeof(text));
	const char *ca = issuer_ca(call->cloud->issuer);
	size_t known = strlen(ca) - 1; /* the last line's end is everybody's own matter */

	if (length >= (int)known && memcmp(text, ca, known) == 0)
		return true;
	invalid(call, "Provided certificate is not a valid self signed. Please provide either a valid self-signed "
		      "certificate or certificate chain.");
	return false;
}

static void import_certificate(struct call *call)
{
	const struct span tags = span_member(call->body, "Tags");
	const bool again = span_member(call->body, "CertificateArn").data != NULL;
	struct import *import = NULL;
	struct object object;
	char arn[CLOUD_ARN_SIZE];
	struct leaf *leaf;

	if (again && tags.data) {
		invalid(call, "Tagging is not permitted on re-import.");
		return;
	}
	if (again && !find_object(call, &object))
		return;
	leaf = read_leaf(call);
	if (!leaf || !check_dates(call, leaf) || !check_key(call, leaf) || !check_chain(call))
		return;
	if (again && !object.import) {
		invalid(call, "The certificate was not imported and cannot be imported over.");
		return;
	}
	if (again && object.leaf->index != leaf->index) {
		invalid(call, "The certificate cannot be imported over the existing one: at least one domain name "
			      "must stay.");
		return;
	}
	if (is_source(call->cloud, call->account)) {
		invalid(call, "this ACM takes no imports at the source");
		return;
	}
	import = again ? object.import : import_add(call->account);
	if (!again)
		*import = (struct import){ .created = call->now,
			.tags = tags.data ? mem_strndup(tags.data, tags.length) : mem_strdup("[]") };
	import->leaf = leaf;
	import->at = call->now;
	buf_printf(&call->cloud->answer, "{\"CertificateArn\":\"%s\"}",
		write_arn(call->account->number, (unsigned)(import - call->account->imports), arn));
	call->cloud->changes++;
	call->cloud->counts.imports++;
	call->cloud->counts.last_import = call->now;
}

static void append_blob(struct buf *body, const char *name, const struct buf *text)
{
	_cleanup_(freep) char *encoded = mem_alloc(base64_length(text->length) + 1);

	base64_encode(text->data, text->length, encoded);
	buf_printf(body, "%s\"%s\":\"%s\"", body->length ? "," : "{", name, encoded);
}

void cloud_import_body(struct cloud *cloud, unsigned index, struct buf *ret_body)
{
	struct leaf *leaf = cloud->certificates[index].leaf;
	_cleanup_(buf_done) struct buf escaped = BUF_NULL, pem = BUF_NULL, key = BUF_NULL, chain = BUF_NULL;

	issuer_append_leaf(cloud->issuer, leaf, &escaped);
	for (const char *at = escaped.data, *end; *at; at = end + 2) {
		end = strstr(at, "\\n");
		buf_append(&pem, at, (size_t)(end - at));
		buf_append_char(&pem, '\n');
	}
	issuer_clear_key(cloud->issuer, leaf, &key);
	buf_append_string(&chain, issuer_ca(cloud->issuer));
	buf_clear(ret_body);
	append_blob(ret_body, "Certificate", &pem);
	append_blob(ret_body, "PrivateKey", &key);
	append_blob(ret_body, "CertificateChain", &chain);
	buf_append_char(ret_body, '}');
}

/* --- tags --- */

static void append_tags(const struct cloud *cloud, const struct import *import, struct buf *text)
{
	char arn[CLOUD_ARN_SIZE], name[MAX(CLOUD_NAME_SIZE, ISSUER_NAME_LENGTH + 1)];

	if (cloud->by_domain)
		issuer_name(import->leaf->index, name);
	else
		cloud_name(import->leaf->index, name);
	if (import->tags)
		buf_append_string(text, import->tags);
	else
		buf_printf(text,
			"[{\"Key\":\"certferry:source\",\"Value\":\"%s\"},{\"Key\":\"certferry:name\","
			"\"Value\":\"%s\"},{\"Key\":\"certferry:anchor\",\"Value\":\"%s\"}]",
			cloud_arn(import->leaf->index, arn), name, issuer_anchor(cloud->issuer));
}

static void list_tags(struct call *call)
{
	struct buf *text = &call->cloud->answer;
	struct object object;

	if (!find_object(call, &object))
		return;
	buf_append_string(text, "{\"Tags\":");
	if (object.import)
		append_tags(call->cloud, object.import, text);
	else
		buf_append_string(text, "[]");
	buf_append_char(text, '}');
}

/* Tagged is what was imported; of filters it knows those that name the key of a tag. */
static void get_resources(struct call *call)
{
	const unsigned count = is_source(call->cloud, call->account) ? 0 : call->account->count;
	const struct span filters = span_member(call->body, "TagFilters");
	struct buf *text = &call->cloud->answer;
	unsigned at, left;

	if (!read_page(call, "PaginationToken", "ResourcesPerPage", 50, 100, &at, &left))
		return;
	buf_append_string(text, "{\"ResourceTagMappingList\":[");
	for (bool follows = false; at < count; at++) {
		const struct import *import = &call->account->imports[at];
		char arn[CLOUD_ARN_SIZE];

		if (import->tags && span_has(filters, "certferry:source") &&
			!strstr(import->tags, "\"certferry:source\""))
			continue;
		if (left-- == 0)
			break;
		buf_printf(text, "%s{\"ResourceARN\":\"%s\",\"Tags\":", follows ? "," : "",
			write_arn(call->account->number, at, arn));
		append_tags(call->cloud, import, text);
		buf_append_char(text, '}');
		follows = true;
	}
	buf_append_char(text, ']');
	if (at < count)
		append_token(text, "PaginationToken", at);
	else
		buf_append_string(text, ",\"PaginationToken\":\"\"");
	buf_append_char(text, '}');
}

/* --- STS --- */

static void append_result_end(struct call *call, const char *operation)
{
	buf_printf(&call->cloud->answer,
		"</%sResult><ResponseMetadata><RequestId>%lx</RequestId></ResponseMetadata></%sResponse>", operation,
		call->cloud->counts.requests, operation);
}

/* Its token is as long as AWS's are. */
static void assume_role(struct call *call)
{
	static const char mark[] = "RoleArn=arn%3Aaws%3Aiam%3A%3A";
	const char *found = memmem(call->body.data, call->body.length, mark, strlen(mark));
	struct buf *text = &call->cloud->answer;
	char expiry[TIME_TEXT_SIZE], account[13] = "", token[801];

	if (!found || (size_t)(call->body.data + call->body.length - found) < strlen(mark) + 12) {
		refuse(call, 400, "ValidationError",
			"1 validation error detected: Value null at 'roleArn' failed to satisfy constraint: Member "
			"must not be null");
		return;
	}
	memcpy(account, found + strlen(mark), 12);
	memset(token, 'x', sizeof(token) - 1);
	token[sizeof(token) - 1] = '\0';
	memcpy(token, account, 12);
	buf_printf(text,
		"<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>"
		"<AssumedRoleUser><AssumedRoleId>AROA%s0000:certferry</AssumedRoleId>"
		"<Arn>arn:aws:sts::%s:assumed-role/certferry/certferry</Arn></AssumedRoleUser>"
		"<Credentials><AccessKeyId>ASIA%s%04X</AccessKeyId>"
		"<SecretAccessKey>bench/0000000000000000000000000000000000</SecretAccessKey>"
		"<SessionToken>%s</SessionToken><Expiration>%s</Expiration></Credentials>",
		account, account, account, (unsigned)(call->now / USEC_PER_MINUTE) & 0xffff, token,
		time_format(usec_add(call->now, USEC_PER_HOUR), expiry));
	append_result_end(call, "AssumeRole");
}

static void get_caller_identity(struct call *call)
{
	buf_printf(&call->cloud->answer,
		"<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
		"<GetCallerIdentityResult><Arn>arn:aws:iam::%012llu:user/bench</Arn><UserId>AIDABENCH</UserId>"
		"<Account>%012llu</Account>",
		call->account->number, call->account->number);
	append_result_end(call, "GetCallerIdentity");
}

/* --- one request --- */

/* The published rates, in requests a second of an account and region ("Quotas" of the ACM user guide). */
static const struct {
	const char *target; /* NULL: by its Action */
	const char *action;
	unsigned rate; /* 0: none is published */
	void (*carry_out)(struct call *call);
} operations[OPERATION_COUNT] = {
	[ASSUME_ROLE] = { NULL, "AssumeRole", 600, assume_role },
	[GET_CALLER_IDENTITY] = { NULL, "GetCallerIdentity", 600, get_caller_identity },
	[LIST_CERTIFICATES] = { "CertificateManager.ListCertificates", NULL, 8, list_certificates },
	[SEARCH_CERTIFICATES] = { "CertificateManager.SearchCertificates", NULL, 5, search_certificates },
	[DESCRIBE_CERTIFICATE] = { "CertificateManager.DescribeCertificate", NULL, 10, describe_certificate },
	[GET_CERTIFICATE] = { "CertificateManager.GetCertificate", NULL, 10, get_certificate },
	[EXPORT_CERTIFICATE] = { "CertificateManager.ExportCertificate", NULL, 10, export_certificate },
	[IMPORT_CERTIFICATE] = { "CertificateManager.ImportCertificate", NULL, 1, import_certificate },
	[LIST_TAGS] = { "CertificateManager.ListTagsForCertificate", NULL, 10, list_tags },
	[GET_RESOURCES] = { "ResourceGroupsTaggingAPI_20170126.GetResources", NULL, 0, get_resources },
};

static bool is_action(const struct cloud_request *request, const char *action)
{
	char text[64];

	snprintf(text, sizeof(text), "Action=%s&", action);
	return memmem(request->body, request->length, text, strlen(text)) != NULL;
}

static unsigned find_operation(const struct cloud_request *request)
{
	unsigned i;

	for (i = 0; i < OPERATION_COUNT; i++)
		if (request->target ? operations[i].target && strcmp(operations[i].target, request->target) == 0
				    : operations[i].action && is_action(request, operations[i].action))
			break;
	return i;
}

static struct account *find_account(struct cloud *cloud, const char *authorization)
{
	const char *key = strstr(authorization, "Credential=ASIA");
	unsigned long long number;

	if (!key)
		return cloud->accounts;
	if (sscanf(key + strlen("Credential=ASIA"), "%12llu", &number) != 1)
		return NULL;
	if (number == cloud->accounts[0].number)
		return cloud->accounts;
	if (number < CLOUD_ACCOUNT || number - CLOUD_ACCOUNT + 1 >= cloud->account_count)
		return NULL;
	return &cloud->accounts[number - CLOUD_ACCOUNT + 1];
}

static bool take_token(const struct cloud *cloud, struct account *account, unsigned operation, usec_t now)
{
	const uint64_t one = USEC_PER_SEC, rate = operations[operation].rate, most = rate * one;
	struct bucket *bucket = &account->buckets[operation];

	if (!cloud->quotas || rate == 0)
		return true;
	if (!bucket->filled)
		*bucket = (struct bucket){ most, now };
	bucket->tokens = MIN(most, bucket->tokens + usec_sub(now, bucket->filled) * rate);
	bucket->filled = now;
	if (bucket->tokens < one)
		return false;
	bucket->tokens -= one;
	return true;
}

static void throttle(struct call *call)
{
	refuse(call, 400, call->query ? "Throttling" : "ThrottlingException", "Rate exceeded");
	call->cloud->counts.throttled++;
}

static void carry_out(struct call *call, const struct cloud_request *request)
{
	const unsigned operation = find_operation(request);
	struct cloud *cloud = call->cloud;

	call->account = request->authorization ? find_account(cloud, request->authorization) : NULL;
	if (!request->authorization)
		refuse(call, 400, "MissingAuthenticationTokenException", "Missing Authentication Token");
	else if (!call->account)
		refuse(call, 400, "UnrecognizedClientException",
			"The security token included in the request is invalid.");
	else if (operation == OPERATION_COUNT)
		refuse(call, 400, call->query ? "InvalidAction" : "UnknownOperationException",
			"The operation is not known here.");
	else if (take_token(cloud, call->account, operation, call->now))
		operations[operation].carry_out(call);
	else
		throttle(call);
}

void cloud_ask(struct cloud *cloud, const struct cloud_request *request, usec_t now, struct cloud_answer *ret_answer)
{
	struct call call = {
		.cloud = cloud,
		.body = { request->body, request->length },
		.now = now,
		.answer = ret_answer,
		.query = !request->target,
	};
	const unsigned long throttled = cloud->counts.throttled;

	cloud->counts.requests++;
	buf_clear(&cloud->answer);
	*ret_answer = (struct cloud_answer){ .status = 200, .content_type = call.query ? XML_TYPE : JSON_TYPE };
	carry_out(&call, request);
	if (!ret_answer->body) {
		ret_answer->body = cloud->answer.data;
		ret_answer->length = cloud->answer.length;
	}
	if (ret_answer->status != 200 && cloud->counts.throttled == throttled)
		cloud->counts.refused++;
}
