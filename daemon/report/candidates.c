/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/report/json.h"
#include "daemon/report/report.h"

static json_t *candidate_object(const struct candidate *candidate)
{
	json_t *object = json_object();

	json_put(object, "arn", json_text(candidate->arn));
	json_put(object, "domain", json_text(candidate->domain));
	json_put(object, "not_after", json_time(candidate->not_after));
	json_put(object, "in_use", json_boolean(candidate->in_use));
	json_put(object, "in_use_by", json_texts(candidate->in_use_by));
	json_put(object, "users", json_integer((json_int_t)candidate->users));
	json_put(object, "refusal", json_text(candidate->refusal));
	return object;
}

static json_t *choice(const struct delivery_view *view)
{
	json_t *object = json_object();
	json_t *candidates = json_array();

	json_put(object, "delivery", json_text(view->name));
	json_put(object, "certificate", json_text(view->certificate));
	json_put(object, "destination", json_text(view->destination));
	json_put(object, "account", json_text(view->account));
	json_put(object, "region", json_text(view->region));
	for (size_t i = 0; view->observed && i < view->observed->candidate_count; i++)
		json_add(candidates, candidate_object(&view->observed->candidates[i]));
	json_put(object, "candidates", candidates);
	json_put(object, "total", json_integer(view->observed ? (json_int_t)view->observed->candidate_total : 0));
	return object;
}

/* Until a delivery was looked at, nobody knows whether something is in its way. */
static json_t *unseen(const struct delivery_view *view)
{
	json_t *object = json_object();

	json_put(object, "delivery", json_text(view->name));
	json_put(object, "reason", json_text(view->reason));
	return object;
}

char *report_candidates(const struct status_view *view)
{
	json_t *choices = json_array();
	json_t *others = json_array();
	json_t *object;

	for (size_t i = 0; i < view->delivery_count; i++) {
		const struct delivery_view *item = &view->deliveries[i];

		if (item->hold == HOLD_ADOPT)
			json_add(choices, choice(item));
		else if (item->state == DELIVERY_UNKNOWN)
			json_add(others, unseen(item));
	}
	object = json_begin(json_array_size(others) ? 1 : json_array_size(choices) ? 3 : 0);
	json_put(object, "deliveries", choices);
	json_put(object, "unseen", others);
	return json_finish(object);
}
