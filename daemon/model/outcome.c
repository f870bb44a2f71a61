/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/model/outcome.h"

#include <stdlib.h>

void outcome_done(struct outcome *outcome)
{
	free(outcome->reason);
	error_done(&outcome->error);
	*outcome = (struct outcome){ 0 };
}
