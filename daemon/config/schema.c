/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config/schema.h"

#include <string.h>

#include "daemon/model/desired.h"

#define SECONDS(n) ((n) * USEC_PER_SEC)
#define MINUTES(n) ((n) * USEC_PER_MINUTE)
#define HOURS(n)   ((n) * USEC_PER_HOUR)
#define DAYS(n)	   ((n) * USEC_PER_DAY)

#define ON_ACM	   (1u << DESTINATION_ACM)
#define ON_SECRETS (1u << DESTINATION_SECRETSMANAGER)
#define ON_FILE	   (1u << DESTINATION_FILE)
#define ON_VAULT   (1u << DESTINATION_VAULT)
#define ON_AWS	   (ON_ACM | ON_SECRETS)

#define ON_SYSTEMD (1u << DEPENDENT_SYSTEMD)

#define LIST_MAX 1000

/* A row is read key first, whatever a formatter thinks. */
/* clang-format off */

#define AT(member) .offset = offsetof(struct STRUCTURE, member)

/* How AWS is reached: the same keys in the source and in each destination that is in AWS. */
#define ACCESS_ROWS(role_placeholders, id_format, id_placeholders, on) \
	{ "role_arn", SCHEMA_TEXT, AT(access.role_arn), .format = FORMAT_ROLE_ARN, \
		.placeholders = (role_placeholders), .kinds = (on), \
		.help = "role to assume; without it certferryd uses the host's own credentials" }, \
	{ "external_id", SCHEMA_TEXT, AT(access.external_id), .format = (id_format), \
		.placeholders = (id_placeholders), .kinds = (on), \
		.help = "external id that the role's trust policy requires" }, \
	{ "role_session_name", SCHEMA_TEXT, AT(access.role_session_name), \
		.format = FORMAT_SESSION_NAME, .kinds = (on), \
		.help = "name of the session in CloudTrail; by default certferry-HOST" }, \
	{ "source_identity", SCHEMA_TEXT, AT(access.source_identity), \
		.format = FORMAT_SESSION_NAME, .kinds = (on), \
		.help = "source identity of the session, which chained roles keep" }, \
	{ "session_tags", SCHEMA_PAIRS, AT(access.session_tags), .key_format = FORMAT_TAG_KEY, \
		.format = FORMAT_TAG_VALUE, .max = 50, .kinds = (on), \
		.help = "tags of the session, for policies that require them" }, \
	{ "profile", SCHEMA_TEXT, AT(access.profile), .format = FORMAT_PROFILE, .kinds = (on), \
		.help = "profile of the AWS configuration file whose credentials to use" }, \
	{ "endpoint_url", SCHEMA_TEXT, AT(access.endpoint_url), .format = FORMAT_URL, \
		.placeholders = PLACEHOLDER_REGION, .kinds = (on), \
		.help = "endpoint to use instead of the region's own, for example of a VPC" }

static const struct schema_word starttls_words[] = {
	{ "smtp", STARTTLS_SMTP, NULL },
	{ "imap", STARTTLS_IMAP, NULL },
	{ "pop3", STARTTLS_POP3, NULL },
	{ "ldap", STARTTLS_LDAP, NULL },
	{ "postgres", STARTTLS_POSTGRES, NULL },
	{ "mysql", STARTTLS_MYSQL, NULL },
	{ "ftp", STARTTLS_FTP, NULL },
	{ "xmpp", STARTTLS_XMPP, NULL },
	{ "nats", STARTTLS_NATS, NULL },
	{ 0 },
};

static const struct schema_word proxy_protocol_words[] = {
	{ "v1", PROXY_V1, NULL },
	{ "v2", PROXY_V2, NULL },
	{ 0 },
};

#define STRUCTURE desired_proof
static const struct schema_row proof_rows[] = {
	{ "connect", SCHEMA_TEXT, AT(connect), .format = FORMAT_HOST_PORT, .required = true,
		.help = "where to connect as a TLS client, HOST:PORT or [IPV6]:PORT" },
	{ "server_name", SCHEMA_TEXT, AT(server_name), .format = FORMAT_HOST,
		.help = "name to send by SNI, or none; by default the host of connect" },
	{ "within", SCHEMA_DURATION, AT(within), .min = SECONDS(1), .max = MINUTES(10),
		.initial = "10s", .help = "how long the server can take to serve the new certificate" },
	{ "starttls", SCHEMA_WORD, AT(starttls), .words = starttls_words,
		.help = "protocol in which to ask for TLS, where it does not begin with the first byte" },
	{ "proxy_protocol", SCHEMA_WORD, AT(proxy_protocol), .words = proxy_protocol_words,
		.help = "version of the PROXY header to send first, where the server expects one" },
	{ 0 },
};

static const struct schema_section proof_section = {
	.size = sizeof(struct desired_proof),
	.rows = proof_rows,
};
#undef STRUCTURE

#define PROVE_ROW \
	{ "prove", SCHEMA_SOME, AT(prove), .count_offset = offsetof(struct STRUCTURE, prove_count), \
		.section = &proof_section, .max = 16, \
		.help = "where to connect over TLS afterwards to compare the served certificate" }

#define STRUCTURE desired_delivery
static const struct schema_row only_rows[] = {
	{ "accounts", SCHEMA_LIST, AT(only_accounts), .format = FORMAT_ACCOUNT, .max = LIST_MAX,
		.help = "the accounts of the destination that receive this certificate" },
	{ "regions", SCHEMA_LIST, AT(only_regions), .format = FORMAT_REGION, .max = LIST_MAX,
		.help = "the regions of the destination that receive this certificate" },
	{ 0 },
};

static const struct schema_section only_section = {
	.size = sizeof(struct desired_delivery),
	.rows = only_rows,
};

static const struct schema_word adopt_words[] = {
	{ "ask", ADOPT_ASK, NULL },
	{ "in-use", ADOPT_IN_USE, NULL },
	{ "beside", ADOPT_BESIDE, NULL },
	{ "true", ADOPT_YES, NULL },
	{ 0 },
};

static const struct schema_word accept_words[] = {
	{ "names", ACCEPT_NAMES, NULL },
	{ "client-auth", ACCEPT_CLIENT_AUTH, NULL },
	{ "issuer", ACCEPT_ISSUER, NULL },
	{ 0 },
};

static const struct schema_row delivery_rows[] = {
	{ "to", SCHEMA_TEXT, AT(to), .format = FORMAT_NAME, .required = true,
		.help = "name of the destination" },
	{ "as", SCHEMA_TEXT, AT(as), .format = FORMAT_OBJECT, .placeholders = PLACEHOLDERS_ALL,
		.initial = "{certificate}",
		.help = "name of the object there: secret, directory or tag certferry:name" },
	{ "arn", SCHEMA_TEXT, AT(arn), .format = FORMAT_IMPORT_ARN,
		.placeholders = PLACEHOLDERS_ALL,
		.help = "acm: import to overwrite, instead of a new one" },
	{ "adopt", SCHEMA_WORD, AT(adopt), .words = adopt_words, .initial = "ask",
		.excludes = "arn",
		.help = "what to do with an unmanaged import or secret that already exists there" },
	{ "recreate", SCHEMA_BOOL, AT(recreate), .initial = "false",
		.help = "acm: import the certificate again if somebody has deleted its import" },
	{ "accept", SCHEMA_WORDS, AT(accept), .words = accept_words,
		.help = "losses that need no approval at this destination" },
	{ "then", SCHEMA_LIST, AT(then), .format = FORMAT_NAME, .max = LIST_MAX,
		.help = "names of the dependents to restart or reload after the delivery" },
	PROVE_ROW,
	{ "only", SCHEMA_SECTION, .offset = 0, .section = &only_section,
		.help = "limits a destination that has several accounts or regions" },
	{ 0 },
};

static const struct schema_section delivery_section = {
	.size = sizeof(struct desired_delivery),
	.rows = delivery_rows,
};
#undef STRUCTURE

#define STRUCTURE desired_certificate
static const struct schema_row match_rows[] = {
	{ "domain", SCHEMA_TEXT, AT(match_domain), .format = FORMAT_DOMAIN,
		.help = "domain name of the certificate; \"*.\" stands for one label" },
	{ "tags", SCHEMA_PAIRS, AT(match_tags), .key_format = FORMAT_TAG_KEY,
		.format = FORMAT_TAG_VALUE, .max = 50, .excludes = "domain",
		.help = "tags that the certificate must have at the source, all of them" },
	{ 0 },
};

static const struct schema_section match_section = {
	.size = sizeof(struct desired_certificate),
	.rows = match_rows,
};

static const struct schema_word usage_words[] = {
	{ "server", USAGE_SERVER, NULL },
	{ "client", USAGE_CLIENT, NULL },
	{ 0 },
};

static const struct schema_row certificate_rows[] = {
	{ "arn", SCHEMA_TEXT, AT(arn), .format = FORMAT_CERTIFICATE_ARN,
		.help = "ARN of the certificate at the source" },
	{ "match", SCHEMA_SECTION, .offset = 0, .section = &match_section, .excludes = "arn",
		.help = "instead of arn: every certificate at the source that matches" },
	{ "names", SCHEMA_LIST, AT(names), .format = FORMAT_SUBJECT, .max = LIST_MAX,
		.help = "names (DNS, IP address, URI, e-mail) that each renewed certificate must "
			"cover" },
	{ "usage", SCHEMA_WORD, AT(usage), .words = usage_words, .initial = "server",
		.help = "use of the certificate; a client's is always held if it lost clientAuth" },
	{ "accept", SCHEMA_WORDS, AT(accept), .words = accept_words,
		.help = "losses that need no approval at any destination" },
	{ "keep_eligible", SCHEMA_BOOL, AT(keep_eligible),
		.help = "export each renewal so that ACM renews again; by default as in source" },
	{ "deliver", SCHEMA_SECTIONS, AT(deliver),
		.count_offset = offsetof(struct desired_certificate, deliver_count),
		.section = &delivery_section,
		.help = "where to deliver it; nowhere: certferryd only keeps it eligible" },
	{ 0 },
};

static const struct schema_section certificate_section = {
	.size = sizeof(struct desired_certificate),
	.rows = certificate_rows,
};
#undef STRUCTURE

#define STRUCTURE desired_fields
static const struct schema_row fields_rows[] = {
	{ "certificate", SCHEMA_TEXT, AT(certificate), .format = FORMAT_FIELD,
		.help = "field of the certificate alone" },
	{ "chain", SCHEMA_TEXT, AT(chain), .format = FORMAT_FIELD,
		.help = "field of the chain without the certificate" },
	{ "fullchain", SCHEMA_TEXT, AT(fullchain), .format = FORMAT_FIELD,
		.help = "field of the certificate with its chain" },
	{ "private_key", SCHEMA_TEXT, AT(private_key), .format = FORMAT_FIELD,
		.help = "field of the private key" },
	{ "ca", SCHEMA_TEXT, AT(ca), .format = FORMAT_FIELD,
		.help = "field of the chain's last certificate" },
	{ 0 },
};

static const struct schema_section fields_section = {
	.size = sizeof(struct desired_fields),
	.rows = fields_rows,
};
#undef STRUCTURE

static const struct schema_word destination_kinds[] = {
	{ "acm", DESTINATION_ACM, NULL },
	{ "secretsmanager", DESTINATION_SECRETSMANAGER, NULL },
	{ "file", DESTINATION_FILE, NULL },
	{ "vault", DESTINATION_VAULT, NULL },
	{ 0 },
};

static const struct schema_word secret_layouts[] = {
	{ "acm", LAYOUT_ACM, NULL },
	{ "pem", LAYOUT_PEM, NULL },
	{ "kubernetes", LAYOUT_KUBERNETES, NULL },
	{ 0 },
};

static const struct schema_word file_layouts[] = {
	{ "nginx", LAYOUT_NGINX, NULL },
	{ "apache", LAYOUT_APACHE, NULL },
	{ "haproxy", LAYOUT_HAPROXY, NULL },
	{ "haproxy-flat", LAYOUT_HAPROXY_FLAT, NULL },
	{ 0 },
};

static const struct schema_word vault_methods[] = {
	{ "token", VAULT_AUTH_TOKEN, NULL },
	{ "approle", VAULT_AUTH_APPROLE, NULL },
	{ "cert", VAULT_AUTH_CERT, NULL },
	{ "aws", VAULT_AUTH_AWS, NULL },
	{ "kubernetes", 0, "use method approle, or method token with a file that Vault Agent writes" },
	{ 0 },
};

#define STRUCTURE desired_destination
static const struct schema_row auth_rows[] = {
	{ "method", SCHEMA_WORD, AT(vault.method), .words = vault_methods, .required = true,
		.help = "token, approle, cert or aws" },
	{ "mount", SCHEMA_TEXT, AT(vault.auth_mount), .format = FORMAT_VAULT_PATH,
		.help = "where the method is mounted; by default under its own name" },
	{ "token_file", SCHEMA_TEXT, AT(vault.token_file), .format = FORMAT_CREDENTIAL,
		.help = "token: file with the token, or the name of a credential of the unit" },
	{ "role_id_file", SCHEMA_TEXT, AT(vault.role_id_file), .format = FORMAT_CREDENTIAL,
		.help = "approle: file with the role id, or the name of a credential of the unit" },
	{ "secret_id_file", SCHEMA_TEXT, AT(vault.secret_id_file), .format = FORMAT_CREDENTIAL,
		.help = "approle: the same for the secret id; without it the role must require none" },
	{ "certificate_file", SCHEMA_TEXT, AT(vault.certificate_file), .format = FORMAT_CREDENTIAL,
		.help = "cert: PEM file with the client certificate and its chain, or the name of a credential" },
	{ "key_file", SCHEMA_TEXT, AT(vault.key_file), .format = FORMAT_CREDENTIAL,
		.help = "cert: PEM file with its key, or the name of a credential" },
	{ "role", SCHEMA_TEXT, AT(vault.role), .format = FORMAT_NAME,
		.help = "cert, aws: role of the method; by default one that fits the certificate or principal" },
	{ "server_id", SCHEMA_TEXT, AT(vault.server_id), .format = FORMAT_HOST,
		.help = "aws: value of X-Vault-AWS-IAM-Server-ID, if the method requires one" },
	{ "sts_region", SCHEMA_TEXT, AT(vault.sts_region), .format = FORMAT_REGION,
		.help = "aws: region of the STS that the method asks; by default the global STS" },
	{ 0 },
};

static const struct schema_section auth_section = {
	.size = sizeof(struct desired_destination),
	.rows = auth_rows,
};

static const struct schema_row destination_rows[] = {
	{ "kind", SCHEMA_WORD, AT(kind), .words = destination_kinds, .required = true,
		.help = "kind: acm, secretsmanager, file or vault" },
	{ "accounts", SCHEMA_LIST, AT(accounts), .format = FORMAT_ACCOUNT, .max = LIST_MAX,
		.kinds = ON_AWS, .help = "accounts that receive the certificates; by default the role's own" },
	{ "region", SCHEMA_ONE, AT(regions), .format = FORMAT_REGION, .kinds = ON_AWS,
		.help = "region that receives the certificates; by default the AWS environment's" },
	{ "regions", SCHEMA_LIST, AT(regions), .format = FORMAT_REGION, .max = LIST_MAX,
		.kinds = ON_AWS, .excludes = "region", .help = "instead of region: several" },
	ACCESS_ROWS(PLACEHOLDER_ACCOUNT | PLACEHOLDER_REGION, FORMAT_EXTERNAL_IDS, PLACEHOLDER_ACCOUNT,
		ON_AWS),
	{ "tags", SCHEMA_PAIRS, AT(tags), .key_format = FORMAT_TAG_KEY,
		.format = FORMAT_TAG_VALUE, .max = 47, .kinds = ON_AWS,
		.help = "tags of the objects that certferryd makes, beside its own three" },
	{ "kms_key", SCHEMA_TEXT, AT(kms_key), .format = FORMAT_KMS_KEY,
		.placeholders = PLACEHOLDERS_ALL, .kinds = ON_SECRETS,
		.help = "KMS key of the secrets that certferryd makes; by default aws/secretsmanager" },
	{ "layout", SCHEMA_WORD, AT(layout), .words = secret_layouts, .initial = "pem",
		.kinds = ON_SECRETS | ON_VAULT,
		.help = "fields of the secret: acm, pem or kubernetes" },
	{ "fields", SCHEMA_SECTION, AT(fields), .section = &fields_section,
		.kinds = ON_SECRETS | ON_VAULT, .excludes = "layout",
		.help = "instead of layout: your own names; certferryd leaves out a part without one" },
	{ "directory", SCHEMA_TEXT, AT(directory), .format = FORMAT_PATH, .kinds = ON_FILE,
		.required = true, .help = "directory of the files, outside the state directory" },
	{ "layout", SCHEMA_WORD, AT(layout), .words = file_layouts, .initial = "nginx",
		.kinds = ON_FILE, .help = "files: nginx, apache, haproxy or haproxy-flat" },
	{ "group", SCHEMA_TEXT, AT(group), .format = FORMAT_GROUP, .kinds = ON_FILE,
		.help = "group that can read the files; by default the directory's own" },
	{ "address", SCHEMA_TEXT, AT(vault.address), .format = FORMAT_VAULT_ADDRESS, .kinds = ON_VAULT, .required = true,
		.help = "URL of the server, like https://vault.example:8200" },
	{ "namespace", SCHEMA_TEXT, AT(vault.namespace), .format = FORMAT_VAULT_PATH, .kinds = ON_VAULT,
		.help = "namespace of the mount and of the login; by default the root namespace" },
	{ "mount", SCHEMA_TEXT, AT(vault.mount), .format = FORMAT_VAULT_PATH, .initial = "secret", .kinds = ON_VAULT,
		.help = "where the key/value engine, version 2, is mounted" },
	{ "ca_file", SCHEMA_TEXT, AT(vault.ca_file), .format = FORMAT_PATH, .kinds = ON_VAULT,
		.help = "PEM file of the CAs that the server's certificate can have; by default the system's" },
	{ "auth", SCHEMA_SECTION, .offset = 0, .section = &auth_section, .kinds = ON_VAULT, .required = true,
		.help = "how to log in" },
	{ 0 },
};

static const struct schema_section destination_section = {
	.size = sizeof(struct desired_destination),
	.kinds = destination_kinds,
	.rows = destination_rows,
};
#undef STRUCTURE

static const struct schema_word dependent_kinds[] = {
	{ "systemd", DEPENDENT_SYSTEMD, NULL },
	{ "ssm", 0, "run the command from a oneshot unit: kind systemd, action start" },
	{ "ecs", 0, "run the deployment from a oneshot unit: kind systemd, action start" },
	{ "event", 0, "send the event from a oneshot unit: kind systemd, action start" },
	{ "webhook", 0, "make the request from a oneshot unit: kind systemd, action start" },
	{ 0 },
};

static const struct schema_word actions[] = {
	{ "restart", ACTION_RESTART, NULL },
	{ "reload", ACTION_RELOAD, NULL },
	{ "reload-or-restart", ACTION_RELOAD_OR_RESTART, NULL },
	{ "start", ACTION_START, NULL },
	{ 0 },
};

#define STRUCTURE desired_dependent
static const struct schema_row dependent_rows[] = {
	{ "kind", SCHEMA_WORD, AT(kind), .words = dependent_kinds, .required = true,
		.help = "kind: systemd" },
	{ "unit", SCHEMA_TEXT, AT(unit.name), .format = FORMAT_UNIT, .required = true,
		.kinds = ON_SYSTEMD, .help = "name of the unit" },
	{ "action", SCHEMA_WORD, AT(unit.action), .words = actions, .initial = "reload-or-restart",
		.kinds = ON_SYSTEMD,
		.help = "what to do to the unit; only start starts a stopped unit" },
	{ "after", SCHEMA_LIST, AT(after), .format = FORMAT_NAME, .max = LIST_MAX,
		.help = "names of the dependents that must succeed with a delivery before this one" },
	{ "timeout", SCHEMA_DURATION, AT(timeout), .min = SECONDS(1), .max = HOURS(1),
		.initial = "90s", .help = "how long this can take" },
	{ "settle", SCHEMA_DURATION, AT(unit.settle), .min = 0, .max = MINUTES(5), .initial = "3s",
		.kinds = ON_SYSTEMD,
		.help = "how long to wait before checking the unit again" },
	PROVE_ROW,
	{ 0 },
};

static const struct schema_section dependent_section = {
	.size = sizeof(struct desired_dependent),
	.kinds = dependent_kinds,
	.rows = dependent_rows,
};
#undef STRUCTURE

#define STRUCTURE desired_source
static const struct schema_row source_rows[] = {
	{ "region", SCHEMA_ONE, AT(regions), .format = FORMAT_REGION,
		.help = "region of the certificates; by default the AWS environment's" },
	{ "regions", SCHEMA_LIST, AT(regions), .format = FORMAT_REGION, .max = LIST_MAX,
		.excludes = "region", .help = "instead of region: several" },
	ACCESS_ROWS(PLACEHOLDER_REGION, FORMAT_EXTERNAL_ID, 0, 0),
	{ "trust", SCHEMA_TEXT, AT(trust), .format = FORMAT_PATH,
		.help = "PEM file of the roots to trust; without it the first root seen is pinned" },
	{ "keep_eligible", SCHEMA_BOOL, AT(keep_eligible), .initial = "true",
		.help = "export each renewal even if nothing needs it, so that ACM renews again" },
	{ "certificates_max", SCHEMA_INTEGER, AT(certificates_max), .min = 100, .max = 1000000,
		.initial = "5000",
		.help = "how many certificates the source can list, which limits the memory it can use" },
	{ 0 },
};

static const struct schema_section source_section = {
	.size = sizeof(struct desired_source),
	.rows = source_rows,
};
#undef STRUCTURE

/* The defaults are what AWS publishes; a test compares them with lib/aws/lane.c.  An operation
 * without a row cannot be set. */
#define RATE_ROW(operation, member, rate, what) \
	{ operation, SCHEMA_RATE, AT(member), .min = 100, .max = 10000000, .initial = (rate), \
		.help = "requests a second to each account and region: " what }

#define STRUCTURE desired_quotas
static const struct schema_row acm_quota_rows[] = {
	RATE_ROW("ListCertificates", acm.list, "8", "pages of a listing"),
	RATE_ROW("SearchCertificates", acm.search, "5", "pages of a search"),
	RATE_ROW("DescribeCertificate", acm.describe, "10", "reading details"),
	RATE_ROW("GetCertificate", acm.get, "10", "reading a certificate"),
	RATE_ROW("ListTagsForCertificate", acm.tags, "10", "reading tags"),
	RATE_ROW("ExportCertificate", acm.export, "10", "exporting at the source"),
	RATE_ROW("ImportCertificate", acm.import, "1", "importing at a destination"),
	{ 0 },
};

static const struct schema_row secretsmanager_quota_rows[] = {
	RATE_ROW("CreateSecret", secretsmanager.create, "50", "creating a secret"),
	RATE_ROW("PutSecretValue", secretsmanager.put, "50", "writing and staging a version"),
	RATE_ROW("TagResource", secretsmanager.tag, "50", "tagging"),
	{ 0 },
};

static const struct schema_section acm_quota_section = {
	.size = sizeof(struct desired_quotas),
	.rows = acm_quota_rows,
};

static const struct schema_section secretsmanager_quota_section = {
	.size = sizeof(struct desired_quotas),
	.rows = secretsmanager_quota_rows,
};

static const struct schema_row quotas_rows[] = {
	{ "acm", SCHEMA_SECTION, .offset = 0, .section = &acm_quota_section,
		.help = "of AWS Certificate Manager" },
	{ "secretsmanager", SCHEMA_SECTION, .offset = 0, .section = &secretsmanager_quota_section,
		.help = "of AWS Secrets Manager" },
	{ 0 },
};

static const struct schema_section quotas_section = {
	.size = sizeof(struct desired_quotas),
	.rows = quotas_rows,
};
#undef STRUCTURE

void schema_each_quota(const struct desired *desired, schema_quota_fn each, void *userdata)
{
	SCHEMA_FOREACH(service, &quotas_section)
		SCHEMA_FOREACH(operation, service->section)
			each(userdata, service->key, operation->key,
				*(const double *)((const char *)&desired->quotas + operation->offset));
}

#define STRUCTURE desired_events
static const struct schema_row events_rows[] = {
	{ "queue_url", SCHEMA_TEXT, AT(queue_url), .format = FORMAT_QUEUE_URL, .required = true,
		.help = "URL of the SQS queue that EventBridge puts ACM's events into" },
	{ "region", SCHEMA_TEXT, AT(region), .format = FORMAT_REGION,
		.help = "region of the queue, if its URL does not contain it" },
	ACCESS_ROWS(PLACEHOLDER_REGION, FORMAT_EXTERNAL_ID, 0, 0),
	{ 0 },
};

static const struct schema_section events_section = {
	.size = sizeof(struct desired_events),
	.rows = events_rows,
};
#undef STRUCTURE

#define STRUCTURE desired
static const struct schema_row root_rows[] = {
	{ "source", SCHEMA_SECTION, AT(source), .section = &source_section,
		.help = "the account and regions whose ACM issues and renews" },
	{ "poll", SCHEMA_DURATION, AT(poll), .min = MINUTES(1), .max = DAYS(7),
		.initial = "15m", .help = "how often to ask the source for changes" },
	{ "sweep", SCHEMA_DURATION, AT(sweep), .min = MINUTES(10), .max = DAYS(7),
		.initial = "6h", .help = "how often to run a full scan" },
	{ "guard", SCHEMA_INTEGER, AT(guard), .min = 0, .max = 100000, .initial = "25",
		.help = "a change that affects more deliveries waits for approval; 0: none waits" },
	{ "warn", SCHEMA_DURATION, AT(warn), .min = HOURS(1), .max = DAYS(365),
		.help = "how long before its end a certificate without a renewal is expiring; by default by its "
			"lifetime" },
	{ "quotas", SCHEMA_SECTION, AT(quotas), .section = &quotas_section,
		.help = "rates of requests to AWS; by default the rates that AWS publishes" },
	{ "certificates", SCHEMA_NAMED, AT(certificates),
		.count_offset = offsetof(struct desired, certificate_count),
		.section = &certificate_section, .help = "certificates to deliver" },
	{ "destinations", SCHEMA_NAMED, AT(destinations),
		.count_offset = offsetof(struct desired, destination_count),
		.section = &destination_section, .help = "where to deliver them" },
	{ "dependents", SCHEMA_NAMED, AT(dependents),
		.count_offset = offsetof(struct desired, dependent_count),
		.section = &dependent_section, .help = "what to restart or reload after a delivery" },
	{ "adopt", SCHEMA_PAIRS, AT(adopt), .key_format = FORMAT_DELIVERY,
		.format = FORMAT_CERTIFICATE_ARN, .max = 100000,
		.help = "delivery: the ARN of the import that it takes over" },
	{ "events", SCHEMA_SECTION, AT(events), .section = &events_section,
		.help = "an event queue that makes the daemon poll immediately" },
	{ 0 },
};

const struct schema_section schema_root = {
	.size = sizeof(struct desired),
	.rows = root_rows,
};
#undef STRUCTURE

/* clang-format on */

bool schema_of_kind(const struct schema_row *row, unsigned kinds)
{
	return !row->kinds || !kinds || (row->kinds & kinds);
}

const struct schema_row *schema_find(
	const struct schema_section *section, const char *key, unsigned kinds)
{
	SCHEMA_FOREACH(row, section)
		if (strcmp(row->key, key) == 0 && schema_of_kind(row, kinds))
			return row;
	return NULL;
}

const struct schema_word *schema_word(const struct schema_word *words, const char *name)
{
	for (; words->name; words++)
		if (strcmp(words->name, name) == 0)
			return words;
	return NULL;
}
