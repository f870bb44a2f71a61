/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An event is at one of these:
 *	DUE	wants a look, now or at look_at		looking false
 *	COVERED	a look that began after it came goes on	looking true
 *	DONE	its messages wait to be deleted		out of entries[], receipts in done[]
 *	GONE	only its id is remembered		in ids[]
 */

#include "daemon/source/inbox.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/strv.h"

#define IDS_MAX	     500
#define MESSAGES_MAX 4 /* for one event: EventBridge and SQS deliver twice, hardly ever more often */

#define LOOK_APART USEC_PER_SEC
#define LOOK_GAP   (10 * USEC_PER_SEC)
#define LOOK_BURST 5 /* a first look, its three repetitions, and one for what came meanwhile */
#define SWEEP_GAP  (4 * USEC_PER_MINUTE) /* below the time for which a message is ours */

/* ACM and EventBridge may write the end of a certificate in different precision. */
#define SAME_END USEC_PER_HOUR

static const usec_t again[] = { 2 * USEC_PER_SEC, 5 * USEC_PER_SEC, 15 * USEC_PER_SEC };

struct message {
	char *id, *receipt;
};

struct entry {
	struct event event;
	struct message messages[MESSAGES_MAX];
	size_t message_count;
	bool looking;
	bool begun; /* a look has covered it before */
	bool due; /* the look is one of those that it asked for */
	unsigned looks; /* that did not show it */
	usec_t look_at;
};

struct inbox {
	struct entry entries[INBOX_MAX];
	size_t count;
	char *done[INBOX_MAX * (MESSAGES_MAX + 2)];
	size_t done_count;
	char ids[IDS_MAX][EVENT_ID_SIZE]; /* a ring */
	size_t next_id;
	usec_t look_debt; /* a bucket: LOOK_GAP more with each look that events caused */
	usec_t look_again; /* not before: LOOK_APART after the last of them */
	usec_t sweep_at; /* not before */
	bool failing;
};

struct inbox *inbox_new(void)
{
	return mem_new(struct inbox);
}

static void entry_done(struct entry *entry)
{
	event_done(&entry->event);
	for (size_t i = 0; i < entry->message_count; i++) {
		free(entry->messages[i].id);
		free(entry->messages[i].receipt);
	}
}

struct inbox *inbox_free(struct inbox *inbox)
{
	if (!inbox)
		return NULL;
	for (size_t i = 0; i < inbox->count; i++)
		entry_done(&inbox->entries[i]);
	for (size_t i = 0; i < inbox->done_count; i++)
		free(inbox->done[i]);
	free(inbox);
	return NULL;
}

bool inbox_is_full(const struct inbox *inbox)
{
	return inbox->count == INBOX_MAX || inbox->done_count > INBOX_MAX;
}

static void put_done(struct inbox *inbox, const char *receipt)
{
	/* There is room for all that the entries hold; were there none, the message would come again. */
	if (inbox->done_count < ARRAY_SIZE(inbox->done))
		inbox->done[inbox->done_count++] = mem_strdup(receipt);
}

static bool is_known(const struct inbox *inbox, const char *id)
{
	for (size_t i = 0; i < IDS_MAX; i++)
		if (strcmp(inbox->ids[i], id) == 0)
			return true;
	return false;
}

static void remember(struct inbox *inbox, const char *id)
{
	(void)strcpy(inbox->ids[inbox->next_id], id); /* both have EVENT_ID_SIZE */
	inbox->next_id = (inbox->next_id + 1) % IDS_MAX;
}

static struct entry *find_entry(struct inbox *inbox, const char *id)
{
	for (size_t i = 0; i < inbox->count; i++)
		if (strcmp(inbox->entries[i].event.id, id) == 0)
			return &inbox->entries[i];
	return NULL;
}

static void entry_add_message(struct entry *entry, const char *id, const char *receipt)
{
	size_t i = 0;

	while (i < entry->message_count && strcmp(entry->messages[i].id, id) != 0)
		i++;
	if (i == MESSAGES_MAX)
		return; /* it comes again when the event is done, and is deleted then */
	if (i == entry->message_count)
		entry->messages[entry->message_count++].id = mem_strdup(id);
	free(entry->messages[i].receipt);
	entry->messages[i].receipt = mem_strdup(receipt);
}

void inbox_add(struct inbox *inbox, const struct event *event, const char *message,
	const char *receipt, usec_t now)
{
	struct entry *entry = find_entry(inbox, event->id);

	if (entry) {
		entry_add_message(entry, message, receipt);
		return;
	}
	if (event->asks == EVENT_ASKS_NOTHING || is_known(inbox, event->id)) {
		put_done(inbox, receipt);
		return;
	}
	if (inbox->count == INBOX_MAX)
		return;
	entry = &inbox->entries[inbox->count++];
	*entry = (struct entry){ .event = *event, .look_at = now };
	entry->event.type = mem_strdup(event->type);
	entry->event.arns = strv_copy(event->arns);
	entry_add_message(entry, message, receipt);
}

/* The bucket holds LOOK_BURST looks. */
static usec_t look_allowed(const struct inbox *inbox)
{
	return MAX(inbox->look_again, usec_sub(inbox->look_debt, (LOOK_BURST - 1) * LOOK_GAP));
}

usec_t inbox_next(const struct inbox *inbox, bool sweep)
{
	usec_t next = USEC_INFINITY;

	if (inbox->failing)
		return USEC_INFINITY;
	for (size_t i = 0; i < inbox->count; i++) {
		const struct entry *entry = &inbox->entries[i];

		if (!entry->looking && (entry->event.asks == EVENT_ASKS_SWEEP) == sweep)
			next = MIN(next, entry->look_at);
	}
	return next == USEC_INFINITY ? next : MAX(next, sweep ? inbox->sweep_at : look_allowed(inbox));
}

unsigned inbox_look_begins(struct inbox *inbox, bool sweep, usec_t now)
{
	bool look_due = inbox_next(inbox, false) <= now, sweep_due = inbox_next(inbox, true) <= now;
	unsigned fresh = 0;

	if (look_due) {
		inbox->look_debt = usec_add(MAX(inbox->look_debt, now), LOOK_GAP);
		inbox->look_again = usec_add(now, LOOK_APART);
	}
	if (sweep && sweep_due)
		inbox->sweep_at = usec_add(now, SWEEP_GAP);
	for (size_t i = 0; i < inbox->count; i++) {
		struct entry *entry = &inbox->entries[i];

		/* A look does not show what only a sweep does. */
		entry->looking = sweep || entry->event.asks != EVENT_ASKS_SWEEP;
		entry->due = entry->look_at <= now;
		fresh += entry->looking && entry->due && !entry->begun;
		entry->begun |= entry->looking;
	}
	return fresh;
}

/* Does ${view} show what the event is about?  One that does not say what will be there is believed
 * after one look. */
static bool is_shown(const struct entry *entry, const struct source_view *view)
{
	if (entry->event.asks == EVENT_ASKS_SWEEP || !entry->event.not_after)
		return true;
	STRV_FOREACH(arn, entry->event.arns)
	{
		const struct source_certificate *seen = source_view_find(view, *arn);

		if (!seen || seen->problem || usec_add(seen->not_after, SAME_END) < entry->event.not_after)
			return false;
	}
	return true;
}

/* The look is over for ${entry}: is that the end of it? */
static bool entry_is_over(
	struct entry *entry, const struct source_view *view, bool crowded, usec_t now)
{
	if (is_shown(entry, view))
		return true;
	if (!entry->due)
		return false; /* a poll between two of its own looks */
	if (crowded || entry->looks == ARRAY_SIZE(again))
		return true;
	entry->look_at = usec_add(now, again[entry->looks++]);
	return false;
}

static void finish_entry(struct inbox *inbox, struct entry *entry)
{
	remember(inbox, entry->event.id);
	for (size_t i = 0; i < entry->message_count; i++)
		put_done(inbox, entry->messages[i].receipt);
	entry_done(entry);
	*entry = inbox->entries[--inbox->count];
}

void inbox_look_ended(struct inbox *inbox, const struct source_view *view, usec_t now)
{
	bool crowded = inbox->count > INBOX_MAX / 2;

	inbox->failing = !view;
	/* From the end, since the last one takes the place of one that is finished. */
	for (size_t i = inbox->count; i-- > 0;) {
		struct entry *entry = &inbox->entries[i];
		bool covered = entry->looking;

		entry->looking = false;
		if (view && covered && entry_is_over(entry, view, crowded, now))
			finish_entry(inbox, entry);
	}
}

size_t inbox_done(const struct inbox *inbox)
{
	return inbox->done_count;
}

char *inbox_take_done(struct inbox *inbox)
{
	return inbox->done_count ? inbox->done[--inbox->done_count] : NULL;
}
