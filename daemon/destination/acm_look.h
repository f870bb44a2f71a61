/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DESTINATION_ACM_LOOK_H
#define DAEMON_DESTINATION_ACM_LOOK_H

#include "daemon/destination/destination.h"

/* The look of the kind acm: the contracts of destination_look() and its cancel. */
struct destination_look *acm_look(const struct destination_context *context, const struct look_item *items,
	size_t count, struct destination_keep *keep, usec_t now, destination_look_fn done, void *userdata);
void acm_look_cancel(struct destination_look *look);

#endif
