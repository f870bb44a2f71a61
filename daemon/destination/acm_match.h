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
	struct error error; /* why its tags could not be read, as ACM says it */
	char **in_use_by; /* the first USERS_OF_CANDIDATE, where that was read */
	size_t users; /* of which there are so many */
};

/* Sorted by ARN. */
struct import_list {
	struct import *items;
	size_t count;
	struct import_key *keys; /* by which those that concern an item are found; NULL: not made yet */
	size_t key_count;
};

/* import_find(imports, arn): or NULL. */
struct import *import_find(const struct import_list *imports, const char *arn);

/*
 * import_list_add(imports, arn): the one of that ARN, put in its place when it is not there
 * yet; pointers to others are void afterwards.
 */
struct import *import_list_add(struct import_list *imports, const char *arn);

/* import_keep_users(import, users): ${users}, copied, as far as somebody is shown them. */
void import_keep_users(struct import *import, char *const *users);

/* import_list_sort(imports): after items were appended in any order. */
void import_list_sort(struct import_list *imports);

/*
 * import_list_index(imports): names or tags have changed, or imports were appended: how match_concerned() finds those that
 * concern an item is made again.  What adds or drops an import does the same when it is needed.
 */
void import_list_index(struct import_list *imports);

/* import_list_keep_unreadable(imports): forget all whose tags could be read, or were not asked for. */
void import_list_keep_unreadable(struct import_list *imports);

void import_list_done(struct import_list *imports);

/* An import, and what it has in common with an item. */
struct concern {
	struct import *import;
	bool meets; /* they share a name, or one covers a name of the other */
	bool same_name; /* they share one */
};

/* Some of a list, in its order. */
struct concerned {
	struct concern *items;
	size_t count;
};

/**
 * match_concerned(imports, item, all, concerned):
 * Every import that shares a name with ${item}, or that by its own tags or by those that the search found is ${item}'s; and
 * perhaps others, so that each is still to be asked what it is.  With ${all}, all of them.  Release with
 * concerned_done(); the imports are borrowed.
 */
void match_concerned(
	struct import_list *imports, const struct look_item *item, bool all, struct concerned *ret_concerned);
void concerned_done(struct concerned *concerned);

/* match_known(imports, item): the one that the configuration or else the record names, or NULL. */
struct import *match_known(const struct import_list *imports, const struct look_item *item);

/**
 * match_needs_tags(concern, item, unsearched):
 * Can it not be told whose the import is, as far as ${item} is concerned, before its tags are read?
 * Of an import that the search finds, or that shares a name; with ${unsearched} (the search is
 * denied) of every one.
 */
bool match_needs_tags(const struct concern *concern, const struct look_item *item, bool unsearched);

/*
 * match_tagged(imports, item): the one whose own tags say that it is ${item}'s, or NULL; of
 * several the one in use, else the first by ARN, so that two hosts choose alike.
 */
struct import *match_tagged(struct import_list *imports, const struct look_item *item);

struct best;

/**
 * match_formers(imports, item, best):
 * Those that by their own tags certferry imported for the same object of another source
 * certificate, and that keep a name: the best first. Where there is one, and ACM would admit a
 * re-import over it (match_admits()), ${item} goes on with it.
 */
void match_formers(
	struct import_list *imports, const struct look_item *item, struct best *ret_best);

/* match_admits(import, item): would ACM admit a re-import of ${item} over it, as far as can be
 * told from what it lists? */
bool match_admits(
	struct import_list *imports, const struct import *import, const struct look_item *item);

/*
 * match_unreadable(imports, item, unsearched): one that concerns ${item}, is not the one that
 * it is known to have had, and whose tags could not be read; or NULL.
 */
struct import *match_unreadable(struct import_list *imports, const struct look_item *item, bool unsearched);

/*
 * match_is_candidate(concern): does it share a name, and belong to no delivery of
 * certferry?
 */
bool match_is_candidate(const struct concern *concern);

/* match_only_in_use(imports, item): the only candidate that is in use; NULL: none, or several. */
struct import *match_only_in_use(struct import_list *imports, const struct look_item *item);

/* Those candidates that are shown to a person, the best first. */
struct best {
	struct concern items[CANDIDATES_OF_DELIVERY];
	size_t count;
	size_t total; /* of all candidates */
};

/*
 * match_best(imports, item, best): the candidates that a person most likely means: what ACM would admit a re-import over
 * before what it would refuse, then those in use, then what expires last, then by ARN.
 */
void match_best(struct import_list *imports, const struct look_item *item, struct best *ret_best);

/*
 * match_fill_candidates(imports, item, seen): the best candidates, with why ACM would refuse a
 * re-import over each, and how many there are. match_fill_best(best, item, seen): the same of
 * those in ${best}.
 */
void match_fill_candidates(struct import_list *imports, const struct look_item *item, struct observed *seen);
void match_fill_best(const struct best *best, const struct look_item *item, struct observed *seen);

/* match_one(imports, import, item, best): ${import} alone. */
void match_one(struct import_list *imports, struct import *import, const struct look_item *item,
	struct best *ret_best);

/* match_revision(summary): "NotBefore NotAfter ImportedAt"; the caller owns it. */
char *match_revision(const struct acm_summary *summary);

#endif
