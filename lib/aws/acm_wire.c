/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/aws/acm_wire.h"

#include <stdlib.h>
#include <string.h>

#include "lib/aws/compose.h"
#include "lib/aws/member.h"
#include "lib/base/strv.h"
#include "lib/pki/secret.h"

#define LIST_PAGE   1000
#define SEARCH_PAGE 500

/* Unless all are named, EC and the larger RSA certificates are left out without a word, and so are those that ACME
 * clients requested; those of N2 are in no listing that does not name them, nor anything else in one that does. */
json_t *acm_list_body(enum acm_scope scope)
{
	json_t *body = json_pack("{s:i, s:{s:[s, s, s, s, s, s, s]}}", "MaxItems", LIST_PAGE,
		"Includes", "keyTypes", "RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096",
		"EC_prime256v1", "EC_secp384r1", "EC_secp521r1");

	if (scope == ACM_SCOPE_ORIGINS || scope == ACM_SCOPE_N2)
		json_object_set_new(body, "CertificateKeyPairOrigins",
			json_pack("[s, s, s]", "AWS_MANAGED", "ACME", "CUSTOMER_PROVIDED"));
	if (scope == ACM_SCOPE_N2)
		json_object_set_new(body, "RootHierarchyTypes",
			json_pack("[s, s]", "N2_AMAZON_MANAGED", "N2_SFG2_AMAZON_MANAGED"));
	return body;
}

json_t *acm_search_body(usec_t since)
{
	json_int_t start = (json_int_t)(since / USEC_PER_SEC);

	return json_pack("{s:i, s:{s:{s:{s:{s:I}}}}}", "MaxResults", SEARCH_PAGE, "FilterStatement",
		"Filter", "X509AttributeFilter", "NotBefore", "Start", start);
}

struct export_parameters {
	const char *arn;
	const struct secret *passphrase;
};

static void export_members(struct compose *c, const void *data)
{
	const struct export_parameters *export = data;

	compose_string(c, "CertificateArn", export->arn);
	compose_blob(c, "Passphrase", secret_borrow(export->passphrase),
		secret_length(export->passphrase));
}

int acm_export_body(const char *arn, const struct secret *passphrase, struct secret **ret_body,
	struct error *err)
{
	struct export_parameters export = { .arn = arn, .passphrase = passphrase };

	return compose(export_members, &export, ret_body, err);
}

static void import_members(struct compose *c, const void *data)
{
	const struct acm_import *import = data;

	compose_string(c, "CertificateArn", import->arn);
	compose_blob(c, "Certificate", import->leaf, strlen(import->leaf));
	compose_blob(c, "PrivateKey", secret_borrow(import->key), secret_length(import->key));
	if (import->chain && *import->chain) /* an empty member is refused */
		compose_blob(c, "CertificateChain", import->chain, strlen(import->chain));
	compose_tags(c, "Tags", import->tags);
}

int acm_import_body(const struct acm_import *import, struct secret **ret_body, struct error *err)
{
	return compose(import_members, import, ret_body, err);
}

json_t *acm_add_tags_body(const char *arn, char *const *tags)
{
	return json_pack("{s:s, s:o}", "CertificateArn", arn, "Tags", member_tag_list(tags));
}

/* ${arn} from its region on, when it is of the form arn:PARTITION:acm:REGION:...; else NULL. */
static const char *find_region(const char *arn)
{
	const char *partition_end;

	if (strncmp(arn, "arn:", 4) != 0)
		return NULL;
	partition_end = strchr(arn + 4, ':');
	if (!partition_end || strncmp(partition_end, ":acm:", 5) != 0)
		return NULL;
	return partition_end + 5;
}

char *acm_arn_region(const char *arn)
{
	const char *region = find_region(arn), *end = region ? strchr(region, ':') : NULL;
	size_t digits;

	if (!end || end == region)
		return NULL;
	digits = strspn(end + 1, "0123456789");
	if (digits == 0 || end[1 + digits] != ':' || !end[2 + digits])
		return NULL;
	return mem_strndup(region, (size_t)(end - region));
}

int acm_check_arn(const char *arn, struct error *err)
{
	_cleanup_(freep) char *region = arn ? acm_arn_region(arn) : NULL;

	if (region)
		return 0;
	return error_set(err, ERROR_RETRY, 0,
		arn ? "response whose CertificateArn is not an ACM ARN" : "response without CertificateArn");
}

int acm_parse_arn(const json_t *answer, const char **ret_arn, struct error *err)
{
	const char *arn = member_string(answer, "CertificateArn");
	int r;

	r = acm_check_arn(arn, err);
	if (r == 0)
		*ret_arn = arn;
	return r;
}

char *acm_algorithm(char *name)
{
	size_t family = name ? strcspn(name, "-_") : 0;

	if (family && name[family] == '-')
		name[family] = '_';
	return name;
}

void acm_summary_done(struct acm_summary *summary)
{
	free(summary->arn);
	free(summary->domain);
	strv_free(summary->names);
	free(summary->status);
	free(summary->type);
	free(summary->key_algorithm);
	free(summary->serial);
	*summary = (struct acm_summary){ 0 };
}

static const struct member material_members[] = { { "CertificateChain", MEMBER_STRING }, { 0 } };

int acm_parse_material(
	const json_t *answer, const char **ret_leaf, const char **ret_chain, struct error *err)
{
	const char *chain = member_string(answer, "CertificateChain"), *leaf;
	int r;

	r = member_check(answer, material_members, err);
	if (r == 0)
		r = member_need(answer, "Certificate", &leaf, err);
	if (r < 0)
		return r;
	if (!strstr(leaf, "-----BEGIN CERTIFICATE-----"))
		return error_set(err, ERROR_RETRY, 0, "response whose Certificate is not PEM");
	*ret_leaf = leaf;
	*ret_chain = chain ? chain : "";
	return 0;
}
