/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DESTINATION_ACM_MATCH_H
#define DAEMON_DESTINATION_ACM_MATCH_H

/*
 * Which of an account's imports is a delivery's own, and which stand in its way.  Pure: what was
 * listed, what was found by tag and which tags were read are given.
 */

#include "daemon/destination/destination.h"
#include "lib/aws/acm.h"

/* One imported certificate of the account and region. */
struct import {
	struct acm_summary summary;
	bool listed; /* false: only the search by tag knows it; of the summary, only arn is set */
	char **found_tags; /* what the search by tag says of it; it lags, so that it is no proof */
	char **tags; /* what the certificate itself says; valid with tags_read */
	bool tags_read;
	struct error error; /* why its tags could not be read */
	char **in_use_by; /* where that was read */
};

/* Sorted by ARN. */
struct import_list {
	struct import *items;
	size_t count;
	struct import_key *keys; /* by which import_list_index() finds them; NULL: it was not called */
	size_t key_count;
};

/* import_find(imports, arn): or NULL. */
struct import *import_find(const struct import_list *imports, const char *arn);

/*
 * import_list_add(imports, arn): the one of that ARN, put in its place when it is not there
 * yet; pointers to others are void afterwards.
 */
struct import *import_list_add(struct import_list *imports, const char *arn);

/* import_list_sort(imports): after items were appended in any order. */
void import_list_sort(struct import_list *imports);

/*
 * import_list_index(imports): from now on match_concerned() finds those that concern an item without going through all of
 * them.  To be called again when names or tags have changed; what adds an import takes the index away.
 */
void import_list_index(struct import_list *imports);

/* import_list_keep_unreadable(imports): forget all whose tags could be read, or were not asked for. */
void import_list_keep_unreadable(struct import_list *imports);

void import_list_done(struct import_list *imports);

/* Some of a list, in its order. */
struct concerned {
	struct import **imports;
	size_t count;
};

/**
 * match_concerned(imports, item, all):
 * Every import that shares a name with ${item}, or that by its own tags or by those that the search found is ${item}'s; and
 * perhaps others, so that each is still to be asked what it is.  With ${all}, or without an index, all of them.  Release with
 * concerned_done(); the imports are borrowed.
 */
void match_concerned(
	const struct import_list *imports, const struct look_item *item, bool all, struct concerned *ret_concerned);
void concerned_done(struct concerned *concerned);

/* match_known(imports, item): the one that the configuration or else the record names, or NULL. */
struct import *match_known(const struct import_list *imports, const struct look_item *item);

/**
 * match_needs_tags(import, item, unsearched):
 * Can it not be told whose ${import} is, as far as ${item} is concerned, before its tags are read?
 * Of an import that the search finds, or that shares a name; with ${unsearched} (the search is
 * denied) of every one.
 */
bool match_needs_tags(const struct import *import, const struct look_item *item, bool unsearched);

/*
 * match_tagged(imports, item): the one whose own tags say that it is ${item}'s, or NULL; of
 * several the one in use, else the first by ARN, so that two hosts choose alike.
 */
struct import *match_tagged(const struct import_list *imports, const struct look_item *item);

/*
 * match_unreadable(imports, item, unsearched): one that concerns ${item}, is not the one that
 * it is known to have had, and whose tags could not be read; or NULL.
 */
struct import *match_unreadable(
	const struct import_list *imports, const struct look_item *item, bool unsearched);

/*
 * match_is_candidate(import, item): does it share a name, and belong to no delivery of
 * certferry?
 */
bool match_is_candidate(const struct import *import, const struct look_item *item);

/* match_only_in_use(imports, item): the only candidate that is in use; NULL: none, or several. */
struct import *match_only_in_use(const struct import_list *imports, const struct look_item *item);

/*
 * match_fill_candidates(imports, item, seen): every candidate, with why ACM would refuse a
 * re-import over it.
 */
void match_fill_candidates(
	const struct import_list *imports, const struct look_item *item, struct observed *seen);

/* match_revision(summary): "NotBefore NotAfter ImportedAt"; the caller owns it. */
char *match_revision(const struct acm_summary *summary);

#endif
