/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_MODEL_CHANGE_H
#define DAEMON_MODEL_CHANGE_H

/*
 * What has happened, to whom, and with which values; daemon/announce turns it into sentences, fields and history.  A change
 * tells the truth each time, also when it is the same as before: whether it is worth another warning is not its matter.
 *
 * A change and its subject borrow all that they point at, from the record or the fact that they come from: they are
 * announced before any of these goes.
 */

#include "daemon/model/delivery.h"
#include "daemon/model/hold.h"
#include "daemon/model/version.h"

/* CHANGE(NAME, name) */
#define CHANGES(CHANGE)                                                                            \
	/* the daemon */                                                                           \
	CHANGE(STARTED, "started")			   /* count certificates, total deliveries */  \
	CHANGE(STOPPING, "stopping")			   /* words: the signal */             \
	CHANGE(RELOADED, "reloaded")			   /* count certificates, total deliveries */  \
	CHANGE(RELOAD_REJECTED, "reload-rejected")                                                 \
	CHANGE(LOOP_FAILED, "loop-failed")		   /* words: the task; error */        \
	CHANGE(LEFT, "left")				   /* words: what no delivery cares for any more */ \
	CHANGE(CLOCK_OFF, "clock-off")			   /* words */                         \
	CHANGE(LIMIT_LOW, "limit-low")			   /* words */                         \
	CHANGE(MEMORY_UNLOCKED, "memory-unlocked")                                                 \
	CHANGE(BUS_LOST, "bus-lost")			   /* words: why */                    \
	CHANGE(BUS_FOUND, "bus-found")                                                             \
	CHANGE(BUS_NAME_REFUSED, "bus-name-refused")	   /* words: why */                    \
	CHANGE(BUS_NAMED, "bus-named")                                                             \
	/* the state database */                                                                   \
	CHANGE(RECORD_UNOPENED, "record-unopened")	   /* words */                         \
	CHANGE(RECORD_NEWER, "record-newer")		   /* words */                         \
	CHANGE(RECORD_UNMIGRATED, "record-unmigrated")	   /* words */                         \
	CHANGE(RECORD_MIGRATED, "record-migrated")	   /* words */                         \
	CHANGE(RECORD_LOST, "record-lost")		   /* words */                         \
	CHANGE(RECORD_FAILED, "record-failed")		   /* error */                         \
	CHANGE(RECORD_WRITTEN, "record-written")                                                   \
	/* the source, and its queue of events */                                                  \
	CHANGE(SOURCE_FAILED, "source-failed")		   /* error */                         \
	CHANGE(SOURCE_READ, "source-read")                                                         \
	CHANGE(SOURCE_FILLS, "source-fills")		   /* count of total certificates */   \
	CHANGE(SOURCE_SWELLS, "source-swells")		   /* count KiB of words, for total certificates */ \
	CHANGE(SOURCE_FITS, "source-fits")                                                         \
	CHANGE(EVENTS_CAME, "events-came")		   /* count */                         \
	CHANGE(EVENT_REFUSED, "event-refused")		   /* words: its id; count: received; error */ \
	CHANGE(QUEUE_FAILED, "queue-failed")		   /* error */                         \
	CHANGE(QUEUE_HEARD, "queue-heard")                                                         \
	/* a certificate */                                                                        \
	CHANGE(VERSION_SEEN, "version-seen")		   /* version */                       \
	CHANGE(REFUSED, "refused")			   /* words: why it is not delivered */ \
	CHANGE(ACCEPTED, "accepted")                                                               \
	CHANGE(EXPORTED, "exported")			   /* version; count deliveries */     \
	CHANGE(EXPORTED_ALONE, "exported-alone")	   /* version; for no delivery, to keep it eligible */ \
	CHANGE(EXPORT_FAILED, "export-failed")		   /* error, attempt, next_try */      \
	/* an entry of the configuration that comes to no certificate */                           \
	CHANGE(ENTRY_REFUSED, "entry-refused")		   /* words: why, which name the subject too */ \
	CHANGE(ENTRY_ACCEPTED, "entry-accepted")                                                   \
	/* a dependent's unit, as it is set up */                                                  \
	CHANGE(UNIT_UNFIT, "unit-unfit")		   /* words: what, which name the subject too */ \
	CHANGE(UNIT_FIT, "unit-fit")                                                               \
	/* a delivery */                                                                           \
	CHANGE(DELIVERED, "delivered")			   /* version */                       \
	CHANGE(UNCHANGED, "unchanged")			   /* version: it was there already */ \
	CHANGE(DELIVERY_FAILED, "delivery-failed")	   /* error, attempt, next_try */      \
	CHANGE(LOOK_FAILED, "look-failed")		   /* error, attempt, next_try */      \
	CHANGE(STUCK, "stuck")				   /* words: what the plan finds wrong */ \
	CHANGE(CURRENT, "current")			   /* version: the source's is in place */ \
	CHANGE(UNUSABLE, "unusable")			   /* error: of its place, before anything is sent */ \
	CHANGE(REMARK, "remark")			   /* words: worth knowing, and no failure; also of a certificate */ \
	CHANGE(HELD, "held")				   /* hold; words: why */              \
	CHANGE(APPROVED, "approved")			   /* hold, who; words: what */        \
	CHANGE(EXPIRING, "expiring")			   /* version */                       \
	CHANGE(DEADLINE_UNKNOWN, "deadline-unknown")	   /* words: why what is in place stays */ \
	CHANGE(DEADLINE_CLOSE, "deadline-close")	   /* version in place; words: why it stays */ \
	CHANGE(DEADLINE_URGENT, "deadline-urgent")	   /* the same */                      \
	CHANGE(DEADLINE_PAST, "deadline-past")		   /* the same */                      \
	CHANGE(NOT_EXPIRING, "not-expiring")                                                       \
	CHANGE(VERIFIED, "verified")			   /* words; known: as recorded before */ \
	CHANGE(VERIFIED_WRONG, "verified-wrong")	   /* the same */                      \
	CHANGE(UNVERIFIED, "unverified")		   /* the same */                      \
	/* a place; the subject has the delivery, too */                                           \
	CHANGE(QUOTA_NEAR, "quota-near")		   /* words */                         \
	CHANGE(QUOTA_FREE, "quota-free")                                                           \
	CHANGE(STAYS_LINK, "stays-link")		   /* words: the path; error: why */   \
	CHANGE(BECAME_DIRECTORY, "became-directory")	   /* words: the path, which was a link */ \
	CHANGE(TAG_FAILED, "tag-failed")		   /* error */                         \
	CHANGE(TAG_DENIED, "tag-denied")		   /* error; words: the action; who: the policy */ \
	CHANGE(TAGGED, "tagged")                                                                   \
	CHANGE(TAGGED_ALL, "tagged-all")		   /* count objects */                 \
	/* a dependent */                                                                          \
	CHANGE(TOLD, "told")				   /* words: the action, done */       \
	CHANGE(TOLD_STOPPED, "told-stopped")		   /* it does not run, and needs no word */ \
	CHANGE(ESCALATED, "escalated")			   /* words: of its proof; who: what is done now */ \
	CHANGE(TELL_FAILED, "tell-failed")		   /* words: the action; error, attempt, next_try */ \
	CHANGE(TELL_SETTLED, "tell-settled")               /* nothing is owed to it */         \
	CHANGE(SERVES, "serves")			   /* words: of its proof */           \
	CHANGE(SERVES_WRONG, "serves-wrong")		   /* the same */                      \
	CHANGE(SERVES_UNSEEN, "serves-unseen")		   /* the same */

enum change_event {
#define CHANGE_ENUM(name, text) CHANGE_##name,
	CHANGES(CHANGE_ENUM)
#undef CHANGE_ENUM
	CHANGE_EVENTS, /* how many there are */
};

struct change {
	enum change_event event;
	bool known; /* the record said the same before: it is no news, even if it was never announced */
	enum hold hold;
	unsigned attempt; /* with next_try: how often it failed in a row */
	usec_t next_try; /* wall clock; 0: none is set */
	size_t count, total;
	const struct error *error;
	const struct version *version;
	const char *words;
	const char *who;
};

/* Whom a change is about. */
struct change_subject {
	const char *name; /* of the certificate, delivery, place or dependent; NULL: the daemon or its source */
	const struct delivery *delivery; /* of a delivery, or of a place to say which: or NULL */
	const char *source_arn; /* of a certificate, or NULL */
	const char *target; /* of a dependent: what is told, in words; or NULL */
	const char *unit; /* of one that is a unit, or NULL */
};

/* What one fact comes to, in its order. */
#define CHANGES_MOST 4

struct changes {
	struct change items[CHANGES_MOST];
	size_t count;
};

/* changes_add(changes, event): the next one, for the caller to fill; CHANGES_MOST at most. */
struct change *changes_add(struct changes *changes, enum change_event event);

/* change_name(event): "delivered", "delivery-failed", ... */
const char *change_name(enum change_event event);

#endif
