/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_LAUNCH_BECOME_H
#define DAEMON_LAUNCH_BECOME_H

/* Who a run from a shell is. */

#include "lib/base/error.h"

/* The service's user, of certferryd.service and of sysusers.d. */
#define UNIT_USER "certferry"

/**
 * become_unit_user(config_file, err):
 * A run by root that is about the service's own files goes on as the service's user: what root sees
 * of them is not what the daemon sees, and what root wrote among them the daemon could not change.
 * So if this process is root's, with neither ${config_file} nor STATE_DIRECTORY, and the user
 * exists, then it takes that user's groups, HOME and umask, for good.
 * Otherwise nothing changes.  0, or an error when it cannot become that user.
 */
int become_unit_user(const char *config_file, struct error *err);

#endif
