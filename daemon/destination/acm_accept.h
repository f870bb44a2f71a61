/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DESTINATION_ACM_ACCEPT_H
#define DAEMON_DESTINATION_ACM_ACCEPT_H

/* What ACM refuses to import; pure. */

#include "daemon/model/bundle.h"
#include "daemon/model/delivery.h"

/* acm_accepts(delivery, bundle, in_place, err): see destination_accepts(). */
int acm_accepts(const struct delivery *delivery, const struct bundle *bundle,
	const struct certificate *in_place, struct error *err);

/**
 * acm_accepts_over(leaf, in_place, err):
 * ACM's rules for importing again alone, for showing beforehand whether an import of somebody
 * else's may be taken over: needs no key and no chain.
 */
int acm_accepts_over(
	const struct certificate *leaf, const struct certificate *in_place, struct error *err);

/* acm_note(place, bundle): ACM of us-east-1 takes what CloudFront cannot use; see destination_note(). */
const char *acm_note(const struct place *place, const struct bundle *bundle);

#endif
