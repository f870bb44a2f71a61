/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_CONDUCTOR_STATE_H
#define DAEMON_CONDUCTOR_STATE_H

/*
 * What the conductor's files share; nobody else includes this.
 *
 *	conductor.c	life: start, reload, end
 *	world.c		the configuration, and what it comes to with the source as it was seen
 *	state.c		slots, and the deliveries that are opened from them
 *	adopt.c		taking over a new world: states keep what they know
 *	adopt_deliveries.c	of it, the deliveries: from the former world and the record
 *	find.c		states by name or ARN
 *	owed.c		the rows of what a dependent is owed
 *	look.c		looks, sweeps, and looks at places
 *	reach.c		which places answer
 *	wake.c		events of ACM that bring the next look forward
 *	cycle.c		the plan, made again and again; starting its steps
 *	tag.c		what objects say of their anchors, made right
 *	deliver.c	transfers: intent before, outcome after
 *	tell.c		dependents: look, intent, tell, proof
 *	ask.c		what people ask over the bus: status, plan, approve
 *	view.c		what people are shown of the states
 *	show.c		the properties on the bus
 *	walk.c		through all of it, in pieces
 *	survey.c	all of it, however much, as a text made piece by piece
 *	job.c		`certferry sync`: jobs, from the request to their end
 *	limits.c	what all parts may take together, against what the process is allowed
 *	say.c		what has happened, for daemon/announce
 */

#include <systemd/sd-event.h>

#include "daemon/announce/announce.h"
#include "daemon/bus/bus.h"
/* Circle with daemon/conductor/conductor.c: it shows what that has the inside of. */
#include "daemon/conductor/conductor.h"
#include "daemon/dependent/dependent.h"
#include "daemon/dependent/prove.h"
#include "daemon/inventory/agenda.h"
#include "daemon/inventory/settled.h"
#include "daemon/model/view.h"
#include "daemon/plan/expand.h"
#include "daemon/plan/plan.h"
#include "daemon/record/record.h"
#include "daemon/source/watch.h"
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

/* What the plan for a certificate and its deliveries came to when it was last made. */
struct planned {
	struct plan_touched touched;
	unsigned in_place, held, failing, due;
};

struct tracked_certificate {
	char *name;
	char *arn;
	struct world *world;
	const struct desired_certificate *entry;
	const struct source_certificate *seen; /* in conductor.view */
	struct certificate_record record; /* without a serial: that of its version is in what was seen */
	bool has_serial; /* recorded */
	bool read_next; /* asked of the reading under way, for a job */
	size_t first, count; /* its deliveries, which are together */
	struct kept_version versions[VERSIONS_KEPT]; /* that its settled deliveries hold; the first with no references is free */
	struct run *run; /* the transfer that carries it; NULL: there is none, or only such as wait for silent or slow places */
	unsigned runs; /* its transfers, all of them */
	usec_t gather_until; /* a transfer waits so long (monotonic) for looks under way; 0: none waits */
	bool waits_for_look; /* one of its deliveries does, that a look under way leaves out */
	char *refusal; /* why the source's is not delivered, as last read; or NULL */
	struct agenda_item agenda;
	struct planned planned;
};

/*
 * A delivery about which more is known than that all is well, or with which something is going on.  Of the others, which
 * may be very many, only a slot is kept (settled.c).  state_open() makes one from its slot, and at the end of the turn
 * state_settle() turns it back where it can: so a pointer to one outlives the turn only while it is in flight
 * (CLAIM_TRANSFER or CLAIM_PROOF).
 */
struct tracked_delivery {
	char *name;
	size_t slot; /* among those of the present world; SIZE_MAX: it is in it no more, and goes when its transfer ends */
	struct world *world;
	const struct delivery *delivery; /* of the world; made */
	struct delivery made;
	struct tracked_certificate *certificate;
	struct tracked_place *place;
	struct observed observed;
	struct delivery_record record;
	bool has_record;
	struct delivery_proof *proof; /* with CLAIM_PROOF */
	struct tracked_delivery *next_used, **used_at; /* among those to be settled at the end of the turn */
};

/*
 * Who is at work with a delivery.  Who carries it is alone with it but for a tag that was on its way before; who looks,
 * proves or tags does not write what the others read, so that a full scan need not wait for them.
 */
enum claim {
	CLAIM_LOOK = 1 << 0,	 /* it is among those of its place's look */
	CLAIM_TRANSFER = 1 << 1, /* it is carried */
	CLAIM_PROOF = 1 << 2,	 /* what its prove: endpoint serves is looked at */
	CLAIM_TAG = 1 << 3,	 /* its object is made to bear its anchor */
};

/* The plan begins nothing else for a delivery with one of these. */
#define CLAIMS_IN_FLIGHT (CLAIM_LOOK | CLAIM_TRANSFER | CLAIM_PROOF)

/* A delivery's place in the present world, and, while it is settled, all that is known of it.  Claims say what is being done;
 * the flags what is wanted, of which several may be at a time. */
struct slot {
	struct tracked_delivery *open; /* NULL: it is settled */
	uint32_t certificate; /* in conductor.certificates */
	uint32_t place; /* in conductor.places */
	uint16_t wish; /* in its entry's deliver */
	bool asked : 1; /* an operator asked: back-off does not count */
	unsigned claimed_by : 4; /* enum claim, united */
	bool look_wanted : 1; /* to be looked at, without the rest of its place */
	bool due : 1; /* to be carried, as last planned, and not begun */
	bool untagged : 1; /* its object does not bear the anchor that is recorded of it */
	struct settled settled;
};

_Static_assert(sizeof(struct slot) == 80, "there may be very many settled deliveries, and each costs this");

/* Whether a place answers; see reach.c. */
struct reach {
	const struct pulse *pulse; /* NULL: not looked up yet, or nobody is asked */
	bool silent, lost, proven, prompt;
	unsigned failures; /* to find it again */
	usec_t retry; /* lost: when it is looked for; wall clock */
};

struct tracked_place {
	struct world *world;
	const struct place *place;
	struct conductor *conductor;
	struct destination_look *look;
	struct looked *looking; /* those of the look under way, in its order */
	struct look_item *items;
	struct source_certificate *sources; /* copies for the items: the view may be replaced meanwhile */
	size_t looking_count;
	size_t look_wanted; /* how many of its deliveries are */
	bool wanted; /* all of its deliveries are to be looked at as soon as possible */
	usec_t seen_since; /* with wanted: but not those that were seen since then (wall clock); 0: all are */
	usec_t looked_at; /* when its last look began; monotonic */
	usec_t look_began; /* the look under way; wall clock */
	bool probing; /* the look under way is at one delivery, to see whether it answers, and the others come next */
	struct destination_keep keep; /* from that look for the next */
	struct reach reach;
	unsigned chance; /* 0..999: when a look that failed is repeated, for all of its deliveries alike */
	size_t carrying; /* deliveries under way to it; see deliver_count() */
	bool waited_for; /* the plan for one of its deliveries waits for the look to end */
	size_t due; /* deliveries of it that wait to be carried */
	size_t untagged, tagging; /* its slots that are */
	size_t tagged; /* since none was untagged */
	bool tags_refused; /* nothing is tagged here any more */
	char *budget; /* why no first import may be made here now, or NULL */
	struct candidate_room *candidates; /* that its deliveries keep */
};

struct tracked_dependent {
	char *name;
	struct conductor *conductor;
	struct world *world;
	const struct desired_dependent *dependent;
	struct dependent_words words; /* of it */
	struct dependent_record record;
	struct owed_record **owed; /* its rows, owned, sorted by delivery */
	size_t owed_count;
	struct dependent_call *call;
	struct prove *prove;
	struct telling *telling; /* what the call under way is about */
	bool asked;
	bool gathers; /* as last planned: it waits for deliveries on their way to it, a minute at most */
	char *waits; /* as last planned: why it waits for another one, which comes first; NULL: it does not */
};

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

/* What the present plan comes to, counted. */
struct planned_counts {
	unsigned in_place, held, failing;
};

struct conductor {
	struct conductor_options options;
	sd_event *event;
	struct aws *aws;
	struct destination_context destinations; /* of the two */
	struct bus *bus;
	struct announce *announce;
	struct record *record; /* NULL: none (a dry run without a state directory) */
	int lock;
	struct world *world;
	unsigned world_number; /* counts the worlds: what is walked in pieces finds out that it is another one */
	char *default_region;
	struct source_watch source;
	struct wake *wake; /* the queue of events; NULL while none is listened to */

	struct tracked_certificate **certificates; /* sorted by name, as the expansion's */
	struct tracked_certificate **by_arn; /* the same, sorted by ARN */
	size_t certificate_count;
	struct slot *slots; /* sorted by their deliveries' names */
	size_t delivery_count;
	struct tracked_delivery *used; /* to be settled at the end of the turn */
	size_t proofs; /* of deliveries, under way */
	struct tracked_place **places;
	size_t place_count;
	struct tracked_dependent **dependents; /* sorted by name */
	size_t dependent_count;
	struct run *runs;
	unsigned run_count; /* of them, those that carry to a place that answers soon, or export */
	unsigned all_runs;
	unsigned slow_runs; /* of them, those that carry to a place that is slow or gives no answer */
	bool prompt_wanted; /* something waits for, or is under way to, a place that answers soon */
	usec_t slow_next; /* while that is so: until then (monotonic) nothing is exported for slow places alone */
	size_t carrying; /* deliveries under way in all runs to places that answer; see deliver_count() */
	struct tagging *taggings; /* under way */
	size_t untagged, tagging; /* slots that are */
	size_t tag_cursor; /* the slot at which the search for the next goes on */
	bool tags_wanted; /* more may be tagged than is under way */
	const char *pinned; /* the anchor, interned, of which this is the digest: */
	struct fingerprint pinned_digest;
	size_t gathering; /* certificates whose transfer waits for looks */

	struct agenda agenda;
	struct plan_touched touched; /* of all certificates, as last planned */
	struct planned_counts counts; /* of certificates and their deliveries */
	unsigned dependents_failing;
	usec_t dependents_again; /* when a dependent is to be planned again; wall clock */
	int64_t clock_offset; /* the wall clock less the monotonic one, when it was last compared */

	struct error record_error; /* set: nothing new is begun until a write to the record succeeds again */
	usec_t record_retry;

	struct plan plan; /* the whole of it, while somebody wants to see it; its names borrow from the states */
	struct job *jobs;
	uint32_t last_job;

	sd_event_source *cycle; /* pokes the planner */
	sd_event_source *timer; /* the next moment at which something is due */
	sd_event_source *watchdog;
	int exit_status;
	bool ending;
	bool worked; /* more than looks at the source has been in flight since code was given back */
	bool rested; /* nothing has been in flight since memory was given back */
	bool rested_longer; /* nor since the idle connections were closed */
	bool stopped; /* nothing of it is on the event loop any more */
	usec_t shown_poll, shown_full_scan; /* show.c: when the next of each is; wall clock */
	char *told_manager; /* STATUS= as last sent: said again only when it changes */
};

/* --- world.c --- */

/* configuration_load(file, configuration): from the files; false when it was rejected, the problems being printed. */
bool configuration_load(const char *file, struct configuration **ret_configuration);
struct configuration *configuration_unref(struct configuration *configuration);

/* world_new(configuration, view, region): holds ${configuration} as long as it lives. */
struct world *world_new(struct configuration *configuration, const struct source_view *view, const char *region);
struct world *world_ref(struct world *world);
struct world *world_unref(struct world *world);

/* --- state.c --- */

/* state_of_item(item): the certificate whose place in the agenda it is; NULL for NULL. */
static inline struct tracked_certificate *state_of_item(const struct agenda_item *item)
{
	return item ? (struct tracked_certificate *)((char *)item - offsetof(struct tracked_certificate, agenda)) : NULL;
}

/* state_certificate(conductor, slot), state_place(...), state_wish(...): what a slot points at. */
struct tracked_certificate *state_certificate(const struct conductor *conductor, const struct slot *slot);
struct tracked_place *state_place(const struct conductor *conductor, const struct slot *slot);
const struct desired_delivery *state_wish(const struct conductor *conductor, const struct slot *slot);

/* state_slot(conductor, delivery): its slot in the present world, or NULL. */
struct slot *state_slot(const struct conductor *conductor, const struct tracked_delivery *delivery);

/* state_claim(slot, claim), state_unclaim(slot, claim): somebody begins, ends to work with it. */
void state_claim(struct slot *slot, enum claim claim);
void state_unclaim(struct slot *slot, enum claim claim);

/* state_make_delivery(conductor, slot, delivery): its delivery; release it with delivery_done(). */
void state_make_delivery(const struct conductor *conductor, const struct slot *slot, struct delivery *ret_delivery);

/* state_asked(conductor, delivery, asked): did an operator ask for it? */
void state_asked(struct conductor *conductor, struct tracked_delivery *delivery, bool asked);

/* state_seen(slot), state_absent_at(slot): what was seen there last; where that is nothing, when (else 0). */
enum observed_state state_seen(const struct slot *slot);
usec_t state_absent_at(const struct slot *slot);

/* state_seen_at(slot): when it was last seen what is there, in this life of the process, or a time before that; 0: never. */
usec_t state_seen_at(const struct slot *slot);

/* state_want_looks(place, since): look at all of its deliveries, but those that were seen since ${since} (wall clock; 0: at
 * all); what was wanted before and is more stays so. */
void state_want_looks(struct tracked_place *place, usec_t since);

/* state_want_look(conductor, slot, wanted): is it to be looked at by itself? */
void state_want_look(struct conductor *conductor, struct slot *slot, bool wanted);

/* state_open(conductor, slot): the delivery, made from its slot if it was settled; for this turn, or as long as it is in
 * flight. */
struct tracked_delivery *state_open(struct conductor *conductor, size_t slot);

/* state_changed(conductor, delivery): something is known of it that the plan may depend on: it is planned again. */
void state_changed(struct conductor *conductor, struct tracked_delivery *delivery);

/* state_settle(conductor): the turn's end for those that were opened. */
void state_settle(struct conductor *conductor);

/* tracked_delivery_new(name, row): at its full size, and in no world yet; what the record has of it is taken out of
 * ${row} (may be NULL). */
struct tracked_delivery *tracked_delivery_new(const char *name, struct delivery_record *row);

/* tracked_delivery_unpack(world, certificate, slot): the settled one of ${slot} in ${world}, at its full size: for the
 * caller to put into a slot; what was in this one is taken out of it. */
struct tracked_delivery *tracked_delivery_unpack(
	struct world *world, struct tracked_certificate *certificate, struct slot *slot);

/* tracked_delivery_point(conductor, delivery): it is not being carried, and is from now on what its slot in the present
 * world says, a proof under way being cancelled; with another object, nothing is known of it. */
void tracked_delivery_point(struct conductor *conductor, struct tracked_delivery *delivery);

/* tracked_delivery_settle(conductor, delivery): turn it back into its slot, where nothing is going on with it and the
 * slot can tell all of it; then it is gone.  It is none of the turn's in either case. */
void tracked_delivery_settle(struct conductor *conductor, struct tracked_delivery *delivery);

/* tracked_delivery_free(conductor, delivery): its slot, if it has one, still points at it. */
void tracked_delivery_free(struct conductor *conductor, struct tracked_delivery *delivery);

/* --- adopt.c --- */

/* state_adopt_world(conductor, world): make ${world} (taken over) the present one: states keep what they know by
 * name, new ones take theirs from the record, old ones go unless in flight. */
void state_adopt_world(struct conductor *conductor, struct world *world);

/* state_refresh_view(conductor, former): point the certificates at what the present view shows; those of which it shows
 * something else than ${former} did (NULL: all) are planned again. */
void state_refresh_view(struct conductor *conductor, const struct source_view *former);

/* state_shows(conductor, world): is all that ${world} expands to present already? */
bool state_shows(const struct conductor *conductor, const struct world *world);

/* state_release_delivery(conductor, delivery), state_release_certificate(...): something of it has ended: take over
 * the present world if it has changed meanwhile, or go if it is in it no more. */
void state_release_delivery(struct conductor *conductor, struct tracked_delivery *delivery);
void state_release_certificate(struct conductor *conductor, struct tracked_certificate *certificate);

/* state_done(conductor): release all states. */
void state_done(struct conductor *conductor);

/* --- adopt_deliveries.c --- */

/* The present world while it gives way to another: its slots are walked in their order. */
struct former {
	struct world *world;
	struct tracked_certificate **certificates;
	size_t certificate_count;
	struct slot *slots;
	size_t count, next;
};

/* adopt_deliveries(conductor, former): the slots and deliveries of the present world: what they know is taken out of
 * ${former}, else out of the record; the rest of ${former} goes as adopt_drop_deliveries() says.  The world's
 * expansion has no deliveries afterwards. */
void adopt_deliveries(struct conductor *conductor, struct former *former);

/* adopt_drop_deliveries(conductor, former): those that were not walked go; one in flight is in no world any more, and
 * goes with state_release_delivery(). */
void adopt_drop_deliveries(struct conductor *conductor, struct former *former);

/* --- find.c --- */

/* state_find_certificate(conductor, name), state_find_dependent(conductor, name), state_find_slot(conductor, name),
 * state_find_delivery(conductor, name): of the present world; NULL for none.  The delivery is opened. */
struct tracked_certificate *state_find_certificate(const struct conductor *conductor, const char *name);
struct tracked_dependent *state_find_dependent(struct conductor *conductor, const char *name);
struct slot *state_find_slot(const struct conductor *conductor, const char *name);
struct tracked_delivery *state_find_delivery(struct conductor *conductor, const char *name);

/* state_is_present(conductor, certificate): is it of the present world?  One that a reload has left out is kept while it is
 * carried: its deliveries are others' by then, so that nothing is planned for it. */
bool state_is_present(const struct conductor *conductor, const struct tracked_certificate *certificate);

/* state_dependent_index(conductor, name): where it is in conductor.dependents; SIZE_MAX: nowhere. */
size_t state_dependent_index(const struct conductor *conductor, const char *name);

/* state_lower_slot(conductor, name), state_lower_certificate(conductor, name): the first whose name is not before ${name};
 * how many there are, when there is none. */
size_t state_lower_slot(const struct conductor *conductor, const char *name);
size_t state_lower_certificate(const struct conductor *conductor, const char *name);

/* state_compare_name(certificate, place, name): how the name of the delivery of ${certificate} at ${place}, which is the
 * one, a slash, and the other, compares with ${name}: as strcmp(3) says it, without the first being made. */
int state_compare_name(const char *certificate, const char *place, const char *name);

/* state_sort_by_arn(conductor): its certificates are others now: state_find_arn() finds these. */
void state_sort_by_arn(struct conductor *conductor);

/* state_find_arn(conductor, arn, count): the certificates of ${arn} (several entries may name it), ${ret_count} of them;
 * borrowed until the world changes. */
struct tracked_certificate **state_find_arn(const struct conductor *conductor, const char *arn, size_t *ret_count);

/* --- owed.c --- */

/* state_owe(dependent, delivery): the row of ${delivery}, made when it is not there. */
struct owed_record *state_owe(struct tracked_dependent *dependent, const char *delivery);

/* state_find_owed(dependent, delivery): the row of ${delivery}, or NULL. */
struct owed_record *state_find_owed(const struct tracked_dependent *dependent, const char *delivery);

/* state_forget_owed(dependent, row): take it out of the list and release it. */
void state_forget_owed(struct tracked_dependent *dependent, struct owed_record *row);

/* --- look.c --- */

/* look_due(conductor): start the source read and the looks at places that are due; what is under way stays. */
void look_due(struct conductor *conductor);

/* What readings of the source find out, for its watch. */
extern const struct source_watch_events look_source_events;

/* look_stop_reading(conductor): end the reading of the source, if one is under way; who waits for it waits for another. */
void look_stop_reading(struct conductor *conductor);

/* look_at_places(conductor): start the looks at places that are wanted, as many as there is room for. */
void look_at_places(struct conductor *conductor);

/* look_next(conductor): when a look under way has taken so long that it leaves its turn to another (monotonic), or
 * USEC_INFINITY. */
usec_t look_next(const struct conductor *conductor);

/* look_wants(conductor, slot): is it to be looked at, by itself or with all of its place, and can it be? */
bool look_wants(const struct conductor *conductor, const struct slot *slot);

/* look_ask(conductor, slot): look at it by itself, if it can be said what should be there. */
void look_ask(struct conductor *conductor, struct slot *slot);

/* look_seen(conductor, delivery, seen): take ${seen} over as what is there now, and write down what it confirms. */
void look_seen(struct conductor *conductor, struct tracked_delivery *delivery, struct observed *seen);

/* look_cancel(conductor): end the looks at places; they are wanted again. */
void look_cancel(struct conductor *conductor);

/* --- reach.c --- */

/* reach_note(conductor): find out which places are silent by now; reach_next(conductor): when the next one may be
 * (monotonic), or USEC_INFINITY. */
void reach_note(struct conductor *conductor);
usec_t reach_next(const struct conductor *conductor);

/* reach_ended(place, failed): something that was asked of it has ended. */
void reach_ended(struct tracked_place *place, bool failed);

/* reach_is_open(place): may anything be carried there, or be waited for?  reach_is_proven(place): has it answered lately, so
 * that much may be asked of it at once?  reach_is_prompt(place): and soon, so that it may have more than its share?
 * reach_is_slow(place): or not soon, so that others go before it? */
bool reach_is_open(const struct tracked_place *place);
bool reach_is_proven(const struct tracked_place *place);
bool reach_is_prompt(const struct tracked_place *place);
bool reach_is_slow(const struct tracked_place *place);

/* --- say.c: what has happened, with whom it happened to, for daemon/announce --- */

/* say(conductor, change): of the daemon, its source or its state database. */
void say(const struct conductor *conductor, const struct change *change);

/* say_words(conductor, event, words): the same, of an event that is nothing but words. */
void say_words(const struct conductor *conductor, enum change_event event, const char *words);

/* say_certificate(conductor, certificate, change), say_delivery(...), say_dependent(dependent, change): of one of them. */
void say_certificate(const struct conductor *conductor, const struct tracked_certificate *certificate,
	const struct change *change);
void say_delivery(const struct conductor *conductor, const struct delivery *delivery, const struct change *change);
void say_dependent(const struct tracked_dependent *dependent, const struct change *change);

/* say_certificate_changes(...), say_delivery_changes(...), say_dependent_changes(...): the same, of all in a list. */
void say_certificate_changes(const struct conductor *conductor, const struct tracked_certificate *certificate,
	const struct changes *changes);
void say_delivery_changes(
	const struct conductor *conductor, const struct delivery *delivery, const struct changes *changes);
void say_dependent_changes(const struct tracked_dependent *dependent, const struct changes *changes);

/* say_place(place, delivery, change): of a place; ${delivery} is the one that it is about there, or NULL. */
void say_place(const struct tracked_place *place, const struct delivery *delivery, const struct change *change);

/* say_entries(conductor, problems, former): of entries that come to no certificate, ${problems} are there now and
 * ${former} (may be NULL) were. */
void say_entries(const struct conductor *conductor, char *const *problems, char *const *former);

/* say_keep_present(conductor): what is not in the present world has no troubles any more. */
void say_keep_present(struct conductor *conductor);

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

/* cycle_stopped(conductor): nothing is begun, since it is a dry run, or since the record cannot be written. */
bool cycle_stopped(const struct conductor *conductor);

/* cycle_touch_all(conductor): the plan is to be made again for every certificate. */
void cycle_touch_all(struct conductor *conductor);

/* cycle_rest_longer(conductor): while nothing is in flight: close the idle connections.  For a moment at which the
 * process is awake anyway: their other ends, which close them soon, would each wake it by that. */
void cycle_rest_longer(struct conductor *conductor);

/* cycle_refresh_plan(conductor): make the whole conductor->plan from how things are now, without starting anything.
 * cycle_forget_plan(conductor): it was seen; what was opened for it is settled. */
void cycle_refresh_plan(struct conductor *conductor);
void cycle_forget_plan(struct conductor *conductor);

/* cycle_plan_some(conductor, certificate, first, count): the same for ${count} of its deliveries alone, from its ${first} on,
 * added to conductor->plan; with all of them, for the certificate too.  The index of a step for a delivery is its slot.
 * cycle_plan_told(conductor): the same for the dependents. */
void cycle_plan_some(
	struct conductor *conductor, const struct tracked_certificate *certificate, size_t first, size_t count);
void cycle_plan_told(struct conductor *conductor);

/* cycle_wants_tag(conductor, slot): does the plan say that its object is to be tagged now? */
bool cycle_wants_tag(struct conductor *conductor, size_t slot);

/* --- tag.c --- */

/* tag_seen(conductor, delivery): it holds the source's version: where nothing is recorded of its anchor, record what was
 * pinned or else what its object bears (one that has no row in the record yet is about to get it); and find out whether it
 * is untagged. */
void tag_seen(struct conductor *conductor, struct tracked_delivery *delivery);

/* tag_want(conductor, slot): its object bears another anchor than is recorded now. */
void tag_want(struct conductor *conductor, struct slot *slot);

/**
 * tag_is_first_use(conductor, certificate):
 * Was none of its deliveries ever made, as far as the record and what was seen at their places say?  Only then the anchor
 * of an export is pinned for all of them: with a record that was lost, each goes by what its own object bears.
 */
bool tag_is_first_use(const struct conductor *conductor, const struct tracked_certificate *certificate);

/* tag_due(conductor): start as many as may be under way. */
void tag_due(struct conductor *conductor);

/* tag_cancel(conductor): end all that is under way; what was sent may still take effect. */
void tag_cancel(struct conductor *conductor);

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
void deliver_prove_cancel(struct conductor *conductor, struct tracked_delivery *delivery);

/* --- tell.c --- */

/* tell_prove_again(conductor, dependent): it was told, but was not seen to serve the new version: look again. */
void tell_prove_again(struct conductor *conductor, struct tracked_dependent *dependent);

/* tell_start(conductor, dependent): tell it what it is owed, or find out whether it is owed anything. */
void tell_start(struct conductor *conductor, struct tracked_dependent *dependent);
/* tell_cancel(dependent): a job already started goes on; its intent is on disk. */
void tell_cancel(struct tracked_dependent *dependent);

/* --- show.c --- */

/* show_properties(conductor): let the properties on the bus be what is known now.  Cheap, for every turn of the loop. */
void show_properties(struct conductor *conductor);

/* --- view.c --- */

/* view_head(conductor, view): what is neither certificate nor delivery nor dependent. */
void view_head(struct conductor *conductor, struct status_view *ret_view);

/* view_certificate(certificate, view), view_dependent(dependent, report): one of them. */
void view_certificate(const struct tracked_certificate *certificate, struct certificate_view *ret_view);
void view_dependent(const struct tracked_dependent *dependent, struct dependent_report *report);

/* view_deliveries(conductor, certificate, first, count, views): ${count} of its deliveries, from its ${first} on.  Their
 * steps are added to conductor->plan, and ${views} is good until cycle_forget_plan(). */
void view_deliveries(struct conductor *conductor, struct tracked_certificate *certificate, size_t first, size_t count,
	struct delivery_view *views);

/* view_count_quiet(conductor, certificate, first): how many of its deliveries, from ${first} on and without a gap, are settled
 * with the version that the source shows: "current", and nothing to be done for them but, perhaps, a tag.  For very many:
 * none is opened.  view_is_quiet(conductor, certificate): all are and need no tag, and for the certificate itself there is
 * nothing to be done. */
size_t view_count_quiet(const struct conductor *conductor, const struct tracked_certificate *certificate, size_t first);
bool view_is_quiet(const struct conductor *conductor, const struct tracked_certificate *certificate);

/* ask_status(conductor, view), ask_status_of(conductor, slots, count, view): of all, or of the deliveries of these slots
 * (ascending), with their certificates and the dependents that they owe.  Makes conductor->plan for them.  Good until
 * cycle_forget_plan(), which is to follow; release with status_view_done(). */
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

/* ask_approve(conductor, name, who): approve the holds of a delivery or a certificate or (NULL) of all; how many there were. */
unsigned ask_approve(struct conductor *conductor, const char *name, const char *who);

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
void job_version_read(struct conductor *conductor, struct tracked_certificate *certificate);

/* job_new_world(conductor): the slots are others now. */
void job_new_world(struct conductor *conductor);

/* job_end_rested(conductor): end those jobs of which nothing is in flight or due any more; once a turn, when all that could
 * be started has been. */
void job_end_rested(struct conductor *conductor);

/* job_done_all(conductor): release them; nobody hears of it. */
void job_done_all(struct conductor *conductor);

/* --- record, with the law that nothing new begins when it fails (conductor.c) --- */

/* conductor_recorded(conductor, r, err): to be told the result of each write; says when it begins and ends to fail. */
bool conductor_recorded(struct conductor *conductor, int r, struct error *err);

/* conductor_try_record(conductor): the record failed before: try a write, and say so when it works again. */
void conductor_try_record(struct conductor *conductor);

/* conductor_begin(conductor), conductor_commit(conductor, begun): the saves between them are on disk together, when the
 * second returns; for what has come about already.  What conductor_begin() returned is given back. */
bool conductor_begin(struct conductor *conductor);
void conductor_commit(struct conductor *conductor, bool begun);

/* The saves, through conductor_recorded(); no-ops without a record. */
bool conductor_save_certificate(struct conductor *conductor, struct tracked_certificate *certificate);
bool conductor_save_delivery(struct conductor *conductor, const struct delivery_record *row);
bool conductor_save_dependent(struct conductor *conductor, const struct dependent_record *row);
bool conductor_save_owed(struct conductor *conductor, const struct owed_record *row);
bool conductor_remove_owed(struct conductor *conductor, const struct owed_record *row);

/* conductor_set_regions(conductor): the source's regions from the configuration or the environment; false, said, when there
 * is none. */
bool conductor_set_regions(struct conductor *conductor);

/* conductor_now(conductor): the wall clock, corrected by AWS's where that was needed. */
usec_t conductor_now(const struct conductor *conductor);

/* conductor_on_bus(conductor): the bus has answered, or will not soon: the daemon is ready. */
void conductor_on_bus(void *userdata);

#endif
