/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DEPENDENT_UNIT_ADVICE_H
#define DAEMON_DEPENDENT_UNIT_ADVICE_H

/*
 * What of a unit's set-up will keep it from taking over a new version, or us from learning whether
 * it has: said at the start, rather than found out at the first renewal.
 */

#include "daemon/model/desired.h"
#include "lib/systemd/unit.h"

/* Where AppArmor's profiles are. */
#define APPARMOR_DIRECTORY "/etc/apparmor.d"

/**
 * unit_advice(desired, dependent, unit, apparmor):
 * A list of sentences, "dependents.NAME.unit: what; what to do", or NULL: of ${dependent} of
 * ${desired}, whose unit is ${unit}.  They are about
 *	who may read	its user and groups, and those of the files that it is told of
 *	AppArmor	an enforced profile below ${apparmor} of its program that does not name these
 *			(neither where certferry-install@.service is told before it, which copies them)
 *	hands on	its start or reload is true(1), and other units do the work
 * Reads files and asks for users and groups, and so may block; what cannot be found out is not said.
 * The caller owns it.
 */
char **unit_advice(const struct desired *desired, const struct desired_dependent *dependent,
	const struct unit *unit, const char *apparmor);

#endif
