/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_BUS_HANDLERS_H
#define DAEMON_BUS_HANDLERS_H

#include <stdint.h>

#include "lib/base/error.h"

/* What the bus asks of the conductor.  Texts are given to the bus, which frees them. */
struct bus_handlers {
	char *(*status)(void *userdata);
	char *(*plan)(void *userdata);
	char *(*candidates)(void *userdata);
	int (*sync)(void *userdata, const char *delivery, uint32_t *ret_job, struct error *err);
	int (*approve)(void *userdata, const char *delivery, const char *who, uint32_t *ret_count,
		struct error *err);
	/* Once, from the loop: the name was given or refused, or there is no bus, or it has not
	 * answered within 5 s.  From here on a client finds the daemon if it ever will soon.  May be
	 * NULL. */
	void (*answered)(void *userdata);
};

#endif
