/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_PLAN_INSIDE_H
#define DAEMON_PLAN_INSIDE_H

/*
 * What the files of the plan share while it is made; nobody outside this folder includes it.
 *
 *	plan.c			the whole, its deliveries and certificates
 *	plan_dependents.c	its dependents
 */

/* Circle with daemon/plan/plan.c: what it makes the plan from and of is in that header. */
#include "daemon/plan/plan.h"

struct planner {
	const struct plan_input *input;
	struct plan *plan;
	struct plan_touched touched; /* here and elsewhere */
	bool *exporting; /* for each certificate: a delivery exports it anyway, or may turn out to */
	struct order *orders; /* for each dependent, found when it is asked for */
};

/* What a dependent waits for because of its after: list. */
struct order {
	bool known;
	const struct plan_dependent *first; /* NULL: for nothing */
	bool failed; /* that one, and so it may be waited for long */
};

/* add_step(planner, verb, reason): ${reason} is taken over, and is a sentence however long what it
 * quotes is.  The step is good until the next one is added. */
struct step *add_step(struct planner *planner, enum step_verb verb, char *reason);

/* plan_again_at(planner, when): at the latest. */
void plan_again_at(struct planner *planner, usec_t when);

/* destination_part(delivery): a destination as a person names it: what follows the certificate in
 * the delivery's name.  Borrowed from it. */
const char *destination_part(const struct delivery *delivery);

/* first_missing(proof, wishes, count): an endpoint at which it has to be seen yet, of ${count}, one
 * at least; borrowed from ${wishes}. */
const char *first_missing(
	const struct proof_record *proof, const struct desired_proof *wishes, size_t count);

/* plan_dependent(planner, index): its step, if there is any; deliveries are planned before. */
void plan_dependent(struct planner *planner, size_t index);

#endif
