/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_SYSTEMD_UNIT_SETTINGS_H
#define LIB_SYSTEMD_UNIT_SETTINGS_H

/* As whom and with what environment a service runs: for a program that runs likewise. */

#include <systemd/sd-bus.h>

#include "lib/base/error.h"

/* All is owned; in the order in which systemd tells them. */
struct unit_settings {
	char **environment; /* Environment=, "NAME=VALUE"; specifiers are expanded */
	char **lines; /* the others that were read, each as a line of the unit: "User=certferry",
		       * "EnvironmentFile=-/etc/default/certferry", "LoadCredential=ID:PATH" */
};

void unit_settings_done(struct unit_settings *settings);

/* unit_settings_parse(message, settings): fill empty ${settings} from the answer to
 * Properties.GetAll of a service, a{sv}.  0 or -errno. */
int unit_settings_parse(sd_bus_message *message, struct unit_settings *settings);

#endif
