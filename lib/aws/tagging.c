/* SPDX-License-Identifier: Apache-2.0 */

/* A listing, as in lib/aws/acm.c: the next page is asked for before this one is handed out. */

#include "lib/aws/tagging.h"

#include <stdlib.h>

#include "lib/aws/member.h"
#include "lib/aws/operation.h"
#include "lib/base/strv.h"

#define PAGE 100

struct tagging_operation {
	struct operation operation;
	tagging_item_fn on_item;
	tagging_done_fn on_done;
	void *userdata;
	bool *cancelled; /* set while a page is handed out: told when an item's callback cancels */
};

struct tagging_operation *tagging_cancel(struct tagging_operation *o)
{
	if (!o)
		return NULL;
	if (o->cancelled)
		*o->cancelled = true;
	operation_done(&o->operation);
	free(o);
	return NULL;
}

static void hand_out(struct tagging_operation *o, const json_t *page)
{
	bool cancelled = false;
	const json_t *item;
	size_t i;

	o->cancelled = &cancelled;
	json_array_foreach(page, i, item)
	{
		_cleanup_(strv_freep) char **tags = member_tags(item, "Tags");
		const char *arn = member_string(item, "ResourceARN");

		if (arn)
			o->on_item(o->userdata, arn, tags);
		if (cancelled)
			return;
	}
	o->cancelled = NULL;
}

static void on_found(struct tagging_operation *o, const json_t *answer)
{
	_cleanup_(error_done) struct error problem = ERROR_NULL;
	const json_t *page = NULL;
	int r;

	r = member_list(answer, "ResourceTagMappingList", &page, &problem);
	if (r == 0)
		r = operation_next(&o->operation, answer, &problem);
	if (r == 0) {
		hand_out(o, page);
	} else {
		error_wrap(&problem, "%s", o->operation.name);
		operation_fail(&o->operation, &problem);
	}
}

static void on_page(struct operation *operation, const json_t *answer, const struct error *err)
{
	struct tagging_operation *o = (struct tagging_operation *)operation;

	if (answer) {
		on_found(o, answer);
		return;
	}
	o->on_done(o->userdata, err);
	tagging_cancel(o);
}

struct tagging_operation *tagging_find(struct aws_session *session, const char *region,
	const char *resource_type, const char *key, tagging_item_fn on_item,
	tagging_done_fn on_done, void *userdata)
{
	struct tagging_operation *o = mem_new(struct tagging_operation);

	*o = (struct tagging_operation){
		.operation = {
			.session = session,
			.service = AWS_TAGGING,
			.name = "GetResources",
			.token = "PaginationToken",
			.on_answer = on_page,
		},
		.on_item = on_item,
		.on_done = on_done,
		.userdata = userdata,
	};
	operation_list(&o->operation, region,
		json_pack("{s:[{s:s}], s:[s], s:i}", "TagFilters", "Key", key,
			"ResourceTypeFilters", resource_type, "ResourcesPerPage", PAGE));
	return o;
}
