/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_MODEL_APPROVAL_H
#define DAEMON_MODEL_APPROVAL_H

/* Who may let go what waits for a person, and how it has to be named; the weightiest last: whoever may give one may give
 * those before it.  daemon/bus asks polkit for an action of its own for each. */
enum approval {
	APPROVAL_NONE,	/* nobody: it waits for a choice in the configuration */
	APPROVAL_PLAIN, /* whoever may approve, also with all others at once: org.certferry1.approve */
	APPROVAL_TRUST, /* by its own name alone, since it widens whom others trust or replaces what is theirs, and no later
			 * approval takes that back: org.certferry1.approve-trust */
};

#endif
