/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_CONDUCTOR_PLANNER_H
#define DAEMON_CONDUCTOR_PLANNER_H

/*
 * The plan (daemon/plan) over what is known (daemon/inventory): for one certificate with its
 * deliveries, for dependents, or for what somebody wants to see.  It fills the plan's input with
 * pointers into the stock, and starts nothing.
 */

#include "daemon/actor/watch.h"
#include "daemon/inventory/inventory.h"
#include "daemon/plan/plan.h"

struct planner {
	struct inventory *inventory;
	const struct stock *stock;
	const struct watch *watch; /* NULL: the source is not being read */
	bool once; /* a look that failed is not repeated in this run, unless somebody asked */
	struct plan shown; /* what somebody wants to see; its names borrow from the stock */
};

/* --- to act by --- */

/* planner_certificate(planner, certificate, plan, planned): with all its deliveries, in whose
 * order the indexes of the steps are; and what it comes to.  Opens them, but for those to which the
 * plan speaks at a glance (planner_glance()): it has no steps for these.  Release the plan with
 * plan_done(). */
void planner_certificate(struct planner *planner, const struct tracked_certificate *certificate, struct plan *ret_plan,
	struct planned *ret_planned);

/* planner_glance(planner, slot): what the plan says to slot number ${slot} as long as it is
 * settled; PLAN_GLANCE_OPEN: it is not, or has to be opened to know. */
enum plan_glance planner_glance(const struct planner *planner, size_t slot);

/* planner_touched(planner, certificate): of its plan, what guard: counts.  Settled deliveries
 * that are confirmed are none of it. */
struct plan_touched planner_touched(struct planner *planner, const struct tracked_certificate *certificate);

/* planner_dependents(planner, plan): all of them, whose numbers are the indexes of the steps. */
void planner_dependents(struct planner *planner, struct plan *ret_plan);

/* planner_wants_tag(planner, slot): is the object of slot number ${slot} to be tagged now? */
bool planner_wants_tag(struct planner *planner, size_t slot);

/* --- to show --- */

/* planner_show_some(planner, certificate, first, count): add to planner->shown the plan for
 * ${count} of its deliveries alone, from its ${first} on; with all of them, for the certificate
 * too.  The index of a step for a delivery is its slot. planner_show_dependents(planner): the same
 * for the dependents. */
void planner_show_some(
	struct planner *planner, const struct tracked_certificate *certificate, size_t first, size_t count);
void planner_show_dependents(struct planner *planner);

/* planner_show_all(planner): let planner->shown be all of it, as things are now. */
void planner_show_all(struct planner *planner);

/* planner_forget(planner): it was seen, and what was opened for it is settled. */
void planner_forget(struct planner *planner);

#endif
