/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/aws/sqs_page.h"

#include <stdlib.h>

enum field {
	FIELD_ID,
	FIELD_RECEIPT,
	FIELD_BODY,
	FIELD_RECEIVE_COUNT,
};

enum { ATTRIBUTES };

static const struct page_field fields[] = {
	[ATTRIBUTES] = { "Attributes", PAGE_ITEM, false, PAGE_OBJECT, PAGE_PATH },
	{ "ApproximateReceiveCount", ATTRIBUTES, false, PAGE_STRING, FIELD_RECEIVE_COUNT },
	{ "MessageId", PAGE_ITEM, false, PAGE_STRING, FIELD_ID },
	{ "ReceiptHandle", PAGE_ITEM, false, PAGE_STRING, FIELD_RECEIPT },
	{ "Body", PAGE_ITEM, false, PAGE_TEXT, FIELD_BODY },
};

static void item_clear(struct sqs_item *item)
{
	free(item->id);
	free(item->receipt);
	free(item->body);
	*item = (struct sqs_item){ 0 };
}

static void items_clear(struct sqs_page *page)
{
	while (page->count > 0)
		item_clear(&page->items[--page->count]);
	item_clear(&page->item);
}

static void on_begin(void *userdata)
{
	items_clear(userdata);
}

static void on_item(void *userdata)
{
	struct sqs_page *page = userdata;

	item_clear(&page->item);
	if (page->count == SQS_BATCH_MAX)
		page_refuse(&page->page, "with too many values in", "Messages");
}

static void on_item_end(void *userdata)
{
	struct sqs_page *page = userdata;

	if (!page->item.id)
		page_refuse(&page->page, "without", "MessageId");
	else if (!page->item.receipt)
		page_refuse(&page->page, "without", "ReceiptHandle");
	if (page->page.problem.kind != ERROR_NONE)
		return;
	page->items[page->count++] = page->item;
	page->item = (struct sqs_item){ 0 };
}

/* SQS writes its numbers as texts. */
static unsigned receive_count(enum json_event event, const char *text, size_t length)
{
	_cleanup_(freep) char *copy = page_text(event, text, length);
	unsigned long count = copy ? strtoul(copy, NULL, 10) : 0;

	return (unsigned)MIN(count, 1000000UL);
}

static void on_value(void *userdata, int id, enum json_event event, const char *text, size_t length)
{
	struct sqs_page *page = userdata;
	struct sqs_item *item = &page->item;

	switch ((enum field)id) {
	case FIELD_ID:
		item->id = page_text(event, text, length);
		break;
	case FIELD_RECEIPT:
		item->receipt = page_text(event, text, length);
		break;
	case FIELD_BODY:
		item->body = page_text(event, text, length);
		item->body_length = length + (event == JSON_EVENT_CUT ? page->page.stream.dropped : 0);
		break;
	case FIELD_RECEIVE_COUNT:
		item->receive_count = receive_count(event, text, length);
		break;
	}
}

static const struct page_format format = {
	.items = "Messages",
	.values_max = 20000, /* as for answers that are no pages */
	.fields = fields,
	.fields_count = ARRAY_SIZE(fields),
	.on_begin = on_begin,
	.on_item = on_item,
	.on_item_end = on_item_end,
	.on_value = on_value,
};

void sqs_page_init(struct sqs_page *page, size_t body_limit)
{
	*page = (struct sqs_page){ 0 };
	page_init(&page->page, &format, page);
	page_cut(&page->page, body_limit);
}

int sqs_page_messages(const struct sqs_page *page, struct sqs_message messages[static SQS_BATCH_MAX],
	size_t *ret_count, struct error *err)
{
	int r;

	/* An empty queue has no such member. */
	r = page_may_have_items(&page->page, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < page->count; i++)
		messages[i] = (struct sqs_message){
			.id = page->items[i].id,
			.receipt = page->items[i].receipt,
			.body = page->items[i].body ?: "",
			.body_length = page->items[i].body_length,
			.receive_count = page->items[i].receive_count,
		};
	*ret_count = page->count;
	return 0;
}

void sqs_page_done(struct sqs_page *page)
{
	items_clear(page);
	page_done(&page->page);
}
