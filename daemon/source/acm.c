/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/source/acm.h"

const struct source_kind_row acm_source = {
	.name = "acm",
	.read = acm_source_read,
	.read_cancel = acm_source_read_cancel,
	.read_next = acm_source_read_next,
	.keep = acm_source_keep,
	.kept_changed = acm_source_kept_changed,
	.kept_free = acm_source_kept_free,
	.obtain = acm_source_obtain,
	.obtain_cancel = acm_source_obtain_cancel,
	.renewal = acm_source_renewal,
	.renewal_cancel = acm_source_renewal_cancel,
};
