/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/report/report.h"

#define NOTICES_MOST 50
#define LEFTOVERS_MOST 20

static void counts(struct writer *writer, const struct status_counts *counts)
{
	writer_open(writer, "counts", '{');
	writer_open(writer, "certificates", '{');
	writer_number(writer, "all", counts->certificates);
	writer_number(writer, "problem", counts->problems);
	writer_close(writer, '}');
	writer_open(writer, "deliveries", '{');
	writer_number(writer, "all", status_counts_deliveries(counts));
	for (enum delivery_state state = 0; state < DELIVERY_STATES; state++)
		writer_number(writer, delivery_state_name(state), counts->deliveries[state]);
	writer_close(writer, '}');
	writer_open(writer, "dependents", '{');
	writer_number(writer, "all", status_counts_dependents(counts));
	for (enum dependent_progress state = 0; state < PROGRESS_STATES; state++)
		writer_number(writer, dependent_progress_name(state), counts->dependents[state]);
	writer_close(writer, '}');
	writer_open(writer, "expiring", '{');
	writer_number(writer, "certificates", counts->expiring.certificates);
	writer_number(writer, "deliveries", counts->expiring.deliveries);
	writer_close(writer, '}');
	writer_close(writer, '}');
}

static void group(struct writer *writer, const struct summary_group *group)
{
	writer_open(writer, NULL, '{');
	writer_text(writer, "of", group->of);
	writer_text(writer, "state", group->state);
	report_holds(writer, group->holds);
	writer_text(writer, "reason", group->reason);
	writer_number(writer, "count", group->count);
	writer_texts(writer, "names", group->names);
	writer_time(writer, "next_try", group->next_try);
	writer_close(writer, '}');
}

char *report_summary(const struct status_view *view, const struct summary *summary)
{
	struct buf text = BUF_NULL;
	struct writer writer = report_begin(&text, status_exit(view, &summary->counts));

	report_status_head(&writer, view);
	writer_boolean(&writer, "summary", true);
	counts(&writer, &summary->counts);
	writer_open(&writer, "groups", '[');
	for (size_t i = 0; i < summary->group_count; i++)
		group(&writer, &summary->groups[i]);
	writer_close(&writer, ']');
	writer_number(&writer, "left_out", summary->left_out);
	writer_open(&writer, "notices", '[');
	for (size_t i = 0; view->notices && view->notices[i] && i < NOTICES_MOST; i++)
		writer_text(&writer, NULL, view->notices[i]);
	writer_close(&writer, ']');
	report_leftovers(&writer, view, LEFTOVERS_MOST);
	writer_close(&writer, '}');
	return buf_take(&text);
}
