/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_PLAN_PLAN_H
#define DAEMON_PLAN_PLAN_H

/*
 * What is to be done now: a total, pure function of what is desired, observed, recorded, in flight, and
 * of the time.  It is made again whenever any of them changes.
 */

#include "daemon/model/delivery.h"
#include "daemon/model/observed.h"
#include "daemon/model/recorded.h"
#include "daemon/model/step.h"

/* An open intent to import whose answer was lost: how long its tags may lag before importing anew. */
#define AMBIGUOUS_WAIT (5 * USEC_PER_MINUTE)

/* A dependent waits at most so long for other deliveries that owe it and are in flight. */
#define GATHER_LIMIT USEC_PER_MINUTE

struct plan_certificate {
	const char *name;
	const char *arn;
	const struct desired_certificate *entry;
	const struct source_certificate *seen; /* NULL: not at the source */
	const char *refusal; /* why it cannot be carried, or NULL */
	const struct certificate_record *record; /* NULL: none */
	bool in_flight;
};

struct plan_delivery {
	const struct delivery *delivery;
	size_t certificate; /* index into the certificates */
	const struct observed *observed;
	const struct delivery_record *record; /* NULL: none */
	const char *budget; /* why no first import may be made there now, or NULL */
	bool silent; /* its place is asked, and gives no answer */
	usec_t lost; /* its place gave no answer, and is looked for at this time; 0: it is not so */
	bool in_flight; /* being transferred, looked at or proven */
	bool may_look; /* its place may be looked at now */
	bool asked; /* an operator asked: back-off does not count */
	bool untagged; /* its object does not bear the anchor that is recorded of it, and may be made to */
};

struct plan_dependent {
	const struct desired_dependent *dependent; /* of which no member of a kind counts here */
	const struct dependent_words *words;
	const struct dependent_record *record; /* NULL: none */
	const struct owed_record *const *owed; /* its rows, sorted by delivery */
	size_t owed_count;
	/* For each of those that it comes after and whose proof is wrong: is that one told of a delivery that is due here?
	 * NULL: none is. */
	const bool *shares;
	bool in_flight;
	bool asked;
};

/* Deliveries that would be written because the configuration, and not the source, has changed: what guard: is about. */
struct plan_touched {
	size_t known;
	size_t unseen; /* not looked at yet: they may turn out to be */
};

struct plan_input {
	const struct plan_certificate *certificates;
	size_t certificate_count;
	const struct plan_delivery *deliveries; /* sorted by name */
	size_t delivery_count;
	const struct plan_dependent *dependents; /* sorted by name */
	size_t dependent_count;
	bool source_seen; /* the source was read at least once */
	bool looking; /* places are being looked at: what dependents should serve may turn out to be something else */
	bool source_reading; /* new versions are being read there, and more deliveries may become due */
	bool keep_eligible; /* source.keep_eligible */
	unsigned guard; /* 0: no guard */
	struct plan_touched elsewhere; /* among deliveries that this input leaves out */
	bool left_in_flight; /* of deliveries of its certificates that it leaves out, some are in flight or not looked at */
	usec_t now;
};

/* plan_make(input, plan): the steps, in the order of the input; release with plan_done().  The steps' names borrow
 * from the input. */
void plan_make(const struct plan_input *input, struct plan *ret_plan);

/*
 * A plan over many deliveries need not be made anew as a whole: what is planned for a certificate's deliveries depends
 * on these, on the certificate, and through guard: on how many others are touched.  So an input may hold all the
 * deliveries of some certificates, the rest being counted in `elsewhere`, and no dependents; or dependents alone, with
 * those of the deliveries they are owed word of that are in flight.
 */

/* plan_count_touched(input): of the deliveries in ${input}, without `elsewhere`. */
struct plan_touched plan_count_touched(const struct plan_input *input);

/*
 * What the plan says to a settled delivery, of which no more is known than that a version is
 * confirmed, and that nothing was seen there yet or just that version.  Nearly all are such, and may
 * be left out of an input.
 */
enum plan_glance {
	PLAN_GLANCE_OPEN, /* more than can be said at a glance */
	PLAN_GLANCE_RESTS, /* nothing */
	PLAN_GLANCE_IN_FLIGHT, /* nothing while it is; left_in_flight, as with the next two */
	PLAN_GLANCE_LOOK, /* STEP_LOOK */
	PLAN_GLANCE_WAIT, /* STEP_WAIT, without a failure and a time */
};

struct plan_glimpse {
	enum observed_state state;
	const struct version *confirmed; /* recorded; NULL: none */
	bool proves; /* its entry has prove: */
	bool in_flight, may_look, untagged; /* as in plan_delivery */
};

/* plan_glance(glimpse, certificate, source_seen): what plan_make() would say to it. */
enum plan_glance plan_glance(const struct plan_glimpse *glimpse,
	const struct plan_certificate *certificate, bool source_seen);

/* What guard: says to touched deliveries. */
enum plan_guard {
	PLAN_GUARD_PASSES,
	PLAN_GUARD_WAITS, /* not known yet: too many are unseen */
	PLAN_GUARD_HOLDS,
};

/* plan_guard(guard, touched): where it changes, the plan of every touched delivery does. */
enum plan_guard plan_guard(unsigned guard, const struct plan_touched *touched);

/**
 * plan_is_current(delivery, certificate):
 * Was ${delivery} seen to hold the version that the source shows?
 */
bool plan_is_current(const struct plan_delivery *delivery, const struct plan_certificate *certificate);

/* plan_in_place(delivery): what is in place there, as far as it was seen or else recorded; all
 * zero where nothing is, or it is not known what. (Of what others put there the dates alone; of
 * imports to choose from the end of the one that ends first.) */
struct version plan_in_place(const struct plan_delivery *delivery);

/* plan_wants_tag(delivery, certificate): is its object to be made to bear its anchor now?  (STEP_TAG) */
bool plan_wants_tag(const struct plan_delivery *delivery, const struct plan_certificate *certificate);

#endif
