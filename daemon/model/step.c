/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/model/step.h"

#include <stdlib.h>

const char *step_verb_name(enum step_verb verb)
{
	static const char *const names[] = {
		[STEP_LOOK] = "look",
		[STEP_DELIVER] = "deliver",
		[STEP_EXPORT] = "export",
		[STEP_TELL] = "tell",
		[STEP_PROVE] = "prove",
		[STEP_TAG] = "tag",
		[STEP_HOLD] = "hold",
		[STEP_WAIT] = "wait",
	};

	return names[verb];
}

bool step_is_open(const struct step *step)
{
	return step->verb != STEP_LOOK && step->verb != STEP_TAG;
}

void plan_done(struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		if (plan->steps[i].holds)
			holds_done(plan->steps[i].holds);
		free(plan->steps[i].holds);
		free(plan->steps[i].reason);
		free(plan->steps[i].would);
	}
	free(plan->steps);
	*plan = (struct plan){ 0 };
}
