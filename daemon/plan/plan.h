/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_PLAN_PLAN_H
#define DAEMON_PLAN_PLAN_H

/*
 * What is to be done now: a total, pure function of what is desired, observed, recorded, in flight, and
 * of the time.  It is made again whenever any of them changes.
 */

#include "daemon/model/delivery.h"
#include "daemon/model/observed.h"
#include "daemon/model/recorded.h"
#include "daemon/model/step.h"

/* An open intent to import whose answer was lost: how long its tags may lag before importing anew. */
#define AMBIGUOUS_WAIT (5 * USEC_PER_MINUTE)

/* A dependent waits at most so long for other deliveries that owe it and are in flight. */
#define GATHER_LIMIT USEC_PER_MINUTE

/* A held change yields when the one in place has no more than this left (lost clientAuth of a client apart). */
#define HOLD_YIELDS (14 * USEC_PER_DAY)

struct plan_certificate {
	const char *name;
	const char *arn;
	const struct desired_certificate *entry;
	const struct source_certificate *seen; /* NULL: not at the source */
	const char *refusal; /* why it cannot be carried, or NULL */
	const struct certificate_record *record; /* NULL: none */
	bool in_flight;
};

struct plan_delivery {
	const struct delivery *delivery;
	size_t certificate; /* index into the certificates */
	const struct observed *observed;
	const struct delivery_record *record; /* NULL: none */
	const char *budget; /* why no first import may be made there now, or NULL */
	bool in_flight; /* being transferred, looked at or proven */
	bool may_look; /* its place may be looked at now */
	bool asked; /* an operator asked: back-off does not count */
};

struct plan_dependent {
	const struct desired_dependent *dependent;
	const struct dependent_record *record; /* NULL: none */
	const struct owed_record *const *owed; /* its rows */
	size_t owed_count;
	bool in_flight;
	bool asked;
};

struct plan_input {
	const struct plan_certificate *certificates;
	size_t certificate_count;
	const struct plan_delivery *deliveries; /* sorted by name */
	size_t delivery_count;
	const struct plan_dependent *dependents;
	size_t dependent_count;
	bool source_seen; /* the source was read at least once */
	bool source_reading; /* new versions are being read there, and more deliveries may become due */
	bool keep_eligible; /* source.keep_eligible */
	unsigned guard; /* 0: no guard */
	usec_t now;
};

/* plan_make(input, plan): the steps, in the order of the input; release with plan_done().  The steps' names borrow
 * from the input. */
void plan_make(const struct plan_input *input, struct plan *ret_plan);

/**
 * plan_is_current(delivery, certificate):
 * Was ${delivery} seen to hold the version that the source shows?
 */
bool plan_is_current(const struct plan_delivery *delivery, const struct plan_certificate *certificate);

#endif
