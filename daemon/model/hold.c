/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/model/hold.h"

const char *hold_name(enum hold hold)
{
	static const char *const names[] = {
		[HOLD_NONE] = "",
		[HOLD_GUARD] = "guard",
		[HOLD_APPROVAL] = "approval",
		[HOLD_ADOPT] = "adopt?",
		[HOLD_GONE] = "gone",
	};

	return names[hold];
}
