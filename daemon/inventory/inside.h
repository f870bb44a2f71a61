/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_INVENTORY_INSIDE_H
#define DAEMON_INVENTORY_INSIDE_H

/*
 * What the inventory's files share; nobody outside this folder includes it (make check-layers).
 *
 *	life.c			birth and death
 *	claims.c		who is at work with what
 *	planned.c		what is to be planned and when, and what the plan came to
 *	store.c			the record on disk
 *	say.c			what has happened, for daemon/announce
 *	world.c			the configuration, and what it comes to with the source as it was seen
 *	take_over.c		another world: what is known stays
 *	take_over_deliveries.c	of it, the deliveries: from the former world and the record
 *	stock.c			what a slot points at and says
 *	deliveries.c		deliveries opened from their slots, and settled again
 *	settled.c		what is kept of a settled one
 *	find.c			by name or ARN
 *	leftovers.c		objects that no delivery cares for any more
 *	owed.c			the rows of what a dependent is owed
 *	agenda.c		what is to be planned, and when
 *	census.c		what all plans come to
 *	reach.c			which places answer
 *	facts_*.c		facts, each about what the file is named after
 */

#include <sys/queue.h>

#include "daemon/announce/announce.h"
#include "daemon/inventory/inventory.h"
#include "daemon/record/record.h"

struct inventory {
	struct stock stock; /* to be read by others; its arrays are those below */
	struct tracked_certificate **certificates;
	struct tracked_certificate **by_arn; /* the same, sorted by ARN */
	struct slot *slots;
	struct tracked_place **places;
	struct tracked_dependent **dependents;

	const struct destination_context *destinations;
	bool once, dry_run;
	void (*on_changed)(void *userdata);
	void *userdata;
	struct announce *announce;
	struct record *record; /* NULL: none (a dry run without a state directory) */
	struct agenda agenda;
	struct leftover *leftovers; /* the stock's */
	struct delivery_record *aside; /* rows that leftovers_save() writes */
	size_t aside_count;
	struct tracked_delivery *used; /* to be settled at the end of the turn */
	struct tracked_certificate **unsaved; /* those marked so */
	size_t unsaved_count, unsaved_room;
	const char *pinned; /* the anchor, interned, of which this is the digest: */
	struct fingerprint pinned_digest;
};

/* What others are given to read is ours to write. */
static inline struct tracked_certificate *own_certificate(const struct tracked_certificate *certificate)
{
	return (struct tracked_certificate *)certificate;
}

static inline struct tracked_delivery *own_delivery(const struct tracked_delivery *delivery)
{
	return (struct tracked_delivery *)delivery;
}

static inline struct tracked_place *own_place(const struct tracked_place *place)
{
	return (struct tracked_place *)place;
}

static inline struct tracked_dependent *own_dependent(const struct tracked_dependent *dependent)
{
	return (struct tracked_dependent *)dependent;
}

static inline struct tracked_certificate *certificate_of(const struct inventory *inventory, const struct slot *slot)
{
	return inventory->certificates[slot->certificate];
}

static inline struct tracked_place *place_of(const struct inventory *inventory, const struct slot *slot)
{
	return inventory->places[slot->place];
}

/* NULL: its world is not the present one. */
static inline struct slot *slot_of(const struct inventory *inventory, const struct tracked_delivery *delivery)
{
	return delivery->slot == SIZE_MAX ? NULL : &inventory->slots[delivery->slot];
}

/* --- planned.c --- */

/* touch_slot(inventory, slot): its certificate is to be planned again.  touch_place(inventory,
 * place): all that have deliveries there are. */
void touch_slot(struct inventory *inventory, const struct slot *slot);
void touch_place(struct inventory *inventory, const struct tracked_place *place);

/* touch_gathering(inventory): and so are those whose transfers wait for more to carry (reach.c). */
void touch_gathering(struct inventory *inventory);

/* delivery_not_asked(inventory, delivery): what was asked for it has come to an end. */
void delivery_not_asked(struct inventory *inventory, const struct tracked_delivery *delivery);

/* --- say.c --- */

/* say_certificate(inventory, certificate, change); say_certificate_changes(...),
 * say_delivery_changes(...), say_dependent_changes(...): all in a list. */
void say_certificate(const struct inventory *inventory, const struct tracked_certificate *certificate,
	const struct change *change);
void say_certificate_changes(const struct inventory *inventory, const struct tracked_certificate *certificate,
	const struct changes *changes);
void say_delivery_changes(
	const struct inventory *inventory, const struct delivery *delivery, const struct changes *changes);
void say_dependent_changes(const struct inventory *inventory, const struct tracked_dependent *dependent,
	const struct changes *changes);

/* say_keep_present(inventory): what is not in the present world has no troubles any more. */
void say_keep_present(struct inventory *inventory);

/* --- store.c: no-ops that succeed without a record --- */

/* record_ended(inventory, r, err): to be told the result of each read and write; says when they
 * begin to fail. */
bool record_ended(struct inventory *inventory, int r, struct error *err);

/* save_x(inventory, x), remove_owed(inventory, row), remove_delivery(inventory, name): write its
 * row, remove it (on the disk after inventory_sync()); false, which is said, when that failed. */
bool save_certificate(struct inventory *inventory, struct tracked_certificate *certificate);
bool save_delivery(struct inventory *inventory, struct tracked_delivery *delivery);
bool remove_delivery(struct inventory *inventory, const char *name);
bool save_delivery_row(struct inventory *inventory, const struct delivery_record *row);
bool save_dependent(struct inventory *inventory, const struct tracked_dependent *dependent);
bool save_owed(struct inventory *inventory, const struct owed_record *row);
bool remove_owed(struct inventory *inventory, const struct owed_record *row);

/* write_history(inventory, event, subject, text): for announce. */
void write_history(void *inventory, const char *event, const char *subject, const char *text);

/* --- facts_source.c --- */

/* forget_unsaved(inventory, certificate): it is not waiting to be written down, if it was. */
void forget_unsaved(struct inventory *inventory, struct tracked_certificate *certificate);

/* --- deliveries.c --- */

/* tracked_delivery_new(name, row): at its full size, and in no world yet; what the record has of
 * it is taken out of ${row} (may be NULL). */
struct tracked_delivery *tracked_delivery_new(const char *name, struct delivery_record *row);

/* delivery_unpack(world, certificate, slot): the settled one of ${slot} in ${world}, at its full
 * size: for the caller to put into a slot; what was in this one is taken out of it. */
struct tracked_delivery *delivery_unpack(
	struct world *world, struct tracked_certificate *certificate, struct slot *slot);

/* delivery_point(inventory, delivery): it is not being carried, and is from now on what its slot
 * in the present world says; with another object, nothing is known of it. */
void delivery_point(struct inventory *inventory, struct tracked_delivery *delivery);

/* delivery_settle(inventory, delivery): turn it back into its slot, where nothing is going on
 * with it and the slot can tell all of it; then it is gone.  It is none of the turn's in either
 * case. */
void delivery_settle(struct inventory *inventory, struct tracked_delivery *delivery);

/* delivery_changed(inventory, delivery): something is known of it that the plan may depend on:
 * it is planned again. */
void delivery_changed(struct inventory *inventory, struct tracked_delivery *delivery);

/* delivery_ended(inventory, delivery): who had claimed it has let go of it, see
 * inventory_release(). */
void delivery_ended(struct inventory *inventory, struct tracked_delivery *delivery);

/* tracked_delivery_free(delivery): its slot, if it has one, still points at it. */
void tracked_delivery_free(struct tracked_delivery *delivery);

/* --- take_over.c --- */

/* forget_all(inventory): release all that is known. */
void forget_all(struct inventory *inventory);

/* tracked_certificate_free(inventory, certificate): nobody has it any more. */
void tracked_certificate_free(struct inventory *inventory, struct tracked_certificate *certificate);

/* --- take_over_deliveries.c --- */

/* The present world while it gives way to another: its slots are walked in their order. */
struct former {
	struct world *world;
	struct tracked_certificate **certificates;
	size_t certificate_count;
	struct slot *slots;
	size_t count, next;
	size_t forgotten; /* so many of the slots are not there any more */
};

/* take_over_deliveries(inventory, former): the slots and deliveries of the present world: what
 * they know is taken out of ${former}, else out of the record; the rest of ${former} goes as
 * drop_deliveries() says.  The world's expansion has no deliveries afterwards. */
void take_over_deliveries(struct inventory *inventory, struct former *former);

/* drop_deliveries(former): those that were not walked go; one that is carried is in no world any
 * more, and goes with delivery_ended(). */
void drop_deliveries(struct former *former);

/* --- leftovers.c --- */

/* leftover_row(delivery, row): what is to be kept of its object when it is about another one; empty where nothing is there.
 * Release it with delivery_record_done().  leftover_set_aside(inventory, row): that is so; takes over what is in ${row}.
 * leftovers_save(inventory): writes those rows; nothing of the record is being read. */
void leftover_row(const struct tracked_delivery *delivery, struct delivery_record *ret_row);
void leftover_set_aside(struct inventory *inventory, struct delivery_record *row);
void leftovers_save(struct inventory *inventory);

/* leftovers_find(inventory): the world is another one: find, and say, what is left behind.  leftovers_forget(inventory). */
void leftovers_find(struct inventory *inventory);
void leftovers_forget(struct inventory *inventory);

/* --- find.c --- */

/* find_dependent(inventory, name): see stock_find_dependent(). */
struct tracked_dependent *find_dependent(const struct inventory *inventory, const char *name);

/* compare_delivery_name(certificate, place, name): how the name of the delivery of
 * ${certificate} at ${place}, which is the one, a slash, and the other, compares with ${name}: as
 * strcmp(3) says it, without the first being made. */
int compare_delivery_name(const char *certificate, const char *place, const char *name);

/* sort_by_arn(inventory): its certificates are others now: inventory_find_arn() finds these. */
void sort_by_arn(struct inventory *inventory);

/* --- owed.c --- */

/* dependent_owe(dependent, delivery): the row of ${delivery}, made when it is not there. */
struct owed_record *dependent_owe(struct tracked_dependent *dependent, const char *delivery);

/* find_owed(dependent, delivery): the row of ${delivery}, or NULL. */
struct owed_record *find_owed(const struct tracked_dependent *dependent, const char *delivery);

/* dependent_forget_owed(dependent, row): take it out of the list and release it. */
void dependent_forget_owed(struct tracked_dependent *dependent, struct owed_record *row);

/* --- reach.c --- */

/* place_answered(inventory, place, failed): something that was asked of it has ended. */
void place_answered(struct inventory *inventory, struct tracked_place *place, bool failed);

/* --- facts_anchor.c --- */

/* want_tag(inventory, slot): its object bears another anchor than is recorded now. */
void want_tag(struct inventory *inventory, struct slot *slot);

/* note_anchor(inventory, delivery): it was seen to hold the source's version: where nothing is
 * recorded of its anchor, record what was pinned or else what its object bears (one that has no row
 * in the record yet is about to get it); and find out whether it is untagged. */
void note_anchor(struct inventory *inventory, struct tracked_delivery *delivery);

/* --- facts_look.c --- */

/* delivery_saw(inventory, delivery, seen, chance): see inventory_saw(), for one that may be in
 * no world any more. */
void delivery_saw(struct inventory *inventory, struct tracked_delivery *delivery, struct observed *seen, unsigned chance);

#endif
