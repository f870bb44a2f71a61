/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cli/offline.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/cli/reply.h"
#include "daemon/cli/table.h"
#include "daemon/record/record.h"

#define STATE_DIRECTORY "/var/lib/certferry"

static json_t *text(const char *value)
{
	_cleanup_(freep) char *copy = mem_strdup(value);

	return copy && *copy ? json_string(plain(copy)) : json_null();
}

static json_t *time_text(usec_t time)
{
	char value[TIME_TEXT_SIZE];

	return time ? json_string(time_format(time, value)) : json_null();
}

static json_t *version_object(const struct version *version)
{
	char value[FINGERPRINT_TEXT_SIZE];

	if (!version->not_after)
		return json_null();
	return json_pack("{s:s, s:o, s:o}", "fingerprint",
		fingerprint_format(&version->fingerprint, value), "not_before",
		time_text(version->not_before), "not_after", time_text(version->not_after));
}

/* The record knows a certificate by its ARN alone. */
static json_t *certificate(const struct certificate_record *row)
{
	return json_pack("{s:o, s:o, s:n, s:n, s:o, s:b, s:o}", "name", text(row->arn), "arn",
		text(row->arn), "domain", "status", "version", version_object(&row->version),
		"ineligible", 0, "problem", text(row->problem));
}

static json_t *confirmed_note(const struct delivery_record *row)
{
	_cleanup_(freep) char *note = NULL;
	char value[TIME_TEXT_SIZE];

	if (row->problem || row->hold_reason)
		return text(row->problem ?: row->hold_reason);
	if (!row->confirmed_at)
		return text("never confirmed");
	note = mem_printf("last confirmed %s", time_format(row->confirmed_at, value));
	return text(note);
}

static json_t *delivery(const struct delivery_record *row)
{
	const char *state = row->failures ? "failed" : row->hold ? "held" : "unknown";

	return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:i, s:o, s:o}", "name", text(row->name),
		"state", state, "hold", text(hold_name(row->hold)), "reason", confirmed_note(row),
		"object_id", text(row->object_id), "seen", version_object(&row->confirmed),
		"failures", (int)row->failures, "next_try", time_text(row->next_try), "proof",
		text(row->proof));
}

static unsigned count_owed(const struct recorded *recorded, const char *dependent)
{
	unsigned count = 0;

	for (size_t i = 0; i < recorded->owed_count; i++)
		count += strcmp(recorded->owed[i].dependent, dependent) == 0;
	return count;
}

static json_t *dependent(const struct recorded *recorded, const struct dependent_record *row)
{
	unsigned owed = count_owed(recorded, row->name);
	const char *state = row->failures ? "failed" : owed ? "owed" : "unknown";

	return json_pack("{s:o, s:s, s:o, s:i, s:o, s:o, s:o}", "name", text(row->name), "state",
		state, "reason", text(row->problem), "owed", (int)owed, "next_try",
		time_text(row->next_try), "told_at", time_text(row->told_at), "proof",
		text(row->proof));
}

static void add(json_t *list, json_t *value)
{
	if (json_array_append_new(list, value) < 0)
		mem_exhausted();
}

static json_t *status_object(const struct recorded *recorded, usec_t now)
{
	json_t *certificates = json_array(), *deliveries = json_array(), *dependents = json_array();

	for (size_t i = 0; i < recorded->certificate_count; i++)
		add(certificates, certificate(&recorded->certificates[i]));
	for (size_t i = 0; i < recorded->delivery_count; i++)
		add(deliveries, delivery(&recorded->deliveries[i]));
	for (size_t i = 0; i < recorded->dependent_count; i++)
		add(dependents, dependent(recorded, &recorded->dependents[i]));
	return json_pack("{s:i, s:i, s:b, s:o, s:n, s:n, s:n, s:n, s:n, s:n, s:n, s:o, s:o, s:o, s:[s]}",
		"format", 1, "exit", 3, "running", 0, "now", time_text(now), "looked_at",
		"swept_at", "next_look", "source_problem", "record_problem", "events",
		"events_problem", "certificates", certificates, "deliveries", deliveries,
		"dependents", dependents, "notices",
		"certferryd does not answer; this is what it wrote down last, and nothing was "
		"looked at");
}

int offline_status(usec_t now, json_t **ret_status, struct error *err)
{
	_cleanup_(record_freep) struct record *record = NULL;
	const char *directory = getenv("STATE_DIRECTORY") ?: STATE_DIRECTORY;
	struct recorded recorded = { 0 };
	json_t *status;
	int r;

	r = record_open_reader(directory, &record, err);
	if (r < 0)
		return r;
	r = record_load(record, &recorded, err);
	if (r < 0)
		return r;
	status = status_object(&recorded, now);
	recorded_done(&recorded);
	if (!status)
		mem_exhausted();
	if (reply_status_exit(status) == 1)
		json_object_set_new(status, "exit", json_integer(1));
	*ret_status = status;
	return 0;
}
