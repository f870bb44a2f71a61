/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/report/json.h"
#include "daemon/report/report.h"

static json_t *certificate(const struct certificate_view *view)
{
	json_t *object = json_object();

	json_put(object, "name", json_text(view->name));
	json_put(object, "arn", json_text(view->arn));
	json_put(object, "domain", json_text(view->domain));
	json_put(object, "status", json_text(view->status));
	json_put(object, "version", json_version(&view->version));
	json_put(object, "ineligible", json_boolean(view->ineligible));
	json_put(object, "problem", json_text(view->problem));
	return object;
}

static json_t *delivery(const struct delivery_view *view)
{
	json_t *object = json_object();

	json_put(object, "name", json_text(view->name));
	json_put(object, "certificate", json_text(view->certificate));
	json_put(object, "destination", json_text(view->destination));
	json_put(object, "kind", json_text(view->kind));
	json_put(object, "account", json_text(view->account));
	json_put(object, "region", json_text(view->region));
	json_put(object, "object", json_text(view->object));
	json_put(object, "object_id", json_text(view->object_id));
	json_put(object, "state", json_text(delivery_state_name(view->state)));
	json_put(object, "hold", json_text(hold_name(view->hold)));
	json_put(object, "reason", json_text(view->reason));
	json_put(object, "seen", json_version(&view->seen));
	json_put(object, "wanted", json_version(&view->wanted));
	json_put(object, "unused", json_boolean(view->unused));
	json_put(object, "failures", json_integer(view->failures));
	json_put(object, "next_try", json_time(view->next_try));
	json_put(object, "proof", json_text(view->proof));
	return object;
}

static json_t *dependent(const struct dependent_report *view)
{
	json_t *object = json_object();

	json_put(object, "name", json_text(view->name));
	json_put(object, "unit", json_text(view->unit));
	json_put(object, "action", json_text(view->action));
	json_put(object, "state", json_text(dependent_progress_name(view->state)));
	json_put(object, "reason", json_text(view->reason));
	json_put(object, "owed", json_integer(view->owed));
	json_put(object, "next_try", json_time(view->next_try));
	json_put(object, "told_at", json_time(view->told_at));
	json_put(object, "proof", json_text(view->proof));
	return object;
}

static json_t *certificates(const struct status_view *view)
{
	json_t *array = json_array();

	for (size_t i = 0; i < view->certificate_count; i++)
		json_add(array, certificate(&view->certificates[i]));
	return array;
}

static json_t *deliveries(const struct status_view *view)
{
	json_t *array = json_array();

	for (size_t i = 0; i < view->delivery_count; i++)
		json_add(array, delivery(&view->deliveries[i]));
	return array;
}

static json_t *dependents(const struct status_view *view)
{
	json_t *array = json_array();

	for (size_t i = 0; i < view->dependent_count; i++)
		json_add(array, dependent(&view->dependents[i]));
	return array;
}

char *report_status(const struct status_view *view)
{
	json_t *object = json_begin(status_view_exit(view));

	json_put(object, "running", json_true());
	json_put(object, "now", json_time(view->now));
	json_put(object, "looked_at", json_time(view->looked_at));
	json_put(object, "swept_at", json_time(view->swept_at));
	json_put(object, "next_look", json_time(view->next_look));
	json_put(object, "source_problem", json_text(view->source_problem));
	json_put(object, "record_problem", json_text(view->record_problem));
	json_put(object, "events", json_text(view->events));
	json_put(object, "events_problem", json_text(view->events_problem));
	json_put(object, "certificates", certificates(view));
	json_put(object, "deliveries", deliveries(view));
	json_put(object, "dependents", dependents(view));
	json_put(object, "notices", json_texts(view->notices));
	return json_finish(object);
}
