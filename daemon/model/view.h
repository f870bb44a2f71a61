/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_MODEL_VIEW_H
#define DAEMON_MODEL_VIEW_H

/* What is shown to people: flat values that the conductor fills and daemon/report writes out.  All
 * strings are borrowed from the conductor unless said otherwise. */

#include "daemon/model/proof.h"
#include "daemon/model/step.h"
#include "daemon/model/version.h"

/* The states of a delivery, as status shows them. */
enum delivery_state {
	DELIVERY_UNKNOWN,   /* not looked at yet, or the look failed */
	DELIVERY_CURRENT,   /* seen to hold the source's version */
	DELIVERY_DUE,	    /* something is to be done */
	DELIVERY_IN_FLIGHT, /* being done */
	DELIVERY_HELD,	    /* waits for a person or a date */
	DELIVERY_FAILED,    /* failed, to be tried again */
	DELIVERY_STATES,
};

enum dependent_progress {
	PROGRESS_TOLD,	    /* nothing is owed */
	PROGRESS_OWED,	    /* something is owed and will be told */
	PROGRESS_IN_FLIGHT,
	PROGRESS_FAILED,
	PROGRESS_UNPROVEN, /* told; the served certificate could not be seen */
	PROGRESS_UNKNOWN,  /* the record was lost and what it was told cannot be observed */
	PROGRESS_STATES,
};

struct certificate_view {
	const char *name;
	const char *arn;
	const char *domain;
	const char *status;
	struct version version;
	bool ineligible;
	const char *problem; /* why it is not carried, or what is wrong with it; NULL: nothing */
	bool expiring; /* its end is near or past, and it is not renewed: then that is its problem, if nothing else is */
	const char *renewal_status, *renewal_reason; /* what ACM says of the renewal of an expiring one; NULL: nothing */
	char *expiry; /* owned: that in words; NULL: its end is not near */
};

/* What is to be proven, and what was seen; both NULL: nothing. */
struct proofs_view {
	const struct proof_record *seen;
	const struct desired_proof *wishes; /* NULL: only the record is known */
	size_t wish_count;
};

struct delivery_view {
	const char *name;
	const char *certificate;
	const char *destination;
	const char *kind;
	const char *account; /* or NULL */
	const char *region;  /* or NULL */
	const char *object;
	const char *object_id; /* or NULL */
	enum delivery_state state;
	unsigned holds; /* a set: bits 1 << enum hold */
	const char *reason; /* or NULL */
	struct version seen;
	bool recorded; /* that is what the state database has, since nobody has looked with success */
	usec_t confirmed_at; /* when it was last seen to hold the version of the source; 0: never */
	struct version wanted;
	bool expiring;	    /* the end of what was seen is near or past */
	bool unused;	    /* a delivered import that nobody uses */
	unsigned failures;
	usec_t next_try;    /* 0: none */
	const char *proof;  /* or NULL */
	struct proofs_view proofs;
	const struct observed *observed; /* its candidates, for adopt; or NULL */
};

struct dependent_report {
	const char *name;
	const char *kind;   /* these four: struct dependent_words; NULL where only the record is known */
	const char *target;
	const char *unit;
	const char *action;
	enum dependent_progress state;
	const char *reason; /* or NULL */
	unsigned owed;	    /* by how many deliveries */
	usec_t next_try;
	usec_t told_at;
	const char *proof;
	struct proofs_view proofs;
};

/* What no delivery cares for any more. */
struct leftover_view {
	const char *delivery; /* the former one's name */
	const char *object; /* of its kind, with which this begins */
	const char *object_id;
	struct version version;
	usec_t confirmed_at;
	usec_t checked_at; /* 0: never */
	char *const *users; /* the first of them */
	size_t user_count;
	bool users_known;
	const char *problem; /* why it could not be checked the last time, or NULL */
};

struct status_view {
	bool offline; /* from the record alone: certferryd does not answer */
	usec_t now;
	usec_t looked_at; /* last successful look or sweep; 0: none yet */
	usec_t swept_at;
	usec_t next_look;
	const char *source_problem; /* why the source cannot be read, or NULL */
	const char *record_problem; /* why nothing new is done, or NULL */
	const char *config_problem; /* why the files are not what is in use, or NULL: they are */
	bool left_out; /* deliveries that the configuration asks for; the notices say which and why */
	const char *clock_problem; /* how far this host's clock is off, or NULL: certferryd goes by AWS's, so this is no failure */
	const char *events; /* the queue of events: "off", "waiting", "listening", "failing"; or NULL */
	const char *events_problem; /* why it fails, or NULL: polling goes on, so this is no failure */
	struct certificate_view *certificates;
	size_t certificate_count;
	struct delivery_view *deliveries;
	size_t delivery_count;
	struct dependent_report *dependents;
	size_t dependent_count;
	struct leftover_view *leftovers;
	size_t leftover_count, leftovers_left_out;
	char *const *notices; /* other things a person should know, one sentence each */
};

/* How many there are of each. */
struct status_counts {
	size_t certificates, problems; /* problems: of certificates */
	size_t deliveries[DELIVERY_STATES];
	size_t dependents[PROGRESS_STATES];
	struct {
		size_t certificates, deliveries; /* deliveries: in any state */
	} expiring;
};

/* status_counts_deliveries(counts), status_counts_dependents(counts): in all states. */
size_t status_counts_deliveries(const struct status_counts *counts);
size_t status_counts_dependents(const struct status_counts *counts);

/* status_exit(head, counts): status_view_exit() of a view with the problems of ${head}, whose lists were counted. */
int status_exit(const struct status_view *head, const struct status_counts *counts);

/* status_view_exit(view): what `certferry status` exits with: 1 something failed (or cannot be seen), else 3 something
 * is pending, held or unknown, else 0. */
int status_view_exit(const struct status_view *view);

/* delivery_state_name(state), dependent_progress_name(state): "unknown", "current", "due", "in-flight", "held", "failed"; "told",
 * "owed", "in-flight", "failed", "unproven", "unknown". */
const char *delivery_state_name(enum delivery_state state);
const char *dependent_progress_name(enum dependent_progress state);

/* certificate_view_done(view): release what it owns. */
void certificate_view_done(struct certificate_view *view);

/* status_view_done(view): release the arrays and what their members own (not the borrowed strings). */
void status_view_done(struct status_view *view);

#endif
