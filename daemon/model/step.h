/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_MODEL_STEP_H
#define DAEMON_MODEL_STEP_H

/* One thing that the plan says to do, with its reason in words. */

#include <stdbool.h>
#include <stddef.h>

#include "daemon/model/hold.h"
#include "lib/base/time.h"

enum step_verb {
	STEP_LOOK,    /* look at a place's deliveries */
	STEP_DELIVER, /* carry a version to a delivery */
	STEP_EXPORT,  /* export a certificate that no delivery needs now, to keep it eligible for renewal */
	STEP_TELL,    /* tell a dependent */
	STEP_PROVE,   /* see what a delivery's own prove: endpoint serves */
	STEP_TAG,     /* let a delivery's object bear its anchor; nobody waits for it, and nobody need approve it */
	STEP_HOLD,    /* nothing is done: it waits for a person or a date */
	STEP_WAIT,    /* it failed and is tried again later, or cannot be done yet */
};

struct step {
	enum step_verb verb;
	size_t index;	   /* of the delivery, the certificate (EXPORT) or the dependent (TELL) in the plan's input */
	const char *certificate; /* names, borrowed from the plan's input; "" where they do not apply */
	const char *destination;
	const char *delivery;
	const char *dependent;
	enum hold hold; /* HOLD: the weightiest of: */
	struct holds *holds; /* owned; NULL: none */
	usec_t when;	/* WAIT: not before; 0: not known */
	bool failed;	/* WAIT: because something failed, not because something is awaited */
	const char *waits_for; /* WAIT, of a dependent: the one that has to succeed before; "" when that is not why */
	char *reason;	/* owned; HOLD: all of them, see holds_text() */
	char *would;	/* owned; HOLD: why it would be delivered otherwise; NULL: nothing would be */
};

struct plan {
	struct step *steps;
	size_t count;
	usec_t again; /* when to plan again without anything happening; USEC_INFINITY: only then */
};

/* step_verb_name(verb): "look", "deliver", "export", "tell", "prove", "tag", "hold", "wait". */
const char *step_verb_name(enum step_verb verb);

/* step_is_open(step): is it something that is not in order until it is done?  Looks and tags are not: a tag may be denied
 * for ever, and nothing is worse without it as long as the record is there. */
bool step_is_open(const struct step *step);

void plan_done(struct plan *plan);

#endif
