/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_LAUNCH_AS_UNIT_H
#define DAEMON_LAUNCH_AS_UNIT_H

/*
 * `certferryd --as-unit`: this program, begun again by systemd with the user, groups, environment
 * and credentials of certferryd.service and its drop-ins.  systemd-run(1) does it, on this terminal;
 * its exit status is the program's.
 */

#include "lib/systemd/unit_settings.h"

/**
 * as_unit_words(settings, name, command):
 * The words of systemd-run, a list that the caller owns: as ${settings}, in a transient unit ${name}
 * (without ".service"), run ${command}.  Credentials lie elsewhere there, so their directory is put
 * in place of the unit's own.
 */
char **as_unit_words(const struct unit_settings *settings, const char *name, char *const *command);

/**
 * as_unit_run(arguments, config_file):
 * Run again with ${arguments} (of main()), without --as-unit; ${config_file} is the file among them,
 * or NULL.  Does not return, unless that fails: then it has said why, and returns the exit status.
 */
int as_unit_run(char *const *arguments, const char *config_file);

#endif
