/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_BUS_REFUSE_H
#define DAEMON_BUS_REFUSE_H

#include "lib/base/error.h"

struct sd_bus_message;

/* bus_refuse(message, err): answer ${message} with the D-Bus error that ${err} is.  What sd_bus_reply_method_errorf() gives. */
int bus_refuse(struct sd_bus_message *message, const struct error *err);

#endif
