/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_RATE_H
#define LIB_AWS_RATE_H

/*
 * How fast one lane may send: a token bucket that holds one second's worth, filled at AWS's
 * published rate, halved when AWS throttles all the same and grown again with each success.  A
 * lane without a published rate is free until it is throttled for the first time.  Pure: times
 * (monotonic) are arguments.
 */

#include "lib/base/time.h"

struct rate {
	double published; /* requests a second; 0: none is published */
	double current; /* 0: no limit now */
	double ceiling; /* where an unpublished rate that was throttled becomes free again */
	usec_t full; /* when the bucket is full again if nothing is sent */
	usec_t cut; /* when it was last halved */
	usec_t held; /* nothing is sent before: the server said so */
	usec_t window; /* the second that is being counted */
	unsigned sent, sent_before;
};

/* rate_init(rate, published): ${published} requests a second, or 0. */
void rate_init(struct rate *rate, double published);

/* rate_next(rate, now): when the next request may be sent; ${now} if at once. */
usec_t rate_next(const struct rate *rate, usec_t now);

/* rate_take(rate, now): a request is sent now. */
void rate_take(struct rate *rate, usec_t now);

/* rate_throttled(rate, now, pause): AWS said too fast.  Once a second at most it halves, so that
 * one burst counts once.  Nothing more is sent for ${pause}, 0 where AWS named none. */
void rate_throttled(struct rate *rate, usec_t now, usec_t pause);

/* rate_publish(rate, published, now): from now on the published rate is ${published}; a rate that was
 * lowered by throttles stays so low until it has grown.  What was sent is paid back at the new rate. */
void rate_publish(struct rate *rate, double published, usec_t now);

/* rate_succeeded(rate): AWS did not mind. */
void rate_succeeded(struct rate *rate);

#endif
