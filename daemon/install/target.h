/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_INSTALL_TARGET_H
#define DAEMON_INSTALL_TARGET_H

/*
 * Where a pair is installed:
 *	TARGET/fullchain.pem	a link to ..data/fullchain.pem
 *	TARGET/privkey.pem	a link to ..data/privkey.pem
 *	TARGET/..data		a link to ..VERSION-XXXXXXXX
 *	TARGET/..VERSION-XXXXXXXX/	both files
 * ..data is renamed over: certificate and key are switched at once, and each run installs into a
 * directory of its own, so that no file that a server may be reading changes.  The pair before is
 * kept, for who has opened its directory; older ones are removed.
 */

#include "daemon/install/instance.h"
#include "daemon/install/pair.h"

struct target {
	int fd; /* TARGET */
	char *before; /* what ..data says; NULL: there is none */
};

#define TARGET_NULL ((struct target){ .fd = -1 })

/**
 * target_open(instance, target, err):
 * TARGET, made where it is missing; ${target} is TARGET_NULL before, release it with target_done().
 * ERROR_DENIED: others than root (or, of a process that is not root's, its user) could change it or
 * put another directory in its place; ERROR_CONFLICT: something of another form is there.
 */
int target_open(const struct instance *instance, struct target *target, struct error *err);

/**
 * target_install(instance, target, pair, err):
 * Until the switch nothing that is in use changes; a crash leaves nothing that the next run does
 * not remove.
 */
int target_install(const struct instance *instance, const struct target *target,
	const struct pair *pair, struct error *err);

/* target_done(target): for _cleanup_(target_done). */
void target_done(struct target *target);

#endif
