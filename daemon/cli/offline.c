/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cli/offline.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/cli/reply.h"
#include "daemon/record/record.h"
#include "daemon/report/report.h"

#define STATE_DIRECTORY "/var/lib/certferry"

/* The record knows a certificate by its ARN alone. */
static struct certificate_view certificate(const struct certificate_record *row)
{
	return (struct certificate_view){
		.name = row->arn, .arn = row->arn, .version = row->version, .problem = row->problem
	};
}

/* The note is kept until the view is written. */
static const char *confirmed_note(const struct delivery_record *row, char **note)
{
	char value[TIME_TEXT_SIZE];

	if (row->problem || row->hold_reason)
		return row->problem ?: row->hold_reason;
	if (!row->confirmed_at)
		return "never confirmed";
	*note = mem_printf("last confirmed %s", time_format(row->confirmed_at, value));
	return *note;
}

/* One of a version before the last that was to be put there would be read as one of that. */
static bool is_proof_of_last(const struct delivery_record *row)
{
	return digest_equal(&row->proven, digest_is_set(&row->intended) ? &row->intended : &row->confirmed.digest);
}

static struct delivery_view delivery(const struct delivery_record *row, char **note)
{
	return (struct delivery_view){
		.name = row->name,
		.state = row->failures ? DELIVERY_FAILED : row->hold ? DELIVERY_HELD : DELIVERY_UNKNOWN,
		.holds = row->hold ? 1U << row->hold : 0,
		.reason = confirmed_note(row, note),
		.object_id = row->object_id,
		.seen = row->confirmed,
		.recorded = digest_is_set(&row->confirmed.digest),
		.confirmed_at = row->confirmed_at,
		.failures = row->failures,
		.next_try = row->next_try,
		.proof = is_proof_of_last(row) ? proof_text(&row->proof) : NULL,
		.proofs = { .seen = is_proof_of_last(row) ? &row->proof : NULL },
	};
}

static unsigned count_owed(const struct recorded *recorded, const char *dependent)
{
	unsigned count = 0;

	for (size_t i = 0; i < recorded->owed_count; i++)
		count += strcmp(recorded->owed[i].dependent, dependent) == 0;
	return count;
}

static struct dependent_report dependent(const struct recorded *recorded, const struct dependent_record *row)
{
	unsigned owed = count_owed(recorded, row->name);

	return (struct dependent_report){
		.name = row->name,
		.state = row->failures ? PROGRESS_FAILED : owed ? PROGRESS_OWED : PROGRESS_UNKNOWN,
		.reason = row->problem,
		.owed = owed,
		.next_try = row->next_try,
		.told_at = row->told_at,
		.proof = owed ? NULL : proof_text(&row->proof),
		.proofs = { .seen = owed ? NULL : &row->proof },
	};
}

/* A row of an object that no delivery may care for any more (inventory/leftovers.c): who cares, only certferryd knows. */
static bool is_set_aside(const struct delivery_record *row)
{
	return strstr(row->name, " @") != NULL;
}

static void fill(const struct recorded *recorded, const char *name, struct status_view *view, char **notes)
{
	view->certificates = mem_alloc(recorded->certificate_count * sizeof(*view->certificates));
	view->deliveries = mem_alloc(recorded->delivery_count * sizeof(*view->deliveries));
	view->dependents = mem_alloc(recorded->dependent_count * sizeof(*view->dependents));
	for (size_t i = 0; i < recorded->certificate_count; i++)
		if (!name || reply_is_under(recorded->certificates[i].arn, name))
			view->certificates[view->certificate_count++] = certificate(&recorded->certificates[i]);
	for (size_t i = 0; i < recorded->delivery_count; i++)
		if (!is_set_aside(&recorded->deliveries[i]) && (!name || reply_is_under(recorded->deliveries[i].name, name)))
			view->deliveries[view->delivery_count++] = delivery(&recorded->deliveries[i], &notes[i]);
	for (size_t i = 0; !name && i < recorded->dependent_count; i++)
		view->dependents[view->dependent_count++] = dependent(recorded, &recorded->dependents[i]);
}

static char *summarise(const struct status_view *view)
{
	struct summary summary = { .groups = NULL };
	char *text;

	for (size_t i = 0; i < view->certificate_count; i++)
		summary_add_certificate(&summary, &view->certificates[i]);
	for (size_t i = 0; i < view->delivery_count; i++)
		summary_add_delivery(&summary, &view->deliveries[i]);
	for (size_t i = 0; i < view->dependent_count; i++)
		summary_add_dependent(&summary, &view->dependents[i]);
	text = report_summary(view, &summary);
	summary_done(&summary);
	return text;
}

static int write_status(
	const struct recorded *recorded, usec_t now, const char *name, bool summary, char **ret_text, struct error *err)
{
	static const char *const notices[] = {
		"certferryd does not respond; this is offline data from its state database, and nothing was checked", NULL
	};
	struct status_view view = { .offline = true, .now = now, .notices = (char *const *)notices };
	_cleanup_(freep) char **notes = mem_alloc(recorded->delivery_count * sizeof(*notes));
	bool found;

	fill(recorded, name, &view, notes);
	found = !name || view.certificate_count || view.delivery_count;
	if (found)
		*ret_text = summary ? summarise(&view) : report_status(&view);
	for (size_t i = 0; i < recorded->delivery_count; i++)
		free(notes[i]);
	status_view_done(&view);
	return found ? 0
		     : error_set(err, ERROR_ABSENT, OFFLINE_NOT_NAMED,
			       "there is no delivery or certificate '%s' in the state database; certferry status --all lists them",
			       name);
}

int offline_status(usec_t now, const char *name, bool summary, char **ret_text, struct error *err)
{
	_cleanup_(record_freep) struct record *record = NULL;
	const char *directory = getenv("STATE_DIRECTORY") ?: STATE_DIRECTORY;
	struct recorded recorded = { 0 };
	int r;

	r = record_open_reader(directory, &record, err);
	if (r < 0)
		return r;
	r = record_load(record, &recorded, err);
	if (r < 0)
		return r;
	r = write_status(&recorded, now, name, summary, ret_text, err);
	recorded_done(&recorded);
	return r;
}
