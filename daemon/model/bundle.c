/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/model/bundle.h"

#include <stdlib.h>

struct version bundle_version(const struct bundle *bundle)
{
	struct version version = {
		.digest = digest_of_leaf(&bundle->leaf->fingerprint),
		.not_before = bundle->leaf->not_before,
		.not_after = bundle->leaf->not_after,
	};

	certificate_list_digest(&bundle->chain, &version.chain);
	return version;
}

void bundle_anchor(const struct bundle *bundle, struct fingerprint *ret_anchor)
{
	const struct certificate_list *chain = &bundle->chain;

	*ret_anchor = (struct fingerprint){ 0 };
	if (chain->count > 0)
		certificate_authority_digest(chain->items[chain->count - 1], ret_anchor);
}

struct bundle *bundle_free(struct bundle *bundle)
{
	if (!bundle)
		return NULL;
	secret_free(bundle->key);
	certificate_list_done(&bundle->chain);
	certificate_free(bundle->leaf);
	free(bundle);
	return NULL;
}
