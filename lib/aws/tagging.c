/* SPDX-License-Identifier: Apache-2.0 */

/* A listing, as in lib/aws/acm.c: the next page is asked for before this one is handed out. */

#include "lib/aws/tagging.h"

#include <stdlib.h>

#include "lib/aws/operation.h"
#include "lib/aws/page.h"
#include "lib/base/strv.h"

#define PAGE 100

struct resource {
	char *arn;
	char **tags;
};

struct tagging_operation {
	struct operation operation;
	tagging_item_fn on_item;
	tagging_done_fn on_done;
	void *userdata;
	bool *cancelled; /* set while a page is handed out: told when an item's callback cancels */
	struct page page;
	struct resource *resources; /* of the page */
	size_t count, room;
	struct resource resource; /* that is being read */
	char *key, *value; /* of the tag that is */
};

enum field { FIELD_ARN, FIELD_TAG, FIELD_KEY, FIELD_VALUE };

static const struct page_field fields[] = {
	{ "ResourceARN", PAGE_ITEM, false, PAGE_STRING, FIELD_ARN },
	{ "Tags", PAGE_ITEM, true, PAGE_OBJECT, FIELD_TAG },
	{ "Key", 1, false, PAGE_STRING, FIELD_KEY },
	{ "Value", 1, false, PAGE_STRING, FIELD_VALUE },
};

static void resource_done(struct resource *resource)
{
	free(take(resource->arn));
	resource->tags = strv_free(resource->tags);
}

static void resources_free(struct resource *resources, size_t count)
{
	for (size_t i = 0; i < count; i++)
		resource_done(&resources[i]);
	free(resources);
}

static void on_resource(void *userdata)
{
	struct tagging_operation *o = userdata;

	resource_done(&o->resource);
	free(take(o->key));
	free(take(o->value));
}

static void on_begin(void *userdata)
{
	struct tagging_operation *o = userdata;

	on_resource(o);
	resources_free(take(o->resources), o->count);
	o->count = o->room = 0;
}

static void on_resource_end(void *userdata)
{
	struct tagging_operation *o = userdata;

	if (!o->resource.arn) {
		page_refuse(&o->page, "without", "ResourceARN");
		return;
	}
	if (o->count == o->room) {
		o->room = o->room ? 2 * o->room : 16;
		o->resources = mem_resize(o->resources, o->room, sizeof(*o->resources));
	}
	o->resources[o->count++] = o->resource;
	o->resource = (struct resource){ 0 };
}

static void on_tag(struct tagging_operation *o, enum json_event event)
{
	_cleanup_(freep) char *tag = NULL, *key = NULL, *value = NULL;

	if (event != JSON_EVENT_OBJECT_END)
		return;
	key = take(o->key);
	value = take(o->value);
	if (!key) {
		page_refuse(&o->page, "with a tag without", "Key");
		return;
	}
	tag = mem_printf("%s=%s", key, value ? value : "");
	strv_append(&o->resource.tags, tag);
}

static void on_value(void *userdata, int id, enum json_event event, const char *text, size_t length)
{
	struct tagging_operation *o = userdata;

	switch ((enum field)id) {
	case FIELD_ARN:
		o->resource.arn = page_text(event, text, length);
		break;
	case FIELD_TAG:
		on_tag(o, event);
		break;
	case FIELD_KEY:
		o->key = page_text(event, text, length);
		break;
	case FIELD_VALUE:
		o->value = page_text(event, text, length);
		break;
	}
}

static const struct page_format format = {
	.items = "ResourceTagMappingList",
	.token = "PaginationToken",
	.pages_max = 1000, /* of 100 */
	.fields = fields,
	.fields_count = ARRAY_SIZE(fields),
	.on_begin = on_begin,
	.on_item = on_resource,
	.on_item_end = on_resource_end,
	.on_value = on_value,
};

struct tagging_operation *tagging_cancel(struct tagging_operation *o)
{
	if (!o)
		return NULL;
	if (o->cancelled)
		*o->cancelled = true;
	operation_done(&o->operation);
	page_done(&o->page);
	on_begin(o);
	free(o);
	return NULL;
}

static void hand_out(struct tagging_operation *o)
{
	struct resource *resources = take(o->resources);
	size_t count = o->count;
	bool cancelled = false;

	page_hand_over(&o->page);
	o->count = o->room = 0;
	o->cancelled = &cancelled;
	for (size_t i = 0; i < count && !cancelled; i++)
		o->on_item(o->userdata, resources[i].arn, resources[i].tags);
	if (!cancelled)
		o->cancelled = NULL;
	resources_free(resources, count);
}

static void on_page(struct operation *operation)
{
	struct tagging_operation *o = (struct tagging_operation *)operation;
	_cleanup_(error_done) struct error problem = ERROR_NULL;
	int r;

	r = page_need_items(&o->page, &problem);
	if (r == 0)
		r = operation_next(operation, &problem);
	if (r == 0) {
		hand_out(o);
		return;
	}
	error_wrap(&problem, "%s", operation->name);
	operation_fail(operation, &problem);
}

static void on_end(struct operation *operation, const json_t *answer, const struct error *err)
{
	struct tagging_operation *o = (struct tagging_operation *)operation;

	page_bound(&o->page, NULL); /* the room may go with who is told */
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
			.page = &o->page,
			.on_page = on_page,
			.on_answer = on_end,
		},
		.on_item = on_item,
		.on_done = on_done,
		.userdata = userdata,
	};
	page_init(&o->page, &format, o);
	operation_list(&o->operation, region,
		json_pack("{s:[{s:s}], s:[s], s:i}", "TagFilters", "Key", key,
			"ResourceTypeFilters", resource_type, "ResourcesPerPage", PAGE));
	return o;
}

void tagging_bound(struct tagging_operation *o, struct room *room)
{
	page_bound(&o->page, room);
}
