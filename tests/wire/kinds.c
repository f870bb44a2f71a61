/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/wire/kinds.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/aws/acm.h"
#include "lib/aws/secretsmanager.h"
#include "lib/aws/sqs.h"
#include "lib/aws/tagging.h"
#include "lib/base/strv.h"
#include "lib/os/clock.h"
#include "lib/pki/secret.h"

#define JSON "application/x-amz-json-1.1"
#define XML  "text/xml"
#define ARN  "arn:aws:acm:eu-west-1:111111111111:certificate/0f5c1b3e-0000-4000-8000-00000000000"
#define SECRET_ARN "arn:aws:secretsmanager:eu-west-1:222222222222:secret:tls/pay-AbCdEf"
#define TOKEN "11111111-2222-4333-8444-555555555555"
#define PEM  "-----BEGIN CERTIFICATE-----\\nMIIBszCCAVmgAwIBAgIUQ\\n-----END CERTIFICATE-----\\n"

/* --- What was handed over, in words --- */

static void finish(struct attempt *attempt, const struct error *err)
{
	if (attempt->ended) {
		(void)fprintf(stderr, "%s ended twice\n", attempt->kind->name);
		abort();
	}
	attempt->ended = true;
	attempt->end = clock_monotonic();
	if (err)
		error_copy(&attempt->error, err);
	attempt->on_end(attempt);
}

static void tell(struct attempt *attempt, const char *name, const char *value)
{
	if (value)
		buf_printf(&attempt->told, "%s=%s\n", name, value);
}

static void tell_number(struct attempt *attempt, const char *name, uint64_t value)
{
	if (value)
		buf_printf(&attempt->told, "%s=%" PRIu64 "\n", name, value);
}

static void tell_all(struct attempt *attempt, const char *name, char *const *values)
{
	STRV_FOREACH (value, values)
		tell(attempt, name, *value);
}

/* --- ACM --- */

static void on_page(void *userdata, struct acm_summary *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		tell(userdata, "arn", items[i].arn);
		tell(userdata, "domain", items[i].domain);
		tell_all(userdata, "name", items[i].names);
		tell_number(userdata, "more names", items[i].more_names);
		tell(userdata, "status", items[i].status);
		tell(userdata, "type", items[i].type);
		tell(userdata, "algorithm", items[i].key_algorithm);
		tell_number(userdata, "exportable", items[i].exportable);
		tell_number(userdata, "ineligible", items[i].ineligible);
		tell_number(userdata, "in use", items[i].in_use);
		tell(userdata, "serial", items[i].serial);
		tell_number(userdata, "not before", items[i].not_before);
		tell_number(userdata, "not after", items[i].not_after);
		tell_number(userdata, "imported at", items[i].imported_at);
	}
}

static void on_listed(void *userdata, const struct error *err)
{
	finish(userdata, err);
}

static void start_list(struct attempt *attempt)
{
	(void)acm_list(attempt->session, attempt->region, ACM_SCOPE_USUAL, on_page, on_listed, attempt);
}

static void start_search(struct attempt *attempt)
{
	(void)acm_search(attempt->session, attempt->region, 1700000000 * USEC_PER_SEC, on_page,
		on_listed, attempt);
}

static void on_got(void *userdata, const char *leaf, const char *chain, const struct error *err)
{
	tell(userdata, "leaf", leaf);
	tell(userdata, "chain", chain);
	finish(userdata, err);
}

static void start_get(struct attempt *attempt)
{
	(void)acm_get(attempt->session, attempt->region, ARN "1", on_got, attempt);
}

static void on_exported(void *userdata, const char *leaf, const char *chain, const char *key,
	const struct error *err)
{
	tell(userdata, "key", key);
	on_got(userdata, leaf, chain, err);
}

static struct secret *secret_of(const char *text)
{
	struct secret *secret = NULL;

	if (secret_new(64, &secret, NULL) < 0)
		mem_exhausted();
	(void)secret_append_string(secret, text);
	return secret;
}

static void start_export(struct attempt *attempt)
{
	_cleanup_(secret_freep) struct secret *passphrase = secret_of("a passphrase");

	(void)acm_export(attempt->session, attempt->region, ARN "1", passphrase, on_exported,
		attempt);
}

static void on_imported(void *userdata, const char *arn, const struct error *err)
{
	tell(userdata, "arn", arn);
	finish(userdata, err);
}

static void import(struct attempt *attempt, const char *arn)
{
	_cleanup_(secret_freep) struct secret *key = secret_of("a key");
	const struct acm_import request = { .arn = arn, .leaf = "leaf", .chain = "", .key = key };

	(void)acm_import(attempt->session, attempt->region, &request, on_imported, attempt);
}

static void start_import(struct attempt *attempt)
{
	import(attempt, NULL);
}

static void start_reimport(struct attempt *attempt)
{
	import(attempt, ARN "1");
}

static void on_tags(void *userdata, char *const *tags, const struct error *err)
{
	tell_all(userdata, "tag", tags);
	finish(userdata, err);
}

static void start_tags(struct attempt *attempt)
{
	(void)acm_tags(attempt->session, attempt->region, ARN "1", on_tags, attempt);
}

static void on_described(void *userdata, const struct acm_description *description,
	const struct error *err)
{
	if (description) {
		tell_all(userdata, "in use by", description->in_use_by);
		tell(userdata, "type", description->type);
		tell(userdata, "status", description->status);
		tell(userdata, "algorithm", description->key_algorithm);
		tell(userdata, "renewal", description->renewal_status);
		tell(userdata, "reason", description->renewal_reason);
	}
	finish(userdata, err);
}

static void start_describe(struct attempt *attempt)
{
	(void)acm_describe(
		attempt->session, attempt->region, ARN "1", on_described, attempt);
}

/* --- Secrets Manager --- */

static void on_secret(
	void *userdata, const struct sm_description *description, const struct error *err)
{
	if (description) {
		tell(userdata, "arn", description->arn);
		tell(userdata, "name", description->name);
		tell_number(userdata, "deleted", description->deleted);
		tell(userdata, "owner", description->owning_service);
		tell_number(userdata, "rotation", description->rotation);
		tell_all(userdata, "tag", description->tags);
		for (size_t i = 0; i < description->version_count; i++) {
			tell(userdata, "version", description->versions[i].id);
			tell_all(userdata, "stage", description->versions[i].stages);
		}
	}
	finish(userdata, err);
}

static void start_describe_secret(struct attempt *attempt)
{
	(void)sm_describe(attempt->session, attempt->region, "tls/pay", on_secret, attempt);
}

static void on_written(void *userdata, const char *arn, const struct error *err)
{
	tell(userdata, "arn", arn);
	finish(userdata, err);
}

typedef struct sm_operation *(*write_fn)(struct aws_session *session, const char *region,
	const struct sm_write *write, sm_write_fn on_done, void *userdata);

static void write_secret(struct attempt *attempt, write_fn start)
{
	_cleanup_(secret_freep) struct secret *value = secret_of("a value");
	const struct sm_write write = { .secret_id = "tls/pay", .token = TOKEN, .value = value };

	(void)start(attempt->session, attempt->region, &write, on_written, attempt);
}

static void start_create(struct attempt *attempt)
{
	write_secret(attempt, sm_create);
}

static void start_put(struct attempt *attempt)
{
	write_secret(attempt, sm_put);
}

static void start_promote(struct attempt *attempt)
{
	(void)sm_promote(attempt->session, attempt->region, "tls/pay", NULL, TOKEN, on_written,
		attempt);
}

static void start_tag_secret(struct attempt *attempt)
{
	char *tags[] = { (char *)"certferry:name=pay", NULL };

	(void)sm_tag(attempt->session, attempt->region, "tls/pay", tags, on_written, attempt);
}

static void start_add_tags(struct attempt *attempt)
{
	char *tags[] = { (char *)"certferry:anchor=0123", NULL };

	(void)acm_add_tags(attempt->session, attempt->region, ARN "1", tags, on_listed, attempt);
}

/* --- Others --- */

#define BODY_LIMIT 2048 /* so much is kept of a message */

static void on_found(void *userdata, const char *arn, char *const *tags)
{
	tell(userdata, "arn", arn);
	tell_all(userdata, "tag", tags);
}

static void start_find(struct attempt *attempt)
{
	(void)tagging_find(attempt->session, attempt->region, "acm:certificate",
		"certferry:source", on_found, on_listed, attempt);
}

static void on_received(void *userdata, const struct sqs_message *messages, size_t count,
	const struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		tell(userdata, "id", messages[i].id);
		tell(userdata, "receipt", messages[i].receipt);
		tell(userdata, "body", messages[i].body);
		tell_number(userdata, "length", messages[i].body_length);
		tell_number(userdata, "received", messages[i].receive_count);
	}
	finish(userdata, err);
}

static void start_receive(struct attempt *attempt)
{
	const struct sqs_receive request = {
		.queue_url = "https://sqs.eu-west-1.amazonaws.com/111111111111/certferry",
		.wait = 1,
		.limit = SQS_BATCH_MAX,
		.body_limit = BODY_LIMIT,
	};

	(void)sqs_receive(attempt->session, attempt->region, &request, on_received, attempt);
}

static void on_deleted(void *userdata, size_t failed, const char *why, const struct error *err)
{
	tell_number(userdata, "failed", failed);
	tell(userdata, "why", err ? NULL : why);
	finish(userdata, err);
}

static void start_delete(struct attempt *attempt)
{
	static const char *const receipts[] = { "AQEB1", "AQEB2" };

	(void)sqs_delete(attempt->session, attempt->region,
		"https://sqs.eu-west-1.amazonaws.com/111111111111/certferry", receipts, 2,
		on_deleted, attempt);
}

/* --- The answers --- */

#define SUMMARY(n)                                                                                 \
	"{\"CertificateArn\":\"" ARN n "\",\"DomainName\":\"Pay.example.com\","                   \
	"\"SubjectAlternativeNameSummaries\":[\"pay.example.com\",\"*.pay.example.com\"],"         \
	"\"HasAdditionalSubjectAlternativeNames\":true,\"Status\":\"ISSUED\",\"Type\":\"PRIVATE\"," \
	"\"KeyAlgorithm\":\"EC-prime256v1\",\"KeyUsages\":[\"DIGITAL_SIGNATURE\"],\"InUse\":true," \
	"\"RenewalEligibility\":\"INELIGIBLE\",\"NotBefore\":1.7630784E9,\"NotAfter\":1794614399,"  \
	"\"ExportOption\":\"ENABLED\",\"ImportedAt\":1763078400.25}"

#define FOUND                                                                                      \
	"{\"CertificateArn\":\"" ARN "1\",\"X509Attributes\":{\"Subject\":{\"CommonName\":"       \
	"\"pay.example.com\"},\"SubjectAlternativeNames\":[{\"DnsName\":\"pay.example.com\"}],"    \
	"\"KeyAlgorithm\":\"EC_prime256v1\",\"SerialNumber\":\"0a:1b\",\"NotBefore\":1763078400,"  \
	"\"NotAfter\":1794614399},\"CertificateMetadata\":{\"AcmCertificateMetadata\":{\"InUse\":" \
	"true,\"RenewalEligibility\":\"INELIGIBLE\",\"Status\":\"ISSUED\",\"Type\":"              \
	"\"AMAZON_ISSUED\",\"ExportOption\":\"ENABLED\",\"ImportedAt\":1763078400}}}"

#define TAGS "\"Tags\":[{\"Key\":\"certferry:source\",\"Value\":\"" ARN "9\"},{\"Key\":\"owner\"}]"

#define RESOURCE(n) "{\"ResourceARN\":\"" ARN n "\"," TAGS "}"

/* Of 64 bytes when it has been read, which are too many when there are 32 of them and some more. */
#define BODY_64	  "certif\\u00e9rry \\\"\\n\\ud83d\\ude00\xe2\x82\xac and so on, until there is enough of it all"
#define BODY_256  BODY_64 BODY_64 BODY_64 BODY_64
#define BODY_LONG BODY_256 BODY_256 BODY_256 BODY_256 BODY_256 BODY_256 BODY_256 BODY_256 "longer"

#define GRANT                                                                                      \
	"<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n"              \
	"  <AssumeRoleResult>\n    <AssumedRoleUser>\n      <Arn>arn:aws:sts::222222222222:"        \
	"assumed-role/r/s</Arn>\n    </AssumedRoleUser>\n    <Credentials>\n      <AccessKeyId>"     \
	"ASIAIOSFODNN7EXAMPLE</AccessKeyId>\n      <SecretAccessKey>wJalrXUtnFEMI/K7MDENG"          \
	"</SecretAccessKey>\n      <SessionToken>AQoDYXdzEPT//////////wEXAMPLE==</SessionToken>\n"   \
	"      <Expiration>2199-11-09T13:34:41Z</Expiration>\n    </Credentials>\n"                  \
	"  </AssumeRoleResult>\n  <ResponseMetadata>\n    <RequestId>c6104cbe-af31</RequestId>\n"     \
	"  </ResponseMetadata>\n</AssumeRoleResponse>\n"

#define REFUSAL                                                                                    \
	"<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <Error>\n"         \
	"    <Type>Sender</Type>\n    <Code>AccessDenied</Code>\n    <Message>User is not "          \
	"authorized</Message>\n  </Error>\n  <RequestId>c6104cbe-af31</RequestId>\n</ErrorResponse>\n"

const struct kind kinds[] = {
	{ .name = "ListCertificates", .status = 200, .type = JSON, .start = start_list,
		.body = "{\"CertificateSummaryList\":[" SUMMARY("1") "," SUMMARY("2") "]}" },
	{ .name = "ListCertificates-first", .status = 200, .type = JSON, .start = start_list,
		.body = "{\"NextToken\":\"dG9rZW4=\",\"CertificateSummaryList\":[" SUMMARY("1") "]}",
		.mark = "\"NextToken\"", .marked = false,
		.other = "{\"CertificateSummaryList\":[" SUMMARY("2") "]}" },
	{ .name = "ListCertificates-second", .status = 200, .type = JSON, .start = start_list,
		.body = "{\"CertificateSummaryList\":[" SUMMARY("2") "]}",
		.mark = "\"NextToken\"", .marked = true,
		.other = "{\"CertificateSummaryList\":[" SUMMARY("1") "],\"NextToken\":\"dG9rZW4=\"}" },
	{ .name = "SearchCertificates", .status = 200, .type = JSON, .start = start_search,
		.body = "{\"Results\":[" FOUND "]}" },
	{ .name = "GetCertificate", .status = 200, .type = JSON, .start = start_get,
		.body = "{\"Certificate\":\"" PEM "\",\"CertificateChain\":\"" PEM PEM "\"}" },
	{ .name = "ExportCertificate", .status = 200, .type = JSON, .start = start_export,
		.body = "{\"Certificate\":\"" PEM "\",\"CertificateChain\":\"" PEM "\",\"PrivateKey\":"
			"\"-----BEGIN ENCRYPTED PRIVATE KEY-----\\nMIIFKzBVBg\\n"
			"-----END ENCRYPTED PRIVATE KEY-----\\n\"}" },
	{ .name = "ImportCertificate-new", .status = 200, .type = JSON, .start = start_import,
		.once = true, .body = "{\"CertificateArn\":\"" ARN "1\"}" },
	{ .name = "ImportCertificate-again", .status = 200, .type = JSON, .start = start_reimport,
		.body = "{\"CertificateArn\":\"" ARN "1\"}" },
	{ .name = "ListTagsForCertificate", .status = 200, .type = JSON, .start = start_tags,
		.body = "{" TAGS "}" },
	{ .name = "DescribeCertificate", .status = 200, .type = JSON, .start = start_describe,
		.body = "{\"Certificate\":{\"CertificateArn\":\"" ARN "1\",\"DomainName\":"
			"\"pay.example.com\",\"InUseBy\":[\"arn:aws:elasticloadbalancing:x\"],"
			"\"Type\":\"IMPORTED\",\"Status\":\"ISSUED\",\"KeyAlgorithm\":\"RSA-2048\","
			"\"RenewalSummary\":{\"RenewalStatus\":\"FAILED\",\"RenewalStatusReason\":"
			"\"CAA_ERROR\",\"UpdatedAt\":1763078400}}}" },
	{ .name = "DescribeSecret", .status = 200, .type = JSON, .start = start_describe_secret,
		.body = "{\"ARN\":\"" SECRET_ARN "\",\"Name\":\"tls/pay\",\"OwningService\":\"x\","
			"\"RotationEnabled\":true,\"LastChangedDate\":1763078400.5,\"DeletedDate\":"
			"1763078400.5," TAGS ",\"VersionIdsToStages\":{\"" TOKEN "\":[\"AWSCURRENT\"],"
			"\"22222222-2222-4333-8444-555555555555\":[\"AWSPREVIOUS\",\"mine\"]}}" },
	{ .name = "CreateSecret", .status = 200, .type = JSON, .start = start_create,
		.body = "{\"ARN\":\"" SECRET_ARN "\",\"Name\":\"tls/pay\",\"VersionId\":\"" TOKEN
			"\"}" },
	{ .name = "PutSecretValue", .status = 200, .type = JSON, .start = start_put,
		.body = "{\"ARN\":\"" SECRET_ARN "\",\"Name\":\"tls/pay\",\"VersionId\":\"" TOKEN
			"\",\"VersionStages\":[\"AWSCURRENT\"]}" },
	{ .name = "UpdateSecretVersionStage", .status = 200, .type = JSON, .start = start_promote,
		.body = "{\"ARN\":\"" SECRET_ARN "\",\"Name\":\"tls/pay\"}" },
	{ .name = "TagResource", .status = 200, .type = JSON, .start = start_tag_secret,
		.body = "" },
	{ .name = "AddTagsToCertificate", .status = 200, .type = JSON, .start = start_add_tags,
		.body = "" },
	{ .name = "GetResources-first", .status = 200, .type = JSON, .start = start_find,
		.body = "{\"PaginationToken\":\"dG9r\",\"ResourceTagMappingList\":[" RESOURCE("1")
			"," RESOURCE("2") "]}",
		.mark = "\"PaginationToken\"", .marked = false,
		.other = "{\"PaginationToken\":\"\",\"ResourceTagMappingList\":[" RESOURCE("3") "]}" },
	{ .name = "ReceiveMessage", .status = 200, .type = "application/x-amz-json-1.0",
		.start = start_receive,
		.body = "{\"Messages\":[{\"MessageId\":\"" TOKEN "\",\"ReceiptHandle\":\"AQEB1\","
			"\"MD5OfBody\":\"99914b932bd37a50b983c5e7c90ae93b\",\"Body\":\"{}\","
			"\"Attributes\":{\"ApproximateReceiveCount\":\"3\"}}]}" },
	{ .name = "ReceiveMessage-long", .status = 200, .type = "application/x-amz-json-1.0",
		.start = start_receive,
		.body = "{\"Messages\":[{\"MessageId\":\"" TOKEN "\",\"ReceiptHandle\":\"AQEB1\","
			"\"Body\":\"" BODY_LONG "\"},{\"ReceiptHandle\":\"AQEB2\",\"MessageId\":\"2\"}]}" },
	{ .name = "DeleteMessageBatch", .status = 200, .type = "application/x-amz-json-1.0",
		.start = start_delete,
		.body = "{\"Successful\":[{\"Id\":\"0\"}],\"Failed\":[{\"Id\":\"1\",\"Code\":"
			"\"ReceiptHandleIsInvalid\",\"SenderFault\":true,\"Message\":\"no\"}]}" },
	{ .name = "AssumeRole", .status = 200, .type = XML, .start = start_tags, .assumes = true,
		.body = GRANT, .mark = "Action=AssumeRole", .marked = true, .other = "{" TAGS "}" },
	{ .name = "AssumeRole-refused", .status = 403, .type = XML, .start = start_tags,
		.assumes = true, .body = REFUSAL, .mark = "Action=AssumeRole", .marked = true,
		.other = "{" TAGS "}" },
	{ .name = "GetCertificate-absent", .status = 400, .type = JSON, .start = start_get,
		.body = "{\"__type\":\"ResourceNotFoundException\",\"message\":\"Could not find "
			"certificate\"}" },
	{ .name = "DescribeSecret-absent", .status = 400, .type = JSON,
		.start = start_describe_secret,
		.body = "{\"__type\":\"com.amazonaws.x#ResourceNotFoundException\",\"Message\":"
			"\"Secrets Manager can't find the specified secret.\"}" },
	{ .name = "CreateSecret-taken", .status = 400, .type = JSON, .start = start_create,
		.body = "{\"__type\":\"ResourceExistsException\",\"Message\":\"already exists.\"}" },
	{ .name = "ImportCertificate-denied", .status = 400, .type = JSON, .start = start_import,
		.once = true,
		.body = "{\"__type\":\"AccessDeniedException\",\"Message\":\"User is not authorized\"}" },
};
const size_t kind_count = ARRAY_SIZE(kinds);
