/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DEPENDENT_DROPIN_H
#define DAEMON_DEPENDENT_DROPIN_H

#include "daemon/model/desired.h"

/**
 * unit_dropin(desired, programs):
 * The text of a drop-in for certferryd.service that opens its sandbox as far as this
 * configuration needs, and no further (`certferryd --unit-dropin`): the directories of the file
 * destinations become writable, ${programs}, which are run for credentials, executable.  Says so in
 * a comment when nothing is needed.  The caller owns the result.
 */
char *unit_dropin(const struct desired *desired, char *const *programs);

#endif
