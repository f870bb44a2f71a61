/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_LANE_H
#define LIB_AWS_LANE_H

/*
 * Lanes: a queue for each account, region and operation (or group of operations that share a
 * rate), so that what AWS limits together is sent at the rate that AWS publishes, and nothing
 * waits for anything else.
 */

#include <stdbool.h>
#include <sys/queue.h>

#include "lib/aws/service.h"
#include "lib/base/time.h"

struct lane;
struct lanes;
struct retry_tokens;
struct sd_event;

/* One that wants to send.  Zeroed but for go and userdata, it is in no lane. */
struct lane_waiter {
	void (*go)(void *userdata); /* may send now */
	void *userdata;
	struct lane *lane; /* the one it waits in, or NULL */
	TAILQ_ENTRY(lane_waiter) link;
};

/* lanes_new(event): no lanes yet; they come to be when asked for. */
struct lanes *lanes_new(struct sd_event *event);

/* lane_get(lanes, account, region, service, operation): the lane, which lives as long as
 * ${lanes}. */
struct lane *lane_get(struct lanes *lanes, const char *account, const char *region,
	enum aws_service service, const char *operation);

/* lane_get_unpublished(lanes, server): one lane, and the retry tokens of it alone, for all requests to a ${server} that is not
 * AWS's and publishes no rate; lives as long as ${lanes}. */
struct lane *lane_get_unpublished(struct lanes *lanes, const char *server);

/* lane_enter(lane, waiter): true: send now; false: ${go} is called when the turn comes, in
 * order. */
bool lane_enter(struct lane *lane, struct lane_waiter *waiter);

/* lane_leave(waiter): no longer; fine for one that does not wait. */
void lane_leave(struct lane_waiter *waiter);

/* lane_throttled(lane, pause), lane_succeeded(lane): what AWS said to a request of the lane; ${pause}
 * as in rate_throttled(). */
void lane_throttled(struct lane *lane, usec_t pause);
void lane_succeeded(struct lane *lane);

/* lane_tokens(lane): the retry tokens of its account, region and service, which all its lanes share, as
 * those of a client of the SDKs do. */
struct retry_tokens *lane_tokens(struct lane *lane);

/**
 * lanes_set_quota(lanes, service, operation, rate):
 * From now on the lanes of ${operation}, and of those that share its rate, send ${rate} requests a
 * second (0: what AWS publishes); present and future lanes alike.  False when AWS publishes no rate
 * for the operation: then there is none that could be set.
 */
bool lanes_set_quota(
	struct lanes *lanes, enum aws_service service, const char *operation, double rate);

/* lane_published(service, operation, group): requests a second that AWS publishes, 0 for
 * none, and the name of those that share them. */
double lane_published(enum aws_service service, const char *operation, const char **ret_group);

/* lanes_free(lanes): nobody may wait.  Returns NULL. */
struct lanes *lanes_free(struct lanes *lanes);

#endif
