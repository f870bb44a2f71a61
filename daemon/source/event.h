/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_SOURCE_EVENT_H
#define DAEMON_SOURCE_EVENT_H

/*
 * One event of ACM, as EventBridge puts it into a queue (ACM user guide, "Amazon EventBridge support
 * for ACM").  An event is a hint and no more: it says that somebody should look, and where; what is
 * true is read from ACM.  So anybody who can write into the queue can make the daemon look, and can
 * do nothing else.  Pure: no I/O, no clock.
 */

#include "lib/base/error.h"
#include "lib/base/time.h"

/* EventBridge's limit is 256 KiB, ACM's events have 1 or 2: what is longer is none of them. */
#define EVENT_LENGTH_MAX ((size_t)16 << 10)
#define EVENT_ID_SIZE	 65

enum event_asks {
	EVENT_ASKS_NOTHING, /* nothing has changed that the source would show: a reminder, an import by hand */
	EVENT_ASKS_LOOK, /* there is a new version */
	EVENT_ASKS_SWEEP, /* a certificate has ended (revoked, expired), which only a sweep shows */
};

struct event {
	char id[EVENT_ID_SIZE]; /* EventBridge's; the same when it is delivered twice */
	enum event_asks asks;
	char *type; /* detail-type */
	char **arns; /* the certificates that it is about, one at least */
	usec_t not_after; /* of the new version, where the event says so; 0: it does not */
};

#define EVENT_NULL ((struct event){ 0 })

/* Whose events are expected. */
struct event_origin {
	const char *account; /* NULL: not known; then the event's own is not compared with anything */
	char *const *regions;
};

/**
 * event_parse(body, length, origin, event, err):
 * One event's JSON, of ${length} bytes; of one with more than EVENT_LENGTH_MAX, which is refused, ${body} may be a part.
 * Anything but an event of ACM, of a type that ACM documents, from that account
 * and one of those regions, about certificates of that account and region, is ERROR_INVALID: "what
 * is wrong with it", of which at most 64 printable characters are the sender's.  Release with
 * event_done().
 */
int event_parse(const char *body, size_t length, const struct event_origin *origin, struct event *ret_event,
	struct error *err);
void event_done(struct event *event);

#endif
