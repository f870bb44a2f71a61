/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_MODEL_HOLD_H
#define DAEMON_MODEL_HOLD_H

/* Why a step waits for a person or a date. */
enum hold {
	HOLD_NONE,
	HOLD_GUARD,    /* a change of configuration touches more deliveries than `guard` */
	HOLD_APPROVAL, /* what it would change for those who use the one in place */
	HOLD_ADOPT,    /* imports of others share its name: a person chooses */
	HOLD_GONE,     /* its object is not there any more, and `recreate` is not set */
};

/* hold_name(hold): "guard", "approval", "adopt?", "gone"; "" for none. */
const char *hold_name(enum hold hold);

#endif
