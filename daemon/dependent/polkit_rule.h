/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DEPENDENT_POLKIT_RULE_H
#define DAEMON_DEPENDENT_POLKIT_RULE_H

#include "daemon/model/desired.h"
#include "lib/base/error.h"

/**
 * polkit_rule(desired):
 * The text of /etc/polkit-1/rules.d/50-certferry.rules: the daemon's user may do with each
 * configured unit what its action asks for, and nothing else (`certferryd --polkit-rule`).  Units
 * are called as polkit is told: by their primary names, which systemd is asked for
 * (primary_names()).  The caller owns the result.
 */
char *polkit_rule(const struct desired *desired);

/**
 * polkit_rule_of(desired, names):
 * The same, asking nobody: dependent i's unit is called ${names}[i].  Written in ES5, the units
 * sorted by name, equal input gives equal bytes.  A unit whose name systemd would not accept is
 * left out: the configuration refuses it before.
 */
char *polkit_rule_of(const struct desired *desired, char *const *names);

/* polkit_is_installed(): there is a polkit on this host that the bus could start. */
bool polkit_is_installed(void);

/* polkit_explain(action, unit, why, err): fill ${err}, ERROR_DENIED: certferryd may not do ${action}
 * to ${unit}, as systemd said (${why}), and what to do.  Returns err's result. */
int polkit_explain(
	enum action action, const char *unit, const struct error *why, struct error *err);

#endif
