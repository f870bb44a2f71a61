/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/systemd/notify.h"

#include <stdarg.h>

#include <systemd/sd-daemon.h>

#include "lib/base/mem.h"

void notify_ready(void)
{
	(void)sd_notify(0, "READY=1");
}

void notify_reloading(void)
{
	(void)sd_notify(0, "RELOADING=1");
}

void notify_stopping(void)
{
	(void)sd_notify(0, "STOPPING=1");
}

void notify_status(const char *format, ...)
{
	_cleanup_(freep) char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	text = mem_vprintf(format, arguments);
	va_end(arguments);
	/* A line break would begin another assignment. */
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = ' ';
	(void)sd_notifyf(0, "STATUS=%s", text);
}

void notify_watchdog(void)
{
	(void)sd_notify(0, "WATCHDOG=1");
}

usec_t notify_watchdog_interval(void)
{
	uint64_t interval;

	if (sd_watchdog_enabled(0, &interval) <= 0)
		return 0;
	return interval / 2;
}
