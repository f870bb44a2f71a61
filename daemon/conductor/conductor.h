/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_CONDUCTOR_CONDUCTOR_H
#define DAEMON_CONDUCTOR_CONDUCTOR_H

/*
 * The conductor calls the stages: it reads the source, looks at places, makes the plan whenever anything has
 * changed, starts what is due, and writes down what came of it.  It is the only one that knows them all.
 */

#include <stdbool.h>

#include "lib/base/error.h"

struct conductor_options {
	const char *config_file; /* NULL: /etc/certferry */
	bool once;
	bool dry_run; /* with once: say what would be done; nothing is written, no lock is taken */
	bool approve; /* with once: approve what is held for approval or by the guard */
	const char *approve_name; /* of this delivery or certificate alone; NULL: of all */
	bool memory_unlocked; /* the secure heap could not be locked in memory */
	bool json;    /* with dry_run or once: the plan or the status as JSON on standard output */
};

/**
 * conductor_run(options):
 * All of the daemon's life after its options were read: load the configuration, lock the state directory,
 * run until SIGTERM (or until everything due was done, with once).  Returns the exit status of the
 * contract: 0, 1, 2, 3 or 4; everything was said in the log or on standard error.
 */
int conductor_run(const struct conductor_options *options);

#endif
