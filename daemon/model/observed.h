/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_MODEL_OBSERVED_H
#define DAEMON_MODEL_OBSERVED_H

/* What was seen: certificates at the source, objects at destinations.  No I/O, no clock. */

#include <stdbool.h>
#include <stddef.h>

#include "daemon/model/version.h"

/* One certificate at the source, from a listing, with its version where that was read. */
struct source_certificate {
	char *arn;
	char *region;
	char *domain; /* lower case */
	char **names; /* lower case; may be cut by the listing, see more_names */
	bool more_names;
	char *type;	     /* PRIVATE, AMAZON_ISSUED, IMPORTED */
	char *status;	     /* ISSUED, ... */
	char *key_algorithm; /* RSA_2048, ... */
	bool exportable;     /* Type PRIVATE, or AMAZON_ISSUED with ExportOption ENABLED; neither of the next two */
	bool cloudfront;     /* it belongs to CloudFront */
	bool keyless;	     /* its key was made outside ACM, which does not have it */
	bool ineligible;     /* RenewalEligibility says INELIGIBLE */
	char *serial;	     /* of a search; NULL from a list */
	usec_t not_before;
	usec_t not_after;
	char **tags;		/* "KEY=VALUE"; read only where tags decide */
	struct version version; /* digest set once GetCertificate was read for these dates */
	bool unread;		/* its version is about to be read */
	char *problem;		/* why version or tags could not be read at the last reading, or NULL */
	bool packed;		/* its texts are its view's, see source_view_pack() */
};

void source_certificate_done(struct source_certificate *certificate);

/* source_certificate_copy(to, from): ${to} is empty before and owns what it gets. */
void source_certificate_copy(struct source_certificate *to, const struct source_certificate *from);

/* source_certificate_equal(a, b): in all that is known of them. */
bool source_certificate_equal(const struct source_certificate *a, const struct source_certificate *b);

/* source_certificate_listed_alike(a, b): in all that decides what an entry matches and what deliveries are called: its
 * versions and problems apart. */
bool source_certificate_listed_alike(const struct source_certificate *a, const struct source_certificate *b);

/* All of the source, sorted by ARN. */
struct source_view {
	struct source_certificate *items;
	size_t count;
	void *texts; /* of its packed items */
};

/* source_view_copy(view): all of it, which the caller owns. */
struct source_view *source_view_copy(const struct source_view *view);

/* source_view_find(view, arn): or NULL. */
const struct source_certificate *source_view_find(const struct source_view *view, const char *arn);

/**
 * source_view_replace(view, certificate):
 * Let a copy of ${certificate} take the place of the one with its ARN, packed or not: pointers to it stay, those to its
 * texts and names do not.  False when there is none.  The one change to a view that is built, for a reading that tells
 * versions one by one.
 */
bool source_view_replace(struct source_view *view, const struct source_certificate *certificate);

/* source_view_pack(view): put all of its texts into one piece, equal neighbours once: for a view that is kept, so that
 * thousands of small texts do not hold the pages between which they were made. */
void source_view_pack(struct source_view *view);

struct source_view *source_view_free(struct source_view *view);

DEFINE_CLEANUP(struct source_view *, source_view_free);

enum observed_state {
	OBSERVED_UNKNOWN,  /* not looked at, or the look failed: see error */
	OBSERVED_ABSENT,   /* nothing there under this name, nothing in the way */
	OBSERVED_PRESENT,  /* ours, holds version */
	OBSERVED_DEMOTED,  /* secretsmanager: the wanted version is there, but is not AWSCURRENT */
	OBSERVED_GONE,	   /* acm: the ARN that was configured or recorded is not there any more */
	OBSERVED_ADOPTABLE, /* acm: imports of others share a name: see candidates */
	OBSERVED_FOREIGN,  /* an object of this name is there and is not ours: see error */
};

/*
 * Who owns an account decides how many imports stand in the way and how many use each.  Of these few are kept, and how
 * many there are: for a delivery, for all of a place, and for a candidate.
 */
#define CANDIDATES_OF_DELIVERY ((size_t)10)
#define CANDIDATES_OF_PLACE    ((size_t)200)
#define USERS_OF_CANDIDATE     ((size_t)3)

/* An import that is not ours and shares a name with the certificate to be delivered. */
struct candidate {
	char *arn;
	char *domain; /* BOUNDED_NAME at most */
	usec_t not_after;
	bool in_use;
	char **in_use_by; /* ARNs, where they were read; the first USERS_OF_CANDIDATE */
	size_t users; /* how many were read */
	char *refusal;	  /* why ACM would refuse a re-import over it, or NULL: it would admit it */
};

/* How many candidates the deliveries of a place keep together; counted, because what was seen outlives its place. */
struct candidate_room {
	unsigned references;
	size_t kept;
};

struct observed {
	enum observed_state state;
	usec_t at;
	struct version version; /* PRESENT: digest may be unset where it cannot be known (a secret that
				 * somebody else wrote) */
	char *object_id;	/* acm: ARN; secretsmanager: ARN; file: path */
	char *revision;		/* what must stay equal for the version to be believed without reading it again:
				 * acm "NotBefore NotAfter ImportedAt", secretsmanager the current version's id; else NULL */
	bool own;		/* it bears certferry's mark for this very delivery, as far as the look saw that: certferry
				 * delivered here before */
	/* What others put there that a write would replace, in words ("has a version that ..."), and
	 * never without a revision; NULL: nothing, or what a person let go, of the recorded revision. */
	char *foreign;
	char *former; /* it bears that mark for the same object of another source certificate, this one; else
				 * NULL */
	bool marked; /* files: the version lies where certferry puts it, under its leaf's fingerprint */
	char *holder; /* what is in place, in words, where it is neither the wanted nor the confirmed version: its
				 * names and its issuer; or NULL */
	char *users; /* who uses it, in words ("used by A and 2 more"), where that was asked for and can be known;
				 * or NULL */
	bool anchor_seen;	/* it was seen what the object says of its anchor: */
	struct fingerprint anchor; /* the digest (bundle_anchor()) that it bears; unset: none that can be read */
	bool unused;		/* acm: delivered, and used by nobody */
	struct candidate *candidates; /* the best of them: see match_best() */
	size_t candidate_count;
	size_t candidate_total; /* those that are not kept, too */
	struct candidate_room *room; /* in which those kept count; NULL: not kept for long */
	unsigned imported_count; /* acm: imported certificates held in this account and region; 0 unknown */
	usec_t changed_at;	 /* file: when the version was put in place; 0: not known */
	char *leaf_pem;		 /* only where asked for and readable */
	char *chain_pem;
	struct error error; /* UNKNOWN, FOREIGN: why */
};

/* candidate_room_new(), candidate_room_ref(room), candidate_room_unref(room): NULL is fine for the last, which returns NULL. */
struct candidate_room *candidate_room_new(void);
struct candidate_room *candidate_room_ref(struct candidate_room *room);
struct candidate_room *candidate_room_unref(struct candidate_room *room);

/* observed_keep(observed, room): what was seen is to be kept: of its candidates as many as ${room} takes, until
 * observed_done(). */
void observed_keep(struct observed *observed, struct candidate_room *room);
void observed_done(struct observed *observed);

/* observed_copy(to, from): ${to} is empty before and owns what it gets; it counts in no room. */
void observed_copy(struct observed *to, const struct observed *from);

/* observed_candidates_text(observed): of one that is ADOPTABLE, which imports stand in the way and how to choose, in one
 * sentence that the caller owns. */
char *observed_candidates_text(const struct observed *observed);

/* observed_foreign_text(observed, name): of one with ${foreign}, that and the way out, for the
 * delivery ${name}, in sentences that the caller owns. */
char *observed_foreign_text(const struct observed *observed, const char *name);

/* observed_state_name(state): "unknown", "absent", "present", ... */
const char *observed_state_name(enum observed_state state);

#endif
