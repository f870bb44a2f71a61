/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DEPENDENT_PRIMARY_H
#define DAEMON_DEPENDENT_PRIMARY_H

/*
 * By which name systemd knows a unit, and what it says of its set-up.  A unit can have several names
 * (mysql.service for mariadb.service); jobs can be asked for by each, but polkit is told the primary
 * one alone.
 */

#include "daemon/model/desired.h"

/**
 * primary_names(desired):
 * A list with an item for each of ${desired}'s dependents, in their order: the primary name of its
 * unit, or the configured one, where systemd does not know the unit or cannot be asked.  Asks
 * systemd and blocks until it has answered, some seconds at most.  The caller owns it.
 */
char **primary_names(const struct desired *desired);

/* units_advice(desired): what unit_advice() says of each of them, in their order; NULL: nothing, or
 * systemd cannot be asked.  Blocks likewise.  The caller owns it. */
char **units_advice(const struct desired *desired);

#endif
