/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_TRANSFER_CARRY_TEXT_H
#define DAEMON_TRANSFER_CARRY_TEXT_H

/* What a carry has to say to a person.  Texts belong to the caller. */

#include "daemon/model/observed.h"
#include "daemon/transfer/verify.h"

/* carry_gone_text(object): the import that was configured or recorded does not exist any more. */
char *carry_gone_text(const char *object);

/* carry_change_text(change, delivery, former): what would be lost, and how to let it through.
 * ${former}: what was seen there, of another source certificate; NULL: of the same. */
char *carry_change_text(
	const struct change *change, const char *delivery, const struct observed *former);

/* carry_former_text(why, former): what is there of another source certificate cannot be gone on
 * with, for this reason. */
char *carry_former_text(const char *why, const struct observed *former);

/* carry_newer_error(object, there, here, err): an older version is not written over a newer one. */
int carry_newer_error(const char *object, const struct version *there, const struct version *here,
	struct error *err);

/* carry_readback_error(object, seen, err): it was written, and cannot be seen. */
int carry_readback_error(const char *object, const struct observed *seen, struct error *err);

#endif
