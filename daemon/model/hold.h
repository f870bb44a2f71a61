/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_MODEL_HOLD_H
#define DAEMON_MODEL_HOLD_H

#include <stdbool.h>

#include "daemon/model/approval.h"

/* Why a step waits for a person or a date; the weightiest last. */
enum hold {
	HOLD_NONE,
	HOLD_GUARD,    /* a change of configuration touches more deliveries than `guard` */
	HOLD_APPROVAL, /* what it would change for those who use the one in place */
	HOLD_ADOPT,    /* imports of others share its name: a person chooses */
	HOLD_GONE,     /* its object is not there any more, and `recreate` is not set */
	HOLD_FOREIGN,  /* certferry did not put there what it would replace; it never yields */
	HOLD_NUMBERS,
};

/* hold_name(hold): "guard", "approval", "adopt?", "gone", "foreign"; "" for none. */
const char *hold_name(enum hold hold);

/* Several may hold one delivery at a time: it waits until none does.  A set of them as bits: 1 << enum hold. */

/* holds_have(set, hold): is it one of them?  holds_weightiest(set): what is said of all; HOLD_NONE for none. */
bool holds_have(unsigned set, enum hold hold);
enum hold holds_weightiest(unsigned set);

/* hold_approval(hold): the approval that lets it go; where it is APPROVAL_TRUST, the name is the delivery's own.
 * hold_find(name): that of hold_name(); HOLD_NONE where there is none. */
enum approval hold_approval(enum hold hold);
enum hold hold_find(const char *name);

/* holds_approval(set): the weightiest that one of them needs; APPROVAL_NONE where none can be let go. */
enum approval holds_approval(unsigned set);

/* Those that hold a delivery, each with its reason in words.  All zero: none does. */
struct holds {
	unsigned set;
	char *reasons[HOLD_NUMBERS]; /* owned; of those in the set */
};

/* holds_add(holds, hold, reason): one more, that is not among them; ${reason} (not NULL) is given. */
void holds_add(struct holds *holds, enum hold hold, char *reason);

/* holds_text(holds): the reasons of all as one text, the weightiest first; the caller owns it. */
char *holds_text(const struct holds *holds);

void holds_done(struct holds *holds);

#endif
