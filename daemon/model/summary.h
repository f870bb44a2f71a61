/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_MODEL_SUMMARY_H
#define DAEMON_MODEL_SUMMARY_H

/*
 * A status summed up: how many there are of each state, and what is not in order, with those together that are so for
 * the same reason, whatever request, object, time or member it names.  Its size is bounded, whatever there is to sum
 * up.
 */

#include "daemon/model/view.h"

#define SUMMARY_GROUPS_MOST 100
#define SUMMARY_NAMES_MOST 5 /* that a group keeps of its members */
#define SUMMARY_REASON_MOST 512 /* bytes of a reason */

struct summary_group {
	const char *of; /* "certificate", "delivery", "dependent" */
	const char *state; /* its name; of a certificate "problem" */
	unsigned holds; /* a set */
	char *reason; /* owned: that of the first; "" for none; cut where it is too long */
	char *essence; /* owned: what all of their reasons have in common */
	char **names; /* owned: the first of them */
	size_t count;
	usec_t next_try; /* the first of theirs; 0: none */
};

struct summary {
	struct status_counts counts;
	struct summary_group *groups; /* in the order in which their first members came */
	size_t group_count;
	size_t left_out; /* not in order, and in no group, for there are too many */
};

/* summary_add_certificate(summary, view) and its kin: one more. */
void summary_add_certificate(struct summary *summary, const struct certificate_view *view);
void summary_add_delivery(struct summary *summary, const struct delivery_view *view);
void summary_add_dependent(struct summary *summary, const struct dependent_report *view);

/* summary_add_current(summary, count, expiring): so many deliveries that are current, and expiring or not. */
void summary_add_current(struct summary *summary, size_t count, bool expiring);

/* summary_done(summary): release what it holds.  For _cleanup_(summary_done). */
void summary_done(struct summary *summary);

#endif
