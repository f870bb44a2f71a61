/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/aws/page.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/aws/aws.h"
#include "lib/aws/member.h"
#include "lib/base/mem.h"

/* Besides a field: what the value of a member is when it is none. */
#define PAGE_AT_NOTHING (-2)
#define PAGE_AT_ITEMS	(-3)
#define PAGE_AT_TOKEN	(-4)

/* Longer numbers are no times. */
#define NUMBER_MAX 64

/* An item without its texts, about. */
#define PAGE_ITEM_ROOM 192

/* A thousand certificates with ten long names each. */
#define PAGE_ROOM ((size_t)4 << 20)

static bool is_name(const char *name, const char *text, size_t length)
{
	return length && *name == *text && strncmp(name, text, length) == 0 && !name[length];
}

static int find_field(const struct page *page, int inside, const char *text, size_t length)
{
	for (size_t i = 0; i < page->format->fields_count; i++) {
		const struct page_field *field = &page->format->fields[i];

		if (field->inside == inside && is_name(field->name, text, length))
			return (int)i;
	}
	return PAGE_AT_NOTHING;
}

static int find_member(const struct page *page, const char *text, size_t length)
{
	if (page->open[page->depth - 1].level == PAGE_LEVEL_OBJECT)
		return find_field(page, page->open[page->depth - 1].field, text, length);
	if (page->open[page->depth - 1].level != PAGE_LEVEL_ROOT)
		return PAGE_AT_NOTHING;
	if (is_name(page->format->items, text, length))
		return PAGE_AT_ITEMS;
	return page->format->token && is_name(page->format->token, text, length) ? PAGE_AT_TOKEN : PAGE_AT_NOTHING;
}

/* False for what is none; one before 1970 is one, and read as 0. */
static bool read_time(enum json_event event, const char *text, size_t length, usec_t *ret_time)
{
	char copy[NUMBER_MAX];
	double seconds;

	if (length >= sizeof(copy) || (event != JSON_EVENT_NUMBER && event != JSON_EVENT_STRING))
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	if (event == JSON_EVENT_STRING)
		return time_parse_iso(copy, ret_time) == 0;
	seconds = strtod(copy, NULL);
	*ret_time = time_of_seconds(seconds);
	return fabs(seconds) < MEMBER_TIME_END;
}

static bool is_text(enum json_event event)
{
	return event == JSON_EVENT_STRING || event == JSON_EVENT_CUT;
}

static bool is_of(enum page_type type, enum json_event event, const char *text, size_t length)
{
	usec_t time;

	switch (type) {
	case PAGE_STRING:
	case PAGE_TEXT:
		return is_text(event);
	case PAGE_BOOLEAN:
		return event == JSON_EVENT_TRUE || event == JSON_EVENT_FALSE;
	case PAGE_TIME:
		return read_time(event, text, length, &time);
	case PAGE_OBJECT:
		return event == JSON_EVENT_OBJECT;
	}
	return false;
}

static bool is_too_long(enum page_type type, enum json_event event, size_t length)
{
	if (type == PAGE_TEXT)
		return false;
	return event == JSON_EVENT_CUT || (event == JSON_EVENT_STRING && length > PAGE_TEXT_MAX);
}

void page_refuse(struct page *page, const char *what, const char *name)
{
	if (page->problem.kind == ERROR_NONE)
		(void)error_set(&page->problem, ERROR_RETRY, 0, "response %s %s", what, name);
}

/* What is about to be told has to fit with all the rest. */
static void take_room(struct page *page, size_t bytes)
{
	if (page->problem.kind != ERROR_NONE)
		return;
	if (room_take(page->room, bytes))
		page->taken += bytes;
	else
		(void)error_set(&page->problem, ERROR_RETRY, AWS_CODE_NO_ROOM, "more is listed than fits into %zu bytes",
			page->room->most);
}

void page_hand_over(struct page *page)
{
	room_give(page->room, page->taken);
	page->taken = 0;
}

/* A value of ${field}, or one of its list. */
static void check(struct page *page, int field, bool in_list, enum json_event event,
	const char *text, size_t length)
{
	const struct page_field *wanted = &page->format->fields[field];
	bool list = wanted->list && !in_list;

	if (event == JSON_EVENT_NULL && !in_list)
		return;
	if (list ? event != JSON_EVENT_ARRAY : !is_of(wanted->type, event, text, length))
		page_refuse(page, "with another type of", wanted->name);
	else if (is_too_long(wanted->type, event, length))
		page_refuse(page, "with too long a value of", wanted->name);
}

static void tell(struct page *page, int field, enum json_event event, const char *text, size_t length)
{
	int id = page->format->fields[field].id;

	if (id == PAGE_PATH)
		return;
	if (is_text(event))
		take_room(page, length + ROOM_TEXT);
	if (page->problem.kind == ERROR_NONE)
		page->format->on_value(page->userdata, id, event, text, length);
}

/* One more in a list of ${field}. */
static bool list_has_room(struct page *page, int field)
{
	if (page->list < (page->format->list_max ?: PAGE_LIST_MAX) && page->all_lists < PAGE_LISTED_MAX) {
		page->list++;
		page->all_lists++;
		return true;
	}
	page_refuse(page, "with too many values in", page->format->fields[field].name);
	return false;
}

/* One of the items' list, whatever it is. */
static enum page_level open_item(struct page *page, enum json_event event)
{
	if (page->items == PAGE_ITEMS_MAX) {
		page_refuse(page, "with too many values in", page->format->items);
		return PAGE_LEVEL_SKIPPED;
	}
	page->items++;
	take_room(page, PAGE_ITEM_ROOM);
	page->format->on_item(page->userdata);
	if (event == JSON_EVENT_OBJECT)
		return PAGE_LEVEL_OBJECT;
	page_refuse(page, "with something else than objects in", page->format->items);
	page->format->on_item_end(page->userdata);
	return PAGE_LEVEL_SKIPPED;
}

/* What an object or array within an item is. */
static enum page_level open_field(struct page *page, int field, bool in_list, enum json_event event)
{
	bool list = page->format->fields[field].list;

	check(page, field, in_list, event, NULL, 0);
	if (in_list && !list_has_room(page, field))
		return PAGE_LEVEL_SKIPPED;
	if (event == JSON_EVENT_ARRAY && list && !in_list)
		page->list = 0;
	if (event == JSON_EVENT_ARRAY)
		return list && !in_list ? PAGE_LEVEL_LIST : PAGE_LEVEL_SKIPPED;
	if (list != in_list)
		return PAGE_LEVEL_SKIPPED;
	tell(page, field, event, NULL, 0);
	return PAGE_LEVEL_OBJECT;
}

static enum page_level level_of(struct page *page, enum json_event event, int *field)
{
	enum page_level outer;

	*field = PAGE_ITEM;
	if (page->depth == 0) {
		page->rooted = event == JSON_EVENT_OBJECT;
		return page->rooted ? PAGE_LEVEL_ROOT : PAGE_LEVEL_SKIPPED;
	}
	outer = page->open[page->depth - 1].level;
	switch (outer) {
	case PAGE_LEVEL_ROOT:
		if (page->at == PAGE_AT_TOKEN) /* what is no token is not the end either */
			page_refuse(page, "with another type of", page->format->token);
		if (page->at != PAGE_AT_ITEMS ||
			event != (page->format->single ? JSON_EVENT_OBJECT : JSON_EVENT_ARRAY))
			return PAGE_LEVEL_SKIPPED;
		page->listed = true;
		return page->format->single ? open_item(page, event) : PAGE_LEVEL_ITEMS;
	case PAGE_LEVEL_ITEMS:
		return open_item(page, event);
	case PAGE_LEVEL_SKIPPED:
		return PAGE_LEVEL_SKIPPED;
	default:
		*field = outer == PAGE_LEVEL_LIST ? page->open[page->depth - 1].field : page->at;
		if (*field < 0)
			return PAGE_LEVEL_SKIPPED;
		return open_field(page, *field, outer == PAGE_LEVEL_LIST, event);
	}
}

static void on_open(struct page *page, enum json_event event)
{
	int field;
	enum page_level level = level_of(page, event, &field);

	page->open[page->depth].level = level;
	page->open[page->depth].field = field;
	page->depth++;
}

static void on_close(struct page *page, enum json_event event)
{
	page->depth--;
	if (page->open[page->depth].level != PAGE_LEVEL_OBJECT)
		return;
	if (page->open[page->depth].field == PAGE_ITEM)
		page->format->on_item_end(page->userdata);
	else
		tell(page, page->open[page->depth].field, event, NULL, 0);
}

/* A string, number or word. */
static void on_plain(struct page *page, enum json_event event, const char *text, size_t length)
{
	if (page->depth == 0)
		return;
	switch (page->open[page->depth - 1].level) {
	case PAGE_LEVEL_ROOT:
		if (page->at == PAGE_AT_TOKEN && event != JSON_EVENT_STRING &&
			event != JSON_EVENT_NULL)
			page_refuse(page, "with another type of", page->format->token);
		else if (page->at == PAGE_AT_TOKEN && !page->token)
			page->token = page_text(event, text, length);
		else if (page->at == PAGE_AT_ITEMS)
			page->null = event == JSON_EVENT_NULL;
		break;
	case PAGE_LEVEL_ITEMS:
		(void)open_item(page, event);
		break;
	case PAGE_LEVEL_OBJECT:
		if (page->at >= 0)
			check(page, page->at, false, event, text, length);
		if (page->at >= 0 && !page->format->fields[page->at].list)
			tell(page, page->at, event, text, length);
		break;
	case PAGE_LEVEL_LIST:
		check(page, page->open[page->depth - 1].field, true, event, text, length);
		if (list_has_room(page, page->open[page->depth - 1].field))
			tell(page, page->open[page->depth - 1].field, event, text, length);
		break;
	case PAGE_LEVEL_SKIPPED:
		break;
	}
}

static void count_value(struct page *page)
{
	if (++page->values > page->format->values_max && page->format->values_max)
		page_refuse(page, "with too many values beside", page->format->items);
}

static void on_event(void *userdata, enum json_event event, const char *text, size_t length)
{
	struct page *page = userdata;

	if (event != JSON_EVENT_KEY && event != JSON_EVENT_OBJECT_END && event != JSON_EVENT_ARRAY_END)
		count_value(page);
	switch (event) {
	case JSON_EVENT_OBJECT:
	case JSON_EVENT_ARRAY:
		on_open(page, event);
		break;
	case JSON_EVENT_OBJECT_END:
	case JSON_EVENT_ARRAY_END:
		on_close(page, event);
		break;
	case JSON_EVENT_KEY:
		page->at = find_member(page, text, length);
		page->named |= page->at == PAGE_AT_ITEMS;
		break;
	default:
		on_plain(page, event, text, length);
	}
}

void page_bound(struct page *page, struct room *room)
{
	page_hand_over(page);
	page->room = room ?: &page->own;
}

void page_cut(struct page *page, size_t most)
{
	assert(most >= PAGE_TEXT_MAX);
	page->cut = most;
}

void page_init(struct page *page, const struct page_format *format, void *userdata)
{
	*page = (struct page){ .format = format, .own.most = PAGE_ROOM, .userdata = userdata };
	page->room = &page->own;
	json_stream_init(&page->stream, on_event, page);
}

void page_begin(struct page *page)
{
	json_stream_done(&page->stream);
	json_stream_init(&page->stream, on_event, page);
	if (page->cut)
		json_stream_cut(&page->stream, page->cut);
	page->depth = 0;
	page->at = PAGE_AT_NOTHING;
	page->rooted = page->named = page->null = page->listed = false;
	page->items = page->list = page->all_lists = page->values = 0;
	free(take(page->token));
	error_done(&page->problem);
	page_hand_over(page);
	page->format->on_begin(page->userdata);
}

int page_read(struct page *page, const char *data, size_t length)
{
	return json_stream_push(&page->stream, data, length);
}

int page_end(struct page *page)
{
	if (json_stream_end(&page->stream) < 0)
		return -EINVAL;
	return page->rooted ? 0 : -EINVAL;
}

int page_check(const struct page *page, struct error *err)
{
	if (page->problem.kind == ERROR_NONE)
		return 0;
	error_copy(err, &page->problem);
	return error_result(&page->problem);
}

int page_need_items(const struct page *page, struct error *err)
{
	int r;

	r = page_check(page, err);
	if (r < 0)
		return r;
	if (page->listed)
		return 0;
	return error_set(err, ERROR_RETRY, 0, "response without %s", page->format->items);
}

int page_may_have_items(const struct page *page, struct error *err)
{
	int r;

	r = page_check(page, err);
	if (r < 0 || !page->named || page->null || page->listed)
		return r;
	return error_set(err, ERROR_RETRY, 0, "response whose %s is not a list", page->format->items);
}

void page_done(struct page *page)
{
	page_hand_over(page);
	json_stream_done(&page->stream);
	free(take(page->token));
	error_done(&page->problem);
}

char *page_text(enum json_event event, const char *text, size_t length)
{
	return is_text(event) && length > 0 ? mem_strndup(text, length) : NULL;
}

bool page_is(enum json_event event, const char *text, size_t length, const char *value)
{
	return event == JSON_EVENT_STRING && is_name(value, text, length);
}

usec_t page_time(enum json_event event, const char *text, size_t length)
{
	usec_t time = 0;

	return read_time(event, text, length, &time) ? time : 0;
}
