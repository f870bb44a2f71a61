/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_DEFER_H
#define LIB_AWS_DEFER_H

/* For what is known at once and may not be told from inside start. */

#include <systemd/sd-event.h>

/* defer(handler, userdata, description): runs ${handler} once, in the next turn of the thread's
 * default event loop.  The caller owns the source; to unref it is to cancel. */
struct sd_event_source *defer(sd_event_handler_t handler, void *userdata, const char *description);

#endif
