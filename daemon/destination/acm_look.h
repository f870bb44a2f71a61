/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DESTINATION_ACM_LOOK_H
#define DAEMON_DESTINATION_ACM_LOOK_H

#include "daemon/destination/destination.h"

/* The look of the kind acm: the contracts of destination_look() and its cancel. */
void *acm_look(const struct destination_context *context, const struct look_item *items,
	size_t count, usec_t now, destination_look_fn done, void *userdata);
void *acm_look_cancel(void *look);

#endif
