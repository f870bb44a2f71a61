/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/report/report.h"

static void candidate(struct writer *writer, const struct candidate *candidate)
{
	writer_open(writer, NULL, '{');
	writer_text(writer, "arn", candidate->arn);
	writer_text(writer, "domain", candidate->domain);
	writer_time(writer, "not_after", candidate->not_after);
	writer_boolean(writer, "in_use", candidate->in_use);
	writer_texts(writer, "in_use_by", candidate->in_use_by);
	writer_number(writer, "users", candidate->users);
	writer_text(writer, "refusal", candidate->refusal);
	writer_close(writer, '}');
}

void report_choice(struct writer *writer, const struct delivery_view *view)
{
	writer_open(writer, NULL, '{');
	writer_text(writer, "delivery", view->name);
	writer_text(writer, "certificate", view->certificate);
	writer_text(writer, "destination", view->destination);
	writer_text(writer, "account", view->account);
	writer_text(writer, "region", view->region);
	writer_open(writer, "candidates", '[');
	for (size_t i = 0; view->observed && i < view->observed->candidate_count; i++)
		candidate(writer, &view->observed->candidates[i]);
	writer_close(writer, ']');
	writer_number(writer, "total", view->observed ? view->observed->candidate_total : 0);
	writer_close(writer, '}');
}

/* Until a delivery was looked at, nobody knows whether something is in its way. */
void report_unseen(struct writer *writer, const struct delivery_view *view)
{
	writer_open(writer, NULL, '{');
	writer_text(writer, "delivery", view->name);
	writer_text(writer, "reason", view->reason);
	writer_close(writer, '}');
}
