/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/bus/refuse.h"

#include <systemd/sd-bus.h>

#include "lib/base/printable.h"

static const char *error_name(enum error_kind kind)
{
	switch (kind) {
	case ERROR_ABSENT:
		return "org.certferry1.Error.NotFound";
	case ERROR_DENIED:
		return "org.certferry1.Error.Denied";
	case ERROR_INVALID:
	case ERROR_CONFLICT:
		return "org.certferry1.Error.Invalid";
	default:
		return "org.certferry1.Error.Failed";
	}
}

/* D-Bus carries UTF-8 only, and a text that names what came from outside may hold anything. */
int bus_refuse(struct sd_bus_message *message, const struct error *err)
{
	_cleanup_(freep) char *text = printable(mem_strdup(err->text ?: "no reason was given"));

	return sd_bus_reply_method_errorf(message, error_name(err->kind), "%s", text);
}
