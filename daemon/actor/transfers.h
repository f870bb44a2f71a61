/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_ACTOR_TRANSFERS_H
#define DAEMON_ACTOR_TRANSFERS_H

/*
 * Transfers: which certificates are carried now, to which of the deliveries that wait for it.  The
 * intent and the owed dependents are written before one starts, and on the disk before it writes to
 * a place; each delivery's outcome is handed in as it comes.
 */

#include "daemon/inventory/inventory.h"

struct transfers;

struct transfers_host {
	struct inventory *inventory;
	const struct destination_context *context; /* borrowed */
	/* The source refused an export because the certificate may have been renewed meanwhile:
	 * it is to be looked at. */
	void (*on_stale)(void *userdata);
	void *userdata;
};

/* transfers_new(host): ${host} is copied.  transfers_free(transfers): ends all transfers, what
 * was sent may still take effect; returns NULL. */
struct transfers *transfers_new(const struct transfers_host *host);
struct transfers *transfers_free(struct transfers *transfers);

/* transfers_new_world(transfers): the inventory's places are others now.  Transfers under way go
 * on. */
void transfers_new_world(struct transfers *transfers);

/* transfers_cancel(transfers): end all transfers. */
void transfers_cancel(struct transfers *transfers);

/* transfers_count(transfers): count what is under way; at the beginning of a turn. */
void transfers_count(struct transfers *transfers);

/**
 * transfers_certificate(transfers, certificate):
 * As planned, some of its deliveries are due, or it is to be exported for itself: start its
 * transfer, unless one is under way.  Where looks under way may add to it, it waits a moment
 * (certificate.gather_until); where there is no room, it waits for that (inventory_wait()).
 */
void transfers_certificate(struct transfers *transfers, const struct tracked_certificate *certificate);

/**
 * transfers_expect(transfers, certificate, listed):
 * The source is reading the version of ${certificate}, which it has listed as ${listed}.  Where that is a
 * renewal of what is in place, the export and the reads that its transfer begins with begin now
 * (ahead.h).
 */
void transfers_expect(struct transfers *transfers, const struct tracked_certificate *certificate,
	const struct source_certificate *listed);

/* transfers_has_room(transfers): could one of those that wait begin?
 * transfers_may_start(transfers, certificate): could this one, as far as can be told from what was
 * last planned?  (For inventory_take_waiting().) */
bool transfers_has_room(const struct transfers *transfers);
bool transfers_may_start(const void *transfers, const struct tracked_certificate *certificate);

/* transfers_next(transfers): when one that waits may begin because of the time alone
 * (monotonic), or USEC_INFINITY. */
usec_t transfers_next(const struct transfers *transfers);

/* transfers_next_sync(transfers): when what was written is to be on the disk for those that wait for
 * that (monotonic; 0: it is, or cannot be), or USEC_INFINITY where none does.
 * transfers_synced(transfers): that was tried (inventory_sync()): those that wait go on, or fail
 * where it is not. */
usec_t transfers_next_sync(const struct transfers *transfers);
void transfers_synced(struct transfers *transfers);

/* transfers_are_busy(transfers): is any transfer under way, or begun ahead? */
bool transfers_are_busy(const struct transfers *transfers);

#endif
