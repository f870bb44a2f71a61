/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_REPORT_REPORT_H
#define DAEMON_REPORT_REPORT_H

/*
 * Views as JSON texts: the shapes that --json prints and the bus carries.  Pure.  Each shape has a
 * member "format" (1): members are added, never renamed or removed, within one format.  Times are
 * RFC 3339 in UTC, fingerprints 64 hex digits; what is not known, or does not apply, is null.  A
 * VERSION is {"fingerprint","not_before","not_after"}.  The caller owns the texts.
 */

#include "daemon/model/observed.h"
#include "daemon/model/view.h"

#define REPORT_FORMAT 1

/**
 * report_status(view):
 * {"format":1,"exit":N,"running":true,"now","looked_at","swept_at","next_look","source_problem",
 *  "record_problem","events","events_problem","certificates":[...],"deliveries":[...],"dependents":[...],"notices":["..."]}
 *	certificate	{"name","arn","domain","status","version":VERSION,"ineligible","problem"}
 *	delivery	{"name","certificate","destination","kind","account","region","object",
 *			 "object_id","state","hold","reason","seen":VERSION,"wanted":VERSION,
 *			 "unused","failures","next_try","proof"}
 *	dependent	{"name","unit","action","state","reason","owed","next_try","told_at","proof"}
 * "events" is "off", "waiting" (for the first answer), "listening" or "failing".  States are named by delivery_state_name() and dependent_progress_name().
 */
char *report_status(const struct status_view *view);

/**
 * report_plan(plan, exit):
 * {"format":1,"exit":N,"steps":[{"verb","certificate","destination","delivery","dependent","hold",
 *  "when","reason"}]}; "destination" as in the lines below; LOOK steps are left out: they change
 * nothing.
 */
char *report_plan(const struct plan *plan, int exit_status);

/* report_plan_lines(plan): one line a step, "VERB CERTIFICATE to DESTINATION: reason\n", LOOK steps
 * left out, or "nothing to do\n".  DESTINATION has /ACCOUNT/REGION where the delivery's name has. */
char *report_plan_lines(const struct plan *plan);

/**
 * report_candidates(view):
 * {"format":1,"exit":N,"deliveries":[{"delivery","certificate","destination","account","region",
 *  "candidates":[{"arn","domain","not_after","in_use","in_use_by":["..."],"users","refusal"}],"total"}],
 *  "unseen":[{"delivery","reason"}]}: the deliveries held as "adopt?", and those that could not be
 * looked at.  "total" counts the candidates that are not kept as well, "users" the users.  The exit is 1 when some were not seen, else 3 when some wait for a choice, else 0.
 */
char *report_candidates(const struct status_view *view);

#endif
