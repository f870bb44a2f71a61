/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DESTINATION_VAULT_JUDGE_H
#define DAEMON_DESTINATION_VAULT_JUDGE_H

/*
 * What the custom metadata of a secret in Vault say of it, and what they are to say.  They are one
 * map for all versions, so what certferry says of a version is under a key with its number: it counts
 * for that version alone, and a mark that comes late takes nothing from a later one.  Pure.
 *
 *	certferry:source, certferry:name, certferry:anchor	as the tags of other kinds (tags.h)
 *	certferry:intent-N	a write of version N was begun: the digest of what was to be in it
 *	certferry:version-N	version N is certferry's: secret_token() of it
 *	fingerprint, not_after	of the certificate, for people
 */

#include "daemon/destination/destination.h"
#include "lib/vault/kv.h"

/**
 * vault_judge(item, description, seen):
 * What is there for ${item}, whose current version is not 0.  revision becomes its number and when it was
 * written.  PRESENT with the wanted version where that is marked so; what the record confirmed where
 * the revision is still that of then; without a version, to be written again, where the metadata and the record both
 * say that its write was begun; all else has ${foreign} set.  FOREIGN: not certferry's, or deleted.
 */
void vault_judge(const struct look_item *item, const struct kv_description *description, struct observed *seen);

/* vault_intent(delivery, digest, anchor, number): the custom metadata before version ${number} is written; ${anchor}: what they
 * are to say of that until then, unset: nothing else than they do.  vault_retreat(number): those once it is known that it was
 * not written.  The caller owns them. */
char **vault_intent(const struct delivery *delivery, const struct digest *digest, const struct fingerprint *anchor,
	uint64_t number);
char **vault_retreat(uint64_t number);

/* vault_marks(delivery, bundle, number, custom): once it is; ${custom}: what was there, of which older marks are removed. */
char **vault_marks(
	const struct delivery *delivery, const struct bundle *bundle, uint64_t number, char *const *custom);

#endif
