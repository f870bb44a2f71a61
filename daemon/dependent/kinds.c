/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/dependent/kind.h"

const struct dependent_kind *const dependent_kinds[] = {
	[DEPENDENT_SYSTEMD] = &systemd_kind,
};

_Static_assert(sizeof(dependent_kinds) / sizeof(*dependent_kinds) == DEPENDENT_NUMBERS, "each kind has its row");
