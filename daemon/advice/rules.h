/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_ADVICE_RULES_H
#define DAEMON_ADVICE_RULES_H

/**
 * rules_too_wide(directories):
 * The paths of polkit's rules (*.rules) in these NULL-terminated ${directories} that name certferry's actions by what all
 * begin with, as the rule that was shipped once did: they also admit what is to need an administrator's password.  By the
 * text alone: that beginning as a whole string.  What cannot be read is left out; polkit keeps its directories to itself
 * and root.  The caller owns the list (strv); NULL where there is none.  Source: polkit(8), AUTHORIZATION RULES.
 */
char **rules_too_wide(const char *const *directories);

#endif
