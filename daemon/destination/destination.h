/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DESTINATION_DESTINATION_H
#define DAEMON_DESTINATION_DESTINATION_H

/*
 * Destinations: what is there, and putting a bundle there.  A file a kind (acm.c,
 * secretsmanager.c, file.c, vault.c); this header is all that others see.  All async: one completion, never
 * from inside start; cancel means no callback and does not undo a write already sent.  Nothing
 * here reads the record or decides whether to write: it is told what is known, and says what it
 * saw.
 */

#include "daemon/model/bundle.h"
#include "daemon/model/delivery.h"
#include "daemon/model/observed.h"
#include "daemon/model/outcome.h"
#include "lib/aws/aws.h"

struct destination_kept;
struct destination_look;
struct destination_put;
struct pulse;
struct sd_event;
struct vault_clients;

/* What one look at a place found out that the next needs as well, for looks at a part of its deliveries each.  Its room is
 * given to whoever waits for some. */
struct destination_keep {
	struct destination_kept *kept; /* NULL: nothing */
	size_t deliveries; /* that the place has in all */
	bool more; /* another look at some of them follows soon */
};

/* Where things run, for as long as they do.  ${aws} may be NULL when only files are configured. */
struct destination_context {
	struct sd_event *event;
	struct aws *aws;
	struct vault_clients *vaults; /* vault_clients.h; NULL where nothing is there */
	bool only_look; /* looks write nothing, not even what is left to be done of an earlier write (files) */
};

/* destination_keeps(keep): has the last look kept what the next one needs, so that it asks for nothing
 * but what has changed?  destination_forget(keep): release what is kept. */
bool destination_keeps(const struct destination_keep *keep);
void destination_forget(struct destination_keep *keep);

/* destination_now(context): the wall clock, by which places are looked at and put: corrected by AWS's where there is an
 * ${aws}. */
usec_t destination_now(const struct destination_context *context);

/* One delivery to look at, and what is known of it.  Borrowed until the completion. */
struct look_item {
	const struct delivery *delivery;
	struct version wanted; /* the source's version; digest unset: not known */
	const struct source_certificate *source; /* its names, which others may share; or NULL */
	/* From the record, all may be NULL or unset: */
	const char *object_id;	 /* where it was put before */
	struct version confirmed; /* what it was confirmed to hold, */
	const char *revision;	 /* while its revision was this */
	struct digest intended; /* a write of this was ordered, and is not known to have ended; unset: none is */
	bool former; /* what it was confirmed to hold is of another source certificate */
	bool want_users;	 /* find out who uses it, where that can be known */
	bool want_pem;		 /* read the certificate in place, if it can be read */
	bool want_anchor; /* see for certain what it says of its anchor, where that takes another request */
	bool exact; /* read it itself, whatever its revision says: before and after a write */
	usec_t seen_at; /* when it was last looked at: what was kept before that says nothing of it; 0: never */
};

/**
 * destination_look_fn(userdata, seen, err):
 * ${seen}: one observation an item, in their order, given to the callee (release with
 * observed_done() each and free()).  What fails for one delivery is in its observation (UNKNOWN
 * with error); ${err} (and NULL) only when nothing could be looked at.
 */
typedef void (*destination_look_fn)(void *userdata, struct observed *seen, const struct error *err);

/**
 * destination_look(context, items, count, keep, now, done, userdata):
 * Look at ${count} deliveries (one at least) of one and the same place.  acm: one listing and one
 * search by tag for all of them (none of it when every item is exact and its object_id known),
 * then only those objects whose revision is not the recorded one.  secretsmanager: DescribeSecret
 * each, and the value is read only where others wrote it and the role may, for the names of its
 * fields; revision is the id of the current version.  What an observation says is as of ${now},
 * or of the earlier time that is in it, where what was kept did.  ${keep} is valid until the end; NULL: nothing is kept.
 */
struct destination_look *destination_look(const struct destination_context *context,
	const struct look_item *items, size_t count, struct destination_keep *keep, usec_t now,
	destination_look_fn done, void *userdata);

struct destination_look *destination_look_cancel(struct destination_look *look);

/* destination_pulse(context, place): whether ${place} answers (lib/aws/pulse.h), valid as long as the ${aws}; NULL: nobody
 * is asked there. */
const struct pulse *destination_pulse(const struct destination_context *context, const struct place *place);

/* destination_put_fn(userdata, object_id, news, err): where it was written; what became of how programs
 * find it there, also with an ${err}, or NULL: nothing.  All borrowed. */
typedef void (*destination_put_fn)(void *userdata, const char *object_id, const struct shown_news *news,
	const struct error *err);

/**
 * destination_put(context, delivery, bundle, before, done, userdata):
 * Write ${bundle} at ${delivery}; ${before} is what was seen there just now: ABSENT, GONE with
 * recreate (a new object is made), PRESENT or DEMOTED (object_id is written over; an object that
 * the configuration orders to adopt is PRESENT).  Both are borrowed until the completion.  A first
 * import whose answer was lost: ERROR_RETRY with code AWS_CODE_AMBIGUOUS.
 */
struct destination_put *destination_put(const struct destination_context *context,
	const struct delivery *delivery, const struct bundle *bundle, const struct observed *before,
	destination_put_fn done, void *userdata);

struct destination_put *destination_put_cancel(struct destination_put *put);

struct destination_tag;

/* destination_tag_fn(userdata, err). */
typedef void (*destination_tag_fn)(void *userdata, const struct error *err);

/**
 * destination_tag(context, delivery, object_id, anchor, moves, done, userdata):
 * Let the object ${object_id}, which is there for ${delivery}, bear ${anchor} (bundle_anchor())
 * instead of what it says of its anchor now: by the tag certferry:anchor, of files in one beside
 * the version. ${moves}: it is tagged as that of another source certificate, and from now on as
 * ${delivery}'s. Nothing that its readers see changes, nor does its revision. A put does the
 * same by itself only where it makes a new object or, of files, a version. All is borrowed until
 * the call returns but ${delivery} and ${object_id}, until the completion.
 */
struct destination_tag *destination_tag(const struct destination_context *context,
	const struct delivery *delivery, const char *object_id, const struct fingerprint *anchor,
	bool moves, destination_tag_fn done, void *userdata);

struct destination_tag *destination_tag_cancel(struct destination_tag *tag);

/* destination_can_tag(place): can objects there bear an anchor at all?  Else destination_tag() is not to be called. */
bool destination_can_tag(const struct place *place);

/* destination_tag_action(place): which of AWS's actions destination_tag() needs there, "acm:AddTagsToCertificate", and
 * destination_tag_policy(place): the file in conf/iam that allows it.  NULL: none. */
const char *destination_tag_action(const struct place *place);
const char *destination_tag_policy(const struct place *place);

/**
 * destination_accepts(delivery, bundle, in_place, err):
 * 0 when the place of ${delivery} would take ${bundle}; ERROR_INVALID, with the rule that it breaks,
 * when it would refuse it.  ${in_place}: the certificate that it would be imported over; NULL: none,
 * or it is not known.
 */
int destination_accepts(const struct delivery *delivery, const struct bundle *bundle,
	const struct certificate *in_place, struct error *err);

/* destination_note(place, bundle): what is to be known of ${bundle} there although the place takes it,
 * to be said as a remark; NULL: nothing.  Static. */
const char *destination_note(const struct place *place, const struct bundle *bundle);

/**
 * destination_check(place, err):
 * What can be known of ${place} before anything is carried: a directory that is missing, cannot be
 * written or has the wrong group, with the drop-in or tmpfiles line that mends it.  AWS kinds:
 * always 0.
 */
int destination_check(const struct place *place, struct error *err);

/* --- What kinds differ in, for those who need not know the kinds --- */

/* destination_names_objects(place): does ${place} itself name what is made there (acm: by an ARN)?  Then a first put
 * whose answer is lost may have made something that no record names, and ABSENT is to be doubted. */
bool destination_names_objects(const struct place *place);

/* destination_hides_objects(place): can what is there never be read (secretsmanager)?  Then its certificates are to be
 * kept by who put them there, to know what a new version would change. */
bool destination_hides_objects(const struct place *place);

/* destination_counts_puts(place): does ${place} take only so many a year (acm)?  Then they are to be counted. */
bool destination_counts_puts(const struct place *place);

/* What is used up of what a place takes, in sentences; NULL: it is not so. */
struct destination_budget {
	char *near; /* the most of it */
	char *spent; /* all of it, and so no new object can be made */
};

void destination_budget_done(struct destination_budget *budget);

/**
 * destination_budget(place, held, puts, budget):
 * What is used up of ${place} when it holds ${held} objects (observed.imported_count) and took ${puts} within 365 days.
 * Where puts are not counted, nothing is.  The caller owns the sentences.
 */
void destination_budget(
	const struct place *place, unsigned held, unsigned puts, struct destination_budget *ret_budget);

/* destination_counted_as(place): under which name its puts are counted, "ACCOUNT/REGION".  The caller owns it. */
char *destination_counted_as(const struct place *place);

#endif
