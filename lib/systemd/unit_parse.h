/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_SYSTEMD_UNIT_PARSE_H
#define LIB_SYSTEMD_UNIT_PARSE_H

/* Part of lib/systemd/unit.h: what systemd says of a unit, as a struct unit. */

#include <systemd/sd-bus.h>

/* Circle with lib/systemd/unit.c: an answer is read into what unit.h has. */
#include "lib/systemd/unit.h"

/* unit_parse(message, unit): fill ${unit} from the answer to Properties.GetAll, a{sv}; properties
 * that are not there are left as they were.  0 or -errno. */
int unit_parse(sd_bus_message *message, struct unit *unit);

/* unit_error(bus_error, name, err): fill ${err} from the error that systemd or the bus gave for the unit ${name}; what
 * kinds there are, lib/systemd/unit.h says.  Returns what error_set() returns. */
int unit_error(const sd_bus_error *bus_error, const char *name, struct error *err);

#endif
