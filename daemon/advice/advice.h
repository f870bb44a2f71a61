/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_ADVICE_ADVICE_H
#define DAEMON_ADVICE_ADVICE_H

/* What `certferryd --check` says beside what is wrong: nothing of it keeps the daemon from work. */

#include <stdio.h>

/**
 * advice_print(config_file, stream):
 * Read the configuration (as config_load() does, so ${config_file} may be NULL) and print a line
 * for each warning: its place, "warning:", what stands out, and what to do.
 */
void advice_print(const char *config_file, FILE *stream);

#endif
