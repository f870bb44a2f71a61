/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_TRANSFER_TRANSFER_H
#define DAEMON_TRANSFER_TRANSFER_H

/*
 * A transfer carries one certificate to all its deliveries that are due together: one export, then
 * for each delivery on its own and side by side: read, check, put, read back.  It is told what to
 * do and says what came of it; its caller has recorded the intent before, says when that is on
 * the disk (transfer_may_write()), and records the outcome after.
 */

#include "daemon/destination/destination.h"
#include "daemon/model/outcome.h"
#include "daemon/model/recorded.h"
#include "daemon/source/source.h"

struct ahead;
struct transfer;

/* One delivery of the transfer.  Borrowed until its on_delivered or the cancel. */
struct transfer_item {
	const struct delivery *delivery;
	struct look_item known;	 /* object_id, confirmed, revision from the record */
	/*
	 * Of the confirmed version, from the record, for a destination that cannot be read:
	 * what the new version would change is measured by it.  NULL: not known.
	 */
	const char *leaf_pem;
	const char *chain_pem;
	struct fingerprint anchor; /* from the record: where the chain of what was put there last ended; unset: not known */
	const struct delivery_record
		*record; /* what is recorded of it (whose()); NULL: nothing is */
	struct digest
		exported; /* the version of its certificate that was exported last before this one; unset: none */
	bool confirmed; /* the record knows what was put there */
	bool approved;		 /* a person approved what it would change, for this version */
	bool may_go_back;	 /* an ordered rollback: an older version may be written */
	usec_t absent_at; /* a look at all of its place found nothing there, and nothing in its way, then; 0: none did */
};

/*
 * For so long is a first import believed to be one without another look: a look lists all imports of the account, of
 * which there may be thousands, so that one for each of them would be the square of it.
 */
#define ABSENT_BELIEVED USEC_PER_MINUTE

struct transfer_request {
	const struct destination_context *context;
	const struct desired *desired;
	const struct source_certificate *source; /* with the version that was planned */
	const struct certificate_list *anchors;	 /* trusted by the configuration; NULL: the chain's own end is */
	const struct certificate_list *recorded; /* without anchors: where its chain ended before; NULL: not known, and
						  * each item goes by what is known of itself and by what its object
						  * bears (verify_standing()).  A chain that ends elsewhere is a change
						  * to be approved, as is one at a place that was delivered to before
						  * and of which nothing is known */
	char *const *names; /* that the leaf must cover; NULL: none asked for */
	enum usage usage; /* what the leaf must be fit for; with items, their entry's counts */
	struct ahead *ahead; /* what was begun of it before; given.  NULL: nothing */
	usec_t not_older_than; /* NotBefore of the newest version ever seen of it */
	struct transfer_item *items; /* may be none: an export only, to keep it eligible */
	size_t item_count;
};

/* What was exported, without its key. */
struct transfer_exported {
	struct version version;
	const char *leaf_pem;
	const char *chain_pem;
	const char *anchor_pem; /* where its chain ends; NULL with anchors of the configuration */
	const char *note; /* what is to be known of the chain (verify_beyond_note()), or NULL */
	const char *const *notes; /* for each item what is to be known of it there (destination_note()), or NULL */
};

/*
 * What a transfer says, in this order: on_exported once (${exported}, which is sound, or NULL with ${err}), on_delivered
 * once an item unless on_exported had an error, on_done once.
 */
struct transfer_events {
	void (*on_exported)(void *userdata, const struct transfer_exported *exported, const struct error *err);
	void (*on_delivered)(void *userdata, size_t item, const struct outcome *outcome,
		const struct observed *seen);
	void (*on_done)(void *userdata);
};

/**
 * transfer_start(request, events, userdata):
 * Start it.  ${request}'s pointers are borrowed until on_done or transfer_cancel().  If the export
 * shows another fingerprint than planned, nothing is written and on_exported has ERROR_RETRY: look
 * again.  (One that was begun ahead is repeated before that.)  The bundle is wiped when the last delivery that needs it has ended.
 */
struct transfer *transfer_start(const struct transfer_request *request,
	const struct transfer_events *events, void *userdata);

/**
 * transfer_may_write(transfer, err):
 * After on_exported (or in it): what the record must know before anything is written is on the disk.
 * Until then items are read and checked, and wait.  With ${err} it could not be put there, and nothing is
 * written: who waits fails with it.
 */
void transfer_may_write(struct transfer *transfer, const struct error *err);

/*
 * transfer_cancel(transfer): no callback after this returns; the bundle is wiped; a write
 * already sent may still take effect.  NULL is fine; returns NULL.
 */
struct transfer *transfer_cancel(struct transfer *transfer);

/* transfer_is_writing(transfer, item): is request.items[${item}] being written, so that there may be the body of a request? */
bool transfer_is_writing(const struct transfer *transfer, size_t item);

#endif
