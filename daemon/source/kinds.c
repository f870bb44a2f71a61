/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/source/kind.h"

/* Nothing but the table: a test puts its own in place of it. */
const struct source_kind_row *const source_kinds[] = {
	[SOURCE_ACM] = &acm_source,
};
