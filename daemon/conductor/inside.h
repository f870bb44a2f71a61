/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_CONDUCTOR_INSIDE_H
#define DAEMON_CONDUCTOR_INSIDE_H

/*
 * What the conductor's files share; nobody else includes this.  What is known is the inventory's, what is under way the
 * actors'; the conductor plans, starts, and answers.
 *
 *	conductor.c	life: start, reload, end
 *	configuration.c	the configuration, read
 *	planner.c	the plan's input, out of what is known
 *	cycle.c		the plan, made again and again; starting its steps
 *	rest.c		while nothing is in flight
 *	ask.c		what people ask over the bus: plan, approve
 *	view.c		what people are shown of what is known
 *	show.c		the properties on the bus
 *	walk.c		through all of it, in pieces
 *	survey.c	all of it, however much, as a text made piece by piece
 *	job.c		`certferry sync`: jobs, from the request to their end
 *	limits.c	what all parts may take together, against what the process is allowed
 *	offline.c	what is asked of a configuration alone
 */

#include <systemd/sd-event.h>

#include "daemon/actor/transfers.h"
#include "daemon/actor/leftovers.h"
#include "daemon/actor/look.h"
#include "daemon/actor/addresses.h"
#include "daemon/actor/prove.h"
#include "daemon/actor/queue.h"
#include "daemon/actor/renewals.h"
#include "daemon/actor/tag.h"
#include "daemon/actor/tell.h"
#include "daemon/actor/watch.h"
#include "daemon/bus/bus.h"
/* Circle with daemon/conductor/conductor.c: it shows what that has the inside of. */
#include "daemon/conductor/conductor.h"
#include "daemon/conductor/limits.h"
#include "daemon/conductor/planner.h"
#include "daemon/inventory/inventory.h"
#include "daemon/model/view.h"

/* How far a job is (job.c). */
enum job_step {
	JOB_WAITS,
	JOB_READS,
	JOB_CARRIES,
};

/* A request of `certferry sync`, until what it is about has been done or has failed. */
struct job {
	uint32_t id;
	char *name; /* a delivery or certificate; "": all */
	enum job_step step;
	bool read_next; /* it ends to read when its certificates are told, which were asked of a reading about more */
	size_t rested; /* so many of its deliveries, in their order, have come to rest */
	char *problem; /* why the source could not be read for it, or NULL */
	struct job *next;
};

struct conductor {
	struct conductor_options options;
	sd_event *event;
	struct aws *aws;
	struct destination_context destinations; /* of the two */
	struct bus *bus;
	int lock;
	char *default_region;

	struct inventory *inventory;
	struct limits limits; /* what the process is allowed */
	unsigned memory_said; /* it was said of as much as this, in MiB, if it is too little */
	const struct stock *stock; /* what is known, to be read */
	struct planner planner;

	struct watch *watch;
	struct queue *queue;
	struct look *look;
	struct transfers *transfers;
	struct addresses *addresses;
	struct proofs *proofs;
	struct tags *tags;
	struct renewals *renewals;
	struct leftovers *leftovers;
	struct tell *tell;
	struct unit_survey *units; /* NULL: nothing is asked about them */
	char **found; /* by it, in sentences; of those: */
	char **refused; /* what we may not do to them */
	char **unfit; /* what was found before, and lasts as far as is known */
	char **notices; /* view.c: as last shown */

	struct job *jobs;
	uint32_t last_job;

	/* cycle.c */
	sd_event_source *cycle; /* makes the plan */
	usec_t poked_at; /* since when that is wanted, monotonic; 0: it is not */
	bool late; /* it goes before what else is ready */
	sd_event_source *timer; /* the next moment at which something is due */
	usec_t dependents_again; /* when a dependent is to be planned again; wall clock */
	int64_t clock_offset; /* the wall clock less the monotonic one, when it was last compared */
	char *told_manager; /* STATUS= as last sent: said again only when it changes */

	/* rest.c */
	bool worked; /* more than looks at the source has been in flight since code was given back */
	bool rested; /* nothing has been in flight since memory was given back */
	bool rested_longer; /* nor since the idle connections were closed */

	/* conductor.c */
	char *config_problem; /* why a reload left the configuration as it was; NULL: it did not */
	usec_t configured_at; /* since when the configuration is in use, wall clock; 0: none is yet */
	sd_event_source *watchdog;
	int exit_status;
	bool ending;
	bool stopped; /* nothing of it is on the event loop any more */

	char *clock_problem; /* view.c: as last shown */
	usec_t shown_poll, shown_full_scan; /* show.c: when the next of each is; wall clock */
};

/* --- conductor.c --- */

/* conductor_on_bus(conductor): the bus has answered, or will not soon: the daemon is ready. */
void conductor_on_bus(void *userdata);

/* --- cycle.c --- */

/* cycle_poke(conductor): something has changed; the plan is made again before the loop sleeps. */
void cycle_poke(void *conductor);

/* cycle_new(conductor): the sources that make the plan; 0 or -errno. */
int cycle_new(struct conductor *conductor);

/* cycle_stopped(conductor): nothing is begun, since it is a dry run, or since the record cannot be written. */
bool cycle_stopped(const struct conductor *conductor);

/* --- rest.c --- */

/* rest_begins(conductor): nothing is in flight any more: what was needed for it is not held on to while the daemon sleeps.
 * rest_ends(conductor): something is. */
void rest_begins(struct conductor *conductor);
void rest_ends(struct conductor *conductor);

/* rest_longer(conductor): while nothing is in flight: close the idle connections.  For a moment at which the process is awake
 * anyway: their other ends, which close them soon, would each wake it by that. */
void rest_longer(struct conductor *conductor);

/* --- show.c --- */

/* show_properties(conductor): let the properties on the bus be what is known now.  Cheap, for every turn of the loop. */
void show_properties(struct conductor *conductor);

/* --- view.c --- */

/* view_notices(conductor): other things that a person should know; borrowed until the next call. */
char *const *view_notices(struct conductor *conductor);

/* view_head(conductor, view): what is neither certificate nor delivery nor dependent. */
void view_head(struct conductor *conductor, struct status_view *ret_view);

/* view_certificate(conductor, certificate, view), view_dependent(dependent, report): one of them; release the first with
 * certificate_view_done(). */
void view_certificate(const struct conductor *conductor, const struct tracked_certificate *certificate,
	struct certificate_view *ret_view);
void view_dependent(const struct tracked_dependent *dependent, struct dependent_report *report);

/* view_awaited(conductor, views): of deliveries that a match may come to once the source was read, what the record has; how
 * many.  There is room for stock.leftover_count. */
size_t view_awaited(const struct conductor *conductor, struct delivery_view *views);

/* view_leftovers(conductor, view): into ${view}, which has none: those that are cared for by nobody. */
void view_leftovers(struct conductor *conductor, struct status_view *view);

/* view_certificates(conductor, first, count, view): those from number ${first} on take the place of ${view}'s. */
void view_certificates(struct conductor *conductor, size_t first, size_t count, struct status_view *view);

/* view_deliveries(conductor, certificate, first, count, views): ${count} of its deliveries, from its ${first} on.  Their
 * steps are added to planner.shown, and ${views} is good until planner_forget(). */
void view_deliveries(struct conductor *conductor, const struct tracked_certificate *certificate, size_t first, size_t count,
	struct delivery_view *views);

/* view_count_quiet(conductor, certificate, first): how many of its deliveries, from ${first} on and without a gap, are settled
 * with the version that the source shows: "current", and nothing to be done for them but, perhaps, a tag.  For very many:
 * none is opened.  view_is_quiet(conductor, certificate): all are and need no tag, and for the certificate itself there is
 * nothing to be done. */
size_t view_count_quiet(const struct conductor *conductor, const struct tracked_certificate *certificate, size_t first);
bool view_is_quiet(const struct conductor *conductor, const struct tracked_certificate *certificate);

/* ask_status(conductor, view), ask_status_of(conductor, slots, count, view): of all, or of the deliveries of these slots
 * (ascending), with their certificates and the dependents that they owe.  Makes conductor->planner.shown for them.  Good until
 * planner_forget(), which is to follow; release with status_view_done(). */
void ask_status(struct conductor *conductor, struct status_view *ret_view);
void ask_status_of(struct conductor *conductor, const size_t *slots, size_t count, struct status_view *ret_view);

/* --- survey.c --- */

/* survey_begin(conductor, question, survey, err), survey_more(survey, to), survey_end(survey): handlers of the bus. */
int survey_begin(void *conductor, const struct bus_question *question, void **ret_survey, struct error *err);
bool survey_more(void *survey, struct buf *to);
void survey_end(void *survey);

/* --- ask.c --- */

extern const struct bus_handlers ask_handlers;

/* ask_plan_exit(conductor): what the present plan comes to: 1 not everything could be seen, 3 something to do, 0 nothing. */
int ask_plan_exit(const struct conductor *conductor);

/* ask_approval(conductor, name): the weightiest approval that something of exactly this name waits for: what a bare
 * approve, or that of a certificate with several deliveries, does not let go. */
enum approval ask_approval(struct conductor *conductor, const char *name);

/* ask_approve(conductor, name, most, who): ${who} approves the holds of a delivery or a certificate or (NULL) of all;
 * how many there were.  ${most} is the weightiest approval that ${who} may give; what needs APPROVAL_TRUST also has to
 * be ${name} itself. */
unsigned ask_approve(struct conductor *conductor, const char *name, enum approval most, const char *who);

/* --- job.c --- */

/* job_start(conductor, name, job, err): somebody asks for a sync of the delivery or certificate ${name} ("": of all):
 * ${ret_job} is its number, or that of one of this name that has yet to begin; ERROR_ABSENT when there is nothing of that
 * name.  A handler of the bus. */
int job_start(void *conductor, const char *name, uint32_t *ret_job, struct error *err);

/* job_wanted_arns(conductor, count): the ARNs of the certificates that jobs wait to be read, sorted; NULL when none does.
 * The caller owns the list. */
char **job_wanted_arns(const struct conductor *conductor, size_t *ret_count);

/* job_read_begins(conductor, all): a reading of the source begins that jobs have waited for: of ${all}, or of
 * job_wanted_arns() alone.  job_read_ended(conductor, err): it has ended, with ${err} or NULL.  job_read_cancelled(...):
 * it never will, and they wait for another one. */
void job_read_begins(struct conductor *conductor, bool all);
void job_read_ended(struct conductor *conductor, const struct error *err);
void job_read_cancelled(struct conductor *conductor);

/* job_versions_told(conductor): from now on the reading under way tells the versions one by one: those that jobs wait for
 * come next.  job_version_read(conductor, certificate): one of them has been read, or could not be. */
void job_versions_told(struct conductor *conductor);
void job_version_read(struct conductor *conductor, const struct tracked_certificate *certificate);

/* job_new_world(conductor): the slots are others now. */
void job_new_world(struct conductor *conductor);

/* job_end_rested(conductor): end those jobs of which nothing is in flight or due any more; once a turn, when all that could
 * be started has been. */
void job_end_rested(struct conductor *conductor);

/* job_done_all(conductor): release them; nobody hears of it. */
void job_done_all(struct conductor *conductor);

#endif
