/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_CONDUCTOR_OFFLINE_H
#define DAEMON_CONDUCTOR_OFFLINE_H

/* What the configuration alone can answer: no network, no state, no lock. */

enum offline {
	OFFLINE_CHECK,	     /* nothing is printed when all is well */
	OFFLINE_EXPAND,	     /* each delivery as one sorted line */
	OFFLINE_POLKIT_RULE,
	OFFLINE_UNIT_DROPIN,
};

/* offline_run(config_file, what): print it on standard output; 0, or 2 with the problems on standard error, to which the
 * first two print warnings and advice, too. */
int offline_run(const char *config_file, enum offline what);

#endif
