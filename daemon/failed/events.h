/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_FAILED_EVENTS_H
#define DAEMON_FAILED_EVENTS_H

/*
 * The events of certferry-stopped and certferry-failed.  As in daemon/announce/messages.h, each has a MESSAGE_ID and a
 * paragraph in systemd/certferry.catalog (a test compares the lists).
 */

/* EVENT(NAME, id) */
#define FAILED_EVENTS(EVENT)                                                                       \
	EVENT(FAILED, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e48")                                          \
	EVENT(FAILED_SENT, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e49")                                     \
	EVENT(FAILED_UNSENT, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e4a")                                   \
	EVENT(FAILED_SETTINGS, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e4b")                                 \
	EVENT(FAILED_LOOP, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e4c")                                     \
	EVENT(FAILED_UNHEARD, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e4d")

#define FAILED_DECLARE(name, id) extern const char SAY_##name[];
FAILED_EVENTS(FAILED_DECLARE)
#undef FAILED_DECLARE

#endif
