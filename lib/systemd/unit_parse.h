/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_SYSTEMD_UNIT_PARSE_H
#define LIB_SYSTEMD_UNIT_PARSE_H

/* Part of lib/systemd/unit.h: what systemd says of a unit, as a struct unit. */

#include "lib/systemd/unit.h"

struct sd_bus_message;

/* unit_parse(message, unit): fill ${unit} from the answer to Properties.GetAll, a{sv}; properties
 * that are not there are left as they were.  0 or -errno. */
int unit_parse(struct sd_bus_message *message, struct unit *unit);

#endif
