/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_CONDUCTOR_SAY_H
#define DAEMON_CONDUCTOR_SAY_H

#include "daemon/announce/messages.h"
#include "daemon/model/delivery.h"
#include "daemon/model/version.h"
#include "lib/log/log.h"

/* The fields, each spelled in one place; all are CERTFERRY_. */
void say_delivery(struct log_fields *fields, const struct delivery *delivery);
void say_certificate(struct log_fields *fields, const char *name, const char *arn);
void say_version(struct log_fields *fields, const struct version *version);
void say_error(struct log_fields *fields, const struct error *err);
void say_next_try(struct log_fields *fields, unsigned attempt, usec_t next_try);
void say_unit(struct log_fields *fields, const char *dependent, const char *unit);

#endif
