/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/model/rule.h"

#include <stdarg.h>
#include <stdbool.h>

#include "lib/base/mem.h"

static const char *const rule_names[] = {
	[RULE_LEAF_READABLE] = "leaf-readable",
	[RULE_CHAIN_READABLE] = "chain-readable",
	[RULE_LEAF_VERSION] = "leaf-version",
	[RULE_LEAF_NOT_CA] = "leaf-not-ca",
	[RULE_LEAF_ISSUER] = "leaf-issuer",
	[RULE_LEAF_NAMES] = "leaf-names",
	[RULE_EXTENSIONS_READABLE] = "extensions-readable",
	[RULE_CRITICAL_EXTENSION] = "critical-extension",
	[RULE_KEY_ALGORITHM] = "key-algorithm",
	[RULE_RSA_SIZE] = "rsa-size",
	[RULE_EC_CURVE] = "ec-curve",
	[RULE_SIGNATURE_ALGORITHM] = "signature-algorithm",
	[RULE_KEY_READABLE] = "key-readable",
	[RULE_KEY_MATCHES_LEAF] = "key-matches-leaf",
	[RULE_CHAIN_MISSING] = "chain-missing",
	[RULE_LEAF_IN_CHAIN] = "leaf-in-chain",
	[RULE_CHAIN_DUPLICATE] = "chain-duplicate",
	[RULE_CHAIN_FOREIGN] = "chain-foreign",
	[RULE_CHAIN_ORDER] = "chain-order",
	[RULE_CHAIN_GAP] = "chain-gap",
	[RULE_ISSUER_SIGNATURE] = "issuer-signature",
	[RULE_ISSUER_IS_CA] = "issuer-is-ca",
	[RULE_ISSUER_MAY_SIGN] = "issuer-may-sign",
	[RULE_PATH_LENGTH] = "path-length",
	[RULE_NAME_CONSTRAINTS] = "name-constraints",
	[RULE_ANCHOR_TRUSTED] = "anchor-trusted",
	[RULE_ANCHOR_KEY] = "anchor-key",
	[RULE_ANCHOR_EXPIRED] = "anchor-expired",
	[RULE_PATH] = "path",
	[RULE_LEAF_EXPIRED] = "leaf-expired",
	[RULE_LEAF_NOT_YET_VALID] = "leaf-not-yet-valid",
	[RULE_CHAIN_EXPIRED] = "chain-expired",
	[RULE_CHAIN_NOT_YET_VALID] = "chain-not-yet-valid",
	[RULE_LEAF_OUTLIVES_ISSUER] = "leaf-outlives-issuer",
	[RULE_NAME_COVERED] = "name-covered",
	[RULE_USAGE_SERVER] = "usage-server",
	[RULE_USAGE_CLIENT] = "usage-client",
	[RULE_ACM_KEY_SIZE] = "acm-key-size",
	[RULE_ACM_LEAF_SIZE] = "acm-leaf-size",
	[RULE_ACM_CHAIN_SIZE] = "acm-chain-size",
	[RULE_ACM_KEY_ALGORITHM] = "acm-key-algorithm",
	[RULE_ACM_CA_ALGORITHM] = "acm-ca-algorithm",
	[RULE_ACM_OCSP_URL] = "acm-ocsp-url",
	[RULE_ACM_KEY_TYPE_KEPT] = "acm-key-type-kept",
	[RULE_ACM_KEY_SIZE_KEPT] = "acm-key-size-kept",
	[RULE_ACM_NAME_KEPT] = "acm-name-kept",
	[RULE_ACM_KEY_USAGE_KEPT] = "acm-key-usage-kept",
	[RULE_ACM_KEY_USAGE_ADDED] = "acm-key-usage-added",
	[RULE_ACM_EXTENDED_USAGE_KEPT] = "acm-extended-usage-kept",
	[RULE_ACM_EXTENDED_USAGE_ADDED] = "acm-extended-usage-added",
	[RULE_SECRET_SIZE] = "secret-size",
};

const char *rule_name(enum rule rule)
{
	return (unsigned)rule < RULES ? rule_names[rule] : NULL;
}

int refuse(struct error *err, enum rule rule, const char *format, ...)
{
	bool early = rule == RULE_LEAF_NOT_YET_VALID || rule == RULE_CHAIN_NOT_YET_VALID;
	_cleanup_(freep) char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	text = mem_vprintf(format, arguments);
	va_end(arguments);
	return error_set(err, early ? ERROR_RETRY : ERROR_INVALID, 0, "rule '%s': %s",
		rule_names[rule], text);
}
