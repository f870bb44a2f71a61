/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same path once more, by OpenSSL, which knows rules that are not spelled out here: name
 * constraints, path lengths, policies' syntax, explicit curves, and whatever its authors learn.
 */
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "daemon/transfer/verify_rule.h"

static enum rule rule_of(int code)
{
	switch (code) {
	case X509_V_ERR_PATH_LENGTH_EXCEEDED:
		return RULE_PATH_LENGTH;
	case X509_V_ERR_PERMITTED_VIOLATION:
	case X509_V_ERR_EXCLUDED_VIOLATION:
	case X509_V_ERR_SUBTREE_MINMAX:
	case X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE:
	case X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX:
	case X509_V_ERR_UNSUPPORTED_NAME_SYNTAX:
		return RULE_NAME_CONSTRAINTS;
	case X509_V_ERR_INVALID_CA:
		return RULE_ISSUER_IS_CA;
	case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
		return RULE_ISSUER_MAY_SIGN;
	case X509_V_ERR_INVALID_EXTENSION:
		return RULE_EXTENSIONS_READABLE;
	case X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION:
		return RULE_CRITICAL_EXTENSION;
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
		return RULE_ISSUER_SIGNATURE;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		return RULE_ANCHOR_TRUSTED;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return RULE_ANCHOR_EXPIRED;
	default:
		return RULE_PATH;
	}
}

static int refuse_path(X509_STORE_CTX *context, struct error *err)
{
	int code = X509_STORE_CTX_get_error(context);

	if (code == X509_V_ERR_OUT_OF_MEM)
		mem_exhausted();
	return refuse(err, rule_of(code),
		"OpenSSL rejects certificate %d of the path to the trusted root: %s",
		X509_STORE_CTX_get_error_depth(context), X509_verify_cert_error_string(code));
}

/*
 * Trust the anchors, or, where there are none yet, the chain's own end.  OpenSSL would take an
 * expired anchor for the end of a path that goes on to a valid one: it is left out, as verify_chain()
 * has found one that is valid.
 */
static X509_STORE *make_store(const struct bundle *bundle, const struct verify_terms *terms)
{
	const struct certificate_list *anchors = terms->anchors;
	struct certificate_list end = { NULL, 1 };
	X509_STORE *store = X509_STORE_new();

	if (!store)
		mem_exhausted();
	if (!anchors || anchors->count == 0) {
		end.items = &bundle->chain.items[bundle->chain.count - 1];
		anchors = &end;
	}
	for (size_t i = 0; i < anchors->count; i++)
		if (terms->now < anchors->items[i]->not_after &&
			!X509_STORE_add_cert(store, anchors->items[i]->x509))
			mem_exhausted();
	return store;
}

static STACK_OF(X509) * make_stack(const struct certificate_list *chain)
{
	STACK_OF(X509) *stack = sk_X509_new_null();

	for (size_t i = 0; stack && i < chain->count; i++)
		if (!sk_X509_push(stack, chain->items[i]->x509))
			mem_exhausted();
	if (!stack)
		mem_exhausted();
	return stack;
}

static int verify_in(X509_STORE_CTX *context, const struct verify_terms *terms, struct error *err)
{
	X509_VERIFY_PARAM *parameters = X509_STORE_CTX_get0_param(context);

	X509_VERIFY_PARAM_set_time(parameters, (time_t)(terms->now / USEC_PER_SEC));
	X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN);
	return X509_verify_cert(context) == 1 ? 0 : refuse_path(context, err);
}

int verify_path(const struct bundle *bundle, const struct verify_terms *terms, struct error *err)
{
	X509_STORE *store = make_store(bundle, terms);
	STACK_OF(X509) *stack = make_stack(&bundle->chain);
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	int r;

	if (!context || !X509_STORE_CTX_init(context, store, bundle->leaf->x509, stack))
		mem_exhausted();
	r = verify_in(context, terms, err);
	X509_STORE_CTX_free(context);
	sk_X509_free(stack);
	X509_STORE_free(store);
	ERR_clear_error();
	return r;
}
