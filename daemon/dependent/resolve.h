/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DEPENDENT_RESOLVE_H
#define DAEMON_DEPENDENT_RESOLVE_H

/* The addresses of a host, without blocking the loop: getaddrinfo(3) in a thread of its own. */

#include <stddef.h>
#include <sys/socket.h>

#include "lib/base/mem.h"

struct resolve;
struct sd_event;

struct address {
	struct sockaddr_storage socket;
	socklen_t length;
};

#define ADDRESS_TEXT_SIZE 80

/* address_format(address, text): "192.0.2.1:443", "[2001:db8::1]:443".  Returns ${text}. */
char *address_format(const struct address *address, char text[static ADDRESS_TEXT_SIZE]);

/**
 * resolve_fn(userdata, list, count, why):
 * The completion: exactly once, never from inside resolve_start().  At least one address, or none
 * and ${why} in words; both borrowed until it returns.
 */
typedef void (*resolve_fn)(
	void *userdata, const struct address *list, size_t count, const char *why);

/**
 * resolve_start(event, host, port, done, userdata):
 * Find the addresses of ${host}, at most RESOLVE_LIMIT.  Literals, and "localhost" (127.0.0.1 and
 * ::1), are answered without asking anybody.  There is no time limit but the resolver's own.
 */
struct resolve *resolve_start(struct sd_event *event, const char *host, const char *port,
	resolve_fn done, void *userdata);

#define RESOLVE_LIMIT 32

/* resolve_cancel(resolve): no callback after this returns.  NULL is fine; returns NULL. */
struct resolve *resolve_cancel(struct resolve *resolve);

DEFINE_CLEANUP(struct resolve *, resolve_cancel);

#endif
