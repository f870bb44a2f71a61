/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_SOURCE_LISTING_H
#define DAEMON_SOURCE_LISTING_H

/*
 * A view of the source while it is being made, without a network: what was listed, united with
 * what was known, and what has to be read anew.
 */

#include "daemon/model/desired.h"
#include "daemon/model/match.h"
#include "daemon/model/observed.h"
#include "lib/aws/acm.h"

/* listing_add(view, region, summary): at the end; the summary's strings are taken over. */
void listing_add(struct source_view *view, const char *region, struct acm_summary *summary);

/* listing_size(certificate): the memory that it takes in a view that is being made, in bytes, about; for a struct
 * room. */
size_t listing_size(const struct source_certificate *certificate);

/* listing_tells_nothing(before, region, summary): is all that ${summary} says of a certificate of ${region} in
 * ${before} already, which has its ARN? */
bool listing_tells_nothing(
	const struct source_certificate *before, const char *region, const struct acm_summary *summary);

/* listing_sort(view): by ARN; of what was listed twice, the later version stays, and of equal ones that whose serial
 * is known. */
void listing_sort(struct source_view *view);

/**
 * listing_inherit(view, known, problems, doubted):
 * A sorted ${view} takes over the tags of what is known (NULL: nothing), and the version of what has not changed
 * since; its problem only if ${problems}, that is where this reading will not find it out anew.  What was issued at
 * or after ${doubted} and was listed without a serial is read again: a public certificate that is issued twice on one
 * day has the same dates both times.
 */
void listing_inherit(
	struct source_view *view, const struct source_view *known, bool problems, usec_t doubted);

/* listing_drop_known(view, known, seen): take out of a sorted ${view}, which has inherited, what is as it is known, or
 * older than what of ${known} has been ${seen}; it is ${seen} from now on. */
void listing_drop_known(struct source_view *view, const struct source_view *known, bool *seen);

/* listing_join(view, known, seen): put in copies of what is known, and ${seen} unless that is NULL, and not in ${view},
 * which is sorted again. */
void listing_join(struct source_view *view, const struct source_view *known, const bool *seen);

/* listing_needs_tags(desired): does an entry match by tags? */
bool listing_needs_tags(const struct desired *desired);

/* listing_needs_version(entries, certificate): its version is not known, it can be carried, and
 * an entry means it. */
bool listing_needs_version(
	struct match_index *entries, const struct source_certificate *certificate);

/**
 * listing_set_version(certificate, leaf, chain, err):
 * The version that GetCertificate answered (PEM).  ERROR_RETRY when it is an older one than was
 * listed: reads lag behind a renewal.  Clears the problem.
 */
int listing_set_version(struct source_certificate *certificate, const char *leaf, const char *chain,
	struct error *err);

#endif
