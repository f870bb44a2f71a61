/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_MODEL_WHOSE_H
#define DAEMON_MODEL_WHOSE_H

/*
 * Who put there what is in place at a delivery's object?  The record says it, or where there is
 * none of it what the object bears and looks like. Dates tell versions of one source certificate
 * apart, and nothing else: what another authority or another request made is not older because it
 * begins earlier.
 */

#include "daemon/model/delivery.h"
#include "daemon/model/observed.h"
#include "daemon/model/recorded.h"

enum whose {
	WHOSE_OURS, /* a version of the delivery's source certificate, or what the configuration says to take over */
	WHOSE_FORMER, /* of another one, which certferry put there for this delivery before its entry was pointed at
		       * this one */
	WHOSE_OTHERS, /* certferry does not know that it put it there */
};

/**
 * whose(seen, delivery, record, exported, wanted):
 * Of what was ${seen}, PRESENT, with ${record} of the delivery (may be NULL); ${exported}: what
 * was exported last of the certificate; ${wanted}: the source's version. What cannot be seen (a
 * secret) is not OTHERS: that is told elsewhere. Without a record an import of the same tags
 * counts as ours by its dates alone: that it has the issuer of the wanted one, too, has to be
 * found out where both can be read (whose_needs_issuer()).
 */
enum whose whose(const struct observed *seen, const struct delivery *delivery,
	const struct delivery_record *record, const struct digest *exported,
	const struct version *wanted);

/* whose_needs_issuer(seen, delivery, record, exported): is it so? */
bool whose_needs_issuer(const struct observed *seen, const struct delivery *delivery,
	const struct delivery_record *record, const struct digest *exported);

/* whose_hold_text(seen, delivery): why what is in place, which is of OTHERS, is left there, and
 * what to do; the caller owns it. */
char *whose_hold_text(const struct observed *seen, const struct delivery *delivery);

#endif
