/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_TRANSFER_VERIFY_TERMS_H
#define DAEMON_TRANSFER_VERIFY_TERMS_H

/* By what a bundle is judged: the rules, and what was asked for.  For verify.h and the files behind it. */

#include "daemon/model/desired.h"

struct certificate_list;

struct verify_terms {
	usec_t now; /* by the corrected clock */
	/* Trusted: source.trust, else the anchor recorded when first seen.  NULL or none: the
	 * chain's own end is accepted. */
	const struct certificate_list *anchors;
	char *const *names; /* names of any kind that the leaf must cover; NULL: none asked for */
	enum usage usage;
};

#endif
