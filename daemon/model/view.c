/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/model/view.h"

#include <stdlib.h>

const char *delivery_state_name(enum delivery_state state)
{
	static const char *const names[] = {
		[DELIVERY_UNKNOWN] = "unknown",
		[DELIVERY_CURRENT] = "current",
		[DELIVERY_DUE] = "due",
		[DELIVERY_IN_FLIGHT] = "in-flight",
		[DELIVERY_HELD] = "held",
		[DELIVERY_FAILED] = "failed",
	};

	return names[state];
}

const char *dependent_progress_name(enum dependent_progress state)
{
	static const char *const names[] = {
		[PROGRESS_TOLD] = "told",
		[PROGRESS_OWED] = "owed",
		[PROGRESS_IN_FLIGHT] = "in-flight",
		[PROGRESS_FAILED] = "failed",
		[PROGRESS_UNPROVEN] = "unproven",
		[PROGRESS_UNKNOWN] = "unknown",
	};

	return names[state];
}

int status_view_exit(const struct status_view *view)
{
	bool pending = false;

	if (view->source_problem || view->record_problem)
		return 1;
	for (size_t i = 0; i < view->certificate_count; i++)
		if (view->certificates[i].problem)
			return 1;
	for (size_t i = 0; i < view->delivery_count; i++) {
		if (view->deliveries[i].state == DELIVERY_FAILED)
			return 1;
		pending |= view->deliveries[i].state != DELIVERY_CURRENT;
	}
	for (size_t i = 0; i < view->dependent_count; i++) {
		if (view->dependents[i].state == PROGRESS_FAILED)
			return 1;
		pending |= view->dependents[i].state != PROGRESS_TOLD;
	}
	return pending ? 3 : 0;
}

void status_view_done(struct status_view *view)
{
	free(view->certificates);
	free(view->deliveries);
	free(view->dependents);
	*view = (struct status_view){ 0 };
}
