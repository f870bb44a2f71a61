/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/asn1.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/transfer/verify.h"
#include "daemon/transfer/verify_rule.h"
#include "lib/base/bounded.h"
#include "lib/base/strv.h"

/* Another loss: one more clause of the sentence about the renewed certificate that the text becomes. */
static void lose(struct change *change, unsigned what, char *clause)
{
	char *text = change->text ? mem_printf("%s; it %s", change->text, clause)
				  : mem_printf("the renewed certificate %s", clause);

	change->lost |= what;
	free(change->text);
	change->text = bounded(text, CHANGE_TEXT_MOST);
	free(clause);
}

static void compare_names(
	const struct certificate *leaf, const struct certificate *in_place, struct change *change)
{
	_cleanup_(strv_freep) char **lost = NULL;
	_cleanup_(freep) char *list = NULL;

	STRV_FOREACH (name, in_place->names)
		if (!strv_has(leaf->names, *name) && !certificate_covers(leaf, *name))
			strv_append(&lost, *name);
	STRV_FOREACH (name, in_place->other_names)
		if (!strv_has(leaf->other_names, *name))
			strv_append(&lost, *name);
	if (!lost)
		return;
	list = bounded_join(lost, "'");
	lose(change, ACCEPT_NAMES,
		mem_printf("lacks the %s %s", lost[1] ? "names" : "name", list));
}

/* "clientAuth" as people write it, or the OID itself. */
static char *usage_name(const char *oid)
{
	ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
	int nid = object ? OBJ_obj2nid(object) : NID_undef;

	ASN1_OBJECT_free(object);
	if (strcmp(oid, OID_SERVER_AUTH) == 0)
		return mem_strdup("serverAuth");
	if (strcmp(oid, OID_CLIENT_AUTH) == 0)
		return mem_strdup("clientAuth");
	return mem_strdup(nid == NID_undef ? oid : OBJ_nid2sn(nid));
}

static void compare_usage(const struct certificate *leaf, const struct certificate *in_place,
	const char *oid, char ***lost)
{
	_cleanup_(freep) char *name = NULL;

	if (!certificate_has_usage(in_place, oid) || certificate_has_usage(leaf, oid))
		return;
	name = usage_name(oid);
	strv_append(lost, name);
}

/* A certificate without the extension may be used for anything: then the two that matter are
 * compared. */
static void compare_usages(
	const struct certificate *leaf, const struct certificate *in_place, struct change *change)
{
	_cleanup_(strv_freep) char **lost = NULL;
	_cleanup_(freep) char *list = NULL;

	compare_usage(leaf, in_place, OID_CLIENT_AUTH, &lost);
	change->lost_client_auth = lost != NULL;
	compare_usage(leaf, in_place, OID_SERVER_AUTH, &lost);
	STRV_FOREACH (oid, in_place->extended_key_usages)
		if (strcmp(*oid, OID_CLIENT_AUTH) != 0 && strcmp(*oid, OID_SERVER_AUTH) != 0 &&
			strcmp(*oid, OID_ANY_USAGE) != 0)
			compare_usage(leaf, in_place, *oid, &lost);
	if (!lost)
		return;
	list = bounded_join(lost, "");
	lose(change, ACCEPT_CLIENT_AUTH,
		mem_printf("lacks the extended key %s %s", lost[1] ? "usages" : "usage", list));
}

/* The key that signed it, as far as the certificate itself says: equal, or at least one does not
 * say. */
static bool same_authority_key(const struct certificate *a, const struct certificate *b)
{
	const ASN1_OCTET_STRING *of_a = X509_get0_authority_key_id(a->x509);
	const ASN1_OCTET_STRING *of_b = X509_get0_authority_key_id(b->x509);

	return !of_a || !of_b || ASN1_OCTET_STRING_cmp(of_a, of_b) == 0;
}

static bool same_issuer(const struct bundle *bundle, const struct certificate *in_place,
	const struct certificate_list *chain_in_place)
{
	if (bundle->chain.count > 0 && chain_in_place && chain_in_place->count > 0)
		return same_ca(bundle->chain.items[0], chain_in_place->items[0]);
	return X509_NAME_cmp(X509_get_issuer_name(bundle->leaf->x509),
		       X509_get_issuer_name(in_place->x509)) == 0 &&
	       same_authority_key(bundle->leaf, in_place);
}

static void compare_issuers(const struct bundle *bundle, const struct certificate *in_place,
	const struct certificate_list *chain_in_place, struct change *change)
{
	const char *before = in_place->issuer, *after = bundle->leaf->issuer;

	if (same_issuer(bundle, in_place, chain_in_place))
		return;
	if (strcmp(before, after) == 0)
		lose(change, ACCEPT_ISSUER,
			mem_printf("comes from the issuing CA (%s) with another key", after));
	else
		lose(change, ACCEPT_ISSUER,
			mem_printf("comes from the issuing CA (%s) instead of (%s)", after, before));
}

static void compare_roots(const struct certificate_list *chain,
	const struct certificate_list *chain_in_place, struct change *change)
{
	const struct certificate *before, *after;

	if (!certificate_list_has_root(chain) || !certificate_list_has_root(chain_in_place))
		return;
	before = chain_in_place->items[chain_in_place->count - 1];
	after = chain->items[chain->count - 1];
	if (same_ca(before, after))
		return;
	if (strcmp(before->subject, after->subject) == 0)
		lose(change, ACCEPT_ISSUER,
			mem_printf("has the root (%s) with another key", WHO(after)));
	else
		lose(change, ACCEPT_ISSUER,
			mem_printf("has the root (%s) instead of (%s)", WHO(after), WHO(before)));
}

void verify_change(const struct bundle *bundle, const struct certificate *in_place,
	const struct certificate_list *chain_in_place, struct change *ret_change)
{
	*ret_change = (struct change){ 0 };
	compare_names(bundle->leaf, in_place, ret_change);
	compare_usages(bundle->leaf, in_place, ret_change);
	if (!certificate_list_has_root(&bundle->chain) && !certificate_list_has_root(chain_in_place))
		return;
	compare_issuers(bundle, in_place, chain_in_place, ret_change);
	compare_roots(&bundle->chain, chain_in_place, ret_change);
}

enum anchor_standing verify_standing(const struct bundle *bundle, const struct anchor_known *known)
{
	const struct fingerprint *wanted =
		fingerprint_is_set(&known->recorded) ? &known->recorded : &known->borne;

	if (known->pin == PIN_DISAGREES)
		return ANCHOR_OTHER;
	if (known->pin == PIN_AGREES && known->confirmed)
		return ANCHOR_KNOWN;
	if (!fingerprint_is_set(wanted))
		return known->confirmed || known->own ? ANCHOR_FORGOTTEN : ANCHOR_KNOWN;
	for (size_t i = 0; i < bundle->chain.count; i++) {
		struct fingerprint digest;

		certificate_authority_digest(bundle->chain.items[i], &digest);
		if (fingerprint_equal(&digest, wanted))
			return ANCHOR_KNOWN;
	}
	return ANCHOR_OTHER;
}

void verify_add_anchor(
	const struct bundle *bundle, enum anchor_standing standing, struct change *change)
{
	const struct certificate *end =
		bundle->chain.count ? bundle->chain.items[bundle->chain.count - 1] : bundle->leaf;

	if (standing == ANCHOR_KNOWN || change->lost & ACCEPT_ISSUER)
		return;
	if (standing == ANCHOR_OTHER)
		lose(change, ACCEPT_ISSUER,
			mem_printf("has a chain that ends at (%s), not at the root that certferry pinned "
				   "when it first saw one",
				end->subject));
	else
		lose(change, ACCEPT_ISSUER,
			mem_printf("has a chain that ends at (%s), and neither the state database nor "
				   "the object's mark certferry:anchor says whether certferry trusted "
				   "that root here before",
				end->subject));
}

void verify_add_key(
	const struct bundle *bundle, const struct certificate *in_place, struct change *change)
{
	const char *before = in_place->key_algorithm, *after = bundle->leaf->key_algorithm;

	if (strcmp(before, after) != 0)
		lose(change, CHANGE_KEY,
			mem_printf("has a key of another kind (%s instead of %s)", after, before));
}

void verify_add_unknown(struct change *change)
{
	lose(change, CHANGE_UNKNOWN,
		mem_strdup("replaces one that certferry cannot read, so it cannot tell whether "
			   "names, usages or the "
			   "issuer are lost"));
}

static bool same_organization(const X509_NAME *a, const X509_NAME *b)
{
	char of_a[256], of_b[256];

	return X509_NAME_get_text_by_NID(a, NID_organizationName, of_a, sizeof(of_a)) > 0 &&
	       X509_NAME_get_text_by_NID(b, NID_organizationName, of_b, sizeof(of_b)) > 0 &&
	       strcmp(of_a, of_b) == 0;
}

bool verify_same_authority(const struct bundle *bundle, const struct certificate *in_place,
	const struct certificate_list *chain_in_place)
{
	if (same_issuer(bundle, in_place, chain_in_place))
		return true;
	return !certificate_list_has_root(&bundle->chain) &&
	       !certificate_list_has_root(chain_in_place) &&
	       same_organization(X509_get_issuer_name(bundle->leaf->x509),
		       X509_get_issuer_name(in_place->x509));
}

void change_done(struct change *change)
{
	free(change->text);
	*change = (struct change){ 0 };
}

bool verify_change_held(const struct change *change, unsigned accepted, enum usage usage,
	usec_t now, usec_t yields_at)
{
	unsigned open = change->lost & ~accepted;

	if (!open)
		return false;
	if (usage == USAGE_CLIENT && change->lost_client_auth && open & ACCEPT_CLIENT_AUTH)
		return true;
	return now < yields_at;
}
