/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_REPORT_REPORT_H
#define DAEMON_REPORT_REPORT_H

/*
 * Views as JSON texts: the shapes that --json prints and the bus carries.  Pure.  Each shape has a
 * member "format" (1): members are added, never renamed or removed, within one format.  Times are
 * RFC 3339 in UTC, fingerprints 64 hex digits; what is not known, or does not apply, is null.  A
 * VERSION is {"fingerprint","not_before","not_after"}.  Texts carry no control characters.
 *
 * The shapes are written as a whole, which the caller owns, or part by part with a writer (writer.h): report_begin(),
 * then what comes before the lists, each list between writer_open() and writer_close(), and writer_close() for all.
 */

#include "daemon/model/observed.h"
#include "daemon/model/summary.h"
#include "daemon/report/writer.h"

#define REPORT_FORMAT 1

/* report_begin(text, exit): an object with "format" and "exit" is open. */
struct writer report_begin(struct buf *text, int exit_status);

/* report_holds(writer, holds): "hold", the weightiest of "holds": all reasons why it waits, the weightiest first. */
void report_holds(struct writer *writer, unsigned holds);

/**
 * report_status(view):
 * {"format":1,"exit":N,"running":true,"now","looked_at","swept_at","next_look","source_problem",
 *  "record_problem","config_problem","clock_problem","events","events_problem","certificates":[...],
 *  "deliveries":[...],"dependents":[...],"notices":["..."]}
 *	certificate	{"name","arn","domain","status","version":VERSION,"ineligible","problem",
 *			 "expiring","renewal":{"status","reason"}}
 *	delivery	{"name","certificate","destination","kind","account","region","object",
 *			 "object_id","state","hold","holds":["..."],"reason","seen":VERSION,"recorded",
 *			 "confirmed_at","wanted":VERSION,
 *			 "expiring","unused","failures","next_try","proof","proofs":[PROOF]}
 *	dependent	{"name","unit","action","state","reason","owed","next_try","told_at","proof",
 *			 "proofs":[PROOF]}
 *	PROOF		{"endpoint","proof","looked_at","words","fingerprint","addresses":["..."]}: one of the
 *			 endpoints of its prove:, without which there is no "proofs"; "proof" is "matched", "wrong",
 *			 "unproven" or, where it was not looked at, null
 * "events" is "off", "waiting" (for the first answer), "listening" or "failing".  States are named by
 * delivery_state_name() and dependent_progress_name().
 * What report_leftovers() writes comes behind the notices.  "deliveries_left_out":N comes behind the deliveries where, after
 * a start, the source was not read yet and there are more that a match comes to than the 500 that are listed.
 * Written part by part, "changed":true comes last where the configuration or the source's list changed meanwhile: what
 * came or went then may be missing.
 */
char *report_status(const struct status_view *view);
void report_status_head(struct writer *writer, const struct status_view *view);
void report_certificate(struct writer *writer, const struct certificate_view *view);
void report_delivery(struct writer *writer, const struct delivery_view *view);
void report_dependent(struct writer *writer, const struct dependent_report *view);

/**
 * report_leftovers(writer, view, most):
 * Nothing where there are none, else "leftovers":[{"delivery","kind","object_id","version":VERSION,"confirmed_at",
 * "in_use_by":["..."],"users":N,"checked_at","problem"}], the first ${most} of them, and "leftovers_left_out":N, how many
 * there are beside those.  "in_use_by" names some of its users, and "users" counts them all; where they are not known, the
 * former is null and the latter is not there.
 */
void report_leftovers(struct writer *writer, const struct status_view *view, size_t most);

/**
 * report_summary(view, summary):
 * A status without its lists, as {"format", ... ,"events_problem"} of report_status() and then
 *	"summary":true
 *	"counts"	{"certificates":{"all":N,"problem":N},"deliveries":{"all":N,STATE:N,...},
 *			 "dependents":{"all":N,STATE:N,...}, "expiring":{"certificates":N,"deliveries":N}}: each state,
 *			 also those of which there are none
 *	"groups"	what is not in order, [{"of":"certificate", "delivery" or "dependent","state","hold","holds","reason",
 *			 "count":N,"names":["..."],"next_try"}]: those with the same state, hold and reason together,
 *			 with some of their names and the first of their times; a certificate's "state" is "problem"
 *	"left_out"	how many are not in order beside those of the groups
 *	"notices"	["..."], the first of them
 * It is at most some 100 KiB, however many there are.
 */
char *report_summary(const struct status_view *view, const struct summary *summary);

/**
 * report_plan(plan, exit):
 * {"format":1,"exit":N,"steps":[{"verb","certificate","destination","delivery","dependent","hold","holds",
 *  "when","reason","would"}]}; "would", of what is held alone, says why it would be delivered otherwise; "destination"
 * as in the lines below; LOOK steps are left out: they change nothing.
 */
char *report_plan(const struct plan *plan, int exit_status);
void report_steps(struct writer *writer, const struct plan *plan);

/* report_plan_lines(plan): one line a step, "VERB CERTIFICATE to DESTINATION: reason\n", LOOK steps
 * left out, or "nothing to do\n".  DESTINATION has /ACCOUNT/REGION where the delivery's name has. */
char *report_plan_lines(const struct plan *plan);

/**
 * report_choice(writer, view), report_unseen(writer, view):
 * Of the shape {"format":1,"exit":N,"deliveries":[{"delivery","certificate","destination","account","region",
 *  "candidates":[{"arn","domain","not_after","in_use","in_use_by":["..."],"users","refusal"}],"total"}],
 *  "unseen":[{"delivery","reason"}]}: the deliveries held as "adopt?", and those that could not be
 * looked at.  "total" counts the candidates that are not kept as well, "users" the users.  The exit is 1 when some were
 * not seen, else 3 when some wait for a choice, else 0.
 */
void report_choice(struct writer *writer, const struct delivery_view *view);
void report_unseen(struct writer *writer, const struct delivery_view *view);

#endif
