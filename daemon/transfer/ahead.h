/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_TRANSFER_AHEAD_H
#define DAEMON_TRANSFER_AHEAD_H

/*
 * What a transfer begins with, begun before it: while the version of a renewed certificate is still
 * being read at the source, it is exported, and what is in place is read.  Nothing is checked, said or
 * written of it.  A transfer that is planned once the version is known takes it over, and with it two
 * round trips; where none is planned in time, it is wiped.
 */

#include "daemon/destination/destination.h"
#include "daemon/source/source.h"

struct ahead;

/* So old may be what was read when the transfer begins; else it is read again.  What is in place could be
 * another's by then, and a put may have to wait for its place much longer. */
#define AHEAD_BELIEVED (2 * USEC_PER_SEC)

/* An object that will be written over. */
struct ahead_item {
	struct delivery delivery;
	char *object_id;
	struct version confirmed; /* what it was last known to hold */
};

/* Borrowed for the call, but for ${context}, and for ${items} and what is in them, which are given. */
struct ahead_request {
	const struct destination_context *context;
	const struct desired *desired;
	const struct source_certificate *source;
	struct ahead_item *items;
	size_t count;
};

/* ahead_start(request, on_void, userdata): ${on_void} is called when nobody has taken it over within
 * AHEAD_BELIEVED; it is to be cancelled then, and the key is wiped already.
 * ahead_cancel(ahead): wipes; what it was asked for comes no more.  NULL is fine; returns NULL. */
struct ahead *ahead_start(
	const struct ahead_request *request, void (*on_void)(void *userdata), void *userdata);
struct ahead *ahead_cancel(struct ahead *ahead);

/* ahead_take(ahead, done, userdata): a transfer takes it over, before on_void.  ${done} gets what was
 * exported, later, as source_obtain() gives it. */
void ahead_take(struct ahead *ahead, source_obtain_fn done, void *userdata);

enum ahead_read {
	AHEAD_NONE, /* it was not read, or in vain, or too long ago */
	AHEAD_READ,
	AHEAD_READING,
};

/**
 * ahead_read(ahead, item, seen, done, userdata):
 * What is in place at the object of ${item}, with the certificate there (want_pem), read by itself (exact).  AHEAD_READ: it is in the empty ${ret_seen}; AHEAD_READING: ${done} is called with it,
 * later, as by destination_look().  Each is given once.
 */
enum ahead_read ahead_read(struct ahead *ahead, const struct look_item *item, struct observed *ret_seen,
	destination_look_fn done, void *userdata);

#endif
