/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_PAGE_H
#define LIB_AWS_PAGE_H

/*
 * A page of a listing, read as it arrives and without a tree: an object with a list of items (or one
 * item) and, unless it is the last or the only one, a token.  A table says which members of the items are wanted;
 * all others are passed over.  What is absent or null is not told; what is of another type than the
 * table says makes the page no answer, as in lib/aws/member.h.  Pure.  Not for use outside lib/aws.
 */

#include <stdbool.h>
#include <stddef.h>

#include "lib/aws/room.h"
#include "lib/base/error.h"
#include "lib/base/json_stream.h"
#include "lib/base/time.h"

/* What the values of a field must be. */
enum page_type {
	PAGE_STRING, /* of PAGE_TEXT_MAX bytes at most */
	PAGE_TEXT, /* of any length; see page_cut() */
	PAGE_BOOLEAN,
	PAGE_TIME, /* as page_time() reads it */
	PAGE_OBJECT,
};

/* A member of an item, or of another field's objects. */
struct page_field {
	const char *name;
	int inside; /* the index of that other field in the table, or PAGE_ITEM */
	bool list; /* its values are the elements of an array */
	enum page_type type;
	int id; /* what page_format calls it; PAGE_PATH: it only leads to others */
};

#define PAGE_ITEM (-1)
#define PAGE_PATH (-1)

struct page_format {
	const char *items; /* the answer's member that lists them */
	bool single; /* that member is one item, not a list of them */
	const char *token; /* its member that carries on; NULL: none does */
	unsigned pages_max; /* a listing that goes on after so many does not end */
	size_t values_max; /* in all of the answer, be they wanted or not; 0: any number */
	size_t list_max; /* in one list of an item; 0: PAGE_LIST_MAX */
	const struct page_field *fields;
	size_t fields_count;

	/* A page begins: what came of another, which may have broken off, is void. */
	void (*on_begin)(void *userdata);
	/* An item begins, ends; one that is no object does both. */
	void (*on_item)(void *userdata);
	void (*on_item_end)(void *userdata);
	/* A value of the field ${id}, as json_event_fn(): a plain one, or the beginning and end of an
	 * object that the field lists.  Of a PAGE_TEXT that was cut, stream.dropped says how much is missing. */
	void (*on_value)(void *userdata, int id, enum json_event event, const char *text,
		size_t length);
};

/* What an object or array that is open means. */
enum page_level {
	PAGE_LEVEL_ROOT,
	PAGE_LEVEL_ITEMS,
	PAGE_LEVEL_OBJECT, /* an item, or an object in one */
	PAGE_LEVEL_LIST, /* of a field */
	PAGE_LEVEL_SKIPPED,
};

/* Beyond these an answer is refused: what is kept of it, and the work for it, would be out of all proportion.  AWS has
 * 1000 items at most, for whom so many are asked, 100 names or 50 tags in each, and ARNs of 2048 bytes. */
#define PAGE_ITEMS_MAX	1000
#define PAGE_TEXT_MAX	2048
#define PAGE_LIST_MAX	1000 /* in one list of an item */
#define PAGE_LISTED_MAX 131072 /* in all of them */

struct page {
	const struct page_format *format;
	void *userdata;
	struct json_stream stream;
	struct {
		enum page_level level;
		int field; /* that it is the value of, or PAGE_ITEM */
	} open[JSON_STREAM_DEPTH];
	unsigned depth;
	int at; /* the field whose value is next; or PAGE_AT_* in page.c */
	size_t items, list, all_lists; /* values so far: of the page, of the list that is open, of all lists */
	size_t values; /* all of them */
	bool rooted; /* it is an object */
	bool named, null, listed; /* the items' member was there, was null, was a list */
	size_t cut; /* so many bytes of a string are kept; 0: see json_stream.h */
	char *token; /* NULL after the last page */
	struct room *room; /* what there is for the listing; its own, or that of who keeps it */
	struct room own;
	size_t taken; /* of it, for what was read of this page */
	struct error problem; /* the first thing that is not as it must be */
};

/* page_init(page, format, userdata): release with page_done(). */
void page_init(struct page *page, const struct page_format *format, void *userdata);

/* page_bound(page, room): what is told has to fit into ${room}, which is borrowed until it is bound to another, with what
 * else it holds; without, or with NULL, into 4 MiB for each page.  A page that does not is refused, with
 * AWS_CODE_NO_ROOM. */
void page_bound(struct page *page, struct room *room);

/* page_cut(page, most): of a PAGE_TEXT with more than ${most} bytes (PAGE_TEXT_MAX to JSON_STREAM_TOKEN) no more than
 * that is kept and told; without, one beyond JSON_STREAM_TOKEN makes the page no answer.  From the next page_begin(). */
void page_cut(struct page *page, size_t most);

/* page_begin(page): forget what has been read. */
void page_begin(struct page *page);

/* page_read(page, data, length): the next piece: 0, or -EINVAL when it is no JSON. */
int page_read(struct page *page, const char *data, size_t length);

/* page_end(page): that was all: 0, or -EINVAL when it was not a whole object. */
int page_end(struct page *page);

/* page_hand_over(page): what was told is kept by somebody who counts it, or not at all. */
void page_hand_over(struct page *page);

/* page_refuse(page, what, name): ${what} is missing or wrong: "answer WHAT NAME".  The first counts. */
void page_refuse(struct page *page, const char *what, const char *name);

/* page_check(page, err): after page_end(): ERROR_RETRY when something in it is not as it must be. */
int page_check(const struct page *page, struct error *err);

/* page_need_items(page, err): the same, and "response without NAME", unless it had its list. */
int page_need_items(const struct page *page, struct error *err);

/* page_may_have_items(page, err): the same, and "response whose NAME is not a list", unless it had its list, or null, or
 * nothing of the kind. */
int page_may_have_items(const struct page *page, struct error *err);

void page_done(struct page *page);

/* page_text(event, text, length): of on_value: a string that is not empty, or what is left of one, owned by the
 * caller; otherwise NULL. */
char *page_text(enum json_event event, const char *text, size_t length);

/* page_is(event, text, length, value): is it the string ${value}? */
bool page_is(enum json_event event, const char *text, size_t length, const char *value);

/* page_time(event, text, length): epoch seconds, with fraction or exponent, or ISO 8601 in UTC; 0 for what is no
 * plausible one. */
usec_t page_time(enum json_event event, const char *text, size_t length);

#endif
