/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_MODEL_VERSION_H
#define DAEMON_MODEL_VERSION_H

/* One issue of an artifact, as far as it can be known without its key. */

#include "daemon/model/artifact.h"

struct version {
	struct digest digest; /* of the artifact; not set: not known */
	struct fingerprint chain;	/* certificate_list_digest() of the chain behind the leaf */
	usec_t not_before;
	usec_t not_after;
};

/* version_is_older(a, b): by NotBefore; equal is not older. */
static inline bool version_is_older(const struct version *a, const struct version *b)
{
	return a->not_before < b->not_before;
}

#endif
