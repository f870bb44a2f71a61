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

static size_t sum(const size_t *counts, size_t states)
{
	size_t all = 0;

	for (size_t i = 0; i < states; i++)
		all += counts[i];
	return all;
}

size_t status_counts_deliveries(const struct status_counts *counts)
{
	return sum(counts->deliveries, DELIVERY_STATES);
}

size_t status_counts_dependents(const struct status_counts *counts)
{
	return sum(counts->dependents, PROGRESS_STATES);
}

int status_exit(const struct status_view *head, const struct status_counts *counts)
{
	if (head->source_problem || head->record_problem || head->config_problem || head->left_out || counts->problems ||
		counts->expiring.deliveries || counts->deliveries[DELIVERY_FAILED] || counts->dependents[PROGRESS_FAILED])
		return 1;
	/* Nothing was looked at. */
	if (head->offline)
		return 3;
	return counts->deliveries[DELIVERY_CURRENT] == status_counts_deliveries(counts) &&
			       counts->dependents[PROGRESS_TOLD] == status_counts_dependents(counts)
		       ? 0
		       : 3;
}

int status_view_exit(const struct status_view *view)
{
	struct status_counts counts = { .certificates = view->certificate_count };

	for (size_t i = 0; i < view->certificate_count; i++)
		counts.problems += view->certificates[i].problem != NULL;
	for (size_t i = 0; i < view->delivery_count; i++) {
		counts.deliveries[view->deliveries[i].state]++;
		counts.expiring.deliveries += view->deliveries[i].expiring;
	}
	for (size_t i = 0; i < view->dependent_count; i++)
		counts.dependents[view->dependents[i].state]++;
	return status_exit(view, &counts);
}

void certificate_view_done(struct certificate_view *view)
{
	free(view->expiry);
	*view = (struct certificate_view){ 0 };
}

void status_view_done(struct status_view *view)
{
	for (size_t i = 0; i < view->certificate_count; i++)
		certificate_view_done(&view->certificates[i]);
	free(view->certificates);
	free(view->deliveries);
	free(view->dependents);
	free(view->leftovers);
	*view = (struct status_view){ 0 };
}
