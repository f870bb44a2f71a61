/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DEPENDENT_OWN_H
#define DAEMON_DEPENDENT_OWN_H

#include <stdbool.h>

#include "daemon/dependent/resolve.h"

/* address_is_own(address): is ${address} one of this host's own, as its routes say at this moment?
 * Nothing is sent.  False when that cannot be found out. */
bool address_is_own(const struct address *address);

#endif
