/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/report/report.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

struct writer report_begin(struct buf *text, int exit_status)
{
	struct writer writer = writer_begin(text);

	writer_number(&writer, "format", REPORT_FORMAT);
	writer_number(&writer, "exit", (uint64_t)exit_status);
	return writer;
}

void report_holds(struct writer *writer, unsigned holds)
{
	writer_text(writer, "hold", hold_name(holds_weightiest(holds)));
	writer_open(writer, "holds", '[');
	for (enum hold hold = HOLD_NUMBERS - 1; hold > HOLD_NONE; hold--)
		if (holds_have(holds, hold))
			writer_text(writer, NULL, hold_name(hold));
	writer_close(writer, ']');
}

void report_status_head(struct writer *writer, const struct status_view *view)
{
	writer_boolean(writer, "running", !view->offline);
	writer_time(writer, "now", view->now);
	writer_time(writer, "looked_at", view->looked_at);
	writer_time(writer, "swept_at", view->swept_at);
	writer_time(writer, "next_look", view->next_look);
	writer_text(writer, "source_problem", view->source_problem);
	writer_text(writer, "record_problem", view->record_problem);
	writer_text(writer, "config_problem", view->config_problem);
	writer_text(writer, "clock_problem", view->clock_problem);
	writer_text(writer, "events", view->events);
	writer_text(writer, "events_problem", view->events_problem);
}

static void renewal(struct writer *writer, const struct certificate_view *view)
{
	if (!view->renewal_status && !view->renewal_reason) {
		writer_text(writer, "renewal", NULL);
		return;
	}
	writer_open(writer, "renewal", '{');
	writer_text(writer, "status", view->renewal_status);
	writer_text(writer, "reason", view->renewal_reason);
	writer_close(writer, '}');
}

void report_certificate(struct writer *writer, const struct certificate_view *view)
{
	writer_open(writer, NULL, '{');
	writer_text(writer, "name", view->name);
	writer_text(writer, "arn", view->arn);
	writer_text(writer, "domain", view->domain);
	writer_text(writer, "status", view->status);
	writer_version(writer, "version", &view->version);
	writer_boolean(writer, "ineligible", view->ineligible);
	writer_text(writer, "problem", view->problem);
	writer_boolean(writer, "expiring", view->expiring);
	renewal(writer, view);
	writer_close(writer, '}');
}

static void report_addresses(struct writer *writer, const char *addresses)
{
	_cleanup_(freep) char *copy = mem_strdup(addresses ?: "");
	char *rest = copy, *address;

	writer_open(writer, "addresses", '[');
	while ((address = strsep(&rest, " ")))
		if (*address)
			writer_text(writer, NULL, address);
	writer_close(writer, ']');
}

static void report_proof(
	struct writer *writer, const char *name, const struct endpoint_record *endpoint)
{
	static const struct endpoint_record unseen = { .endpoint = NULL };
	char leaf[FINGERPRINT_TEXT_SIZE];

	if (!endpoint || !endpoint->looked_at)
		endpoint = &unseen;
	writer_open(writer, NULL, '{');
	writer_text(writer, "endpoint", name);
	writer_text(writer, "proof", prove_result_name(endpoint->result));
	writer_time(writer, "looked_at", endpoint->looked_at);
	writer_text(writer, "words", endpoint->words);
	writer_text(writer, "fingerprint", endpoint_leaf(endpoint, leaf));
	report_addresses(writer, endpoint->addresses);
	writer_close(writer, '}');
}

static void report_proofs(struct writer *writer, const struct proofs_view *view)
{
	if (!view->wish_count && !(view->seen && view->seen->endpoint_count))
		return;
	writer_open(writer, "proofs", '[');
	for (size_t i = 0; i < view->wish_count; i++) {
		_cleanup_(freep) char *name = proof_endpoint(&view->wishes[i]);

		report_proof(writer, name, proof_find(view->seen, &view->wishes[i]));
	}
	for (size_t i = 0; view->seen && !view->wishes && i < view->seen->endpoint_count; i++)
		report_proof(writer, view->seen->endpoints[i].endpoint, &view->seen->endpoints[i]);
	writer_close(writer, ']');
}

void report_delivery(struct writer *writer, const struct delivery_view *view)
{
	writer_open(writer, NULL, '{');
	writer_text(writer, "name", view->name);
	writer_text(writer, "certificate", view->certificate);
	writer_text(writer, "destination", view->destination);
	writer_text(writer, "kind", view->kind);
	writer_text(writer, "account", view->account);
	writer_text(writer, "region", view->region);
	writer_text(writer, "object", view->object);
	writer_text(writer, "object_id", view->object_id);
	writer_text(writer, "state", delivery_state_name(view->state));
	report_holds(writer, view->holds);
	writer_text(writer, "reason", view->reason);
	writer_version(writer, "seen", &view->seen);
	writer_boolean(writer, "recorded", view->recorded);
	writer_time(writer, "confirmed_at", view->confirmed_at);
	writer_version(writer, "wanted", &view->wanted);
	writer_boolean(writer, "expiring", view->expiring);
	writer_boolean(writer, "unused", view->unused);
	writer_number(writer, "failures", view->failures);
	writer_time(writer, "next_try", view->next_try);
	writer_text(writer, "proof", view->proof);
	report_proofs(writer, &view->proofs);
	writer_close(writer, '}');
}

void report_dependent(struct writer *writer, const struct dependent_report *view)
{
	writer_open(writer, NULL, '{');
	writer_text(writer, "name", view->name);
	writer_text(writer, "kind", view->kind);
	writer_text(writer, "target", view->target);
	writer_text(writer, "unit", view->unit);
	writer_text(writer, "action", view->action);
	writer_text(writer, "state", dependent_progress_name(view->state));
	writer_text(writer, "reason", view->reason);
	writer_number(writer, "owed", view->owed);
	writer_time(writer, "next_try", view->next_try);
	writer_time(writer, "told_at", view->told_at);
	writer_text(writer, "proof", view->proof);
	report_proofs(writer, &view->proofs);
	writer_close(writer, '}');
}

static void leftover(struct writer *writer, const struct leftover_view *view)
{
	_cleanup_(freep) char *kind = mem_strndup(view->object, strcspn(view->object, " "));

	writer_open(writer, NULL, '{');
	writer_text(writer, "delivery", view->delivery);
	writer_text(writer, "kind", kind);
	writer_text(writer, "object_id", view->object_id);
	writer_version(writer, "version", &view->version);
	writer_time(writer, "confirmed_at", view->confirmed_at);
	if (view->users_known) {
		writer_texts(writer, "in_use_by", view->users);
		writer_number(writer, "users", view->user_count);
	} else {
		writer_text(writer, "in_use_by", NULL);
	}
	writer_time(writer, "checked_at", view->checked_at);
	writer_text(writer, "problem", view->problem);
	writer_close(writer, '}');
}

void report_leftovers(struct writer *writer, const struct status_view *view, size_t most)
{
	const size_t count = MIN(view->leftover_count, most);

	if (!count)
		return;
	writer_open(writer, "leftovers", '[');
	for (size_t i = 0; i < count; i++)
		leftover(writer, &view->leftovers[i]);
	writer_close(writer, ']');
	writer_number(writer, "leftovers_left_out", view->leftover_count - count + view->leftovers_left_out);
}

char *report_status(const struct status_view *view)
{
	struct buf text = BUF_NULL;
	struct writer writer = report_begin(&text, status_view_exit(view));

	report_status_head(&writer, view);
	writer_open(&writer, "certificates", '[');
	for (size_t i = 0; i < view->certificate_count; i++)
		report_certificate(&writer, &view->certificates[i]);
	writer_close(&writer, ']');
	writer_open(&writer, "deliveries", '[');
	for (size_t i = 0; i < view->delivery_count; i++)
		report_delivery(&writer, &view->deliveries[i]);
	writer_close(&writer, ']');
	writer_open(&writer, "dependents", '[');
	for (size_t i = 0; i < view->dependent_count; i++)
		report_dependent(&writer, &view->dependents[i]);
	writer_close(&writer, ']');
	writer_texts(&writer, "notices", view->notices);
	report_leftovers(&writer, view, SIZE_MAX);
	writer_close(&writer, '}');
	return buf_take(&text);
}
