/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_SYSTEMD_UNIT_NOW_H
#define LIB_SYSTEMD_UNIT_NOW_H

/*
 * The same as lib/systemd/unit.h for a short program without an event loop: each call connects to the system bus, asks
 * and blocks until systemd has answered, ${timeout} at most.  The errors are those of unit.h; no
 * bus is ERROR_RETRY.
 */

#include "lib/systemd/unit.h"
#include "lib/systemd/unit_settings.h"

/* unit_now_start(name, timeout, err): ask for a start of the unit ${name}, and do not wait for what becomes of it. */
int unit_now_start(const char *name, usec_t timeout, struct error *err);

/* unit_now_read(name, timeout, unit, err): read the unit's state into ${unit}.  Needs no privilege. */
int unit_now_read(const char *name, usec_t timeout, struct unit *ret_unit, struct error *err);

/* unit_now_settings(name, timeout, settings, err): as whom and with what environment the service ${name} runs, whether it
 * runs or not; release with unit_settings_done().  ERROR_ABSENT: there is no such unit.  Needs no privilege. */
int unit_now_settings(
	const char *name, usec_t timeout, struct unit_settings *ret_settings, struct error *err);

#endif
