/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_INVENTORY_INVENTORY_H
#define DAEMON_INVENTORY_INVENTORY_H

/*
 * What is known of certificates, deliveries, places and dependents, and the only writer of it.  A
 * fact is recorded by being handed in: what it makes of the record says daemon/transition, and it
 * is in memory, written (but for a version that was read, see inventory_save_versions()), announced,
 * and marked to be planned again when the function returns.  What
 * is written outlives the process; the host, once inventory_sync() says so: before something leaves
 * that the record must know of.  Everybody else reads (stock.h).
 *
 * It starts nothing and knows nobody who does.  Who is at work with something claims it, and lets
 * go of it in the end.
 *
 * Where the record cannot be written, facts are kept in memory, and stock.record_error is set:
 * nothing new begins until a write succeeds again.
 */

#include "daemon/destination/destination.h"
#include "daemon/inventory/stock.h"
#include "daemon/model/change.h"
#include "daemon/model/outcome.h"
#include "daemon/model/step.h"

struct announce;
struct inventory;
struct record;
struct record_news;

struct inventory_request {
	const struct destination_context *destinations; /* of the clock, and of whom places are asked; borrowed */
	bool once; /* an operator asked for all there is: what failed before does not wait */
	bool dry_run; /* nothing is written */
	/* Something is to be planned again, or may be begun: before the loop sleeps. */
	void (*on_changed)(void *userdata);
	void *userdata;
};

/* inventory_new(request): empty; ${request} is borrowed for the call.
 * inventory_free(inventory): returns NULL. */
struct inventory *inventory_new(const struct inventory_request *request);
struct inventory *inventory_free(struct inventory *inventory);

/* inventory_stock(inventory): all of it, to be read; valid as long as the inventory, its members
 * until they change. */
const struct stock *inventory_stock(const struct inventory *inventory);

/* inventory_now(inventory): the wall clock, corrected by AWS's where that was needed. */
usec_t inventory_now(const struct inventory *inventory);

/* inventory_changed(inventory): something that is not in it has changed, and the plan is to be
 * made again. */
void inventory_changed(struct inventory *inventory);

/* --- the record --- */

/* inventory_use_record(inventory, record, news): given, with what its opening has to say
 * (store.c says it); NULL: a dry run without one.  One that could not be migrated counts as one
 * that cannot be written. */
void inventory_use_record(struct inventory *inventory, struct record *record, const struct record_news *news);

/* inventory_source_memory(inventory): what the record knows of the source, as if it had been
 * read; the caller owns it. */
struct source_view *inventory_source_memory(const struct inventory *inventory);

/* inventory_try_record(inventory): the record failed before: try a write, and say so when it
 * works again. inventory_hurry_record(inventory): somebody asks: at the next moment. */
void inventory_try_record(struct inventory *inventory);
void inventory_hurry_record(struct inventory *inventory);

/* inventory_sync(inventory): is all that was handed in so far on the disk?  Waits for the disk where it is
 * not (stock.unsynced_since); false, which is said, when that failed. */
bool inventory_sync(struct inventory *inventory);

/* inventory_rest(inventory): nothing goes on: the record on disk takes as little room as it can. */
void inventory_rest(struct inventory *inventory);

/* --- what has happened (say.c): announced, and nothing else --- */

/* inventory_announce(inventory): for whoever listens, or forgets troubles of its own. */
struct announce *inventory_announce(const struct inventory *inventory);

/* say(inventory, change): of the daemon, its source or its state database.  say_words(inventory,
 * event, words): the same, of an event that is nothing but words. */
void say(const struct inventory *inventory, const struct change *change);
void say_words(const struct inventory *inventory, enum change_event event, const char *words);

/* say_delivery(inventory, delivery, change), say_dependent(...): of one of them.
 * say_place(inventory, place, delivery, change): of a place; ${delivery} is the one that it is
 * about there, or NULL. */
void say_delivery(const struct inventory *inventory, const struct delivery *delivery, const struct change *change);
void say_dependent(
	const struct inventory *inventory, const struct tracked_dependent *dependent, const struct change *change);
void say_place(const struct inventory *inventory, const struct tracked_place *place, const struct delivery *delivery,
	const struct change *change);

/* say_entries(inventory, problems, former): of entries that come to no certificate, ${problems}
 * are there now and ${former} (may be NULL) were. */
void say_entries(const struct inventory *inventory, char *const *problems, char *const *former);

/* say_units(inventory, findings, former): of units as they are set up, ${findings} stand out now, and
 * ${former} (may be NULL) did. */
void say_units(const struct inventory *inventory, char *const *findings, char *const *former);

/* --- worlds --- */

/**
 * inventory_take_over(inventory, world, view):
 * Make ${world} (given), which came of what the source shows in ${view} (see inventory_show()), the
 * present one: what has the same name keeps what is known of it, the new takes that from the
 * record, the old goes unless it is claimed.  Looks, tags and proofs have ended before, and so has
 * what is being told to dependents that inventory_keeps_dependent() does not.
 */
void inventory_take_over(struct inventory *inventory, struct world *world, const struct source_view *view);

/* inventory_keeps_dependent(world, dependent): is it in ${world}, and does its name stand for
 * the same there? */
bool inventory_keeps_dependent(const struct world *world, const struct tracked_dependent *dependent);

/* inventory_incumbents(inventory): what the record has of deliveries, also of those that are not in the
 * present world. */
struct incumbents inventory_incumbents(struct inventory *inventory);

/* inventory_shows(inventory, world): is all that ${world} expands to present already? */
bool inventory_shows(const struct inventory *inventory, const struct world *world);

/* inventory_show(inventory, view, former): the source shows ${view} (borrowed until the next
 * call) from now on.  Those certificates of which it shows something else than ${former} did (NULL:
 * all) are planned again. */
void inventory_show(struct inventory *inventory, const struct source_view *view, const struct source_view *former);

/* --- full size, claims, the turn --- */

/* inventory_open(inventory, slot): the delivery of slot number ${slot}, made from its slot if it
 * was settled; for this turn, or as long as it is claimed. */
const struct tracked_delivery *inventory_open(struct inventory *inventory, size_t slot);

/* inventory_end_turn(inventory): those that were opened are settled, where they can be. */
void inventory_end_turn(struct inventory *inventory);

/* inventory_begin(inventory), inventory_commit(inventory, begun): the facts between them are
 * written together, when the second returns; for what has come about already.  What
 * inventory_begin() returned is given back. */
bool inventory_begin(struct inventory *inventory);
void inventory_commit(struct inventory *inventory, bool begun);

/* inventory_claim(inventory, slot, claim), inventory_unclaim(...): somebody begins, ends to work
 * with a slot's delivery. */
void inventory_claim(struct inventory *inventory, size_t slot, enum claim claim);
void inventory_unclaim(struct inventory *inventory, size_t slot, enum claim claim);

/* inventory_release(inventory, delivery, claim): the same for a delivery that is at its full
 * size: what was claimed has ended.  It takes over the present world if that has changed meanwhile,
 * or goes if it is in it no more. */
void inventory_release(struct inventory *inventory, const struct tracked_delivery *delivery, enum claim claim);

/* inventory_claim_certificate(inventory, certificate), inventory_release_certificate(...): one
 * more, one less transfer has it.  inventory_certificate_in_flight(inventory, certificate,
 * in_flight): the plan begins nothing else for it, or may. */
void inventory_claim_certificate(struct inventory *inventory, const struct tracked_certificate *certificate);
void inventory_release_certificate(struct inventory *inventory, const struct tracked_certificate *certificate);
void inventory_certificate_in_flight(
	struct inventory *inventory, const struct tracked_certificate *certificate, bool in_flight);

/* inventory_claim_dependent(inventory, dependent), inventory_release_dependent(...): somebody
 * begins, ends to look at it, to tell it or to prove it. */
void inventory_claim_dependent(struct inventory *inventory, const struct tracked_dependent *dependent);
void inventory_release_dependent(struct inventory *inventory, const struct tracked_dependent *dependent);

/* --- what the plan came to, and when it is made again --- */

/* inventory_touch(inventory, certificate): it is to be planned in the next turn;
 * inventory_touch_all(inventory): all are. */
void inventory_touch(struct inventory *inventory, const struct tracked_certificate *certificate);
void inventory_touch_all(struct inventory *inventory);

/* inventory_wake(inventory, now): those whose time has come (monotonic) are to be planned.
 * inventory_first(inventory): when that is for the next, or USEC_INFINITY. */
void inventory_wake(struct inventory *inventory, usec_t now);
usec_t inventory_first(const struct inventory *inventory);

/* inventory_take(inventory): the next one that is to be planned, which is so no more; NULL:
 * there is none. */
const struct tracked_certificate *inventory_take(struct inventory *inventory);

/* inventory_first_touched(inventory), inventory_next_touched(certificate): those that are to be
 * planned, without taking them. */
const struct tracked_certificate *inventory_first_touched(const struct inventory *inventory);
const struct tracked_certificate *inventory_next_touched(const struct tracked_certificate *certificate);

/* inventory_wait(inventory, certificate): its transfer waits for room;
 * inventory_first_waiting(inventory): the first of those, or NULL;
 * inventory_take_waiting(inventory, may_start, userdata): the first for which ${may_start} is true,
 * which waits no more.  inventory_hurry(inventory, certificate, hurried): somebody waits for it: it
 * goes before the others. */
void inventory_wait(struct inventory *inventory, const struct tracked_certificate *certificate);
const struct tracked_certificate *inventory_first_waiting(const struct inventory *inventory);
const struct tracked_certificate *inventory_take_waiting(struct inventory *inventory,
	bool (*may_start)(const void *userdata, const struct tracked_certificate *certificate), const void *userdata);
void inventory_hurry(struct inventory *inventory, const struct tracked_certificate *certificate, bool hurried);

/* inventory_planned(inventory, certificate, planned): what its plan came to; none of its
 * deliveries waits to be carried or for a look until it is said below.
 * inventory_counted(inventory, certificate, touched): of that, what guard: counts. */
void inventory_planned(struct inventory *inventory, const struct tracked_certificate *certificate,
	const struct planned *planned);
void inventory_counted(struct inventory *inventory, const struct tracked_certificate *certificate,
	const struct plan_touched *touched);

/* inventory_plan_again(inventory, certificate, due): at ${due} (monotonic); USEC_INFINITY: only
 * when something happens. */
void inventory_plan_again(struct inventory *inventory, const struct tracked_certificate *certificate, usec_t due);

/* inventory_due(inventory, slot, due): does its delivery wait to be carried?
 * inventory_gather(inventory, certificate, until): its transfer waits so long (monotonic) for what
 * may add to it; 0: it does not. */
void inventory_due(struct inventory *inventory, size_t slot, bool due);
void inventory_gather(struct inventory *inventory, const struct tracked_certificate *certificate, usec_t until);

/* inventory_want_look(inventory, slot, wanted): is it to be looked at by itself?
 * inventory_want_looks(inventory, place, since): all of a place's are, but those that were seen
 * since ${since} (wall clock; 0: at all); what was wanted before and is more stays so.
 * inventory_wait_for_look(inventory, slot): the plan for it waits until the look under way at its
 * place ends. */
void inventory_want_look(struct inventory *inventory, size_t slot, bool wanted);
void inventory_want_looks(struct inventory *inventory, const struct tracked_place *place, usec_t since);
void inventory_wait_for_look(struct inventory *inventory, size_t slot);

/* inventory_dependents_planned(inventory, plan): what the plan for all dependents, whose steps
 * have their numbers, came to. */
void inventory_dependents_planned(struct inventory *inventory, const struct plan *plan);

/* --- facts: people --- */

/* inventory_asked(inventory, slot): somebody asked for its delivery: back-off does not count,
 * neither of its certificate nor of its dependents.  inventory_asked_certificate(inventory,
 * certificate): for a certificate, whatever it is delivered to. */
void inventory_asked(struct inventory *inventory, size_t slot);
void inventory_asked_certificate(struct inventory *inventory, const struct tracked_certificate *certificate);

/* inventory_asked_once(inventory): a run that ends by itself tries dependents that failed at
 * once. */
void inventory_asked_once(struct inventory *inventory);

/* inventory_approved(inventory, step, most, who): ${who} lets go on what ${step} (HOLD, its index a slot) holds, as far
 * as that needs an approval of ${most} at most (hold_approval(); APPROVAL_TRUST only where this very delivery was named).
 * False when it cannot be approved or not be written down. */
bool inventory_approved(
	struct inventory *inventory, const struct step *step, enum approval most, const char *who);

/* --- facts: what is left behind --- */

/* inventory_judge_leftovers(inventory): is any of them cared for, by what is known now?
 * inventory_leftover_seen(inventory, object_id, knows_users, users): it is there, and these use it.
 * inventory_leftover_unseen(inventory, object_id, why): that could not be found out.
 * inventory_leftover_gone(inventory, object_id): it is there no more, and no leftover. */
void inventory_judge_leftovers(struct inventory *inventory);
void inventory_leftover_seen(
	struct inventory *inventory, const char *object_id, bool knows_users, char *const *users);
void inventory_leftover_unseen(struct inventory *inventory, const char *object_id, const char *why);
void inventory_leftover_gone(struct inventory *inventory, const char *object_id);

/* --- facts: the source --- */

/* inventory_listed(inventory, certificate): the source's listing was read: is it there, and can
 * it be delivered? inventory_version_read(inventory, certificate): and so is what version it has
 * there; which is not written before inventory_save_versions(). */
void inventory_listed(struct inventory *inventory, const struct tracked_certificate *certificate);
void inventory_version_read(struct inventory *inventory, const struct tracked_certificate *certificate);

/* inventory_save_versions(inventory): those that were read are written, in one transaction: once a turn, for thousands are
 * read at a start.  Intents and inventory_sync() do it first.  What a process takes with it is read again by the next. */
void inventory_save_versions(struct inventory *inventory);

/* inventory_is_expiring(inventory, certificate, version): is the end of ${version} near or past, as stock_expiry() has it? */
bool inventory_is_expiring(const struct inventory *inventory, const struct tracked_certificate *certificate,
	const struct version *version);

/* inventory_renewal_seen(inventory, certificate, status, reason): the source was asked why it does not renew
 * ${certificate}, which is expiring: as in struct expiry.  inventory_renewal_forget(inventory, certificate): it is not. */
void inventory_renewal_seen(struct inventory *inventory, const struct tracked_certificate *certificate,
	const char *status, const char *reason);
void inventory_renewal_forget(struct inventory *inventory, const struct tracked_certificate *certificate);

/* inventory_find_arn(inventory, arn, count): the certificates of ${arn} (several entries may
 * name it), ${ret_count} of them; borrowed until the world changes. */
const struct tracked_certificate *const *inventory_find_arn(
	const struct inventory *inventory, const char *arn, size_t *ret_count);

/* inventory_read_next(inventory, certificate, next): it was asked of the reading under way, or
 * is no more. */
void inventory_read_next(struct inventory *inventory, const struct tracked_certificate *certificate, bool next);

/* --- facts: looks at places --- */

/* inventory_look_begins(inventory, place, all, began), inventory_look_ended(inventory, place):
 * around each look; ${all}: at all that is wanted there, else at one delivery, the others being
 * wanted still; ${began} by the wall clock. */
void inventory_look_begins(struct inventory *inventory, const struct tracked_place *place, bool all, usec_t began);
void inventory_look_ended(struct inventory *inventory, const struct tracked_place *place);

/* inventory_place_answered(inventory, place, failed): something that was asked of it has ended;
 * ${failed}: without what was asked for, be it that it gave no answer or another one. */
void inventory_place_answered(struct inventory *inventory, const struct tracked_place *place, bool failed);

/* inventory_looked_through(inventory, place): nothing of it that is wanted can be looked at. */
void inventory_looked_through(struct inventory *inventory, const struct tracked_place *place);

/**
 * inventory_saw(inventory, slot, seen, chance):
 * ${seen} (its contents are taken over) is what is there now, or why it could not be seen; what it
 * confirms is written down. ${chance} (0 to CHANCES - 1) spreads the next try: alike for all
 * deliveries of a place, so that one look serves them. It ends the turn of all that is open.
 */
void inventory_saw(struct inventory *inventory, size_t slot, struct observed *seen, unsigned chance);

/* inventory_held_there(inventory, place, held): a look found so many objects there that count
 * against the place's quota. */
void inventory_held_there(struct inventory *inventory, const struct tracked_place *place, unsigned held);

/* --- facts: whether places answer (reach.c) --- */

/* inventory_note_reach(inventory): find out which places are silent by now;
 * inventory_next_reach(inventory): when the next one may be (monotonic), or USEC_INFINITY. */
void inventory_note_reach(struct inventory *inventory);
usec_t inventory_next_reach(const struct inventory *inventory);

/* --- facts: transfers --- */

/* inventory_intend(inventory, version, deliveries, count): they are to be written.  Recorded
 * when it returns true, and before the first write is sent on the disk (inventory_sync()); false:
 * nothing may be sent. */
bool inventory_intend(struct inventory *inventory, const struct digest *version,
	const struct tracked_delivery *const *deliveries, size_t count);

/* inventory_pins(inventory, certificate): is the anchor of its next export to be pinned, since
 * none is recorded and none of its deliveries was ever made?  With a record that was lost, each
 * delivery goes by what its own object bears. */
bool inventory_pins(const struct inventory *inventory, const struct tracked_certificate *certificate);

/* What an export came to. */
struct exported_fact {
	const struct version *version;
	const char *anchor_pem; /* where its chain ends; NULL: not known */
	const char *note; /* what is to be known of it, and no failure; or NULL */
	const struct tracked_delivery *const *deliveries; /* for which it was made */
	size_t count;
};

/* inventory_exported(inventory, certificate, fact), inventory_export_failed(inventory,
 * certificate, err, deliveries, count). */
void inventory_exported(struct inventory *inventory, const struct tracked_certificate *certificate,
	const struct exported_fact *fact);
void inventory_export_failed(struct inventory *inventory, const struct tracked_certificate *certificate,
	const struct error *err, const struct tracked_delivery *const *deliveries, size_t count);

/* What a delivery came to. */
struct carried_fact {
	const struct outcome *outcome;
	const struct observed *seen; /* what was seen there at the end, or NULL */
	const struct tracked_certificate *certificate; /* as it was when it was exported */
	const char *leaf_pem, *chain_pem, *anchor_pem; /* what was exported; the last NULL: not known */
};

/* inventory_carried(inventory, delivery, fact): and CLAIM_TRANSFER has ended.
 * inventory_not_carried(inventory, delivery): nothing was sent, since there was no export; the
 * same. */
void inventory_carried(
	struct inventory *inventory, const struct tracked_delivery *delivery, const struct carried_fact *fact);
void inventory_not_carried(struct inventory *inventory, const struct tracked_delivery *delivery);

/* --- facts: proofs of deliveries, and tags --- */

/* inventory_proven(inventory, delivery, version, seen): its endpoints were looked at for ${version},
 * ${seen} at each that its prove: has, and CLAIM_PROOF has ended. */
void inventory_proven(struct inventory *inventory, const struct tracked_delivery *delivery, const struct digest *version,
	const struct proof_seen *seen);

/* inventory_delivery_moved(inventory, delivery, wish), inventory_dependent_moved(...): that endpoint of its
 * prove: is at other addresses than were looked at. */
void inventory_delivery_moved(struct inventory *inventory, const struct tracked_delivery *delivery,
	const struct desired_proof *wish);
void inventory_dependent_moved(struct inventory *inventory,
	const struct tracked_dependent *dependent, const struct desired_proof *wish);

/* inventory_tagged(inventory, slot, anchor, err): its object bears ${anchor}, or ${err}.
 * inventory_tags_refused(inventory, place, refused): nothing there is to be tagged now, or
 * (${refused}) at all.  inventory_tag_later(inventory, slot): what comes of a transfer tells.
 * inventory_tags_looked_through(inventory): there is none more to tag for now. */
void inventory_tagged(
	struct inventory *inventory, size_t slot, const struct fingerprint *anchor, const struct error *err);
void inventory_tags_refused(struct inventory *inventory, const struct tracked_place *place, bool refused);
void inventory_tag_later(struct inventory *inventory, size_t slot);
void inventory_tags_looked_through(struct inventory *inventory);

/* --- facts: dependents --- */

/* inventory_tell_intended(inventory, dependent, token): it is about to be told.  On disk when it
 * returns true; false: it may not be.  inventory_tell_not_asked(inventory, dependent): it was found
 * out that it was not. */
bool inventory_tell_intended(struct inventory *inventory, const struct tracked_dependent *dependent, const char *token);
void inventory_tell_not_asked(struct inventory *inventory, const struct tracked_dependent *dependent);

/* inventory_tell_failed(inventory, dependent, err): it could not be told, or not be looked at. */
void inventory_tell_failed(
	struct inventory *inventory, const struct tracked_dependent *dependent, const struct error *err);

/* What a telling came to. */
struct told_fact {
	const struct owed_record *rows; /* what it was about: settled, where a row is still about the same version */
	size_t count;
	bool told; /* a job was done, or was found to have been done */
	const struct proof_record *proof; /* what it serves; NULL: it was not looked at */
	const struct digest *version; /* that the proof was about, or NULL */
};

/* inventory_told(inventory, dependent, fact): all that it was about is settled. */
void inventory_told(
	struct inventory *inventory, const struct tracked_dependent *dependent, const struct told_fact *fact);

/* inventory_tell_escalated(inventory, dependent, fact): it was told of ${fact}'s version in vain, and is to be told with
 * more than its action: those rows of ${fact} are due (again) that are about it. */
void inventory_tell_escalated(
	struct inventory *inventory, const struct tracked_dependent *dependent, const struct told_fact *fact);

/* inventory_tell_unknown(inventory, dependent): whether it was told cannot be known.
 * inventory_owed_after_all(inventory, dependent): it was not, and is owed what was a question.
 * inventory_tell_put_off(inventory, dependent, until): it would run into its own limits before
 * ${until} (wall clock).  inventory_prove_later(inventory, dependent, until): nothing can be proven
 * of it before; not for the record. */
void inventory_tell_unknown(struct inventory *inventory, const struct tracked_dependent *dependent);
void inventory_owed_after_all(struct inventory *inventory, const struct tracked_dependent *dependent);
void inventory_tell_put_off(struct inventory *inventory, const struct tracked_dependent *dependent, usec_t until);
void inventory_prove_later(struct inventory *inventory, const struct tracked_dependent *dependent, usec_t until);

#endif
