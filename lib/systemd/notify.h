/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_SYSTEMD_NOTIFY_H
#define LIB_SYSTEMD_NOTIFY_H

/*
 * What the service manager is told of this process, sd_notify(3).  Without $NOTIFY_SOCKET
 * every call does nothing; a message that cannot be sent is lost, since nothing could be done.
 */

#include "lib/base/time.h"

/* notify_ready(): start-up, or a reload, is over. */
void notify_ready(void);

/* notify_reloading(): the configuration is being read again; notify_ready() must follow, also
 * after a reload that was rejected. */
void notify_reloading(void);

/* notify_stopping(): this process is ending. */
void notify_stopping(void);

/* notify_status(format, ...): one line for `systemctl status`; line breaks become blanks. */
void notify_status(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* notify_watchdog(): still alive.  To be sent from where progress is made. */
void notify_watchdog(void);

/* notify_watchdog_interval(): how often notify_watchdog() is due: half of WatchdogSec=; 0 when
 * nobody watches this process. */
usec_t notify_watchdog_interval(void);

#endif
