/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DESTINATION_ACM_ROLL_H
#define DAEMON_DESTINATION_ACM_ROLL_H

/*
 * The imports whose tags are read, without what was listed of them: some 30 bytes each, so that to read them, which takes
 * minutes where there are thousands, keeps no room that others need to list theirs.  What their tags say goes to a new
 * listing in the end.  Pure.
 */

#include "daemon/destination/acm_match.h"

struct acm_roll;

/**
 * acm_roll_new(imports, wanted, items, count):
 * Those of ${imports} whose tags were read, and those that are ${wanted}, a bool each.  ${items}, ${count} of them, for which
 * they are read, are borrowed until the end.  NULL: an ARN is not like the others up to a UUID, as those of ACM are.
 */
struct acm_roll *acm_roll_new(
	const struct import_list *imports, const bool *wanted, const struct look_item *items, size_t count);

/* acm_roll_size(roll): in bytes, with what whoever asks needs for each. */
size_t acm_roll_size(const struct acm_roll *roll);

/* acm_roll_find(roll, arn): its index, which it has until the end; it is there. */
size_t acm_roll_find(const struct acm_roll *roll, const char *arn);

/* acm_roll_arn(roll, index): the caller owns it. */
char *acm_roll_arn(const struct acm_roll *roll, size_t index);

/* acm_roll_note(roll, index, tags, err): what the tags of one say, or why they could not be read (and NULL). */
void acm_roll_note(struct acm_roll *roll, size_t index, char *const *tags, const struct error *err);

/* acm_roll_apply(roll, imports): ${imports}, listed anew, get what was read; one that is an item's and is not listed is
 * added. */
void acm_roll_apply(const struct acm_roll *roll, struct import_list *imports);

struct acm_roll *acm_roll_free(struct acm_roll *roll);

#endif
