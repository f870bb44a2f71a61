/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/model/place_aws.h"
#include "daemon/model/place_file.h"
#include "daemon/model/place_vault.h"

/* Nothing but the table: a test puts its own in place of it. */
const struct place_kind *const place_kinds[] = {
	[DESTINATION_ACM] = &acm_place_kind,
	[DESTINATION_SECRETSMANAGER] = &secretsmanager_place_kind,
	[DESTINATION_FILE] = &file_place_kind,
	[DESTINATION_VAULT] = &vault_place_kind,
	NULL,
};
