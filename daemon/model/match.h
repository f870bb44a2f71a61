/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_MODEL_MATCH_H
#define DAEMON_MODEL_MATCH_H

/* Which certificates of the source an entry of the configuration means. */

#include "daemon/model/desired.h"
#include "daemon/model/observed.h"

/**
 * source_matches(entry, certificate):
 * Does ${entry} name ${certificate} by its ARN, or match it by domain or tags?  A domain matches
 * the certificate's domain or any of its names, whatever the case; "*.example.com" matches names
 * of one label more, "*.example.com" itself among them.  Tags match when all of the entry's are
 * there. Whether the certificate can be carried is another question.
 */
bool source_matches(
	const struct desired_certificate *entry, const struct source_certificate *certificate);

#endif
