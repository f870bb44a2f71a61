/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_MODEL_BUNDLE_H
#define DAEMON_MODEL_BUNDLE_H

/* Leaf, chain and private key of one version.  The key is in the secure heap and wiped with the bundle. */

#include "daemon/model/version.h"
#include "lib/pki/secret.h"

struct bundle {
	struct certificate *leaf;
	struct certificate_list chain; /* issuer first; for private CAs up to and including the root */
	struct secret *key;	       /* unencrypted traditional PEM */
};

/* bundle_version(bundle): its version. */
struct version bundle_version(const struct bundle *bundle);

/**
 * bundle_anchor(bundle, anchor):
 * Where its chain ends: certificate_authority_digest() of its last certificate; unset where there is no chain.
 */
void bundle_anchor(const struct bundle *bundle, struct fingerprint *ret_anchor);

/* bundle_free(bundle): wipe and release; NULL is fine; returns NULL. */
struct bundle *bundle_free(struct bundle *bundle);

DEFINE_CLEANUP(struct bundle *, bundle_free);

#endif
