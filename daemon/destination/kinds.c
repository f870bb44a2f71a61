/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/destination/kind.h"

/* Nothing but the table: a test puts its own in place of it. */
const struct kind *const kinds[] = {
	[DESTINATION_ACM] = &acm_kind,
	[DESTINATION_SECRETSMANAGER] = &secretsmanager_kind,
	[DESTINATION_FILE] = &file_kind,
	[DESTINATION_VAULT] = &vault_kind,
};
