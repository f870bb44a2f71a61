/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DEPENDENT_PROXY_HEADER_H
#define DAEMON_DEPENDENT_PROXY_HEADER_H

/* The header by which a proxy says whom it speaks for ("The PROXY protocol", HAProxy). */

#include <sys/socket.h>

#include "daemon/model/desired.h"
#include "lib/base/buf.h"

/**
 * proxy_header(version, from, to, send):
 * Add to ${send} the header for a connection between these two, of one family: IPv4 or IPv6.
 * Nothing for PROXY_NONE.
 */
void proxy_header(enum proxy_protocol version, const struct sockaddr_storage *from,
	const struct sockaddr_storage *to, struct buf *send);

#endif
