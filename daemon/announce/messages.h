/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_ANNOUNCE_MESSAGES_H
#define DAEMON_ANNOUNCE_MESSAGES_H

/*
 * The events that an administrator may look for.  Each has a MESSAGE_ID and a paragraph in
 * systemd/certferry.catalog (a test compares the two lists).
 */

/* EVENT(NAME, id) */
#define SAY_EVENTS(EVENT)                                                                          \
	EVENT(STARTED, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e01")                                         \
	EVENT(STOPPING, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e02")                                        \
	EVENT(RELOADED, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e03")                                        \
	EVENT(RELOAD_REJECTED, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e04")                                 \
	EVENT(SOURCE_UNREADABLE, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e05")                               \
	EVENT(SOURCE_READABLE, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e06")                                 \
	EVENT(VERSION_SEEN, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e07")                                    \
	EVENT(NOT_CARRIED, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e08")                                     \
	EVENT(EXPORTED, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e09")                                        \
	EVENT(EXPORT_FAILED, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e0a")                                   \
	EVENT(DELIVERED, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e0b")                                       \
	EVENT(DELIVERY_FAILED, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e0c")                                 \
	EVENT(DELIVERY_RECOVERED, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e0d")                              \
	EVENT(HELD, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e0e")                                            \
	EVENT(APPROVED, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e0f")                                        \
	EVENT(TOLD, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e10")                                            \
	EVENT(TELL_FAILED, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e11")                                     \
	EVENT(PROOF_MATCHED, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e12")                                   \
	EVENT(PROOF_WRONG, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e13")                                     \
	EVENT(UNPROVEN, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e14")                                        \
	EVENT(RECORD_FAILING, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e15")                                  \
	EVENT(RECORD_RECOVERED, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e16")                                \
	EVENT(RECORD_LOST, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e17")                                     \
	EVENT(CLOCK_OFF, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e18")                                       \
	EVENT(QUOTA_NEAR, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e19")                                      \
	EVENT(EXPIRING, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e1a")                                        \
	EVENT(UNLOCKED_MEMORY, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e1b")                                 \
	EVENT(SOURCE_NEARLY_FULL, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e1c")                              \
	EVENT(TAG_FAILED, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e50")                                      \
	EVENT(TAGGED, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e51")                                          \
	EVENT(LEFT, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e52")                                            \
	EVENT(STAYS_LINK, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e53")                                      \
	EVENT(BECAME_DIRECTORY, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e54")                                \
	EVENT(WOKEN, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e30")                                           \
	EVENT(EVENTS_UNREADABLE, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e31")                               \
	EVENT(EVENTS_READABLE, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e32")                                 \
	EVENT(EVENT_REFUSED, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e33")                                   \
	EVENT(LIMIT_TOO_LOW, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e60")                                   \
	EVENT(UNIT_UNFIT, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e61")                                      \
	EVENT(BUS_LOST, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e70")                                        \
	EVENT(BUS_FOUND, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e71")                                       \
	EVENT(BUS_NAME_REFUSED, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e72")                                \
	EVENT(BUS_NAMED, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e73")                                       \
	EVENT(LOOP_FAILED, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e68")                                     \
	EVENT(RECORD_NEWER, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e40")                                    \
	EVENT(RECORD_UNMIGRATED, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e41")                               \
	EVENT(RECORD_MIGRATED, "5b1b2f0c6c2a4d0f9d1f5d7e0a3c1e42")

#define SAY_DECLARE(name, id) extern const char SAY_##name[];
SAY_EVENTS(SAY_DECLARE)
#undef SAY_DECLARE

#endif
