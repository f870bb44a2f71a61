/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_REPORT_REPORT_H
#define DAEMON_REPORT_REPORT_H

/* Views as JSON texts: the shapes that --json prints and the bus carries.  Pure.  Each shape has a member
 * "format" (1): members are added, never renamed or removed, within one format.  The caller owns the texts. */

#include "daemon/model/observed.h"
#include "daemon/model/view.h"

/* report_status(view): {"format":1,"exit":N,...,"certificates":[...],"deliveries":[...],"dependents":[...]} */
char *report_status(const struct status_view *view);

/* report_plan(plan, exit): {"format":1,"exit":N,"steps":[{"verb","certificate","destination","delivery","dependent",
 * "hold","when","reason"}]}; LOOK steps are left out: they change nothing. */
char *report_plan(const struct plan *plan, int exit_status);

/* report_plan_lines(plan): one line a step, "VERB CERTIFICATE to DESTINATION: reason\n", or "nothing to do\n". */
char *report_plan_lines(const struct plan *plan);

/* report_candidates(view): for each delivery held as "adopt?" its candidates. */
char *report_candidates(const struct status_view *view);

#endif
