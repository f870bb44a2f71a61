/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SIMULATION_TRANSPORT_H
#define TESTS_SIMULATION_TRANSPORT_H

/*
 * lib/http/http.h without a network: each request reaches the cloud (tests/bench/cloud.h) after some
 * milliseconds of virtual time, and its answer comes back after some more.  Linked in place of
 * lib/http/http.c; everything above is the daemon's own code.
 */

#include "lib/base/time.h"
#include "tests/bench/cloud.h"

#define TRAFFIC_ACCOUNTS 128

/* What has gone over the wire since transport_mark(). */
struct traffic {
	unsigned long requests;
	usec_t first; /* when the first request was sent; monotonic; 0: none yet */
	usec_t last; /* when the last answer came */
	size_t under_way, most_under_way;
	usec_t last_import[TRAFFIC_ACCOUNTS]; /* that succeeded, of each destination account */
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

#endif
