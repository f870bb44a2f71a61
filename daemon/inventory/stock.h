/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_INVENTORY_STOCK_H
#define DAEMON_INVENTORY_STOCK_H

/*
 * What is known of certificates, deliveries, places and dependents, to be read.  Whoever has learnt
 * something hands it in as a fact (inventory.h); nobody but the inventory writes any of this.
 *
 * What is borrowed from here is good until the world changes, and a delivery at its full size until
 * the turn of the loop ends, or as long as it is claimed.
 */

#include "daemon/inventory/agenda.h"
#include "daemon/inventory/census.h"
#include "daemon/inventory/settled.h"
#include "daemon/inventory/world.h"
#include "daemon/plan/expiry.h"

struct candidate_room;
struct pulse;

struct tracked_certificate {
	char *name;
	char *arn;
	struct world *world;
	const struct desired_certificate *entry;
	const struct source_certificate *seen; /* in stock.view; NULL: the source does not show it */
	struct certificate_record record; /* without a serial: that of its version is in what was seen */
	bool has_serial; /* recorded */
	bool unsaved; /* a version was read that inventory_save_versions() writes down */
	bool read_next; /* asked of the reading under way, for a job */
	size_t first, count; /* its deliveries, which are together */
	struct kept_version versions[VERSIONS_KEPT]; /* that its settled deliveries hold; the first with no references is free */
	bool in_flight; /* it is exported, or carried to a place that answers soon */
	unsigned claims; /* how many transfers have it, all of them: it outlives a reload as long as one does */
	usec_t gather_until; /* its transfer waits so long (monotonic) for looks under way; 0: it does not */
	bool waits_for_look; /* one of its deliveries does, that a look under way leaves out */
	char *refusal; /* why the source's is not delivered, as last read; or NULL */
	struct {
		bool asked; /* since it is expiring */
		char *status, *reason; /* as in struct expiry; owned */
	} renewal;
	struct agenda_item agenda;
	struct planned planned;
};

/*
 * A delivery about which more is known than that all is well, or with which something is going on.
 * Of the others, which may be very many, only a slot is kept (settled.h).  inventory_open() makes
 * one from its slot, and inventory_end_turn() turns it back where it can: so a pointer to one
 * outlives the turn only while it is carried or proven (CLAIM_TRANSFER, CLAIM_PROOF).
 */
struct tracked_delivery {
	char *name;
	size_t slot; /* among those of the present world; SIZE_MAX: it is in it no more, and goes when its transfer ends */
	struct world *world;
	const struct delivery *delivery; /* of the world; made */
	struct delivery made;
	const struct tracked_certificate *certificate;
	const struct tracked_place *place;
	struct observed observed;
	struct delivery_record record;
	bool has_record;
	struct tracked_delivery *next_used, **used_at; /* among those to be settled at the end of the turn */
};

/*
 * Who is at work with a delivery.  Who carries it is alone with it but for a tag that was on its
 * way before; who looks, proves or tags does not write what the others read, so that a full scan
 * need not wait for them.
 */
enum claim {
	CLAIM_LOOK = 1 << 0,	 /* it is among those of its place's look */
	CLAIM_TRANSFER = 1 << 1, /* it is carried */
	CLAIM_PROOF = 1 << 2,	 /* what its prove: endpoint serves is looked at */
	CLAIM_TAG = 1 << 3,	 /* its object is made to bear its anchor */
};

/* The plan begins nothing else for a delivery with one of these. */
#define CLAIMS_IN_FLIGHT (CLAIM_LOOK | CLAIM_TRANSFER | CLAIM_PROOF)

/* A delivery's place in the present world, and, while it is settled, all that is known of it.
 * Claims say what is being done; the flags what is wanted, of which several may be at a time. */
struct slot {
	const struct tracked_delivery *open; /* NULL: it is settled */
	uint32_t certificate; /* in stock.certificates */
	uint32_t place; /* in stock.places */
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
	size_t look_wanted; /* how many of its deliveries are */
	bool wanted; /* all of its deliveries are to be looked at as soon as possible */
	usec_t seen_since; /* with wanted: but not those that were seen since then (wall clock); 0: all are */
	bool looking; /* a look is under way */
	bool waited_for; /* the plan for one of its deliveries waits for that look to end */
	struct reach reach;
	size_t due; /* deliveries of it that wait to be carried */
	size_t untagged; /* its slots that are */
	bool tags_refused; /* nothing is tagged here any more */
	char *budget; /* why no first import may be made here now, or NULL */
	struct candidate_room *candidates; /* that its deliveries keep */
};

struct tracked_dependent {
	char *name;
	struct world *world;
	const struct desired_dependent *dependent;
	struct dependent_words words; /* of it */
	bool hangs; /* its last try ended with DEPENDENT_CODE_HANGS; not for the record */
	struct dependent_record record;
	struct owed_record **owed; /* its rows, owned, sorted by delivery */
	size_t owed_count;
	bool in_flight; /* it is looked at, told or proven */
	bool asked; /* an operator asked: back-off does not count */
	bool gathers; /* as last planned: it waits for deliveries on their way to it, a minute at most */
	char *waits; /* as last planned: why it waits for another one, which comes first; NULL: it does not */
};

/* Of so many objects that no delivery cares for any more it is kept what they are. */
#define LEFTOVERS_MOST ((size_t)500)

struct leftover {
	char *row; /* its name in the record */
	char *name; /* of the delivery that had it */
	char *object; /* what that was about, of which the first word is the kind */
	char *object_id;
	struct version version; /* that was last seen there */
	usec_t confirmed_at;
	bool cared_for; /* by a delivery of another name, as was found out since: not to be shown */
	bool awaited; /* it is no leftover as far as is known: an entry that matches may come to its delivery, once the source was
		       * read */
	bool said;
	usec_t checked_at; /* when it was seen to be there still; 0: never */
	char **users; /* ARNs, USERS_OF_CANDIDATE at most */
	size_t user_count; /* of all */
	bool users_known;
	char *problem; /* why it could not be seen the last time; or NULL */
};

struct stock {
	struct world *world;
	unsigned world_number; /* counts the worlds: what is walked in pieces finds out that it is another one */
	const struct source_view *view; /* what the source was last seen to show; NULL: it was not read yet */

	const struct tracked_certificate *const *certificates; /* sorted by name, as the expansion's */
	size_t certificate_count;
	const struct slot *slots; /* sorted by their deliveries' names */
	size_t delivery_count;
	const struct tracked_place *const *places;
	size_t place_count;
	const struct tracked_dependent *const *dependents; /* sorted by name */
	size_t dependent_count;

	const struct leftover *leftovers; /* sorted by object_id */
	size_t leftover_count, leftovers_left_out; /* more than are kept */
	size_t awaited_left_out; /* the same, of those that are awaited */

	struct census census;
	unsigned dependents_failing; /* as last planned */
	size_t untagged; /* slots that are */
	bool tags_wanted; /* more may be tagged than was looked through last */
	struct error record_error; /* set: nothing new is begun until a write to the record succeeds again */
	usec_t record_retry; /* with it: when that is tried; monotonic */
	usec_t unsynced_since; /* something is written and not on the disk yet; monotonic, 0: nothing */
	usec_t synced_at; /* when it was last waited for; monotonic */
};

/* --- what a slot points at --- */

/* stock_is_looking(stock): is a place being looked at, or to be looked at as soon as the source is known? */
bool stock_is_looking(const struct stock *stock);

/* stock_certificate(stock, slot), stock_place(...), stock_wish(...): its certificate, its place,
 * what its entry asks for. */
const struct tracked_certificate *stock_certificate(const struct stock *stock, const struct slot *slot);
const struct tracked_place *stock_place(const struct stock *stock, const struct slot *slot);
const struct desired_delivery *stock_wish(const struct stock *stock, const struct slot *slot);

/* stock_make_delivery(stock, slot, delivery): its delivery; release it with delivery_done(). */
void stock_make_delivery(const struct stock *stock, const struct slot *slot, struct delivery *ret_delivery);

/* certificate_is_ineligible(certificate): does ACM say that it will not renew it?  (Its flag lags behind the export that
 * was made.) */
bool certificate_is_ineligible(const struct tracked_certificate *certificate);

/* slot_state(slot), slot_absent_at(slot): what was seen there last; where that is nothing, when
 * (else 0). slot_seen_at(slot): when it was last seen what is there, in this life of the process,
 * or a time before that; 0: never. */
enum observed_state slot_state(const struct slot *slot);
usec_t slot_absent_at(const struct slot *slot);
usec_t slot_seen_at(const struct slot *slot);

/* slot_object(stock, slot): the object that its delivery is about, as observed.object_id has it, owned by the caller; NULL: none is
 * known. */
char *slot_object(const struct stock *stock, const struct slot *slot);

/* slot_confirmed(slot): the version that was last known to be in place there, or NULL. */
const struct version *slot_confirmed(const struct slot *slot);

/**
 * stock_expiry(stock, certificate, version):
 * What says when the end of ${version} of ${certificate} is near, wherever that is (expiry_state()); of the one that the
 * source shows where ${version} is NULL.  Borrows from ${certificate}.
 */
struct expiry stock_expiry(const struct stock *stock, const struct tracked_certificate *certificate,
	const struct version *version);

/* stock_can_look(stock, slot): can it be said what should be there, and is it not being carried?
 * stock_wants_look(stock, slot): is it to be looked at then, by itself or with all of its place? */
bool stock_can_look(const struct stock *stock, const struct slot *slot);
bool stock_wants_look(const struct stock *stock, const struct slot *slot);

/* --- by name, of the present world --- */

/* stock_find_certificate(stock, name), stock_find_dependent(...), stock_find_slot(...): NULL for
 * none. */
const struct tracked_certificate *stock_find_certificate(const struct stock *stock, const char *name);
const struct tracked_dependent *stock_find_dependent(const struct stock *stock, const char *name);
const struct slot *stock_find_slot(const struct stock *stock, const char *name);

/* stock_is_present(stock, certificate): is it of the present world?  One that a reload has left
 * out is kept while it is carried: its deliveries are others' by then, so that nothing is planned
 * for it. */
bool stock_is_present(const struct stock *stock, const struct tracked_certificate *certificate);

/* stock_dependent_index(stock, name): where it is in stock.dependents; SIZE_MAX: nowhere. */
size_t stock_dependent_index(const struct stock *stock, const char *name);

/* stock_lower_slot(stock, name), stock_lower_certificate(stock, name): the first whose name is
 * not before ${name}; how many there are, when there is none. */
size_t stock_lower_slot(const struct stock *stock, const char *name);
size_t stock_lower_certificate(const struct stock *stock, const char *name);

/* --- whether a place answers --- */

/* place_is_open(place): may anything be carried there, or be waited for?
 * place_is_proven(place): has it answered lately, so that much may be asked of it at once?
 * place_is_prompt(place): and soon, so that it may have more than its share? place_is_slow(place):
 * or not soon, so that others go before it? */
bool place_is_open(const struct tracked_place *place);
bool place_is_proven(const struct tracked_place *place);
bool place_is_prompt(const struct tracked_place *place);
bool place_is_slow(const struct tracked_place *place);

#endif
