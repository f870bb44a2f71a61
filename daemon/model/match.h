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

/*
 * The entries of a configuration, found by what a certificate shows: with many of both, source_matches() for each pair
 * takes longer than all else.
 */
struct match_index;

/* match_index_new(desired): ${desired} is borrowed as long as the result. */
struct match_index *match_index_new(const struct desired *desired);
struct match_index *match_index_free(struct match_index *index);

DEFINE_CLEANUP(struct match_index *, match_index_free);

/**
 * match_index_find(index, certificate, entries):
 * How many entries mean ${certificate}, as source_matches() says it; ${ret_entries}: which, as indices into the
 * configuration's certificates, each once and in their order; they are the index's until it is asked again.
 */
size_t match_index_find(
	struct match_index *index, const struct source_certificate *certificate, const size_t **ret_entries);

#endif
