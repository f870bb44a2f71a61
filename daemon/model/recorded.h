/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_MODEL_RECORDED_H
#define DAEMON_MODEL_RECORDED_H

/*
 * What cannot be observed again, or only dearly: what was confirmed where, intents, failures and next
 * tries, holds and approvals, owed dependents.  Values; daemon/record keeps them on disk.
 */

#include "daemon/model/hold.h"
#include "daemon/model/proof.h"
#include "daemon/model/version.h"

/* A delivery_record's former where a person has let certferry replace what others put there. */
#define SOURCE_OF_OTHERS "-"

/* A certificate at the source, as last read. */
struct certificate_record {
	char *arn;
	char *serial;
	struct version version;		/* of the last GetCertificate or export */
	struct digest exported;	/* the version that was exported last */
	usec_t newest;			/* NotBefore of the newest version ever seen */
	const char *anchor;		/* PEM: what its chain ended at when first seen; interned, many share it */
	unsigned failures;		/* of its export */
	usec_t next_try;
	char *problem;
};

struct delivery_record {
	char *name;
	char *object; /* which place and object the rest is about: a changed configuration makes it void.  It ends with
			  * a space and the source certificate, of which the object may come to hold another */
	char *former; /* the source certificate that `confirmed` is a version of, where it is not that of `object`; NULL:
			  * it is */
	char *object_id; /* where it was put; NULL: never */
	char *revision;	 /* struct observed */
	struct version confirmed;
	usec_t confirmed_at;
	struct digest intended; /* a write of this version was ordered; unset: none is open */
	usec_t intended_at;
	bool ambiguous; /* it may have been imported under an ARN that is not known yet */
	unsigned failures;
	usec_t next_try;
	enum error_kind kind; /* of the last failure */
	char *problem;
	enum hold hold; /* as found at the last try, for this version: */
	char *hold_reason;
	struct digest held;
	unsigned held_accept;	     /* what the configuration accepted then: with another, it is tried again */
	struct digest approved; /* the version whose holds a person approved */
	bool guard_passed;	     /* a person approved the change of configuration that brought it */
	struct proof_record proof;   /* of its own prove: */
	struct digest proven;   /* the version that proof is about */
	struct fingerprint anchor;   /* bundle_anchor() of the confirmed version, which its object is to bear; unset: not
				      * known */
	char *leaf;		     /* PEM of the confirmed version, where the destination cannot be read (a secret's */
	char *chain;		     /* value never is), to know later what a new version would change; or NULL */
};

/* How far a version is that a dependent is owed word of. */
enum owed {
	OWED_UNKNOWN,  /* it is in place, and the record was lost: it may have been told or not */
	OWED_INTENDED, /* it was ordered, and is not seen to be in place yet */
	OWED_DUE,      /* it is in place, and the dependent is to be told */
};

/* A dependent that is owed word of a delivery's version. */
struct owed_record {
	char *dependent;
	char *delivery;
	struct digest digest;
	enum owed owed;
	usec_t since; /* INTENDED: when it was ordered; DUE: when it was put in place; UNKNOWN: 0 */
};

struct dependent_record {
	char *name;
	unsigned failures;
	usec_t next_try;
	char *problem;
	char *target; /* what the rest is about, "KIND TARGET": a changed configuration makes it void; NULL: not known */
	char *token; /* its kind's, of the last intent to tell it (struct dependent_intent); or NULL */
	usec_t intended_at; /* when that was written; 0: its tell has ended */
	usec_t told_at;
	struct proof_record proof;
	struct digest proven; /* the version that it was last seen to serve; unset: it never was */
	struct digest escalated; /* a reload did not bring this version: it is told of it by a restart, once */
};

void certificate_record_done(struct certificate_record *record);
void delivery_record_done(struct delivery_record *record);
void owed_record_done(struct owed_record *record);
void dependent_record_done(struct dependent_record *record);

#endif
