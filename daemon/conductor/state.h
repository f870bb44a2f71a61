/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_CONDUCTOR_STATE_H
#define DAEMON_CONDUCTOR_STATE_H

/*
 * What the conductor's files share; nobody else includes this.
 *
 *	conductor.c	life: start, reload, end
 *	state.c		states by name; taking over the old ones when the expansion changes
 *	look.c		looks, sweeps, and looks at places
 *	wake.c		events of ACM that bring the next look forward
 *	cycle.c		the plan, made again and again; starting its steps
 *	deliver.c	transfers: intent before, outcome after
 *	tell.c		dependents: look, intent, tell, proof
 *	ask.c		what people ask over the bus: status, plan, sync, approve
 *	say.c		events in the log
 */

#include <systemd/sd-event.h>

#include "daemon/bus/bus.h"
#include "daemon/conductor/conductor.h"
#include "daemon/dependent/dependent.h"
#include "daemon/dependent/prove.h"
#include "daemon/model/view.h"
#include "daemon/plan/expand.h"
#include "daemon/plan/plan.h"
#include "daemon/record/record.h"
#include "daemon/transfer/transfer.h"

/* A configuration as it was loaded.  Counted, as is what it came to with the source as it was seen, because what
 * is in flight outlives a reload. */
struct configuration {
	unsigned references;
	struct desired *desired;
	struct certificate_list trust; /* source.trust, read */
};

struct world {
	unsigned references;
	struct configuration *configuration;
	const struct desired *desired; /* of the configuration */
	struct expansion *expansion;
};

struct tracked_certificate {
	char *name;
	char *arn;
	struct world *world;
	const struct desired_certificate *entry;
	const struct source_certificate *seen; /* in conductor.view */
	struct certificate_record record;
	struct run *run; /* the transfer that carries it, or NULL */
	usec_t gather_until; /* a transfer waits so long (monotonic) for looks under way; 0 or past: none waits */
	char *said_refusal;
	bool said_failure; /* of its export */
};

struct tracked_delivery {
	char *name;
	struct world *world;
	const struct delivery *delivery;
	struct tracked_certificate *certificate;
	struct tracked_place *place;
	struct observed observed;
	struct delivery_record record;
	bool has_record;
	bool transferring;
	bool looking; /* among those of its place's look */
	bool look_wanted; /* to be looked at, without the rest of its place */
	struct delivery_proof *proof;
	bool asked;
	enum error_kind said_failure; /* damping: what was last said of it at warning */
	enum hold said_hold;
	usec_t said_expiring; /* when it was last warned of */
};

struct tracked_place {
	struct world *world;
	const struct place *place;
	struct conductor *conductor;
	struct destination_look *look;
	struct tracked_delivery **looking; /* those of the look under way, in its order */
	struct look_item *items;
	struct source_certificate *sources; /* copies for the items: the view may be replaced meanwhile */
	size_t looking_count;
	bool wanted; /* all of its deliveries are to be looked at as soon as possible */
	usec_t looked_at; /* when its last look began; monotonic */
	size_t carrying; /* deliveries under way to it; see deliver_count() */
	char *budget; /* why no first import may be made here now, or NULL */
	bool said_quota;
};

struct tracked_dependent {
	char *name;
	struct conductor *conductor;
	struct world *world;
	const struct desired_dependent *dependent;
	struct dependent_record record;
	struct owed_record **owed; /* its rows, owned, sorted by delivery */
	size_t owed_count;
	struct dependent_call *call;
	struct prove *prove;
	struct telling *telling; /* what the call under way is about */
	bool asked;
	bool said_failure;
};

/* A request of `certferry sync`, until everything that was due then has been done or has failed. */
struct job {
	uint32_t id;
	char *name; /* a delivery or certificate; "": all */
	struct job *next;
};

struct conductor {
	struct conductor_options options;
	sd_event *event;
	struct aws *aws;
	struct bus *bus;
	struct record *record; /* NULL: none (a dry run without a state directory) */
	int lock;
	struct world *world;
	char *default_region;
	struct source_view *view;
	struct source_read *read;
	bool reading_sweep;
	bool reading_versions; /* and they are told one by one */
	bool *search_refused; /* for each region */
	char **regions; /* the source's */
	struct source_request request; /* of the read under way */
	struct source_view *remembered; /* what the record knew of the source, until it was read */
	bool sweep_wanted;
	struct wake *wake; /* the queue of events; NULL while none is listened to */
	bool rebuild_wanted; /* the expansion is to be made again from the view */

	struct tracked_certificate **certificates; /* sorted by name, as the expansion's */
	size_t certificate_count;
	struct tracked_delivery **deliveries; /* sorted by name */
	size_t delivery_count;
	struct tracked_place **places;
	size_t place_count;
	struct tracked_dependent **dependents; /* sorted by name */
	size_t dependent_count;
	struct run *runs;
	unsigned run_count;
	size_t carrying; /* deliveries under way in all runs; see deliver_count() */

	usec_t looked_at; /* last successful read, wall clock */
	usec_t swept_at;
	usec_t next_look;
	usec_t next_sweep;
	unsigned read_failures;
	struct error source_error;
	struct error record_error; /* set: nothing new is begun until a write to the record succeeds again */
	usec_t record_retry;

	struct plan plan; /* the last one made; its names borrow from the states */
	struct job *jobs;
	uint32_t last_job;

	sd_event_source *cycle; /* pokes the planner */
	sd_event_source *timer; /* the next moment at which something is due */
	sd_event_source *watchdog;
	int exit_status;
	bool ending;
	bool rested; /* nothing has been in flight since memory was given back */
	bool stopped; /* nothing of it is on the event loop any more */
	char *told_manager; /* STATUS= as last sent: said again only when it changes */
};

/* --- state.c --- */

/* configuration_load(file, configuration): from the files; false when it was rejected, the problems being printed. */
bool configuration_load(const char *file, struct configuration **ret_configuration);
struct configuration *configuration_unref(struct configuration *configuration);

/* world_new(configuration, view, region): holds ${configuration} as long as it lives. */
struct world *world_new(struct configuration *configuration, const struct source_view *view, const char *region);
struct world *world_ref(struct world *world);
struct world *world_unref(struct world *world);

/* state_adopt_world(conductor, world): make ${world} (taken over) the present one: states keep what they know by
 * name, new ones take theirs from the record, old ones go unless in flight. */
void state_adopt_world(struct conductor *conductor, struct world *world);

/* state_refresh_view(conductor): point the certificates at what the present view shows. */
void state_refresh_view(struct conductor *conductor);

/* state_release_delivery(conductor, delivery), state_release_certificate(...): something of it has ended: take over
 * the present world if it has changed meanwhile, or go if it is in it no more. */
void state_release_delivery(struct conductor *conductor, struct tracked_delivery *delivery);
void state_release_certificate(struct conductor *conductor, struct tracked_certificate *certificate);

/* state_find_delivery(conductor, name), state_find_dependent(conductor, name): of the present world; NULL for none. */
struct tracked_delivery *state_find_delivery(struct conductor *conductor, const char *name);
struct tracked_dependent *state_find_dependent(struct conductor *conductor, const char *name);

/* state_owe(dependent, delivery): the row of ${delivery}, made when it is not there. */
struct owed_record *state_owe(struct tracked_dependent *dependent, const char *delivery);

/* state_forget_owed(dependent, row): take it out of the list and release it. */
void state_forget_owed(struct tracked_dependent *dependent, struct owed_record *row);

/* state_done(conductor): release all states. */
void state_done(struct conductor *conductor);

/* --- look.c --- */

/* look_due(conductor): start the source read and the looks at places that are due; what is under way stays. */
void look_due(struct conductor *conductor);

/* look_at_places(conductor): start the looks at places that are wanted; how many were started. */
unsigned look_at_places(struct conductor *conductor);

/* look_seen(conductor, delivery, seen): take ${seen} over as what is there now, and write down what it confirms. */
void look_seen(struct conductor *conductor, struct tracked_delivery *delivery, struct observed *seen);

/* look_cancel(conductor): end the looks at places; they are wanted again. */
void look_cancel(struct conductor *conductor);

/* --- wake.c --- */

/* wake_read_begins(conductor, sweep), wake_read_ended(conductor, succeeded): around each reading of the source, the second
 * when the next look is set and the view is taken over.  The first success begins to listen to the queue, if there is
 * one. */
void wake_read_begins(struct conductor *conductor, bool sweep);
void wake_read_ended(struct conductor *conductor, bool succeeded);

/* wake_stop(conductor): listen no more, until the next reading has succeeded. */
void wake_stop(struct conductor *conductor);

/* wake_state(conductor): "off", "waiting" (for the first answer), "listening" or "failing"; wake_problem(conductor): why
 * it fails, or NULL. */
const char *wake_state(const struct conductor *conductor);
const char *wake_problem(const struct conductor *conductor);

/* --- cycle.c --- */

/* cycle_poke(conductor): something has changed; the plan is made again before the loop sleeps. */
void cycle_poke(struct conductor *conductor);

/* cycle_new(conductor): the sources that make the plan; 0 or -errno. */
int cycle_new(struct conductor *conductor);

/* cycle_idle(conductor): is nothing in flight, and nothing wanted that could be started now? */
bool cycle_idle(const struct conductor *conductor);

/* cycle_refresh_plan(conductor): make conductor->plan from how things are now, without starting anything. */
void cycle_refresh_plan(struct conductor *conductor);

/* --- deliver.c --- */

/* deliver_start(conductor, certificate, deliveries, count): one transfer; the intent is on disk when it starts.  False
 * when it could not be written. */
bool deliver_start(struct conductor *conductor, struct tracked_certificate *certificate,
	struct tracked_delivery **deliveries, size_t count);
/* deliver_count(conductor): count what is under way, in all and to each place. */
void deliver_count(struct conductor *conductor);

/* deliver_cancel(conductor): end all transfers; what was sent may still take effect. */
void deliver_cancel(struct conductor *conductor);

/* deliver_prove(conductor, delivery): see what its own prove: endpoint serves. */
void deliver_prove(struct conductor *conductor, struct tracked_delivery *delivery);
void deliver_prove_cancel(struct tracked_delivery *delivery);

/* --- tell.c --- */

/* tell_prove_again(conductor, dependent): it was told, but was not seen to serve the new version: look again. */
void tell_prove_again(struct conductor *conductor, struct tracked_dependent *dependent);

/* tell_start(conductor, dependent): tell it what it is owed, or find out whether it is owed anything. */
void tell_start(struct conductor *conductor, struct tracked_dependent *dependent);
/* tell_cancel(dependent): a job already started goes on; its intent is on disk. */
void tell_cancel(struct tracked_dependent *dependent);

/* --- ask.c --- */

extern const struct bus_handlers ask_handlers;

/* ask_status(conductor, view): fill ${view}; release with status_view_done(). */
void ask_status(struct conductor *conductor, struct status_view *ret_view);

/* ask_plan_exit(conductor): what the present plan comes to: 1 not everything could be seen, 3 something to do, 0 nothing. */
int ask_plan_exit(const struct conductor *conductor);

/* ask_finish_jobs(conductor): nothing is in flight any more: end all jobs. */
void ask_finish_jobs(struct conductor *conductor);

/* ask_approve(conductor, delivery): approve the holds of one delivery or (NULL) of all; how many there were. */
unsigned ask_approve(struct conductor *conductor, const char *delivery, const char *who);

/* --- record, with the law that nothing new begins when it fails (conductor.c) --- */

/* conductor_recorded(conductor, r, err): to be told the result of each write; says when it begins and ends to fail. */
bool conductor_recorded(struct conductor *conductor, int r, struct error *err);

/* conductor_try_record(conductor): the record failed before: try a write, and say so when it works again. */
void conductor_try_record(struct conductor *conductor);

/* The saves, through conductor_recorded(); no-ops without a record. */
bool conductor_save_certificate(struct conductor *conductor, const struct certificate_record *row);
bool conductor_save_delivery(struct conductor *conductor, const struct delivery_record *row);
bool conductor_save_dependent(struct conductor *conductor, const struct dependent_record *row);
bool conductor_save_owed(struct conductor *conductor, const struct owed_record *row);
bool conductor_remove_owed(struct conductor *conductor, const struct owed_record *row);
void conductor_history(struct conductor *conductor, const char *event, const char *subject, const char *text);

/* conductor_set_regions(conductor): the source's regions from the configuration or the environment; false, said, when there
 * is none. */
bool conductor_set_regions(struct conductor *conductor);

/* conductor_now(conductor): the wall clock, corrected by AWS's where that was needed. */
usec_t conductor_now(const struct conductor *conductor);

#endif
