/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SIMULATION_TRANSPORT_H
#define TESTS_SIMULATION_TRANSPORT_H

/*
 * lib/http/http.h without a network: each request reaches the cloud (tests/bench/cloud.h) after some
 * milliseconds of virtual time, and its answer comes back after some more.  Linked in place of
 * lib/http/call.c; everything above is the daemon's own code.  As there, at most 256 requests to one host and 512 in all
 * are on the wire, and the others wait their turn.
 */

#include "lib/base/time.h"
#include "tests/bench/cloud.h"

#define TRAFFIC_ACCOUNTS 128

/* One way: 15 ms, give or take up to 4, so that no two requests differ by more than 8 on it. */
#define WAY	   (11 * USEC_PER_MSEC)
#define WAY_SPREAD (8 * USEC_PER_MSEC)

/* What has gone over the wire since transport_mark(). */
struct traffic {
	unsigned long requests;
	usec_t first; /* when the first request was sent that does not fail; monotonic; 0: none yet */
	usec_t look; /* when the source was asked first what it has; 0: not yet */
	usec_t last; /* when the last answer came */
	size_t under_way, most_under_way;
	usec_t last_import[TRAFFIC_ACCOUNTS]; /* that succeeded, of each destination account */
	unsigned long answered[TRAFFIC_ACCOUNTS]; /* requests that the account itself has answered */
	size_t sound; /* of those under way: those that do not fail by transport_fail() */
	usec_t last_sound; /* when the last of them was answered */
};

/* transport_use(cloud): whom to ask; before any request. */
void transport_use(struct cloud *cloud);

/* transport_mark(): begin to count anew. */
void transport_mark(void);
const struct traffic *transport_traffic(void);

/**
 * transport_slow_down(account, interval):
 * From now on ImportCertificate of destination account number ${account} is refused (ThrottlingException) when it
 * comes sooner than ${interval} after the last one that was not, as if somebody else used the quota.  0: no more.
 * transport_refused(): how often that was.
 */
void transport_slow_down(unsigned account, usec_t interval);
unsigned long transport_refused(void);

#define TRANSPORT_SLOW_BY (8 * USEC_PER_SEC)

/* What becomes of the requests to an account. */
enum failing {
	SOUND,
	SILENT, /* no answer, until the client gives up */
	REFUSED, /* no connection */
	RESET, /* the connection ends without an answer */
	BUSY, /* 503 */
	SLOW, /* an answer, TRANSPORT_SLOW_BY later */
	FAILING_COUNT,
	FULL, /* every answer, or of every second account those to all but ListTagsForCertificate */
};

/* transport_fail(count, failing): from now on, the requests to the first ${count} destination accounts fail like that;
 * FAILING_COUNT: in each of the ways before it, one account after the other. */
void transport_fail(unsigned count, enum failing failing);

#endif
