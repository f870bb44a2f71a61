/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_TRANSITION_CERTIFICATE_H
#define DAEMON_TRANSITION_CERTIFICATE_H

/* What facts make of a certificate's record.  Pure; how these are called, says transition/delivery.h. */

#include "daemon/model/change.h"
#include "daemon/model/recorded.h"

/**
 * transition_version_seen(record, version, serial, changes):
 * The source shows ${version}, of which the fingerprint is known.  With another one than before, what failed was the export
 * of that, and perhaps for the very reason that it was renewed.  ${serial}: a serial was read that is not recorded yet.
 * True when anything of it is news.
 */
bool transition_version_seen(
	struct certificate_record *record, const struct version *version, bool serial, struct changes *changes);

/* transition_exported(record, version, anchor, deliveries, changes): it was exported for so many deliveries.  ${anchor} (PEM,
 * interned by the callee) is pinned when this is the first use, and nothing is pinned; NULL: it is not. */
void transition_exported(struct certificate_record *record, const struct version *version, const char *anchor,
	size_t deliveries, struct changes *changes);

/* transition_export_failed(record, err, chance, now, changes): it could not be exported, or what was is not sound. */
void transition_export_failed(struct certificate_record *record, const struct error *err, unsigned chance, usec_t now,
	struct changes *changes);

/* transition_anchor_replaced(record, anchor): a version under another root than the pinned one was let through and is in
 * place: its root (PEM; may be NULL) is the one to expect from now on.  True when it is another one. */
bool transition_anchor_replaced(struct certificate_record *record, const char *anchor);

#endif
